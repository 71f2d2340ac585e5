use std::io::Write;

use super::*;

async fn closed_log(count: usize) -> Place {
    let place = Place::new();
    let log = place.open();
    let _reader = consumer(&log, "c").await;
    publish(&log, 0..count).await;
    drop(log);
    place
}

fn find(bytes: &[u8], number: usize) -> usize {
    let text = format!("{number:08}");
    bytes
        .windows(8)
        .position(|window| window == text.as_bytes())
        .unwrap()
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_the_log_goes_on() {
    let place = closed_log(10).await;
    let path = place.files(".log").pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in 1..40 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let killed = place.killed();
        let log = killed.open();
        publish(&log, 100..101).await;
        let mut reader = consumer(&log, "c").await;
        assert_eq!(take(&mut reader, 9, true).await, numbers(0..9));
        assert_eq!(take(&mut reader, 1, true).await, [100]);
    }
}

#[tokio::test]
async fn rubbish_after_the_last_record_is_cut_off() {
    let place = closed_log(10).await;
    let path = place.files(".log").pop().unwrap();
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(&[7; 5000])
        .unwrap();
    let log = place.open();
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
    let mut reader = consumer(&log, "c").await;
    assert_eq!(take(&mut reader, 10, true).await, numbers(0..10));
}

#[tokio::test]
async fn a_flipped_byte_costs_one_record() {
    let place = closed_log(10).await;
    let path = place.files(".log").pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = find(&bytes, 4);
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    for _ in 0..2 {
        let killed = place.killed();
        let log = killed.open();
        let mut reader = consumer(&log, "c").await;
        assert_eq!(
            take(&mut reader, 9, true).await,
            [0, 1, 2, 3, 5, 6, 7, 8, 9]
        );
        assert!(is_empty(&mut reader).await);
    }
}

#[tokio::test]
async fn a_record_that_is_lost_is_not_waited_for() {
    let place = Place::new();
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    publish(&log, 0..10).await;
    take(&mut reader, 10, false).await;
    drop((reader, log));
    let path = place.files(".log").pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = find(&bytes, 4);
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    assert_eq!(
        take(&mut reader, 9, true).await,
        [0, 1, 2, 3, 5, 6, 7, 8, 9]
    );
    assert_eq!(log.core.claims.all()[0].floor(), None);
}

#[tokio::test]
async fn a_file_without_a_header_is_set_aside() {
    let place = closed_log(10).await;
    let path = place.files(".log").pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[..32].fill(0);
    fs::write(&path, bytes).unwrap();
    let log = place.open();
    assert_eq!(place.files(".damaged").len(), 1);
    let mut reader = consumer(&log, "c").await;
    publish(&log, 10..11).await;
    assert_eq!(take(&mut reader, 1, true).await, [10]);
}

#[tokio::test]
async fn consumers_whose_positions_are_lost_get_all_there_is() {
    let place = closed_log(10).await;
    for name in ["positions", "positions.old"] {
        fs::write(place.dir.path().join("messages").join(name), "rubbish").unwrap();
    }
    let log = place.open();
    until(|| !log.core.dirty.load(Ordering::Relaxed)).await;
    let mut reader = consumer(&log, "c").await;
    publish(&log, 10..11).await;
    assert_eq!(take(&mut reader, 11, true).await, numbers(0..11));
}

#[tokio::test]
async fn any_damage_to_any_file_still_lets_the_log_open() {
    let place = closed_log(3).await;
    for path in place.files("") {
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(7) {
            let mut bytes = good.clone();
            bytes[at] ^= 0x55;
            fs::write(&path, bytes).unwrap();
            let killed = place.killed();
            let log = killed.open();
            let mut reader = consumer(&log, "c").await;
            publish(&log, 3..4).await;
            let got = take(&mut reader, 3, true).await;
            assert!(
                got.is_sorted() && got.iter().all(|number| *number < 4),
                "{path:?} {at} {got:?}"
            );
        }
        fs::write(&path, good).unwrap();
    }
}

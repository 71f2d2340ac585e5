use super::*;

#[tokio::test]
async fn what_was_acknowledged_to_the_publisher_survives_a_kill() {
    for power in [false, true] {
        let mut place = Place::new();
        place.settings.power = power;
        let log = place.open();
        let _consumer = consumer(&log, "c").await;
        publish(&log, 0..100).await;
        let killed = place.killed();
        let log = killed.open();
        let mut consumer = consumer(&log, "c").await;
        assert_eq!(take(&mut consumer, 100, true).await, numbers(0..100));
        assert!(is_empty(&mut consumer).await);
    }
}

#[tokio::test]
async fn a_consumer_goes_on_where_it_was_when_the_log_was_closed() {
    let place = Place::new();
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    publish(&log, 0..10).await;
    take(&mut reader, 4, true).await;
    take(&mut reader, 2, false).await;
    let seventh = next(&mut reader).await;
    reader.ack(seventh.seq);
    drop((reader, log));
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    assert_eq!(take(&mut reader, 5, true).await, [4, 5, 7, 8, 9]);
    assert!(is_empty(&mut reader).await);
}

#[tokio::test]
async fn positions_are_written_down_while_the_log_is_open() {
    let place = Place::new();
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    publish(&log, 0..10).await;
    take(&mut reader, 10, true).await;
    let path = place.dir.path().join("messages/positions");
    let positions = || fs::read_to_string(&path).unwrap_or_default();
    until(|| positions().contains(r#""cursor":11,"pending":[]"#)).await;
    publish(&log, 10..12).await;
    let killed = place.killed();
    let log = killed.open();
    let mut reader = consumer(&log, "c").await;
    assert_eq!(take(&mut reader, 2, true).await, [10, 11]);
}

#[tokio::test]
async fn records_for_a_consumer_that_is_not_back_yet_are_kept() {
    let place = Place::new();
    let channel = ChannelId::random();
    let log = place.open();
    drop(log.consumer("c", Filter::Channel(channel)).await.unwrap());
    drop(log);
    let log = place.open();
    log.publish(numbered(channel, 1)).await.unwrap();
    log.publish(numbered(ChannelId::random(), 2)).await.unwrap();
    log.send(numbered(channel, 3));
    let mut reader = log.consumer("c", Filter::Channel(channel)).await.unwrap();
    assert_eq!(take(&mut reader, 2, true).await, [1, 3]);
    assert!(is_empty(&mut reader).await);
}

#[tokio::test]
async fn numbers_go_on_after_everything_was_deleted() {
    let place = Place::with_max_bytes(256 << 10);
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    for _ in 0..5 {
        publish(&log, 0..100).await;
        take(&mut reader, 100, true).await;
    }
    let last = log.publish(numbered(ChannelId::random(), 0)).await.unwrap();
    drop((reader, log));
    let log = place.open();
    let next = log.publish(numbered(ChannelId::random(), 0)).await.unwrap();
    assert!(next > last, "{next:?} {last:?}");
}

#[tokio::test]
async fn a_consumer_far_behind_reads_the_files() {
    let place = Place::new();
    let log = place.open();
    let reader = consumer(&log, "c").await;
    let channel = ChannelId::random();
    let published = (0..20_000).map(|each| log.publish(numbered(channel, each)));
    for result in futures_util::future::join_all(published).await {
        result.unwrap();
    }
    drop((reader, log));
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    assert_eq!(take(&mut reader, 10_000, true).await, numbers(0..10_000));
    publish(&log, 20_000..20_010).await;
    assert_eq!(
        take(&mut reader, 10_010, true).await,
        numbers(10_000..20_010)
    );
    assert!(is_empty(&mut reader).await);
}

#[tokio::test]
async fn another_process_is_kept_out() {
    let place = Place::new();
    let _log = place.open();
    let error = Lock::take(place.dir.path()).unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_ref()),
        (ErrorKind::Conflict, "bus_in_use")
    );
}

#[tokio::test]
async fn a_closed_log_says_so() {
    let place = Place::new();
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    let ended = log.ended();
    drop(log);
    assert!(ended.is_cancelled());
    let error = reader.next().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn consumers_come_and_go_durably_before_any_positions_are_written() {
    let place = Place::new();
    let log = place.open();
    let came = (0..50).map(|each| {
        let name = format!("c{each}");
        let log = &log;
        async move { log.consumer(&name, Filter::All).await.map(drop) }
    });
    for result in futures_util::future::join_all(came).await {
        result.unwrap();
    }
    log.forget("c7").await.unwrap();
    publish(&log, 0..3).await;
    for name in ["positions", "positions.old", "positions.new"] {
        drop(fs::remove_file(
            place.dir.path().join("messages").join(name),
        ));
    }
    let killed = place.killed();
    let log = killed.open();
    assert_eq!(log.core.claims.all().len(), 49);
    let mut reader = consumer(&log, "c8").await;
    assert_eq!(take(&mut reader, 3, true).await, numbers(0..3));
    let mut reader = consumer(&log, "c7").await;
    publish(&log, 3..4).await;
    assert_eq!(take(&mut reader, 1, true).await, [3]);
}

#[tokio::test]
async fn registrations_that_are_in_both_positions_leave_the_journal() {
    let place = Place::new();
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    let journal = place.dir.path().join("messages/consumers.journal");
    let length = || fs::metadata(&journal).unwrap().len();
    assert!(length() > 32);
    publish(&log, 0..1).await;
    until(|| !place.files("positions").is_empty()).await;
    take(&mut reader, 1, true).await;
    until(|| length() == 32).await;
    drop(consumer(&log, "d").await);
    drop((reader, log));
    let log = place.open();
    assert_eq!(log.core.claims.all().len(), 2);
}

#[tokio::test]
async fn what_was_unread_is_listed_again_after_a_restart() {
    let place = Place::new();
    let channel = ChannelId::random();
    let log = place.open();
    drop(
        log.consumer("away", Filter::Channel(channel))
            .await
            .unwrap(),
    );
    let _all = consumer(&log, "all").await;
    for each in 0..300 {
        let to = if each % 100 == 0 {
            channel
        } else {
            ChannelId::random()
        };
        log.publish(numbered(to, each)).await.unwrap();
        if each == 150 {
            until(|| !log.core.dirty.load(Ordering::Relaxed)).await;
        }
    }
    let killed = place.killed();
    let log = killed.open();
    let away = log.core.claims.all()[1].position(0);
    assert_eq!(away.name, "away");
    let unread = serde_json::to_string(&away.unread).unwrap();
    assert_eq!(unread, "[[1,1],[101,101],[201,201]]");
    let mut away = log
        .consumer("away", Filter::Channel(channel))
        .await
        .unwrap();
    assert_eq!(take(&mut away, 3, true).await, [0, 100, 200]);
}

#[tokio::test]
async fn what_is_published_again_after_a_kill_is_kept_once() {
    let place = Place::new();
    let channel = ChannelId::random();
    let log = place.open();
    let _reader = consumer(&log, "c").await;
    let (answered, other) = (numbered(channel, 1), numbered(channel, 2));
    let seq = log.publish(answered.clone()).await.unwrap();
    let killed = place.killed();
    let log = killed.open();
    let mut reader = consumer(&log, "c").await;
    assert_eq!(log.publish(answered).await, Ok(seq));
    log.publish(other).await.unwrap();
    assert_eq!(take(&mut reader, 2, true).await, [1, 2]);
    assert!(is_empty(&mut reader).await);
}

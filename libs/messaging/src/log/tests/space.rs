use super::*;

async fn fill_up(log: &Log<Message>) -> (usize, Error) {
    let channel = ChannelId::random();
    for each in 0.. {
        if let Err(error) = log.publish(numbered(channel, each)).await {
            return (each, error);
        }
    }
    unreachable!("the log never filled up");
}

#[tokio::test]
async fn a_full_log_refuses_and_takes_again_what_there_is_room_for() {
    let place = Place::with_max_bytes(64 << 10);
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    let (count, error) = fill_up(&log).await;
    assert_eq!(
        (error.kind, error.code.as_ref()),
        (ErrorKind::Exhausted, "bus_full")
    );
    assert_eq!(log.ready().await.unwrap_err().kind, ErrorKind::Exhausted);
    log.send(numbered(ChannelId::random(), 0));
    assert_eq!(take(&mut reader, count, true).await, numbers(0..count));
    until(|| log.core.space.used() < 4096).await;
    publish(&log, 0..10).await;
    log.ready().await.unwrap();
    assert_eq!(take(&mut reader, 10, true).await, numbers(0..10));
}

#[tokio::test]
async fn a_full_log_is_full_after_a_restart_too() {
    let place = Place::with_max_bytes(64 << 10);
    let log = place.open();
    let reader = consumer(&log, "c").await;
    let (count, _) = fill_up(&log).await;
    drop((reader, log));
    let log = place.open();
    assert_eq!(fill_up(&log).await.0, 0);
    let mut reader = consumer(&log, "c").await;
    assert_eq!(take(&mut reader, count, true).await, numbers(0..count));
}

#[tokio::test]
async fn what_concerns_nobody_is_not_written() {
    let place = Place::new();
    let log = place.open();
    publish(&log, 0..10).await;
    let channel = ChannelId::random();
    let _reader = log.consumer("c", Filter::Channel(channel)).await.unwrap();
    publish(&log, 0..10).await;
    assert_eq!(log.core.segments.bytes(), 0);
    log.publish(numbered(channel, 0)).await.unwrap();
    assert!(log.core.segments.bytes() > 0);
}

#[tokio::test]
async fn files_that_everybody_is_done_with_go() {
    let place = Place::with_max_bytes(256 << 10);
    let log = place.open();
    let mut quick = consumer(&log, "quick").await;
    let mut slow = consumer(&log, "slow").await;
    publish(&log, 0..1000).await;
    take(&mut quick, 1000, true).await;
    assert!(place.files(".log").len() > 5);
    take(&mut slow, 1000, true).await;
    until(|| place.files(".log").len() == 1).await;
}

#[tokio::test]
async fn an_idle_consumer_does_not_hold_what_others_are_done_with() {
    let place = Place::with_max_bytes(64 << 10);
    let log = place.open();
    drop(
        log.consumer("idle", Filter::Channel(ChannelId::random()))
            .await
            .unwrap(),
    );
    let mut reader = consumer(&log, "c").await;
    for _ in 0..3 {
        publish(&log, 0..200).await;
        take(&mut reader, 200, true).await;
        until(|| log.core.space.used() < 16 << 10).await;
    }
}

#[tokio::test]
async fn what_a_forgotten_consumer_did_not_read_goes() {
    let place = Place::with_max_bytes(64 << 10);
    let log = place.open();
    let mut reader = consumer(&log, "c").await;
    fill_up(&log).await;
    log.forget("c").await.unwrap();
    until(|| log.core.space.used() < 8192).await;
    assert!(reader.next().await.is_err());
    drop((reader, log));
    let log = place.open();
    let before = log.core.segments.bytes();
    publish(&log, 0..1).await;
    assert_eq!(log.core.segments.bytes(), before);
}

#[tokio::test]
async fn a_consumer_that_is_away_keeps_only_what_concerns_it() {
    let place = Place::with_max_bytes(256 << 10);
    let log = place.open();
    let channel = ChannelId::random();
    drop(
        log.consumer("away", Filter::Channel(channel))
            .await
            .unwrap(),
    );
    let mut reader = consumer(&log, "c").await;
    let mut sent = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while sent < 5000 {
        assert!(tokio::time::Instant::now() < deadline, "{sent} sent");
        let channel = if sent % 50 == 0 {
            channel
        } else {
            ChannelId::random()
        };
        if log.publish(numbered(channel, sent)).await.is_ok() {
            sent += 1;
            take(&mut reader, 1, true).await;
        } else {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let mut away = log
        .consumer("away", Filter::Channel(channel))
        .await
        .unwrap();
    let expected: Vec<_> = (0..5000).step_by(50).collect();
    assert_eq!(take(&mut away, 100, false).await, expected);
    drop((reader, away, log));
    let log = place.open();
    let mut away = log
        .consumer("away", Filter::Channel(channel))
        .await
        .unwrap();
    assert_eq!(take(&mut away, 100, true).await, expected);
}

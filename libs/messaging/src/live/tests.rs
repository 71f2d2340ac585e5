use std::time::Duration;

use super::*;
use crate::Message;
use crate::message::testing::message;

fn queue(
    messages: usize,
    bytes: usize,
    overflow: Overflow,
) -> (LiveSender<Message>, LiveReceiver<Message>) {
    live_queue(LiveLimits {
        messages,
        bytes,
        overflow,
    })
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(5), future)
        .await
        .expect("in time")
}

#[tokio::test]
async fn records_come_out_in_order() {
    let (sender, mut receiver) = queue(10, usize::MAX, Overflow::Cut);
    let sent: Vec<_> = (0..3).map(|_| Arc::new(message("a"))).collect();
    sent.iter().for_each(|record| sender.offer(record));
    for record in &sent {
        assert_eq!(within(receiver.recv()).await.unwrap().id, record.id);
    }
    assert!(receiver.try_recv().is_none());
}

#[tokio::test]
async fn a_waiting_receiver_is_woken() {
    let (sender, mut receiver) = queue(10, usize::MAX, Overflow::Cut);
    let record = Arc::new(message("a"));
    let (got, ()) =
        within(async { tokio::join!(receiver.recv(), async { sender.offer(&record) }) }).await;
    assert_eq!(got.unwrap().id, record.id);
}

#[tokio::test]
async fn a_slow_receiver_is_cut_and_its_memory_freed() {
    let (sender, mut receiver) = queue(2, usize::MAX, Overflow::Cut);
    let record = Arc::new(message("a"));
    for _ in 0..4 {
        sender.offer(&record);
    }
    assert_eq!(Arc::strong_count(&record), 1);
    assert_eq!(sender.dropped(), 4);
    assert_eq!(within(receiver.recv()).await, Err(LiveEnd::TooSlow));
}

#[tokio::test]
async fn the_newest_is_dropped_where_that_is_asked_for() {
    let (sender, mut receiver) = queue(2, usize::MAX, Overflow::DropNewest);
    let sent: Vec<_> = (0..3).map(|_| Arc::new(message("a"))).collect();
    sent.iter().for_each(|record| sender.offer(record));
    assert_eq!(sender.dropped(), 1);
    assert_eq!(within(receiver.recv()).await.unwrap().id, sent[0].id);
    sender.offer(&sent[2]);
    assert_eq!(within(receiver.recv()).await.unwrap().id, sent[1].id);
    assert_eq!(within(receiver.recv()).await.unwrap().id, sent[2].id);
}

#[tokio::test]
async fn bytes_are_bounded_but_one_record_always_fits() {
    let record = Arc::new(message("a"));
    let (sender, mut receiver) = queue(100, 2 * record.size(), Overflow::DropNewest);
    for _ in 0..3 {
        sender.offer(&record);
    }
    assert_eq!(sender.dropped(), 1);
    while receiver.try_recv().is_some() {}

    let (sender, mut receiver) = queue(100, 1, Overflow::DropNewest);
    sender.offer(&record);
    assert!(within(receiver.recv()).await.is_ok());
}

#[tokio::test]
async fn a_queue_without_senders_is_drained_and_closed() {
    let (sender, mut receiver) = queue(10, usize::MAX, Overflow::Cut);
    let second = sender.clone();
    second.offer(&Arc::new(message("a")));
    drop((sender, second));
    assert!(within(receiver.recv()).await.is_ok());
    assert_eq!(within(receiver.recv()).await, Err(LiveEnd::Closed));
}

#[test]
fn a_queue_without_receiver_keeps_nothing() {
    let (sender, receiver) = queue(10, usize::MAX, Overflow::Cut);
    let record = Arc::new(message("a"));
    sender.offer(&record);
    drop(receiver);
    sender.offer(&record);
    assert_eq!(Arc::strong_count(&record), 1);
}

use model::Timestamp;
use storage::outbox::{self, Since};
use storage::{Db, Migration};

use crate::databases;

async fn outboxes() -> Vec<Db> {
    let databases = databases().await;
    for db in &databases {
        db.migrate(&[outbox::migration(1)]).await.unwrap();
    }
    databases
}

async fn add(db: &Db, at: i64) -> u64 {
    let tx = db.begin().await.unwrap();
    let number = outbox::add(&tx, Timestamp::from_micros(at), |number| {
        format!("e{number}")
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    number
}

fn events(numbers: std::ops::RangeInclusive<u64>) -> Vec<(u64, String)> {
    numbers
        .map(|number| (number, format!("e{number}")))
        .collect()
}

#[tokio::test]
async fn numbers_have_no_gaps_and_follow_the_commits() {
    for db in outboxes().await {
        assert_eq!(add(&db, 0).await, 1);
        let tx = db.begin().await.unwrap();
        outbox::add(&tx, Timestamp::from_micros(0), |_| String::new())
            .await
            .unwrap();
        drop(tx);
        let mut numbers: Vec<u64> =
            futures_util::future::join_all((0..8).map(|_| add(&db, 0))).await;
        numbers.sort_unstable();
        assert_eq!(numbers, (2..=9).collect::<Vec<_>>());
        assert_eq!(outbox::pending(&db, 100).await.unwrap(), events(1..=9));
    }
}

#[tokio::test]
async fn whoever_holds_the_lock_is_done_before_the_next_event() {
    for db in outboxes().await {
        let order = std::sync::Mutex::new(Vec::new());
        let tx = db.begin().await.unwrap();
        outbox::lock(&tx).await.unwrap();
        let adding = async {
            assert_eq!(add(&db, 0).await, 1);
            order.lock().unwrap().push("added");
        };
        let holding = async {
            for _ in 0..50 {
                tx.query("SELECT 1 AS one", &[]).await.unwrap();
            }
            order.lock().unwrap().push("done");
            tx.commit().await.unwrap();
        };
        futures_util::future::join(adding, holding).await;
        assert_eq!(*order.lock().unwrap(), ["done", "added"]);
    }
}

#[tokio::test]
async fn what_is_published_is_not_pending() {
    for db in outboxes().await {
        for _ in 0..5 {
            add(&db, 0).await;
        }
        assert_eq!(outbox::pending(&db, 2).await.unwrap(), events(1..=2));
        outbox::mark_published(&db, 3).await.unwrap();
        assert_eq!(outbox::pending(&db, 10).await.unwrap(), events(4..=5));
    }
}

#[tokio::test]
async fn who_lost_the_stream_can_ask_what_happened() {
    for db in outboxes().await {
        let since = async |after, limit| outbox::since(&db, after, limit).await.unwrap();
        let answer = |events, latest, complete| Since {
            events,
            latest,
            complete,
        };
        assert_eq!(since(0, 10).await, answer(vec![], 0, true));
        for _ in 0..5 {
            add(&db, 0).await;
        }
        outbox::mark_published(&db, 2).await.unwrap();
        assert_eq!(since(0, 10).await, answer(events(1..=5), 5, true));
        assert_eq!(since(2, 2).await, answer(events(3..=4), 5, true));
        assert_eq!(since(5, 10).await, answer(vec![], 5, true));
        // Whoever knows more than there is was told by a database that is no more.
        assert_eq!(since(6, 10).await, answer(vec![], 5, false));
        outbox::trim(&db, Timestamp::from_micros(1), 10)
            .await
            .unwrap();
        assert_eq!(since(0, 10).await, answer(events(3..=5), 5, false));
        assert_eq!(since(1, 10).await, answer(events(3..=5), 5, false));
        assert_eq!(since(2, 10).await, answer(events(3..=5), 5, true));
    }
}

#[tokio::test]
async fn trimming_takes_published_old_events_and_leaves_no_hole() {
    for db in outboxes().await {
        for at in [10, 10, 30, 10, 10] {
            add(&db, at).await;
        }
        let trim = async |before, limit| {
            outbox::trim(&db, Timestamp::from_micros(before), limit)
                .await
                .unwrap()
        };
        assert_eq!(trim(20, 10).await, 0, "nothing is published");
        outbox::mark_published(&db, 4).await.unwrap();
        assert_eq!(trim(20, 1).await, 1);
        assert_eq!(trim(20, 10).await, 1, "the third is too young");
        assert_eq!(trim(40, 10).await, 2, "the fifth is not published");
        outbox::mark_published(&db, 5).await.unwrap();
        assert_eq!(trim(40, 10).await, 1);
        assert_eq!(add(&db, 50).await, 6, "numbers are never used again");
    }
}

#[test]
fn a_service_numbers_the_migration() {
    let Migration { version, .. } = outbox::migration(7);
    assert_eq!(version, 7);
}

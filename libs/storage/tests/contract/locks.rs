use std::time::{Duration, Instant};

use crate::{databases, postgres};

#[tokio::test]
async fn a_lock_has_one_holder() {
    for db in databases().await {
        let other = db.clone();
        let guard = db.lock("outbox-users").await.unwrap().unwrap();
        assert!(other.lock("outbox-users").await.unwrap().is_none());
        assert!(other.lock("outbox-things").await.unwrap().is_some());
        assert!(guard.is_held().await);
        drop(guard);
        let deadline = Instant::now() + Duration::from_secs(10);
        while other.lock("outbox-users").await.unwrap().is_none() {
            assert!(Instant::now() < deadline, "not released in time");
        }
    }
}

#[tokio::test]
async fn locks_hold_among_processes() {
    let Some(settings) = postgres() else { return };
    let (one, two) = (
        storage::open(&settings).await.unwrap(),
        storage::open(&settings).await.unwrap(),
    );
    let guard = one.lock("relay").await.unwrap().unwrap();
    assert!(two.lock("relay").await.unwrap().is_none());
    // The pool keeps its size: the lock's connection is its own.
    for _ in 0..20 {
        one.ping().await.unwrap();
    }
    drop(guard);
}

#[tokio::test]
async fn a_holder_learns_that_the_lock_was_lost() {
    let Some(settings) = postgres() else { return };
    let db = storage::open(&settings).await.unwrap();
    let guard = db.lock("relay").await.unwrap().unwrap();
    let killed = db
        .query(
            "SELECT pg_terminate_backend(l.pid) AS ok FROM pg_locks l
             WHERE l.locktype = 'advisory' AND ((l.classid::bigint << 32) | l.objid::bigint)
                 = hashtextextended(current_schema() || ':relay', 0)",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(killed.len(), 1);
    let deadline = Instant::now() + Duration::from_secs(10);
    while guard.is_held().await {
        assert!(Instant::now() < deadline, "not noticed in time");
    }
}

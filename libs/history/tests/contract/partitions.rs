//! What only PostgreSQL has: partitions, that nobody sees.

use history::{History, Query};
use model::{ChannelId, Timestamp};
use storage::Db;

use crate::{NOW, T, databases, found, number, write};

const WEEK: f64 = 604_800.0;

async fn partitions(db: &Db) -> i64 {
    let Db::Postgres(_) = db else { return 0 };
    let sql =
        "SELECT COUNT(*) AS count FROM pg_inherits WHERE inhparent = CAST('messages' AS regclass)";
    db.query(sql, &[]).await.unwrap()[0].get("count").unwrap()
}

#[tokio::test]
async fn partitions_come_and_go_with_the_weeks() {
    for db in databases().await {
        let history = History::open(db.clone()).await.unwrap();
        let channel = ChannelId::random();
        let far = [-1e9, 1e9].map(|seconds| number(channel, "far", 1.0, seconds));
        let near = [-WEEK, 0.0, WEEK].map(|seconds| number(channel, "near", 1.0, seconds));
        write(&history, &[&far[..], &near[..]].concat()).await;
        let expected = if let Db::Postgres(_) = db { 4 } else { 0 };
        assert_eq!(
            partitions(&db).await,
            expected,
            "one per near week, and one for the rest"
        );
        assert_eq!(found(&history, &Query::all(channel)).await.len(), 5);

        // Opened again it knows them, and a week that was far takes over what it has already.
        let history = History::open(db.clone()).await.unwrap();
        let later = Timestamp::from_micros(NOW.micros() + 1_000_000_000_000_000);
        let entry = number(channel, "near", 1.0, 1e9 + 1.0);
        assert_eq!(history.write([entry], later).await.unwrap(), 1);
        assert_eq!(found(&history, &Query::all(channel)).await.len(), 6);

        let dropped = history.drop_before(T + 2.0 * WEEK).await.unwrap();
        let left = found(&history, &Query::all(channel)).await;
        if let Db::Postgres(_) = db {
            assert_eq!((dropped, partitions(&db).await, left.len()), (3, 2, 3));
            let bytes: usize = left.iter().map(history::Entry::size).sum();
            let usage = history.usage(None, 10).await.unwrap();
            assert_eq!(usage, [(channel, bytes as u64)]);
        } else {
            assert_eq!((dropped, left.len()), (0, 6));
        }
    }
}

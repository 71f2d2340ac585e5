//! What only PostgreSQL has: partitions, or the chunks of TimescaleDB, that nobody sees.

use history::{Entry, History, Query};
use model::{ChannelId, Timestamp};
use storage::Db;

use crate::{NOW, T, databases, found, number, write};

const WEEK: f64 = 604_800.0;

/// Which parts there are of entries in three weeks that are near, one that is far away and one that is further than any.
struct Parts {
    first: i64,
    /// How many of them end with the last week that is near, and how many entries are in the rest.
    dropped: usize,
    left: usize,
}

async fn expected(db: &Db) -> Parts {
    let (mut first, mut dropped, mut left) = (0, 0, 6);
    if let Db::Postgres(_) = db {
        let sql =
            "SELECT relkind = 'p' AS is_cut FROM pg_class WHERE oid = CAST('messages' AS regclass)";
        let is_cut = db.query(sql, &[]).await.unwrap()[0].get("is_cut").unwrap();
        (first, dropped, left) = if is_cut {
            // What is far away is together.
            (4, 3, 3)
        } else {
            (5, 4, 2)
        };
    }
    Parts {
        first,
        dropped,
        left,
    }
}

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
        let expected = expected(&db).await;
        let channel = ChannelId::random();
        let far = [-1e9, 1e9].map(|seconds| number(channel, "far", 1.0, seconds));
        let near = [-WEEK, 0.0, WEEK].map(|seconds| number(channel, "near", 1.0, seconds));
        write(&history, &[&far[..], &near[..]].concat()).await;
        assert_eq!(partitions(&db).await, expected.first);
        assert_eq!(found(&history, &Query::all(channel)).await.len(), 5);

        // Opened again it knows them, and a week that was far takes over what it has already.
        let history = History::open(db.clone()).await.unwrap();
        let later = Timestamp::from_micros(NOW.micros() + 1_000_000_000_000_000);
        let entry = number(channel, "near", 1.0, 1e9 + 1.0);
        assert_eq!(history.write([entry], later).await.unwrap(), 1);
        assert_eq!(found(&history, &Query::all(channel)).await.len(), 6);

        let before = partitions(&db).await;
        let dropped = history.drop_before(T + 2.0 * WEEK).await.unwrap();
        let left = found(&history, &Query::all(channel)).await;
        assert_eq!((dropped, left.len()), (expected.dropped, expected.left));
        let after = partitions(&db).await;
        assert_eq!(after, before - i64::try_from(dropped).unwrap());
        let bytes: usize = left.iter().map(Entry::size).sum();
        let usage = history.usage(None, 10).await.unwrap();
        assert_eq!(usage, [(channel, bytes as u64)]);
    }
}

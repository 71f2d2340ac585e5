//! What PostgreSQL reads for a page; `read` has it for SQLite.

use std::time::Duration;

use history::{Entry, History, Paging, Query};
use model::ChannelId;
use storage::Db;
use tokio::time::{Instant, sleep};

use crate::{databases, number, paging, write};

/// Returns how many entries of the key were read so far.
async fn keys_read(db: &Db) -> i64 {
    let sql = "SELECT CAST(SUM(idx_tup_read) AS BIGINT) AS count FROM pg_stat_user_indexes
        WHERE relid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = CAST('messages' AS regclass))";
    let rows = db.query(sql, &[]).await.unwrap();
    rows[0].get("count").unwrap()
}

#[tokio::test]
async fn a_cursor_reads_nothing_of_what_comes_before_it() {
    for db in databases().await {
        if matches!(db, Db::Sqlite(_)) {
            continue;
        }
        let history = History::open(db.clone()).await.unwrap();
        let channel = ChannelId::random();
        let entries: Vec<Entry> = (0..4000)
            .map(|n| number(channel, "a", 1.0, f64::from(n / 1000)))
            .collect();
        write(&history, &entries).await;
        db.execute("ANALYZE messages", &[]).await.unwrap();
        let query = Query::all(channel);
        let page = history.read(&query, paging(3_900)).await.unwrap();
        let deep = Paging {
            after: page.next,
            ..paging(10)
        };
        // The server tells what was read about once a second: first with what was read before.
        let (before, _) = read_until_told(&db, &history, &query, deep).await;
        let (after, pages) = read_until_told(&db, &history, &query, deep).await;
        let read = after - before;
        // Of the hundred that come after it, all may be read.
        assert!(
            read <= (pages + 1) * 100,
            "{read} entries of the key for {pages} pages"
        );
    }
}

/// Reads a page until the server tells of more that was read; returns how much that is in all, and how often it read.
async fn read_until_told(db: &Db, history: &History, query: &Query, paging: Paging) -> (i64, i64) {
    let (before, mut pages) = (keys_read(db).await, 0);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        assert!(Instant::now() < deadline, "the key is not used");
        let page = history.read(query, paging).await.unwrap();
        assert_eq!(page.entries.len(), 10);
        pages += 1;
        let now = keys_read(db).await;
        if now > before {
            return (now, pages);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

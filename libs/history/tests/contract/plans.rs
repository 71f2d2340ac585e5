//! What PostgreSQL reads for a page; `read` has it for SQLite.

use std::time::Duration;

use history::{Entry, History, Paging, Query};
use model::ChannelId;
use storage::Db;
use tokio::time::{Instant, sleep};

use crate::{T, databases, number, paging, write};

/// Returns how many pages of the key were looked into so far.
async fn looked_into(db: &Db) -> i64 {
    let sql = "SELECT CAST(SUM(idx_blks_read + idx_blks_hit) AS BIGINT) AS count FROM pg_statio_user_indexes
        WHERE relid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = CAST('messages' AS regclass))";
    let rows = db.query(sql, &[]).await.unwrap();
    rows[0].get("count").unwrap()
}

#[tokio::test]
async fn what_is_newer_than_a_page_is_not_read() {
    for db in databases().await {
        if matches!(db, Db::Sqlite(_)) {
            continue;
        }
        let history = History::open(db.clone()).await.unwrap();
        let channel = ChannelId::random();
        // Their keys take more than a hundred pages.
        let entries: Vec<Entry> = (0..20_000)
            .map(|n| number(channel, "a", 1.0, f64::from(n)))
            .collect();
        write(&history, &entries).await;
        db.execute("ANALYZE messages", &[]).await.unwrap();
        let all = Query::all(channel);
        let to = Some(T + 100.0);
        let old = Query { to, ..all.clone() };
        let after = history.read(&old, paging(1)).await.unwrap().next;
        let deep = Paging {
            after,
            ..paging(10)
        };
        for (query, paging) in [(&all, deep), (&old, paging(10)), (&old, deep)] {
            // The server tells about once a second: first of what was before.
            let (before, _) = read_until_told(&db, &history, query, paging).await;
            let (after, reads) = read_until_told(&db, &history, query, paging).await;
            let pages = after - before;
            assert!(
                pages <= (reads + 1) * 20,
                "{pages} pages of the key in {reads} reads"
            );
        }
    }
}

/// Reads until the server tells of more pages that were looked into; returns how many that are in all, and how often it read.
async fn read_until_told(db: &Db, history: &History, query: &Query, paging: Paging) -> (i64, i64) {
    let (before, mut reads) = (looked_into(db).await, 0);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        assert!(Instant::now() < deadline, "the key is not used");
        let page = history.read(query, paging).await.unwrap();
        assert_eq!(page.entries.len(), 10);
        reads += 1;
        let now = looked_into(db).await;
        if now > before {
            return (now, reads);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

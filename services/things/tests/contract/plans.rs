//! What PostgreSQL does with a long list.

use std::time::Duration;

use ::things::model::{Filter, NewThing};
use serde_json::json;
use storage::Db;
use tokio::time::{Instant, sleep};

use crate::{databases, details, open, part, somebody};

/// Things whose keys cannot be read, of the owner and of nine others; their ids are the last, and in the table in no order.
const FILL: &str = "INSERT INTO things
        (id, owner, key_hash, key_sealed, name, metadata, created_at, updated_at)
    SELECT CAST('ffffffff-ffff-4fff-8fff-' || substr(md5(CAST(n AS TEXT)), 1, 12) AS UUID),
        CASE WHEN n % 10 = 0 THEN $1 ELSE CAST(lpad(CAST(n % 10 AS TEXT), 32, '0') AS UUID) END,
        decode(md5(CAST(n AS TEXT)), 'hex'), '', 'filler', jsonb_build_object('serial', n), now(), now()
    FROM generate_series(1, 20000) AS n";

const COUNT: &str = "INSERT INTO owned (owner, kind, prefix, count)
    VALUES ($1, 'thing', 'ff000000-0000-0000-0000-000000000000', 2000)
    ON CONFLICT (owner, kind, prefix) DO UPDATE SET count = owned.count + excluded.count";

async fn scans(db: &Db, index: &str) -> i64 {
    let sql = "SELECT idx_scan FROM pg_stat_user_indexes
        WHERE schemaname = current_schema() AND indexrelname = $1";
    let rows = db.query(sql, &[&index]).await.unwrap();
    rows[0].get("idx_scan").unwrap()
}

#[tokio::test]
async fn long_lists_are_read_by_index() {
    for db in databases().await {
        if matches!(db, Db::Sqlite(_)) {
            continue;
        }
        let (service, owner) = (open(&db).await, somebody());
        let details = details("one", json!({"serial": -1}));
        let new = NewThing { key: None, details };
        let thing = service.create_thing(&owner, new).await.unwrap();
        db.execute(FILL, &[&owner.user]).await.unwrap();
        db.execute(COUNT, &[&owner.user]).await.unwrap();
        db.execute("ANALYZE things", &[]).await.unwrap();
        let chosen = Filter::of_metadata(Some(r#"{"serial":-1}"#), service.limits()).unwrap();
        let first = part(0, 1);
        for (index, filter, total) in [
            ("things_owner_id", Filter::default(), 2_001),
            ("things_metadata", chosen, 1),
        ] {
            let before = scans(&db, index).await;
            let deadline = Instant::now() + Duration::from_secs(30);
            // The server tells of what it did a little later.
            while scans(&db, index).await == before {
                assert!(Instant::now() < deadline, "{index} is not used");
                let page = service.list_things(&owner, &filter, first).await.unwrap();
                assert_eq!((page.total, page.items[0].id), (Some(total), thing.id));
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

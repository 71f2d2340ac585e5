//! What PostgreSQL does with a long list.

use std::time::Duration;

use ::things::Service;
use ::things::model::{Filter, NewThing};
use model::{Caller, PageQuery, ThingId};
use serde_json::json;
use storage::Db;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

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

/// Creates a thing that others come after, so many that it matters how they are read.
async fn fill(service: &Service, db: &Db, owner: &Caller) -> ThingId {
    let details = details("one", json!({"serial": -1}));
    let new = NewThing { key: None, details };
    let thing = service.create_thing(owner, new).await.unwrap();
    db.execute(FILL, &[&owner.user]).await.unwrap();
    db.execute(COUNT, &[&owner.user]).await.unwrap();
    db.execute("ANALYZE things", &[]).await.unwrap();
    thing.id
}

/// Returns how often an index was used, and how many of its entries were read.
async fn scans(db: &Db, index: &str) -> (i64, i64) {
    let sql = "SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes
        WHERE schemaname = current_schema() AND indexrelname = $1";
    let rows = db.query(sql, &[&index]).await.unwrap();
    let count = |column| rows[0].get(column).unwrap();
    (count("idx_scan"), count("idx_tup_read"))
}

/// Does something until the server tells that it has used an index, which is a little later; returns how many entries of it
/// were read each time.
async fn read_by(db: &Db, index: &str, mut work: impl AsyncFnMut()) -> i64 {
    let before = scans(db, index).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        assert!(Instant::now() < deadline, "{index} is not used");
        work().await;
        let after = scans(db, index).await;
        if after.0 > before.0 {
            return (after.1 - before.1) / (after.0 - before.0);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn long_lists_are_read_by_index() {
    for db in databases().await {
        if matches!(db, Db::Sqlite(_)) {
            continue;
        }
        let (service, owner) = (open(&db).await, somebody());
        let thing = fill(&service, &db, &owner).await;
        let chosen = Filter::of_metadata(Some(r#"{"serial":-1}"#), service.limits()).unwrap();
        let first = part(0, 1);
        for (index, filter, total) in [
            ("things_owner_id", Filter::default(), 2_001),
            ("things_metadata", chosen, 1),
        ] {
            read_by(&db, index, async || {
                let page = service.list_things(&owner, &filter, first).await.unwrap();
                assert_eq!((page.total, page.items[0].id), (Some(total), thing));
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_cursor_reads_nothing_of_what_comes_before_it() {
    for db in databases().await {
        if matches!(db, Db::Sqlite(_)) {
            continue;
        }
        let (service, owner) = (open(&db).await, somebody());
        fill(&service, &db, &owner).await;
        // The keys of what fills the table cannot be read: the last part has none.
        let after = Some(Uuid::max());
        let last = PageQuery {
            after,
            ..part(0, 1)
        };
        let filter = Filter::default();
        let read = read_by(&db, "things_owner_id", async || {
            let page = service.list_things(&owner, &filter, last).await.unwrap();
            assert_eq!((page.items.len(), page.next), (0, None));
        })
        .await;
        assert_eq!(read, 0);
    }
}

//! What SQLite does with a long list; tests/contract has it for PostgreSQL.

use storage::{Param, Settings};
use uuid::Uuid;

use super::{MIGRATIONS, channels, owned, things};

/// What a place deep in a list is found by, and what is read from there on.
const SOUGHT: [(&str, &str); 8] = [
    (
        owned::THINGS,
        "COVERING INDEX things_owner_id (owner=? AND id>?)",
    ),
    (things::LIST, "INDEX things_owner_id (owner=? AND id>?)"),
    (
        owned::CHANNELS,
        "COVERING INDEX channels_owner_id (owner=? AND id>?)",
    ),
    (channels::LIST, "INDEX channels_owner_id (owner=? AND id>?)"),
    (
        things::IDS_OF,
        "COVERING INDEX sqlite_autoindex_connections_1 (channel_id=? AND thing_id>?)",
    ),
    (
        things::LIST_OF,
        "COVERING INDEX sqlite_autoindex_connections_1 (channel_id=? AND thing_id>?)",
    ),
    (
        channels::IDS_OF,
        "COVERING INDEX connections_thing_id (thing_id=? AND channel_id>?)",
    ),
    (
        channels::LIST_OF,
        "COVERING INDEX connections_thing_id (thing_id=? AND channel_id>?)",
    ),
];

#[tokio::test]
async fn what_comes_before_is_not_read() {
    let db = storage::open(&Settings::sqlite_memory()).await.unwrap();
    db.migrate(MIGRATIONS).await.unwrap();
    for (sql, index) in SOUGHT {
        let explain = format!("EXPLAIN QUERY PLAN {sql}").leak();
        let count = (1..).take_while(|n| sql.contains(&format!("${n}"))).count();
        let nil = Uuid::nil();
        let params = vec![&nil as &dyn Param; count];
        let plan: Vec<String> = db
            .query(explain, &params)
            .await
            .unwrap()
            .iter()
            .map(|row| row.get("detail").unwrap())
            .collect();
        assert!(plan[0].ends_with(index), "{sql}: {plan:?}");
        assert!(
            !plan.iter().any(|step| step.contains("TEMP B-TREE")),
            "{sql}: {plan:?}"
        );
    }
}

//! How PostgreSQL plans statements.

use storage::{PostgresSettings, Settings};

use crate::postgres;

#[tokio::test]
async fn a_statement_is_planned_for_its_values() {
    let Some(Settings::Postgres(settings)) = postgres() else {
        return;
    };
    // All on one connection: prepared statements are its own.
    let db = storage::open(&Settings::postgres(PostgresSettings {
        pool_size: 1,
        ..settings
    }))
    .await
    .unwrap();
    let optional = "SELECT 7 AS n WHERE (CAST($1 AS BIGINT) IS NULL OR 7 = $1)";
    for filter in [None, Some(7_i64)].repeat(10) {
        assert_eq!(db.query(optional, &[&filter]).await.unwrap().len(), 1);
    }
    let sql = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1";
    let rows = db.query(sql, &[&optional]).await.unwrap();
    let plans = |column| rows[0].get::<i64>(column).unwrap();
    assert_eq!((plans("generic_plans"), plans("custom_plans")), (0, 20));
}

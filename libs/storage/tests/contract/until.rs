use storage::{Db, Error, Row};

use crate::with_table;

const ROWS: &str = "SELECT id FROM t ORDER BY id";

/// A table of a hundred numbers, on each database.
async fn hundreds() -> Vec<Db> {
    let databases = with_table("CREATE TABLE t (id BIGINT PRIMARY KEY)").await;
    for db in &databases {
        let sql = "INSERT INTO t (id) WITH RECURSIVE n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < 99)
            SELECT id FROM n";
        db.execute(sql, &[]).await.unwrap();
    }
    databases
}

fn ids(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row.get("id").unwrap()).collect()
}

#[tokio::test]
async fn a_query_ends_with_the_row_that_is_enough() {
    for db in hundreds().await {
        // More often than there are connections: each one is given back or closed.
        for last in 0..20 {
            let enough = move |row: &Row| Ok(row.get::<i64>("id")? >= last);
            let rows = db.query_until(ROWS, &[], enough).await.unwrap();
            assert_eq!(ids(&rows), (0..=last).collect::<Vec<_>>());
        }
        let all = db.query_until(ROWS, &[], |_| Ok(false)).await.unwrap();
        assert_eq!(ids(&all), (0..100).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_judged_fails_the_query() {
    for db in hundreds().await {
        let judge = |row: &Row| row.get::<bool>("name");
        let failed = db.query_until(ROWS, &[], judge).await;
        assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
        assert_eq!(db.query(ROWS, &[]).await.unwrap().len(), 100);
    }
}

use std::sync::LazyLock;

use storage::{Bulk, Error, Param};

use crate::{count, with_table};

static INSERT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO t (id, name) VALUES",
        2,
        "ON CONFLICT (id) DO NOTHING RETURNING id",
    )
});

#[tokio::test]
async fn any_number_of_rows_goes_in_once() {
    for db in with_table("CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT)").await {
        let rows: Vec<(i64, String)> = (0..300 + 37).map(|n| (n, format!("row {n}"))).collect();
        let values: Vec<&dyn Param> = rows
            .iter()
            .flat_map(|(id, name)| [id as &dyn Param, name])
            .collect();
        for new in [337, 0] {
            let tx = db.begin().await.unwrap();
            let returned = INSERT.query(&tx, &values).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(returned.len(), new);
            assert_eq!(count(&db).await, 337);
        }
        let tx = db.begin().await.unwrap();
        assert!(INSERT.query(&tx, &[]).await.unwrap().is_empty());
        let half = INSERT.query(&tx, &values[..3]).await;
        assert!(matches!(half, Err(Error::Internal(_))), "{half:?}");
    }
}

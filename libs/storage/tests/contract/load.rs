use std::sync::LazyLock;

use storage::{Error, Load, Param, Result, Rows};

use crate::{count, with_table};

static LOAD: LazyLock<Load> = LazyLock::new(|| Load::new("t", &["id", "name", "data", "number"]));

type Row = (i64, Option<&'static str>, Vec<u8>, f64);

struct Lent(Vec<Row>);

impl Rows for Lent {
    fn each(&self, take: &mut dyn FnMut(&[&dyn Param]) -> Result<()>) -> Result<()> {
        self.0
            .iter()
            .try_for_each(|(id, name, data, number)| take(&[id, name, data, number]))
    }
}

/// Rows that forget a value.
struct Short;

impl Rows for Short {
    fn each(&self, take: &mut dyn FnMut(&[&dyn Param]) -> Result<()>) -> Result<()> {
        take(&[&1_i64])
    }
}

const TABLE: &str =
    "CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT, data BYTEA, number DOUBLE PRECISION)";

#[tokio::test]
async fn rows_go_in_as_they_are() {
    for db in with_table(TABLE).await {
        let rows = || {
            let name = |n| (n % 2 == 0).then_some("ü\t\\N\n");
            Lent(
                (0..=255_u8)
                    .map(|n| (n.into(), name(n), vec![n, 0], -0.5))
                    .collect(),
            )
        };
        let tx = db.begin().await.unwrap();
        LOAD.run(&tx, rows()).await.unwrap();
        LOAD.run(&tx, Lent(Vec::new())).await.unwrap();
        tx.commit().await.unwrap();
        let sql = "SELECT id, name, data, number FROM t ORDER BY id";
        let found = db.query(sql, &[]).await.unwrap();
        assert_eq!(found.len(), 256);
        for (row, (id, name, data, number)) in found.iter().zip(rows().0) {
            assert_eq!(row.get::<i64>("id").unwrap(), id);
            assert_eq!(row.get::<Option<String>>("name").unwrap().as_deref(), name);
            assert_eq!(row.get::<Vec<u8>>("data").unwrap(), data);
            assert_eq!(
                row.get::<f64>("number").unwrap().to_bits(),
                number.to_bits()
            );
        }
    }
}

#[tokio::test]
async fn a_row_that_is_there_lets_none_in() {
    for db in with_table(TABLE).await {
        let row = |id| (id, None, Vec::new(), 0.0);
        let tx = db.begin().await.unwrap();
        LOAD.run(&tx, Lent(vec![row(1)])).await.unwrap();
        tx.commit().await.unwrap();
        for rows in [vec![row(2), row(1)], vec![row(3), row(3)]] {
            let tx = db.begin().await.unwrap();
            let refused = LOAD.run(&tx, Lent(rows)).await;
            assert!(matches!(refused, Err(Error::Unique(_))), "{refused:?}");
            drop(tx);
            assert_eq!(count(&db).await, 1);
        }
        let tx = db.begin().await.unwrap();
        let refused = LOAD.run(&tx, Short).await;
        assert!(matches!(refused, Err(Error::Internal(_))), "{refused:?}");
    }
}

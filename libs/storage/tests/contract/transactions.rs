use std::future::ready;
use std::time::Duration;

use storage::{Db, Error, Row, Settings, Statement};
use tokio::time::timeout;

use crate::{count, postgres, with_table};

const TABLE: &str = "CREATE TABLE t (id BIGINT PRIMARY KEY)";
const INSERT: &str = "INSERT INTO t (id) VALUES ($1)";
const SLOW_INSERT: &str = "INSERT INTO t (id)
    WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000) SELECT n FROM c";

#[tokio::test]
async fn a_commit_lasts() {
    for db in with_table(TABLE).await {
        let tx = db.begin().await.unwrap();
        assert_eq!(tx.execute(INSERT, &[&1_i64]).await.unwrap(), 1);
        let rows = tx.query("SELECT id FROM t", &[]).await.unwrap();
        assert_eq!(rows[0].get::<i64>("id").unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(count(&db).await, 1);
    }
}

#[tokio::test]
async fn dropping_a_transaction_rolls_it_back() {
    for db in with_table(TABLE).await {
        let tx = db.begin().await.unwrap();
        tx.execute(INSERT, &[&1_i64]).await.unwrap();
        drop(tx);
        assert_eq!(count(&db).await, 0);
        db.execute(INSERT, &[&1_i64]).await.unwrap();
        assert_eq!(count(&db).await, 1);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_in_a_statement_leaves_no_transaction_behind() {
    for db in with_table(TABLE).await {
        for _ in 0..10 {
            let tx = db.begin().await.unwrap();
            tokio::select! {
                biased;
                done = tx.execute(SLOW_INSERT, &[]) => panic!("not cancelled: {done:?}"),
                () = ready(()) => {}
            }
            drop(tx);
            // Whoever comes next is in no transaction of another: what it writes lasts.
            db.execute(
                "INSERT INTO t (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
                &[&0_i64],
            )
            .await
            .unwrap();
            assert_eq!(count(&db).await, 1);
        }
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_in_begin_or_commit_leaves_no_transaction_behind() {
    for db in with_table(TABLE).await {
        tokio::select! {
            biased;
            _ = db.begin() => {}
            () = ready(()) => {}
        }
        let tx = db.begin().await.unwrap();
        tx.execute(INSERT, &[&1_i64]).await.unwrap();
        tokio::select! {
            biased;
            _ = tx.commit() => {}
            () = ready(()) => {}
        }
        db.execute(INSERT, &[&2_i64]).await.unwrap();
        let tx = db.begin().await.unwrap();
        tx.execute(INSERT, &[&3_i64]).await.unwrap();
        tx.commit().await.unwrap();
        // The cancelled commit went either way; the others lasted.
        let rows = db
            .query("SELECT id FROM t WHERE id > 1", &[])
            .await
            .unwrap();
        assert_eq!(rows.len(), 2);
    }
}

#[tokio::test]
async fn a_transaction_with_an_error_cannot_be_committed() {
    for db in with_table(TABLE).await {
        let tx = db.begin().await.unwrap();
        tx.execute(INSERT, &[&1_i64]).await.unwrap();
        let again = tx.execute(INSERT, &[&1_i64]).await;
        assert!(matches!(again, Err(Error::Unique(_))), "{again:?}");
        assert!(matches!(
            tx.execute(INSERT, &[&2_i64]).await,
            Err(Error::Internal(_))
        ));
        assert!(matches!(tx.commit().await, Err(Error::Internal(_))));
        assert_eq!(count(&db).await, 0);
    }
}

#[tokio::test]
async fn an_unfinished_transaction_closes_its_connection() {
    let Some(Settings::Postgres(mut settings)) = postgres() else {
        return;
    };
    settings.pool_size = 1;
    let db = storage::open(&Settings::postgres(settings)).await.unwrap();
    let pid = async |db: &Db| -> i32 {
        let rows = db.query("SELECT pg_backend_pid() AS pid", &[]).await;
        rows.unwrap()[0].get("pid").unwrap()
    };
    let first = pid(&db).await;
    db.begin().await.unwrap().commit().await.unwrap();
    assert_eq!(pid(&db).await, first, "a finished one keeps it");
    drop(db.begin().await.unwrap());
    assert_ne!(pid(&db).await, first);
}

#[tokio::test]
async fn writers_of_two_processes_take_turns_on_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(dir.path().join("x.db"));
    let (one, two) = (
        storage::open(&settings).await.unwrap(),
        storage::open(&settings).await.unwrap(),
    );
    one.execute(TABLE, &[]).await.unwrap();
    let tx = one.begin().await.unwrap();
    tx.query("SELECT id FROM t", &[]).await.unwrap();
    let mut other = std::pin::pin!(two.execute(INSERT, &[&2_i64]));
    let waits = timeout(Duration::from_millis(50), &mut other).await;
    assert!(waits.is_err(), "the first transaction is a writer already");
    tx.execute(INSERT, &[&1_i64]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(other.await.unwrap(), 1);
    assert_eq!(count(&one).await, 2);
}

#[tokio::test]
async fn statements_sent_together_run_in_order_and_fail_together() {
    for db in with_table("CREATE TABLE t (id BIGINT PRIMARY KEY)").await {
        let insert = "INSERT INTO t (id) VALUES ($1) RETURNING id";
        let count = "SELECT COUNT(*) AS n FROM t";
        let (one, two) = (
            Statement::new(insert, &[&1_i64]),
            Statement::new(insert, &[&2_i64]),
        );
        let statements = [
            Statement::new(count, &[]),
            one,
            two,
            Statement::new(count, &[]),
        ];
        let tx = db.begin().await.unwrap();
        let answers = tx.query_all(&statements).await.unwrap();
        let numbers = |rows: &Vec<Row>, column| rows[0].get::<i64>(column).unwrap();
        assert_eq!(
            (numbers(&answers[0], "n"), numbers(&answers[3], "n")),
            (0, 2)
        );
        assert_eq!(
            (numbers(&answers[1], "id"), numbers(&answers[2], "id")),
            (1, 2)
        );
        assert!(tx.query_all(&[]).await.unwrap().is_empty());
        tx.commit().await.unwrap();

        let tx = db.begin().await.unwrap();
        let three = Statement::new(insert, &[&3_i64]);
        let again = [
            three,
            Statement::new(insert, &[&2_i64]),
            Statement::new(count, &[]),
        ];
        let failed = tx.query_all(&again).await;
        assert!(matches!(failed, Err(Error::Unique(_))), "{failed:?}");
        assert!(tx.commit().await.is_err());
        assert_eq!(crate::count(&db).await, 2);
    }
}

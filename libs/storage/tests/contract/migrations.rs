use std::time::Duration;

use storage::{Error, Migration, Settings, Sql};

use crate::{count, databases, postgres};

const FIRST: Migration = Migration {
    version: 1,
    name: "first",
    sql: Sql::Both("CREATE TABLE t (id BIGINT PRIMARY KEY); INSERT INTO t (id) VALUES (1)"),
};
const SECOND: Migration = Migration {
    version: 2,
    name: "second",
    sql: Sql::Both("INSERT INTO t (id) VALUES (2)"),
};
const THIRD: Migration = Migration {
    version: 3,
    name: "third",
    sql: Sql::Both("INSERT INTO t (id) VALUES (3)"),
};

fn text(result: storage::Result<()>) -> String {
    match result {
        Err(Error::Internal(cause)) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_is_applied_once() {
    for db in databases().await {
        db.migrate(&[FIRST]).await.unwrap();
        db.migrate(&[FIRST, SECOND]).await.unwrap();
        db.migrate(&[FIRST, SECOND]).await.unwrap();
        assert_eq!(count(&db).await, 2);
        // An older program during a rollout.
        db.migrate(&[FIRST]).await.unwrap();
    }
}

#[tokio::test]
async fn one_that_was_changed_is_refused() {
    for db in databases().await {
        db.migrate(&[FIRST, SECOND]).await.unwrap();
        let sql = Sql::Both("INSERT INTO t (id) VALUES (4)");
        let changed = Migration { sql, ..SECOND };
        let text = text(db.migrate(&[FIRST, changed, THIRD]).await);
        assert!(text.contains("migration 2 (second) was changed"), "{text}");
        assert_eq!(count(&db).await, 2);
    }
}

#[tokio::test]
async fn each_database_gets_its_own_text() {
    let sql = Sql::Each {
        postgres: "INSERT INTO t (id) VALUES (2); CREATE INDEX t_hash ON t USING hash (id)",
        sqlite: "INSERT INTO t (id) VALUES (2)",
    };
    for db in databases().await {
        let list = [FIRST, Migration { sql, ..SECOND }];
        db.migrate(&list).await.unwrap();
        db.migrate(&list).await.unwrap();
        assert_eq!(count(&db).await, 2);
        let text = text(
            db.migrate(&[
                FIRST,
                Migration {
                    sql: THIRD.sql,
                    ..SECOND
                },
            ])
            .await,
        );
        assert!(text.contains("migration 2 (second) was changed"), "{text}");
    }
}

#[tokio::test]
async fn one_that_comes_too_late_is_refused() {
    for db in databases().await {
        db.migrate(&[FIRST, THIRD]).await.unwrap();
        let text = text(db.migrate(&[FIRST, SECOND, THIRD]).await);
        assert!(text.contains("migration 2 (second) is missing"), "{text}");
        let order = db.migrate(&[THIRD, FIRST]).await;
        assert!(matches!(order, Err(Error::Internal(_))));
    }
}

#[tokio::test]
async fn one_that_fails_leaves_nothing() {
    for db in databases().await {
        db.migrate(&[FIRST]).await.unwrap();
        let broken = Migration {
            sql: Sql::Both("INSERT INTO t (id) VALUES (7); INSERT INTO t (id) VALUES (1)"),
            ..SECOND
        };
        assert!(matches!(
            db.migrate(&[FIRST, broken]).await,
            Err(Error::Unique(_))
        ));
        assert_eq!(count(&db).await, 1);
        db.migrate(&[FIRST, SECOND]).await.unwrap();
        assert_eq!(count(&db).await, 2);
    }
}

#[tokio::test]
async fn replicas_that_start_together_do_not_race() {
    let Some(settings) = postgres() else { return };
    let open = || async { storage::open(&settings).await.unwrap() };
    let (a, b, c) = tokio::join!(open(), open(), open());
    let list = [FIRST, SECOND, THIRD];
    let (x, y, z) = tokio::join!(a.migrate(&list), b.migrate(&list), c.migrate(&list));
    x.and(y).and(z).unwrap();
    assert_eq!(count(&a).await, 3);
}

#[tokio::test]
async fn one_may_take_longer_than_a_statement() {
    let Some(Settings::Postgres(mut settings)) = postgres() else {
        return;
    };
    settings.statement_timeout = Duration::from_millis(50);
    let db = storage::open(&Settings::postgres(settings)).await.unwrap();
    let sql = Sql::Both("SELECT pg_sleep(0.2)");
    db.migrate(&[FIRST, Migration { sql, ..SECOND }])
        .await
        .unwrap();
}

#[tokio::test]
async fn processes_that_share_a_file_do_not_race() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::sqlite(dir.path().join("x.db"));
    let open = || async { storage::open(&settings).await.unwrap() };
    let (a, b) = tokio::join!(open(), open());
    let list = [FIRST, SECOND, THIRD];
    let (x, y) = tokio::join!(a.migrate(&list), b.migrate(&list));
    x.and(y).unwrap();
    assert_eq!(count(&a).await, 3);
}

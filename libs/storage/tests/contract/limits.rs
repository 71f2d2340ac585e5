use std::time::{Duration, Instant};

use storage::{Error, PostgresSettings, Settings};

use crate::{postgres, postgres_url};

fn settings() -> Option<PostgresSettings> {
    match postgres()? {
        Settings::Postgres(settings) => Some(settings),
        Settings::Sqlite(_) => None,
    }
}

#[tokio::test]
async fn a_file_belongs_to_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let db = storage::open(&Settings::sqlite(dir.path().join("x.db")))
        .await
        .unwrap();
    db.execute("CREATE TABLE t (id BIGINT)", &[]).await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
        files += 1;
    }
    assert_eq!(files, 3, "the file and its two journals");
    let row = db.query_opt("PRAGMA journal_mode", &[]).await.unwrap();
    assert_eq!(row.unwrap().get::<String>("journal_mode").unwrap(), "wal");
}

#[tokio::test]
async fn a_folder_that_is_missing_is_named() {
    let error = storage::open(&Settings::sqlite("/nowhere/x.db"))
        .await
        .unwrap_err();
    let Error::Internal(cause) = error else {
        panic!("{error:?}")
    };
    assert!(cause.to_string().contains("/nowhere/x.db"), "{cause}");
}

#[tokio::test]
async fn no_free_connection_is_unavailable() {
    let Some(settings) = settings() else { return };
    let db = storage::open(&Settings::postgres(PostgresSettings {
        pool_size: 1,
        wait_timeout: Duration::from_millis(20),
        ..settings
    }))
    .await
    .unwrap();
    let tx = db.begin().await.unwrap();
    assert!(matches!(db.ping().await, Err(Error::Unavailable(_))));
    tx.commit().await.unwrap();
    db.ping().await.unwrap();
}

#[tokio::test]
async fn a_statement_has_a_time_limit() {
    let Some(settings) = settings() else { return };
    let db = storage::open(&Settings::postgres(PostgresSettings {
        statement_timeout: Duration::from_millis(50),
        ..settings
    }))
    .await
    .unwrap();
    let started = Instant::now();
    let result = db.execute("SELECT pg_sleep(60)", &[]).await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
    db.ping().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    // A listener that was closed again: nobody has this port.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let settings = PostgresSettings {
        host: "127.0.0.1".to_owned(),
        port,
        ..PostgresSettings::default()
    };
    let result = storage::open(&Settings::postgres(settings)).await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
}

#[tokio::test]
async fn a_connection_that_is_killed_is_replaced() {
    let Some(settings) = settings() else { return };
    let one = storage::open(&Settings::postgres(PostgresSettings {
        pool_size: 1,
        ..settings.clone()
    }))
    .await
    .unwrap();
    let two = storage::open(&Settings::postgres(settings)).await.unwrap();
    let rows = one.query("SELECT pg_backend_pid() AS pid", &[]).await;
    let pid: i32 = rows.unwrap()[0].get("pid").unwrap();
    two.query("SELECT pg_terminate_backend($1) AS ok", &[&pid])
        .await
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while let Err(error) = one.ping().await {
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        assert!(Instant::now() < deadline, "no new connection in time");
    }
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let (Some(settings), Some(url)) = (settings(), postgres_url()) else {
        return;
    };
    let database = settings.schema.clone().unwrap();
    let admin = storage::open(&Settings::from_url(&url).unwrap())
        .await
        .unwrap();
    // Statements are static by design; a test may leak one.
    let statement = |text: String| -> &'static str { text.leak() };
    let create = format!(
        "CREATE DATABASE {database} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    );
    admin.execute(statement(create), &[]).await.unwrap();
    let result = storage::open(&Settings::postgres(PostgresSettings {
        database: database.clone(),
        ..settings
    }))
    .await;
    let drop = format!("DROP DATABASE {database} WITH (FORCE)");
    admin.execute(statement(drop), &[]).await.unwrap();
    let Err(Error::Internal(cause)) = result else {
        panic!("{result:?}")
    };
    assert!(cause.to_string().contains("UTF8"), "{cause}");
}

use std::error::Error as _;

use storage::Error;

use crate::with_table;

const TABLE: &str =
    "CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL);
    CREATE TABLE r (name TEXT NOT NULL REFERENCES t (name))";

fn chain(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error} {error:?}");
        cause = error.source();
    }
    text
}

/// PostgreSQL would tell the values of the row in what it calls the detail.
#[tokio::test]
async fn w11_no_error_repeats_a_value() {
    for db in with_table(TABLE).await {
        let insert = "INSERT INTO t (id, name, kind) VALUES ($1, $2, $3)";
        let (name, kind) = ("hunter", Some("x"));
        db.execute(insert, &[&1_i64, &name, &kind]).await.unwrap();
        let unique = db.execute(insert, &[&2_i64, &name, &kind]).await;
        let null = db
            .execute(insert, &[&3_i64, &"hunter2", &None::<&str>])
            .await;
        let reference = db
            .execute("INSERT INTO r (name) VALUES ($1)", &[&"hunter3"])
            .await;
        let errors = [unique, null, reference].map(Result::unwrap_err);
        assert!(
            matches!(
                errors,
                [Error::Unique(_), Error::Internal(_), Error::ForeignKey(_)]
            ),
            "{errors:?}"
        );
        for error in errors {
            let text = chain(&error);
            assert!(!text.contains("hunter"), "{text}");
        }
    }
}

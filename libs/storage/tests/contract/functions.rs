use serde_json::json;
use storage::Db;

use crate::{databases, with_table};

#[tokio::test]
async fn json_contains_is_that_of_postgresql() {
    let cases = [
        (json!({}), json!({}), true),
        (json!({"a": 1}), json!({}), true),
        (json!({"a": 1, "b": 2}), json!({"a": 1}), true),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
        (json!({"a": 1}), json!({"a": 1.0}), true),
        (json!({"a": 1}), json!({"a": "1"}), false),
        (json!({"a": true}), json!({"a": 1}), false),
        (json!({"a": null}), json!({"a": null}), true),
        (json!({"a": 1}), json!({"a": null}), false),
        (json!({"a": {"b": [1, 2]}}), json!({"a": {"b": [2]}}), true),
        (
            json!({"a": {"b": [1, 2]}}),
            json!({"a": {"b": [2, 2, 1]}}),
            true,
        ),
        (json!({"a": {"b": [1, 2]}}), json!({"a": {"b": 2}}), false),
        (json!({"a": [1, [2, 3]]}), json!({"a": [[3]]}), true),
        (json!({"a": [1, [2, 3]]}), json!({"a": [3]}), false),
        (
            json!({"a": [{"b": 1, "c": 2}]}),
            json!({"a": [{"b": 1}]}),
            true,
        ),
        (json!({"a": [{"b": 1}]}), json!({"a": {"b": 1}}), false),
        (json!({"a": "Ü"}), json!({"a": "ü"}), false),
        (json!({"a": []}), json!({"a": []}), true),
        (json!({"a": {}}), json!({"a": []}), false),
        (json!([1, "x"]), json!("x"), true),
        (json!([[1]]), json!([1]), false),
    ];
    for db in databases().await {
        db.migrate(&[]).await.unwrap();
        for (a, b, expected) in &cases {
            let row = db
                .query_opt("SELECT json_contains($1, $2) AS yes", &[a, b])
                .await;
            let yes: bool = row.unwrap().unwrap().get("yes").unwrap();
            assert_eq!(yes, *expected, "{a} @> {b} on {db:?}");
        }
    }
}

#[tokio::test]
async fn json_contains_works_on_columns_and_absent_values() {
    for db in with_table("CREATE TABLE t (id BIGINT, metadata JSONB)").await {
        db.execute("INSERT INTO t (id, metadata) VALUES (1, NULL)", &[])
            .await
            .unwrap();
        db.execute(
            "INSERT INTO t (id, metadata) VALUES (2, $1)",
            &[&json!({"serial": "1", "tags": ["a"]})],
        )
        .await
        .unwrap();
        let rows = db
            .query(
                "SELECT id FROM t WHERE json_contains(metadata, $1)",
                &[&json!({"tags": ["a"]})],
            )
            .await
            .unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].get::<i64>("id").unwrap(), 2);
    }
}

#[tokio::test]
async fn fold_knows_more_than_ascii() {
    for db in with_table("CREATE TABLE t (name TEXT)").await {
        for name in ["Über", "STRASSE", "Straße", "ΟΔΟΣ"] {
            db.execute("INSERT INTO t (name) VALUES ($1)", &[&name])
                .await
                .unwrap();
        }
        for (name, expected) in [
            ("ÜBER", 1),
            ("straße", 1),
            ("οδος", 1),
            ("STRAßE", 1),
            ("x", 0),
        ] {
            let rows = db
                .query("SELECT name FROM t WHERE fold(name) = fold($1)", &[&name])
                .await
                .unwrap();
            assert_eq!(rows.len(), expected, "{name} on {db:?}");
        }
    }
}

#[tokio::test]
async fn w29_has_text_takes_every_character_for_itself() {
    let cases = [
        ("Weather % Station_1", "% s", true),
        ("Weather % Station_1", "ION_1", true),
        ("Weather % Station_1", "R_%", false),
        ("a\\b", "\\", true),
        ("GRÖẞE", "größe", true),
        ("Größe", "RÖSS", false),
        ("Größe", "ÖSSE", false),
        ("Größe", "GRÖ", true),
        ("abc", "", true),
        ("", "a", false),
        ("", "", true),
    ];
    for db in databases().await {
        db.migrate(&[]).await.unwrap();
        for (text, part, expected) in cases {
            let row = db
                .query_opt("SELECT has_text($1, $2) AS yes", &[&text, &part])
                .await
                .unwrap()
                .unwrap();
            let yes: bool = row.get("yes").unwrap();
            assert_eq!(yes, expected, "{part} in {text} on {db:?}");
        }
        let row = db
            .query_opt("SELECT has_text(NULL, 'a') AS yes", &[])
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.get::<Option<bool>>("yes").unwrap(), None);
    }
}

#[tokio::test]
async fn an_index_serves_the_functions() {
    let sql = "CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT, metadata JSONB);
        CREATE INDEX t_name ON t (fold(name))";
    for db in with_table(sql).await {
        let plan = match &db {
            Db::Sqlite(_) => "EXPLAIN QUERY PLAN SELECT id FROM t WHERE fold(name) = fold('x')",
            Db::Postgres(_) => "EXPLAIN SELECT id FROM t WHERE fold(name) = fold('x')",
        };
        let tx = db.begin().await.unwrap();
        let mut column = "detail";
        if let Db::Postgres(_) = db {
            column = "QUERY PLAN";
            tx.execute("SET LOCAL enable_seqscan = off", &[])
                .await
                .unwrap();
            tx.execute("CREATE INDEX t_metadata ON t USING gin (metadata)", &[])
                .await
                .unwrap();
            let sql = "EXPLAIN SELECT id FROM t WHERE json_contains(metadata, '{\"a\": 1}')";
            let plan = text(&tx.query(sql, &[]).await.unwrap(), column);
            assert!(plan.contains("t_metadata"), "{plan}");
        }
        let plan = text(&tx.query(plan, &[]).await.unwrap(), column);
        assert!(plan.contains("t_name"), "{plan}");
    }
}

fn text(rows: &[storage::Row], column: &str) -> String {
    rows.iter()
        .map(|row| row.get::<String>(column).unwrap())
        .collect()
}

#[tokio::test]
async fn floor_rounds_down() {
    for db in databases().await {
        for (number, expected) in [(2.5, 2.0), (-2.5, -3.0), (3.0, 3.0)] {
            let rows = db
                .query(
                    "SELECT floor(CAST($1 AS DOUBLE PRECISION)) AS n",
                    &[&number],
                )
                .await;
            assert_eq!(rows.unwrap()[0].get::<f64>("n").unwrap(), expected);
        }
    }
}

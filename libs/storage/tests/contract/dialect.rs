use model::{ThingId, Timestamp, UserId};
use serde_json::{Value, json};
use storage::{Db, Error};
use uuid::Uuid;

use crate::{count, with_table};

#[tokio::test]
async fn parameters_go_by_number_not_by_appearance() {
    for db in with_table("CREATE TABLE t (a TEXT, b BIGINT, c TEXT)").await {
        db.execute(
            "INSERT INTO t (c, b, a) VALUES ($3, $1, $2)",
            &[&7_i64, &"two", &"three"],
        )
        .await
        .unwrap();
        let row = db
            .query_opt(
                "SELECT a, b, c FROM t WHERE c = $2 AND a = $1 AND c = $2",
                &[&"two", &"three"],
            )
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.get::<String>("a").unwrap(), "two");
        assert_eq!(row.get::<i64>("b").unwrap(), 7);
        assert_eq!(row.get::<String>("c").unwrap(), "three");
        assert_eq!(row.at::<i64>(1).unwrap(), 7);
        for wrong in [row.at::<i64>(0), row.at::<i64>(3), row.get::<i64>("d")] {
            assert!(matches!(wrong, Err(Error::Internal(_))), "{wrong:?}");
        }
    }
}

#[tokio::test]
async fn too_few_or_too_many_values_are_refused() {
    for db in with_table("CREATE TABLE t (a BIGINT, b BIGINT)").await {
        let sql = "INSERT INTO t (a, b) VALUES ($1, $2)";
        for result in [
            db.execute(sql, &[&1_i64]).await,
            db.execute(sql, &[&1_i64, &2_i64, &3_i64]).await,
        ] {
            assert!(matches!(result, Err(Error::Internal(_))), "{result:?}");
        }
        assert_eq!(count(&db).await, 0);
    }
}

#[tokio::test]
async fn moments_compare_whatever_their_fraction() {
    for db in with_table("CREATE TABLE t (at TIMESTAMPTZ NOT NULL)").await {
        let moments = [
            -1,
            0,
            1_700_000_000_000_000,
            1_700_000_000_500_000,
            1_700_000_001_000_000,
        ]
        .map(Timestamp::from_micros);
        for at in moments.iter().rev() {
            db.execute("INSERT INTO t (at) VALUES ($1)", &[at])
                .await
                .unwrap();
        }
        let read: Vec<Timestamp> = db
            .query("SELECT at FROM t ORDER BY at", &[])
            .await
            .unwrap()
            .iter()
            .map(|row| row.get("at").unwrap())
            .collect();
        assert_eq!(read, moments);
        let later = db
            .query("SELECT at FROM t WHERE at > $1", &[&moments[2]])
            .await
            .unwrap();
        assert_eq!(later.len(), 2);
    }
}

#[tokio::test]
async fn an_optional_filter_states_its_type_once() {
    for db in with_table("CREATE TABLE t (id UUID, name TEXT, at TIMESTAMPTZ, n BIGINT)").await {
        let (id, at) = (ThingId::random(), Timestamp::now());
        for (id, name, n) in [(id, "one", 1_i64), (ThingId::random(), "two", 2)] {
            db.execute(
                "INSERT INTO t (id, name, at, n) VALUES ($1, $2, $3, $4)",
                &[&id, &name, &at, &n],
            )
            .await
            .unwrap();
        }
        let found = async |id: Option<ThingId>,
                           name: Option<&str>,
                           at: Option<Timestamp>,
                           n: Option<i64>| {
            db.query(
                "SELECT id FROM t WHERE (CAST($1 AS UUID) IS NULL OR id = $1) AND (CAST($2 AS TEXT) IS NULL OR name = $2)
                 AND (CAST($3 AS TIMESTAMPTZ) IS NULL OR at = $3) AND (CAST($4 AS BIGINT) IS NULL OR n = $4)",
                &[&id, &name, &at, &n],
            )
            .await
            .unwrap()
            .len()
        };
        assert_eq!(found(None, None, None, None).await, 2);
        assert_eq!(found(Some(id), None, None, None).await, 1);
        assert_eq!(found(None, Some("two"), None, Some(2)).await, 1);
        assert_eq!(found(Some(id), Some("two"), Some(at), None).await, 0);
    }
}

#[tokio::test]
async fn every_type_comes_back_as_it_went_in() {
    let sql = "CREATE TABLE t (id UUID PRIMARY KEY, owner UUID, on_off BOOLEAN, small INTEGER, big BIGINT, real DOUBLE PRECISION,
        bytes BYTEA, text TEXT, short VARCHAR(8), json JSONB, at TIMESTAMPTZ)";
    for db in with_table(sql).await {
        let insert =
            "INSERT INTO t (id, owner, on_off, small, big, real, bytes, text, short, json, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let (id, owner, at) = (Uuid::new_v4(), UserId::random(), Timestamp::now());
        let (bytes, json) = (
            vec![0_u8, 255, 0],
            json!({"ü": [1, 2.5, null, {"a": "1"}], "big": 1e15}),
        );
        db.execute(
            insert,
            &[
                &id,
                &owner,
                &true,
                &-5_i32,
                &i64::MAX,
                &0.1_f64,
                &bytes,
                &"123",
                &"ü💡",
                &json,
                &at,
            ],
        )
        .await
        .unwrap();
        let row = db
            .query_opt("SELECT * FROM t WHERE id = $1", &[&id])
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.get::<Uuid>("id").unwrap(), id);
        assert_eq!(row.get::<UserId>("owner").unwrap(), owner);
        assert!(row.get::<bool>("on_off").unwrap());
        assert_eq!(row.get::<i32>("small").unwrap(), -5);
        assert_eq!(row.get::<i64>("big").unwrap(), i64::MAX);
        assert!((row.get::<f64>("real").unwrap() - 0.1).abs() < f64::EPSILON);
        assert_eq!(row.get::<Vec<u8>>("bytes").unwrap(), bytes);
        assert_eq!(row.get::<String>("text").unwrap(), "123");
        assert_eq!(row.get::<String>("short").unwrap(), "ü💡");
        assert_eq!(row.get::<Value>("json").unwrap(), json);
        assert_eq!(row.get::<Timestamp>("at").unwrap(), at);
        absent_values(&db, insert).await;
    }
}

async fn absent_values(db: &Db, insert: &'static str) {
    let id = Uuid::new_v4();
    db.execute(
        insert,
        &[
            &id,
            &None::<UserId>,
            &None::<bool>,
            &None::<i32>,
            &None::<i64>,
            &None::<f64>,
            &None::<Vec<u8>>,
            &None::<String>,
            &None::<&str>,
            &None::<Value>,
            &None::<Timestamp>,
        ],
    )
    .await
    .unwrap();
    let row = db
        .query_opt("SELECT * FROM t WHERE id = $1", &[&id])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get::<Option<UserId>>("owner").unwrap(), None);
    assert_eq!(row.get::<Option<bool>>("on_off").unwrap(), None);
    assert_eq!(row.get::<Option<f64>>("real").unwrap(), None);
    assert_eq!(row.get::<Option<Vec<u8>>>("bytes").unwrap(), None);
    assert_eq!(row.get::<Option<Timestamp>>("at").unwrap(), None);
    assert!(matches!(row.get::<String>("text"), Err(Error::Internal(_))));
    assert!(matches!(
        row.get::<String>("nothing"),
        Err(Error::Internal(_))
    ));
}

#[tokio::test]
async fn ids_have_one_order() {
    for db in with_table("CREATE TABLE t (id UUID PRIMARY KEY)").await {
        let mut ids: Vec<ThingId> = (0..20).map(|_| ThingId::random()).collect();
        for id in &ids {
            db.execute("INSERT INTO t (id) VALUES ($1)", &[id])
                .await
                .unwrap();
        }
        ids.sort();
        let rows = db
            .query("SELECT id FROM t WHERE id > $1 ORDER BY id", &[&ids[3]])
            .await
            .unwrap();
        let read: Vec<ThingId> = rows.iter().map(|row| row.get("id").unwrap()).collect();
        assert_eq!(read, ids[4..]);
    }
}

#[tokio::test]
async fn only_postgresql_checks_lengths() {
    for db in with_table("CREATE TABLE t (name VARCHAR(3))").await {
        let long = db
            .execute("INSERT INTO t (name) VALUES ($1)", &[&"four"])
            .await;
        match db {
            Db::Postgres(_) => assert!(matches!(long, Err(Error::Internal(_))), "{long:?}"),
            Db::Sqlite(_) => assert_eq!(long.unwrap(), 1),
        }
    }
}

#[tokio::test]
async fn broken_constraints_are_told_apart() {
    let sql = "CREATE TABLE p (id BIGINT PRIMARY KEY, name TEXT UNIQUE);
        CREATE TABLE t (id BIGINT PRIMARY KEY, p BIGINT NOT NULL REFERENCES p (id) ON DELETE RESTRICT, n BIGINT CHECK (n > 0))";
    for db in with_table(sql).await {
        db.execute("INSERT INTO p (id, name) VALUES (1, 'one')", &[])
            .await
            .unwrap();
        db.execute("INSERT INTO t (id, p) VALUES (1, 1)", &[])
            .await
            .unwrap();
        for sql in [
            "INSERT INTO p (id, name) VALUES (1, 'other')",
            "INSERT INTO p (id, name) VALUES (2, 'one')",
        ] {
            assert!(matches!(db.execute(sql, &[]).await, Err(Error::Unique(_))));
        }
        for sql in ["INSERT INTO t (id, p) VALUES (2, 9)", "DELETE FROM p"] {
            let result = db.execute(sql, &[]).await;
            assert!(matches!(result, Err(Error::ForeignKey(_))), "{result:?}");
        }
        for sql in [
            "INSERT INTO t (id, p) VALUES (3, NULL)",
            "INSERT INTO t (id, p, n) VALUES (3, 1, 0)",
            "SELECT nonsense",
        ] {
            assert!(matches!(
                db.execute(sql, &[]).await,
                Err(Error::Internal(_))
            ));
        }
    }
}

#[tokio::test]
async fn what_statements_may_use_works_on_both() {
    let sql = "CREATE TABLE p (id BIGINT PRIMARY KEY, name TEXT);
        CREATE TABLE t (id BIGINT PRIMARY KEY, p BIGINT NOT NULL REFERENCES p (id) ON DELETE CASCADE);
        ALTER TABLE p ADD COLUMN extra TEXT NOT NULL DEFAULT 'x'";
    for db in with_table(sql).await {
        db.execute("INSERT INTO p (id, name) VALUES (1, 'one')", &[])
            .await
            .unwrap();
        let sql = "INSERT INTO t (id, p) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        assert_eq!(db.execute(sql, &[&1_i64, &1_i64]).await.unwrap(), 1);
        assert_eq!(db.execute(sql, &[&1_i64, &1_i64]).await.unwrap(), 0);
        let row = db
            .query_opt(
                "UPDATE p SET name = COALESCE(CAST($1 AS TEXT), name) WHERE id = 1 RETURNING name, extra",
                &[&None::<String>],
            )
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.get::<String>("name").unwrap(), "one");
        assert_eq!(row.get::<String>("extra").unwrap(), "x");
        assert_eq!(db.execute("DELETE FROM p", &[]).await.unwrap(), 1);
        assert_eq!(count(&db).await, 0);
    }
}

#[tokio::test]
async fn more_than_one_row_is_an_error_where_one_is_asked_for() {
    for db in with_table("CREATE TABLE t (id BIGINT)").await {
        db.execute("INSERT INTO t (id) VALUES (1), (2)", &[])
            .await
            .unwrap();
        assert!(matches!(
            db.query_opt("SELECT id FROM t", &[]).await,
            Err(Error::Internal(_))
        ));
        let none = db.query_opt("SELECT id FROM t WHERE id = 3", &[]).await;
        assert!(none.unwrap().is_none());
    }
}

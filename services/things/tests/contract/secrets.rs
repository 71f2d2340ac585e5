use std::sync::Arc;

use model::Secret;
use things::Config;

use crate::{Nobody, config, databases, new_thing, noon, open, somebody};

#[tokio::test]
async fn another_secret_is_noticed_at_the_start() {
    for db in databases().await {
        let owner = somebody();
        let thing = open(&db)
            .await
            .create_thing(&owner, new_thing("t", None))
            .await;
        let thing = thing.unwrap();
        let again = open(&db).await;
        assert_eq!(again.get_thing(&owner, thing.id).await.unwrap(), thing);
        let other = Config {
            secret: Secret::from("another"),
            ..config()
        };
        let error = things::service(&other, db, Arc::new(Nobody), noon)
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("MF_THINGS_SECRET"), "{error}");
    }
}

#[tokio::test]
async fn the_database_never_sees_a_key() {
    for db in databases().await {
        let new = new_thing("t", Some("hunter2hunter2"));
        open(&db)
            .await
            .create_thing(&somebody(), new)
            .await
            .unwrap();
        let rows = db
            .query("SELECT key_hash, key_sealed FROM things", &[])
            .await
            .unwrap();
        for column in ["key_hash", "key_sealed"] {
            let bytes: Vec<u8> = rows[0].get(column).unwrap();
            assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
        }
        let rows = db.query("SELECT event FROM outbox", &[]).await.unwrap();
        let event: String = rows[0].get("event").unwrap();
        assert!(!event.contains("hunter2"), "{event}");
    }
}

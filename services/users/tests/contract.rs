//! What the rules rely on in a repository, on every database at hand.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

#[path = "../../../libs/storage/tests/contract/databases.rs"]
mod databases;

use std::sync::Arc;

use databases::databases;
use model::{Secret, Timestamp, UserId};
use proto::Change;
use serde_json::json;
use storage::{Db, outbox};
use tokio::sync::Notify;
use users::events::Event;
use users::model::{Account, Email, Limits, Metadata, User};
use users::repository::Repository;
use users::{Error, Store};

const AT: Timestamp = Timestamp::from_micros(1_700_000_000_123_456);

struct Case {
    db: Db,
    store: Store,
    wake: Arc<Notify>,
}

/// Returns a repository on each of the databases.
async fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for db in databases().await {
        let wake = Arc::new(Notify::new());
        let store = Store::open(db.clone(), wake.clone()).await.unwrap();
        cases.push(Case { db, store, wake });
    }
    cases
}

impl Case {
    async fn events(&self) -> Vec<proto::Event> {
        let events = outbox::pending(&self.db, 100).await.unwrap();
        events
            .iter()
            .map(|(_, json)| serde_json::from_str(json).unwrap())
            .collect()
    }

    async fn changes(&self) -> Vec<Change> {
        let events = self.events().await;
        events.into_iter().map(|event| event.change).collect()
    }

    async fn create(&self, email: &str) -> Account {
        let account = account(email);
        self.store
            .create(&account, &created(account.user.id))
            .await
            .unwrap();
        account
    }
}

fn account(email: &str) -> Account {
    let limits = Limits {
        password_min: 1,
        metadata_bytes: 1000,
        metadata_depth: 10,
    };
    let metadata = json!({"z": [1, {"y": "ü"}], "a": null})
        .as_object()
        .cloned();
    Account {
        user: User {
            id: UserId::random(),
            email: email.parse().unwrap(),
            metadata: Metadata::new(metadata.unwrap(), &limits).unwrap(),
            created_at: AT,
        },
        password: Secret::from("$argon2id$hash"),
        generation: 0,
    }
}

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn event(change: Change) -> Event {
    Event { at: AT, change }
}

fn created(id: UserId) -> Event {
    event(Change::UserCreated { id })
}

#[tokio::test]
async fn what_was_created_is_found_by_id_and_address() {
    for case in cases().await {
        let account = case.create("john@example.com").await;
        let found = case.store.get(account.user.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&account));
        let found = case.store.get_by_email(&account.user.email).await.unwrap();
        assert_eq!(found, Some(account));
        assert_eq!(case.store.get(UserId::random()).await, Ok(None));
        let nobody = email("nobody@example.com");
        assert_eq!(case.store.get_by_email(&nobody).await, Ok(None));
    }
}

#[tokio::test]
async fn an_address_is_taken_once_and_its_case_counts() {
    for case in cases().await {
        case.create("john@example.com").await;
        let again = account("john@example.com");
        let result = case.store.create(&again, &created(again.user.id)).await;
        assert_eq!(result, Err(Error::EmailTaken));
        assert_eq!(case.changes().await.len(), 1, "nothing happened");
        let other = case.create("John@example.com").await;
        let found = case.store.get_by_email(&other.user.email).await.unwrap();
        assert_eq!(found.unwrap().user.id, other.user.id);
    }
}

#[tokio::test]
async fn metadata_is_replaced() {
    for case in cases().await {
        let id = case.create("john@example.com").await.user.id;
        let metadata = Metadata::default();
        assert_eq!(case.store.update_metadata(id, &metadata).await, Ok(true));
        let found = case.store.get(id).await.unwrap().unwrap();
        assert!(found.user.metadata.is_empty());
        let nobody = UserId::random();
        assert_eq!(
            case.store.update_metadata(nobody, &metadata).await,
            Ok(false)
        );
    }
}

#[tokio::test]
async fn a_password_is_changed_once_per_generation() {
    for case in cases().await {
        let id = case.create("john@example.com").await.user.id;
        let change = async |id, generation, hash| {
            let event = event(Change::PasswordChanged { id });
            let hash = Secret::from(hash);
            case.store
                .update_password(id, generation, &hash, &event)
                .await
                .unwrap()
        };
        assert!(change(id, 0, "second").await);
        assert!(!change(id, 0, "third").await, "somebody was faster");
        assert!(!change(UserId::random(), 0, "other").await);
        let found = case.store.get(id).await.unwrap().unwrap();
        assert_eq!(found.password.expose(), "second");
        assert_eq!(found.generation, 1);
        let expected = [Change::UserCreated { id }, Change::PasswordChanged { id }];
        assert_eq!(case.changes().await, expected);
    }
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_the_address_is_free() {
    for case in cases().await {
        let id = case.create("john@example.com").await.user.id;
        let remove = event(Change::UserRemoved { id });
        assert_eq!(case.store.delete(id, &remove).await, Ok(true));
        assert_eq!(case.store.delete(id, &remove).await, Ok(false));
        assert_eq!(case.store.get(id).await, Ok(None));
        let again = case.create("john@example.com").await.user.id;
        let expected = [
            Change::UserCreated { id },
            Change::UserRemoved { id },
            Change::UserCreated { id: again },
        ];
        assert_eq!(case.changes().await, expected);
    }
}

#[tokio::test]
async fn w44_a_change_and_its_event_are_written_together_and_announced() {
    for case in cases().await {
        let id = case.create("john@example.com").await.user.id;
        case.wake.notified().await;
        let event = proto::Event {
            source: "users".to_owned(),
            number: 1,
            at: AT,
            change: Change::UserCreated { id },
        };
        assert_eq!(case.events().await, [event]);
    }
}

#[tokio::test]
async fn a_database_that_was_opened_before_is_opened_again() {
    for case in cases().await {
        let account = case.create("john@example.com").await;
        let again = Store::open(case.db.clone(), case.wake.clone())
            .await
            .unwrap();
        let found = again.get(account.user.id).await.unwrap();
        assert_eq!(found, Some(account));
    }
}

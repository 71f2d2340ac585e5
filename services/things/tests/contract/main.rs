//! What things keep and answer, on every database at hand.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod access;
mod anything;
mod certificates;
mod channels;
mod connections;
#[path = "../../../../libs/storage/tests/contract/databases.rs"]
mod databases;
mod default_channel;
mod events;
mod owners;
mod pages;
mod plans;
mod secrets;
mod things;
mod user_events;

use std::sync::Arc;

use ::things::model::{Details, Key, Metadata, Name, NewThing};
use ::things::{Config, Service};
use async_trait::async_trait;
use databases::databases;
use model::{Caller, Error, ErrorKind, PageQuery, Secret, Timestamp, UserId};
use proto::users::Users;
use proto::{Change, things::Things};
use serde_json::Value;
use storage::Db;

/// The first ten.
const TEN: PageQuery = part(0, 10);

/// So many from an offset on.
const fn part(offset: u64, limit: u64) -> PageQuery {
    let after = None;
    PageQuery {
        offset,
        limit,
        after,
    }
}

/// The moment at which every test happens.
fn noon() -> Timestamp {
    Timestamp::from_micros(1_750_000_000_000_000)
}

/// Nobody has a token here: callers are made up.
struct Nobody;

#[async_trait]
impl Users for Nobody {
    async fn authenticate(&self, _: &Secret) -> model::Result<Caller> {
        Err(Error::new(ErrorKind::Unauthenticated, "nobody", "nobody"))
    }
}

fn config() -> Config {
    Config {
        secret: Secret::from("a secret of the test"),
        bulk_max: 20,
        ..Config::default()
    }
}

async fn open(db: &Db) -> Arc<Service> {
    let opened = ::things::service(&config(), db.clone(), Arc::new(Nobody), noon).await;
    opened.unwrap()
}

/// Returns the service over each of the databases.
async fn services() -> Vec<Arc<Service>> {
    let mut services = Vec::new();
    for db in databases().await {
        services.push(open(&db).await);
    }
    services
}

fn somebody() -> Caller {
    Caller {
        user: UserId::random(),
        email: "somebody@example.com".to_owned(),
    }
}

fn details(name: &str, metadata: Value) -> Details {
    Details {
        name: Name::parse(name.to_owned()).unwrap(),
        metadata: Metadata::parse(Some(metadata), &config().limits()).unwrap(),
    }
}

fn new_thing(name: &str, key: Option<&str>) -> NewThing {
    NewThing {
        key: key.map(|key| Key::parse(key).unwrap()),
        details: details(name, Value::Null),
    }
}

/// Returns what happened after a number, and checks that nothing is missing.
async fn changes(service: &Service, since: u64) -> Vec<Change> {
    let changes = service.changes(since).await.unwrap();
    assert!(changes.complete);
    assert_eq!(changes.latest, since + changes.events.len() as u64);
    let event = changes.events.into_iter();
    event.map(|event| event.change).collect()
}

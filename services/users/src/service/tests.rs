use std::time::Duration;

use async_trait::async_trait;
use model::{ErrorKind, Timestamp};

use super::*;
use crate::attempts::AttemptLimits;

/// A database that is out.
struct Outage;

fn outage<T>() -> Result<T> {
    Err(Error::Other(model::Error::new(
        ErrorKind::Unavailable,
        "database_unavailable",
        "",
    )))
}

#[async_trait]
impl Repository for Outage {
    async fn create(&self, _: &Account, _: &Event) -> Result<()> {
        outage()
    }

    async fn get(&self, _: UserId) -> Result<Option<Account>> {
        outage()
    }

    async fn get_by_email(&self, _: &Email) -> Result<Option<Account>> {
        outage()
    }

    async fn update_metadata(&self, _: UserId, _: &Metadata) -> Result<bool> {
        outage()
    }

    async fn update_password(&self, _: UserId, _: i64, _: &Secret, _: &Event) -> Result<bool> {
        outage()
    }

    async fn delete(&self, _: UserId, _: &Event) -> Result<bool> {
        outage()
    }
}

fn service() -> Service {
    Service {
        users: Arc::new(Outage),
        passwords: Passwords::new(),
        tokens: Tokens::new(&Secret::from("secret"), Duration::from_secs(60)),
        attempts: Attempts::new(AttemptLimits {
            per_account: 1,
            per_address: 1,
            window: Duration::from_secs(60),
        }),
        limits: Limits {
            password_min: 1,
            metadata_bytes: 100,
            metadata_depth: 1,
        },
        clock: || Timestamp::from_micros(1_700_000_000_000_000),
        wake: Arc::default(),
    }
}

fn account() -> Account {
    Account {
        user: User {
            id: UserId::random(),
            email: "john@example.com".parse().unwrap(),
            metadata: Metadata::default(),
            created_at: Timestamp::default(),
        },
        password: Secret::default(),
        generation: 0,
    }
}

#[tokio::test]
async fn an_outage_is_no_wrong_password() {
    let service = service();
    let address = IpAddr::from([192, 0, 2, 1]);
    for _ in 0..3 {
        let password = Password::presented(Secret::from("123")).unwrap();
        let email = account().user.email;
        let error = service.issue_token(&email, password, address).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn w25_an_outage_is_not_a_bad_token() {
    let service = service();
    let token = service.tokens.issue(&account(), (service.clock)());
    let error = service.authenticate(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

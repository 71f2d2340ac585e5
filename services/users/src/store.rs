//! Every SQL statement of this service.

use std::sync::Arc;

use async_trait::async_trait;
use model::{BoxError, Secret, UserId};
use storage::{Column, Db, Migration, Param, Row, Sql, outbox};
use tokio::sync::Notify;

use crate::events::Event;
use crate::model::{Account, Email, Metadata, User};
use crate::repository::Repository;
use crate::{Error, Result};

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "users",
        sql: Sql::Both(include_str!("../../../migrations/users/0001_users.sql")),
    },
    outbox::migration(2),
];

/// Users in a database.
pub struct Store {
    db: Db,
    wake: Arc<Notify>,
}

impl Store {
    /// Brings the database up to date; `wake` is notified of every new event.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn open(db: Db, wake: Arc<Notify>) -> Result<Self, BoxError> {
        db.migrate(MIGRATIONS).await?;
        Ok(Self { db, wake })
    }

    /// Runs a statement and writes the event with it, if it changed anything.
    async fn change(
        &self,
        sql: &'static str,
        params: &[&dyn Param],
        event: &Event,
    ) -> storage::Result<bool> {
        let tx = self.db.begin().await?;
        let changed = tx.execute(sql, params).await? > 0;
        if changed {
            outbox::add(&tx, event.at, |number| event.json(number)).await?;
        }
        tx.commit().await?;
        if changed {
            self.wake.notify_one();
        }
        Ok(changed)
    }
}

#[async_trait]
impl Repository for Store {
    async fn create(&self, account: &Account, event: &Event) -> Result<()> {
        let user = &account.user;
        let created = self
            .change(
                "INSERT INTO users (id, email, password, generation, metadata, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    &user.id,
                    &user.email.as_str(),
                    &account.password.expose(),
                    &account.generation,
                    user.metadata.value(),
                    &user.created_at,
                ],
                event,
            )
            .await;
        match created {
            Ok(_) => Ok(()),
            Err(storage::Error::Unique(_)) => Err(Error::EmailTaken),
            Err(error) => Err(failed(error)),
        }
    }

    async fn get(&self, id: UserId) -> Result<Option<Account>> {
        let sql =
            "SELECT id, email, password, generation, metadata, created_at FROM users WHERE id = $1";
        let row = self.db.query_opt(sql, &[&id]).await.map_err(failed)?;
        row.as_ref().map(account).transpose()
    }

    async fn get_by_email(&self, email: &Email) -> Result<Option<Account>> {
        let sql = "SELECT id, email, password, generation, metadata, created_at FROM users WHERE email = $1";
        let row = self
            .db
            .query_opt(sql, &[&email.as_str()])
            .await
            .map_err(failed)?;
        row.as_ref().map(account).transpose()
    }

    async fn update_metadata(&self, id: UserId, metadata: &Metadata) -> Result<bool> {
        let sql = "UPDATE users SET metadata = $2 WHERE id = $1";
        let changed = self.db.execute(sql, &[&id, metadata.value()]).await;
        Ok(changed.map_err(failed)? > 0)
    }

    async fn update_password(
        &self,
        id: UserId,
        generation: i64,
        password: &Secret,
        event: &Event,
    ) -> Result<bool> {
        self.change(
            "UPDATE users SET password = $3, generation = generation + 1 WHERE id = $1 AND generation = $2",
            &[&id, &generation, &password.expose()],
            event,
        )
        .await
        .map_err(failed)
    }

    async fn delete(&self, id: UserId, event: &Event) -> Result<bool> {
        self.change("DELETE FROM users WHERE id = $1", &[&id], event)
            .await
            .map_err(failed)
    }
}

fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        user: User {
            id: get(row, "id")?,
            email: Email::stored(get(row, "email")?),
            metadata: Metadata::stored(get(row, "metadata")?),
            created_at: get(row, "created_at")?,
        },
        password: Secret::new(get::<String>(row, "password")?),
        generation: get(row, "generation")?,
    })
}

fn get<T: Column>(row: &Row, column: &str) -> Result<T> {
    row.get(column).map_err(failed)
}

fn failed(error: storage::Error) -> Error {
    Error::Other(error.into())
}

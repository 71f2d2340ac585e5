//! The rules of users.

use std::net::IpAddr;
use std::sync::Arc;

use model::{Caller, Clock, Secret, UserId};
use proto::Change;
use tokio::sync::Notify;
use tracing::instrument;

use crate::attempts::Attempts;
use crate::events::Event;
use crate::model::{Account, Email, Limits, Metadata, NewUser, Password, User};
use crate::passwords::Passwords;
use crate::repository::Repository;
use crate::tokens::Tokens;
use crate::{Error, Result};

/// Accounts, passwords and tokens.
pub struct Service {
    pub(crate) users: Arc<dyn Repository>,
    pub(crate) passwords: Passwords,
    pub(crate) tokens: Tokens,
    pub(crate) attempts: Attempts,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) wake: Arc<Notify>,
}

impl Service {
    /// Creates a user.
    ///
    /// # Errors
    /// `EmailTaken` when somebody has the address.
    #[instrument(skip_all)]
    pub async fn create(&self, new: NewUser) -> Result<UserId> {
        let id = UserId::random();
        let now = (self.clock)();
        let account = Account {
            password: self.passwords.hash(new.password).await?,
            generation: 0,
            user: User {
                id,
                email: new.email,
                metadata: new.metadata,
                created_at: now,
            },
        };
        let event = self.event(Change::UserCreated { id });
        self.users.create(&account, &event).await?;
        tracing::info!(user.id = %id, "user created");
        Ok(id)
    }

    /// Issues a token to whoever knows the password.
    ///
    /// # Errors
    /// `WrongCredentials`, after the same work whether or not the user exists; `TooManyAttempts` once too many
    /// logins have failed for the account or from the address.
    #[instrument(skip_all, fields(client.address = %from))]
    pub async fn issue_token(
        &self,
        email: &Email,
        password: Password,
        from: IpAddr,
    ) -> Result<Secret> {
        let account = self
            .guarded(email, from, async {
                let account = self.users.get_by_email(email).await?;
                let hash = account.as_ref().map(|account| account.password.clone());
                let right = self.passwords.verify(password, hash).await?;
                account.filter(|_| right).ok_or(Error::WrongCredentials)
            })
            .await?;
        Ok(self.tokens.issue(&account, (self.clock)()))
    }

    /// Tells who a token belongs to.
    ///
    /// # Errors
    /// `TokenInvalid`, `TokenExpired`, or `TokenRevoked` when the password was changed or the user is gone.
    #[instrument(skip_all)]
    pub async fn authenticate(&self, token: &Secret) -> Result<Caller> {
        let claims = self.tokens.read(token, (self.clock)())?;
        let account = self.users.get(claims.user).await?;
        let account = account.filter(|account| account.generation == claims.generation);
        let User { id, email, .. } = account.ok_or(Error::TokenRevoked)?.user;
        Ok(Caller {
            user: id,
            email: email.to_string(),
        })
    }

    /// Returns the caller as a user.
    ///
    /// # Errors
    /// `TokenRevoked` when the caller was deleted a moment ago.
    #[instrument(skip_all, fields(user.id = %caller.user))]
    pub async fn get(&self, caller: &Caller) -> Result<User> {
        self.account(caller).await.map(|account| account.user)
    }

    /// Replaces the caller's metadata.
    ///
    /// # Errors
    /// `TokenRevoked` when the caller was deleted a moment ago.
    #[instrument(skip_all, fields(user.id = %caller.user))]
    pub async fn update_metadata(&self, caller: &Caller, metadata: &Metadata) -> Result<()> {
        if self.users.update_metadata(caller.user, metadata).await? {
            Ok(())
        } else {
            Err(Error::TokenRevoked)
        }
    }

    /// Changes the caller's password; every token issued before is void.
    ///
    /// # Errors
    /// `WrongPassword` when the old one is wrong, `TooManyAttempts` when it was too often, `TokenRevoked` when
    /// somebody else changed the password at the same time.
    #[instrument(skip_all, fields(user.id = %caller.user, client.address = %from))]
    pub async fn change_password(
        &self,
        caller: &Caller,
        old: Password,
        new: Password,
        from: IpAddr,
    ) -> Result<()> {
        let id = caller.user;
        let account = self.account(caller).await?;
        let hash = Some(account.password);
        self.guarded(&account.user.email, from, async {
            let right = self.passwords.verify(old, hash).await?;
            right.then_some(()).ok_or(Error::WrongPassword)
        })
        .await?;
        let hash = self.passwords.hash(new).await?;
        let event = self.event(Change::PasswordChanged { id });
        let changed = self
            .users
            .update_password(id, account.generation, &hash, &event)
            .await?;
        if !changed {
            return Err(Error::TokenRevoked);
        }
        tracing::info!("password changed");
        Ok(())
    }

    /// Deletes the caller; the event tells the other roles to delete what was theirs.
    ///
    /// # Errors
    /// When the database fails.
    #[instrument(skip_all, fields(user.id = %caller.user))]
    pub async fn delete(&self, caller: &Caller) -> Result<()> {
        let id = caller.user;
        let event = self.event(Change::UserRemoved { id });
        if self.users.delete(id, &event).await? {
            tracing::info!("user deleted");
        }
        Ok(())
    }

    /// Returns how much one request may hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns what is notified when there is a new event in the outbox.
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    async fn account(&self, caller: &Caller) -> Result<Account> {
        let account = self.users.get(caller.user).await?;
        account.ok_or(Error::TokenRevoked)
    }

    fn event(&self, change: Change) -> Event {
        Event {
            at: (self.clock)(),
            change,
        }
    }

    /// Compares a password within the limits; only a wrong one stays counted, not an outage.
    async fn guarded<T>(
        &self,
        email: &Email,
        from: IpAddr,
        compare: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let attempt = self
            .attempts
            .begin(email, from, (self.clock)())
            .inspect_err(|_| tracing::warn!("too many failed logins"))?;
        let outcome = compare.await;
        match outcome {
            Ok(_) => attempt.succeed(&self.attempts, (self.clock)()),
            Err(Error::WrongCredentials | Error::WrongPassword) => {
                tracing::info!("a password was wrong");
            }
            Err(_) => attempt.forgive(&self.attempts),
        }
        outcome
    }
}

#[cfg(test)]
mod tests;

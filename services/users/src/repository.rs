//! What the rules need from storage.

use async_trait::async_trait;
use model::{Secret, UserId};

use crate::Result;
use crate::events::Event;
use crate::model::{Account, Email, Metadata};

/// Keeps users; whatever has an event writes it in the same transaction, and only when something did change.
#[async_trait]
pub trait Repository: Send + Sync {
    /// Adds a user.
    ///
    /// # Errors
    /// `EmailTaken` when somebody has the address, in the same case.
    async fn create(&self, account: &Account, event: &Event) -> Result<()>;

    /// Finds a user by id.
    async fn get(&self, id: UserId) -> Result<Option<Account>>;

    /// Finds a user by address; case counts.
    async fn get_by_email(&self, email: &Email) -> Result<Option<Account>>;

    /// Replaces a user's metadata; false when there is no such user.
    async fn update_metadata(&self, id: UserId, metadata: &Metadata) -> Result<bool>;

    /// Replaces a password and starts the next generation; false when the user is gone or at another generation.
    async fn update_password(
        &self,
        id: UserId,
        generation: i64,
        password: &Secret,
        event: &Event,
    ) -> Result<bool>;

    /// Deletes a user; false when there is no such user.
    async fn delete(&self, id: UserId, event: &Event) -> Result<bool>;
}

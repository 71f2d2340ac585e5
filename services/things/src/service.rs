//! The rules of things and channels: who may do what with which of them.

mod certificates;
mod channels;
mod connections;
mod contract;
mod owners;
mod things;

pub use certificates::NewCertificate;

use std::sync::Arc;

use model::{Caller, Clock, Secret, Timestamp};
use proto::users::Users;
use tokio::sync::Notify;

use crate::Result;
use crate::model::Limits;
use crate::repository::Repository;

/// Things, channels and connections; what one user owns does not exist for another.
pub struct Service {
    repository: Arc<dyn Repository>,
    users: Arc<dyn Users>,
    clock: Clock,
    limits: Limits,
    wake: Arc<Notify>,
}

impl Service {
    /// Puts the rules on top of storage, which notifies `wake` of new events; `users` tells who a token belongs to.
    pub fn new(
        repository: Arc<dyn Repository>,
        users: Arc<dyn Users>,
        clock: Clock,
        limits: Limits,
        wake: Arc<Notify>,
    ) -> Self {
        Self {
            repository,
            users,
            clock,
            limits,
            wake,
        }
    }

    /// Returns how much one request may hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns what is notified when there is a new event in the outbox.
    pub fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    /// Tells who a token belongs to.
    ///
    /// # Errors
    /// `Unauthenticated` when it is not good, and whatever the users role fails with: an outage there is not a refusal.
    pub async fn authenticate_user(&self, token: &Secret) -> Result<Caller> {
        Ok(self.users.authenticate(token).await?)
    }

    /// Succeeds when storage can be reached.
    pub async fn ready(&self) -> Result<()> {
        self.repository.ready().await
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

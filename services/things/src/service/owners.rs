use std::any::Any;

use model::UserId;
use tracing::instrument;

use super::Service;
use crate::Result;

/// How many channels and things of a deleted user go in one transaction.
const BATCH: u32 = 100;

impl Service {
    /// Deletes all that a user has, in batches, and lets nothing be created for the user any more.
    ///
    /// Doing it again, or going on after a failure, is harmless.
    #[instrument(skip_all, fields(user.id = %user))]
    pub async fn delete_all_of(&self, user: UserId) -> Result<u64> {
        self.repository.retire_owner(user, self.now()).await?;
        let mut total = 0;
        loop {
            let now = self.now();
            let deleted = self.repository.delete_some_of(user, BATCH, now).await?;
            if deleted == 0 {
                return Ok(total);
            }
            total += u64::from(deleted);
        }
    }

    /// Becomes the only one of all replicas that follows the users' events, until the answer is dropped.
    pub(crate) async fn lead_user_events(&self) -> Result<Option<Box<dyn Any + Send + Sync>>> {
        self.repository.lead("things-users").await
    }
}

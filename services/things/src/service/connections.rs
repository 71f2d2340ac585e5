use model::Caller;
use tracing::instrument;

use super::Service;
use crate::model::Connections;
use crate::{Error, Result};

impl Service {
    /// Connects every thing to every channel, all or none; what is connected already stays so.
    ///
    /// # Errors
    /// [`Error::ThingNotFound`], [`Error::ChannelNotFound`] and [`Error::ListLength`].
    #[instrument(skip_all, fields(user.id = %caller.user))]
    pub async fn connect(&self, caller: &Caller, connections: &Connections) -> Result<()> {
        self.check_connections(connections)?;
        let now = self.now();
        self.repository.connect(caller.user, connections, now).await
    }

    /// Disconnects every thing from every channel, all or none.
    ///
    /// # Errors
    /// [`Error::ConnectionNotFound`] when any of them is not connected, and [`Error::ListLength`].
    #[instrument(skip_all, fields(user.id = %caller.user))]
    pub async fn disconnect(&self, caller: &Caller, connections: &Connections) -> Result<()> {
        self.check_connections(connections)?;
        let now = self.now();
        self.repository
            .disconnect(caller.user, connections, now)
            .await
    }

    fn check_connections(&self, connections: &Connections) -> Result<()> {
        let (channels, things) = (connections.channels.len(), connections.things.len());
        self.check_length(channels.saturating_mul(things))
    }

    pub(super) fn check_length(&self, length: usize) -> Result<()> {
        if length == 0 || length > self.limits.bulk {
            return Err(Error::ListLength(self.limits.bulk));
        }
        Ok(())
    }
}

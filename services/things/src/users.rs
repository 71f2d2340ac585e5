//! What things do when a user is gone.

use std::sync::Arc;
use std::time::Duration;

use messaging::{AllEvents, Bus};
use model::BoxError;
use proto::{Change, Event};
use tokio_util::sync::CancellationToken;

use crate::Service;

/// The durable consumer of the users' events, shared by all replicas.
const CONSUMER: &str = "things-users";
/// How long to wait before trying again what did not work, or whether to take over from another replica.
const RETRY: Duration = Duration::from_secs(1);

/// Deletes what a deleted user had, until `stop`; several replicas may run this, one of them does the work.
///
/// Outages of the bus or the database are waited out: an event is acknowledged when all is deleted.
///
/// # Errors
/// None so far; the signature is that of a task of [`server::Runtime`].
pub async fn user_events(
    service: Arc<Service>,
    events: Arc<dyn Bus<Event>>,
    stop: CancellationToken,
) -> Result<(), BoxError> {
    let work = async {
        loop {
            if let Err(error) = lead(&service, events.as_ref()).await {
                tracing::warn!(%error, "following the users' events failed, trying again");
            }
            tokio::time::sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
    Ok(())
}

/// Follows the events as long as no other replica does and nothing fails.
async fn lead(service: &Service, events: &dyn Bus<Event>) -> model::Result<()> {
    let Some(_leader) = service.lead_user_events().await? else {
        return Ok(());
    };
    let mut consumer = events.consumer(CONSUMER, AllEvents).await?;
    loop {
        let delivery = consumer.next().await?;
        if let Change::UserRemoved { id } = delivery.record.change {
            let count = service.delete_all_of(id).await?;
            tracing::info!(user.id = %id, count, "possessions of a deleted user deleted");
        }
        consumer.ack(delivery.seq);
    }
}

//! What both buses and both buckets do alike; each scenario runs in process, and on NATS when a server is at hand.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod buckets;
mod filters;
mod kept;
mod live;
mod nats;
mod sample;
mod server;
mod shared;
mod signals;
mod space;
mod world;

/// Runs a scenario for messages and for events, on both backends.
macro_rules! for_every_bus {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[tokio::test]
            async fn of_messages_in_process() {
                super::$scenario::<messaging::Message>(&crate::world::World::in_process()).await;
            }

            #[tokio::test]
            async fn of_events_in_process() {
                super::$scenario::<proto::Event>(&crate::world::World::in_process()).await;
            }

            #[tokio::test]
            async fn of_messages_on_nats() {
                if let Some(world) = crate::world::World::on_nats().await {
                    super::$scenario::<messaging::Message>(&world).await;
                }
            }

            #[tokio::test]
            async fn of_events_on_nats() {
                if let Some(world) = crate::world::World::on_nats().await {
                    super::$scenario::<proto::Event>(&world).await;
                }
            }
        }
    )+};
}

/// Runs a scenario on both backends.
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            #[tokio::test]
            async fn in_process() {
                super::$scenario(&crate::world::World::in_process()).await;
            }

            #[tokio::test]
            async fn on_nats() {
                if let Some(world) = crate::world::World::on_nats().await {
                    super::$scenario(&world).await;
                }
            }
        }
    )+};
}

use {for_every_bus, on_both};

//! The scenarios, each run on both shapes: one process on embedded defaults, and separate services on PostgreSQL and NATS.

mod account;
mod acme;
mod certificates;
mod cli;
mod client;
mod clients;
mod crash;
#[cfg(feature = "long")]
mod crowds;
mod doctor;
mod examples;
mod flood;
mod foreign;
mod forwarded;
mod guides;
mod history;
mod inside;
mod kills;
mod ledger;
mod lifecycle;
mod listeners;
mod load;
mod messages;
mod mtls;
mod nodes;
mod package;
#[cfg(feature = "long")]
mod power;
mod properties;
mod provisioning;
mod revocation;
mod rivals;
#[cfg(feature = "long")]
mod scanners;
mod sockets;
mod stage;
#[cfg(feature = "long")]
mod storm;
mod vanish;

/// Runs a scenario on both shapes, as two tests.
macro_rules! both_shapes {
    ($($scenario:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() -> anyhow::Result<()> {
                super::$scenario(e2e::Shape::Embedded).await
            })*
        }
        mod separate {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() -> anyhow::Result<()> {
                super::$scenario(e2e::Shape::Separate).await
            })*
        }
    };
}
pub(crate) use both_shapes;

//! The connection to NATS that everything of a process shares.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::{self, Context};
use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, Request, RequestErrorKind,
};
use model::Result;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::address::Address;
use super::error::{refused, unavailable};
use super::preflight::check_tls;
use super::tls::{self, NatsTls};

/// How long a server may take to appear at the start, and to answer a request later.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
/// How long to wait between two attempts at the start.
const RETRY: Duration = Duration::from_millis(200);
/// How often a dead connection is looked for; the library gives up after two pings without an answer.
const PING: Duration = Duration::from_secs(10);
/// The longest pause between two attempts to reconnect, before jitter.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(1);
/// How many outgoing commands may wait for the socket; a record sent beyond that is dropped.
const OUTGOING: usize = 16 * 1024;
/// How many incoming messages of one subscription may wait for us.
const INCOMING: usize = 32 * 1024;

/// The shared connection; cloning it opens no other.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) js: Context,
    connections: watch::Receiver<u64>,
}

impl Link {
    /// Connects, and fails when no server that will do answers within [`DEADLINE`].
    pub(super) async fn connect(address: &Address, tls: &NatsTls) -> Result<Self> {
        let encrypted = address.tls || tls.is_set();
        for server in &address.servers {
            check_tls(server, encrypted).await?;
        }
        let (count, mut connections) = watch::channel(0);
        let overruns = metrics::counter!("messaging_nats_overrun_total");
        let options = tls.apply(options(address).require_tls(encrypted));
        let options = options.event_callback(move |event| {
            match event {
                Event::Connected => count.send_modify(|connections| *connections += 1),
                Event::SlowConsumer(_) => overruns.increment(1),
                _ => {}
            }
            std::future::ready(())
        });
        let client = first_connection(&options, address).await?;
        check_server(&client, address)?;
        // The first connection is counted before anybody looks, so that a change is always a new connection.
        let counting = connections.wait_for(|count| *count > 0);
        if timeout(DEADLINE, counting).await.is_err() {
            return Err(unavailable("the connection was not reported"));
        }
        let js = jetstream::context::ContextBuilder::new()
            .timeout(DEADLINE)
            .build(client.clone());
        Ok(Self {
            client,
            js,
            connections,
        })
    }

    /// Returns a counter that changes with each new connection; what was on its way over the old one may be lost.
    pub(super) fn connections(&self) -> watch::Receiver<u64> {
        let mut connections = self.connections.clone();
        connections.mark_unchanged();
        connections
    }

    /// Returns when the client library has given up, which it does in no outage.
    pub(super) async fn ended(&self) {
        let mut connections = self.connections();
        while connections.changed().await.is_ok() {}
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits until there is a connection.
    pub(super) async fn connected(&self) {
        let mut connections = self.connections();
        while !self.is_connected() {
            tokio::select! {
                Ok(()) = connections.changed() => {}
                // The library drops reports when it has too many, so its state is looked at now and then.
                () = sleep(RETRY) => {}
            }
        }
    }

    /// Returns once the server has handled everything that was given to the connection before.
    pub(super) async fn round_trip(&self) -> Result<()> {
        let deadline = Instant::now() + DEADLINE;
        if timeout_at(deadline, self.connected()).await.is_err() {
            return Err(unavailable("not connected"));
        }
        // Nobody listens there, which the server answers at once.
        let request = Request::new().timeout(Some(deadline - Instant::now()));
        let nowhere = self.client.new_inbox();
        match self.client.send_request(nowhere, request).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// Returns what every connection is made with, TLS apart.
fn options(address: &Address) -> ConnectOptions {
    let options = ConnectOptions::new()
        .name("ferroflux")
        .connection_timeout(DEADLINE)
        .request_timeout(Some(DEADLINE))
        .ping_interval(PING)
        .client_capacity(OUTGOING)
        .subscription_capacity(INCOMING)
        .reconnect_delay_callback(reconnect_delay);
    address.credentials.apply(options)
}

/// At once, then slower and slower, and never two processes at the same moment.
fn reconnect_delay(attempt: usize) -> Duration {
    let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
    let longest = Duration::from_millis(100)
        .saturating_mul(attempt.saturating_sub(1))
        .min(MAX_RECONNECT_DELAY);
    let jitter = RandomState::new().hash_one(attempt) % 1024;
    longest.mul_f64(0.5 + jitter as f64 / 2048.0)
}

async fn first_connection(options: &ConnectOptions, address: &Address) -> Result<Client> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let connecting = options.clone().connect(&address.servers[..]);
        let error: ConnectError = match timeout_at(deadline, connecting).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => error,
            Err(_) => return Err(unavailable(format!("no answer from {address}"))),
        };
        let denied = matches!(
            error.kind(),
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation
        );
        if denied {
            return Err(refused(format!(
                "the NATS server at {address} refuses the credentials of its URL"
            )));
        }
        if let Some(cause) = tls::failure(&error) {
            return Err(refused(format!(
                "no TLS with the NATS server at {address}: {cause}"
            )));
        }
        if Instant::now() + RETRY >= deadline {
            return Err(unavailable(format!("no connection to {address}: {error}")));
        }
        sleep(RETRY).await;
    }
}

fn check_server(client: &Client, address: &Address) -> Result<()> {
    let info = client.server_info();
    if !client.is_server_compatible(2, 9, 0) {
        return Err(refused(format!(
            "the NATS server at {address} has version {}; 2.9 is the oldest that works",
            info.version
        )));
    }
    if !info.jetstream {
        return Err(refused(format!(
            "the NATS server at {address} has no JetStream; start it with -js"
        )));
    }
    if let Some(weakness) = weakness(client) {
        // The roles log nothing below this level unless told otherwise.
        tracing::error!(version = info.version, "{weakness}");
    }
    Ok(())
}

/// Returns what operators must know of a server that works.
pub(super) fn weakness(client: &Client) -> Option<&'static str> {
    let since = client.is_server_compatible(2, 9, 7);
    (since && !client.is_server_compatible(2, 9, 16)).then_some(
        "NATS 2.9.7 to 2.9.15 may drop acknowledged messages that wait for a consumer when it is started again; use 2.9.16 or \
         later",
    )
}

use std::sync::Arc;
use std::time::Duration;

use ::config::Period;
use bytes::Bytes;
use clap::Args;
use futures_util::StreamExt;
use http::Method;
use rmqtt_codec::types::QoS;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Protocol;
use super::link::{Link, Opener};
use super::live::Live;
use super::report::Report;
use super::stage::{Stage, Which};
use super::stats::Stats;
use crate::api::Api;
use crate::client::{Call, Client};
use crate::error::Error;

/// What storm.
#[derive(Args, Debug)]
pub struct Connect {
    /// By which protocol.
    #[arg(long, default_value = "mqtt")]
    protocol: Protocol,
    /// How many connections to open.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// How many may be on their way at once.
    #[arg(long, default_value_t = 100)]
    concurrency: usize,
    /// Connections per second; 0 for as fast as they are taken.
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// How long to hold them once they are there.
    #[arg(long, default_value = "0s")]
    hold: Period,
    #[command(flatten)]
    which: Which,
}

/// A connection that is open.
pub(crate) enum Session {
    Http(Client),
    Link(Link),
}

pub(crate) async fn run(connect: Connect, api: &mut Api) -> Result<(), Error> {
    if connect.connections == 0 || connect.concurrency == 0 {
        let text = "--connections and --concurrency must be at least 1";
        return Err(Error::Usage(text.to_owned()));
    }
    if !connect.rate.is_finite() || connect.rate < 0.0 {
        return Err(Error::Usage("--rate must be 0 or more".to_owned()));
    }
    let stage = Stage::set(connect.which, api).await?;
    let opener = Opener {
        dialer: api.dialer.clone(),
        target: Stage::target(api, connect.protocol),
        stage: stage.clone(),
        limit: api.settings.config.timeout.get(),
        qos: QoS::AtMostOnce,
    };
    let live = Arc::new(Live::default());
    let start = Instant::now();
    let (protocol, total) = (connect.protocol, connect.connections);
    let (sessions, mut stats) = open(
        &opener,
        protocol,
        total,
        connect.concurrency,
        connect.rate,
        &live,
    )
    .await;
    let took = start.elapsed();
    let opened = sessions.len();
    let cut = hold(sessions, &opener, connect.hold.get()).await;
    for _ in 0..cut {
        stats.fail("the connection did not last");
    }
    stage.clear(api).await;
    let report = Report::connect(protocol, opened, opened - cut, &stats);
    report.show(api, took, &stats)
}

/// Opens connections, and returns those that were had and how long they took.
pub(crate) async fn open(
    opener: &Opener,
    protocol: Protocol,
    total: usize,
    concurrency: usize,
    rate: f64,
    live: &Arc<Live>,
) -> (Vec<Session>, Stats) {
    let permits = Arc::new(Semaphore::new(concurrency));
    let start = Instant::now();
    let mut attempts = JoinSet::new();
    for number in 0..total {
        let (permits, opener, live) = (permits.clone(), opener.clone(), live.clone());
        let pause = if rate > 0.0 {
            number as f64 / rate
        } else {
            0.0
        };
        attempts.spawn(async move {
            sleep_until(start + Duration::from_secs_f64(pause)).await;
            // It is never closed.
            let _permit = permits.acquire().await;
            let start = Instant::now();
            let result = one(&opener, protocol, number).await;
            match &result {
                Ok(_) => live.done(),
                Err(_) => live.failed(),
            }
            (result, start.elapsed())
        });
    }
    let results = tokio::select! {
        results = attempts.join_all() => results,
        () = live.draw(None, total as u64, "connections") => Vec::new(),
    };
    let (mut sessions, mut stats) = (Vec::new(), Stats::default());
    for (result, took) in results {
        match result {
            Ok(session) => {
                stats.connects.add(took);
                sessions.push(session);
            }
            Err(error) => stats.fail(&error.to_string()),
        }
    }
    (sessions, stats)
}

async fn one(opener: &Opener, protocol: Protocol, number: usize) -> Result<Session, Error> {
    match protocol {
        Protocol::Http => {
            let mut client = Client::new(opener.dialer.clone(), opener.limit);
            probe(&mut client, opener).await?;
            Ok(Session::Http(client))
        }
        Protocol::Ws => opener.ws(number).await.map(Session::Link),
        Protocol::Mqtt => opener.mqtt(number).await.map(Session::Link),
    }
}

/// Any answer shows that there is a connection.
async fn probe(client: &mut Client, opener: &Opener) -> Result<(), Error> {
    let reply = client.send(Call {
        method: Method::GET,
        target: &opener.target,
        path: "/version",
        credential: None,
        content_type: "",
        body: Bytes::new(),
    });
    reply.await.map(drop)
}

/// Holds connections, and returns how many of them ended by themselves.
async fn hold(sessions: Vec<Session>, opener: &Opener, span: Duration) -> usize {
    if span.is_zero() {
        return 0;
    }
    let end = Instant::now() + span;
    let mut held = JoinSet::new();
    for session in sessions {
        let opener = opener.clone();
        held.spawn(async move {
            match session {
                Session::Http(mut client) => {
                    sleep_until(end).await;
                    probe(&mut client, &opener).await.is_ok()
                }
                Session::Link(mut link) => {
                    let ended = async { while let Some(Ok(_)) = link.stream.next().await {} };
                    timeout_at(end, ended).await.is_err()
                }
            }
        });
    }
    let alive = held.join_all().await;
    alive.into_iter().filter(|alive| !alive).count()
}

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use ::config::Period;
use bytes::Bytes;
use clap::Args;
use futures_util::{SinkExt, StreamExt};
use http::Method;
use rmqtt_codec::types::QoS;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Protocol;
use super::connect::{self, Session};
use super::link::{Event, Link, Opener, Outgoing};
use super::live::Live;
use super::report::Report;
use super::stage::{Stage, Which};
use super::stats::Stats;
use crate::api::Api;
use crate::client::{Call, Client};
use crate::error::Error;
use crate::target::Topic;

/// How long the rest may take to arrive after the last message was sent.
const DRAIN: Duration = Duration::from_secs(5);
/// How many bytes of a payload say when the message was due.
const STAMP: usize = 16;
/// How many connections are opened at once.
const CONCURRENCY: usize = 64;

/// What load.
#[derive(Args, Debug)]
pub struct Publish {
    /// By which protocol.
    #[arg(long, default_value = "http")]
    protocol: Protocol,
    /// How many connections publish.
    #[arg(long, default_value_t = 10)]
    connections: usize,
    /// Messages per second of all connections together, sent on schedule; 0 for as fast as they are taken.
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// How long to publish.
    #[arg(long, default_value = "10s")]
    duration: Period,
    /// Bytes of a message.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Quality of service on MQTT.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    qos: u8,
    /// Messages under way on a connection at most; on HTTP it is always one.
    #[arg(long, default_value_t = 16)]
    inflight: usize,
    #[command(flatten)]
    which: Which,
}

/// What every connection is told.
struct Load {
    start: Instant,
    end: Instant,
    /// Time between two messages of a connection; none means as fast as possible.
    interval: Option<Duration>,
    /// Time by which the schedules of two connections differ.
    shift: Duration,
    size: usize,
    inflight: usize,
    acknowledges: bool,
    live: Arc<Live>,
}

impl Load {
    /// Returns when the next message of a connection is to be sent, unless that is after the end.
    ///
    /// On a schedule, a message that is late keeps the time at which it was due, so that a stall shows in all it delays.
    fn due(&self, number: usize, sent: u64) -> Option<Instant> {
        let due = match self.interval {
            Some(interval) => {
                let position = interval.mul_f64(sent as f64);
                self.start + position + self.shift.mul_f64(number as f64)
            }
            None => Instant::now().max(self.start),
        };
        (due < self.end).then_some(due)
    }

    /// Makes a payload that says when it was due.
    fn payload(&self, due: Instant) -> Bytes {
        let nanos = due.saturating_duration_since(self.start).as_nanos() as u64;
        let mut payload = format!("{nanos:0STAMP$x}").into_bytes();
        payload.resize(self.size.max(STAMP), b'.');
        payload.into()
    }

    fn stamp(&self, payload: &[u8]) -> Option<Instant> {
        let text = std::str::from_utf8(payload.get(..STAMP)?).ok()?;
        let nanos = u64::from_str_radix(text, 16).ok()?;
        Some(self.start + Duration::from_nanos(nanos))
    }
}

pub(crate) async fn run(publish: Publish, api: &mut Api) -> Result<(), Error> {
    check(&publish)?;
    let stage = Stage::set(publish.which, api).await?;
    let protocol = publish.protocol;
    let opener = Opener {
        dialer: api.dialer.clone(),
        target: Stage::target(api, protocol),
        stage: stage.clone(),
        limit: api.settings.config.timeout.get(),
        qos: if publish.qos == 0 {
            QoS::AtMostOnce
        } else {
            QoS::AtLeastOnce
        },
    };
    let live = Arc::new(Live::default());
    let (sessions, mut stats) = connect::open(
        &opener,
        protocol,
        publish.connections,
        CONCURRENCY,
        0.0,
        &live,
    )
    .await;
    let connections = sessions.len();
    let rate = (publish.rate > 0.0).then_some(publish.rate);
    let live = Arc::new(Live::default());
    let start = Instant::now();
    let load = Arc::new(Load {
        start,
        end: start + publish.duration.get(),
        interval: rate.map(|rate| Duration::from_secs_f64(connections.max(1) as f64 / rate)),
        shift: rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate)),
        size: publish.size,
        inflight: publish.inflight,
        acknowledges: protocol == Protocol::Mqtt && publish.qos == 1,
        live: live.clone(),
    });
    let mut workers = JoinSet::new();
    for (number, session) in sessions.into_iter().enumerate() {
        let (load, opener) = (load.clone(), opener.clone());
        workers.spawn(async move {
            match session {
                Session::Http(client) => post(&load, number, client, &opener).await,
                Session::Link(link) => exchange(&load, number, link).await,
            }
        });
    }
    let results = tokio::select! {
        results = workers.join_all() => results,
        () = live.draw(Some(publish.duration.get()), 0, "messages") => Vec::new(),
    };
    for result in &results {
        stats.merge(result);
    }
    stage.clear(api).await;
    let report = Report::publish(protocol, connections, publish.rate, publish.size, &stats);
    report.show(api, publish.duration.get(), &stats)
}

fn check(publish: &Publish) -> Result<(), Error> {
    let wrong = if publish.connections == 0 {
        "--connections must be at least 1"
    } else if !publish.rate.is_finite() || publish.rate < 0.0 {
        "--rate must be 0 or more"
    } else if publish.inflight == 0 || publish.inflight > usize::from(u16::MAX) {
        "--inflight must be between 1 and 65535"
    } else if publish.duration.get().is_zero() {
        "--duration must be more than zero"
    } else {
        return Ok(());
    };
    Err(Error::Usage(wrong.to_owned()))
}

/// Posts one message after the other.
async fn post(load: &Load, number: usize, mut client: Client, opener: &Opener) -> Stats {
    let mut stats = Stats::default();
    let path = Topic::parse(&format!("{}.bench.{number}", opener.stage.channel)).path();
    while let Some(due) = load.due(number, stats.sent) {
        sleep_until(due).await;
        stats.sent += 1;
        let reply = client.send(Call {
            method: Method::POST,
            target: &opener.target,
            path: &path,
            credential: opener.stage.key.as_deref(),
            content_type: "application/octet-stream",
            body: load.payload(due),
        });
        match reply.await.and_then(crate::client::Reply::success) {
            Ok(_) => {
                stats.acknowledged.add(due.elapsed());
                load.live.done();
            }
            Err(error) => {
                stats.fail(&error.to_string());
                load.live.failed();
            }
        }
    }
    stats
}

/// Sends messages and takes what comes back, until all of it has or the time for that is over.
async fn exchange(load: &Load, number: usize, mut link: Link) -> Stats {
    let mut stats = Stats::default();
    let mut waiting: HashMap<NonZeroU16, Instant> = HashMap::new();
    let (mut delivered, mut id) = (0, NonZeroU16::MIN);
    let over = load.end + DRAIN;
    loop {
        let open = if load.acknowledges {
            waiting.len() as u64
        } else {
            stats.sent - delivered
        };
        let due = load.due(number, stats.sent);
        if due.is_none() && waiting.is_empty() && delivered >= stats.sent {
            break;
        }
        let may_send = due.is_some() && open < load.inflight as u64;
        tokio::select! {
            event = link.stream.next() => match event {
                Some(Ok(Event::Acknowledged(id))) => {
                    if let Some(due) = waiting.remove(&id) {
                        stats.acknowledged.add(due.elapsed());
                    }
                }
                Some(Ok(Event::Delivered(payload))) => {
                    if let Some(due) = load.stamp(&payload) {
                        delivered += 1;
                        stats.delivered.add(due.elapsed());
                        load.live.done();
                    }
                }
                Some(Ok(Event::Other)) => {}
                Some(Err(error)) => { stats.fail(&error); break }
                None => { stats.fail("the server closed the connection"); break }
            },
            () = sleep_until(due.unwrap_or(over)), if may_send => {
                let due = due.unwrap_or(over);
                id = id.checked_add(1).unwrap_or(NonZeroU16::MIN);
                let out = Outgoing { id, payload: load.payload(due) };
                if let Err(error) = link.sink.send(out).await {
                    stats.fail(&error);
                    break;
                }
                stats.sent += 1;
                if load.acknowledges {
                    waiting.insert(id, due);
                }
            }
            () = sleep_until(over) => break,
        }
    }
    stats.missing = (stats.sent - delivered.min(stats.sent)).max(waiting.len() as u64);
    if stats.failed() > 0 || stats.missing > 0 {
        load.live.failed();
    }
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(interval: Option<Duration>) -> Load {
        let start = Instant::now();
        Load {
            start,
            end: start + Duration::from_secs(1),
            interval,
            shift: Duration::from_millis(10),
            size: 4,
            inflight: 1,
            acknowledges: true,
            live: Arc::default(),
        }
    }

    #[test]
    fn a_schedule_does_not_wait_for_who_is_late() {
        let load = load(Some(Duration::from_millis(100)));
        let at = |number, sent| load.due(number, sent).map(|due| due - load.start);
        assert_eq!(at(0, 3), Some(Duration::from_millis(300)));
        assert_eq!(at(2, 3), Some(Duration::from_millis(320)));
        assert_eq!(at(0, 10), None);
    }

    #[test]
    fn a_payload_says_when_it_was_due() {
        let load = load(None);
        let due = load.start + Duration::from_nanos(123_456_789);
        let payload = load.payload(due);
        assert_eq!(payload.len(), STAMP);
        assert_eq!(load.stamp(&payload), Some(due));
        assert_eq!(load.stamp(b"short"), None);
    }
}

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use model::{ChannelId, Throttle};
use tokio::io::ReadBuf;
use tokio::time::timeout;
use uuid::Uuid;

use super::goodbye;
use super::serve::{Conn, Opened};
use crate::access::{Admission, ConnectRequest, Origin};
use crate::codec::{self, Encoder};
use crate::key::ClientKey;
use crate::node::Entrance;
use crate::packet::{ConnAck, Connect, Incoming, Outgoing, Reason, Version};
use crate::refusal;
use crate::session::Session;
use crate::shard::{Ownership, Shard};
use crate::topic::{self, TopicName};
use crate::transport::Transport;
use crate::will;

/// The largest CONNECT taken: nobody has been authenticated while it is collected. A will of 64 KiB, its properties and the
/// credentials fit.
const MAX_CONNECT: usize = 256 * 1024;

/// How often it is told that somebody speaks TLS where it is not spoken: one client that is set up wrongly tries for ever.
static HELLOS: Throttle = Throttle::new(Duration::from_secs(60));

/// Why there is no connection.
enum Refused {
    /// Nothing is said: the other side is gone, or speaks something else.
    Silently,
    /// A CONNACK says why.
    Aloud(Encoder, Reason, Cow<'static, str>),
}

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Self::Silently
    }
}

/// Brings a connection from its first byte to an accepted CONNECT within the time allowed, and starts to serve it.
pub(super) async fn handshake(
    shard: Rc<Shard>,
    mut transport: Transport,
    origin: Origin,
    entrance: Entrance,
) {
    let limit = shard.node.config.connect_timeout;
    let opened = tokio::select! {
        opened = timeout(limit, open(&shard, &mut transport, &origin, &entrance)) => opened,
        () = shard.node.stop.cancelled() => return,
    };
    match opened {
        Ok(Ok(opened)) => Conn::start(&shard, transport, entrance, opened),
        Ok(Err(Refused::Aloud(encoder, reason, why))) => {
            tracing::debug!(peer = %origin.peer, ?reason, "a connection is refused: {why}");
            let mut connack = ConnAck::new(reason);
            connack.reason_string = Some(why.into_owned());
            let packet = Outgoing::ConnAck(&connack);
            goodbye::say(
                &mut transport,
                encoder,
                &packet,
                shard.node.config.linger_timeout,
            )
            .await;
        }
        Ok(Err(Refused::Silently)) | Err(_) => {}
    }
}

async fn open(
    shard: &Rc<Shard>,
    transport: &mut Transport,
    origin: &Origin,
    entrance: &Entrance,
) -> Result<Opened, Refused> {
    let (mut connect, rest) = read_connect(shard, transport, origin.peer).await?;
    let encoder = Encoder::from(&*connect);
    let refuse = |(reason, why)| Refused::Aloud(encoder, reason, why);
    if !entrance.is_admitted() {
        shard.counters.over_connections.add(1);
        return Err(refuse((
            Reason::QuotaExceeded,
            "the server has too many connections".into(),
        )));
    }
    check(shard, &connect).map_err(refuse)?;
    let admission = authenticate(shard, &connect, origin)
        .await
        .map_err(refuse)?;
    if let Some(will) = &mut connect.will {
        will.topic = absolute_will(&will.topic, admission.default_channel()).map_err(refuse)?;
    }
    let rates = shard.node.rates.of(admission.thing());
    if rates
        .as_ref()
        .is_some_and(|rates| !rates.connects.admits(1))
    {
        shard.counters.over_connects.add(1);
        let why = "the thing connects too often; try again in a second";
        return Err(refuse((Reason::ConnectionRateExceeded, why.into())));
    }
    let assigned = connect
        .client_id
        .is_empty()
        .then(|| Uuid::new_v4().to_string());
    let client_id = assigned.as_deref().unwrap_or(&connect.client_id);
    let key = ClientKey::new(admission.thing(), client_id);
    let (ownership, session, session_present) = find_session(shard, &connect, &key)
        .await
        .map_err(|error| refuse((refusal::of_connect(error.kind), error.message)))?;
    ownership.announce(connect.clean_start);
    Ok(Opened {
        connect,
        rest,
        admission,
        rates,
        ownership,
        session,
        session_present,
        assigned,
    })
}

/// Reads until a CONNECT is complete; returns what came after it too.
async fn read_connect(
    shard: &Shard,
    transport: &mut Transport,
    peer: SocketAddr,
) -> Result<(Box<Connect>, Vec<u8>), Refused> {
    let mut bytes = Vec::new();
    let length = loop {
        if let Some(first) = bytes.first().filter(|first| **first != 0x10) {
            note_hello(*first, peer);
            return Err(Refused::Silently);
        }
        match codec::frame(&bytes, shard.node.config.max_packet_size.min(MAX_CONNECT)) {
            Ok(Some(length)) => break length,
            Ok(None) => {}
            Err(_) => return Err(Refused::Silently),
        }
        let read = poll_fn(|cx| {
            shard.with_read_buffer(|buffer| {
                let mut read = ReadBuf::new(buffer);
                ready!(transport.poll_read(cx, &mut read))?;
                bytes.extend_from_slice(read.filled());
                Poll::Ready(io::Result::Ok(read.filled().len()))
            })
        });
        if read.await? == 0 {
            return Err(Refused::Silently);
        }
    };
    let rest = bytes.split_off(length);
    match decode(&bytes) {
        Ok(connect) => Ok((connect, rest)),
        Err(refused) => Err(refused),
    }
}

/// Says that a peer speaks TLS on a port without: it only sees that the answer is none.
fn note_hello(first: u8, peer: SocketAddr) {
    if first == 0x16 && HELLOS.passes(Instant::now()) {
        tracing::warn!(listener = "mqtt", %peer, "TLS hello on plaintext listener");
    }
}

fn decode(frame: &[u8]) -> Result<Box<Connect>, Refused> {
    let answer = |version, error: codec::DecodeError| {
        let encoder = Encoder {
            version,
            max_packet_size: u32::MAX,
            problem_information: true,
        };
        Refused::Aloud(encoder, error.reason, error.detail.into())
    };
    let version = match codec::version(frame) {
        Ok(version) => version,
        Err(error) if error.reason == Reason::UnsupportedProtocolVersion => {
            return Err(answer(Version::V311, error));
        }
        Err(_) => return Err(Refused::Silently),
    };
    match codec::decode(version, frame) {
        Ok(Incoming::Connect(connect)) => Ok(connect),
        Err(error) if version == Version::V5 || error.reason == Reason::ClientIdNotValid => {
            Err(answer(version, error))
        }
        Ok(_) | Err(_) => Err(Refused::Silently),
    }
}

/// Refuses what no credentials could make right.
fn check(shard: &Shard, connect: &Connect) -> Result<(), (Reason, Cow<'static, str>)> {
    if connect.auth_method.is_some() {
        let why = "enhanced authentication is not offered; send the thing's key as the password";
        return Err((Reason::BadAuthenticationMethod, why.into()));
    }
    let id = &connect.client_id;
    let v31 = connect.version == Version::V31;
    if id.is_empty() && (v31 || (connect.version == Version::V311 && !connect.clean_start)) {
        return Err((Reason::ClientIdNotValid, "a client id is needed".into()));
    }
    if id.len() > shard.node.config.max_client_id {
        return Err((Reason::ClientIdNotValid, "the client id is too long".into()));
    }
    Ok(())
}

/// Returns the topic of a will with its channel.
fn absolute_will(
    topic: &str,
    default: Option<ChannelId>,
) -> Result<String, (Reason, Cow<'static, str>)> {
    let topic = topic::absolute(topic, default);
    TopicName::parse(&topic)
        .map_err(|error| (refusal::of_name(error), format!("the will: {error}").into()))?;
    Ok(topic.into_owned())
}

async fn authenticate(
    shard: &Shard,
    connect: &Connect,
    origin: &Origin,
) -> Result<Box<dyn Admission>, (Reason, Cow<'static, str>)> {
    let address = origin.peer.ip();
    if shard.node.failures.are_too_many(address) {
        shard.counters.over_failures.add(1);
        let why = "credentials from this address are wrong too often; try again in a second";
        return Err((Reason::ConnectionRateExceeded, why.into()));
    }
    let request = ConnectRequest {
        username: connect.username.as_deref(),
        password: connect.password.as_deref(),
        peer: origin.peer,
        known: origin.known.as_deref(),
    };
    shard.node.access.connect(&request).await.map_err(|error| {
        let reason = refusal::of_connect(error.kind);
        if matches!(
            reason,
            Reason::BadUserNameOrPassword | Reason::NotAuthorized
        ) {
            shard.counters.auth_failures.add(1);
            shard.node.failures.note(address);
        }
        (reason, error.message)
    })
}

/// Takes over, restores or makes the session; says whether there was one.
async fn find_session(
    shard: &Rc<Shard>,
    connect: &Connect,
    key: &ClientKey,
) -> model::Result<(Ownership, Session, bool)> {
    let (ownership, before) = Ownership::take(shard, key).await?;
    let store = &shard.node.store;
    let asked = Duration::from_secs(connect.session_expiry.into());
    let expiry = asked.min(shard.node.config.max_session_expiry);
    let before = match before {
        Some(mut session) if connect.clean_start => {
            session.leases.discard();
            store.remove(key, Some(&session.subscriptions)).await?;
            if let Some(pending) = session.will {
                will::fire(shard, key.thing, *pending).await;
            }
            None
        }
        Some(session) => store.newest(session).await?,
        None if connect.clean_start => {
            store.remove(key, None).await?;
            None
        }
        None => store.load(key).await?,
    };
    let present = before.is_some();
    let mut session = before.unwrap_or_else(|| Session::new(key.clone(), expiry));
    session.expiry = expiry;
    session.will = None;
    Ok((ownership, session, present))
}

//! A connection that messages go out on and come back on, whatever the protocol.

use std::num::NonZeroU16;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt, future};
use rmqtt_codec::types::{Protocol as MqttProtocol, Publish, QoS};
use rmqtt_codec::v3::{Codec, Connect, ConnectAckReason, Packet, SubscribeReturnCode};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::codec::Framed;
use uuid::Uuid;

use super::stage::Stage;
use crate::dial::{Dialer, Io};
use crate::error::{Error, Refusal};
use crate::target::{Target, Topic};
use crate::watch;

/// The largest MQTT packet that is read.
const MAX_PACKET: u32 = 1024 * 1024;

/// A message to send, with a number that its acknowledgement repeats.
pub(crate) struct Outgoing {
    pub(crate) id: NonZeroU16,
    pub(crate) payload: Bytes,
}

/// What comes back.
pub(crate) enum Event {
    Acknowledged(NonZeroU16),
    Delivered(Bytes),
    /// Nothing that is counted.
    Other,
}

/// Both directions of a connection.
pub(crate) struct Link {
    pub(crate) sink: Pin<Box<dyn Sink<Outgoing, Error = String> + Send>>,
    pub(crate) stream: Pin<Box<dyn Stream<Item = Result<Event, String>> + Send>>,
}

/// How to connect.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) dialer: Dialer,
    pub(crate) target: Target,
    pub(crate) stage: Stage,
    pub(crate) limit: Duration,
    /// Quality of service of what is published by MQTT.
    pub(crate) qos: QoS,
}

impl Opener {
    /// Opens a WebSocket on a subtopic of its own.
    pub(crate) async fn ws(&self, number: usize) -> Result<Link, Error> {
        let topic = Topic::parse(&format!("{}.bench.{number}", self.stage.channel));
        let key = self.stage.key.as_deref();
        let socket = watch::open(&self.dialer, &self.target, &topic, key, self.limit).await?;
        let (sink, stream) = socket.split();
        Ok(Link {
            sink: Box::pin(
                sink.sink_map_err(|error: tokio_tungstenite::tungstenite::Error| error.to_string())
                    .with(|out: Outgoing| future::ready(Ok(Message::Binary(out.payload)))),
            ),
            stream: Box::pin(stream.map(|frame| match frame {
                Ok(Message::Text(text)) => Ok(Event::Delivered(text.into())),
                Ok(Message::Binary(bytes)) => Ok(Event::Delivered(bytes)),
                Ok(Message::Close(Some(close))) => Err(close.reason.to_string()),
                Ok(_) => Ok(Event::Other),
                Err(error) => Err(error.to_string()),
            })),
        })
    }

    /// Opens an MQTT connection that is subscribed to a topic of its own.
    pub(crate) async fn mqtt(&self, number: usize) -> Result<Link, Error> {
        let io = self.dialer.dial(&self.target).await?;
        let topic = format!("channels/{}/messages/bench/{number}", self.stage.channel);
        let greeted = timeout(self.limit, self.greet(io, &topic)).await;
        let framed = greeted.map_err(|_| self.unreachable("no answer in time"))??;
        let (sink, stream) = framed.split();
        let qos = self.qos;
        Ok(Link {
            sink: Box::pin(
                sink.sink_map_err(|error: rmqtt_codec::error::EncodeError| error.to_string())
                    .with(move |out| future::ready(Ok(publish(out, &topic, qos)))),
            ),
            stream: Box::pin(stream.map(|packet| match packet {
                Ok((Packet::PublishAck { packet_id }, _)) => Ok(Event::Acknowledged(packet_id)),
                Ok((Packet::Publish(publish), _)) => Ok(Event::Delivered(publish.payload)),
                Ok(_) => Ok(Event::Other),
                Err(error) => Err(error.to_string()),
            })),
        })
    }

    async fn greet(
        &self,
        io: Box<dyn Io>,
        topic: &str,
    ) -> Result<Framed<Box<dyn Io>, Codec>, Error> {
        let mut framed = Framed::new(io, Codec::new(MAX_PACKET));
        let connect = Connect {
            protocol: MqttProtocol(4),
            clean_session: true,
            keep_alive: 0,
            last_will: None,
            client_id: Uuid::new_v4().to_string().into(),
            username: self.stage.key.as_ref().map(|_| "bench".into()),
            password: self.stage.key.as_ref().map(|key| key.clone().into()),
            cert: None,
        };
        match self
            .ask(&mut framed, Packet::Connect(connect.into()))
            .await?
        {
            Packet::ConnectAck(ack) if ack.return_code == ConnectAckReason::ConnectionAccepted => {}
            Packet::ConnectAck(ack) => {
                let status = match ack.return_code {
                    ConnectAckReason::ServiceUnavailable => 503,
                    ConnectAckReason::BadUserNameOrPassword => 401,
                    _ => 403,
                };
                return Err(refused(status, &format!("{:?}", ack.return_code)));
            }
            _ => return Err(self.unreachable("it does not speak MQTT")),
        }
        let subscribe = Packet::Subscribe {
            packet_id: NonZeroU16::MIN,
            topic_filters: vec![(topic.into(), QoS::AtMostOnce)],
        };
        match self.ask(&mut framed, subscribe).await? {
            Packet::SubscribeAck { status, .. }
                if !status.contains(&SubscribeReturnCode::Failure) =>
            {
                Ok(framed)
            }
            _ => Err(refused(403, "the thing may not subscribe to the channel")),
        }
    }

    async fn ask(
        &self,
        framed: &mut Framed<Box<dyn Io>, Codec>,
        packet: Packet,
    ) -> Result<Packet, Error> {
        let sent = framed.send(packet).await;
        sent.map_err(|error| self.unreachable(&error.to_string()))?;
        match framed.next().await {
            Some(Ok((packet, _))) => Ok(packet),
            Some(Err(error)) => Err(self.unreachable(&error.to_string())),
            None => Err(self.unreachable("it closed")),
        }
    }

    fn unreachable(&self, reason: &str) -> Error {
        Error::Unreachable {
            url: self.target.url(),
            reason: reason.to_owned(),
        }
    }
}

fn publish(out: Outgoing, topic: &str, qos: QoS) -> Packet {
    let publish = Publish {
        dup: false,
        retain: false,
        qos,
        topic: topic.into(),
        packet_id: (qos != QoS::AtMostOnce).then_some(out.id),
        payload: out.payload,
        properties: None,
    };
    Packet::Publish(publish.into())
}

/// Makes the refusal that HTTP would tell by this status.
fn refused(status: u16, reason: &str) -> Error {
    Refusal {
        status,
        code: None,
        detail: format!("the MQTT adapter refuses: {reason}"),
    }
    .into()
}

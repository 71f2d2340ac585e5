//! An MQTT 5 client whose packets a scenario takes one by one.

use std::time::Duration;

use anyhow::{Context, bail};
use e2e::DEADLINE;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, Packet, PubAckReason, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use tokio::time::timeout;

use crate::account::Thing;

/// A client that is connected.
pub(crate) struct Client {
    pub(crate) connack: ConnAck,
    client: AsyncClient,
    events: EventLoop,
    /// Messages that came while something else was awaited.
    early: Vec<Publish>,
}

/// What a client says when it connects for a session that ends with the connection.
pub(crate) fn options(at: &str, thing: &Thing, id: &str) -> anyhow::Result<MqttOptions> {
    let (host, port) = at.rsplit_once(':').context("no port")?;
    let mut options = MqttOptions::new(id, host, port.parse()?);
    options
        .set_credentials(&thing.id, &thing.key)
        .set_keep_alive(Duration::from_secs(60))
        .set_clean_start(true)
        .set_connection_timeout(DEADLINE.as_secs());
    Ok(options)
}

/// The same for a session that is kept.
pub(crate) fn persistent(at: &str, thing: &Thing, id: &str) -> anyhow::Result<MqttOptions> {
    let mut options = options(at, thing, id)?;
    options
        .set_clean_start(false)
        .set_session_expiry_interval(Some(3600));
    Ok(options)
}

impl Client {
    pub(crate) async fn connect(options: MqttOptions) -> anyhow::Result<Self> {
        let (client, mut events) = AsyncClient::new(options, 100);
        let connack = async {
            loop {
                if let Event::Incoming(Packet::ConnAck(connack)) = events.poll().await? {
                    return anyhow::Ok(connack);
                }
            }
        };
        let connack = timeout(DEADLINE, connack).await.context("no CONNACK")??;
        Ok(Self {
            connack,
            client,
            events,
            early: Vec::new(),
        })
    }

    async fn incoming(&mut self) -> anyhow::Result<Packet> {
        let next = async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await? {
                    return anyhow::Ok(packet);
                }
            }
        };
        timeout(DEADLINE, next).await.context("nothing came")?
    }

    /// Waits for a packet other than a message.
    async fn answer<T>(&mut self, choose: impl Fn(&Packet) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let packet = self.incoming().await?;
            if let Some(answer) = choose(&packet) {
                return Ok(answer);
            }
            if let Packet::Publish(publish) = packet {
                self.early.push(publish);
            }
        }
    }

    /// Subscribes, and returns when that is acknowledged.
    pub(crate) async fn subscribe(&mut self, filter: &str, qos: QoS) -> anyhow::Result<()> {
        self.client.subscribe(filter, qos).await?;
        self.answer(|packet| matches!(packet, Packet::SubAck(_)).then_some(()))
            .await
    }

    /// Publishes with QoS 0.
    pub(crate) async fn send(&mut self, topic: &str, payload: &str) -> anyhow::Result<()> {
        let payload = payload.to_owned();
        self.client
            .publish(topic, QoS::AtMostOnce, false, payload)
            .await?;
        // What is answered after it has been sent after it.
        self.client.unsubscribe("nothing").await?;
        self.answer(|packet| matches!(packet, Packet::UnsubAck(_)).then_some(()))
            .await
    }

    /// Publishes with QoS 1, and tells whether it was accepted.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str) -> anyhow::Result<bool> {
        self.publish_with(topic, payload, PublishProperties::default())
            .await
    }

    /// As [`Self::publish`], with properties.
    pub(crate) async fn publish_with(
        &mut self,
        topic: &str,
        payload: &str,
        properties: PublishProperties,
    ) -> anyhow::Result<bool> {
        let payload = payload.to_owned();
        self.client
            .publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties)
            .await?;
        self.answer(|packet| match packet {
            Packet::PubAck(ack) => Some(ack.reason == PubAckReason::Success),
            _ => None,
        })
        .await
    }

    /// Waits for the next message.
    pub(crate) async fn message(&mut self) -> anyhow::Result<Publish> {
        if !self.early.is_empty() {
            return Ok(self.early.remove(0));
        }
        loop {
            if let Packet::Publish(publish) = self.incoming().await? {
                return Ok(publish);
            }
        }
    }

    /// Waits for the next message and returns its payload.
    pub(crate) async fn text(&mut self) -> anyhow::Result<String> {
        Ok(String::from_utf8(self.message().await?.payload.into())?)
    }

    /// Waits until the server closes the connection, and returns the reason it gave.
    pub(crate) async fn closed(&mut self) -> anyhow::Result<u8> {
        loop {
            match self.incoming().await {
                Ok(Packet::Disconnect(disconnect)) => return Ok(disconnect.reason_code as u8),
                Ok(_) => {}
                Err(error) => match error.downcast::<ConnectionError>()? {
                    ConnectionError::MqttState(StateError::ServerDisconnect {
                        reason_code,
                        ..
                    }) => return Ok(reason_code as u8),
                    other => bail!("closed without a word: {other}"),
                },
            }
        }
    }
}

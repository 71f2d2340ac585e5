use std::net::SocketAddr;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, Disconnect, Packet, PubAckReason, Publish, PublishProperties, SubscribeReasonCode,
    UnsubAckReason,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use tokio::time::timeout;

pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// An MQTT 5 client whose packets a test takes one by one.
pub(crate) struct Client {
    pub(crate) connack: ConnAck,
    client: AsyncClient,
    events: EventLoop,
    /// Messages that came while something else was awaited.
    early: Vec<Publish>,
}

/// What a client says when it connects.
pub(crate) fn options(address: SocketAddr, user: &str, client_id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(client_id, address.ip().to_string(), address.port());
    options.set_credentials(user, "key");
    options.set_keep_alive(Duration::from_secs(30));
    options.set_clean_start(true);
    options.set_connection_timeout(DEADLINE.as_secs());
    options
}

/// The same, for a session that is kept.
pub(crate) fn persistent(address: SocketAddr, user: &str, client_id: &str) -> MqttOptions {
    let mut options = options(address, user, client_id);
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(3600));
    options
}

impl Client {
    pub(crate) async fn connect(options: MqttOptions) -> Self {
        Self::try_connect(options).await.unwrap()
    }

    pub(crate) async fn try_connect(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (client, mut events) = AsyncClient::new(options, 100);
        loop {
            let event = timeout(DEADLINE, events.poll()).await.expect("no CONNACK");
            if let Event::Incoming(Packet::ConnAck(connack)) = event? {
                return Ok(Self {
                    connack,
                    client,
                    events,
                    early: Vec::new(),
                });
            }
        }
    }

    async fn incoming(&mut self) -> Result<Packet, ConnectionError> {
        let next = async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await? {
                    return Ok(packet);
                }
            }
        };
        timeout(DEADLINE, next).await.expect("nothing came")
    }

    /// Waits for a packet other than a message.
    async fn answer<T>(&mut self, choose: impl Fn(&Packet) -> Option<T>) -> T {
        loop {
            let packet = self.incoming().await.unwrap();
            if let Some(answer) = choose(&packet) {
                return answer;
            }
            if let Packet::Publish(publish) = packet {
                self.early.push(publish);
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, filter: &str, qos: QoS) -> SubscribeReasonCode {
        self.client.subscribe(filter, qos).await.unwrap();
        self.answer(|packet| match packet {
            Packet::SubAck(suback) => Some(suback.return_codes[0]),
            _ => None,
        })
        .await
    }

    /// Has a SUBSCRIBE sent as soon as something is awaited.
    pub(crate) async fn begin_to_subscribe(&mut self, filter: &str) {
        let begun = self.client.subscribe(filter, QoS::AtLeastOnce).await;
        begun.unwrap();
    }

    pub(crate) async fn unsubscribe(&mut self, filter: &str) -> UnsubAckReason {
        self.client.unsubscribe(filter).await.unwrap();
        self.answer(|packet| match packet {
            Packet::UnsubAck(unsuback) => Some(unsuback.reasons[0]),
            _ => None,
        })
        .await
    }

    /// Publishes with QoS 1 and returns how that went.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str) -> PubAckReason {
        self.publish_with(topic, payload, false, PublishProperties::default())
            .await
    }

    pub(crate) async fn publish_with(
        &mut self,
        topic: &str,
        payload: &str,
        retain: bool,
        properties: PublishProperties,
    ) -> PubAckReason {
        let payload = payload.to_owned();
        let sent = self.client.publish_with_properties(
            topic,
            QoS::AtLeastOnce,
            retain,
            payload,
            properties,
        );
        sent.await.unwrap();
        self.answer(|packet| match packet {
            Packet::PubAck(ack) => Some(ack.reason),
            _ => None,
        })
        .await
    }

    /// Publishes with QoS 0.
    pub(crate) async fn send(&mut self, topic: &str, payload: &str) {
        self.publish_unanswered(topic, payload).await;
        self.answer_to_ping().await;
    }

    /// Publishes with QoS 0 as soon as something is awaited.
    pub(crate) async fn publish_unanswered(&mut self, topic: &str, payload: &str) {
        let payload = payload.to_owned();
        self.client
            .publish(topic, QoS::AtMostOnce, false, payload)
            .await
            .unwrap();
    }

    /// Publishes with QoS 2, all four packets of it.
    pub(crate) async fn publish_twice_safe(&mut self, topic: &str, payload: &str) {
        let payload = payload.to_owned();
        self.client
            .publish(topic, QoS::ExactlyOnce, false, payload)
            .await
            .unwrap();
        self.answer(|packet| matches!(packet, Packet::PubComp(_)).then_some(()))
            .await;
    }

    /// Makes sure that all sent before is on its way: an UNSUBSCRIBE of nothing is answered after it.
    async fn answer_to_ping(&mut self) {
        self.unsubscribe("nothing").await;
    }

    /// Waits for the next message.
    pub(crate) async fn message(&mut self) -> Publish {
        if !self.early.is_empty() {
            return self.early.remove(0);
        }
        loop {
            if let Packet::Publish(publish) = self.incoming().await.unwrap() {
                return publish;
            }
        }
    }

    /// Waits for the next message and returns its payload.
    pub(crate) async fn text(&mut self) -> String {
        String::from_utf8(self.message().await.payload.into()).unwrap()
    }

    /// Tells whether a message has come.
    pub(crate) async fn has_message(&mut self) -> bool {
        self.answer_to_ping().await;
        !self.early.is_empty()
    }

    /// Makes sure that no message has come.
    pub(crate) async fn expect_nothing(&mut self) {
        self.answer_to_ping().await;
        assert!(self.early.is_empty(), "{:?}", self.early);
    }

    /// Waits until the server closes the connection, and returns the reason it gave.
    pub(crate) async fn closed(&mut self) -> Option<u8> {
        loop {
            match self.incoming().await {
                Ok(Packet::Disconnect(Disconnect { reason_code, .. })) => {
                    return Some(reason_code as u8);
                }
                Ok(_) => {}
                Err(ConnectionError::MqttState(StateError::ServerDisconnect {
                    reason_code,
                    ..
                })) => {
                    return Some(reason_code as u8);
                }
                Err(_) => return None,
            }
        }
    }

    /// Says goodbye.
    pub(crate) async fn disconnect(mut self) {
        self.client.disconnect().await.unwrap();
        while self.incoming().await.is_ok() {}
    }
}

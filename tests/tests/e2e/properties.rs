//! What an MQTT 5 publisher says of a message, and who hears of it.

use anyhow::ensure;
use e2e::Shape;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use serde_json::json;

use crate::both_shapes;
use crate::client::{Client, options, persistent};
use crate::clients::websocket;
use crate::stage::Stage;

both_shapes!(properties_go_with_a_message_and_its_content_type_to_every_protocol_and_the_history);

async fn properties_go_with_a_message_and_its_content_type_to_every_protocol_and_the_history(
    shape: Shape,
) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let (at, thing, topic) = (
        stage.platform.address("mqtt")?,
        &stage.thing,
        stage.topic(""),
    );
    let mut away = Client::connect(persistent(&at, thing, "away")?).await?;
    away.subscribe(&topic, QoS::AtLeastOnce).await?;
    drop(away);
    let mut live = Client::connect(options(&at, thing, "live")?).await?;
    live.subscribe(&topic, QoS::AtMostOnce).await?;
    let header = format!("Authorization:{}", thing.key);
    let mut socket = websocket(&stage.socket("")?, &[&header]).await?;
    ensure!(socket.line().await? == "open");

    let said = PublishProperties {
        payload_format_indicator: Some(1),
        content_type: Some("text/csv".to_owned()),
        response_topic: Some(stage.topic("/answers")),
        correlation_data: Some(b"\x00\x01"[..].into()),
        user_properties: [("b", "1"), ("a", "2"), ("b", "3")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..PublishProperties::default()
    };
    let mut publisher = Client::connect(options(&at, thing, "publisher")?).await?;
    ensure!(publisher.publish_with(&topic, "1;2", said.clone()).await?);
    let mut back = Client::connect(persistent(&at, thing, "away")?).await?;
    for subscriber in [&mut live, &mut back] {
        let heard = subscriber.message().await?.properties.unwrap_or_default();
        assert_eq!(
            PublishProperties {
                topic_alias: None,
                ..heard
            },
            said
        );
    }
    // A frame is the payload alone; its kind is what the content type decides.
    ensure!(socket.line().await? == "text 1;2");
    let page = stage.stored("?raw=true", 1).await?.json();
    assert_eq!(page["messages"][0]["contentType"], json!("text/csv"));

    let cbor = PublishProperties {
        content_type: Some("application/senml+cbor".to_owned()),
        ..PublishProperties::default()
    };
    ensure!(publisher.publish_with(&topic, "[]", cbor).await?);
    ensure!(socket.line().await? == "binary 5b5d");
    Ok(())
}

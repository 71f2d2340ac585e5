//! Rows 30 to 43 of the acceptance walkthrough: messages in by every protocol, out by every protocol.

use anyhow::ensure;
use e2e::{Shape, curl};

use crate::account::Thing;
use crate::both_shapes;
use crate::clients::{Client, message, paho_over_websocket, publish, subscribe, websocket};
use crate::stage::Stage;

both_shapes!(
    http_publish,
    websocket_publish,
    mqtt_publish,
    every_protocol_reaches_every_protocol,
    mqtt_refusals,
    w10_a_client_id_belongs_to_its_thing
);

async fn http_publish(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let (key, channel) = (stage.thing.key.as_str(), stage.channel.as_str());
    let other = stage.account.channel().await?;
    let post = |key: &str, path: &str| {
        let (key, path) = (key.to_owned(), path.to_owned());
        let stage = &stage;
        async move {
            stage
                .post(&key, &path, "[{}]", "application/senml+json")
                .await
        }
    };
    assert_eq!(post(key, &format!("{channel}/messages")).await?, 202);
    for scheme in [
        format!("Thing {key}"),
        format!("Basic {}", basic(&stage.thing)),
    ] {
        assert_eq!(
            post(&scheme, &format!("{channel}/messages")).await?,
            202,
            "{scheme}"
        );
    }
    for (key, path, status) in [
        ("wrong", format!("{channel}/messages"), 403),
        (key, format!("{other}/messages"), 403),
        (key, "unknown/messages".to_owned(), 403),
        ("", format!("{channel}/messages"), 403),
        (key, format!("{channel}/messages/bedroom/temperature"), 202),
        (key, format!("{channel}/messages/a.b*c.d"), 400),
        (key, format!("{channel}/messages/a.b.*.c.d"), 202),
        (key, format!("{channel}/messages/a///b"), 202),
        (key, format!("{channel}/messages/a%0d%0ab"), 400),
        (key, format!("{channel}/messages/%zz"), 400),
        (key, "b@d/messages".to_owned(), 400),
    ] {
        assert_eq!(post(key, &path).await?, status, "{path}");
    }
    let version = curl(&[&format!("{}/version", stage.platform.url("http-adapter")?)]).await?;
    assert_eq!(version.json()["service"], "http");
    ensure!(!stage.platform.log().contains(key), "a key was logged");
    Ok(())
}

fn basic(thing: &Thing) -> String {
    use std::fmt::Write;
    let text = format!("{}:{}", thing.id, thing.key);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text.as_bytes()
        .chunks(3)
        .fold(String::new(), |mut out, chunk| {
            let bits = chunk
                .iter()
                .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for place in 0..4 {
                let digit = alphabet[(bits >> (18 - 6 * place)) as usize & 63] as char;
                let _infallible = write!(out, "{}", if place <= chunk.len() { digit } else { '=' });
            }
            out
        })
}

async fn websocket_publish(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let key = &stage.thing.key;
    let header = format!("Authorization:{key}");
    let mut by_header = websocket(&stage.socket("")?, &[&header]).await?;
    assert_eq!(by_header.line().await?, "open");
    let query = format!("?authorization={key}&content-type=application%2Fsenml%2Bjson");
    let mut by_query = websocket(&stage.socket(&query)?, &[]).await?;
    assert_eq!(by_query.line().await?, "open");
    by_query.tell("text hello").await?;
    for socket in [&mut by_header, &mut by_query] {
        assert_eq!(socket.line().await?, "text hello");
    }
    by_header.tell("binary ff00").await?;
    assert_eq!(by_query.line().await?, "binary ff00");
    assert_eq!(
        websocket(&stage.socket("")?, &[]).await?.line().await?,
        "refused 403"
    );
    assert_eq!(
        websocket(&stage.socket("")?, &["Authorization:wrong"])
            .await?
            .line()
            .await?,
        "refused 403"
    );
    assert_eq!(
        websocket(&stage.socket("/a.b*c")?, &[&header])
            .await?
            .line()
            .await?,
        "refused 400"
    );
    Ok(())
}

async fn mqtt_publish(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    for (version, qos) in [("mqttv31", "0"), ("mqttv311", "1"), ("mqttv5", "2")] {
        let more = ["-V", version, "-q", qos];
        let mut subscriber =
            subscribe(&stage.platform, &stage.thing, &stage.topic("/#"), &more).await?;
        let status = publish(
            &stage.platform,
            &stage.thing,
            &stage.topic("/room/t"),
            version,
            &more,
        )
        .await?;
        assert_eq!(status, 0, "{version}");
        assert_eq!(
            message(&mut subscriber).await?,
            format!("{} {version}", stage.topic("/room/t"))
        );
    }
    let topic = stage.topic("/ws");
    for path in ["/mqtt", "/any/path"] {
        let address = stage.platform.address("mqtt-ws")?;
        let back = paho_over_websocket(&address, path, &stage.thing, &topic).await?;
        assert_eq!(back, format!("{topic} over-ws"));
    }
    let retained = ["-r", "-q", "1"];
    assert_eq!(
        publish(
            &stage.platform,
            &stage.thing,
            &stage.topic("/state"),
            "on",
            &retained
        )
        .await?,
        0
    );
    let mut late = subscribe(&stage.platform, &stage.thing, &stage.topic("/state"), &[]).await?;
    assert_eq!(
        message(&mut late).await?,
        format!("{} on", stage.topic("/state"))
    );
    Ok(())
}

async fn both_get(one: &mut Client, other: &mut Client, line: &str) -> anyhow::Result<()> {
    assert_eq!(message(one).await?, line);
    assert_eq!(message(other).await?, line);
    Ok(())
}

async fn every_protocol_reaches_every_protocol(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let Stage {
        platform, thing, ..
    } = &stage;
    let plain_topic = stage.topic("");
    let mut plain = subscribe(platform, thing, &plain_topic, &["-q", "1"]).await?;
    let mut all = subscribe(platform, thing, &stage.topic("/#"), &["-V", "mqttv5"]).await?;
    let header = format!("Authorization:{}", thing.key);
    let mut socket = websocket(&stage.socket("")?, &[&header]).await?;
    assert_eq!(socket.line().await?, "open");

    // Row 39, with wart W39 mended: the plain topic gets what came by HTTP, whatever its content type.
    let path = format!("{}/messages", stage.channel);
    let status = stage
        .post(&thing.key, &path, "from-http", "application/senml+json")
        .await?;
    assert_eq!(status, 202);
    both_get(&mut plain, &mut all, &format!("{plain_topic} from-http")).await?;
    assert_eq!(socket.line().await?, "text from-http");

    socket.tell("text from-ws").await?;
    both_get(&mut plain, &mut all, &format!("{plain_topic} from-ws")).await?;
    assert_eq!(socket.line().await?, "text from-ws");

    // Row 40: the suffix is the content type and no part of the subtopic; MQTT shows it as published.
    let topic = stage.topic("/ct/application_senml-json");
    assert_eq!(
        publish(platform, thing, &topic, "from-mqtt", &["-q", "2"]).await?,
        0
    );
    assert_eq!(socket.line().await?, "text from-mqtt");
    assert_eq!(message(&mut all).await?, format!("{topic} from-mqtt"));
    Ok(())
}

async fn w10_a_client_id_belongs_to_its_thing(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let other = stage.account.thing().await?;
    stage.account.connect(&stage.channel, &other).await?;
    let session = ["-i", "same id", "-c", "-q", "1"];
    let topic = stage.topic("");
    let mut mine = subscribe(&stage.platform, &stage.thing, &topic, &session).await?;
    let mut theirs = subscribe(&stage.platform, &other, &topic, &session).await?;
    assert_eq!(
        publish(&stage.platform, &other, &topic, "both", &["-q", "1"]).await?,
        0
    );
    both_get(&mut mine, &mut theirs, &format!("{topic} both")).await
}

async fn mqtt_refusals(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let stranger = Thing {
        id: stage.thing.id.clone(),
        key: "wrong".to_owned(),
    };
    // Row 42: mosquitto_pub ends with the return code of the CONNACK.
    assert_eq!(
        publish(
            &stage.platform,
            &stranger,
            &stage.topic(""),
            "x",
            &["-V", "mqttv311"]
        )
        .await?,
        4
    );
    assert_eq!(
        publish(
            &stage.platform,
            &stranger,
            &stage.topic(""),
            "x",
            &["-V", "mqttv5"]
        )
        .await?,
        0x86
    );
    // Row 43: a filter without right is refused in the SUBACK, and the connection lives on.
    let other = stage.account.channel().await?;
    for filter in [
        "#".to_owned(),
        "$SYS/#".to_owned(),
        format!("channels/{other}/messages"),
    ] {
        for (version, code) in [("mqttv311", "128"), ("mqttv5", "13")] {
            let refused = subscribe(&stage.platform, &stage.thing, &filter, &["-V", version]).await;
            let text = refused
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            ensure!(
                text.starts_with(&format!("refused with {code}")),
                "{filter} {version}: {text}"
            );
        }
    }
    let topic = format!("channels/{other}/messages");
    assert_ne!(
        publish(
            &stage.platform,
            &stage.thing,
            &topic,
            "x",
            &["-V", "mqttv311", "-q", "1"]
        )
        .await?,
        0
    );
    Ok(())
}

//! What brokers in the field were brought down by; each test is named after the report.

use mqtt::Config;

use crate::broker::Broker;
use crate::client::{Client, Hello, connect, packet, text};
use crate::topic;

/// Makes sure that the server serves others.
async fn is_fine(broker: &Broker) {
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v5("fine")).await;
    subscriber.subscribe(&topic, 1).await;
    let mut publisher = Client::connect(broker.address, Hello::v5("too")).await;
    publisher.publish(0x02, &topic, 1, b"x").await;
    assert_eq!(subscriber.message().await.payload, b"x");
}

#[tokio::test]
async fn cve_2017_7651_and_2023_0809_nothing_is_kept_before_a_connect() {
    let broker = Broker::start().await;
    for first in [
        // A PUBLISH, and a CONNECT, of 256 MB.
        &b"\x30\xff\xff\xff\x7f\0\x01a"[..],
        b"\x10\xff\xff\xff\x7f\0\x04MQTT\x05",
        b"\x20\x02\0\0",
        b"\x82\x06\0\x01\0\x01a\0",
    ] {
        let mut client = Client::open(broker.address).await;
        client.send(first).await;
        assert_eq!(client.closed().await, None, "{first:x?}");
    }
    is_fine(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn cve_2023_3592_invalid_properties_of_a_will() {
    let broker = Broker::start().await;
    for properties in [
        &b"\x18\0\0\0"[..],
        b"\x18\0\0\0\x01\x18\0\0\0\x01",
        b"\x01\x02",
        b"\x03\0\x05a",
        b"\x11\0\0\0\x01",
        b"\x26\0\x01a",
        b"\x7f",
    ] {
        for _ in 0..50 {
            let mut body = text("MQTT");
            body.extend([5, 0b0000_0110, 0, 60, 0]);
            body.extend(text("c"));
            body.push(u8::try_from(properties.len()).unwrap());
            body.extend(properties);
            body.extend([text("t"), text("m")].concat());
            let (_, answer) = Client::try_connect(broker.address, 5, &packet(0x10, &body)).await;
            let answer = answer.expect("MQTT 5 clients are told why");
            assert!(matches!(answer[3], 0x81 | 0x82), "{answer:x?}");
        }
    }
    is_fine(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn cve_2023_28366_one_identifier_of_qos_2_again_and_again() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut subscriber = Client::connect(broker.address, Hello::v4("s")).await;
    subscriber.subscribe(&topic, 0).await;
    let mut client = Client::connect(broker.address, Hello::v5("c")).await;
    for round in 0..2000 {
        let dup = if round == 0 { 0 } else { 0x08 };
        client.publish(0x04 | dup, &topic, 7, b"once").await;
    }
    client.release(7).await;
    assert_eq!(subscriber.message().await.payload, b"once");
    subscriber.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn cve_2021_34432_a_topic_of_no_length() {
    let broker = Broker::start().await;
    for qos in [0, 2, 4] {
        let mut client = Client::connect(broker.address, Hello::v5("c")).await;
        let publish = client.publish_packet(qos, "", 1, &[], b"x");
        client.send(&publish).await;
        assert_eq!(client.closed().await, Some(0x82));
    }
    let will = connect(4, 0b0000_0110, &[], &[b"c", b"", b"m"]);
    let (_, answer) = Client::try_connect(broker.address, 4, &will).await;
    assert_eq!(answer, None);
    is_fine(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn cve_2019_11779_a_filter_of_slashes() {
    let broker = Broker::start().await;
    let slashes = "/".repeat(65_400);
    let below = format!("{}{}", topic(""), "/".repeat(65_000));
    let wild = format!("{}{}", topic(""), "/+".repeat(30_000));
    let mut older = Client::connect(broker.address, Hello::v4("a")).await;
    let mut newer = Client::connect(broker.address, Hello::v5("b")).await;
    for filter in [&slashes, &below, &wild] {
        assert_eq!(older.subscribe(filter, 0).await, 0x80);
        assert!(matches!(newer.subscribe(filter, 0).await, 0x87 | 0x8f));
    }
    for (topic, code) in [(&slashes, 0x87), (&below, 0x90)] {
        let publish = newer.publish_packet(0x02, topic, 1, &[], b"x");
        newer.send(&publish).await;
        assert_eq!(newer.recv().await, [0x40, 3, 0, 1, code]);
    }
    is_fine(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn cve_2017_7650_names_with_wildcards_are_names() {
    let broker = Broker::start().await;
    let mut clients = Vec::new();
    for id in [
        "#",
        "+",
        "/",
        "a/#",
        "$share/g/x",
        "../..",
        "*>",
        "' OR 1=1",
    ] {
        let mut client = Client::connect(broker.address, Hello::v5(id)).await;
        assert_eq!(client.subscribe("#", 0).await, 0x87);
        clients.push(client);
    }
    for client in &mut clients {
        // None has taken another's place.
        client.expect_nothing().await;
    }
    let nul = connect(4, 0b0000_0010, &[], &[b"a\0b"]);
    let (_, answer) = Client::try_connect(broker.address, 4, &nul).await;
    assert_eq!(answer, None);
    let nul = connect(4, 0b1000_0010, &[], &[b"a", b"u\0"]);
    let (_, answer) = Client::try_connect(broker.address, 4, &nul).await;
    assert_eq!(answer, None);
    broker.stop().await;
}

#[tokio::test]
async fn cve_2026_25627_a_length_that_lies() {
    let broker = Broker::start().await;
    let topic = topic("");
    let publish = packet(0x30, &[text(&topic), vec![0, b'x']].concat());
    let mut longer = publish.clone();
    longer[1] += 4;
    longer.extend(b"\xc0\0\xc0\0\xc0\0");
    let mut shorter = publish.clone();
    shorter[1] = 10;
    for (bytes, reasons) in [
        (shorter, &[0x81][..]),
        (b"\x82\x0a\0\x01\0\0\xff#\0xxx".to_vec(), &[0x81]),
        (b"\x32\x05\0\x03a/b".to_vec(), &[0x81]),
        (b"\x40\x01\0".to_vec(), &[0x81]),
        (b"\x30\xff\xff\xff\x7f".to_vec(), &[0x95]),
        (b"\x30\x80\x80\x80\x80\x01".to_vec(), &[0x81]),
    ] {
        let mut client = Client::connect(broker.address, Hello::v5("c")).await;
        client.send(&bytes).await;
        let reason = client.closed().await.expect("MQTT 5 clients are told why");
        assert!(reasons.contains(&reason), "{bytes:x?}: {reason:#x}");
    }
    // What is swallowed by a length too long is payload, and nothing more.
    let mut client = Client::connect(broker.address, Hello::v5("c")).await;
    client.send(&longer).await;
    client.expect(b"\xd0\0").await;
    is_fine(&broker).await;
    broker.stop().await;
}

#[tokio::test]
async fn a_packet_too_large_is_refused_by_its_header() {
    let broker = Broker::with(Config {
        max_packet_size: 1000,
        ..Config::default()
    })
    .await;
    let topic = topic("");
    let (mut client, answer) = Client::hello(broker.address, Hello::v5("c")).await;
    let told = answer.windows(5).any(|part| part == [0x27, 0, 0, 3, 0xe8]);
    assert!(told, "{answer:x?}");
    // Three bytes of header, two of the topic's length, two of identifier, one of properties.
    let room = 1000 - 3 - 2 - topic.len() - 2 - 1;
    client.publish(0x02, &topic, 1, &vec![b'x'; room]).await;
    let larger = client.publish_packet(0x02, &topic, 2, &[], &vec![b'x'; room + 1]);
    client.send(&larger[..3]).await;
    assert_eq!(client.closed().await, Some(0x95));
    broker.stop().await;
}

//! What is kept has bounds, and whoever runs into one is told so and loses nothing that was acknowledged.

use mqtt::Config;

use crate::broker::Broker;
use crate::client::{Client, Hello};
use crate::topic;

/// The reason code of a quota that is exceeded.
const QUOTA: u8 = 0x97;

/// The flags of a PUBLISH of QoS 1, and of one that is retained too.
const QOS_1: u8 = 0x02;
const RETAINED: u8 = 0x03;

/// Publishes, and returns the reason code of the PUBACK.
async fn answer(client: &mut Client, flags: u8, topic: &str, id: u16, payload: &[u8]) -> u8 {
    let publish = client.publish_packet(flags, topic, id, &[], payload);
    client.send(&publish).await;
    let answer = client.recv().await;
    assert_eq!(
        (answer[0], &answer[2..4]),
        (0x40, &id.to_be_bytes()[..]),
        "{answer:x?}"
    );
    answer.get(4).copied().unwrap_or_default()
}

/// What makes an MQTT 5 session outlive its connection by an hour.
const AN_HOUR: &[u8] = b"\x11\0\0\x0e\x10";

fn kept(client_id: &str) -> Hello<'_> {
    Hello {
        clean: false,
        properties: AN_HOUR,
        ..Hello::v5(client_id)
    }
}

#[tokio::test]
async fn retained_messages_are_so_many_and_so_large() {
    for config in [
        Config {
            max_retained_messages: 2,
            ..Config::default()
        },
        Config {
            max_retained_bytes: 4_000,
            ..Config::default()
        },
    ] {
        let broker = Broker::with(config).await;
        let base = topic("");
        let at = |name: &str| format!("{base}/{name}");
        let payload = [b'x'; 1000];
        let mut client = Client::connect(broker.address, Hello::v5("c")).await;
        assert_eq!(
            answer(&mut client, RETAINED, &at("1"), 1, &payload).await,
            0
        );
        assert_eq!(
            answer(&mut client, RETAINED, &at("2"), 2, &payload).await,
            0
        );
        let refused = answer(&mut client, RETAINED, &at("3"), 3, &payload).await;
        assert_eq!(refused, QUOTA);
        assert_eq!(
            answer(&mut client, RETAINED, &at("2"), 4, &payload).await,
            0
        );
        assert_eq!(answer(&mut client, RETAINED, &at("1"), 5, b"").await, 0);
        assert_eq!(
            answer(&mut client, RETAINED, &at("3"), 6, &payload).await,
            0
        );

        let mut subscriber = Client::connect(broker.address, Hello::v5("s")).await;
        subscriber.subscribe(&at("#"), 0).await;
        let mut topics = [
            subscriber.message().await.topic,
            subscriber.message().await.topic,
        ];
        topics.sort();
        assert_eq!(topics, [at("2"), at("3")]);
        subscriber.expect_nothing().await;
        broker.stop().await;
    }
}

#[tokio::test]
async fn sessions_are_so_many_until_one_ends() {
    let broker = Broker::with(Config {
        max_sessions_per_thing: 2,
        ..Config::default()
    })
    .await;
    // One that is away counts too.
    drop(Client::connect(broker.address, kept("away")).await);
    let here = Client::connect(broker.address, Hello::v5("here")).await;
    let (_, refused) = Client::hello(broker.address, Hello::v5("third")).await;
    assert_eq!(refused[3], QUOTA);
    let (_, refused) = Client::hello(broker.address, Hello::v4("third")).await;
    assert_eq!(refused, [0x20, 2, 0, 3]);
    let mut back = Client::connect(broker.address, kept("away")).await;
    drop(here);
    back.expect_nothing().await;
    loop {
        let (_, answer) = Client::hello(broker.address, Hello::v5("third")).await;
        if answer[3] == 0 {
            break;
        }
    }
    broker.stop().await;
}

#[tokio::test]
async fn who_does_not_acknowledge_is_cut_when_too_much_waits_and_the_others_lose_nothing() {
    let (inflight, queued) = (4, 8);
    let broker = Broker::with(Config {
        max_inflight: inflight,
        max_queued_messages: queued,
        ..Config::default()
    })
    .await;
    let topic = topic("");
    let mut slow = Client::connect(broker.address, Hello::v5("slow")).await;
    let mut quick = Client::connect(broker.address, Hello::v5("quick")).await;
    let mut publisher = Client::connect(broker.address, Hello::v5("p")).await;
    assert_eq!(slow.subscribe(&topic, 1).await, 1);
    assert_eq!(quick.subscribe(&topic, 1).await, 1);
    for id in 1..=50 {
        let text = id.to_string();
        assert_eq!(
            answer(&mut publisher, QOS_1, &topic, id, text.as_bytes()).await,
            0
        );
        let got = quick.message().await;
        assert_eq!(got.payload, text.as_bytes());
        quick.puback(got.id).await;
    }
    for id in 1..=inflight {
        assert_eq!(slow.message().await.payload, id.to_string().as_bytes());
    }
    assert_eq!(slow.closed().await, Some(QUOTA));
    broker.stop().await;
}

#[tokio::test]
async fn a_bus_that_is_full_refuses_until_what_waits_has_gone() {
    let broker = Broker::with_bus(1 << 20).await;
    let topic = topic("");
    let mut away = Client::connect(broker.address, kept("away")).await;
    assert_eq!(away.subscribe(&topic, 1).await, 1);
    drop(away);
    let mut publisher = Client::connect(broker.address, Hello::v5("p")).await;
    let mut accepted = 0_u16;
    loop {
        let id = accepted + 1;
        let mut payload = vec![0; 20_000];
        payload[..2].copy_from_slice(&id.to_be_bytes());
        match answer(&mut publisher, QOS_1, &topic, id, &payload).await {
            0 => accepted = id,
            reason => {
                assert_eq!(reason, QUOTA);
                break;
            }
        }
        assert!(accepted < 1000, "it is never full");
    }
    let mut older = Client::connect(broker.address, Hello::v4("o")).await;
    let publish = older.publish_packet(QOS_1, &topic, 1, &[], &[0; 20_000]);
    older.send(&publish).await;
    assert_eq!(older.closed().await, None);

    let mut back = Client::connect(broker.address, kept("away")).await;
    for id in 1..=accepted {
        let got = back.message().await;
        assert_eq!(got.payload[..2], id.to_be_bytes());
        back.puback(got.id).await;
    }
    back.expect_nothing().await;
    while answer(&mut publisher, QOS_1, &topic, 1, &[1; 20_000]).await != 0 {}
    assert_eq!(back.message().await.payload, [1; 20_000]);
    broker.stop().await;
}

//! What one thing may have and do, and what it is told when that is not enough.

use mqtt::Config;

use crate::broker::Broker;
use crate::client::{Client, Hello};
use crate::topic;

#[tokio::test]
async fn a_thing_publishes_so_many_messages_and_bytes_in_a_second() {
    let topic = topic("");
    for config in [
        Config {
            max_messages_per_thing: 1,
            ..Config::default()
        },
        Config {
            max_bytes_per_thing: 100,
            ..Config::default()
        },
    ] {
        let broker = Broker::with(config).await;
        let mut client = Client::connect(broker.address, Hello::v5("c")).await;
        // Until it is too much: how long that takes is the machine's business.
        let mut id = 0;
        let refused = loop {
            id += 1;
            let publish = client.publish_packet(0x02, &topic, id, &[], b"x");
            client.send(&publish).await;
            let answer = client.recv().await;
            if answer.len() > 4 {
                break answer[4];
            }
        };
        assert_eq!(refused, 0x97);
        let flood = client.publish_packet(0, &topic, 0, &[], b"x").repeat(10);
        client.send(&flood).await;
        assert_eq!(client.closed().await, Some(0x96));

        let mut older = Client::connect(broker.address, Hello::v4("o")).await;
        let flood = older.publish_packet(0, &topic, 0, &[], b"x").repeat(10);
        older.send(&flood).await;
        assert_eq!(older.closed().await, None);
        broker.stop().await;
    }
}

#[tokio::test]
async fn a_thing_connects_so_often_in_a_second() {
    let broker = Broker::with(Config {
        max_connects_per_thing: 2,
        ..Config::default()
    })
    .await;
    let refused = |hello: Hello<'static>| async move {
        loop {
            let (_, answer) = Client::hello(broker.address, hello).await;
            if answer[3] != 0 {
                return (answer[3], broker);
            }
        }
    };
    let (code, broker) = refused(Hello::v5("c")).await;
    assert_eq!(code, 0x9f);
    let (_, answer) = Client::hello(broker.address, Hello::v4("c")).await;
    assert_eq!(answer, [0x20, 2, 0, 3]);
    broker.stop().await;
}

#[tokio::test]
async fn a_session_has_so_many_subscriptions() {
    let broker = Broker::with(Config {
        max_subscriptions: 2,
        ..Config::default()
    })
    .await;
    let (one, two, three) = (topic("/1"), topic("/2"), topic("/3"));
    let mut client = Client::connect(broker.address, Hello::v5("c")).await;
    assert_eq!(client.subscribe(&one, 0).await, 0);
    assert_eq!(client.subscribe(&format!("$share/g/{two}"), 1).await, 1);
    assert_eq!(client.subscribe(&three, 0).await, 0x97);
    assert_eq!(client.subscribe(&one, 2).await, 2, "it was there");
    client.unsubscribe(&[&one]).await;
    assert_eq!(client.subscribe(&three, 0).await, 0);
    broker.stop().await;
}

#[tokio::test]
async fn a_storm_of_connections_is_let_in_by_and_by() {
    let broker = Broker::with(Config {
        max_accepts_per_second: 50,
        ..Config::default()
    })
    .await;
    let topic = topic("");
    let mut talking = Client::connect(broker.address, Hello::v4("t")).await;
    talking.subscribe(&topic, 0).await;
    let storm = (0..120).map(|n| async move {
        let id = format!("s{n}");
        Client::connect(broker.address, Hello::v4(&id)).await
    });
    let talk = async {
        for id in 1..=100 {
            talking.publish(0x00, &topic, id, b"x").await;
            talking.message().await;
        }
    };
    let (clients, ()) = tokio::join!(futures_util::future::join_all(storm), talk);
    assert_eq!(clients.len(), 120);
    drop(clients);
    broker.stop().await;
}

//! SUBSCRIBE and UNSUBSCRIBE, and what they bring.

use crate::broker::Broker;
use crate::client::{Client, Hello, packet, text};
use crate::topic;

#[tokio::test]
async fn a_suback_has_a_code_for_each_filter_in_order() {
    let broker = Broker::start().await;
    let (one, two) = (topic("/1"), topic("/2"));
    let filters = [
        (one.as_str(), 2, 2),
        ("#/x", 0, 0x8f),
        (two.as_str(), 0, 0),
        ("$SYS/x", 1, 0x87),
        (one.as_str(), 1, 1),
    ];
    let mut body = vec![0x12, 0x34, 0];
    for (filter, options, _) in filters {
        body.extend(text(filter));
        body.push(options);
    }
    let mut client = Client::connect(broker.address, Hello::v5("c")).await;
    client.send(&packet(0x82, &body)).await;
    let answer = client.recv().await;
    assert_eq!((answer[0], &answer[2..4]), (0x90, &[0x12, 0x34][..]));
    assert!(
        answer.ends_with(&filters.map(|(.., code)| code)),
        "{answer:x?}"
    );
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x04, &one, 1, b"x").await;
    assert_eq!(client.message().await.first, 0x32, "the last one counts");
    broker.stop().await;
}

#[tokio::test]
async fn who_wants_no_reason_strings_gets_codes_alone() {
    let broker = Broker::start().await;
    for (properties, explained) in [(&b""[..], true), (b"\x17\0", false)] {
        let hello = Hello {
            properties,
            ..Hello::v5("c")
        };
        let mut client = Client::connect(broker.address, hello).await;
        let mut body = vec![0, 1, 0];
        body.extend(text("$SYS/x"));
        body.push(0);
        client.send(&packet(0x82, &body)).await;
        let answer = client.recv().await;
        assert_eq!(answer != [0x90, 4, 0, 1, 0, 0x87], explained, "{answer:x?}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn retain_handling_says_what_a_subscribe_brings() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x03, &topic, 1, b"kept").await;
    let mut client = Client::connect(broker.address, Hello::v5("c")).await;
    // Never; if it is new, which it is not; always; always again; if it is new, after it was removed.
    for (options, remove, comes) in [
        (0x20, false, false),
        (0x10, false, false),
        (0x00, false, true),
        (0x00, false, true),
        (0x10, true, true),
        (0x20, true, false),
    ] {
        if remove {
            client.unsubscribe(&[&topic]).await;
        }
        assert_eq!(client.subscribe(&topic, options).await, 0);
        if comes {
            let got = client.message().await;
            assert_eq!((got.first, got.payload.as_slice()), (0x31, &b"kept"[..]));
        }
        client.expect_nothing().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn the_retain_flag_is_as_published_where_that_is_asked_for() {
    let broker = Broker::start().await;
    let topic = topic("");
    let mut asks = Client::connect(broker.address, Hello::v5("a")).await;
    asks.subscribe(&topic, 0x08).await;
    let mut other = Client::connect(broker.address, Hello::v5("o")).await;
    other.subscribe(&topic, 0).await;
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    for retain in [1, 0] {
        publisher.publish(0x02 | retain, &topic, 1, b"x").await;
        assert_eq!(asks.message().await.first, 0x30 | retain);
        assert_eq!(other.message().await.first, 0x30);
    }
    broker.stop().await;
}

#[tokio::test]
async fn overlapping_subscriptions_are_one_copy_with_all_their_ids() {
    let broker = Broker::start().await;
    let base = topic("");
    let mut client = Client::connect(broker.address, Hello::v5("c")).await;
    for (tail, options, id) in [
        ("/a", 0, &b"\x0b\x07"[..]),
        ("/+", 1, b"\x0b\x80\x01"),
        ("/#", 0, b""),
    ] {
        let filter = format!("{base}{tail}");
        client.subscribe_with(&filter, options, id).await;
    }
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    publisher.publish(0x04, &format!("{base}/a"), 1, b"x").await;
    let got = client.message().await;
    assert_eq!(got.first, 0x32, "the highest QoS of the three");
    let has = |id: &[u8]| got.properties.windows(id.len()).any(|part| part == id);
    assert!(has(b"\x0b\x07") && has(b"\x0b\x80\x01"), "{got:x?}");
    client.expect_nothing().await;
    broker.stop().await;
}

#[tokio::test]
async fn own_messages_do_not_come_back_where_that_is_asked_for() {
    let broker = Broker::start().await;
    let topic = topic("");
    for properties in [&b""[..], b"\x11\0\0\x01\0"] {
        let hello = Hello {
            properties,
            ..Hello::v5("c")
        };
        let mut client = Client::connect(broker.address, hello).await;
        client.subscribe(&topic, 0x05).await;
        client.publish(0x02, &topic, 1, b"own").await;
        let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
        publisher.publish(0x02, &topic, 1, b"other").await;
        assert_eq!(client.message().await.payload, b"other");
        client.expect_nothing().await;
    }
    let mut client = Client::connect(broker.address, Hello::v5("d")).await;
    let mut body = vec![0, 1, 0];
    body.extend(text(&format!("$share/g/{topic}")));
    body.push(0x04);
    client.send(&packet(0x82, &body)).await;
    assert_eq!(client.closed().await, Some(0x82));
    broker.stop().await;
}

#[tokio::test]
async fn what_was_begun_is_finished_after_an_unsubscribe() {
    let broker = Broker::start().await;
    let topic = topic("");
    let hello = Hello {
        clean: false,
        ..Hello::v4("c")
    };
    for filter in [topic.clone(), format!("$share/g/{topic}")] {
        let mut client = Client::connect(broker.address, hello).await;
        client.subscribe(&filter, 1).await;
        let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
        publisher.publish(0x02, &topic, 1, b"begun").await;
        let got = client.message().await;
        client.unsubscribe(&[&filter]).await;
        publisher.publish(0x02, &topic, 2, b"late").await;
        client.expect_nothing().await;
        drop(client);
        let mut client = Client::connect(broker.address, hello).await;
        let again = client.message().await;
        assert_eq!((again.first, again.id), (0x3a, got.id));
        client.puback(again.id).await;
        client.expect_nothing().await;
    }
    broker.stop().await;
}

#[tokio::test]
async fn filters_are_compared_letter_by_letter() {
    let broker = Broker::start().await;
    let base = topic("");
    let mut client = Client::connect(broker.address, Hello::v5("c")).await;
    let filters = ["/a", "/+", "/a/", "/A"].map(|tail| format!("{base}{tail}"));
    client.subscribe(&filters[0], 0).await;
    let [a, plus, slash, upper] = &filters;
    let codes = client.unsubscribe(&[plus, slash, upper, a]).await;
    assert_eq!(codes, [0x11, 0x11, 0x11, 0x00]);
    broker.stop().await;
}

#[tokio::test]
async fn topics_are_taken_as_they_are() {
    let broker = Broker::start().await;
    let base = topic("");
    let mut publisher = Client::connect(broker.address, Hello::v4("p")).await;
    let tails = [
        "/a",
        "/a/",
        "//a",
        "/A",
        "/\u{feff}a",
        "/é",
        "/e\u{301}",
        "/a b",
        "/.",
    ];
    for (n, tail) in tails.iter().enumerate() {
        let mut client = Client::connect(broker.address, Hello::v4("c")).await;
        client.subscribe(&format!("{base}{tail}"), 0).await;
        for other in tails {
            publisher
                .publish(0x02, &format!("{base}{other}"), 1, b"x")
                .await;
        }
        assert_eq!(client.message().await.topic, format!("{base}{tail}"), "{n}");
        client.expect_nothing().await;
    }
    broker.stop().await;
}

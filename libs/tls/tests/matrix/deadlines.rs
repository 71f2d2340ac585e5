//! Peers that are silent, slow, or talk nonsense.

use std::time::{Duration, Instant};

use tls::Alpn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::stage::{acceptor, meet, poll_once, sockets, soon, throw};

const QUICK: &[(&str, &str)] = &[
    ("FIRST_BYTE_TIMEOUT", "150ms"),
    ("HANDSHAKE_TIMEOUT", "400ms"),
];

/// The beginning of a record that promises more, of a hello that never ends, and so on.
#[tokio::test]
async fn slow_ones_end_at_the_deadline() {
    for (case, bytes, least) in [
        ("silent", &b""[..], 150),
        ("half a header", b"\x16\x03", 400),
        ("a record that stays away", b"\x16\x03\x01\x40\x00\x01", 400),
    ] {
        let (result, took) = throw(&acceptor(Alpn::none(), QUICK), bytes).await;
        let refused = result.err().unwrap();
        assert_eq!(refused.reason.as_str(), "deadline", "{case}");
        assert!(took >= Duration::from_millis(least), "{case}: {took:?}");
        assert!(took < Duration::from_secs(5), "{case}: {took:?}");
    }
}

#[tokio::test]
async fn a_trickle_does_not_buy_time() {
    let acceptor = acceptor(Alpn::none(), QUICK);
    let (server, mut client, peer) = sockets().await;
    let trickle = async {
        let mut tick = tokio::time::interval(Duration::from_millis(40));
        let header = *b"\x16\x03\x01\x40\x00\x01";
        for byte in header.into_iter().chain(std::iter::repeat(0)) {
            tick.tick().await;
            if client.write_all(&[byte]).await.is_err() {
                break;
            }
        }
    };
    let started = Instant::now();
    let (result, ()) = soon(async { tokio::join!(acceptor.accept(server, peer), trickle) }).await;
    assert_eq!(result.err().unwrap().reason.as_str(), "deadline");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn nonsense_is_refused_at_once() {
    let mut flood = b"\x16\x03\x01\x00\x00".repeat(100);
    let mut alerts = b"\x15\x03\x01\x00\x02\x01\x5a".repeat(100);
    flood.insert(0, 0x16);
    alerts.splice(0..0, *b"\x16\x03\x01\x00\x01\x01");
    for (case, bytes, expected) in [
        ("HTTP", &b"GET / HTTP/1.1\r\n\r\n"[..], &["plaintext"][..]),
        (
            "HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            &["plaintext"],
        ),
        (
            "MQTT",
            b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
            &["plaintext"],
        ),
        (
            "SSL 2",
            b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
            &["plaintext"],
        ),
        (
            "SSL 3",
            b"\x16\x03\x00\x00\x2d\x01\x00\x00\x29\x03\x00",
            &["version", "protocol", "deadline"],
        ),
        (
            "a record of 64 kB",
            b"\x16\x03\x01\xff\xff\x01",
            &["protocol"],
        ),
        (
            "a hello of 16 MB",
            b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
            &["protocol"],
        ),
        ("empty records", &flood, &["protocol", "version"]),
        ("alerts", &alerts, &["protocol", "alert"]),
    ] {
        let (result, took) = throw(&acceptor(Alpn::none(), QUICK), bytes).await;
        let refused = result.err().unwrap();
        assert!(
            expected.contains(&refused.reason.as_str()),
            "{case}: {refused}"
        );
        assert!(took < Duration::from_secs(5), "{case}: {took:?}");
    }
}

/// A whole hello of SSL 3, which offers nothing newer (row 51).
#[tokio::test]
async fn a_hello_of_ssl_3_is_too_old() {
    let mut hello = vec![3, 0];
    hello.extend([7; 32]);
    // No session, two suites, no compression.
    hello.extend([0, 0, 4, 0, 0x0a, 0, 0x35, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let bytes = [&[0x16, 3, 0, 0, length + 4, 1, 0, 0, length], &hello[..]].concat();
    let (result, _) = throw(&acceptor(Alpn::none(), &[]), &bytes).await;
    assert_eq!(result.err().unwrap().reason.as_str(), "version");
}

#[tokio::test]
async fn a_peer_that_leaves_is_noticed_at_once() {
    let acceptor = acceptor(Alpn::none(), &[]);
    for bytes in [&b""[..], b"\x16\x03\x01"] {
        let (server, mut client, peer) = sockets().await;
        client.write_all(bytes).await.unwrap();
        drop(client);
        let refused = soon(acceptor.accept(server, peer)).await.err().unwrap();
        assert_eq!(refused.reason.as_str(), "io", "{refused}");
    }
}

/// Twice as many peers as there are places for handshakes, and none of them says anything.
#[tokio::test]
async fn silent_peers_keep_nobody_out() {
    let acceptor = acceptor(Alpn::none(), &[("MAX_HANDSHAKES", "8")]);
    let mut tasks = JoinSet::new();
    let mut silent = Vec::<TcpStream>::new();
    for _ in 0..16 {
        let (server, client, peer) = sockets().await;
        silent.push(client);
        let acceptor = acceptor.clone();
        tasks.spawn(async move { acceptor.accept(server, peer).await.map(drop) });
    }
    let started = Instant::now();
    let meeting = meet(&acceptor, |_| {}).await;
    assert_eq!(meeting.outcome(), "ok");
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

/// When handshakes take all places, those that wait for their peer have less time.
#[tokio::test]
async fn half_hellos_free_their_places_early() {
    let fields = [("MAX_HANDSHAKES", "5"), ("HANDSHAKE_TIMEOUT", "60s")];
    let acceptor = acceptor(Alpn::none(), &fields);
    let mut tasks = JoinSet::new();
    let mut half = Vec::<TcpStream>::new();
    for _ in 0..8 {
        let (server, mut client, peer) = sockets().await;
        client.write_all(b"\x16\x03").await.unwrap();
        half.push(client);
        let acceptor = acceptor.clone();
        tasks.spawn(async move { acceptor.accept(server, peer).await.map(drop) });
    }
    let refused = soon(tasks.join_next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.reason.as_str(), "deadline");
}

/// Who has waited for its turn as long as another handshake may take has all the time of its own.
#[tokio::test]
async fn a_turn_that_was_waited_for_is_a_whole_one() {
    let fields = [("MAX_HANDSHAKES", "1"), ("HANDSHAKE_TIMEOUT", "60s")];
    let acceptor = acceptor(Alpn::none(), &fields);
    let (server, mut half, peer) = sockets().await;
    half.write_all(b"\x16\x03").await.unwrap();
    server.readable().await.unwrap();
    let mut first = Box::pin(acceptor.accept(server, peer));
    assert!(
        poll_once(&mut first).await.is_none(),
        "it has the only place"
    );
    let second = meet(&acceptor, |_| {});
    let (first, second) = soon(async { tokio::join!(first, second) }).await;
    assert_eq!(first.err().unwrap().reason.as_str(), "deadline");
    assert_eq!(second.outcome(), "ok");
}

#[tokio::test]
async fn more_than_may_wait_are_refused() {
    let acceptor = acceptor(Alpn::none(), &[("MAX_PENDING", "1")]);
    let (server, _silent, peer) = sockets().await;
    let waiting = acceptor.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { waiting.accept(server, peer).await.map(drop) });
    let busy = async {
        loop {
            let (server, mut client, peer) = sockets().await;
            client.write_all(b"GET /").await.unwrap();
            client.shutdown().await.unwrap();
            let refused = acceptor.accept(server, peer).await.err().unwrap();
            if refused.reason.as_str() == "busy" {
                let mut rest = Vec::new();
                let _ = client.read_to_end(&mut rest).await;
                return;
            }
        }
    };
    soon(busy).await;
}

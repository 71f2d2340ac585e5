//! The PROXY protocol in front of TLS and of plaintext.

use std::pin::Pin;

use tls::{Acceptor, Alpn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_openssl::SslStream;

use crate::stage::{ENDPOINT, Fields, acceptor, connector, load, sockets, soon, throw};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x12\x67\x01\xbb";
const SOURCE: &str = "192.0.2.7:4711";

const TRUSTED: Fields<'_> = &[
    ("PROXY_PROTOCOL", "any"),
    ("PROXY_PROTOCOL_FROM", "127.0.0.0/8"),
];
const UNTRUSTED: Fields<'_> = &[
    ("PROXY_PROTOCOL", "any"),
    ("PROXY_PROTOCOL_FROM", "10.0.0.0/8"),
];
const REQUIRED: Fields<'_> = &[
    ("PROXY_PROTOCOL", "require"),
    ("PROXY_PROTOCOL_FROM", "127.0.0.1"),
];
const REQUIRED_ELSEWHERE: Fields<'_> = &[
    ("PROXY_PROTOCOL", "require"),
    ("PROXY_PROTOCOL_FROM", "10.0.0.1"),
];

fn plain(fields: Fields<'_>) -> Acceptor {
    let settings = load(ENDPOINT, "MF_HTTP_ADAPTER", fields).unwrap();
    Acceptor::open(&settings, Alpn::none()).unwrap()
}

#[tokio::test]
async fn the_address_is_the_clients() {
    for header in [V1, V2] {
        let acceptor = acceptor(Alpn::none(), TRUSTED);
        let (server, mut client, peer) = sockets().await;
        client.write_all(header).await.unwrap();
        let call = async {
            let ssl = connector(|_| {})
                .configure()
                .unwrap()
                .into_ssl("localhost")
                .unwrap();
            let mut stream = SslStream::new(ssl, client).unwrap();
            Pin::new(&mut stream).connect().await.unwrap();
            stream
        };
        let (accepted, _stream) =
            soon(async { tokio::join!(acceptor.accept(server, peer), call) }).await;
        let accepted = accepted.ok().unwrap();
        assert_eq!(accepted.peer, SOURCE.parse().unwrap());
        assert_eq!(accepted.via, Some(peer));
        assert!(accepted.tls.is_some());

        let (result, _) = throw(&plain(TRUSTED), &[header, b"GET /"].concat()).await;
        let accepted = result.ok().unwrap();
        assert_eq!(accepted.peer, SOURCE.parse().unwrap());
        assert!(accepted.tls.is_none());
    }
}

/// What a proxy says about the client's certificate in a TLV is not read: anybody could have made it up (row 75).
#[tokio::test]
async fn a_name_in_a_tlv_is_nobody() {
    let cn = b"\x22\0\x05thing";
    let tls = [&b"\x20\0\x0d\x05\0\0\0\0"[..], cn].concat();
    let mut header = V2.to_vec();
    header[15] += u8::try_from(tls.len()).unwrap();
    header.extend(tls);
    let (result, _) = throw(&plain(TRUSTED), &[&header, &b"GET /"[..]].concat()).await;
    let accepted = result.ok().unwrap();
    assert_eq!(accepted.peer, SOURCE.parse().unwrap());
    assert!(accepted.tls.is_none());
    let mut rest = [0; 5];
    let mut io = accepted.io;
    soon(io.read_exact(&mut rest)).await.unwrap();
    assert_eq!(&rest, b"GET /");
    // From anybody else it is no header at all.
    let (result, _) = throw(&acceptor(Alpn::none(), UNTRUSTED), &header).await;
    assert_eq!(result.err().unwrap().reason.as_str(), "plaintext");
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let (result, _) = throw(&acceptor(Alpn::none(), UNTRUSTED), V1).await;
    assert_eq!(result.err().unwrap().reason.as_str(), "plaintext");
    let (result, _) = throw(&plain(UNTRUSTED), V1).await;
    let accepted = result.ok().unwrap();
    assert!(accepted.peer.ip().is_loopback() && accepted.via.is_none());
}

#[tokio::test]
async fn a_header_that_must_be_there() {
    for (case, fields, bytes, expected) in [
        ("missing", REQUIRED, &b"\x16\x03\x01"[..], "proxy_header"),
        ("from elsewhere", REQUIRED_ELSEWHERE, V1, "proxy_header"),
        ("malformed", TRUSTED, b"PROXY UDP9 x\r\n", "proxy_header"),
        (
            "cut off",
            &[TRUSTED[0], TRUSTED[1], ("FIRST_BYTE_TIMEOUT", "100ms")],
            &V2[..14],
            "deadline",
        ),
    ] {
        let (result, _) = throw(&acceptor(Alpn::none(), fields), bytes).await;
        assert_eq!(result.err().unwrap().reason.as_str(), expected, "{case}");
        let (result, _) = throw(&plain(fields), bytes).await;
        assert_eq!(
            result.err().unwrap().reason.as_str(),
            expected,
            "{case}, plain"
        );
    }
}

#[tokio::test]
async fn clients_behind_a_proxy_are_counted_one_by_one() {
    let fields = [TRUSTED[0], TRUSTED[1], ("MAX_PER_IP", "1")];
    let acceptor = acceptor(Alpn::none(), &fields);
    let (server, mut client, peer) = sockets().await;
    client.write_all(&[V1, b"\x16\x03"].concat()).await.unwrap();
    let first = acceptor.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { first.accept(server, peer).await.map(drop) });
    let busy = async {
        loop {
            let (result, _) = throw(&acceptor, &[V1, b"\x16\x03\x00\xff\xff"].concat()).await;
            if result.err().unwrap().reason.as_str() == "busy" {
                return;
            }
        }
    };
    soon(busy).await;
}

//! TLS and plaintext on one port.

use tls::Alpn;
use tokio::io::AsyncReadExt;

use crate::stage::{acceptor, meet, throw};

#[tokio::test]
async fn the_first_byte_decides_and_the_network_limits() {
    let here = acceptor(Alpn::none(), &[("PLAINTEXT", "allow")]);
    let (result, _) = throw(&here, b"GET / HTTP/1.1\r\n").await;
    let mut accepted = result.ok().unwrap();
    assert!(accepted.tls.is_none());
    let mut word = [0; 5];
    accepted.io.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"GET /");
    assert_eq!(meet(&here, |_| {}).await.outcome(), "ok");

    let elsewhere = [
        ("PLAINTEXT", "allow"),
        ("PLAINTEXT_FROM", "10.0.0.0/8, fe80::/10"),
    ];
    let (result, _) = throw(&acceptor(Alpn::none(), &elsewhere), b"GET /").await;
    assert_eq!(result.err().unwrap().reason.as_str(), "plaintext");
}

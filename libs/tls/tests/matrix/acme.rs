//! Certificates from a CA: challenges, renewal, what is kept, and what happens without the CA.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use openssl::pkey::Id;
use openssl::x509::X509;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::pebble::{Ca, free_port};
use crate::site::{Site, eventually};
use crate::stage::{Fields, WORLD};

const HOST: &str = "iot.example";

/// A CA, and a directory to keep what it issues.
struct World {
    ca: Ca,
    cache: tempfile::TempDir,
    root: tempfile::NamedTempFile,
}

impl World {
    /// One whose CA checks names on a new listener.
    async fn new(change: impl FnOnce(&mut Ca)) -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ca = Ca {
            tls_port: listener.local_addr().unwrap().port(),
            ..Ca::default()
        };
        change(&mut ca);
        let root = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(root.path(), WORLD.root.cert_pem()).unwrap();
        let cache = tempfile::tempdir().unwrap();
        (Self { ca, cache, root }, listener)
    }

    fn serve(&self, listener: TcpListener, more: Fields<'_>) -> Site {
        let directory = self.ca.directory();
        let mut fields = vec![
            ("AUTOCERT", "true"),
            ("AUTOCERT_HOST_WHITELIST", HOST),
            ("AUTOCERT_CACHE_DIR", self.cache.path().to_str().unwrap()),
            ("AUTOCERT_DIRECTORY_URL", &directory),
            ("AUTOCERT_CA_PEM_FILE", self.root.path().to_str().unwrap()),
        ];
        for field in more {
            fields.retain(|(name, _)| name != &field.0);
            fields.push(*field);
        }
        Site::serve(listener, &fields)
    }
}

fn is_for(cert: &X509, host: &str) -> bool {
    let names = cert.subject_alt_names().unwrap();
    names.iter().any(|name| name.dnsname() == Some(host))
}

fn serial(cert: &X509) -> Vec<u8> {
    cert.serial_number().to_bn().unwrap().to_vec()
}

async fn again(port: u16) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port)).await.unwrap()
}

#[tokio::test]
async fn over_tls_where_client_certificates_are_demanded_and_kept_for_the_next_start() {
    let (world, listener) = World::new(|_| {}).await;
    let ca = WORLD.root.cert_pem();
    let mutual = [("CLIENT_CA_PEM", ca.as_str())];
    let pebble = world.ca.start().await;
    let site = world.serve(listener, &mutual);
    let path = world.cache.path().join(format!("{HOST}.pem"));
    eventually("the certificate", || async { path.exists().then_some(()) }).await;
    for entry in std::fs::read_dir(world.cache.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
    // The certificate is there, and now it is the client's turn to have one.
    let (reason, alert) = eventually("the certificate in use", || async {
        let refusal = site.refusal(Some(HOST)).await;
        (refusal.0 != "no_certificate").then_some(refusal)
    })
    .await;
    assert_eq!(reason, "no_client_cert");
    assert!(alert.contains("certificate required"), "{alert}");
    let first = X509::from_pem(&std::fs::read(&path).unwrap()).unwrap();

    // The CA is not needed for a certificate that is kept.
    drop((site, pebble));
    let site = world.serve(again(free_port()).await, &[]);
    let shown = site.shown(Some(HOST)).await.unwrap();
    assert_eq!(serial(&shown), serial(&first));
    // What is in use stays in use without its file.
    std::fs::remove_file(&path).unwrap();
    let error = site.acceptor.tls().unwrap().reload().unwrap_err();
    assert!(error.to_string().contains("lost a certificate"), "{error}");
    assert!(site.shown(Some(HOST)).await.is_ok());

    // A CA that has lost the account gives out another.
    drop(site);
    let _pebble = world.ca.start().await;
    let site = world.serve(again(world.ca.tls_port).await, &[]);
    site.until(Some(HOST), |cert| serial(cert) != serial(&first))
        .await;
}

#[tokio::test]
async fn over_http_with_an_rsa_key_and_an_account_from_elsewhere() {
    let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (world, listener) = World::new(|ca| {
        ca.tls_port = 1;
        ca.http_port = http.local_addr().unwrap().port();
        ca.external = Some((
            "kid-1",
            "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
        ));
    })
    .await;
    let _pebble = world.ca.start().await;
    let key = world.ca.external.unwrap().1;
    let site = world.serve(
        listener,
        &[
            ("AUTOCERT_HTTP", "true"),
            ("AUTOCERT_FORCE_RSA", "true"),
            ("AUTOCERT_EAB_KID", "kid-1"),
            ("AUTOCERT_EAB_HMAC", key),
            ("AUTOCERT_EMAIL", "operator@iot.example"),
        ],
    );
    let mut tasks = JoinSet::new();
    tasks.spawn(answer(http, site.challenges.clone()));
    let cert = site.until(None, |cert| is_for(cert, HOST)).await;
    assert_eq!(cert.public_key().unwrap().id(), Id::RSA);
}

/// The smallest web server that a CA is content with.
async fn answer(listener: TcpListener, challenges: tls::Challenges) {
    while let Ok((io, _)) = listener.accept().await {
        let mut io = BufReader::new(io);
        let mut line = String::new();
        io.read_line(&mut line).await.unwrap();
        let path = line.split(' ').nth(1).unwrap_or_default();
        let token = path.rsplit('/').next().unwrap_or_default();
        let body = challenges.answer(token).unwrap_or_default();
        let length = body.len();
        let reply = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let _ = io.write_all(reply.as_bytes()).await;
    }
}

#[tokio::test]
async fn renewed_before_it_expires() {
    let (world, listener) = World::new(|ca| ca.life = Duration::from_secs(9)).await;
    let _pebble = world.ca.start().await;
    let site = world.serve(listener, &[]);
    let first = serial(&site.until(Some(HOST), |_| true).await);
    // The connection of before goes on, whatever becomes of its certificate.
    let mut open = site.call(Some(HOST), &[]).await.unwrap();
    let second = site.until(Some(HOST), |cert| serial(cert) != first).await;
    let now = openssl::asn1::Asn1Time::days_from_now(0).unwrap();
    assert!(second.not_after() > now);
    let mut rest = Vec::new();
    assert_eq!(open.read_to_end(&mut rest).await.unwrap(), 0);
}

#[tokio::test]
async fn a_ca_that_is_down_is_waited_for_and_what_is_kept_is_checked() {
    let (world, listener) = World::new(|_| {}).await;
    std::fs::write(world.cache.path().join(format!("{HOST}.pem")), "nonsense").unwrap();
    let site = world.serve(listener, &[]);
    let (reason, alert) = site.refusal(Some(HOST)).await;
    assert_eq!(reason, "no_certificate");
    assert!(alert.contains("internal error"), "{alert}");
    assert_eq!(site.refusal(None).await.0, "no_certificate");
    let _pebble = world.ca.start().await;
    site.until(Some(HOST), |cert| is_for(cert, HOST)).await;
}

#[tokio::test]
async fn every_name_has_its_certificate_and_no_other_name_has_one() {
    let (world, listener) = World::new(|_| {}).await;
    let _pebble = world.ca.start().await;
    let site = world.serve(
        listener,
        &[
            ("AUTOCERT_HOST_WHITELIST", "one.example,Two.example"),
            ("AUTOCERT_SERVER_NAME", "two.example"),
        ],
    );
    for name in ["one.example", "two.example", "TWO.example"] {
        let lower = name.to_lowercase();
        site.until(Some(name), |cert| is_for(cert, &lower)).await;
    }
    assert!(is_for(&site.shown(None).await.unwrap(), "two.example"));
    let (reason, alert) = site.refusal(Some("three.example")).await;
    assert_eq!(reason, "name");
    assert!(alert.contains("unrecognized name"), "{alert}");
}

#[tokio::test]
async fn what_answers_a_challenge_answers_nothing_else() {
    // The CA looks for the answer where nobody speaks, so that it goes on looking.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (world, listener) =
        World::new(|ca| ca.tls_port = silent.local_addr().unwrap().port()).await;
    let site = world.serve(listener, &[]);
    let acme = b"\x0aacme-tls/1";
    let alert = site.call(Some(HOST), acme).await.err().unwrap();
    assert!(alert.contains("no application protocol"), "{alert}");
    let _pebble = world.ca.start().await;
    let mut stream = eventually("the challenge", || async {
        site.call(Some(HOST), acme).await.ok()
    })
    .await;
    assert_eq!(stream.ssl().selected_alpn_protocol(), Some(&acme[1..]));
    assert!(is_for(&stream.ssl().peer_certificate().unwrap(), HOST));
    // It may be closed before that is written.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
    assert!(site.call(Some("other.example"), acme).await.is_err());
    assert_eq!(site.refusal(Some(HOST)).await.0, "no_certificate");
    assert!(!Path::new(&world.cache.path().join(format!("{HOST}.pem"))).exists());
}

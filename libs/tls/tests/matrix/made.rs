//! The certificates of `ssl/Makefile`, as the strict profile sees them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tls::{Acceptor, Alpn, ClientTls, endpoints};

use crate::stage::{load, sockets, soon};

fn make(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("make")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ssl"))
        .arg(format!("CRT_LOCATION={}", directory.display()))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout) + &text(&output.stderr);
    (output.status.success(), printed)
}

fn made(directory: &Path, arguments: &[&str]) -> String {
    let (good, printed) = make(directory, arguments);
    assert!(good, "make {arguments:?}: {printed}");
    printed
}

/// Who a listener with the server's certificate takes a client for.
async fn subject(directory: &Path, client: &str, crl: bool) -> Result<tls::PeerCert, String> {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("mainflux-server.crt"), path("mainflux-server.key"));
    let (ca, list) = (path("ca.crt"), path("ca.crl"));
    let mut listener = vec![
        ("CERT_PEM_FILE", cert.as_str()),
        ("KEY_PEM_FILE", &key),
        ("CLIENT_CA_PEM_FILE", &ca),
    ];
    if crl {
        listener.push(("CRL_FILE", &list));
    }
    let settings = load(&endpoints::WS_ADAPTER, "MF_WS_ADAPTER", &listener)?;
    let acceptor = Acceptor::open(&settings, Alpn::none()).unwrap();
    let (cert, key) = (
        path(&format!("{client}.crt")),
        path(&format!("{client}.key")),
    );
    let fields = [
        ("CERT_PEM_FILE", cert.as_str()),
        ("KEY_PEM_FILE", &key),
        ("SERVER_CA_PEM_FILE", &ca),
    ];
    let settings = load(
        &endpoints::WS_ADAPTER_THINGS,
        "MF_WS_ADAPTER_CLIENT",
        &fields,
    )?;
    let client = ClientTls::open(&settings, Alpn::none()).unwrap();
    let (io, socket, peer) = sockets().await;
    let (accepted, connected) = soon(async {
        tokio::join!(
            acceptor.accept(io, peer),
            client.connect("localhost", socket)
        )
    })
    .await;
    let accepted = accepted.map_err(|refused| refused.reason.to_string())?;
    connected.map_err(|refused| refused.to_string())?;
    let tls = accepted.tls.unwrap();
    Ok(tls.peer.as_deref().unwrap().clone())
}

#[tokio::test]
async fn what_make_makes_is_strict_kept_and_revocable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    made(path, &["all"]);
    let thing = "THING=11111111-1111-4111-8111-111111111111";
    let printed = made(path, &["thing_cert", thing]);
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "key")
        {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
        }
    }
    let service = subject(path, "service-things", true).await.unwrap();
    assert_eq!(service.uris, ["spiffe://ferroflux/svc/things"]);
    let found = subject(path, "thing", true).await.unwrap();
    assert_eq!(
        found.uris,
        ["spiffe://ferroflux/thing/11111111-1111-4111-8111-111111111111"]
    );
    let print = found.fingerprint().to_uppercase();
    assert!(printed.replace(':', "").contains(&print), "{printed}");

    // A second run changes nothing; another subject is refused instead of overwriting the first.
    let before = std::fs::read(path.join("thing.crt")).unwrap();
    made(path, &["all"]);
    made(path, &["thing_cert", thing]);
    let (good, printed) = make(path, &["thing_cert", "KEY=another"]);
    assert!(
        !good && printed.contains("is for another subject"),
        "{printed}"
    );
    assert_eq!(std::fs::read(path.join("thing.crt")).unwrap(), before);

    made(path, &["revoke"]);
    assert_eq!(
        subject(path, "thing", true).await,
        Err("revoked".to_owned())
    );
    assert!(subject(path, "thing", false).await.is_ok());
}

#[tokio::test]
async fn the_variables_of_0_9_and_rsa() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    made(
        path,
        &["ca", "server_cert", "CN=mqtt.example", "KEY_TYPE=rsa"],
    );
    made(
        path,
        &[
            "thing_cert",
            "KEY=the-key",
            "CRT_FILE_NAME=sensor",
            "O=Acme",
            "KEY_TYPE=rsa",
        ],
    );
    let found = subject(path, "sensor", false).await.unwrap();
    assert_eq!(found.cn.as_deref(), Some("the-key"));
    assert!(found.uris.is_empty());
    made(path, &["clean_certs"]);
    assert_eq!(std::fs::read_dir(path).unwrap().count(), 0);
}

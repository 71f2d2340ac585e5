//! Several certificates on one listener.

use std::path::Path;

use openssl::x509::X509;
use tls::Reloaded;
use tokio::net::TcpListener;

use crate::foreign::visit;
use crate::pki::{Issued, Spec};
use crate::site::{Site, settings};
use crate::stage::{WORLD, mutual};

fn write(directory: &Path, file: &str, issued: &Issued) {
    std::fs::write(directory.join(format!("{file}.crt")), issued.pem()).unwrap();
    std::fs::write(directory.join(format!("{file}.key")), issued.key_pem()).unwrap();
}

fn server(cn: &str, names: &[&str]) -> Issued {
    WORLD.intermediate.issue(&Spec {
        cn: cn.to_owned(),
        ..Spec::server(names)
    })
}

fn cn(cert: &X509) -> String {
    let mut entries = cert
        .subject_name()
        .entries_by_nid(openssl::nid::Nid::COMMONNAME);
    let entry = entries.next().unwrap();
    entry.data().to_string().unwrap()
}

async fn site(directory: &Path, more: &[(&str, &str)]) -> Site {
    let (cert, key) = (WORLD.server.pem(), WORLD.server.key_pem());
    let mut fields = vec![
        ("CERT_PEM", cert.as_str()),
        ("KEY_PEM", &key),
        ("CERTS_DIR", directory.to_str().unwrap()),
    ];
    fields.extend_from_slice(more);
    Site::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), &fields)
}

async fn shown(site: &Site, name: &str) -> String {
    let name = (!name.is_empty()).then_some(name);
    cn(&site.shown(name).await.unwrap())
}

#[tokio::test]
async fn a_client_gets_the_certificate_of_the_name_it_asks_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(path, "one", &server("one", &["one.example", "uno.example"]));
    write(path, "wild", &server("wild", &["*.example"]));
    let site = site(path, &[]).await;
    for (name, expected) in [
        ("one.example", "one"),
        ("UNO.example", "one"),
        ("two.example", "wild"),
        ("a.b.example", "server"),
        ("localhost", "server"),
        ("", "server"),
    ] {
        assert_eq!(shown(&site, name).await, expected, "{name}");
    }
}

#[tokio::test]
async fn every_certificate_demands_one_of_the_client() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "one", &server("one", &["one.example"]));
    let ca = WORLD.root.cert_pem();
    let site = site(directory.path(), &[("CLIENT_CA_PEM", &ca)]).await;
    for name in ["one.example", "localhost"] {
        assert_eq!(site.refusal(Some(name)).await.0, "no_client_cert", "{name}");
    }
}

/// The context that is turned to must go on with the sessions of the listener: OpenSSL ends a connection that it may not resume.
#[tokio::test]
async fn a_session_is_resumed_under_a_name_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(path, "local", &server("local", &["local.example"]));
    let certs = path.to_str().unwrap();
    let acceptor = mutual(&[("SESSION_TICKETS", "on"), ("CERTS_DIR", certs)]);
    for version in ["-tls1_2", "-tls1_3"] {
        let session = path.join(format!("session{version}"));
        let session = session.to_str().unwrap();
        for (option, expected) in [("-sess_out", "New, TLS"), ("-sess_in", "Reused, TLS")] {
            let arguments = [version, option, session, "-servername", "local.example"];
            let visited = visit(&acceptor, path, &WORLD.client, &arguments).await;
            assert!(visited.printed.contains(expected), "{}", visited.printed);
            assert!(visited.printed.contains("welcome"), "{}", visited.printed);
            assert!(
                visited.printed.contains("CN = local\n"),
                "{}",
                visited.printed
            );
        }
    }
}

#[tokio::test]
async fn the_directory_is_read_again_and_checked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(path, "one", &server("one", &["one.example"]));
    let site = site(path, &[("RELOAD", "off")]).await;
    let tls = site.acceptor.tls().unwrap();
    assert_eq!(tls.reload().unwrap(), Reloaded::Unchanged);

    write(path, "two", &server("two", &["two.example"]));
    std::fs::remove_file(path.join("two.key")).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(
        error.contains("CERTS_DIR (two.key) cannot be read"),
        "{error}"
    );
    write(path, "two", &server("two", &["two.example"]));
    std::fs::write(path.join("two.key"), WORLD.client.key_pem()).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(
        error.contains("CERTS_DIR (two.key) is not the key"),
        "{error}"
    );
    assert_eq!(shown(&site, "two.example").await, "server");

    write(path, "two", &server("two", &["two.example"]));
    assert_eq!(tls.reload().unwrap(), Reloaded::Swapped(2));
    assert_eq!(shown(&site, "two.example").await, "two");
    std::fs::remove_file(path.join("one.crt")).unwrap();
    assert_eq!(tls.reload().unwrap(), Reloaded::Swapped(3));
    assert_eq!(shown(&site, "one.example").await, "server");
}

#[test]
fn a_directory_alone_is_no_reason_to_speak_plaintext() {
    let directory = tempfile::tempdir().unwrap();
    let error = settings(&[("CERTS_DIR", directory.path().to_str().unwrap())]);
    let error = error.err().unwrap();
    assert!(
        error.contains("MF_WS_ADAPTER_TLS_CERT_PEM_FILE is not set"),
        "{error}"
    );
    let (cert, key) = (WORLD.server.pem(), WORLD.server.key_pem());
    let pair = [("CERT_PEM", cert.as_str()), ("KEY_PEM", &key)];
    let error = settings(&[pair[0], pair[1], ("CERTS_DIR", "/nowhere")]);
    let error = error.err().unwrap();
    assert!(
        error.contains("MF_WS_ADAPTER_TLS_CERTS_DIR cannot be read"),
        "{error}"
    );
}

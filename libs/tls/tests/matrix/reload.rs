//! New certificates while connections go on.

use std::os::unix::fs::symlink;
use std::path::Path;

use config::{Environment, Problems};
use tls::{Acceptor, Alpn, Reloaded, Reloader, Settings};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::pki::{Issued, Spec};
use crate::stage::{ENDPOINT, WORLD, meet, soon};

fn server(serial: u32) -> Issued {
    WORLD.intermediate.issue(&Spec {
        serial: Some(serial),
        ..Spec::server(&["localhost"])
    })
}

pub(crate) fn write(directory: &Path, issued: &Issued) {
    std::fs::write(directory.join("tls.crt"), issued.pem()).unwrap();
    std::fs::write(directory.join("tls.key"), issued.key_pem()).unwrap();
}

pub(crate) fn open(directory: &Path, more: &[(&str, &str)]) -> Acceptor {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let mut variables = vec![
        ("CERT_PEM_FILE".to_owned(), path("tls.crt")),
        ("KEY_PEM_FILE".to_owned(), path("tls.key")),
    ];
    variables.extend(
        more.iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned())),
    );
    let environment: Environment = variables
        .into_iter()
        .map(|(name, value)| (format!("MF_HTTP_ADAPTER_TLS_{name}"), value))
        .collect();
    let mut problems = Problems::new();
    let settings = Settings::load(&environment, ENDPOINT, &mut problems, &mut Vec::new());
    Acceptor::open(
        &settings.unwrap_or_else(|| panic!("{problems}")),
        Alpn::none(),
    )
    .unwrap()
}

/// The serial number a new client is shown, and the generation.
async fn shown(acceptor: &Acceptor) -> (u32, u64) {
    let meeting = meet(acceptor, |_| {}).await;
    let generation = meeting.server.ok().unwrap().tls.unwrap().generation;
    let cert = meeting.client.unwrap().ssl().peer_certificate().unwrap();
    let serial = cert.serial_number().to_bn().unwrap().to_vec();
    let serial = serial
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte));
    (serial, generation)
}

#[tokio::test]
async fn what_is_wrong_leaves_the_old_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    write(path, &server(1));
    let acceptor = open(path, &[]);
    let tls = acceptor.tls().unwrap();
    assert_eq!(tls.reload().unwrap(), Reloaded::Unchanged);

    std::fs::write(path.join("tls.key"), server(9).key_pem()).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("KEY_PEM_FILE is not the key"), "{error}");
    let whole = server(2).pem();
    std::fs::write(path.join("tls.crt"), &whole[..whole.len() / 4]).unwrap();
    assert!(tls.reload().is_err());
    let expired = WORLD.intermediate.issue(&Spec {
        days: (-5, -1),
        ..Spec::server(&["localhost"])
    });
    write(path, &expired);
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("expired at"), "{error}");
    std::fs::remove_file(path.join("tls.crt")).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
    assert_eq!(shown(&acceptor).await, (1, 1));

    write(path, &server(2));
    assert_eq!(tls.reload().unwrap(), Reloaded::Swapped(2));
    assert_eq!(shown(&acceptor).await, (2, 2));
}

async fn until(acceptor: &Acceptor, serial: u32) {
    soon(async {
        while shown(acceptor).await.0 != serial {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_way_to_replace_a_file_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let secret = |serial: u32| {
        let version = path.join(format!("..{serial}"));
        std::fs::create_dir(&version).unwrap();
        write(&version, &server(serial));
        let _ = std::fs::remove_file(path.join("..new"));
        symlink(&version, path.join("..new")).unwrap();
        std::fs::rename(path.join("..new"), path.join("..data")).unwrap();
    };
    // As the kubelet does it: the files are links through a link that is swapped.
    secret(1);
    symlink("..data/tls.crt", path.join("tls.crt")).unwrap();
    symlink("..data/tls.key", path.join("tls.key")).unwrap();
    let acceptor = open(path, &[]);
    let mut reloader = Reloader::new();
    reloader.add_server(acceptor.tls().unwrap());
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(reloader.run(stop.clone()));
    assert_eq!(shown(&acceptor).await.0, 1);
    secret(2);
    until(&acceptor, 2).await;
    // Renamed over it, twice, and then written in place.
    for serial in [3, 4] {
        let new = tempfile::tempdir_in(path).unwrap();
        write(new.path(), &server(serial));
        for name in ["tls.key", "tls.crt"] {
            std::fs::rename(new.path().join(name), path.join(name)).unwrap();
        }
        until(&acceptor, serial).await;
    }
    write(path, &server(5));
    until(&acceptor, 5).await;
    stop.cancel();
    soon(tasks.join_next()).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn nobody_is_turned_away_by_a_swap() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &server(1));
    let acceptor = open(directory.path(), &[]);
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let acceptor = acceptor.clone();
        tasks.spawn(async move {
            for _ in 0..25 {
                assert_eq!(meet(&acceptor, |_| {}).await.outcome(), "ok");
            }
        });
    }
    let mut serial = 1;
    while !tasks.is_empty() {
        serial += 1;
        write(directory.path(), &server(serial));
        acceptor.tls().unwrap().reload().unwrap();
        while let Some(done) = tasks.try_join_next() {
            done.unwrap();
        }
        tokio::task::yield_now().await;
    }
    assert!(serial > 2);
}

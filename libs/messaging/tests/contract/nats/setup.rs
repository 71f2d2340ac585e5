use std::time::{Duration, Instant};

use async_nats::jetstream::stream::{Config as StreamConfig, RetentionPolicy};
use futures_util::future::join_all;
use messaging::{Config, Durability};
use model::{Error, ErrorKind};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::sample::publish;
use crate::server::Server;
use crate::world::{World, within};

pub(super) async fn refusal(config: &Config) -> Error {
    match within(messaging::open(config)).await {
        Ok(_) => panic!("it opens"),
        Err(error) => error,
    }
}

fn on(url: String) -> Config {
    Config {
        nats_url: Some(url),
        ..World::in_process().config()
    }
}

#[tokio::test]
async fn credentials_of_the_url_are_shown_to_the_server_only() {
    let arguments = ["-js", "--user", "us er", "--pass", "hunter2@:/"];
    let Some(server) = Server::start(&arguments).await else {
        return;
    };
    let with = |login: &str| on(format!("nats://{login}@{}", server.address()));
    assert!(!format!("{:?}", with("user:hunter2")).contains("hunter2"));
    drop(
        messaging::open(&with("us%20er:hunter2%40%3A%2F"))
            .await
            .unwrap(),
    );
    let error = refusal(&with("us%20er:hunter3")).await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains("credentials"), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("hunter") && !shown.contains("er:"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_token_in_the_url_will_do() {
    let Some(server) = Server::start(&["-js", "--auth", "t0ken"]).await else {
        return;
    };
    drop(
        messaging::open(&on(format!("nats://t0ken@{}", server.address())))
            .await
            .unwrap(),
    );
    assert_eq!(refusal(&on(server.url())).await.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let error = refusal(&on(server.url())).await;
    assert!(error.message.contains("-js"), "{error}");
}

#[tokio::test]
async fn a_server_that_wants_tls_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = on(format!("nats://{}", listener.local_addr().unwrap()));
    let serving = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let greeting = b"INFO {\"version\":\"2.9.10\",\"tls_required\":true}\r\n";
            stream.write_all(greeting).await.unwrap();
        }
    };
    let error = tokio::select! {
        error = refusal(&config) => error,
        () = serving => unreachable!(),
    };
    assert!(error.message.contains("TLS"), "{error}");
}

#[tokio::test]
async fn no_server_is_an_error_soon() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = on(format!("nats://{}", listener.local_addr().unwrap()));
    drop(listener);
    let started = Instant::now();
    let error = refusal(&config).await;
    assert_eq!(
        (error.kind, &*error.code),
        (ErrorKind::Unavailable, "bus_unavailable")
    );
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn power_is_promised_only_where_it_is_asserted() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let power = Config {
        durability: Durability::Power,
        ..world.config()
    };
    let error = refusal(&power).await;
    assert!(error.message.contains("MF_NATS_SYNC_ALWAYS"), "{error}");
    let asserted = Config {
        nats_sync_always: true,
        ..power
    };
    drop(messaging::open(&asserted).await.unwrap());
}

async fn make_stream(world: &World, config: StreamConfig) {
    let address = world.server.as_ref().unwrap().address();
    let client = async_nats::connect(address).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    jetstream.create_stream(config).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_would_lose_messages_is_named() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let config = StreamConfig {
        name: "MESSAGES".to_owned(),
        subjects: vec!["channel.>".to_owned()],
        ..StreamConfig::default()
    };
    make_stream(&world, config).await;
    let error = refusal(&world.config()).await;
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error.message.contains("MESSAGES") && error.message.contains("Interest"),
        "{error}"
    );
}

#[tokio::test]
async fn a_stream_that_will_do_is_used_as_it_is() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let config = StreamConfig {
        name: "EVENTS".to_owned(),
        subjects: vec!["events.>".to_owned()],
        retention: RetentionPolicy::Interest,
        discard: async_nats::jetstream::stream::DiscardPolicy::New,
        max_bytes: 12_345_678,
        ..StreamConfig::default()
    };
    make_stream(&world, config).await;
    let process = world.open().await;
    publish(&process.buses.events, 0..3).await;
    process.stop().await;
}

#[tokio::test]
async fn processes_that_start_together_use_the_same_streams() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let opening = (1..8).map(async |size| {
        let config = Config {
            max_bytes: size * 1_000_000,
            ..world.config()
        };
        drop(messaging::open(&config).await.unwrap());
    });
    within(join_all(opening)).await;
}

#[tokio::test]
async fn a_stream_of_others_on_our_subjects_is_named() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let config = StreamConfig {
        name: "theirs".to_owned(),
        subjects: vec!["events.>".to_owned()],
        ..StreamConfig::default()
    };
    make_stream(&world, config).await;
    let error = refusal(&world.config()).await;
    assert!(error.message.contains("EVENTS"), "{error}");
}

#[tokio::test]
async fn a_server_without_room_says_so() {
    let Some(world) = World::on_nats().await else {
        return;
    };
    let config = Config {
        max_bytes: u64::MAX / 4,
        ..world.config()
    };
    let error = refusal(&config).await;
    assert!(error.message.contains("no room"), "{error}");
}

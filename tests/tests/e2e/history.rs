//! What was sent is read back, by every filter; the ledger of `crash` shows that nothing is lost or stored twice.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{Role, Shape, curl, until};
use serde_json::{Value, json};

use crate::both_shapes;
use crate::clients::{Client, publish, websocket};
use crate::stage::Stage;

both_shapes!(
    every_protocol_is_read_back,
    what_is_no_senml_is_kept,
    all_of_a_load_is_stored,
);

/// How many messages the load has: with `long` those of ten thousand a second for ten seconds.
const LOAD: u64 = if cfg!(feature = "long") {
    100_000
} else {
    2_000
};

fn each<'a>(page: &'a Value, field: &str) -> Vec<&'a Value> {
    let messages = page["messages"].as_array();
    messages
        .into_iter()
        .flatten()
        .map(|message| &message[field])
        .collect()
}

/// Sends five records over three protocols, in the order of their times; the WebSocket sends for as long as it is held.
async fn send_over_each(stage: &Stage) -> anyhow::Result<Client> {
    let (key, channel) = (stage.thing.key.as_str(), stage.channel.as_str());
    let path = format!("{channel}/messages/room/1");
    let pack = r#"[{"bn":"dev:","bt":1700000000,"n":"t","u":"Cel","v":20},{"n":"t","t":60,"v":22.5},{"n":"on","vb":true}]"#;
    ensure!(
        stage
            .post(key, &path, pack, "application/senml+json")
            .await?
            == 202
    );
    let pack = r#"[{"n":"dev:t","u":"Cel","t":1700000120,"v":24}]"#;
    ensure!(
        publish(
            &stage.platform,
            &stage.thing,
            &stage.topic("/room/1"),
            pack,
            &["-q", "1"]
        )
        .await?
            == 0
    );
    let mut socket = websocket(&stage.socket(&format!("?authorization={key}"))?, &[]).await?;
    socket
        .tell(r#"text [{"n":"label","t":1700000180,"vs":"a, b"}]"#)
        .await?;
    Ok(socket)
}

async fn every_protocol_is_read_back(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let _socket = send_over_each(&stage).await?;
    let page = stage.stored("", 5).await?.json();
    assert_eq!(
        each(&page, "name"),
        ["label", "dev:t", "dev:t", "dev:on", "dev:t"]
    );
    assert_eq!(
        each(&page, "protocol"),
        ["ws", "mqtt", "http", "http", "http"]
    );
    each_filter_counts(&stage).await?;
    who_may_read(&stage).await
}

async fn each_filter_counts(stage: &Stage) -> anyhow::Result<()> {
    let thing = &stage.thing.id;
    for (query, count) in [
        ("?subtopic=room.1".to_owned(), 4),
        ("?subtopic=room/1".to_owned(), 4),
        ("?subtopic=".to_owned(), 1),
        (format!("?publisher={thing}"), 5),
        ("?protocol=mqtt".to_owned(), 1),
        ("?name=dev:t".to_owned(), 3),
        ("?v=22.5".to_owned(), 1),
        ("?v=22.5&comparator=ge".to_owned(), 2),
        ("?v=22.5&comparator=lt".to_owned(), 1),
        ("?vs=a,%20b".to_owned(), 1),
        ("?vb=true".to_owned(), 1),
        ("?from=1700000060&to=1700000180".to_owned(), 2),
        ("?name=dev:t&protocol=http&limit=1".to_owned(), 2),
    ] {
        let page = stage.read(&query).await?.json();
        assert_eq!(page["total"], count, "{query}: {page}");
    }
    let buckets = stage
        .read("?name=dev:t&aggregation=avg&interval=100s")
        .await?
        .json();
    assert_eq!(each(&buckets, "value"), [&json!(24), &json!(21.25)]);
    let csv = stage.read("?format=csv&limit=1").await?.body;
    ensure!(csv.contains("\"a, b\""), "{csv}");
    Ok(())
}

async fn who_may_read(stage: &Stage) -> anyhow::Result<()> {
    let token = stage.account.token.as_str();
    let stranger = stage.account.thing().await?;
    for (key, status) in [
        (token.to_owned(), 200),
        (format!("Bearer {token}"), 200),
        (format!("Thing {}", stage.thing.key), 200),
        (stranger.key.clone(), 403),
        ("Bearer x".to_owned(), 403),
        (String::new(), 403),
    ] {
        assert_eq!(stage.read_with(&key, "").await?.status, status, "{key}");
    }
    if stage.platform.shape == Shape::Embedded {
        let url = format!(
            "{}/channels/{}/messages",
            stage.platform.url("front")?,
            stage.channel
        );
        let page = curl(&["-H", &format!("Authorization: {token}"), &url]).await?;
        assert_eq!(page.json()["total"], 5);
    }
    // A lost right counts at once.
    stage
        .account
        .disconnect(&stage.channel, &stage.thing)
        .await?;
    until("the right to be lost", || async {
        (stage.read("").await.ok()?.status == 403).then_some(())
    })
    .await
}

async fn what_is_no_senml_is_kept(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let (key, path) = (
        stage.thing.key.as_str(),
        format!("{}/messages", stage.channel),
    );
    ensure!(stage.post(key, &path, "on", "text/plain").await? == 202);
    let page = stage.stored("?raw=true", 1).await?.json();
    let message = &page["messages"][0];
    assert_eq!(
        (&message["payload"], &message["contentType"]),
        (&json!("b24="), &json!("text/plain"))
    );
    ensure!(
        message["reason"]
            .as_str()
            .is_some_and(|reason| reason.starts_with("not a pack"))
    );
    let metrics = curl(&[&format!("{}/metrics", stage.platform.url("writer")?)])
        .await?
        .body;
    ensure!(
        metrics.contains("writer_raw_total{reason=\"malformed\"} 1"),
        "{metrics}"
    );

    let channel = format!("/channels/{}", stage.channel);
    let metadata = json!({"name": "c", "metadata": {"history": {"json": true}}});
    let updated = stage
        .account
        .things("PUT", &channel, Some(metadata))
        .await?;
    ensure!(updated.status == 200, "{updated:?}");
    ensure!(
        stage
            .post(key, &path, r#"{"room":{"t":21.5}}"#, "application/json")
            .await?
            == 202
    );
    let page = stage.stored("?name=room/t", 1).await?.json();
    assert_eq!(page["messages"][0]["value"], 21.5);
    Ok(())
}

/// In one process the writer is away only with everything else: the ledger has that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_wait_for_a_writer_that_is_away() -> anyhow::Result<()> {
    let mut stage = Stage::set(Shape::Separate).await?;
    stage.platform.kill(Role::Writer).await?;
    let (key, path) = (
        stage.thing.key.clone(),
        format!("{}/messages", stage.channel),
    );
    for number in 0..10 {
        let pack = format!(r#"[{{"n":"t","v":{number}}}]"#);
        ensure!(stage.post(&key, &path, &pack, "").await? == 202);
    }
    ensure!(stage.read("").await?.json()["total"] == 0);
    stage.platform.restart(Role::Writer).await?;
    stage.stored("", 10).await?;

    let away = stage.platform.interrupt_history(Duration::from_secs(1));
    let posts = async {
        for number in 0..10 {
            let pack = format!(r#"[{{"n":"u","v":{number}}}]"#);
            ensure!(stage.post(&key, &path, &pack, "").await? == 202);
        }
        Ok(())
    };
    let (away, posts) = tokio::join!(away, posts);
    away.and(posts)?;
    stage.stored("?name=u", 10).await?;
    Ok(())
}

async fn all_of_a_load_is_stored(shape: Shape) -> anyhow::Result<()> {
    let stage = Stage::set(shape).await?;
    let (address, topic) = (stage.platform.address("mqtt")?, stage.topic("/load"));
    crate::load::publish(&address, &stage.thing, &topic, LOAD).await?;
    // As long as it goes on it may take its time.
    let mut stored = 0;
    while stored < LOAD {
        let more = || async {
            let total = stage.read("?subtopic=load").await.ok()?.json()["total"].as_u64();
            total.filter(|total| *total > stored)
        };
        stored = until("more messages to be stored", more)
            .await
            .with_context(|| stage.platform.log())?;
    }
    ensure!(stored == LOAD, "{stored} messages are stored of {LOAD}");
    Ok(())
}

//! What becomes of messages, over the real bus, a database in memory, and a registry that does as it is told.
#![expect(clippy::unwrap_used, reason = "tests may panic, their helpers too")]

#[path = "../../../../libs/adapter/tests/stage/mod.rs"]
#[expect(dead_code, reason = "the device protocols use more of it")]
mod stage;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use history::{Content, Entry, History, Paging, Query};
use messaging::{Message, Protocol};
use model::{ChannelId, Subtopic, ThingId, Timestamp};
use proto::things::Things;
use senml::Value;
use serde_json::json;
use stage::{Stage, eventually};
use storage::{Db, Settings};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use writer::{Chosen, Config, Writer};

/// A bus, a database, and the writer between them, if it runs.
struct Site {
    stage: Stage,
    db: Db,
    history: History,
    channel: ChannelId,
}

struct Running {
    writer: Arc<Writer>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.tasks.join_all().await;
    }
}

impl Site {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let db = storage::open(&Settings::sqlite_memory()).await.unwrap();
        let history = History::open(db.clone()).await.unwrap();
        let channel = ChannelId::random();
        Self {
            stage,
            db,
            history,
            channel,
        }
    }

    async fn open(&self, chosen: Chosen) -> Running {
        let things = Arc::clone(&self.stage.things) as Arc<dyn Things>;
        let (db, bus) = (self.db.clone(), self.stage.buses.messages.clone());
        let config = Config::default();
        let writer = writer::open(&config, chosen, db, bus, things);
        let writer = writer.await.unwrap();
        let (running, stop) = (writer.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { running.run(&stopped).await.unwrap() });
        Running {
            writer,
            stop,
            tasks,
        }
    }

    async fn publish(&self, payload: &[u8], content_type: &str) -> Message {
        let (subtopic, thing) = (Subtopic::from_levels("a/b").unwrap(), ThingId::random());
        let payload = Bytes::copy_from_slice(payload);
        let message = Message {
            content_type: content_type.to_owned(),
            ..Message::new(self.channel, subtopic, thing, Protocol::Http, payload)
        };
        let published = self.stage.buses.messages.publish(Arc::new(message.clone()));
        published.await.unwrap();
        message
    }

    /// Waits until so many entries are stored, and returns them, the oldest first.
    async fn stored(&self, count: usize) -> Vec<Entry> {
        let (query, history) = (Query::all(self.channel), &self.history);
        let query = &query;
        let enough = async || history.count(query).await.unwrap() >= count as u64;
        eventually("enough is stored", enough).await;
        let paging = Paging {
            after: None,
            offset: 0,
            limit: 10_000,
            bytes: usize::MAX,
        };
        let mut entries = history.read(query, paging).await.unwrap().entries;
        assert_eq!(entries.len(), count);
        entries.reverse();
        entries
    }

    fn wish(&self, history: &serde_json::Value) {
        let metadata = json!({ "history": history }).as_object().cloned().unwrap();
        let mut state = self.stage.things.state.lock();
        state.metadata.insert(self.channel, metadata);
    }
}

fn value(entry: &Entry) -> (&str, Value) {
    match &entry.content {
        Content::Record(record) => (&record.name, record.value.clone().unwrap()),
        Content::Raw(raw) => panic!("raw: {}", raw.reason),
    }
}

fn reason(entry: &Entry) -> &str {
    match &entry.content {
        Content::Record(record) => panic!("a record: {record:?}"),
        Content::Raw(raw) => &raw.reason,
    }
}

#[tokio::test]
async fn packs_become_records_whatever_their_content_type_says() {
    let site = Site::new().await;
    let running = site.open(Chosen::All).await;
    let pack = br#"[{"n":"t","v":1,"t":-5},{"n":"u","vs":"x"}]"#;
    let message = site
        .publish(pack, "application/x-www-form-urlencoded")
        .await;
    let entries = site.stored(2).await;
    assert_eq!(value(&entries[0]), ("t", Value::Number(1.0)));
    assert_eq!(value(&entries[1]), ("u", Value::Text("x".to_owned())));
    let entry = &entries[1];
    assert_eq!((entry.id, entry.part), (message.id, 1));
    assert_eq!((&*entry.subtopic, &*entry.protocol), ("a.b", "http"));
    assert_eq!(entry.publisher, message.publisher);
    // [{0: "c", 2: 1.5}]
    let cbor = b"\x81\xa2\x00\x61c\x02\xf9\x3e\x00";
    site.publish(cbor, "application/senml+cbor; x=y").await;
    site.publish(cbor, "").await;
    let entries = site.stored(4).await;
    for entry in &entries[2..] {
        assert_eq!(value(entry), ("c", Value::Number(1.5)));
    }
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_decoded_is_kept_with_the_reason() {
    let site = Site::new().await;
    let running = site.open(Chosen::All).await;
    for (payload, expected) in [
        (&b"on"[..], "not a pack: expected value"),
        (b"", "not a pack"),
        (b"{\"t\":1}", "a JSON object: it becomes records when"),
        (b"[{\"v\":1}]", "record 0: it has no name"),
        (b"[{\"n\":\"a\",\"vs\":\"\\u0000\"}]", "NUL"),
        (b"\x81\x00", "not a pack"),
    ] {
        let before = site.history.count(&Query::all(site.channel)).await.unwrap();
        let message = site.publish(payload, "text/plain").await;
        let entries = site.stored(usize::try_from(before).unwrap() + 1).await;
        let entry = entries.iter().find(|entry| entry.id == message.id).unwrap();
        assert!(reason(entry).contains(expected), "{}", reason(entry));
        let Content::Raw(raw) = &entry.content else {
            unreachable!("it has a reason")
        };
        assert_eq!(
            (&raw.payload[..], &*raw.content_type),
            (payload, "text/plain")
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn objects_are_time_series_where_the_owner_wants_it() {
    let site = Site::new().await;
    site.wish(&json!({"json": true}));
    let running = site.open(Chosen::All).await;
    site.publish(br#"{"room":{"t":21.5},"on":true}"#, "application/json")
        .await;
    let entries = site.stored(2).await;
    let mut values: Vec<_> = entries.iter().map(value).collect();
    values.sort_by_key(|(name, _)| *name);
    assert_eq!(values[0], ("on", Value::Bool(true)));
    assert_eq!(values[1], ("room/t", Value::Number(21.5)));
    running.stop().await;
}

#[tokio::test]
async fn while_nobody_can_say_what_the_owner_wants_messages_wait() {
    let site = Site::new().await;
    site.wish(&json!({"json": true}));
    site.stage.things.away.store(true, Ordering::SeqCst);
    let running = site.open(Chosen::All).await;
    site.publish(br#"{"t":1}"#, "").await;
    let asked = async || site.stage.things.questions.load(Ordering::SeqCst) >= 2;
    eventually("it asks again", asked).await;
    assert_eq!(
        site.history.count(&Query::all(site.channel)).await.unwrap(),
        0
    );
    site.stage.things.away.store(false, Ordering::SeqCst);
    assert_eq!(value(&site.stored(1).await[0]).0, "t");
    running.stop().await;
}

#[tokio::test]
async fn what_came_while_no_writer_ran_is_stored_once() {
    let site = Site::new().await;
    site.open(Chosen::All).await.stop().await;
    for _ in 0..1000 {
        site.publish(br#"[{"n":"a","v":1}]"#, "").await;
    }
    let running = site.open(Chosen::All).await;
    site.stored(1000).await;
    running.stop().await;
    site.publish(br#"[{"n":"a","v":1}]"#, "").await;
    let running = site.open(Chosen::All).await;
    site.stored(1001).await;
    running.stop().await;
}

#[tokio::test]
async fn a_writer_stops_however_much_comes() {
    let site = Site::new().await;
    let running = site.open(Chosen::All).await;
    let publish = async {
        loop {
            site.publish(br#"[{"n":"a","v":1}]"#, "").await;
        }
    };
    let stop = async {
        let some = async || site.history.count(&Query::all(site.channel)).await.unwrap() > 0;
        eventually("it is at work", some).await;
        timeout(Duration::from_secs(60), running.stop()).await
    };
    tokio::select! {
        () = publish => {}
        stopped = stop => stopped.unwrap(),
    }
}

#[tokio::test]
async fn channels_that_are_not_chosen_are_not_stored() {
    let site = Site::new().await;
    let other = ChannelId::random();
    let running = site.open(Chosen::Only([other].into())).await;
    site.publish(br#"[{"n":"a","v":1}]"#, "").await;
    let chosen = Site {
        channel: other,
        ..site
    };
    chosen.publish(br#"[{"n":"a","v":1}]"#, "").await;
    chosen.stored(1).await;
    assert_eq!(chosen.history.usage(None, 10).await.unwrap().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_writer_that_stores_nothing_lets_the_bus_keep_nothing() {
    let site = Site::new().await;
    site.open(Chosen::All).await.stop().await;
    let publish = async || {
        let message = Message::new(
            site.channel,
            Subtopic::default(),
            ThingId::random(),
            Protocol::Http,
            Bytes::new(),
        );
        let published = site.stage.buses.messages.publish(Arc::new(message));
        published.await.unwrap()
    };
    assert_ne!(publish().await, publish().await);
    let running = site.open(Chosen::Only([].into())).await;
    assert_eq!(publish().await, publish().await);
    running.stop().await;
}

#[tokio::test]
async fn the_old_and_the_too_much_goes_as_the_owner_wants() {
    let site = Site::new().await;
    let running = site.open(Chosen::All).await;
    site.publish(
        br#"[{"n":"old","v":1,"t":-100},{"n":"new","v":1},{"n":"newer","v":1,"t":1}]"#,
        "",
    )
    .await;
    let entries = site.stored(3).await;
    site.wish(&json!({"max_age": "1m"}));
    running.writer.sweep(Timestamp::now()).await.unwrap();
    assert_eq!(value(&site.stored(2).await[0]).0, "new");
    running.stop().await;

    site.wish(&json!({"max_bytes": entries[2].size()}));
    let running = site.open(Chosen::All).await;
    running.writer.sweep(Timestamp::now()).await.unwrap();
    assert_eq!(value(&site.stored(1).await[0]).0, "newer");
    running.stop().await;
}

//! The reader as a client sees it, over a database in memory and a registry that does as it is told.
#![expect(clippy::unwrap_used, reason = "tests may panic, their helpers too")]

#[path = "../../../../libs/adapter/tests/stage/mod.rs"]
#[expect(dead_code, reason = "the device protocols use more of it")]
mod stage;

mod access;
mod answers;
mod parameters;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use history::{Content, Entry, History, Raw};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use model::{ChannelId, MessageId, ThingId, Timestamp};
use proto::things::Things;
use reader::Config;
use senml::{Record, Value};
use serde_json::Value as Json;
use stage::Stage;
use storage::Settings;
use tower::ServiceExt;

const KEY: &str = "s3cret-k";
const TOKEN: &str = "header.payload.signature";
/// When the messages of a test were measured.
const T: f64 = 1_700_000_000.0;

struct Site {
    stage: Stage,
    router: axum::Router,
    history: History,
    thing: ThingId,
    channel: ChannelId,
}

struct Answer {
    status: StatusCode,
    content_type: String,
    link: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }

    /// Returns one field of each message.
    fn each(&self, field: &str) -> Vec<Json> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        let page = self.json();
        let messages = page["messages"].as_array().unwrap();
        messages
            .iter()
            .map(|message| message[field].clone())
            .collect()
    }
}

impl Site {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let (thing, channel) = stage.things.connected(KEY);
        stage
            .things
            .state
            .lock()
            .owners
            .insert(channel, TOKEN.to_owned());
        let db = storage::open(&Settings::sqlite_memory()).await.unwrap();
        let history = History::open(db.clone()).await.unwrap();
        let things = Arc::clone(&stage.things) as Arc<dyn Things>;
        let (config, adapter) = (Config::default(), stage.adapter.clone());
        let reader = reader::open(&config, db, adapter, things).await.unwrap();
        let router = reader::router(reader);
        Self {
            stage,
            router,
            history,
            thing,
            channel,
        }
    }

    async fn write(&self, entries: &[Entry]) {
        self.history.write(entries, Timestamp::now()).await.unwrap();
    }

    fn number(&self, name: &str, value: f64, seconds: f64) -> Entry {
        self.entry(name, Value::Number(value), seconds)
    }

    fn entry(&self, name: &str, value: Value, seconds: f64) -> Entry {
        Entry {
            id: MessageId::random(),
            part: 0,
            channel: self.channel,
            subtopic: "room.1".to_owned(),
            publisher: self.thing,
            protocol: "mqtt".to_owned(),
            content: Content::Record(Record {
                name: name.to_owned(),
                unit: Some("Cel".to_owned()),
                value: Some(value),
                sum: None,
                time: T + seconds,
                update_time: None,
                link: None,
            }),
        }
    }

    fn raw(&self, payload: &'static [u8], seconds: f64) -> Entry {
        Entry {
            content: Content::Raw(Raw {
                time: T + seconds,
                content_type: "text/plain".to_owned(),
                payload: Bytes::from_static(payload),
                reason: "not a pack".to_owned(),
            }),
            ..self.number("", 0.0, 0.0)
        }
    }

    async fn ask(&self, path: &str, authorization: &str) -> Answer {
        let request = Request::get(path)
            .header("authorization", authorization)
            .body(Body::empty());
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let header = |name: &str| {
            let value = parts.headers.get(name).map(|value| value.to_str().unwrap());
            value.unwrap_or_default().to_owned()
        };
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            content_type: header("content-type"),
            link: header("link"),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, query: &str) -> Answer {
        let path = format!("/channels/{}/messages{query}", self.channel);
        self.ask(&path, KEY).await
    }
}

//! What is written is read back, the same on every database: each test runs on all at hand.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod aggregates;
#[path = "../../../storage/tests/contract/databases.rs"]
mod databases;
mod pages;
mod partitions;
mod plans;
mod retention;
mod writing;

use bytes::Bytes;
use databases::databases;
use history::{Content, Entry, History, Paging, Query, Raw};
use model::{ChannelId, MessageId, ThingId, Timestamp};
use senml::{Record, Value};

/// The first second of most tests.
const T: f64 = 1_700_000_000.0;
const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

async fn histories() -> Vec<History> {
    let mut histories = Vec::new();
    for db in databases().await {
        histories.push(History::open(db).await.unwrap());
    }
    histories
}

/// Makes the entry of a number measured so many seconds after [`T`].
fn number(channel: ChannelId, name: &str, value: f64, seconds: f64) -> Entry {
    entry(channel, name, Some(Value::Number(value)), seconds)
}

fn entry(channel: ChannelId, name: &str, value: Option<Value>, seconds: f64) -> Entry {
    Entry {
        id: MessageId::random(),
        part: 0,
        channel,
        subtopic: String::new(),
        publisher: ThingId::random(),
        protocol: "mqtt".to_owned(),
        content: Content::Record(Record {
            name: name.to_owned(),
            unit: Some("Cel".to_owned()),
            value,
            sum: None,
            time: T + seconds,
            update_time: None,
            link: None,
        }),
    }
}

fn raw(channel: ChannelId, payload: &'static [u8], seconds: f64) -> Entry {
    Entry {
        content: Content::Raw(Raw {
            time: T + seconds,
            content_type: "text/plain".to_owned(),
            payload: Bytes::from_static(payload),
            reason: "not a pack".to_owned(),
        }),
        ..number(channel, "", 0.0, 0.0)
    }
}

async fn write(history: &History, entries: &[Entry]) {
    assert_eq!(history.write(entries, NOW).await.unwrap(), entries.len());
}

/// Reads all that a query finds, and checks that it is counted as such.
async fn found(history: &History, query: &Query) -> Vec<Entry> {
    let page = history.read(query, paging(1000)).await.unwrap();
    assert_eq!(page.next, None);
    assert_eq!(
        history.count(query).await.unwrap(),
        page.entries.len() as u64
    );
    page.entries
}

fn paging(limit: u32) -> Paging {
    Paging {
        after: None,
        offset: 0,
        limit,
        bytes: usize::MAX,
    }
}

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::{ChannelId, Timestamp};
use senml::Value;
use storage::{Bulk, Param, Result, Row, Tx};

use crate::{Content, Entry, History};

const COLUMNS: usize = 20;

static INSERT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO messages (channel, time, id, part, subtopic, publisher, protocol, name, unit, value,
            string_value, bool_value, data_value, value_sum, update_time, link, content_type, payload, reason, size) VALUES",
        COLUMNS,
        "ON CONFLICT DO NOTHING RETURNING channel, size",
    )
});

static COUNT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "INSERT INTO channel_usage (channel, bytes) VALUES",
        2,
        "ON CONFLICT (channel) DO UPDATE SET bytes = channel_usage.bytes + excluded.bytes",
    )
});

impl History {
    /// Stores entries, all or none, but for those that are stored already; returns how many were new.
    ///
    /// # Errors
    /// As [`storage::Db::query`].
    pub async fn write(&self, entries: &[Entry], now: Timestamp) -> Result<usize> {
        if let Some(partitions) = &self.partitions {
            let times = entries.iter().map(Entry::time);
            partitions.make_room(&self.db, times, now).await?;
        }
        let rows: Vec<Columns<'_>> = entries.iter().map(Columns::from).collect();
        let values: Vec<&dyn Param> = rows.iter().flat_map(Columns::values).collect();
        let tx = self.db.begin().await?;
        let new = INSERT.query(&tx, &values).await?;
        count(&tx, &new).await?;
        tx.commit().await?;
        Ok(new.len())
    }
}

/// Adds the sizes of new rows to what their channels use, in one order so that nobody waits crosswise.
async fn count(tx: &Tx, new: &[Row]) -> Result<()> {
    let mut sizes = BTreeMap::<ChannelId, i64>::new();
    for row in new {
        *sizes.entry(row.get("channel")?).or_default() += row.get::<i64>("size")?;
    }
    let values: Vec<&dyn Param> = sizes
        .iter()
        .flat_map(|(channel, size)| [channel as &dyn Param, size])
        .collect();
    COUNT.query(tx, &values).await.map(drop)
}

/// The values of one row.
struct Columns<'a> {
    entry: &'a Entry,
    time: f64,
    size: i64,
    content: ContentColumns<'a>,
}

/// Those of them that depend on what was sent.
#[derive(Default)]
struct ContentColumns<'a> {
    name: Option<&'a str>,
    unit: Option<&'a str>,
    value: Option<f64>,
    text: Option<&'a str>,
    bool: Option<bool>,
    data: Option<&'a str>,
    sum: Option<f64>,
    update_time: Option<f64>,
    link: Option<&'a str>,
    content_type: Option<&'a str>,
    payload: Option<&'a [u8]>,
    reason: Option<&'a str>,
}

impl<'a> From<&'a Entry> for Columns<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            entry,
            time: entry.time(),
            size: i64::try_from(entry.size()).unwrap_or(i64::MAX),
            content: ContentColumns::from(&entry.content),
        }
    }
}

impl<'a> From<&'a Content> for ContentColumns<'a> {
    fn from(content: &'a Content) -> Self {
        let mut columns = Self::default();
        match content {
            Content::Record(record) => {
                columns.name = Some(&record.name);
                columns.unit = record.unit.as_deref();
                match &record.value {
                    None => {}
                    Some(Value::Number(number)) => columns.value = Some(*number),
                    Some(Value::Text(text)) => columns.text = Some(text),
                    Some(Value::Bool(value)) => columns.bool = Some(*value),
                    Some(Value::Data(data)) => columns.data = Some(data),
                }
                columns.sum = record.sum;
                columns.update_time = record.update_time;
                columns.link = record.link.as_deref();
            }
            Content::Raw(raw) => {
                columns.content_type = Some(&raw.content_type);
                columns.payload = Some(&raw.payload);
                columns.reason = Some(&raw.reason);
            }
        }
        columns
    }
}

impl Columns<'_> {
    fn values(&self) -> [&dyn Param; COLUMNS] {
        let (entry, content) = (self.entry, &self.content);
        [
            &entry.channel,
            &self.time,
            &entry.id,
            &entry.part,
            &entry.subtopic,
            &entry.publisher,
            &entry.protocol,
            &content.name,
            &content.unit,
            &content.value,
            &content.text,
            &content.bool,
            &content.data,
            &content.sum,
            &content.update_time,
            &content.link,
            &content.content_type,
            &content.payload,
            &content.reason,
            &self.size,
        ]
    }
}

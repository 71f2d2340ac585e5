use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use model::{ChannelId, Timestamp};
use senml::Value;
use storage::{Bulk, Error, Load, Param, Result, Rows, Tx};

use crate::{Content, Entry, History};

const COLUMNS: [&str; 20] = [
    "channel",
    "time",
    "id",
    "part",
    "subtopic",
    "publisher",
    "protocol",
    "name",
    "unit",
    "value",
    "string_value",
    "bool_value",
    "data_value",
    "value_sum",
    "update_time",
    "link",
    "content_type",
    "payload",
    "reason",
    "size",
];

static LOAD: LazyLock<Load> = LazyLock::new(|| Load::new("messages", &COLUMNS));

static INSERT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        &format!("INSERT INTO messages ({}) VALUES", COLUMNS.join(", ")),
        COLUMNS.len(),
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
    pub async fn write(&self, entries: impl Into<Arc<[Entry]>>, now: Timestamp) -> Result<usize> {
        let entries = entries.into();
        if entries.is_empty() {
            return Ok(0);
        }
        if let Some(partitions) = &self.partitions {
            let times = entries.iter().map(Entry::time);
            partitions.make_room(&self.db, times, now).await?;
        }
        // That something comes again is rare, and then it may cost more.
        match self.load(&entries).await {
            Err(Error::Unique(_)) => self.insert(&entries).await,
            loaded => loaded.map(|()| entries.len()),
        }
    }

    /// Stores entries of which none is stored.
    async fn load(&self, entries: &Arc<[Entry]>) -> Result<()> {
        let tx = self.db.begin().await?;
        LOAD.run(&tx, Lent(Arc::clone(entries))).await?;
        let mut usage = Usage::default();
        for entry in entries.iter() {
            usage.add(entry.channel, size(entry));
        }
        usage.count(&tx).await?;
        tx.commit().await
    }

    /// Stores entries of which some are stored.
    async fn insert(&self, entries: &[Entry]) -> Result<usize> {
        let rows: Vec<Columns<'_>> = entries.iter().map(Columns::from).collect();
        let values: Vec<&dyn Param> = rows.iter().flat_map(Columns::values).collect();
        let tx = self.db.begin().await?;
        let new = INSERT.query(&tx, &values).await?;
        let mut usage = Usage::default();
        for row in &new {
            usage.add(row.get("channel")?, row.get("size")?);
        }
        usage.count(&tx).await?;
        tx.commit().await?;
        Ok(new.len())
    }
}

/// The entries of a batch as rows.
struct Lent(Arc<[Entry]>);

impl Rows for Lent {
    fn each(&self, take: &mut dyn FnMut(&[&dyn Param]) -> Result<()>) -> Result<()> {
        self.0
            .iter()
            .try_for_each(|entry| take(&Columns::from(entry).values()))
    }
}

/// What channels use more than before.
#[derive(Default)]
struct Usage(BTreeMap<ChannelId, i64>);

impl Usage {
    fn add(&mut self, channel: ChannelId, size: i64) {
        *self.0.entry(channel).or_default() += size;
    }

    /// Adds it in one order, so that nobody waits crosswise.
    async fn count(&self, tx: &Tx) -> Result<()> {
        let values: Vec<&dyn Param> = self
            .0
            .iter()
            .flat_map(|(channel, size)| [channel as &dyn Param, size])
            .collect();
        COUNT.query(tx, &values).await.map(drop)
    }
}

fn size(entry: &Entry) -> i64 {
    i64::try_from(entry.size()).unwrap_or(i64::MAX)
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
            size: size(entry),
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
    /// Returns them in the order of [`COLUMNS`].
    fn values(&self) -> [&dyn Param; COLUMNS.len()] {
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

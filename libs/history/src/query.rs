use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{ChannelId, MessageId, ThingId};
use storage::Param;
use uuid::Uuid;

/// The time before which everything is; no stored time is as late.
const END: f64 = 253_402_300_800.0;

/// Which entries of a channel are meant; what is absent excludes nothing.
#[derive(Clone, Debug)]
pub struct Query {
    /// The channel.
    pub channel: ChannelId,
    /// The dotted subtopic; empty means those without one.
    pub subtopic: Option<String>,
    /// The thing that sent it.
    pub publisher: Option<ThingId>,
    /// The protocol it came in by.
    pub protocol: Option<String>,
    /// The name of the record.
    pub name: Option<String>,
    /// What the number compares to.
    pub value: Option<(Comparison, f64)>,
    /// The text.
    pub text: Option<String>,
    /// The truth value.
    pub bool: Option<bool>,
    /// The data, as it is written.
    pub data: Option<String>,
    /// The first second.
    pub from: Option<f64>,
    /// The second after the last.
    pub to: Option<f64>,
    /// Whether it is what could not be decoded.
    pub raw: Option<bool>,
}

/// How a number compares to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is the same.
    Equal,
    /// It is less.
    Less,
    /// It is less or the same.
    LessOrEqual,
    /// It is greater.
    Greater,
    /// It is greater or the same.
    GreaterOrEqual,
}

impl Comparison {
    fn word(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
        }
    }
}

impl Query {
    /// Asks for all of a channel.
    pub fn all(channel: ChannelId) -> Self {
        Self {
            channel,
            subtopic: None,
            publisher: None,
            protocol: None,
            name: None,
            value: None,
            text: None,
            bool: None,
            data: None,
            from: None,
            to: None,
            raw: None,
        }
    }

    /// Returns the last moment that is meant.
    fn last(&self) -> f64 {
        self.to.unwrap_or(END).next_down()
    }

    /// Returns where to begin, given where to go on: no later than the last moment, since PostgreSQL looks through all entries
    /// from there on.
    pub(crate) fn start(&self, after: Option<Cursor>) -> Cursor {
        let newest = Cursor::newest(self.last());
        after
            .filter(|after| after.time <= newest.time)
            .unwrap_or(newest)
    }
}

/// Puts a statement around the one condition that chooses the entries of a [`Query`], with the values of [`Values`].
///
/// Both ends of the time are included: TimescaleDB looks for chunks by rounded times, and what is before a time need not be
/// before it when both are rounded.
macro_rules! filtered {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " FROM messages WHERE channel = $1 AND time >= $2 AND time <= $3
            AND (CAST($4 AS TEXT) IS NULL OR subtopic = $4)
            AND (CAST($5 AS UUID) IS NULL OR publisher = $5)
            AND (CAST($6 AS TEXT) IS NULL OR protocol = $6)
            AND (CAST($7 AS TEXT) IS NULL OR name = $7)
            AND (CAST($8 AS TEXT) IS NULL OR ($8 = 'eq' AND value = $9) OR ($8 = 'lt' AND value < $9)
                OR ($8 = 'le' AND value <= $9) OR ($8 = 'gt' AND value > $9) OR ($8 = 'ge' AND value >= $9))
            AND (CAST($10 AS TEXT) IS NULL OR string_value = $10)
            AND (CAST($11 AS BOOLEAN) IS NULL OR bool_value = $11)
            AND (CAST($12 AS TEXT) IS NULL OR data_value = $12)
            AND (CAST($13 AS BOOLEAN) IS NULL OR (payload IS NOT NULL) = $13) ",
            $after
        )
    };
}
pub(crate) use filtered;

/// The values that the condition of [`filtered`] compares to.
pub(crate) struct Values<'a> {
    query: &'a Query,
    first: f64,
    last: f64,
    comparison: Option<&'static str>,
    value: Option<f64>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(query: &'a Query) -> Self {
        Self {
            query,
            first: query.from.unwrap_or_default(),
            last: query.last(),
            comparison: query.value.map(|(comparison, _)| comparison.word()),
            value: query.value.map(|(_, value)| value),
        }
    }

    /// Leaves out what is after this time, too.
    pub(crate) fn up_to(mut self, time: f64) -> Self {
        self.last = self.last.min(time);
        self
    }

    /// Returns the values with further ones behind.
    pub(crate) fn and(&'a self, further: &[&'a dyn Param]) -> Vec<&'a dyn Param> {
        let query = self.query;
        let mut all: Vec<&'a dyn Param> = vec![
            &query.channel,
            &self.first,
            &self.last,
            &query.subtopic,
            &query.publisher,
            &query.protocol,
            &query.name,
            &self.comparison,
            &self.value,
            &query.text,
            &query.bool,
            &query.data,
            &query.raw,
        ];
        all.extend(further);
        all
    }
}

/// The place of an entry in the order of its channel, from which reading can go on towards older ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    pub(crate) time: f64,
    pub(crate) id: MessageId,
    pub(crate) part: i32,
}

impl Cursor {
    /// The place before the newest entry there can be up to a time.
    fn newest(time: f64) -> Self {
        Self {
            time,
            id: Uuid::max().into(),
            part: i32::MAX,
        }
    }

    /// The place of a time, whatever entries it has.
    pub(crate) fn at(time: f64) -> Self {
        Self {
            time,
            id: Uuid::nil().into(),
            part: 0,
        }
    }

    /// Writes it as a text for URLs that only [`Self::decode`] understands.
    pub fn encode(&self) -> String {
        let mut bytes = self.time.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.uuid().as_bytes());
        bytes.extend_from_slice(&self.part.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (time, rest) = bytes.split_first_chunk::<8>()?;
        let (id, part) = rest.split_first_chunk::<16>()?;
        let time = f64::from_be_bytes(*time);
        time.is_finite().then_some(Self {
            time,
            id: Uuid::from_bytes(*id).into(),
            part: i32::from_be_bytes(part.try_into().ok()?),
        })
    }
}

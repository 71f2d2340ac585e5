use std::fmt::Debug;
use std::hash::Hash;

use model::Timestamp;
use uuid::Uuid;

/// What a bus can carry: messages of devices, or events of services.
pub trait Record: Debug + Send + Sync + Sized + 'static {
    /// The stream the records are kept in, also its name on NATS.
    const STREAM: &'static str;
    /// The NATS subjects that belong to the stream.
    const SUBJECTS: &'static str;

    /// What subscribers can choose by.
    type Filter: RecordFilter<Self>;
    /// What the subscribers are indexed by, so that a record meets only those it may concern.
    type Key: Clone + Debug + Eq + Hash + Send + Sync;

    /// Returns the key of this record.
    fn key(&self) -> Self::Key;

    /// Returns the NATS subject of this record.
    fn subject(&self) -> String;

    /// Returns the id by which a second copy is recognised.
    fn id(&self) -> Uuid;

    /// Returns about how many bytes the record takes in memory, always the same.
    fn size(&self) -> usize;

    /// Appends the encoded record.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads the key out of what [`Self::encode`] made, where that costs less than to decode all of it.
    fn peek_key(_encoded: &[u8]) -> Option<Self::Key> {
        None
    }

    /// Reads an encoded record.
    ///
    /// # Errors
    /// When the bytes are no such record.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;

    /// Reads an encoded record that a stream of NATS keeps; it is the same each time it is read from there.
    ///
    /// # Errors
    /// As [`Self::decode`].
    fn decode_kept(bytes: &[u8], _kept: Kept) -> Result<Self, DecodeError> {
        Self::decode(bytes)
    }
}

/// What a stream says about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number in the stream.
    pub seq: u64,
    /// When the stream took it.
    pub at: Timestamp,
}

/// A choice among records.
pub trait RecordFilter<T: Record>: Clone + Debug + Send + Sync + 'static {
    /// Returns the only key that can match, or nothing when several can.
    fn key(&self) -> Option<T::Key>;

    /// Returns the filter that chooses every record of a key.
    fn of_key(key: T::Key) -> Self;

    /// Tells whether the record is chosen.
    fn matches(&self, record: &T) -> bool;

    /// Returns NATS subjects that together cover at least every chosen record.
    fn subjects(&self) -> Vec<String>;

    /// Returns the filter whose [`Self::subjects`] these are.
    fn from_subjects(subjects: &[String]) -> Option<Self>;
}

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
#[error("not a record: {0}")]
pub struct DecodeError(pub String);

use crate::{MAX_NAME, MAX_RECORDS, MAX_UNIT};

/// Why bytes are no pack; `record` counts from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not JSON or not CBOR, or has another form than a pack.
    #[error("not a pack: {0}")]
    Malformed(String),
    /// There is no record in it.
    #[error("a pack has at least one record")]
    Empty,
    /// There are too many records in it.
    #[error("a pack has at most {MAX_RECORDS} records")]
    TooManyRecords,
    /// A record breaks a rule.
    #[error("record {record}: {fault}")]
    Record {
        /// The place of the record.
        record: usize,
        /// The rule.
        fault: Fault,
    },
}

/// The rule a record breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The name is empty.
    #[error("it has no name")]
    NameMissing,
    /// The name has characters that the RFC does not allow.
    #[error(
        "a name begins with a letter or digit, and has only letters, digits and '-', ':', '.', '/' and '_'"
    )]
    NameCharacter,
    /// The name is too long.
    #[error("a name has at most {MAX_NAME} bytes")]
    NameLength,
    /// The unit is too long.
    #[error("a unit has at most {MAX_UNIT} bytes")]
    UnitLength,
    /// There is neither value nor sum.
    #[error("it has neither a value nor a sum")]
    ValueMissing,
    /// There are several values.
    #[error("it has more than one value")]
    ValueRepeated,
    /// A number is not finite.
    #[error("a number is not finite")]
    NotFinite,
    /// The time is before 1970 or after the year 9999.
    #[error("its time is before 1970 or after the year 9999")]
    Time,
    /// The version is newer than the RFC.
    #[error("version {0} is not understood")]
    Version(i64),
    /// The version is not that of the records before.
    #[error("all versions in a pack must be the same")]
    VersionChanged,
    /// There is a field that must be understood.
    #[error("the field {0:?} must be understood, and is not")]
    UnknownField(String),
}

impl Error {
    /// Returns a stable word for the kind of error, for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Empty => "empty",
            Self::TooManyRecords => "too_many_records",
            Self::Record { .. } => "invalid_record",
        }
    }
}

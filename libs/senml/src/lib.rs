//! Sensor Measurement Lists (RFC 8428): packs in JSON and CBOR become resolved records, or an error that says why not.
//!
//! - [`decode_json`] and [`decode_cbor`] resolve everything a record inherits: names, units, times, values and sums.
//! - [`flatten_json`] reads a plain JSON object as one record per leaf.
//! - [`encode_json`] writes resolved records as a pack.
//!
//! What the drafts before the RFC had and devices still send is understood too: the field `l`, and a time that is relative
//! only when it is not positive, in packs that say a `bver` below 10. Nothing here does I/O, and no pack makes more than
//! [`MAX_RECORDS`] records of bounded size, however small it is.

mod cbor;
mod encode;
mod error;
mod fields;
mod flatten;
mod json;
mod record;
mod resolve;

pub use cbor::decode as decode_cbor;
pub use encode::encode_json;
pub use error::{Error, Fault};
pub use flatten::flatten_json;
pub use json::decode as decode_json;
pub use record::{Record, Value};

/// The most records of one pack.
pub const MAX_RECORDS: usize = 10_000;
/// The most bytes of a name: a base name is repeated in every record.
pub const MAX_NAME: usize = 1024;
/// The most bytes of a unit.
pub const MAX_UNIT: usize = 256;

//! Configuration from the environment: by prefix, every mistake reported at once, documented by itself.
//!
//! A service describes its variables as one plain struct per prefix: `serde(default)`, a doc sentence per
//! field. [`load`] fills it, [`table`] documents it and [`check_readme`] keeps the README honest. Fields are
//! numbers, `bool`, text, [`model::Secret`], [`Period`], [`LogLevel`], unit enums, lists and `Option`s of these.
//! An empty variable is an unset one; `NAME_FILE` reads `NAME` from a file.

mod environment;
mod load;
mod log_level;
mod period;
mod problems;
mod readme;
mod schema;
mod table;
mod unknown;

pub use environment::Environment;
pub use load::load;
pub use log_level::LogLevel;
pub use period::Period;
pub use problems::Problems;
pub use readme::check_readme;
pub use table::table;
pub use unknown::{names, warn_unknown};

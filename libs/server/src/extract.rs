//! Extractors: they take a request apart in the order of checks of 0.9 and refuse with a [`Problem`](crate::Problem).

mod credentials;
mod json_body;
mod lenient;
mod page;
mod path;
mod payload;
mod query;

pub use credentials::{ThingCredentials, UserToken, parse_thing_credentials, parse_user_token};
pub use json_body::JsonBody;
pub use page::PageParams;
pub use path::Path;
pub use payload::Payload;
pub use query::Query;

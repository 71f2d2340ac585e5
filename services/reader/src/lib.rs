//! Serves the stored messages of a channel: `GET /channels/<id>/messages`, to the things that may subscribe to it and to its owner.

mod access;
mod answer;
mod config;
mod http;
mod message;
mod parameters;

use std::sync::Arc;

use ::history::{Cursor, History};
use adapter::Adapter;
use model::BoxError;
use proto::things::Things;
use storage::Db;

use access::Access;
use answer::Answer;
use message::Message;
use parameters::Wanted;

pub use self::config::Config;
pub use self::http::router;

/// The reader of a process.
pub struct Reader {
    history: History,
    access: Access,
    config: Config,
}

/// Brings the database up to date and opens the reader over it.
///
/// # Errors
/// When the database cannot be used.
pub async fn open(
    config: &Config,
    db: Db,
    adapter: Adapter,
    things: Arc<dyn Things>,
) -> Result<Arc<Reader>, BoxError> {
    Ok(Arc::new(Reader {
        history: History::open(db).await?,
        access: Access::new(adapter, things),
        config: config.clone(),
    }))
}

impl Reader {
    async fn read(&self, wanted: Wanted) -> model::Result<Answer> {
        let Wanted {
            query,
            page,
            paging,
            aggregate,
            ..
        } = wanted;
        let is_first = paging.after.is_none();
        // Counted before it is read: what is stored meanwhile may be in the page, and never in the total alone.
        let (total, messages, next) = match aggregate {
            None => {
                let total = match is_first {
                    true => Some(self.history.count(&query).await?),
                    false => None,
                };
                let found = self.history.read(&query, paging).await?;
                let messages = found.entries.into_iter().map(Message::from).collect();
                (total, messages, found.next)
            }
            Some((aggregate, interval)) => {
                let total = match is_first {
                    true => Some(self.history.count_buckets(&query, interval).await?),
                    false => None,
                };
                let (found, next) = self.history.aggregate(&query, interval, paging).await?;
                let message = |bucket| Message::of_bucket(&query, aggregate, bucket);
                (total, found.into_iter().map(message).collect(), next)
            }
        };
        Ok(Answer {
            total,
            offset: page.offset,
            limit: page.limit,
            messages,
            next: next.as_ref().map(Cursor::encode),
        })
    }
}

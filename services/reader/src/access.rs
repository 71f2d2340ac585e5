use std::sync::Arc;

use adapter::{Adapter, Presented};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use model::{Action, ChannelId, Error, ErrorKind, Result};
use proto::things::Things;
use server::{parse_thing_credentials, parse_user_token};

/// Decides who may read a channel: the things that may subscribe to it, and its owner.
pub(crate) struct Access {
    adapter: Adapter,
    things: Arc<dyn Things>,
}

impl Access {
    pub(crate) fn new(adapter: Adapter, things: Arc<dyn Things>) -> Self {
        Self { adapter, things }
    }

    /// Succeeds when the `Authorization` header opens the channel: a scheme says whether it holds a thing's key or a user's
    /// token, and without one, as in 0.9, either is tried, first what it looks like.
    ///
    /// # Errors
    /// `Unauthenticated` when it is nobody's, `Forbidden` when it is not of this channel, `Unavailable` when nobody can tell.
    pub(crate) async fn open(&self, headers: &HeaderMap, channel: ChannelId) -> Result<()> {
        let header = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let text = header.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let text = text.unwrap_or_default().trim();
        let scheme = text.split_once(' ').map(|(scheme, _)| scheme);
        match scheme.map(str::to_ascii_lowercase).as_deref() {
            Some("bearer") => return self.by_token(text, channel).await,
            Some("thing" | "basic") => return self.by_key(text, channel).await,
            _ => {}
        }
        let is_like_token = text.bytes().filter(|byte| *byte == b'.').count() == 2;
        let first = if is_like_token {
            self.by_token(text, channel).await
        } else {
            self.by_key(text, channel).await
        };
        match first {
            Err(error) if error.kind == ErrorKind::Unauthenticated && !text.is_empty() => {
                let second = if is_like_token {
                    self.by_key(text, channel).await
                } else {
                    self.by_token(text, channel).await
                };
                second.map_err(|second| match second.kind {
                    ErrorKind::Unauthenticated => error,
                    _ => second,
                })
            }
            first => first,
        }
    }

    async fn by_key(&self, text: &str, channel: ChannelId) -> Result<()> {
        let presented = Presented::key(parse_thing_credentials(text)?);
        let thing = self.adapter.authenticate(&presented).await?;
        self.adapter
            .authorize(thing, channel, Action::Subscribe)
            .await
    }

    async fn by_token(&self, text: &str, channel: ChannelId) -> Result<()> {
        let token = parse_user_token(text).ok_or_else(|| {
            let hint =
                "the Authorization header must hold the key of a thing or the token of a user";
            Error::new(ErrorKind::Unauthenticated, "credentials_missing", hint)
        })?;
        self.things.authorize_owner(&token, channel).await
    }
}

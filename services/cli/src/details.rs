//! What things and channels have in common: they are created, listed, replaced, deleted and connected alike.

use http::Method;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::error::Error;
use crate::input;
use crate::output::Column;
use crate::pages;
use crate::target::escape;

/// Things or channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Things,
    Channels,
}

/// What a table shows of them.
pub(crate) const COLUMNS: &[Column] = &[
    ("ID", &["id"]),
    ("NAME", &["name"]),
    ("KEY", &["key"]),
    ("METADATA", &["metadata"]),
];

impl Kind {
    /// Returns the word in paths and pages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Things => "things",
            Self::Channels => "channels",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Things => Self::Channels,
            Self::Channels => Self::Things,
        }
    }

    fn path(self, id: &str) -> String {
        format!("/{}/{}", self.word(), escape(id))
    }

    /// Creates one and shows its id.
    pub(crate) async fn create(
        self,
        api: &mut Api,
        json: &str,
        token: Option<String>,
    ) -> Result<(), Error> {
        let (token, body) = (api.token(token)?, input::object(json)?);
        let path = format!("/{}", self.word());
        let reply = api.things(Method::POST, &path, &token, Some(&body)).await?;
        api.output.created("id", &reply.created_id()?)
    }

    /// Shows one, or a page for `all`.
    pub(crate) async fn get(
        self,
        api: &mut Api,
        id: &str,
        token: Option<String>,
    ) -> Result<(), Error> {
        let token = api.token(token)?;
        if id == "all" {
            let path = format!("/{}", self.word());
            let page = pages::list(api, &path, self.word(), &token, true).await?;
            return api.output.page(&page, self.word(), COLUMNS);
        }
        let path = self.path(id);
        let reply = api.things(Method::GET, &path, &token, None);
        let object = reply.await?.json()?;
        api.output.object(&object)
    }

    /// Replaces the one whose id is in the JSON; what is not in it is cleared.
    pub(crate) async fn update(
        self,
        api: &mut Api,
        json: &str,
        token: Option<String>,
    ) -> Result<(), Error> {
        let (token, mut body) = (api.token(token)?, input::object(json)?);
        let id = body.as_object_mut().and_then(|fields| fields.remove("id"));
        let Some(Value::String(id)) = id else {
            return Err(Error::Usage(
                "the JSON must have the \"id\" of what to update".to_owned(),
            ));
        };
        api.things(Method::PUT, &self.path(&id), &token, Some(&body))
            .await?;
        api.output.ok()
    }

    /// Deletes one.
    pub(crate) async fn delete(
        self,
        api: &mut Api,
        id: &str,
        token: Option<String>,
    ) -> Result<(), Error> {
        let token = api.token(token)?;
        api.things(Method::DELETE, &self.path(id), &token, None)
            .await?;
        api.output.ok()
    }

    /// Shows what one is connected to.
    pub(crate) async fn connections(
        self,
        api: &mut Api,
        id: &str,
        token: Option<String>,
    ) -> Result<(), Error> {
        let token = api.token(token)?;
        let other = self.other().word();
        let path = format!("{}/{other}", self.path(id));
        let page = pages::list(api, &path, other, &token, false).await?;
        api.output.page(&page, other, COLUMNS)
    }
}

/// Returns the path of the connection of a thing and a channel.
pub(crate) fn connection(thing: &str, channel: &str) -> String {
    format!("/channels/{}/things/{}", escape(channel), escape(thing))
}

/// Makes a JSON object of what is there.
pub(crate) fn object(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let there = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

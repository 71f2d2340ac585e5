//! The bodies of requests and responses, in the words of 0.9.

use model::{Page, PageQuery, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Result;
use crate::model::{Channel, Details, Key, Limits, Metadata, Name, NewThing, Thing};

/// What an owner says about a thing or a channel; anything else beside it is ignored, whatever it holds.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct DetailsBody {
    name: String,
    metadata: Option<Value>,
}

impl DetailsBody {
    pub(super) fn details(self, limits: &Limits) -> Result<Details> {
        Ok(Details {
            name: Name::parse(self.name)?,
            metadata: Metadata::parse(self.metadata, limits)?,
        })
    }
}

/// A thing that is to be created.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NewThingBody {
    name: String,
    key: Secret,
    metadata: Option<Value>,
}

impl NewThingBody {
    /// An empty key is none.
    pub(super) fn new_thing(self, limits: &Limits) -> Result<NewThing> {
        let Self {
            name,
            key,
            metadata,
        } = self;
        let key = (!key.is_empty()).then(|| Key::parse(key.expose()));
        Ok(NewThing {
            key: key.transpose()?,
            details: DetailsBody { name, metadata }.details(limits)?,
        })
    }
}

/// A thing as its owner sees it.
#[derive(Serialize)]
pub(super) struct ThingBody {
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
}

impl From<Thing> for ThingBody {
    fn from(thing: Thing) -> Self {
        Self {
            id: thing.id.to_string(),
            name: thing.details.name.as_str().to_owned(),
            key: thing.key.secret().expose().to_owned(),
            default_channel: thing.default_channel.map(|id| id.to_string()),
            metadata: thing.details.metadata.value(),
        }
    }
}

/// A channel as its owner sees it.
#[derive(Serialize)]
pub(super) struct ChannelBody {
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
}

impl From<Channel> for ChannelBody {
    fn from(channel: Channel) -> Self {
        Self {
            id: channel.id.to_string(),
            name: channel.details.name.as_str().to_owned(),
            metadata: channel.details.metadata.value(),
        }
    }
}

/// What every page begins with.
#[derive(Serialize)]
pub(super) struct PageBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    offset: u64,
    limit: u64,
    /// The cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

impl PageBody {
    pub(super) fn new<T>(page: &Page<T>, query: PageQuery) -> Self {
        Self {
            total: page.total,
            offset: query.offset,
            limit: query.limit,
            next: page.next,
        }
    }
}

/// Things, as a page or as what was created.
#[derive(Serialize)]
pub(super) struct ThingsBody {
    #[serde(flatten)]
    page: Option<PageBody>,
    things: Vec<ThingBody>,
}

impl ThingsBody {
    pub(super) fn page(page: Page<Thing>, query: PageQuery) -> Self {
        Self {
            page: Some(PageBody::new(&page, query)),
            things: page.items.into_iter().map(ThingBody::from).collect(),
        }
    }

    pub(super) fn created(things: Vec<Thing>) -> Self {
        Self {
            page: None,
            things: things.into_iter().map(ThingBody::from).collect(),
        }
    }
}

/// Channels, as a page or as what was created.
#[derive(Serialize)]
pub(super) struct ChannelsBody {
    #[serde(flatten)]
    page: Option<PageBody>,
    channels: Vec<ChannelBody>,
}

impl ChannelsBody {
    pub(super) fn page(page: Page<Channel>, query: PageQuery) -> Self {
        Self {
            page: Some(PageBody::new(&page, query)),
            channels: page.items.into_iter().map(ChannelBody::from).collect(),
        }
    }

    pub(super) fn created(channels: Vec<Channel>) -> Self {
        Self {
            page: None,
            channels: channels.into_iter().map(ChannelBody::from).collect(),
        }
    }
}

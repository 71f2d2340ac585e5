use std::num::NonZeroU32;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use messaging::{Message, Record};
use model::{ThingId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::REFRESH;
use crate::index::Subscription;
use crate::key::ClientKey;
use crate::packet::{Qos, RetainHandling, SubscribeOptions, Will};
use crate::queue::group_name;
use crate::session::{Outbound, Session};
use crate::topic::TopicFilter;
use crate::will;

/// A session as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    thing: ThingId,
    client_id: String,
    expiry_seconds: u64,
    online: bool,
    /// Where it was stored.
    #[serde(default)]
    node: Uuid,
    /// What is published if that node dies.
    #[serde(default)]
    will: Option<StoredWill>,
    pub(super) saved: Timestamp,
    subscriptions: Vec<StoredSubscription>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredWill {
    delay_seconds: u32,
    /// The message, as it is on the bus, in Base64.
    message: String,
}

impl StoredWill {
    fn of(thing: ThingId, will: &Will) -> Option<Self> {
        let mut bytes = Vec::new();
        will::message(thing, will)?.encode(&mut bytes);
        Some(Self {
            delay_seconds: will.delay,
            message: STANDARD.encode(bytes),
        })
    }

    /// Returns the message, as of now.
    pub(super) fn decode(&self) -> Option<Message> {
        let mut message = Message::decode(&STANDARD.decode(&self.message).ok()?).ok()?;
        let (now, before) = (Timestamp::now(), message.created);
        message.expires = message
            .expires
            .map(|expires| now.plus(expires.since(before)));
        message.created = now;
        Some(message)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredSubscription {
    filter: String,
    #[serde(default)]
    relative: bool,
    qos: u8,
    #[serde(default)]
    no_local: bool,
    #[serde(default)]
    retain_as_published: bool,
    #[serde(default)]
    id: Option<NonZeroU32>,
}

impl Stored {
    pub(super) fn of(session: &Session, online: bool, node: Uuid) -> Self {
        let subscriptions = session.subscriptions.iter();
        Self {
            thing: session.key.thing,
            client_id: session.key.client_id.as_ref().to_owned(),
            expiry_seconds: session.expiry.as_secs(),
            online,
            node,
            will: session
                .will
                .as_ref()
                .and_then(|will| StoredWill::of(session.key.thing, will)),
            saved: Timestamp::now(),
            subscriptions: subscriptions
                .map(
                    |(filter, Subscription { options, id })| StoredSubscription {
                        filter: filter.as_str().to_owned(),
                        relative: filter.is_relative(),
                        qos: options.qos.as_u8(),
                        no_local: options.no_local,
                        retain_as_published: options.retain_as_published,
                        id: *id,
                    },
                )
                .collect(),
        }
    }

    pub(super) fn client(&self) -> ClientKey {
        ClientKey::new(self.thing, &self.client_id)
    }

    /// Returns its will, where it was stored, and how long after the death of that node it is due.
    pub(super) fn will(&self) -> Option<(Uuid, Duration, &StoredWill)> {
        let will = self.will.as_ref()?;
        let delay = self.expiry_seconds.min(will.delay_seconds.into());
        Some((self.node, Duration::from_secs(delay), will))
    }

    pub(super) fn without_will(self) -> Self {
        Self {
            will: None,
            online: false,
            ..self
        }
    }

    /// Tells whether it was to be kept; if not, it is stored as a member of groups and ends with its connection.
    pub(super) fn outlives_connection(&self) -> bool {
        self.expiry_seconds > 0
    }

    /// Returns the names of the groups it is a member of.
    pub(super) fn groups(&self) -> impl Iterator<Item = String> {
        let filters = self.subscriptions.iter();
        let shared = filters.filter(|stored| stored.filter.starts_with("$share/"));
        shared.filter_map(|stored| {
            TopicFilter::parse(&stored.filter)
                .ok()
                .map(|filter| group_name(&filter))
        })
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        let in_use = if self.online {
            2 * REFRESH
        } else {
            Duration::ZERO
        };
        now.since(self.saved) > Duration::from_secs(self.expiry_seconds) + in_use
    }

    pub(super) fn to_session(&self) -> Session {
        let mut session = Session::new(self.client(), Duration::from_secs(self.expiry_seconds));
        session.stored = true;
        session.confirmed = true;
        session.queues = true;
        // Identifiers that were in use are not known any more; these are others, all but certainly.
        session.outbound = Outbound::starting_at(Uuid::new_v4().as_fields().1);
        for stored in &self.subscriptions {
            let Ok(filter) = TopicFilter::parse(&stored.filter) else {
                continue;
            };
            let options = SubscribeOptions {
                qos: Qos::from_u8(stored.qos).unwrap_or_default(),
                no_local: stored.no_local,
                retain_as_published: stored.retain_as_published,
                retain_handling: RetainHandling::Send,
            };
            session.subscriptions.set(
                &filter.with_relative(stored.relative),
                Subscription {
                    options,
                    id: stored.id,
                },
            );
        }
        session
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use model::ChannelId;

    use super::*;

    fn session(expiry: u64) -> Session {
        let key = ClientKey::new(ThingId::random(), "sensor");
        let mut session = Session::new(key, Duration::from_secs(expiry));
        let filter = format!("channels/{}/messages/+/x", ChannelId::random());
        session.subscriptions.set(
            &TopicFilter::parse(&filter).unwrap(),
            Subscription {
                options: SubscribeOptions {
                    qos: Qos::ExactlyOnce,
                    no_local: true,
                    retain_as_published: true,
                    retain_handling: RetainHandling::Send,
                },
                id: NonZeroU32::new(77),
            },
        );
        session
    }

    #[test]
    fn a_session_reads_back() {
        let session = session(60);
        let json = serde_json::to_vec(&Stored::of(&session, true, Uuid::nil())).unwrap();
        let stored: Stored = serde_json::from_slice(&json).unwrap();
        let back = stored.to_session();
        assert_eq!(back.key, session.key);
        assert_eq!(back.expiry, session.expiry);
        let pairs = |session: &Session| {
            let entries = session.subscriptions.iter();
            let owned = entries.map(|(filter, subscription)| (filter.clone(), *subscription));
            owned.collect::<HashMap<_, _>>()
        };
        assert_eq!(pairs(&back), pairs(&session));
    }

    #[test]
    fn a_session_expires_after_its_time_and_later_when_it_was_last_seen_online() {
        let offline = Stored::of(&session(60), false, Uuid::nil());
        let after = |seconds| offline.saved.plus(Duration::from_secs(seconds));
        assert!(!offline.is_expired(after(60)));
        assert!(offline.is_expired(after(61)));
        let online = Stored {
            online: true,
            ..offline.clone()
        };
        assert!(!online.is_expired(after(61)));
        assert!(online.is_expired(after(61 + 2 * REFRESH.as_secs())));
    }
}

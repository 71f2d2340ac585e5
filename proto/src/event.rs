use model::{ChannelId, ThingId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that happened in a service, as it is in the outbox and on the EVENTS stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The service it happened in: `users` or `things`.
    pub source: String,
    /// Its number in that service: without gaps, in the order of the commits.
    pub number: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub change: Change,
}

/// What can happen; the names and fields of `thing.*` and `channel.*` are those of 0.9 where it had them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation")]
pub enum Change {
    /// A thing was created.
    #[serde(rename = "thing.create")]
    ThingCreated {
        /// The thing.
        id: ThingId,
        /// Who owns it.
        owner: UserId,
        /// Its name, possibly empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// Its metadata object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<Value>,
    },
    /// A thing's name or metadata changed.
    #[serde(rename = "thing.update")]
    ThingUpdated {
        /// The thing.
        id: ThingId,
        /// Its name, possibly empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// Its metadata object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<Value>,
    },
    /// A thing's key changed: the old one is void.
    #[serde(rename = "thing.update_key")]
    ThingKeyChanged {
        /// The thing.
        id: ThingId,
    },
    /// Relative MQTT topics of a thing lead elsewhere from its next connection on.
    #[serde(rename = "thing.update_default_channel")]
    DefaultChannelChanged {
        /// The thing.
        id: ThingId,
        /// Where they lead, if anywhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<ChannelId>,
    },
    /// A thing is gone.
    #[serde(rename = "thing.remove")]
    ThingRemoved {
        /// The thing.
        id: ThingId,
    },
    /// A certificate was registered for a thing.
    #[serde(rename = "thing.add_cert")]
    CertificateAdded {
        /// The thing.
        id: ThingId,
        /// Lower-case hexadecimal SHA-256 of the certificate.
        sha256: String,
    },
    /// A certificate was revoked or removed.
    #[serde(rename = "thing.remove_cert")]
    CertificateRemoved {
        /// The thing.
        id: ThingId,
        /// Lower-case hexadecimal SHA-256 of the certificate.
        sha256: String,
    },
    /// A channel was created.
    #[serde(rename = "channel.create")]
    ChannelCreated {
        /// The channel.
        id: ChannelId,
        /// Who owns it.
        owner: UserId,
        /// Its name, possibly empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// Its metadata object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<Value>,
    },
    /// A channel's name or metadata changed.
    #[serde(rename = "channel.update")]
    ChannelUpdated {
        /// The channel.
        id: ChannelId,
        /// Its name, possibly empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// Its metadata object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<Value>,
    },
    /// A channel is gone.
    #[serde(rename = "channel.remove")]
    ChannelRemoved {
        /// The channel.
        id: ChannelId,
    },
    /// A thing was connected to a channel.
    #[serde(rename = "thing.connect")]
    Connected {
        /// The channel.
        chan_id: ChannelId,
        /// The thing.
        thing_id: ThingId,
    },
    /// A thing was disconnected from a channel.
    #[serde(rename = "thing.disconnect")]
    Disconnected {
        /// The channel.
        chan_id: ChannelId,
        /// The thing.
        thing_id: ThingId,
    },
    /// A user was created.
    #[serde(rename = "user.create")]
    UserCreated {
        /// The user.
        id: UserId,
    },
    /// A user's password changed: older tokens are void.
    #[serde(rename = "user.update_password")]
    PasswordChanged {
        /// The user.
        id: UserId,
    },
    /// A user is gone, and with them all that was theirs.
    #[serde(rename = "user.remove")]
    UserRemoved {
        /// The user.
        id: UserId,
    },
}

impl Change {
    /// Returns the `operation` of the change, such as `thing.remove`.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::ThingCreated { .. } => "thing.create",
            Self::ThingUpdated { .. } => "thing.update",
            Self::ThingKeyChanged { .. } => "thing.update_key",
            Self::DefaultChannelChanged { .. } => "thing.update_default_channel",
            Self::ThingRemoved { .. } => "thing.remove",
            Self::CertificateAdded { .. } => "thing.add_cert",
            Self::CertificateRemoved { .. } => "thing.remove_cert",
            Self::ChannelCreated { .. } => "channel.create",
            Self::ChannelUpdated { .. } => "channel.update",
            Self::ChannelRemoved { .. } => "channel.remove",
            Self::Connected { .. } => "thing.connect",
            Self::Disconnected { .. } => "thing.disconnect",
            Self::UserCreated { .. } => "user.create",
            Self::PasswordChanged { .. } => "user.update_password",
            Self::UserRemoved { .. } => "user.remove",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_names_of_0_9() {
        let event = Event {
            source: "things".to_owned(),
            number: 7,
            at: Timestamp::from_micros(1),
            change: Change::Connected {
                chan_id: ChannelId::random(),
                thing_id: ThingId::random(),
            },
        };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["operation"], "thing.connect");
        assert_eq!(json["operation"], event.change.operation());
        assert!(json["chan_id"].is_string() && json["thing_id"].is_string());
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
    }
}

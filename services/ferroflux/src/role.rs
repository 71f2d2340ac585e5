use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use clap::ValueEnum;

/// A part of the platform that can run as a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    /// Accounts and tokens.
    Users,
    /// Things, channels and connections.
    Things,
    /// Messages by HTTP POST.
    HttpAdapter,
    /// Messages by WebSocket.
    WsAdapter,
    /// Messages by MQTT.
    MqttAdapter,
    /// Storing messages.
    Writer,
    /// Reading stored messages back.
    Reader,
}

impl Role {
    /// Tells whether the role speaks with devices.
    pub(crate) fn is_adapter(self) -> bool {
        matches!(
            self,
            Self::HttpAdapter | Self::WsAdapter | Self::MqttAdapter
        )
    }
}

/// Which roles a process has, and in which shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Everything in this process, on SQLite and the bus in process.
    Embedded,
    /// The named roles, on PostgreSQL and NATS.
    Separate(BTreeSet<Role>),
}

impl Shape {
    /// Makes the shape that a command line asks for.
    pub(crate) fn new(roles: &[Role]) -> Self {
        if roles.is_empty() {
            Self::Embedded
        } else {
            Self::Separate(roles.iter().copied().collect())
        }
    }

    /// Tells whether this process has the role.
    pub(crate) fn has(&self, role: Role) -> bool {
        match self {
            Self::Embedded => true,
            Self::Separate(roles) => roles.contains(&role),
        }
    }

    /// Returns where a port listens that authenticates nobody: on loopback in the embedded shape unless configured otherwise.
    pub(crate) fn internal(&self, configured: Option<IpAddr>) -> IpAddr {
        configured.unwrap_or(IpAddr::V4(match self {
            Self::Embedded => Ipv4Addr::LOCALHOST,
            Self::Separate(_) => Ipv4Addr::UNSPECIFIED,
        }))
    }

    /// Tells whether this process has a role that speaks with devices.
    pub(crate) fn has_adapter(&self) -> bool {
        Role::value_variants()
            .iter()
            .any(|role| role.is_adapter() && self.has(*role))
    }

    /// Tells whether this process has a role that asks things.
    pub(crate) fn asks_things(&self) -> bool {
        self.has_adapter() || self.has(Role::Writer) || self.has(Role::Reader)
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// An MQTT 5 reason code; older versions get what comes closest.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "the names are those of MQTT 5.0 section 2.4")]
        pub enum Reason {
            $($(#[$doc])* $name = $code,)*
        }

        impl Reason {
            /// Reads the number on the wire.
            pub const fn from_u8(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    /// Also normal disconnection and granted QoS 0.
    Success = 0x00,
    GrantedQos1 = 0x01,
    GrantedQos2 = 0x02,
    DisconnectWithWill = 0x04,
    NoMatchingSubscribers = 0x10,
    NoSubscriptionExisted = 0x11,
    ContinueAuthentication = 0x18,
    Reauthenticate = 0x19,
    UnspecifiedError = 0x80,
    MalformedPacket = 0x81,
    ProtocolError = 0x82,
    ImplementationSpecificError = 0x83,
    UnsupportedProtocolVersion = 0x84,
    ClientIdNotValid = 0x85,
    BadUserNameOrPassword = 0x86,
    NotAuthorized = 0x87,
    ServerUnavailable = 0x88,
    ServerBusy = 0x89,
    Banned = 0x8A,
    ServerShuttingDown = 0x8B,
    BadAuthenticationMethod = 0x8C,
    KeepAliveTimeout = 0x8D,
    SessionTakenOver = 0x8E,
    TopicFilterInvalid = 0x8F,
    TopicNameInvalid = 0x90,
    PacketIdInUse = 0x91,
    PacketIdNotFound = 0x92,
    ReceiveMaximumExceeded = 0x93,
    TopicAliasInvalid = 0x94,
    PacketTooLarge = 0x95,
    MessageRateTooHigh = 0x96,
    QuotaExceeded = 0x97,
    AdministrativeAction = 0x98,
    PayloadFormatInvalid = 0x99,
    RetainNotSupported = 0x9A,
    QosNotSupported = 0x9B,
    UseAnotherServer = 0x9C,
    ServerMoved = 0x9D,
    SharedSubscriptionsNotSupported = 0x9E,
    ConnectionRateExceeded = 0x9F,
    MaximumConnectTime = 0xA0,
    SubscriptionIdsNotSupported = 0xA1,
    WildcardSubscriptionsNotSupported = 0xA2,
}

impl Reason {
    /// Returns the number on the wire.
    pub const fn as_u8(self) -> u8 {
        self as u8
    }

    /// Tells whether it is a refusal.
    pub const fn is_error(self) -> bool {
        self.as_u8() >= 0x80
    }

    /// Returns the return code of a CONNACK before MQTT 5 (MQTT 3.1.1 table 3.1).
    pub const fn connack_v3(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::UnsupportedProtocolVersion => 1,
            Self::ClientIdNotValid => 2,
            Self::BadUserNameOrPassword | Self::BadAuthenticationMethod => 4,
            Self::NotAuthorized | Self::Banned => 5,
            _ => 3,
        }
    }

    /// Returns the return code of a SUBACK before MQTT 5 (MQTT 3.1.1 section 3.9.3).
    pub const fn suback_v3(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::GrantedQos1 => 1,
            Self::GrantedQos2 => 2,
            _ => 0x80,
        }
    }
}

impl From<super::Qos> for Reason {
    /// Returns the reason code of a SUBACK that grants this QoS.
    fn from(qos: super::Qos) -> Self {
        match qos {
            super::Qos::AtMostOnce => Self::Success,
            super::Qos::AtLeastOnce => Self::GrantedQos1,
            super::Qos::ExactlyOnce => Self::GrantedQos2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for code in 0..=u8::MAX {
            if let Some(reason) = Reason::from_u8(code) {
                assert_eq!(reason.as_u8(), code);
            }
        }
        assert_eq!(Reason::from_u8(0x03), None);
        assert_eq!(Reason::from_u8(0xA3), None);
    }

    #[test]
    fn older_versions_get_the_closest_code() {
        assert_eq!(Reason::BadUserNameOrPassword.connack_v3(), 4);
        assert_eq!(Reason::NotAuthorized.connack_v3(), 5);
        assert_eq!(Reason::ServerBusy.connack_v3(), 3);
        assert_eq!(Reason::GrantedQos2.suback_v3(), 2);
        assert_eq!(Reason::NotAuthorized.suback_v3(), 0x80);
    }
}

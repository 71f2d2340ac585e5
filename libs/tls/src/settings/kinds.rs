//! The words a setting can be.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use openssl::ssl::SslVersion;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Whether a listener asks for a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// It does not ask.
    None,
    /// It asks, and takes those without one too; a bad one is refused.
    Optional,
    /// Nobody without a good one gets in.
    Require,
}

/// A version of the protocol; nothing older is supported.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum Version {
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    V12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V13,
}

impl Version {
    pub(crate) fn openssl(self) -> SslVersion {
        match self {
            Self::V12 => SslVersion::TLS1_2,
            Self::V13 => SslVersion::TLS1_3,
        }
    }
}

/// Whether a client may resume its session without a full handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tickets {
    /// On, unless client certificates are asked for: a ticket outlives what they prove.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// What happens when the revocation list of an issuer is missing or stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CrlMode {
    /// The certificate is refused.
    Hard,
    /// The certificate is taken and counted.
    Soft,
}

/// Which certificates are looked up in the revocation lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CrlScope {
    /// All of the chain, so that a revoked intermediate counts.
    Chain,
    /// Only the last one.
    Leaf,
}

/// What is done about OCSP responses that travel in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stapling {
    /// Nothing.
    Off,
    /// They are presented and looked at when there are any.
    Auto,
    /// Nothing goes without one.
    Must,
}

/// How much a certificate must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// X.509 v3 by the book: key usages, names in the SAN, clientAuth stated by clients.
    Strict,
    /// What the scripts of 0.9 made: version 1, names in the CN, no usages.
    Legacy,
}

/// Whether a TLS port takes plaintext as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plaintext {
    /// It does not.
    Refuse,
    /// It does, from the networks of `plaintext_from`; the first byte decides.
    Allow,
}

/// Whether a trusted proxy says in a PROXY protocol header who connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProxyProtocol {
    /// No header is read.
    Off,
    /// A header of version 1 is read when it is there.
    V1,
    /// A header of version 2 is read when it is there.
    V2,
    /// A header of either version is read when it is there.
    Any,
    /// A header of either version must be there.
    Require,
}

/// When changed files are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReloadOn {
    /// When their directory changes, on SIGHUP, and by a look every minute.
    Watch,
    /// On SIGHUP.
    Signal,
    /// At the next start.
    Off,
}

/// A network in CIDR notation, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Tells whether an address is in the network; IPv4 in IPv6 is IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse::<IpNet>().ok();
        network
            .or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)))
            .map(Self)
            .ok_or_else(|| format!("'{text}' is no network; write 10.0.0.0/8 or ::1"))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The SHA-256 of a certificate's SubjectPublicKeyInfo, 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin(pub(crate) [u8; 32]);

impl FromStr for Pin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("'{text}' is no SHA-256; write 64 hexadecimal digits");
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(error());
        }
        let mut pin = [0; 32];
        for (byte, pair) in pin.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return Err(error());
            };
            *byte = u8::try_from(high * 16 + low).map_err(|_| error())?;
        }
        Ok(Self(pin))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::peer_cert::hex(&self.0))
    }
}

/// Texts in the environment, values in the code.
macro_rules! as_text {
    ($($kind:ident),*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $kind {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($kind).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string" })
            }
        }
    )*};
}

as_text!(Network, Pin);

#[cfg(test)]
mod tests {
    use super::{Network, Pin};

    #[test]
    fn networks_and_addresses() {
        let ten: Network = "10.0.0.0/8".parse().unwrap();
        assert!(ten.contains("10.1.2.3".parse().unwrap()));
        assert!(ten.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!ten.contains("11.0.0.1".parse().unwrap()));
        let one: Network = "::1".parse().unwrap();
        assert!(one.contains("::1".parse().unwrap()) && !one.contains("::2".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err() && "x".parse::<Network>().is_err());
    }

    #[test]
    fn pins_are_64_digits() {
        let text = "0aF0".repeat(16);
        assert_eq!(
            text.parse::<Pin>().unwrap().to_string(),
            text.to_lowercase()
        );
        for bad in ["", "0a", &"g".repeat(64), &"é".repeat(32)] {
            assert!(bad.parse::<Pin>().is_err(), "{bad}");
        }
    }
}

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::SettingsError;

/// Encryption of the connection to PostgreSQL, by libpq's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Plain text.
    #[default]
    Disable,
    /// As `Prefer`; libpq would try plain text first, which nobody needs.
    Allow,
    /// Encrypted when the server can, without looking at the certificate; plain text otherwise.
    Prefer,
    /// Encrypted; the certificate is looked at when there is an authority to look for.
    Require,
    /// Encrypted, with a certificate of the given authority.
    VerifyCa,
    /// Encrypted, with a certificate of the given authority for this host.
    VerifyFull,
}

impl FromStr for SslMode {
    type Err = SettingsError;

    /// Takes libpq's names and the spellings `disabled` and `required` of the 0.9 documents (wart W35).
    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "disable" | "disabled" => Ok(Self::Disable),
            "allow" => Ok(Self::Allow),
            "prefer" => Ok(Self::Prefer),
            "require" | "required" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            other => Err(SettingsError(format!(
                "`{other}` is no SSL mode; use disable, allow, prefer, require, verify-ca or verify-full"
            ))),
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

impl Serialize for SslMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SslMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for SslMode {
    fn schema_name() -> Cow<'static, str> {
        "SslMode".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

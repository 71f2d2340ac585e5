use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// How much a role logs; later levels include the earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what a person should look at; the default of 0.9.
    #[default]
    Error,
    /// Also what may need a look.
    Warn,
    /// Also what happens rarely and matters.
    Info,
    /// Also every request.
    Debug,
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            _ => Err(format!(
                "'{text}' is no log level; use debug, info, warn or error"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for LogLevel {
    fn schema_name() -> Cow<'static, str> {
        "LogLevel".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["debug", "info", "warn", "error"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_nothing_else_is_a_level() {
        assert_eq!("DEBUG".parse(), Ok(LogLevel::Debug));
        assert_eq!("Warn".parse(), Ok(LogLevel::Warn));
        assert!("trace".parse::<LogLevel>().is_err());
        assert!("warning".parse::<LogLevel>().is_err());
    }

    #[test]
    fn later_levels_say_more() {
        assert!(LogLevel::Debug > LogLevel::Info && LogLevel::Warn > LogLevel::Error);
    }
}

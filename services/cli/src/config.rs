use ::config::Period;
use clap::ValueEnum;
use model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the names of the client's variables begin with.
pub const PREFIX: &str = "MF_CLIENT_";

/// What the client commands are told, by the environment or by the same names in a file.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Address of the platform: its front, or the NGINX before it.
    pub url: String,
    /// Token of a user; `ferroflux login` keeps one in the file.
    pub token: Secret,
    /// Key of a thing.
    pub key: Secret,
    /// `table` for people or `json` for scripts.
    pub output: Format,
    /// How long a request may take.
    pub timeout: Period,
    /// Path of users below the address.
    pub users_prefix: String,
    /// Path of things below the address.
    pub things_prefix: String,
    /// Path of the HTTP adapter below the address.
    pub http_prefix: String,
    /// Path of the WebSocket adapter below the address.
    pub ws_prefix: String,
    /// Address of users where there is no front.
    pub users_url: Option<String>,
    /// Address of things where there is no front.
    pub things_url: Option<String>,
    /// Address of the HTTP adapter where there is no front.
    pub http_url: Option<String>,
    /// Address of the WebSocket adapter where there is no front.
    pub ws_url: Option<String>,
    /// Address of the reader where there is no front, such as `http://localhost:8905`.
    pub reader_url: Option<String>,
    /// Address of the MQTT adapter, `mqtt://HOST:PORT` or `mqtts://HOST:PORT`; unset, port 1883 or 8883 of the host of the platform.
    pub mqtt_url: Option<String>,
}

/// For whom the output is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema, ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For scripts.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "http://localhost:8080".to_owned(),
            token: Secret::default(),
            key: Secret::default(),
            output: Format::Table,
            timeout: Period::seconds(30),
            users_prefix: String::new(),
            things_prefix: String::new(),
            http_prefix: "http".to_owned(),
            ws_prefix: "ws".to_owned(),
            users_url: None,
            things_url: None,
            http_url: None,
            ws_url: None,
            reader_url: None,
            mqtt_url: None,
        }
    }
}

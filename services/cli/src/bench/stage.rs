//! The thing and the channel that the load is for: given, or made for the occasion and deleted after it.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use crate::api::Api;
use crate::details::connection;
use crate::error::Error;
use crate::messages::credential;
use crate::target::{Target, escape};

/// For which thing and channel.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// A channel that the thing of --key, or of the certificate, is connected to; without one, a thing and a channel are
    /// made with the token and deleted at the end.
    #[arg(long)]
    channel: Option<String>,
}

/// A connected thing.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) channel: String,
    pub(crate) key: Option<String>,
    /// What to delete at the end.
    made: Vec<String>,
}

impl Stage {
    /// Takes what is given, or makes it.
    pub(crate) async fn set(which: Which, api: &mut Api) -> Result<Self, Error> {
        if let Some(channel) = which.channel {
            return Ok(Self {
                channel,
                key: credential(api, None)?,
                made: Vec::new(),
            });
        }
        let token = api.token(None)?;
        let name = json!({ "name": "ferroflux bench" });
        let mut stage = Self {
            channel: String::new(),
            key: None,
            made: Vec::new(),
        };
        let made = stage.make(api, &token, &name).await;
        if made.is_err() {
            stage.clear(api).await;
        }
        made.map(|()| stage)
    }

    async fn make(&mut self, api: &mut Api, token: &str, name: &Value) -> Result<(), Error> {
        let reply = api.things(Method::POST, "/things", token, Some(name));
        let thing = reply.await?.created_id()?;
        let path = format!("/things/{}", escape(&thing));
        self.made.push(path.clone());
        let reply = api.things(Method::GET, &path, token, None).await?;
        self.key = reply.json()?["key"].as_str().map(str::to_owned);
        let reply = api.things(Method::POST, "/channels", token, Some(name));
        self.channel = reply.await?.created_id()?;
        self.made
            .push(format!("/channels/{}", escape(&self.channel)));
        let path = connection(&thing, &self.channel);
        api.things(Method::PUT, &path, token, None).await?;
        Ok(())
    }

    /// Deletes what was made.
    pub(crate) async fn clear(&self, api: &mut Api) {
        let Ok(token) = api.token(None) else { return };
        for path in &self.made {
            if let Err(error) = api.things(Method::DELETE, path, &token, None).await {
                crate::output::complain(&format!("{path} is left behind: {error}"));
            }
        }
    }

    /// Returns the address of a protocol.
    pub(crate) fn target(api: &Api, protocol: super::Protocol) -> Target {
        match protocol {
            super::Protocol::Http => api.settings.http.clone(),
            super::Protocol::Ws => api.settings.ws.clone(),
            super::Protocol::Mqtt => api.settings.mqtt.clone(),
        }
    }
}

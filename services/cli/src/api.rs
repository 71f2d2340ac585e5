use bytes::Bytes;
use http::Method;
use http::header::LOCATION;
use serde_json::Value;

use crate::client::{Call, Client, Reply};
use crate::dial::Dialer;
use crate::error::Error;
use crate::options::Options;
use crate::output::Output;
use crate::settings::Settings;
use crate::target::Target;

/// The content type of every body but messages.
const JSON: &str = "application/json";

/// What a command works with.
pub(crate) struct Api {
    pub(crate) settings: Settings,
    pub(crate) options: Options,
    pub(crate) output: Output,
    pub(crate) dialer: Dialer,
    pub(crate) client: Client,
}

impl Api {
    /// Prepares the connections; none is opened yet.
    pub(crate) fn new(settings: Settings, options: Options) -> Result<Self, Error> {
        let dialer = Dialer::new(&settings)?;
        Ok(Self {
            output: Output::new(settings.config.output),
            client: Client::new(dialer.clone(), settings.config.timeout.get()),
            dialer,
            settings,
            options,
        })
    }

    /// Returns the token: that of the command, else the configured one.
    pub(crate) fn token(&self, given: Option<String>) -> Result<String, Error> {
        let kept = || Some(self.settings.config.token.expose().to_owned());
        given.or_else(kept).filter(|token| !token.is_empty()).ok_or_else(|| {
            Error::Usage(
                "there is no token: `ferroflux login` keeps one; or give it as the last argument, by --token or by MF_CLIENT_TOKEN".to_owned(),
            )
        })
    }

    /// Returns the key of a thing: that of the command, else the configured one.
    pub(crate) fn key(&self, given: Option<String>) -> Result<String, Error> {
        let kept = || Some(self.settings.config.key.expose().to_owned());
        given.or_else(kept).filter(|key| !key.is_empty()).ok_or_else(|| {
            Error::Usage(
                "there is no key: give that of a thing as the last argument, by --key or by MF_CLIENT_KEY".to_owned(),
            )
        })
    }

    /// Makes a request with a JSON body, or none, and returns what a server answered that did it.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        target: &Target,
        path: &str,
        credential: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply, Error> {
        let reply = self.client.send(Call {
            method,
            target,
            path,
            credential,
            content_type: body.map_or("", |_| JSON),
            body: body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())),
        });
        reply.await?.success()
    }

    /// Makes a request to things with a token.
    pub(crate) async fn things(
        &mut self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<Reply, Error> {
        let target = self.settings.things.clone();
        self.call(method, &target, path, Some(token), body).await
    }

    /// Makes a request to users, with a token if there is one.
    pub(crate) async fn users(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply, Error> {
        let target = self.settings.users.clone();
        self.call(method, &target, path, token, body).await
    }
}

impl Reply {
    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::Failed(format!(
                "the answer is no JSON, is this a platform? {error}"
            ))
        })
    }

    /// Returns the id of what was created: the last segment of `Location`.
    pub(crate) fn created_id(&self) -> Result<String, Error> {
        let location = self.headers.get(LOCATION);
        let id = location
            .and_then(|location| location.to_str().ok())
            .and_then(|location| location.rsplit('/').next())
            .filter(|id| !id.is_empty());
        id.map(str::to_owned)
            .ok_or_else(|| Error::Failed("the answer names no Location".to_owned()))
    }
}

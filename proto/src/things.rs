//! What things offer the other roles: which thing presents a credential, and what it may do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Action, ChannelId, Credentials, Result, Secret, ThingId};
use serde_json::{Map, Value};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::wire::ferroflux as wire;
use crate::wire::ferroflux::{things_client, things_server};
use crate::wire::mainflux::{
    AccessByIdReq, AccessReq, ThingId as WireId, Token, things_service_server,
};
use crate::{Event, from_status, to_status};

mod legacy;

/// The code of the refusal of a certificate that the registry has never heard of.
pub const CERTIFICATE_UNKNOWN: &str = "certificate_unknown";

/// The contract of the things role.
#[async_trait]
pub trait Things: Send + Sync {
    /// Tells which thing presents these credentials.
    ///
    /// # Errors
    /// `Unauthenticated` when no thing has the key, or another than the one named has it.
    async fn authenticate(&self, credentials: &Credentials) -> Result<ThingId>;

    /// Tells which thing a verified certificate is registered for, by the SHA-256 of its DER form.
    ///
    /// One that is not registered is of the thing `named`, if that exists: what the certificate says by itself, when
    /// whoever asks trusts its issuer to say so.
    ///
    /// # Errors
    /// `Unauthenticated`: [`CERTIFICATE_UNKNOWN`] when it is of no thing, another code when it was revoked.
    async fn authenticate_certificate(
        &self,
        sha256: &[u8; 32],
        named: Option<ThingId>,
    ) -> Result<ThingId>;

    /// Succeeds when the thing may do this on the channel.
    ///
    /// # Errors
    /// `Forbidden` when it is not connected, or either does not exist.
    async fn authorize(&self, thing: ThingId, channel: ChannelId, action: Action) -> Result<()>;

    /// Tells where the relative MQTT topics of a thing lead, if anywhere.
    async fn default_channel(&self, thing: ThingId) -> Result<Option<ChannelId>>;

    /// Succeeds when a token is of the user who owns the channel.
    ///
    /// # Errors
    /// `Unauthenticated` when the token is not good, `Forbidden` when the channel is not the user's or does not exist.
    async fn authorize_owner(&self, token: &Secret, channel: ChannelId) -> Result<()>;

    /// Returns what its owner says about a channel, an empty object when nothing.
    ///
    /// # Errors
    /// `NotFound` when it does not exist.
    async fn channel_metadata(&self, channel: ChannelId) -> Result<Map<String, Value>>;

    /// Lists the events after a number, oldest first, for those who lost the event stream.
    async fn changes(&self, since: u64) -> Result<Changes>;
}

/// An answer to [`Things::changes`].
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// Events after the number asked for, oldest first; possibly only the first part of them.
    pub events: Vec<Event>,
    /// The number of the newest event there is.
    pub latest: u64,
    /// False when events after the number are gone: whoever asked must forget all it knows.
    pub complete: bool,
}

/// The things role in another process.
#[derive(Clone, Debug)]
pub struct Client {
    inner: things_client::ThingsClient<Channel>,
    timeout: Duration,
}

impl Client {
    /// Makes a client over a channel; no answer within `timeout` is an error.
    pub fn new(channel: Channel, timeout: Duration) -> Self {
        Self {
            inner: things_client::ThingsClient::new(channel),
            timeout,
        }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}

#[async_trait]
impl Things for Client {
    async fn authenticate(&self, credentials: &Credentials) -> Result<ThingId> {
        let thing = match credentials {
            Credentials::Key(_) => None,
            Credentials::Pair(thing, _) => Some(thing.to_string()),
        };
        let message = wire::ThingCredentials {
            key: credentials.key().expose().to_owned(),
            thing,
        };
        let reply = self.inner.clone().authenticate(self.request(message)).await;
        reply
            .map_err(|status| from_status(&status))?
            .into_inner()
            .id
            .parse()
    }

    async fn authenticate_certificate(
        &self,
        sha256: &[u8; 32],
        named: Option<ThingId>,
    ) -> Result<ThingId> {
        let message = wire::Certificate {
            sha256: sha256.to_vec(),
            thing: named.map(|thing| thing.to_string()),
        };
        let reply = self
            .inner
            .clone()
            .authenticate_certificate(self.request(message))
            .await;
        reply
            .map_err(|status| from_status(&status))?
            .into_inner()
            .id
            .parse()
    }

    async fn authorize(&self, thing: ThingId, channel: ChannelId, action: Action) -> Result<()> {
        let action = match action {
            Action::Publish => wire::Action::Publish,
            Action::Subscribe => wire::Action::Subscribe,
        };
        let message = wire::Authorization {
            thing: thing.to_string(),
            channel: channel.to_string(),
            action: action.into(),
        };
        let reply = self.inner.clone().authorize(self.request(message)).await;
        reply.map(|_| ()).map_err(|status| from_status(&status))
    }

    async fn default_channel(&self, thing: ThingId) -> Result<Option<ChannelId>> {
        let message = wire::Thing {
            id: thing.to_string(),
        };
        let request = self.request(message);
        let reply = self.inner.clone().get_default_channel(request).await;
        let channel = reply
            .map_err(|status| from_status(&status))?
            .into_inner()
            .channel;
        channel.map(|channel| channel.parse()).transpose()
    }

    async fn authorize_owner(&self, token: &Secret, channel: ChannelId) -> Result<()> {
        let message = wire::OwnerAuthorization {
            token: token.expose().to_owned(),
            channel: channel.to_string(),
        };
        let reply = self
            .inner
            .clone()
            .authorize_owner(self.request(message))
            .await;
        reply.map(|_| ()).map_err(|status| from_status(&status))
    }

    async fn channel_metadata(&self, channel: ChannelId) -> Result<Map<String, Value>> {
        let id = channel.to_string();
        let message = self.request(wire::Channel { id });
        let reply = self.inner.clone().get_channel_metadata(message).await;
        let json = reply
            .map_err(|status| from_status(&status))?
            .into_inner()
            .json;
        if json.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_str(&json).map_err(|_| model::Error::internal())
    }

    async fn changes(&self, since: u64) -> Result<Changes> {
        let reply = self
            .inner
            .clone()
            .changes(self.request(wire::Since { number: since }))
            .await;
        let list = reply.map_err(|status| from_status(&status))?.into_inner();
        // An event this version cannot read may have been about anything, as if it were gone.
        let events: Vec<Event> = list
            .events
            .iter()
            .filter_map(|json| serde_json::from_str(json).ok())
            .collect();
        let complete = list.complete && events.len() == list.events.len();
        Ok(Changes {
            events,
            latest: list.latest,
            complete,
        })
    }
}

/// Serves the things role over gRPC: our contract and the 0.9 service beside it.
pub fn server(
    things: Arc<dyn Things>,
) -> (
    things_server::ThingsServer<Server>,
    things_service_server::ThingsServiceServer<Server>,
) {
    let server = Server(things);
    (
        things_server::ThingsServer::new(server.clone()),
        things_service_server::ThingsServiceServer::new(server),
    )
}

/// The serving side of the contract.
#[derive(Clone)]
pub struct Server(Arc<dyn Things>);

#[async_trait]
impl things_server::Things for Server {
    async fn authenticate(
        &self,
        request: Request<wire::ThingCredentials>,
    ) -> Result<Response<wire::Thing>, Status> {
        let wire::ThingCredentials { key, thing } = request.into_inner();
        let key = Secret::new(key);
        let credentials = match thing {
            None => Credentials::Key(key),
            Some(thing) => Credentials::Pair(parse(&thing)?, key),
        };
        answer(self.0.authenticate(&credentials).await)
    }

    async fn authenticate_certificate(
        &self,
        request: Request<wire::Certificate>,
    ) -> Result<Response<wire::Thing>, Status> {
        let wire::Certificate { sha256, thing } = request.into_inner();
        let sha256: [u8; 32] = sha256.try_into().map_err(|_| {
            Status::invalid_argument("fingerprint_malformed: a SHA-256 fingerprint has 32 bytes")
        })?;
        let named = thing.as_deref().map(parse).transpose()?;
        answer(self.0.authenticate_certificate(&sha256, named).await)
    }

    async fn authorize(
        &self,
        request: Request<wire::Authorization>,
    ) -> Result<Response<wire::Authorized>, Status> {
        let request = request.into_inner();
        let action = match request.action() {
            wire::Action::Publish => Action::Publish,
            wire::Action::Subscribe => Action::Subscribe,
            wire::Action::Unspecified => {
                return Err(Status::invalid_argument(
                    "action_missing: name the action to authorize",
                ));
            }
        };
        let result = self
            .0
            .authorize(parse(&request.thing)?, parse(&request.channel)?, action)
            .await;
        result
            .map(|()| Response::new(wire::Authorized {}))
            .map_err(|error| to_status(&error))
    }

    async fn get_default_channel(
        &self,
        request: Request<wire::Thing>,
    ) -> Result<Response<wire::DefaultChannel>, Status> {
        let thing = parse(&request.into_inner().id)?;
        let channel = self.0.default_channel(thing).await;
        let channel = channel.map_err(|error| to_status(&error))?;
        Ok(Response::new(wire::DefaultChannel {
            channel: channel.map(|channel| channel.to_string()),
        }))
    }

    async fn authorize_owner(
        &self,
        request: Request<wire::OwnerAuthorization>,
    ) -> Result<Response<wire::Authorized>, Status> {
        let wire::OwnerAuthorization { token, channel } = request.into_inner();
        let (token, channel) = (Secret::new(token), parse(&channel)?);
        let result = self.0.authorize_owner(&token, channel).await;
        result
            .map(|()| Response::new(wire::Authorized {}))
            .map_err(|error| to_status(&error))
    }

    async fn get_channel_metadata(
        &self,
        request: Request<wire::Channel>,
    ) -> Result<Response<wire::ChannelMetadata>, Status> {
        let channel = parse(&request.into_inner().id)?;
        let metadata = self.0.channel_metadata(channel).await;
        let json = Value::Object(metadata.map_err(|error| to_status(&error))?).to_string();
        Ok(Response::new(wire::ChannelMetadata { json }))
    }

    async fn changes(
        &self,
        request: Request<wire::Since>,
    ) -> Result<Response<wire::ChangeList>, Status> {
        let changes = self
            .0
            .changes(request.into_inner().number)
            .await
            .map_err(|error| to_status(&error))?;
        let json = changes
            .events
            .iter()
            .map(serde_json::to_string)
            .collect::<Result<_, _>>();
        let events = json.map_err(|_| to_status(&model::Error::internal()))?;
        Ok(Response::new(wire::ChangeList {
            events,
            latest: changes.latest,
            complete: changes.complete,
        }))
    }
}

fn parse<T: std::str::FromStr<Err = model::Error>>(text: &str) -> Result<T, Status> {
    text.parse().map_err(|error| to_status(&error))
}

fn answer(result: Result<ThingId>) -> Result<Response<wire::Thing>, Status> {
    let id = result.map_err(|error| to_status(&error))?.to_string();
    Ok(Response::new(wire::Thing { id }))
}

//! What users offer the other roles: who a token belongs to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Caller, Error, ErrorKind, Result, Secret};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::wire::ferroflux::{
    AuthenticateRequest, Caller as WireCaller, users_client, users_server,
};
use crate::wire::mainflux::{Token, UserId as Email, users_service_server};
use crate::{from_status, to_status};

/// The contract of the users role.
#[async_trait]
pub trait Users: Send + Sync {
    /// Tells who a token belongs to.
    ///
    /// # Errors
    /// `Unauthenticated` when the token is malformed, expired, older than the password, or its user is gone.
    async fn authenticate(&self, token: &Secret) -> Result<Caller>;
}

/// The users role in another process.
#[derive(Clone, Debug)]
pub struct Client {
    inner: users_client::UsersClient<Channel>,
    timeout: Duration,
}

impl Client {
    /// Makes a client over a channel; no answer within `timeout` is an error.
    pub fn new(channel: Channel, timeout: Duration) -> Self {
        Self {
            inner: users_client::UsersClient::new(channel),
            timeout,
        }
    }
}

#[async_trait]
impl Users for Client {
    async fn authenticate(&self, token: &Secret) -> Result<Caller> {
        let mut request = Request::new(AuthenticateRequest {
            token: token.expose().to_owned(),
        });
        request.set_timeout(self.timeout);
        let reply = self
            .inner
            .clone()
            .authenticate(request)
            .await
            .map_err(|status| from_status(&status))?;
        let WireCaller { user, email } = reply.into_inner();
        Ok(Caller {
            user: user.parse()?,
            email,
        })
    }
}

/// Serves the users role over gRPC: our contract and the 0.9 service beside it.
pub fn server(
    users: Arc<dyn Users>,
) -> (
    users_server::UsersServer<Server>,
    users_service_server::UsersServiceServer<Server>,
) {
    let server = Server(users);
    (
        users_server::UsersServer::new(server.clone()),
        users_service_server::UsersServiceServer::new(server),
    )
}

/// The serving side of the contract.
#[derive(Clone)]
pub struct Server(Arc<dyn Users>);

#[async_trait]
impl users_server::Users for Server {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<WireCaller>, Status> {
        let token = Secret::new(request.into_inner().token);
        let caller = self
            .0
            .authenticate(&token)
            .await
            .map_err(|error| to_status(&error))?;
        Ok(Response::new(WireCaller {
            user: caller.user.to_string(),
            email: caller.email,
        }))
    }
}

#[async_trait]
impl users_service_server::UsersService for Server {
    async fn identify(&self, request: Request<Token>) -> Result<Response<Email>, Status> {
        let token = Secret::new(request.into_inner().value);
        if token.is_empty() {
            let error = Error::new(
                ErrorKind::Invalid,
                "token_missing",
                "the token must not be empty",
            );
            return Err(to_status(&error));
        }
        let caller = self
            .0
            .authenticate(&token)
            .await
            .map_err(|error| to_status(&error))?;
        Ok(Response::new(Email {
            value: caller.email,
        }))
    }
}

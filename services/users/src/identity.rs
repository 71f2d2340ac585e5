//! The contract of users: what the other roles ask.

use std::sync::LazyLock;
use std::time::Instant;

use async_trait::async_trait;
use model::{Caller, Secret};
use server::metrics::{Api, Method};

use crate::Service;

/// The metrics of this service have the names of 0.9.
pub(crate) const API: Api = Api::new("users");

static IDENTITY: LazyLock<Method> = LazyLock::new(|| API.method("identity"));

#[async_trait]
impl proto::users::Users for Service {
    async fn authenticate(&self, token: &Secret) -> model::Result<Caller> {
        let start = Instant::now();
        let caller = Service::authenticate(self, token).await;
        IDENTITY.record(start);
        Ok(caller?)
    }
}

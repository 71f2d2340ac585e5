//! The 0.9 service over our contract (contract section 2.3): an access check needs both directions' right,
//! and an unknown key is a refusal like any other.

use model::{Error, ErrorKind};

use super::*;

#[async_trait]
impl things_service_server::ThingsService for Server {
    async fn can_access(&self, request: Request<AccessReq>) -> Result<Response<WireId>, Status> {
        let AccessReq { token, chan_id } = request.into_inner();
        refuse_empty(&token, "token")?;
        refuse_empty(&chan_id, "chanID")?;
        let thing = self
            .0
            .authenticate(&Credentials::Key(Secret::new(token)))
            .await
            .map_err(denied)?;
        self.authorize_both(thing, &chan_id).await?;
        Ok(Response::new(WireId {
            value: thing.to_string(),
        }))
    }

    async fn can_access_by_id(
        &self,
        request: Request<AccessByIdReq>,
    ) -> Result<Response<()>, Status> {
        let AccessByIdReq { thing_id, chan_id } = request.into_inner();
        refuse_empty(&thing_id, "thingID")?;
        refuse_empty(&chan_id, "chanID")?;
        self.authorize_both(thing_id.parse().map_err(denied)?, &chan_id)
            .await?;
        Ok(Response::new(()))
    }

    async fn identify(&self, request: Request<Token>) -> Result<Response<WireId>, Status> {
        let key = Secret::new(request.into_inner().value);
        let thing = self
            .0
            .authenticate(&Credentials::Key(key))
            .await
            .map_err(denied)?;
        Ok(Response::new(WireId {
            value: thing.to_string(),
        }))
    }
}

impl Server {
    async fn authorize_both(&self, thing: ThingId, channel: &str) -> Result<(), Status> {
        let channel: ChannelId = channel.parse().map_err(denied)?;
        self.0
            .authorize(thing, channel, Action::Publish)
            .await
            .map_err(denied)?;
        self.0
            .authorize(thing, channel, Action::Subscribe)
            .await
            .map_err(denied)
    }
}

fn refuse_empty(value: &str, field: &str) -> Result<(), Status> {
    if value.is_empty() {
        return Err(Status::invalid_argument(format!(
            "field_missing: {field} must not be empty"
        )));
    }
    Ok(())
}

/// 0.9 knows one refusal: PermissionDenied. Faults stay what they are.
fn denied(error: Error) -> Status {
    let kind = match error.kind {
        ErrorKind::Invalid | ErrorKind::Unauthenticated | ErrorKind::NotFound => {
            ErrorKind::Forbidden
        }
        kind @ (ErrorKind::Forbidden
        | ErrorKind::Conflict
        | ErrorKind::Exhausted
        | ErrorKind::Timeout
        | ErrorKind::Unavailable
        | ErrorKind::Internal) => kind,
    };
    to_status(&Error { kind, ..error })
}

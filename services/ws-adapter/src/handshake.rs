use ::http::HeaderMap;
use ::http::header::CONTENT_TYPE;
use ::http::request::Parts;
use adapter::{Adapter, DeviceAuth, MessagePath, NewSession, Presented, Session};
use axum::extract::FromRequestParts;
use messaging::Protocol;
use model::{ChannelId, Credentials, Subtopic};
use server::{Problem, Secured, ThingCredentials, parse_thing_credentials};

use crate::query::parameter;

/// The longest content type that is carried with a message; a longer one is no media type.
const MAX_CONTENT_TYPE: usize = 256;

/// A device that was admitted, and what its connection is for.
pub(crate) struct Device {
    pub(crate) session: Session,
    pub(crate) channel: ChannelId,
    pub(crate) subtopic: Subtopic,
    pub(crate) content_type: String,
}

/// Admits a device by its request; what is wrong is told in the order of 0.9 (contract section 4): key, access,
/// channel, subtopic.
pub(crate) async fn admit(
    adapter: &Adapter,
    auth: DeviceAuth,
    parts: &mut Parts,
) -> Result<Device, Problem> {
    let credentials = credentials(parts).await?;
    let Ok(secured) = Secured::from_request_parts(parts, &()).await;
    let presented = Presented::new(auth, credentials, secured.certificate());
    let path = MessagePath::split(parts.uri.path());
    let path = path
        .ok_or_else(|| Problem::invalid("path_malformed", "connect to /channels/<id>/messages"))?;
    let channel = match path.channel() {
        Ok(channel) => channel,
        Err(error) => {
            adapter.authenticate(&presented).await?;
            return Err(error.into());
        }
    };
    let new = NewSession {
        presented,
        channel: Some(channel),
        protocol: Protocol::Ws,
    };
    let session = adapter.session(new).await?;
    let subtopic = path.subtopic()?;
    let content_type = content_type(&parts.headers, parts.uri.query().unwrap_or_default())?;
    Ok(Device {
        session,
        channel,
        subtopic,
        content_type,
    })
}

/// Takes the credentials from the header, or from the query when there is none: browsers cannot set the header.
async fn credentials(parts: &mut Parts) -> Result<Option<Credentials>, Problem> {
    let Ok(header) = ThingCredentials::from_request_parts(parts, &()).await;
    if !header.is_missing() {
        return Ok(header.optional()?);
    }
    let query = parts.uri.query().unwrap_or_default();
    let text = parameter(query, "authorization").filter(|text| !text.trim().is_empty());
    Ok(text
        .map(|text| parse_thing_credentials(&text))
        .transpose()?)
}

fn content_type(headers: &HeaderMap, query: &str) -> Result<String, Problem> {
    let malformed = || {
        Problem::invalid(
            "content_type_malformed",
            "a content type is UTF-8 of at most 256 bytes",
        )
    };
    let header = headers.get(CONTENT_TYPE).filter(|value| !value.is_empty());
    let text = match header {
        Some(value) => std::str::from_utf8(value.as_bytes())
            .map_err(|_| malformed())?
            .to_owned(),
        None => parameter(query, "content-type")
            .unwrap_or_default()
            .into_owned(),
    };
    let fits = text.len() <= MAX_CONTENT_TYPE && !text.contains(char::is_control);
    fits.then_some(text).ok_or_else(malformed)
}

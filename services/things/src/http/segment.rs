use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use model::{ChannelId, ThingId};

use crate::model::Fingerprint;
use crate::{Error, Result};

/// A segment of the path as it stands there: as in 0.9 escapes are not decoded, and it may be empty.
pub(super) struct Segment<const AT: usize>(String);

/// The first id of a path.
pub(super) type First = Segment<2>;
/// The second id of a path.
pub(super) type Second = Segment<4>;

impl<const AT: usize> Segment<AT> {
    /// Returns the text, if there is any.
    pub(super) fn require(&self) -> Result<&str> {
        let text = self.0.as_str();
        if text.is_empty() {
            return Err(Error::IdMissing);
        }
        Ok(text)
    }

    /// Returns the thing's id; what is no id is the id of no thing.
    pub(super) fn thing(&self) -> Result<ThingId> {
        self.0.parse().map_err(|_| Error::ThingNotFound)
    }

    /// Returns the channel's id; what is no id is the id of no channel.
    pub(super) fn channel(&self) -> Result<ChannelId> {
        self.0.parse().map_err(|_| Error::ChannelNotFound)
    }

    /// Returns the certificate's fingerprint; what is none is that of no certificate.
    pub(super) fn fingerprint(&self) -> Result<Fingerprint> {
        Fingerprint::parse(&self.0).map_err(|_| Error::CertificateNotFound)
    }
}

impl<S: Sync, const AT: usize> FromRequestParts<S> for Segment<AT> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let segment = parts.uri.path().split('/').nth(AT);
        Ok(Self(segment.unwrap_or_default().to_owned()))
    }
}

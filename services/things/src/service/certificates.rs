use model::{Caller, Page, PageQuery, ThingId};
use tracing::instrument;

use super::Service;
use crate::model::{Certificate, Fingerprint};
use crate::{Error, Result};

/// How a certificate is shown to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewCertificate {
    /// The certificate itself, as PEM.
    Pem(String),
    /// Only its fingerprint.
    Sha256(Fingerprint),
}

impl Service {
    /// Registers a certificate for a thing.
    ///
    /// # Errors
    /// [`Error::CertificateTaken`] when it is registered, for whichever thing; [`Error::ThingNotFound`]; and what
    /// [`Certificate::of_pem`] says.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %thing))]
    pub async fn create_certificate(
        &self,
        caller: &Caller,
        thing: ThingId,
        new: &NewCertificate,
    ) -> Result<Certificate> {
        let now = self.now();
        let certificate = match new {
            NewCertificate::Pem(pem) => Certificate::of_pem(pem, thing, now)?,
            NewCertificate::Sha256(sha256) => Certificate::of_fingerprint(*sha256, thing, now),
        };
        let created = self
            .repository
            .create_certificate(caller.user, &certificate)
            .await?;
        created.then_some(certificate).ok_or(Error::ThingNotFound)
    }

    /// Lists the certificates of a thing, revoked ones too.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %thing))]
    pub async fn list_certificates(
        &self,
        caller: &Caller,
        thing: ThingId,
        page: PageQuery,
    ) -> Result<Page<Certificate>> {
        let listed = self
            .repository
            .list_certificates(caller.user, thing, page)
            .await?;
        listed.ok_or(Error::ThingNotFound)
    }

    /// Revokes a certificate: it opens nothing from now on, and cannot be registered again while it is listed.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %thing))]
    pub async fn revoke_certificate(
        &self,
        caller: &Caller,
        thing: ThingId,
        sha256: Fingerprint,
    ) -> Result<()> {
        let now = self.now();
        let revoked = self
            .repository
            .revoke_certificate(caller.user, thing, sha256, now)
            .await?;
        revoked.then_some(()).ok_or(Error::CertificateNotFound)
    }

    /// Deletes a certificate: it opens nothing from now on, and may be registered again.
    #[instrument(skip_all, fields(user.id = %caller.user, thing.id = %thing))]
    pub async fn delete_certificate(
        &self,
        caller: &Caller,
        thing: ThingId,
        sha256: Fingerprint,
    ) -> Result<()> {
        let now = self.now();
        let deleted = self
            .repository
            .delete_certificate(caller.user, thing, sha256, now)
            .await?;
        deleted.then_some(()).ok_or(Error::CertificateNotFound)
    }
}

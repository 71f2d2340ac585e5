use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, post};
use http::StatusCode;
use http::header::LOCATION;
use model::{Page, PageQuery, Timestamp};
use serde::{Deserialize, Serialize};
use server::{Json, JsonBody, PageParams, Problem, UserToken};

use super::bodies::PageBody;
use super::segment::{First, Second};
use super::things::Created;
use super::{METRICS, Shared, route};
use crate::model::{Certificate, Fingerprint};
use crate::{Error, NewCertificate, Result};

pub(super) fn routes() -> Router<Shared> {
    let all = post(METRICS.count("add_cert", create)).get(METRICS.count("list_certs", list));
    let router = route(Router::new(), "/things/{id}/certs", &all);
    let one = delete(METRICS.count("remove_cert", remove));
    let router = route(router, "/things/{id}/certs/{sha256}", &one);
    let revoke = post(METRICS.count("revoke_cert", revoke));
    route(router, "/things/{id}/certs/{sha256}/revoke", &revoke)
}

/// A certificate by itself or by its fingerprint.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CertificateInput {
    pem: String,
    sha256: String,
}

impl CertificateInput {
    fn parse(self) -> Result<NewCertificate> {
        match (self.pem.is_empty(), self.sha256.is_empty()) {
            (false, true) => Ok(NewCertificate::Pem(self.pem)),
            (true, false) => Fingerprint::parse(&self.sha256).map(NewCertificate::Sha256),
            (true, true) | (false, false) => Err(Error::CertificateMissing),
        }
    }
}

async fn create(
    State(service): State<Shared>,
    token: UserToken,
    thing: First,
    JsonBody(body): JsonBody<CertificateInput>,
) -> Result<Created, Problem> {
    let token = token.require()?;
    thing.require()?;
    let new = body.parse()?;
    let caller = service.authenticate_user(token).await?;
    let certificate = service
        .create_certificate(&caller, thing.thing()?, &new)
        .await?;
    let Certificate { thing, sha256, .. } = certificate;
    Ok((
        StatusCode::CREATED,
        [(LOCATION, format!("/things/{thing}/certs/{sha256}"))],
    ))
}

/// A certificate as the owner of its thing sees it.
#[derive(Serialize)]
struct CertificateBody {
    sha256: String,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

impl From<Certificate> for CertificateBody {
    fn from(certificate: Certificate) -> Self {
        Self {
            sha256: certificate.sha256.to_string(),
            created: rfc3339(certificate.created),
            revoked: certificate.revoked.map(rfc3339),
            not_after: certificate.not_after.map(rfc3339),
            serial: certificate.serial,
            subject: certificate.subject,
        }
    }
}

/// No time here is before 1970: they are ours, or ends of certificates that were good.
fn rfc3339(time: Timestamp) -> String {
    let seconds = u64::try_from(time.seconds()).unwrap_or_default();
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

#[derive(Serialize)]
struct CertificatesBody {
    #[serde(flatten)]
    page: PageBody,
    certs: Vec<CertificateBody>,
}

impl CertificatesBody {
    fn new(page: Page<Certificate>, query: PageQuery) -> Self {
        Self {
            page: PageBody::new(&page, query),
            certs: page.items.into_iter().map(CertificateBody::from).collect(),
        }
    }
}

async fn list(
    State(service): State<Shared>,
    token: UserToken,
    thing: First,
    params: PageParams,
) -> Result<Json<CertificatesBody>, Problem> {
    let token = token.require()?;
    thing.require()?;
    let query = params.check()?;
    let caller = service.authenticate_user(token).await?;
    let page = service
        .list_certificates(&caller, thing.thing()?, query)
        .await?;
    Ok(Json(CertificatesBody::new(page, query)))
}

async fn revoke(
    State(service): State<Shared>,
    token: UserToken,
    thing: First,
    sha256: Second,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    thing.require()?;
    sha256.require()?;
    let caller = service.authenticate_user(token).await?;
    let (thing, sha256) = (thing.thing()?, sha256.fingerprint()?);
    service.revoke_certificate(&caller, thing, sha256).await?;
    Ok(StatusCode::OK)
}

async fn remove(
    State(service): State<Shared>,
    token: UserToken,
    thing: First,
    sha256: Second,
) -> Result<StatusCode, Problem> {
    let token = token.require()?;
    thing.require()?;
    sha256.require()?;
    let caller = service.authenticate_user(token).await?;
    let (thing, sha256) = (thing.thing()?, sha256.fingerprint()?);
    service.delete_certificate(&caller, thing, sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}

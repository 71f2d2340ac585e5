//! One certificate from a CA: account, order, challenge, key, chain.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use instant_acme::{
    Account, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeHandle, ChallengeType,
    Error, ExternalAccountKey, HttpClient, Identifier, NewAccount, NewOrder, Order, OrderStatus,
    RetryPolicy,
};

use super::cache::{self, Cache};
use super::challenges::{Challenges, Shown};
use super::keys;
use crate::settings::Autocert;
use crate::{Alpn, ClientTls, http_client};

const POLLS: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));

/// What a CA says when it has lost an account.
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There was no sensible answer; asking again soon costs nothing.
    #[error("the CA cannot be reached: {0}")]
    Unreachable(String),
    /// The CA said no; it counts how often it is asked.
    #[error("the CA refuses: {0}")]
    Refused(String),
    /// It is our own fault.
    #[error("{0}")]
    Here(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => Self::Refused(problem.to_string()),
            Error::Timeout(_) => Self::Refused("it does not come to a decision".to_owned()),
            Error::Crypto | Error::KeyRejected => Self::Here(error.to_string()),
            error => Self::Unreachable(error.to_string()),
        }
    }
}

fn here(error: impl std::fmt::Display) -> Failure {
    Failure::Here(error.to_string())
}

/// The connections to a CA, with the CAs of the system or with a private one.
struct Http(ClientTls);

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let tls = self.0.clone();
        Box::pin(async move {
            let answer = http_client::send(Some(&tls), request).await;
            answer.map(BytesResponse::from).map_err(Error::Other)
        })
    }
}

/// Gets a certificate for a host: the key and the chain, as they are stored.
pub(super) async fn issue(
    host: &str,
    autocert: &Autocert,
    cache: &Cache,
    challenges: &Challenges,
) -> Result<Vec<u8>, Failure> {
    let account = account(autocert, cache).await?;
    let identifiers = [Identifier::Dns(host.to_owned())];
    let order = account.new_order(&NewOrder::new(&identifiers)).await;
    let mut order = order.map_err(|error| forget(error, autocert, cache))?;
    let shown = prove(host, autocert, challenges, &mut order).await?;
    match order.poll_ready(&POLLS).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) | Err(Error::Api(_)) => return Err(Failure::Refused(reason(&mut order).await)),
        Err(error) => return Err(error.into()),
    }
    drop(shown);
    let (name, rsa) = (host.to_owned(), autocert.autocert_force_rsa);
    // An RSA key takes a while to find.
    let made = tokio::task::spawn_blocking(move || {
        let key = keys::key(rsa)?;
        Ok::<_, openssl::error::ErrorStack>((
            key.private_key_to_pem_pkcs8()?,
            keys::request(&name, &key)?,
        ))
    });
    let (mut pem, request) = made.await.map_err(here)?.map_err(here)?;
    order.finalize_csr(&request).await?;
    let chain = order.poll_certificate(&POLLS).await?;
    pem.extend_from_slice(chain.as_bytes());
    Ok(pem)
}

/// Returns the account of the cache, or makes one.
async fn account(autocert: &Autocert, cache: &Cache) -> Result<Account, Failure> {
    let tls = ClientTls::open(&autocert.ca_client(), Alpn::none()).map_err(here)?;
    let builder = Account::builder_with_http(Box::new(Http(tls)));
    let path = cache.account(&autocert.autocert_directory_url);
    if let Ok(stored) = std::fs::read(&path)
        && let Ok(credentials) = serde_json::from_slice(&stored)
    {
        return Ok(builder.from_credentials(credentials).await?);
    }
    let contact = autocert.autocert_email.as_ref();
    let contact = contact.map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let external = autocert.external_account().map_err(here)?;
    let external = external.map(|(id, key)| ExternalAccountKey::new(id, &key));
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let url = autocert.autocert_directory_url.clone();
    let (account, credentials) = builder.create(&new, url, external.as_ref()).await?;
    let stored = serde_json::to_vec(&credentials).map_err(here)?;
    cache::write(&path, &stored).map_err(here)?;
    Ok(account)
}

/// Lets the next attempt make a new account when the CA does not know ours any more.
fn forget(error: Error, autocert: &Autocert, cache: &Cache) -> Failure {
    match &error {
        Error::Api(problem) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {
            let path = cache.account(&autocert.autocert_directory_url);
            match std::fs::remove_file(path) {
                Ok(()) => Failure::Unreachable("it has lost our account".to_owned()),
                Err(error) => here(error),
            }
        }
        _ => error.into(),
    }
}

/// Shows the CA that the host is ours; what is returned keeps the answers up.
async fn prove(
    host: &str,
    autocert: &Autocert,
    challenges: &Challenges,
    order: &mut Order,
) -> Result<Vec<Shown>, Failure> {
    let kind = match autocert.autocert_http {
        true => ChallengeType::Http01,
        false => ChallengeType::TlsAlpn01,
    };
    let mut shown = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let missing = || Failure::Refused(format!("it does not check names by {kind:?}"));
        let mut challenge = authorization.challenge(kind.clone()).ok_or_else(missing)?;
        shown.push(show(host, &challenge, challenges)?);
        challenge.set_ready().await?;
    }
    Ok(shown)
}

fn show(
    host: &str,
    challenge: &ChallengeHandle<'_>,
    challenges: &Challenges,
) -> Result<Shown, Failure> {
    let answer = challenge.key_authorization();
    if challenge.r#type == ChallengeType::Http01 {
        return Ok(challenges.show_token(&challenge.token, answer.as_str()));
    }
    let context = keys::challenge(host, answer.digest().as_ref()).map_err(here)?;
    Ok(challenges.show_context(host, context))
}

/// Finds out why a CA did not believe us: it says so at the challenge.
async fn reason(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(state) = authorization.refresh().await
            && let Some(problem) = state.challenges.iter().find_map(|one| one.error.as_ref())
        {
            return problem.to_string();
        }
    }
    "it does not say why".to_owned()
}

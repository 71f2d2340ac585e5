//! Which certificate a client gets: by the name it asks for, before anything else of the handshake is decided.

use std::collections::HashMap;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::ssl::{ClientHelloResponse, SslAlert, SslContext, SslRef, SslVerifyMode};

use crate::ffi::client_hello_extension;
use crate::server_tls::Shared;
use crate::settings::Autocert;
use crate::{Reason, Refused, alpn, verify};

/// Numbers of the extensions in a ClientHello.
const SERVER_NAME: u32 = 0;
const ALPN: u32 = 16;

/// The kind of a server name that is a host.
const HOST_NAME: u8 = 0;

/// The certificates of one generation of a listener.
pub(super) struct Select {
    pub(super) contexts: HashMap<String, SslContext>,
    /// Whether the context of the listener itself has a certificate.
    pub(super) has_default: bool,
    pub(super) autocert: Option<Autocert>,
    pub(super) shared: Arc<Shared>,
}

type Answer = Result<ClientHelloResponse, ErrorStack>;

impl Select {
    /// Chooses the context of a connection.
    pub(super) fn choose(&self, ssl: &mut SslRef, alert: &mut SslAlert) -> Answer {
        let name = client_hello_extension(ssl, SERVER_NAME).and_then(server_name);
        let offered = client_hello_extension(ssl, ALPN).and_then(|list| list.get(2..));
        let acme = offered.is_some_and(|offered| alpn::find(offered, alpn::ACME).is_some());
        if acme && self.autocert.is_some() {
            return self.challenge(name.as_deref(), ssl, alert);
        }
        if let Some(context) = name.as_deref().and_then(|name| self.find(name)) {
            ssl.set_ssl_context(context)?;
            return Ok(ClientHelloResponse::SUCCESS);
        }
        match self.refusal(name.as_deref()) {
            None => Ok(ClientHelloResponse::SUCCESS),
            Some(refused) => {
                if refused.reason == Reason::Name {
                    *alert = SslAlert::UNRECOGNIZED_NAME;
                }
                refuse(ssl, refused)
            }
        }
    }

    /// Answers a CA that checks a name, which has no certificate to show.
    fn challenge(&self, name: Option<&str>, ssl: &mut SslRef, alert: &mut SslAlert) -> Answer {
        let challenges = self.shared.challenges.get();
        let context = name
            .zip(challenges)
            .and_then(|(name, challenges)| challenges.context(name));
        let Some(context) = context else {
            *alert = SslAlert::NO_APPLICATION_PROTOCOL;
            let text = "no CA was told to check this name (acme-tls/1)";
            return refuse(ssl, Refused::new(Reason::Alpn, text));
        };
        ssl.set_ssl_context(&context)?;
        ssl.set_verify(SslVerifyMode::NONE);
        Ok(ClientHelloResponse::SUCCESS)
    }

    /// Finds a name, or the wildcard for it.
    fn find(&self, name: &str) -> Option<&SslContext> {
        let wildcard = || {
            let (_, parent) = name.split_once('.')?;
            self.contexts.get(&format!("*.{parent}"))
        };
        self.contexts.get(name).or_else(wildcard)
    }

    /// Says why the default certificate is not for a client; configured ones are for everybody.
    fn refusal(&self, name: Option<&str>) -> Option<Refused> {
        let hosts = &self.autocert.as_ref()?.autocert_host_whitelist;
        let known = |name: &str| hosts.iter().any(|host| host == name);
        match name {
            Some(name) if !known(name) => {
                let text = "the client asks for a name that is not in the host whitelist";
                Some(Refused::new(Reason::Name, text))
            }
            None if self.has_default => None,
            Some(_) | None => {
                let text = "the CA has not issued a certificate for this name yet";
                Some(Refused::new(Reason::NoCertificate, text))
            }
        }
    }
}

fn refuse(ssl: &SslRef, refused: Refused) -> Answer {
    verify::refuse(ssl, refused);
    Err(ErrorStack::get())
}

/// Takes the host out of the extension: a list that nobody ever puts more than one name in.
fn server_name(extension: &[u8]) -> Option<String> {
    let (kind, rest) = extension.get(2..)?.split_first()?;
    let (length, name) = rest.split_first_chunk()?;
    let name = name.get(..u16::from_be_bytes(*length).into())?;
    let text = std::str::from_utf8(name).ok()?;
    (*kind == HOST_NAME).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::server_name;

    #[test]
    fn names_are_read_within_their_bounds() {
        let name = |bytes: &[u8]| server_name(bytes);
        assert_eq!(name(b"\0\x06\0\0\x03A.b").as_deref(), Some("a.b"));
        for bad in [
            &b""[..],
            b"\0",
            b"\0\x06\0\0\x04a.b",
            b"\0\x06\x01\0\x03a.b",
            b"\0\x03\0\0",
        ] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
        let whole = b"\0\x0e\0\0\x0biot.example";
        assert_eq!(name(whole).as_deref(), Some("iot.example"));
        for end in 0..whole.len() {
            assert_eq!(name(&whole[..end]), None, "{end}");
        }
    }
}

use http::{HeaderMap, HeaderValue, StatusCode};
use tls::{Forwarded, Reason, Refused};

use crate::{Connection, Peer, Problem, Secured};

/// Who is at the other end of a connection, as far as the connection says.
pub(super) struct Origin {
    pub(super) peer: Peer,
    pub(super) secured: Secured,
    /// The judge of what a proxy says beyond it.
    pub(super) forwarded: Option<Forwarded>,
    pub(super) connection: Connection,
}

impl Origin {
    /// Returns the connection where it is that of one device: its certificate is what the requests rest on.
    pub(super) fn connection(&self) -> Option<Connection> {
        let Peer(peer) = self.peer;
        let is_proxy = || {
            self.forwarded
                .as_ref()
                .is_some_and(|forwarded| forwarded.believes(peer))
        };
        let certified = self.secured.certificate().is_some() && !is_proxy();
        certified.then(|| self.connection.clone())
    }

    /// Returns what is known of who sent a request, and takes the headers of a proxy about it away.
    pub(super) fn secured(&self, headers: &mut HeaderMap) -> Result<Secured, Problem> {
        let Some(forwarded) = &self.forwarded else {
            return Ok(self.secured.clone());
        };
        let Peer(peer) = self.peer;
        let (name, more) = (forwarded.header(), format!("{}-Chain", forwarded.header()));
        let values = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let certificate = forwarded.certificate(peer, values(name), values(&more));
        let certificate = certificate.map_err(|refused| problem(&refused))?;
        headers.remove(name);
        headers.remove(&more);
        // What the proxy shows on its own connection is no device's.
        Ok(if forwarded.believes(peer) {
            Secured::new(certificate)
        } else {
            self.secured.clone()
        })
    }
}

/// Says the same on every route, which is why it has its own status.
fn problem(refused: &Refused) -> Problem {
    let (status, code) = match refused.reason {
        Reason::Untrusted => (StatusCode::FORBIDDEN, "forwarded_certificate_untrusted"),
        Reason::Protocol => (StatusCode::BAD_REQUEST, "forwarded_certificate_malformed"),
        _ => (StatusCode::FORBIDDEN, "certificate_refused"),
    };
    Problem::with_status(status, code, refused.to_string())
}

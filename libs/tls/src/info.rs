use std::sync::Arc;

use openssl::ssl::{NameType, SslRef};

use crate::PeerCert;
use crate::ffi::group_name;

/// What was agreed in a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// The version, such as `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite.
    pub cipher: &'static str,
    /// The key exchange group.
    pub group: Option<String>,
    /// The name the client asked for.
    pub sni: Option<String>,
    /// The application protocol.
    pub alpn: Option<String>,
    /// Whether an earlier session was resumed, so that no certificate was sent.
    pub resumed: bool,
    /// Which generation of the material it was made with.
    pub generation: u64,
    /// The peer's certificate, if it sent one.
    pub peer: Option<Arc<PeerCert>>,
}

impl TlsInfo {
    pub(crate) fn of(ssl: &SslRef, generation: u64) -> Self {
        let cert = ssl.peer_certificate();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            version: ssl.version_str(),
            cipher: ssl.current_cipher().map_or("", |cipher| cipher.name()),
            group: group_name(ssl),
            sni: ssl.servername(NameType::HOST_NAME).map(str::to_owned),
            alpn: ssl.selected_alpn_protocol().map(text),
            resumed: ssl.session_reused(),
            generation,
            peer: cert.and_then(|cert| PeerCert::new(&cert).ok().map(Arc::new)),
        }
    }
}

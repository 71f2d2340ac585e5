use std::borrow::Cow;

use adapter::CutReason;
use messaging::LiveEnd;
use model::{Error, ErrorKind};
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// The longest reason a close frame can carry (RFC 6455 section 5.5).
const MAX_REASON: usize = 123;

/// Why a connection ends.
#[derive(Debug)]
pub(crate) enum Closing {
    /// The network is gone, or the peer without a word.
    Gone,
    /// The peer asked for it.
    ByPeer,
    /// The process stops.
    Stopping,
    /// The device lost its right.
    Cut(CutReason),
    /// The peer takes messages too slowly.
    TooSlow,
    /// The peer does not answer pings.
    Silent,
    /// The peer sent a message that is too large.
    TooBig,
    /// The peer sent text that is none.
    NotText,
    /// The peer broke the protocol.
    Malformed,
    /// A message of the peer could not be published.
    Refused(Error),
}

impl Closing {
    /// Returns the close code; 3000, 3003 and 3008 are IANA's for unauthorized, forbidden and timeout.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Self::Gone | Self::ByPeer => 1000,
            Self::Stopping => 1001,
            Self::Malformed => 1002,
            Self::NotText => 1007,
            Self::TooBig => 1009,
            Self::TooSlow => 1013,
            Self::Cut(_) => 3003,
            Self::Silent => 3008,
            Self::Refused(error) => code_of(error.kind),
        }
    }

    /// Returns the close frame to send, when there is anybody to send one to.
    pub(crate) fn frame(&self) -> Option<CloseFrame> {
        let reason: Cow<'static, str> = match self {
            Self::Gone | Self::ByPeer => return None,
            Self::Stopping => "the server stops; connect again".into(),
            Self::Malformed => "the frames are not those of RFC 6455".into(),
            Self::NotText => "a text frame must hold UTF-8".into(),
            Self::TooBig => "the message is larger than is accepted".into(),
            Self::TooSlow => {
                "too many messages were waiting; read faster or connect to less".into()
            }
            Self::Cut(reason) => reason.to_string().into(),
            Self::Silent => "no answer to a ping".into(),
            Self::Refused(error) => format!("{}: {}", error.code, error.message).into(),
        };
        let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
        Some(CloseFrame {
            code: self.code().into(),
            reason: reason.into(),
        })
    }

    /// Tells whether frames cannot be told apart any more in what still comes.
    pub(crate) fn is_garbled(&self) -> bool {
        matches!(self, Self::TooBig | Self::NotText | Self::Malformed)
    }

    /// Tells whether messages that were received before are still to be published.
    pub(crate) fn spares_received(&self) -> bool {
        !matches!(self, Self::Cut(_) | Self::Refused(_))
    }
}

/// The WebSocket column of the one table from error kinds to protocols.
fn code_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::Invalid => 1007,
        ErrorKind::Unauthenticated => 3000,
        ErrorKind::Forbidden | ErrorKind::NotFound => 3003,
        ErrorKind::Conflict => 1008,
        ErrorKind::Exhausted | ErrorKind::Unavailable => 1013,
        ErrorKind::Timeout => 3008,
        ErrorKind::Internal => 1011,
    }
}

impl From<LiveEnd> for Closing {
    fn from(end: LiveEnd) -> Self {
        match end {
            LiveEnd::TooSlow => Self::TooSlow,
            LiveEnd::Closed => Self::Stopping,
        }
    }
}

impl From<WsError> for Closing {
    fn from(error: WsError) -> Self {
        match error {
            WsError::Capacity(_) => Self::TooBig,
            WsError::Utf8(_) => Self::NotText,
            WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Gone,
            WsError::Protocol(_) => Self::Malformed,
            _ => Self::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_and_stays_text() {
        let closing = Closing::Refused(Error::new(
            ErrorKind::Exhausted,
            "bus_full",
            "é".repeat(200),
        ));
        let frame = closing.frame().unwrap();
        assert_eq!(u16::from(frame.code), 1013);
        assert!(frame.reason.len() <= MAX_REASON && frame.reason.starts_with("bus_full: é"));
    }

    #[test]
    fn every_code_may_be_sent() {
        let kinds = [
            ErrorKind::Invalid,
            ErrorKind::Unauthenticated,
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::Exhausted,
            ErrorKind::Timeout,
            ErrorKind::Unavailable,
            ErrorKind::Internal,
        ];
        let refused = kinds.map(|kind| Closing::Refused(Error::new(kind, "code", "hint")));
        let others = [
            Closing::Stopping,
            Closing::Cut(CutReason::KeyChanged),
            Closing::TooSlow,
            Closing::Silent,
            Closing::TooBig,
            Closing::NotText,
            Closing::Malformed,
        ];
        for closing in refused.iter().chain(&others) {
            let frame = closing.frame().unwrap();
            assert!(frame.code.is_allowed(), "{closing:?}");
        }
    }
}

use ::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use server::Problem;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The length of 16 bytes in base64.
const KEY_LENGTH: usize = 24;

/// A request that asked for a WebSocket (RFC 6455 section 4.2).
pub(crate) struct Upgrade {
    accept: HeaderValue,
    connection: OnUpgrade,
}

impl Upgrade {
    /// Takes the upgrade out of a request, or says what it lacks.
    pub(crate) fn take(parts: &mut Parts) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let asked = parts.method == Method::GET
            && has_token(headers, &CONNECTION, "upgrade")
            && has_token(headers, &UPGRADE, "websocket");
        if !asked {
            return Err(malformed(
                "this address speaks WebSocket: ask for 'Connection: Upgrade' and 'Upgrade: websocket'",
            ));
        }
        if !has_token(headers, &SEC_WEBSOCKET_VERSION, "13") {
            return Err(malformed("only version 13 of WebSocket is spoken"));
        }
        let key = headers
            .get(SEC_WEBSOCKET_KEY)
            .filter(|key| key.len() == KEY_LENGTH);
        let Some(key) = key else {
            return Err(malformed("Sec-WebSocket-Key must hold 16 bytes in base64"));
        };
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
        let accept = accept.map_err(|_| model::Error::internal())?;
        let connection = parts.extensions.remove::<OnUpgrade>();
        let connection = connection
            .ok_or_else(|| malformed("this connection cannot become a WebSocket; use HTTP/1.1"))?;
        Ok(Self { accept, connection })
    }

    /// Splits into the answer that agrees, and the connection as it will be after that answer.
    pub(crate) fn agree(self) -> (Response, OnUpgrade) {
        let headers = [
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_ACCEPT, self.accept),
        ];
        (
            (StatusCode::SWITCHING_PROTOCOLS, headers).into_response(),
            self.connection,
        )
    }
}

fn malformed(hint: &'static str) -> Problem {
    Problem::invalid("not_a_websocket", hint)
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|found| found.trim().eq_ignore_ascii_case(token))
}

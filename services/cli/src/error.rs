use ::config::Problems;
use serde_json::{Value, json};

/// Why a command did not do what it was asked; no secret is in the text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line cannot be understood, or a file it names.
    #[error("{0}")]
    Usage(String),
    /// The variables or the file of the client are wrong.
    #[error("the configuration cannot be used:\n{0}")]
    Config(Problems),
    /// Nobody answers, or not as a server of ours would.
    #[error("{url} does not answer: {reason}")]
    Unreachable { url: String, reason: String },
    /// The server answers, and refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It was done in part, or not at all, for a reason of this side.
    #[error("{0}")]
    Failed(String),
    /// Whoever read the output went away, which is no failure of ours.
    #[error("the output is closed")]
    Closed,
}

/// What a server says when it refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({status}{})", code.as_ref().map(|code| format!(" {code}")).unwrap_or_default())]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) detail: String,
}

impl Refusal {
    /// Reads a problem+json body; that of 0.9 is empty.
    pub(crate) fn new(status: http::StatusCode, body: &[u8]) -> Self {
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| problem[name].as_str().map(str::to_owned);
        let reason = status.canonical_reason().unwrap_or("it refuses");
        Self {
            status: status.as_u16(),
            code: text("code"),
            detail: text("detail").unwrap_or_else(|| format!("the server says: {reason}")),
        }
    }
}

impl Error {
    /// Returns the exit status: what a script can tell apart.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Refused(_) | Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Config(_) => 64,
            Self::Unreachable { .. } => 69,
        }
    }

    /// Returns the error for scripts.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({ "detail": self.to_string() });
        if let Self::Refused(refusal) = self {
            error["detail"] = json!(refusal.detail);
            error["status"] = json!(refusal.status);
            error["code"] = json!(refusal.code);
        }
        json!({ "error": error })
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_refusal_says_what_the_server_said() {
        let body = br#"{"detail":"no thing has this key","code":"thing_key_unknown"}"#;
        let refusal = Refusal::new(StatusCode::FORBIDDEN, body);
        assert_eq!(
            refusal.to_string(),
            "no thing has this key (403 thing_key_unknown)"
        );
        let error = Error::from(refusal).json();
        assert_eq!(error["error"]["code"], "thing_key_unknown");
        let empty = Refusal::new(StatusCode::NOT_FOUND, b"");
        assert_eq!(empty.to_string(), "the server says: Not Found (404)");
    }
}

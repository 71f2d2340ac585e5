//! The id of the request under way: given in `X-Request-Id` or made when something first asks for it.

use std::cell::OnceCell;
use std::future::Future;

use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

/// The header that carries the id.
pub const HEADER: &str = "x-request-id";

/// The longest id taken over from a client.
const MAX_BYTES: usize = 64;

tokio::task_local! {
    static CURRENT: RequestId;
}

struct RequestId {
    given: Option<HeaderValue>,
    made: OnceCell<String>,
}

/// Returns the id of the request this task is answering.
///
/// Most requests succeed and log nothing: they never pay for an id.
pub fn current() -> Option<String> {
    CURRENT.try_with(RequestId::get).ok()
}

/// The id of a request that is about to be answered.
pub(crate) struct Scope(RequestId);

impl Scope {
    /// Takes over what the client sent.
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        Self(RequestId {
            given: headers.get(HEADER).cloned(),
            made: OnceCell::new(),
        })
    }

    /// Runs a future as the answer to the request.
    pub(crate) fn run<F: Future>(self, future: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.0, future)
    }
}

impl RequestId {
    fn get(&self) -> String {
        let make = || {
            let given = self.given.as_ref().and_then(|id| acceptable(id));
            given.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
        };
        self.made.get_or_init(make).clone()
    }
}

/// Refuses an id that could garble a log line.
fn acceptable(id: &HeaderValue) -> Option<&str> {
    let id = id.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (!id.is_empty() && id.len() <= MAX_BYTES && id.bytes().all(plain)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn id_for(given: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static(given));
        Scope::new(&headers).run(async { current().unwrap() }).await
    }

    #[tokio::test]
    async fn a_sane_id_is_kept_and_any_other_replaced() {
        assert_eq!(id_for("trace-1.a:b").await, "trace-1.a:b");
        for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
            let bad: &'static str = bad.to_owned().leak();
            assert!(Uuid::parse_str(&id_for(bad).await).is_ok(), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_id_stays_the_same_within_a_request_and_ends_with_it() {
        let pair = Scope::new(&HeaderMap::new())
            .run(async { (current(), current()) })
            .await;
        assert!(pair.0.is_some());
        assert_eq!(pair.0, pair.1);
        assert_eq!(current(), None);
    }
}

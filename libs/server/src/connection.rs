use std::convert::Infallible;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use futures_util::future::BoxFuture;
use http::request::Parts;
use tokio::sync::oneshot;

type End = BoxFuture<'static, ()>;

/// The connection a request came by, if its certificate is what the request rests on.
#[derive(Clone, Default)]
pub struct Connection(Option<Arc<Mutex<Option<oneshot::Sender<End>>>>>);

impl Connection {
    /// Makes one, and what resolves when it is to end.
    pub(crate) fn new() -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = oneshot::channel::<End>();
        let end = async move {
            match receiver.await {
                Ok(end) => end.await,
                Err(_) => pending().await,
            }
        };
        (Self(Some(Arc::new(Mutex::new(Some(sender))))), end)
    }

    /// Ends the connection, after the answers to what was asked, once a future resolves; only the first one counts.
    ///
    /// The future is made only if it counts, and dropped with the connection.
    pub fn end_when<F>(&self, end: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(watch) = &self.0 else { return };
        let sender = watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // Without a receiver the connection has ended already.
            let _ = sender.send(Box::pin(end()));
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Connection {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

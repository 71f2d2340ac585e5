//! Signals in process, for all who share the buses of a process.

use async_trait::async_trait;
use bytes::Bytes;
use model::Result;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::Signals;

/// How many notices a listener may be behind before it misses some.
pub(crate) const BACKLOG: usize = 16 * 1024;

/// The listeners in this process.
#[derive(Default)]
pub(crate) struct LocalSignals(Mutex<Vec<mpsc::Sender<Bytes>>>);

#[async_trait]
impl Signals for LocalSignals {
    fn send(&self, notice: Bytes) {
        let gone = |sent| matches!(sent, Err(TrySendError::Closed(_)));
        let mut listeners = self.0.lock();
        listeners.retain(|listener| !gone(listener.try_send(notice.clone())));
    }

    async fn listen(&self) -> Result<mpsc::Receiver<Bytes>> {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        self.0.lock().push(sender);
        Ok(receiver)
    }
}

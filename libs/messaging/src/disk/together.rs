use std::sync::Arc;

use model::{Error, Result};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, oneshot};

/// Lets all that wait to be written to a file at the same time share one write.
pub(crate) struct Together<F, T> {
    /// Held by the one who writes for all that wait.
    file: Arc<AsyncMutex<F>>,
    waiting: Mutex<Vec<Waiting<T>>>,
}

/// Something to be written, and who waits for it.
pub(crate) struct Waiting<T> {
    pub(crate) item: T,
    done: oneshot::Sender<Result<()>>,
}

impl<T> Waiting<T> {
    /// Tells who waits how it went.
    pub(crate) fn finish(self, result: Result<()>) -> T {
        // Nobody to be told is as good as somebody told.
        drop(self.done.send(result));
        self.item
    }
}

impl<F: Send + 'static, T: Send + 'static> Together<F, T> {
    pub(crate) fn new(file: F) -> Self {
        Self {
            file: Arc::new(AsyncMutex::new(file)),
            waiting: Mutex::default(),
        }
    }

    /// Returns the file, for those who may wait for it in a thread.
    pub(crate) fn file(&self) -> &AsyncMutex<F> {
        &self.file
    }

    /// Has something written, by whoever comes first with all that waits then, in a thread that may block.
    ///
    /// The write goes on even if nobody waits for it any more.
    pub(crate) async fn submit(
        &self,
        item: T,
        write: impl FnOnce(&mut F, Vec<Waiting<T>>) + Send + 'static,
    ) -> Result<()> {
        let (done, mut finished) = oneshot::channel();
        self.waiting.lock().push(Waiting { item, done });
        let mut file = self.file.clone().lock_owned().await;
        if let Ok(result) = finished.try_recv() {
            return result;
        }
        let all = std::mem::take(&mut *self.waiting.lock());
        let written = tokio::task::spawn_blocking(move || write(&mut file, all)).await;
        written.map_err(|_| Error::internal())?;
        finished.await.unwrap_or_else(|_| Err(Error::internal()))
    }
}

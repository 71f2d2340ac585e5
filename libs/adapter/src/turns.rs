use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Error, ErrorKind, Result};
use tokio::sync::{Notify, Semaphore};

/// How many questions the registry is asked at a time: enough to keep it busy, few enough that none has to wait there for
/// longer than the time it is given.
const AT_ONCE: usize = 16;
/// How often a question is asked while others are answered.
const TRIES: u32 = 3;

/// Has questions wait here for their turn: a storm of them is answered as fast as the registry can, and the time one waits is
/// not held against it. Nobody waits for a registry that does not answer.
#[derive(Clone)]
pub(crate) struct Turns(Arc<State>);

struct State {
    free: Semaphore,
    answered: AtomicU64,
    silent: Notify,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            free: Semaphore::new(AT_ONCE),
            answered: AtomicU64::new(0),
            silent: Notify::new(),
        }))
    }

    /// Asks when there is room, and again when there is no answer in time while others have one.
    pub(crate) async fn take<A, F>(&self, question: impl Fn() -> F) -> Result<A>
    where
        F: Future<Output = Result<A>>,
    {
        let State {
            free,
            answered,
            silent,
        } = &*self.0;
        let mut given_up = pin!(silent.notified());
        given_up.as_mut().enable();
        let _turn = tokio::select! {
            biased;
            () = given_up => return Err(no_answer()),
            turn = free.acquire() => turn.map_err(|_| Error::internal())?,
        };
        let mut left = TRIES;
        loop {
            let before = answered.load(Ordering::Relaxed);
            let answer = question().await;
            left -= 1;
            if !answer.as_ref().is_err_and(is_silence) {
                answered.fetch_add(1, Ordering::Relaxed);
                return answer;
            }
            let silent_to_all = answered.load(Ordering::Relaxed) == before;
            if silent_to_all {
                silent.notify_waiters();
            }
            if silent_to_all || left == 0 {
                return answer;
            }
        }
    }
}

fn is_silence(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Timeout | ErrorKind::Unavailable)
}

fn no_answer() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "registry_silent",
        "the registry of things does not answer; try again",
    )
}

//! Requests that come while others are being written are written together: one transaction, one wait for the disk.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use crate::Result;

/// How many rows one transaction holds before later requests begin the next.
const MAX_ROWS: usize = 1000;

/// What happened to each request of a batch.
type Outcomes = Shared<BoxFuture<'static, Arc<[Result<()>]>>>;

/// Collects requests of one kind.
pub(super) struct Gather<T> {
    open: Arc<Mutex<Option<Batch<T>>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Requests that wait for their turn.
struct Batch<T> {
    requests: Arc<Mutex<Vec<T>>>,
    rows: usize,
    outcomes: Outcomes,
}

impl<T> Default for Gather<T> {
    fn default() -> Self {
        Self {
            open: Arc::default(),
            turn: Arc::default(),
        }
    }
}

impl<T: Send + 'static> Gather<T> {
    /// Writes a request of so many rows, together with those that are waiting; `write` tells what happened to each.
    ///
    /// Whoever waits drives the writing: it goes on when a caller gives up, and ends with the last.
    pub(super) async fn submit<F>(
        &self,
        request: T,
        rows: usize,
        write: impl FnOnce(Vec<T>) -> F + Send + 'static,
    ) -> Result<()>
    where
        F: Future<Output = Vec<Result<()>>> + Send + 'static,
    {
        let (place, outcomes) = {
            let mut open = self.open.lock();
            let batch = open.get_or_insert_with(|| self.batch(write));
            let mut requests = batch.requests.lock();
            requests.push(request);
            let joined = (requests.len() - 1, batch.outcomes.clone());
            drop(requests);
            batch.rows += rows;
            if batch.rows >= MAX_ROWS {
                *open = None;
            }
            joined
        };
        outcomes.await[place].clone()
    }

    fn batch<F>(&self, write: impl FnOnce(Vec<T>) -> F + Send + 'static) -> Batch<T>
    where
        F: Future<Output = Vec<Result<()>>> + Send + 'static,
    {
        let requests = Arc::<Mutex<Vec<T>>>::default();
        let (open, turn) = (Arc::clone(&self.open), Arc::clone(&self.turn));
        let waiting = Arc::clone(&requests);
        let written = async move {
            let _turn = turn.lock().await;
            open.lock()
                .take_if(|batch| Arc::ptr_eq(&batch.requests, &waiting));
            let requests = std::mem::take(&mut *waiting.lock());
            Arc::from(write(requests).await)
        };
        Batch {
            requests,
            rows: 0,
            outcomes: written.boxed().shared(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::{join, join_all};
    use futures_util::poll;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::Error;

    /// Notes which requests came together; a 0 is refused.
    async fn write(seen: Arc<Mutex<Vec<Vec<u32>>>>, requests: Vec<u32>) -> Vec<Result<()>> {
        tokio::task::yield_now().await;
        let refuse = |request: &u32| (*request != 0).then_some(()).ok_or(Error::KeyTaken);
        let outcomes = requests.iter().map(refuse).collect();
        seen.lock().push(requests);
        outcomes
    }

    #[tokio::test]
    async fn who_waits_is_written_together_and_told_its_own_outcome() {
        let (gather, seen) = (Gather::default(), Arc::default());
        let submit = |request| {
            let seen = Arc::clone(&seen);
            gather.submit(request, 1, move |requests| write(seen, requests))
        };
        let all = join_all([1, 2, 0, 3].map(submit)).await;
        assert_eq!(all, [Ok(()), Ok(()), Err(Error::KeyTaken), Ok(())]);
        assert_eq!(submit(4).await, Ok(()));
        assert_eq!(*seen.lock(), [vec![1], vec![2, 0, 3], vec![4]]);
    }

    #[tokio::test]
    async fn a_full_batch_takes_no_more() {
        let (gather, seen) = (Gather::default(), Arc::default());
        let submit = |request| {
            let seen = Arc::clone(&seen);
            gather.submit(request, MAX_ROWS / 2, move |requests| write(seen, requests))
        };
        join_all([1, 2, 3, 4].map(submit)).await;
        assert_eq!(*seen.lock(), [vec![1], vec![2, 3], vec![4]]);
    }

    #[tokio::test]
    async fn who_gives_up_does_not_keep_others_waiting() {
        let gather = Gather::default();
        let gate = Arc::new(Semaphore::new(0));
        let submit = |request: u32| {
            let gate = Arc::clone(&gate);
            gather.submit(request, 1, move |requests| async move {
                gate.acquire().await.unwrap().forget();
                requests.iter().map(|_| Ok(())).collect()
            })
        };
        let (mut busy, mut first) = (Box::pin(submit(1)), Box::pin(submit(2)));
        assert!(poll!(&mut busy).is_pending());
        assert!(poll!(&mut first).is_pending());
        let mut second = Box::pin(submit(3));
        assert!(poll!(&mut second).is_pending());
        drop(first);
        gate.add_permits(2);
        assert_eq!(join(busy, second).await, (Ok(()), Ok(())));
    }
}

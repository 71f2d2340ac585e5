use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use model::Result;

use super::claim::Claim;
use super::core::Core;
use super::fill::{Choice, Fill, Spot, from_disk};
use super::ranges::Ranges;
use crate::record::RecordFilter;
use crate::{Consumer, Delivery, Record, Seq};

/// How long to wait before a file that could not be read is read again.
const RETRY: Duration = Duration::from_secs(1);

/// Reads what a claim is still to get: what comes again first, then the rest.
pub(crate) struct LogConsumer<T: Record> {
    core: Arc<Core<T>>,
    claim: Arc<Claim<T>>,
    owner: u64,
    /// What was delivered before this was opened, and from where on it is still to come again.
    again: Arc<Ranges>,
    again_from: u64,
    ready: VecDeque<(u64, Arc<T>)>,
    /// Everything below was looked at.
    looked: u64,
    spot: Option<Spot>,
}

impl<T: Record> LogConsumer<T> {
    /// Makes the new owner of a claim.
    pub(crate) fn open(core: Arc<Core<T>>, claim: Arc<Claim<T>>) -> Self {
        let (owner, again) = claim.open();
        Self {
            core,
            claim,
            owner,
            again,
            again_from: 0,
            ready: VecDeque::new(),
            looked: 0,
            spot: None,
        }
    }

    /// Waits until there is something to read, and reads some of it.
    async fn refill(&mut self) -> Result<()> {
        self.claim.pass(self.owner, self.looked);
        let last = self.again.last();
        match self.again.next(self.again_from).zip(last) {
            Some(range) => {
                let fill = self.fill_again(range).await;
                self.take_again(range.0, fill);
            }
            None => {
                let range = poll_fn(|context| self.claim.poll_unread(self.owner, context)).await?;
                let fill = self.fill(range).await;
                self.looked = fill.next;
                self.take(fill);
            }
        }
        Ok(())
    }

    async fn fill_again(&self, range: (u64, u64)) -> Fill<T> {
        match self
            .core
            .tail
            .fill(range, |seq, _| self.again.contains(seq))
        {
            Some(fill) => fill,
            None => self.read(range, Choice::Listed(self.again.clone())).await,
        }
    }

    async fn fill(&self, range: (u64, u64)) -> Fill<T> {
        let filter = self.claim.filter();
        match self
            .core
            .tail
            .fill(range, |_, record| filter.matches(record))
        {
            Some(fill) => fill,
            None => self.read(range, self.claim.choice()).await,
        }
    }

    /// Reads from the files, for as long as it takes.
    async fn read(&self, range: (u64, u64), choice: Choice<T>) -> Fill<T> {
        let choice = Arc::new(choice);
        loop {
            let (core, choice, spot) = (self.core.clone(), choice.clone(), self.spot.clone());
            let read = move || from_disk(&core.segments, range, &choice, spot);
            let read = tokio::task::spawn_blocking(read).await;
            match read.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(fill) => return fill,
                Err(error) => {
                    tracing::error!(consumer = %self.claim.name(), %error, "kept records cannot be read; trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn take(&mut self, fill: Fill<T>) {
        self.ready = fill.records;
        self.spot = fill.spot;
    }

    /// Takes what comes again, and gives up on what should and is not there any more.
    fn take_again(&mut self, from: u64, fill: Fill<T>) {
        let mut expected = from;
        for (seq, _) in &fill.records {
            self.claim.lose(self.owner, (expected, *seq));
            expected = seq + 1;
        }
        self.claim.lose(self.owner, (expected, fill.next));
        self.again_from = fill.next;
        self.take(fill);
    }
}

#[async_trait]
impl<T: Record> Consumer<T> for LogConsumer<T> {
    async fn next(&mut self) -> Result<Delivery<T>> {
        loop {
            while let Some((seq, record)) = self.ready.pop_front() {
                if self.claim.deliver(self.owner, seq)? {
                    return Ok(Delivery {
                        seq: Seq(seq),
                        record,
                    });
                }
            }
            self.refill().await?;
        }
    }

    fn ack(&mut self, seq: Seq) {
        if self.claim.ack(self.owner, seq.0) {
            self.core.dirty.store(true, Ordering::Relaxed);
            if self.core.space.is_full() {
                self.core.chores.reclaim();
            }
        }
    }
}

use std::time::Duration;

use futures_util::StreamExt;
use messaging::{AllEvents, LiveLimits, LiveReceiver, Overflow, live_queue};
use model::ErrorKind;
use proto::things::Changes;
use proto::{Change, Event};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::adapter::Adapter;
use crate::epochs::Subject;
use crate::registry::Suspect;
use crate::session::CutReason;

/// The service whose events concern us; those of users that matter are followed by events of things.
const SOURCE: &str = "things";

/// Room for a burst of events; what does not fit is dropped, noticed by its number, and asked for.
const QUEUE: LiveLimits = LiveLimits {
    messages: 8192,
    bytes: 8 * 1024 * 1024,
    overflow: Overflow::DropNewest,
};

/// How many events are applied together.
const BATCH: usize = 256;

/// How many sessions prove their right at the same time.
const PROOFS: usize = 32;

/// What an interval of zero means, which would be a busy loop.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Follows the events of the registry without missing one: voids answers and cuts sessions.
///
/// A removal cuts at once. Where a new right may already have replaced the old one (a changed key, a connection
/// made again), the sessions concerned present their credentials again, and those refused are cut.
pub(crate) struct Follower {
    adapter: Adapter,
    /// The number of the last event before which none is missing; nothing until the source has told.
    position: Option<u64>,
    failing: bool,
}

impl Follower {
    pub(crate) fn new(adapter: Adapter) -> Self {
        Self {
            adapter,
            position: None,
            failing: false,
        }
    }

    pub(crate) async fn run(mut self, stop: &CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                self.follow().await;
            }
        })
        .await;
    }

    /// Follows one subscription until it ends; while there is none, asking at intervals has to do.
    async fn follow(&mut self) {
        let (sender, mut queue) = live_queue(QUEUE);
        let mut subscription = None;
        let mut check = interval(self.adapter.changes_interval().max(SHORTEST_INTERVAL));
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if subscription.is_none() {
                let subscribed = self.adapter.events().live(AllEvents, &sender).await;
                subscription = subscribed
                    .inspect_err(|error| tracing::debug!(%error, "events cannot be followed yet"))
                    .ok();
            }
            tokio::select! {
                event = queue.recv() => {
                    let Ok(event) = event else { return };
                    let complete = self.take(&event, &mut queue).await;
                    if !complete && !self.failing {
                        check.reset_immediately();
                    }
                }
                _ = check.tick() => self.catch_up().await,
            }
        }
    }

    /// Applies an event and those waiting behind it; says whether none is missing before them.
    async fn take(&mut self, first: &Event, queue: &mut LiveReceiver<Event>) -> bool {
        let mut suspects = Vec::new();
        let mut complete = self.note(first, &mut suspects);
        for _ in 1..BATCH {
            let Some(event) = queue.try_recv() else { break };
            complete &= self.note(&event, &mut suspects);
        }
        self.prove(suspects).await;
        complete
    }

    /// Applies an event unless it is a repetition; says whether none is missing before it.
    fn note(&mut self, event: &Event, suspects: &mut Vec<Suspect>) -> bool {
        if event.source != SOURCE
            || self
                .position
                .is_some_and(|position| event.number <= position)
        {
            return true;
        }
        self.apply(&event.change, suspects);
        let next = self
            .position
            .is_some_and(|position| event.number == position + 1);
        if next {
            self.position = Some(event.number);
        }
        next
    }

    /// Marks what a change makes void, and only then looks for sessions, as [`Registry::open`] relies on.
    ///
    /// [`Registry::open`]: crate::registry::Registry::open
    fn apply(&self, change: &Change, suspects: &mut Vec<Suspect>) {
        let (epochs, registry) = (
            &self.adapter.access().cache().epochs,
            self.adapter.registry(),
        );
        match change {
            Change::ThingRemoved { id } => {
                epochs.void(Subject::Thing(*id));
                registry.cut_thing(*id, CutReason::ThingRemoved);
            }
            Change::DefaultChannelChanged { id, .. } => epochs.void(Subject::Thing(*id)),
            Change::ThingKeyChanged { id } => {
                epochs.void(Subject::Thing(*id));
                suspects.extend(registry.suspects(*id, None, CutReason::KeyChanged));
            }
            Change::ChannelRemoved { id } => {
                epochs.void(Subject::Channel(*id));
                registry.cut_channel(*id, CutReason::ChannelRemoved);
            }
            Change::Disconnected { chan_id, thing_id } => {
                epochs.void(Subject::Connection(*thing_id, *chan_id));
                suspects.extend(registry.suspects(
                    *thing_id,
                    Some(*chan_id),
                    CutReason::Disconnected,
                ));
            }
            Change::CertificateRemoved { id, sha256 } => match sha256.parse() {
                Ok(fingerprint) => {
                    epochs.void(Subject::Certificate(fingerprint));
                    registry.cut_certificate(fingerprint, CutReason::CertificateRemoved);
                }
                Err(_) => {
                    epochs.void(Subject::Thing(*id));
                    suspects.extend(registry.suspects(*id, None, CutReason::CertificateRemoved));
                }
            },
            // What a certificate says by itself does not count any more.
            Change::CertificateAdded { sha256, .. } => {
                if let Ok(fingerprint) = sha256.parse() {
                    epochs.void(Subject::Certificate(fingerprint));
                }
            }
            Change::ThingCreated { .. }
            | Change::ThingUpdated { .. }
            | Change::ChannelCreated { .. }
            | Change::ChannelUpdated { .. }
            | Change::Connected { .. }
            | Change::UserCreated { .. }
            | Change::PasswordChanged { .. }
            | Change::UserRemoved { .. } => {}
        }
    }

    /// Asks the source for what was missed, until nothing is missing or it cannot be reached.
    async fn catch_up(&mut self) {
        loop {
            match self
                .adapter
                .things()
                .changes(self.position.unwrap_or(0))
                .await
            {
                Ok(changes) => {
                    if std::mem::take(&mut self.failing) {
                        tracing::info!("the registry can be reached again");
                    }
                    if self.take_changes(changes).await {
                        return;
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::warn!(%error, "the registry cannot be asked for changes; cached answers live until their time is up");
                    }
                    return;
                }
            }
        }
    }

    /// Applies an answer of the source; says whether nothing is missing after it.
    async fn take_changes(&mut self, changes: Changes) -> bool {
        let last = changes.events.last().map(|event| event.number);
        let position = self
            .position
            .filter(|position| changes.complete && changes.latest >= *position);
        let Some(position) =
            position.filter(|position| last.unwrap_or(changes.latest) >= *position)
        else {
            self.start_over(changes.latest).await;
            return true;
        };
        let mut suspects = Vec::new();
        for event in &changes.events {
            self.note(event, &mut suspects);
        }
        self.prove(suspects).await;
        let reached = last.unwrap_or(position);
        if changes.latest > reached && reached == position {
            self.start_over(changes.latest).await;
            return true;
        }
        self.position = Some(reached);
        reached >= changes.latest
    }

    /// Forgets all answers and lets every session prove its right, because nobody knows what was missed.
    async fn start_over(&mut self, latest: u64) {
        if self.position.is_some() {
            tracing::warn!(
                latest,
                "events were lost for good; every live session is checked again"
            );
        }
        self.position = Some(latest);
        self.adapter.access().cache().epochs.void_all();
        self.prove(self.adapter.registry().all(CutReason::Unverified))
            .await;
        self.adapter.set_following();
    }

    /// Lets sessions present their credentials again and cuts those that are not admitted now.
    async fn prove(&self, suspects: Vec<Suspect>) {
        futures_util::stream::iter(suspects)
            .for_each_concurrent(PROOFS, async |suspect| {
                if let Err(reason) = self.proof(&suspect).await {
                    self.adapter.registry().cut(suspect.id, reason);
                }
            })
            .await;
    }

    async fn proof(&self, suspect: &Suspect) -> Result<(), CutReason> {
        let reason = |error: model::Error| match error.kind {
            ErrorKind::Unauthenticated
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Invalid => suspect.reason,
            ErrorKind::Conflict
            | ErrorKind::Exhausted
            | ErrorKind::Timeout
            | ErrorKind::Unavailable
            | ErrorKind::Internal => CutReason::Unverified,
        };
        let access = self.adapter.access();
        let identity = access.identify(&suspect.presented);
        let thing = identity.await.map_err(reason)?;
        for channel in &suspect.channels {
            let action = model::Action::Subscribe;
            access
                .authorize(thing, *channel, action)
                .await
                .map_err(reason)?;
        }
        Ok(())
    }
}

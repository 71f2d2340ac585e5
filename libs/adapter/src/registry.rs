use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use messaging::Protocol;
use model::{ChannelId, Error, ErrorKind, Result, ThingId};
use parking_lot::Mutex;

use crate::cache::Cache;
use crate::epochs::{Epoch, Subject};
use crate::session::{Cut, CutReason, NewSession};
use crate::{Fingerprint, Presented, metrics};

/// All live sessions of a process, found by thing, certificate or channel.
pub(crate) struct Registry {
    cache: Arc<Cache>,
    per_thing: usize,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    last: u64,
    entries: HashMap<u64, Entry>,
    by_thing: BTreeSet<(ThingId, u64)>,
    by_channel: BTreeSet<(ChannelId, u64)>,
    by_certificate: BTreeSet<(Fingerprint, u64)>,
}

/// What is known of a live session; the credentials are kept to present them again when they may have become void.
pub(crate) struct Entry {
    thing: ThingId,
    presented: Presented,
    certificate: Option<Fingerprint>,
    protocol: Protocol,
    channels: HashMap<ChannelId, usize>,
    pub(crate) cut: Arc<Cut>,
}

/// A session that must prove its right again.
pub(crate) struct Suspect {
    pub(crate) id: u64,
    pub(crate) presented: Presented,
    pub(crate) channels: Vec<ChannelId>,
    pub(crate) reason: CutReason,
}

impl Entry {
    pub(crate) fn new(thing: ThingId, new: &NewSession) -> Self {
        Self {
            thing,
            presented: new.presented.clone(),
            certificate: new.presented.fingerprint(),
            protocol: new.protocol.clone(),
            channels: new
                .channel
                .map(|channel| (channel, 1))
                .into_iter()
                .collect(),
            cut: Arc::default(),
        }
    }
}

impl Registry {
    pub(crate) fn new(cache: Arc<Cache>, per_thing: usize) -> Self {
        Self {
            cache,
            per_thing,
            sessions: Mutex::default(),
        }
    }

    /// Adds a session unless what it was admitted on since then is void by now: then the caller starts over.
    ///
    /// A change marks answers void before it looks for sessions, and this looks for marks while no one else can look
    /// for sessions, so one of both sees the other.
    pub(crate) fn open(&self, entry: Entry, since: Epoch) -> Result<Option<u64>> {
        let mut sessions = self.sessions.lock();
        if sessions.of_thing(entry.thing).count() >= self.per_thing {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "too_many_sessions",
                "the thing has as many connections as it may",
            ));
        }
        let epochs = &self.cache.epochs;
        let certificate = entry.certificate.map(Subject::Certificate);
        let mut channels = entry.channels.keys();
        let good = epochs.is_good(since, Subject::Thing(entry.thing))
            && certificate.is_none_or(|certificate| epochs.is_good(since, certificate))
            && channels.all(|channel| epochs.is_right_good(since, entry.thing, *channel));
        if !good {
            return Ok(None);
        }
        metrics::sessions(&entry.protocol).increment(1);
        Ok(Some(sessions.insert(entry)))
    }

    pub(crate) fn close(&self, id: u64) {
        let removed = self.sessions.lock().remove(id);
        if let Some(entry) = removed {
            metrics::sessions(&entry.protocol).decrement(1);
        }
    }

    /// Notes a channel of a session unless the right it was granted since then is void by now.
    pub(crate) fn join(&self, id: u64, channel: ChannelId, since: Epoch) -> bool {
        let mut sessions = self.sessions.lock();
        let Some(entry) = sessions.entries.get_mut(&id) else {
            return true;
        };
        if !self.cache.epochs.is_right_good(since, entry.thing, channel) {
            return false;
        }
        *entry.channels.entry(channel).or_default() += 1;
        sessions.by_channel.insert((channel, id));
        true
    }

    pub(crate) fn leave(&self, id: u64, channel: ChannelId) {
        let mut sessions = self.sessions.lock();
        let Some(entry) = sessions.entries.get_mut(&id) else {
            return;
        };
        let Some(count) = entry.channels.get_mut(&channel) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            entry.channels.remove(&channel);
            sessions.by_channel.remove(&(channel, id));
        }
    }

    pub(crate) fn cut(&self, id: u64, reason: CutReason) {
        self.cut_all(|_| vec![id], reason);
    }

    pub(crate) fn cut_thing(&self, thing: ThingId, reason: CutReason) {
        self.cut_all(|sessions| sessions.of_thing(thing).collect(), reason);
    }

    pub(crate) fn cut_channel(&self, channel: ChannelId, reason: CutReason) {
        self.cut_all(
            |sessions| ids(&sessions.by_channel, channel).collect(),
            reason,
        );
    }

    pub(crate) fn cut_certificate(&self, certificate: Fingerprint, reason: CutReason) {
        self.cut_all(
            |sessions| ids(&sessions.by_certificate, certificate).collect(),
            reason,
        );
    }

    fn cut_all(&self, choose: impl FnOnce(&Sessions) -> Vec<u64>, reason: CutReason) {
        let chosen: Vec<(Arc<Cut>, Protocol)> = {
            let sessions = self.sessions.lock();
            let entries = choose(&sessions)
                .into_iter()
                .filter_map(|id| sessions.entries.get(&id));
            entries
                .map(|entry| (Arc::clone(&entry.cut), entry.protocol.clone()))
                .collect()
        };
        for (cut, protocol) in chosen {
            if cut.give(reason) {
                metrics::cuts(&protocol, reason).increment(1);
            }
        }
    }

    /// Returns the sessions of a thing, all or those that receive from a channel, to be proved again.
    pub(crate) fn suspects(
        &self,
        thing: ThingId,
        channel: Option<ChannelId>,
        reason: CutReason,
    ) -> Vec<Suspect> {
        let sessions = self.sessions.lock();
        let entries = sessions
            .of_thing(thing)
            .filter_map(|id| sessions.entries.get(&id).map(|entry| (id, entry)));
        let concerned = entries.filter(|(_, entry)| {
            channel.is_none_or(|channel| entry.channels.contains_key(&channel))
        });
        concerned
            .map(|(id, entry)| entry.suspect(id, reason))
            .collect()
    }

    /// Returns every session, to be proved again.
    pub(crate) fn all(&self, reason: CutReason) -> Vec<Suspect> {
        let sessions = self.sessions.lock();
        sessions
            .entries
            .iter()
            .map(|(id, entry)| entry.suspect(*id, reason))
            .collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.sessions.lock().entries.len()
    }
}

impl Entry {
    fn suspect(&self, id: u64, reason: CutReason) -> Suspect {
        Suspect {
            id,
            presented: self.presented.clone(),
            channels: self.channels.keys().copied().collect(),
            reason,
        }
    }
}

impl Sessions {
    fn of_thing(&self, thing: ThingId) -> impl Iterator<Item = u64> {
        ids(&self.by_thing, thing)
    }

    fn insert(&mut self, entry: Entry) -> u64 {
        self.last += 1;
        let id = self.last;
        self.by_thing.insert((entry.thing, id));
        self.by_channel
            .extend(entry.channels.keys().map(|channel| (*channel, id)));
        self.by_certificate
            .extend(entry.certificate.map(|certificate| (certificate, id)));
        self.entries.insert(id, entry);
        id
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.by_thing.remove(&(entry.thing, id));
        for channel in entry.channels.keys() {
            self.by_channel.remove(&(*channel, id));
        }
        if let Some(certificate) = entry.certificate {
            self.by_certificate.remove(&(certificate, id));
        }
        Some(entry)
    }
}

fn ids<K: Copy + Ord>(index: &BTreeSet<(K, u64)>, key: K) -> impl Iterator<Item = u64> {
    index.range((key, 0)..=(key, u64::MAX)).map(|(_, id)| *id)
}

//! What a log is made of when it is opened: the files, where consumers stood, and what came after that.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::Result;
use uuid::Uuid;

use super::claims::Claims;
use super::positions::{self, Loaded, Position, Positions};
use super::ranges::Ranges;
use super::registrations::{self, Registration, Registrations};
use super::segments::Segments;
use super::tail::Tail;
use crate::Record;
use crate::disk::directory::unusable;

/// What was found in a directory.
pub(crate) struct Recovered<T: Record> {
    pub(crate) segments: Segments,
    pub(crate) tail: Tail<T>,
    pub(crate) claims: Claims<T>,
    pub(crate) registrations: Registrations,
    /// The number of the next record.
    pub(crate) next: u64,
    /// The oldest number and the one after the newest, when nobody knows any more who needs the records between.
    pub(crate) orphans: Option<(u64, u64)>,
    /// The positions as they were written down, without the consumers.
    pub(crate) positions: Positions,
    /// The newest records by their ids, those whose publishers may not have been answered among them.
    pub(crate) unanswered: HashMap<Uuid, u64>,
}

/// Reads a directory.
pub(crate) fn recover<T: Record>(dir: &Path, power: bool) -> Result<Recovered<T>> {
    let segments = Segments::open(dir)?;
    let loaded = positions::load(dir).map_err(|error| unusable(dir, &error))?;
    let lost = loaded == Loaded::Lost;
    let mut positions = match loaded {
        Loaded::Found(positions) => positions,
        Loaded::None | Loaded::Lost => Positions::default(),
    };
    let after_log = segments.newest().map_or(1, |segment| segment.last() + 1);
    let next = positions.next.max(after_log).max(1);
    let (registrations, since) = registrations::open(dir, power, positions.registrations)?;
    let mut recovered = Recovered {
        orphans: lost.then(|| (segments.oldest().unwrap_or(next), next)),
        segments,
        tail: Tail::new(),
        claims: Claims::new(),
        registrations,
        next,
        positions: Positions {
            consumers: Vec::new(),
            ..positions
        },
        unanswered: HashMap::new(),
    };
    for position in std::mem::take(&mut positions.consumers) {
        recovered.claims.restore(position, next - 1)?;
    }
    for registration in since {
        recovered.register(registration)?;
    }
    recovered.replay().map_err(|error| unusable(dir, &error))?;
    Ok(recovered)
}

impl<T: Record> Recovered<T> {
    fn register(&self, registration: Registration) -> Result<()> {
        match registration {
            Registration::Left { name } => {
                self.claims.remove(&name);
                Ok(())
            }
            Registration::Entered { name, .. } if self.claims.has(&name) => Ok(()),
            Registration::Entered {
                name,
                subjects,
                cursor,
            } => {
                let position = Position {
                    name,
                    subjects,
                    cursor,
                    pending: Ranges::default(),
                    unread: None,
                };
                self.claims.restore(position, self.next - 1)
            }
        }
    }

    /// Tells the consumers of what was published after their positions were written down.
    fn replay(&mut self) -> io::Result<()> {
        let from = self.positions.next;
        // Before positions were first written down, consumers look for themselves.
        let told = from > 0;
        if self.orphans.is_some() {
            return Ok(());
        }
        let (listed, unanswered) = (self.claims.listed(), &mut self.unanswered);
        let mut at = from.max(1);
        while let Some(segment) = self.segments.locate(at) {
            segment.read_from(from, |seq, _, body| {
                let Ok(record) = T::decode(body) else {
                    return;
                };
                unanswered.insert(record.id(), seq);
                if told {
                    let record = Arc::new(record);
                    self.claims
                        .concerned(&record, |claim| drop(claim.arrived(seq, listed)));
                    self.tail.extend(std::iter::once((seq, record)));
                }
            })?;
            at = match self.segments.after(segment.first()) {
                Some(first) => first,
                None => break,
            };
        }
        Ok(())
    }
}

//! A durable consumer as it is on the server: JetStream consumers in generations, and a record of whose the name is.
//!
//! The server gives a delivery that nobody acknowledged to the next reader only after a time-out, and not in order. So
//! whoever opens a name makes JetStream consumers of a new generation that start where the complete one has everything
//! before acknowledged. Then the new generation is declared complete, which fails if somebody else has opened the name
//! meanwhile, and only then the one before is deleted: at no moment a record concerns nobody. The same is done after a
//! reconnection, as what was on its way is lost then.

use model::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::error::taken_over;
use super::pull::Pull;
use super::registry::{Generation, Ownership, Registry};
use super::site::Site;

/// How often a name is claimed again when others claim it at the same time.
const CLAIM_ATTEMPTS: usize = 16;

/// What it takes to open one name on one bus.
#[derive(Clone, Debug)]
pub(super) struct Durable {
    registry: Registry,
    site: Site,
    subjects: Vec<String>,
}

impl Durable {
    pub(super) fn new(registry: Registry, site: Site, subjects: Vec<String>) -> Self {
        Self {
            registry,
            site,
            subjects,
        }
    }

    /// Takes the name from whoever has it.
    pub(super) async fn take(&self, owner: Uuid) -> Result<Vec<Pull>> {
        self.open(owner, true).await
    }

    /// Starts anew where everything before is acknowledged, unless the name is somebody else's by now.
    pub(super) async fn renew(&self, owner: Uuid) -> Result<Vec<Pull>> {
        self.open(owner, false).await
    }

    async fn open(&self, owner: Uuid, by_force: bool) -> Result<Vec<Pull>> {
        let (claim, revision) = self.claim(owner, by_force).await?;
        self.delete(&claim.leftover).await?;
        let opened = self.create(&claim, revision).await?;
        let mut leftover = claim.abandoned.clone();
        leftover.extend(claim.complete);
        let complete = Ownership {
            complete: Some(claim.claimed),
            abandoned: Vec::new(),
            leftover: leftover.clone(),
            ..claim
        };
        if self.write(&complete, revision).await?.is_none() {
            self.delete(&[complete.claimed]).await?;
            return Err(taken_over());
        }
        // Once more next time: whoever has abandoned one may be making it only now.
        self.delete(&leftover).await?;
        Ok(opened)
    }

    /// Writes down that a new generation is begun.
    async fn claim(&self, owner: Uuid, by_force: bool) -> Result<(Ownership, u64)> {
        for _ in 0..CLAIM_ATTEMPTS {
            let (before, revision) = self.registry.read(&self.site.durable).await?;
            let owned = before
                .as_ref()
                .is_some_and(|before| before.owner == Some(owner));
            if !owned && !by_force {
                return Err(taken_over());
            }
            let claim = self.successor(before, owner)?;
            if let Some(revision) = self.write(&claim, revision).await? {
                return Ok((claim, revision));
            }
        }
        Err(taken_over())
    }

    fn successor(&self, before: Option<Ownership>, owner: Uuid) -> Result<Ownership> {
        let mut claim = Ownership {
            owner: Some(owner),
            claimed: Generation::new(),
            complete: None,
            abandoned: Vec::new(),
            leftover: Vec::new(),
            subjects: self.subjects.clone(),
        };
        let Some(before) = before else {
            return Ok(claim);
        };
        if before.subjects != self.subjects {
            return Err(Error::new(
                ErrorKind::Invalid,
                "consumer_filter",
                format!(
                    "the consumer {:?} was made with another filter",
                    self.site.name
                ),
            ));
        }
        claim.complete = before.complete;
        claim.abandoned = before.abandoned;
        claim.leftover = before.leftover;
        if before.complete != Some(before.claimed) {
            if before.owner == Some(owner) {
                // The attempt before failed; one more of each would make the record longer and longer.
                claim.claimed = before.claimed;
                claim.leftover.push(before.claimed);
            } else {
                claim.abandoned.push(before.claimed);
            }
        }
        Ok(claim)
    }

    async fn create(&self, claim: &Ownership, revision: u64) -> Result<Vec<Pull>> {
        let mut pulls = Vec::with_capacity(self.subjects.len());
        for (part, subject) in self.subjects.iter().enumerate() {
            let acknowledged = match claim.complete {
                Some(complete) => self.site.acknowledged(complete, part).await?,
                None => None,
            };
            if claim.complete.is_some() && acknowledged.is_none() {
                // Deleted: by whoever has opened the name since, or else by an operator.
                self.still_owned(revision).await?;
            }
            let pull = self
                .site
                .create(claim.claimed, part, subject, acknowledged)
                .await?;
            pulls.push(pull);
        }
        Ok(pulls)
    }

    async fn still_owned(&self, revision: u64) -> Result<()> {
        let (_, newest) = self.registry.read(&self.site.durable).await?;
        if newest == revision {
            tracing::warn!(
                consumer = self.site.name,
                "it is gone from the server and starts with the next record"
            );
            return Ok(());
        }
        Err(taken_over())
    }

    /// Removes everything of the name; tells whether it was ever opened.
    pub(super) async fn forget(mut self) -> Result<bool> {
        for _ in 0..CLAIM_ATTEMPTS {
            let (before, revision) = self.registry.read(&self.site.durable).await?;
            let Some(before) = before else {
                return Ok(false);
            };
            self.subjects.clone_from(&before.subjects);
            let mut all = before.leftover;
            all.extend(before.abandoned);
            all.extend([before.claimed].into_iter().chain(before.complete));
            // Whoever is opening it at this moment has to find out.
            let nobodys = Ownership {
                owner: None,
                claimed: Generation::new(),
                complete: None,
                abandoned: Vec::new(),
                leftover: all.clone(),
                subjects: before.subjects,
            };
            if let Some(revision) = self.write(&nobodys, revision).await? {
                self.delete(&all).await?;
                self.registry.remove(&self.site.durable, revision).await?;
                return Ok(true);
            }
        }
        Err(taken_over())
    }

    async fn write(&self, ownership: &Ownership, revision: u64) -> Result<Option<u64>> {
        self.registry
            .write(&self.site.durable, ownership, revision)
            .await
    }

    async fn delete(&self, generations: &[Generation]) -> Result<()> {
        for generation in generations {
            self.site.delete(*generation, self.subjects.len()).await?;
        }
        Ok(())
    }
}

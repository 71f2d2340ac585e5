use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use openssl::sha::sha256;
use openssl::x509::X509;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Verdict, responder};
use crate::material::Identity;

/// How long to wait after a failure; each further one doubles it.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often a responder is asked at most and at least.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(3600);

/// After how many failures a certificate that nothing uses is given up.
const PATIENCE: u32 = 10;

/// The certificates of one listener, and what responders say about them; it outlives a reload.
#[derive(Default)]
pub(crate) struct Staples {
    wanted: Mutex<Vec<Arc<Staple>>>,
    /// Wakes who asks the responders.
    pub(super) wake: OnceLock<Arc<Notify>>,
}

/// One certificate, and the newest good response about it.
pub(crate) struct Staple {
    pub(super) leaf: X509,
    pub(super) issuer: X509,
    digest: [u8; 32],
    response: ArcSwapOption<Response>,
    plan: Mutex<Plan>,
}

/// When to ask next, and how often that failed since it last worked.
#[derive(Clone, Copy)]
struct Plan {
    due: Instant,
    failures: u32,
}

struct Response {
    der: Vec<u8>,
    verdict: Verdict,
}

impl Staples {
    /// Returns the place for the responses about a certificate; there is none when nobody can be asked about it.
    pub(crate) fn want(&self, identity: &Identity) -> Option<Arc<Staple>> {
        let issuer = identity.intermediates.first()?;
        responder(&identity.leaf)?;
        let digest = sha256(&identity.leaf.to_der().ok()?);
        let mut wanted = self.wanted.lock();
        if let Some(known) = wanted.iter().find(|staple| staple.digest == digest) {
            return Some(Arc::clone(known));
        }
        let staple = Arc::new(Staple {
            leaf: identity.leaf.clone(),
            issuer: issuer.clone(),
            digest,
            response: ArcSwapOption::empty(),
            plan: Mutex::new(Plan {
                due: Instant::now(),
                failures: 0,
            }),
        });
        wanted.push(Arc::clone(&staple));
        if let Some(wake) = self.wake.get() {
            wake.notify_one();
        }
        Some(staple)
    }

    /// Returns what is to be asked about.
    pub(super) fn wanted(&self) -> Vec<Arc<Staple>> {
        self.wanted.lock().clone()
    }

    /// Forgets the certificates that no context uses and none waits for.
    pub(super) fn forget_unused(&self) {
        let unused = |staple: &Arc<Staple>| {
            let given_up = staple.plan.lock().failures >= PATIENCE;
            Arc::strong_count(staple) == 1 && (given_up || staple.is_answered())
        };
        self.wanted.lock().retain(|staple| !unused(staple));
    }
}

impl Staple {
    /// Returns the response to present, while it is good.
    pub(crate) fn response(&self) -> Option<Vec<u8>> {
        let response = self.response.load();
        let response = response.as_ref()?;
        let next = response.verdict.next_update;
        let late = next.is_some_and(|next| next <= SystemTime::now());
        (!late).then(|| response.der.clone())
    }

    /// Tells whether there has been a response.
    pub(crate) fn is_answered(&self) -> bool {
        self.response.load().is_some()
    }

    pub(super) fn due(&self) -> Instant {
        self.plan.lock().due
    }

    /// Keeps a response, and plans to ask again at the middle of its life.
    pub(super) fn answer(&self, der: Vec<u8>, verdict: Verdict) {
        let next = verdict
            .next_update
            .unwrap_or_else(|| SystemTime::now() + LONGEST * 2);
        let left = next.duration_since(SystemTime::now()).unwrap_or_default();
        *self.plan.lock() = Plan {
            due: Instant::now() + (left / 2).clamp(SHORTEST, LONGEST),
            failures: 0,
        };
        let response = Response { der, verdict };
        self.response.store(Some(Arc::new(response)));
    }

    /// Plans to ask again after a failure; the last response stays in use until it is out of its time.
    pub(super) fn fail(&self) {
        let mut plan = self.plan.lock();
        let wait = AFTER_FAILURE * 2u32.saturating_pow(plan.failures.min(16));
        plan.due = Instant::now() + wait.min(LONGEST);
        plan.failures += 1;
    }
}

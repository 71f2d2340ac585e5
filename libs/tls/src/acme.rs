//! Certificates that a listener gets by itself from a CA (ACME, RFC 8555), and gets anew before they expire.

mod cache;
mod challenges;
mod keys;
mod order;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::BoxError;
use openssl::error::ErrorStack;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::ServerTls;
use crate::live::Reload;
use crate::material;
use crate::peer_cert::system_time;
use crate::reload::refresh;
use crate::settings::Autocert;
use cache::Cache;
pub use challenges::Challenges;
use order::Failure;

/// How long to wait after the first failure of a kind; each further one doubles it.
const AFTER_UNREACHABLE: Duration = Duration::from_secs(1);
const AFTER_REFUSAL: Duration = Duration::from_secs(60);
const MOST: Duration = Duration::from_secs(6 * 3600);

/// How long nothing is looked at: a machine may sleep, and its clock may be set.
const NAP: Duration = Duration::from_secs(12 * 3600);

/// How long to leave a certificate to the process that is about to get it.
const AFTER_OTHERS: Duration = Duration::from_secs(30);

/// Looks after the certificates of all listeners that get theirs from a CA, one after the other.
#[derive(Default)]
pub(crate) struct Acme {
    challenges: Challenges,
    listeners: Vec<Arc<dyn Reload>>,
    jobs: Vec<Job>,
}

/// One certificate.
struct Job {
    host: String,
    autocert: Autocert,
    /// Where in the window of renewal this one is, so that a fleet does not come all at once: from -1 to 1.
    jitter: f64,
    next: Instant,
    failures: u32,
}

impl Acme {
    pub(crate) fn add(&mut self, tls: &ServerTls) {
        let Some(autocert) = tls.autocert() else {
            return;
        };
        tls.answer(&self.challenges);
        self.listeners.push(tls.live());
        for host in &autocert.autocert_host_whitelist {
            let path = autocert.stored(host);
            if self.jobs.iter().all(|job| job.path() != path) {
                self.jobs.push(Job {
                    host: host.clone(),
                    autocert: autocert.clone(),
                    jitter: jitter(),
                    next: Instant::now(),
                    failures: 0,
                });
            }
        }
    }

    pub(crate) fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    pub(crate) fn http_addresses(&self) -> BTreeSet<SocketAddr> {
        let addresses = self.jobs.iter().map(|job| job.autocert.http_address());
        addresses.flatten().collect()
    }

    /// Makes the directories, before anybody watches them.
    pub(crate) fn prepare(&self) -> Result<(), BoxError> {
        for job in &self.jobs {
            job.cache()?;
        }
        Ok(())
    }

    /// Runs until the stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), BoxError> {
        stop.run_until_cancelled(self.work()).await;
        Ok(())
    }

    async fn work(&mut self) {
        loop {
            let Some(job) = self.jobs.iter_mut().min_by_key(|job| job.next) else {
                return std::future::pending().await;
            };
            sleep_until(job.next).await;
            if job.attend(&self.challenges).await {
                for listener in &self.listeners {
                    refresh(listener).await;
                }
            }
        }
    }
}

impl Job {
    fn path(&self) -> PathBuf {
        self.autocert.stored(&self.host)
    }

    fn cache(&self) -> Result<Cache, Failure> {
        let directory = self.autocert.autocert_cache_dir.as_deref();
        let directory = directory.unwrap_or_default();
        let unusable = |error| format!("{directory} cannot keep certificates: {error}");
        Cache::open(directory).map_err(|error| Failure::Here(unusable(error)))
    }

    /// Gets the certificate if it is time, and decides when to look again; tells whether there is a new one.
    async fn attend(&mut self, challenges: &Challenges) -> bool {
        // Another process may have got it meanwhile.
        if let Some(wait) = self.until_due().filter(|wait| !wait.is_zero()) {
            self.next = Instant::now() + wait.min(NAP);
            return false;
        }
        let renewed = self.renew(challenges).await;
        let count = |result: &'static str| {
            metrics::counter!("tls_acme_orders_total", "host" => self.host.clone(), "result" => result)
                .increment(1);
        };
        let wait = match &renewed {
            Ok(false) => AFTER_OTHERS,
            Ok(true) => {
                count("issued");
                tracing::info!(host = self.host, "the CA issued a certificate");
                self.failures = 0;
                // A CA that issues what is due at once is not asked in a circle.
                let wait = self.until_due().unwrap_or_default();
                wait.clamp(AFTER_UNREACHABLE, NAP)
            }
            Err(failure) => {
                count("failed");
                let wait = self.backoff(failure);
                let ca = &self.autocert.autocert_directory_url;
                tracing::error!(host = self.host, ca, error = %failure, again_in = ?wait, "no certificate from the CA");
                wait
            }
        };
        self.next = Instant::now() + wait;
        renewed.unwrap_or_default()
    }

    /// Gets the certificate; tells whether there is a new one, or another process is about to get it.
    async fn renew(&self, challenges: &Challenges) -> Result<bool, Failure> {
        let cache = self.cache()?;
        let unlockable = |error| Failure::Here(format!("the cache cannot be locked: {error}"));
        let Some(_lock) = cache.lock().map_err(unlockable)? else {
            return Ok(false);
        };
        let pem = order::issue(&self.host, &self.autocert, &cache, challenges).await?;
        self.store(&pem)?;
        Ok(true)
    }

    fn store(&self, pem: &[u8]) -> Result<(), Failure> {
        let unusable = |reason| Failure::Refused(format!("what it issued is of no use: {reason}"));
        material::stored(pem, &self.host).map_err(unusable)?;
        let unwritable = |error| Failure::Here(format!("cannot keep the certificate: {error}"));
        cache::write(&self.path(), pem).map_err(unwritable)
    }

    fn backoff(&mut self, failure: &Failure) -> Duration {
        let first = match failure {
            Failure::Unreachable(_) => AFTER_UNREACHABLE,
            Failure::Refused(_) | Failure::Here(_) => AFTER_REFUSAL,
        };
        let wait = first * 2u32.saturating_pow(self.failures.min(16));
        self.failures += 1;
        wait.min(MOST).mul_f64(1.0 + self.jitter / 10.0)
    }

    /// Returns how long the stored certificate is good enough; nothing when there is none.
    fn until_due(&self) -> Option<Duration> {
        let pem = std::fs::read(self.path()).ok()?;
        let leaf = material::stored(&pem, &self.host).ok()?.leaf;
        let times = || {
            Ok::<_, ErrorStack>((
                system_time(leaf.not_before())?,
                system_time(leaf.not_after())?,
            ))
        };
        let (from, to) = times().ok()?;
        let due = due(from, to, self.jitter);
        Some(due.duration_since(SystemTime::now()).unwrap_or_default())
    }
}

/// Two thirds of the life of a certificate, a twentieth earlier or later.
fn due(from: SystemTime, to: SystemTime, jitter: f64) -> SystemTime {
    let life = to.duration_since(from).unwrap_or_default();
    from + life.mul_f64(2.0 / 3.0 + jitter / 20.0)
}

fn jitter() -> f64 {
    let mut byte = [0];
    // Without randomness it is the middle.
    match openssl::rand::rand_bytes(&mut byte) {
        Ok(()) => f64::from(byte[0]) / 127.5 - 1.0,
        Err(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use tokio::time::Instant;

    use super::{Challenges, Failure, Job, MOST, due, jitter};
    use crate::Autocert;

    fn job() -> Job {
        Job {
            host: "iot.example".to_owned(),
            autocert: Autocert {
                autocert_cache_dir: Some("/dev/null/cache".to_owned()),
                ..Autocert::default()
            },
            jitter: 0.0,
            next: Instant::now(),
            failures: 0,
        }
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_six_hours() {
        let unreachable = Failure::Unreachable(String::new());
        let refused = Failure::Refused(String::new());
        for (failure, expected) in [(unreachable, [1, 2, 4]), (refused, [60, 120, 240])] {
            let mut job = job();
            let waits = expected.map(|_| job.backoff(&failure).as_secs());
            assert_eq!(waits, expected);
            job.failures = 1000;
            assert_eq!(job.backoff(&failure), MOST);
        }
    }

    /// It ended the process, months after a good start.
    #[tokio::test]
    async fn a_cache_that_cannot_be_used_any_more_is_a_failure_like_others() {
        let mut job = job();
        assert!(!job.attend(&Challenges::default()).await);
        assert!(job.failures == 1 && job.next > Instant::now());
    }

    #[test]
    fn renewal_is_at_two_thirds_give_or_take() {
        let day = Duration::from_secs(86_400);
        let from = SystemTime::now();
        let after = |jitter| due(from, from + 90 * day, jitter).duration_since(from);
        assert_eq!(after(0.0).unwrap().as_secs() / 86_400, 60);
        assert!(after(-1.0).unwrap() > 55 * day && after(1.0).unwrap() < 65 * day);
        assert_eq!(due(from + day, from, 0.0), from + day);
        assert!((-1.0..=1.0).contains(&jitter()));
    }
}

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::BoxError;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecursiveMode, Watcher};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::acme::{Acme, Challenges};
use crate::live::Reload;
use crate::ocsp::Stapler;
use crate::settings::ReloadOn;
use crate::{ClientTls, Forwarded, PostgresTls, Reloaded, ServerTls};

/// How long files have to be left alone before they are read, and how often that is waited for at most.
const SETTLE: Duration = Duration::from_millis(500);
const MAX_SETTLES: usize = 10;

/// How often files are read without being told: a watch can be lost, or be impossible on a network's file system.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// How often an unverified peer is complained about.
const COMPLAIN_INTERVAL: Duration = Duration::from_secs(3600);

/// Reads certificates again when their files change, or on SIGHUP; gets those that a CA issues by itself, and what
/// responders say about them.
#[derive(Default)]
pub struct Reloader {
    targets: Vec<Target>,
    acme: Acme,
    stapler: Stapler,
}

struct Target {
    live: Arc<dyn Reload>,
    /// What was wrong the last time, so that it is logged once.
    error: Option<String>,
}

impl Reloader {
    /// Makes one that looks after nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks after a listener.
    pub fn add_server(&mut self, tls: &ServerTls) {
        self.acme.add(tls);
        self.stapler.add(tls);
        self.add(tls.live());
    }

    /// Returns what is to be answered to a CA that checks names over HTTP.
    pub fn challenges(&self) -> Challenges {
        self.acme.challenges().clone()
    }

    /// Returns where it is to be answered.
    pub fn challenge_addresses(&self) -> BTreeSet<SocketAddr> {
        self.acme.http_addresses()
    }

    /// Looks after the certificates that a proxy forwards.
    pub fn add_forwarded(&mut self, forwarded: &Forwarded) {
        self.add(forwarded.live());
    }

    /// Looks after a client.
    pub fn add_client(&mut self, tls: &ClientTls) {
        self.add(tls.live());
    }

    /// Looks after connections to PostgreSQL.
    pub fn add_postgres(&mut self, tls: &PostgresTls) {
        self.add(tls.live());
    }

    fn add(&mut self, live: Arc<dyn Reload>) {
        self.targets.push(Target { live, error: None });
    }

    /// Tells whether there is nothing to look after.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Runs until the stop; bad material is logged and leaves the old in use.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), BoxError> {
        let acme = std::mem::take(&mut self.acme);
        let stapler = std::mem::take(&mut self.stapler);
        acme.prepare()?;
        tokio::try_join!(
            self.read_again(stop.clone()),
            acme.run(stop.clone()),
            stapler.run(stop)
        )?;
        Ok(())
    }

    async fn read_again(mut self, stop: CancellationToken) -> Result<(), BoxError> {
        let changed = Arc::new(Notify::new());
        let _watcher = self.watch(&changed);
        let mut hangup = signal(SignalKind::hangup())?;
        let mut look = interval(LOOK_INTERVAL);
        let mut complain = interval(COMPLAIN_INTERVAL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = hangup.recv() => self.reload(|on| on != ReloadOn::Off).await,
                () = settled(&changed) => self.reload(|on| on == ReloadOn::Watch).await,
                _ = look.tick() => self.reload(|on| on == ReloadOn::Watch).await,
                _ = complain.tick() => self.complain(),
            }
        }
    }

    /// Watches directories, not files: a file that is replaced by another of its name is gone from its watch, and a
    /// file behind a symbolic link never changes.
    fn watch(&self, changed: &Arc<Notify>) -> Option<notify::RecommendedWatcher> {
        let watched = |target: &&Target| target.live.reload_on() == ReloadOn::Watch;
        let directories: BTreeSet<PathBuf> = self
            .targets
            .iter()
            .filter(watched)
            .flat_map(|target| target.live.directories())
            .collect();
        if directories.is_empty() {
            return None;
        }
        let wake = Arc::clone(changed);
        let heard = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| is_change(event.kind)) {
                wake.notify_one();
            }
        };
        let mut watcher = notify::recommended_watcher(heard)
            .inspect_err(
                |error| tracing::warn!(%error, "cannot watch certificates; looking every minute"),
            )
            .ok()?;
        for directory in &directories {
            if let Err(error) = watcher.watch(directory, RecursiveMode::NonRecursive) {
                tracing::warn!(%error, directory = %directory.display(), "cannot watch certificates; looking every minute");
            }
        }
        Some(watcher)
    }

    async fn reload(&mut self, wanted: impl Fn(ReloadOn) -> bool) {
        for target in &mut self.targets {
            if wanted(target.live.reload_on()) {
                target.reload().await;
            }
        }
    }

    fn complain(&self) {
        for target in self
            .targets
            .iter()
            .filter(|target| target.live.is_insecure())
        {
            tracing::warn!(
                endpoint = target.live.endpoint(),
                "the server's certificate is not verified: it can be anybody"
            );
        }
    }
}

impl Target {
    async fn reload(&mut self) {
        let live = Arc::clone(&self.live);
        let result = reload(&live).await;
        let error = result.err().map(|error| error.to_string());
        if let Some(error) = &error
            && self.error.as_ref() != Some(error)
        {
            complain(&*live, error);
        }
        self.error = error;
    }
}

/// Reads material again because something else is known to be new.
pub(crate) async fn refresh(live: &Arc<dyn Reload>) {
    if let Err(error) = reload(live).await {
        complain(&**live, &error.to_string());
    }
}

async fn reload(live: &Arc<dyn Reload>) -> Result<(), BoxError> {
    let (endpoint, live) = (live.endpoint(), Arc::clone(live));
    // Files are read and keys are checked, which is no work for the thread of others' connections.
    if let Reloaded::Swapped(generation) =
        tokio::task::spawn_blocking(move || live.reload()).await??
    {
        count(endpoint, "swapped");
        tracing::info!(endpoint, generation, "new certificates are in use");
    }
    Ok(())
}

fn complain(live: &dyn Reload, error: &str) {
    let endpoint = live.endpoint();
    count(endpoint, "refused");
    tracing::error!(
        endpoint,
        error,
        "new certificates are refused, the old ones stay in use"
    );
}

fn count(endpoint: &'static str, result: &'static str) {
    metrics::counter!("tls_reloads_total", "endpoint" => endpoint, "result" => result).increment(1);
}

/// Waits for a change, and then until there is none for a while: files are written one after the other.
async fn settled(changed: &Notify) {
    changed.notified().await;
    for _ in 0..MAX_SETTLES {
        if timeout(SETTLE, changed.notified()).await.is_err() {
            return;
        }
    }
}

/// Our own reading is no change.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) => true,
        EventKind::Any | EventKind::Other => true,
    }
}

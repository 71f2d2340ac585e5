use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use config::Problems;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::context::ContextError;
use crate::material::{Loaded, directories};
use crate::peer_cert::system_time;
use crate::settings::{ReloadOn, Role, Settings};
use crate::verifier::{Chain, Verifier};
use crate::{Alpn, PeerCert, Reason, Refused};

/// Why material cannot be used; nothing of it is in the text.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The files are not what they should be.
    #[error("the certificates of {endpoint} cannot be used: {problems}")]
    Material {
        /// Whose they are.
        endpoint: &'static str,
        /// What is wrong, by variable.
        problems: Problems,
    },
    /// OpenSSL does not take a setting.
    #[error("TLS of {endpoint} cannot be set up: {reason}")]
    Context {
        /// Whose it is.
        endpoint: &'static str,
        /// What it says.
        reason: String,
    },
}

/// What a reload did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// The material is what it was.
    Unchanged,
    /// New connections use the new material; the number is that of its generation.
    Swapped(u64),
}

/// One set of material in use.
pub(crate) struct Generation<C> {
    pub(crate) number: u64,
    pub(crate) context: C,
    /// Judges what clients show, or a proxy for them.
    verifier: Option<Verifier>,
    digest: [u8; 32],
    /// How many certificates it has.
    certificates: usize,
}

impl<C> Generation<C> {
    /// Returns what tells the CAs, lists and pins apart that clients are judged by.
    pub(crate) fn trust(&self) -> Option<[u8; 32]> {
        Some(self.verifier.as_ref()?.digest)
    }
}

/// A context that can be replaced while connections are made with it.
pub(crate) struct Live<C> {
    pub(crate) settings: Settings,
    pub(crate) alpn: Alpn,
    build: Box<Build<C>>,
    current: ArcSwap<Generation<C>>,
    /// The number of the generation in use.
    number: watch::Sender<u64>,
    /// One reload at a time, so that an older reading never replaces a newer one.
    reloading: Mutex<()>,
}

type Build<C> = dyn Fn(&Settings, &Loaded, &Alpn, u64) -> Result<C, ContextError> + Send + Sync;

impl<C: 'static> Live<C> {
    /// Reads the material for the first time.
    pub(crate) fn open(
        settings: Settings,
        alpn: Alpn,
        build: impl Fn(&Settings, &Loaded, &Alpn, u64) -> Result<C, ContextError>
        + Send
        + Sync
        + 'static,
    ) -> Result<Self, BuildError> {
        let build: Box<Build<C>> = Box::new(build);
        let generation = generation(&settings, &read(&settings)?, &alpn, &build, 1)?;
        Ok(Self {
            settings,
            alpn,
            build,
            current: ArcSwap::from_pointee(generation),
            number: watch::Sender::new(1),
            reloading: Mutex::new(()),
        })
    }

    /// Returns what new connections use.
    pub(crate) fn current(&self) -> Arc<Generation<C>> {
        self.current.load_full()
    }

    /// Resolves with the number of the generation in use once it is another one.
    pub(crate) fn swapped(&self, known: u64) -> impl Future<Output = u64> + Send + use<C> {
        let mut number = self.number.subscribe();
        async move {
            let other = number.wait_for(|number| *number != known).await;
            let other = other.map(|number| *number).ok();
            match other {
                Some(number) => number,
                // Nothing is left that could swap.
                None => pending().await,
            }
        }
    }

    /// Judges a certificate of a client by the material of now.
    pub(crate) fn judge(&self, chain: &Chain) -> Result<Arc<PeerCert>, Refused> {
        let text = "client certificates are not asked for";
        let nobody = || Refused::new(Reason::Policy, text);
        let current = self.current();
        current.verifier.as_ref().ok_or_else(nobody)?.verify(chain)
    }

    /// Returns what tells the CAs, lists and pins apart that clients are judged by now.
    pub(crate) fn trust(&self) -> Option<[u8; 32]> {
        self.current().trust()
    }

    /// A certificate that was got from a CA stays in use until there is another, whatever became of its file.
    fn lost_none(&self, loaded: &Loaded, before: usize) -> Result<(), BuildError> {
        if self.settings.autocert.is_none() || loaded.identities().count() >= before {
            return Ok(());
        }
        let mut problems = Problems::new();
        let variable = self.settings.endpoint.variable("AUTOCERT_CACHE_DIR");
        let why = loaded.warnings.join("; ");
        problems.push(
            variable,
            format!("has lost a certificate that is in use; {why}"),
        );
        Err(BuildError::Material {
            endpoint: self.settings.endpoint.name,
            problems,
        })
    }
}

/// Something that reads its files again.
pub(crate) trait Reload: Send + Sync {
    fn endpoint(&self) -> &'static str;
    fn reload_on(&self) -> ReloadOn;
    fn directories(&self) -> BTreeSet<PathBuf>;
    fn is_insecure(&self) -> bool;
    /// Reads the files, checks them, and only then swaps; after an error the old ones stay in use.
    fn reload(&self) -> Result<Reloaded, BuildError>;
}

impl<C: Send + Sync + 'static> Reload for Live<C> {
    fn endpoint(&self) -> &'static str {
        self.settings.endpoint.name
    }

    fn reload_on(&self) -> ReloadOn {
        self.settings.policy.reload
    }

    fn directories(&self) -> BTreeSet<PathBuf> {
        directories(&self.settings)
    }

    fn is_insecure(&self) -> bool {
        self.settings.policy.insecure_skip_verify
    }

    fn reload(&self) -> Result<Reloaded, BuildError> {
        let _one = self.reloading.lock();
        let loaded = read(&self.settings)?;
        let current = self.current();
        if loaded.digest == current.digest {
            return Ok(Reloaded::Unchanged);
        }
        self.lost_none(&loaded, current.certificates)?;
        let number = current.number + 1;
        let next = generation(&self.settings, &loaded, &self.alpn, &self.build, number)?;
        self.current.store(Arc::new(next));
        self.number.send_replace(number);
        Ok(Reloaded::Swapped(number))
    }
}

fn read(settings: &Settings) -> Result<Loaded, BuildError> {
    let mut problems = Problems::new();
    Loaded::read(settings, &mut problems).ok_or(BuildError::Material {
        endpoint: settings.endpoint.name,
        problems,
    })
}

fn generation<C: 'static>(
    settings: &Settings,
    loaded: &Loaded,
    alpn: &Alpn,
    build: &Build<C>,
    number: u64,
) -> Result<Generation<C>, BuildError> {
    let endpoint = settings.endpoint.name;
    let refused = |error: ContextError| BuildError::Context {
        endpoint,
        reason: error.to_string(),
    };
    let context = build(settings, loaded, alpn, number).map_err(refused)?;
    let judges = settings.endpoint.role == Role::Listener && loaded.cas.is_some();
    let verifier = judges.then(|| Verifier::new(settings, loaded));
    let expiry = loaded
        .identities()
        .filter_map(|identity| system_time(identity.leaf.not_after()).ok())
        .min()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    if let Some(expiry) = expiry {
        metrics::gauge!("tls_cert_not_after_seconds", "endpoint" => endpoint)
            .set(expiry.as_secs_f64());
    }
    Ok(Generation {
        number,
        context,
        verifier: verifier.transpose().map_err(refused)?,
        digest: loaded.digest,
        certificates: loaded.identities().count(),
    })
}

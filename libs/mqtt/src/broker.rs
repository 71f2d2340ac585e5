use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use messaging::{Buses, LiveLimits, Overflow, live_queue};
use model::{BoxError, Error, ErrorKind, Result};
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::accept;
use crate::access::{Access, Origin};
use crate::config::Config;
use crate::interest::{Interests, MAX_SHARDS};
use crate::mailbox::Mail;
use crate::node::{Node, Parts};
use crate::retained::RetainedLimits;
use crate::retention::Retention;
use crate::shard::{self, Chores, Work};
use crate::store::Store;
use crate::transport::{Stream, Transport};

/// The MQTT engine of a process: as many shards as there are cores, each in a thread of its own.
pub struct Broker {
    node: Arc<Node>,
    address: Option<SocketAddr>,
    threads: Vec<Thread>,
    /// Stops the shards when the engine is dropped.
    stop: DropGuard,
}

struct Thread {
    handle: thread::JoinHandle<()>,
    /// Resolves when the thread is done; dropped without a word when it panics.
    done: oneshot::Receiver<()>,
}

impl Thread {
    /// Waits until the thread is done, and tells whether it panicked.
    async fn failed(self) -> bool {
        let finished = self.done.await.is_ok();
        // The thread has nothing left to do, so this does not block.
        self.handle.join().is_err() || !finished
    }
}

/// Hands connections to an engine that were accepted elsewhere; clones are the same.
#[derive(Clone)]
pub struct Link {
    node: Arc<Node>,
    next: Arc<AtomicUsize>,
}

impl Broker {
    /// Starts an engine: its sessions and retained messages are read first, then it listens.
    ///
    /// # Errors
    /// `Unavailable` when the bus cannot be reached, `Invalid` when the address cannot be bound; the message says what to do.
    pub async fn start(config: Config, access: Arc<dyn Access>, buses: &Buses) -> Result<Self> {
        let shards = count_shards(&config);
        let (queue, live) = live_queue(LiveLimits {
            messages: config.max_live_messages,
            bytes: config.max_live_bytes,
            overflow: Overflow::DropNewest,
        });
        let limits = RetainedLimits {
            messages: config.max_retained_messages,
            bytes: config.max_retained_bytes,
            ..RetainedLimits::default()
        };
        let origin = Uuid::new_v4();
        let (retention, retained) = Retention::open(buses.retained.clone(), limits).await?;
        let (store, sessions) = Store::open(buses, origin).await?;
        let takeovers = buses.takeovers.listen().await?;
        let (listeners, address) = listen(&config, shards)?;
        let node = Arc::new(Node::new(Parts {
            config,
            access,
            bus: buses.messages.clone(),
            store,
            retention,
            takeovers: buses.takeovers.clone(),
            interests: Arc::new(Interests::new(buses.messages.clone(), queue)),
            shards,
            origin,
        }));
        let mut chores = Some(Chores {
            live,
            retained,
            sessions,
            takeovers,
        });
        let mut listeners = listeners.into_iter();
        let threads = (0..shards).map(|number| {
            spawn(Work {
                number,
                node: node.clone(),
                listener: listeners.next(),
                chores: chores.take(),
            })
        });
        let threads = threads
            .collect::<io::Result<_>>()
            .map_err(|error| cannot_start(&error))?;
        Ok(Self {
            stop: node.stop.clone().drop_guard(),
            node,
            address,
            threads,
        })
    }

    /// Returns where plain MQTT is listened for, if it is.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Returns what hands connections to the engine.
    pub fn link(&self) -> Link {
        Link {
            node: self.node.clone(),
            next: Arc::default(),
        }
    }

    /// Waits for `stop`, then tells every client to go and waits until the shards are done.
    ///
    /// # Errors
    /// When a shard has failed.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BoxError> {
        let Self {
            node,
            threads,
            stop: _stop_all,
            ..
        } = self;
        let mut ending: FuturesUnordered<_> = threads.into_iter().map(Thread::failed).collect();
        let mut failed = false;
        loop {
            tokio::select! {
                ended = ending.next() => match ended {
                    Some(this_failed) => failed |= this_failed,
                    None => break,
                },
                () = stop.cancelled(), if !node.stop.is_cancelled() => {}
            }
            // The others go on until now when one ends by itself.
            node.stop.cancel();
        }
        if failed {
            Err("a shard of the MQTT engine has failed".into())
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Serves a connection that speaks MQTT over `stream`, from its CONNECT on.
    pub fn attach(&self, stream: impl Stream + 'static, origin: impl Into<Origin>) {
        let mailboxes = &self.node.mailboxes;
        let shard = self.next.fetch_add(1, Ordering::Relaxed) % mailboxes.len();
        let transport = Transport::boxed(stream);
        mailboxes[shard].post(&mut vec![Mail::Attach(transport, origin.into())]);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

fn count_shards(config: &Config) -> usize {
    let asked = if config.shards == 0 {
        thread::available_parallelism().map_or(1, Into::into)
    } else {
        config.shards
    };
    asked.min(MAX_SHARDS)
}

fn listen(config: &Config, shards: usize) -> Result<(Vec<TcpListener>, Option<SocketAddr>)> {
    let Some(address) = config.listen else {
        return Ok((Vec::new(), None));
    };
    let listeners = accept::bind(address, shards).map_err(|error| {
        Error::new(
            ErrorKind::Invalid,
            "mqtt_address",
            format!("cannot listen for MQTT on {address}: {error}; choose another port or end what uses it"),
        )
    })?;
    let bound = listeners
        .first()
        .and_then(|listener| listener.local_addr().ok());
    Ok((listeners, bound))
}

fn spawn(work: Work) -> io::Result<Thread> {
    let (finished, done) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let handle = thread::Builder::new()
        .name(format!("mqtt-{}", work.number))
        .spawn(move || {
            LocalSet::new().block_on(&runtime, shard::run(work));
            // Nobody waits when the engine was dropped instead of stopped.
            let _ = finished.send(());
        })?;
    Ok(Thread { handle, done })
}

fn cannot_start(error: &io::Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "mqtt_threads",
        format!("the threads of the MQTT engine cannot be started: {error}"),
    )
}

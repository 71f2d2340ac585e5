use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};

use crate::{Conn, Limits};

/// Stands for no moment.
const NEVER: u64 = u64::MAX;

/// How often a connection is looked at however short its limits are.
const SHORTEST_STEP: Duration = Duration::from_millis(1);

/// What a connection is doing: waiting for a head, reading one, or answering.
///
/// Moments are milliseconds since the connection began. A new connection counts as reading a head. After the first
/// request HTTP/2 has no heads to wait for: its frames come at any time, and hyper asks whether the peer lives.
pub(super) struct Activity {
    began: Instant,
    in_flight: AtomicUsize,
    head_since: AtomicU64,
    idle_since: AtomicU64,
    http2: AtomicBool,
}

/// Why a connection has to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// The head of a request took too long.
    Head,
    /// Nothing was asked for too long.
    Idle,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            in_flight: AtomicUsize::new(0),
            head_since: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            http2: AtomicBool::new(false),
        }
    }

    /// Notes that a request arrived; it is under way until the result is dropped.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> Flight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(NEVER, Ordering::Relaxed);
        self.http2
            .store(version == Version::HTTP_2, Ordering::Relaxed);
        Flight(Arc::clone(self))
    }

    /// Waits until the connection has broken one of the limits.
    pub(super) async fn expired(&self, limits: &Limits) -> Expired {
        // A head may begin at any time while the idle time runs, so the sleep is never longer than half of its limit.
        let step = (limits.header_timeout / 2).min(limits.idle_timeout);
        let step = step.max(SHORTEST_STEP);
        loop {
            if self.in_flight.load(Ordering::Relaxed) == 0 {
                let now = self.now();
                let over = |since: u64, limit: Duration| now.saturating_sub(since) >= millis(limit);
                let head_since = self.head_since.load(Ordering::Relaxed);
                let idle_since = self.idle_since.load(Ordering::Relaxed);
                if head_since == NEVER {
                    if over(idle_since, limits.idle_timeout) {
                        return Expired::Idle;
                    }
                } else if over(head_since, limits.header_timeout) {
                    return Expired::Head;
                }
            }
            sleep(step).await;
        }
    }

    fn read(&self) {
        let waiting = self.head_since.load(Ordering::Relaxed) == NEVER
            && self.in_flight.load(Ordering::Relaxed) == 0
            && !self.http2.load(Ordering::Relaxed);
        if waiting {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        millis(self.began.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(NEVER - 1)
}

/// A request under way.
pub(super) struct Flight(Arc<Activity>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that notes when something is read from it.
pub(super) struct Watched {
    conn: Conn,
    activity: Arc<Activity>,
}

impl Watched {
    pub(super) fn new(conn: Conn, activity: Arc<Activity>) -> Self {
        Self { conn, activity }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.conn).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.read();
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.conn).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.conn).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.conn.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.conn).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.conn).poll_shutdown(cx)
    }
}

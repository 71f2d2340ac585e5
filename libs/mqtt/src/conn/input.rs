use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::ending::End;
use super::serve::Conn;
use crate::codec;

/// What was read from a connection and not looked at yet; nothing is allocated while there is nothing.
pub(super) struct Input {
    kept: Vec<u8>,
    /// How much of it was handled already.
    start: usize,
    /// Whether there may be a whole packet in it.
    ready: bool,
    /// Whether reading has stopped although there may be something to read.
    pub(super) stalled: bool,
}

impl Input {
    pub(super) fn new(kept: Vec<u8>) -> Self {
        Self {
            ready: !kept.is_empty(),
            kept,
            start: 0,
            stalled: false,
        }
    }

    /// Keeps the start of a packet whose end is missing.
    fn compact(&mut self) {
        self.kept = self.kept[self.start..].to_vec();
        self.start = 0;
    }
}

impl Conn {
    /// Reads once and handles what came; says whether there may be more at once.
    pub(super) fn poll_input(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if self.is_held() {
            self.shard.hold(cx);
            return Ok(false);
        }
        if self.is_blocked() || self.peer.is_full() {
            self.input.stalled = true;
            return Ok(false);
        }
        self.input.stalled = false;
        if self.input.ready {
            let kept = std::mem::take(&mut self.input.kept);
            self.input.start += self.process(&kept[self.input.start..])?;
            self.input.kept = kept;
            if !self.input.ready {
                self.input.compact();
            }
            return Ok(true);
        }
        let shard = self.shard.clone();
        shard.with_read_buffer(|buffer| self.read(cx, buffer))
    }

    /// Tells whether those the client publishes to have to catch up first.
    fn is_held(&mut self) -> bool {
        let pressure = &self.shard.node.pressure;
        self.held = self.held.filter(|channel| pressure.holds(*channel));
        self.held.is_some() || self.shard.is_congested()
    }

    fn read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Result<bool, End> {
        // The start of a packet that was kept is put before what is read now, unless it is large.
        let kept = self.input.kept.len();
        let in_place = kept <= buffer.len() / 2;
        let start = if in_place { kept } else { 0 };
        let mut read = ReadBuf::new(&mut buffer[start..]);
        match self.transport.poll_read(cx, &mut read) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Err(_)) => return Err(End::Gone),
            Poll::Ready(Ok(())) => {}
        }
        let (count, filled) = (read.filled().len(), read.remaining() == 0);
        if count == 0 {
            return Err(End::Gone);
        }
        self.heard();
        if in_place {
            buffer[..kept].copy_from_slice(&self.input.kept);
            let bytes = &buffer[..kept + count];
            let consumed = self.process(bytes)?;
            self.keep(&bytes[consumed..]);
        } else {
            let mut bytes = std::mem::take(&mut self.input.kept);
            bytes.extend_from_slice(&buffer[..count]);
            let consumed = self.process(&bytes)?;
            bytes.drain(..consumed);
            self.input.kept = bytes;
        }
        if filled {
            // There is more; the others have their turn first.
            cx.waker().wake_by_ref();
            return Ok(false);
        }
        Ok(true)
    }

    fn keep(&mut self, rest: &[u8]) {
        self.input.kept = rest.to_vec();
    }

    /// Handles whole packets until there is none or one has to wait; returns how many bytes they were.
    fn process(&mut self, bytes: &[u8]) -> Result<usize, End> {
        let max = self.shard.node.config.max_packet_size;
        let mut consumed = 0;
        self.input.ready = false;
        loop {
            let rest = &bytes[consumed..];
            let length = match codec::frame(rest, max) {
                Ok(Some(length)) => length,
                Ok(None) => return Ok(consumed),
                Err(error) => return Err(End::close(error.reason, error.detail)),
            };
            if self.is_blocked() || self.peer.is_full() {
                self.input.ready = true;
                return Ok(consumed);
            }
            let packet = codec::decode(self.peer.encoder.version, &rest[..length])
                .map_err(|error| self.undecodable(error))?;
            consumed += length;
            self.on_packet(packet)?;
        }
    }

    fn undecodable(&self, error: codec::DecodeError) -> End {
        tracing::debug!(session = ?self.peer.session.borrow().key, "a packet is refused: {error}");
        End::close(error.reason, error.detail)
    }
}

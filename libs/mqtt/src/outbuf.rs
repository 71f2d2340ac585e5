use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::ops::RangeInclusive;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};

use crate::transport::Transport;

/// The least and the most that is reserved when something is written to an idle connection, which is what it took last time.
const RESERVE: RangeInclusive<usize> = 256..=16 * 1024;
/// How many pieces are given to one system call.
const MAX_PIECES: usize = 64;

/// What waits to be written to one connection: small packets one after the other in a buffer, large payloads shared with
/// every other connection that gets them. Nothing is allocated while nothing waits.
#[derive(Debug, Default)]
pub(crate) struct OutBuf {
    /// What comes before the tail.
    pieces: VecDeque<Bytes>,
    tail: BytesMut,
    bytes: usize,
    /// How much went through the tail since it was empty last.
    turn: usize,
}

impl OutBuf {
    /// Appends what `write` writes, and the payload it returns after that.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut BytesMut) -> Option<Bytes>) {
        if self.tail.capacity() == 0 {
            self.tail
                .reserve(self.turn.clamp(*RESERVE.start(), *RESERVE.end()));
            self.turn = 0;
        }
        let before = self.tail.len();
        let payload = write(&mut self.tail);
        let written = self.tail.len() - before;
        self.bytes += written;
        self.turn += written;
        if let Some(payload) = payload {
            self.bytes += payload.len();
            self.pieces.push_back(self.tail.split().freeze());
            self.pieces.push_back(payload);
        }
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Writes until nothing waits any more.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        transport: &mut Transport,
    ) -> Poll<io::Result<()>> {
        while self.bytes > 0 {
            let written = if self.pieces.is_empty() {
                ready!(transport.poll_write(cx, &self.tail))?
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_PIECES];
                let mut count = 0;
                for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                    *slice = IoSlice::new(piece);
                    count += 1;
                }
                if count < MAX_PIECES {
                    slices[count] = IoSlice::new(&self.tail);
                    count += 1;
                }
                ready!(transport.poll_write_vectored(cx, &slices[..count]))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.consume(written);
        }
        self.tail = BytesMut::new();
        transport.poll_flush(cx)
    }

    fn consume(&mut self, mut written: usize) {
        self.bytes -= written;
        while let Some(piece) = self.pieces.front_mut() {
            if piece.len() > written {
                piece.advance(written);
                return;
            }
            written -= piece.len();
            self.pieces.pop_front();
        }
        self.tail.advance(written);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::BufMut;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn packets_and_shared_payloads_leave_in_order() {
        let mut out = OutBuf::default();
        let mut expected = Vec::new();
        for round in 0..200_u8 {
            let payload = Bytes::from(vec![round; 3000]);
            expected.extend([round, 1, 2]);
            expected.extend(&payload);
            out.append(|buf| {
                buf.put_slice(&[round, 1, 2]);
                Some(payload)
            });
        }
        expected.push(9);
        out.append(|buf| {
            buf.put_u8(9);
            None
        });
        assert_eq!(out.len(), expected.len());

        let (ours, mut theirs) = tokio::io::duplex(1000);
        let mut transport = Transport::boxed(ours);
        let mut got = vec![0; expected.len()];
        let (written, _) = tokio::join!(
            poll_fn(|cx| out.poll_write(cx, &mut transport)),
            theirs.read_exact(&mut got)
        );
        written.unwrap();
        assert!(got == expected);
        assert!(out.len() == 0 && out.tail.capacity() == 0);
    }
}

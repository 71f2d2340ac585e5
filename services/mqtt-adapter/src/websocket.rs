use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Error;
use axum::extract::ws::Message;
use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes of one frame that is sent.
const MAX_FRAME: usize = 64 * 1024;

/// The bytes inside the binary frames of a WebSocket: MQTT packets may begin and end anywhere in them (MQTT 5.0
/// section 6).
pub(crate) struct ByteStream<S> {
    socket: S,
    /// What is left of the last frame.
    rest: Bytes,
}

impl<S> ByteStream<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self {
            socket,
            rest: Bytes::new(),
        }
    }
}

impl<S: Stream<Item = Result<Message, Error>> + Unpin> AsyncRead for ByteStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.rest = bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "MQTT comes in binary frames",
                    )));
                }
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            }
        }
        let count = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..count]);
        self.rest.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: Sink<Message, Error = Error> + Unpin> AsyncWrite for ByteStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        ready!(socket.as_mut().poll_ready(cx)).map_err(io::Error::other)?;
        let count = bytes.len().min(MAX_FRAME);
        let frame = Message::Binary(Bytes::copy_from_slice(&bytes[..count]));
        socket.start_send(frame).map_err(io::Error::other)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket)
            .poll_flush(cx)
            .map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket)
            .poll_close(cx)
            .map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use tokio::io::AsyncReadExt;

    use super::*;

    fn frames(
        messages: Vec<Message>,
    ) -> ByteStream<impl Stream<Item = Result<Message, Error>> + Unpin> {
        ByteStream::new(stream::iter(messages).map(Ok))
    }

    #[tokio::test]
    async fn packets_may_span_frames_and_share_them() {
        let mut stream = frames(vec![
            Message::Binary(Bytes::from_static(b"ab")),
            Message::Ping(Bytes::new()),
            Message::Binary(Bytes::new()),
            Message::Binary(Bytes::from_static(b"cdef")),
            Message::Close(None),
        ]);
        let mut start = [0; 3];
        stream.read_exact(&mut start).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!((&start, rest.as_slice()), (b"abc", &b"def"[..]));
    }

    #[tokio::test]
    async fn text_is_no_mqtt() {
        let mut stream = frames(vec![Message::Text("hello".into())]);
        let refused = stream.read_u8().await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }
}

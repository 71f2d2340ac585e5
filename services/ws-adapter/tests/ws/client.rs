use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{KEY, Ws};

/// How long anything may take.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// A connected client.
pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

/// How a connection ended: the code and the reason of the close frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed(u16, String),
    Dropped,
}

impl Ws {
    /// Opens a socket with the key in the header.
    pub(crate) async fn open(&self, tail: &str) -> Client {
        self.open_with(tail, &[("authorization", KEY)]).await
    }

    pub(crate) async fn open_with(&self, tail: &str, headers: &[(&str, &str)]) -> Client {
        let tcp = TcpStream::connect(self.addr).await.unwrap();
        self.open_on(tcp, tail, headers).await.unwrap()
    }

    /// Opens a socket that takes little from the network before it reads.
    pub(crate) async fn open_narrow(&self, tail: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let tcp = socket.connect(self.addr).await.unwrap();
        self.open_on(tcp, tail, &[("authorization", KEY)])
            .await
            .unwrap()
    }

    async fn open_on(
        &self,
        tcp: TcpStream,
        tail: &str,
        headers: &[(&str, &str)],
    ) -> Result<Client, Error> {
        let mut request = Request::get(format!("ws://{}{}", self.addr, self.path(tail)))
            .header("host", "localhost")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (socket, _) = tokio_tungstenite::client_async(request.body(()).unwrap(), tcp).await?;
        Ok(Client(socket))
    }

    /// Asks for a socket and returns the status and body of the refusal.
    pub(crate) async fn refusal(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let upgrade = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        self.get(path, &[&upgrade, headers].concat()).await
    }

    /// Sends a bare request and returns status and body.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut tcp = TcpStream::connect(self.addr).await.unwrap();
        let mut request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        tcp.write_all(format!("{request}\r\n").as_bytes())
            .await
            .unwrap();
        let mut answer = String::new();
        timeout(LONG, tcp.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
        (status, body)
    }
}

impl Client {
    pub(crate) async fn send(&mut self, frame: impl Into<Message>) {
        self.0.send(frame.into()).await.unwrap();
    }

    /// Returns the next data frame.
    pub(crate) async fn receive(&mut self) -> Message {
        loop {
            match timeout(LONG, self.0.next()).await.expect("a frame comes") {
                Some(Ok(frame)) if frame.is_ping() || frame.is_pong() => {}
                Some(Ok(frame)) => return frame,
                other => panic!("no frame: {other:?}"),
            }
        }
    }

    /// Reads on until the connection ends.
    pub(crate) async fn end(&mut self) -> End {
        let ended = timeout(LONG, async {
            while let Some(frame) = self.0.next().await {
                match frame {
                    Ok(Message::Close(Some(frame))) => {
                        return End::Closed(frame.code.into(), frame.reason.to_string());
                    }
                    Ok(_) => {}
                    Err(_) => return End::Dropped,
                }
            }
            End::Dropped
        });
        ended.await.expect("the connection ends")
    }

    /// Gives up the protocol, to do what no decent client does.
    pub(crate) fn into_tcp(self) -> TcpStream {
        self.0.into_inner()
    }
}

/// Takes a connection up again after [`Client::into_tcp`].
pub(crate) async fn client(tcp: TcpStream) -> Client {
    Client(WebSocketStream::from_raw_socket(tcp, Role::Client, None).await)
}

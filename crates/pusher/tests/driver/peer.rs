//! A Pusher server that does what a test says, over real WebSockets.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Peer {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(crate) async fn accept_tcp(&self) -> TcpStream {
        tokio::time::timeout(LIMIT, self.listener.accept()).await.expect("a client").unwrap().0
    }

    /// Takes the next client in, and says nothing yet.
    pub(crate) async fn accept(&self) -> Link {
        Link { socket: tokio_tungstenite::accept_async(self.accept_tcp().await).await.unwrap() }
    }

    /// Takes the next client in and greets it.
    pub(crate) async fn greet(&self, socket_id: &str) -> Link {
        let mut link = self.accept().await;
        let data = json!({"socket_id": socket_id, "activity_timeout": 30}).to_string();
        link.say(json!({"event": "pusher:connection_established", "data": data})).await;
        link
    }
}

/// One client, as the server sees it.
pub(crate) struct Link {
    socket: WebSocketStream<TcpStream>,
}

impl Link {
    pub(crate) async fn say(&mut self, frame: Value) {
        self.send(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next frame; pings of the WebSocket are left out.
    pub(crate) async fn heard(&mut self) -> Value {
        loop {
            let next = tokio::time::timeout(LIMIT, self.socket.next()).await.expect("a frame in time");
            if let Message::Text(text) = next.expect("a frame").unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next thing of any kind that the client sends.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        tokio::time::timeout(LIMIT, self.socket.next()).await.expect("something in time")?.ok()
    }

    /// Grants the subscriptions that come, so many of them.
    pub(crate) async fn grant(&mut self, count: usize) {
        for _ in 0..count {
            let frame = self.heard().await;
            assert_eq!(frame["event"], "pusher:subscribe", "{frame}");
            let channel = &frame["data"]["channel"];
            self.say(
                json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"}),
            )
            .await;
        }
    }

    pub(crate) async fn publish(&mut self, channel: &str, data: &str) {
        self.say(json!({"event": "e", "channel": channel, "data": data})).await;
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.socket.close(Some(frame)).await.unwrap();
    }

    /// As a killed process: the connection is reset.
    pub(crate) fn reset(self) {
        let stream = self.socket.into_inner();
        stream.set_zero_linger().unwrap();
    }
}

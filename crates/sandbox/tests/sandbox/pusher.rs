//! The Pusher side: the frames of protocol 7, who may join what, and how the servers of that protocol differ.

use crate::{LIMIT, http, json_of};
use belfry_sandbox::pusher::{At, Delivery, Observed, Quirk, Settings, Silence};
use belfry_sandbox::{Options, PusherApps, Sandbox};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) id: String,
    pub(crate) timeout: Value,
}

/// What ended a connection: its close code and reason, or none.
type End = Option<(u16, String)>;

impl Client {
    /// Connects; the first frame is not read yet.
    pub(crate) async fn open(sandbox: &Sandbox, key: &str, query: &str) -> Self {
        let url = format!("{}/app/{key}{query}", sandbox.pusher_url().replace("http:", "ws:"));
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self { socket, id: String::new(), timeout: Value::Null }
    }

    /// Connects and reads the greeting.
    pub(crate) async fn greeted(sandbox: &Sandbox) -> Self {
        let mut client = Self::open(sandbox, "belfry-key", "?protocol=7&client=test&version=1").await;
        let greeting = client.next().await;
        assert_eq!(greeting["event"], "pusher:connection_established");
        let data = data(&greeting);
        client.id = data["socket_id"].as_str().unwrap().to_owned();
        client.timeout = data["activity_timeout"].clone();
        client
    }

    pub(crate) async fn say(&mut self, frame: Value) {
        self.socket.send(Frame::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, data: Value) -> Value {
        self.say(json!({"event": "pusher:subscribe", "data": data})).await;
        self.next().await
    }

    /// The next text frame.
    pub(crate) async fn next(&mut self) -> Value {
        let frame = tokio::time::timeout(LIMIT, async {
            loop {
                match self.socket.next().await.unwrap().unwrap() {
                    Frame::Text(text) => return serde_json::from_str(&text).unwrap(),
                    Frame::Ping(_) | Frame::Pong(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        });
        frame.await.unwrap()
    }

    /// All text frames until the end, and the end.
    pub(crate) async fn end(&mut self) -> (Vec<Value>, End) {
        let mut frames = Vec::new();
        let end = tokio::time::timeout(LIMIT, async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Frame::Text(text))) => frames.push(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Frame::Close(close))) => {
                        return close.map(|close| (close.code.into(), close.reason.to_string()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        });
        let end = end.await.unwrap();
        (frames, end)
    }
}

/// What the `data` of a frame says, which is JSON text.
pub(crate) fn data(frame: &Value) -> Value {
    serde_json::from_str(frame["data"].as_str().unwrap()).unwrap()
}

async fn sandbox_like(quirk: Quirk) -> Sandbox {
    let pusher = Settings { quirk, ..Settings::default() };
    Sandbox::start(Options { pusher, ..Options::default() }).await.unwrap()
}

async fn sandbox() -> Sandbox {
    sandbox_like(Quirk::Pusher).await
}

async fn seen(pusher: &PusherApps, done: impl Fn(&Observed) -> bool) -> Observed {
    pusher.wait_for(done, LIMIT).await.unwrap()
}

#[tokio::test]
async fn an_event_on_a_public_channel_reaches_its_subscriber_as_text_in_text() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    assert_eq!(client.timeout, 120);
    let done = client.subscribe(json!({"channel": "news"})).await;
    assert_eq!(
        done,
        json!({"event": "pusher_internal:subscription_succeeded", "channel": "news", "data": "{}"})
    );
    assert_eq!(sandbox.pusher().trigger("news", "posted", &json!({"n": 1})), 1);
    assert_eq!(client.next().await, json!({"event": "posted", "channel": "news", "data": "{\"n\":1}"}));
    assert_eq!(sandbox.pusher().trigger("others", "posted", &json!({})), 0);
    client.say(json!({"event": "pusher:unsubscribe", "data": {"channel": "news"}})).await;
    let seen = seen(sandbox.pusher(), |seen| seen.unsubscribes == 1).await;
    assert_eq!((seen.connections, seen.subscribed("news")), (1, 0));
}

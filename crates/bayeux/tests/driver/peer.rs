//! A Bayeux server that does what a test says: real HTTP, real WebSockets, one client at a time is enough.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What to answer instead of the truth.
pub(crate) enum Answer {
    Status(u16, Option<&'static str>),
    Redirect,
    Body(String),
    /// The same without a length.
    Stream(String),
    Bytes(Vec<u8>),
}

#[derive(Default)]
struct Ledger {
    clients: BTreeMap<String, Subscriber>,
    made: u32,
    seen: BTreeMap<String, u32>,
    answers: BTreeMap<String, VecDeque<Answer>>,
    extra: BTreeMap<String, Value>,
    /// How long a connect is held, and whether the client's wish counts.
    hold: Option<(Duration, bool)>,
    refuse_sockets: bool,
    silent: bool,
    running: u32,
    most: u32,
    sockets: u32,
    cookies: Vec<Option<String>>,
}

#[derive(Default)]
struct Subscriber {
    channels: BTreeSet<String>,
    queue: Vec<Value>,
}

#[derive(Clone)]
struct Shared {
    ledger: Arc<Mutex<Ledger>>,
    /// Grows whenever something happened that a held connect should look at.
    bell: watch::Sender<u32>,
    /// Grows when all sockets are to be cut.
    scissors: watch::Sender<u32>,
}

pub(crate) struct Peer {
    shared: Shared,
    address: std::net::SocketAddr,
    _server: JoinSet<()>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Shared { ledger: Arc::default(), bell: watch::Sender::new(0), scissors: watch::Sender::new(0) };
        let router = Router::new().fallback(door).with_state(shared.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address, _server: server }
    }

    pub(crate) fn url(&self) -> url::Url {
        format!("http://{}/faye", self.address).parse().unwrap()
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shared.ledger.lock().unwrap()
    }

    fn ring(&self) {
        self.shared.bell.send_modify(|count| *count += 1);
    }

    pub(crate) fn publish(&self, channel: &str, data: Value) {
        for client in self.ledger().clients.values_mut().filter(|client| client.channels.contains(channel)) {
            client.queue.push(json!({"channel": channel, "data": data, "id": "p"}));
        }
        self.ring();
    }

    /// The server was restarted: no client id is known any more.
    pub(crate) fn forget_clients(&self) {
        self.ledger().clients.clear();
        self.ring();
    }

    /// Answers the next request on this channel so; a held connect at once.
    pub(crate) fn answer_next(&self, channel: &str, answer: Answer) {
        self.ledger().answers.entry(channel.to_owned()).or_default().push_back(answer);
        self.ring();
    }

    pub(crate) fn clear_answers(&self) {
        self.ledger().answers.clear();
    }

    /// Puts this event beside the next reply on this channel.
    pub(crate) fn add_to_next(&self, channel: &str, event: Value) {
        self.ledger().extra.insert(channel.to_owned(), event);
    }

    pub(crate) fn hold_for(&self, time: Duration, heeds_wishes: bool) {
        self.ledger().hold = Some((time, heeds_wishes));
    }

    /// Takes requests in and answers none, as a dead path does.
    pub(crate) fn fall_silent(&self) {
        self.ledger().silent = true;
    }

    pub(crate) fn refuse_sockets(&self) {
        self.ledger().refuse_sockets = true;
    }

    pub(crate) fn cut_sockets(&self) {
        self.shared.scissors.send_modify(|count| *count += 1);
    }

    pub(crate) fn seen(&self, channel: &str) -> u32 {
        self.ledger().seen.get(channel).copied().unwrap_or_default()
    }

    pub(crate) fn most_at_once(&self) -> u32 {
        self.ledger().most
    }

    pub(crate) fn sockets(&self) -> u32 {
        self.ledger().sockets
    }

    pub(crate) fn cookies(&self) -> Vec<Option<String>> {
        self.ledger().cookies.clone()
    }
}

async fn door(State(shared): State<Shared>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if parts.uri.path() == "/elsewhere" {
        return "[]".into_response();
    }
    if parts.headers.contains_key(header::UPGRADE) {
        if shared.ledger.lock().unwrap().refuse_sockets {
            return StatusCode::FORBIDDEN.into_response();
        }
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.unwrap();
        return upgrade.on_upgrade(move |socket| serve_socket(shared, socket));
    }
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let _counted = Counted::new(&shared);
    answer_http(&shared, &parts.headers, &body).await
}

/// Counts the requests that run at once.
struct Counted(Shared);

impl Counted {
    fn new(shared: &Shared) -> Self {
        let mut ledger = shared.ledger.lock().unwrap();
        ledger.running += 1;
        ledger.most = ledger.most.max(ledger.running);
        drop(ledger);
        Self(shared.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.ledger.lock().unwrap().running -= 1;
    }
}

async fn answer_http(shared: &Shared, headers: &HeaderMap, body: &[u8]) -> Response {
    let cookie = headers.get(header::COOKIE).map(|value| value.to_str().unwrap().to_owned());
    shared.ledger.lock().unwrap().cookies.push(cookie);
    let messages: Vec<Value> = serde_json::from_slice(body).unwrap();
    match process(shared, messages).await {
        Ok(replies) => {
            ([(header::SET_COOKIE, "BAYEUX_BROWSER=b1; HttpOnly")], Value::Array(replies).to_string())
                .into_response()
        }
        Err(Answer::Status(status, after)) => {
            let mut response = StatusCode::from_u16(status).unwrap().into_response();
            if let Some(after) = after {
                response.headers_mut().insert(header::RETRY_AFTER, after.parse().unwrap());
            }
            response
        }
        Err(Answer::Redirect) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Err(Answer::Body(text)) => text.into_response(),
        Err(Answer::Bytes(bytes)) => bytes.into_response(),
        Err(Answer::Stream(text)) => {
            let chunks = text.into_bytes().chunks(100).map(Bytes::copy_from_slice).collect::<Vec<_>>();
            let stream = futures_util::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
            Body::from_stream(stream).into_response()
        }
    }
}

async fn serve_socket(shared: Shared, mut socket: WebSocket) {
    shared.ledger.lock().unwrap().sockets += 1;
    let mut bell = shared.bell.subscribe();
    let mut scissors = shared.scissors.subscribe();
    let mut running = JoinSet::new();
    let mut client_id = None;
    loop {
        tokio::select! {
            frame = socket.recv() => {
                let Some(Ok(frame)) = frame else { return };
                let Message::Text(text) = frame else { continue };
                let messages: Vec<Value> = serde_json::from_str(&text).unwrap();
                client_id = messages[0]["clientId"].as_str().map(str::to_owned).or(client_id);
                let shared = shared.clone();
                running.spawn(async move { process(&shared, messages).await });
            }
            Some(done) = running.join_next() => {
                let Ok(Ok(replies)) = done else { return };
                socket.send(Message::text(Value::Array(replies).to_string())).await.ok();
            }
            _ = bell.changed() => {
                // Over a socket, events do not wait for a connect.
                let events = client_id.as_ref().map(|id| take_events(&shared, id)).unwrap_or_default();
                if !events.is_empty() {
                    socket.send(Message::text(Value::Array(events).to_string())).await.ok();
                }
            }
            _ = scissors.changed() => return,
        }
    }
}

fn take_events(shared: &Shared, id: &str) -> Vec<Value> {
    let mut ledger = shared.ledger.lock().unwrap();
    if ledger.silent {
        return Vec::new();
    }
    ledger.clients.get_mut(id).map(|client| std::mem::take(&mut client.queue)).unwrap_or_default()
}

async fn process(shared: &Shared, messages: Vec<Value>) -> Result<Vec<Value>, Answer> {
    let mut replies = Vec::new();
    for message in messages {
        let channel = message["channel"].as_str().unwrap().to_owned();
        *shared.ledger.lock().unwrap().seen.entry(channel.clone()).or_default() += 1;
        if channel == "/meta/connect" {
            hold(shared, &message).await;
        }
        if shared.ledger.lock().unwrap().silent {
            std::future::pending::<()>().await;
        }
        let mut ledger = shared.ledger.lock().unwrap();
        if let Some(answer) = ledger.answers.get_mut(&channel).and_then(VecDeque::pop_front) {
            return Err(answer);
        }
        replies.push(reply(&mut ledger, &channel, &message));
        replies.extend(ledger.extra.remove(&channel));
        if channel == "/meta/connect"
            && let Some(client) = ledger.clients.get_mut(message["clientId"].as_str().unwrap_or_default())
        {
            replies.append(&mut client.queue);
        }
    }
    Ok(replies)
}

/// Waits until there is something to say to this client, or its time is over.
async fn hold(shared: &Shared, connect: &Value) {
    let (longest, heeds) = shared.ledger.lock().unwrap().hold.unwrap_or((Duration::from_secs(30), true));
    let wish = connect["advice"]["timeout"].as_u64().filter(|_| heeds).map(Duration::from_millis);
    let end = tokio::time::Instant::now() + wish.unwrap_or(longest);
    let mut bell = shared.bell.subscribe();
    loop {
        {
            let ledger = shared.ledger.lock().unwrap();
            let client = ledger.clients.get(connect["clientId"].as_str().unwrap_or_default());
            let done = client.is_none_or(|client| !client.queue.is_empty())
                || ledger.answers.get("/meta/connect").is_some_and(|answers| !answers.is_empty());
            if done {
                return;
            }
        }
        if tokio::time::timeout_at(end, bell.changed()).await.is_err() {
            return;
        }
    }
}

fn reply(ledger: &mut Ledger, channel: &str, message: &Value) -> Value {
    let mut reply = json!({"channel": channel, "id": message["id"], "successful": true});
    if channel == "/meta/handshake" {
        ledger.made += 1;
        let id = format!("client{}", ledger.made);
        ledger.clients.insert(id.clone(), Subscriber::default());
        let timeout = ledger.hold.map_or(30_000, |(hold, _)| u64::try_from(hold.as_millis()).unwrap());
        reply["clientId"] = json!(id);
        reply["version"] = json!("1.0");
        reply["supportedConnectionTypes"] = json!(["long-polling", "websocket"]);
        reply["advice"] = json!({"reconnect": "retry", "interval": 0, "timeout": timeout});
        return reply;
    }
    let id = message["clientId"].as_str().unwrap_or_default();
    let Some(client) = ledger.clients.get_mut(id) else {
        reply["successful"] = json!(false);
        reply["error"] = json!(format!("401:{id}:Unknown client"));
        if channel == "/meta/connect" {
            reply["advice"] = json!({"reconnect": "handshake"});
        }
        return reply;
    };
    let subscription = message["subscription"].as_str().unwrap_or_default().to_owned();
    match channel {
        "/meta/subscribe" => drop(client.channels.insert(subscription)),
        "/meta/unsubscribe" => drop(client.channels.remove(&subscription)),
        _ => {}
    }
    reply["subscription"] = message["subscription"].clone();
    reply
}

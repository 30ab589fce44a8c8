//! The push server's transports: long-polling and web socket at `/faye`. In come Bayeux messages, out go replies and
//! events in the order Faye gives them; what is remembered lives in [`super::faye`].

use super::faye::{self, Found, Hold};
use super::{Podio, State};
use crate::faults::{self, Answer};
use crate::tasks;
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;

pub(super) fn router() -> Router<Podio> {
    Router::new().route("/faye", post(long_poll).get(open_socket))
}

const TRANSPORTS: [&str; 6] = [
    "long-polling",
    "cross-origin-long-polling",
    "callback-polling",
    "websocket",
    "eventsource",
    "in-process",
];

/// Where the messages came in; only a web socket takes events by itself.
type Socket<'a> = Option<&'a faye::Socket>;

/// What PrivatePub's extension does when `ext` is missing: it fails, and the request with it.
struct MissingExt;

async fn long_poll(Shared(podio): Shared<Podio>, headers: HeaderMap, body: Bytes) -> Response {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"));
    let text = if json {
        Some(String::from_utf8_lossy(&body).into_owned())
    } else {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
        form.get("message").cloned()
    };
    let messages = text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let Some(messages) = messages else { return (StatusCode::BAD_REQUEST, "Bad request").into_response() };
    match podio.process(messages, None).await {
        Ok(replies) => ([(header::CACHE_CONTROL, "no-cache, no-store")], axum::Json(Value::Array(replies)))
            .into_response(),
        Err(MissingExt) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal server error").into_response(),
    }
}

async fn open_socket(
    Shared(podio): Shared<Podio>,
    Query(named): Query<BTreeMap<String, String>>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let allowed = podio.read(|state| state.settings.websocket);
    match upgrade {
        Ok(upgrade) if allowed => {
            podio.change(|state| state.observed.sockets += 1);
            upgrade.on_upgrade(|socket| converse(podio, socket))
        }
        // Callback-polling is listed by Faye and used by browsers only; it is not served here.
        Ok(_) | Err(_) if named.contains_key("jsonp") => StatusCode::NOT_IMPLEMENTED.into_response(),
        Ok(_) | Err(_) => (StatusCode::BAD_REQUEST, "Bad request").into_response(),
    }
}

/// One web socket: frames in, frames out. Each frame is worked on by itself, because a connect is held for long.
async fn converse(podio: Podio, mut socket: WebSocket) {
    let (out, mut outgoing) = mpsc::unbounded_channel();
    let mut cut = podio.shared.cut.subscribe();
    let mut client: Option<String> = None;
    let mut working = FuturesUnordered::new();
    loop {
        tokio::select! {
            frame = outgoing.recv() => match frame {
                Some(text) => if socket.send(Message::text(text)).await.is_err() { break },
                None => break,
            },
            _ = cut.changed() => break,
            Some(()) = working.next() => {}
            incoming = socket.recv() => {
                let text = match incoming {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                };
                match podio.change(|state| state.faults.next("/faye")) {
                    None => {}
                    Some(Answer::Late { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
                    Some(Answer::Garbage) => { send(&out, faults::GARBAGE.to_owned()); continue }
                    Some(Answer::Oversized { bytes }) => { send(&out, faults::oversized(bytes)); continue }
                    Some(Answer::Json(value)) => { send(&out, value.to_string()); continue }
                    Some(Answer::Silence | Answer::Deaf) => continue,
                    Some(Answer::Status(_) | Answer::RateLimited { .. } | Answer::TooMany { .. } | Answer::CaptivePortal) => break,
                }
                let Ok(messages) = serde_json::from_str::<Value>(&text) else {
                    tracing::debug!("a web socket frame was not JSON");
                    continue;
                };
                if let Some(id) = client_in(&messages) {
                    podio.change(|state| {
                        if let Some(old) = client.as_ref().filter(|old| **old != id) {
                            state.faye.close_socket(old, &out);
                        }
                        state.faye.open_socket(&id, &out);
                    });
                    client = Some(id);
                }
                let (podio, out) = (podio.clone(), out.clone());
                working.push(async move {
                    // A frame the extension fails on stays without an answer, as in Faye.
                    if let Ok(replies) = podio.process(messages, Some(&out)).await {
                        send(&out, Value::Array(replies).to_string());
                    }
                });
            }
        }
    }
    if let Some(id) = client {
        podio.change(|state| state.faye.close_socket(&id, &out));
    }
}

fn send(out: &faye::Socket, text: String) {
    if out.send(text).is_err() {
        tracing::trace!("the web socket closed before its answer");
    }
}

fn client_in(messages: &Value) -> Option<String> {
    let first = match messages {
        Value::Array(messages) => messages.iter().find_map(|message| message.get("clientId")),
        single => single.get("clientId"),
    };
    first.and_then(Value::as_str).map(str::to_owned)
}

/// The reply so far, and a connect to be held before it may be sent.
enum Reply {
    Ready(Value),
    Held(Value, Hold, Duration),
}

impl Podio {
    /// Answers an array (or a single object) when everything in it is answered, in the order of completion.
    async fn process(&self, messages: Value, socket: Socket<'_>) -> Result<Vec<Value>, MissingExt> {
        let messages = match messages {
            Value::Array(messages) => messages,
            single => vec![single],
        };
        let (mut replies, mut held) = (Vec::new(), Vec::new());
        for message in &messages {
            let reply = self.change(|state| {
                state.faye.evict(tasks::instant(), state.settings.hold);
                state.answer(message, socket)
            })?;
            match reply {
                Reply::Ready(reply) => replies.push(reply),
                Reply::Held(reply, hold, timeout) => {
                    held.push((reply, Held { podio: self.clone(), hold }, timeout))
                }
            }
        }
        for (reply, held, timeout) in held {
            let events = held.wait(timeout).await;
            replies.push(reply);
            replies.extend(events);
        }
        Ok(replies)
    }
}

/// A connect in the server's hand; let go of however the request ends.
struct Held {
    podio: Podio,
    hold: Hold,
}

impl Held {
    async fn wait(&self, timeout: Duration) -> Vec<Value> {
        let end = tokio::time::Instant::now() + timeout;
        loop {
            let mut woken = pin!(self.hold.wake.notified());
            woken.as_mut().enable();
            match self.podio.change(|state| state.faye.look(&self.hold)) {
                Found::Events(events) => return events,
                Found::Released => return Vec::new(),
                Found::Nothing => {}
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(end) => return Vec::new(),
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.podio.change(|state| state.faye.release(&self.hold));
    }
}

/// The fields a reply repeats.
fn reply_to(message: &Value) -> Map<String, Value> {
    let mut reply = Map::new();
    for name in ["id", "clientId", "channel"] {
        if let Some(value) = message.get(name) {
            reply.insert(name.to_owned(), value.clone());
        }
    }
    reply
}

fn text<'a>(message: &'a Value, name: &str) -> &'a str {
    message.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl State {
    fn answer(&mut self, message: &Value, socket: Socket<'_>) -> Result<Reply, MissingExt> {
        let channel = text(message, "channel");
        if channel.starts_with("/meta/")
            && let Some(refusal) = self.faye.refusal(channel)
        {
            let mut reply = reply_to(message);
            reply.insert("error".to_owned(), json!(refusal.error));
            reply.insert("successful".to_owned(), json!(false));
            reply.extend(refusal.advice.map(|advice| ("advice".to_owned(), advice)));
            return Ok(Reply::Ready(Value::Object(reply)));
        }
        match channel {
            "/meta/handshake" => Ok(Reply::Ready(self.handshake(message))),
            "/meta/connect" => Ok(self.connect(message, socket)),
            "/meta/subscribe" => self.subscribe(message).map(Reply::Ready),
            "/meta/unsubscribe" => Ok(Reply::Ready(self.unsubscribe(message))),
            "/meta/disconnect" => Ok(Reply::Ready(self.disconnect(message))),
            meta if meta.starts_with("/meta/") => {
                Ok(Reply::Ready(finish(reply_to(message), Some(format!("403:{meta}:Forbidden channel")))))
            }
            _ => self.publish_from_outside(message).map(Reply::Ready),
        }
    }

    /// Faye advises on handshake and connect only, and to shake hands again on any error there.
    fn advise(&self, mut reply: Value) -> Value {
        let failed = reply.get("error").is_some();
        let mut advice = if failed {
            json!({"reconnect": "handshake"})
        } else {
            let timeout = u64::try_from(self.settings.hold.as_millis()).unwrap_or(u64::MAX);
            json!({"reconnect": "retry", "interval": 0, "timeout": timeout})
        };
        if let (Some(advice), Some(Value::Object(over))) = (advice.as_object_mut(), &self.faye.advice) {
            advice.extend(over.clone());
        }
        if let Some(reply) = reply.as_object_mut() {
            reply.insert("advice".to_owned(), advice);
        }
        reply
    }

    fn handshake(&mut self, message: &Value) -> Value {
        let transports: Vec<&str> =
            TRANSPORTS.into_iter().filter(|name| self.settings.websocket || *name != "websocket").collect();
        let mut reply = reply_to(message);
        reply.remove("clientId");
        reply.insert("version".to_owned(), json!("1.0"));
        reply.insert("supportedConnectionTypes".to_owned(), json!(transports));
        let offered = message.get("supportedConnectionTypes").and_then(Value::as_array);
        let error = match offered {
            None => Some("402:supportedConnectionTypes:Missing required parameter".to_owned()),
            Some(offered)
                if !offered.iter().filter_map(Value::as_str).any(|name| transports.contains(&name)) =>
            {
                let names: Vec<&str> = offered.iter().filter_map(Value::as_str).collect();
                Some(format!("301:{}:Connection types not supported", names.join(",")))
            }
            Some(_) if text(message, "version").is_empty() => {
                Some("402:version:Missing required parameter".to_owned())
            }
            Some(_) => None,
        };
        if error.is_none() {
            self.observed.handshakes += 1;
            reply.insert("clientId".to_owned(), json!(self.faye.create(tasks::instant())));
        }
        self.advise(finish(reply, error))
    }

    fn connect(&mut self, message: &Value, socket: Socket<'_>) -> Reply {
        let client = text(message, "clientId");
        let transport = text(message, "connectionType");
        let error = if transport.is_empty() {
            Some("402:connectionType:Missing required parameter".to_owned())
        } else if !TRANSPORTS.contains(&transport) {
            Some(format!("301:{transport}:Connection types not supported"))
        } else {
            self.unknown(client)
        };
        let mut reply = reply_to(message);
        if error.is_some() {
            reply.remove("clientId");
            return Reply::Ready(self.advise(finish(reply, error)));
        }
        let wished = message.pointer("/advice/timeout").and_then(Value::as_u64).map(Duration::from_millis);
        let timeout = wished.unwrap_or(self.settings.hold);
        let reply = self.advise(finish(reply, None));
        if let Some(socket) = socket {
            self.faye.open_socket(client, socket);
        }
        self.observed.connects += 1;
        match self.faye.hold(client, tasks::instant()) {
            Some(hold) => Reply::Held(reply, hold, timeout),
            None => Reply::Ready(reply),
        }
    }

    fn subscribe(&mut self, message: &Value) -> Result<Value, MissingExt> {
        // The extension looks first; the server's own checks come after and have the last word.
        let refused = self.check_signature(message)?;
        let client = text(message, "clientId");
        let channels = subscription(message);
        let error = self.unknown(client).or(refused).or_else(|| check_channels(&channels));
        if error.is_none() {
            self.observed.subscribes += 1;
            for channel in &channels {
                self.faye.subscribe(client, channel);
            }
        } else {
            self.observed.refused_subscribes += 1;
        }
        let mut reply = reply_to(message);
        reply.insert("subscription".to_owned(), message.get("subscription").cloned().unwrap_or(json!([])));
        Ok(finish(reply, error))
    }

    /// PrivatePub: the signature first, then the age of the timestamp.
    fn check_signature(&self, message: &Value) -> Result<Option<String>, MissingExt> {
        let Some(Value::Object(ext)) = message.get("ext") else { return Err(MissingExt) };
        let timestamp = match ext.get("private_pub_timestamp") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) | None => String::new(),
        };
        let given = ext.get("private_pub_signature").and_then(Value::as_str).unwrap_or_default();
        // A pair signs one channel; the gem joins a list into a text no one signed.
        let channel = subscription(message).join(",");
        if given != faye::signature(&self.push_secret, &channel, &timestamp) {
            return Ok(Some("Incorrect signature.".to_owned()));
        }
        let age = tasks::now().as_second() - timestamp.parse::<i64>().unwrap_or(0);
        let lifetime = i64::try_from(self.settings.signature_lifetime.as_secs()).unwrap_or(i64::MAX);
        Ok((age > lifetime).then(|| "Signature has expired.".to_owned()))
    }

    fn unsubscribe(&mut self, message: &Value) -> Value {
        let client = text(message, "clientId");
        let channels = subscription(message);
        let error = self.unknown(client).or_else(|| check_channels(&channels));
        if error.is_none() {
            self.observed.unsubscribes += 1;
            for channel in &channels {
                self.faye.unsubscribe(client, channel);
            }
        }
        let mut reply = reply_to(message);
        reply.insert("subscription".to_owned(), message.get("subscription").cloned().unwrap_or(json!([])));
        finish(reply, error)
    }

    fn disconnect(&mut self, message: &Value) -> Value {
        let client = text(message, "clientId");
        let error = self.unknown(client);
        let mut reply = reply_to(message);
        if error.is_none() {
            self.observed.disconnects += 1;
            self.faye.destroy(client);
        } else {
            reply.remove("clientId");
        }
        finish(reply, error)
    }

    /// Publishing is for the service itself, which shows its secret.
    fn publish_from_outside(&mut self, message: &Value) -> Result<Value, MissingExt> {
        let Some(Value::Object(ext)) = message.get("ext") else { return Err(MissingExt) };
        let channel = text(message, "channel");
        let error = if ext.get("private_pub_token").and_then(Value::as_str) != Some(self.push_secret.as_str())
        {
            Some("Incorrect token.".to_owned())
        } else if !faye::is_channel(channel, false) {
            Some(format!("405:{channel}:Invalid channel"))
        } else {
            None
        };
        match (error, message.get("data")) {
            (Some(error), _) => Ok(finish(reply_to(message), Some(error))),
            (None, None) => {
                Ok(finish(reply_to(message), Some("402:data:Missing required parameter".to_owned())))
            }
            (None, Some(data)) => {
                self.faye.publish(channel, data);
                Ok(finish(reply_to(message), None))
            }
        }
    }

    /// The error for a client id that is missing or not known.
    fn unknown(&mut self, client: &str) -> Option<String> {
        if client.is_empty() {
            return Some("402:clientId:Missing required parameter".to_owned());
        }
        if self.faye.knows(client) {
            return None;
        }
        self.observed.unknown_clients += 1;
        Some(format!("401:{client}:Unknown client"))
    }
}

fn finish(mut reply: Map<String, Value>, error: Option<String>) -> Value {
    reply.insert("successful".to_owned(), json!(error.is_none()));
    reply.extend(error.map(|error| ("error".to_owned(), json!(error))));
    Value::Object(reply)
}

/// One channel or a list of them.
fn subscription(message: &Value) -> Vec<String> {
    match message.get("subscription") {
        Some(Value::String(channel)) => vec![channel.clone()],
        Some(Value::Array(channels)) => {
            channels.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(_) | None => Vec::new(),
    }
}

fn check_channels(channels: &[String]) -> Option<String> {
    if channels.is_empty() {
        return Some("402:subscription:Missing required parameter".to_owned());
    }
    channels.iter().find_map(|channel| {
        if channel.starts_with("/meta/") || channel.starts_with("/service/") {
            Some(format!("403:{channel}:Forbidden channel"))
        } else if !faye::is_channel(channel, true) {
            Some(format!("405:{channel}:Invalid channel"))
        } else {
            None
        }
    })
}

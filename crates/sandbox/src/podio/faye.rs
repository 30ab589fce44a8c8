//! The state of the fake push server: clients, their channels and queues. In goes a published message, out it
//! comes in the queues or on the web sockets of the clients that subscribed. Time is an argument; no socket, no lock.
//! The behaviour is that of Faye 1.4 with the signature rule of the PrivatePub gem.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};

/// What happens to published messages on their way to the clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// As they come.
    #[default]
    Pass,
    /// Each one twice.
    Duplicate,
    /// Kept back until so many wait, then in reverse order.
    Reverse(usize),
    /// Kept back until the delivery changes, then in order.
    Hold,
    /// Thrown away.
    Lose,
}

/// A refusal of the next messages on a meta channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// `/meta/handshake`, `/meta/connect`, `/meta/subscribe`, …
    pub channel: String,
    /// How many are still to be refused.
    pub times: u32,
    /// The `error` text.
    pub error: String,
    /// The `advice` of the answer, if any.
    #[serde(default)]
    pub advice: Option<Value>,
}

/// The sending side of a web socket: each text is one frame.
pub(crate) type Socket = mpsc::UnboundedSender<String>;

#[derive(Debug)]
struct Client {
    channels: BTreeSet<String>,
    queue: VecDeque<Value>,
    last_connect: Instant,
    /// Number of the newest connect; an older one that is still held gives way.
    newest: u64,
    held: u32,
    wake: Arc<Notify>,
    socket: Option<Socket>,
}

/// The push server's memory.
#[derive(Debug, Default)]
pub(crate) struct Faye {
    clients: BTreeMap<String, Client>,
    delivery: Delivery,
    kept: Vec<(String, Value)>,
    pub(crate) refusals: Vec<Refusal>,
    /// Laid over the normal advice of handshake and connect replies.
    pub(crate) advice: Option<Value>,
    published: u64,
    /// Messages handed to a client so far.
    pub(crate) delivered: u64,
}

/// A connect that may now be held.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) client: String,
    pub(crate) number: u64,
    pub(crate) wake: Arc<Notify>,
}

/// What a held connect finds when it looks.
#[derive(Debug)]
pub(crate) enum Found {
    Events(Vec<Value>),
    Nothing,
    /// The client is gone, or a newer connect took over.
    Released,
}

impl Faye {
    pub(crate) fn create(&mut self, now: Instant) -> String {
        let id = format!("{:032x}", rand::random::<u128>());
        let client = Client {
            channels: BTreeSet::new(),
            queue: VecDeque::new(),
            last_connect: now,
            newest: 0,
            held: 0,
            wake: Arc::new(Notify::new()),
            socket: None,
        };
        self.clients.insert(id.clone(), client);
        id
    }

    /// Forgets clients that stayed away for twice the timeout.
    pub(crate) fn evict(&mut self, now: Instant, timeout: Duration) {
        self.clients.retain(|_, client| {
            client.held > 0 || now.duration_since(client.last_connect) <= timeout.saturating_mul(2)
        });
    }

    pub(crate) fn knows(&self, client: &str) -> bool {
        self.clients.contains_key(client)
    }

    pub(crate) fn subscribe(&mut self, client: &str, channel: &str) {
        if let Some(client) = self.clients.get_mut(client) {
            client.channels.insert(channel.to_owned());
        }
    }

    pub(crate) fn unsubscribe(&mut self, client: &str, channel: &str) {
        if let Some(client) = self.clients.get_mut(client) {
            client.channels.remove(channel);
        }
    }

    /// The client said goodbye, or the server forgets it: a held connect is released.
    pub(crate) fn destroy(&mut self, client: &str) {
        if let Some(client) = self.clients.remove(client) {
            client.wake.notify_waiters();
        }
    }

    /// Forgets every client and every queue, as a restart does.
    pub(crate) fn forget_all(&mut self) {
        for client in std::mem::take(&mut self.clients).into_values() {
            client.wake.notify_waiters();
        }
    }

    /// From now on events for this client go straight to this web socket.
    pub(crate) fn open_socket(&mut self, client: &str, socket: &Socket) {
        if let Some(client) = self.clients.get_mut(client) {
            client.socket = Some(socket.clone());
        }
    }

    /// The web socket ended: from now on events wait in the queue.
    pub(crate) fn close_socket(&mut self, client: &str, socket: &Socket) {
        if let Some(client) = self.clients.get_mut(client)
            && client.socket.as_ref().is_some_and(|present| present.same_channel(socket))
        {
            client.socket = None;
        }
    }

    /// Begins to hold a connect; what queued up while a web socket was away goes out on it at once.
    pub(crate) fn hold(&mut self, id: &str, now: Instant) -> Option<Hold> {
        let client = self.clients.get_mut(id)?;
        client.last_connect = now;
        client.newest += 1;
        client.held += 1;
        client.wake.notify_waiters();
        if client.socket.is_some() {
            for event in std::mem::take(&mut client.queue) {
                self.delivered += 1;
                deliver(client, event);
            }
        }
        Some(Hold { client: id.to_owned(), number: client.newest, wake: Arc::clone(&client.wake) })
    }

    pub(crate) fn look(&mut self, hold: &Hold) -> Found {
        let Some(client) = self.clients.get_mut(&hold.client) else { return Found::Released };
        if client.newest != hold.number {
            return Found::Released;
        }
        if client.queue.is_empty() {
            return Found::Nothing;
        }
        let events: Vec<Value> = std::mem::take(&mut client.queue).into();
        self.delivered += u64::try_from(events.len()).unwrap_or(u64::MAX);
        Found::Events(events)
    }

    pub(crate) fn release(&mut self, hold: &Hold) {
        if let Some(client) = self.clients.get_mut(&hold.client) {
            client.held = client.held.saturating_sub(1);
        }
    }

    /// Changes the way of messages; leaving [`Delivery::Hold`] or [`Delivery::Reverse`] lets go of what was kept back.
    pub(crate) fn set_delivery(&mut self, delivery: Delivery) {
        let mut kept = std::mem::take(&mut self.kept);
        if matches!(self.delivery, Delivery::Reverse(_)) {
            kept.reverse();
        }
        self.delivery = delivery;
        for (channel, message) in kept {
            self.fan_out(&channel, &message);
        }
    }

    /// Publishes `data` on `channel`.
    pub(crate) fn publish(&mut self, channel: &str, data: &Value) {
        self.published += 1;
        let message = json!({"channel": channel, "data": data, "id": format!("p{:x}", self.published)});
        match self.delivery {
            Delivery::Pass => self.fan_out(channel, &message),
            Delivery::Duplicate => {
                self.fan_out(channel, &message);
                self.fan_out(channel, &message);
            }
            Delivery::Reverse(window) => {
                self.kept.push((channel.to_owned(), message));
                if self.kept.len() >= window {
                    for (channel, message) in std::mem::take(&mut self.kept).into_iter().rev() {
                        self.fan_out(&channel, &message);
                    }
                }
            }
            Delivery::Hold => self.kept.push((channel.to_owned(), message)),
            Delivery::Lose => {}
        }
    }

    fn fan_out(&mut self, channel: &str, message: &Value) {
        for client in self.clients.values_mut() {
            if client.channels.iter().any(|pattern| matches(pattern, channel)) {
                if client.socket.is_some() {
                    self.delivered += 1;
                }
                deliver(client, message.clone());
            }
        }
    }

    /// Sends this text as a frame on every open web socket. Returns how many there were.
    pub(crate) fn raw_frame(&mut self, text: &str) -> usize {
        let sockets = self.clients.values().filter_map(|client| client.socket.as_ref());
        sockets.filter(|socket| socket.send(text.to_owned()).is_ok()).count()
    }

    /// How many clients hold each channel.
    pub(crate) fn subscriptions(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for channel in self.clients.values().flat_map(|client| &client.channels) {
            *count.entry(channel.clone()).or_insert(0) += 1;
        }
        count
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Connects that are held now.
    pub(crate) fn held(&self) -> u32 {
        self.clients.values().map(|client| client.held).sum()
    }

    /// Events that wait in queues.
    pub(crate) fn queued(&self) -> usize {
        self.clients.values().map(|client| client.queue.len()).sum()
    }

    /// The refusal planned for this meta channel, if any.
    pub(crate) fn refusal(&mut self, channel: &str) -> Option<Refusal> {
        self.refusals.retain(|refusal| refusal.times > 0);
        let refusal = self.refusals.iter_mut().find(|refusal| refusal.channel == channel)?;
        refusal.times -= 1;
        Some(refusal.clone())
    }
}

fn deliver(client: &mut Client, message: Value) {
    let undelivered = match &client.socket {
        // Faye sends each event in an array of its own on a socket.
        Some(socket) => socket.send(json!([message]).to_string()).err().map(|_| message),
        None => Some(message),
    };
    if let Some(message) = undelivered {
        client.queue.push_back(message);
        client.wake.notify_waiters();
    }
}

/// Bayeux channel patterns: `/a/*` is one level, `/a/**` any depth.
fn matches(pattern: &str, channel: &str) -> bool {
    if let Some(prefix) = pattern.strip_suffix("**") {
        return channel.starts_with(prefix);
    }
    if let Some(prefix) = pattern.strip_suffix('*') {
        return channel.strip_prefix(prefix).is_some_and(|rest| !rest.contains('/'));
    }
    pattern == channel
}

/// Bayeux: segments of letters, digits and a few marks; `*` and `**` only as the last one of a subscription.
pub(crate) fn is_channel(text: &str, pattern: bool) -> bool {
    let Some(path) = text.strip_prefix('/') else { return false };
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        let plain = !segment.is_empty()
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || "-_!~()$@".contains(c));
        if !(plain || pattern && last && matches!(segment, "*" | "**")) {
            return false;
        }
    }
    true
}

/// PrivatePub: lower-case hex SHA-1 of secret, channel and timestamp joined as text.
pub(crate) fn signature(secret: &str, channel: &str, timestamp: &str) -> String {
    let digest = Sha1::digest(format!("{secret}{channel}{timestamp}").as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_published_scheme() {
        // printf 's3cret/user/1''1435054283' | sha1sum
        assert_eq!(signature("s3cret", "/user/1", "1435054283"), "28413c3c17100c3d61d6720403f230dea011fe72");
    }

    #[test]
    fn patterns_match_as_bayeux_says() {
        assert!(matches("/a/*", "/a/b") && !matches("/a/*", "/a/b/c") && matches("/a/**", "/a/b/c"));
        assert!(matches("/a", "/a") && !matches("/a", "/ab"));
        assert!(is_channel("/user/1", false) && !is_channel("/user/*", false) && is_channel("/user/*", true));
        assert!(!is_channel("user", false) && !is_channel("/a//b", false) && !is_channel("/*/a", true));
    }
}

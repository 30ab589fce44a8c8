//! Who is connected and to what: connections, channels, members, cached events. It takes time as an argument and puts
//! frames into the connections' queues; sockets live in [`super::socket`].

use super::app::{App, Kind};
use super::frame::{self, Data};
use super::observed::Subscription;
use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// What a connection's task is told to do.
#[derive(Clone, Debug)]
pub(super) enum Out {
    Text(Utf8Bytes),
    /// Not before this moment.
    Late(Instant, Utf8Bytes),
    Close(u16, String),
    /// Gone without a close frame.
    Cut,
}

/// How events travel; the protocol's own frames are not touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// At once and once.
    #[default]
    Pass,
    /// Lost on the way, until set otherwise.
    Lose,
    /// Lost on the way for so long, then as usual.
    LoseFor {
        /// Milliseconds.
        ms: u64,
    },
    /// Each one twice.
    Twice,
    /// Each one so much later, in order.
    Late {
        /// Milliseconds.
        ms: u64,
    },
}

#[derive(Clone, Copy, Debug, Default)]
enum Travel {
    #[default]
    Pass,
    Lose(Option<Instant>),
    Twice,
    Late(Duration),
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) app: String,
    pub(super) out: UnboundedSender<Out>,
    pub(super) channels: BTreeMap<String, Joined>,
    /// Moments of the client events of the last second.
    pub(super) sent: VecDeque<Instant>,
}

/// How it came to a channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Joined {
    pub(super) auth: Option<String>,
    pub(super) channel_data: Option<String>,
    /// On a presence channel.
    pub(super) user_id: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Channel {
    pub(super) subscribers: BTreeSet<String>,
    pub(super) members: BTreeMap<String, Member>,
    cached: Option<(Instant, Utf8Bytes)>,
}

#[derive(Debug)]
pub(super) struct Member {
    info: Value,
    /// Connections of this user; empty for one who is there only because a test says so.
    sockets: BTreeSet<String>,
}

/// Names a channel: key of the app, name.
type Address = (String, String);

#[derive(Debug, Default)]
pub(super) struct Hub {
    pub(super) connections: BTreeMap<String, Connection>,
    pub(super) channels: BTreeMap<Address, Channel>,
    travel: Travel,
    pub(super) delivered: u64,
    pub(super) lost: u64,
}

impl Hub {
    pub(super) fn set_delivery(&mut self, delivery: Delivery, now: Instant) {
        self.travel = match delivery {
            Delivery::Pass => Travel::Pass,
            Delivery::Lose => Travel::Lose(None),
            Delivery::LoseFor { ms } => Travel::Lose(Some(now + Duration::from_millis(ms))),
            Delivery::Twice => Travel::Twice,
            Delivery::Late { ms } => Travel::Late(Duration::from_millis(ms)),
        };
    }

    /// Puts a frame of the protocol into a connection's queue.
    pub(super) fn send(&self, socket_id: &str, text: String) {
        if let Some(connection) = self.connections.get(socket_id) {
            tell(&connection.out, Out::Text(text.into()));
        }
    }

    /// Tells all connections; gives how many there were.
    pub(super) fn tell_all(&self, out: &Out) -> usize {
        for connection in self.connections.values() {
            tell(&connection.out, out.clone());
        }
        self.connections.len()
    }

    /// An event for all subscribers but one. `kept` goes into the cache of a cache channel.
    pub(super) fn publish(
        &mut self,
        app: &str,
        channel: &str,
        text: String,
        except: Option<&str>,
        kept: Option<Instant>,
    ) -> usize {
        let text = Utf8Bytes::from(text);
        let address = (app.to_owned(), channel.to_owned());
        if let Some(kept) = kept.filter(|_| Kind::of(channel).cache) {
            self.channels.entry(address.clone()).or_default().cached = Some((kept, text.clone()));
        }
        let now = crate::tasks::instant();
        if let Travel::Lose(Some(until)) = self.travel
            && now >= until
        {
            self.travel = Travel::Pass;
        }
        let Some(subscribers) = self.channels.get(&address).map(|channel| &channel.subscribers) else {
            return 0;
        };
        let mut count = 0;
        for socket_id in subscribers {
            if except == Some(socket_id.as_str()) {
                continue;
            }
            let Some(connection) = self.connections.get(socket_id) else { continue };
            count += 1;
            match self.travel {
                Travel::Pass => tell(&connection.out, Out::Text(text.clone())),
                Travel::Lose(_) => {
                    self.lost += 1;
                    continue;
                }
                Travel::Twice => {
                    tell(&connection.out, Out::Text(text.clone()));
                    tell(&connection.out, Out::Text(text.clone()));
                    self.delivered += 1;
                }
                Travel::Late(pause) => tell(&connection.out, Out::Late(now + pause, text.clone())),
            }
            self.delivered += 1;
        }
        count
    }

    /// The cached event of a channel, unless it is older than `ttl`.
    pub(super) fn cached(&self, app: &str, channel: &str, ttl: Duration, now: Instant) -> Option<Utf8Bytes> {
        let (at, text) = self.channels.get(&(app.to_owned(), channel.to_owned()))?.cached.as_ref()?;
        (now.saturating_duration_since(*at) < ttl).then(|| text.clone())
    }

    pub(super) fn forget_cache(&mut self) {
        for channel in self.channels.values_mut() {
            channel.cached = None;
        }
    }

    pub(super) fn join(&mut self, socket_id: &str, channel: &str, joined: Joined) {
        let Some(connection) = self.connections.get_mut(socket_id) else { return };
        connection.channels.insert(channel.to_owned(), joined);
        let address = (connection.app.clone(), channel.to_owned());
        self.channels.entry(address).or_default().subscribers.insert(socket_id.to_owned());
    }

    /// Whether it was there.
    pub(super) fn leave(&mut self, socket_id: &str, channel: &str) -> bool {
        let Some(connection) = self.connections.get_mut(socket_id) else { return false };
        let Some(joined) = connection.channels.remove(channel) else { return false };
        let app = connection.app.clone();
        if let Some(place) = self.channels.get_mut(&(app.clone(), channel.to_owned())) {
            place.subscribers.remove(socket_id);
        }
        if let Some(user_id) = joined.user_id {
            self.remove_member(&app, channel, &user_id, Some(socket_id));
        }
        true
    }

    /// Adds a member and says so to those who were there before, unless the user was there already.
    pub(super) fn add_member(
        &mut self,
        app: &str,
        channel: &str,
        user_id: &str,
        info: &Value,
        socket: Option<&str>,
    ) {
        let place = self.channels.entry((app.to_owned(), channel.to_owned())).or_default();
        let known = place.members.contains_key(user_id);
        let member = place
            .members
            .entry(user_id.to_owned())
            .or_insert_with(|| Member { info: info.clone(), sockets: BTreeSet::new() });
        member.sockets.extend(socket.map(str::to_owned));
        if !known {
            let data = Data::Text(json!({"user_id": user_id, "user_info": info}).to_string());
            let text = frame::text("pusher_internal:member_added", Some(channel), data);
            self.publish(app, channel, text, socket, None);
        }
    }

    /// Removes one connection of a member (all of them when none is named); the last one is told to the others.
    pub(super) fn remove_member(&mut self, app: &str, channel: &str, user_id: &str, socket: Option<&str>) {
        let Some(place) = self.channels.get_mut(&(app.to_owned(), channel.to_owned())) else { return };
        let Some(member) = place.members.get_mut(user_id) else { return };
        match socket {
            Some(socket) => {
                member.sockets.remove(socket);
            }
            None => member.sockets.clear(),
        }
        if !member.sockets.is_empty() {
            return;
        }
        place.members.remove(user_id);
        let data = Data::Text(json!({"user_id": user_id}).to_string());
        let text = frame::text("pusher_internal:member_removed", Some(channel), data);
        self.publish(app, channel, text, None, None);
    }

    /// `{"presence": …}` as a newcomer gets it.
    pub(super) fn presence(&self, app: &str, channel: &str) -> Value {
        let none = BTreeMap::new();
        let address = (app.to_owned(), channel.to_owned());
        let members = self.channels.get(&address).map_or(&none, |channel| &channel.members);
        let hash: serde_json::Map<String, Value> =
            members.iter().map(|(id, member)| (id.clone(), member.info.clone())).collect();
        let ids: Vec<&String> = members.keys().collect();
        json!({"presence": {"ids": ids, "hash": hash, "count": members.len()}})
    }

    pub(super) fn count(&self, app: &str, channel: &str) -> usize {
        self.channels
            .get(&(app.to_owned(), channel.to_owned()))
            .map_or(0, |channel| channel.subscribers.len())
    }

    pub(super) fn connections_of(&self, app: &App) -> usize {
        self.connections.values().filter(|connection| connection.app == app.key).count()
    }

    pub(super) fn subscriptions(&self) -> Vec<Subscription> {
        let of = |(socket_id, connection): (&String, &Connection)| {
            let (socket_id, app) = (socket_id.clone(), connection.app.clone());
            connection
                .channels
                .iter()
                .map(move |(channel, joined)| Subscription {
                    app: app.clone(),
                    socket_id: socket_id.clone(),
                    channel: channel.clone(),
                    auth: joined.auth.clone(),
                    channel_data: joined.channel_data.clone(),
                })
                .collect::<Vec<_>>()
        };
        self.connections.iter().flat_map(of).collect()
    }
}

/// A connection that ended meanwhile is taken out of the hub by its own task.
fn tell(out: &UnboundedSender<Out>, word: Out) {
    if out.send(word).is_err() {
        tracing::trace!("a connection ended before it was told something");
    }
}

//! What the Pusher side saw of its clients and publishers.

use crate::requests::{self, Request};
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;

/// A channel of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// Key of the app.
    pub app: String,
    /// Whose.
    pub socket_id: String,
    /// Which.
    pub channel: String,
    /// The authorisation that came with it.
    pub auth: Option<String>,
    /// Of a presence channel, exactly as it came.
    pub channel_data: Option<String>,
}

/// An event a client sent to other clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientEvent {
    /// Who sent it.
    pub socket_id: String,
    /// On which channel.
    pub channel: String,
    /// Its name.
    pub event: String,
    /// As it came.
    pub data: Value,
}

/// A question to the auth endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthAsked {
    /// `GET` or `POST`.
    pub method: String,
    /// For which connection.
    pub socket_id: String,
    /// For which channel; empty for a user's sign-in.
    pub channel: String,
    /// What was answered.
    pub status: u16,
}

/// Counters since the start, and how things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The newest 10 000 HTTP requests, oldest first, those that became web sockets included.
    pub requests: VecDeque<Request>,
    /// Requests so far.
    pub request_count: u64,
    /// Web sockets so far, refused ones included.
    pub sockets: u64,
    /// Connections that were established so far.
    pub connections: u64,
    /// Socket ids ever given (the newest 10 000), oldest first.
    pub socket_ids: VecDeque<String>,
    /// Connections that were refused by a close code (unknown app, quota, …).
    pub refused_connections: u64,
    /// Connections that ended, whoever ended them.
    pub ended_connections: u64,
    /// Accepted subscribes.
    pub subscribes: u64,
    /// Refused subscribes.
    pub refused_subscribes: u64,
    /// Unsubscribes of something that was subscribed.
    pub unsubscribes: u64,
    /// `pusher:ping` that came.
    pub pings: u64,
    /// `pusher:pong` that came.
    pub pongs: u64,
    /// Pings of the web socket itself that came.
    pub websocket_pings: u64,
    /// `pusher:signin` that were accepted.
    pub signins: u64,
    /// Frames that were not understood.
    pub garbage: u64,
    /// Client events that were passed on (the newest 10 000).
    pub client_events: VecDeque<ClientEvent>,
    /// Events handed to connections so far.
    pub delivered_events: u64,
    /// Events lost on purpose so far, counted by connection.
    pub lost_events: u64,
    /// Events the HTTP API took.
    pub triggered: u64,
    /// HTTP API calls that were refused.
    pub refused_calls: u64,
    /// Questions to the auth endpoint (the newest 10 000).
    pub auths: VecDeque<AuthAsked>,
    /// Ids of the connections that are open now.
    pub open: Vec<String>,
    /// Subscriptions now, by connection and name.
    pub subscriptions: Vec<Subscription>,
}

const KEPT: usize = 10_000;

/// Puts one more at the end, and lets the oldest go when there are too many.
pub(super) fn keep<T>(list: &mut VecDeque<T>, one: T) {
    if list.len() >= KEPT {
        list.pop_front();
    }
    list.push_back(one);
}

impl Observed {
    /// How many requests in the log have this method and exactly this path.
    #[must_use]
    pub fn calls(&self, method: &str, path: &str) -> usize {
        requests::calls(&self.requests, method, path)
    }

    /// Connections that hold this channel now.
    #[must_use]
    pub fn subscribed(&self, channel: &str) -> usize {
        self.subscriptions.iter().filter(|one| one.channel == channel).count()
    }

    /// How often the auth endpoint was asked about this channel.
    #[must_use]
    pub fn asked(&self, channel: &str) -> usize {
        self.auths.iter().filter(|one| one.channel == channel).count()
    }
}

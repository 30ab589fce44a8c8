//! What the sandbox saw of its clients: counters and a request log without secrets.

use crate::requests::{self, Request};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Something a client did on behalf of its user: a reply, a completed task and the like, as it was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Acted {
    /// Whose token it was.
    pub user: u64,
    /// `reply`, `comment`, `complete`, `accept`, `decline`, `snooze`, `follow` or `unfollow`.
    pub what: &'static str,
    /// On what: `conversation/7`, `task/8`, an invite code.
    pub on: String,
    /// What was said with it; empty where nothing is.
    pub text: String,
}

/// Counters since the start, and how things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The newest 10 000 requests, oldest first.
    pub requests: VecDeque<Request>,
    /// Requests so far.
    pub request_count: u64,
    /// Visits to the authorisation page.
    pub authorizations: u64,
    /// Tokens given for a code.
    pub code_grants: u64,
    /// Tokens given for a password (second factor included).
    pub password_grants: u64,
    /// Tokens given for a refresh token.
    pub refreshes: u64,
    /// Token requests that were refused.
    pub refused_grants: u64,
    /// Calls with a dead or wrong access token.
    pub unauthorized: u64,
    /// Calls answered 420.
    pub rate_limited: u64,
    /// Handshakes that gave a client id.
    pub handshakes: u64,
    /// Connects that were accepted, on either transport.
    pub connects: u64,
    /// Connects of clients unknown to the server.
    pub unknown_clients: u64,
    /// Accepted subscribes.
    pub subscribes: u64,
    /// Refused subscribes.
    pub refused_subscribes: u64,
    /// Accepted unsubscribes.
    pub unsubscribes: u64,
    /// Accepted disconnects.
    pub disconnects: u64,
    /// Web sockets opened so far.
    pub sockets: u64,
    /// Lists that wait behind the gate now.
    pub gated_lists: u64,
    /// Clients by channel, now.
    pub subscriptions: BTreeMap<String, usize>,
    /// Push clients known now.
    pub push_clients: usize,
    /// Connects held now.
    pub held_connects: u32,
    /// Events waiting in queues now.
    pub queued_events: usize,
    /// Events handed to a client so far.
    pub delivered_events: u64,
    /// Viewed notifications, now.
    pub viewed: BTreeSet<u64>,
    /// Starred notifications, now.
    pub starred: BTreeSet<u64>,
    /// What was done, in the order in which it was.
    pub acts: Vec<Acted>,
}

impl Observed {
    /// How many requests in the log have this method and exactly this path.
    #[must_use]
    pub fn calls(&self, method: &str, path: &str) -> usize {
        requests::calls(&self.requests, method, path)
    }

    /// Clients that hold this user's channel now.
    #[must_use]
    pub fn subscribed(&self, user: u64) -> usize {
        self.subscriptions.get(&format!("/user/{user}")).copied().unwrap_or(0)
    }

    pub(crate) fn log(&mut self, method: &str, path: &str, query: Option<&str>, at_ms: i64) -> u64 {
        self.request_count += 1;
        requests::log(&mut self.requests, self.request_count, (method, path, query), at_ms)
    }

    pub(crate) fn answered(&mut self, number: u64, status: u16) {
        requests::answered(&mut self.requests, number, status);
    }

    /// Starts again; the numbers of requests go on and lists behind the gate still wait.
    pub(crate) fn reset(&mut self) {
        *self = Self { request_count: self.request_count, gated_lists: self.gated_lists, ..Self::default() };
    }
}

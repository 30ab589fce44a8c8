//! What the fake CloudApp saw of its clients.

use crate::requests::{self, Request};
use serde::Serialize;
use std::collections::VecDeque;

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The newest 10 000 requests, oldest first.
    pub requests: VecDeque<Request>,
    /// Requests so far.
    pub request_count: u64,
    /// Answers 401 to calls that brought no credentials.
    pub challenges: u64,
    /// Answers 401 to calls whose credentials were wrong.
    pub unauthorized: u64,
    /// Answers 401 with `stale=true`.
    pub stale: u64,
    /// Answers 401 to a nonce count that was there before.
    pub replays: u64,
    /// Calls with a right digest.
    pub digests: u64,
    /// Calls that a session's cookie spoke for.
    pub session_calls: u64,
    /// Answers 304.
    pub unchanged: u64,
    /// Channels that were authorised, with their socket ids, in order.
    pub authorized: Vec<(String, String)>,
    /// Authorisations refused because the channel is not the caller's, or the form not right.
    pub refused_channels: u64,
    /// Events handed to the Pusher side so far.
    pub pushed: u64,
}

impl Observed {
    /// How many requests in the log have this method and exactly this path.
    #[must_use]
    pub fn calls(&self, method: &str, path: &str) -> usize {
        requests::calls(&self.requests, method, path)
    }
}

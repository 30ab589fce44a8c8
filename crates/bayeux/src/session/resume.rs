//! What outlives a broken connection.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::exchange::Event;

/// How far a wanted channel has come in this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody has subscribed it yet.
    Wanted,
    /// A subscription is on its way.
    Asked,
    Subscribed,
    Refused,
}

/// Everything needed to go on with a session over a new connection. A server keeps what is published for a client it
/// knows for about twice its timeout, so a link that is back within that time has lost nothing.
#[derive(Default)]
pub struct Resume {
    pub(crate) client_id: Option<String>,
    pub(crate) channels: BTreeMap<Arc<str>, Standing>,
    pub(crate) last_contact: Option<Instant>,
    pub(crate) server_timeout: Duration,
    pub(crate) next_number: u64,
    pub(crate) ack: Option<i64>,
    pub(crate) ignores_hold: bool,
    pub(crate) gap: bool,
    pub(crate) untaken: VecDeque<Event>,
}

impl Resume {
    /// The channels that are wanted.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.keys().map(|channel| &**channel)
    }

    /// When the server last answered a `/meta/connect`.
    pub fn last_contact(&self) -> Option<Instant> {
        self.last_contact
    }

    /// Whether the server may still know this session: less than twice its timeout has passed since the last contact.
    pub fn may_still_be_known(&self, now: Instant) -> bool {
        let Some(last) = self.last_contact else { return false };
        self.client_id.is_some()
            && now.saturating_duration_since(last) <= self.server_timeout.saturating_mul(2)
    }
}

/// Says nothing of the client id: whoever has it can read our events.
impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resume")
            .field("has_client_id", &self.client_id.is_some())
            .field("channels", &self.channels)
            .field("last_contact", &self.last_contact)
            .field("server_timeout", &self.server_timeout)
            .field("untaken", &self.untaken.len())
            .finish_non_exhaustive()
    }
}

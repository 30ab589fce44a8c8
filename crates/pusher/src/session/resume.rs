//! What outlives a connection.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::exchange::Event;

/// What the next connection needs to go on: the wanted channels, and how many connections in a row failed quickly, so that
/// "reconnect at once" never becomes a loop. A Pusher server itself keeps nothing of a connection that broke.
#[derive(Debug, Default)]
pub struct Resume {
    pub(super) channels: BTreeSet<Arc<str>>,
    pub(super) run: u32,
    pub(super) untaken: VecDeque<Event>,
}

impl Resume {
    /// The channels that are wanted.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(|channel| &**channel)
    }

    /// How many connections in a row failed within a minute.
    pub fn quick_failures(&self) -> u32 {
        self.run
    }
}

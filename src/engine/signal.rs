//! Signals: what changed, to whoever listens. They carry ids, never the truth; the store has that.

use tokio::sync::broadcast;

use crate::engine::views::Signal;

/// Listeners that fall further behind than this are told that they missed something.
const KEPT: usize = 1024;

/// Sends signals. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    sender: broadcast::Sender<Signal>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { sender: broadcast::channel(KEPT).0 }
    }
}

impl Signals {
    /// Tells all listeners; nobody listening is fine.
    pub(super) fn send(&self, signal: Signal) {
        drop(self.sender.send(signal));
    }

    /// Listens from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Signal> {
        self.sender.subscribe()
    }
}

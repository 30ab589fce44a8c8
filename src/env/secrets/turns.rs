//! Turns at the store: one request at a time, since stores may reorder or refuse what comes side by side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex as Gate, OwnedMutexGuard};

/// Hands out turns. A turn whose owner never comes back can be abandoned.
#[derive(Debug, Default)]
pub(super) struct Turns {
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    gate: Arc<Gate<()>>,
    last_given: Option<Instant>,
}

/// The right to talk to the store, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    pub(super) async fn next(&self) -> Turn {
        let gate = Arc::clone(&self.line().gate);
        let guard = gate.lock_owned().await;
        self.line().last_given = Some(Instant::now());
        Turn { _guard: guard }
    }

    /// Opens a new line if the present turn has lasted so long: a store that ended while it asked for its password never answers.
    /// True if it did.
    pub(super) fn abandon_after(&self, limit: Duration) -> bool {
        let mut line = self.line();
        let stuck =
            line.gate.try_lock().is_err() && line.last_given.is_some_and(|since| since.elapsed() >= limit);
        if stuck {
            *line = Line::default();
        }
        stuck
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The clock: the only file that asks the system for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Tells the time. A test may move its wall clock; the monotonic one moves with the timers.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    moved_by_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// Now, as people tell time, to the millisecond: what the database keeps.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    pub fn now(&self) -> Timestamp {
        let moved = SignedDuration::from_millis(self.moved_by_ms.load(Ordering::Relaxed));
        let exact = Timestamp::now();
        let shifted = exact.checked_add(moved).unwrap_or(exact);
        Timestamp::from_millisecond(shifted.as_millisecond()).unwrap_or(shifted)
    }

    /// Now, on a clock that never jumps and does not count sleep: the one that timers run by.
    pub fn instant(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// Sleeps until the wall clock shows that time, at most that long as counted now. A clock that is set meanwhile does not lengthen it.
    pub async fn sleep_until(&self, until: Timestamp) {
        let left = until.duration_since(self.now());
        if let Ok(left) = std::time::Duration::try_from(left) {
            tokio::time::sleep(left).await;
        }
    }

    /// Moves the wall clock of this and all its clones, as a person or the network time service would. For tests.
    pub fn jump(&self, by: SignedDuration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.moved_by_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

//! Background tasks and the clock: the only place of this crate that starts a task or reads the time.

use jiff::{SignedDuration, Timestamp};
use std::future::Future;
use std::sync::LazyLock;
use std::time::Instant;
use tokio::task::JoinHandle;

/// Starts a task of the sandbox; it ends with the runtime, or when its owner aborts it.
#[expect(
    clippy::disallowed_methods,
    reason = "the core's env is out of reach here: this crate imports none of ours"
)]
pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}

/// Now, in UTC: the system's time when the sandbox was first asked for it, and what has passed since by the runtime's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the core's env is out of reach here: this crate imports none of ours"
)]
pub(crate) fn now() -> Timestamp {
    static BEGAN: LazyLock<(Timestamp, Instant)> = LazyLock::new(|| (Timestamp::now(), Instant::now()));
    let (at, began) = *BEGAN;
    let passed = SignedDuration::try_from(instant().saturating_duration_since(began)).unwrap_or_default();
    at.checked_add(passed).unwrap_or(at)
}

/// Now, on the clock that the runtime's timers run by: a test that moves it moves the hour of the call limit and the life of tokens too.
pub(crate) fn instant() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Ends a task when its owner goes away.
#[derive(Debug)]
pub(crate) struct EndsWithOwner(pub(crate) JoinHandle<()>);

impl Drop for EndsWithOwner {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! Background tasks and the clock: the only place of this crate that starts a task or asks for the time.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

/// Starts a task; it ends with the runtime, or when its owner aborts it.
#[expect(
    clippy::disallowed_methods,
    reason = "the core's env is out of reach here: this crate imports none of ours"
)]
pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}

/// Now, in milliseconds of UTC. A clock before 1970 counts as 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the core's env is out of reach here: this crate imports none of ours"
)]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

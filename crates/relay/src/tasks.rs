//! Background tasks and the clock: the only place of this crate that starts a task or asks for the time.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
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

/// Gives blocking work a thread of its own, which the end of the program does not wait for.
pub(crate) fn thread(name: &'static str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Ends the process at a named place, as a crash would, if a test asked for it by `BELFRY_RELAY_FAIL=name:count`: at the count-th time.
#[cfg(debug_assertions)]
pub(crate) fn fail_point(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicI64, Ordering};
    static ASKED: LazyLock<Option<(String, AtomicI64)>> = LazyLock::new(|| {
        let asked = std::env::var("BELFRY_RELAY_FAIL").ok()?;
        let (name, count) = asked.split_once(':')?;
        Some((name.to_owned(), AtomicI64::new(count.parse().ok()?)))
    });
    if let Some((asked, left)) = &*ASKED
        && asked == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}

/// A released program has no such places.
#[cfg(not(debug_assertions))]
pub(crate) fn fail_point(_name: &str) {}

/// Returns once the relay stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A relay that is gone has stopped, too.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

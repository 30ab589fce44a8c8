//! Tasks: the only file that starts one. Each has a name; a task that panics says so in the log instead of vanishing.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::{Instrument, error};

/// A running task that ends when this is dropped.
#[derive(Debug)]
pub struct Task {
    handle: JoinHandle<()>,
}

impl Task {
    /// Waits until the task has ended by itself.
    pub async fn finished(mut self) {
        // A panic was logged by the watcher; being aborted is an end like any other.
        drop((&mut self.handle).await);
    }

    /// True once it has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// Starts tasks.
#[derive(Debug, Clone, Copy)]
pub struct Tasks;

impl Tasks {
    /// Starts a named task that lives as long as the returned value.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts tasks")]
    pub fn start(name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> Task {
        let span = tracing::debug_span!("task", name);
        let inner = tokio::spawn(work.instrument(span));
        let aborter = inner.abort_handle();
        let handle = tokio::spawn(async move {
            let guard = AbortOnDrop(aborter);
            if let Err(end) = inner.await
                && end.is_panic()
            {
                error!(task = name, "a task failed unexpectedly; please report this");
            }
            drop(guard);
        });
        Task { handle }
    }

    /// Runs blocking work on its own thread and gives back its result; `None` if it panicked.
    pub async fn blocking<T: Send + 'static>(
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => Some(result),
            Err(_) => {
                error!(task = name, "blocking work failed unexpectedly; please report this");
                None
            }
        }
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

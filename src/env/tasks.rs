//! Tasks: the only file that starts one. Each has a name; a task that panics says so in the log instead of vanishing.

use std::future::Future;

use tokio::task::{AbortHandle, JoinHandle};
use tracing::{Instrument, error};

/// A running task that ends when this is dropped.
#[derive(Debug)]
pub struct Task {
    handle: JoinHandle<()>,
    work: AbortHandle,
    detached: bool,
}

impl Task {
    /// Waits until the task has ended by itself.
    pub async fn finished(mut self) {
        // A panic was logged by the watcher; being aborted is an end like any other.
        drop((&mut self.handle).await);
    }

    /// Ends the task and waits until it has ended.
    pub async fn stop(mut self) {
        self.work.abort();
        drop((&mut self.handle).await);
    }

    /// Lets the task run to its own end, whoever waits for it: for work that must not stop halfway.
    pub fn detach(mut self) {
        self.detached = true;
    }

    /// True once it has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.detached {
            self.work.abort();
        }
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
        let work = inner.abort_handle();
        let handle = tokio::spawn(async move {
            if let Err(end) = inner.await
                && end.is_panic()
            {
                error!(task = name, "a task failed unexpectedly; please report this");
            }
        });
        Task { handle, work, detached: false }
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

    /// Gives work that may block for as long as the program lives a thread of its own, which the end of the program does not wait for.
    pub fn thread(name: &'static str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let watched = move || {
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
                error!(thread = name, "a thread failed unexpectedly; please report this");
            }
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(watched).map(drop)
    }
}

//! The freedesktop notification service: toasts on one kept connection to the session bus.
//!
//! In: toasts, and the bus (the person's own, or a test's). Out: outcomes; clicks through the channel. Protocol: Desktop Notifications
//! Specification 1.2 and its living edition; each rule that differs between services is told where it is kept.
//!
//! Nothing connects before the first toast, and nothing runs by itself: the one task waits for signals.

mod line;
mod notify;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, mpsc};
use tracing::{debug, warn};

use self::line::{Line, Trouble};
use super::super::icon::Pictures;
use super::super::{Outcome, Toast, ToastEvent, ToastKey, ToastService, Toaster};

/// Toasts through the freedesktop notification service.
#[derive(Debug)]
pub struct Native {
    bus: Option<String>,
    pictures: Pictures,
    events: mpsc::Sender<ToastEvent>,
    line: Mutex<Option<Arc<Line>>>,
}

impl Native {
    /// Toasts on the person's session bus. Never fails and connects to nothing yet. Pictures are unpacked into `icons`; what the person
    /// does with toasts goes to `events`.
    pub fn connect(icons: PathBuf, events: mpsc::Sender<ToastEvent>) -> Self {
        Self { bus: None, pictures: Pictures::new(icons), events, line: Mutex::default() }
    }

    /// The same on the bus at `address`, whatever the environment says.
    pub fn on_bus(address: String, icons: PathBuf, events: mpsc::Sender<ToastEvent>) -> Self {
        Self { bus: Some(address), ..Self::connect(icons, events) }
    }

    /// The kept connection, made anew if there is none or it broke.
    async fn line(&self) -> Result<Arc<Line>, String> {
        let mut kept = self.line.lock().await;
        if let Some(line) = kept.as_ref().filter(|line| line.is_alive()) {
            return Ok(Arc::clone(line));
        }
        // The broken one goes first: a service must not see two of us.
        *kept = None;
        let line = Arc::new(Line::open(self.bus.as_deref(), self.events.clone()).await.map_err(no_bus)?);
        *kept = Some(Arc::clone(&line));
        Ok(line)
    }

    async fn hang_up(&self, broken: &Arc<Line>) {
        let mut kept = self.line.lock().await;
        if kept.as_ref().is_some_and(|line| Arc::ptr_eq(line, broken)) {
            *kept = None;
        }
    }

    async fn try_show(&self, toast: &Toast) -> Outcome {
        let picture = self.pictures.path(toast.icon);
        let app = self.pictures.app();
        for error in picture.as_ref().err().into_iter().chain(app.as_ref().err()) {
            warn!(%error, "a toast goes without its picture: the icons folder cannot be written");
        }
        let pictures = notify::Paths { kind: picture.ok(), app: app.ok() };
        // A bus that was restarted is found out by using it: one more try on a new connection.
        let mut once_more = true;
        loop {
            let line = match self.line().await {
                Ok(line) => line,
                Err(reason) => return Outcome::NoService { reason },
            };
            match line.show(toast, &pictures).await {
                Ok(()) => return Outcome::Shown,
                Err(Trouble::Lost(_)) if once_more => {
                    self.hang_up(&line).await;
                    once_more = false;
                }
                Err(trouble) => return trouble.outcome(),
            }
        }
    }
}

fn no_bus(trouble: Trouble) -> String {
    format!(
        "The desktop's message bus cannot be reached ({trouble}), so there are no toasts; everything is in the inbox."
    )
}

impl Toaster for Native {
    fn show<'a>(&'a self, toast: &'a Toast) -> BoxFuture<'a, Outcome> {
        Box::pin(self.try_show(toast))
    }

    fn withdraw<'a>(&'a self, key: &'a ToastKey) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // Without a connection there is no toast of ours either.
            let line = self.line.lock().await.clone();
            let Some(line) = line.filter(|line| line.is_alive()) else { return };
            if let Err(trouble) = line.withdraw(key).await {
                debug!(%trouble, "a toast was already gone when it was withdrawn");
            }
        })
    }

    fn service(&self) -> BoxFuture<'_, ToastService> {
        Box::pin(async move {
            let missing = |words| ToastService { name: None, capabilities: Vec::new(), words, works: false };
            let line = match self.line().await {
                Ok(line) => line,
                Err(words) => return missing(words),
            };
            match line.describe().await {
                Ok(service) => service,
                Err(trouble) => missing(trouble.words()),
            }
        })
    }
}

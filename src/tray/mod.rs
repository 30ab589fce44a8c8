//! The tray: a face that is always there. Icon, tooltip, menu, and the number on the launcher.
//!
//! In: signals from the front door, clicks. Out: a [`Look`](menu::Look) for the desktop, drawn only when it differs from the last one; wishes to
//! the front door. Nothing runs by itself: signals wake it, and the end of a pause. Without a tray everything else goes on.

#[cfg(target_os = "linux")]
mod badge;
mod icon;
#[cfg(target_os = "linux")]
mod linux;
mod menu;
#[cfg(not(target_os = "linux"))]
mod other;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::env::tasks::Task;
use crate::env::window::{self, At};
use crate::env::{Clock, Env, Tasks};
use crate::front::views::{InboxWish, Signal, Trouble};
use crate::front::{Notifier, Signals};
use crate::notification::NotificationId;
use menu::{Act, Look};

#[cfg(target_os = "linux")]
use linux as desktop;
#[cfg(not(target_os = "linux"))]
use other as desktop;

pub use desktop::on_main_thread;

/// Signals that come closer together than this are looked at together.
const TOGETHER: Duration = Duration::from_millis(100);
/// How long taking the icon away may take.
const LEAVE: Duration = Duration::from_millis(500);

/// A click, with the desktop's permission to come to the front if it gave one.
#[derive(Debug)]
struct Wish {
    act: Act,
    token: Option<String>,
}

/// A running tray.
#[derive(Debug)]
pub struct Tray {
    watching: Task,
    showing: Task,
    hands: Task,
    quit: Arc<Notify>,
}

impl Tray {
    /// Starts the tray of this resident. Never fails: where there is no tray, the icon comes once there is one.
    pub fn start(notifier: Notifier, env: &Env) -> Self {
        let (looks, shown) = watch::channel(None);
        let (wishes, taken) = mpsc::unbounded_channel();
        let quit = Arc::new(Notify::new());
        Self {
            watching: Tasks::start("tray: look", keep_watch(notifier.clone(), env.clock.clone(), looks)),
            showing: Tasks::start("tray: icon", desktop::show(shown, wishes)),
            hands: Tasks::start("tray: wishes", take(notifier, env.clock.clone(), taken, quit.clone())),
            quit,
        }
    }

    /// Returns when the person chose to quit.
    pub async fn quit(&self) {
        self.quit.notified().await;
    }

    /// Takes icon and badge away.
    pub async fn stop(self) {
        self.hands.stop().await;
        // Nothing more to show is what ends the showing.
        self.watching.stop().await;
        if timeout(LEAVE, self.showing.finished()).await.is_err() {
            debug!("the desktop did not take the icon away in time");
        }
    }
}

/// Looks whenever something changed, until the engine ends.
async fn keep_watch(notifier: Notifier, clock: Clock, looks: watch::Sender<Option<Look>>) {
    let mut signals = match notifier.signals().await {
        Ok(signals) => signals,
        Err(trouble) => return warn!(%trouble, "the tray hears of no changes"),
    };
    loop {
        let mut pause_ends = None;
        match read(&notifier, &clock).await {
            Ok((look, end)) => {
                pause_ends = end;
                looks.send_if_modified(|shown| {
                    let differs = shown.as_ref() != Some(&look);
                    if differs {
                        *shown = Some(look);
                    }
                    differs
                });
            }
            Err(trouble) => warn!(%trouble, "the tray shows what it showed before"),
        }
        sleep(TOGETHER).await;
        let mut changed = false;
        while let Some(signal) = signals.next().now_or_never() {
            match signal {
                Some(signal) => changed |= concerns_us(&signal),
                None => return,
            }
        }
        if !changed && !next_change(&mut signals, &clock, pause_ends).await {
            return;
        }
    }
}

/// Waits for a signal that concerns the tray or the end of a pause; false once the engine has gone.
async fn next_change(signals: &mut Signals, clock: &Clock, pause_ends: Option<Timestamp>) -> bool {
    let change = async {
        while let Some(signal) = signals.next().await {
            if concerns_us(&signal) {
                return true;
            }
        }
        false
    };
    match pause_ends {
        None => change.await,
        Some(end) => tokio::select! {
            alive = change => alive,
            () = clock.sleep_until(end) => true,
        },
    }
}

/// What became of a toast is not to be seen in the tray.
fn concerns_us(signal: &Signal) -> bool {
    !matches!(signal, Signal::Toast { .. })
}

async fn read(notifier: &Notifier, clock: &Clock) -> Result<(Look, Option<Timestamp>), Trouble> {
    let overview = notifier.overview().await?;
    let newest = notifier.inbox(InboxWish { limit: Some(menu::NEWEST), ..InboxWish::default() }).await?;
    let look = menu::look(&overview, &newest, window::find().is_some(), &local_now(clock));
    Ok((look, overview.paused_until))
}

fn local_now(clock: &Clock) -> Zoned {
    clock.now().to_zoned(TimeZone::system())
}

/// Fulfils wishes, each on its own: a browser that is slow to start holds up nobody.
async fn take(
    notifier: Notifier,
    clock: Clock,
    mut wishes: mpsc::UnboundedReceiver<Wish>,
    quit: Arc<Notify>,
) {
    while let Some(wish) = wishes.recv().await {
        debug!(act = ?wish.act, "clicked in the tray");
        if wish.act == Act::Quit {
            quit.notify_one();
            continue;
        }
        let (notifier, clock) = (notifier.clone(), clock.clone());
        let fulfilled = async move {
            if let Err(trouble) = fulfil(&notifier, &clock, wish).await {
                warn!(%trouble, "a click in the tray came to nothing");
            }
        };
        Tasks::start("tray: wish", fulfilled).detach();
    }
}

async fn fulfil(notifier: &Notifier, clock: &Clock, wish: Wish) -> Result<(), Trouble> {
    let token = wish.token;
    match wish.act {
        Act::Icon if window::find().is_none() => open_newest(notifier, token).await,
        Act::Icon | Act::Inbox => show(At::Inbox, token).await,
        Act::Open(id) => open(notifier, id, token).await,
        Act::Show(id) => show(At::Notification(id), token).await,
        Act::Retry(account) => notifier.retry_now(account).await,
        Act::Pause(pause) => notifier.pause_toasts(Some(menu::pause_end(pause, &local_now(clock)))).await,
        Act::Resume => notifier.pause_toasts(None).await,
        // Taken before.
        Act::Quit => Ok(()),
    }
}

async fn show(at: At, token: Option<String>) -> Result<(), Trouble> {
    window::show(at, token.as_deref()).await.map_err(|error| Trouble::failed(error.to_string()))
}

/// Opens in the browser; what cannot be opened there is shown in the window.
async fn open(notifier: &Notifier, id: NotificationId, token: Option<String>) -> Result<(), Trouble> {
    match notifier.open(id, token.clone()).await {
        Ok(_) => Ok(()),
        Err(trouble) if window::find().is_some() => {
            warn!(%trouble, "the window shows what could not be opened");
            show(At::Notification(id), token).await
        }
        Err(trouble) => Err(trouble),
    }
}

/// Without a window, a click on the icon opens the newest unread thing.
async fn open_newest(notifier: &Notifier, token: Option<String>) -> Result<(), Trouble> {
    let unread = InboxWish { unread: true, limit: Some(1), ..InboxWish::default() };
    match notifier.inbox(unread).await?.first() {
        Some(entry) => open(notifier, entry.id, token).await,
        None => Ok(()),
    }
}

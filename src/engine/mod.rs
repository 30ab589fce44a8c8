//! The engine: the only place where sources, store and toasts meet.
//!
//! `supervisor` runs a source and retries → `intake` keeps what it reports → `teller` decides and raises toasts → a click comes back to
//! the `desk`, as does every wish of a face.

mod backoff;
#[cfg(test)]
mod contract;
pub mod desk;
mod doctor;
mod feeds;
mod intake;
mod links;
mod marked;
mod overview;
mod sign_in;
mod sign_out;
mod signal;
mod story;
mod supervisor;
mod teller;
mod toasters;
mod trouble;
pub mod views;
mod window;

pub use desk::Desk;
pub use toasters::{ToastChoice, toaster};
pub use window::Window;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tracing::{error, info, warn};

use crate::env::tasks::{Task, Tasks};
use crate::env::wake::Wake;
use crate::env::window::At;
use crate::env::{Clock, Env};
use crate::notification::NotificationId;
use crate::rule::ClickTo;
use crate::store::{Ended, Opened, Store, StoreError};
use crate::toast::{self, ToastEvent, Toaster, Wish};
use intake::Intake;
use links::Links;
use signal::Signals;
use teller::{Raising, Teller};
use views::Trouble;

/// A resident waits this long for a short command to end.
const RESIDENT: Duration = Duration::from_secs(1);

/// What a resident is started with.
#[derive(Debug)]
pub struct Start {
    /// The outside world.
    pub env: Env,
    /// Shows toasts.
    pub toaster: Arc<dyn Toaster>,
    /// What the toaster reports.
    pub toast_events: mpsc::Receiver<ToastEvent>,
    /// False if toasts are switched off for this run.
    pub toasts_on: bool,
    /// Where a click may lead besides the service.
    pub window: Window,
}

/// The running engine: holds the lock, the database and the links.
#[derive(Debug)]
pub struct Engine {
    desk: Desk,
    /// Dropped first at the end: nothing is raised, nothing is heard any more.
    tasks: Vec<Task>,
}

impl Engine {
    /// Takes the lock, opens the database, starts every account that is not paused.
    pub async fn start(start: Start) -> Result<Self, Trouble> {
        let Start { env, toaster, toast_events, toasts_on, window } = start;
        let store = open(&env, RESIDENT).await?;
        let run = store.next_run(env.clock.now()).await?;
        let signals = Signals::default();
        let arrived = Arc::new(Notify::new());
        let links = Links::new(signals.clone(), arrived.clone());
        let raising = Raising { toaster, toasts_on, run };
        let teller =
            Arc::new(Teller::new(env.clone(), store.clone(), links.clone(), signals.clone(), raising));
        teller.settle_interrupted().await?;
        let intake =
            Intake::new(env.clone(), store.clone(), links, signals.clone(), teller.clone(), arrived.clone());
        // Also those of accounts that are paused and have no link that would look.
        intake.acts_left_behind(None).await?;
        let desk = Desk::new(env.clone(), store.clone(), intake, teller.clone(), signals, true);
        let tasks = vec![
            Tasks::start("teller", {
                let teller = teller.clone();
                async move { teller.work(arrived).await }
            }),
            Tasks::start("clicks", clicks(toast_events, teller, desk.clone(), window)),
            Tasks::start("wake", wake(env.clock.clone(), desk.clone())),
        ];
        for account in store.accounts().await? {
            desk.restart_link(&account.id).await?;
        }
        info!(run, "Belfry is running");
        Ok(Self { desk, tasks })
    }

    /// The desk of this engine.
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Stops taking events, commits, closes. At most 3 s.
    pub async fn stop(mut self) {
        let end = async {
            self.desk.stop_links().await;
            for task in self.tasks.drain(..) {
                task.stop().await;
            }
            self.desk.store().clone().close().await;
        };
        if tokio::time::timeout(Duration::from_secs(3), end).await.is_err() {
            warn!("Belfry did not stop in time; what was committed is safe");
        }
    }
}

/// A desk without links and toasts, see [`Desk::offline`].
async fn open_offline(env: Env) -> Result<Desk, Trouble> {
    let store = open(&env, Duration::ZERO).await?;
    let signals = Signals::default();
    let (events, _) = mpsc::channel(1);
    let toaster = toaster(ToastChoice::Native, &env, events);
    let arrived = Arc::new(Notify::new());
    let links = Links::new(signals.clone(), arrived.clone());
    let raising = Raising { toaster, toasts_on: false, run: 0 };
    let teller = Arc::new(Teller::new(env.clone(), store.clone(), links.clone(), signals.clone(), raising));
    let intake = Intake::new(env.clone(), store.clone(), links, signals.clone(), teller.clone(), arrived);
    Ok(Desk::new(env, store, intake, teller, signals, false))
}

/// Makes the folders ready and opens the database, waiting a little for a short command to end.
async fn open(env: &Env, patience: Duration) -> Result<Store, Trouble> {
    env.paths.prepare()?;
    let began = env.clock.instant();
    loop {
        let (path, now) = (env.paths.database(), env.clock.now());
        let opened = Tasks::blocking("open", move || Store::open(&path, now)).await;
        let opened = opened.ok_or_else(|| Trouble::failed("the database could not be opened"))?;
        match opened {
            Ok(Opened { store, set_aside, .. }) => {
                if let Some(folder) = set_aside {
                    error!(folder = %folder.display(), "the database was damaged; it was set aside and a new one begun");
                }
                return Ok(store);
            }
            // The store itself waits for the lock for a while; this is not a busy loop.
            Err(StoreError::Held { .. }) if env.clock.instant().duration_since(began) < patience => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What the desktop tells about toasts becomes a note in the ledger and, for a click, a wish.
async fn clicks(mut events: mpsc::Receiver<ToastEvent>, teller: Arc<Teller>, desk: Desk, window: Window) {
    while let Some(event) = events.recv().await {
        let (key, how) = match &event {
            ToastEvent::Clicked { key, .. }
            | ToastEvent::MarkedRead { key }
            | ToastEvent::Acted { key, .. } => (key, Ended::Clicked),
            ToastEvent::Dismissed { key } => (key, Ended::Dismissed),
            ToastEvent::Expired { key } => (key, Ended::Expired),
        };
        let ids: Vec<NotificationId> = match teller.ended(&key.0, how).await {
            Ok(ids) => ids,
            Err(error) => {
                error!(%error, "a click could not be answered");
                continue;
            }
        };
        let outcome = follow(toast::wish(&event, &ids), &desk, &window).await;
        if let Err(trouble) = outcome {
            warn!(%trouble, "a click could not be answered");
        }
    }
    // The toaster is gone; without it nothing can be clicked.
}

/// A click leads to the service or, as the person chose, to Belfry's window; for a summary to the window's inbox where there is one.
async fn follow(wish: Wish, desk: &Desk, window: &Window) -> Result<(), Trouble> {
    match wish {
        Wish::Open { id, token } => {
            let wants_window = desk.settings().await?.click == ClickTo::Window;
            if wants_window && window.shows(At::Notification(id), token.as_deref()).await {
                // The person sees it there.
                return desk.set_read(vec![id], true).await.map(drop);
            }
            match desk.open(id, token.clone()).await {
                Ok(_) => Ok(()),
                Err(trouble) => {
                    warn!(%trouble, "a link was not opened; the inbox is");
                    follow_to_inbox(vec![id], token, desk, window).await
                }
            }
        }
        Wish::OpenInbox { ids, token } => follow_to_inbox(ids, token, desk, window).await,
        Wish::Act { id, act } => desk.act(id, act).await.map(drop),
        Wish::MarkRead { ids } => desk.set_read(ids, true).await.map(drop),
        // The ledger has it.
        Wish::NoteDismissed { .. } | Wish::Nothing => Ok(()),
    }
}

/// To an inbox that has all of these: the window's, else the service's. They stay unread: nobody has seen them yet.
async fn follow_to_inbox(
    ids: Vec<NotificationId>,
    token: Option<String>,
    desk: &Desk,
    window: &Window,
) -> Result<(), Trouble> {
    let at = match ids.as_slice() {
        [id] => At::Notification(*id),
        _ => At::Inbox,
    };
    if window.shows(at, token.as_deref()).await {
        return Ok(());
    }
    desk.open_inbox(&ids, token).await.map(drop)
}

/// Hints that the machine slept or its network changed make every link prove itself.
async fn wake(clock: Clock, desk: Desk) {
    let mut wake = Wake::start(&clock);
    loop {
        let hint = wake.next().await;
        info!(?hint, "links are probed");
        desk.look_again();
        desk.probe_links().await;
    }
}

//! The engine: the only place where sources, store and toasts meet.

pub mod desk;
pub mod views;

pub use desk::Desk;

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::env::Env;
use crate::toast::{ToastEvent, Toaster};
use views::Trouble;

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
}

/// The running engine: holds the lock, the database and the links.
#[derive(Debug)]
pub struct Engine {
    desk: Desk,
}

impl Engine {
    /// Takes the lock, opens the database, starts every account that is not paused.
    pub async fn start(start: Start) -> Result<Self, Trouble> {
        let _ = start;
        Err(Trouble::failed("not written yet"))
    }

    /// The desk of this engine.
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Stops taking events, commits, closes. At most 3 s.
    pub async fn stop(self) {}
}

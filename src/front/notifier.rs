//! The notifier: a face's hold on Belfry, wherever it runs. Its calls are listed in `request`.

use tokio::sync::broadcast;

use crate::engine::Desk;
use crate::engine::views::{Signal, Trouble};
use crate::env::Env;
use crate::front::client::Client;

/// The front door. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Notifier {
    /// In this process.
    Here(Desk),
    /// In the running resident, over the local socket.
    There(Client),
}

/// What changes, until the resident has gone.
#[derive(Debug)]
pub struct Signals(broadcast::Receiver<Signal>);

impl Notifier {
    /// The running resident if there is one; otherwise a desk without links that reads the database by itself.
    pub async fn reach(env: Env) -> Result<Self, Trouble> {
        match Client::connect(&env.paths).await? {
            Some(client) => Ok(Self::There(client)),
            None => Desk::offline(env).await.map(Self::Here),
        }
    }

    /// What changes from now on.
    pub async fn signals(&self) -> Result<Signals, Trouble> {
        match self {
            Self::Here(desk) => Ok(Signals(desk.signals())),
            Self::There(client) => client.signals().await.map(Signals),
        }
    }
}

impl Signals {
    /// The next signal; [`Signal::Missed`] where some were lost; `None` once the resident has gone. Cancel safe.
    pub async fn next(&mut self) -> Option<Signal> {
        match self.0.recv().await {
            Ok(signal) => Some(signal),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Signal::Missed),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

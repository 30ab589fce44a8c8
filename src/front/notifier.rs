//! The notifier: a face's hold on Belfry, wherever it runs. Its calls are listed in `request`.

use std::time::Duration;

use tokio::sync::broadcast;

use crate::engine::Desk;
use crate::engine::views::{Signal, Trouble, TroubleKind};
use crate::env::Env;
use crate::front::client::Client;

/// A command waits this long for a resident that is starting, or for another short command.
const PATIENCE: Duration = Duration::from_secs(5);

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
        let began = env.clock.instant();
        loop {
            if let Some(client) = Client::connect(&env.paths).await? {
                return Ok(Self::There(client));
            }
            match Desk::offline(env.clone()).await {
                // A resident that is just starting has the database before it can be asked; so has another short command. Each try waits
                // for the lock a little by itself.
                Err(trouble)
                    if trouble.kind == TroubleKind::Occupied
                        && env.clock.instant().duration_since(began) < PATIENCE => {}
                reached => return reached.map(Self::Here),
            }
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

//! The resident: the engine with its local socket, in this process.

use tokio::sync::mpsc;

use crate::engine::views::Trouble;
use crate::engine::{Engine, Start, ToastChoice, Window, toaster};
use crate::env::Env;
use crate::front::Notifier;
use crate::front::server::{Answering, Server, serve};

/// Clicks that may wait until the engine has time for them.
const CLICKS: usize = 64;

/// A running resident.
#[derive(Debug)]
pub struct Resident {
    engine: Engine,
    server: Server,
}

impl Resident {
    /// Starts the engine, then the local socket. Fails as occupied if another engine holds the database.
    pub async fn start(env: Env, toasts: ToastChoice) -> Result<Self, Trouble> {
        let paths = env.paths.clone();
        let (events, toast_events) = mpsc::channel(CLICKS);
        let toaster = toaster(toasts, &env, events);
        let toasts_on = toasts != ToastChoice::Off;
        let engine =
            Engine::start(Start { env, toaster, toast_events, toasts_on, window: Window::Program }).await?;
        match serve(Answering::desk(engine.desk()), &paths).await {
            Ok(server) => Ok(Self { engine, server }),
            Err(trouble) => {
                engine.stop().await;
                Err(trouble)
            }
        }
    }

    /// The front door of this resident.
    pub fn notifier(&self) -> Notifier {
        Notifier::Here(self.engine.desk())
    }

    /// Closes the local socket, then stops the engine. At most about 3 s.
    pub async fn stop(self) {
        self.server.stop().await;
        self.engine.stop().await;
    }
}

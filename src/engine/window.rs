//! The window, as far as a click needs it: whether there is one, and that it shows this.

use tokio::sync::mpsc;

use crate::env::window::{self, At, WindowError};

/// Where the window is.
#[derive(Debug)]
pub enum Window {
    /// A program of its own, looked for at each click: it may be installed while Belfry runs.
    Program,
    /// There is none.
    None,
    /// Whoever started the engine has it, and is told what to show and the desktop's token.
    Told(mpsc::UnboundedSender<(At, Option<String>)>),
}

impl Window {
    /// Shows it. False, and a line in the log where it failed, if something else has to be opened instead.
    pub(super) async fn shows(&self, at: At, token: Option<&str>) -> bool {
        let shown = match self {
            Self::Program => window::show(at, token).await,
            Self::None => Err(WindowError::Missing),
            Self::Told(shower) => {
                shower.send((at, token.map(str::to_owned))).map_err(|_| WindowError::Missing)
            }
        };
        match shown {
            Ok(()) => true,
            // A resident without the window is a usual one.
            Err(WindowError::Missing) => false,
            Err(error) => {
                tracing::warn!(%error, "the service is opened instead");
                false
            }
        }
    }
}

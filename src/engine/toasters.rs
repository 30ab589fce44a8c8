//! Which toaster a run uses.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::env::Env;
use crate::toast::native::Native;
use crate::toast::{Printing, ToastEvent, Toaster};

/// What `--toast` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToastChoice {
    /// The desktop's own.
    Native,
    /// Printed to standard output, one line each.
    Print,
    /// Taken and not shown: for `--json --toast print`, where each toast is printed as an object.
    Silent,
    /// None; every notification says so in its fate.
    Off,
}

/// The toaster of that choice. Never fails: a missing desktop is reported when it is used.
pub fn toaster(choice: ToastChoice, env: &Env, events: mpsc::Sender<ToastEvent>) -> Arc<dyn Toaster> {
    match choice {
        ToastChoice::Native => Arc::new(Native::connect(env.paths.icons(), events)),
        ToastChoice::Print => Arc::new(Printing::to(Box::new(std::io::stdout()))),
        ToastChoice::Silent | ToastChoice::Off => Arc::new(Printing::silent()),
    }
}

//! The front door: what a face may ask or wish, by the same calls in process and over the local socket.
//!
//! In: requests of the command line and the window. Out: answers of the engine's desk, and signals of what changed. Knows no service,
//! no table and no desktop; faces know nothing behind it.

pub mod built_in;
pub mod client;
mod local;
pub mod notifier;
pub mod request;
pub mod resident;
pub mod server;
pub mod wire;

pub use crate::engine::{ToastChoice, views};
pub use notifier::{Notifier, Signals};
pub use request::Request;
pub use resident::Resident;

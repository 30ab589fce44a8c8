#![doc = include_str!("../README.md")]
//!
//! # The parts
//!
//! ```text
//!   frames ─▶ WebSocket ─▶ Session ─▶ Event          Client = WebSocket + clock + Session
//!   frames ◀─ WebSocket ◀─ Session ◀─ want, authorize …
//! ```
//!
//! [`Session`] is the protocol: it holds no socket and asks no clock. [`Client`] drives it over a WebSocket. Whoever
//! needs another transport can drive [`Session`] alone.

mod authorization;
mod channel;
mod client;
mod close;
mod error;
mod members;
mod message;
mod session;
mod transport;

pub use authorization::{Authorization, SharedSecret, sign};
pub use channel::{InvalidChannel, NotAllowed};
pub use client::Client;
pub use error::{Error, Retry};
pub use members::Members;
pub use message::Data;
pub use session::{Config, Event, Frame, Input, Output, Resume, Session};

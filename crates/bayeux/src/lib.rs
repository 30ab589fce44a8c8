#![doc = include_str!("../README.md")]
//!
//! # The parts
//!
//! ```text
//!   bytes ─▶ transport ─▶ Session ─▶ Event          Client = transport + clock + Session
//!   bytes ◀─ transport ◀─ Session ◀─ subscribe …
//! ```
//!
//! [`Session`] is the protocol: it holds no socket and asks no clock. [`Client`] drives it over
//! long-polling or a WebSocket. Whoever needs another transport can drive [`Session`] alone.

mod advice;
mod channel;
mod client;
mod error;
mod message;
mod session;
mod transport;

pub use channel::InvalidChannel;
pub use client::Client;
pub use error::Error;
pub use session::{Config, Event, Input, Output, Request, Resume, Session, TransportKind};

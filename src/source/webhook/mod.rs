//! Webhooks: how they reach this machine, through a relay or at a port of its own, for every source that lives by them; and the source
//! that makes of any service's webhooks what the person says.
//!
//! ```text
//!   the service ─▶ relay ──SSE──┐
//!                               ├─▶ Hooks ─▶ signature ─▶ the source ─▶ engine
//!   the service ─▶ tunnel ─▶ local
//! ```
//!
//! The relay keeps what comes while this machine is away, byte for byte, and knows no secret of the service: signatures are checked
//! here. A position in its stream is committed with the rows that it stands for, so that what was not kept comes again.

mod delivery;
mod hooks;
mod join;
mod local;
mod seal;
mod shape;
pub mod signature;
mod sse;
mod stream;

use secrecy::SecretString;

pub use self::delivery::{Answer, Delivery, Headers, OAuthReturn, Position};
pub use self::hooks::{Heard, Hooks};
pub use self::join::{Joined, join, leave};

/// The secrets of a receiver.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// What the relay lets this machine read by: `SecretName::ReadToken`.
    pub read_token: Option<SecretString>,
    /// The key that opens what the relay sealed, 32 bytes in base64url: `SecretName::SealKey`.
    pub seal_key: Option<SecretString>,
}

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
mod event;
mod feed;
mod hooks;
mod join;
mod local;
mod seal;
mod shape;
mod sign_in;
pub mod signature;
mod sse;
mod stream;

use secrecy::SecretString;

pub use self::delivery::{Answer, Delivery, Headers, OAuthReturn, Position};
pub use self::feed::Webhook;
pub use self::hooks::{Heard, Hooks};
pub use self::join::{Joined, join, leave};
pub use self::sign_in::{Given, receive, secrets_to_keep, sign_in};
use crate::account::AccountId;
use crate::env::{Env, SecretName};
use crate::link::Failure;

/// The secrets of a receiver.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// What the relay lets this machine read by: `SecretName::ReadToken`.
    pub read_token: Option<SecretString>,
    /// The key that opens what the relay sealed, 32 bytes in base64url: `SecretName::SealKey`.
    pub seal_key: Option<SecretString>,
}

/// The secrets of an account's receiver, as they are kept.
pub async fn kept_secrets(env: &Env, account: &AccountId) -> Result<Secrets, Failure> {
    let kept = async |name| {
        // The password store may be unlocked or started at any moment.
        let kept = env.secrets.get(account, name).await;
        kept.map_err(|error| Failure::transient(error.to_string()))
    };
    Ok(Secrets { read_token: kept(SecretName::ReadToken).await?, seal_key: kept(SecretName::SealKey).await? })
}

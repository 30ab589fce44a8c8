//! Signing in: OAuth 2 by the browser with a loopback redirect, or by user name and password, and the tokens in use afterwards; HTTP
//! Digest; and the right to listen on a Pusher channel.

pub(crate) mod channel;
pub(crate) mod digest;
pub(crate) mod oauth;
pub(crate) mod redirect;
#[cfg(test)]
pub(crate) mod scripted;
pub(crate) mod tokens;

pub use oauth::ApiKey;

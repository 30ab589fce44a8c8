//! Signing in: OAuth 2 by the browser with a loopback redirect, or by user name and password; and the tokens in use afterwards.

pub(crate) mod oauth;
pub(crate) mod redirect;
pub(crate) mod tokens;

pub use oauth::ApiKey;

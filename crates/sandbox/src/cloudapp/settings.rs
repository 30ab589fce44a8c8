//! What can be set on the fake CloudApp.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The hash of HTTP Digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RFC 2617's, and what the service used.
    #[default]
    #[serde(rename = "MD5")]
    Md5,
    /// RFC 7616's.
    #[serde(rename = "SHA-256")]
    Sha256,
}

/// How the auth endpoint answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthForm {
    /// JSON, or a script when a `callback` is named.
    #[default]
    JsonOrScript,
    /// A script always, with a made-up name when none is given.
    OnlyScript,
    /// JSON always.
    OnlyJson,
}

/// What `account.socket.auth_url` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthUrl {
    /// The endpoint of this server.
    #[default]
    Own,
    /// Empty, as in some printed copies of the guide.
    Empty,
    /// This text.
    Text(String),
}

/// The settings; [`Settings::default`] is CloudApp as its API guide describes it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The hashes offered, the first one first.
    pub algorithms: Vec<Algorithm>,
    /// A nonce older than this is stale.
    pub nonce_lifetime: Duration,
    /// Whether a right digest also gives the cookie `_engine_session`, which then stands for it. Off, so that tests see
    /// each call's own credentials.
    pub sessions: bool,
    /// What `socket.auth_url` says.
    pub auth_url: AuthUrl,
    /// Key of the Pusher app in `socket.api_key`.
    pub app_key: String,
    /// How the auth endpoint answers.
    pub auth_form: AuthForm,
    /// Whether the auth endpoint takes POST; whether the original did is not known.
    pub auth_by_post: bool,
    /// Whether a view moves `updated_at`; whether the original did is not known.
    pub views_update: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::Md5],
            nonce_lifetime: Duration::from_secs(300),
            sessions: false,
            auth_url: AuthUrl::Own,
            app_key: "belfry-key".to_owned(),
            auth_form: AuthForm::JsonOrScript,
            auth_by_post: true,
            views_update: false,
        }
    }
}

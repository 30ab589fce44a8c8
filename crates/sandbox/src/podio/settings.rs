//! What can be set on the fake Podio, with the values the documentation names as defaults.

use std::time::{Duration, Instant};

/// How `GET /oauth/authorize` behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// A page with a button for each user, and one to refuse.
    #[default]
    Ask,
    /// Redirects at once with a code for this user.
    Allow(u64),
    /// Redirects at once with `error=access_denied`.
    Deny,
}

/// The settings; [`Settings::default`] is Podio as documented.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the authorisation page behaves.
    pub consent: Consent,
    /// `expires_in` of access tokens: 8 h.
    pub access_lifetime: Duration,
    /// Life of refresh tokens: 28 days.
    pub refresh_lifetime: Duration,
    /// Whether a refresh makes the old refresh token invalid.
    pub rotate_refresh_tokens: bool,
    /// Calls per hour, user and key: 1000.
    pub rate_limit: u32,
    /// The hour.
    pub rate_window: Duration,
    /// `advice.timeout`: how long a connect is held; 45 s.
    pub hold: Duration,
    /// `expires_in` of push objects, and the age at which a subscribe is refused: 6 h.
    pub signature_lifetime: Duration,
    /// Whether the push server takes web sockets (Podio's clients say it does not; Faye does).
    pub websocket: bool,
    /// All calls answer 420 until then.
    pub barred_until: Option<Instant>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            consent: Consent::Ask,
            access_lifetime: Duration::from_secs(28_800),
            refresh_lifetime: Duration::from_secs(28 * 86_400),
            rotate_refresh_tokens: true,
            rate_limit: 1_000,
            rate_window: Duration::from_secs(3_600),
            hold: Duration::from_secs(45),
            signature_lifetime: Duration::from_secs(21_600),
            websocket: true,
            barred_until: None,
        }
    }
}

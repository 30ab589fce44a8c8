//! What can be set on the fake Podium. Defaults are what the documentation names; what it leaves open is marked *inferred*.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How `GET /oauth/authorize` behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// A page with a button to allow and one to refuse.
    #[default]
    Ask,
    /// Redirects at once with a code.
    Allow,
    /// Redirects at once with `error=access_denied`.
    Deny,
}

/// What a refresh does to the refresh token; the documentation does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// A new one comes, and the old one is dead.
    #[default]
    Rotate,
    /// The same one comes again.
    Same,
    /// None comes; the old one stays good.
    Silent,
}

/// How errors of the token endpoint look; the documentation does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenErrors {
    /// `{"error", "error_description"}`, as OAuth has it.
    #[default]
    Oauth,
    /// `{"code", "message", "moreInfo"}`, as the rest of the API has it.
    Podium,
}

/// The settings; [`Settings::default`] is Podium as documented.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the authorisation page behaves.
    pub consent: Consent,
    /// Whether only `https` redirects are taken, as the documentation has it. Off, so that a relay on loopback can take them.
    pub https_redirects: bool,
    /// Life of an authorisation code; inferred: one minute.
    pub code_lifetime: Duration,
    /// `expires_in` of access tokens: 10 h.
    pub access_lifetime: Duration,
    /// Life of refresh tokens; not documented, so without end.
    pub refresh_lifetime: Option<Duration>,
    /// What a refresh does to the refresh token.
    pub refresh: Refresh,
    /// How errors of the token endpoint look.
    pub token_errors: TokenErrors,
    /// Scopes that no token has, whatever was granted.
    pub withheld_scopes: Vec<String>,
    /// Whether a call without `podium-version` is refused. The documentation only warns of it; a client that relies on it is better
    /// found out here.
    pub version_demanded: bool,
    /// Whether `code` of an error is its HTTP status as a number, as the published schema has it, not the word of live replies.
    pub numeric_codes: bool,
    /// Calls per window: 300.
    pub rate_limit: u32,
    /// One minute.
    pub rate_window: Duration,
    /// Life of a cursor; inferred: ten minutes.
    pub cursor_lifetime: Duration,
    /// Whether lists begin with the newest; their order is not documented.
    pub newest_first: bool,
    /// Whether every field of what is read and sent, but `uid` and what webhooks are made of, is null.
    pub nulls: bool,
    /// How long the sender waits for an answer: 5 s.
    pub patience: Duration,
    /// The waits between the attempts for one event: 14, so 15 attempts, over 8 h. Their single lengths are inferred.
    pub retry_waits: Vec<Duration>,
    /// What [`Self::retry_waits`] are multiplied with.
    pub pace: f64,
    /// How long an event waits to be sent: 10 days.
    pub queue_life: Duration,
    /// Whether each attempt is signed with its own time. The documentation does not say: off, a retry, and what waited in a queue,
    /// carries the time at which the event happened.
    pub signed_anew: bool,
    /// Whether any 2xx is a success. The documentation: 200 alone is.
    pub any_2xx: bool,
}

/// Seconds; together 8 h.
const RETRY_WAITS: [u64; 14] =
    [10, 20, 40, 80, 160, 320, 640, 1_280, 1_800, 2_400, 3_600, 5_400, 6_000, 7_050];

impl Default for Settings {
    fn default() -> Self {
        Self {
            consent: Consent::Ask,
            https_redirects: false,
            code_lifetime: Duration::from_secs(60),
            access_lifetime: Duration::from_secs(36_000),
            refresh_lifetime: None,
            refresh: Refresh::Rotate,
            token_errors: TokenErrors::Oauth,
            withheld_scopes: Vec::new(),
            version_demanded: true,
            numeric_codes: false,
            rate_limit: 300,
            rate_window: Duration::from_secs(60),
            cursor_lifetime: Duration::from_secs(600),
            newest_first: true,
            nulls: false,
            patience: Duration::from_secs(5),
            retry_waits: RETRY_WAITS.map(Duration::from_secs).to_vec(),
            pace: 1.0,
            queue_life: Duration::from_secs(10 * 86_400),
            signed_anew: true,
            any_2xx: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_attempts_take_eight_hours() {
        let waits = Settings::default().retry_waits;
        assert_eq!(waits.len() + 1, 15);
        assert_eq!(waits.iter().sum::<Duration>(), Duration::from_secs(8 * 3_600));
    }
}

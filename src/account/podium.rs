//! What a Podium account needs to know besides its secrets.

use serde::{Deserialize, Serialize};
use url::Url;

use super::Receiver;

/// Where Podium is, how its webhooks come in, and for which place. Every base URL can be changed, for a test server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct PodiumSettings {
    /// Base of the API (`/v4` and `/oauth` are below it), by default [`PodiumSettings::API_URL`].
    #[serde(default = "PodiumSettings::live_api")]
    #[cfg_attr(test, ts(as = "Option<Url>", optional))]
    pub api_url: Url,
    /// Where the browser is sent to sign in, by default [`PodiumSettings::AUTHORIZE_URL`].
    #[serde(default = "PodiumSettings::live_authorize")]
    #[cfg_attr(test, ts(as = "Option<Url>", optional))]
    pub authorize_url: Url,
    /// Where people work with Podium, by default [`PodiumSettings::APP_URL`]: links lead there.
    #[serde(default = "PodiumSettings::live_app")]
    #[cfg_attr(test, ts(as = "Option<Url>", optional))]
    pub app_url: Url,
    /// The id of the person's own developer app. Its secret is kept with the secrets.
    pub client_id: String,
    /// Where Podium sends the browser back to, as registered with that app; the relay's own page if `None`.
    #[serde(default)]
    pub redirect_url: Option<Url>,
    /// How its webhooks reach this machine.
    pub receiver: Receiver,
    /// The location or organisation that is listened to; the only one there is, or the person's choice while signing in, if `None`.
    #[serde(default)]
    pub place: Option<PodiumPlace>,
    /// The types of events wanted; the usual ones if empty.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<Vec<String>>", optional))]
    pub events: Vec<String>,
    /// Those of them that the last sign-in does not reach: its developer app lacks a scope.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<Vec<String>>", optional))]
    pub withheld: Vec<String>,
    /// The webhook's name at Podium, once it is made.
    #[serde(default)]
    pub webhook: Option<String>,
}

/// What a webhook of Podium's belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum PodiumPlace {
    /// One location.
    Location {
        /// Its name at Podium; in a wish also what people call it.
        uid: String,
        /// The organisation it belongs to, once known.
        #[serde(default)]
        organization_uid: Option<String>,
        /// What people call it, once known.
        #[serde(default)]
        name: String,
    },
    /// A whole organisation.
    Organization {
        /// Its name at Podium; in a wish also what people call it.
        uid: String,
        /// What people call it, once known.
        #[serde(default)]
        name: String,
    },
}

impl PodiumPlace {
    /// Its name at Podium.
    pub fn uid(&self) -> &str {
        match self {
            Self::Location { uid, .. } | Self::Organization { uid, .. } => uid,
        }
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Location { name, .. } | Self::Organization { name, .. } => name,
        }
    }
}

#[expect(clippy::expect_used, reason = "constants; a test reads each of them")]
impl PodiumSettings {
    /// The live service's API.
    pub const API_URL: &str = "https://api.podium.com";
    /// Where the live service signs people in.
    pub const AUTHORIZE_URL: &str = "https://api.podium.com/oauth/authorize";
    /// Where people work with the live service.
    pub const APP_URL: &str = "https://app.podium.com";

    /// The live service, with a developer app of this id.
    pub fn live(client_id: impl Into<String>, receiver: Receiver) -> Self {
        Self {
            api_url: Self::live_api(),
            authorize_url: Self::live_authorize(),
            app_url: Self::live_app(),
            client_id: client_id.into(),
            redirect_url: None,
            receiver,
            place: None,
            events: Vec::new(),
            withheld: Vec::new(),
            webhook: None,
        }
    }

    fn live_api() -> Url {
        Url::parse(Self::API_URL).expect("an address")
    }

    fn live_authorize() -> Url {
        Url::parse(Self::AUTHORIZE_URL).expect("an address")
    }

    fn live_app() -> Url {
        Url::parse(Self::APP_URL).expect("an address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Settings;

    #[test]
    fn a_key_and_a_relay_are_enough_for_the_live_service() {
        let text = r#"{"service":"podium","client_id":"mine","receiver":{"by":"relay","url":"https://relay.example"}}"#;
        let Settings::Podium(settings) = serde_json::from_str(text).unwrap() else { panic!("{text}") };
        assert_eq!(settings, PodiumSettings::live("mine", settings.receiver.clone()));
        for (url, constant) in [
            (&settings.api_url, PodiumSettings::API_URL),
            (&settings.authorize_url, PodiumSettings::AUTHORIZE_URL),
            (&settings.app_url, PodiumSettings::APP_URL),
        ] {
            assert_eq!(url.as_str().trim_end_matches('/'), constant);
        }
    }

    #[test]
    fn settings_survive_their_stored_form() {
        let text = r#"{"service":"podium","client_id":"mine","receiver":{"by":"local","port":4711,"public_url":null},
            "place":{"place":"location","uid":"l-1","name":"Main Street"}}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        let stored = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&stored).unwrap(), settings);
    }
}

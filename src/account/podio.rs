//! What a Podio account needs to know besides its secrets.

use serde::{Deserialize, Serialize};
use url::Url;

/// Which Bayeux transports an account's push may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum PushTransport {
    /// Long-polling only: the one every known Podio client uses.
    #[default]
    LongPolling,
    /// WebSocket where the server takes it, long-polling otherwise.
    Websocket,
}

/// What a Podio account needs to know besides its secrets. Every base URL can be changed, for a test or self-hosted server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct PodioSettings {
    /// Base of the REST API, by default [`PodioSettings::API_URL`].
    #[serde(default = "PodioSettings::live_api")]
    #[cfg_attr(test, ts(as = "Option<Url>", optional))]
    pub api_url: Url,
    /// The Bayeux endpoint, by default [`PodioSettings::PUSH_URL`].
    #[serde(default = "PodioSettings::live_push")]
    #[cfg_attr(test, ts(as = "Option<Url>", optional))]
    pub push_url: Url,
    /// Where the browser is sent to sign in, by default [`PodioSettings::AUTHORIZE_URL`].
    #[serde(default = "PodioSettings::live_authorize")]
    #[cfg_attr(test, ts(as = "Option<Url>", optional))]
    pub authorize_url: Url,
    /// The API key's id; empty in a wish stands for the one that is built in. Its secret is kept with the secrets.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<String>", optional))]
    pub client_id: String,
    /// Host name in the redirect address, as registered with the API key: [`PodioSettings::REDIRECT_HOST`] unless told otherwise.
    #[serde(default = "PodioSettings::usual_redirect_host")]
    #[cfg_attr(test, ts(as = "Option<String>", optional))]
    pub redirect_host: String,
    /// Which transports push may use.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<PushTransport>", optional))]
    pub push_transport: PushTransport,
    /// The signed-in user's number at Podio, once known.
    pub user_id: Option<i64>,
}

#[expect(clippy::expect_used, reason = "constants; a test reads each of them")]
impl PodioSettings {
    /// The live service's REST API.
    pub const API_URL: &str = "https://api.podio.com";
    /// The live service's push.
    pub const PUSH_URL: &str = "https://push.podio.com/faye";
    /// Where the live service signs people in.
    pub const AUTHORIZE_URL: &str = "https://podio.com/oauth/authorize";
    /// The usual host name in the redirect address.
    pub const REDIRECT_HOST: &str = "localhost";

    /// The live service, with an API key of this id.
    pub fn live(client_id: impl Into<String>) -> Self {
        Self {
            api_url: Self::live_api(),
            push_url: Self::live_push(),
            authorize_url: Self::live_authorize(),
            client_id: client_id.into(),
            redirect_host: Self::usual_redirect_host(),
            push_transport: PushTransport::default(),
            user_id: None,
        }
    }

    fn live_api() -> Url {
        Url::parse(Self::API_URL).expect("an address")
    }

    fn live_push() -> Url {
        Url::parse(Self::PUSH_URL).expect("an address")
    }

    fn live_authorize() -> Url {
        Url::parse(Self::AUTHORIZE_URL).expect("an address")
    }

    fn usual_redirect_host() -> String {
        Self::REDIRECT_HOST.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Settings;

    #[test]
    fn settings_survive_their_stored_form() {
        let settings = Settings::Podio(PodioSettings {
            api_url: "https://api.podio.com".parse().unwrap(),
            push_url: "https://push.podio.com/faye".parse().unwrap(),
            authorize_url: "https://podio.com/oauth/authorize".parse().unwrap(),
            client_id: "belfry".into(),
            redirect_host: "localhost".into(),
            push_transport: PushTransport::LongPolling,
            user_id: Some(7),
        });
        let stored = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&stored).unwrap(), settings);
    }

    #[test]
    fn the_id_of_a_key_is_enough_for_the_live_service() {
        let settings: PodioSettings = serde_json::from_str(r#"{"client_id":"mine"}"#).unwrap();
        let addresses = [&settings.api_url, &settings.push_url, &settings.authorize_url];
        let live = [PodioSettings::API_URL, PodioSettings::PUSH_URL, PodioSettings::AUTHORIZE_URL];
        assert_eq!(addresses.map(|url| url.as_str().trim_end_matches('/')), live);
        assert_eq!((settings.redirect_host.as_str(), settings.user_id), ("localhost", None));
        assert_eq!(settings.push_transport, PushTransport::LongPolling);
    }
}

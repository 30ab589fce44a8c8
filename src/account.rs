//! An account: one configured instance of a service. Plain values, no secrets; secrets live in `env::secrets`.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// The short name a person uses for an account (`podio`, `podio-2`): lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct AccountId(String);

/// Why a text is no account name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "“{0}” is no account name: use 1 to 40 lower-case letters, digits and hyphens, beginning with a letter"
)]
pub struct BadAccountId(pub String);

impl AccountId {
    /// Checks and takes a name.
    pub fn new(name: impl Into<String>) -> Result<Self, BadAccountId> {
        let name = name.into();
        let begins = name.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        let fine = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if begins && fine && name.len() <= 40 { Ok(Self(name)) } else { Err(BadAccountId(name)) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = BadAccountId;
    fn try_from(name: String) -> Result<Self, BadAccountId> {
        Self::new(name)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The services Belfry serves. A closed list: each has a folder in `source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Service {
    /// Podio: REST notifications and push over Bayeux.
    Podio,
    /// The demo: a day at work that is built in.
    Demo,
}

impl Service {
    /// The service's name in commands and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Podio => "podio",
            Self::Demo => "demo",
        }
    }

    /// The service's name as people write it.
    pub fn human(self) -> &'static str {
        match self {
            Self::Podio => "Podio",
            Self::Demo => "Demo",
        }
    }
}

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

/// What the person chose for an account, over what its service says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Choices {
    /// Its colour in the window; one by its place among the accounts if none was chosen.
    pub colour: Option<Colour>,
    /// Who says whether its notifications pop up.
    pub banners: Say,
    /// Who says whether they make a sound.
    pub sound: Say,
}

/// Who decides something that the service has a setting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Say {
    /// The person's settings at the service.
    #[default]
    Service,
    /// The person, here: yes.
    Always,
    /// The person, here: no.
    Never,
}

impl Say {
    /// What holds, given what the service says.
    pub fn over(self, service: bool) -> bool {
        match self {
            Self::Service => service,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// The colour that tells an account from others, beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[allow(missing_docs, reason = "each is the colour of that name")]
pub enum Colour {
    Blue,
    Orange,
    Green,
    Purple,
    Red,
    Teal,
    Pink,
    Brown,
}

impl Colour {
    /// All of them, in the order in which accounts get them.
    pub const ALL: [Self; 8] =
        [Self::Blue, Self::Orange, Self::Green, Self::Purple, Self::Red, Self::Teal, Self::Pink, Self::Brown];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Orange => "orange",
            Self::Green => "green",
            Self::Purple => "purple",
            Self::Red => "red",
            Self::Teal => "teal",
            Self::Pink => "pink",
            Self::Brown => "brown",
        }
    }

    /// The colour of the account that was added in this place, from 0.
    pub fn in_place(place: usize) -> Self {
        Self::ALL.into_iter().cycle().nth(place % Self::ALL.len()).unwrap_or(Self::Blue)
    }
}

/// Settings by service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "service", rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "an account or two; a box would only be in the way")]
pub enum Settings {
    /// Podio.
    Podio(PodioSettings),
    /// The demo has nothing to set.
    Demo,
}

impl Settings {
    /// The service these settings belong to.
    pub fn service(&self) -> Service {
        match self {
            Self::Podio(_) => Service::Podio,
            Self::Demo => Service::Demo,
        }
    }

    /// Hosts (with an explicit port where it is not the scheme's own) that this account's links may lead to over plain http: the
    /// servers the person named. Everything else must be https.
    pub fn own_urls(&self) -> Vec<&Url> {
        match self {
            Self::Podio(podio) => vec![&podio.api_url, &podio.push_url, &podio.authorize_url],
            Self::Demo => Vec::new(),
        }
    }

    /// Where the service's own links lead, whichever server its API is reached at.
    pub fn family(&self) -> Option<Url> {
        match self {
            Self::Podio(_) => Url::parse("https://podio.com").ok(),
            Self::Demo => None,
        }
    }

    /// The service's own inbox, for the browser, where there is one.
    pub fn inbox_url(&self) -> Option<&'static str> {
        match self {
            Self::Podio(_) => Some("https://podio.com/inbox"),
            Self::Demo => None,
        }
    }
}

/// A configured account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its short name, unique on this machine.
    pub id: AccountId,
    /// What to call it on screen: the person's name at the service, once known.
    pub label: String,
    /// True while the person has paused it: no connection, no toasts.
    pub paused: bool,
    /// Service and addresses.
    pub settings: Settings,
    /// What the person chose for it.
    pub choices: Choices,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_name_is_short_lower_case_and_begins_with_a_letter() {
        for good in ["podio", "podio-2", "a"] {
            assert!(AccountId::new(good).is_ok(), "{good}");
        }
        for bad in ["", "2podio", "Podio", "a b", "ä", "a/b", &"a".repeat(41)] {
            assert!(AccountId::new(bad).is_err(), "{bad}");
        }
    }

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

//! An account: one configured instance of a service. Plain values, no secrets; secrets live in `env::secrets`.

mod cloudapp;
mod podio;
mod podium;
mod pusher;
mod receiver;
mod webhook;

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

pub use self::cloudapp::CloudappSettings;
pub use self::podio::{PodioSettings, PushTransport};
pub use self::podium::{PodiumPlace, PodiumSettings};
pub use self::pusher::{AuthMethod, PusherAuth, PusherServer, PusherSettings};
pub use self::receiver::{LocalSettings, Receiver, RelayKind, RelaySettings, is_this_machine};
pub use self::webhook::{HashKind, HashText, Signature, WebhookSettings};

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
    /// CloudApp: the stream of an account's items, over Pusher.
    Cloudapp,
    /// Any Pusher-compatible server, read as the person describes it.
    Pusher,
    /// Podium: messages, reviews, invoices, contacts and calls of a business, by webhooks.
    Podium,
    /// Any service that calls an address, read as the person describes it.
    Webhook,
    /// The demo: a day at work that is built in.
    Demo,
}

impl Service {
    /// The service's name in commands and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Podio => "podio",
            Self::Cloudapp => "cloudapp",
            Self::Pusher => "pusher",
            Self::Podium => "podium",
            Self::Webhook => "webhook",
            Self::Demo => "demo",
        }
    }

    /// The service's name as people write it.
    pub fn human(self) -> &'static str {
        match self {
            Self::Podio => "Podio",
            Self::Cloudapp => "CloudApp",
            Self::Pusher => "Pusher",
            Self::Podium => "Podium",
            Self::Webhook => "Webhook",
            Self::Demo => "Demo",
        }
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
#[expect(clippy::large_enum_variant, reason = "there is one of an account; a box would only be in the way")]
pub enum Settings {
    /// Podio.
    Podio(PodioSettings),
    /// CloudApp.
    Cloudapp(CloudappSettings),
    /// A Pusher-compatible server.
    Pusher(PusherSettings),
    /// Podium.
    Podium(PodiumSettings),
    /// A service that calls an address.
    Webhook(WebhookSettings),
    /// The demo has nothing to set.
    Demo,
}

impl Settings {
    /// The service these settings belong to.
    pub fn service(&self) -> Service {
        match self {
            Self::Podio(_) => Service::Podio,
            Self::Cloudapp(_) => Service::Cloudapp,
            Self::Pusher(_) => Service::Pusher,
            Self::Podium(_) => Service::Podium,
            Self::Webhook(_) => Service::Webhook,
            Self::Demo => Service::Demo,
        }
    }

    /// Hosts (with an explicit port where it is not the scheme's own) that this account's links may lead to over plain http: the
    /// servers the person named. Everything else must be https.
    pub fn own_urls(&self) -> Vec<&Url> {
        match self {
            Self::Podio(podio) => vec![&podio.api_url, &podio.push_url, &podio.authorize_url],
            Self::Cloudapp(cloudapp) => std::iter::once(&cloudapp.api_url).chain(&cloudapp.site).collect(),
            Self::Pusher(pusher) => pusher.server.url().into_iter().collect(),
            Self::Podium(podium) => vec![&podium.api_url, &podium.authorize_url, &podium.app_url],
            Self::Webhook(_) => Vec::new(),
            Self::Demo => Vec::new(),
        }
    }

    /// Where the service's own links lead, whichever server its API is reached at.
    pub fn family(&self) -> Option<Url> {
        match self {
            Self::Podio(_) => Url::parse("https://podio.com").ok(),
            Self::Cloudapp(_) => Url::parse(CloudappSettings::SITE).ok(),
            Self::Podium(_) => Url::parse("https://podium.com").ok(),
            Self::Pusher(_) | Self::Webhook(_) | Self::Demo => None,
        }
    }

    /// True if its links may lead to any https address: the person said themselves where its links stand, or the service speaks of
    /// what stands elsewhere (a review) and signs what it says. Else they lead to the account's service only.
    pub fn links_anywhere(&self) -> bool {
        match self {
            Self::Pusher(_) | Self::Podium(_) | Self::Webhook(_) => true,
            Self::Podio(_) | Self::Cloudapp(_) | Self::Demo => false,
        }
    }

    /// The service's own inbox, for the browser, where there is one.
    pub fn inbox_url(&self) -> Option<Url> {
        match self {
            Self::Podio(_) => Url::parse("https://podio.com/inbox").ok(),
            Self::Podium(podium) => podium.app_url.join("/inbox").ok(),
            Self::Cloudapp(_) | Self::Pusher(_) | Self::Webhook(_) | Self::Demo => None,
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
}

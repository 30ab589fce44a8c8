//! The account as it will be kept when its sign-in has worked: named, with its settings. Pure.

use crate::account::{
    Account, AccountId, Choices, PodioSettings, PodiumSettings, Receiver, Service, Settings, WebhookSettings,
};
use crate::engine::views::{SignIn, SignInTo, Trouble};
use crate::source::podio::sign_in::built_in_key;
use crate::source::podium::sign_in::Taken;

/// The account, and the other ones there are.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) account: Account,
    pub(super) others: Vec<Account>,
}

impl Draft {
    /// The places at Podium that other accounts of the same server listen to.
    pub(super) fn places_of_others(&self) -> Taken {
        let Settings::Podium(ours) = &self.account.settings else { return Taken::new() };
        let theirs = self.others.iter().filter_map(|other| match &other.settings {
            Settings::Podium(theirs) if theirs.api_url == ours.api_url => {
                Some((theirs.place.as_ref()?.uid().to_owned(), other.id.clone()))
            }
            _ => None,
        });
        theirs.collect()
    }
}

/// The account that a wish means: one that exists, or a new one.
pub(super) fn of(wish: &SignIn, accounts: &[Account]) -> Result<Draft, Trouble> {
    if let Some(id) = &wish.account {
        let mut account = accounts.iter().find(|account| &account.id == id).cloned().ok_or_else(|| {
            Trouble::usage(format!("there is no account “{id}”; `belfry account list` shows those there are"))
        })?;
        if let (SignInTo::Pusher { settings: Some(settings), .. }, Settings::Pusher(_)) =
            (&wish.to, &account.settings)
        {
            account.settings = Settings::Pusher(settings.clone());
        }
        account.settings = match (&wish.to, account.settings) {
            (SignInTo::Webhook { settings: Some(settings), .. }, Settings::Webhook(kept)) => {
                let receiver = same_channel(&settings.receiver, kept.receiver);
                Settings::Webhook(WebhookSettings { receiver, ..settings.clone() })
            }
            (SignInTo::Podium { settings: Some(settings), .. }, Settings::Podium(kept)) => {
                let (place, events) = (settings.place.clone(), settings.events.clone());
                Settings::Podium(PodiumSettings { place, events, ..kept })
            }
            (_, kept) => kept,
        };
        let others = accounts.iter().filter(|other| &other.id != id).cloned().collect();
        return Ok(Draft { account, others });
    }
    let settings = new_settings(&wish.to)?;
    let id = match &wish.name {
        Some(name) if accounts.iter().any(|account| &account.id == name) => {
            return Err(Trouble::usage(format!("there is an account “{name}” already; choose another name")));
        }
        Some(name) => name.clone(),
        None => free_name(settings.service(), accounts)?,
    };
    let label = id.to_string();
    let account = Account { id, label, paused: false, settings, choices: Choices::default() };
    Ok(Draft { account, others: accounts.to_vec() })
}

fn new_settings(to: &SignInTo) -> Result<Settings, Trouble> {
    match to {
        SignInTo::Podio { settings, .. } => {
            let mut settings = settings.clone().unwrap_or_else(|| PodioSettings::live(""));
            if settings.client_id.is_empty() {
                let key = built_in_key().ok_or_else(|| {
                    Trouble::usage(
                        "the ID and the secret of an API key are needed; Podio gives you one at podio.com/settings/api",
                    )
                })?;
                settings.client_id = key.id;
            }
            Ok(Settings::Podio(settings))
        }
        SignInTo::Cloudapp { settings, .. } => {
            let settings = settings.clone().filter(|settings| !settings.email.trim().is_empty());
            settings.map(Settings::Cloudapp).ok_or_else(|| Trouble::usage("the e-mail address is needed"))
        }
        SignInTo::Pusher { settings, .. } => {
            let settings = settings.clone();
            settings
                .map(Settings::Pusher)
                .ok_or_else(|| Trouble::usage("server, key and channels are needed"))
        }
        SignInTo::Podium { settings, .. } => {
            let settings = settings.clone().filter(|settings| !settings.client_id.trim().is_empty());
            settings.map(Settings::Podium).ok_or_else(|| {
                Trouble::usage(
                    "the ID and the secret of a developer app of yours are needed; Podium gives you one at developer.podium.com",
                )
            })
        }
        SignInTo::Webhook { settings, .. } => settings.clone().map(Settings::Webhook).ok_or_else(|| {
            Trouble::usage("how the webhook comes in is needed: a relay, or a port of this machine")
        }),
    }
}

/// The receiver that is wished, with the channel that there is already if it is the same relay.
fn same_channel(wished: &Receiver, kept: Receiver) -> Receiver {
    match (wished, kept) {
        (Receiver::Relay(wished), Receiver::Relay(kept))
            if wished.channel.is_empty() && (&wished.url, wished.sealed) == (&kept.url, kept.sealed) =>
        {
            Receiver::Relay(kept)
        }
        (wished, _) => wished.clone(),
    }
}

/// The service's own name, numbered where it is taken.
pub(in crate::engine) fn free_name(service: Service, accounts: &[Account]) -> Result<AccountId, Trouble> {
    let taken = |name: &str| accounts.iter().any(|account| account.id.as_str() == name);
    let numbered = (2..=accounts.len() + 2).map(|n| format!("{}-{n}", service.as_str()));
    let name = std::iter::once(service.as_str().to_owned()).chain(numbered).find(|name| !taken(name));
    name.and_then(|name| AccountId::new(name).ok())
        .ok_or_else(|| Trouble::failed("no free account name was found"))
}

/// True if both are known and differ.
pub(super) fn another_person(one: &Settings, other: &Settings) -> bool {
    match (one, other) {
        (Settings::Podio(one), Settings::Podio(other)) => {
            one.user_id.is_some() && other.user_id.is_some() && one.user_id != other.user_id
        }
        (Settings::Cloudapp(one), Settings::Cloudapp(other)) => {
            one.account_id.is_some() && other.account_id.is_some() && one.account_id != other.account_id
        }
        // A feed belongs to nobody, and Podium does not say who signed in: a place that is not theirs is refused before.
        (
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Podium(_)
            | Settings::Webhook(_)
            | Settings::Demo,
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Podium(_)
            | Settings::Webhook(_)
            | Settings::Demo,
        ) => false,
    }
}

/// True if both are known and the same.
pub(super) fn same_person(one: &Settings, other: &Settings) -> bool {
    match (one, other) {
        (Settings::Podio(one), Settings::Podio(other)) => {
            one.api_url == other.api_url && one.user_id.is_some() && one.user_id == other.user_id
        }
        (Settings::Cloudapp(one), Settings::Cloudapp(other)) => {
            one.api_url == other.api_url && one.account_id.is_some() && one.account_id == other.account_id
        }
        // Nobody is asked who they are there: an account is a place.
        (Settings::Podium(one), Settings::Podium(other)) => {
            let places = one.place.as_ref().zip(other.place.as_ref());
            one.api_url == other.api_url && places.is_some_and(|(one, other)| one.uid() == other.uid())
        }
        (
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Podium(_)
            | Settings::Webhook(_)
            | Settings::Demo,
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Podium(_)
            | Settings::Webhook(_)
            | Settings::Demo,
        ) => false,
    }
}

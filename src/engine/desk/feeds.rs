//! The desk's answers about feeds: what came, what the person's map makes of it, and another map.

use super::Desk;
use crate::account::{
    Account, AccountId, PodiumSettings, PusherSettings, Receiver, Settings, WebhookSettings,
};
use crate::engine::views::{FeedView, Trouble};
use crate::feed::{FieldMap, Tried};
use crate::source::generic;

impl Desk {
    /// What an account's feed is made into notifications by, and what came last. What came is known only to the resident.
    pub async fn feed(&self, account: AccountId) -> Result<FeedView, Trouble> {
        let stored = self.known_account(&account).await?;
        let map = map_of(&stored)?.clone();
        let inner = &self.inner;
        Ok(FeedView { map, payloads: inner.intake.feeds().payloads(&account), running: inner.running })
    }

    /// What this map, or the account's own, makes of what came last, newest first.
    pub async fn try_map(&self, account: AccountId, map: Option<FieldMap>) -> Result<Vec<Tried>, Trouble> {
        let stored = self.known_account(&account).await?;
        let own = map_of(&stored)?;
        let payloads = self.inner.intake.feeds().payloads(&account);
        generic::tried(map.as_ref().unwrap_or(own), &account, payloads)
            .map_err(|error| Trouble::usage(error.to_string()))
    }

    /// Keeps another map for an account, if it makes sense; holds for what comes from now on.
    pub async fn set_map(&self, account: AccountId, map: FieldMap) -> Result<(), Trouble> {
        let mut stored = self.known_account(&account).await?;
        map_of(&stored)?;
        generic::Reader::new(&map).map_err(|error| Trouble::usage(error.to_string()))?;
        match &mut stored.settings {
            Settings::Pusher(settings) => settings.map = map,
            Settings::Webhook(settings) => settings.map = map,
            Settings::Podio(_) | Settings::Cloudapp(_) | Settings::Podium(_) | Settings::Demo => {}
        }
        self.keep_account(stored).await
    }

    /// How an account at a Pusher-compatible server is set. There is no secret in it.
    pub async fn pusher_settings(&self, account: AccountId) -> Result<PusherSettings, Trouble> {
        let stored = self.known_account(&account).await?;
        match stored.settings {
            Settings::Pusher(settings) => Ok(settings),
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Podium(_)
            | Settings::Webhook(_)
            | Settings::Demo => {
                Err(Trouble::usage(format!("“{account}” is not at a Pusher-compatible server")))
            }
        }
    }

    /// How a webhook account is set. The channel in it is as good as a password for sending.
    pub async fn webhook_settings(&self, account: AccountId) -> Result<WebhookSettings, Trouble> {
        let stored = self.known_account(&account).await?;
        match stored.settings {
            Settings::Webhook(settings) => Ok(settings),
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Podium(_)
            | Settings::Demo => Err(Trouble::usage(format!("“{account}” has no webhook of its own"))),
        }
    }

    /// How an account at Podium is set. The channel in it is as good as a password for sending.
    pub async fn podium_settings(&self, account: AccountId) -> Result<PodiumSettings, Trouble> {
        let stored = self.known_account(&account).await?;
        match stored.settings {
            Settings::Podium(settings) => Ok(settings),
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Webhook(_)
            | Settings::Demo => Err(Trouble::usage(format!("“{account}” is not at Podium"))),
        }
    }

    /// The address that a service has to send to for this account to ring. Whoever knows it can send.
    pub async fn hook_address(&self, account: AccountId) -> Result<String, Trouble> {
        let stored = self.known_account(&account).await?;
        let receiver = match &stored.settings {
            Settings::Webhook(settings) => Some(&settings.receiver),
            Settings::Podium(settings) => Some(&settings.receiver),
            Settings::Podio(_) | Settings::Cloudapp(_) | Settings::Pusher(_) | Settings::Demo => None,
        };
        receiver.and_then(Receiver::hook_url).map(String::from).ok_or_else(|| {
            Trouble::usage(format!("nothing sends to “{account}”: it fetches and listens itself"))
        })
    }
}

fn map_of(account: &Account) -> Result<&FieldMap, Trouble> {
    match &account.settings {
        Settings::Pusher(settings) => Ok(&settings.map),
        Settings::Webhook(settings) => Ok(&settings.map),
        Settings::Podio(_) | Settings::Cloudapp(_) | Settings::Podium(_) | Settings::Demo => {
            Err(Trouble::usage(format!(
                "“{}” needs no map of fields: Belfry knows what {} sends",
                account.id,
                account.settings.service().human()
            )))
        }
    }
}

//! Signing out: what there is of an account at its service, and at the relay that its webhooks come through, is ended.
//!
//! In: an account and its secrets. Out: what could not be ended, so that the person can be told what is left to do.

use std::future::Future;
use std::time::Duration;

use super::exchange::host_of;
use super::{podio, podium, webhook};
use crate::account::{Account, AccountId, Receiver, Settings};
use crate::env::Env;
use crate::link::Failure;

/// How long each of those asked may take; the account is removed all the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// What could not be ended, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// The sign-in itself.
    SignIn(Failure),
    /// The webhook at the service.
    Webhook(Failure),
    /// What the relay keeps.
    Channel(Failure),
}

/// Ends an account's sign-in at its service, and whatever was made there for it. A passing failure is not tried again here.
pub async fn sign_out(account: &Account, env: &Env) -> Result<(), Vec<Left>> {
    match &account.settings {
        Settings::Podio(settings) => {
            let podio = podio::Podio::new(account.id.clone(), settings.clone(), env.clone(), None);
            let ended = in_time(&host_of(&settings.api_url), podio.sign_out()).await;
            ended.map_err(|failure| vec![Left::SignIn(failure)])
        }
        // The password or secret goes with the account; the service holds nothing that could be ended.
        Settings::Cloudapp(_) | Settings::Pusher(_) | Settings::Demo => Ok(()),
        Settings::Podium(settings) => {
            let podium = podium::Podium::new(account.id.clone(), settings.clone(), env.clone(), None);
            // The webhook first: what it sends meanwhile is forgotten with the rest.
            let deleted = in_time(&host_of(&settings.api_url), podium.delete_webhook()).await;
            let left = leave(env, &account.id, &settings.receiver).await;
            all_of([deleted.map_err(Left::Webhook), left])
        }
        Settings::Webhook(settings) => all_of([leave(env, &account.id, &settings.receiver).await]),
    }
}

/// Gives up the channel at the relay. Not what has a limit in common with the service: a slow one leaves no time for the other.
async fn leave(env: &Env, account: &AccountId, receiver: &Receiver) -> Result<(), Left> {
    let Receiver::Relay(relay) = receiver else { return Ok(()) };
    let leave = async {
        let secrets = webhook::kept_secrets(env, account).await?;
        webhook::leave(env, receiver, &secrets).await
    };
    in_time(&host_of(&relay.url), leave).await.map_err(Left::Channel)
}

async fn in_time(host: &str, ending: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let late = |_| Failure::transient(format!("{host} did not answer in time"));
    tokio::time::timeout(PATIENCE, ending).await.map_err(late)?
}

fn all_of<const N: usize>(parts: [Result<(), Left>; N]) -> Result<(), Vec<Left>> {
    let left: Vec<Left> = parts.into_iter().filter_map(Result::err).collect();
    if left.is_empty() { Ok(()) } else { Err(left) }
}

//! Signing out: the service is told that this sign-in is over, before its secrets are forgotten here; and what is left, in words.

use crate::account::{Account, Receiver, Settings};
use crate::env::Env;
use crate::link::Failure;
use crate::source::{self, Left};

/// Tells the service, unless another account here lives from the same sign-in. Fails with what is left to do for the person.
pub(super) async fn sign_out(account: &Account, accounts: &[Account], env: &Env) -> Result<(), String> {
    if accounts.iter().any(|other| other.id != account.id && share_a_sign_in(account, other)) {
        return Ok(());
    }
    let Err(left) = source::sign_out(account, env).await else { return Ok(()) };
    let words: Vec<String> = left.iter().filter_map(|left| words(left, &account.settings)).collect();
    if words.is_empty() { Ok(()) } else { Err(words.join(". ")) }
}

/// What the person has to know and do, without a full stop at its end; nothing if it is over all the same.
fn words(left: &Left, settings: &Settings) -> Option<String> {
    let service = settings.service().human();
    match (left, settings) {
        // One that is no longer valid is over already.
        (Left::SignIn(Failure::SignIn { .. }), _) => None,
        (Left::Webhook(failure), Settings::Podium(podium)) => {
            let why = why(failure, "this sign-in may not delete it any more");
            let uid = podium.webhook.as_deref().unwrap_or("of this account");
            let to = host(&podium.receiver);
            Some(format!(
                "Belfry's webhook {uid} is left at Podium ({why}): it goes on sending to {to} what happens. Delete it there with your developer app (in Podium's API: DELETE /v4/webhooks/{{uid}})"
            ))
        }
        (Left::Channel(failure), Settings::Webhook(webhook)) => Some(format!(
            "{}. Take this account's address out of the service that sends to it",
            relay_keeps(failure, &webhook.receiver)
        )),
        (Left::Channel(failure), Settings::Podium(podium)) => Some(relay_keeps(failure, &podium.receiver)),
        (
            Left::SignIn(failure) | Left::Webhook(failure) | Left::Channel(failure),
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Podium(_)
            | Settings::Webhook(_)
            | Settings::Demo,
        ) => Some(format!(
            "{service} could not be told that this sign-in is over ({failure}). It ends by itself; to end it now, remove Belfry's access in your account at {service}"
        )),
    }
}

fn relay_keeps(failure: &Failure, receiver: &Receiver) -> String {
    let why = why(failure, "it lets this account read no more");
    format!(
        "{} could not be told to forget what it keeps of this account ({why}); it goes by itself once it is old",
        host(receiver)
    )
}

/// Why, where “sign in again” is of no use any more.
fn why(failure: &Failure, not_signed_in: &str) -> String {
    match failure {
        Failure::SignIn { .. } => not_signed_in.to_owned(),
        Failure::Transient { .. } | Failure::Later { .. } | Failure::Fatal { .. } => failure.to_string(),
    }
}

/// Where webhooks are sent to, without what only the sender may know.
fn host(receiver: &Receiver) -> String {
    let url = match receiver {
        Receiver::Relay(relay) => relay.public_url.clone().or_else(|| Some(relay.url.clone())),
        Receiver::Local(local) => local.hook_url(),
    };
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_else(|| "this machine".to_owned())
}

/// Podio ends all sign-ins of one person with one API key together (podio.md §4.4).
fn share_a_sign_in(one: &Account, other: &Account) -> bool {
    match (&one.settings, &other.settings) {
        (Settings::Podio(one), Settings::Podio(other)) => {
            one.user_id.is_some()
                && (&one.api_url, &one.client_id, one.user_id)
                    == (&other.api_url, &other.client_id, other.user_id)
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

//! The one webhook of an account at Podium: made, put in order, deleted. Whatever else there is at the same developer app is not touched.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tracing::{info, warn};

use super::api::{Api, ApiError, Change, NewWebhook, Webhook, scopes};
use crate::account::{PodiumPlace, PodiumSettings};
use crate::link::Failure;
use crate::notification::{Hush, PodiumKind};

/// How it should be.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// Whom it belongs to.
    pub(super) place: &'a PodiumPlace,
    /// Where it sends to.
    pub(super) url: &'a str,
    /// What it tells.
    pub(super) events: Vec<String>,
    /// What it signs with.
    pub(super) secret: &'a SecretString,
    /// Its name at Podium, if it was made before.
    pub(super) known: Option<&'a str>,
}

/// How it is now.
#[derive(Debug)]
pub(super) struct InOrder {
    /// Its name at Podium.
    pub(super) uid: String,
    /// It was made just now.
    pub(super) made: bool,
    /// What it tells: less than was wanted, if the sign-in does not reach so far.
    pub(super) events: Vec<String>,
    /// It was switched off: what waited at Podium comes now.
    pub(super) was_off: bool,
    /// When it was made: from then on nothing that it tells can be missed.
    pub(super) created: Option<Timestamp>,
    /// What was put right, in a sentence; nothing if it was as it should be.
    pub(super) did: Option<String>,
}

/// A fresh secret: 32 random bytes as text.
pub(super) fn fresh_secret() -> SecretString {
    SecretString::from(HEXLOWER.encode(&rand::random::<[u8; 32]>()))
}

/// The events that an account's webhook tells: those that are wished, but what the sign-in does not reach.
pub(super) fn events(settings: &PodiumSettings) -> Vec<String> {
    let mut events = wished(settings);
    events.retain(|event| !settings.withheld.contains(event));
    events
}

/// The events that are wished: those the person chose, else all but what only says that nothing happened.
pub(super) fn wished(settings: &PodiumSettings) -> Vec<String> {
    if settings.events.is_empty() {
        let usual = PodiumKind::ALL.iter().filter(|kind| kind.hush() != Hush::Nothing);
        return usual.map(|kind| kind.name().to_owned()).collect();
    }
    let chosen: BTreeSet<String> = settings.events.iter().map(|event| event.trim().to_owned()).collect();
    chosen.into_iter().filter(|event| !event.is_empty()).collect()
}

/// What is not told because the sign-in does not reach so far, in a sentence that lacks its end.
pub(super) fn withheld(settings: &PodiumSettings) -> Option<String> {
    let scopes = scopes(&settings.withheld);
    if scopes.is_empty() {
        return None;
    }
    let families = settings.withheld.iter().filter_map(|event| event.split('.').next());
    let things: BTreeSet<String> = families.map(|family| format!("{family}s")).collect();
    let things = things.into_iter().collect::<Vec<_>>().join(", ");
    let (scope, it) = if scopes.len() == 1 { ("the scope", "it") } else { ("the scopes", "them") };
    Some(format!(
        "Podium does not tell of {things}, since the sign-in lacks {scope} {}: add {it} to your developer app and sign in again",
        scopes.join(", ")
    ))
}

/// What the webhook that is there signs with: so is all that the relay still keeps.
pub(super) async fn secret_in_use(
    api: &Api,
    url: Option<&str>,
    known: Option<&str>,
) -> Result<Option<SecretString>, ApiError> {
    let all = api.webhooks().await?;
    let mut secrets = ours(&all, url, known).into_iter().filter_map(|webhook| webhook.secret.clone());
    Ok(secrets.find(|secret| !secret.expose_secret().is_empty()))
}

/// Those that are known or send here.
fn ours<'a>(all: &'a [Webhook], url: Option<&str>, known: Option<&str>) -> Vec<&'a Webhook> {
    let is_known = |webhook: &&Webhook| known == Some(webhook.uid.as_str());
    let is_ours = |webhook: &&Webhook| url == Some(webhook.url.as_str()) || is_known(webhook);
    let mut ours: Vec<&Webhook> = all.iter().filter(is_ours).collect();
    // The one that is known is kept rather than one that only sends here too.
    ours.sort_by_key(|webhook| !is_known(webhook));
    ours
}

/// Sees to it that there is exactly one webhook, and that it is as it should be.
pub(super) async fn put_in_order(api: &Api, wanted: &Wanted<'_>) -> Result<InOrder, ApiError> {
    let all = api.webhooks().await?;
    let mut ours = ours(&all, Some(wanted.url), wanted.known);
    let kept = ours.iter().position(|webhook| belongs(webhook, wanted.place));
    let kept = kept.map(|place| ours.remove(place));
    let mut did = Vec::new();
    // It belongs to one place for its whole life, and two would tell everything twice.
    for other in ours {
        api.delete_webhook(&other.uid).await?;
        did.push("deleted a second one that sent to the same address");
    }
    let order = match kept {
        Some(kept) => changed(api, wanted, kept, did).await?,
        None => made(api, wanted).await?,
    };
    Ok(order)
}

/// Deletes it, if it is still ours.
pub(super) async fn delete(api: &Api, uid: Option<&str>, url: Option<&str>) -> Result<(), ApiError> {
    let all = api.webhooks().await?;
    for webhook in ours(&all, url, uid) {
        api.delete_webhook(&webhook.uid).await?;
    }
    Ok(())
}

async fn changed(
    api: &Api,
    wanted: &Wanted<'_>,
    kept: &Webhook,
    mut did: Vec<&'static str>,
) -> Result<InOrder, ApiError> {
    let as_set = |events: &[String]| events.iter().cloned().collect::<BTreeSet<_>>();
    let other_url = kept.url != wanted.url;
    let other_events = as_set(&kept.events) != as_set(&wanted.events);
    let other_secret = kept.secret.as_ref().is_none_or(|secret| !same(secret, wanted.secret));
    let change = Change {
        url: other_url.then_some(wanted.url),
        events: other_events.then_some(wanted.events.as_slice()),
        secret: other_secret.then_some(wanted.secret),
        disabled: kept.disabled.then_some(false),
    };
    if other_url || other_events || other_secret || kept.disabled {
        api.change_webhook(&kept.uid, &change).await?;
    }
    let puts = [
        (kept.disabled, "switched it on again, since it had been switched off: what waited comes now"),
        (other_url, "had it send here again"),
        (other_events, "had it tell the right events again"),
        (other_secret, "had it sign with the right secret again"),
    ];
    did.extend(puts.into_iter().filter_map(|(put, words)| put.then_some(words)));
    let did = (!did.is_empty())
        .then(|| format!("Belfry looked at its webhook at Podium and {}.", did.join(", and ")));
    Ok(InOrder {
        uid: kept.uid.clone(),
        made: false,
        events: wanted.events.clone(),
        was_off: kept.disabled,
        created: kept.created,
        did,
    })
}

async fn made(api: &Api, wanted: &Wanted<'_>) -> Result<InOrder, ApiError> {
    let new =
        NewWebhook { place: wanted.place, url: wanted.url, events: &wanted.events, secret: wanted.secret };
    let webhook = match api.make_webhook(&new).await {
        Ok(webhook) => webhook,
        // It may have been made all the same: a second one is not made blindly.
        Err(ApiError::Failed(failure @ Failure::Transient { .. })) => {
            let all = api.webhooks().await?;
            let there = all.into_iter().find(|webhook| webhook.url == wanted.url);
            there.ok_or(ApiError::Failed(failure))?
        }
        Err(error) => return Err(error),
    };
    info!(events = wanted.events.len(), "a webhook was made at Podium");
    if webhook.disabled {
        warn!("Podium made the webhook and left it switched off");
        api.change_webhook(&webhook.uid, &Change { disabled: Some(false), ..Change::default() }).await?;
    }
    Ok(InOrder {
        uid: webhook.uid,
        made: true,
        events: wanted.events.clone(),
        was_off: false,
        created: webhook.created,
        did: wanted.known.map(|_| {
            "Belfry's webhook at Podium was gone, so Belfry made a new one: what happened meanwhile is looked up in Podium's lists.".to_owned()
        }),
    })
}

fn belongs(webhook: &Webhook, place: &PodiumPlace) -> bool {
    match place {
        PodiumPlace::Organization { uid, .. } => webhook.organization.as_deref() == Some(uid),
        // A location's webhook may name the organisation as well.
        PodiumPlace::Location { uid, .. } => webhook.location.as_deref() == Some(uid),
    }
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret().as_bytes().ct_eq(other.expose_secret().as_bytes()).into()
}

//! Webhooks at Podium: list, make, change, delete.

use jiff::Timestamp;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::{Api, ApiError, Call};
use crate::account::PodiumPlace;
use crate::source::podio::json::{field, flag, items, text, time};

/// A webhook as Podium has it.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    /// Its name at Podium.
    pub(crate) uid: String,
    /// Where it sends to.
    pub(crate) url: String,
    /// What it signs with.
    pub(crate) secret: Option<SecretString>,
    /// True if it sends nothing: somebody or Podium switched it off. What happens meanwhile is kept for about ten days.
    pub(crate) disabled: bool,
    /// Whom it belongs to: an organisation, or else a location, for its whole life.
    pub(crate) organization: Option<String>,
    /// See `organization`.
    pub(crate) location: Option<String>,
    /// What it tells.
    pub(crate) events: Vec<String>,
    /// When it was made.
    pub(crate) created: Option<Timestamp>,
}

/// One to be made.
#[derive(Debug)]
pub(crate) struct NewWebhook<'a> {
    /// Whom it is to belong to.
    pub(crate) place: &'a PodiumPlace,
    /// Where it is to send to.
    pub(crate) url: &'a str,
    /// What it is to tell.
    pub(crate) events: &'a [String],
    /// What it is to sign with.
    pub(crate) secret: &'a SecretString,
}

/// What is to be changed of one. What is `None` stays.
#[derive(Debug, Default)]
pub(crate) struct Change<'a> {
    /// Where it is to send to.
    pub(crate) url: Option<&'a str>,
    /// What it is to tell.
    pub(crate) events: Option<&'a [String]>,
    /// What it is to sign with.
    pub(crate) secret: Option<&'a SecretString>,
    /// True to switch it off, false to switch it on.
    pub(crate) disabled: Option<bool>,
}

impl Api {
    /// All webhooks of the developer app, whoever made them.
    pub(crate) async fn webhooks(&self) -> Result<Vec<Webhook>, ApiError> {
        let call = Call::get(&["webhooks"], "see its webhook", "").needed();
        let all = self.call(&call).await?.data;
        Ok(items(&all).iter().filter_map(webhook).collect())
    }

    /// Makes one. Not idempotent: never to be tried again blindly.
    pub(crate) async fn make_webhook(&self, new: &NewWebhook<'_>) -> Result<Webhook, ApiError> {
        let place = match new.place {
            PodiumPlace::Location { .. } => "locationUid",
            PodiumPlace::Organization { .. } => "organizationUid",
        };
        let body = json!({
            "url": new.url, "eventTypes": new.events, "secret": new.secret.expose_secret(), place: new.place.uid()
        });
        let call =
            Call::get(&["webhooks"], "have these events told", &scopes(new.events).join(", ")).needed();
        let call = Call { method: Method::POST, body: Some(body), ..call };
        let made = self.call(&call).await?.data;
        webhook(&made).ok_or_else(|| {
            ApiError::Refused(format!(
                "{} made a webhook and did not say which: look at your webhooks there",
                self.host()
            ))
        })
    }

    /// Changes one.
    pub(crate) async fn change_webhook(&self, uid: &str, change: &Change<'_>) -> Result<(), ApiError> {
        let mut body = Map::new();
        if let Some(url) = change.url {
            body.insert("url".to_owned(), url.into());
        }
        if let Some(events) = change.events {
            body.insert("eventTypes".to_owned(), json!(events));
        }
        if let Some(secret) = change.secret {
            body.insert("secret".to_owned(), secret.expose_secret().into());
        }
        if let Some(disabled) = change.disabled {
            body.insert("disabled".to_owned(), disabled.into());
        }
        let scopes = change.events.map(|events| scopes(events).join(", ")).unwrap_or_default();
        let call = Call::get(&["webhooks", uid], "change its webhook", &scopes).needed();
        self.call(&Call { method: Method::PUT, body: Some(body.into()), ..call }).await.map(drop)
    }

    /// Deletes one. One that is gone already counts as deleted.
    pub(crate) async fn delete_webhook(&self, uid: &str) -> Result<(), ApiError> {
        let call = Call::get(&["webhooks", uid], "delete its webhook", "").needed();
        match self.call(&Call { method: Method::DELETE, ..call }).await {
            Ok(_) | Err(ApiError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The scopes that these events need, each once.
pub(crate) fn scopes(events: &[String]) -> Vec<&'static str> {
    let of = |event: &String| match event.split('.').next().unwrap_or_default() {
        "message" => Some("read_messages"),
        "contact" => Some("read_contacts"),
        "invoice" => Some("read_payments"),
        "review" => Some("read_reviews"),
        "call" => Some("read_phones"),
        _ => None,
    };
    let mut scopes: Vec<&str> = events.iter().filter_map(of).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

fn webhook(value: &Value) -> Option<Webhook> {
    Some(Webhook {
        uid: text(field(value, "uid"))?,
        url: text(field(value, "url")).unwrap_or_default(),
        secret: text(field(value, "secret")).map(SecretString::from),
        disabled: flag(field(value, "disabled")).unwrap_or(false),
        organization: text(field(value, "organizationUid")),
        location: text(field(value, "locationUid")),
        events: items(field(value, "eventTypes")).iter().filter_map(text).collect(),
        created: time(field(value, "createdAt")),
    })
}

//! Webhooks as REST manages them: which events of which place go to which URL.

use super::events::{EVENT_TYPES, scope_of};
use super::rest::{Answered, Caller, Done, Refusal};
use super::sender::Hook;
use super::world::Shelf;
use super::{Podium, State, shapes};
use crate::tasks;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A webhook with all the documented fields; as JSON it is what REST tells, the secret in clear included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its number.
    pub uid: String,
    /// Where events go; without one they wait.
    pub url: Option<String>,
    /// Signs events; without one they are not signed.
    pub secret: Option<String>,
    /// Whether events wait.
    pub disabled: bool,
    /// The organisation it belongs to, or
    pub organization_uid: Option<String>,
    /// the location.
    pub location_uid: Option<String>,
    /// At least one.
    pub event_types: Vec<String>,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub updated_at: String,
}

impl Webhook {
    /// For every event type.
    pub(super) fn new(url: &str, secret: &str, location_uid: Option<String>) -> Self {
        let now = shapes::datetime(tasks::now());
        Self {
            uid: shapes::uid(),
            url: Some(url.to_owned()),
            secret: Some(secret.to_owned()),
            disabled: false,
            organization_uid: None,
            location_uid,
            event_types: EVENT_TYPES.iter().map(|(name, _)| (*name).to_owned()).collect(),
            created_at: now.clone(),
            updated_at: now,
        }
    }
}

pub(super) fn router() -> Router<Podium> {
    Router::new()
        .route("/webhooks", get(list).post(create))
        .route("/webhooks/{uid}", get(one).put(update).delete(remove))
}

async fn list(Shared(podium): Shared<Podium>, caller: Caller) -> Done {
    Ok(podium.read(|state| {
        let own = state.hooks.values().filter(|hook| hook.app == caller.client_id);
        Answered::with(own.map(|hook| json!(hook.webhook)).collect())
    }))
}

async fn one(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.read(|state| Ok(Answered::with(json!(state.own_hook(&caller, &uid)?.webhook))))
}

/// Fields that are not there are told from fields that are null.
struct Wish(Value);

impl Wish {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(wish @ Value::Object(_)) => Ok(Self(wish)),
            Ok(_) | Err(_) => Err(Refusal::bad_request("The body must be a JSON object")),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::invalid_values(&format!("{name} must be a string"))),
        }
    }

    fn event_types(&self) -> Result<Option<Vec<String>>, Refusal> {
        let Some(wished) = self.0.get("eventTypes") else { return Ok(None) };
        let names = wished.as_array().filter(|names| !names.is_empty());
        let names = names.ok_or_else(|| Refusal::invalid_values("eventTypes must have at least one"))?;
        let known = |name: &Value| {
            let name = name.as_str().filter(|name| scope_of(name).is_some());
            name.map(str::to_owned).ok_or_else(|| Refusal::invalid_values("eventTypes has an unknown type"))
        };
        names.iter().map(known).collect::<Result<Vec<_>, _>>().map(Some)
    }

    fn url(&self) -> Result<Option<String>, Refusal> {
        let url = self.text("url")?;
        let web = |url: &String| {
            url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        };
        if url.as_ref().is_some_and(|url| !web(url)) {
            return Err(Refusal::invalid_values("url is not valid"));
        }
        Ok(url)
    }
}

async fn create(Shared(podium): Shared<Podium>, caller: Caller, body: Bytes) -> Done {
    let wish = Wish::read(&body)?;
    let event_types = wish.event_types()?.ok_or_else(|| Refusal::invalid_values("eventTypes is required"))?;
    if wish.0.get("url").is_none() {
        return Err(Refusal::invalid_values("url is required"));
    }
    let (url, secret) = (wish.url()?, wish.text("secret")?);
    let (organization, location) = (wish.text("organizationUid")?, wish.text("locationUid")?);
    let (organization_uid, location_uid) = podium.read(|state| {
        caller.must_hear(state, &event_types)?;
        let there = |shelf, uid: &str| state.world.get(shelf, uid).is_some();
        match (organization, location) {
            (Some(uid), _) if there(Shelf::Organizations, &uid) => Ok((Some(uid), None)),
            (None, Some(uid)) if there(Shelf::Locations, &uid) => Ok((None, Some(uid))),
            (None, None) => Err(Refusal::invalid_values("locationUid or organizationUid is required")),
            (Some(_), _) | (None, Some(_)) => Err(Refusal::not_found()),
        }
    })?;
    let now = shapes::datetime(tasks::now());
    let webhook = Webhook {
        uid: shapes::uid(),
        url,
        secret,
        disabled: false,
        organization_uid,
        location_uid,
        event_types,
        created_at: now.clone(),
        updated_at: now,
    };
    podium.hang(&caller.client_id, webhook.clone());
    Ok(Answered::with(json!(webhook)))
}

async fn update(
    Shared(podium): Shared<Podium>,
    caller: Caller,
    Path(uid): Path<String>,
    body: Bytes,
) -> Done {
    let wish = Wish::read(&body)?;
    let (event_types, url, secret) = (wish.event_types()?, wish.url()?, wish.text("secret")?);
    let disabled = match wish.0.get("disabled") {
        None => None,
        Some(Value::Bool(disabled)) => Some(*disabled),
        Some(_) => return Err(Refusal::invalid_values("disabled must be true or false")),
    };
    let now = shapes::datetime(tasks::now());
    podium.change(|state| {
        let present = &state.own_hook(&caller, &uid)?.webhook.event_types;
        caller.must_hear(state, event_types.as_ref().unwrap_or(present))?;
        let hook = state.hooks.get_mut(&uid).ok_or_else(Refusal::not_found)?;
        hook.change(|webhook| {
            if wish.0.get("url").is_some() {
                webhook.url = url;
            }
            if wish.0.get("secret").is_some() {
                webhook.secret = secret;
            }
            webhook.event_types = event_types.unwrap_or_else(|| std::mem::take(&mut webhook.event_types));
            webhook.disabled = disabled.unwrap_or(webhook.disabled);
            webhook.updated_at = now;
        });
        Ok(Answered::with(json!(hook.webhook)))
    })
}

async fn remove(
    Shared(podium): Shared<Podium>,
    caller: Caller,
    Path(uid): Path<String>,
) -> Result<StatusCode, Refusal> {
    podium.change(|state| {
        state.own_hook(&caller, &uid)?;
        state.hooks.remove(&uid);
        Ok(StatusCode::NO_CONTENT)
    })
}

impl State {
    /// Another app's webhook does not exist.
    fn own_hook(&self, caller: &Caller, uid: &str) -> Result<&Hook, Refusal> {
        let own = self.hooks.get(uid).filter(|hook| hook.app == caller.client_id);
        own.ok_or_else(Refusal::not_found)
    }
}

impl Caller {
    /// The scope of each event type.
    fn must_hear(&self, state: &State, event_types: &[String]) -> Result<(), Refusal> {
        event_types.iter().filter_map(|name| scope_of(name)).try_for_each(|scope| self.must(state, scope))
    }
}

//! The signed HTTP API under `/apps/{id}`: events in, lists of channels and members out. Its rules are those of the
//! published reference: MD5 of the body, HMAC over method, path and sorted query, a clock not more than ten minutes off.

use super::PusherApps;
use super::app::{App, Kind};
use super::frame::{self, Data};
use crate::tasks;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use md5::{Digest as _, Md5};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Seconds a publisher's clock may be off.
const CLOCK: i64 = 600;
const MOST_CHANNELS: usize = 100;
const LARGEST_BATCH: usize = 10;

/// A status and a sentence, as plain text.
pub(super) struct Refused(StatusCode, String);

impl Refused {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self(status, text.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

type Answer = Result<Json<Value>, Refused>;

#[derive(Deserialize)]
struct Event {
    name: String,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    channels: Vec<String>,
    data: Value,
    #[serde(default)]
    socket_id: Option<String>,
    #[serde(default)]
    info: Option<String>,
}

#[derive(Deserialize)]
struct Batch {
    batch: Vec<Event>,
}

/// A call as its signature covers it.
struct Call<'a> {
    method: &'a str,
    uri: &'a Uri,
    body: &'a [u8],
}

pub(super) async fn trigger(
    Shared(apps): Shared<PusherApps>,
    Path(id): Path<String>,
    uri: Uri,
    body: Bytes,
) -> Answer {
    let (apps, _) = apps.called(&id, &Call { method: "POST", uri: &uri, body: &body })?;
    let event: Event = read(&apps, &body)?;
    let info = event.info.clone();
    let channels = apps.take(event)?;
    Ok(Json(match info {
        Some(info) => json!({"channels": apps.infos(&channels, &info)}),
        None => json!({}),
    }))
}

pub(super) async fn trigger_batch(
    Shared(apps): Shared<PusherApps>,
    Path(id): Path<String>,
    uri: Uri,
    body: Bytes,
) -> Answer {
    let (apps, _) = apps.called(&id, &Call { method: "POST", uri: &uri, body: &body })?;
    let batch: Batch = read(&apps, &body)?;
    if batch.batch.len() > LARGEST_BATCH {
        return Err(
            apps.refused(StatusCode::BAD_REQUEST, format!("A batch has at most {LARGEST_BATCH} events"))
        );
    }
    for event in &batch.batch {
        apps.check(event)?;
    }
    for event in batch.batch {
        apps.take(event)?;
    }
    Ok(Json(json!({})))
}

pub(super) async fn channels(Shared(apps): Shared<PusherApps>, Path(id): Path<String>, uri: Uri) -> Answer {
    let (apps, query) = apps.called(&id, &Call { method: "GET", uri: &uri, body: b"" })?;
    let prefix = query.get("filter_by_prefix").map_or("", String::as_str);
    let info = query.get("info").map_or("", String::as_str);
    if info.split(',').any(|one| one == "user_count") && !prefix.starts_with("presence-") {
        let words = "user_count is for presence channels: filter_by_prefix must begin with presence-";
        return Err(apps.refused(StatusCode::BAD_REQUEST, words));
    }
    let occupied: Vec<String> = apps.read(|state| {
        let own = state.hub.channels.iter().filter(|((key, name), channel)| {
            *key == apps.key && name.starts_with(prefix) && !channel.subscribers.is_empty()
        });
        own.map(|((_, name), _)| name.clone()).collect()
    });
    Ok(Json(json!({"channels": apps.infos(&occupied, info)})))
}

pub(super) async fn channel(
    Shared(apps): Shared<PusherApps>,
    Path((id, channel)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let (apps, query) = apps.called(&id, &Call { method: "GET", uri: &uri, body: b"" })?;
    let info = query.get("info").map_or("", String::as_str);
    let mut answer = apps.info(&channel, info);
    answer.insert("occupied".to_owned(), json!(apps.read(|state| state.hub.count(&apps.key, &channel)) > 0));
    Ok(Json(Value::Object(answer)))
}

pub(super) async fn users(
    Shared(apps): Shared<PusherApps>,
    Path((id, channel)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let (apps, _) = apps.called(&id, &Call { method: "GET", uri: &uri, body: b"" })?;
    if !Kind::of(&channel).presence {
        return Err(apps.refused(StatusCode::BAD_REQUEST, "Users are known of presence channels only"));
    }
    let users: Vec<Value> = apps.read(|state| {
        let channel = state.hub.channels.get(&(apps.key.clone(), channel));
        channel
            .map(|channel| channel.members.keys().map(|id| json!({"id": id})).collect())
            .unwrap_or_default()
    });
    Ok(Json(json!({"users": users})))
}

fn read<T: for<'a> Deserialize<'a>>(apps: &PusherApps, body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| apps.refused(StatusCode::BAD_REQUEST, error.to_string()))
}

impl PusherApps {
    fn refused(&self, status: StatusCode, text: impl Into<String>) -> Refused {
        self.change(|state| state.observed.refused_calls += 1);
        Refused::new(status, text)
    }

    /// Checks app and signature; gives the handle of that app and the query.
    fn called(&self, id: &str, call: &Call<'_>) -> Result<(Self, BTreeMap<String, String>), Refused> {
        let app = self.read(|state| state.apps.values().find(|app| app.id == id).cloned());
        let Some(app) = app else {
            return Err(self.refused(StatusCode::NOT_FOUND, format!("Unknown app {id}")));
        };
        let query: BTreeMap<String, String> =
            url::form_urlencoded::parse(call.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect();
        check_signature(&app, call, &query, tasks::now().as_second())
            .map_err(|text| self.refused(StatusCode::UNAUTHORIZED, text))?;
        Ok((self.in_app(&app.key), query))
    }

    fn check(&self, event: &Event) -> Result<(), Refused> {
        let channels = event.channels.len() + usize::from(event.channel.is_some());
        if channels == 0 || channels > MOST_CHANNELS {
            let text = format!("An event goes to 1 to {MOST_CHANNELS} channels");
            return Err(self.refused(StatusCode::BAD_REQUEST, text));
        }
        let largest = self.read(|state| state.settings.largest_event());
        let size = event.data.as_str().map_or_else(|| event.data.to_string().len(), str::len);
        if size > largest {
            let text =
                format!("The data content of this event exceeds the allowed maximum ({largest} bytes)");
            return Err(self.refused(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Ok(())
    }

    /// Publishes; gives the channels it went to.
    fn take(&self, event: Event) -> Result<Vec<String>, Refused> {
        self.check(&event)?;
        let channels: Vec<String> = event.channels.into_iter().chain(event.channel).collect();
        // The libraries send text; a script may send anything, which goes out as text all the same.
        let text = match event.data {
            Value::String(text) => text,
            other => other.to_string(),
        };
        self.change(|state| {
            for channel in &channels {
                let frame = frame::text(&event.name, Some(channel), Data::Text(text.clone()));
                let now = Some(tasks::instant());
                state.hub.publish(&self.key, channel, frame, event.socket_id.as_deref(), now);
            }
            state.observed.triggered += 1;
        });
        Ok(channels)
    }

    fn infos(&self, channels: &[String], wanted: &str) -> Map<String, Value> {
        channels.iter().map(|name| (name.clone(), Value::Object(self.info(name, wanted)))).collect()
    }

    fn info(&self, channel: &str, wanted: &str) -> Map<String, Value> {
        let mut info = Map::new();
        for name in wanted.split(',') {
            let count = match name {
                "user_count" if Kind::of(channel).presence => self.read(|state| {
                    let channel = state.hub.channels.get(&(self.key.clone(), channel.to_owned()));
                    channel.map_or(0, |channel| channel.members.len())
                }),
                "subscription_count" => self.read(|state| state.hub.count(&self.key, channel)),
                _ => continue,
            };
            info.insert(name.to_owned(), json!(count));
        }
        info
    }
}

/// The signature of a call, and before it what the signature stands on.
fn check_signature(
    app: &App,
    call: &Call<'_>,
    query: &BTreeMap<String, String>,
    now: i64,
) -> Result<(), String> {
    let given = |name: &str| query.get(name).map(String::as_str).ok_or_else(|| format!("{name} is missing"));
    if given("auth_key")? != app.key {
        return Err("auth_key is not this app's".to_owned());
    }
    if given("auth_version")? != "1.0" {
        return Err("auth_version must be 1.0".to_owned());
    }
    let timestamp: i64 = given("auth_timestamp")?.parse().map_err(|_| "auth_timestamp is no number")?;
    if (now - timestamp).abs() > CLOCK {
        return Err(format!("Timestamp expired: Given timestamp not within {CLOCK}s of server time"));
    }
    if call.method == "POST" && given("body_md5")? != HEXLOWER.encode(&Md5::digest(call.body)) {
        return Err("body_md5 does not fit the body".to_owned());
    }
    // The map is sorted by name; values are signed as they read, not as they are escaped.
    let signed: Vec<String> = query
        .iter()
        .filter(|(name, _)| *name != "auth_signature")
        .map(|(name, value)| format!("{}={value}", name.to_lowercase()))
        .collect();
    let text = format!("{}\n{}\n{}", call.method, call.uri.path(), signed.join("&"));
    if given("auth_signature")? != app.digest(&text) {
        return Err("Invalid signature: you should have sent HmacSHA256Hex of the right text".to_owned());
    }
    Ok(())
}

//! What an event of a relay's stream means: belfry-relay's, gosmee's and smee's (webhook-relay.md §3). Pure, and never fails: what is no
//! webhook is told as skipped.
//!
//! A webhook's sender chooses its headers, and they stand beside what the relay itself says. So only what no header can be counts: the
//! exact body is `bodyB` with a capital letter, and what the relay says as an object or a truth is never a text.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::hooks::Heard;
use super::seal::{Envelope, SealKey};
use super::sse::Event;
use super::{Delivery, Headers, OAuthReturn, Position};
use crate::account::RelayKind;

/// Longest body, in bytes.
const BODY: usize = 2 * 1024 * 1024;
/// Most headers, and their size together, in bytes.
const HEADERS: usize = 256;
const HEADER_BYTES: usize = 64 * 1024;
/// What stands beside the headers.
const NO_HEADERS: [&str; 8] = ["body", "bodyB", "headers", "id", "method", "payload", "query", "timestamp"];

/// What an event is.
#[derive(Debug)]
pub(super) enum Shape {
    /// The relay greets.
    Greeting,
    /// The relay says that what follows is new, and where that begins. (Only belfry-relay says so after what it kept; the others say it
    /// first.)
    Ready(Option<Position>),
    /// Something to be told.
    Heard(Heard),
    /// Of no use.
    Nothing,
}

/// Reads an event. `now` stands where a relay says no time.
pub(super) fn read(event: Event, kind: RelayKind, key: Option<&SealKey>, now: Timestamp) -> Shape {
    let position = event.id.as_deref().and_then(Position::new);
    let passed = |position: Option<Position>| {
        position.map_or(Shape::Nothing, |position| Shape::Heard(Heard::Passed(position)))
    };
    let data = match event.data {
        Ok(data) => data,
        Err(why) => return skipped(position, why),
    };
    match event.name.as_str() {
        "" | "message" => match message(&data, position.as_ref(), key, now) {
            Ok(shape) => shape,
            Err(why) => skipped(position, why),
        },
        "ready" if kind == RelayKind::Smee => Shape::Ready(None),
        "gosmee-gap" => {
            let data: Value = serde_json::from_str(&data).unwrap_or_default();
            let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
            // Who asks for all from the beginning misses nothing.
            if text("requested_id").as_deref() == Some(BEGINNING) && kind == RelayKind::Gosmee {
                return Shape::Nothing;
            }
            Shape::Heard(Heard::Gap { oldest: text("oldest_id").filter(|oldest| oldest.len() <= 64) })
        }
        "belfry-oauth" if kind == RelayKind::Belfry => match returned(&data, key, now) {
            Ok(returned) => Shape::Heard(Heard::Returned(returned, position)),
            Err(why) => skipped(position, why),
        },
        // `ping`, and what later relays may say.
        _ => passed(position),
    }
}

/// Asks gosmee for all that it holds.
pub(super) const BEGINNING: &str = "0-0";

fn skipped(position: Option<Position>, why: &str) -> Shape {
    Shape::Heard(Heard::Skipped { position, why: format!("an event of the relay {why}") })
}

fn message(
    data: &str,
    position: Option<&Position>,
    key: Option<&SealKey>,
    now: Timestamp,
) -> Result<Shape, &'static str> {
    let fields = opened(data, key)?;
    if !fields.contains_key("bodyB") && !fields.contains_key("body") {
        return Ok(match fields.get("message").and_then(Value::as_str) {
            Some("connected") => Shape::Greeting,
            Some("ready") => Shape::Ready(position.cloned()),
            _ => return Err("has no body"),
        });
    }
    delivery(fields, position.cloned(), now).map(|delivery| Shape::Heard(Heard::Delivery(Box::new(delivery))))
}

/// The fields of an event's data, out of its envelope if it has one.
fn opened(data: &str, key: Option<&SealKey>) -> Result<Map<String, Value>, &'static str> {
    const NO_OBJECT: &str = "is not understood";
    let fields: Map<String, Value> = serde_json::from_str(data).map_err(|_| NO_OBJECT)?;
    // A header called “encrypted” is a text.
    if fields.get("encrypted") != Some(&Value::Bool(true)) {
        return Ok(fields);
    }
    let key = key.ok_or("is sealed, and this account has no key")?;
    let envelope: Envelope = serde_json::from_value(Value::Object(fields)).map_err(|_| NO_OBJECT)?;
    serde_json::from_slice(&key.open(&envelope)?).map_err(|_| NO_OBJECT)
}

fn delivery(
    mut fields: Map<String, Value>,
    position: Option<Position>,
    now: Timestamp,
) -> Result<Delivery, &'static str> {
    let exact = fields.remove("bodyB");
    let (body, exact) = match &exact {
        Some(Value::String(text)) if text.len() > BODY / 3 * 4 + 8 => {
            return Err("has a body that is longer than is taken");
        }
        Some(Value::String(text)) => {
            (BASE64.decode(text.as_bytes()).map_err(|_| "has a body that is no base64")?, true)
        }
        Some(_) => return Err("has a body that is no base64"),
        None => {
            let body = fields.remove("body").unwrap_or_default();
            (serde_json::to_vec(&body).map_err(|_| "has a body that is not understood")?, false)
        }
    };
    if body.len() > BODY {
        return Err("has a body that is longer than is taken");
    }
    Ok(Delivery {
        position,
        received: moment(fields.get("timestamp")).unwrap_or(now),
        method: fields.get("method").and_then(Value::as_str).unwrap_or("POST").to_owned(),
        headers: headers(&fields)?,
        query: query(fields.get("query")),
        body,
        exact,
        answer: None,
    })
}

/// Milliseconds, as text (gosmee, belfry-relay) or as a number (smee).
fn moment(said: Option<&Value>) -> Option<Timestamp> {
    let millis = match said? {
        Value::String(text) => text.parse().ok()?,
        Value::Number(number) => number.as_i64()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Timestamp::from_millisecond(millis).ok()
}

/// All values where the relay gives them, else the first of each.
fn headers(fields: &Map<String, Value>) -> Result<Headers, &'static str> {
    let mut headers = Headers::default();
    if let Some(Value::Object(all)) = fields.get("headers") {
        for (name, values) in all {
            for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
                headers.add(name, value);
            }
        }
    } else {
        for (name, value) in fields.iter().filter(|(name, _)| !NO_HEADERS.contains(&name.as_str())) {
            if let Some(value) = value.as_str() {
                headers.add(name, value);
            }
        }
    }
    let bytes: usize =
        headers.iter().map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>()).sum();
    if headers.len() > HEADERS || bytes > HEADER_BYTES {
        Err("has more headers than are taken")
    } else {
        Ok(headers)
    }
}

fn query(said: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = said.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).take(HEADERS).collect()
}

fn returned(data: &str, key: Option<&SealKey>, now: Timestamp) -> Result<OAuthReturn, &'static str> {
    let fields = opened(data, key)?;
    Ok(OAuthReturn {
        query: query(fields.get("query")),
        received: moment(fields.get("timestamp")).unwrap_or(now),
    })
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;

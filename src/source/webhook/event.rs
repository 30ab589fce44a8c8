//! A webhook as an event of a feed: its name, what it carries, its headers, and its own name where it has one. Pure.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::{Delivery, signature};
use crate::account::Signature;

/// Headers in which services say what happened.
const NAMES: [&str; 6] =
    ["x-github-event", "x-gitlab-event", "x-gitea-event", "x-event-key", "x-event-type", "x-event-name"];
/// Fields of the content in which they say so otherwise.
const FIELDS: [&str; 6] = ["event", "type", "event_type", "eventType", "event_name", "action"];
/// Headers that name one delivery, however often it is sent.
const DELIVERIES: [&str; 7] = [
    "webhook-id",
    "svix-id",
    "x-github-delivery",
    "x-gitlab-event-uuid",
    "x-gitea-delivery",
    "x-request-uuid",
    "idempotency-key",
];
/// What no template needs to see, and no other program.
const PRIVATE: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
/// What a webhook without a name is called.
const UNNAMED: &str = "webhook";
/// The same bytes once more within so many seconds are the same webhook, where nothing else tells.
const BUCKET: i64 = 600;

/// A webhook as an event.
#[derive(Debug, PartialEq)]
pub(super) struct HookEvent {
    /// What happened, in the service's word.
    pub(super) name: String,
    /// What it carries: JSON, the fields of a form, or a text.
    pub(super) data: Value,
    /// Its headers, the values of each in one.
    pub(super) headers: Value,
    /// What tells it from every other webhook of the account.
    pub(super) own: String,
}

impl HookEvent {
    /// Of a delivery whose signature was looked at.
    pub(super) fn of(delivery: &Delivery, scheme: &Signature) -> Self {
        let data = data(delivery);
        Self {
            name: name(delivery, &data),
            headers: headers(delivery),
            own: own(delivery, scheme, &data),
            data,
        }
    }
}

fn data(delivery: &Delivery) -> Value {
    if let Ok(data) = serde_json::from_slice(&delivery.body) {
        return data;
    }
    let Ok(text) = std::str::from_utf8(&delivery.body) else { return Value::Null };
    let kind = delivery.headers.first("content-type").unwrap_or_default().to_ascii_lowercase();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) };
    }
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        fields.entry(name.into_owned()).or_insert_with(|| Value::String(value.into_owned()));
    }
    // GitHub and others put all their JSON into one field.
    let whole = fields.get("payload").filter(|_| fields.len() == 1).and_then(Value::as_str);
    whole.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Object(fields))
}

fn name(delivery: &Delivery, data: &Value) -> String {
    let header = NAMES.iter().find_map(|name| delivery.headers.first(name));
    let field = || {
        let top = FIELDS.iter().find_map(|name| data.get(name)?.as_str());
        let metadata = || FIELDS.iter().find_map(|name| data.get("metadata")?.get(name)?.as_str());
        top.or_else(metadata)
    };
    let said = header.or_else(field).or_else(|| delivery.query.get("event").map(String::as_str));
    said.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(UNNAMED).to_owned()
}

fn headers(delivery: &Delivery) -> Value {
    let shown = delivery.headers.iter().filter(|(name, _)| !PRIVATE.contains(name));
    Value::Object(shown.map(|(name, values)| (name.to_owned(), Value::String(values.join(", ")))).collect())
}

/// What tells it from every other: what was signed, where a service never signs the same twice; else the name that the service gave it;
/// else when the relay took it in, which is the same however often the relay gives it. Names are not signed: whoever sends an old one again could give it a new one.
fn own(delivery: &Delivery, scheme: &Signature, data: &Value) -> String {
    if let Some(time) = signature::signed_time(scheme, &delivery.headers) {
        return format!("s{}", digest(&[time.as_bytes(), &delivery.body]));
    }
    if *scheme == Signature::Github {
        return format!("g{}", digest(&[&delivery.body]));
    }
    let header = DELIVERIES.iter().find_map(|name| delivery.headers.first(name));
    let field = || {
        let metadata = data.get("metadata")?;
        ["eventUid", "event_uid"].iter().find_map(|name| metadata.get(name)?.as_str())
    };
    if let Some(name) = header.or_else(field).map(str::trim).filter(|name| !name.is_empty()) {
        return format!("d{}", digest(&[name.as_bytes()]));
    }
    match &delivery.position {
        // Its place in the stream would be another after the relay was put back from a backup.
        Some(_) if *scheme == Signature::None => {
            format!("t{}.{}", delivery.received.as_millisecond(), digest(&[&delivery.body]))
        }
        Some(_) | None => {
            let bucket = delivery.received.as_second().div_euclid(BUCKET);
            format!("b{}.{bucket}", digest(&[&delivery.body]))
        }
    }
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    HEXLOWER.encode(hash.finalize().get(..16).unwrap_or_default())
}

/// The headers that a payload is shown with.
pub(super) fn shown(headers: &Value) -> BTreeMap<String, String> {
    let pairs = headers.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::super::{Headers, Position};
    use super::*;
    use crate::account::{HashKind, HashText};

    fn delivery(headers: &[(&str, &str)], body: &[u8]) -> Delivery {
        Delivery {
            position: Position::new("5-7"),
            received: Timestamp::from_second(1_763_880_000).unwrap(),
            method: "POST".into(),
            headers: headers.iter().copied().collect::<Headers>(),
            query: BTreeMap::new(),
            body: body.to_vec(),
            exact: true,
            answer: None,
        }
    }

    fn event(headers: &[(&str, &str)], body: &[u8]) -> HookEvent {
        HookEvent::of(&delivery(headers, body), &Signature::None)
    }

    #[test]
    fn the_name_stands_in_a_header_or_in_the_content() {
        let body =
            br#"{"type":"invoice.paid","event":{"type":"deep"},"metadata":{"eventType":"message.received"}}"#;
        assert_eq!(event(&[("X-GitHub-Event", "issues")], body).name, "issues");
        assert_eq!(event(&[], body).name, "invoice.paid");
        assert_eq!(event(&[], br#"{"metadata":{"event_type":"message.received"}}"#).name, "message.received");
        assert_eq!(event(&[], br#"{"event":{}}"#).name, UNNAMED);
        assert_eq!(event(&[("x-event-key", "  ")], b"").name, UNNAMED);
    }

    #[test]
    fn json_forms_and_texts_are_content_and_what_is_no_text_is_none() {
        let form = ("content-type", "application/x-www-form-urlencoded");
        assert_eq!(event(&[], br#"{"a":1}"#).data, json!({"a": 1}));
        assert_eq!(event(&[form], b"payload=%7B%22a%22%3A1%7D").data, json!({"a": 1}));
        assert_eq!(event(&[form], b"a=1&b=x+y&a=2").data, json!({"a": "1", "b": "x y"}));
        assert_eq!(event(&[], b"disk full").data, json!("disk full"));
        assert_eq!(event(&[], b"\xff\xfe").data, Value::Null);
        assert_eq!(event(&[], b"").data, Value::Null);
    }

    #[test]
    fn templates_see_headers_but_no_passwords() {
        let headers =
            event(&[("X-Twice", "1"), ("x-twice", "2"), ("Authorization", "Basic x"), ("Cookie", "y")], b"")
                .headers;
        assert_eq!(headers, json!({"x-twice": "1, 2"}));
        assert_eq!(shown(&headers), BTreeMap::from([("x-twice".to_owned(), "1, 2".to_owned())]));
    }

    #[test]
    fn a_delivery_that_comes_again_has_the_same_name_whatever_its_sender_changes() {
        let own =
            |scheme: &Signature, headers: &[(&str, &str)], body: &[u8], position: &str, seconds: i64| {
                let mut delivery = delivery(headers, body);
                delivery.position = Position::new(position);
                delivery.received = Timestamp::from_second(seconds).unwrap();
                HookEvent::of(&delivery, scheme).own
            };
        let (none, github, stripe) = (&Signature::None, &Signature::Github, &Signature::Stripe);
        let hmac = &Signature::Hmac {
            header: "x-sign".into(),
            prefix: String::new(),
            encoding: HashText::Hex,
            hash: HashKind::Sha256,
        };
        // Signed with its time: as often as it is sent, it is the same one, under whatever name.
        let at = [("stripe-signature", "t=1,v1=00")];
        let renamed = [("stripe-signature", "t=1,v1=00"), ("webhook-id", "new")];
        assert_eq!(own(stripe, &at, b"a", "5-1", 0), own(stripe, &renamed, b"a", "5-2", 900));
        let later = [("stripe-signature", "t=2,v1=00")];
        assert_ne!(own(stripe, &at, b"a", "5-1", 0), own(stripe, &later, b"a", "5-1", 0));
        // GitHub signs no name and no time, and never the same content twice.
        let named = |name| [("x-github-delivery", name)];
        assert_eq!(own(github, &named("1"), b"a", "5-1", 0), own(github, &named("2"), b"a", "5-2", 9000));
        assert_ne!(own(github, &named("1"), b"a", "5-1", 0), own(github, &named("1"), b"b", "5-1", 0));
        // Others are known by the name that their service gives them, or that stands in them.
        assert_eq!(own(hmac, &named("1"), b"a", "5-1", 0), own(hmac, &named("1"), b"a", "5-2", 9000));
        assert_ne!(own(hmac, &named("1"), b"a", "5-1", 0), own(hmac, &named("2"), b"a", "5-1", 0));
        let uid = br#"{"metadata":{"eventUid":"u-1"}}"#;
        assert_eq!(own(none, &[], uid, "5-1", 0), own(none, &[], uid, "5-2", 9000));
        // Signed without time or name: within some minutes.
        assert_eq!(own(hmac, &[], b"a", "5-1", 600), own(hmac, &[], b"a", "5-2", 900));
        assert_ne!(own(hmac, &[], b"a", "5-1", 600), own(hmac, &[], b"a", "5-2", 1300));
        // Not signed: when the relay took it in. It knows a delivery that is sent again.
        assert_eq!(own(none, &[], b"a", "5-1", 7), own(none, &[], b"a", "6-9", 7));
        assert_ne!(own(none, &[], b"a", "5-1", 7), own(none, &[], b"a", "5-2", 8));
    }
}

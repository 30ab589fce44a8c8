//! A webhook as an event of a feed: its name, what it carries, its headers, and its own name where it has one. Pure.

use std::collections::{BTreeMap, VecDeque};

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::Delivery;
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
/// The same request once more within this time is the same webhook, where nothing else tells.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// So many requests without a name are remembered.
const REMEMBERED: usize = 1_000;

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
    /// Of a delivery whose signature was looked at. `recent` is what came lately, unless the relay itself takes the same request once
    /// more for the same.
    pub(super) fn of(delivery: &Delivery, scheme: &Signature, recent: Option<&mut Recent>) -> Self {
        let data = data(delivery);
        Self {
            name: name(delivery, &data),
            headers: headers(delivery),
            own: own(delivery, scheme, &data).unwrap_or_else(|| unnamed(delivery, recent)),
            data,
        }
    }
}

/// The requests without a name that came lately: their digests, and when each came first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(Timestamp, String)>);

impl Recent {
    /// When this request came first, if that was within the window; else it is remembered as one that came now.
    fn first(&mut self, request: &str, received: Timestamp) -> Timestamp {
        let is_it = |(first, known): &&(Timestamp, String)| {
            known == request && received.duration_since(*first).abs() < WINDOW
        };
        if let Some((first, _)) = self.0.iter().find(is_it) {
            return *first;
        }
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((received, request.to_owned()));
        received
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

/// What tells it from every other: what was signed of it, where a service never signs the same twice; else the name that the service gave
/// it. Headers with names are not signed, nor is a time a name: a service signs each of its attempts anew, and whoever sends an old one
/// again could give it a new name.
fn own(delivery: &Delivery, scheme: &Signature, data: &Value) -> Option<String> {
    let metadata = || {
        let metadata = data.get("metadata")?;
        ["eventUid", "event_uid"].iter().find_map(|name| said(metadata.get(name)))
    };
    let signed = |name: Option<&str>| match name {
        Some(name) => format!("n{}", digest(&[name.as_bytes()])),
        None => format!("g{}", digest(&[&delivery.body])),
    };
    match scheme {
        Signature::Github => Some(signed(None)),
        Signature::Stripe => Some(signed(stripe_event(data))),
        Signature::Podium => Some(signed(metadata())),
        Signature::None | Signature::Hmac { .. } => {
            let header = DELIVERIES
                .iter()
                .find_map(|name| delivery.headers.first(name))
                .map(str::trim)
                .filter(|name| !name.is_empty());
            header.or_else(metadata).map(|name| format!("d{}", digest(&[name.as_bytes()])))
        }
    }
}

/// The `id` of a Stripe event (docs.stripe.com/api/events: `event`, or `v2.core.event`). Others that sign as Stripe does may name there
/// what the event is about.
fn stripe_event(data: &Value) -> Option<&str> {
    let kind = data.get("object")?.as_str()?;
    said(data.get("id")).filter(|_| kind == "event" || kind.ends_with(".event"))
}

fn said(value: Option<&Value>) -> Option<&str> {
    value?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// What tells a request without a name from others: what it is, and when it was taken in. A relay says the same time however often it gives it;
/// its place in the stream would be another after the relay was put back from a backup.
fn unnamed(delivery: &Delivery, recent: Option<&mut Recent>) -> String {
    let Delivery { method, query, body, received, .. } = delivery;
    let mut parts = vec![method.as_bytes(), body];
    parts.extend(query.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]));
    let request = digest(&parts);
    let first = recent.map_or(*received, |recent| recent.first(&request, *received));
    match delivery.position {
        Some(_) => format!("t{}.{request}", first.as_millisecond()),
        // Taken in here, it was answered perhaps and not remembered: its sender's next attempt is soon.
        None => format!("b{}.{request}", first.as_second().div_euclid(WINDOW.as_secs())),
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
        HookEvent::of(&delivery(headers, body), &Signature::None, None)
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

    fn own_of(
        scheme: &Signature,
        headers: &[(&str, &str)],
        body: &[u8],
        position: &str,
        seconds: i64,
    ) -> String {
        let mut delivery = delivery(headers, body);
        delivery.position = Position::new(position);
        delivery.received = Timestamp::from_second(seconds).unwrap();
        HookEvent::of(&delivery, scheme, None).own
    }

    fn hmac() -> Signature {
        Signature::Hmac {
            header: "x-sign".into(),
            prefix: String::new(),
            encoding: HashText::Hex,
            hash: HashKind::Sha256,
        }
    }

    #[test]
    fn an_attempt_that_is_signed_anew_is_the_same_event_and_two_events_are_two() {
        let stripe = |time: &str, body: &str| {
            let header = format!("t={time},v1=00");
            own_of(&Signature::Stripe, &[("stripe-signature", &header)], body.as_bytes(), "5-1", 0)
        };
        let event = |id: &str, pending: u32| {
            json!({"id": id, "object": "event", "type": "invoice.paid", "pending_webhooks": pending})
                .to_string()
        };
        // What Stripe says of its other attempts may differ.
        assert_eq!(stripe("1", &event("evt_1", 2)), stripe("1201", &event("evt_1", 1)));
        assert_ne!(stripe("1", &event("evt_1", 1)), stripe("1", &event("evt_2", 1)));
        let thin = |id: &str| json!({"id": id, "object": "v2.core.event"}).to_string();
        assert_eq!(stripe("1", &thin("evt_1")), stripe("2", &(thin("evt_1") + " ")));
        // What others that sign so call “id” may be an order's, which is told of twice.
        assert_eq!(
            stripe("1", r#"{"id":"7","state":"paid"}"#),
            stripe("1201", r#"{"id":"7","state":"paid"}"#)
        );
        assert_ne!(stripe("1", r#"{"id":"7","state":"paid"}"#), stripe("1", r#"{"id":"7","state":"sent"}"#));
        assert_eq!(stripe("1", "no JSON"), stripe("2", "no JSON"));

        let podium = |time: &str, body: &str| {
            own_of(&Signature::Podium, &[("podium-timestamp", time)], body.as_bytes(), "5-1", 0)
        };
        let (camel, snake) = (r#"{"metadata":{"eventUid":"u-1"}}"#, r#"{"metadata":{"event_uid":"u-1"}}"#);
        assert_eq!(podium("1", camel), podium("2", snake));
        assert_ne!(podium("1", camel), podium("1", r#"{"metadata":{"eventUid":"u-2"}}"#));
        assert_eq!(podium("1", r#"{"data":1}"#), podium("2", r#"{"data":1}"#));
        assert_ne!(podium("1", r#"{"data":1}"#), podium("1", r#"{"data":2}"#));
    }

    #[test]
    fn a_delivery_that_comes_again_has_the_same_name_whatever_its_sender_changes() {
        let (none, github, hmac) = (&Signature::None, &Signature::Github, &hmac());
        let own = own_of;
        // Names in headers are not signed.
        let named = |name| [("x-github-delivery", name)];
        assert_eq!(own(github, &named("1"), b"a", "5-1", 0), own(github, &named("2"), b"a", "5-2", 9000));
        assert_ne!(own(github, &named("1"), b"a", "5-1", 0), own(github, &named("1"), b"b", "5-1", 0));
        let stripe = &Signature::Stripe;
        let renamed = [("webhook-id", "new")];
        assert_eq!(own(stripe, &[], b"a", "5-1", 0), own(stripe, &renamed, b"a", "5-2", 900));
        // Others are known by the name that their service gives them, or that stands in them.
        assert_eq!(own(hmac, &named("1"), b"a", "5-1", 0), own(hmac, &named("1"), b"a", "5-2", 9000));
        assert_ne!(own(hmac, &named("1"), b"a", "5-1", 0), own(hmac, &named("2"), b"a", "5-1", 0));
        let uid = br#"{"metadata":{"eventUid":"u-1"}}"#;
        assert_eq!(own(none, &[], uid, "5-1", 0), own(none, &[("webhook-id", " ")], uid, "5-2", 9000));
        // Without a name: when the relay took it in. It knows a request that is sent again.
        for scheme in [none, hmac] {
            assert_eq!(own(scheme, &[], b"a", "5-1", 7), own(scheme, &[], b"a", "6-9", 7));
            assert_ne!(own(scheme, &[], b"a", "5-1", 7), own(scheme, &[], b"a", "5-2", 8));
        }
    }

    #[test]
    fn the_same_request_within_ten_minutes_is_one_whatever_the_clock_shows() {
        let mut recent = Recent::default();
        let mut own = |position: Option<&str>, body: &[u8], query: &str, seconds: i64| {
            let mut delivery = delivery(&[], body);
            delivery.position = position.and_then(Position::new);
            delivery.query = BTreeMap::from([("event".into(), query.into())]);
            delivery.received = Timestamp::from_second(seconds).unwrap();
            HookEvent::of(&delivery, &hmac(), Some(&mut recent)).own
        };
        for position in [Some("5-1"), None] {
            let first = own(position, b"a", "x", 599);
            assert_eq!(own(position, b"a", "x", 601), first, "across ten o'clock");
            assert_eq!(own(position, b"a", "x", 599 + 599), first);
            assert_ne!(own(position, b"a", "x", 599 + 601), first);
            assert_ne!(own(position, b"b", "x", 599), first);
            assert_ne!(own(position, b"a", "y", 599), first, "the address says what happened");
        }
        for n in 0..2 * REMEMBERED {
            own(None, n.to_string().as_bytes(), "x", 600);
        }
        assert_eq!(recent.0.len(), REMEMBERED);
        // One that was answered just before Belfry ended, and comes again to the next one.
        let forgetful = |seconds| {
            let mut delivery = delivery(&[], b"a");
            (delivery.position, delivery.received) = (None, Timestamp::from_second(seconds).unwrap());
            HookEvent::of(&delivery, &Signature::None, Some(&mut Recent::default())).own
        };
        assert_eq!(forgetful(601), forgetful(606));
    }
}

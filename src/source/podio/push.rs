//! The push side: the right to listen, and what a pushed message says. Pure.
//!
//! In: the push object of a REST answer, and a Bayeux message's data. Out: the `ext` of a subscribe, and one of the few events that matter.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::json::{field, int, text};
use super::normalize::Hint;
use crate::link::Failure;

/// How long a push object is good where the service does not say (the value seen everywhere else).
const UNSAID_LIFE: Duration = Duration::from_secs(21_600);

/// The right to subscribe to one channel: a bearer secret, kept in memory only.
#[derive(Clone)]
pub(crate) struct PushObject {
    /// The channel.
    pub(crate) channel: String,
    /// How long it is good, from its receipt.
    pub(crate) life: Duration,
    signature: String,
    /// In the form it came in: the signature covers its text.
    timestamp: Value,
}

/// Says nothing of the signature.
impl std::fmt::Debug for PushObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushObject")
            .field("channel", &self.channel)
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

impl PushObject {
    /// Reads a push object.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let life = int(field(value, "expires_in")).and_then(|seconds| u64::try_from(seconds).ok());
        Some(Self {
            channel: text(field(value, "channel")).filter(|channel| channel.starts_with('/'))?,
            life: life.map_or(UNSAID_LIFE, Duration::from_secs),
            signature: text(field(value, "signature"))?,
            timestamp: Some(field(value, "timestamp")).filter(|at| at.is_number() || at.is_string())?.clone(),
        })
    }

    /// The `ext` of the subscribe (PrivatePub's two fields).
    pub(crate) fn ext(&self) -> Value {
        json!({"private_pub_signature": self.signature, "private_pub_timestamp": self.timestamp})
    }

    /// When to fetch the next one: at four fifths of its life, never more often than once a minute.
    pub(crate) fn renew_after(&self) -> Duration {
        (self.life / 5 * 4).max(Duration::from_secs(60))
    }
}

/// What a push says to a notifier.
#[derive(Debug, PartialEq)]
pub(crate) enum Pushed {
    /// `notification_create`.
    Created(Hint),
    /// `notification_unread`: so many are unread now.
    Unread(i64),
    /// `conversation_event`, of any action.
    Conversation(Value),
    /// `conversation_read`: this one was read elsewhere.
    ConversationRead(i64),
    /// `conversation_read_all`.
    AllConversationsRead,
    /// Nothing for us: the service has many more events, and may invent others.
    Nothing,
}

#[derive(Deserialize)]
struct Layer<'a> {
    #[serde(borrow, default)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads a message's data: the event lies one layer deeper (Podio wraps twice), or at the top.
pub(crate) fn read(data: &RawValue, now: Timestamp) -> Pushed {
    let mut json = data.get();
    for _ in 0..3 {
        // Everything that is no such layer says nothing that we could use.
        let Ok(layer) = serde_json::from_str::<Layer<'_>>(json) else { return Pushed::Nothing };
        match (layer.event, layer.data) {
            (Some(event), _) => return read_event(&event, json, now),
            (None, Some(inner)) => json = inner.get(),
            (None, None) => return Pushed::Nothing,
        }
    }
    Pushed::Nothing
}

/// `typing` and `viewing` come all day long and are dropped here, before their data is parsed.
fn read_event(name: &str, json: &str, now: Timestamp) -> Pushed {
    if !matches!(
        name,
        "notification_create"
            | "notification_unread"
            | "conversation_event"
            | "conversation_read"
            | "conversation_read_all"
    ) {
        return Pushed::Nothing;
    }
    let Ok(event) = serde_json::from_str::<Value>(json) else { return Pushed::Nothing };
    let data = field(&event, "data");
    match name {
        "notification_create" => Hint::of(&event, now).map_or(Pushed::Nothing, Pushed::Created),
        "notification_unread" => int(field(data, "count")).map_or(Pushed::Nothing, Pushed::Unread),
        "conversation_event" => Pushed::Conversation(event),
        "conversation_read" => {
            int(field(data, "conversation_id")).map_or(Pushed::Nothing, Pushed::ConversationRead)
        }
        "conversation_read_all" => Pushed::AllConversationsRead,
        _ => Pushed::Nothing,
    }
}

/// The one place where a failed push connection becomes one of the four failures.
pub(crate) fn failure(error: &bayeux::Error, now: Timestamp) -> Failure {
    use bayeux::Error;
    let words = |said: &str| format!("Podio's push service: {said}");
    match error {
        Error::Http { status: 300..=399 | 511, .. } => Failure::transient(
            "this network may want you to sign in first: Podio's push service is redirected",
        ),
        Error::Http { retry_after: Some(wait), .. } => {
            let wait = (*wait).min(Duration::from_secs(3600));
            crate::source::auth::tokens::later(now, wait, words("it says when to come back"))
        }
        Error::Certificate(why) => Failure::fatal(words(&format!(
            "its certificate cannot be trusted ({why}): check this computer's clock and network, or add the certificate of your own server to the system"
        ))),
        Error::HandshakeRefused { again: false, .. }
        | Error::Refused(_)
        | Error::NoTransport
        | Error::Config(_) => Failure::fatal(words(&error.to_string())),
        Error::Http { .. }
        | Error::Network(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::Silent(_)
        | Error::HandshakeRefused { again: true, .. }
        | Error::Unsettled
        | Error::TooLarge { .. }
        | Error::Behind
        | Error::Ended => Failure::transient(words(&error.to_string())),
        // The crate may grow new errors; what is new is not known to be hopeless.
        other => Failure::transient(words(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(value: &Value) -> Pushed {
        let raw = RawValue::from_string(value.to_string()).unwrap();
        read(&raw, "2026-11-22T10:00:00Z".parse().unwrap())
    }

    fn wrapped(event: &Value) -> Value {
        json!({"channel": "/user/46432", "data": event})
    }

    fn event(name: &str, data: Value) -> Value {
        json!({"ref": {"type": "user", "id": 46432}, "event": name, "created_by": {"type": "user", "id": 7}, "created_via": 1, "data": data})
    }

    #[test]
    fn the_events_that_matter_are_read_through_one_wrapping_or_none() {
        let created = event("notification_create", json!({"notification_id": 123, "text": "x"}));
        for sent in [wrapped(&created), created.clone(), wrapped(&wrapped(&created))] {
            assert!(matches!(pushed(&sent), Pushed::Created(hint) if hint.id == 123), "{sent}");
        }
        let unread = event("notification_unread", json!({"count": "3"}));
        assert_eq!(pushed(&wrapped(&unread)), Pushed::Unread(3));
        let read = event("conversation_read", json!({"conversation_id": 5, "unread_count": 0}));
        assert_eq!(pushed(&wrapped(&read)), Pushed::ConversationRead(5));
        assert_eq!(
            pushed(&wrapped(&event("conversation_read_all", Value::Null))),
            Pushed::AllConversationsRead
        );
    }

    #[test]
    fn everything_else_says_nothing() {
        for nothing in [
            wrapped(&event("typing", json!([1, 2]))),
            wrapped(&event("viewing", json!([1]))),
            wrapped(&event("moon_landing", json!({}))),
            event("notification_create", json!({"text": "no number"})),
            event("notification_unread", json!({"count": null})),
            json!({"event": 7}),
            json!({"channel": "/user/1", "eval": "alert(1)"}),
            json!([1, 2]),
            json!("x"),
            json!(null),
            wrapped(&wrapped(&wrapped(&wrapped(&event("notification_unread", json!({"count": 1})))))),
        ] {
            assert_eq!(pushed(&nothing), Pushed::Nothing, "{nothing}");
        }
    }

    #[test]
    fn a_push_object_gives_its_pair_in_the_form_it_came_and_hides_it_in_debug_output() {
        let sent = json!({"timestamp": 1_435_054_283, "expires_in": 21600, "channel": "/user/1", "signature": "7d2018"});
        let object = PushObject::of(&sent).unwrap();
        assert_eq!(
            object.ext(),
            json!({"private_pub_signature": "7d2018", "private_pub_timestamp": 1_435_054_283})
        );
        assert_eq!(object.renew_after(), Duration::from_secs(17_280));
        assert!(!format!("{object:?}").contains("7d2018"));
        let text = json!({"timestamp": "1435054283", "channel": "/user/1", "signature": "7d2018"});
        let object = PushObject::of(&text).unwrap();
        assert_eq!(object.ext()["private_pub_timestamp"], json!("1435054283"));
        assert_eq!(object.life, UNSAID_LIFE);
        assert!(PushObject::of(&json!({"channel": "/user/1"})).is_none());
    }
}

//! The messages on the wire (Bayeux 1.0 §3), read leniently.
//!
//! In comes the text of one response or frame: an array of messages, or a single one. Each field is kept as the slice
//! of text it stands in and decoded only when asked for, so that an event's `data` is parsed once, by whoever wants it.
//! Unknown fields are skipped and fields of the wrong type count as absent.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// One message as it stands in the text.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    channel: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw", rename = "clientId")]
    client_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    successful: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    pub(crate) data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    error: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    advice: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    subscription: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    ext: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw", rename = "supportedConnectionTypes")]
    connection_types: Option<&'a RawValue>,
}

fn raw<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads a response or frame. An empty text is an empty batch: some servers answer so when they have nothing to say.
pub(crate) fn decode(text: &str) -> Result<Vec<Message<'_>>, serde_json::Error> {
    let text = text.trim_start();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if text.starts_with('[') {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(text).map(|one| vec![one])
    }
}

impl<'a> Message<'a> {
    pub(crate) fn channel(&self) -> Cow<'a, str> {
        self.channel.and_then(string).unwrap_or_default()
    }

    /// The number under which we sent the request, if this is one of ours.
    pub(crate) fn our_id(&self) -> Option<u64> {
        self.id.and_then(|id| id.get().trim_matches('"').parse().ok())
    }

    pub(crate) fn has_id(&self) -> bool {
        self.id.is_some_and(|id| id.get() != "null")
    }

    /// The id as the publisher wrote it; a number is given as its digits.
    pub(crate) fn id(&self) -> Option<String> {
        let id = self.id?;
        match id.get().as_bytes().first() {
            Some(b'"') => string(id).map(Cow::into_owned),
            Some(b'0'..=b'9' | b'-') => Some(id.get().to_owned()),
            Some(_) | None => None,
        }
    }

    pub(crate) fn client_id(&self) -> Option<String> {
        self.client_id.and_then(string).map(Cow::into_owned).filter(|id| !id.is_empty())
    }

    /// A message is a reply if and only if it says whether the request was successful.
    pub(crate) fn is_reply(&self) -> bool {
        self.successful.is_some()
    }

    pub(crate) fn is_successful(&self) -> bool {
        self.successful.is_some_and(|raw| raw.get() == "true")
    }

    /// The error text. A server that gives none, or something else than text, still gets a sentence.
    pub(crate) fn error(&self) -> Cow<'a, str> {
        self.error
            .and_then(string)
            .filter(|text| !text.is_empty())
            .unwrap_or(Cow::Borrowed("no reason given"))
    }

    pub(crate) fn advice(&self) -> Option<&'a str> {
        self.advice.map(RawValue::get)
    }

    /// The first channel a subscription reply speaks of.
    pub(crate) fn subscription(&self) -> Option<String> {
        match serde_json::from_str(self.subscription?.get()) {
            Ok(Value::String(channel)) => Some(channel),
            Ok(Value::Array(channels)) => channels.first().and_then(Value::as_str).map(str::to_owned),
            Ok(_) | Err(_) => None,
        }
    }

    /// Whether a handshake reply grants the acknowledge extension: `ext.ack` is `true` or `{enabled: true, …}`.
    pub(crate) fn grants_ack(&self) -> bool {
        match self.ext_ack() {
            Some(Value::Bool(granted)) => granted,
            Some(Value::Object(fields)) => fields.get("enabled") == Some(&Value::Bool(true)),
            Some(_) | None => false,
        }
    }

    /// The batch number of the acknowledge extension, on a connect or handshake reply.
    pub(crate) fn ack_batch(&self) -> Option<i64> {
        match self.ext_ack()? {
            Value::Number(batch) => batch.as_i64(),
            Value::Object(fields) => fields.get("batch").and_then(Value::as_i64),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => None,
        }
    }

    fn ext_ack(&self) -> Option<Value> {
        let Ok(Value::Object(mut ext)) = serde_json::from_str(self.ext?.get()) else { return None };
        ext.remove("ack")
    }

    /// The transports a handshake reply offers; `None` when it does not say.
    pub(crate) fn connection_types(&self) -> Option<Vec<String>> {
        let Ok(Value::Array(types)) = serde_json::from_str(self.connection_types?.get()) else { return None };
        Some(types.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}

/// Decodes a JSON string, without a copy when it holds no escapes.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_and_single_objects_are_read() {
        assert_eq!(decode(r#"[{"channel":"/a","data":1},{"channel":"/b","data":2}]"#).unwrap().len(), 2);
        assert_eq!(decode(r#" {"channel":"/a","data":1}"#).unwrap().len(), 1);
        assert_eq!(decode("[]").unwrap().len(), 0);
        assert_eq!(decode("  ").unwrap().len(), 0);
    }

    #[test]
    fn broken_text_is_an_error_and_never_a_panic() {
        for broken in ["[", "[1]", "[{]", "null", "3", "[{}", "[{}]x", "<html>", r#"{"channel":}"#, "\u{0}"] {
            assert!(decode(broken).is_err(), "{broken}");
        }
        assert!(decode(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn deep_data_is_carried_without_being_walked() {
        let deep = format!(r#"[{{"channel":"/a","data":{}{}}}]"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(decode(&deep).unwrap().first().unwrap().data.unwrap().get().len(), 20_000);
    }

    #[test]
    fn a_reply_says_successful_and_an_event_does_not() {
        let all = decode(r#"[{"channel":"/a","data":{"successful":true}},{"channel":"/a","data":1,"successful":false},{"successful":"true"}]"#)
            .unwrap();
        assert_eq!(all.iter().map(Message::is_reply).collect::<Vec<_>>(), [false, true, true]);
        assert!(!all[2].is_successful(), "only the literal true is success");
    }

    #[test]
    fn fields_of_the_wrong_type_count_as_absent() {
        let all = decode(
            r#"[{"channel":7,"id":{},"clientId":[],"error":{},"subscription":9,"ext":"x","supportedConnectionTypes":"y","unknown":[{}]}]"#,
        )
        .unwrap();
        let message = &all[0];
        assert_eq!(message.channel(), "");
        assert_eq!((message.our_id(), message.id(), message.client_id()), (None, None, None));
        assert_eq!(message.error(), "no reason given");
        assert_eq!(
            (message.subscription(), message.ack_batch(), message.connection_types()),
            (None, None, None)
        );
    }

    #[test]
    fn ids_and_names_are_decoded() {
        let all = decode(
            r#"[{"id":"17","channel":"\/a\u0062"},{"id":17},{"id":"x\"y"},{"subscription":["/a","/b"]}]"#,
        )
        .unwrap();
        assert_eq!(all[0].channel(), "/ab");
        assert_eq!((all[0].our_id(), all[1].our_id(), all[2].our_id()), (Some(17), Some(17), None));
        assert_eq!((all[1].id().as_deref(), all[2].id().as_deref()), (Some("17"), Some("x\"y")));
        assert_eq!(all[3].subscription().as_deref(), Some("/a"));
    }

    #[test]
    fn the_acknowledge_extension_is_read_in_both_shapes() {
        let all = decode(r#"[{"ext":{"ack":true}},{"ext":{"ack":{"enabled":true,"batch":4}}},{"ext":{"ack":9}},{"ext":{"ack":false}}]"#).unwrap();
        assert_eq!(all.iter().map(Message::grants_ack).collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!(all.iter().map(Message::ack_batch).collect::<Vec<_>>(), [None, Some(4), Some(9), None]);
    }
}

//! The frames on the wire, read leniently.
//!
//! In comes the text of one frame. Each field is kept as the slice of text it stands in and decoded only when asked for,
//! so that an event's data is copied once and parsed by whoever wants it. Unknown fields are skipped and fields of the
//! wrong type count as absent.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// What was published: JSON text, not parsed yet. Most servers put it on the wire as a string that holds JSON; that is
/// undone once, as every other client does. A string that holds no JSON is kept as a JSON string.
#[derive(Clone, PartialEq, Eq)]
pub struct Data(Box<str>);

impl Data {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parsed value. What is nested deeper than `serde_json` goes comes as a string of its text.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_else(|_| Value::String(self.0.to_string()))
    }

    /// The JSON as it stands.
    pub(crate) fn plain(raw: &RawValue) -> Self {
        Self(raw.get().into())
    }

    /// The JSON inside the string, if there is any.
    pub(crate) fn decoded(raw: Option<&RawValue>) -> Self {
        let Some(raw) = raw else { return Self::default() };
        match string(raw) {
            Some(text) if is_json(&text) => Self(text.into()),
            Some(_) | None => Self::plain(raw),
        }
    }

    /// Text that may be JSON.
    pub(crate) fn from_text(text: String) -> Self {
        Self(if is_json(&text) { text.into() } else { Value::String(text).to_string().into() })
    }
}

impl Default for Data {
    /// `null`, which also stands for data that is absent.
    fn default() -> Self {
        Self("null".into())
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says only how much it is: what people write does not belong in logs.
impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.0.len())
    }
}

/// One frame as it stands in the text.
#[derive(Deserialize)]
pub(crate) struct Incoming<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    event: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    channel: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    pub(crate) data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    user_id: Option<&'a RawValue>,
}

fn raw<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads a frame; `None` if it is no JSON object.
pub(crate) fn decode(text: &str) -> Option<Incoming<'_>> {
    // Arrays, too, can be read into a struct.
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
}

impl<'a> Incoming<'a> {
    pub(crate) fn event(&self) -> Cow<'a, str> {
        self.event.and_then(string).unwrap_or_default()
    }

    pub(crate) fn channel(&self) -> Option<Cow<'a, str>> {
        self.channel.and_then(string)
    }

    pub(crate) fn user_id(&self) -> Option<String> {
        self.user_id.and_then(id)
    }

    /// The data of one of the protocol's own events: the text inside the string, or the object's own.
    pub(crate) fn own_data(&self) -> Cow<'a, str> {
        let Some(data) = self.data else { return Cow::Borrowed("") };
        string(data).unwrap_or(Cow::Borrowed(data.get()))
    }
}

/// Decodes a JSON string, without a copy when it holds no escapes.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// An id that is a string or, as some write it, a number.
pub(crate) fn id(raw: &RawValue) -> Option<String> {
    match raw.get().as_bytes().first()? {
        b'"' => string(raw).map(Cow::into_owned),
        b'0'..=b'9' | b'-' => Some(raw.get().to_owned()),
        _ => None,
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(frame: &str) -> String {
        Data::decoded(decode(frame).unwrap().data).as_str().to_owned()
    }

    #[test]
    fn data_is_decoded_once_and_no_more() {
        let table = [
            (r#"{"data":"{\"a\":1}"}"#, r#"{"a":1}"#),
            (r#"{"data":{"a":1}}"#, r#"{"a":1}"#),
            (r#"{"data":"hello"}"#, r#""hello""#),
            (r#"{"data":"say \"hi\""}"#, r#""say \"hi\"""#),
            (r#"{"data":"\"hello\""}"#, r#""hello""#),
            (r#"{"data":"12"}"#, "12"),
            (r#"{"data":""}"#, r#""""#),
            (r#"{"data":null}"#, "null"),
            ("{}", "null"),
            (r#"{"data":"\"{\\\"a\\\":1}\""}"#, r#""{\"a\":1}""#),
        ];
        for (frame, expected) in table {
            assert_eq!(data(frame), expected, "{frame}");
        }
    }

    #[test]
    fn text_is_kept_as_json() {
        assert_eq!(Data::from_text("{}".to_owned()).as_str(), "{}");
        assert_eq!(Data::from_text("a \"b\"".to_owned()).as_str(), r#""a \"b\"""#);
    }

    #[test]
    fn deep_data_is_carried_without_being_walked() {
        let deep = format!(r#"{{"data":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        let carried = Data::decoded(decode(&deep).unwrap().data);
        assert_eq!(carried.as_str().len(), 20_000);
        assert!(carried.value().is_string(), "too deep to be a value");
    }

    #[test]
    fn broken_text_is_no_frame() {
        for broken in
            ["", "[", "[1]", "null", "3", "{", r#"["e","c",1]"#, "<html>", r#"{"event":}"#, "{}x", "\u{0}"]
        {
            assert!(decode(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn fields_of_the_wrong_type_count_as_absent() {
        let frame = decode(r#"{"event":7,"channel":{},"user_id":[],"other":[{}]}"#).unwrap();
        assert_eq!((frame.event().as_ref(), frame.channel(), frame.user_id()), ("", None, None));
        let frame = decode(r#" {"event":"\u0061","channel":"b\/c","user_id":3}"#).unwrap();
        assert_eq!((frame.event().as_ref(), frame.channel().as_deref()), ("a", Some("b/c")));
        assert_eq!(frame.user_id().as_deref(), Some("3"));
    }
}

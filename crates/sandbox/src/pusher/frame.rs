//! The protocol's envelope. Pure.

use super::Quirk;
use serde_json::{Map, Value, json};

/// The `data` of an event.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// No field.
    Absent,
    /// JSON text: encoded twice, as the protocol wants it.
    Text(String),
    /// As it is.
    Plain(Value),
}

pub(super) fn text(event: &str, channel: Option<&str>, data: Data) -> String {
    with_user(event, channel, data, None)
}

pub(super) fn with_user(event: &str, channel: Option<&str>, data: Data, user_id: Option<&str>) -> String {
    let mut envelope = Map::new();
    envelope.insert("event".to_owned(), json!(event));
    envelope.extend(channel.map(|channel| ("channel".to_owned(), json!(channel))));
    match data {
        Data::Absent => {}
        Data::Text(text) => {
            envelope.insert("data".to_owned(), Value::String(text));
        }
        Data::Plain(value) => {
            envelope.insert("data".to_owned(), value);
        }
    }
    envelope.extend(user_id.map(|user_id| ("user_id".to_owned(), json!(user_id))));
    Value::Object(envelope).to_string()
}

/// `pusher:error`, whose data is JSON text in Reverb and an object elsewhere.
pub(super) fn error(quirk: Quirk, code: Option<u16>, message: &str) -> String {
    let data = json!({"code": code, "message": message});
    let data = match quirk {
        Quirk::Reverb => Data::Text(data.to_string()),
        Quirk::Pusher | Quirk::Soketi | Quirk::Sockudo => Data::Plain(data),
    };
    text("pusher:error", None, data)
}

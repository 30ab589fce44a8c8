//! Messages: who wrote, over which channel, the first words. Pure.

use serde_json::{Value, json};

use super::words::{a_message, capital, first_time};
use super::{Draft, From, LISTED, MESSAGES, Reader, called, name};
use crate::notification::{Icon, PodiumKind};
use crate::source::podio::json::{at, field, items, text};

/// Most items of a message that are looked at.
const ITEMS: usize = 10;

pub(super) fn draft(kind: PodiumKind, message: &Value, from: From, reader: Reader<'_>) -> Draft {
    let customer = customer(message);
    let who = customer.clone().unwrap_or_else(|| "a customer".to_owned());
    let channel = text(at(message, &["conversation", "channel", "type"]));
    let it = a_message(channel.as_deref());
    let sender = sender(message).and_then(|uid| reader.names.people.get(&uid).cloned());
    let said = said(message);
    let (title, body) = match kind {
        PodiumKind::MessageFailed => {
            let why = text(field(message, "failureReason"));
            (format!("{} to {who} did not arrive", capital(&it)), joined(why, said))
        }
        PodiumKind::MessageSent => match &sender {
            Some(sender) => (format!("{sender} sent {it} to {who}"), said),
            None => (format!("{} was sent to {who}", capital(&it)), said),
        },
        _ if from == From::List => (format!("{}: new {}", capital(&who), without_article(&it)), said),
        _ => (format!("{} sent {it}", capital(&who)), said),
    };
    let mut names = names(message);
    let id = if names.is_empty() { None } else { Some(names.remove(0)) };
    let location = text(at(message, &["location", "uid"]));
    let context = match text(at(message, &["conversation", "uid"])) {
        Some(uid) => reader.conversation(&uid, customer.clone(), location),
        None => reader.thing("conversation", None, None),
    };
    let email = matches!(channel.as_deref(), Some("email" | "fallback_email"));
    Draft {
        id,
        also: names,
        version: match (kind, from) {
            (PodiumKind::MessageFailed, _) => 3,
            (_, From::Event) => 2,
            (_, From::List) => LISTED,
        },
        icon: (kind == PodiumKind::MessageReceived && email).then_some(Icon::Message),
        title,
        body,
        actor: if kind == PodiumKind::MessageReceived { customer } else { sender },
        context,
        at: first_time(message, &["createdAt"]).or_else(|| {
            items(field(message, "items")).iter().find_map(|item| first_time(item, &["createdAt"]))
        }),
        ..Draft::default()
    }
}

/// All names of a message, the best one first: its own, then those of its items. Either may be missing in what a webhook tells.
pub(super) fn names(message: &Value) -> Vec<String> {
    let own = text(field(message, "uid")).map(|uid| format!("{MESSAGES}{}", name(&uid)));
    let items = items(field(message, "items")).iter().take(ITEMS);
    let of_items =
        items.filter_map(|item| Some(format!("{MESSAGES}item:{}", name(&text(field(item, "uid"))?))));
    own.into_iter().chain(of_items).collect()
}

/// A message of a list, with what its conversation knows and it does not say.
pub(super) fn within(message: &Value, conversation: &Value) -> Value {
    let mut message = message.clone();
    let Some(fields) = message.as_object_mut() else { return message };
    let missing =
        |fields: &serde_json::Map<String, Value>, name: &str| fields.get(name).is_none_or(Value::is_null);
    if missing(fields, "contactName") {
        fields.insert("contactName".to_owned(), field(conversation, "contactName").clone());
    }
    if missing(fields, "location") {
        fields.insert("location".to_owned(), json!({ "uid": field(conversation, "locationUid") }));
    }
    let mut inner = fields.get("conversation").and_then(Value::as_object).cloned().unwrap_or_default();
    for name in ["uid", "channel"] {
        if missing(&inner, name) {
            inner.insert(name.to_owned(), field(conversation, name).clone());
        }
    }
    fields.insert("conversation".to_owned(), inner.into());
    message
}

/// A list does not say which way a message went. One of the business's has a sender, or is still on its way; what remains is taken for a
/// customer's, since that is what must not be missed, and its words say no more than is known.
pub(super) fn what_happened(message: &Value) -> PodiumKind {
    let items = items(field(message, "items"));
    let has = |wanted: &[&str]| {
        items
            .iter()
            .any(|item| text(field(item, "deliveryStatus")).is_some_and(|it| wanted.contains(&it.as_str())))
    };
    if has(&["failed"]) || text(field(message, "failureReason")).is_some() {
        PodiumKind::MessageFailed
    } else if sender(message).is_some() || has(&["pending", "sent"]) {
        PodiumKind::MessageSent
    } else {
        PodiumKind::MessageReceived
    }
}

/// Whoever of the business wrote it.
fn sender(message: &Value) -> Option<String> {
    text(field(message, "senderUid")).or_else(|| text(at(message, &["sender", "uid"])))
}

/// The customer: by name, else by number or address.
fn customer(message: &Value) -> Option<String> {
    let ways: [&[&str]; 3] =
        [&["contactName"], &["contact", "name"], &["conversation", "channel", "identifier"]];
    ways.iter().find_map(|way| called(at(message, way)))
}

/// The words; where there are none, what came instead.
pub(super) fn said(message: &Value) -> String {
    let items = || items(field(message, "items")).iter().take(ITEMS);
    let in_items =
        || items().find_map(|item| text(field(item, "body")).or_else(|| text(field(item, "sendBody"))));
    if let Some(words) = text(field(message, "body")).or_else(in_items) {
        return words;
    }
    let attached = items().find(|item| text(field(item, "attachmentUrl")).is_some());
    let kind = attached.and_then(|item| text(field(item, "attachmentContentType"))).unwrap_or_default();
    match kind.split('/').next().unwrap_or_default() {
        "image" => "Sent a picture",
        "video" => "Sent a video",
        "audio" => "Sent a recording",
        _ if attached.is_some() || text(field(message, "attachmentUrl")).is_some() => "Sent a file",
        _ if items().any(|item| text(field(item, "encryptedAt")).is_some()) => "The message is encrypted",
        _ => "",
    }
    .to_owned()
}

fn without_article(it: &str) -> &str {
    it.split_once(' ').map_or(it, |(_, it)| it)
}

fn joined(why: Option<String>, said: String) -> String {
    match why {
        Some(why) if said.is_empty() => why,
        Some(why) => format!("{why} – {said}"),
        None => said,
    }
}

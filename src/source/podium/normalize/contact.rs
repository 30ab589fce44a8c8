//! Contacts: who is new, what was changed. Pure.

use serde_json::Value;

use super::words::{capital, first_time};
use super::{Draft, Reader, called, first_of};
use crate::notification::PodiumKind;
use crate::source::podio::json::{field, items, text};

/// What is compared, and what people call it.
const FIELDS: &[(&str, &str)] = &[
    ("name", "name"),
    ("phoneNumbers", "phone numbers"),
    ("emails", "e-mail addresses"),
    ("address", "address"),
    ("tags", "tags"),
    ("attributes", "attributes"),
    ("locations", "locations"),
    ("channels", "channels"),
];

pub(super) fn draft(kind: PodiumKind, data: &Value, reader: Reader<'_>) -> Draft {
    let (before, after) = (field(data, "before"), field(data, "after"));
    let there = if after.is_object() { after } else { before };
    let who = called(field(there, "name")).or_else(|| called(field(before, "name"))).or_else(|| reach(there));
    let who = who.unwrap_or_else(|| "a contact".to_owned());
    let whose = || if who == "a contact" { "A contact".to_owned() } else { format!("The contact {who}") };
    let title = match kind {
        PodiumKind::ContactCreated if who == "a contact" => "There is a new contact".to_owned(),
        PodiumKind::ContactCreated => format!("{} is a new contact", capital(&who)),
        PodiumKind::ContactDeleted => format!("{} was deleted", whose()),
        PodiumKind::ContactMerged => format!("{} was merged with another", whose()),
        PodiumKind::ContactUnchanged => format!("{} is as it was", whose()),
        _ => format!("{} was changed", whose()),
    };
    let wrong = items(field(data, "errors")).iter().find_map(error);
    let body = wrong.map(|wrong| format!("Podium says: {wrong}")).unwrap_or_else(|| match kind {
        PodiumKind::ContactCreated => reach(there).filter(|reach| *reach != who).unwrap_or_default(),
        PodiumKind::ContactUpdated => changes(before, after),
        _ => String::new(),
    });
    let uid = text(field(there, "uid"));
    let conversation = items(field(there, "conversations")).iter().find_map(|one| text(field(one, "uid")));
    let mut context = reader.thing("contact", uid.as_deref(), conversation.as_deref());
    context.title = called(field(there, "name"));
    let location = items(field(there, "locations")).first().and_then(|one| text(field(one, "uid")));
    context.place = reader.place(location);
    let times: &[&str] = match kind {
        PodiumKind::ContactCreated => &["createdAt", "updatedAt"],
        // A contact that is gone does not say since when.
        PodiumKind::ContactDeleted => &[],
        _ => &["updatedAt"],
    };
    Draft { title, body, context, at: first_time(there, times), ..Draft::default() }
}

/// How to reach somebody.
fn reach(contact: &Value) -> Option<String> {
    first_of(field(contact, "phoneNumbers"))
        .or_else(|| first_of(field(contact, "emails")))
        .or_else(|| items(field(contact, "channels")).iter().find_map(|one| called(field(one, "identifier"))))
}

/// What differs, in words.
pub(super) fn changes(before: &Value, after: &Value) -> String {
    if !before.is_object() || !after.is_object() {
        return String::new();
    }
    let said = |name: &str| after.get(name).is_some() && field(before, name) != field(after, name);
    let changed: Vec<&str> = FIELDS.iter().filter(|(name, _)| said(name)).map(|(_, words)| *words).collect();
    if changed.is_empty() { String::new() } else { format!("Changed: {}", changed.join(", ")) }
}

fn error(value: &Value) -> Option<String> {
    called(value).or_else(|| called(field(value, "message"))).or_else(|| called(field(value, "detail")))
}

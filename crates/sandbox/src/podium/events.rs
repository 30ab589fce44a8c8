//! The event types webhooks know, and the scope each asks for.

use super::world::{Shelf, str_at};
use serde_json::Value;

/// Every documented event type with its scope. The scopes of invoices, reviews and calls are inferred from their names.
pub const EVENT_TYPES: [(&str, &str); 26] = [
    ("call.completed", "read_phones"),
    ("call.missed", "read_phones"),
    ("call.received", "read_phones"),
    ("call.voicemail_left", "read_phones"),
    ("contact.created", "read_contacts"),
    ("contact.deleted", "read_contacts"),
    ("contact.merged", "read_contacts"),
    ("contact.unchanged", "read_contacts"),
    ("contact.updated", "read_contacts"),
    ("invoice.created", "read_payments"),
    ("invoice.disabled", "read_payments"),
    ("invoice.marked_as_paid", "read_payments"),
    ("invoice.payment_created", "read_payments"),
    ("invoice.payment_failed", "read_payments"),
    ("invoice.payment_succeeded", "read_payments"),
    ("invoice.refund_created", "read_payments"),
    ("invoice.refund_failed", "read_payments"),
    ("message.failed", "read_messages"),
    ("message.received", "read_messages"),
    ("message.sent", "read_messages"),
    ("review.created", "read_reviews"),
    ("review.invite_link_created", "read_reviews"),
    ("review.invite_link_updated", "read_reviews"),
    ("review.response_created", "read_reviews"),
    ("review.response_updated", "read_reviews"),
    ("review.updated", "read_reviews"),
];

/// The scope an event type asks for; none for a type that is not documented.
#[must_use]
pub fn scope_of(event_type: &str) -> Option<&'static str> {
    EVENT_TYPES.iter().find(|(name, _)| *name == event_type).map(|(_, scope)| *scope)
}

/// What an event is about, going by its type.
pub(super) fn shelf_of(event_type: &str) -> Option<Shelf> {
    match event_type.split_once('.') {
        Some(("message", _)) => Some(Shelf::Messages),
        Some(("contact", _)) => Some(Shelf::Contacts),
        Some(("invoice", _)) => Some(Shelf::Invoices),
        Some(("review", what)) if what.starts_with("invite") => Some(Shelf::Invites),
        Some(("review", what)) if what.starts_with("response") => Some(Shelf::Responses),
        Some(("review", _)) => Some(Shelf::Reviews),
        Some(("call", _)) => Some(Shelf::Calls),
        Some(_) | None => None,
    }
}

/// The locations an event's data names, in whichever of the documented places.
pub(super) fn places(data: &Value) -> Vec<&str> {
    let contact = data.get("after").filter(|after| !after.is_null()).or_else(|| data.get("before"));
    let data = contact.unwrap_or(data);
    let listed = data.get("locations").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(|one| str_at(one, "/uid"));
    ["/location/uid", "/locationUid"].iter().filter_map(|at| str_at(data, at)).chain(listed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_documented_type_is_about_something() {
        for (name, _) in EVENT_TYPES {
            assert!(shelf_of(name).is_some(), "{name}");
        }
        assert_eq!(shelf_of("appointment.created"), None);
    }

    #[test]
    fn a_place_is_found_wherever_the_documentation_puts_it() {
        assert_eq!(places(&json!({"location": {"uid": "a"}})), ["a"]);
        assert_eq!(places(&json!({"locationUid": "b"})), ["b"]);
        assert_eq!(
            places(&json!({"before": null, "after": {"locations": [{"uid": "c"}, {"uid": "d"}]}})),
            ["c", "d"]
        );
        assert_eq!(places(&json!({"before": {"locations": [{"uid": "e"}]}, "after": null})), ["e"]);
    }
}

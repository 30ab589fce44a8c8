//! The notification taxonomy as data: types, the contexts they occur in, their icons and data dictionaries
//! (podio documentation, area Notifications). Tests iterate over it; the world draws defaults from it.

mod samples;

use super::world::Context;
use serde_json::{Value, json};

pub use samples::{Sample, samples};

/// How alive a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// In use.
    Live,
    /// Struck out on the page, but may sit in old inboxes.
    Retired,
    /// Named in the combination list only.
    Combination,
    /// Named in clients only.
    Client,
}

/// A notification type.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// As on the wire.
    pub name: &'static str,
    /// How alive it is.
    pub status: Status,
    /// Context types it occurs in; for types the page lists without one, the context that fits.
    pub contexts: &'static [&'static str],
    /// Icon name when neither context nor data say otherwise.
    pub icon: &'static str,
}

const fn of(
    name: &'static str,
    status: Status,
    contexts: &'static [&'static str],
    icon: &'static str,
) -> Type {
    Type { name, status, contexts, icon }
}

use Status::{Client, Combination, Live, Retired};

/// Every type: 39 of the page, 5 of the combination list, 3 of clients.
pub const TYPES: [Type; 47] = [
    of("alert", Live, &["item", "status", "task", "action", "meeting", "file"], "alert"),
    of("comment", Live, &["action", "item", "status", "share", "task", "meeting", "file"], "comment"),
    of("file", Live, &["item", "task", "meeting", "conversation"], "file"),
    of("file_delete", Live, &["item", "task"], "delete"),
    of("meeting", Retired, &["meeting"], "meeting"),
    of("member_reference_add", Live, &["item"], "member_reference_add"),
    of("member_reference_remove", Live, &["item"], "member_reference_remove"),
    of("rating", Live, &["item", "status", "share", "meeting", "file", "task", "action"], "like"),
    of("space_invite", Live, &["space"], "space_invite"),
    of("space_accept", Retired, &["profiles"], "approved"),
    of("space_decline", Retired, &["profiles"], "rejected"),
    of("space_delete", Live, &["space"], "delete"),
    of("self_kicked_from_space", Live, &["space"], "self_kicked_from_space"),
    of("user_left_space", Live, &["space"], "user_left_space"),
    of("user_kicked_from_space", Live, &["space"], "user_kicked_from_space"),
    of("role_change", Live, &["space"], "update"),
    of("creation", Live, &["item", "task", "app", "status", "meeting"], "creation"),
    of("update", Live, &["item", "status", "task", "app", "meeting"], "update"),
    of("delete", Live, &["item", "status", "task", "meeting", "file"], "delete"),
    of("message", Live, &["conversation", "profiles", "item", "org", "status", "bulletin"], "message"),
    of("conversation_add", Live, &["conversation"], "message"),
    of("bulletin", Retired, &["profiles"], "bulletin"),
    of("rsvp", Retired, &["item"], "attending"),
    of("answer", Live, &["question"], "answer"),
    of("space_create", Live, &["space"], "space_create"),
    of("meeting_participant_add", Retired, &["meeting"], "meeting"),
    of("meeting_participant_remove", Retired, &["meeting"], "meeting"),
    of("meeting_started", Retired, &["meeting"], "meeting"),
    of("batch_process", Live, &["batch"], "update"),
    of("batch_complete", Live, &["batch"], "approved"),
    of("space_member_request", Live, &["space"], "space_invite"),
    of("grant_create", Live, &["item"], "alert"),
    of("grant_delete", Live, &["item"], "delete"),
    of("grant_create_other", Live, &["item"], "alert"),
    of("grant_delete_other", Live, &["item"], "delete"),
    of("reference", Live, &["item", "task", "action", "status", "file"], "member_reference_add"),
    of("vote", Live, &["item"], "star-rating"),
    of("participation", Live, &["item"], "attending"),
    of("reminder", Live, &["task", "meeting"], "reminder"),
    of("member_ended_user", Combination, &["profiles"], "self_kicked_from_space"),
    of("member_ended_admin", Combination, &["space"], "user_kicked_from_space"),
    of("org_member_add", Combination, &["org"], "member_reference_add"),
    of("org_member_remove", Combination, &["org"], "member_reference_remove"),
    of("org_member_leave", Combination, &["org"], "user_left_space"),
    of("team_alert", Client, &["item", "status"], "alert"),
    of("like", Client, &["item", "status"], "like"),
    of("item_transaction_confirmed", Client, &["item"], "approved"),
];

/// Every icon name of the page, with its mixed spelling.
pub const ICONS: [&str; 32] = [
    "alert",
    "task",
    "meeting",
    "status",
    "creation",
    "update",
    "delete",
    "comment",
    "approved",
    "rejected",
    "star-rating",
    "like",
    "attending",
    "not-attending",
    "maybe-attending",
    "thumbs-up",
    "thumbs-down",
    "yes",
    "no",
    "message",
    "message-reply",
    "bulletin",
    "member_reference_add",
    "member_reference_remove",
    "file",
    "user_left_space",
    "user_kicked_from_space",
    "self_kicked_from_space",
    "space_invite",
    "answer",
    "space_create",
    "reminder",
];

/// Rating type, value, icon. Values are zero-positive: 0 is the friendly one.
pub const RATINGS: [(&str, u8, &str); 15] = [
    ("like", 1, "like"),
    ("fivestar", 1, "star-rating"),
    ("fivestar", 2, "star-rating"),
    ("fivestar", 3, "star-rating"),
    ("fivestar", 4, "star-rating"),
    ("fivestar", 5, "star-rating"),
    ("approved", 0, "approved"),
    ("approved", 1, "rejected"),
    ("rsvp", 0, "attending"),
    ("rsvp", 1, "not-attending"),
    ("rsvp", 2, "maybe-attending"),
    ("yesno", 0, "yes"),
    ("yesno", 1, "no"),
    ("thumbs", 0, "thumbs-up"),
    ("thumbs", 1, "thumbs-down"),
];

/// Each type with each of its contexts.
pub fn combinations() -> impl Iterator<Item = (&'static Type, &'static str)> {
    TYPES.iter().flat_map(|one| one.contexts.iter().map(move |context| (one, *context)))
}

/// The icon the server would send for this type in this context with this data.
#[must_use]
pub fn icon(kind: &str, context: &str, data: &Value) -> &'static str {
    let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
    match (kind, context) {
        ("rating" | "like", _) => rating_icon(data),
        ("vote", _) if data.pointer("/voting/kind").and_then(Value::as_str) == Some("answer") => "answer",
        ("participation", _) => match text("status") {
            "declined" => "not-attending",
            "tentative" => "maybe-attending",
            _ => "attending",
        },
        ("message", _) if data.get("reply").and_then(Value::as_bool) == Some(true) => "message-reply",
        ("creation", "task" | "status" | "meeting") | ("update", "task") => {
            ICONS.into_iter().find(|icon| *icon == context).unwrap_or("creation")
        }
        _ => TYPES.iter().find(|one| one.name == kind).map_or("alert", |one| one.icon),
    }
}

fn rating_icon(data: &Value) -> &'static str {
    let kind = data.get("type").and_then(Value::as_str).unwrap_or("like");
    let value = data.get("value").and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    let known =
        RATINGS.into_iter().find(|(name, number, _)| *name == kind && Some(u64::from(*number)) == value);
    known.map_or("like", |(_, _, icon)| icon)
}

/// A data dictionary as the page describes it for this type in this context; null where it names none.
#[must_use]
pub fn sample_data(kind: &str, context: &Context) -> Value {
    let user = json!({"user_id": 56_432, "avatar": Value::Null, "name": "Ada Brook"});
    match kind {
        "alert" | "team_alert" => {
            json!({"text": "Could you look at this?", "ref": {"type": "comment", "id": 9_001}})
        }
        "comment" => {
            json!({"comment_id": 9_001, "value": "Looks good to me.", "files": [], "embed": Value::Null,
            "embed_file": Value::Null, "questions": []})
        }
        "file" | "file_delete" => json!({"file_id": 9_002, "name": "budget.pdf", "description": Value::Null,
            "mimetype": "application/pdf", "size": 48_213}),
        "member_reference_add" | "member_reference_remove" => {
            json!({"label": "Responsible", "description": Value::Null,
            "delta": 0, "settings": {}, "required": false, "visible": true})
        }
        "rating" | "like" => json!({"rating_id": 9_003, "type": "like", "value": 1,
            "ref": {"type": context.ref_type, "id": context.id}}),
        "space_invite" => {
            json!({"subject": "Join us", "message": "We plan the launch here.", "status": "invited",
            "invite_code": "sandbox-invite"})
        }
        "space_accept" | "space_decline" => json!({"status": "joined"}),
        "user_kicked_from_space" | "member_ended_admin" | "grant_create_other" | "grant_delete_other" => {
            json!({"user_id": 56_433, "avatar": Value::Null, "name": "Jonas Lind"})
        }
        "role_change" => json!({"role": "admin"}),
        "update" => match context.ref_type.as_str() {
            "item" => {
                json!({"item_revision_id": 9_004, "type": "update", "revision": 3, "diff": samples::diff()})
            }
            "task" => json!({"type": "update_due_date", "changed": {"due_date": "2026-12-01"}}),
            "app" => json!({"app_revision_id": 9_005}),
            _ => Value::Null,
        },
        "message" => json!({"message_id": 9_006, "text": "See you at ten.", "reply": false,
            "created_on": "2026-11-02 09:00:00", "created_by": user, "files": [], "embed": Value::Null,
            "embed_file": Value::Null}),
        "answer" => json!({"question_option": {"question_option_id": 1, "text": "Yes"}}),
        "space_member_request" => {
            json!({"space_member_request_id": 9_007, "status": "active", "role": "regular",
            "user": user, "space": {"space_id": 301, "name": "Launch"}})
        }
        "grant_create" | "grant_delete" => json!({"grant_id": 9_008, "message": "Please have a look",
            "action": "comment", "user": user}),
        "reference" => json!({"type": "item", "id": 43, "title": "Press release",
            "link": "https://podio.com/northwind/launch/apps/projects/items/43"}),
        "vote" => {
            json!({"voting": {"voting_id": 9_009, "kind": "fivestar", "question": "How good is it?"}, "rating": 4})
        }
        "participation" => json!({"status": "accepted"}),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_page_names_39_types_and_32_icons_and_each_icon_is_one_of_them() {
        let page = TYPES.iter().filter(|one| matches!(one.status, Live | Retired)).count();
        assert_eq!((page, BTreeSet::from(ICONS).len()), (39, 32));
        assert_eq!(TYPES.iter().map(|one| one.name).collect::<BTreeSet<_>>().len(), TYPES.len());
        for (one, context) in combinations() {
            let data = sample_data(one.name, &Context::new(context, 1, "x"));
            let icon = icon(one.name, context, &data);
            assert!(ICONS.contains(&icon), "{} in {context} has the unknown icon {icon}", one.name);
        }
    }

    #[test]
    fn a_rating_shows_its_value_be_it_number_or_text() {
        for (kind, value, expected) in RATINGS {
            assert_eq!(icon("rating", "item", &json!({"type": kind, "value": value})), expected);
            assert_eq!(icon("rating", "item", &json!({"type": kind, "value": value.to_string()})), expected);
        }
    }
}

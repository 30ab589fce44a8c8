//! Which picture a notification bears, and what a picture alone says of its kind. Pure.
//!
//! The service sends the name of the picture; all this is for names that are missing or that no one has seen yet.

use serde_json::Value;

use super::json::{at, field, flag, int, text};
use crate::notification::{Context, Icon, Kind};

/// The kind of a notification that comes with this type and this picture.
pub(super) fn kind(name: Option<String>, icon: Option<&str>) -> Kind {
    match name {
        // The documentation spells both `file`; only the picture and two clients tell the deleted one apart.
        Some(name) if name == "file" && icon.and_then(Icon::from_name) == Some(Icon::Delete) => {
            Kind::FileDelete
        }
        Some(name) => Kind::from(name),
        None => kind_of_icon(icon),
    }
}

/// The push says no type. Many pictures bear a type's name; the others belong to ratings.
pub(super) fn kind_of_icon(name: Option<&str>) -> Kind {
    let Some(name) = name else { return Kind::Other("notification".to_owned()) };
    let Some(icon) = Icon::from_name(name) else { return Kind::from(name.to_owned()) };
    match icon {
        Icon::Approved
        | Icon::Rejected
        | Icon::StarRating
        | Icon::Like
        | Icon::ThumbsUp
        | Icon::ThumbsDown
        | Icon::Yes
        | Icon::No => Kind::Rating,
        Icon::Attending | Icon::NotAttending | Icon::MaybeAttending => Kind::Participation,
        Icon::MessageReply => Kind::Message,
        Icon::Task | Icon::Status => Kind::Creation,
        Icon::Alert
        | Icon::Meeting
        | Icon::Creation
        | Icon::Update
        | Icon::Delete
        | Icon::Comment
        | Icon::Message
        | Icon::Bulletin
        | Icon::MemberReferenceAdd
        | Icon::MemberReferenceRemove
        | Icon::File
        | Icon::UserLeftSpace
        | Icon::UserKickedFromSpace
        | Icon::SelfKickedFromSpace
        | Icon::SpaceInvite
        | Icon::Answer
        | Icon::SpaceCreate
        | Icon::Reminder
        | Icon::Image
        | Icon::Bookmark
        | Icon::Text
        | Icon::Archive
        | Icon::Audio
        | Icon::Video
        | Icon::Chat
        | Icon::Sent
        | Icon::NotSent
        | Icon::Contact
        | Icon::Invoice
        | Icon::Payment
        | Icon::PaymentFailed
        | Icon::Refund
        | Icon::ReviewInvite
        | Icon::Call
        | Icon::CallEnded
        | Icon::MissedCall
        | Icon::Voicemail
        | Icon::Other => Kind::from(icon.name().to_owned()),
    }
}

/// The picture: the one of this name if we have it, else by kind and content.
pub(super) fn picture(name: Option<&str>, kind: &Kind, data: &Value, context: &Context) -> Icon {
    let named = name.and_then(Icon::from_name);
    named.or_else(|| derived(kind, data, context)).unwrap_or_else(|| kind.icon())
}

fn derived(kind: &Kind, data: &Value, context: &Context) -> Option<Icon> {
    let about = context.what.as_str();
    // Not exhaustive on purpose: the table in `kind.rs` has a picture for every other kind.
    match kind {
        Kind::Rating | Kind::Like => rating(data),
        Kind::Participation | Kind::Rsvp => match text(field(data, "status"))?.as_str() {
            "accepted" => Some(Icon::Attending),
            "declined" => Some(Icon::NotAttending),
            "tentative" => Some(Icon::MaybeAttending),
            _ => None,
        },
        Kind::Message if flag(field(data, "reply")) == Some(true) => Some(Icon::MessageReply),
        Kind::Vote if text(at(data, &["voting", "kind"])).as_deref() == Some("answer") => Some(Icon::Answer),
        Kind::Creation | Kind::Update if about == "task" => Some(Icon::Task),
        Kind::Creation if about == "status" => Some(Icon::Status),
        Kind::Creation if about == "meeting" => Some(Icon::Meeting),
        _ => None,
    }
}

/// Ratings count from zero, and zero is the friendly answer (Podio's ratings area).
fn rating(data: &Value) -> Option<Icon> {
    let value = int(field(data, "value"));
    match (text(field(data, "type"))?.as_str(), value) {
        ("like", _) => Some(Icon::Like),
        ("fivestar", _) => Some(Icon::StarRating),
        ("approved", Some(1)) => Some(Icon::Rejected),
        ("approved", _) => Some(Icon::Approved),
        ("rsvp", Some(1)) => Some(Icon::NotAttending),
        ("rsvp", Some(2)) => Some(Icon::MaybeAttending),
        ("rsvp", _) => Some(Icon::Attending),
        ("yesno", Some(1)) => Some(Icon::No),
        ("yesno", _) => Some(Icon::Yes),
        ("thumbs", Some(1)) => Some(Icon::ThumbsDown),
        ("thumbs", _) => Some(Icon::ThumbsUp),
        _ => None,
    }
}

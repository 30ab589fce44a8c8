//! Our own sentence: who did what to what. For notifications to which the service sent no text, and for what its text leaves out. Pure.

use serde_json::Value;

use super::phrase::{a, name, noun};
use super::{Told, change};
use crate::notification::Kind;
use crate::source::podio::json::{at, field, flag, int, text};

/// Who did what to what.
pub(super) fn sentence(told: &Told<'_>) -> String {
    let (who, it, data) = (told.who(), told.thing(), told.data);
    match told.kind {
        Kind::Alert => format!("{who} mentioned you {}", mentioned_in(told, &it)),
        Kind::TeamAlert => format!("{who} mentioned your team {}", mentioned_in(told, &it)),
        Kind::Comment => format!("{who} commented on {it}"),
        Kind::File => format!("{who} attached {} to {it}", file(data)),
        Kind::FileDelete => format!("{who} deleted {} from {it}", file(data)),
        Kind::Meeting => format!("{who} added {it}"),
        Kind::MemberReferenceAdd => format!("{who} added you to {it}"),
        Kind::MemberReferenceRemove => format!("{who} removed you from {it}"),
        Kind::Rating | Kind::Like => rating(told, &who, &it),
        Kind::SpaceInvite => format!("{who} invited you to {it}"),
        Kind::SpaceAccept => format!("{who} accepted your invitation{}", told.of_the_space("to")),
        Kind::SpaceDecline => format!("{who} declined your invitation{}", told.of_the_space("to")),
        Kind::SpaceDelete => format!("{who} deleted {it}"),
        Kind::SelfKickedFromSpace => format!("{who} removed you from {it}"),
        Kind::MemberEndedUser => match told.actor {
            Some(_) => format!("{who} ended your membership{}", told.of_the_space("of")),
            None => format!("Your membership{} was ended", told.of_the_space("of")),
        },
        Kind::UserLeftSpace | Kind::OrgMemberLeave => format!("{who} left {it}"),
        Kind::UserKickedFromSpace | Kind::MemberEndedAdmin | Kind::OrgMemberRemove => {
            format!("{who} removed {} from {it}", somebody(data, "a member"))
        }
        Kind::OrgMemberAdd => format!("{who} added {} to {it}", somebody(data, "a member")),
        Kind::RoleChange => match role(data) {
            Some(role) => format!("{who} made you {role} of {it}"),
            None => format!("{who} changed your role in {it}"),
        },
        Kind::Creation if told.context.what == "status" => format!("{who} posted a status"),
        Kind::Creation | Kind::SpaceCreate => format!("{who} created {it}"),
        Kind::Update if told.context.what == "task" => change::task_sentence(told, &who, &it),
        Kind::Update if told.context.what == "status" => format!("{who} edited a status"),
        Kind::Update => match text(field(data, "type")).as_deref() {
            Some("creation") => format!("{who} created {it}"),
            Some("delete") => format!("{who} deleted {it}"),
            _ => format!("{who} changed {it}"),
        },
        Kind::Delete if told.context.what == "status" => format!("{who} deleted a status"),
        Kind::Delete => format!("{who} deleted {it}"),
        Kind::Message => message(told, &who, &it),
        Kind::ConversationAdd => format!("{who} added a participant to {it}"),
        Kind::Bulletin => "News from Podio".to_owned(),
        Kind::Rsvp => format!("{who} asks whether you take part in {it}"),
        Kind::Participation => match text(field(data, "status")).as_deref() {
            Some("accepted") => format!("{who} takes part in {it}"),
            Some("declined") => format!("{who} does not take part in {it}"),
            Some("tentative") => format!("{who} may take part in {it}"),
            _ => format!("{who} answered whether they take part in {it}"),
        },
        Kind::Answer => format!("{who} answered {it}"),
        Kind::MeetingParticipantAdd => format!("{who} added you to {it}"),
        Kind::MeetingParticipantRemove => format!("{who} removed you from {it}"),
        Kind::MeetingStarted => match told.actor {
            Some(_) => format!("{who} started {it}"),
            None => format!("{} has started", capital(&it)),
        },
        Kind::BatchProcess => format!("{} has started", capital(&it)),
        Kind::BatchComplete => format!("{} is complete", capital(&it)),
        Kind::SpaceMemberRequest => match text(field(data, "status")).as_deref() {
            Some("accepted") => format!("{who} may now join {it}"),
            Some("retracted") => format!("{who} no longer asks to join {it}"),
            _ => format!("{who} asks to join {it}"),
        },
        Kind::GrantCreate => format!("{who} shared {it} with you"),
        Kind::GrantDelete => format!("{who} no longer shares {it} with you"),
        Kind::GrantCreateOther => format!("{who} shared {it} with {}", somebody(data, "somebody else")),
        Kind::GrantDeleteOther => {
            format!("{who} no longer shares {it} with {}", somebody(data, "somebody else"))
        }
        Kind::Reference => {
            let other = name(field(data, "title"))
                .unwrap_or_else(|| a(&noun(&text(field(data, "type")).unwrap_or_default())));
            format!("{who} linked {other} to {it}")
        }
        Kind::Vote => match (text(at(data, &["voting", "kind"])).as_deref(), int(field(data, "rating"))) {
            (Some("fivestar") | None, Some(stars)) => format!("{who} gave {it} {stars} of 5 stars"),
            _ => format!("{who} voted on {it}"),
        },
        Kind::Reminder => format!("Reminder: {}", bare(told, &it)),
        Kind::ItemTransactionConfirmed => match told.actor {
            Some(_) => format!("{who} confirmed a transaction on {it}"),
            None => format!("A transaction on {it} was confirmed"),
        },
        Kind::Podium(_) | Kind::Other(_) => format!("{}: {it}", capital(&noun(told.kind.name()))),
    }
}

/// `alert - status` stands twice in the documentation; what `ref` names tells the two apart.
fn mentioned_in(told: &Told<'_>, it: &str) -> String {
    match text(at(told.data, &["ref", "type"])).as_deref() {
        Some("comment") => format!("in a comment on {it}"),
        // The status is the content, so it stands in the body.
        Some("status") => "in a status".to_owned(),
        _ if told.context.what == "status" => "in a status".to_owned(),
        _ => format!("on {it}"),
    }
}

/// Ratings count from zero, and zero is the friendly answer (Podio's ratings area).
fn rating(told: &Told<'_>, who: &str, it: &str) -> String {
    let kind = text(field(told.data, "type"));
    let kind = kind.as_deref().or((*told.kind == Kind::Like).then_some("like"));
    match (kind, int(field(told.data, "value"))) {
        (Some("like"), _) => format!("{who} likes {it}"),
        (Some("fivestar"), Some(stars)) => format!("{who} gave {it} {stars} of 5 stars"),
        (Some("approved"), Some(0)) => format!("{who} approved {it}"),
        (Some("approved"), Some(1)) => format!("{who} did not approve {it}"),
        (Some("rsvp"), Some(0)) => format!("{who} takes part in {it}"),
        (Some("rsvp"), Some(1)) => format!("{who} does not take part in {it}"),
        (Some("rsvp"), Some(2)) => format!("{who} may take part in {it}"),
        (Some("yesno"), Some(0)) => format!("{who} says yes to {it}"),
        (Some("yesno"), Some(1)) => format!("{who} says no to {it}"),
        (Some("thumbs"), Some(0)) => format!("{who} gave {it} a thumbs up"),
        (Some("thumbs"), Some(1)) => format!("{who} gave {it} a thumbs down"),
        _ => format!("{who} rated {it}"),
    }
}

fn message(told: &Told<'_>, who: &str, it: &str) -> String {
    let reply = flag(field(told.data, "reply")) == Some(true);
    match told.context.what.as_str() {
        "conversation" | "" => match (&told.context.title, reply) {
            (Some(_), false) => format!("{who} wrote in {}", bare(told, it)),
            (Some(_), true) => format!("{who} replied in {}", bare(told, it)),
            (None, false) => format!("{who} sent you a message"),
            (None, true) => format!("{who} replied to a message"),
        },
        "profiles" => format!("{who} {} a private message", if reply { "replied to" } else { "sent you" }),
        "org" => format!("{who} {} {it}", if reply { "replied in" } else { "wrote to" }),
        _ => format!("{who} {} {it}", if reply { "replied about" } else { "sent you a message about" }),
    }
}

/// The title without the kind of thing before it, where there is one.
fn bare(told: &Told<'_>, it: &str) -> String {
    told.context.title.clone().unwrap_or_else(|| it.to_owned())
}

fn file(data: &Value) -> String {
    name(field(data, "name")).unwrap_or_else(|| "a file".to_owned())
}

fn somebody(data: &Value, unnamed: &str) -> String {
    name(field(data, "name")).unwrap_or_else(|| unnamed.to_owned())
}

/// `light`, `regular` and `admin` are documented.
pub(super) fn role(data: &Value) -> Option<&'static str> {
    match text(field(data, "role"))?.as_str() {
        "light" => Some("a light member"),
        "regular" => Some("a regular member"),
        "admin" => Some("an admin"),
        _ => None,
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

//! Words for what Podio left unsaid: a sentence where the service sent none, and the first words of the content by kind. Pure.

use serde_json::Value;

use super::json::{at, field, flag, int, items, text};
use crate::notification::{Context, Kind};

/// The service's own sentence, such that it says who: the short form if it does, else the long one, else the short one behind the
/// name. A sentence that begins with a capital letter stands by itself ("Reminder: …").
pub(super) fn line(short: Option<String>, long: Option<String>, actor: Option<&str>) -> Option<String> {
    let Some(actor) = actor else { return short.or(long) };
    let names = |said: &&String| said.contains(actor);
    if let Some(said) = [&short, &long].into_iter().flatten().find(names) {
        return Some(said.clone());
    }
    let said = short.or(long)?;
    let goes_on = said.chars().next().is_some_and(char::is_lowercase);
    Some(if goes_on { format!("{actor} {said}") } else { said })
}

/// Who did what to what, where the service sent no sentence of its own.
pub(super) fn sentence(kind: &Kind, actor: Option<&str>, context: &Context) -> String {
    let about = match (&context.title, context.what.as_str()) {
        (Some(title), _) => title.clone(),
        (None, "") => "something".to_owned(),
        (None, what) => format!("a {what}"),
    };
    match said(kind) {
        Said::Did(verb) => format!("{} {verb} {about}", actor.unwrap_or("Somebody")),
        Said::Happened(what) => format!("{what} {about}"),
        Said::Unknown(name) => format!("{}: {about}", name.replace(['_', '-'], " ")),
    }
}

enum Said<'a> {
    /// Somebody did this to it.
    Did(&'static str),
    /// This happened to it.
    Happened(&'static str),
    /// A kind no one has seen yet.
    Unknown(&'a str),
}

fn said(kind: &Kind) -> Said<'_> {
    Said::Did(match kind {
        Kind::Alert | Kind::TeamAlert => "mentioned you in",
        Kind::Comment => "commented on",
        Kind::File => "attached a file to",
        Kind::FileDelete => "deleted a file from",
        Kind::Meeting => "added the meeting",
        Kind::MemberReferenceAdd => "added you to",
        Kind::MemberReferenceRemove => "removed you from",
        Kind::Rating => "rated",
        Kind::Like => "likes",
        Kind::SpaceInvite => "invited you to",
        Kind::SpaceAccept => "accepted the invitation to",
        Kind::SpaceDecline => "declined the invitation to",
        Kind::SpaceDelete | Kind::Delete => "deleted",
        Kind::SelfKickedFromSpace | Kind::MemberEndedUser => "ended your membership of",
        Kind::UserLeftSpace | Kind::OrgMemberLeave => "left",
        Kind::UserKickedFromSpace | Kind::MemberEndedAdmin | Kind::OrgMemberRemove => "removed somebody from",
        Kind::RoleChange => "changed your role in",
        Kind::Creation | Kind::SpaceCreate => "created",
        Kind::Update => "changed",
        Kind::Message => "sent you a message in",
        Kind::ConversationAdd => "added somebody to",
        Kind::Bulletin => "published",
        Kind::Rsvp | Kind::Participation => "answered whether they take part in",
        Kind::Answer => "answered",
        Kind::MeetingParticipantAdd => "added you to the meeting",
        Kind::MeetingParticipantRemove => "removed you from the meeting",
        Kind::SpaceMemberRequest => "asks to join",
        Kind::GrantCreate => "shared with you:",
        Kind::GrantDelete => "no longer shares with you:",
        Kind::GrantCreateOther => "shared with somebody else:",
        Kind::GrantDeleteOther => "no longer shares with somebody else:",
        Kind::Reference => "referred to",
        Kind::Vote => "voted on",
        Kind::OrgMemberAdd => "added somebody to",
        Kind::Reminder => return Said::Happened("Reminder:"),
        Kind::BatchProcess => return Said::Happened("Work has begun on"),
        Kind::BatchComplete => return Said::Happened("Work is complete on"),
        Kind::MeetingStarted => return Said::Happened("The meeting has begun:"),
        Kind::Other(name) => return Said::Unknown(name),
    })
}

/// The first words of the content, where this kind's data has any.
pub(super) fn body(kind: &Kind, data: &Value) -> Option<String> {
    match kind {
        Kind::Comment => text(field(data, "value")).or_else(|| first_question(data)).or_else(|| files(data)),
        Kind::Alert | Kind::TeamAlert => text(field(data, "text")),
        Kind::Message => text(field(data, "text")).or_else(|| files(data)),
        Kind::File | Kind::FileDelete => text(field(data, "name")),
        Kind::MemberReferenceAdd | Kind::MemberReferenceRemove => text(field(data, "label")),
        Kind::SpaceInvite => text(field(data, "message")).or_else(|| text(field(data, "subject"))),
        Kind::UserKickedFromSpace
        | Kind::MemberEndedAdmin
        | Kind::GrantCreateOther
        | Kind::GrantDeleteOther => text(field(data, "name")),
        Kind::RoleChange => text(field(data, "role")).map(|role| format!("Your role is now: {role}")),
        Kind::Answer => text(at(data, &["question_option", "text"])),
        Kind::SpaceMemberRequest => text(at(data, &["user", "name"])),
        Kind::GrantCreate => text(field(data, "message")),
        Kind::Reference => text(field(data, "title")),
        Kind::Vote => text(at(data, &["answer", "text"]))
            .or_else(|| int(field(data, "rating")).map(|stars| format!("{stars} of 5"))),
        Kind::Rating | Kind::Like => rating(data),
        Kind::Update => task_change(data),
        Kind::Participation | Kind::Rsvp => match text(field(data, "status")).as_deref() {
            Some("accepted") => Some("Takes part".to_owned()),
            Some("declined") => Some("Does not take part".to_owned()),
            Some("tentative") => Some("Perhaps takes part".to_owned()),
            _ => None,
        },
        Kind::Meeting
        | Kind::SpaceAccept
        | Kind::SpaceDecline
        | Kind::SpaceDelete
        | Kind::SelfKickedFromSpace
        | Kind::UserLeftSpace
        | Kind::Creation
        | Kind::Delete
        | Kind::ConversationAdd
        | Kind::Bulletin
        | Kind::SpaceCreate
        | Kind::MeetingParticipantAdd
        | Kind::MeetingParticipantRemove
        | Kind::MeetingStarted
        | Kind::BatchProcess
        | Kind::BatchComplete
        | Kind::GrantDelete
        | Kind::Reminder
        | Kind::MemberEndedUser
        | Kind::OrgMemberAdd
        | Kind::OrgMemberRemove
        | Kind::OrgMemberLeave => None,
        Kind::Other(_) => text(field(data, "text")).or_else(|| text(field(data, "value"))),
    }
}

fn first_question(data: &Value) -> Option<String> {
    items(field(data, "questions")).first().and_then(|first| text(at(first, &["question", "text"])))
}

fn files(data: &Value) -> Option<String> {
    let names: Vec<_> =
        items(field(data, "files")).iter().filter_map(|file| text(field(file, "name"))).collect();
    if names.is_empty() { None } else { Some(names.join(", ")) }
}

/// Ratings count from zero, and zero is the friendly answer (Podio's ratings area). A like says all by itself.
fn rating(data: &Value) -> Option<String> {
    let value = int(field(data, "value"))?;
    let said = match (text(field(data, "type"))?.as_str(), value) {
        ("fivestar", stars) => return Some(format!("{stars} of 5 stars")),
        ("approved", 0) => "Approved",
        ("approved", 1) => "Not approved",
        ("rsvp", 0) => "Takes part",
        ("rsvp", 1) => "Does not take part",
        ("rsvp", 2) => "Perhaps takes part",
        ("yesno", 0) => "Yes",
        ("yesno", 1) => "No",
        ("thumbs", 0) => "Thumbs up",
        ("thumbs", 1) => "Thumbs down",
        _ => return None,
    };
    Some(said.to_owned())
}

/// What was done to a task. An item's update has the same field with other words (`creation`, `update`, `delete`), which say nothing
/// that the title does not.
fn task_change(data: &Value) -> Option<String> {
    let said = match text(field(data, "type"))?.as_str() {
        // The documentation spells it both ways.
        "assign" | "assignment" => "Assigned",
        "update_due_date" => "New due date",
        "update_text" => "New text",
        "update_description" => "New description",
        "update_private" => match flag(at(data, &["changed", "private"])) {
            Some(true) => "Now private",
            Some(false) => "No longer private",
            None => "Privacy changed",
        },
        "start" => "Started",
        "stop" => "Stopped",
        "complete" => "Completed",
        "incomplete" => "Open again",
        _ => return None,
    };
    Some(said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_says_who_if_any_form_of_the_sentence_does() {
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            (some("Ada commented"), some("Ada commented on Plan: ok"), Some("Ada"), "Ada commented"),
            (
                some("commented on Plan"),
                some("Ada commented on Plan: ok"),
                Some("Ada"),
                "Ada commented on Plan: ok",
            ),
            (some("commented on Plan"), some("commented on Plan: ok"), Some("Ada"), "Ada commented on Plan"),
            (some("Reminder: Plan"), None, Some("Ada"), "Reminder: Plan"),
            (some("commented on Plan"), some("long"), None, "commented on Plan"),
            (None, some("long"), None, "long"),
        ];
        for (short, long, actor, expected) in cases {
            assert_eq!(line(short, long, actor).as_deref(), Some(expected));
        }
        assert_eq!(line(None, None, Some("Ada")), None);
    }
}

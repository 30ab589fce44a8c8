//! What a notification is about in substance: the comment, the answer, the new due date. Pure.

use serde_json::Value;

use super::phrase::day_and_time;
use super::sentence::role;
use super::{Told, change};
use crate::notification::Kind;
use crate::source::podio::json::{at, field, int, items, text};
use crate::source::podio::plain::{is_seen, one_line};

/// Names told of a list of files or options before the rest is counted.
const FEW: usize = 4;

/// A piece of content.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) words: String,
    /// True if our own sentence says it, so that it is for the service's sentence only.
    pub(super) in_sentence: bool,
}

/// The pieces, best first; the body is the first one that the title does not say.
pub(super) fn contents(told: &Told<'_>) -> Vec<Content> {
    let mut list = Vec::new();
    let mut add = |in_sentence: bool, words: Option<String>| {
        if let Some(words) = words.filter(|words| is_seen(words)) {
            list.push(Content { words, in_sentence });
        }
    };
    let data = told.data;
    let said = |words: &str| Some(words.to_owned());
    match told.kind {
        Kind::Comment => {
            add(false, text(field(data, "value")));
            add(false, question(data));
            add(false, files(data));
            add(false, embed(data));
        }
        Kind::Alert | Kind::TeamAlert => {
            add(false, text(field(data, "text")));
            add(false, status_text(told));
        }
        Kind::Message => {
            add(false, text(field(data, "text")));
            add(false, files(data));
            add(false, embed(data));
        }
        Kind::File | Kind::FileDelete => {
            add(true, text(field(data, "name")));
            add(false, text(field(data, "description")));
        }
        Kind::MemberReferenceAdd => add(false, label(data).map(|label| format!("In the field “{label}”"))),
        Kind::MemberReferenceRemove => {
            add(false, label(data).map(|label| format!("From the field “{label}”")));
        }
        Kind::Rating | Kind::Like => add(true, rating(data)),
        Kind::SpaceInvite => add(false, invitation(data)),
        Kind::SpaceAccept | Kind::SpaceDecline => add(false, membership(data)),
        Kind::UserKickedFromSpace
        | Kind::MemberEndedAdmin
        | Kind::GrantCreateOther
        | Kind::GrantDeleteOther => add(true, text(field(data, "name"))),
        Kind::RoleChange => {
            let known = role(data).map(|role| format!("You are now {role}"));
            add(true, known);
            add(
                role(data).is_some(),
                text(field(data, "role")).map(|role| format!("Your role is now: {role}")),
            );
        }
        Kind::Creation if told.context.what == "task" => add(false, due(told)),
        Kind::Creation | Kind::Delete => add(false, status_text(told)),
        Kind::Update if told.context.what == "task" => {
            for (in_sentence, words) in change::task_contents(told) {
                add(in_sentence, Some(words));
            }
            if change::is_assignment(told) {
                add(false, due(told));
            }
        }
        Kind::Update => {
            // What became of a thing that is gone does not matter any more.
            let gone = text(field(data, "type")).as_deref() == Some("delete");
            add(false, change::diff(field(data, "diff")).filter(|_| !gone));
            add(false, status_text(told));
        }
        Kind::Bulletin => add(false, told.context.title.clone().filter(|_| told.context.what != "profiles")),
        Kind::Answer => add(false, text(at(data, &["question_option", "text"]))),
        Kind::SpaceMemberRequest => {
            add(true, text(at(data, &["user", "name"])));
            let retracted = text(field(data, "status")).as_deref() == Some("retracted");
            add(false, role(data).filter(|_| !retracted).map(|role| format!("As {role}")));
        }
        Kind::GrantCreate => add(false, grant(data)),
        Kind::Reference => add(true, text(field(data, "title"))),
        Kind::Vote => {
            let stars = int(field(data, "rating")).is_some();
            add(stars, vote(data));
            add(false, text(at(data, &["voting", "question"])));
        }
        Kind::Participation | Kind::Rsvp => add(
            true,
            match text(field(data, "status")).as_deref() {
                Some("accepted") => said("Takes part"),
                Some("declined") => said("Does not take part"),
                Some("tentative") => said("May take part"),
                _ => None,
            },
        ),
        Kind::Reminder => add(false, due(told)),
        Kind::BatchComplete | Kind::BatchProcess => add(false, counts(field(told.about, "data"))),
        Kind::ConversationAdd => add(false, participants(field(told.about, "data"))),
        Kind::Meeting
        | Kind::SpaceDelete
        | Kind::SelfKickedFromSpace
        | Kind::UserLeftSpace
        | Kind::SpaceCreate
        | Kind::MeetingParticipantAdd
        | Kind::MeetingParticipantRemove
        | Kind::MeetingStarted
        | Kind::GrantDelete
        | Kind::MemberEndedUser
        | Kind::OrgMemberAdd
        | Kind::OrgMemberRemove
        | Kind::OrgMemberLeave
        | Kind::ItemTransactionConfirmed => {}
        Kind::Podium(_) | Kind::Other(_) => {
            for name in told.kind.facts().fields {
                add(false, text(field(data, name)));
            }
        }
    }
    list
}

fn label(data: &Value) -> Option<String> {
    text(field(data, "label")).map(|label| one_line(&label, 60))
}

/// The first question of a comment, with its options.
fn question(data: &Value) -> Option<String> {
    let question = items(field(data, "questions")).first().map(|first| field(first, "question"))?;
    let asked = text(field(question, "text"));
    let options = listed(items(field(question, "options")), "text");
    match (asked, options) {
        (Some(asked), Some(options)) => Some(format!("{asked} ({options})")),
        (None, options) => options.map(|options| format!("Asks: {options}")),
        (asked, None) => asked,
    }
}

fn files(data: &Value) -> Option<String> {
    listed(items(field(data, "files")), "name").map(|names| format!("Attached {names}"))
}

/// The first few names of a list, and how many more there are.
fn listed(list: &[Value], name: &str) -> Option<String> {
    let names: Vec<_> = list
        .iter()
        .take(FEW)
        .filter_map(|one| text(field(one, name)))
        .map(|name| one_line(&name, 60))
        .filter(|name| !name.is_empty())
        .collect();
    let more = list.len().saturating_sub(FEW);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(names.join(", ")),
        (false, more) => Some(format!("{} and {more} more", names.join(", "))),
    }
}

/// A link that was posted without words.
fn embed(data: &Value) -> Option<String> {
    let embed = field(data, "embed");
    ["title", "url", "original_url"].into_iter().find_map(|name| text(field(embed, name)))
}

/// The text of the status it is about: what is posted is the status itself.
fn status_text(told: &Told<'_>) -> Option<String> {
    let status = told.context.what == "status";
    let value = text(at(told.about, &["data", "value"]));
    value.or_else(|| told.context.title.clone()).filter(|_| status)
}

fn rating(data: &Value) -> Option<String> {
    let value = int(field(data, "value"))?;
    let said = match (text(field(data, "type"))?.as_str(), value) {
        ("fivestar", stars) => return Some(format!("{stars} of 5 stars")),
        ("approved", 0) => "Approved",
        ("approved", 1) => "Not approved",
        ("rsvp", 0) => "Takes part",
        ("rsvp", 1) => "Does not take part",
        ("rsvp", 2) => "May take part",
        ("yesno", 0) => "Yes",
        ("yesno", 1) => "No",
        ("thumbs", 0) => "Thumbs up",
        ("thumbs", 1) => "Thumbs down",
        // A like says all by itself.
        _ => return None,
    };
    Some(said.to_owned())
}

/// What the invitation says; first of all if it stands no more.
fn invitation(data: &Value) -> Option<String> {
    let over = match text(field(data, "status")).as_deref() {
        Some("declined") => Some("You have declined this invitation.".to_owned()),
        Some("ended" | "cancelled") => Some("This invitation is no longer open.".to_owned()),
        _ => None,
    };
    let (subject, message) = (text(field(data, "subject")), text(field(data, "message")));
    let said = match (subject, message) {
        (Some(subject), Some(message)) => Some(format!("{subject}\n{message}")),
        (subject, message) => message.or(subject),
    };
    over.or(said)
}

/// The person's standing in the space: `joined`, `open`, `closed`, `deleted` are documented.
fn membership(data: &Value) -> Option<String> {
    let said = match text(field(data, "status"))?.as_str() {
        "joined" => "Is a member now",
        "open" => "Is not a member yet",
        "closed" | "deleted" => "Is no longer a member",
        _ => return None,
    };
    Some(said.to_owned())
}

/// The words that came with a share, and what is asked for: `comment`, `view` and `rate` are documented.
fn grant(data: &Value) -> Option<String> {
    let asked = match text(field(data, "action")).as_deref() {
        Some("comment") => Some("You are asked for a comment."),
        Some("rate") => Some("You are asked for a rating."),
        Some("view") => Some("You are asked to have a look."),
        _ => None,
    };
    match (text(field(data, "message")), asked) {
        (Some(message), Some(asked)) => Some(format!("{message}\n{asked}")),
        (message, asked) => message.or_else(|| asked.map(str::to_owned)),
    }
}

/// Question and answer.
fn vote(data: &Value) -> Option<String> {
    let question = text(at(data, &["voting", "question"]));
    let stars = || int(field(data, "rating")).map(|stars| format!("{stars} of 5 stars"));
    let answer = text(at(data, &["answer", "text"])).or_else(stars);
    match (question, answer) {
        (Some(question), Some(answer)) => {
            let ends = question.ends_with(['?', '.', '!', ':']);
            Some(format!("{question}{} {answer}", if ends { "" } else { ":" }))
        }
        (question, answer) => answer.or(question),
    }
}

/// When the task is due. A meeting's beginning is given in another zone than the person's, so it is left to the meeting itself.
fn due(told: &Told<'_>) -> Option<String> {
    let task = field(told.about, "data");
    day_and_time(task, "due_date", "due_time").map(|due| format!("Due {due}"))
}

/// What became of the lines of an import.
fn counts(batch: &Value) -> Option<String> {
    let told = [("completed", "done"), ("skipped", "skipped"), ("failed", "failed")];
    let parts: Vec<_> = told
        .into_iter()
        .filter_map(|(name, word)| Some((int(field(batch, name)).filter(|count| *count > 0)?, word)))
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() { None } else { Some(parts.join(", ")) }
}

fn participants(conversation: &Value) -> Option<String> {
    listed(items(field(conversation, "participants")), "name").map(|names| format!("With {names}"))
}

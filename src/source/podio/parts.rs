//! What the detail view shows of a Podio notification: what was said or done, then what it was about. Pure; never fails.
//!
//! In: the notification with the JSON that was kept of it, and what else is kept of the same context. Out: parts, bounded in number and
//! length. The service is never asked: reading a conversation might mark it read there.

mod change;
mod context;
mod plain;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use self::context::{passage, people, person};
use self::plain::{LINE, PASSAGE, TEXT, first, from_html, line, long, name, names, word};
use super::json::{at, field, int, items, text};
use super::normalize::message_number;
use crate::kind::Kind;
use crate::notification::{Notification, NotificationId};
use crate::part::{Choice, Fact, FilePart, Leaning, Part, Person, Said, Stars};

/// Most people of one list.
const PEOPLE: usize = 12;
/// Most files.
const FILES: usize = 20;
/// Most questions of one comment, options of a question, and names beside an option.
const QUESTIONS: usize = 4;
const OPTIONS: usize = 15;
const VOTERS: usize = 8;
/// Most messages of a conversation, the newest.
pub(crate) const MESSAGES: usize = 20;

/// The kind of notifications whose words belong beside those of this one, if they are about the same thing.
pub(crate) fn beside(kind: &Kind) -> Option<Kind> {
    if matches!(kind, Kind::Message | Kind::ConversationAdd) {
        Some(Kind::Message)
    } else if *kind == Kind::Comment {
        Some(Kind::Comment)
    } else {
        None
    }
}

type Kept<'a> = (NotificationId, &'a Notification);

/// The parts of a notification. `others` are kept notifications of the same context and of the kind that [`beside`] names, in any order; this
/// one may be among them. `me` is the signed-in user's number.
pub(crate) fn parts(
    id: NotificationId,
    notification: &Notification,
    others: &[(NotificationId, Notification)],
    me: Option<i64>,
) -> Vec<Part> {
    let raw = Raw::read(notification);
    let mut parts = said(&raw, notification);
    let this = (id, notification);
    let all = others.iter().map(|(id, other)| (*id, other)).filter(|(other, _)| *other != id).collect();
    if notification.kind == Kind::Message {
        parts.splice(0..0, thread("The conversation", Some(this), all, me));
    } else if beside(&notification.kind).is_some() {
        let label =
            if notification.kind == Kind::Comment { "Other comments here" } else { "The conversation" };
        parts.extend(thread(label, None, all, me));
    }
    // What is not understood still says what the list says.
    if parts.is_empty() {
        let text = long(&Value::from(notification.body.as_str()), TEXT);
        parts.extend(text.map(|text| Part::Text { label: None, text }));
    }
    let about = context::parts(&raw.context, &notification.context);
    let question_said = parts.iter().any(|part| matches!(part, Part::Question { .. }));
    parts.extend(about.into_iter().filter(|part| !(question_said && matches!(part, Part::Question { .. }))));
    parts
}

/// What was kept of the service's JSON, whichever form it came in.
struct Raw {
    context: Value,
    data: Value,
    /// The push's own sentence, where nothing else is known yet.
    sentence: Option<String>,
    by: Value,
}

impl Raw {
    fn read(notification: &Notification) -> Self {
        let raw: Value = serde_json::from_str(&notification.raw).unwrap_or_default();
        let entry = field(&raw, "notification");
        if entry.is_object() {
            let context = field(&raw, "context").clone();
            return Self {
                context,
                data: field(entry, "data").clone(),
                sentence: None,
                by: field(entry, "created_by").clone(),
            };
        }
        let event = field(&raw, "data");
        if text(field(event, "action")).is_some() {
            return Self {
                context: Value::Null,
                data: field(event, "data").clone(),
                sentence: None,
                by: field(event, "created_by").clone(),
            };
        }
        let sentence = long(field(event, "text"), TEXT);
        Self { context: Value::Null, data: Value::Null, sentence, by: field(&raw, "created_by").clone() }
    }
}

/// What was said or done, by kind.
fn said(raw: &Raw, notification: &Notification) -> Vec<Part> {
    let data = &raw.data;
    let mut parts = Vec::new();
    match &notification.kind {
        Kind::Comment => {
            parts.extend(words(field(data, "value")).or_else(|| html(field(data, "rich_value"))));
            for one in items(field(data, "questions")).iter().take(QUESTIONS) {
                parts.extend(question(field(one, "question"), items(field(one, "answers")), None));
            }
            parts.extend(attached(data));
        }
        Kind::Message => parts.extend(attached(data)),
        Kind::Alert | Kind::TeamAlert => {
            parts.extend(words(field(data, "text")));
            let place = a(at(data, &["ref", "type"]));
            parts.extend(facts("The mention", [("Written in", place)]));
        }
        Kind::File | Kind::FileDelete => {
            parts.extend(file(data).map(|file| Part::Files { files: vec![file], more: 0 }));
        }
        Kind::MemberReferenceAdd | Kind::MemberReferenceRemove => {
            parts.extend(facts("The field", [("Name", line(field(data, "label")))]));
            parts.extend(passage("About the field", field(data, "description")));
        }
        Kind::Rating | Kind::Like => parts.extend(rating(data)),
        Kind::Vote => parts.extend(vote(data)),
        Kind::Participation | Kind::Rsvp => parts.extend(participation(data)),
        Kind::Answer => parts.extend(answer(raw)),
        Kind::SpaceInvite => {
            let label = line(field(data, "subject"));
            parts.extend(
                long(field(data, "message"), TEXT)
                    .map(|text| Part::Text { label: label.clone(), text })
                    .or(label.map(|text| Part::Text { label: None, text })),
            );
            parts.extend(facts(
                "The invitation",
                [("Status", word(field(data, "status"))), ("Role", word(field(data, "role")))],
            ));
        }
        Kind::SpaceAccept | Kind::SpaceDecline => {
            parts.extend(facts("The answer", [("Status", word(field(data, "status")))]));
        }
        Kind::RoleChange => parts.extend(facts("The change", [("Role", word(field(data, "role")))])),
        Kind::Update => {
            parts.extend(change::of_item(data).or_else(|| change::of_task(data, field(&raw.context, "data"))))
        }
        Kind::UserKickedFromSpace | Kind::MemberEndedAdmin => parts.extend(somebody("Removed", data)),
        Kind::OrgMemberAdd => parts.extend(somebody("Added", data)),
        Kind::OrgMemberRemove => parts.extend(somebody("Removed", data)),
        Kind::GrantCreate | Kind::GrantDelete => {
            parts.extend(words(field(data, "message")));
            let may = word(field(data, "action")).or_else(|| names(field(data, "rights")));
            let with = name(field(data, "user"));
            parts.extend(facts("The sharing", [("Asked to", may), ("Shared with", with)]));
        }
        Kind::GrantCreateOther => parts.extend(somebody("Shared with", data)),
        Kind::GrantDeleteOther => parts.extend(somebody("No longer shared with", data)),
        Kind::SpaceMemberRequest => {
            parts.extend(somebody("Asks to join", field(data, "user")));
            let (status, role) = (word(field(data, "status")), word(field(data, "role")));
            let space = line(at(data, &["space", "name"]))
                .filter(|space| notification.context.title.as_ref() != Some(space));
            parts.extend(facts(
                "The request",
                [("Status", status), ("Wished role", role), ("Workspace", space)],
            ));
        }
        Kind::Reference => parts.extend(reference(data)),
        Kind::ConversationAdd | Kind::MeetingParticipantAdd | Kind::MeetingParticipantRemove => {
            parts.extend(people("Who", field(data, "participants"), None));
        }
        Kind::Podium(_) | Kind::Other(_) => {
            parts.extend(["value", "text", "message"].iter().find_map(|name| words(field(data, name))));
            parts.extend(attached(data));
        }
        Kind::Meeting
        | Kind::ItemTransactionConfirmed
        | Kind::SpaceDelete
        | Kind::SelfKickedFromSpace
        | Kind::UserLeftSpace
        | Kind::Creation
        | Kind::Delete
        | Kind::Bulletin
        | Kind::SpaceCreate
        | Kind::MeetingStarted
        | Kind::BatchProcess
        | Kind::BatchComplete
        | Kind::Reminder
        | Kind::MemberEndedUser
        | Kind::OrgMemberLeave => {}
    }
    // A push says one sentence; the list shows the beginning of it.
    let whole = raw.sentence.as_ref().filter(|sentence| sentence.chars().count() > LINE);
    if parts.is_empty()
        && let Some(text) = whole
    {
        parts.push(Part::Text { label: None, text: text.clone() });
    }
    parts
}

fn words(value: &Value) -> Option<Part> {
    long(value, TEXT).map(|text| Part::Text { label: None, text })
}

fn html(value: &Value) -> Option<Part> {
    from_html(value, TEXT).map(|text| Part::Text { label: None, text })
}

/// A word with its article.
fn a(value: &Value) -> Option<String> {
    let what = word(value)?;
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    Some(format!("{article} {what}"))
}

fn facts<const N: usize>(label: &str, all: [(&str, Option<String>); N]) -> Option<Part> {
    let facts: Vec<Fact> = all
        .into_iter()
        .filter_map(|(label, value)| Some(Fact { label: label.to_owned(), value: value?, at: None }))
        .collect();
    (!facts.is_empty()).then(|| Part::Facts { label: label.to_owned(), facts })
}

fn somebody(label: &str, one: &Value) -> Option<Part> {
    let Person { name, .. } = person(one)?;
    Some(Part::People { label: label.to_owned(), people: vec![Person { name, role: None }], more: 0 })
}

/// Files and the page that came with a comment or message.
fn attached(data: &Value) -> Vec<Part> {
    let all = items(field(data, "files")).iter().chain([field(data, "embed_file")]).filter_map(file);
    let (files, more) = first(FILES, all);
    let mut parts = Vec::new();
    if !files.is_empty() {
        parts.push(Part::Files { files, more });
    }
    let embed = field(data, "embed");
    let url = ["original_url", "url", "resolved_url"].iter().find_map(|name| line(field(embed, name)));
    let (title, about) = (line(field(embed, "title")), line(field(embed, "description")));
    if url.is_some() || title.is_some() {
        parts.push(Part::Link { label: None, title, about, url });
    }
    parts
}

/// A file, if it has a name.
fn file(one: &Value) -> Option<FilePart> {
    Some(FilePart {
        name: line(field(one, "name"))?,
        size: int(field(one, "size")).and_then(|size| u64::try_from(size).ok()),
        kind: line(field(one, "mimetype")),
        about: line(field(one, "description")),
    })
}

/// A question with its options; who chose which is in `answers`, and `chosen` is the option that this notification is about.
fn question(one: &Value, answers: &[Value], chosen: Option<(&Value, &str)>) -> Option<Part> {
    let text = line(field(one, "text"))?;
    let number = |of: &Value| int(field(of, "question_option_id"));
    let (options, more) = first(
        OPTIONS,
        items(field(one, "options")).iter().filter_map(|option| {
            let this = number(option);
            let voters = answers.iter().filter(|answer| this.is_some() && number(answer) == this);
            let voters = voters.filter_map(|answer| name(field(answer, "user")));
            let also = chosen.filter(|(chosen, _)| this.is_some() && number(chosen) == this);
            let (by, more) = first(VOTERS, voters.chain(also.map(|(_, who)| who.to_owned())));
            Some(Choice { text: line(field(option, "text"))?, by, more })
        }),
    );
    Some(Part::Question { text, options, more })
}

/// The answer to a question: the question with the option marked, or the answer alone.
fn answer(raw: &Raw) -> Option<Part> {
    let chosen = field(&raw.data, "question_option");
    let who = name(&raw.by).unwrap_or_else(|| "somebody".to_owned());
    let marked = question(field(&raw.context, "data"), &[], Some((chosen, &who)));
    let shows = |part: &Part| matches!(part, Part::Question { options, .. } if options.iter().any(|one| !one.by.is_empty()));
    marked.filter(shows).or_else(|| {
        let words = line(field(chosen, "text"))?;
        let question = line(at(&raw.context, &["data", "text"]));
        Some(Part::Answer { question, words, stars: None, leaning: Leaning::None })
    })
}

/// Ratings count from zero, and zero is the friendly answer (Podio's ratings area).
fn rating(data: &Value) -> Option<Part> {
    let value = int(field(data, "value"));
    let (words, leaning) = match (text(field(data, "type"))?.as_str(), value) {
        ("fivestar", Some(given)) => return Some(stars(None, given)),
        ("like", _) => ("Likes it", Leaning::Yes),
        ("approved", Some(0)) => ("Approved", Leaning::Yes),
        ("approved", Some(1)) => ("Not approved", Leaning::No),
        ("rsvp", Some(0)) => ("Takes part", Leaning::Yes),
        ("rsvp", Some(1)) => ("Does not take part", Leaning::No),
        ("rsvp", Some(2)) => ("Perhaps takes part", Leaning::Maybe),
        ("yesno", Some(0)) => ("Yes", Leaning::Yes),
        ("yesno", Some(1)) => ("No", Leaning::No),
        ("thumbs", Some(0)) => ("Thumbs up", Leaning::Yes),
        ("thumbs", Some(1)) => ("Thumbs down", Leaning::No),
        _ => return None,
    };
    Some(Part::Answer { question: None, words: words.to_owned(), stars: None, leaning })
}

fn stars(question: Option<String>, given: i64) -> Part {
    let given = u8::try_from(given.clamp(0, 5)).unwrap_or_default();
    let words = format!("{given} of 5 stars");
    Part::Answer { question, words, stars: Some(Stars { given, of: 5 }), leaning: Leaning::None }
}

fn vote(data: &Value) -> Option<Part> {
    let question = line(at(data, &["voting", "question"]));
    let rated = int(field(data, "rating")).or_else(|| int(at(data, &["rating", "value"])));
    match (line(at(data, &["answer", "text"])), rated) {
        (Some(words), _) => Some(Part::Answer { question, words, stars: None, leaning: Leaning::None }),
        (None, Some(given)) => Some(stars(question, given)),
        (None, None) => question.map(|text| Part::Question { text, options: Vec::new(), more: 0 }),
    }
}

fn participation(data: &Value) -> Option<Part> {
    let status = text(field(data, "status"))?;
    let (words, leaning) = match status.as_str() {
        "accepted" => ("Takes part".to_owned(), Leaning::Yes),
        "declined" => ("Does not take part".to_owned(), Leaning::No),
        "tentative" => ("Perhaps takes part".to_owned(), Leaning::Maybe),
        _ => (word(field(data, "status"))?, Leaning::None),
    };
    Some(Part::Answer { question: None, words, stars: None, leaning })
}

fn reference(data: &Value) -> Option<Part> {
    let title = line(field(data, "title"))?;
    let about = a(field(data, "type"));
    Some(Part::Link {
        label: Some("Referred to by".to_owned()),
        title: Some(title),
        about,
        url: line(field(data, "link")),
    })
}

/// The newest of what was said, oldest first; `here` is always among them.
fn thread(label: &str, here: Option<Kept<'_>>, others: Vec<Kept<'_>>, me: Option<i64>) -> Option<Part> {
    let shown = here.map(|(id, _)| id);
    let mut all: Vec<Kept<'_>> = here.into_iter().chain(others).collect();
    // The same message may have come as a notification and as an event of its conversation; the one that is shown comes first here.
    let mut told = BTreeSet::new();
    all.retain(|(_, one)| message_number(one).is_none_or(|number| told.insert(number)));
    all.sort_by_key(|(id, one)| (one.occurred_at, *id));
    while all.len() > MESSAGES {
        let oldest = usize::from(all.first().is_some_and(|(id, _)| Some(*id) == shown));
        all.remove(oldest);
    }
    let messages: Vec<Said> =
        all.into_iter().filter_map(|(id, one)| message(id, one, Some(id) == shown, me)).collect();
    (!messages.is_empty()).then(|| Part::Messages { label: label.to_owned(), messages })
}

fn message(id: NotificationId, one: &Notification, here: bool, me: Option<i64>) -> Option<Said> {
    let raw = Raw::read(one);
    let longest = if here { TEXT } else { PASSAGE };
    let text = [field(&raw.data, "text"), field(&raw.data, "value")]
        .into_iter()
        .find_map(|text| long(text, longest));
    let by = int(field(&raw.by, "user_id")).or_else(|| int(field(&raw.by, "id")));
    Some(Said {
        id,
        who: one.actor.clone(),
        at: one.occurred_at,
        text: text.or_else(|| long(&Value::from(one.body.as_str()), longest))?,
        mine: me.is_some() && by == me,
        here,
    })
}

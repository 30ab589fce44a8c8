//! What Podium's events, and the things its lists have, say to a person. Pure, and never fails: an event no one has seen yet is shown as
//! it is and keeps its JSON.
//!
//! **One thing is one row.** What a webhook tells and what a list has later must be the same row, so a row is named by the thing where a
//! list can have it, and by the event where none can:
//!
//! | what | name | version |
//! |---|---|---|
//! | a message | `message/UID`, or `message/item:UID` by its first item where it has no name of its own | 1 listed, 2 told, 3 failed |
//! | a review | `review/UID` | when it was changed |
//! | a request for a review | `invite/UID` | when it was changed |
//! | a step in an invoice's life | `invoice/UID/STEP`, for payments with the payment's name behind it | – |
//! | a call | `call/UID` | ringing, over, missed, voicemail |
//! | anything else | `event/UID` by the event's own name, else by the digest of its bytes | – |

mod call;
mod contact;
mod invoice;
mod message;
mod review;
mod words;

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::account::AccountId;
use crate::notification::{Context, Detail, Hush, Icon, Kind, Notification, PodiumKind, Urgency};
use crate::source::plain::{is_seen, lines, one_line};
use crate::source::podio::json::{field, items, text};

pub(super) use self::invoice::steps;
pub(super) use self::review::same_review;
pub(super) use self::words::money;

/// The family of all messages' rows.
pub(crate) const MESSAGES: &str = "message/";
/// The version of a message that a list had; one that the webhook told is above it.
pub(crate) const LISTED: i64 = 1;
/// The family of all reviews' rows.
pub(crate) const REVIEWS: &str = "review/";

/// Longest title, body and name kept, in characters.
const TITLE: usize = 300;
const BODY: usize = 2_000;
const NAME: usize = 80;
/// Longest name of a thing at the service that is taken as it is, in bytes. The service promises 255; a longer one is kept as its hash.
const UID: usize = 255;
/// Longest JSON kept, in bytes.
const RAW: usize = 64 * 1024;

/// What reading depends on beside what is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// Whose notification it becomes.
    pub(crate) account: &'a AccountId,
    /// Where people work with Podium: links lead there.
    pub(crate) app_url: &'a Url,
    /// The names of those who work there.
    pub(crate) names: &'a Names,
    /// Our time; for what a webhook told, when it was received. Nothing happened later.
    pub(crate) now: Timestamp,
}

/// What people and places are called, by their names at the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// People who work there.
    pub(crate) people: BTreeMap<String, String>,
    /// Locations; empty where there is only one.
    pub(crate) places: BTreeMap<String, String>,
}

/// What something became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// The row.
    pub(crate) row: Notification,
    /// Other names under which the same thing may be kept.
    pub(crate) also: Vec<String>,
}

/// What the modules make of a thing: all that differs.
#[derive(Debug, Default)]
struct Draft {
    /// The thing's name among the rows; the event's own if `None`.
    id: Option<String>,
    also: Vec<String>,
    version: i64,
    icon: Option<Icon>,
    title: String,
    body: String,
    actor: Option<String>,
    context: Context,
    at: Option<Timestamp>,
    /// Told otherwise than its kind usually is.
    hush: Option<Hush>,
    urgency: Option<Urgency>,
}

/// Where something comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// A webhook told it: what happened is certain.
    Event,
    /// A list has it: what happened is inferred.
    List,
}

/// All names under which a message may be kept, the best one first.
pub(super) fn message_names(message: &Value) -> Vec<String> {
    message::names(message)
}

/// What Belfry itself has to say about the account.
pub(super) fn note(id: &str, title: &str, body: &str, loud: bool, reader: Reader<'_>) -> Told {
    let draft = Draft {
        title: title.to_owned(),
        body: body.to_owned(),
        icon: Some(if loud { Icon::Alert } else { Icon::Update }),
        context: Context { url: reader.inbox(), ..Context::default() },
        hush: Some(if loud { Hush::Tell } else { Hush::Inbox }),
        ..Draft::default()
    };
    let raw = json!({ "data": { "body": body }, "metadata": { "eventType": "belfry.note" } });
    finished(Kind::Other("belfry.note".to_owned()), draft, format!("belfry/{}", name(id)), &raw, reader)
}

/// What the body of a webhook's call says.
pub(crate) fn event(body: &[u8], reader: Reader<'_>) -> Told {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let (data, about) = (field(&value, "data"), field(&value, "metadata"));
    // One page of the documentation spells both with an underscore.
    let either = |one: &str, other: &str| text(field(about, one)).or_else(|| text(field(about, other)));
    let kind = either("eventType", "event_type");
    let uid = either("eventUid", "event_uid");
    let id = format!("event/{}", uid.map_or_else(|| digest(body), |uid| name(&uid)));
    let draft = match kind.as_deref().and_then(PodiumKind::named) {
        Some(kind) => (Kind::Podium(kind), known(kind, data, From::Event, reader)),
        None => {
            let kind = kind.map(|kind| one_line(&kind, NAME)).filter(|kind| is_seen(kind));
            let kind = kind.unwrap_or_else(|| "podium".to_owned());
            let draft = unknown(&kind, data, reader);
            // A kind that has a meaning elsewhere has none here.
            (if kind.contains('.') { Kind::Other(kind) } else { Kind::Other(format!("event:{kind}")) }, draft)
        }
    };
    let raw = if value.is_null() { json!({ "body": String::from_utf8_lossy(body) }) } else { value };
    finished(draft.0, draft.1, id, &raw, reader)
}

/// A message as a list has it, with the conversation that it belongs to.
pub(crate) fn listed_message(message: &Value, conversation: &Value, reader: Reader<'_>) -> Option<Told> {
    let message = message::within(message, conversation);
    let kind = message::what_happened(&message);
    listed(kind, &message, reader)
}

/// A review as a list has it. What seems to have happened may be told as something else, or not at all.
pub(crate) fn listed_review(
    review: &Value,
    told_as: impl FnOnce(PodiumKind) -> Option<PodiumKind>,
    reader: Reader<'_>,
) -> Option<Told> {
    listed(told_as(review::what_happened(review))?, review, reader)
}

/// A request for a review as a list has it, in the same way.
pub(crate) fn listed_invite(
    invite: &Value,
    told_as: impl FnOnce(PodiumKind) -> Option<PodiumKind>,
    reader: Reader<'_>,
) -> Option<Told> {
    listed(told_as(review::what_happened_to_invite(invite))?, invite, reader)
}

/// Everything that has happened to an invoice of a list since, oldest first.
pub(crate) fn listed_invoice(invoice: &Value, since: Option<Timestamp>, reader: Reader<'_>) -> Vec<Told> {
    let mut steps = steps(invoice);
    steps.retain(|step| since.is_none_or(|since| step.at.is_none_or(|at| at > since)));
    steps.sort_by_key(|step| step.at);
    let told = steps.into_iter().filter_map(|step| {
        let draft = invoice::draft(invoice, &step, reader);
        let id = draft.id.clone()?;
        Some(finished(Kind::Podium(step.kind), draft, id, &enveloped(step.kind, invoice), reader))
    });
    told.collect()
}

/// Something of a list. `None` for what has no name: it could not be told from others.
fn listed(kind: PodiumKind, thing: &Value, reader: Reader<'_>) -> Option<Told> {
    let draft = known(kind, thing, From::List, reader);
    let id = draft.id.clone()?;
    Some(finished(Kind::Podium(kind), draft, id, &enveloped(kind, thing), reader))
}

/// What a list has, in the shape in which a webhook tells it: whoever reads what is kept needs to know only one.
fn enveloped(kind: PodiumKind, thing: &Value) -> Value {
    json!({ "data": thing, "metadata": { "eventType": kind.name() } })
}

fn known(kind: PodiumKind, data: &Value, from: From, reader: Reader<'_>) -> Draft {
    use PodiumKind as K;
    match kind {
        K::MessageReceived | K::MessageSent | K::MessageFailed => message::draft(kind, data, from, reader),
        K::ContactCreated
        | K::ContactUpdated
        | K::ContactDeleted
        | K::ContactMerged
        | K::ContactUnchanged => contact::draft(kind, data, reader),
        K::InvoiceCreated
        | K::InvoiceDisabled
        | K::InvoiceMarkedAsPaid
        | K::InvoicePaymentCreated
        | K::InvoicePaymentFailed
        | K::InvoicePaymentSucceeded
        | K::InvoiceRefundCreated
        | K::InvoiceRefundFailed => invoice::draft(data, &invoice::step_of(kind, data), reader),
        K::ReviewCreated | K::ReviewUpdated => review::draft(kind, data, reader),
        K::ReviewInviteCreated | K::ReviewInviteUpdated => review::invite(kind, data, reader),
        K::ReviewResponseCreated | K::ReviewResponseUpdated => review::response(kind, data, reader),
        K::CallReceived | K::CallCompleted | K::CallMissed | K::CallVoicemailLeft => {
            call::draft(kind, data, reader)
        }
    }
}

/// An event no one has seen yet: its name, and the first text in it that says something.
fn unknown(kind: &str, data: &Value, reader: Reader<'_>) -> Draft {
    let readable = kind.replace(['.', '_', '-'], " ");
    let mut letters = readable.chars();
    let title = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>());
    let said = ["body", "text", "name", "contactName", "customerName", "description", "status"];
    let conversation = text(field(field(data, "conversation"), "uid"))
        .or_else(|| text(field(data, "conversationUid")))
        .filter(|uid| uid.len() <= UID);
    Draft {
        title: title.filter(|_| kind != "podium").unwrap_or_else(|| "Something new in Podium".to_owned()),
        body: said.iter().find_map(|name| text(field(data, name))).unwrap_or_default(),
        context: match conversation {
            Some(uid) => reader.conversation(&uid, None, None),
            None => Context { url: reader.inbox(), ..Context::default() },
        },
        at: words::first_time(data, &["createdAt", "updatedAt", "startedAt"]),
        ..Draft::default()
    }
}

fn finished(kind: Kind, draft: Draft, id: String, raw: &Value, reader: Reader<'_>) -> Told {
    let usual = if let Kind::Podium(kind) = &kind { kind.hush() } else { Hush::Tell };
    let hush = draft.hush.unwrap_or(usual);
    let title = one_line(&draft.title, TITLE);
    let row = Notification {
        account: reader.account.clone(),
        external_id: draft.id.unwrap_or(id),
        icon: draft.icon.unwrap_or_else(|| kind.icon()),
        kind,
        title: if is_seen(&title) { title } else { "Something new in Podium".to_owned() },
        body: Some(lines(&draft.body, BODY)).filter(|body| is_seen(body)).unwrap_or_default(),
        actor: draft.actor,
        context: draft.context,
        // What has not happened yet would stand above all news for as long as that lasts.
        occurred_at: draft.at.unwrap_or(reader.now).min(reader.now),
        read: false,
        starred: false,
        wants_banner: hush == Hush::Tell,
        wants_sound: hush == Hush::Tell,
        no_news: hush == Hush::Nothing,
        urgency: draft.urgency,
        version: draft.version,
        detail: Detail::Whole,
        raw: kept(raw),
    };
    Told { row, also: draft.also }
}

impl Reader<'_> {
    /// Podium's own inbox.
    fn inbox(self) -> Option<String> {
        self.below(&["inbox"])
    }

    /// A conversation, with whom, where.
    fn conversation(self, uid: &str, with: Option<String>, location: Option<String>) -> Context {
        Context {
            what: "conversation".to_owned(),
            id: name(uid),
            title: with,
            place: self.place(location),
            url: self.below(&["inbox", "redirect-messages", uid]),
        }
    }

    /// Something else, which Podium has no address for: it opens its conversation, or the inbox.
    fn thing(self, what: &str, uid: Option<&str>, conversation: Option<&str>) -> Context {
        Context {
            what: what.to_owned(),
            id: uid.map(name).unwrap_or_default(),
            title: None,
            place: None,
            url: match conversation.filter(|uid| uid.len() <= UID) {
                Some(uid) => self.below(&["inbox", "redirect-messages", uid]),
                None => self.inbox(),
            },
        }
    }

    /// What a location is called, where there are several.
    fn place(self, uid: Option<String>) -> Option<String> {
        let name = self.names.places.get(&uid?)?;
        Some(one_line(name, NAME)).filter(|name| is_seen(name))
    }

    fn below(self, path: &[&str]) -> Option<String> {
        let mut url = self.app_url.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut().ok()?.pop_if_empty().extend(path);
        Some(url.into())
    }
}

/// A text fit for a name in a sentence.
fn called(value: &Value) -> Option<String> {
    text(value).map(|name| one_line(&name, NAME)).filter(|name| is_seen(name))
}

/// The first of the elements' texts.
fn first_of(list: &Value) -> Option<String> {
    items(list).iter().find_map(called)
}

/// A thing's name at the service as a part of a row's name.
fn name(uid: &str) -> String {
    if uid.len() <= UID && !uid.chars().any(char::is_control) {
        uid.to_owned()
    } else {
        format!("#{}", digest(uid.as_bytes()))
    }
}

fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(Sha256::digest(bytes).get(..16).unwrap_or_default())
}

/// The JSON as it is kept: as it came, or without what is long.
fn kept(raw: &Value) -> String {
    let whole = raw.to_string();
    if whole.len() <= RAW {
        return whole;
    }
    let mut shorter =
        [(4_000, 100), (500, 20), (60, 5)].into_iter().map(|(text, list)| cut(raw, text, list, 8));
    shorter.find(|text| text.to_string().len() <= RAW).unwrap_or_else(|| cut(raw, 40, 2, 2)).to_string()
}

fn cut(value: &Value, text: usize, list: usize, deep: usize) -> Value {
    let inner = |one: &Value| cut(one, text, list, deep.saturating_sub(1));
    match value {
        Value::String(whole) => lines(whole, text).into(),
        Value::Array(_) | Value::Object(_) if deep == 0 => Value::Null,
        Value::Array(all) => all.iter().take(list).map(inner).collect(),
        // The widest object that is documented has 22 fields.
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, _)| name.len() <= 60)
                .take(40)
                .map(|(name, one)| (name.clone(), inner(one)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
#[path = "normalize_tests.rs"]
mod tests;

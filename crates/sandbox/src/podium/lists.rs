//! What REST tells of the world: single things, and lists in pages with a cursor.

use super::rest::{Answered, Caller, Done, Refusal};
use super::world::{Shelf, lay_over, str_at};
use super::{Podium, shapes};
use crate::tasks;
use axum::Router;
use axum::extract::{Json, Path, State as Shared};
use axum::http::Uri;
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

pub(super) fn router() -> Router<Podium> {
    Router::new()
        .route("/locations", get(locations))
        .route("/locations/{uid}", get(location))
        .route("/organizations/{uid}", get(organization))
        .route("/users", get(users))
        .route("/users/{uid}", get(user))
        .route("/contacts", get(contacts))
        .route("/contacts/{identifier}", get(contact))
        .route("/conversations", get(conversations))
        .route("/conversations/{uid}", get(conversation).put(change_conversation))
        .route("/conversations/{uid}/assignees", get(assignees))
        .route("/conversations/{uid}/messages", get(messages))
        .route("/conversations/{uid}/messages/{message}", get(message))
        .route("/messages", post(send))
        .route("/reviews", get(reviews))
        .route("/reviews/invites", get(invites))
        .route("/reviews/{uid}", get(review))
        .route("/reviews/{uid}/responses", get(responses))
        .route("/invoices", get(invoices))
        .route("/invoices/{uid}", get(invoice))
        .route("/calls/{uid}", get(call))
}

/// What is left of lists that were begun.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    open: BTreeMap<String, Rest>,
}

#[derive(Clone, Debug)]
struct Rest {
    path: String,
    limit: usize,
    things: Vec<Value>,
    good_until: Instant,
}

impl Cursors {
    pub(super) fn expire(&mut self) {
        self.open.clear();
    }
}

/// The parameters of a request; of a repeated one the last counts.
struct Query {
    path: String,
    named: BTreeMap<String, String>,
}

impl Query {
    fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let named = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { path: uri.path().to_owned(), named }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }

    /// Whether a time is as the parameters of this name want it: `name[gt]` and its like, or `name` alone for that time and later.
    fn admits(&self, name: &str, at: Option<&str>) -> Result<bool, Refusal> {
        let at = at.and_then(|at| at.parse::<Timestamp>().ok());
        for (operator, holds) in [
            ("", Timestamp::ge as fn(&Timestamp, &Timestamp) -> bool),
            ("[gt]", Timestamp::gt),
            ("[gte]", Timestamp::ge),
            ("[lt]", Timestamp::lt),
            ("[lte]", Timestamp::le),
        ] {
            let Some(wanted) = self.text(&format!("{name}{operator}")) else { continue };
            let wanted =
                time(wanted).ok_or_else(|| Refusal::invalid_values(&format!("{name} is no time")))?;
            if !at.is_some_and(|at| holds(&at, &wanted)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// ISO 8601: a time or a day.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).ok()
}

/// A thing is wanted, or not, or that cannot be said.
type Wanted = Result<bool, Refusal>;

impl Podium {
    /// A page of a list: the first by the parameters, a later one by the cursor alone.
    fn list(
        &self,
        caller: &Caller,
        (shelf, scope): (Shelf, &str),
        query: &Query,
        wanted: impl Fn(&Value, &Query) -> Wanted,
    ) -> Done {
        let now = tasks::instant();
        self.change(|state| {
            caller.must(state, scope)?;
            let (mut things, limit) = if let Some(cursor) = query.text("cursor") {
                state.observed.crowded_cursors += u64::from(query.named.len() > 1);
                let rest = state.cursors.open.get(cursor);
                let rest = rest.filter(|rest| rest.path == query.path && now < rest.good_until);
                let rest = rest.ok_or_else(Refusal::invalid_cursor)?;
                (rest.things.clone(), rest.limit)
            } else {
                let limit = query.text("limit").map_or(Some(10), |limit| limit.parse().ok());
                let limit = limit.filter(|limit| (1..=100).contains(limit));
                let limit = limit.ok_or_else(|| Refusal::invalid_values("limit must be from 1 to 100"))?;
                let mut things = Vec::new();
                for thing in state.world.all(shelf) {
                    if wanted(thing, query)? {
                        things.push(as_read(shelf, thing));
                    }
                }
                if state.settings.newest_first {
                    things.reverse();
                }
                (things, limit)
            };
            let rest = things.split_off(limit.min(things.len()));
            let next = (!rest.is_empty()).then(|| format!("{:032x}", rand::random::<u128>()));
            if let Some(good_until) = now.checked_add(state.settings.cursor_lifetime)
                && let Some(next) = &next
            {
                let rest = Rest { path: query.path.clone(), limit, things: rest, good_until };
                state.cursors.open.insert(next.clone(), rest);
            }
            Ok(Answered::page(things, next))
        })
    }

    fn thing(&self, caller: &Caller, scope: &str, shelf: Shelf, uid: &str) -> Done {
        self.read(|state| {
            caller.must(state, scope)?;
            let thing = state.world.get(shelf, uid).ok_or_else(Refusal::not_found)?;
            Ok(Answered::with(as_read(shelf, thing)))
        })
    }
}

/// As REST shows it: some fields are for webhooks only, some are ours.
fn as_read(shelf: Shelf, thing: &Value) -> Value {
    let mut thing = thing.clone();
    if let Some(fields) = thing.as_object_mut() {
        match shelf {
            Shelf::Messages => fields.remove("contact"),
            Shelf::Responses => fields.remove("reviewUid"),
            Shelf::Organizations
            | Shelf::Locations
            | Shelf::Users
            | Shelf::Contacts
            | Shelf::Conversations
            | Shelf::Invoices
            | Shelf::Reviews
            | Shelf::Invites
            | Shelf::Calls => None,
        };
    }
    thing
}

/// The text is in one of these fields, whatever its case.
fn is_found(thing: &Value, query: &Query, fields: &[&str]) -> bool {
    let Some(wanted) = query.text("search").map(str::to_lowercase) else { return true };
    fields
        .iter()
        .filter_map(|field| thing.get(field).and_then(Value::as_str))
        .any(|text| text.to_lowercase().contains(&wanted))
}

/// The location of a thing is the one asked for, if one is.
fn is_at(thing: &Value, query: &Query) -> bool {
    let Some(wanted) = query.text("locationUid") else { return true };
    ["/locationUid", "/location/uid"].iter().any(|at| str_at(thing, at) == Some(wanted))
}

async fn locations(Shared(podium): Shared<Podium>, caller: Caller, uri: Uri) -> Done {
    podium.list(&caller, (Shelf::Locations, "read_locations"), &Query::of(&uri), |one, query| {
        let found = is_found(one, query, &["name", "displayName", "address", "phoneNumber"]);
        Ok(found && query.admits("updatedAfter", str_at(one, "/updatedAt"))?)
    })
}

async fn location(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.thing(&caller, "read_locations", Shelf::Locations, &uid)
}

async fn organization(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.thing(&caller, "read_organizations", Shelf::Organizations, &uid)
}

async fn users(Shared(podium): Shared<Podium>, caller: Caller, uri: Uri) -> Done {
    podium.list(&caller, (Shelf::Users, "read_users"), &Query::of(&uri), |one, query| {
        let found = is_found(one, query, &["firstName", "lastName", "email", "phone"]);
        Ok(found && query.admits("createdAt", str_at(one, "/createdAt"))?)
    })
}

async fn user(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.thing(&caller, "read_users", Shelf::Users, &uid)
}

async fn contacts(Shared(podium): Shared<Podium>, caller: Caller, uri: Uri) -> Done {
    podium.list(&caller, (Shelf::Contacts, "read_contacts"), &Query::of(&uri), |one, query| {
        query.admits("updated_at", str_at(one, "/updatedAt"))
    })
}

/// By uid, telephone number or mail address.
async fn contact(Shared(podium): Shared<Podium>, caller: Caller, Path(identifier): Path<String>) -> Done {
    podium.read(|state| {
        caller.must(state, "read_contacts")?;
        let is_in = |one: &Value, list: &str| {
            let listed = one.get(list).and_then(Value::as_array);
            listed.is_some_and(|listed| listed.iter().any(|text| text.as_str() == Some(&identifier)))
        };
        let found = state.world.all(Shelf::Contacts).iter().find(|one| {
            str_at(one, "/uid") == Some(&identifier) || is_in(one, "phoneNumbers") || is_in(one, "emails")
        });
        Ok(Answered::with(found.cloned().ok_or_else(Refusal::not_found)?))
    })
}

async fn conversations(Shared(podium): Shared<Podium>, caller: Caller, uri: Uri) -> Done {
    let what = (Shelf::Conversations, "read_messages");
    podium.list(&caller, what, &Query::of(&uri), |one, query| Ok(is_at(one, query)))
}

async fn conversation(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.thing(&caller, "read_messages", Shelf::Conversations, &uid)
}

/// Closes or opens it again.
async fn change_conversation(
    Shared(podium): Shared<Podium>,
    caller: Caller,
    Path(uid): Path<String>,
    Json(wish): Json<Value>,
) -> Done {
    let closed = wish.get("closed").and_then(Value::as_bool);
    let closed = closed.ok_or_else(|| Refusal::invalid_values("closed must be true or false"))?;
    let change = json!({"closed": closed, "updatedAt": shapes::datetime(tasks::now())});
    podium.change(|state| {
        caller.must(state, "write_messages")?;
        let changed = state.world.change(Shelf::Conversations, &uid, &change);
        Ok(Answered::with(changed.ok_or_else(Refusal::not_found)?))
    })
}

async fn assignees(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.read(|state| {
        caller.must(state, "read_messages")?;
        let conversation = state.world.get(Shelf::Conversations, &uid).ok_or_else(Refusal::not_found)?;
        Ok(Answered::with(json!({"assigneeUids": conversation.get("assigneeUids")})))
    })
}

async fn messages(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>, uri: Uri) -> Done {
    podium
        .read(|state| state.world.get(Shelf::Conversations, &uid).map(drop))
        .ok_or_else(Refusal::not_found)?;
    let what = (Shelf::Messages, "read_messages");
    podium.list(&caller, what, &Query::of(&uri), |one, _| Ok(str_at(one, "/conversation/uid") == Some(&uid)))
}

async fn message(
    Shared(podium): Shared<Podium>,
    caller: Caller,
    Path((conversation, uid)): Path<(String, String)>,
) -> Done {
    let there = podium.read(|state| {
        let message = state.world.get(Shelf::Messages, &uid);
        message.is_some_and(|one| str_at(one, "/conversation/uid") == Some(&conversation))
    });
    if !there {
        return Err(Refusal::not_found());
    }
    podium.thing(&caller, "read_messages", Shelf::Messages, &uid)
}

/// Sends a message; twice the same makes two, as at the real service.
async fn send(Shared(podium): Shared<Podium>, caller: Caller, Json(wish): Json<Value>) -> Done {
    podium.read(|state| caller.must(state, "write_messages"))?;
    let wanted = |pointer: &str, name: &str| {
        let text = str_at(&wish, pointer).filter(|text| !text.is_empty());
        text.ok_or_else(|| Refusal::invalid_values(&format!("{name} is required")))
    };
    let body = wanted("/body", "body")?;
    let (channel, location) = (wish.get("channel"), wanted("/locationUid", "locationUid")?);
    wanted("/channel/identifier", "channel.identifier")?;
    if !matches!(wanted("/channel/type", "channel.type")?, "email" | "phone") {
        return Err(Refusal::invalid_values("channel.type must be email or phone"));
    }
    if podium.read(|state| state.world.get(Shelf::Locations, location).is_none()) {
        return Err(Refusal::not_found());
    }
    let mut message =
        json!({"body": body, "conversation": {"channel": channel}, "location": {"uid": location}});
    if let Some(name) = wish.get("contactName") {
        lay_over(&mut message, &json!({"contactName": name}));
    }
    let sent = podium.happens("message.sent", &message);
    Ok(Answered::with(as_read(Shelf::Messages, &sent.data)))
}

fn by_times(one: &Value, query: &Query) -> Wanted {
    Ok(query.admits("createdAt", str_at(one, "/createdAt"))?
        && query.admits("updatedAt", str_at(one, "/updatedAt"))?)
}

async fn reviews(Shared(podium): Shared<Podium>, caller: Caller, uri: Uri) -> Done {
    podium.list(&caller, (Shelf::Reviews, "read_reviews"), &Query::of(&uri), by_times)
}

async fn invites(Shared(podium): Shared<Podium>, caller: Caller, uri: Uri) -> Done {
    podium.list(&caller, (Shelf::Invites, "read_reviews"), &Query::of(&uri), |one, query| {
        let sender = query.text("senderUid");
        Ok(sender.is_none_or(|wanted| str_at(one, "/sender/uid") == Some(wanted)) && by_times(one, query)?)
    })
}

async fn review(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.thing(&caller, "read_reviews", Shelf::Reviews, &uid)
}

async fn responses(
    Shared(podium): Shared<Podium>,
    caller: Caller,
    Path(uid): Path<String>,
    uri: Uri,
) -> Done {
    let what = (Shelf::Responses, "read_reviews");
    podium.list(&caller, what, &Query::of(&uri), |one, _| Ok(str_at(one, "/reviewUid") == Some(&uid)))
}

/// Inferred: a date asks for that day and later.
async fn invoices(Shared(podium): Shared<Podium>, caller: Caller, uri: Uri) -> Done {
    podium.list(&caller, (Shelf::Invoices, "read_payments"), &Query::of(&uri), |one, query| {
        let refunded = str_at(one, "/payments/0/refunds/0/createdAt");
        Ok(is_at(one, query)
            && query.admits("dateCreated", str_at(one, "/createdAt"))?
            && query.admits("datePaid", str_at(one, "/paidAt"))?
            && query.admits("dateRefunded", refunded)?)
    })
}

async fn invoice(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.thing(&caller, "read_payments", Shelf::Invoices, &uid)
}

async fn call(Shared(podium): Shared<Podium>, caller: Caller, Path(uid): Path<String>) -> Done {
    podium.thing(&caller, "read_phones", Shelf::Calls, &uid)
}

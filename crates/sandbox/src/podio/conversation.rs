//! The conversation area, as far as a notifier reads it: lists, one conversation, unread counts, read and star marks.

use super::rest::{Caller, Refusal};
use super::world::{Conversation, Message, datetime};
use super::{Byline, Podio, State};
use crate::tasks;
use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn router() -> Router<Podio> {
    Router::new()
        .route("/conversation/", get(list))
        .route("/conversation/unread/", get(list_unread))
        .route("/conversation/starred/", get(list_starred))
        .route("/conversation/unread/count", get(unread_count))
        .route("/conversation/read", post(read_all))
        .route("/conversation/{id}", get(one))
        .route("/conversation/{id}/read", post(read).delete(unread))
        .route("/conversation/{id}/star", post(star).delete(unstar))
}

type Parameters = Query<BTreeMap<String, String>>;

async fn list(Shared(podio): Shared<Podio>, caller: Caller, parameters: Parameters) -> Json<Value> {
    podio.conversations(&caller, &parameters, |_| true)
}

async fn list_unread(Shared(podio): Shared<Podio>, caller: Caller, parameters: Parameters) -> Json<Value> {
    podio.conversations(&caller, &parameters, |one| {
        one.unread.get(&caller.user).is_some_and(|count| *count > 0)
    })
}

async fn list_starred(Shared(podio): Shared<Podio>, caller: Caller, parameters: Parameters) -> Json<Value> {
    podio.conversations(&caller, &parameters, |one| one.starred.contains(&caller.user))
}

async fn one(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    podio.read(|state| {
        let conversation = state.own_conversation(caller.user, id).ok_or_else(Refusal::not_found)?;
        let mut json = conversation.json(id, caller.user);
        if let Some(map) = json.as_object_mut() {
            map.insert("push".to_owned(), state.push_object(&format!("/conversation/{id}"), tasks::now()));
            let presence = json!({"user_id": caller.user, "ref_type": "conversation", "ref_id": id, "signature": "sandbox"});
            map.insert("presence".to_owned(), presence);
        }
        Ok(Json(json))
    })
}

async fn unread_count(Shared(podio): Shared<Podio>, caller: Caller) -> Json<Value> {
    Json(json!({"value": podio.read(|state| state.unread_messages(caller.user))}))
}

async fn read(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.mark_conversation(&caller, id, |state| state.set_conversation_read(caller.user, id, true))
}

async fn unread(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.mark_conversation(&caller, id, |state| state.set_conversation_read(caller.user, id, false))
}

async fn star(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.mark_conversation(&caller, id, |state| state.set_conversation_starred(caller.user, id, true))
}

async fn unstar(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.mark_conversation(&caller, id, |state| state.set_conversation_starred(caller.user, id, false))
}

async fn read_all(Shared(podio): Shared<Podio>, caller: Caller) -> StatusCode {
    podio.change(|state| {
        for conversation in state.conversations.values_mut() {
            if let Some(unread) = conversation.unread.get_mut(&caller.user) {
                *unread = 0;
            }
        }
        let by = state.byline(caller.user);
        state.push_event(caller.user, "conversation_read_all", &by, &Value::Null);
    });
    StatusCode::NO_CONTENT
}

impl Podio {
    fn conversations(
        &self,
        caller: &Caller,
        Query(parameters): &Parameters,
        wanted: impl Fn(&Conversation) -> bool,
    ) -> Json<Value> {
        let number = |name: &str, default: usize| {
            parameters.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
        };
        self.read(|state| {
            let mut own: Vec<(u64, &Conversation)> = state
                .conversations
                .iter()
                .filter(|(_, one)| one.unread.contains_key(&caller.user) && wanted(one))
                .map(|(id, one)| (*id, one))
                .collect();
            own.sort_by_key(|(id, one)| std::cmp::Reverse((one.last_event_on, *id)));
            let page = own.into_iter().skip(number("offset", 0)).take(number("limit", 10));
            Json(page.map(|(id, one)| one.json(id, caller.user)).collect())
        })
    }

    fn mark_conversation(
        &self,
        caller: &Caller,
        id: u64,
        mark: impl FnOnce(&mut State),
    ) -> Result<StatusCode, Refusal> {
        self.change(|state| {
            state.own_conversation(caller.user, id).ok_or_else(Refusal::not_found)?;
            mark(state);
            Ok(StatusCode::NO_CONTENT)
        })
    }
}

impl State {
    pub(super) fn own_conversation(&self, user: u64, id: u64) -> Option<&Conversation> {
        self.conversations.get(&id).filter(|one| one.unread.contains_key(&user))
    }

    pub(super) fn byline(&self, user: u64) -> Byline {
        Byline::person(user, self.users.get(&user).map_or("", |user| user.name.as_str()))
    }

    pub(super) fn unread_messages(&self, user: u64) -> u64 {
        self.conversations.values().filter_map(|one| one.unread.get(&user)).sum()
    }

    /// A message came in.
    pub(super) fn receive(&mut self, user: u64, message: Message) {
        let now = tasks::now();
        let event_id = self.fresh_id();
        let message_id = self.fresh_id();
        let (sound, browser) = self.users.get(&user).map_or((true, true), |user| (user.sound, user.browser));
        let id = message.conversation_id;
        let conversation = self.conversations.entry(id).or_insert_with(|| Conversation {
            subject: message.subject.clone(),
            excerpt: String::new(),
            by: message.by.clone(),
            created_on: now,
            last_event_on: now,
            unread: BTreeMap::new(),
            starred: BTreeSet::new(),
        });
        conversation.excerpt.clone_from(&message.text);
        conversation.last_event_on = now;
        let unread = conversation.unread.entry(user).or_insert(0);
        *unread += 1;
        let unread = *unread;
        // The one published capture has integers here, the models booleans.
        let data = json!({
            "action": "message", "conversation_id": id, "event_id": event_id, "text": message.text,
            "created_on": datetime(now), "created_by": message.by.json(),
            "data": {"message_id": message_id, "text": message.text, "files": [], "embed": Value::Null,
                "embed_file": Value::Null, "created_on": datetime(now)},
            "settings": {"browser": u8::from(browser), "popup": u8::from(browser), "sound": u8::from(sound)},
            "unread_count": unread, "total_unread_count": self.unread_messages(user),
        });
        self.push_event(user, "conversation_event", &message.by, &data);
        self.push_unread_messages(user, &message.by);
    }

    pub(super) fn set_conversation_read(&mut self, user: u64, id: u64, read: bool) {
        let Some(unread) = self.conversations.get_mut(&id).and_then(|one| one.unread.get_mut(&user)) else {
            return;
        };
        *unread = if read { 0 } else { (*unread).max(1) };
        let count = *unread;
        let event = if read { "conversation_read" } else { "conversation_unread" };
        let total = self.unread_messages(user);
        let by = self.byline(user);
        let data = json!({"conversation_id": id, "unread_count": count, "total_unread_count": total});
        self.push_event(user, event, &by, &data);
        self.push_unread_messages(user, &by);
    }

    fn push_unread_messages(&mut self, user: u64, by: &Byline) {
        let count = self.unread_messages(user);
        self.push_event(user, "conversation_unread_count", by, &json!({"count": count}));
    }

    fn set_conversation_starred(&mut self, user: u64, id: u64, starred: bool) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        if starred {
            conversation.starred.insert(user);
        } else {
            conversation.starred.remove(&user);
        }
        let count = self.conversations.values().filter(|one| one.starred.contains(&user)).count();
        let by = self.byline(user);
        let event = if starred { "conversation_starred" } else { "conversation_unstarred" };
        self.push_event(user, event, &by, &json!({"conversation_id": id}));
        self.push_event(user, "conversation_starred_count", &by, &json!({"count": count}));
    }
}

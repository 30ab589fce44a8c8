//! What a user does at Podio through a client: replies, comments, completed tasks, answered invitations, snoozed reminders, subscriptions.
//!
//! Paths and bodies are those of Podio's client libraries. Inferred, since nothing public says it: an object is known here as long as a
//! notification of the user is about it (else 404); an invitation that was answered says 409 to a second answer; what may be done twice
//! (completing, snoozing, following) says the same both times. A snoozed reminder does not come again by itself.

use super::notification::is_about;
use super::observed::Acted;
use super::rest::{Caller, Refusal};
use super::world::{Context, Message, Spec};
use super::{Podio, State};
use crate::tasks;
use axum::Json;
use axum::Router;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::routing::{delete, post};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn router() -> Router<Podio> {
    Router::new()
        .route("/conversation/{id}/reply", post(reply))
        .route("/comment/{ref_type}/{ref_id}", post(comment))
        .route("/task/{id}/complete", post(complete))
        .route("/space/invite/accept", post(accept))
        .route("/space/invite/decline", post(decline))
        .route("/reminder/{ref_type}/{ref_id}/snooze", post(snooze))
        .route("/subscription/{ref_type}/{ref_id}", post(follow).delete(unfollow))
        .route("/subscription/{id}", delete(unfollow_by_id))
}

/// A text the body must have.
fn said(body: &Value, name: &str) -> Result<String, Refusal> {
    let text = body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| Refusal::invalid_value(name))
}

async fn reply(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let text = said(&body, "text")?;
    podio.change(|state| {
        let conversation = state.own_conversation(caller.user, id).ok_or_else(Refusal::not_found)?;
        let others: Vec<u64> =
            conversation.unread.keys().copied().filter(|user| *user != caller.user).collect();
        let (subject, by) = (conversation.subject.clone(), state.byline(caller.user));
        for other in others {
            let message =
                Message { conversation_id: id, subject: subject.clone(), text: text.clone(), by: by.clone() };
            state.receive(other, message);
        }
        if let Some(conversation) = state.conversations.get_mut(&id) {
            conversation.excerpt.clone_from(&text);
            conversation.last_event_on = tasks::now();
        }
        state.acted(&caller, "reply", format!("conversation/{id}"), text);
        Ok(Json(json!({"message_id": state.fresh_id()})))
    })
}

async fn comment(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path((ref_type, ref_id)): Path<(String, u64)>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let text = said(&body, "value")?;
    podio.change(|state| {
        let context = state.known(&caller, &ref_type, ref_id)?;
        let by = state.byline(caller.user);
        let others: BTreeSet<u64> = state
            .notifications
            .values()
            .filter(|one| one.user != caller.user && is_about(one, &ref_type, ref_id))
            .map(|one| one.user)
            .collect();
        for other in others {
            let spec = Spec::new("comment", context.clone(), &text).by(by.clone());
            let id = state.keep(other, spec);
            state.push_created(id);
        }
        state.acted(&caller, "comment", format!("{ref_type}/{ref_id}"), text);
        Ok(Json(json!({"comment_id": state.fresh_id()})))
    })
}

async fn complete(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.change(|state| {
        state.known(&caller, "task", id)?;
        for one in state.notifications.values_mut().filter(|one| is_about(one, "task", id)) {
            one.completed = true;
        }
        state.acted(&caller, "complete", format!("task/{id}"), String::new());
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn accept(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Json(body): Json<Value>,
) -> Result<StatusCode, Refusal> {
    podio.answer_invite(&caller, &body, "accept", "started")
}

async fn decline(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Json(body): Json<Value>,
) -> Result<StatusCode, Refusal> {
    podio.answer_invite(&caller, &body, "decline", "declined")
}

async fn snooze(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path((ref_type, ref_id)): Path<(String, u64)>,
) -> Result<StatusCode, Refusal> {
    podio.change(|state| {
        state.known(&caller, &ref_type, ref_id)?;
        state.acted(&caller, "snooze", format!("{ref_type}/{ref_id}"), String::new());
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn follow(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path((ref_type, ref_id)): Path<(String, u64)>,
) -> Result<Json<Value>, Refusal> {
    podio.change(|state| {
        state.known(&caller, &ref_type, ref_id)?;
        let fresh = state.fresh_id();
        let on = format!("{ref_type}/{ref_id}");
        let id = *state.followed.entry((caller.user, ref_type, ref_id)).or_insert(fresh);
        state.acted(&caller, "follow", on, String::new());
        Ok(Json(json!({"subscription_id": id})))
    })
}

async fn unfollow(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path((ref_type, ref_id)): Path<(String, u64)>,
) -> Result<StatusCode, Refusal> {
    podio.change(|state| {
        state.known(&caller, &ref_type, ref_id)?;
        let on = format!("{ref_type}/{ref_id}");
        state.followed.remove(&(caller.user, ref_type, ref_id));
        state.acted(&caller, "unfollow", on, String::new());
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn unfollow_by_id(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.change(|state| {
        let mine = |(key, number): (&(u64, String, u64), &u64)| {
            (key.0 == caller.user && *number == id).then(|| key.clone())
        };
        let key = state.followed.iter().find_map(mine).ok_or_else(Refusal::not_found)?;
        let on = format!("{}/{}", key.1, key.2);
        state.followed.remove(&key);
        state.acted(&caller, "unfollow", on, String::new());
        Ok(StatusCode::NO_CONTENT)
    })
}

impl Podio {
    fn answer_invite(
        &self,
        caller: &Caller,
        body: &Value,
        what: &'static str,
        status: &str,
    ) -> Result<StatusCode, Refusal> {
        let code = said(body, "invite_code")?;
        self.change(|state| {
            let invite = state.notifications.values_mut().find(|one| {
                one.user == caller.user && one.data.get("invite_code").and_then(Value::as_str) == Some(&code)
            });
            let data = invite.and_then(|one| one.data.as_object_mut()).ok_or_else(Refusal::not_found)?;
            let open = data.get("status").and_then(Value::as_str).is_none_or(|status| status == "invited");
            if !open {
                return Err(Refusal::new(409, "conflict", "The invitation was answered already"));
            }
            data.insert("status".to_owned(), json!(status));
            state.acted(caller, what, code, String::new());
            Ok(StatusCode::NO_CONTENT)
        })
    }
}

impl State {
    /// The object, if the caller was ever told of it.
    fn known(&self, caller: &Caller, ref_type: &str, ref_id: u64) -> Result<Context, Refusal> {
        let about =
            |one: &&super::world::Notification| one.user == caller.user && is_about(one, ref_type, ref_id);
        self.notifications
            .values()
            .find(about)
            .map(|one| one.spec.context.clone())
            .ok_or_else(Refusal::not_found)
    }

    fn acted(&mut self, caller: &Caller, what: &'static str, on: String, text: String) {
        self.observed.acts.push(Acted { user: caller.user, what, on, text });
    }
}

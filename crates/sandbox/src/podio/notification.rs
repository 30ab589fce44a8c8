//! The notification area: `GET /notification/` and its neighbours (podio documentation, area Notifications).

use super::rest::{Caller, Refusal};
use super::world::{self, Notification, Spec};
use super::{Podio, State, taxonomy};
use crate::tasks;
use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn router() -> Router<Podio> {
    Router::new()
        .route("/notification/", get(list))
        .route("/notification/viewed", post(view_all))
        .route("/notification/inbox/new/count", get(new_count))
        .route("/notification/{id}", get(old_form))
        .route("/notification/{id}/v2", get(group_of_one))
        .route("/notification/{id}/viewed", post(view).delete(unview))
        .route("/notification/{id}/star", post(star).delete(unstar))
        .route("/notification/{ref_type}/{ref_id}/viewed", post(view_by_ref).delete(unview_by_ref))
}

type Parameters = Query<BTreeMap<String, String>>;

/// Groups of one page, newest first; `limit` and `offset` count notifications.
async fn list(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Query(parameters): Parameters,
) -> Result<Json<Value>, Refusal> {
    let wish = Wish::read(&parameters)?;
    let groups = podio.read(|state| state.groups(caller.user, &wish));
    if podio.read(|state| state.gated) {
        podio.change(|state| state.observed.gated_lists += 1);
        let _waiting = Waiting(podio.clone());
        podio.until_released().await;
    }
    Ok(Json(groups))
}

/// Counts down even when the client leaves.
struct Waiting(Podio);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.change(|state| state.observed.gated_lists = state.observed.gated_lists.saturating_sub(1));
    }
}

async fn new_count(Shared(podio): Shared<Podio>, caller: Caller) -> Json<Value> {
    Json(json!({"new": podio.read(|state| state.unread(caller.user).count())}))
}

async fn group_of_one(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    let one = podio.read(|state| state.own(caller.user, id).map(|one| group(&[one])));
    one.map(Json).ok_or_else(Refusal::not_found)
}

/// The flat form older clients read.
async fn old_form(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    let flat = podio.read(|state| {
        let one = state.own(caller.user, id)?;
        let mut flat = one.json();
        let context = one.spec.context.json();
        if let Some(map) = flat.as_object_mut() {
            map.insert("context_type".to_owned(), json!(one.spec.context.ref_type));
            map.insert("context_link".to_owned(), json!(one.spec.context.link()));
            map.insert("data_link".to_owned(), json!(one.link()));
            for name in ["space", "org"] {
                map.insert(name.to_owned(), context.get(name).cloned().unwrap_or(Value::Null));
            }
            map.insert("context".to_owned(), context.get("data").cloned().unwrap_or(Value::Null));
        }
        Some(flat)
    });
    flat.map(Json).ok_or_else(Refusal::not_found)
}

async fn view(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.set_viewed(&caller, id, true)
}

async fn unview(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.set_viewed(&caller, id, false)
}

async fn view_all(Shared(podio): Shared<Podio>, caller: Caller) -> StatusCode {
    podio.change(|state| state.view(caller.user, true, |_| true));
    StatusCode::NO_CONTENT
}

async fn view_by_ref(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path((ref_type, ref_id)): Path<(String, u64)>,
) -> StatusCode {
    podio.change(|state| state.view(caller.user, true, |one| is_about(one, &ref_type, ref_id)));
    StatusCode::NO_CONTENT
}

async fn unview_by_ref(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path((ref_type, ref_id)): Path<(String, u64)>,
) -> StatusCode {
    podio.change(|state| state.view(caller.user, false, |one| is_about(one, &ref_type, ref_id)));
    StatusCode::NO_CONTENT
}

pub(super) fn is_about(one: &Notification, ref_type: &str, ref_id: u64) -> bool {
    one.spec.context.ref_type == ref_type && one.spec.context.id == ref_id
}

async fn star(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.set_starred(&caller, id, true)
}

async fn unstar(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Refusal> {
    podio.set_starred(&caller, id, false)
}

impl Podio {
    fn set_viewed(&self, caller: &Caller, id: u64, viewed: bool) -> Result<StatusCode, Refusal> {
        self.change(|state| {
            state.own(caller.user, id).ok_or_else(Refusal::not_found)?;
            state.view(caller.user, viewed, |one| one.id == id);
            Ok(StatusCode::NO_CONTENT)
        })
    }

    fn set_starred(&self, caller: &Caller, id: u64, starred: bool) -> Result<StatusCode, Refusal> {
        self.change(|state| {
            let one = state.notifications.get_mut(&id).filter(|one| one.user == caller.user);
            one.ok_or_else(Refusal::not_found)?.starred = starred;
            Ok(StatusCode::NO_CONTENT)
        })
    }
}

/// What a list call asks for.
#[derive(Debug)]
struct Wish {
    limit: usize,
    offset: usize,
    viewed: Option<bool>,
    viewed_from: Option<jiff::Timestamp>,
    starred: Option<bool>,
    kind: Option<String>,
    context_type: Option<String>,
    other_party: Option<u64>,
    outgoing: bool,
    created_from: Option<jiff::Timestamp>,
    created_to: Option<jiff::Timestamp>,
}

impl Wish {
    fn read(parameters: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        fn part<T>(
            parameters: &BTreeMap<String, String>,
            name: &str,
            read: impl Fn(&str) -> Option<T>,
        ) -> Result<Option<T>, Refusal> {
            let Some(text) = parameters.get(name) else { return Ok(None) };
            read(text).map(Some).ok_or_else(|| Refusal::invalid_value(name))
        }
        let flag = |text: &str| match text {
            "0" | "false" => Some(false),
            "1" | "true" => Some(true),
            _ => None,
        };
        let limit =
            part(parameters, "limit", |text| text.parse().ok().filter(|limit| (1..=100).contains(limit)))?;
        let direction = |text: &str| match text {
            "incoming" => Some(false),
            "outgoing" => Some(true),
            _ => None,
        };
        Ok(Self {
            limit: limit.unwrap_or(20),
            offset: part(parameters, "offset", |text| text.parse().ok())?.unwrap_or(0),
            viewed: part(parameters, "viewed", flag)?,
            viewed_from: part(parameters, "viewed_from", world::read_datetime)?,
            starred: part(parameters, "starred", flag)?,
            kind: parameters.get("type").cloned(),
            context_type: parameters.get("context_type").cloned(),
            other_party: part(parameters, "user_id", |text| text.parse().ok())?,
            outgoing: part(parameters, "direction", direction)?.unwrap_or(false),
            created_from: part(parameters, "created_from", world::read_datetime)?,
            created_to: part(parameters, "created_to", world::read_datetime)?,
        })
    }

    fn wants(&self, one: &Notification, user: u64) -> bool {
        let by = one.spec.by.user_id;
        let (mine, other) = if self.outgoing { (by == user, one.user) } else { (one.user == user, by) };
        let viewed = match self.viewed {
            None => true,
            Some(true) => one.viewed_on.is_some(),
            Some(false) => {
                one.viewed_on.is_none_or(|viewed_on| self.viewed_from.is_some_and(|from| viewed_on >= from))
            }
        };
        // Datetimes travel in whole seconds, so they are compared in whole seconds.
        let second = one.created_on.as_second();
        mine && viewed
            && self.other_party.is_none_or(|wanted| other == wanted)
            && self.starred.is_none_or(|starred| one.starred == starred)
            && self.kind.as_ref().is_none_or(|kind| one.spec.kind == *kind)
            && self.context_type.as_ref().is_none_or(|context| one.spec.context.ref_type == *context)
            && self.created_from.is_none_or(|from| second >= from.as_second())
            && self.created_to.is_none_or(|to| second <= to.as_second())
    }
}

fn group(notifications: &[&Notification]) -> Value {
    let mut context = notifications.first().map_or(Value::Null, |one| one.spec.context.json());
    if notifications.iter().any(|one| one.completed)
        && let Some(task) = context.get_mut("data").and_then(Value::as_object_mut)
    {
        task.insert("status".to_owned(), json!("completed"));
    }
    json!({"context": context, "notifications": notifications.iter().map(|one| one.json()).collect::<Vec<_>>()})
}

impl State {
    pub(super) fn keep(&mut self, user: u64, spec: Spec) -> u64 {
        let id = self.fresh_id();
        let sample = taxonomy::sample_data(&spec.kind, &spec.context);
        let data = spec.data.clone().unwrap_or(sample);
        let icon = spec
            .icon
            .clone()
            .unwrap_or_else(|| taxonomy::icon(&spec.kind, &spec.context.ref_type, &data).to_owned());
        let created_on = spec.at.unwrap_or_else(tasks::now);
        let one = Notification {
            id,
            user,
            spec,
            icon,
            data,
            created_on,
            viewed_on: None,
            starred: false,
            completed: false,
        };
        self.notifications.insert(id, one);
        id
    }

    pub(super) fn push_created(&mut self, id: u64) {
        let Some(one) = self.notifications.get(&id) else { return };
        let (sound, browser) =
            self.users.get(&one.user).map_or((true, true), |user| (user.sound, user.browser));
        let data = json!({
            "notification_id": id, "text": one.spec.text, "link": one.link(), "icon": one.icon,
            "settings": {"sound": sound, "browser": browser},
        });
        let (user, by) = (one.user, one.spec.by.clone());
        self.push_event(user, "notification_create", &by, &data);
        self.push_unread(user, &by);
    }

    fn push_unread(&mut self, user: u64, by: &world::Byline) {
        let count = self.unread(user).count();
        self.push_event(user, "notification_unread", by, &json!({"count": count}));
    }

    pub(super) fn unread(&self, user: u64) -> impl Iterator<Item = &Notification> {
        self.notifications.values().filter(move |one| one.user == user && one.viewed_on.is_none())
    }

    /// Marks the user's matching notifications; when any changed, the new count is pushed.
    pub(super) fn view(&mut self, user: u64, viewed: bool, wanted: impl Fn(&Notification) -> bool) {
        let now = tasks::now();
        let mut changed = false;
        for one in self.notifications.values_mut() {
            if one.user == user && one.viewed_on.is_some() != viewed && wanted(one) {
                one.viewed_on = viewed.then_some(now);
                changed = true;
            }
        }
        if changed {
            let name = self.users.get(&user).map_or("", |user| user.name.as_str());
            let by = world::Byline::person(user, name);
            self.push_unread(user, &by);
        }
    }

    fn own(&self, user: u64, id: u64) -> Option<&Notification> {
        self.notifications.get(&id).filter(|one| one.user == user)
    }

    fn groups(&self, user: u64, wish: &Wish) -> Value {
        let mut wanted: Vec<&Notification> =
            self.notifications.values().filter(|one| wish.wants(one, user)).collect();
        wanted.sort_by_key(|one| std::cmp::Reverse((one.created_on.as_second(), one.id)));
        let mut groups: Vec<Vec<&Notification>> = Vec::new();
        for one in wanted.into_iter().skip(wish.offset).take(wish.limit) {
            let context = &one.spec.context;
            let same = groups.iter_mut().find(|group| {
                group.first().is_some_and(|first| is_about(first, &context.ref_type, context.id))
            });
            match same {
                Some(group) => group.push(one),
                None => groups.push(vec![one]),
            }
        }
        Value::Array(groups.iter().map(|one| group(one)).collect())
    }
}

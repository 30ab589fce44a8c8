//! The auth endpoint of an application that uses this server: who is signed in there may join its private channels. It
//! answers a form with JSON, and a GET with a `callback` with a script.

use super::app::Kind;
use super::observed::{AuthAsked, keep};
use super::{App, PusherApps, State, json_or_script};
use axum::body::Bytes;
use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Form = BTreeMap<String, String>;

pub(super) async fn channel_by_post(
    Shared(apps): Shared<PusherApps>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form: Form = url::form_urlencoded::parse(&body).into_owned().collect();
    apps.authorize("POST", &headers, &form, None)
}

pub(super) async fn channel_by_get(
    Shared(apps): Shared<PusherApps>,
    headers: HeaderMap,
    Query(form): Query<Form>,
) -> Response {
    apps.authorize("GET", &headers, &form, form.get("callback").map(String::as_str))
}

pub(super) async fn user(Shared(apps): Shared<PusherApps>, headers: HeaderMap, body: Bytes) -> Response {
    let form: Form = url::form_urlencoded::parse(&body).into_owned().collect();
    apps.answer("POST", &headers, &form, None, |state, app, socket_id| {
        let person = &state.settings.auth_user;
        let user_data = json!({"id": person.id, "user_info": {"name": person.name}}).to_string();
        Ok(json!({"auth": app.sign_user(socket_id, &user_data), "user_data": user_data}))
    })
}

impl PusherApps {
    fn authorize(&self, method: &str, headers: &HeaderMap, form: &Form, callback: Option<&str>) -> Response {
        let channel = form.get("channel_name").map_or("", String::as_str);
        self.answer(method, headers, form, callback, |state, app, socket_id| {
            let kind = Kind::of(channel);
            if !kind.wants_auth() {
                return Err(StatusCode::FORBIDDEN);
            }
            let person = &state.settings.auth_user;
            let id = form.get("user_id").unwrap_or(&person.id);
            let data =
                kind.presence.then(|| json!({"user_id": id, "user_info": {"name": person.name}}).to_string());
            let mut answer = json!({"auth": app.sign(socket_id, channel, data.as_deref())});
            if let Some(answer) = answer.as_object_mut() {
                answer.extend(data.map(|data| ("channel_data".to_owned(), Value::String(data))));
                if kind.encrypted {
                    answer.insert("shared_secret".to_owned(), json!(app.shared_secret_text(channel)));
                }
            }
            Ok(answer)
        })
    }

    /// The header first, then the socket id, then what is asked for.
    fn answer(
        &self,
        method: &str,
        headers: &HeaderMap,
        form: &Form,
        callback: Option<&str>,
        sign: impl FnOnce(&State, &App, &str) -> Result<Value, StatusCode>,
    ) -> Response {
        let key = form.get("app_key").unwrap_or(&self.key);
        let socket_id = form.get("socket_id").map_or("", String::as_str);
        let channel = form.get("channel_name").map_or("", String::as_str);
        let answer = self.read(|state| {
            let signed_in = state.settings.auth_header.as_ref().is_none_or(|(name, value)| {
                headers.get(name).and_then(|given| given.to_str().ok()) == Some(value.as_str())
            });
            let app = state.apps.get(key).ok_or(StatusCode::FORBIDDEN)?;
            match (signed_in, is_socket_id(socket_id)) {
                (false, _) => Err(StatusCode::FORBIDDEN),
                (true, false) => Err(StatusCode::BAD_REQUEST),
                (true, true) => sign(state, app, socket_id),
            }
        });
        let status = answer.as_ref().map_or_else(StatusCode::as_u16, |_| 200);
        self.change(|state| {
            let asked = AuthAsked {
                method: method.to_owned(),
                socket_id: socket_id.to_owned(),
                channel: channel.to_owned(),
                status,
            };
            keep(&mut state.observed.auths, asked);
        });
        match answer {
            Ok(answer) => json_or_script(&answer, callback),
            Err(status) => (status, "Not allowed").into_response(),
        }
    }
}

/// Two numbers joined by a dot.
pub(crate) fn is_socket_id(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(first, second)| digits(first) && digits(second))
}

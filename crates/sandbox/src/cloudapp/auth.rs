//! The auth endpoint of the item stream: whoever is signed in may join the channel of the own account, and no other.

use super::rest::Caller;
use super::{AuthForm, CloudApp, User};
use crate::pusher::{auth::is_socket_id, json_or_script};
use axum::body::Bytes;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use std::collections::BTreeMap;

type Form = BTreeMap<String, String>;

/// What a script is called when nobody named it: the first one of the client library.
const CALLBACK: &str = "Pusher.auth_callbacks['1']";

pub(super) async fn by_get(
    Shared(cloudapp): Shared<CloudApp>,
    Caller(user): Caller,
    Query(form): Query<Form>,
) -> Response {
    cloudapp.authorize(&user, &form)
}

pub(super) async fn by_post(
    Shared(cloudapp): Shared<CloudApp>,
    Caller(user): Caller,
    body: Bytes,
) -> Response {
    if !cloudapp.read(|state| state.settings.auth_by_post) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let form: Form = url::form_urlencoded::parse(&body).into_owned().collect();
    cloudapp.authorize(&user, &form)
}

impl CloudApp {
    fn authorize(&self, user: &User, form: &Form) -> Response {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let (socket_id, channel) = (field("socket_id"), field("channel_name"));
        if channel != user.channel() || !is_socket_id(socket_id) {
            self.change(|state| state.observed.refused_channels += 1);
            return StatusCode::FORBIDDEN.into_response();
        }
        let (key, form_of_answer) =
            self.read(|state| (state.settings.app_key.clone(), state.settings.auth_form));
        let auth = self.shared.pusher.in_app(&key).app().sign(socket_id, channel, None);
        self.change(|state| state.observed.authorized.push((channel.to_owned(), socket_id.to_owned())));
        let callback = form.get("callback").map(String::as_str);
        let callback = match form_of_answer {
            AuthForm::JsonOrScript => callback,
            AuthForm::OnlyScript => Some(callback.unwrap_or(CALLBACK)),
            AuthForm::OnlyJson => None,
        };
        json_or_script(&json!({"auth": auth}), callback)
    }
}

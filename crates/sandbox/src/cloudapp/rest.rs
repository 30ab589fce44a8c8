//! The REST API: who calls (digest or session), account, items, and 304 for what has not changed.

use super::digest::Wrong;
use super::world::Item;
use super::{AuthUrl, CloudApp, State, User, auth};
use crate::shell;
use crate::tasks;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query, Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

const SESSION: &str = "_engine_session";

pub(crate) fn router(cloudapp: &CloudApp) -> Router {
    Router::new()
        .route("/account", get(account))
        .route("/account/stats", get(stats))
        .route("/items", get(list).post(bookmark))
        .route("/items/{number}", get(one).put(change).delete(trash))
        .route("/pusher/auth", get(auth::by_get).post(auth::by_post))
        .layer(middleware::from_fn_with_state(cloudapp.clone(), signed_in))
        // The short link needs no account.
        .route("/{slug}", get(short_link))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(middleware::from_fn_with_state(cloudapp.clone(), shell::watch::<CloudApp>))
        .with_state(cloudapp.clone())
}

/// The account a call is made by.
#[derive(Clone, Debug)]
pub(super) struct Caller(pub(super) User);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// Digest or session first; then JSON for those who ask for it, and what they have already is not sent again.
async fn signed_in(Shared(cloudapp): Shared<CloudApp>, mut request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let method = request.method().clone();
    let headers = request.headers().clone();
    let checked = cloudapp.change(|state| state.check(method.as_str(), &target, &headers));
    let (user, session) = match checked {
        Ok(checked) => checked,
        Err(challenges) => {
            let mut response = (StatusCode::UNAUTHORIZED, "HTTP Digest: Access denied.\n").into_response();
            for challenge in challenges.iter().filter_map(|text| HeaderValue::from_str(text).ok()) {
                response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
            }
            return response;
        }
    };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if accept.contains("application/json") || target.starts_with("/pusher/auth") {
        request.extensions_mut().insert(Caller(user));
        let response = next.run(request).await;
        if method == "GET" { unless_known(response, &headers).await } else { response }
    } else {
        // To a browser the service is a web site.
        ([(header::CONTENT_TYPE, "text/html")], "<!doctype html><title>CloudApp</title>").into_response()
    };
    if let Some(cookie) =
        session.and_then(|id| HeaderValue::try_from(format!("{SESSION}={id}; path=/; HttpOnly")).ok())
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Puts an `ETag` on what is well, and answers 304 when the client names it.
async fn unless_known(response: Response, headers: &HeaderMap) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let digest = HEXLOWER.encode(&Sha256::digest(&body));
    let tag = format!("\"{}\"", digest.get(..32).unwrap_or(&digest));
    let known =
        headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|known| {
            known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag || one.trim() == "*")
        });
    if let Ok(tag) = HeaderValue::try_from(tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

impl State {
    /// Who calls, and the session that begins with this call, if any; or the challenges to send.
    fn check(
        &mut self,
        method: &str,
        target: &str,
        headers: &HeaderMap,
    ) -> Result<(User, Option<String>), Vec<String>> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let cookie = text(header::COOKIE).and_then(|cookies| {
            cookies.split(';').find_map(|one| one.trim().strip_prefix(SESSION)?.strip_prefix('='))
        });
        let by_session = cookie.and_then(|id| self.sessions.get(id)).and_then(|id| self.users.get(id));
        if let Some(user) = by_session.filter(|_| self.settings.sessions) {
            self.observed.session_calls += 1;
            return Ok((user.clone(), None));
        }
        let (settings, now) = (&self.settings, tasks::instant());
        let users = &self.users;
        let of = |email: &str| users.values().find(|user| user.email == email);
        let checked = match text(header::AUTHORIZATION) {
            None => Err(Wrong::Missing),
            Some(header) => self.nonces.check(
                header,
                (method, target),
                &settings.algorithms,
                settings.nonce_lifetime,
                now,
                |email| of(email).map(|user| user.password.clone()),
            ),
        };
        match checked.and_then(|email| of(&email).cloned().ok_or(Wrong::Refused)) {
            Ok(user) => {
                self.observed.digests += 1;
                let session = settings.sessions.then(|| format!("{:032x}", rand::random::<u128>()));
                if let Some(session) = &session {
                    self.sessions.insert(session.clone(), user.id);
                }
                Ok((user, session))
            }
            Err(wrong) => {
                let observed = &mut self.observed;
                match wrong {
                    Wrong::Missing => observed.challenges += 1,
                    Wrong::Refused => observed.unauthorized += 1,
                    Wrong::Stale => observed.stale += 1,
                    Wrong::Replayed => observed.replays += 1,
                }
                Err(self.nonces.challenges(&settings.algorithms, wrong == Wrong::Stale, now))
            }
        }
    }

    fn own(&self, user: u64) -> impl DoubleEndedIterator<Item = &Item> {
        self.items.values().filter(move |item| item.owner == user)
    }
}

async fn account(Shared(cloudapp): Shared<CloudApp>, Caller(user): Caller) -> Json<Value> {
    let base = cloudapp.base();
    let (auth_url, key) =
        cloudapp.read(|state| (state.settings.auth_url.clone(), state.settings.app_key.clone()));
    let auth_url = match auth_url {
        AuthUrl::Own => format!("{base}/pusher/auth"),
        AuthUrl::Empty => String::new(),
        AuthUrl::Text(text) => text,
    };
    let app_id = cloudapp.shared.pusher.in_app(&key).app().id;
    Json(json!({
        "id": user.id, "email": user.email, "domain": Value::Null, "domain_home_page": Value::Null,
        "private_items": true, "subscribed": false, "subscription_expires_at": Value::Null, "alpha": false,
        "created_at": "2012-03-04T05:06:07Z", "updated_at": "2012-03-04T05:06:07Z",
        "activated_at": "2012-03-04T05:10:00Z",
        "socket": {"auth_url": auth_url, "api_key": key, "app_id": app_id, "channels": {"items": user.channel()}},
    }))
}

async fn stats(Shared(cloudapp): Shared<CloudApp>, Caller(user): Caller) -> Json<Value> {
    cloudapp.read(|state| {
        let there = || state.own(user.id).filter(|item| item.deleted_at.is_none());
        Json(json!({"items": there().count(), "views": there().map(|item| item.views).sum::<u64>()}))
    })
}

/// Newest first. Inferred: `deleted=true` lists the trash alone.
async fn list(
    Shared(cloudapp): Shared<CloudApp>,
    Caller(user): Caller,
    Query(query): Query<BTreeMap<String, String>>,
) -> Json<Value> {
    let number = |name: &str, default: usize| {
        query.get(name).and_then(|text| text.parse().ok()).filter(|number| *number > 0).unwrap_or(default)
    };
    let (page, per_page) = (number("page", 1), number("per_page", 5));
    let text = |name: &str| query.get(name).map(String::as_str);
    let trash = text("deleted") == Some("true");
    cloudapp.read(|state| {
        let wanted = state.own(user.id).rev().filter(|item| {
            item.deleted_at.is_some() == trash
                && text("type").is_none_or(|kind| item.kind.as_str() == kind)
                && text("source").is_none_or(|source| item.source.contains(source))
        });
        let page = wanted.skip((page - 1).saturating_mul(per_page)).take(per_page);
        Json(page.map(|item| item.json(cloudapp.base())).collect())
    })
}

impl CloudApp {
    /// The caller's own item.
    fn own_item(&self, user: &User, number: u64) -> Result<String, StatusCode> {
        self.read(|state| {
            let item = state.items.get(&number).filter(|item| item.owner == user.id);
            item.map(|item| item.href(self.base())).ok_or(StatusCode::NOT_FOUND)
        })
    }

    fn found(&self, href: &str) -> Result<Json<Value>, StatusCode> {
        self.item(href).map(Json).ok_or(StatusCode::NOT_FOUND)
    }
}

async fn one(
    Shared(cloudapp): Shared<CloudApp>,
    Caller(user): Caller,
    Path(number): Path<u64>,
) -> Result<Json<Value>, StatusCode> {
    cloudapp.found(&cloudapp.own_item(&user, number)?)
}

/// By its short link an item is seen without an account, unless it is in the trash.
async fn short_link(
    Shared(cloudapp): Shared<CloudApp>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    cloudapp.read(|state| {
        let item = state.items.values().find(|item| item.slug == slug && item.deleted_at.is_none());
        item.map(|item| Json(item.json(cloudapp.base()))).ok_or(StatusCode::NOT_FOUND)
    })
}

/// 422 carries a list of sentences.
fn unprocessable(text: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!([text]))).into_response()
}

/// Renames, makes private or public, or recovers.
async fn change(
    Shared(cloudapp): Shared<CloudApp>,
    Caller(user): Caller,
    Path(number): Path<u64>,
    Json(wish): Json<Value>,
) -> Response {
    let href = match cloudapp.own_item(&user, number) {
        Ok(href) => href,
        Err(status) => return status.into_response(),
    };
    let name = wish.pointer("/item/name").and_then(Value::as_str);
    let private = wish.pointer("/item/private").and_then(Value::as_bool);
    let recover =
        wish.get("deleted") == Some(&json!(true)) && wish.pointer("/item/deleted_at") == Some(&Value::Null);
    let done = match (name, private, recover) {
        (_, _, true) => cloudapp.recover(&href),
        (Some(""), _, _) => return unprocessable("Name can't be blank"),
        (None, None, false) => return unprocessable("Nothing to change"),
        (name, private, false) => cloudapp.update(&href, |item| {
            item.name = name.map(str::to_owned).or_else(|| item.name.take());
            item.private = private.unwrap_or(item.private);
        }),
    };
    match done {
        Ok(()) => cloudapp.found(&href).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn trash(
    Shared(cloudapp): Shared<CloudApp>,
    Caller(user): Caller,
    Path(number): Path<u64>,
) -> Result<Json<Value>, StatusCode> {
    let href = cloudapp.own_item(&user, number)?;
    cloudapp.delete(&href).map_err(|_| StatusCode::NOT_FOUND)?;
    cloudapp.found(&href)
}

/// One bookmark, or several.
async fn bookmark(
    Shared(cloudapp): Shared<CloudApp>,
    Caller(user): Caller,
    Json(wish): Json<Value>,
) -> Response {
    let make = |wish: &Value| {
        let url = wish.get("redirect_url").and_then(Value::as_str).filter(|url| !url.is_empty())?;
        cloudapp.item(&cloudapp.bookmark(user.id, wish.get("name").and_then(Value::as_str), url))
    };
    let made = match (wish.get("item"), wish.get("items").and_then(Value::as_array)) {
        (Some(one), _) => make(one),
        (None, Some(several)) => several.iter().map(make).collect::<Option<Vec<_>>>().map(Value::Array),
        (None, None) => None,
    };
    match made {
        Some(made) => Json(made).into_response(),
        None => unprocessable("Redirect url can't be blank"),
    }
}

//! The shell of REST v4: who calls, with which scopes, how often and for which version; the envelope and the shape of errors. Areas
//! have their own files.

use super::{Podium, State, lists, oauth, webhooks};
use crate::faults::Answer;
use crate::shell;
use crate::tasks;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The one known value of `podium-version`.
pub(super) const VERSION: &str = "2021.04.01";

pub(crate) fn router(podium: &Podium) -> Router {
    let api = Router::new()
        .merge(webhooks::router())
        .merge(lists::router())
        .fallback(async || Refusal::new(404, "route_not_found", "The route does not exist"))
        .layer(middleware::from_fn_with_state(podium.clone(), gate));
    Router::new()
        .nest("/v4", api)
        .merge(oauth::router())
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(middleware::from_fn_with_state(podium.clone(), shell::watch::<Podium>))
        .with_state(podium.clone())
}

/// A documented error; the gate writes the body.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned() }
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "resource_not_found", "The resource does not exist")
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(400, "bad_request", message)
    }

    pub(super) fn invalid_values(message: &str) -> Self {
        Self::new(400, "invalid_request_values", message)
    }

    pub(super) fn invalid_cursor() -> Self {
        Self::new(400, "invalid_cursor", "The cursor is not valid or has expired")
    }

    fn of_status(status: u16) -> Option<Self> {
        Some(match status {
            400 => Self::bad_request("The request is not valid"),
            401 => Self::new(401, "unauthenticated", "The access token is not valid"),
            403 => Self::new(403, "unauthorized", "The access token may not do this"),
            404 => Self::not_found(),
            422 => Self::new(422, "invalid_request_values", "The request is not valid"),
            429 => Self::new(429, "rate_limit", "Too many requests"),
            500..=599 => Self::new(status, "internal_server_error", "Something went wrong at our end"),
            _ => return None,
        })
    }

    pub(super) fn worded(&self, numeric: bool) -> Response {
        let code = if numeric { json!(self.status) } else { json!(self.code) };
        let more = "https://docs.podium.com/docs/errors";
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({"code": code, "message": self.message, "moreInfo": more}))).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.worded(false);
        response.extensions_mut().insert(self);
        response
    }
}

/// What goes into the envelope; the gate adds the rest.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    data: Value,
    next_cursor: Option<String>,
}

pub(super) type Done = Result<Answered, Refusal>;

impl Answered {
    pub(super) fn with(data: Value) -> Self {
        Self { data, next_cursor: None }
    }

    pub(super) fn page(data: Vec<Value>, next_cursor: Option<String>) -> Self {
        Self { data: Value::Array(data), next_cursor }
    }
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Whose token came with the request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) client_id: String,
    pub(super) scopes: BTreeSet<String>,
}

impl Caller {
    /// 403 names the scope that is missing.
    pub(super) fn must(&self, state: &State, scope: &str) -> Result<(), Refusal> {
        let withheld = state.settings.withheld_scopes.iter().any(|one| one == scope);
        if self.scopes.contains(scope) && !withheld {
            return Ok(());
        }
        Err(Refusal::new(403, "unauthorized", &format!("The access token lacks the scope {scope}")))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Refusal::new(401, "unauthenticated", "The access token is not valid"))
    }
}

/// Calls in the present minute.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    since: Instant,
    used: u32,
}

/// Limit, what remains, and seconds until it begins anew, for the headers.
#[derive(Clone, Copy, Debug)]
struct Rate {
    limit: u32,
    remaining: u32,
    reset: u64,
}

impl Rate {
    fn write(self, headers: &mut HeaderMap) {
        headers.insert("ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("ratelimit-reset", HeaderValue::from(self.reset));
    }
}

/// Counts first, then asks who calls, then for which version; then puts the answer into its envelope.
async fn gate(Shared(podium): Shared<Podium>, mut request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    // The router's own part of the path is gone here.
    let url = format!("http://{host}/v4{}", request.uri().path());
    let (rate, checked, numeric, nulls) = podium.change(|state| {
        let (rate, checked) = state.check(request.headers());
        (rate, checked, state.settings.numeric_codes, state.settings.nulls)
    });
    let mut response = match checked {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = refusal.worded(numeric);
    }
    if let Some(Answered { data, next_cursor }) = response.extensions_mut().remove() {
        // A webhook is made by what it says of itself; without that nobody could find it again.
        let bare = nulls && !url.contains("/webhooks");
        let data = if bare { super::world::nulled(&data) } else { data };
        let mut metadata = json!({"url": url, "version": VERSION});
        if let (Some(metadata), Value::Array(_)) = (metadata.as_object_mut(), &data) {
            metadata.insert("nextCursor".to_owned(), json!(next_cursor));
        }
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = Body::from(json!({"data": data, "metadata": metadata}).to_string());
    }
    rate.write(response.headers_mut());
    response
}

impl State {
    fn check(&mut self, headers: &HeaderMap) -> (Rate, Result<Caller, Refusal>) {
        let now = tasks::instant();
        let (limit, window) = (self.settings.rate_limit, self.settings.rate_window);
        let fresh = Budget { since: now, used: 0 };
        let budget = self.budget.get_or_insert_with(|| fresh.clone());
        if now.duration_since(budget.since) >= window {
            *budget = fresh;
        }
        let exhausted = budget.used >= limit;
        budget.used = budget.used.saturating_add(1);
        let left = window.saturating_sub(now.duration_since(budget.since));
        let rate = Rate { limit, remaining: limit.saturating_sub(budget.used), reset: seconds(left) };
        if exhausted {
            return (rate, Err(Refusal::new(429, "rate_limit", "Too many requests")));
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let token = text("authorization").and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let caller = token.and_then(|(_, token)| self.tokens.caller(token.trim(), now));
        let Some(caller) = caller else {
            return (rate, Err(Refusal::new(401, "unauthenticated", "The access token is not valid")));
        };
        let version = text("podium-version");
        let known = version == Some(VERSION) || version.is_none() && !self.settings.version_demanded;
        if !known {
            let refusal =
                Refusal::new(400, "invalid_header_version", "The podium-version header is not valid");
            return (rate, Err(refusal));
        }
        (rate, Ok(caller))
    }
}

/// Rounded up: who waits the seconds named must not come too early.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// A planned fault in the service's own words.
pub(super) fn wrong(podium: &Podium, answer: &Answer) -> Option<Response> {
    let numeric = podium.read(|state| state.settings.numeric_codes);
    match answer {
        Answer::Status(status) => Refusal::of_status(*status).map(|refusal| refusal.worded(numeric)),
        Answer::RateLimited { wait } | Answer::TooMany { retry_after: wait } => {
            let mut response = Refusal::of_status(429)?.worded(numeric);
            let limit = podium.read(|state| state.settings.rate_limit);
            Rate { limit, remaining: 0, reset: *wait }.write(response.headers_mut());
            Some(response)
        }
        Answer::CaptivePortal
        | Answer::Garbage
        | Answer::Oversized { .. }
        | Answer::Silence
        | Answer::Deaf
        | Answer::Json(_)
        | Answer::Late { .. } => None,
    }
}

//! The shell of the REST API: who calls, how often, the shape of errors, the request log, planned faults; and
//! `GET /user/status`. Areas have their own files.

use super::{Podio, State, acts, conversation, notification, oauth, push};
use crate::faults::{self, Answer};
use crate::tasks;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The REST API, the authorisation page, and, when `push` is asked for, the push server on the same port.
pub(crate) fn router(podio: &Podio, api: bool, push: bool) -> Router {
    let mut router = Router::new();
    if api {
        router = router
            .route("/user/status", get(user_status))
            .route("/user/setting/{client_type}/", get(user_settings))
            .merge(notification::router())
            .merge(conversation::router())
            .merge(acts::router())
            .merge(oauth::router());
    }
    if push {
        router = router.merge(push::router());
    }
    router
        .fallback(async || Refusal::not_found())
        .layer(middleware::from_fn_with_state(podio.clone(), watch))
        .with_state(podio.clone())
}

/// A documented error; the shell writes the body, because the body repeats the request.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: u16,
    error: &'static str,
    description: String,
    detail: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(status: u16, error: &'static str, description: &str) -> Self {
        Self { status, error, description: description.to_owned(), detail: None }
    }

    pub(crate) fn detail(mut self, detail: &'static str) -> Self {
        self.detail = Some(detail);
        self
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "not_found", "The object does not exist")
    }

    pub(crate) fn invalid_value(name: &str) -> Self {
        Self::new(400, "invalid_value", &format!("Invalid value for {name}"))
    }

    pub(crate) fn expired_token() -> Self {
        Self::new(401, "unauthorized", "expired_token")
    }

    pub(crate) fn rate_limit(wait: u64) -> Self {
        let text = format!("You have hit the rate limit. Please wait {wait} seconds before trying again");
        Self::new(420, "rate_limit", &text)
    }

    fn of_status(status: u16) -> Option<Self> {
        Some(match status {
            400 => Self::new(400, "invalid_request", "The request is not valid"),
            401 => Self::expired_token(),
            402 => Self::new(402, "payment_required", "This needs another plan"),
            403 => Self::new(403, "forbidden", "You may not do this"),
            404 => Self::not_found(),
            409 => Self::new(409, "conflict", "The object was changed meanwhile"),
            410 => Self::new(410, "gone", "The object was deleted"),
            420 => Self::rate_limit(3_600),
            500..=599 => Self::new(status, "server_error", "Something went wrong at our side"),
            _ => return None,
        })
    }

    fn body(&self, url: &str, method: &str, query: &str) -> Value {
        json!({
            "error": self.error, "error_description": self.description, "error_detail": self.detail,
            "error_parameters": {}, "error_propagate": false,
            "request": {"url": url, "method": method, "query_string": query},
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Whose token came with the request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: u64,
    pub(crate) client_id: String,
}

/// What the shell found out about the caller before the call.
#[derive(Clone)]
struct Checked(Result<Caller, Refusal>);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        match parts.extensions.get::<Checked>() {
            Some(Checked(checked)) => checked.clone(),
            None => Err(Refusal::new(401, "unauthorized", "invalid_request")),
        }
    }
}

/// Calls of one user and key in the present hour.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    since: Instant,
    used: u32,
}

/// Limit and what remains, for the headers.
struct Rate {
    limit: u32,
    remaining: u32,
}

async fn watch(Shared(podio): Shared<Podio>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let method = request.method().clone();
    let path = uri.path().to_owned();
    let query = uri.query().unwrap_or_default().to_owned();
    let number = podio.change(|state| {
        state.observed.log(method.as_str(), &path, uri.query(), tasks::now().as_millisecond())
    });

    let (mut response, rate) = match podio.change(|state| state.faults.next(&path)) {
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Deaf) => {
            podio.answer(&path, request, next).await;
            std::future::pending().await
        }
        Some(Answer::Late { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            podio.answer(&path, request, next).await
        }
        Some(answer) => (wrong(&answer), None),
        None => podio.answer(&path, request, next).await,
    };

    // The server's own would go by another clock.
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&tasks::now());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    if let Some(refusal) = response.extensions().get::<Refusal>().cloned() {
        if refusal.status == 401 {
            podio.change(|state| state.observed.unauthorized += 1);
            let value = HeaderValue::from_static("Bearer realm=\"podio\", error=\"expired_token\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        let body = refusal.body(&format!("http://localhost{path}"), method.as_str(), &query).to_string();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = Body::from(body);
    }
    if let Some(rate) = rate {
        response.headers_mut().insert("x-rate-limit-limit", HeaderValue::from(rate.limit));
        response.headers_mut().insert("x-rate-limit-remaining", HeaderValue::from(rate.remaining));
    }
    if let Ok(id) = HeaderValue::from_str(&format!("sandbox-{number}")) {
        response.headers_mut().insert("x-podio-request-id", id);
    }
    let status = response.status().as_u16();
    podio.change(|state| {
        state.observed.answered(number, status);
        if status == 420 {
            state.observed.rate_limited += 1;
        }
    });
    response
}

impl Podio {
    async fn answer(&self, path: &str, mut request: Request, next: Next) -> (Response, Option<Rate>) {
        // The push server asks for no token.
        let rate = if path.starts_with("/faye") {
            None
        } else {
            let (checked, rate) = self.change(|state| state.check(request.headers()));
            request.extensions_mut().insert(Checked(checked));
            rate
        };
        (next.run(request).await, rate)
    }
}

fn wrong(answer: &Answer) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match answer {
        Answer::Status(status) => match Refusal::of_status(*status) {
            Some(refusal) => refusal.into_response(),
            None => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
        },
        Answer::RateLimited { wait } => Refusal::rate_limit(*wait).into_response(),
        Answer::TooMany { retry_after } => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, retry_after.to_string())]).into_response()
        }
        Answer::CaptivePortal => ([(header::CONTENT_TYPE, "text/html")], faults::PORTAL_PAGE).into_response(),
        Answer::Garbage => (json, faults::GARBAGE).into_response(),
        Answer::Oversized { bytes } => (json, faults::oversized(*bytes)).into_response(),
        Answer::Json(value) => Json(value.clone()).into_response(),
        // The shell never lets these come so far.
        Answer::Silence | Answer::Deaf | Answer::Late { .. } => {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl State {
    /// Reads the token, counts the call.
    fn check(&mut self, headers: &HeaderMap) -> (Result<Caller, Refusal>, Option<Rate>) {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return (Err(Refusal::new(401, "unauthorized", "invalid_request")), None);
        };
        let token = value.to_str().ok().and_then(|text| text.split_once(' '));
        let caller = match token {
            Some(("OAuth2", token)) => match self.tokens.caller(token, tasks::instant()) {
                Some(caller) => caller,
                None => return (Err(Refusal::expired_token()), None),
            },
            // Reports differ on `Bearer`; a client that relies on it is better found out here.
            Some(("Bearer" | "Basic", _)) => {
                return (Err(Refusal::new(401, "unauthorized", "invalid_request")), None);
            }
            _ => return (Err(Refusal::new(400, "invalid_request", "Malformed authorization header")), None),
        };
        let (limit, window) = (self.settings.rate_limit, self.settings.rate_window);
        let now = tasks::instant();
        let budget = self
            .budget
            .entry((caller.user, caller.client_id.clone()))
            .or_insert_with(|| Budget { since: now, used: 0 });
        if now.duration_since(budget.since) >= window {
            *budget = Budget { since: now, used: 0 };
        }
        let barred = self.settings.barred_until.and_then(|until| until.checked_duration_since(now));
        let exhausted =
            (budget.used >= limit).then(|| window.saturating_sub(now.duration_since(budget.since)));
        budget.used = budget.used.saturating_add(1);
        let remaining = limit.saturating_sub(budget.used);
        match barred.max(exhausted).filter(|wait| !wait.is_zero()) {
            // Rounded up: who waits the seconds named must not come too early.
            Some(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                (Err(Refusal::rate_limit(seconds)), Some(Rate { limit, remaining: 0 }))
            }
            None => (Ok(caller), Some(Rate { limit, remaining })),
        }
    }
}

/// The settings of a type of client as a flat map of booleans (operations of the users area). Which of them a client of the push
/// service is, the documentation does not say; here both know them.
async fn user_settings(
    Shared(podio): Shared<Podio>,
    caller: Caller,
    Path(client_type): Path<String>,
) -> Result<Json<Value>, Refusal> {
    if !matches!(client_type.as_str(), "email" | "mobile") {
        return Err(Refusal::invalid_value("client_type"));
    }
    podio.read(|state| {
        let user = state.users.get(&caller.user).ok_or_else(Refusal::not_found)?;
        Ok(Json(json!({
            "digest": false, "bulletin": true, "reference": true, "message": true, "space": true, "subscription": true,
            "user": true, "reminder": true, "push_notification": true,
            "push_notification_sound": user.sound, "push_notification_browser": user.browser,
        })))
    })
}

/// Identity, both unread counters and the credential for push.
async fn user_status(Shared(podio): Shared<Podio>, caller: Caller) -> Result<Json<Value>, Refusal> {
    podio.read(|state| {
        let user = state.users.get(&caller.user).ok_or_else(Refusal::not_found)?;
        let id = user.user_id;
        let link = format!("https://podio.com/users/{id}");
        Ok(Json(json!({
            "user": {"user_id": id, "mail": user.mail, "status": "active", "locale": "en_GB",
                "timezone": "Europe/Copenhagen", "invites": 0, "created_on": "2014-01-02 08:00:00",
                "activated_on": "2014-01-02 08:05:00"},
            "profile": {"profile_id": id + 1_000_000, "user_id": id, "name": user.name, "link": link,
                "avatar": Value::Null, "image": Value::Null, "last_seen_on": Value::Null},
            "properties": {}, "referral": Value::Null, "flags": [], "betas": [],
            "inbox_new": state.unread(id).count(),
            "message_unread_count": state.unread_messages(id),
            "calendar_code": "sandbox", "task_mail": "sandbox@tasks.example.test", "mailbox": Value::Null,
            "push": state.push_object(&format!("/user/{id}"), tasks::now()),
            "presence": {"user_id": id, "ref_type": "user", "ref_id": id, "signature": "sandbox"},
        })))
    })
}

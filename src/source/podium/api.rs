//! Podium's REST API v4: one envelope, one version, one place where every error gets its meaning.
//!
//! In: an account's addresses and its session. Out: JSON as it came (fields that are not known are passed over, any may be null), or one
//! of four errors. A webhook's secret comes in clear with every read of it: it is a [`SecretString`] from here on, and no body is logged.

mod paging;
mod things;
mod webhooks;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::Url;

pub(crate) use self::paging::Pages;
pub(crate) use self::webhooks::{Change, NewWebhook, Webhook, scopes};
use super::budget::{Budget, Purpose, until_reset};
use crate::account::PodiumSettings;
use crate::env::{Clock, Env};
use crate::link::Failure;
use crate::source::auth::tokens::{Session, later, unanswered_failure};
use crate::source::exchange::{Answer, exchange, host_of};
use crate::source::plain::one_line;
use crate::source::podio::json::{field, text};

/// The version of the API that this is written for. Without it Podium answers in its newest, which may be another one.
const VERSION: &str = "2021.04.01";
/// Longest answer taken, in bytes.
const LONGEST: usize = 8 * 1024 * 1024;
/// Longest words of the service that are passed on, in characters.
const WORDS: usize = 200;
/// How long to wait where the service asks for it without saying how long.
const UNSAID_WAIT: Duration = Duration::from_secs(60);

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// There is no such thing (any more).
    #[error("it is not there any more")]
    Gone,
    /// The place in a list is too old: begin at its first page.
    #[error("the place in the list is too old")]
    OldCursor,
    /// The sign-in does not reach so far.
    #[error(
        "Podium does not let Belfry {what}: the sign-in lacks the scope {scope}. Add it to your developer app and sign in again"
    )]
    Scope {
        /// What was to be done, behind “let Belfry”.
        what: &'static str,
        /// The scope that is missing, or those of which one is.
        scope: String,
    },
    /// The service does not want the request as it is.
    #[error("{0}")]
    Refused(String),
    /// One of the four failures.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl ApiError {
    /// What it means for a link.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Scope { .. } => Failure::sign_in(self.to_string()),
            Self::Gone | Self::OldCursor => Failure::transient(self.to_string()),
            Self::Refused(sentence) => Failure::fatal(sentence),
        }
    }
}

/// One call, before it is made.
#[derive(Debug, Clone)]
struct Call {
    method: Method,
    /// Below `/v4`, as path segments.
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
    /// What it does, behind “let Belfry”, and the scope it needs.
    what: &'static str,
    scope: String,
    purpose: Purpose,
}

impl Call {
    fn get(path: &[&str], what: &'static str, scope: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query: Vec::new(),
            body: None,
            what,
            scope: scope.to_owned(),
            purpose: Purpose::Patient,
        }
    }

    fn needed(self) -> Self {
        Self { purpose: Purpose::Needed, ..self }
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }
}

/// What Podium answered: the thing or things, and where the list goes on.
#[derive(Debug)]
struct Enveloped {
    data: Value,
    next: Option<String>,
}

/// The API of one account. Clones share budget and session.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    base: Url,
    session: Session,
    clock: Clock,
    budget: Arc<Mutex<Budget>>,
    since: Instant,
    /// The service's clock when we last heard it, and when that was.
    service_time: Arc<Mutex<Option<(Timestamp, Instant)>>>,
}

impl Api {
    /// At this address; nothing is sent yet.
    pub(crate) fn new(env: &Env, settings: &PodiumSettings, session: Session) -> Self {
        Self {
            client: env.http.client.clone(),
            base: settings.api_url.clone(),
            session,
            clock: env.clock.clone(),
            budget: Arc::default(),
            since: env.clock.instant(),
            service_time: Arc::default(),
        }
    }

    /// The service's clock now; ours as long as it is not known.
    pub(crate) fn service_now(&self) -> Timestamp {
        let heard = *self.service_time.lock().unwrap_or_else(PoisonError::into_inner);
        let known = heard.and_then(|(time, heard)| {
            let passed = SignedDuration::try_from(self.clock.instant().duration_since(heard)).ok()?;
            time.checked_add(passed).ok()
        });
        known.unwrap_or_else(|| self.clock.now())
    }

    /// The host, as people read it.
    pub(crate) fn host(&self) -> String {
        host_of(&self.base)
    }

    async fn call(&self, call: &Call) -> Result<Enveloped, ApiError> {
        let access = self.session.access().await?;
        let answer = self.send(call, access.token.expose_secret()).await?;
        let answer = if answer.status == StatusCode::UNAUTHORIZED {
            let access = self.session.access_after(&access).await?;
            self.send(call, access.token.expose_secret()).await?
        } else {
            answer
        };
        self.judged(call, answer)
    }

    async fn send(&self, call: &Call, token: &str) -> Result<Answer, ApiError> {
        self.room(call.purpose).await;
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v4").extend(&call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self.client.request(call.method.clone(), url);
        request =
            request.header(ACCEPT, "application/json").header("podium-version", VERSION).bearer_auth(token);
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let answer = exchange(request, &self.host(), LONGEST).await;
        let answer = answer.map_err(|error| ApiError::Failed(unanswered_failure(&error)))?;
        self.hear(&answer.headers);
        Ok(answer)
    }

    /// Waits until the budget has room.
    async fn room(&self, purpose: Purpose) {
        loop {
            let now = self.now();
            let asked = self.budget.lock().unwrap_or_else(PoisonError::into_inner).ask(purpose, now);
            match asked {
                Ok(()) => return,
                Err(until) => tokio::time::sleep(until.saturating_sub(now)).await,
            }
        }
    }

    fn hear(&self, headers: &HeaderMap) {
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(time) = said(DATE.as_str()).and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            let heard = Some((time.timestamp(), self.clock.instant()));
            *self.service_time.lock().unwrap_or_else(PoisonError::into_inner) = heard;
        }
        let number = |name: &str| said(name).and_then(|value| value.trim().parse().ok());
        let reset =
            said("ratelimit-reset").and_then(|reset| until_reset(reset, self.clock.now().as_second()));
        let (limit, left) = (number("ratelimit-limit"), number("ratelimit-remaining"));
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).heard(limit, left, reset, self.now());
    }

    fn now(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.since)
    }

    /// The one place where an answer gets its meaning.
    fn judged(&self, call: &Call, answer: Answer) -> Result<Enveloped, ApiError> {
        let Answer { status, headers, mut body } = answer;
        if status.is_success() {
            let next = text(field(field(&body, "metadata"), "nextCursor"));
            let data = body.get_mut("data").map(Value::take).unwrap_or_default();
            return Ok(Enveloped { data, next });
        }
        let host = self.host();
        // The published schema says that it is a number; live answers have a text.
        let code = text(field(&body, "code")).unwrap_or_default();
        let said =
            text(field(&body, "message")).map(|said| one_line(&said, WORDS)).filter(|said| !said.is_empty());
        let with = said.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
        Err(match (status.as_u16(), code.as_str()) {
            (400 | 422, "invalid_cursor") => ApiError::OldCursor,
            (400, "invalid_header_version") => Failure::fatal(format!(
                "{host} does not know the version of its API that Belfry speaks ({VERSION}): a newer Belfry may"
            ))
            .into(),
            (401, _) => Failure::sign_in("Podium no longer accepts this sign-in: sign in again").into(),
            (403, _) => ApiError::Scope { what: call.what, scope: missing_scope(call, said.as_deref()) },
            (404, "route_not_found") => Failure::fatal(format!(
                "there is no Podium at this address ({host} says {status}): check the address of the API"
            ))
            .into(),
            (404 | 410, _) => ApiError::Gone,
            (407, _) => {
                Failure::transient("the network's proxy asks for a sign-in: check the system's proxy settings").into()
            }
            (408 | 425, _) => Failure::transient(format!("{host} is in trouble ({status}{with})")).into(),
            (429, _) | (_, "rate_limit") => self.told_to_wait(&headers, &host).into(),
            (400..=499, _) => ApiError::Refused(format!("{host} refuses what Belfry asks for ({status}{with})")),
            _ => Failure::transient(format!("{host} is in trouble ({status}{with})")).into(),
        })
    }

    fn told_to_wait(&self, headers: &HeaderMap, host: &str) -> Failure {
        let now: Timestamp = self.clock.now();
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let reset = said("ratelimit-reset").and_then(|reset| until_reset(reset, now.as_second()));
        let wait = reset.or_else(|| until_reset(said(RETRY_AFTER.as_str())?, now.as_second()));
        let wait = wait.unwrap_or(UNSAID_WAIT).max(Duration::from_secs(1));
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).shut(wait, self.now());
        later(now, wait, format!("{host} asks to wait, since too much was asked of it"))
    }
}

/// Of the scopes that a call needs, the one that the service names; all of them if it names none.
fn missing_scope(call: &Call, said: Option<&str>) -> String {
    let said = said.unwrap_or_default();
    let named = call.scope.split(", ").find(|scope| {
        said.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == *scope)
    });
    match named {
        Some(scope) => scope.to_owned(),
        None if call.scope.is_empty() => "that this needs".to_owned(),
        None => call.scope.clone(),
    }
}

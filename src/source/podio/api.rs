//! The REST calls that Belfry makes, each with the account's token, within the budget, and with every error sorted in one place.
//!
//! In: numbers and times. Out: the service's JSON, or an [`ApiError`]. Never asks for an item: that would mark it as viewed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::budget::{Budget, Operation, Purpose, Room};
use super::json::{as_query, at, field, int, text};
use super::normalize::Asks;
use super::paging::SHORTEST_PAGE;
use super::push::PushObject;
use crate::account::PodioSettings;
use crate::env::Clock;
use crate::link::Failure;
use crate::source::auth::oauth;
use crate::source::auth::tokens::{Access, Session, later, unanswered_failure};
use crate::source::exchange::{Answer, LONGEST, Unanswered, exchange, host_of};

mod acting;

pub(crate) use acting::{Call, Told};

/// Notifications (or groups; the documentation is not clear) a page may have at most.
pub(crate) const PAGE: usize = 100;
/// What is asked for where a page was too long to be taken: no shorter than what the paging takes for the end of the list.
const SMALL_PAGE: usize = SHORTEST_PAGE;
/// Longest page taken, in bytes: notifications carry whole texts.
const LONGEST_PAGE: usize = 16 * 1024 * 1024;

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// There is no such thing any more (404, 410).
    Gone,
    /// This one thing is refused or not understood (400, 403 and the like): asking again for it does not help, other calls may do.
    Refused(String),
    /// One of the four failures of a link.
    Failed(Failure),
}

impl ApiError {
    /// As a failure, for calls without which the link does not stand.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Gone => Failure::transient("Podio does not know what Belfry asked for (404)"),
            Self::Refused(reason) => Failure::fatal(reason),
            Self::Failed(failure) => failure,
        }
    }
}

/// `GET /user/status`: who is signed in, what is unread, and the right to listen.
#[derive(Debug)]
pub(crate) struct Status {
    /// The user's number.
    pub(crate) user_id: Option<i64>,
    /// What to call the account.
    pub(crate) name: Option<String>,
    /// How many notifications are unread.
    pub(crate) unread: Option<i64>,
    /// The push object of the user's channel.
    pub(crate) push: Option<PushObject>,
}

/// What to list (`GET /notification/`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// Only those not viewed.
    pub(crate) unviewed: bool,
    /// With `unviewed`: also those viewed after this, so that places do not shift while the person reads.
    pub(crate) viewed_from: Option<Timestamp>,
    /// Only those created from then on.
    pub(crate) created_from: Option<Timestamp>,
    /// Only those starred.
    pub(crate) starred: bool,
}

/// One call before it is made.
struct Ask<'a> {
    operation: Operation,
    purpose: Purpose,
    method: Method,
    path: &'a str,
    query: &'a [(&'a str, String)],
    /// The JSON body; an empty object goes with every other `POST`.
    body: Option<&'a Value>,
}

/// The REST API of one account. Clones share token, budget and clock.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    base: Url,
    session: Session,
    clock: Clock,
    budget: Arc<Mutex<Budget>>,
    begin: Instant,
    /// The service's clock when we last heard it, and when that was.
    service_time: Arc<Mutex<Option<(Timestamp, Instant)>>>,
}

impl Api {
    /// Over a session; nothing is sent yet.
    pub(crate) fn new(
        client: reqwest::Client,
        settings: &PodioSettings,
        session: Session,
        clock: Clock,
    ) -> Self {
        Self {
            client,
            base: settings.api_url.clone(),
            session,
            begin: clock.instant(),
            clock,
            budget: Arc::default(),
            service_time: Arc::default(),
        }
    }

    /// Identity, counters, push object.
    pub(crate) async fn status(&self) -> Result<Status, ApiError> {
        let body = self.get(Operation::Status, Purpose::Needed, "/user/status", &[]).await?;
        Ok(read_status(&body))
    }

    /// What the account's own settings say of pop-ups and sounds. The documentation names the settings and two types of client, `email` and
    /// `mobile`, and not which of them a desktop is; the push echoes the same two.
    pub(crate) async fn asks(&self) -> Result<Asks, ApiError> {
        let body = self.get(Operation::Settings, Purpose::Useful, "/user/setting/mobile/", &[]).await?;
        Ok(Asks::of(&body))
    }

    /// Ends all sign-ins of this person through this API key (podio.md §4.4).
    pub(crate) async fn sign_out(&self) -> Result<(), ApiError> {
        self.mark(true, "/oauth/token/invalidate", Purpose::Needed).await
    }

    /// One page of groups; a smaller one where a whole one is too long to be taken.
    pub(crate) async fn list(
        &self,
        what: &Listing,
        offset: usize,
        purpose: Purpose,
    ) -> Result<Vec<Value>, ApiError> {
        let mut query = vec![("offset", offset.to_string())];
        if what.unviewed {
            query.push(("viewed", "0".to_owned()));
        }
        if what.starred {
            query.push(("starred", "1".to_owned()));
        }
        let times = [("viewed_from", what.viewed_from), ("created_from", what.created_from)];
        query.extend(times.into_iter().filter_map(|(name, time)| Some((name, as_query(time?)))));
        let page = async |limit: usize| {
            let query = [query.as_slice(), &[("limit", limit.to_string())]].concat();
            self.call(Operation::List, purpose, Method::GET, "/notification/", &query).await
        };
        let answer = match page(PAGE).await? {
            Err(Unanswered::TooLong { .. }) => page(SMALL_PAGE).await?,
            answer => answer,
        };
        match answered(answer)? {
            Value::Array(groups) => Ok(groups),
            Value::Null => Ok(Vec::new()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Err(ApiError::Failed(Failure::transient("Podio's list of notifications was not understood")))
            }
        }
    }

    /// The group of one notification.
    pub(crate) async fn one(&self, notification: i64) -> Result<Value, ApiError> {
        let path = format!("/notification/{notification}/v2");
        self.get(Operation::One, Purpose::Useful, &path, &[]).await
    }

    /// Marks a notification viewed, or not viewed again.
    pub(crate) async fn mark_viewed(
        &self,
        notification: i64,
        viewed: bool,
        purpose: Purpose,
    ) -> Result<(), ApiError> {
        self.mark(viewed, &format!("/notification/{notification}/viewed"), purpose).await
    }

    /// Marks a conversation read, or not read again.
    pub(crate) async fn mark_conversation(
        &self,
        conversation: i64,
        read: bool,
        purpose: Purpose,
    ) -> Result<(), ApiError> {
        self.mark(read, &format!("/conversation/{conversation}/read"), purpose).await
    }

    /// Marks all of the user's notifications about one thing viewed.
    pub(crate) async fn mark_thing_viewed(
        &self,
        what: &str,
        id: u64,
        purpose: Purpose,
    ) -> Result<(), ApiError> {
        self.mark(true, &format!("/notification/{what}/{id}/viewed"), purpose).await
    }

    /// Marks all of the user's notifications viewed.
    pub(crate) async fn mark_all_viewed(&self, purpose: Purpose) -> Result<(), ApiError> {
        self.mark(true, "/notification/viewed", purpose).await
    }

    /// Stars a notification, or takes the star away.
    pub(crate) async fn mark_starred(
        &self,
        notification: i64,
        starred: bool,
        purpose: Purpose,
    ) -> Result<(), ApiError> {
        self.mark(starred, &format!("/notification/{notification}/star"), purpose).await
    }

    /// Stars a conversation, or takes the star away.
    pub(crate) async fn star_conversation(
        &self,
        conversation: i64,
        starred: bool,
        purpose: Purpose,
    ) -> Result<(), ApiError> {
        self.mark(starred, &format!("/conversation/{conversation}/star"), purpose).await
    }

    /// How long there is no room for useful calls; `None` if there is.
    pub(crate) fn no_room_for(&self) -> Option<Duration> {
        let now = self.clock.instant().duration_since(self.begin);
        match self.budget().peek(Operation::One, Purpose::Useful, now) {
            Room::Now => None,
            Room::NotBefore(at) => Some(at.saturating_sub(now)),
        }
    }

    /// The service's clock now, as far as it is known.
    pub(crate) fn service_now(&self) -> Option<Timestamp> {
        let known = *self.service_time.lock().unwrap_or_else(PoisonError::into_inner);
        let (time, heard) = known?;
        let passed = SignedDuration::try_from(self.clock.instant().duration_since(heard)).ok()?;
        time.checked_add(passed).ok()
    }

    async fn get(
        &self,
        operation: Operation,
        purpose: Purpose,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Value, ApiError> {
        answered(self.call(operation, purpose, Method::GET, path, query).await?)
    }

    async fn mark(&self, set: bool, path: &str, purpose: Purpose) -> Result<(), ApiError> {
        let method = if set { Method::POST } else { Method::DELETE };
        answered(self.call(Operation::Mark, purpose, method, path, &[]).await?).map(drop)
    }

    /// Calls. The inner result is about the answer itself.
    async fn call(
        &self,
        operation: Operation,
        purpose: Purpose,
        method: Method,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Result<Value, Unanswered>, ApiError> {
        match self.asked(&Ask { operation, purpose, method, path, query, body: None }).await? {
            Ok(answer) => self.judged(answer).map(Ok),
            Err(unanswered) => Ok(Err(unanswered)),
        }
    }

    /// Asks, with one refresh of the token where it is needed. Fails only where nothing was sent, or the sent request was refused for its
    /// token.
    async fn asked(&self, ask: &Ask<'_>) -> Result<Result<Answer, Unanswered>, ApiError> {
        let access = self.session.access().await.map_err(ApiError::Failed)?;
        match self.send(ask, &access).await? {
            Ok(answer) if answer.status.as_u16() == 401 => {}
            answer => return Ok(answer),
        }
        // An expired and a revoked token look alike, so: one refresh, one replay, then the truth (podio.md §4.5).
        let access = self.session.access_after(&access).await.map_err(ApiError::Failed)?;
        self.send(ask, &access).await
    }

    async fn send(&self, ask: &Ask<'_>, access: &Access) -> Result<Result<Answer, Unanswered>, ApiError> {
        let &Ask { operation, purpose, ref method, path, query, body } = ask;
        let url = address(&self.base, path)?;
        self.ask(operation, purpose)?;
        let mut token =
            reqwest::header::HeaderValue::try_from(format!("OAuth2 {}", access.token.expose_secret()))
                .map_err(|_| {
                    ApiError::Failed(Failure::sign_in("the kept sign-in is damaged: sign in again"))
                })?;
        token.set_sensitive(true);
        let mut request =
            self.client.request(method.clone(), url).header(reqwest::header::AUTHORIZATION, token);
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(body) = body {
            request = request.json(body);
        } else if *method == Method::POST {
            request = request.json(&json!({}));
        }
        let longest = match operation {
            Operation::List => LONGEST_PAGE,
            Operation::Status | Operation::Settings | Operation::One | Operation::Mark | Operation::Act => {
                LONGEST
            }
        };
        let answer = exchange(request, &host_of(&self.base), longest).await;
        if let Ok(answer) = &answer {
            self.hear(operation, &answer.headers);
        }
        Ok(answer)
    }

    fn ask(&self, operation: Operation, purpose: Purpose) -> Result<(), ApiError> {
        let now = self.clock.instant().duration_since(self.begin);
        let room = self.budget().ask(operation, purpose, now);
        match room {
            Room::Now => Ok(()),
            Room::NotBefore(at) => {
                let reason = "Podio allows only so many calls an hour; Belfry waits before it asks again";
                let wait = at.saturating_sub(now);
                Err(ApiError::Failed(later(self.clock.now(), wait, reason.to_owned())))
            }
        }
    }

    fn hear(&self, operation: Operation, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<usize>().ok();
        let now = self.clock.instant();
        self.budget().heard(
            operation,
            number("x-rate-limit-limit"),
            number("x-rate-limit-remaining"),
            now.duration_since(self.begin),
        );
        let date = headers.get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        if let Some(time) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            *self.service_time.lock().unwrap_or_else(PoisonError::into_inner) = Some((time.timestamp(), now));
        }
    }

    /// The one place where a status gets its meaning.
    fn judged(&self, answer: Answer) -> Result<Value, ApiError> {
        let Answer { status, headers, body } = answer;
        if status.is_success() {
            return Ok(body);
        }
        let said = told(&body).map(|said| format!(" ({said})")).unwrap_or_default();
        Err(match status.as_u16() {
            401 => ApiError::Failed(Failure::sign_in("the sign-in is no longer valid: sign in again")),
            404 | 410 => ApiError::Gone,
            420 | 429 => {
                let wait = oauth::wait(&headers, &body);
                let now = self.clock.instant().duration_since(self.begin);
                self.budget().shut(wait, now);
                let reason = "Podio's limit of calls an hour is reached; Belfry waits as long as it asks";
                ApiError::Failed(later(self.clock.now(), wait, reason.to_owned()))
            }
            407 => ApiError::Failed(Failure::transient(
                "the network's proxy asks for a sign-in: check the system's proxy settings",
            )),
            408 => ApiError::Failed(Failure::transient(format!("Podio did not wait for the request{said}"))),
            402 => ApiError::Refused(format!("Podio asks for a payment for this account{said}")),
            // Podio's own refusals say `error`; a page without it comes from something in between, which may step aside.
            403 if text(field(&body, "error")).is_none() => ApiError::Failed(Failure::transient(
                "something between this computer and Podio refuses the requests (status 403): check network and proxy",
            )),
            403 => ApiError::Refused(format!(
                "Podio does not allow this to the signed-in user or the API key{said}"
            )),
            503 if headers.contains_key(reqwest::header::RETRY_AFTER) => {
                let wait = oauth::wait(&headers, &body);
                let reason = "Podio is not available just now and says when to come back".to_owned();
                ApiError::Failed(later(self.clock.now(), wait, reason))
            }
            500..=599 => ApiError::Failed(Failure::transient(format!(
                "Podio is in trouble just now (status {}){said}",
                status.as_u16()
            ))),
            other => ApiError::Refused(format!("Podio refused the request (status {other}){said}")),
        })
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answered<T>(answer: Result<T, Unanswered>) -> Result<T, ApiError> {
    answer.map_err(|unanswered| ApiError::Failed(unanswered_failure(&unanswered)))
}

/// A path below the base address, which may have a path of its own.
fn address(base: &Url, path: &str) -> Result<Url, ApiError> {
    let whole = format!("{}{path}", base.as_str().trim_end_matches('/'));
    let refused = || {
        ApiError::Failed(Failure::fatal(format!("“{base}” is no address of a Podio API: check --api-url")))
    };
    whole.parse().map_err(|_| refused())
}

/// What the error body allows to be shown to a person (`error_propagate`), short.
fn told(body: &Value) -> Option<String> {
    if super::json::flag(field(body, "error_propagate")) != Some(true) {
        return None;
    }
    let said = text(field(body, "error_description"))?;
    Some(said.chars().filter(|c| !c.is_control()).take(200).collect())
}

fn read_status(body: &Value) -> Status {
    let name = text(at(body, &["profile", "name"])).or_else(|| text(at(body, &["user", "mail"])));
    Status {
        user_id: int(at(body, &["user", "user_id"])).or_else(|| int(at(body, &["profile", "user_id"]))),
        name: name.map(|name| name.chars().filter(|c| !c.is_control()).take(80).collect()),
        unread: int(field(body, "inbox_new")),
        push: PushObject::of(field(body, "push")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_may_have_a_path_of_its_own() {
        for (base, whole) in [
            ("https://api.podio.com", "https://api.podio.com/notification/"),
            ("http://127.0.0.1:8080/podio/", "http://127.0.0.1:8080/podio/notification/"),
        ] {
            assert_eq!(address(&base.parse().unwrap(), "/notification/").unwrap().as_str(), whole);
        }
    }

    #[test]
    fn a_status_is_read_as_far_as_it_goes() {
        let status = read_status(&json!({
            "user": {"user_id": "46432", "mail": "ada@example.test"}, "profile": {"name": "Ada Brook"}, "inbox_new": 3,
            "push": {"channel": "/user/46432", "timestamp": 1_763_059_054, "signature": "7d20", "expires_in": 21600}
        }));
        assert_eq!(
            (status.user_id, status.name.as_deref(), status.unread),
            (Some(46_432), Some("Ada Brook"), Some(3))
        );
        assert_eq!(status.push.unwrap().channel, "/user/46432");
        let bare = read_status(&json!({"user": {"mail": "ada@example.test"}}));
        assert_eq!(
            (bare.user_id, bare.name.as_deref(), bare.push.is_none()),
            (None, Some("ada@example.test"), true)
        );
    }

    #[test]
    fn a_refusal_is_the_services_only_if_it_says_so() {
        let home = tempfile::tempdir().unwrap();
        let env = crate::env::Env {
            clock: Clock::system(),
            http: crate::env::Http::new().unwrap(),
            secrets: Arc::new(crate::env::Secrets::memory()),
            paths: Arc::new(crate::env::Paths::under(home.path())),
            opener: Arc::new(crate::env::Opener::default()),
        };
        let nowhere: Url = "http://127.0.0.1:9".parse().unwrap();
        let settings = PodioSettings {
            api_url: nowhere.clone(),
            push_url: nowhere.clone(),
            authorize_url: nowhere.clone(),
            client_id: "belfry".into(),
            redirect_host: "localhost".into(),
            push_transport: crate::account::PushTransport::LongPolling,
            user_id: None,
        };
        let client = env.http.client.clone();
        let endpoint = oauth::TokenEndpoint::new(client.clone(), nowhere.clone(), nowhere);
        let account = crate::account::AccountId::new("podio").unwrap();
        let session = Session::new(env.clone(), account, endpoint, "belfry".into());
        let api = Api::new(client, &settings, session, env.clock);
        let judged = |status: u16, body: Value| {
            let status = reqwest::StatusCode::from_u16(status).unwrap();
            api.judged(Answer { status, headers: HeaderMap::new(), body }).unwrap_err()
        };
        assert!(matches!(judged(403, json!({"error": "forbidden"})), ApiError::Refused(_)));
        for (status, body) in [(403, Value::Null), (403, json!([])), (407, json!({"error": "proxy"}))] {
            assert!(matches!(judged(status, body), ApiError::Failed(Failure::Transient { .. })), "{status}");
        }
    }
}

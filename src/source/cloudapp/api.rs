//! The REST calls that Belfry makes, behind HTTP Digest, with every error sorted in one place.
//!
//! In: an account's address, name and password. Out: the account with its socket, pages of items, or one of the four failures.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, ETAG, HeaderMap, IF_NONE_MATCH, RETRY_AFTER};
use serde_json::Value;
use url::Url;

use crate::account::CloudappSettings;
use crate::env::{Clock, Env};
use crate::link::Failure;
use crate::source::auth::digest::{Digest, Undigested};
use crate::source::auth::tokens::{later, unanswered_failure};
use crate::source::exchange::{LONGEST, Plain, host_of};
use crate::source::plain::one_line;
use crate::source::podio::json::{at, field, int, items, text};

/// Items on a page.
pub(crate) const PAGE: usize = 50;
/// Longest page taken, in bytes.
const LONGEST_PAGE: usize = 4 * 1024 * 1024;
/// How long one call may take.
const WITHIN: Duration = Duration::from_secs(30);
/// Longest words of the service that are passed on, in characters.
const WORDS: usize = 200;
/// How long to wait where the service asks for it without saying how long.
const UNSAID_WAIT: Duration = Duration::from_secs(60);

/// Whose account it is, and where its stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountThere {
    /// Its number.
    pub(crate) id: Option<i64>,
    /// The person's address.
    pub(crate) email: Option<String>,
    /// Its own domain for its links.
    pub(crate) site: Option<Url>,
    /// Where its items are told; none where the server has no stream.
    pub(crate) socket: Option<Socket>,
}

/// Where the stream of an account's items is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Socket {
    /// Who gives the right to listen, as the service wrote it.
    pub(crate) auth_url: Option<String>,
    /// The Pusher app's key.
    pub(crate) api_key: String,
    /// The channel.
    pub(crate) channel: String,
}

/// A page of items.
#[derive(Debug)]
pub(crate) enum Page {
    /// These, newest first.
    Items {
        /// As they came.
        items: Vec<Value>,
        /// By what the same page is known again.
        etag: Option<String>,
    },
    /// The page is as it was.
    Unchanged,
}

/// The REST API of one account. Clones share nonce and clock.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    base: Url,
    digest: Digest,
    clock: Clock,
    /// The service's clock when we last heard it, and when that was.
    service_time: Arc<Mutex<Option<(Timestamp, Instant)>>>,
}

impl Api {
    /// At this address; nothing is sent yet.
    pub(crate) fn new(env: &Env, settings: &CloudappSettings, digest: Digest) -> Self {
        Self {
            client: env.http.client.clone(),
            base: settings.api_url.clone(),
            digest,
            clock: env.clock.clone(),
            service_time: Arc::default(),
        }
    }

    /// Who is signed in, and where the stream is.
    pub(crate) async fn account(&self) -> Result<AccountThere, Failure> {
        let answer = self.get("/account", &[], None, LONGEST).await?;
        let body = answer.json(&self.host()).map_err(|error| unanswered_failure(&error))?;
        read_account(&body).ok_or_else(|| {
            Failure::transient(format!(
                "{}'s account was not understood: check the address of the API",
                self.host()
            ))
        })
    }

    /// A page of the person's items, from 1: those that are there, or those in the trash. `known` is what came with the same page before.
    pub(crate) async fn items(
        &self,
        page: usize,
        deleted: bool,
        known: Option<&str>,
    ) -> Result<Page, Failure> {
        let mut query = vec![("page", page.to_string()), ("per_page", PAGE.to_string())];
        if deleted {
            query.push(("deleted", "true".to_owned()));
        }
        let answer = self.get("/items", &query, known, LONGEST_PAGE).await?;
        if answer.status == reqwest::StatusCode::NOT_MODIFIED {
            return Ok(Page::Unchanged);
        }
        let etag = answer.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).map(ToOwned::to_owned);
        let body = answer.json(&self.host()).map_err(|error| unanswered_failure(&error))?;
        match body {
            Value::Array(items) => Ok(Page::Items { items, etag }),
            Value::Null => Ok(Page::Items { items: Vec::new(), etag: None }),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Err(Failure::transient(format!("{}'s list of items was not understood", self.host())))
            }
        }
    }

    /// The service's clock now, as far as it is known.
    pub(crate) fn service_now(&self) -> Option<Timestamp> {
        let (time, heard) = (*self.service_time.lock().unwrap_or_else(PoisonError::into_inner))?;
        let passed = SignedDuration::try_from(self.clock.instant().duration_since(heard)).ok()?;
        time.checked_add(passed).ok()
    }

    fn host(&self) -> String {
        host_of(&self.base)
    }

    async fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
        known: Option<&str>,
        longest: usize,
    ) -> Result<Plain, Failure> {
        let host = self.host();
        let mut request = self.client.get(address(&self.base, path)?).header(ACCEPT, "application/json");
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let answer = self.digest.fetch(request, &host, longest, WITHIN).await;
        let answer = answer.map_err(|error| undigested(&error))?;
        self.hear(&answer.headers);
        self.judged(answer)
    }

    fn hear(&self, headers: &HeaderMap) {
        let date = headers.get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        if let Some(time) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            let heard = Some((time.timestamp(), self.clock.instant()));
            *self.service_time.lock().unwrap_or_else(PoisonError::into_inner) = heard;
        }
    }

    /// The one place where a status gets its meaning.
    fn judged(&self, answer: Plain) -> Result<Plain, Failure> {
        let status = answer.status;
        if status.is_success() || status == reqwest::StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        let host = self.host();
        let said = told(&answer.json(&host).unwrap_or_default());
        let with = said.as_ref().map(|said| format!(": {said}")).unwrap_or_default();
        Err(match status.as_u16() {
            404 | 410 => Failure::fatal(format!(
                "there is no CloudApp at this address ({host} says {status}): check the address of the API"
            )),
            // The one status the guide gives words for (a list of one sentence).
            409 => Failure::fatal(said.unwrap_or_else(|| {
                format!("this account was not activated yet: follow the link in the e-mail that {host} sent")
            })),
            407 => Failure::transient(
                "the network's proxy asks for a sign-in: check the system's proxy settings",
            ),
            420 | 429 => {
                let wait =
                    answer.headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
                let wait = wait.map_or(UNSAID_WAIT, Duration::from_secs);
                later(self.clock.now(), wait, format!("{host} asks to wait{with}"))
            }
            400 | 402 | 403 | 405 | 406 | 411..=424 => Failure::fatal(format!(
                "{host} refuses what Belfry asks for ({status}{with}): check the account there"
            )),
            _ => Failure::transient(format!("{host} is in trouble ({status}{with})")),
        })
    }
}

fn undigested(error: &Undigested) -> Failure {
    match error {
        Undigested::Unanswered(unanswered) => unanswered_failure(unanswered),
        Undigested::Refused { .. } => Failure::sign_in(error.to_string()),
        Undigested::OtherScheme { .. } => Failure::fatal(error.to_string()),
        Undigested::AlwaysStale { .. } => Failure::transient(error.to_string()),
    }
}

fn address(base: &Url, path: &str) -> Result<Url, Failure> {
    let text = format!("{}{path}", base.as_str().trim_end_matches('/'));
    Url::parse(&text)
        .map_err(|_| Failure::fatal(format!("“{base}” cannot be used: check the address of the API")))
}

/// What the service said, in one line: a text, or the first of a list.
fn told(body: &Value) -> Option<String> {
    let first = items(body).first().unwrap_or(body);
    let said = [first, field(first, "error"), field(first, "message")].into_iter().find_map(text)?;
    Some(one_line(&said, WORDS)).filter(|said| !said.is_empty())
}

fn read_account(body: &Value) -> Option<AccountThere> {
    // Some servers wrap what they say.
    let body = Some(field(body, "account")).filter(|inner| inner.is_object()).unwrap_or(body);
    let (id, email) = (int(field(body, "id")), text(field(body, "email")));
    if id.is_none() && email.is_none() {
        return None;
    }
    let socket = field(body, "socket");
    let own = || id.map(|id| format!("private-items_{id}"));
    let channel = text(at(socket, &["channels", "items"])).or_else(own);
    let socket = text(field(socket, "api_key")).zip(channel).map(|(api_key, channel)| Socket {
        auth_url: text(field(socket, "auth_url")),
        api_key,
        channel,
    });
    Some(AccountThere {
        id,
        email,
        site: text(field(body, "domain")).and_then(|domain| site(&domain)),
        socket,
    })
}

/// The account's own domain as an address. Its links were never encrypted.
fn site(domain: &str) -> Option<Url> {
    let address = if domain.contains("://") { domain.to_owned() } else { format!("http://{domain}") };
    Url::parse(&address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.domain().is_some())
}

/// Where the right to listen is asked for. The account's credentials go nowhere but to its own server.
pub(crate) fn auth_endpoint(base: &Url, said: Option<&str>) -> Result<Url, Failure> {
    let own = address(base, "/pusher/auth")?;
    let Some(said) = said else { return Ok(own) };
    let bad = || {
        Failure::fatal(format!(
            "{} names an auth endpoint that is no address: tell whoever runs it",
            host_of(base)
        ))
    };
    let url = base.join(said).map_err(|_| bad())?;
    if !url.username().is_empty() || url.password().is_some() || url.host().is_none() {
        return Err(bad());
    }
    // As encrypted as the API or better, and the same server.
    let encrypted_now =
        base.scheme() == "http" && url.scheme() == "https" && base.port().is_none() && url.port().is_none();
    if url.origin() == base.origin() || (encrypted_now && url.host() == base.host()) {
        return Ok(url);
    }
    let why = if url.host() == base.host() && base.scheme() == "https" && url.scheme() == "http" {
        "without encryption".to_owned()
    } else {
        format!("at another server ({})", host_of(&url))
    };
    Err(Failure::fatal(format!(
        "{} sends Belfry {why} for the right to listen; your sign-in is not sent there: tell whoever runs it",
        host_of(base)
    )))
}

/// What is said of a server without a stream.
pub(crate) fn no_stream(host: &str) -> Failure {
    Failure::fatal(format!(
        "{host} offers no stream of items (its account names no socket): CloudApp became Zight, whose public service no longer \
         offers one; a compatible server of your own does"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_account_is_read_as_the_guide_prints_it_and_with_less() {
        let printed = json!({
            "id": 1, "email": "ada@example.com", "domain": "drops.example.com", "activated_at": "2011-02-21T23:23:20Z",
            "socket": {"auth_url": "", "api_key": "4f", "app_id": "4072", "channels": {"items": "private-items_1"}}
        });
        let read = read_account(&printed).unwrap();
        let socket = Socket { auth_url: None, api_key: "4f".into(), channel: "private-items_1".into() };
        assert_eq!(
            (read.id, read.email.as_deref(), read.socket),
            (Some(1), Some("ada@example.com"), Some(socket))
        );
        assert_eq!(read.site, Some(url("http://drops.example.com")));
        let channel = |body: Value| Some(read_account(&body)?.socket?.channel);
        assert_eq!(
            channel(json!({"id": "7", "socket": {"api_key": "k"}})).as_deref(),
            Some("private-items_7")
        );
        assert_eq!(
            channel(json!({"account": {"id": 7, "socket": {"api_key": "k"}}})).as_deref(),
            Some("private-items_7")
        );
        for without in
            [json!({"id": 7}), json!({"id": 7, "socket": null}), json!({"id": 7, "socket": {"api_key": ""}})]
        {
            assert_eq!(read_account(&without).unwrap().socket, None, "{without}");
        }
        for nobody in [json!(null), json!([]), json!({"name": "x"})] {
            assert_eq!(read_account(&nobody), None);
        }
        for odd in ["", "javascript:alert(1)", "http://", "a b", "http://10.0.0.1"] {
            assert_eq!(site(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_right_to_listen_is_asked_of_the_account_s_own_server_only() {
        for (base, said, expected) in [
            ("http://my.cl.ly", None, "http://my.cl.ly/pusher/auth"),
            ("https://drops.example/api/", None, "https://drops.example/api/pusher/auth"),
            ("https://drops.example/", Some("/other/auth"), "https://drops.example/other/auth"),
            ("https://drops.example/", Some("https://drops.example:443/a"), "https://drops.example/a"),
            ("http://my.cl.ly", Some("https://my.cl.ly/pusher/auth"), "https://my.cl.ly/pusher/auth"),
            ("http://127.0.0.1:80/", Some("http://127.0.0.1/a?b=c"), "http://127.0.0.1/a?b=c"),
        ] {
            assert_eq!(auth_endpoint(&url(base), said), Ok(url(expected)), "{base} {said:?}");
        }
        for (base, said, words) in [
            ("https://my.cl.ly", "http://my.cl.ly/pusher/auth", "without encryption"),
            ("https://my.cl.ly", "https://evil.example/pusher/auth", "another server (evil.example)"),
            ("https://my.cl.ly", "//evil.example/pusher/auth", "another server"),
            ("http://my.cl.ly:8080", "http://my.cl.ly:8081/", "another server (my.cl.ly:8081)"),
            ("http://my.cl.ly:8080", "https://my.cl.ly/", "another server"),
            ("https://my.cl.ly", "https://ada:pw@my.cl.ly/", "no address"),
            ("https://my.cl.ly", "data:x", "no address"),
            ("https://my.cl.ly", "https://", "no address"),
        ] {
            let Err(Failure::Fatal { reason }) = auth_endpoint(&url(base), Some(said)) else {
                panic!("{said} was taken")
            };
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn the_service_s_words_are_found_and_bounded() {
        assert_eq!(told(&json!(["Activate\nyour account"])).as_deref(), Some("Activate your account"));
        assert_eq!(told(&json!({"error": "no"})).as_deref(), Some("no"));
        assert_eq!(told(&json!("x".repeat(1_000))).unwrap().chars().count(), WORDS + 1);
        for nothing in [json!(null), json!([]), json!({}), json!([[]])] {
            assert_eq!(told(&nothing), None);
        }
    }
}

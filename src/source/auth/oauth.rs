//! OAuth 2: the address the browser is sent to, and the token endpoint.
//!
//! The address, `state` and PKCE come from the `oauth2` crate. The token request is our own few lines over `env::http`: Podio takes JSON at
//! `/oauth/token/v2` and a form only at the older `/oauth/token`, knows grants of its own, and answers a password of an account with a
//! second factor by a nonce; the crate can do none of these.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use crate::source::exchange::{Answer, LONGEST, Unanswered, exchange, host_of};

/// Shortest and longest life taken from the word of a server for a token.
const LIFETIMES: std::ops::RangeInclusive<u64> = 1..=366 * 24 * 3600;
/// Life of a token where the server does not say (RFC 6749 §5.1 leaves it open): an hour.
const UNSAID_LIFETIME: u64 = 3600;

/// An API key: its id and its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The id. No secret.
    pub id: String,
    /// The secret.
    pub secret: SecretString,
}

/// One attempt to sign in by the browser: where to send it, and what has to come back.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The address to open.
    pub(crate) url: Url,
    /// What `state` has to be when the browser comes back.
    pub(crate) state: SecretString,
    /// The PKCE verifier, for the token request.
    pub(crate) verifier: SecretString,
}

/// Makes an attempt. `None` if an address or the redirect is none that OAuth takes.
pub(crate) fn attempt(authorize: &Url, redirect: &Url, client_id: &str) -> Option<Attempt> {
    let redirect = RedirectUrl::new(redirect.to_string()).ok()?;
    let client = BasicClient::new(ClientId::new(client_id.to_owned()))
        .set_auth_uri(AuthUrl::new(authorize.to_string()).ok()?)
        .set_redirect_uri(redirect);
    // RFC 9700 asks for PKCE everywhere; a server that does not know it ignores it (RFC 6749 §3.1).
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge).url();
    Some(Attempt {
        url,
        state: SecretString::from(state.into_secret()),
        verifier: SecretString::from(verifier.into_secret()),
    })
}

/// The address to open for a service that knows no PKCE, wants its scopes named, and carries a `state` of our own making back. `None` if an
/// address is none that OAuth takes.
pub(crate) fn authorize_url(
    authorize: &Url,
    redirect: &Url,
    client_id: &str,
    scopes: &[&str],
    state: &SecretString,
) -> Option<Url> {
    let client = BasicClient::new(ClientId::new(client_id.to_owned()))
        .set_auth_uri(AuthUrl::new(authorize.to_string()).ok()?)
        .set_redirect_uri(RedirectUrl::new(redirect.to_string()).ok()?);
    let state = CsrfToken::new(state.expose_secret().to_owned());
    let scopes = scopes.iter().map(|scope| Scope::new((*scope).to_owned()));
    let (mut url, _) = client.authorize_url(|| state).add_scopes(scopes).url();
    // Not every server reads a plus sign as a space; a plus sign itself is `%2B` here.
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    Some(url)
}

/// What is shown to the token endpoint in exchange for tokens.
#[derive(Debug)]
pub(crate) enum Grant<'a> {
    /// The code that the browser brought back; with the verifier where the service may know PKCE.
    Code { code: &'a SecretString, redirect: &'a Url, verifier: Option<&'a SecretString> },
    /// User name and password.
    Password { username: &'a str, password: &'a SecretString },
    /// The refresh token of the last pair.
    Refresh { token: &'a SecretString },
}

/// A fresh pair of tokens.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    /// The access token.
    pub(crate) access: SecretString,
    /// The refresh token, if one was given.
    pub(crate) refresh: Option<SecretString>,
    /// How long the access token lives from now on.
    pub(crate) lifetime: Duration,
    /// The signed-in user's number, where the answer says it.
    pub(crate) user_id: Option<i64>,
}

/// What a token endpoint said yes to.
#[derive(Debug)]
pub(crate) enum Yes {
    /// Tokens.
    Tokens(Granted),
    /// First a second factor, with this nonce.
    SecondFactor(SecretString),
}

/// Why a token endpoint gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum No {
    /// The API key is wrong.
    #[error("the API key was refused: check its id and its secret")]
    Key,
    /// What was shown (code, password, refresh token) is not, or no longer, good.
    #[error("the sign-in was refused")]
    Grant,
    /// The second factor's code is wrong or too old.
    #[error("the code of the second factor was refused")]
    SecondFactor,
    /// The service asks to wait.
    #[error("the service asks to wait before signing in again")]
    Wait(Duration),
    /// Any other refusal.
    #[error("the sign-in was refused ({0})")]
    Other(String),
    /// A refusal that does not say whether the key or what was shown is meant.
    #[error("the sign-in was refused ({0})")]
    Vague(String),
    /// The service is in trouble.
    #[error("the service is in trouble just now (status {0})")]
    Trouble(u16),
    /// No answer that can be judged.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// Where tokens come from.
#[derive(Debug, Clone)]
pub(crate) struct TokenEndpoint {
    client: reqwest::Client,
    json: Url,
    form: Option<Url>,
    host: String,
    /// True once the JSON endpoint was found missing.
    only_form: Arc<AtomicBool>,
}

impl TokenEndpoint {
    /// An endpoint with its JSON and its older form address.
    pub(crate) fn new(client: reqwest::Client, json: Url, form: Url) -> Self {
        let host = host_of(&json);
        Self { client, json, form: Some(form), host, only_form: Arc::default() }
    }

    /// An endpoint that takes JSON only.
    pub(crate) fn json(client: reqwest::Client, url: Url) -> Self {
        let host = host_of(&url);
        Self { client, json: url, form: None, host, only_form: Arc::default() }
    }

    /// Shows a grant.
    pub(crate) async fn ask(&self, key: &ApiKey, grant: &Grant<'_>) -> Result<Yes, No> {
        match self.send(key, grant, true).await {
            // Not a word about the grant, so the request itself was not liked: once more without what Podio does not document.
            Err(No::Other(_) | No::Trouble(400))
                if matches!(grant, Grant::Code { verifier: Some(_), .. }) =>
            {
                self.send(key, grant, false).await
            }
            answer => answer,
        }
    }

    /// Asks with a body made by the caller, at an address of its own, for tokens (a second factor's code, say).
    pub(crate) async fn ask_at(&self, url: Url, body: &Map<String, Value>) -> Result<Yes, No> {
        self.judged(exchange(self.client.post(url).json(body), &self.host, LONGEST).await?)
    }

    async fn send(&self, key: &ApiKey, grant: &Grant<'_>, pkce: bool) -> Result<Yes, No> {
        let fields = fields(key, grant, pkce);
        if !self.only_form.load(Ordering::Relaxed) {
            let body: Map<String, Value> =
                fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
            let answer =
                exchange(self.client.post(self.json.clone()).json(&body), &self.host, LONGEST).await?;
            if !missing(answer.status) || self.form.is_none() {
                return self.judged(answer);
            }
        }
        let form = self.form.as_ref().unwrap_or(&self.json).clone();
        let answer = exchange(self.client.post(form).form(&fields), &self.host, LONGEST).await?;
        // A gateway that knows neither address says nothing about the service.
        if !missing(answer.status) {
            self.only_form.store(true, Ordering::Relaxed);
        }
        self.judged(answer)
    }

    fn judged(&self, answer: Answer) -> Result<Yes, No> {
        let vague = self.form.is_none().then(|| vague(&answer)).flatten();
        judged(answer, &self.host).map_err(|no| match (no, vague) {
            (No::Trouble(_), Some(vague)) => vague,
            (no, _) => no,
        })
    }
}

/// Podium's endpoint may refuse as its API does, with a number for a code (podium.md §7). A page of a gateway is no JSON, or says neither.
fn vague(answer: &Answer) -> Option<No> {
    let said = |name: &str| answer.body.get(name).filter(|said| !said.is_null());
    let text = |said: &Value| said.as_str().map_or_else(|| said.to_string(), str::to_owned);
    let refused = matches!(answer.status.as_u16(), 400 | 401);
    let words = said("message").or_else(|| said("code")).filter(|_| refused)?;
    Some(No::Vague(short_word(&text(words))))
}

fn missing(status: StatusCode) -> bool {
    status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED
}

fn fields<'a>(key: &'a ApiKey, grant: &Grant<'a>, pkce: bool) -> Vec<(&'static str, &'a str)> {
    let mut fields = vec![("client_id", key.id.as_str()), ("client_secret", key.secret.expose_secret())];
    match grant {
        Grant::Code { code, redirect, verifier } => {
            fields.extend([
                ("grant_type", "authorization_code"),
                ("code", code.expose_secret()),
                ("redirect_uri", redirect.as_str()),
            ]);
            if let Some(verifier) = verifier.filter(|_| pkce) {
                fields.push(("code_verifier", verifier.expose_secret()));
            }
        }
        Grant::Password { username, password } => fields.extend([
            ("grant_type", "password"),
            ("username", username),
            ("password", password.expose_secret()),
        ]),
        Grant::Refresh { token } => {
            fields.extend([("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())]);
        }
    }
    fields
}

/// The one place where a token endpoint's answer gets its meaning.
fn judged(answer: Answer, host: &str) -> Result<Yes, No> {
    let Answer { status, headers, body } = answer;
    if status.is_success() {
        return read(&body).ok_or_else(|| {
            No::Unanswered(Unanswered::Garbage { host: host.to_owned(), why: "no tokens in the answer" })
        });
    }
    if matches!(status.as_u16(), 420 | 429) {
        return Err(No::Wait(wait(&headers, &body)));
    }
    let word = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (error, detail) = (word("error"), word("error_detail"));
    // Podium may say it as its API says everything else, in `code`.
    let error = if error.is_empty() { word("code") } else { error };
    // A refusal says `error` (RFC 6749 §5.2). What does not is a proxy's or a gateway's page and no verdict on the sign-in.
    let on_the_way = matches!(status.as_u16(), 407 | 408) || error.is_empty();
    if status.is_server_error() || on_the_way {
        return Err(No::Trouble(status.as_u16()));
    }
    Err(match (error.as_str(), detail.as_str()) {
        ("invalid_client" | "unauthorized_client", _) => No::Key,
        (_, detail) if detail.starts_with("oauth.client.") => No::Key,
        ("invalid_second_factor" | "nonce_validation_error", _) => No::SecondFactor,
        ("invalid_grant" | "unauthenticated", _) => No::Grant,
        (_, detail) if detail.starts_with("user.invalid.") => No::Grant,
        (error, _) => No::Other(short_word(error)),
    })
}

fn read(body: &Value) -> Option<Yes> {
    let secret = |name: &str| {
        body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(SecretString::from)
    };
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    let Some(access) = secret("access_token") else {
        return secret("server_nonce").map(Yes::SecondFactor);
    };
    let said = body.get("expires_in").and_then(number).and_then(|seconds| u64::try_from(seconds).ok());
    let seconds = said.unwrap_or(UNSAID_LIFETIME).clamp(*LIFETIMES.start(), *LIFETIMES.end());
    let by = body.get("ref").filter(|by| by.get("type").and_then(Value::as_str) == Some("user"));
    Some(Yes::Tokens(Granted {
        access,
        refresh: secret("refresh_token"),
        lifetime: Duration::from_secs(seconds),
        user_id: by.and_then(|by| by.get("id")).and_then(number),
    }))
}

/// How long a service asks to wait, at most an hour: `Retry-After` in seconds, else Podio's sentence (“wait N seconds”), else an hour.
pub(crate) fn wait(headers: &reqwest::header::HeaderMap, body: &Value) -> Duration {
    const HOUR: u64 = 3600;
    let header = headers.get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let said = body.get("error_description").and_then(Value::as_str).and_then(seconds_in);
    let seconds = header.and_then(|value| value.trim().parse().ok()).or(said).unwrap_or(HOUR);
    Duration::from_secs(seconds.clamp(1, HOUR))
}

/// The number in “wait N seconds”.
fn seconds_in(sentence: &str) -> Option<u64> {
    let (_, after) = sentence.split_once("wait ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// An error code fit for a sentence: letters, digits and a few signs, short.
fn short_word(error: &str) -> String {
    error.chars().filter(|c| c.is_ascii_alphanumeric() || "_-. ".contains(*c)).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderValue};
    use serde_json::json;

    fn no(status: u16, body: Value) -> No {
        let status = StatusCode::from_u16(status).unwrap();
        judged(Answer { status, headers: HeaderMap::new(), body }, "api.example").unwrap_err()
    }

    #[test]
    fn each_refusal_of_the_token_endpoint_has_one_meaning() {
        let detail = |error: &str, detail: &str| json!({"error": error, "error_detail": detail});
        assert_eq!(no(400, detail("invalid_client", "oauth.client.invalid_secret")), No::Key);
        assert_eq!(no(401, detail("unauthorized", "oauth.client.invalid_id")), No::Key);
        assert_eq!(no(400, detail("invalid_grant", "user.invalid.password")), No::Grant);
        assert_eq!(no(400, detail("unauthorized", "user.invalid.username")), No::Grant);
        assert_eq!(no(400, json!({"error": "invalid_grant", "error_detail": null})), No::Grant);
        assert_eq!(no(400, json!({"error": "invalid_second_factor"})), No::SecondFactor);
        assert_eq!(no(503, Value::Null), No::Trouble(503));
        assert_eq!(no(400, json!({"error": "<b>new</b>"})), No::Other("bnewb".into()));
        assert_eq!(no(403, json!({"error": "forbidden"})), No::Other("forbidden".into()));
        let podium = |code: &str| json!({"code": code, "message": "…", "moreInfo": "…"});
        assert_eq!(no(400, podium("invalid_grant")), No::Grant);
        assert_eq!(no(401, podium("invalid_client")), No::Key);
        assert_eq!(no(400, json!({"code": 400})), No::Trouble(400), "a number says nothing");
    }

    #[test]
    fn where_a_number_may_be_the_code_a_refusal_is_one_and_anything_else_on_the_way_is_not() {
        let url: Url = "https://api.example/oauth/token".parse().unwrap();
        let client = crate::env::Http::new().unwrap().client;
        let podium = TokenEndpoint::json(client.clone(), url.clone());
        let podio = TokenEndpoint::new(client, url.clone(), url);
        let no = |endpoint: &TokenEndpoint, status: u16, body: &Value| {
            let status = StatusCode::from_u16(status).unwrap();
            endpoint.judged(Answer { status, headers: HeaderMap::new(), body: body.clone() }).unwrap_err()
        };
        let said = json!({"code": 401, "message": "The refresh token is not valid", "moreInfo": "…"});
        for status in [400, 401] {
            assert_eq!(no(&podium, status, &said), No::Vague("The refresh token is not valid".into()));
            assert_eq!(no(&podium, status, &json!({"code": 7, "message": null})), No::Vague("7".into()));
            assert_eq!(no(&podium, status, &Value::Null), No::Trouble(status), "a page");
            assert_eq!(no(&podium, status, &json!({"status": "bad"})), No::Trouble(status));
            assert_eq!(no(&podio, status, &said), No::Trouble(status), "Podio always says `error`");
        }
        for status in [403, 404, 407, 503] {
            assert_eq!(no(&podium, status, &said), No::Trouble(status));
        }
        assert_eq!(no(&podium, 400, &json!({"code": "invalid_grant", "message": "…"})), No::Grant);
    }

    #[test]
    fn what_says_no_error_of_oauth_is_trouble_on_the_way_and_no_verdict() {
        for status in [400, 401, 403, 404, 407, 408] {
            assert_eq!(no(status, Value::Null), No::Trouble(status));
        }
        assert_eq!(no(407, json!({"error": "invalid_grant"})), No::Trouble(407));
    }

    #[test]
    fn a_wait_is_read_from_header_or_sentence_and_never_exceeds_an_hour() {
        let sentence = json!({"error_description": "You have hit the rate limit. Please wait 300 seconds"});
        let mut headers = HeaderMap::new();
        assert_eq!(wait(&headers, &sentence), Duration::from_secs(300));
        assert_eq!(wait(&headers, &Value::Null), Duration::from_secs(3600));
        headers.insert("retry-after", HeaderValue::from_static("7"));
        assert_eq!(wait(&headers, &sentence), Duration::from_secs(7));
        headers.insert("retry-after", HeaderValue::from_static("99999999"));
        assert_eq!(wait(&headers, &sentence), Duration::from_secs(3600));
        assert_eq!(no(420, sentence), No::Wait(Duration::from_secs(300)));
    }

    #[test]
    fn tokens_are_read_leniently_and_a_nonce_asks_for_the_second_factor() {
        let Some(Yes::Tokens(granted)) = read(&json!({
            "access_token": "a", "refresh_token": "r", "expires_in": "28800", "ref": {"type": "user", "id": "46432"}
        })) else {
            panic!("no tokens")
        };
        assert_eq!(granted.lifetime, Duration::from_secs(28_800));
        assert_eq!(granted.user_id, Some(46_432));
        let Some(Yes::Tokens(app)) = read(&json!({"access_token": "a", "ref": {"type": "app", "id": 1}}))
        else {
            panic!("no tokens")
        };
        assert_eq!((app.user_id, app.refresh.is_none()), (None, true));
        assert!(matches!(read(&json!({"server_nonce": "x"})), Some(Yes::SecondFactor(_))));
        assert!(read(&json!([])).is_none());
    }

    #[test]
    fn the_browser_is_sent_with_key_redirect_and_a_state_of_its_own() {
        let authorize: Url = "https://podio.com/oauth/authorize".parse().unwrap();
        let redirect: Url = "http://localhost:4711/callback".parse().unwrap();
        let one = attempt(&authorize, &redirect, "belfry").unwrap();
        let other = attempt(&authorize, &redirect, "belfry").unwrap();
        let query: std::collections::BTreeMap<_, _> = one.url.query_pairs().into_owned().collect();
        assert_eq!(query["client_id"], "belfry");
        assert_eq!(query["redirect_uri"], redirect.as_str());
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["state"], one.state.expose_secret());
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(one.state.expose_secret().len() >= 22, "128 bits");
        assert_ne!(one.state.expose_secret(), other.state.expose_secret());
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let key = ApiKey { id: "belfry".into(), secret: "hush".into() };
        let grant = Grant::Password { username: "ada", password: &"hush".into() };
        assert!(!format!("{key:?}{grant:?}").contains("hush"));
    }
}

//! Sign-in (podio documentation, Authentication): the authorisation page, both token endpoints, the second factor,
//! sign-out. Tokens are random, kept in memory, and never logged.

use super::rest::{Caller, Refusal};
use super::{Consent, Podio, State};
use crate::tasks;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use url::Url;

pub(super) fn router() -> Router<Podio> {
    Router::new()
        .route("/oauth/authorize", get(authorize).post(decide))
        .route("/oauth/token", post(token_form))
        .route("/oauth/token/v2", post(token_json))
        .route("/oauth/token/invalidate", post(invalidate))
        .route("/oauth/grant/invalidate", post(invalidate))
        .route("/mfa/verify", post(verify))
}

/// Parameters by name; of a repeated one the last counts, as documented.
type Named = BTreeMap<String, String>;

/// Everything given out so far.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    access: BTreeMap<String, Token>,
    refresh: BTreeMap<String, Token>,
    codes: BTreeMap<String, Code>,
    nonces: BTreeMap<String, Token>,
}

#[derive(Clone, Debug)]
struct Token {
    user: u64,
    client_id: String,
    scope: String,
    good_until: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Code {
    token: Token,
    redirect_uri: String,
    used: bool,
}

impl Tokens {
    pub(super) fn caller(&self, token: &str, now: Instant) -> Option<Caller> {
        let token = self.access.get(token).filter(|token| token.is_good(now))?;
        Some(Caller { user: token.user, client_id: token.client_id.clone() })
    }

    pub(super) fn expire_access(&mut self) {
        self.access.clear();
    }

    pub(super) fn kill_refresh(&mut self) {
        self.refresh.clear();
    }

    fn forget(&mut self, user: u64, client_id: &str) {
        let other = |_: &String, token: &mut Token| token.user != user || token.client_id != client_id;
        self.access.retain(other);
        self.refresh.retain(other);
    }
}

impl Token {
    fn is_good(&self, now: Instant) -> bool {
        self.good_until.is_none_or(|until| now < until)
    }
}

fn secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// An authorisation request whose key and redirect are in order.
struct Asked {
    client_id: String,
    redirect_uri: String,
    redirect: Url,
    implicit: bool,
    scope: String,
    state: Option<String>,
}

impl Asked {
    fn read(state: &State, named: &Named) -> Result<Self, Refusal> {
        let client_id = named.get("client_id").cloned().unwrap_or_default();
        let key = state.keys.get(&client_id).ok_or_else(invalid_client_id)?;
        let redirect_uri = named.get("redirect_uri").cloned().unwrap_or_default();
        let redirect = Url::parse(&redirect_uri)
            .ok()
            .filter(|url| {
                let host = url.host_str().unwrap_or_default();
                key.domains.iter().any(|domain| {
                    host == domain
                        || host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
                })
            })
            .ok_or_else(|| {
                Refusal::new(400, "invalid_request", "The redirect_uri is not on the domain of the API key")
            })?;
        let implicit = match named.get("response_type").map(String::as_str) {
            Some("code") | None => false,
            Some("token") => true,
            Some(_) => return Err(Refusal::invalid_value("response_type")),
        };
        Ok(Self {
            client_id,
            redirect_uri,
            redirect,
            implicit,
            scope: named.get("scope").cloned().unwrap_or_else(|| "global:all".to_owned()),
            state: named.get("state").cloned(),
        })
    }

    fn allow(mut self, state: &mut State, user: u64) -> Response {
        if self.implicit {
            let token = state.issue(user, &self.client_id, &self.scope);
            let mut fragment = url::form_urlencoded::Serializer::new(String::new());
            for name in ["access_token", "token_type", "expires_in", "refresh_token", "scope"] {
                let value = token
                    .get(name)
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                fragment.append_pair(name, &value.unwrap_or_default());
            }
            if let Some(state) = &self.state {
                fragment.append_pair("state", state);
            }
            self.redirect.set_fragment(Some(&fragment.finish()));
        } else {
            let code = secret();
            let token = Token {
                user,
                client_id: self.client_id.clone(),
                scope: self.scope.clone(),
                good_until: None,
            };
            let kept = Code { token, redirect_uri: self.redirect_uri.clone(), used: false };
            state.tokens.codes.insert(code.clone(), kept);
            self.answer(&[("code", &code)]);
        }
        found(&self.redirect)
    }

    fn deny(mut self) -> Response {
        let description = "The user denied access to your application";
        self.answer(&[
            ("error", "access_denied"),
            ("error_reason", "user_denied"),
            ("error_description", description),
        ]);
        found(&self.redirect)
    }

    fn answer(&mut self, pairs: &[(&str, &str)]) {
        let mut query = self.redirect.query_pairs_mut();
        query.extend_pairs(pairs);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
    }
}

fn found(to: &Url) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, to.as_str().to_owned())]).into_response()
}

async fn authorize(Shared(podio): Shared<Podio>, Query(named): Query<Named>) -> Result<Response, Refusal> {
    podio.change(|state| {
        state.observed.authorizations += 1;
        let asked = Asked::read(state, &named)?;
        Ok(match state.settings.consent {
            Consent::Ask => Html(page(state, &named)).into_response(),
            Consent::Allow(user) => asked.allow(state, user),
            Consent::Deny => asked.deny(),
        })
    })
}

/// A button of the page was pressed.
async fn decide(Shared(podio): Shared<Podio>, Form(named): Form<Named>) -> Result<Response, Refusal> {
    podio.change(|state| {
        let asked = Asked::read(state, &named)?;
        let user = named
            .get("allow")
            .and_then(|user| user.parse().ok())
            .filter(|user| state.users.contains_key(user));
        Ok(match user {
            Some(user) => asked.allow(state, user),
            None => asked.deny(),
        })
    })
}

fn page(state: &State, named: &Named) -> String {
    let hidden: String = ["client_id", "redirect_uri", "response_type", "scope", "state"]
        .iter()
        .filter_map(|name| named.get(*name).map(|value| (name, value)))
        .map(|(name, value)| format!("<input type=hidden name={name} value=\"{}\">", escape(value)))
        .collect();
    let buttons: String = state
        .users
        .values()
        .map(|user| {
            let name = escape(&user.name);
            format!("<p><button name=allow value={}>Allow as {name}</button></p>", user.user_id)
        })
        .collect();
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Sandbox sign-in</title></head><body>\
         <h1>Allow access?</h1><p>This is Belfry's sandbox, not Podio.</p><form method=post action=/oauth/authorize>\
         {hidden}{buttons}<p><button name=deny value=1>Refuse</button></p></form></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn token_form(Shared(podio): Shared<Podio>, headers: HeaderMap, body: Bytes) -> Response {
    let form = content_type(&headers).starts_with("application/x-www-form-urlencoded");
    let named: Named =
        if form { url::form_urlencoded::parse(&body).into_owned().collect() } else { Named::new() };
    podio.answer_grant(&named)
}

async fn token_json(Shared(podio): Shared<Podio>, headers: HeaderMap, body: Bytes) -> Response {
    let object = content_type(&headers)
        .starts_with("application/json")
        .then(|| serde_json::from_slice::<Value>(&body).ok())
        .flatten();
    let Some(Value::Object(object)) = object else {
        podio.change(|state| state.observed.refused_grants += 1);
        return Refusal::new(400, "invalid_value", "Invalid value: must be object").into_response();
    };
    let named = object
        .into_iter()
        .map(|(name, value)| {
            let text = value.as_str().map(str::to_owned);
            (name, text.unwrap_or_else(|| value.to_string()))
        })
        .collect();
    podio.answer_grant(&named)
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `{nonce, otp}` or `{nonce, recoveryCode}`; the answer is that of the token endpoint.
async fn verify(Shared(podio): Shared<Podio>, Json(body): Json<Value>) -> Response {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    podio.change(|state| {
        let granted = state.second_factor(&text("nonce"), &text("otp"), &text("recoveryCode"));
        state.count_grant("password", granted)
    })
}

async fn invalidate(Shared(podio): Shared<Podio>, caller: Caller) -> StatusCode {
    podio.change(|state| state.tokens.forget(caller.user, &caller.client_id));
    StatusCode::NO_CONTENT
}

fn invalid_client_id() -> Refusal {
    Refusal::new(400, "invalid_client", "The client id is not known").detail("oauth.client.invalid_id")
}

fn invalid_grant(why: &str) -> Refusal {
    Refusal::new(400, "invalid_grant", why)
}

impl Podio {
    fn answer_grant(&self, named: &Named) -> Response {
        self.change(|state| {
            let granted = state.grant(named);
            state.count_grant(named.get("grant_type").map_or("", String::as_str), granted)
        })
    }
}

impl State {
    fn count_grant(&mut self, grant: &str, granted: Result<Value, Refusal>) -> Response {
        match granted {
            Ok(answer) => {
                if answer.get("access_token").is_some() {
                    let count = match grant {
                        "authorization_code" => &mut self.observed.code_grants,
                        "refresh_token" => &mut self.observed.refreshes,
                        _ => &mut self.observed.password_grants,
                    };
                    *count += 1;
                }
                Json(answer).into_response()
            }
            Err(refusal) => {
                self.observed.refused_grants += 1;
                refusal.into_response()
            }
        }
    }

    fn grant(&mut self, named: &Named) -> Result<Value, Refusal> {
        let text = |name: &str| named.get(name).cloned().unwrap_or_default();
        let client_id = text("client_id");
        let key = self.keys.get(&client_id).ok_or_else(invalid_client_id)?;
        if key.client_secret != text("client_secret") {
            let refusal = Refusal::new(400, "invalid_client", "The client secret is wrong");
            return Err(refusal.detail("oauth.client.invalid_secret"));
        }
        match text("grant_type").as_str() {
            "authorization_code" => self.grant_for_code(&client_id, &text("code"), &text("redirect_uri")),
            "refresh_token" => self.grant_for_refresh(&client_id, &text("refresh_token")),
            "password" => self.grant_for_password(&client_id, &text("username"), &text("password")),
            "" => Err(Refusal::new(400, "invalid_request", "Missing grant_type")),
            _ => Err(Refusal::new(400, "unsupported_grant_type", "The grant type is not supported")),
        }
    }

    fn grant_for_code(&mut self, client_id: &str, code: &str, redirect_uri: &str) -> Result<Value, Refusal> {
        let kept = self
            .tokens
            .codes
            .get_mut(code)
            .filter(|kept| kept.token.client_id == client_id)
            .ok_or_else(|| invalid_grant("Invalid authorization code"))?;
        if kept.used {
            return Err(invalid_grant("The authorization code was used before"));
        }
        if kept.redirect_uri != redirect_uri {
            return Err(invalid_grant("The redirect_uri is not the one of the authorization request"));
        }
        kept.used = true;
        let token = kept.token.clone();
        Ok(self.issue(token.user, client_id, &token.scope))
    }

    fn grant_for_refresh(&mut self, client_id: &str, refresh: &str) -> Result<Value, Refusal> {
        let token = self
            .tokens
            .refresh
            .get(refresh)
            .filter(|token| token.client_id == client_id && token.is_good(tasks::instant()))
            .cloned()
            .ok_or_else(|| invalid_grant("The refresh token is not valid"))?;
        if self.settings.rotate_refresh_tokens {
            self.tokens.refresh.remove(refresh);
        }
        Ok(self.issue(token.user, client_id, &token.scope))
    }

    fn grant_for_password(&mut self, client_id: &str, mail: &str, password: &str) -> Result<Value, Refusal> {
        let wrong = |detail| Refusal::new(400, "invalid_grant", "Wrong user name or password").detail(detail);
        let user = self
            .users
            .values()
            .find(|user| user.mail == mail)
            .ok_or_else(|| wrong("user.invalid.username"))?;
        if user.password != password {
            return Err(wrong("user.invalid.password"));
        }
        let (user_id, two_steps) = (user.user_id, user.second_factor.is_some());
        if !two_steps {
            return Ok(self.issue(user_id, client_id, "global:all"));
        }
        let nonce = secret();
        let token = Token {
            user: user_id,
            client_id: client_id.to_owned(),
            scope: "global:all".to_owned(),
            good_until: None,
        };
        self.tokens.nonces.insert(nonce.clone(), token);
        Ok(json!({"server_nonce": nonce}))
    }

    fn second_factor(&mut self, nonce: &str, otp: &str, recovery_code: &str) -> Result<Value, Refusal> {
        let token = self
            .tokens
            .nonces
            .get(nonce)
            .cloned()
            .ok_or_else(|| Refusal::new(400, "nonce_validation_error", "The nonce is not valid"))?;
        let factor = self.users.get(&token.user).and_then(|user| user.second_factor.as_ref());
        if !factor.is_some_and(|factor| factor.otp == otp || factor.recovery_code == recovery_code) {
            return Err(Refusal::new(400, "invalid_second_factor", "The second factor is wrong"));
        }
        self.tokens.nonces.remove(nonce);
        Ok(self.issue(token.user, &token.client_id, &token.scope))
    }

    /// A new pair of tokens.
    pub(super) fn issue(&mut self, user: u64, client_id: &str, scope: &str) -> Value {
        let now = tasks::instant();
        let token = |good_for| Token {
            user,
            client_id: client_id.to_owned(),
            scope: scope.to_owned(),
            good_until: now.checked_add(good_for),
        };
        let (access, refresh) = (secret(), secret());
        self.tokens.access.insert(access.clone(), token(self.settings.access_lifetime));
        self.tokens.refresh.insert(refresh.clone(), token(self.settings.refresh_lifetime));
        json!({
            "access_token": access, "token_type": "bearer", "expires_in": self.settings.access_lifetime.as_secs(),
            "refresh_token": refresh, "scope": scope, "ref": {"type": "user", "id": user},
            "transfer_token": secret(),
        })
    }
}

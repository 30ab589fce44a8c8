//! Sign-in: the authorisation page, and the token endpoint, which takes JSON. Codes are good once and briefly. No PKCE, as at the
//! real service. Tokens are random, kept in memory, and never logged.

use super::rest::{Caller, Refusal};
use super::{App, Consent, Podium, Refresh, State, TokenErrors};
use crate::tasks;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use url::Url;

pub(super) fn router() -> Router<Podium> {
    Router::new().route("/oauth/authorize", get(authorize).post(decide)).route("/oauth/token", post(token))
}

type Named = BTreeMap<String, String>;

/// Everything given out so far.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    access: BTreeMap<String, Token>,
    refresh: BTreeMap<String, Token>,
    codes: BTreeMap<String, Code>,
}

#[derive(Clone, Debug)]
struct Token {
    client_id: String,
    scope: String,
    good_until: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Code {
    token: Token,
    redirect_uri: String,
}

impl Token {
    fn is_good(&self, now: Instant) -> bool {
        self.good_until.is_none_or(|until| now < until)
    }
}

impl Tokens {
    pub(super) fn caller(&self, token: &str, now: Instant) -> Option<Caller> {
        let token = self.access.get(token).filter(|token| token.is_good(now))?;
        let scopes: BTreeSet<String> = token.scope.split_whitespace().map(str::to_owned).collect();
        Some(Caller { client_id: token.client_id.clone(), scopes })
    }

    pub(super) fn expire_access(&mut self) {
        self.access.clear();
    }

    pub(super) fn kill_refresh(&mut self) {
        self.refresh.clear();
    }
}

fn secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Access tokens look like a JWT; nothing in them is of use.
fn access_token(client_id: &str) -> String {
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signature: [u8; 32] = rand::random();
    let (head, body) = (part(json!({"alg": "HS256", "typ": "JWT"})), part(json!({"aud": client_id})));
    format!("{head}.{body}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// An authorisation request whose app and redirect are in order.
struct Asked {
    client_id: String,
    redirect_uri: String,
    redirect: Url,
    scope: String,
    state: Option<String>,
}

impl Asked {
    fn read(state: &State, named: &Named) -> Result<Self, Refusal> {
        let client_id = named.get("client_id").cloned().unwrap_or_default();
        let app = state.apps.get(&client_id);
        let app = app.ok_or_else(|| Refusal::bad_request("The client_id is not known"))?;
        let redirect_uri = named.get("redirect_uri").cloned().unwrap_or_default();
        let registered = app.redirect_uris.is_empty() || app.redirect_uris.contains(&redirect_uri);
        let redirect = Url::parse(&redirect_uri).ok().filter(|url| {
            let scheme = url.scheme();
            registered && (scheme == "https" || scheme == "http" && !state.settings.https_redirects)
        });
        let redirect = redirect.ok_or_else(|| Refusal::bad_request("The redirect_uri is not registered"))?;
        if named.get("response_type").is_some_and(|kind| kind != "code") {
            return Err(Refusal::invalid_values("response_type must be code"));
        }
        let scope = named.get("scope").cloned().unwrap_or_default();
        Ok(Self { client_id, redirect_uri, redirect, scope, state: named.get("state").cloned() })
    }

    fn allow(mut self, state: &mut State) -> Response {
        let code = secret();
        let good_until = tasks::instant().checked_add(state.settings.code_lifetime);
        let token = Token { client_id: self.client_id.clone(), scope: self.scope.clone(), good_until };
        state.tokens.codes.insert(code.clone(), Code { token, redirect_uri: self.redirect_uri.clone() });
        self.answer(&[("code", &code)])
    }

    fn deny(mut self) -> Response {
        self.answer(&[("error", "access_denied"), ("error_description", "The user denied access")])
    }

    fn answer(&mut self, pairs: &[(&str, &str)]) -> Response {
        let mut query = self.redirect.query_pairs_mut();
        query.extend_pairs(pairs);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        drop(query);
        (StatusCode::FOUND, [(header::LOCATION, self.redirect.as_str().to_owned())]).into_response()
    }
}

async fn authorize(Shared(podium): Shared<Podium>, Query(named): Query<Named>) -> Result<Response, Refusal> {
    podium.change(|state| {
        state.observed.authorizations += 1;
        let asked = Asked::read(state, &named)?;
        Ok(match state.settings.consent {
            Consent::Ask => Html(page(&asked, &named)).into_response(),
            Consent::Allow => asked.allow(state),
            Consent::Deny => asked.deny(),
        })
    })
}

/// A button of the page was pressed.
async fn decide(Shared(podium): Shared<Podium>, Form(named): Form<Named>) -> Result<Response, Refusal> {
    podium.change(|state| {
        let asked = Asked::read(state, &named)?;
        Ok(if named.contains_key("allow") { asked.allow(state) } else { asked.deny() })
    })
}

fn page(asked: &Asked, named: &Named) -> String {
    let hidden: String = ["client_id", "redirect_uri", "response_type", "scope", "state"]
        .iter()
        .filter_map(|name| named.get(*name).map(|value| (name, value)))
        .map(|(name, value)| format!("<input type=hidden name={name} value=\"{}\">", escape(value)))
        .collect();
    let scopes: String =
        asked.scope.split_whitespace().map(|scope| format!("<li>{}</li>", escape(scope))).collect();
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Sandbox sign-in</title></head><body>\
         <h1>Allow access?</h1><p>This is Belfry's sandbox, not Podium. {} asks for:</p><ul>{scopes}</ul>\
         <form method=post action=/oauth/authorize>{hidden}<p><button name=allow value=1>Allow</button></p>\
         <p><button name=deny value=1>Refuse</button></p></form></body></html>",
        escape(&asked.client_id)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// An error of the token endpoint: OAuth's word and a sentence.
struct Wrong {
    status: StatusCode,
    error: &'static str,
    why: &'static str,
}

impl Wrong {
    fn new(error: &'static str, why: &'static str) -> Self {
        let status =
            if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        Self { status, error, why }
    }
}

async fn token(Shared(podium): Shared<Podium>, headers: HeaderMap, body: Bytes) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let object = kind.starts_with("application/json").then(|| serde_json::from_slice(&body).ok()).flatten();
    podium.change(|state| match state.grant(object.as_ref()) {
        Ok(answer) => Json(answer).into_response(),
        Err(wrong) => {
            state.observed.refused_grants += 1;
            let body = match state.settings.token_errors {
                TokenErrors::Oauth => json!({"error": wrong.error, "error_description": wrong.why}),
                TokenErrors::Podium => {
                    json!({"code": wrong.error, "message": wrong.why, "moreInfo": "https://docs.podium.com/docs/oauth"})
                }
            };
            (wrong.status, Json(body)).into_response()
        }
    })
}

impl State {
    fn grant(&mut self, object: Option<&Value>) -> Result<Value, Wrong> {
        let object = object.ok_or_else(|| Wrong::new("invalid_request", "The body must be a JSON object"))?;
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let (client_id, now) = (text("client_id"), tasks::instant());
        let is_app = |app: &&App| app.client_secret == text("client_secret");
        if self.apps.get(client_id).filter(is_app).is_none() {
            return Err(Wrong::new("invalid_client", "The client id or the client secret is wrong"));
        }
        match text("grant_type") {
            "authorization_code" => {
                // Right or wrong, it was used.
                let code = self.tokens.codes.remove(text("code"));
                let code = code.filter(|code| code.token.client_id == client_id && code.token.is_good(now));
                let code = code.ok_or_else(|| Wrong::new("invalid_grant", "The code is not valid"))?;
                if code.redirect_uri != text("redirect_uri") {
                    return Err(Wrong::new("invalid_grant", "The redirect_uri is another one"));
                }
                self.observed.code_grants += 1;
                Ok(self.issue(client_id, &code.token.scope, None))
            }
            "refresh_token" => {
                let refresh = text("refresh_token");
                let token = self.tokens.refresh.get(refresh);
                let token = token.filter(|token| token.client_id == client_id && token.is_good(now)).cloned();
                let token =
                    token.ok_or_else(|| Wrong::new("invalid_grant", "The refresh token is not valid"))?;
                self.observed.refreshes += 1;
                Ok(self.issue(client_id, &token.scope, Some(refresh)))
            }
            _ => Err(Wrong::new("unsupported_grant_type", "The grant type is not supported")),
        }
    }

    /// A new access token; what comes with it goes by the settings when a refresh asked for it.
    pub(super) fn issue(&mut self, client_id: &str, scope: &str, refresh: Option<&str>) -> Value {
        let now = tasks::instant();
        let token = |good_for: Option<Duration>| Token {
            client_id: client_id.to_owned(),
            scope: scope.to_owned(),
            good_until: good_for.and_then(|good_for| now.checked_add(good_for)),
        };
        let access = access_token(client_id);
        self.tokens.access.insert(access.clone(), token(Some(self.settings.access_lifetime)));
        let mut answer = json!({
            "access_token": access, "expires_in": self.settings.access_lifetime.as_secs(), "token_type": "Bearer",
        });
        let given = match (refresh, self.settings.refresh) {
            (Some(same), Refresh::Same) => Some(same.to_owned()),
            (Some(_), Refresh::Silent) => None,
            (old, Refresh::Rotate) | (old @ None, Refresh::Same | Refresh::Silent) => {
                if let Some(old) = old {
                    self.tokens.refresh.remove(old);
                }
                let fresh = secret();
                self.tokens.refresh.insert(fresh.clone(), token(self.settings.refresh_lifetime));
                Some(fresh)
            }
        };
        if let (Some(answer), Some(given)) = (answer.as_object_mut(), given) {
            answer.insert("refresh_token".to_owned(), json!(given));
        }
        answer
    }
}

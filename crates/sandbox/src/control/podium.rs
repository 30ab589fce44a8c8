//! Podium's endpoints, under `/_sandbox/podium`. Every deed may be `silent`: then only REST knows of it, and no webhook is called.

use super::{Control, Done, Wait, done, set, waited};
use crate::podium::{App, Consent, Observed, Odd, Refresh, TokenErrors};
use crate::{Fault, Podium};
use axum::Router;
use axum::extract::{Json, Query, State};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn router() -> Router<Control> {
    Router::new()
        .route("/observed", get(observed))
        .route("/forget", post(forget))
        .route("/wait", get(wait))
        .route("/app", post(add_app))
        .route("/locations", get(locations))
        .route("/location", post(add_location))
        .route("/message", post(message))
        .route("/happen", post(happen))
        .route("/event", post(event))
        .route("/burst", post(burst))
        .route("/webhooks", get(webhooks))
        .route("/webhook", post(webhook))
        .route("/settings", post(settings))
        .route("/tokens", post(tokens))
        .route("/sender", post(sender))
        .route("/fault", post(fault))
        .route("/heal", post(heal))
}

impl Control {
    fn business(&self, silent: bool) -> Podium {
        if silent { self.podium.silently() } else { self.podium.clone() }
    }
}

async fn observed(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.podium.observed()))
}

async fn forget(State(control): State<Control>) -> Done {
    control.podium.forget_observed();
    done()
}

async fn wait(State(control): State<Control>, Query(wait): Query<Wait>) -> Done {
    let there = |observed: &Observed| match observed.counter(&wait.field) {
        Some(counted) => counted >= wait.at_least,
        None => wait.reached(observed),
    };
    waited(control.podium.wait_for(there, wait.limit()).await)
}

async fn add_app(State(control): State<Control>, Json(app): Json<App>) -> Done {
    control.podium.add_app(app);
    done()
}

async fn locations(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.podium.locations()))
}

#[derive(Deserialize)]
struct NewLocation {
    name: String,
}

async fn add_location(State(control): State<Control>, Json(new): Json<NewLocation>) -> Done {
    Ok(Json(json!(control.podium.add_location(&new.name))))
}

/// A customer writes.
#[derive(Deserialize)]
struct Said {
    from: String,
    text: String,
    #[serde(default)]
    silent: bool,
}

async fn message(State(control): State<Control>, Json(said): Json<Said>) -> Done {
    Ok(Json(json!(control.business(said.silent).message_received(&said.from, &said.text))))
}

#[derive(Deserialize)]
struct Deed {
    #[serde(rename = "type")]
    event_type: String,
    /// Laid over what the documentation describes.
    #[serde(default = "nothing")]
    wish: Value,
    #[serde(default)]
    silent: bool,
}

fn nothing() -> Value {
    json!({})
}

async fn happen(State(control): State<Control>, Json(deed): Json<Deed>) -> Done {
    Ok(Json(json!(control.business(deed.silent).happens(&deed.event_type, &deed.wish))))
}

/// Exactly this.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    event_type: String,
    #[serde(default)]
    data: Value,
}

async fn event(State(control): State<Control>, Json(event): Json<Event>) -> Done {
    Ok(Json(json!(control.podium.event(&event.event_type, event.data))))
}

#[derive(Deserialize)]
struct Burst {
    count: usize,
    #[serde(default)]
    silent: bool,
}

async fn burst(State(control): State<Control>, Json(wish): Json<Burst>) -> Done {
    let happened = control.business(wish.silent).burst(wish.count);
    let uids: Vec<&str> = happened.iter().map(|one| one.event_uid.as_str()).collect();
    Ok(Json(json!({"event_uids": uids})))
}

async fn webhooks(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.podium.webhooks()))
}

/// What a person does to webhooks on the web site.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WebhookWish {
    Add { url: String, secret: String },
    Disable(String),
    Enable(String),
    Redirect { uid: String, url: String },
    Resign { uid: String, secret: String },
    Narrow { uid: String, event_types: Vec<String> },
    Remove(String),
}

async fn webhook(State(control): State<Control>, Json(wish): Json<WebhookWish>) -> Done {
    let podium = &control.podium;
    let webhook = match wish {
        WebhookWish::Add { url, secret } => podium.add_webhook(&url, &secret),
        WebhookWish::Disable(uid) => podium.change_webhook(&uid, |webhook| webhook.disabled = true)?,
        WebhookWish::Enable(uid) => podium.change_webhook(&uid, |webhook| webhook.disabled = false)?,
        WebhookWish::Redirect { uid, url } => {
            podium.change_webhook(&uid, |webhook| webhook.url = Some(url))?
        }
        WebhookWish::Resign { uid, secret } => {
            podium.change_webhook(&uid, |webhook| webhook.secret = Some(secret))?
        }
        WebhookWish::Narrow { uid, event_types } => {
            podium.change_webhook(&uid, |webhook| webhook.event_types = event_types)?
        }
        WebhookWish::Remove(uid) => {
            podium.remove_webhook(&uid)?;
            return done();
        }
    };
    Ok(Json(json!(webhook)))
}

/// Settings that are named change; times in milliseconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsWish {
    consent: Option<Consent>,
    https_redirects: Option<bool>,
    code_lifetime_ms: Option<u64>,
    access_lifetime_ms: Option<u64>,
    refresh_lifetime_ms: Option<u64>,
    refresh: Option<Refresh>,
    token_errors: Option<TokenErrors>,
    withheld_scopes: Option<Vec<String>>,
    version_demanded: Option<bool>,
    numeric_codes: Option<bool>,
    rate_limit: Option<u32>,
    rate_window_ms: Option<u64>,
    cursor_lifetime_ms: Option<u64>,
    newest_first: Option<bool>,
    nulls: Option<bool>,
    patience_ms: Option<u64>,
    retry_waits_ms: Option<Vec<u64>>,
    pace: Option<f64>,
    queue_life_ms: Option<u64>,
    signed_anew: Option<bool>,
    any_2xx: Option<bool>,
}

async fn settings(State(control): State<Control>, Json(wish): Json<SettingsWish>) -> Done {
    let span = |milliseconds: Option<u64>| milliseconds.map(Duration::from_millis);
    let waits = wish.retry_waits_ms.map(|waits| waits.into_iter().map(Duration::from_millis).collect());
    control.podium.set(|settings| {
        set(&mut settings.consent, wish.consent);
        set(&mut settings.https_redirects, wish.https_redirects);
        set(&mut settings.code_lifetime, span(wish.code_lifetime_ms));
        set(&mut settings.access_lifetime, span(wish.access_lifetime_ms));
        set(&mut settings.refresh_lifetime, span(wish.refresh_lifetime_ms).map(Some));
        set(&mut settings.refresh, wish.refresh);
        set(&mut settings.token_errors, wish.token_errors);
        set(&mut settings.withheld_scopes, wish.withheld_scopes);
        set(&mut settings.version_demanded, wish.version_demanded);
        set(&mut settings.numeric_codes, wish.numeric_codes);
        set(&mut settings.rate_limit, wish.rate_limit);
        set(&mut settings.rate_window, span(wish.rate_window_ms));
        set(&mut settings.cursor_lifetime, span(wish.cursor_lifetime_ms));
        set(&mut settings.newest_first, wish.newest_first);
        set(&mut settings.nulls, wish.nulls);
        set(&mut settings.patience, span(wish.patience_ms));
        set(&mut settings.retry_waits, waits);
        set(&mut settings.pace, wish.pace);
        set(&mut settings.queue_life, span(wish.queue_life_ms));
        set(&mut settings.signed_anew, wish.signed_anew);
        set(&mut settings.any_2xx, wish.any_2xx);
    });
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenWish {
    ExpireAccess,
    KillRefresh,
    Revoke,
    ExpireCursors,
}

async fn tokens(State(control): State<Control>, Json(wish): Json<TokenWish>) -> Done {
    match wish {
        TokenWish::ExpireAccess => control.podium.expire_access_tokens(),
        TokenWish::KillRefresh => control.podium.kill_refresh_tokens(),
        TokenWish::Revoke => control.podium.revoke(),
        TokenWish::ExpireCursors => control.podium.expire_cursors(),
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SenderWish {
    Pause,
    Resume,
    /// What waits for its next attempt is tried now.
    RetryNow,
    /// So many are collected and sent with the newest first.
    Reverse(usize),
    /// The next attempts are odd.
    Odd {
        how: Odd,
        #[serde(default = "once")]
        times: usize,
    },
}

fn once() -> usize {
    1
}

async fn sender(State(control): State<Control>, Json(wish): Json<SenderWish>) -> Done {
    match wish {
        SenderWish::Pause => control.podium.pause_sender(),
        SenderWish::Resume => control.podium.resume_sender(),
        SenderWish::RetryNow => control.podium.retry_now(),
        SenderWish::Reverse(count) => control.podium.send_reversed(count),
        SenderWish::Odd { how, times } => control.podium.send_odd(&how, times),
    }
    done()
}

async fn fault(State(control): State<Control>, Json(fault): Json<Fault>) -> Done {
    control.podium.fault(fault);
    done()
}

async fn heal(State(control): State<Control>) -> Done {
    control.podium.heal();
    done()
}

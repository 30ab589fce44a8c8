//! The Pusher side's endpoints, under `/_sandbox/pusher`. Every wish may name an `app` by its key.

use super::{Control, Done, Wait, done, set, waited};
use crate::pusher::{App, At, Delivery, Person, Quirk, Silence};
use crate::{Fault, PusherApps};
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
        .route("/sign", post(sign))
        .route("/trigger", post(trigger))
        .route("/member", post(member))
        .route("/settings", post(settings))
        .route("/fault", post(fault))
        .route("/heal", post(heal))
        .route("/server", post(server))
}

impl Control {
    fn app(&self, key: Option<&str>) -> PusherApps {
        key.map_or_else(|| self.pusher.clone(), |key| self.pusher.in_app(key))
    }
}

async fn observed(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.pusher.observed()))
}

async fn forget(State(control): State<Control>) -> Done {
    control.pusher.forget_observed();
    done()
}

async fn wait(State(control): State<Control>, Query(wait): Query<Wait>) -> Done {
    waited(control.pusher.wait_for(|observed| wait.reached(observed), wait.limit()).await)
}

async fn add_app(State(control): State<Control>, Json(app): Json<App>) -> Done {
    let _handle = control.pusher.add_app(app);
    done()
}

#[derive(Deserialize)]
struct Sign {
    app: Option<String>,
    socket_id: String,
    channel: String,
    channel_data: Option<String>,
}

async fn sign(State(control): State<Control>, Json(wish): Json<Sign>) -> Done {
    let app = control.app(wish.app.as_deref()).app();
    Ok(Json(json!({"auth": app.sign(&wish.socket_id, &wish.channel, wish.channel_data.as_deref())})))
}

#[derive(Deserialize)]
struct Trigger {
    app: Option<String>,
    channel: String,
    event: String,
    #[serde(default)]
    data: Value,
    /// How the data travels.
    #[serde(default)]
    form: Form,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// As JSON text.
    #[default]
    Text,
    /// As it is.
    Raw,
    /// Sealed with the app's master key.
    Encrypted,
}

async fn trigger(State(control): State<Control>, Json(wish): Json<Trigger>) -> Done {
    let app = control.app(wish.app.as_deref());
    let connections = match wish.form {
        Form::Text => app.trigger(&wish.channel, &wish.event, &wish.data),
        Form::Raw => app.trigger_raw(&wish.channel, &wish.event, Some(wish.data)),
        Form::Encrypted => app.trigger_encrypted(&wish.channel, &wish.event, &wish.data),
    };
    Ok(Json(json!({"connections": connections})))
}

#[derive(Deserialize)]
struct Member {
    app: Option<String>,
    channel: String,
    user_id: String,
    #[serde(default)]
    user_info: Value,
    /// `false` takes them away.
    there: bool,
}

async fn member(State(control): State<Control>, Json(wish): Json<Member>) -> Done {
    let app = control.app(wish.app.as_deref());
    if wish.there {
        app.join(&wish.channel, &wish.user_id, &wish.user_info);
    } else {
        app.leave(&wish.channel, &wish.user_id);
    }
    done()
}

/// Settings that are named change; times in milliseconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsWish {
    quirk: Option<Quirk>,
    activity_timeout_s: Option<u64>,
    names_activity_timeout: Option<bool>,
    ping_after_ms: Option<u64>,
    drop_after_ms: Option<u64>,
    client_events: Option<bool>,
    client_events_per_second: Option<usize>,
    subscription_counts: Option<bool>,
    cache_ttl_ms: Option<u64>,
    max_connections: Option<usize>,
    largest_event: Option<usize>,
    auth_header: Option<(String, String)>,
    auth_user: Option<Person>,
}

async fn settings(State(control): State<Control>, Json(wish): Json<SettingsWish>) -> Done {
    let span = |milliseconds: Option<u64>| milliseconds.map(|ms| Some(Duration::from_millis(ms)));
    control.pusher.set(|settings| {
        set(&mut settings.quirk, wish.quirk);
        set(&mut settings.activity_timeout_s, wish.activity_timeout_s.map(Some));
        set(&mut settings.names_activity_timeout, wish.names_activity_timeout);
        set(&mut settings.ping_after, span(wish.ping_after_ms));
        set(&mut settings.drop_after, span(wish.drop_after_ms));
        set(&mut settings.client_events, wish.client_events);
        set(&mut settings.client_events_per_second, wish.client_events_per_second);
        set(&mut settings.subscription_counts, wish.subscription_counts);
        set(&mut settings.cache_ttl, span(wish.cache_ttl_ms));
        set(&mut settings.max_connections, wish.max_connections.map(Some));
        set(&mut settings.largest_event, wish.largest_event.map(Some));
        set(&mut settings.auth_header, wish.auth_header.map(Some));
        set(&mut settings.auth_user, wish.auth_user);
    });
    done()
}

async fn fault(State(control): State<Control>, Json(fault): Json<Fault>) -> Done {
    control.pusher.fault(fault);
    done()
}

async fn heal(State(control): State<Control>) -> Done {
    control.pusher.heal();
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ServerWish {
    /// Connections cut, channels and cached events forgotten, back on the same port.
    Restart,
    /// Connections end without a word.
    Cut,
    /// All connections are closed with this code.
    Close {
        code: u16,
        #[serde(default)]
        reason: String,
    },
    /// The next ones are.
    PlanClose {
        at: At,
        code: u16,
        #[serde(default)]
        reason: String,
        times: u32,
    },
    /// `pusher:error`; connections stay.
    Complain {
        code: Option<u16>,
        message: String,
    },
    Silence(Silence),
    Delivery(Delivery),
    /// A raw text frame on every connection.
    RawFrame(String),
    /// A frame of so many bytes on every connection.
    OversizedFrame(usize),
    RefuseUpgrade {
        status: u16,
        times: u32,
    },
    ForgetCache,
    RotateMasterKey,
}

async fn server(State(control): State<Control>, Json(wish): Json<ServerWish>) -> Done {
    let apps = &control.pusher;
    match wish {
        ServerWish::Restart => control.doors.restart_pusher().await?,
        ServerWish::Cut => apps.cut(),
        ServerWish::PlanClose { at, code, reason, times } => apps.plan_close(at, code, &reason, times),
        ServerWish::Silence(silence) => apps.set_silence(silence),
        ServerWish::Delivery(delivery) => apps.set_delivery(delivery),
        ServerWish::RefuseUpgrade { status, times } => apps.refuse_upgrade(status, times),
        ServerWish::ForgetCache => apps.forget_cache(),
        ServerWish::RotateMasterKey => apps.rotate_master_key(),
        ServerWish::Close { code, reason } => return told(apps.close_all(code, &reason)),
        ServerWish::Complain { code, message } => return told(apps.complain(code, &message)),
        ServerWish::RawFrame(text) => return told(apps.send_raw_frame(&text)),
        ServerWish::OversizedFrame(bytes) => return told(apps.send_oversized_frame(bytes)),
    }
    done()
}

fn told(connections: usize) -> Done {
    Ok(Json(json!({"connections": connections})))
}

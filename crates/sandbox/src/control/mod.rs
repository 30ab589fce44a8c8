//! The sandbox over HTTP, for scripts and clients in other languages: `POST /_sandbox/…` with a JSON object changes
//! the world or breaks something, `GET /_sandbox/observed` shows what was seen. Podio's endpoints are right there, those of the
//! others under `/_sandbox/pusher`, `/_sandbox/cloudapp` and `/_sandbox/podium`. Loopback only; it has its own port, so it lives on while
//! the fake services are down.

mod cloudapp;
mod podium;
mod pusher;

use crate::podio::{
    Byline, Context, Delivery, Key, Message, MetaRefusal, Podio, SecondFactor, Settings, Spec,
};
use crate::{CloudApp, Doors, Fault, Mode, Podium, PusherApps, Side, Stalled, Wire, tasks};
use axum::extract::{Json, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, extract::Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[derive(Clone)]
struct Control {
    podio: Podio,
    pusher: PusherApps,
    cloudapp: CloudApp,
    podium: Podium,
    doors: Doors,
    wires: Arc<Mutex<BTreeMap<SocketAddr, Wire>>>,
}

/// An error becomes a status and a sentence.
struct Failed(StatusCode, String);

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self(StatusCode::BAD_REQUEST, format!("{error:#}"))
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

type Done = Result<Json<Value>, Failed>;

fn done() -> Done {
    Ok(Json(json!({})))
}

pub(crate) fn router(
    (podio, pusher, cloudapp, podium): (Podio, PusherApps, CloudApp, Podium),
    doors: Doors,
) -> Router {
    let control = Control { podio, pusher, cloudapp, podium, doors, wires: Arc::default() };
    let endpoints = Router::new()
        .route("/observed", get(observed))
        .route("/forget", post(forget))
        .route("/wait", get(wait))
        .route("/user", post(add_user))
        .route("/key", post(add_key))
        .route("/notify", post(notify))
        .route("/burst", post(burst))
        .route("/view", post(view))
        .route("/message", post(message))
        .route("/event", post(event))
        .route("/publish", post(publish))
        .route("/push-object", get(push_object))
        .route("/day", post(day))
        .route("/settings", post(settings))
        .route("/fault", post(fault))
        .route("/heal", post(heal))
        .route("/gate", post(gate))
        .route("/tokens", post(tokens))
        .route("/push", post(push))
        .route("/listener", post(listener))
        .route("/wire", post(wire))
        .nest("/pusher", pusher::router())
        .nest("/cloudapp", cloudapp::router())
        .nest("/podium", podium::router());
    Router::new().nest("/_sandbox", endpoints).with_state(control)
}

async fn observed(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.podio.observed()))
}

async fn forget(State(control): State<Control>) -> Done {
    control.podio.forget_observed();
    done()
}

#[derive(Deserialize)]
struct Wait {
    /// A JSON pointer into the observed state, `/handshakes`, or its name without the slash.
    field: String,
    #[serde(default = "one")]
    at_least: u64,
    #[serde(default = "ten_seconds")]
    limit_ms: u64,
}

fn one() -> u64 {
    1
}

fn ten_seconds() -> u64 {
    10_000
}

impl Wait {
    /// Whether the number (or the size of the list) at `field` has reached `at_least`.
    fn reached(&self, observed: &impl Serialize) -> bool {
        let pointer =
            if self.field.starts_with('/') { self.field.clone() } else { format!("/{}", self.field) };
        let observed = json!(observed);
        let size = match observed.pointer(&pointer) {
            Some(Value::Array(list)) => u64::try_from(list.len()).ok(),
            Some(Value::Object(map)) => u64::try_from(map.len()).ok(),
            Some(value) => value.as_u64(),
            None => None,
        };
        size.is_some_and(|size| size >= self.at_least)
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.limit_ms)
    }
}

/// What was seen when it was there, or why it never came.
fn waited(observed: anyhow::Result<impl Serialize>) -> Done {
    match observed {
        Ok(observed) => Ok(Json(json!(observed))),
        Err(error) => Err(Failed(StatusCode::REQUEST_TIMEOUT, format!("{error:#}"))),
    }
}

/// Changes a setting if a wish for it is there.
fn set<T>(place: &mut T, wish: Option<T>) {
    if let Some(value) = wish {
        *place = value;
    }
}

/// Answers when the number (or the size of the list) at `field` has reached `at_least`.
async fn wait(State(control): State<Control>, Query(wait): Query<Wait>) -> Done {
    waited(control.podio.wait_for(|observed| wait.reached(observed), wait.limit()).await)
}

#[derive(Deserialize)]
struct NewUser {
    name: String,
    mail: String,
    password: String,
    second_factor: Option<SecondFactor>,
}

async fn add_user(State(control): State<Control>, Json(new): Json<NewUser>) -> Done {
    let id = control.podio.add_user(&new.name, &new.mail, &new.password);
    control.podio.change_user(id, |user| user.second_factor = new.second_factor)?;
    Ok(Json(json!({"user_id": id})))
}

async fn add_key(State(control): State<Control>, Json(key): Json<Key>) -> Done {
    control.podio.add_key(key);
    done()
}

#[derive(Deserialize)]
struct Tell {
    #[serde(default = "first_user")]
    user: u64,
    /// Only the REST API knows.
    #[serde(default)]
    silent: bool,
    #[serde(flatten)]
    spec: LooseSpec,
}

/// A spec of which everything may be left out.
#[derive(Deserialize)]
struct LooseSpec {
    #[serde(rename = "type", default = "comment")]
    kind: String,
    context: Option<Context>,
    #[serde(default = "some_text")]
    text: String,
    text_short: Option<String>,
    icon: Option<String>,
    data: Option<Value>,
    by: Option<Byline>,
    at: Option<jiff::Timestamp>,
    link: Option<String>,
}

/// The first user a sandbox makes.
fn first_user() -> u64 {
    46_432
}

fn comment() -> String {
    "comment".to_owned()
}

fn some_text() -> String {
    "Ada Brook commented on Website relaunch".to_owned()
}

async fn notify(State(control): State<Control>, Json(tell): Json<Tell>) -> Done {
    let loose = tell.spec;
    let spec = Spec {
        kind: loose.kind,
        context: loose.context.unwrap_or_else(|| Context::item(42, "Website relaunch")),
        text: loose.text,
        text_short: loose.text_short,
        icon: loose.icon,
        data: loose.data,
        by: loose.by.unwrap_or_default(),
        at: loose.at,
        link: loose.link,
    };
    let id = if tell.silent {
        control.podio.notify_silently(tell.user, spec)
    } else {
        control.podio.notify(tell.user, spec)
    };
    Ok(Json(json!({"notification_id": id})))
}

#[derive(Deserialize)]
struct Burst {
    #[serde(default = "first_user")]
    user: u64,
    count: usize,
}

async fn burst(State(control): State<Control>, Json(burst): Json<Burst>) -> Done {
    Ok(Json(json!({"notification_ids": control.podio.burst(burst.user, burst.count)})))
}

#[derive(Deserialize)]
struct View {
    #[serde(default = "first_user")]
    user: u64,
    notification_id: u64,
}

async fn view(State(control): State<Control>, Json(view): Json<View>) -> Done {
    control.podio.view_elsewhere(view.user, view.notification_id);
    done()
}

#[derive(Deserialize)]
struct Say {
    #[serde(default = "first_user")]
    user: u64,
    #[serde(flatten)]
    message: Message,
}

async fn message(State(control): State<Control>, Json(say): Json<Say>) -> Done {
    control.podio.message(say.user, say.message);
    done()
}

#[derive(Deserialize)]
struct Event {
    #[serde(default = "first_user")]
    user: u64,
    event: String,
    #[serde(default)]
    data: Value,
}

async fn event(State(control): State<Control>, Json(event): Json<Event>) -> Done {
    control.podio.event(event.user, &event.event, &event.data);
    done()
}

#[derive(Deserialize)]
struct Publish {
    channel: String,
    data: Value,
}

async fn publish(State(control): State<Control>, Json(publish): Json<Publish>) -> Done {
    control.podio.publish(&publish.channel, &publish.data);
    done()
}

#[derive(Deserialize)]
struct Channel {
    channel: String,
}

async fn push_object(State(control): State<Control>, Query(wanted): Query<Channel>) -> Json<Value> {
    Json(control.podio.push_object(&wanted.channel))
}

#[derive(Deserialize)]
struct DayWish {
    #[serde(default = "first_user")]
    user: u64,
    #[serde(default)]
    seed: u64,
    /// Milliseconds between scenes at Podio, four times that between deeds at Podium; absent ends the day at both.
    pace_ms: Option<u64>,
}

/// So many scenes at Podio for one deed at Podium.
pub(crate) const QUIETER: u32 = 4;

async fn day(State(control): State<Control>, Json(wish): Json<DayWish>) -> Done {
    match wish.pace_ms.map(Duration::from_millis) {
        Some(pace) => {
            control.podio.start_day(wish.user, wish.seed, pace);
            control.podium.start_day(wish.seed, pace * QUIETER);
        }
        None => {
            control.podio.end_day();
            control.podium.end_day();
        }
    }
    done()
}

/// Settings that are named change; times in milliseconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsWish {
    consent: Option<ConsentWish>,
    access_lifetime_ms: Option<u64>,
    refresh_lifetime_ms: Option<u64>,
    rotate_refresh_tokens: Option<bool>,
    rate_limit: Option<u32>,
    rate_window_ms: Option<u64>,
    hold_ms: Option<u64>,
    signature_lifetime_ms: Option<u64>,
    websocket: Option<bool>,
    /// All calls answer 420 for so long.
    barred_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConsentWish {
    Ask,
    Allow(u64),
    Deny,
}

async fn settings(State(control): State<Control>, Json(wish): Json<SettingsWish>) -> Done {
    let span = |milliseconds: Option<u64>| milliseconds.map(Duration::from_millis);
    if let Some(wait) = span(wish.barred_ms) {
        control.podio.exceed_rate_limit(wait);
    }
    let consent = wish.consent.map(|consent| match consent {
        ConsentWish::Ask => crate::Consent::Ask,
        ConsentWish::Allow(user) => crate::Consent::Allow(user),
        ConsentWish::Deny => crate::Consent::Deny,
    });
    control.podio.set(|settings: &mut Settings| {
        set(&mut settings.consent, consent);
        set(&mut settings.access_lifetime, span(wish.access_lifetime_ms));
        set(&mut settings.refresh_lifetime, span(wish.refresh_lifetime_ms));
        set(&mut settings.rotate_refresh_tokens, wish.rotate_refresh_tokens);
        set(&mut settings.rate_limit, wish.rate_limit);
        set(&mut settings.rate_window, span(wish.rate_window_ms));
        set(&mut settings.hold, span(wish.hold_ms));
        set(&mut settings.signature_lifetime, span(wish.signature_lifetime_ms));
        set(&mut settings.websocket, wish.websocket);
    });
    done()
}

async fn fault(State(control): State<Control>, Json(fault): Json<Fault>) -> Done {
    control.podio.fault(fault);
    done()
}

async fn heal(State(control): State<Control>) -> Done {
    control.podio.heal();
    done()
}

#[derive(Deserialize)]
struct Gate {
    closed: bool,
}

async fn gate(State(control): State<Control>, Json(gate): Json<Gate>) -> Done {
    if gate.closed {
        control.podio.close_gate();
    } else {
        control.podio.open_gate();
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenWish {
    ExpireAccess,
    KillRefresh,
    Revoke,
}

async fn tokens(State(control): State<Control>, Json(wish): Json<TokenWish>) -> Done {
    match wish {
        TokenWish::ExpireAccess => control.podio.expire_access_tokens(),
        TokenWish::KillRefresh => control.podio.kill_refresh_tokens(),
        TokenWish::Revoke => control.podio.revoke_grants(),
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PushWish {
    /// Connections cut, client ids and queues forgotten, back on the same port.
    Restart,
    /// Client ids and queues forgotten; connections stay.
    DropSessions,
    /// Web sockets closed; sessions stay.
    CloseSockets,
    Delivery(Delivery),
    Refuse(MetaRefusal),
    /// Laid over the advice of handshake and connect; null ends it.
    Advice(Option<Value>),
    /// A raw text frame on every web socket.
    RawFrame(String),
}

async fn push(State(control): State<Control>, Json(wish): Json<PushWish>) -> Done {
    match wish {
        PushWish::Restart => control.doors.restart_push().await?,
        PushWish::DropSessions => control.podio.drop_push_sessions(),
        PushWish::CloseSockets => control.podio.close_sockets(),
        PushWish::Delivery(delivery) => control.podio.set_delivery(delivery),
        PushWish::Refuse(refusal) => control.podio.refuse_meta(refusal),
        PushWish::Advice(advice) => control.podio.set_advice(advice),
        PushWish::RawFrame(text) => {
            return Ok(Json(json!({"sockets": control.podio.send_raw_frame(&text)})));
        }
    }
    done()
}

#[derive(Deserialize)]
struct Listener {
    side: Side,
    /// `false` closes it, `true` opens it again.
    open: bool,
    /// With `open: false`: opens again by itself after so long.
    for_ms: Option<u64>,
}

async fn listener(State(control): State<Control>, Json(wish): Json<Listener>) -> Done {
    if wish.open {
        control.doors.reopen(wish.side).await?;
        return done();
    }
    control.doors.close(wish.side).await;
    if let Some(pause) = wish.for_ms {
        let doors = control.doors.clone();
        tasks::start(async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if let Err(error) = doors.reopen(wish.side).await {
                tracing::error!("the sandbox could not listen again: {error:#}");
            }
        });
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireWish {
    /// A new wire in front of one of our sides.
    Before(Side),
    /// A new wire in front of any loopback server.
    To(SocketAddr),
    /// Another mode for the wire at this address.
    Set {
        wire: SocketAddr,
        mode: Mode,
        #[serde(default)]
        stalled: Stalled,
    },
}

async fn wire(State(control): State<Control>, Json(wish): Json<WireWish>) -> Done {
    let target = match wish {
        WireWish::Before(side) => control.doors.address(side),
        WireWish::To(target) if target.ip().is_loopback() => target,
        WireWish::To(_) => {
            return Err(Failed(StatusCode::BAD_REQUEST, "a wire leads to loopback only".to_owned()));
        }
        WireWish::Set { wire, mode, stalled } => {
            let wires = control.wires.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(wire) = wires.get(&wire) else {
                return Err(Failed(StatusCode::NOT_FOUND, "no wire has this address".to_owned()));
            };
            wire.set_and(mode, stalled);
            return done();
        }
    };
    let wire = Wire::start(target).await?;
    let (address, url) = (wire.address(), wire.url());
    control.wires.lock().unwrap_or_else(PoisonError::into_inner).insert(address, wire);
    Ok(Json(json!({"wire": address, "url": url})))
}

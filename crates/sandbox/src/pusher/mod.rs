//! The server side of Pusher Channels, protocol 7: web sockets at `/app/{key}`, the signed HTTP API at `/apps/{id}`,
//! and, standing for the application of its user, an auth endpoint at `/pusher/auth`. [`PusherApps`] is the handle tests
//! hold: it triggers events, breaks things and sees what clients did. It must not know how any client works inside.

mod api;
mod app;
pub(crate) mod auth;
mod frame;
mod hub;
mod observed;
mod settings;
mod socket;
mod talk;

pub use app::App;
pub use hub::Delivery;
pub use observed::{AuthAsked, ClientEvent, Observed, Subscription};
pub use settings::{Person, Quirk, Settings};

use crate::faults::{Answer, Fault, Faults};
use crate::shell::{self, Watched};
use crate::tasks;
use anyhow::bail;
use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use frame::Data;
use hub::{Hub, Out};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What the server keeps to itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// It talks.
    #[default]
    Never,
    /// `pusher:ping` is read and never answered (pings of the web socket itself are).
    Pongs,
    /// Nothing is read and nothing is written, on old connections and new ones; afterwards it goes on where it stopped.
    All,
}

/// When a connection is closed by a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// Instead of `connection_established`.
    Connect,
    /// Right after `connection_established`.
    Established,
    /// Instead of an answer to `pusher:subscribe`.
    Subscribe,
}

#[derive(Clone, Debug)]
struct Plan {
    code: u16,
    reason: String,
    times: u32,
}

/// Handle to the Pusher side; clones are the same server.
#[derive(Clone, Debug)]
pub struct PusherApps {
    shared: Arc<Shared>,
    /// Key of the app this handle speaks for.
    key: String,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts changes of the state; [`PusherApps::wait_for`] waits on it.
    changed: watch::Sender<u64>,
    /// Counts the times all web sockets were cut.
    cut: watch::Sender<u64>,
    silence: watch::Sender<Silence>,
}

#[derive(Debug)]
struct State {
    settings: Settings,
    /// By key.
    apps: BTreeMap<String, App>,
    hub: Hub,
    faults: Faults,
    close_new: Vec<Plan>,
    close_greeted: Vec<Plan>,
    close_subscribing: Vec<Plan>,
    silence: Silence,
    observed: Observed,
}

impl PusherApps {
    pub(crate) fn new(settings: Settings) -> Self {
        let app = App::new("belfry-key", "belfry-secret", "belfry-app");
        let key = app.key.clone();
        let state = State {
            settings,
            apps: BTreeMap::from([(key.clone(), app)]),
            hub: Hub::default(),
            faults: Faults::default(),
            close_new: Vec::new(),
            close_greeted: Vec::new(),
            close_subscribing: Vec::new(),
            silence: Silence::default(),
            observed: Observed::default(),
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            cut: watch::Sender::new(0),
            silence: watch::Sender::new(Silence::default()),
        };
        Self { shared: Arc::new(shared), key }
    }

    fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.shared.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let result = act(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.changed.send_modify(|count| *count += 1);
        result
    }

    /// Changes settings while the server runs.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        self.change(|state| change(&mut state.settings));
    }

    // --- apps ---

    /// The app this handle speaks for: `belfry-key`, `belfry-secret`, `belfry-app` unless [`Self::in_app`] says otherwise.
    #[must_use]
    pub fn app(&self) -> App {
        let known = self.read(|state| state.apps.get(&self.key).cloned());
        known.unwrap_or_else(|| App::new(&self.key, "", ""))
    }

    /// Adds or replaces an app; returns a handle that speaks for it.
    #[must_use]
    pub fn add_app(&self, app: App) -> Self {
        let key = app.key.clone();
        self.change(|state| state.apps.insert(key.clone(), app));
        Self { shared: Arc::clone(&self.shared), key }
    }

    /// The same server, speaking for the app with this key.
    #[must_use]
    pub fn in_app(&self, key: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), key: key.to_owned() }
    }

    /// The app is no longer known: later connections get 4001; those that are there stay.
    pub fn remove_app(&self) {
        self.change(|state| state.apps.remove(&self.key));
    }

    /// Encrypted channels are sealed by another key from now on.
    pub fn rotate_master_key(&self) {
        self.change(|state| {
            if let Some(app) = state.apps.get_mut(&self.key) {
                app.master_key = rand::random();
            }
        });
    }

    // --- what happens ---

    /// An event as the server libraries trigger it: `data` becomes JSON text, a string goes as it is. Returns how many
    /// connections it is for.
    pub fn trigger(&self, channel: &str, event: &str, data: &Value) -> usize {
        let text = match data {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.publish(channel, event, Data::Text(text))
    }

    /// An event whose `data` is exactly this: an object where text is usual, text that is no JSON, or no field at all.
    pub fn trigger_raw(&self, channel: &str, event: &str, data: Option<Value>) -> usize {
        self.publish(channel, event, data.map_or(Data::Absent, Data::Plain))
    }

    /// An event sealed with the app's master key, for a channel `private-encrypted-…`.
    pub fn trigger_encrypted(&self, channel: &str, event: &str, data: &Value) -> usize {
        let sealed = self.app().seal(channel, &data.to_string());
        self.publish(channel, event, Data::Text(sealed.to_string()))
    }

    fn publish(&self, channel: &str, event: &str, data: Data) -> usize {
        let text = frame::text(event, Some(channel), data);
        self.change(|state| state.hub.publish(&self.key, channel, text, None, Some(tasks::instant())))
    }

    /// Someone is on a presence channel, without a connection.
    pub fn join(&self, channel: &str, user_id: &str, user_info: &Value) {
        self.change(|state| state.hub.add_member(&self.key, channel, user_id, user_info, None));
    }

    /// Someone left a presence channel.
    pub fn leave(&self, channel: &str, user_id: &str) {
        self.change(|state| state.hub.remove_member(&self.key, channel, user_id, None));
    }

    /// Cached events are gone: the next subscriber gets `pusher:cache_miss`.
    pub fn forget_cache(&self) {
        self.change(|state| state.hub.forget_cache());
    }

    // --- faults ---

    /// The next answers under a path go wrong: `/app/` are the web sockets, `/apps/` the HTTP API, `/pusher/auth`.
    pub fn fault(&self, fault: Fault) {
        self.change(|state| state.faults.add(fault));
    }

    /// The next web sockets are refused with this HTTP status.
    pub fn refuse_upgrade(&self, status: u16, times: u32) {
        self.fault(Fault { path: "/app/".to_owned(), times, answer: Answer::Status(status) });
    }

    /// Closes all connections with this code, now. Returns how many there were.
    pub fn close_all(&self, code: u16, reason: &str) -> usize {
        self.change(|state| state.hub.tell_all(&Out::Close(code, reason.to_owned())))
    }

    /// Closes one connection.
    pub fn close_one(&self, socket_id: &str, code: u16, reason: &str) {
        self.change(|state| state.close(socket_id, code, reason.to_owned()));
    }

    /// The next connections are closed with this code.
    pub fn plan_close(&self, at: At, code: u16, reason: &str, times: u32) {
        let plan = Plan { code, reason: reason.to_owned(), times };
        self.change(|state| match at {
            At::Connect => state.close_new.push(plan),
            At::Established => state.close_greeted.push(plan),
            At::Subscribe => state.close_subscribing.push(plan),
        });
    }

    /// `pusher:error` on all connections, which stay. Returns how many there are.
    pub fn complain(&self, code: Option<u16>, message: &str) -> usize {
        self.change(|state| {
            let text = frame::error(state.settings.quirk, code, message);
            state.hub.tell_all(&Out::Text(text.into()))
        })
    }

    /// What the server keeps to itself from now on.
    pub fn set_silence(&self, silence: Silence) {
        self.change(|state| state.silence = silence);
        self.shared.silence.send_replace(silence);
    }

    /// How events travel from now on.
    pub fn set_delivery(&self, delivery: Delivery) {
        self.change(|state| state.hub.set_delivery(delivery, tasks::instant()));
    }

    /// Any text frame on all connections. Returns how many there are.
    pub fn send_raw_frame(&self, text: &str) -> usize {
        self.change(|state| state.hub.tell_all(&Out::Text(text.into())))
    }

    /// A frame of about so many bytes, which is a proper event on a channel no one has.
    pub fn send_oversized_frame(&self, bytes: usize) -> usize {
        self.send_raw_frame(&frame::text("padding", Some("padding"), Data::Text("x".repeat(bytes))))
    }

    /// Ends all connections without a word.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|count| *count += 1);
    }

    /// Ends all planned faults, silence and odd deliveries.
    pub fn heal(&self) {
        self.change(|state| {
            state.faults.clear();
            state.close_new.clear();
            state.close_greeted.clear();
            state.close_subscribing.clear();
        });
        self.set_silence(Silence::Never);
        self.set_delivery(Delivery::Pass);
    }

    // --- what was seen ---

    /// What clients did so far and how things stand, over all apps.
    #[must_use]
    pub fn observed(&self) -> Observed {
        self.read(|state| {
            let mut observed = state.observed.clone();
            observed.delivered_events = state.hub.delivered;
            observed.lost_events = state.hub.lost;
            observed.open = state.hub.connections.keys().cloned().collect();
            observed.subscriptions = state.hub.subscriptions();
            observed
        })
    }

    /// Waits until `done` holds, looking again at every change.
    ///
    /// # Errors
    /// When it did not within `limit`; the message shows the last state.
    pub async fn wait_for(
        &self,
        done: impl Fn(&Observed) -> bool,
        limit: Duration,
    ) -> anyhow::Result<Observed> {
        let mut changes = self.shared.changed.subscribe();
        let end = tokio::time::Instant::now() + limit;
        loop {
            changes.mark_unchanged();
            let observed = self.observed();
            if done(&observed) {
                return Ok(observed);
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { bail!("the sandbox ended") },
                () = tokio::time::sleep_until(end) => bail!("not within {limit:?}; the sandbox saw {observed:#?}"),
            }
        }
    }

    /// Forgets the request log and the counters; connections and subscriptions stay.
    pub fn forget_observed(&self) {
        self.change(|state| {
            state.observed = Observed { request_count: state.observed.request_count, ..Observed::default() };
            state.hub.delivered = 0;
            state.hub.lost = 0;
        });
    }

    /// The server came back from a crash: cached events are gone. Connections were cut before.
    pub(crate) fn begin_again(&self) {
        self.change(|state| {
            let ids: Vec<String> = state.hub.connections.keys().cloned().collect();
            for id in ids {
                state.forget(&id);
            }
            state.hub.channels.clear();
        });
    }
}

impl Watched for PusherApps {
    fn asked(&self, method: &str, path: &str, query: Option<&str>, at_ms: i64) -> u64 {
        self.change(|state| {
            let observed = &mut state.observed;
            observed.request_count += 1;
            let number = observed.request_count;
            crate::requests::log(&mut observed.requests, number, (method, path, query), at_ms)
        })
    }

    fn fault_for(&self, path: &str) -> Option<Answer> {
        self.change(|state| state.faults.next(path))
    }

    fn answered(&self, number: u64, status: u16) {
        self.change(|state| crate::requests::answered(&mut state.observed.requests, number, status));
    }
}

/// Web sockets, HTTP API and auth endpoint.
pub(crate) fn router(apps: &PusherApps) -> Router {
    Router::new()
        .route("/app/{key}", get(socket::open))
        // Behind a path, as a self-hosted server may be.
        .route("/{prefix}/app/{key}", get(socket::open))
        .route("/apps/{id}/events", post(api::trigger))
        .route("/apps/{id}/batch_events", post(api::trigger_batch))
        .route("/apps/{id}/channels", get(api::channels))
        .route("/apps/{id}/channels/{channel}", get(api::channel))
        .route("/apps/{id}/channels/{channel}/users", get(api::users))
        .route("/pusher/auth", get(auth::channel_by_get).post(auth::channel_by_post))
        .route("/broadcasting/auth", get(auth::channel_by_get).post(auth::channel_by_post))
        .route("/pusher/user-auth", post(auth::user))
        .layer(middleware::from_fn_with_state(apps.clone(), shell::watch::<PusherApps>))
        .with_state(apps.clone())
}

/// JSON, or the script of JSONP when a callback is named.
pub(crate) fn json_or_script(value: &Value, callback: Option<&str>) -> axum::response::Response {
    use axum::http::header::CONTENT_TYPE;
    use axum::response::IntoResponse as _;
    match callback {
        Some(callback) => {
            ([(CONTENT_TYPE, "text/javascript")], format!("{callback}({value});")).into_response()
        }
        None => axum::Json(json!(value)).into_response(),
    }
}

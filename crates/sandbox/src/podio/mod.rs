//! A fake Podio: OAuth, the notification and conversation areas of the REST API, and the push server.
//! [`Podio`] is the handle tests hold: it changes the world, injects faults and sees what clients did.
//! It must not know how any client works inside.

mod acts;
mod conversation;
mod faye;
mod notification;
mod oauth;
mod observed;
mod push;
mod rest;
mod settings;
pub mod taxonomy;
mod world;

pub use crate::requests::Request;
pub use faye::{Delivery, Refusal as MetaRefusal};
pub use observed::{Acted, Observed};
pub use settings::{Consent, Settings};
pub use world::{Byline, Context, Key, Message, SecondFactor, Spec, User};

pub(crate) use rest::router as api_router;

use crate::faults::{Fault, Faults};
use crate::tasks::{self, EndsWithOwner};
use anyhow::{Context as _, bail};
use faye::Faye;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use world::{Conversation, Notification};

/// Handle to the fake Podio; clones are the same Podio.
#[derive(Clone, Debug)]
pub struct Podio {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts changes of the state; [`Podio::wait_for`] waits on it.
    changed: watch::Sender<u64>,
    /// Counts releases of gated answers.
    released: watch::Sender<u64>,
    /// Counts the times all web sockets were cut.
    cut: watch::Sender<u64>,
    day: Mutex<Option<EndsWithOwner>>,
}

#[derive(Debug)]
struct State {
    settings: Settings,
    push_secret: String,
    users: BTreeMap<u64, User>,
    keys: BTreeMap<String, Key>,
    tokens: oauth::Tokens,
    notifications: BTreeMap<u64, Notification>,
    conversations: BTreeMap<u64, Conversation>,
    faye: Faye,
    faults: Faults,
    /// Calls in the present hour by user and key.
    budget: BTreeMap<(u64, String), rest::Budget>,
    /// Subscriptions by user and object; the numbers are theirs.
    followed: BTreeMap<(u64, String, u64), u64>,
    gated: bool,
    observed: Observed,
    next_id: u64,
}

impl Podio {
    pub(crate) fn new(settings: Settings) -> Self {
        let state = State {
            settings,
            push_secret: format!("{:032x}", rand::random::<u128>()),
            users: BTreeMap::new(),
            keys: BTreeMap::new(),
            tokens: oauth::Tokens::default(),
            notifications: BTreeMap::new(),
            conversations: BTreeMap::new(),
            faye: Faye::default(),
            faults: Faults::default(),
            budget: BTreeMap::new(),
            followed: BTreeMap::new(),
            gated: false,
            observed: Observed::default(),
            next_id: 1_000,
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            released: watch::Sender::new(0),
            cut: watch::Sender::new(0),
            day: Mutex::new(None),
        };
        Self { shared: Arc::new(shared) }
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

    // --- people and keys ---

    /// Adds someone who may sign in; returns the user's number. The first one is 46432.
    pub fn add_user(&self, name: &str, mail: &str, password: &str) -> u64 {
        self.change(|state| {
            let user_id = 46_432 + u64::try_from(state.users.len()).unwrap_or(0);
            let user = User {
                user_id,
                name: name.to_owned(),
                mail: mail.to_owned(),
                password: password.to_owned(),
                second_factor: None,
                sound: true,
                browser: true,
            };
            state.users.insert(user_id, user);
            user_id
        })
    }

    /// Changes a user: second factor, sound, password, ….
    ///
    /// # Errors
    /// When there is no such user.
    pub fn change_user(&self, user: u64, change: impl FnOnce(&mut User)) -> anyhow::Result<()> {
        self.change(|state| state.users.get_mut(&user).map(change)).with_context(|| format!("no user {user}"))
    }

    /// The user with this number.
    #[must_use]
    pub fn user(&self, user: u64) -> Option<User> {
        self.read(|state| state.users.get(&user).cloned())
    }

    /// Adds or replaces an API key.
    pub fn add_key(&self, key: Key) {
        self.change(|state| state.keys.insert(key.client_id.clone(), key));
    }

    // --- what happens in the world ---

    /// Something happened: a row in the user's inbox and two pushes (`notification_create`, `notification_unread`).
    /// Returns the notification's number.
    pub fn notify(&self, user: u64, spec: Spec) -> u64 {
        self.change(|state| {
            let id = state.keep(user, spec);
            state.push_created(id);
            id
        })
    }

    /// The same, but the push is lost: only the REST API knows.
    pub fn notify_silently(&self, user: u64, spec: Spec) -> u64 {
        self.change(|state| state.keep(user, spec))
    }

    /// Pushes an existing notification again (a late or repeated push).
    pub fn push_again(&self, id: u64) {
        self.change(|state| state.push_created(id));
    }

    /// Pushes a notification that has no row in the REST API yet or ever. Returns its number.
    pub fn push_only(&self, user: u64, spec: Spec) -> u64 {
        self.change(|state| {
            let id = state.keep(user, spec);
            state.push_created(id);
            state.notifications.remove(&id);
            id
        })
    }

    /// `count` comments at once, numbered in their text from 1. Returns their numbers, oldest first.
    pub fn burst(&self, user: u64, count: usize) -> Vec<u64> {
        self.change(|state| {
            let mut ids = Vec::with_capacity(count);
            for number in 1..=count {
                let context = Context::item(42 + u64::try_from(number % 7).unwrap_or(0), "Website relaunch");
                let id =
                    state.keep(user, Spec::new("comment", context, &format!("Comment {number} of {count}")));
                state.push_created(id);
                ids.push(id);
            }
            ids
        })
    }

    /// The user read it in a browser: viewed, and the lower count is pushed.
    pub fn view_elsewhere(&self, user: u64, id: u64) {
        self.change(|state| state.view(user, true, |notification| notification.id == id));
    }

    /// A message in a conversation: unread count and a `conversation_event` push with action `message`.
    pub fn message(&self, user: u64, message: Message) {
        self.change(|state| state.receive(user, message));
    }

    /// The user read a conversation in a browser.
    pub fn read_conversation_elsewhere(&self, user: u64, conversation: u64) {
        self.change(|state| state.set_conversation_read(user, conversation, true));
    }

    /// Any event on the user's channel: `typing`, `viewing`, `stream_create`, unknown ones.
    pub fn event(&self, user: u64, event: &str, data: &Value) {
        self.change(|state| state.push_event(user, event, &Byline::default(), data));
    }

    /// Publishes anything on any channel, with no envelope of ours.
    pub fn publish(&self, channel: &str, data: &Value) {
        self.change(|state| state.faye.publish(channel, data));
    }

    /// Plays a day at work for this user, one scene each `pace`, until the sandbox ends or another day begins.
    pub fn start_day(&self, user: u64, seed: u64, pace: Duration) {
        let podio = Arc::downgrade(&self.shared);
        let task = tasks::start(async move {
            let mut day = crate::day::Day::new(seed);
            loop {
                tokio::time::sleep(pace).await;
                let Some(shared) = podio.upgrade() else { return };
                crate::day::play(&Self { shared }, user, day.next_scene());
            }
        });
        *self.shared.day.lock().unwrap_or_else(PoisonError::into_inner) = Some(EndsWithOwner(task));
    }

    /// Ends the day at work.
    pub fn end_day(&self) {
        self.shared.day.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    // --- faults ---

    /// The next answers under a path go wrong.
    pub fn fault(&self, fault: Fault) {
        self.change(|state| state.faults.add(fault));
    }

    /// Ends all planned faults, refusals and odd deliveries, and opens the gate.
    pub fn heal(&self) {
        self.change(|state| {
            state.faults.clear();
            state.faye.refusals.clear();
            state.faye.advice = None;
            state.faye.set_delivery(Delivery::Pass);
        });
        self.open_gate();
    }

    /// From now on each answer to `GET /notification/` is computed when asked, but sent only after [`Self::open_gate`].
    pub fn close_gate(&self) {
        self.change(|state| state.gated = true);
    }

    /// Sends the answers that wait and lets later ones through.
    pub fn open_gate(&self) {
        self.change(|state| state.gated = false);
        self.shared.released.send_modify(|count| *count += 1);
    }

    /// Every access token given so far counts as expired; refresh tokens stay good.
    pub fn expire_access_tokens(&self) {
        self.change(|state| state.tokens.expire_access());
    }

    /// Every refresh token given so far is refused with `invalid_grant`.
    pub fn kill_refresh_tokens(&self) {
        self.change(|state| state.tokens.kill_refresh());
    }

    /// The user withdrew the grant: all tokens are dead.
    pub fn revoke_grants(&self) {
        self.change(|state| {
            state.tokens.expire_access();
            state.tokens.kill_refresh();
        });
    }

    /// Each call answers 420 until this much time has passed.
    pub fn exceed_rate_limit(&self, wait: Duration) {
        self.change(|state| state.settings.barred_until = Some(tasks::instant() + wait));
    }

    /// How published messages travel from now on.
    pub fn set_delivery(&self, delivery: Delivery) {
        self.change(|state| state.faye.set_delivery(delivery));
    }

    /// The push server forgets its clients (their next connect answers 401) but goes on running.
    pub fn drop_push_sessions(&self) {
        self.change(|state| state.faye.forget_all());
    }

    /// The next messages on a meta channel are refused.
    pub fn refuse_meta(&self, refusal: MetaRefusal) {
        self.change(|state| state.faye.refusals.push(refusal));
    }

    /// Lays these fields over the advice of handshake and connect replies; `None` ends it.
    pub fn set_advice(&self, advice: Option<Value>) {
        self.change(|state| state.faye.advice = advice);
    }

    /// Closes every web socket of the push server; sessions and queues stay.
    pub fn close_sockets(&self) {
        self.shared.cut.send_modify(|count| *count += 1);
    }

    /// Sends a raw text frame on every open web socket. Returns how many there were.
    pub fn send_raw_frame(&self, text: &str) -> usize {
        self.change(|state| state.faye.raw_frame(text))
    }

    // --- what was seen ---

    /// What clients did so far and how things stand.
    #[must_use]
    pub fn observed(&self) -> Observed {
        // Clients that stayed away too long are forgotten whenever someone looks.
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.look()
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
            // Forgetting a silent client is no change of its own: look at least this often.
            let look_again = end.min(tokio::time::Instant::now() + Duration::from_millis(200));
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { bail!("the sandbox ended") },
                () = tokio::time::sleep_until(look_again) => {
                    if look_again == end && !done(&self.observed()) {
                        bail!("not within {limit:?}; the sandbox saw {observed:#?}");
                    }
                }
            }
        }
    }

    /// Forgets the request log and the counters; subscriptions and viewed rows stay.
    pub fn forget_observed(&self) {
        self.change(|state| {
            state.observed.reset();
            state.faye.delivered = 0;
        });
    }

    /// A fresh push object for a channel, as REST answers carry it.
    #[must_use]
    pub fn push_object(&self, channel: &str) -> Value {
        self.read(|state| state.push_object(channel, tasks::now()))
    }

    /// What a publisher sends as `ext.private_pub_token`.
    #[must_use]
    pub fn push_secret(&self) -> String {
        self.read(|state| state.push_secret.clone())
    }

    /// Numbers of the user's unread notifications, oldest first.
    #[must_use]
    pub fn unread(&self, user: u64) -> Vec<u64> {
        self.read(|state| state.unread(user).map(|notification| notification.id).collect())
    }

    /// An access token for this user as if it had signed in with this key: for tests that skip OAuth.
    #[must_use]
    pub fn issue_token(&self, user: u64, client_id: &str) -> Value {
        self.change(|state| state.issue(user, client_id, "global:all"))
    }

    async fn until_released(&self) {
        let mut released = self.shared.released.subscribe();
        while self.read(|state| state.gated) {
            if released.changed().await.is_err() {
                return;
            }
        }
    }
}

impl State {
    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn look(&mut self) -> Observed {
        self.faye.evict(tasks::instant(), self.settings.hold);
        let mut observed = self.observed.clone();
        observed.subscriptions = self.faye.subscriptions();
        observed.push_clients = self.faye.clients();
        observed.held_connects = self.faye.held();
        observed.queued_events = self.faye.queued();
        observed.delivered_events = self.faye.delivered;
        observed.viewed =
            self.notifications.values().filter(|one| one.viewed_on.is_some()).map(|one| one.id).collect();
        observed.starred = self.notifications.values().filter(|one| one.starred).map(|one| one.id).collect();
        observed
    }

    /// The Podio envelope: the channel twice, then the event.
    fn push_event(&mut self, user: u64, event: &str, by: &Byline, data: &Value) {
        let channel = format!("/user/{user}");
        let envelope = json!({"channel": channel, "data": {
            "ref": {"type": "user", "id": user}, "event": event,
            "created_by": by.reference(), "created_via": 1, "data": data,
        }});
        self.faye.publish(&channel, &envelope);
    }

    fn push_object(&self, channel: &str, now: Timestamp) -> Value {
        let timestamp = now.as_second();
        json!({
            "channel": channel, "timestamp": timestamp,
            "signature": faye::signature(&self.push_secret, channel, &timestamp.to_string()),
            "expires_in": self.settings.signature_lifetime.as_secs(),
        })
    }
}

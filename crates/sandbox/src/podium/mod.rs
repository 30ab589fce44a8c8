//! A fake Podium: OAuth, REST v4, webhooks and the sender that calls them. [`Podium`] is the handle tests hold: it makes things
//! happen, breaks things, and sees what clients did and what became of each event.
//!
//! Inferred, because the documentation does not say: which object rides in `review.invite_*`, `review.response_*` and `call.*`; that
//! lists begin with the newest ([`Settings::newest_first`]); that a retry, and what waited in a queue, is signed anew
//! ([`Settings::signed_anew`]); that a failing event stays at the head of its webhook's queue when that is disabled, and is tried
//! again at once when it is enabled; that a type nobody documents goes to every webhook of its place; that a webhook of an
//! organisation hears of all its locations; that deleting answers 204.

mod deeds;
mod events;
mod lists;
mod oauth;
mod observed;
mod rest;
mod sender;
mod settings;
mod shapes;
mod webhooks;
mod world;

pub use deeds::Happened;
pub use events::{EVENT_TYPES, scope_of};
pub use observed::{Attempt, Observed};
pub use sender::Odd;
pub use settings::{Consent, Refresh, Settings, TokenErrors};
pub use webhooks::Webhook;

pub(crate) use rest::router;

use crate::faults::{Answer, Fault, Faults};
use crate::shell::Watched;
use crate::tasks::{self, EndsWithOwner};
use anyhow::{Context as _, bail};
use axum::response::Response;
use lists::Cursors;
use oauth::Tokens;
use rest::Budget;
use sender::Hook;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use world::{Shelf, World, str_at};

/// A developer's app: who may ask for tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Public.
    pub client_id: String,
    /// In clear text: this is a sandbox.
    pub client_secret: String,
    /// The redirects that were registered; none takes any.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

/// Where a business receives its customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Its number.
    pub uid: String,
    /// Whose it is.
    pub organization_uid: String,
    /// As people call it.
    pub name: String,
}

/// Handle to the fake Podium; clones are the same Podium.
#[derive(Clone, Debug)]
pub struct Podium {
    shared: Arc<Shared>,
    /// Deeds of this handle call no webhook.
    silent: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts changes of the state; [`Podium::wait_for`] and the sender wait on it.
    changed: watch::Sender<u64>,
    client: OnceLock<reqwest::Client>,
    /// The day of business that runs now.
    day: Mutex<Option<EndsWithOwner>>,
}

#[derive(Debug)]
struct State {
    settings: Settings,
    /// By client id.
    apps: BTreeMap<String, App>,
    tokens: Tokens,
    world: World,
    cursors: Cursors,
    budget: Option<Budget>,
    /// By uid.
    hooks: BTreeMap<String, Hook>,
    /// The sender sends nothing.
    paused: bool,
    /// So many events are collected and sent in reverse order.
    reverse: Option<usize>,
    /// What is odd about the next attempts.
    odd: VecDeque<Odd>,
    faults: Faults,
    observed: Observed,
}

impl State {
    fn count_waiting(&mut self) {
        let queued = self.hooks.iter().map(|(uid, hook)| (uid.clone(), hook.queued())).collect();
        self.observed.queued = queued;
        self.observed.waiting = self.observed.queued.values().map(|count| *count as u64).sum();
    }
}

impl Podium {
    /// With an app (`podium-sandbox`, `podium-secret`), an organisation, two locations and three users.
    pub(crate) fn new(settings: Settings) -> Self {
        let mut world = World::default();
        deeds::furnish(&mut world);
        let state = State {
            settings,
            apps: BTreeMap::new(),
            tokens: Tokens::default(),
            world,
            cursors: Cursors::default(),
            budget: None,
            hooks: BTreeMap::new(),
            paused: false,
            reverse: None,
            odd: VecDeque::new(),
            faults: Faults::default(),
            observed: Observed::default(),
        };
        let (state, changed) = (Mutex::new(state), watch::Sender::new(0));
        let shared = Arc::new(Shared { state, changed, client: OnceLock::new(), day: Mutex::default() });
        let podium = Self { shared, silent: false };
        podium.add_app(App {
            client_id: "podium-sandbox".to_owned(),
            client_secret: "podium-secret".to_owned(),
            redirect_uris: Vec::new(),
        });
        podium
    }

    fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.shared.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let result = {
            let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            let result = act(&mut state);
            state.count_waiting();
            result
        };
        self.shared.changed.send_modify(|count| *count += 1);
        result
    }

    /// Changes settings while the server runs.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        self.change(|state| change(&mut state.settings));
    }

    // --- who and where ---

    /// The first app.
    #[must_use]
    pub fn app(&self) -> App {
        let first = self.read(|state| state.apps.get("podium-sandbox").cloned());
        first.unwrap_or_else(|| App {
            client_id: String::new(),
            client_secret: String::new(),
            redirect_uris: Vec::new(),
        })
    }

    /// Adds an app, or changes the one with its client id.
    pub fn add_app(&self, app: App) {
        self.change(|state| state.apps.insert(app.client_id.clone(), app));
    }

    /// All locations, oldest first.
    #[must_use]
    pub fn locations(&self) -> Vec<Location> {
        self.read(|state| {
            let text = |one: &Value, at| str_at(one, at).unwrap_or_default().to_owned();
            let all = state.world.all(Shelf::Locations).iter();
            all.map(|one| Location {
                uid: text(one, "/uid"),
                organization_uid: text(one, "/organizationUid"),
                name: text(one, "/displayName"),
            })
            .collect()
        })
    }

    /// A further location of the first organisation.
    pub fn add_location(&self, name: &str) -> Location {
        let now = shapes::datetime(tasks::now());
        self.change(|state| {
            let organization = state.organization();
            let location = shapes::location(&organization, name, &now);
            let uid = str_at(&location, "/uid").unwrap_or_default().to_owned();
            state.world.put(Shelf::Locations, location);
            Location { uid, organization_uid: organization, name: name.to_owned() }
        })
    }

    /// The same Podium through a handle whose deeds call no webhook: only REST knows of them.
    #[must_use]
    pub fn silently(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), silent: true }
    }

    // --- tokens ---

    /// A pair of tokens of the first app as the token endpoint gives them; `scope` is separated by spaces.
    #[must_use]
    pub fn issue_token(&self, scope: &str) -> Value {
        let client_id = self.app().client_id;
        self.change(|state| state.issue(&client_id, scope, None))
    }

    /// Every access token given so far is no longer good.
    pub fn expire_access_tokens(&self) {
        self.change(|state| state.tokens.expire_access());
    }

    /// Every refresh token given so far is no longer good.
    pub fn kill_refresh_tokens(&self) {
        self.change(|state| state.tokens.kill_refresh());
    }

    /// Both: the person took the app's access back.
    pub fn revoke(&self) {
        self.change(|state| {
            state.tokens.expire_access();
            state.tokens.kill_refresh();
        });
    }

    // --- webhooks, as a person sees them on the web site ---

    /// All webhooks, by uid.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Webhook> {
        self.read(|state| state.hooks.values().map(|hook| hook.webhook.clone()).collect())
    }

    /// A webhook of the first location for every event type, made without REST.
    pub fn add_webhook(&self, url: &str, secret: &str) -> Webhook {
        let location = self.locations().into_iter().next().map(|location| location.uid);
        let webhook = Webhook::new(url, secret, location);
        self.hang(&self.app().client_id, webhook.clone());
        webhook
    }

    /// A webhook is another one from now on; enabling it lets the sender try at once.
    ///
    /// # Errors
    /// When there is no such webhook.
    pub fn change_webhook(&self, uid: &str, change: impl FnOnce(&mut Webhook)) -> anyhow::Result<Webhook> {
        self.change(|state| {
            let hook = state.hooks.get_mut(uid).with_context(|| format!("no webhook {uid}"))?;
            hook.change(change);
            Ok(hook.webhook.clone())
        })
    }

    /// A webhook is gone, and all that waited in it.
    ///
    /// # Errors
    /// When there is no such webhook.
    pub fn remove_webhook(&self, uid: &str) -> anyhow::Result<()> {
        self.change(|state| state.hooks.remove(uid)).map(drop).with_context(|| format!("no webhook {uid}"))
    }

    /// A day of business, one deed each `pace`, until the sandbox ends or another day begins.
    pub fn start_day(&self, seed: u64, pace: Duration) {
        let podium = Arc::downgrade(&self.shared);
        let task = tasks::start(async move {
            for crate::day::Deed { event_type, wish } in crate::day::Business::new(seed) {
                tokio::time::sleep(pace).await;
                let Some(shared) = podium.upgrade() else { return };
                Self { shared, silent: false }.happens(&event_type, &wish);
            }
        });
        *self.shared.day.lock().unwrap_or_else(PoisonError::into_inner) = Some(EndsWithOwner(task));
    }

    /// Ends the day of business.
    pub fn end_day(&self) {
        self.shared.day.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// No sender calls anybody any more.
    pub(crate) fn close(&self) {
        self.end_day();
        self.change(|state| state.hooks.clear());
    }

    // --- faults ---

    /// The next answers under a path go wrong: `/v4/webhooks`, `/oauth/token`, `/`.
    pub fn fault(&self, fault: Fault) {
        self.change(|state| state.faults.add(fault));
    }

    /// The next attempts of the sender are odd in this way.
    pub fn send_odd(&self, odd: &Odd, times: usize) {
        self.change(|state| state.odd.extend(std::iter::repeat_n(odd.clone(), times)));
    }

    /// So many events are collected first and then sent with the newest first, on each webhook; once.
    pub fn send_reversed(&self, count: usize) {
        self.change(|state| state.reverse = Some(count));
    }

    /// The sender sends nothing until [`Self::resume_sender`]; queues fill.
    pub fn pause_sender(&self) {
        self.change(|state| state.paused = true);
    }

    /// The sender goes on.
    pub fn resume_sender(&self) {
        self.change(|state| state.paused = false);
    }

    /// What waits for its next attempt is tried now.
    pub fn retry_now(&self) {
        self.change(|state| state.hooks.values_mut().for_each(Hook::hurry));
    }

    /// What waits in the queues has waited so much longer: it is signed with that time where it is not signed anew, and runs out earlier.
    pub fn age_queues(&self, by: Duration) {
        self.change(|state| state.hooks.values_mut().for_each(|hook| hook.age(by)));
    }

    /// Every cursor given so far is expired.
    pub fn expire_cursors(&self) {
        self.change(|state| state.cursors.expire());
    }

    /// Ends all planned faults and oddities.
    pub fn heal(&self) {
        self.change(|state| {
            state.faults.clear();
            state.odd.clear();
            state.reverse = None;
            state.paused = false;
        });
    }

    // --- what was seen ---

    /// What clients did so far, and what became of events.
    #[must_use]
    pub fn observed(&self) -> Observed {
        self.read(|state| state.observed.clone())
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
            // A copy at each change would be too much when thousands of attempts are kept.
            if let Some(observed) = self.read(|state| done(&state.observed).then(|| state.observed.clone())) {
                return Ok(observed);
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { bail!("the sandbox ended") },
                () = tokio::time::sleep_until(end) => {
                    bail!("not within {limit:?}; the sandbox saw {:#?}", self.observed())
                }
            }
        }
    }

    /// Waits until an event was taken by every webhook it went to: nothing waits any more.
    ///
    /// # Errors
    /// When something still waits after `limit`.
    pub async fn delivered(&self, limit: Duration) -> anyhow::Result<Observed> {
        self.wait_for(|observed| observed.waiting == 0, limit).await
    }

    /// Forgets the request log, the attempts and the counters.
    pub fn forget_observed(&self) {
        self.change(|state| state.observed.reset());
    }
}

impl Watched for Podium {
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

    fn worded(&self, answer: &Answer) -> Option<Response> {
        rest::wrong(self, answer)
    }

    fn answered(&self, number: u64, status: u16) {
        self.change(|state| {
            let observed = &mut state.observed;
            observed.unauthorized += u64::from(status == 401);
            observed.forbidden += u64::from(status == 403);
            observed.rate_limited += u64::from(status == 429);
            crate::requests::answered(&mut observed.requests, number, status);
        });
    }
}

//! A fake CloudApp: HTTP Digest, account, items, and the auth endpoint of its item stream. [`CloudApp`] is the handle
//! tests hold: it changes the world, injects faults and sees what clients did. What happens to an item is told to the
//! Pusher side in the words of the guide: `create`, `update`, `delete`, each with the item as lists carry it.
//!
//! Inferred, because the guide does not say: that a recovered item comes as `update`, that the whole item comes with
//! `delete`, and which status a channel that is not one's own earns (403).

mod auth;
mod digest;
mod observed;
mod rest;
mod settings;
mod world;

pub use observed::Observed;
pub use settings::{Algorithm, AuthForm, AuthUrl, Settings};
pub use world::{ItemType, User};

pub(crate) use rest::router;

use crate::faults::{Answer, Fault, Faults};
use crate::pusher::PusherApps;
use crate::shell::Watched;
use crate::tasks;
use anyhow::{Context as _, bail};
use digest::Nonces;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use world::Item;

/// Handle to the fake CloudApp; clones are the same CloudApp.
#[derive(Clone, Debug)]
pub struct CloudApp {
    shared: Arc<Shared>,
    /// Deeds of this handle push nothing.
    silent: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts changes of the state; [`CloudApp::wait_for`] waits on it.
    changed: watch::Sender<u64>,
    pusher: PusherApps,
    /// Own address without a trailing slash; known once the door is open.
    base: OnceLock<String>,
}

#[derive(Debug)]
struct State {
    settings: Settings,
    users: BTreeMap<u64, User>,
    /// By number: later ones are newer.
    items: BTreeMap<u64, Item>,
    nonces: Nonces,
    /// Users by session.
    sessions: BTreeMap<String, u64>,
    faults: Faults,
    observed: Observed,
    next_item: u64,
}

/// What changed about an item.
#[derive(Clone, Copy)]
enum Told {
    Create,
    Update,
    Delete,
}

impl CloudApp {
    pub(crate) fn new(settings: Settings, pusher: PusherApps) -> Self {
        let state = State {
            settings,
            users: BTreeMap::new(),
            items: BTreeMap::new(),
            nonces: Nonces::default(),
            sessions: BTreeMap::new(),
            faults: Faults::default(),
            observed: Observed::default(),
            next_item: 1_912_565,
        };
        let (state, changed) = (Mutex::new(state), watch::Sender::new(0));
        let cloudapp = Self {
            shared: Arc::new(Shared { state, changed, pusher, base: OnceLock::new() }),
            silent: false,
        };
        cloudapp.add_user("ada@example.test", "open-sesame");
        cloudapp.add_user("ben@example.test", "let-me-in");
        cloudapp
    }

    /// Says where it is; links begin with it.
    pub(crate) fn settle(&self, base: String) {
        // The door is opened once.
        let _settled_before = self.shared.base.set(base);
    }

    fn base(&self) -> &str {
        self.shared.base.get().map_or("", String::as_str)
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

    // --- people ---

    /// Adds someone who may sign in; returns the account's number. Number 1 is `ada@example.test` with the password
    /// `open-sesame`, number 2 `ben@example.test` with `let-me-in`.
    pub fn add_user(&self, email: &str, password: &str) -> u64 {
        self.change(|state| {
            let id = 1 + u64::try_from(state.users.len()).unwrap_or(0);
            let (email, password) = (email.to_owned(), password.to_owned());
            state.users.insert(id, User { id, email, password });
            id
        })
    }

    /// The account with this number.
    #[must_use]
    pub fn user(&self, id: u64) -> Option<User> {
        self.read(|state| state.users.get(&id).cloned())
    }

    /// The account's password is another one from now on; its sessions end.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn change_password(&self, id: u64, password: &str) -> anyhow::Result<()> {
        self.change(|state| {
            let user = state.users.get_mut(&id).with_context(|| format!("no account {id}"))?;
            password.clone_into(&mut user.password);
            state.sessions.retain(|_, owner| *owner != id);
            Ok(())
        })
    }

    // --- what happens in the world ---

    /// The same CloudApp through a handle whose deeds are not pushed: only the REST API knows of them.
    #[must_use]
    pub fn silently(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), silent: true }
    }

    /// A file goes up. Returns its `href`.
    pub fn upload(&self, user: u64, name: &str, kind: ItemType) -> String {
        self.create(user, Some(name.to_owned()), kind, None)
    }

    /// A bookmark is made, perhaps without a name. Returns its `href`.
    pub fn bookmark(&self, user: u64, name: Option<&str>, redirect_url: &str) -> String {
        self.create(user, name.map(str::to_owned), ItemType::Bookmark, Some(redirect_url.to_owned()))
    }

    fn create(
        &self,
        owner: u64,
        name: Option<String>,
        kind: ItemType,
        redirect_url: Option<String>,
    ) -> String {
        let now = tasks::now();
        let item = self.change(|state| {
            let number = state.next_item;
            state.next_item += 1;
            let item = Item {
                number,
                owner,
                slug: format!("{:06x}", rand::random::<u32>() & 0x00ff_ffff),
                name,
                kind,
                private: true,
                views: 0,
                redirect_url,
                source: "Belfry sandbox".to_owned(),
                created_at: now,
                updated_at: now,
                deleted_at: None,
            };
            state.items.insert(number, item.clone());
            item
        });
        self.tell(&item, Told::Create);
        item.href(self.base())
    }

    /// Gives it another name.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn rename(&self, href: &str, name: &str) -> anyhow::Result<()> {
        self.update(href, |item| item.name = Some(name.to_owned()))
    }

    /// Makes an item private or public.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn set_private(&self, href: &str, private: bool) -> anyhow::Result<()> {
        self.update(href, |item| item.private = private)
    }

    /// Someone looked at it: the counter goes up, and `updated_at` stays unless [`Settings::views_update`].
    ///
    /// # Errors
    /// When there is no such item.
    pub fn view(&self, href: &str) -> anyhow::Result<()> {
        let touches = self.read(|state| state.settings.views_update);
        self.alter(href, touches, Told::Update, |item| item.views += 1)
    }

    /// Moves it to the trash.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn delete(&self, href: &str) -> anyhow::Result<()> {
        let now = tasks::now();
        self.alter(href, true, Told::Delete, |item| item.deleted_at = Some(now))
    }

    /// Takes it out of the trash.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn recover(&self, href: &str) -> anyhow::Result<()> {
        self.update(href, |item| item.deleted_at = None)
    }

    /// It is gone from all lists, the trash too; nothing is pushed.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn purge(&self, href: &str) -> anyhow::Result<()> {
        let number = self.number(href)?;
        self.change(|state| state.items.remove(&number));
        Ok(())
    }

    /// Pushes an item once more as it stands now: a late or repeated event.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn push_again(&self, href: &str, event: &str) -> anyhow::Result<()> {
        let number = self.number(href)?;
        let item = self.read(|state| state.items.get(&number).cloned()).context("no such item")?;
        self.push(item.owner, event, &item.json(self.base()));
        Ok(())
    }

    /// Pushes any event with any payload on an account's channel.
    pub fn push(&self, user: u64, event: &str, data: &Value) {
        let Some(channel) = self.user(user).map(|user| user.channel()) else { return };
        let key = self.read(|state| state.settings.app_key.clone());
        self.change(|state| state.observed.pushed += 1);
        self.shared.pusher.in_app(&key).trigger(&channel, event, data);
    }

    /// An item as lists carry it.
    #[must_use]
    pub fn item(&self, href: &str) -> Option<Value> {
        let number = self.number(href).ok()?;
        self.read(|state| state.items.get(&number).map(|item| item.json(self.base())))
    }

    fn update(&self, href: &str, change: impl FnOnce(&mut Item)) -> anyhow::Result<()> {
        self.alter(href, true, Told::Update, change)
    }

    fn alter(
        &self,
        href: &str,
        touches: bool,
        told: Told,
        change: impl FnOnce(&mut Item),
    ) -> anyhow::Result<()> {
        let number = self.number(href)?;
        let item = self.change(|state| {
            let item = state.items.get_mut(&number).with_context(|| format!("no item {href}"))?;
            change(item);
            if touches {
                item.updated_at = tasks::now();
            }
            anyhow::Ok(item.clone())
        })?;
        self.tell(&item, told);
        Ok(())
    }

    fn number(&self, href: &str) -> anyhow::Result<u64> {
        let number = href.rsplit('/').next().and_then(|number| number.parse().ok());
        let known = number.filter(|number| self.read(|state| state.items.contains_key(number)));
        known.with_context(|| format!("no item {href}"))
    }

    fn tell(&self, item: &Item, told: Told) {
        if self.silent {
            return;
        }
        let event = match told {
            Told::Create => "create",
            Told::Update => "update",
            Told::Delete => "delete",
        };
        self.push(item.owner, event, &item.json(self.base()));
    }

    // --- faults ---

    /// The next answers under a path go wrong: `/account`, `/items`, `/pusher/auth`.
    pub fn fault(&self, fault: Fault) {
        self.change(|state| state.faults.add(fault));
    }

    /// Ends all planned faults.
    pub fn heal(&self) {
        self.change(|state| state.faults.clear());
    }

    /// Every nonce given so far is stale.
    pub fn expire_nonces(&self) {
        self.change(|state| state.nonces.forget());
    }

    /// Every session ends.
    pub fn end_sessions(&self) {
        self.change(|state| state.sessions.clear());
    }

    // --- what was seen ---

    /// What clients did so far.
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

    /// Forgets the request log and the counters.
    pub fn forget_observed(&self) {
        self.change(|state| {
            state.observed = Observed { request_count: state.observed.request_count, ..Observed::default() };
        });
    }
}

impl Watched for CloudApp {
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
        self.change(|state| {
            state.observed.unchanged += u64::from(status == 304);
            crate::requests::answered(&mut state.observed.requests, number, status);
        });
    }
}

//! The desk: everything a face may ask or wish, with links running or without.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Mutex, broadcast};

use crate::account::{self, Account, AccountId, Service};
use crate::engine::doctor;
use crate::engine::intake::Intake;
use crate::engine::marked::Batches;
use crate::engine::overview::overview;
use crate::engine::sign_in::{Attempts, Kept, free_name};
use crate::engine::sign_out;
use crate::engine::signal::Signals;
use crate::engine::story;
use crate::engine::supervisor::{Nudge, Supervisor};
use crate::engine::teller::Teller;
use crate::engine::views::{
    AccountView, Entry, Finding, Health, InboxWish, Marked, Opened, Overview, Removed, Settings, SignIn,
    SignInAnswer, SignInStep, Signal, TestToast, Trouble, Why,
};
use crate::env::Env;
use crate::notification::{Icon, Mark, NotificationId, Urgency};
use crate::part::Part;
use crate::rule::Rules;
use crate::source::{self, Wish};
use crate::store::{InboxQuery, Kept as Row, Store};
use crate::toast::{Outcome, Toast, ToastKey};

mod acts;
mod feeds;
mod marks;
#[cfg(test)]
pub(in crate::engine) use acts::view as view_act;

/// At most so many rows in one answer.
const MOST: u32 = 500;
/// So many unless told otherwise.
const USUAL: u32 = 50;

/// Answers faces. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    env: Env,
    store: Store,
    intake: Intake,
    teller: Arc<Teller>,
    signals: Signals,
    attempts: Attempts,
    batches: Batches,
    /// True for a resident: accounts that are added get a link.
    running: bool,
    supervisors: Mutex<BTreeMap<AccountId, Supervisor>>,
}

impl Desk {
    /// Puts a desk together; `Engine` and `offline` do.
    pub(in crate::engine) fn new(
        env: Env,
        store: Store,
        intake: Intake,
        teller: Arc<Teller>,
        signals: Signals,
        running: bool,
    ) -> Self {
        let attempts = Attempts::new(env.clone());
        let batches = Batches::default();
        let supervisors = Mutex::default();
        let inner = Inner { env, store, intake, teller, signals, attempts, batches, running, supervisors };
        Self { inner: Arc::new(inner) }
    }

    /// A desk without links and toasts: opens the database by itself, for commands while no resident runs. Wishes (read, unread) are
    /// kept and told to the service by the next resident.
    pub async fn offline(env: Env) -> Result<Self, Trouble> {
        crate::engine::open_offline(env).await
    }

    /// What to show at a glance.
    pub async fn overview(&self) -> Result<Overview, Trouble> {
        let inner = &self.inner;
        let accounts = inner.store.accounts().await?;
        let mut links = BTreeMap::new();
        let mut unread = BTreeMap::new();
        for account in &accounts {
            links.insert(account.id.clone(), inner.intake.links().view(&account.id));
            unread.insert(account.id.clone(), inner.store.unread_count(Some(&account.id)).await?);
        }
        let paused_until = inner.store.rules().await?.paused_until;
        Ok(overview(inner.running, &accounts, &links, &unread, paused_until, inner.env.clock.now()))
    }

    /// The accounts.
    pub async fn accounts(&self) -> Result<Vec<AccountView>, Trouble> {
        Ok(self.overview().await?.accounts)
    }

    /// Begins a sign-in, for a new account or an old one.
    pub async fn sign_in(&self, wish: SignIn) -> Result<SignInStep, Trouble> {
        let accounts = self.inner.store.accounts().await?;
        let kept = self.inner.attempts.begin(wish, &accounts).await?;
        self.after_step(kept).await
    }

    /// Goes on with a sign-in. `Wait` returns when the browser came back, or after five minutes with a sentence.
    pub async fn sign_in_answer(&self, attempt: u64, answer: SignInAnswer) -> Result<SignInStep, Trouble> {
        let kept = self.inner.attempts.answer(attempt, answer).await?;
        self.after_step(kept).await
    }

    /// Keeps the account that a finished sign-in made or renewed, and starts its link.
    async fn after_step(&self, kept: Kept) -> Result<SignInStep, Trouble> {
        let mut account = match kept {
            Kept::Step(step) => return Ok(step),
            Kept::Account(account) => *account,
        };
        let id = account.id.clone();
        // It may have been paused while the browser was open.
        if let Some(stored) = self.inner.store.account(&id).await? {
            account.paused = stored.paused;
            account.choices = stored.choices;
        }
        self.keep_account(account).await?;
        Ok(SignInStep::Done { account: id })
    }

    /// Keeps an account that is new or has changed, and starts its link.
    async fn keep_account(&self, account: Account) -> Result<(), Trouble> {
        let id = account.id.clone();
        self.inner.store.put_account(account, self.inner.env.clock.now()).await?;
        self.inner.signals.send(Signal::Accounts);
        self.restart_link(&id).await
    }

    /// Adds the demo and starts it; where there is one already, gives back its name.
    pub async fn add_demo(&self) -> Result<AccountId, Trouble> {
        let accounts = self.inner.store.accounts().await?;
        if let Some(demo) = accounts.iter().find(|account| account.settings == account::Settings::Demo) {
            return Ok(demo.id.clone());
        }
        let id = free_name(Service::Demo, &accounts)?;
        let label = Service::Demo.human().to_owned();
        let account = Account {
            id: id.clone(),
            label,
            paused: false,
            settings: account::Settings::Demo,
            choices: account::Choices::default(),
        };
        self.keep_account(account).await?;
        Ok(id)
    }

    /// Pauses or resumes an account.
    pub async fn set_paused(&self, account: AccountId, paused: bool) -> Result<(), Trouble> {
        let stored = self.known_account(&account).await?;
        if stored.paused != paused {
            self.inner.store.put_account(Account { paused, ..stored }, self.inner.env.clock.now()).await?;
            self.inner.signals.send(Signal::Accounts);
        }
        self.restart_link(&account).await
    }

    /// Keeps what the person chose for an account; holds for what comes from now on.
    pub async fn set_choices(&self, account: AccountId, choices: account::Choices) -> Result<(), Trouble> {
        let stored = self.known_account(&account).await?;
        if stored.choices != choices {
            self.inner.store.put_account(Account { choices, ..stored }, self.inner.env.clock.now()).await?;
            self.inner.signals.send(Signal::Accounts);
        }
        Ok(())
    }

    /// Signs an account out at its service, and removes it with its secrets, rows and toasts.
    pub async fn remove_account(&self, account: AccountId) -> Result<Removed, Trouble> {
        let stored = self.known_account(&account).await?;
        let others = self.inner.store.accounts().await?;
        self.stop_link(&account).await;
        let signed_out = sign_out::sign_out(&stored, &others, &self.inner.env).await;
        if let Err(trouble) = self.forget_account(&account).await {
            // It is still there, so it goes on.
            self.restart_link(&account).await?;
            return Err(trouble);
        }
        Ok(Removed { left: signed_out.err() })
    }

    async fn forget_account(&self, account: &AccountId) -> Result<(), Trouble> {
        let inner = &self.inner;
        let unread = InboxQuery {
            account: Some(account.clone()),
            unread: true,
            starred: false,
            search: None,
            before: None,
            limit: MOST as usize,
        };
        let ids = inner.store.inbox(unread).await?.into_iter().map(|row| row.id).collect();
        inner.teller.withdraw(ids).await;
        // Secrets first: if the password store refuses, the account is still there to be removed again.
        inner
            .env
            .secrets
            .forget(account)
            .await
            .map_err(|error| Trouble::failed(format!("“{account}” was not removed: {error}")))?;
        inner.store.remove_account(account.clone()).await?;
        inner.intake.links().forget(account);
        inner.intake.feeds().forget(account);
        inner.signals.send(Signal::Accounts);
        Ok(())
    }

    /// Tries a waiting or broken link at once.
    pub async fn retry_now(&self, account: AccountId) -> Result<(), Trouble> {
        self.known_account(&account).await?;
        if !self.inner.running {
            return Err(Trouble::failed("no Belfry is running; start it with `belfry run`"));
        }
        {
            let supervisors = self.inner.supervisors.lock().await;
            if let Some(link) = supervisors.get(&account) {
                link.nudge(Nudge::RetryNow);
                return Ok(());
            }
        }
        self.restart_link(&account).await
    }

    /// Lists notifications, newest first, without their `raw`.
    pub async fn inbox(&self, wish: InboxWish) -> Result<Vec<Entry>, Trouble> {
        if let Some(account) = &wish.account {
            self.known_account(account).await?;
        }
        let before = match wish.before {
            Some(id) => {
                let row = self.row(id).await?;
                Some((row.notification.occurred_at, id))
            }
            None => None,
        };
        let query = InboxQuery {
            account: wish.account,
            unread: wish.unread,
            starred: wish.starred,
            search: wish.search,
            before,
            limit: wish.limit.unwrap_or(USUAL).clamp(1, MOST) as usize,
        };
        Ok(self.inner.store.inbox(query).await?.into_iter().map(entry).collect())
    }

    /// Notifications kept after this row, oldest first, at most `limit`: to tell each exactly once.
    pub async fn kept_after(&self, id: NotificationId, limit: u32) -> Result<Vec<Entry>, Trouble> {
        let limit = limit.clamp(1, MOST) as usize;
        Ok(self.inner.store.newer_than(id, limit).await?.into_iter().map(entry).collect())
    }

    /// The newest row number in use; rows kept from now on are above it.
    pub async fn newest(&self) -> Result<NotificationId, Trouble> {
        Ok(self.inner.store.newest_id().await?)
    }

    /// One notification.
    pub async fn entry(&self, id: NotificationId) -> Result<Entry, Trouble> {
        Ok(entry(self.row(id).await?))
    }

    /// What the detail view of a notification shows: made of what is kept, the service is not asked.
    pub async fn parts(&self, id: NotificationId) -> Result<Vec<Part>, Trouble> {
        let Row { notification, .. } = self.row(id).await?;
        let account = self.known_account(&notification.account).await?;
        let others = match source::beside(&account.settings, &notification.kind) {
            Some(kind) => {
                let store = &self.inner.store;
                store.about(&account.id, &notification.context, &kind, source::MOST_BESIDE).await?
            }
            None => Vec::new(),
        };
        let others: Vec<_> = others.into_iter().map(|row| (row.id, row.notification)).collect();
        Ok(source::parts(&account.settings, id, &notification, &others))
    }

    /// Marks notifications read or unread, here and (soon) at the service. Gives back those that changed.
    pub async fn set_read(
        &self,
        ids: Vec<NotificationId>,
        read: bool,
    ) -> Result<Vec<NotificationId>, Trouble> {
        for id in &ids {
            self.row(*id).await?;
        }
        let changed = self.inner.intake.person_read(ids, read).await?;
        self.wish(&changed, Mark::Read(read)).await?;
        Ok(changed)
    }

    /// Marks all as read, of one account or of all, here and (soon) at the service. Heard as one signal.
    pub async fn mark_all_read(&self, account: Option<AccountId>) -> Result<Marked, Trouble> {
        if let Some(account) = &account {
            self.known_account(account).await?;
        }
        let now = self.inner.env.clock.now();
        let changed = self.inner.store.mark_all_read(account, now).await?;
        if changed.is_empty() {
            return Ok(Marked { count: 0, undo: None });
        }
        self.many_changed().await?;
        self.inner.teller.withdraw(changed.clone()).await;
        let count = changed.len() as u64;
        Ok(Marked { count, undo: Some(self.inner.batches.keep(changed, now)) })
    }

    /// Takes back what [`Desk::mark_all_read`] did, as far as nothing else happened to it since. Gives back how many it was.
    pub async fn undo(&self, batch: u64) -> Result<u64, Trouble> {
        let inner = &self.inner;
        let (ids, marked_at) = inner.batches.take(batch).ok_or_else(|| {
            Trouble::usage("this cannot be taken back any more; mark single notifications as unread instead")
        })?;
        let changed = inner.store.unmark(ids, marked_at, inner.env.clock.now()).await?;
        if !changed.is_empty() {
            self.many_changed().await?;
        }
        Ok(changed.len() as u64)
    }

    /// What follows when marks of many changed: faces read again, and each link hears what is to be told to its service.
    async fn many_changed(&self) -> Result<(), Trouble> {
        let inner = &self.inner;
        inner.signals.send(Signal::Reread);
        for (account, link) in inner.supervisors.lock().await.iter() {
            for (_, external_id, read) in inner.store.wishes(account).await? {
                // One that was told before and is not answered yet is told twice, which does no harm.
                link.nudge(Nudge::Wish(Wish { external_id, mark: Mark::Read(read) }));
            }
        }
        Ok(())
    }

    /// Opens a notification's context in the browser and marks it read. `token` lets the browser come to the front.
    pub async fn open(&self, id: NotificationId, token: Option<String>) -> Result<Opened, Trouble> {
        let row = self.row(id).await?;
        let account = self.known_account(&row.notification.account).await?;
        let Some(address) = row.notification.context.url else {
            return Err(Trouble::failed("this notification has no link; `belfry show` shows all of it"));
        };
        let url = self.open_address(&address, &account, token).await?;
        self.set_read(vec![id], true).await?;
        Ok(Opened { url })
    }

    /// Opens the inbox that holds all of these at the service, in the browser. They stay unread.
    pub async fn open_inbox(&self, ids: &[NotificationId], token: Option<String>) -> Result<Opened, Trouble> {
        let newest = ids.iter().max().copied();
        let id = newest.ok_or_else(|| Trouble::usage("there is nothing to open"))?;
        let account = self.known_account(&self.row(id).await?.notification.account).await?;
        let Some(address) = account.settings.inbox_url() else {
            return Err(Trouble::failed("the demo has no inbox of its own; `belfry inbox` lists what came"));
        };
        let url = self.open_address(address.as_str(), &account, token).await?;
        Ok(Opened { url })
    }

    /// Why a notification was, or was not, told.
    pub async fn why(&self, id: NotificationId) -> Result<Why, Trouble> {
        let row = self.row(id).await?;
        let Some(fate) = self.inner.store.fate(id).await? else {
            return Err(unknown(id));
        };
        let told_together = match &fate.key {
            Some(key) => self.inner.store.by_toast(key.clone()).await?.len(),
            None => 1,
        };
        let zone = jiff::tz::TimeZone::system();
        let mut why = story::why(&row, &fate, told_together, &self.acts(id).await?, &zone);
        why.story.extend(story::marks(&self.inner.store.wished(id).await?, &zone));
        Ok(why)
    }

    /// Pauses toasts until then; `None` ends a pause.
    pub async fn pause_toasts(&self, until: Option<Timestamp>) -> Result<(), Trouble> {
        self.inner.store.change_rules(move |rules| rules.paused_until = until).await?;
        self.look_again();
        self.inner.signals.send(Signal::Accounts);
        Ok(())
    }

    /// What the person chose.
    pub async fn settings(&self) -> Result<Settings, Trouble> {
        let Rules { shown, quiet, click, theme, paused_until: _ } = self.inner.store.rules().await?;
        Ok(Settings { shown, quiet, click, theme })
    }

    /// Keeps what the person chose; holds at once.
    pub async fn set_settings(&self, settings: Settings) -> Result<(), Trouble> {
        let Settings { shown, mut quiet, click, theme } = settings;
        quiet.days.sort_unstable();
        quiet.days.dedup();
        let change = move |rules: &mut Rules| {
            *rules = Rules { shown, quiet, click, theme, paused_until: rules.paused_until };
        };
        self.inner.store.change_rules(change).await?;
        self.look_again();
        self.inner.signals.send(Signal::Settings);
        Ok(())
    }

    /// What works on this machine.
    pub async fn health(&self) -> Result<Health, Trouble> {
        let inner = &self.inner;
        let service = inner.teller.toaster().service().await;
        let overview = self.overview().await?;
        let total = inner.store.total().await?;
        let secrets = inner.env.secrets.probe().await;
        let mut health =
            doctor::health(&overview, service, secrets, total, &inner.env.paths, inner.env.clock.now());
        let mut found_late = inner.store.found_late().await?;
        // Nobody can know what a feed without a past has missed.
        found_late.retain(|(id, _)| {
            !overview.accounts.iter().any(|account| account.id == *id && account.service == Service::Pusher)
        });
        health.findings.extend(doctor::found_late(&found_late));
        let (works, words) = crate::env::tray_host::probe().await;
        health.findings.push(Finding { part: "tray".into(), works, words });
        Ok(health)
    }

    /// Raises a test toast.
    pub async fn test_toast(&self) -> Result<TestToast, Trouble> {
        let toast = Toast {
            key: ToastKey("belfrytest".into()),
            title: "Belfry can be heard".into(),
            body: "This is how a notification will look.".into(),
            account: "Belfry".into(),
            icon: Icon::Alert,
            silent: false,
            urgency: Urgency::Normal,
            button: None,
        };
        let outcome = self.inner.teller.toaster().show(&toast).await;
        Ok(match outcome {
            Outcome::Shown | Outcome::AlreadyShown => {
                let name = self.inner.teller.toaster().service().await.name;
                let name = name.unwrap_or_else(|| "the desktop".into());
                TestToast { shown: true, words: format!("a toast was raised; {name} took it") }
            }
            Outcome::NoService { reason } | Outcome::Failed { reason } => {
                TestToast { shown: false, words: reason }
            }
        })
    }

    /// What changes from now on.
    pub fn signals(&self) -> broadcast::Receiver<Signal> {
        self.inner.signals.listen()
    }

    /// Starts the link of an account anew, or ends it if it is paused. Does nothing on a desk without links.
    pub(in crate::engine) async fn restart_link(&self, id: &AccountId) -> Result<(), Trouble> {
        let inner = &self.inner;
        if !inner.running {
            return Ok(());
        }
        self.stop_link(id).await;
        let account = self.known_account(id).await?;
        if !account.paused {
            let supervisor = Supervisor::start(account, inner.env.clone(), inner.intake.clone());
            inner.supervisors.lock().await.insert(id.clone(), supervisor);
        }
        Ok(())
    }

    /// Tells every link that the machine woke or its network changed.
    pub(in crate::engine) async fn probe_links(&self) {
        for link in self.inner.supervisors.lock().await.values() {
            link.nudge(Nudge::Probe);
        }
    }

    /// The rules, the clock or the zone may be others now: what is to be told, and when, is judged anew.
    pub(in crate::engine) fn look_again(&self) {
        self.inner.intake.ring();
    }

    /// Ends all links.
    pub(in crate::engine) async fn stop_links(&self) {
        let links = std::mem::take(&mut *self.inner.supervisors.lock().await);
        for (id, link) in links {
            link.stop().await;
            self.inner.intake.links().stands(&id, crate::link::LinkState::Off, self.inner.env.clock.now());
        }
    }

    /// The store, for the engine's own end.
    pub(in crate::engine) fn store(&self) -> &Store {
        &self.inner.store
    }

    async fn open_address(
        &self,
        address: &str,
        account: &Account,
        token: Option<String>,
    ) -> Result<String, Trouble> {
        let family = account.settings.family();
        let own: Vec<&url::Url> = account.settings.own_urls().into_iter().chain(family.as_ref()).collect();
        // A link that leads elsewhere is not opened: there is no face here that could ask.
        let anywhere = account.settings.links_anywhere();
        Ok(self.inner.env.opener.open(address, &own, anywhere, token.as_deref()).await?.to_string())
    }

    async fn stop_link(&self, id: &AccountId) {
        let link = self.inner.supervisors.lock().await.remove(id);
        if let Some(link) = link {
            link.stop().await;
        }
        self.inner.intake.links().stands(id, crate::link::LinkState::Off, self.inner.env.clock.now());
    }

    async fn known_account(&self, id: &AccountId) -> Result<Account, Trouble> {
        self.inner.store.account(id).await?.ok_or_else(|| {
            Trouble::usage(format!("there is no account “{id}”; `belfry account list` shows those there are"))
        })
    }

    async fn row(&self, id: NotificationId) -> Result<Row, Trouble> {
        self.inner.store.get(id).await?.ok_or_else(|| unknown(id))
    }
}

fn unknown(id: NotificationId) -> Trouble {
    Trouble::usage(format!("there is no notification {id}; `belfry inbox` shows those there are"))
}

fn entry(row: Row) -> Entry {
    let mut notification = row.notification;
    notification.read = row.read;
    Entry {
        id: row.id,
        kept_at: row.admitted_at,
        read_at: row.read_at,
        read_elsewhere: matches!(row.read_by, Some(crate::store::ReadBy::Service)),
        notification,
    }
}

//! The teller: takes kept notifications that have no verdict yet, asks policy, raises toasts, writes the ledger; and answers clicks.
//!
//! One task does all the raising, so that a burst is seen as a burst. Claim, show and outcome are three steps around a call that no
//! transaction can hold: what was claimed by an earlier run is never shown again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Notify;
use tracing::{debug, error, warn};

use crate::account::{Account, AccountId, Choices, Service};
use crate::act;
use crate::engine::links::Links;
use crate::engine::signal::Signals;
use crate::engine::views::Signal;
use crate::env::Env;
use crate::notification::{Arrival, NotificationId};
use crate::source;
use crate::store::{self, Ended, Store, StoreError};
use crate::toast::{self, Outcome, Pending, Raise, Reason, Toaster};

/// At most so many are judged together: a long absence ends in a few summaries.
const TOGETHER: usize = 500;

/// At most so many are told in one summary after a quiet time; only their number and the first titles are shown.
const HELD: usize = 10_000;

/// A store that failed is asked again after this.
const TROUBLED: Duration = Duration::from_secs(15);

/// How this run raises toasts.
#[derive(Debug)]
pub(super) struct Raising {
    /// Shows them.
    pub(super) toaster: Arc<dyn Toaster>,
    /// False if they are switched off for this run.
    pub(super) toasts_on: bool,
    /// This engine run's number, for the ledger.
    pub(super) run: i64,
}

/// Raises toasts.
#[derive(Debug)]
pub(super) struct Teller {
    env: Env,
    store: Store,
    links: Links,
    signals: Signals,
    raising: Raising,
}

impl Teller {
    /// `links` tells which accounts are still catching up.
    pub(super) fn new(env: Env, store: Store, links: Links, signals: Signals, raising: Raising) -> Self {
        Self { env, store, links, signals, raising }
    }

    /// The toaster.
    pub(super) fn toaster(&self) -> &Arc<dyn Toaster> {
        &self.raising.toaster
    }

    /// What an earlier run claimed and never settled is not shown: it may have been on the screen already, and a missing banner is better
    /// than a second one.
    pub(super) async fn settle_interrupted(&self) -> Result<(), StoreError> {
        let claimed = self.store.interrupted(self.raising.run).await?;
        let ids: Vec<NotificationId> = claimed.into_iter().map(|claim| claim.id).collect();
        if !ids.is_empty() {
            self.keep_quiet(ids, Reason::Interrupted, &Versions::new()).await?;
        }
        Ok(())
    }

    /// Judges what waits, whenever the bell is rung; never returns.
    pub(super) async fn work(&self, arrived: Arc<Notify>) {
        loop {
            let look_again = match self.judge().await {
                Ok(true) => continue,
                Ok(false) => self.tell_held().await,
                Err(error) => Err(error),
            };
            match look_again {
                Ok(None) => arrived.notified().await,
                Ok(Some(at)) => tokio::select! {
                    () = arrived.notified() => {}
                    () = self.env.clock.sleep_until(at) => {}
                },
                Err(error) => {
                    // What waits stays pending in the store, and is tried again though nothing new arrives.
                    error!(%error, "toasts could not be decided");
                    drop(tokio::time::timeout(TROUBLED, arrived.notified()).await);
                }
            }
        }
    }

    /// Judges one batch. True if there may be more.
    async fn judge(&self) -> Result<bool, StoreError> {
        // Read before the rows: an account that is caught up by then has all of its rows there.
        let catching_up = self.links.catching_up();
        let pending = self.store.pending(TOGETHER).await?;
        if pending.is_empty() {
            return Ok(false);
        }
        let origins = self.origins().await?;
        let judged: Vec<Pending> = pending
            .into_iter()
            // What a catch-up finds is told when it has ended: as one summary, not one for each page.
            .filter(|row| {
                matches!(row.arrival, Arrival::Live) || !catching_up.contains(&row.notification.account)
            })
            .map(|row| waiting(row, &origins))
            .collect();
        if judged.is_empty() {
            return Ok(false);
        }
        let versions = versions(&judged);
        let rules = self.store.rules().await?;
        let plan =
            toast::plan(judged, &rules, self.env.clock.now(), &TimeZone::system(), self.raising.toasts_on);
        for (ids, reason) in plan.held {
            let hours = (reason == Reason::QuietHours).then(|| rules.quiet.words());
            self.store.hold(ids.clone(), reason.name().to_owned(), hours, self.env.clock.now()).await?;
            self.tell(&self.still_so(ids, &versions).await?, "quiet", Some(reason.name()));
        }
        for (ids, reason) in plan.quiet {
            self.keep_quiet(ids, reason, &versions).await?;
        }
        for raise in plan.raise {
            self.raise(raise, &versions).await?;
        }
        Ok(true)
    }

    /// Tells what was held, once the quiet is over. Gives back when to look again; nothing needs a look where nothing is held.
    async fn tell_held(&self) -> Result<Option<Timestamp>, StoreError> {
        if !self.raising.toasts_on || !self.store.any_held().await? {
            return Ok(None);
        }
        let rules = self.store.rules().await?;
        let now = self.env.clock.now();
        match toast::quiet::over(&rules, now, &TimeZone::system()) {
            Some(over) if over <= now => {}
            later_or_never => return Ok(later_or_never),
        }
        let origins = self.origins().await?;
        let held = self.store.held(HELD).await?.into_iter().map(|row| waiting(row, &origins)).collect();
        match toast::after_quiet(held, &rules) {
            Some(raise) => self.raise(raise, &Versions::new()).await?,
            None => self.store.release_read().await?,
        }
        Ok(Some(now))
    }

    /// What a toast calls an account (its service, and whose it is where there are several of that service), and what was chosen for it.
    async fn origins(&self) -> Result<BTreeMap<AccountId, Origin>, StoreError> {
        let accounts = self.store.accounts().await?;
        let origin = |account: &Account| {
            let service = account.settings.service();
            let alone = accounts.iter().filter(|other| other.settings.service() == service).count() == 1;
            let name = if alone {
                service.human().to_owned()
            } else {
                format!("{} · {}", service.human(), account.label)
            };
            Origin { name, service, choices: account.choices }
        };
        Ok(accounts.iter().map(|account| (account.id.clone(), origin(account))).collect())
    }

    async fn keep_quiet(
        &self,
        ids: Vec<NotificationId>,
        reason: Reason,
        versions: &Versions,
    ) -> Result<(), StoreError> {
        self.store.quiet(ids.clone(), reason.name().to_owned(), self.env.clock.now()).await?;
        self.tell(&self.still_so(ids, versions).await?, "quiet", Some(reason.name()));
        Ok(())
    }

    /// Of those whose verdict was just written down, those that are still what was judged. Of the others a later version came meanwhile:
    /// they wait for a verdict of their own.
    async fn still_so(
        &self,
        mut ids: Vec<NotificationId>,
        versions: &Versions,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let judged: Vec<_> = ids.iter().filter_map(|id| Some((*id, *versions.get(id)?))).collect();
        if !judged.is_empty() {
            let early = self.store.judged_too_early(judged).await?;
            ids.retain(|id| !early.contains(id));
        }
        Ok(ids)
    }

    async fn raise(&self, raise: Raise, versions: &Versions) -> Result<(), StoreError> {
        let Raise { toast, ids } = raise;
        let key = toast.key.0.clone();
        self.store.claim(ids.clone(), key.clone(), self.raising.run, self.env.clock.now()).await?;
        let ids = self.still_so(ids, versions).await?;
        if ids.is_empty() {
            return Ok(());
        }
        let outcome = self.raising.toaster.show(&toast).await;
        let now = self.env.clock.now();
        match outcome {
            Outcome::Shown | Outcome::AlreadyShown => {
                let name = if outcome == Outcome::Shown { "shown" } else { "already-shown" };
                self.store.shown(key, name.to_owned(), now).await?;
                self.tell(&ids, "shown", None);
                // What was read while its toast was being raised could not be withdrawn then.
                self.withdraw_if_read(&ids).await?;
            }
            Outcome::NoService { reason } => {
                debug!(reason, "no notification service");
                self.store.not_shown(key, Reason::NoService.name().to_owned(), now).await?;
                self.tell(&ids, "failed", Some(Reason::NoService.name()));
            }
            Outcome::Failed { reason } => {
                warn!(reason, "a toast was refused");
                self.store.not_shown(key, Reason::Refused.name().to_owned(), now).await?;
                self.tell(&ids, "failed", Some(Reason::Refused.name()));
            }
        }
        Ok(())
    }

    async fn withdraw_if_read(&self, ids: &[NotificationId]) -> Result<(), StoreError> {
        let mut read = Vec::new();
        for id in ids {
            if self.store.get(*id).await?.is_some_and(|row| row.read) {
                read.push(*id);
            }
        }
        if !read.is_empty() {
            self.withdraw(read).await;
        }
        Ok(())
    }

    /// Tells that something the person did came to nothing, or that nobody knows: they may look elsewhere by now. It takes the place of the
    /// notification's own toast, so a click leads to it. Not claimed in the ledger: the act itself keeps what came of it.
    pub(super) async fn act_failed(
        &self,
        row: &store::Kept,
        title: &str,
        words: &str,
    ) -> Result<(), StoreError> {
        let rules = self.store.rules().await?;
        let quiet = toast::quiet::quiet(&rules, self.env.clock.now(), &TimeZone::system());
        if !self.raising.toasts_on || quiet.is_some() {
            return Ok(());
        }
        let origins = self.origins().await?;
        let origin = origins.get(&row.notification.account).map(|origin| origin.name.as_str());
        let toast = toast::act_failed(&row.notification, origin, title, words, &rules);
        if let Outcome::NoService { reason } | Outcome::Failed { reason } =
            self.raising.toaster.show(&toast).await
        {
            debug!(reason, "that an act came to nothing was not told by a toast");
        }
        Ok(())
    }

    /// Takes toasts off the screen whose notifications have all been read.
    pub(super) async fn withdraw(&self, read: Vec<NotificationId>) {
        let keys = match self.store.shown_keys(read.clone()).await {
            Ok(keys) => keys,
            Err(error) => return error!(%error, "toasts could not be withdrawn"),
        };
        for key in keys {
            self.raising.toaster.withdraw(&crate::toast::ToastKey(key.clone())).await;
            if let Err(error) = self.store.toast_ended(key, Ended::Withdrawn, self.env.clock.now()).await {
                error!(%error, "a withdrawn toast could not be noted");
            }
        }
    }

    /// Notes how a toast ended; gives back what it spoke of.
    pub(super) async fn ended(&self, key: &str, how: Ended) -> Result<Vec<NotificationId>, StoreError> {
        let ids = self.store.by_toast(key.to_owned()).await?;
        self.store.toast_ended(key.to_owned(), how, self.env.clock.now()).await?;
        self.tell(&ids, how.name(), None);
        Ok(ids)
    }

    fn tell(&self, ids: &[NotificationId], outcome: &str, reason: Option<&str>) {
        for id in ids {
            self.signals.send(Signal::Toast {
                id: *id,
                outcome: outcome.to_owned(),
                reason: reason.map(str::to_owned),
            });
        }
    }
}

/// In which version each was judged, of those that have versions.
type Versions = BTreeMap<NotificationId, i64>;

fn versions(judged: &[Pending]) -> Versions {
    let versions = judged.iter().map(|row| (row.id, row.notification.version));
    versions.filter(|(_, version)| *version > 0).collect()
}

/// What a toast has to know of an account.
struct Origin {
    /// What to call it.
    name: String,
    service: Service,
    choices: Choices,
}

/// A stored row as policy judges it.
fn waiting(row: store::Pending, origins: &BTreeMap<AccountId, Origin>) -> Pending {
    let origin = origins.get(&row.notification.account);
    let offers = origin.map(|origin| source::offers(origin.service, &row.notification));
    Pending {
        id: row.id,
        origin: origin.map(|origin| origin.name.clone()).unwrap_or_default(),
        choices: origin.map(|origin| origin.choices).unwrap_or_default(),
        button: offers.and_then(|offers| act::button(&offers)),
        notification: row.notification,
        arrival: row.arrival,
        admitted_at: row.admitted_at,
    }
}

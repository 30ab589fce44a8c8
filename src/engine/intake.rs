//! Intake: what a source reports goes into the store; only when it is committed does the source hear so, and then everybody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{Notify, oneshot};
use tracing::{error, info};

use crate::account::{AccountId, Settings};
use crate::engine::feeds::Feeds;
use crate::engine::links::Links;
use crate::engine::signal::Signals;
use crate::engine::story;
use crate::engine::teller::Teller;
use crate::engine::views::Signal;
use crate::env::Env;
use crate::link::{Cursor, Failure};
use crate::notification::{Arrival, Mark, Notification, NotificationId, Together};
use crate::source::{Due, Order, Which, Wish};
use crate::store::{Admitted, ReadBy, Starred, StillUnread, Store, StoreError};

mod acts;

/// At most so many hints are asked to be completed per life of a link; the rest has its turn in the next.
const HINTS: usize = 200;

/// Takes in what sources report. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Intake {
    env: Env,
    store: Store,
    links: Links,
    feeds: Feeds,
    signals: Signals,
    teller: Arc<Teller>,
    arrived: Arc<Notify>,
}

impl Intake {
    /// `arrived` is rung when notifications wait for a verdict.
    pub(super) fn new(
        env: Env,
        store: Store,
        links: Links,
        signals: Signals,
        teller: Arc<Teller>,
        arrived: Arc<Notify>,
    ) -> Self {
        Self { env, store, links, feeds: Feeds::default(), signals, teller, arrived }
    }

    /// The table of links.
    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    /// What feeds remember.
    pub(super) fn feeds(&self) -> &Feeds {
        &self.feeds
    }

    /// Has what waits for a verdict looked at.
    pub(super) fn ring(&self) {
        self.arrived.notify_one();
    }

    /// Where an account's catch-up stands.
    pub(super) async fn cursor(&self, account: &AccountId) -> Result<Option<Cursor>, Failure> {
        self.store.cursor(account).await.map_err(|error| failure(&error))
    }

    /// What earlier lives of a link left to do: wishes and acts not yet told, hints not yet completed.
    pub(super) async fn open_orders(&self, account: &AccountId) -> Result<Vec<Order>, Failure> {
        let wishes = self.store.wishes(account).await.map_err(|error| failure(&error))?;
        let acts = self.store.waiting_acts(account).await.map_err(|error| failure(&error))?;
        let hints = self.store.hints(account, HINTS).await.map_err(|error| failure(&error))?;
        let mut orders: Vec<Order> = wishes
            .into_iter()
            .map(|(_, external_id, read)| Order::Wish(Wish { external_id, mark: Mark::Read(read) }))
            .collect();
        let stars = self.store.star_wishes(account).await.map_err(|error| failure(&error))?;
        orders.extend(
            stars.into_iter().map(|(external_id, starred)| {
                Order::Wish(Wish { external_id, mark: Mark::Starred(starred) })
            }),
        );
        orders.extend(acts.into_iter().map(|(number, at)| Order::Act(Due { number, at })));
        if !hints.is_empty() {
            orders.push(Order::Complete(hints));
        }
        Ok(orders)
    }

    /// Keeps what is known better now of an account.
    pub(super) async fn identity(&self, account: &AccountId, label: String, settings: Settings) {
        let stored = match self.store.account(account).await {
            Ok(Some(stored)) => stored,
            // Removed meanwhile.
            Ok(None) => return,
            Err(error) => return error!(%account, %error, "the account could not be read"),
        };
        if stored.label == label && stored.settings == settings {
            return;
        }
        let known_better = crate::account::Account { label, settings, ..stored };
        match self.store.put_account(known_better, self.env.clock.now()).await {
            Ok(()) => self.signals.send(Signal::Accounts),
            Err(error) => error!(%account, %error, "the account could not be kept"),
        }
    }

    /// Keeps notifications and cursor in one transaction, answers, then tells.
    pub(super) async fn deliver(
        &self,
        account: &AccountId,
        notifications: Vec<Notification>,
        arrival: Arrival,
        cursor: Option<Cursor>,
        kept: oneshot::Sender<Result<(), Failure>>,
    ) {
        let now = self.env.clock.now();
        let admitted = self.store.admit(account.clone(), notifications, arrival, cursor, now).await;
        self.admitted(account, admitted, kept).await;
    }

    /// The same for what should have come by push: what is new is counted in the same transaction.
    pub(super) async fn deliver_found_late(
        &self,
        account: &AccountId,
        notifications: Vec<Notification>,
        kept: oneshot::Sender<Result<(), Failure>>,
    ) {
        let now = self.env.clock.now();
        let admitted = self.store.admit_found_late(account.clone(), notifications, now).await;
        self.admitted(account, admitted, kept).await;
    }

    async fn admitted(
        &self,
        account: &AccountId,
        admitted: Result<Vec<Admitted>, StoreError>,
        kept: oneshot::Sender<Result<(), Failure>>,
    ) {
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(error) => {
                error!(%account, %error, "notifications could not be kept");
                return drop(kept.send(Err(failure(&error))));
            }
        };
        // A source that is gone was stopped; what is kept is kept.
        drop(kept.send(Ok(())));
        let mut read_elsewhere = Vec::new();
        let mut any_new = false;
        for outcome in admitted {
            match outcome {
                Admitted::New(id) => {
                    any_new = true;
                    self.signals.send(Signal::New { id });
                }
                Admitted::Completed(id) | Admitted::StarChanged(id) | Admitted::Changed(id) => {
                    self.signals.send(Signal::Changed { id });
                }
                Admitted::Renewed(id) => {
                    any_new = true;
                    self.signals.send(Signal::Renewed { id });
                }
                Admitted::ReadElsewhere(id) => read_elsewhere.push(id),
                Admitted::Known(_) => {}
            }
        }
        if any_new {
            self.ring();
        }
        self.read(read_elsewhere).await;
    }

    /// Marks read what the service no longer holds unread.
    pub(super) async fn still_unread(
        &self,
        account: &AccountId,
        list: StillUnread,
        kept: oneshot::Sender<Result<(), Failure>>,
    ) {
        match self.store.still_unread(account.clone(), list, self.env.clock.now()).await {
            Ok(changed) => {
                drop(kept.send(Ok(())));
                if !changed.is_empty() {
                    info!(%account, count = changed.len(), "read elsewhere");
                }
                self.read(changed).await;
            }
            Err(error) => drop(kept.send(Err(failure(&error)))),
        }
    }

    /// Marks unread again what the service held unread when it was asked.
    pub(super) async fn unread_there(
        &self,
        account: &AccountId,
        unread: Vec<String>,
        asked: jiff::Timestamp,
        kept: oneshot::Sender<Result<(), Failure>>,
    ) {
        self.took(self.store.unread_there(account.clone(), unread, asked).await, kept);
    }

    /// Sets and takes away stars as they are at the service.
    pub(super) async fn starred(
        &self,
        account: &AccountId,
        list: Starred,
        kept: oneshot::Sender<Result<(), Failure>>,
    ) {
        self.took(self.store.follow_stars(account.clone(), list).await, kept);
    }

    /// Answers the source, and tells faces of the rows that changed.
    fn took(
        &self,
        changed: Result<Vec<NotificationId>, StoreError>,
        kept: oneshot::Sender<Result<(), Failure>>,
    ) {
        drop(kept.send(changed.as_ref().map(drop).map_err(failure)));
        for id in changed.unwrap_or_default() {
            self.signals.send(Signal::Changed { id });
        }
    }

    /// What is kept of an account, for a source that compares it with the service's lists.
    pub(super) async fn kept(
        &self,
        account: &AccountId,
        which: Which,
        answer: oneshot::Sender<Result<Vec<Notification>, Failure>>,
    ) {
        let rows = match which {
            Which::One { external_id } => {
                let one = self.store.by_external_id(account, external_id).await;
                one.map(|row| row.into_iter().collect::<Vec<_>>())
            }
            Which::Family { family, since, limit } => {
                self.store.of_family(account, family, since, limit).await
            }
        };
        let kept = rows.map(|rows| rows.into_iter().map(|row| row.notification).collect());
        // A link that has ended asks again.
        drop(answer.send(kept.map_err(|error| failure(&error))));
    }

    /// Which wishes one call may serve.
    pub(super) async fn together(
        &self,
        account: &AccountId,
        family: String,
        answer: oneshot::Sender<Result<Together, Failure>>,
    ) {
        let together = self.store.wished_together(account, family).await.map_err(|error| failure(&error));
        // A link that has ended asks again.
        drop(answer.send(together));
    }

    /// The service refused a wish for good: the row goes back to how it stands there, and the person hears of it.
    pub(super) async fn refused(&self, account: &AccountId, wish: Wish, stands: Mark, words: String) {
        let now = self.env.clock.now();
        let refused =
            self.store.wish_refused(account.clone(), wish.external_id, wish.mark, stands, now).await;
        let id = match refused {
            Ok(Some(id)) => id,
            // The person has changed their mind meanwhile.
            Ok(None) => return,
            Err(error) => {
                return error!(%account, %error, "a wish that was refused could not be noted");
            }
        };
        info!(%account, %id, words, "the service refused a wish");
        let title = match self.store.get(id).await {
            Ok(row) => row.map(|row| row.notification.title).unwrap_or_default(),
            Err(_) => String::new(),
        };
        self.signals.send(Signal::Changed { id });
        self.signals.send(Signal::Refused { id, words: story::refused(&title, wish.mark, &words) });
    }

    /// A wish was carried out.
    pub(super) async fn done(&self, account: &AccountId, wish: Wish) {
        let now = self.env.clock.now();
        let (account_name, external_id) = (account.clone(), wish.external_id);
        let noted = match wish.mark {
            Mark::Read(read) => self.store.wish_done(account_name, external_id, read, now).await,
            Mark::Starred(starred) => {
                self.store.star_wish_done(account_name, external_id, starred, now).await
            }
        };
        if let Err(error) = noted {
            // It stays open and is told once more: telling twice does no harm.
            error!(%account, %error, "a wish that was carried out could not be noted");
        }
    }

    /// Marks read or unread as the person wishes; gives back what changed.
    pub(super) async fn person_read(
        &self,
        ids: Vec<NotificationId>,
        read: bool,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let changed = self.store.mark_read(ids, read, ReadBy::Person, self.env.clock.now()).await?;
        if read {
            self.read(changed.clone()).await;
        } else {
            for id in &changed {
                self.signals.send(Signal::Changed { id: *id });
            }
        }
        Ok(changed)
    }

    /// Sets stars or takes them away as the person wishes; gives back what changed.
    pub(super) async fn person_starred(
        &self,
        ids: Vec<NotificationId>,
        starred: bool,
    ) -> Result<Vec<NotificationId>, StoreError> {
        let changed = self.store.set_starred(ids, starred, self.env.clock.now()).await?;
        for id in &changed {
            self.signals.send(Signal::Changed { id: *id });
        }
        Ok(changed)
    }

    /// What follows from having been read, wherever: the toast goes, faces hear of it.
    async fn read(&self, ids: Vec<NotificationId>) {
        if ids.is_empty() {
            return;
        }
        for id in ids.iter().copied().collect::<BTreeSet<_>>() {
            self.signals.send(Signal::Changed { id });
        }
        self.teller.withdraw(ids).await;
    }
}

/// What a store's error means for a link: it waits and tries again, and says why in words.
pub(super) fn failure(error: &StoreError) -> Failure {
    Failure::transient(error.to_string())
}

//! Takes things in, wherever they come from: compares each with what is kept and hands over what is new, with the cursor. One batch at a
//! time, so that what the webhook tells and what the lists have can come side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::normalize::{LISTED, MESSAGES, Names, REVIEWS, Reader, Told, same_review};
use crate::account::AccountId;
use crate::env::Clock;
use crate::link::{Cursor, Failure};
use crate::notification::{Arrival, Kind, Notification, PodiumKind};
use crate::source::Reports;
use crate::source::podio::json::{field, items};

/// Most rows in one commit.
const TOGETHER: usize = 200;
/// How long an event may be on its way through Podium's queue and the relay: what is younger is not late.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(2);
/// What happened longer ago than this waited somewhere, at Podium or at a relay: it is no news of this moment.
const WAITED: SignedDuration = SignedDuration::from_mins(10);
/// At most so many kept messages are looked through for one without a name.
const LOOKED_THROUGH: usize = 100;
/// At most so many kept messages, the newest ones, spare their conversations from being looked through.
const LOOKED_BACK: usize = 5_000;

/// What the cursor says: where the relay's stream was read to, and up to when each list was taken in, by the service's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Whose lists they are: the uid of a location or an organisation.
    #[serde(default)]
    pub(crate) of: Option<String>,
    /// The relay's position.
    #[serde(default)]
    pub(crate) at: Option<String>,
    /// What the webhook told up to there may not be all, and no look has come to its end since.
    #[serde(default)]
    pub(crate) doubtful: bool,
    /// Conversations and their messages.
    #[serde(default)]
    pub(crate) messages: Option<Timestamp>,
    /// Reviews.
    #[serde(default)]
    pub(crate) reviews: Option<Timestamp>,
    /// Requests for reviews.
    #[serde(default)]
    pub(crate) invites: Option<Timestamp>,
    /// Invoices.
    #[serde(default)]
    pub(crate) invoices: Option<Timestamp>,
}

impl Place {
    /// Reads a stored cursor. One that is not understood counts as none: everything is taken in again then, quietly.
    pub(crate) fn read(cursor: &Cursor) -> Option<Self> {
        serde_json::from_str(&cursor.0).ok()
    }

    /// The same for an account that listens there now: what was taken in of another location says nothing of this one's lists.
    pub(crate) fn at(mut self, listens_to: Option<&str>) -> Self {
        if self.of.is_some() && self.of.as_deref() != listens_to {
            self = Self { at: self.at, ..Self::default() };
        }
        self.of = listens_to.map(str::to_owned);
        self
    }

    fn written(&self) -> Option<Cursor> {
        serde_json::to_string(self).ok().map(Cursor)
    }
}

/// Where things come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The webhook, before the relay had given all that it kept.
    Kept,
    /// The webhook, now, at this time by the service's clock.
    Stream(Timestamp),
    /// Belfry itself: what it has to say, and how it stands.
    Belfry,
    /// A list, after a time in which nobody listened.
    List,
    /// A list, when the account is new. From this time on the webhook was there.
    FirstList(Option<Timestamp>),
    /// A list, while the webhook should have told, up to the service's present.
    Comparison(Timestamp),
}

/// The way into the engine. Clones take turns.
#[derive(Debug, Clone)]
pub(crate) struct Taking {
    reports: Reports,
    account: AccountId,
    app_url: Url,
    clock: Clock,
    names: Arc<StdMutex<Names>>,
    place: Arc<Mutex<Place>>,
}

impl Taking {
    /// For this account; `place` is what was committed last.
    pub(crate) fn new(
        reports: Reports,
        account: AccountId,
        app_url: Url,
        clock: Clock,
        place: Place,
    ) -> Self {
        Self { reports, account, app_url, clock, names: Arc::default(), place: Arc::new(Mutex::new(place)) }
    }

    /// The line to the engine.
    pub(crate) fn reports(&self) -> &Reports {
        &self.reports
    }

    /// What was committed last.
    pub(crate) async fn place(&self) -> Place {
        self.place.lock().await.clone()
    }

    /// When the newest message of each conversation was said that the webhook told and that is kept, of those from then on. What a list
    /// brought says nothing of what was said before it: it may have been broken off.
    pub(crate) async fn newest_said(&self, since: Timestamp) -> Result<BTreeMap<String, Timestamp>, Failure> {
        let mut newest = BTreeMap::new();
        let kept = self.reports.kept(MESSAGES, Some(since), LOOKED_BACK).await?;
        for row in kept.into_iter().filter(|row| row.version > LISTED) {
            let at = newest.entry(row.context.id).or_insert(row.occurred_at);
            *at = row.occurred_at.max(*at);
        }
        Ok(newest)
    }

    /// From now on people and places are called so.
    pub(crate) fn call(&self, names: Names) {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// True if nobody was named yet.
    pub(crate) fn nameless(&self) -> bool {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) == Names::default()
    }

    /// Reads something that came at this time, or now.
    pub(crate) fn read<T>(&self, came: Option<Timestamp>, read: impl FnOnce(Reader<'_>) -> T) -> T {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = came.unwrap_or_else(|| self.clock.now());
        read(Reader { account: &self.account, app_url: &self.app_url, names: &names, now })
    }

    /// Takes things in, in the order in which they happened, and moves the cursor when all of them are kept.
    pub(crate) async fn take(
        &self,
        mut told: Vec<Told>,
        from: From,
        moved: impl FnOnce(&mut Place),
    ) -> Result<(), Failure> {
        let mut place = self.place.lock().await;
        let mut next = place.clone();
        moved(&mut next);
        // Podium keeps their order, but not across retries of a relay; and a list has an order of its own.
        told.sort_by_key(|told| told.row.occurred_at);
        let cursor = || (next != *place).then(|| next.written()).flatten();
        let mut batches = told.chunks(TOGETHER).peekable();
        if batches.peek().is_none() {
            self.take_together(&[], from, cursor()).await?;
        }
        while let Some(batch) = batches.next() {
            let cursor = batches.peek().is_none().then(cursor).flatten();
            self.take_together(batch, from, cursor).await?;
        }
        *place = next;
        Ok(())
    }

    /// The cursor is committed with the last rows, and after all others.
    async fn take_together(&self, batch: &[Told], from: From, cursor: Option<Cursor>) -> Result<(), Failure> {
        // What is kept, and then what comes before in the same batch.
        let mut known = self.known(batch).await?;
        let (mut rows, mut waited, mut late, mut old) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for told in batch {
            let Some(row) = self.news(told, &known).await? else { continue };
            known.insert(row.external_id.clone(), row.clone());
            match from {
                From::Comparison(present) if is_older(&row, ON_ITS_WAY, present) => late.push(row),
                From::Stream(present) if is_older(&row, WAITED, present) => waited.push(row),
                From::FirstList(listened) if listened.is_none_or(|since| row.occurred_at < since) => {
                    old.push(row)
                }
                From::Kept
                | From::Stream(_)
                | From::Belfry
                | From::List
                | From::FirstList(_)
                | From::Comparison(_) => rows.push(row),
            }
        }
        if !old.is_empty() {
            self.reports.deliver(old, Arrival::FirstFill, None).await?;
        }
        if !late.is_empty() {
            self.reports.deliver_found_late(late).await?;
        }
        if !waited.is_empty() {
            self.reports.deliver(waited, Arrival::Backlog, None).await?;
        }
        let arrival = match from {
            From::Stream(_) | From::Belfry | From::Comparison(_) => Arrival::Live,
            From::Kept | From::List | From::FirstList(_) => Arrival::Backlog,
        };
        if !rows.is_empty() || cursor.is_some() {
            self.reports.deliver(rows, arrival, cursor).await?;
        }
        Ok(())
    }

    /// What is kept under any of their names.
    async fn known(&self, batch: &[Told]) -> Result<BTreeMap<String, Notification>, Failure> {
        let names: BTreeSet<&String> = batch.iter().flat_map(names).collect();
        let asked = join_all(names.iter().map(|name| self.reports.kept_one(name))).await;
        let mut known = BTreeMap::new();
        for (name, kept) in names.into_iter().zip(asked) {
            if let Some(kept) = kept? {
                known.insert(name.clone(), kept);
            }
        }
        Ok(known)
    }

    /// The row to keep, if this is news beside what is known.
    async fn news(
        &self,
        told: &Told,
        known: &BTreeMap<String, Notification>,
    ) -> Result<Option<Notification>, Failure> {
        let mut row = told.row.clone();
        let kept = match names(told).find_map(|name| known.get(name)) {
            Some(kept) => Some(kept.clone()),
            None => self.under_another_name(told, known).await?,
        };
        let Some(kept) = kept else { return Ok(Some(row)) };
        row.external_id.clone_from(&kept.external_id);
        Ok(later(&kept, row))
    }

    /// A message that lacks its own name, or the names of its items, may be kept under the other one.
    async fn under_another_name(
        &self,
        told: &Told,
        known: &BTreeMap<String, Notification>,
    ) -> Result<Option<Notification>, Failure> {
        if !told.row.external_id.starts_with(MESSAGES) || is_fully_named(&told.row) {
            return Ok(None);
        }
        let kept = self.reports.kept(MESSAGES, Some(told.row.occurred_at), LOOKED_THROUGH).await?;
        let names: Vec<&String> = names(told).collect();
        let is_it = |row: &&Notification| {
            super::normalize::message_names(&data(row)).iter().any(|name| names.contains(&name))
        };
        Ok(known.values().find(is_it).cloned().or_else(|| kept.iter().find(is_it).cloned()))
    }
}

/// Every name of a thing, the best one first.
fn names(told: &Told) -> impl Iterator<Item = &String> {
    std::iter::once(&told.row.external_id).chain(&told.also)
}

/// The data of a kept row.
fn data(row: &Notification) -> Value {
    let raw: Value = serde_json::from_str(&row.raw).unwrap_or_default();
    field(&raw, "data").clone()
}

fn is_fully_named(row: &Notification) -> bool {
    let data = data(row);
    !field(&data, "uid").is_null() && !items(field(&data, "items")).is_empty()
}

/// What a thing that is kept already becomes: its later version, if there is something new about it. Pure.
fn later(kept: &Notification, row: Notification) -> Option<Notification> {
    let quietly = |row: Notification| Notification { no_news: row.no_news || !row.wants_banner, ..row };
    if row.external_id.starts_with(REVIEWS) {
        if row.version < kept.version {
            return None;
        }
        let (before, after) = (data(kept), data(&row));
        if before == after {
            return None;
        }
        let version = row.version.max(kept.version.saturating_add(1));
        if same_review(&before, &after) {
            // An answer, or whom it is put down to: what the row says stays.
            return Some(Notification {
                version,
                raw: row.raw,
                context: row.context,
                no_news: true,
                ..kept.clone()
            });
        }
        // It is made once: what is told as made again was changed, which was told or is not wanted.
        let again = row.kind == Kind::Podium(PodiumKind::ReviewCreated);
        return Some(Notification { version, no_news: row.no_news || again, ..row });
    }
    if row.version <= kept.version || row.kind == kept.kind && row.external_id.starts_with(MESSAGES) {
        return None;
    }
    Some(quietly(row))
}

/// True if it happened so long before this.
fn is_older(row: &Notification, than: SignedDuration, present: Timestamp) -> bool {
    row.occurred_at.checked_add(than).is_ok_and(|due| due <= present)
}

#[cfg(test)]
#[path = "taking_tests.rs"]
mod tests;

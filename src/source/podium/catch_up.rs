//! Catching up: what Podium's lists have that Belfry may have missed. Contacts and calls are in no list that says what happened to them.
//!
//! In: up to when each list was taken in. Out: what is new, batch by batch, and last, when all of it is kept, the new cursor. Conversations
//! have no filter and no documented order: pages are read as long as they may hold something new, up to a limit.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tracing::info;

use super::api::{Api, ApiError, Pages};
use super::normalize::{Told, listed_invite, listed_invoice, listed_message, listed_review};
use super::taking::{From, Place, Taking};
use crate::link::Failure;
use crate::notification::{Kind, PodiumKind};
use crate::source::podio::json::{field, items, text, time};

/// Lists tell whole seconds and grow while they are read: so much of the past is read once more.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);
/// Pages of a list that a catch-up reads at most: of conversations, of one conversation's messages (which come ten at a time), of the rest.
const CONVERSATIONS: usize = 20;
const MESSAGES: usize = 50;
const OTHERS: usize = 20;
/// The first fill of a new account takes in the newest messages of so many conversations, and a page of the rest.
const FIRST_CONVERSATIONS: usize = 20;
/// Conversations that do not say when something was last said, looked at all the same.
const TIMELESS: usize = 20;

/// All that happens to invoices.
const INVOICES: [PodiumKind; 8] = [
    PodiumKind::InvoiceCreated,
    PodiumKind::InvoiceDisabled,
    PodiumKind::InvoiceMarkedAsPaid,
    PodiumKind::InvoicePaymentCreated,
    PodiumKind::InvoicePaymentFailed,
    PodiumKind::InvoicePaymentSucceeded,
    PodiumKind::InvoiceRefundCreated,
    PodiumKind::InvoiceRefundFailed,
];

/// What a catch-up needs.
#[derive(Debug)]
pub(super) struct CatchUp {
    /// The API.
    pub(super) api: Api,
    /// The way into the engine.
    pub(super) taking: Taking,
    /// The one location that is listened to.
    pub(super) location: Option<String>,
    /// The events that are wanted.
    pub(super) events: Vec<String>,
    /// When the webhook was made.
    pub(super) listened_since: Option<Timestamp>,
    /// The webhook should have told everything since the last one.
    pub(super) live: bool,
    /// The webhook told everything while Belfry was away, in its order, and nothing of it is in doubt: a conversation whose last message is
    /// kept misses none.
    pub(super) whole: bool,
}

/// A list that was not read, and why, in a sentence.
pub(super) type Unread = String;

impl CatchUp {
    /// Catches up. After a failure nothing is lost: what was delivered is kept, the cursor has not moved. Gives what Podium did not let
    /// be read.
    pub(super) async fn run(self) -> Result<Vec<Unread>, Failure> {
        let since = self.taking.place().await;
        let present = self.api.service_now();
        let mut next = since.clone();
        let mut unread = Vec::new();
        let mut note = |read: Result<Option<Timestamp>, ApiError>, mark: &mut Option<Timestamp>| match read {
            Ok(newest) => {
                // Never beyond the service's present: a wrong date must not make us skip what is to come.
                let newest = newest.map(|newest| newest.min(self.api.service_now()));
                *mark = newest.max(*mark).or(Some(present));
                Ok(())
            }
            Err(ApiError::Failed(failure)) => Err(failure),
            Err(error @ (ApiError::Gone | ApiError::OldCursor)) => Err(error.into_failure()),
            Err(error @ (ApiError::Scope { .. } | ApiError::Refused(_))) => {
                unread.push(error.to_string());
                Ok(())
            }
        };
        use PodiumKind as K;
        if self.wants_any(&[K::MessageReceived, K::MessageSent, K::MessageFailed]) {
            note(self.messages(since.messages).await, &mut next.messages)?;
        }
        if self.wants_any(&[K::ReviewCreated, K::ReviewUpdated]) {
            note(self.reviews(since.reviews).await, &mut next.reviews)?;
        }
        if self.wants_any(&[K::ReviewInviteCreated, K::ReviewInviteUpdated]) {
            note(self.invites(since.invites).await, &mut next.invites)?;
        }
        if self.wants_any(&INVOICES) {
            let read = self.invoices(since.invoices).await;
            note(read.map(|()| Some(present)), &mut next.invoices)?;
        }
        let (messages, reviews, invites, invoices) =
            (next.messages, next.reviews, next.invites, next.invoices);
        let moved = |place: &mut Place| {
            (place.messages, place.reviews, place.invites, place.invoices) =
                (messages, reviews, invites, invoices);
        };
        self.taking.take(Vec::new(), From::List, moved).await?;
        Ok(unread)
    }

    fn wants(&self, kind: PodiumKind) -> bool {
        self.events.iter().any(|event| event == kind.name())
    }

    fn wants_any(&self, kinds: &[PodiumKind]) -> bool {
        kinds.iter().any(|kind| self.wants(*kind))
    }

    /// As what a thing of a list is told: as what `seems` to have happened to it. A list shows how things are, so what was made since and then
    /// changed (an answer is enough) seems changed only; whoever wants to hear of what is `made` hears of it so.
    fn told_as(
        &self,
        seems: PodiumKind,
        made: PodiumKind,
        thing: &Value,
        since: Option<Timestamp>,
    ) -> Option<PodiumKind> {
        if self.wants(seems) {
            return Some(seems);
        }
        let is_new = || is_since(time(field(thing, "createdAt")), since);
        (self.wants(made) && is_new()).then_some(made)
    }

    fn from(&self, since: Option<Timestamp>) -> From {
        match since {
            None => From::FirstList(self.listened_since),
            Some(_) if self.live => From::Comparison(self.api.service_now()),
            Some(_) => From::List,
        }
    }

    /// Takes in what the person wants to hear of.
    async fn take(&self, mut told: Vec<Told>, since: Option<Timestamp>) -> Result<(), ApiError> {
        told.retain(|told| matches!(&told.row.kind, Kind::Podium(kind) if self.wants(*kind)));
        Ok(self.taking.take(told, self.from(since), |_| {}).await?)
    }

    /// The messages of every conversation in which something was said since. Gives when the newest was said.
    async fn messages(&self, since: Option<Timestamp>) -> Result<Option<Timestamp>, ApiError> {
        let most = if since.is_some() { CONVERSATIONS } else { 1 };
        let mut pages = self.api.conversations(self.location.as_deref(), most);
        let mut changed = Vec::new();
        let mut timeless = 0;
        while let Some(page) = pages.next().await? {
            for conversation in &page {
                match (last_said(conversation), since.map(back)) {
                    (Some(at), Some(since)) if at < since => {}
                    (None, Some(_)) if timeless >= TIMELESS => {}
                    (at, _) => {
                        timeless += usize::from(at.is_none());
                        changed.push(conversation.clone());
                    }
                }
            }
            if is_over(&page, last_said, since) {
                break;
            }
        }
        if pages.cut_short() && since.is_some() {
            info!(
                "there are more conversations than are looked through; what was missed in the others stays missed"
            );
        }
        changed.sort_by_key(last_said);
        if since.is_none() {
            changed = changed.split_off(changed.len().saturating_sub(FIRST_CONVERSATIONS));
        }
        let mut newest = changed.iter().map(last_said).max().flatten();
        if let Some(since) = since.filter(|_| self.whole) {
            let kept = self.taking.newest_said(back(since)).await?;
            changed.retain(|conversation| !has_all(conversation, &kept));
        }
        for conversation in &changed {
            newest = newest.max(self.messages_of(conversation, since).await?);
        }
        Ok(newest)
    }

    async fn messages_of(
        &self,
        conversation: &Value,
        since: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, ApiError> {
        let Some(uid) = text(field(conversation, "uid")) else { return Ok(None) };
        let most = if since.is_some() { MESSAGES } else { 1 };
        let mut pages = self.api.messages(&uid, most);
        let mut newest = None;
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                // A conversation may go while the list of them is read.
                Ok(None) | Err(ApiError::Gone) => return Ok(newest),
                Err(error) => return Err(error),
            };
            let new = page.iter().filter(|message| is_since(said(message), since));
            let told = new.filter_map(|message| {
                newest = newest.max(said(message));
                self.taking.read(None, |reader| listed_message(message, conversation, reader))
            });
            let told = told.collect();
            self.take(told, since).await?;
            if is_over(&page, said, since) {
                return Ok(newest);
            }
        }
    }

    async fn reviews(&self, since: Option<Timestamp>) -> Result<Option<Timestamp>, ApiError> {
        let pages = self.api.reviews(since.map(back), if since.is_some() { OTHERS } else { 1 });
        let read = |review: &Value| {
            let told_as = |seems| self.told_as(seems, PodiumKind::ReviewCreated, review, since);
            self.taking.read(None, |reader| listed_review(review, told_as, reader))
        };
        self.walk(pages, since, read).await
    }

    async fn invites(&self, since: Option<Timestamp>) -> Result<Option<Timestamp>, ApiError> {
        let pages = self.api.invites(since.map(back), if since.is_some() { OTHERS } else { 1 });
        let read = |invite: &Value| {
            let told_as = |seems| self.told_as(seems, PodiumKind::ReviewInviteCreated, invite, since);
            self.taking.read(None, |reader| listed_invite(invite, told_as, reader))
        };
        self.walk(pages, since, read).await
    }

    /// Takes in all of a list that Podium filters by when things were changed.
    async fn walk(
        &self,
        mut pages: Pages<'_>,
        since: Option<Timestamp>,
        read: impl Fn(&Value) -> Option<Told>,
    ) -> Result<Option<Timestamp>, ApiError> {
        let mut newest = None;
        while let Some(page) = pages.next().await? {
            let here = page.iter().filter(|thing| self.is_here(thing) && is_since(changed(thing), since));
            let told = here.filter_map(|thing| {
                newest = newest.max(changed(thing));
                read(thing)
            });
            let told = told.collect();
            self.take(told, since).await?;
        }
        Ok(newest)
    }

    async fn invoices(&self, since: Option<Timestamp>) -> Result<(), ApiError> {
        let Some(since) = since else {
            let page = self.api.invoices(self.location.as_deref(), None, 1);
            return self.walk_invoices(page, None).await;
        };
        // What else may happen to an invoice has no filter; a webhook alone tells it.
        for what in ["dateCreated", "datePaid", "dateRefunded"] {
            let pages = self.api.invoices(self.location.as_deref(), Some((what, back(since))), OTHERS);
            self.walk_invoices(pages, Some(since)).await?;
        }
        Ok(())
    }

    async fn walk_invoices(&self, mut pages: Pages<'_>, since: Option<Timestamp>) -> Result<(), ApiError> {
        while let Some(page) = pages.next().await? {
            let here = page.iter().filter(|invoice| self.is_here(invoice));
            let told = here.flat_map(|invoice| {
                self.taking.read(None, |reader| listed_invoice(invoice, since.map(back), reader))
            });
            let told = told.collect();
            self.take(told, since).await?;
        }
        Ok(())
    }

    /// True unless it belongs to other locations only.
    fn is_here(&self, thing: &Value) -> bool {
        let Some(location) = &self.location else { return true };
        let of = text(field(field(thing, "location"), "uid"));
        let mut places: Vec<String> =
            items(field(thing, "locations")).iter().filter_map(|one| text(field(one, "uid"))).collect();
        places.extend(of);
        places.is_empty() || places.contains(location)
    }
}

/// When something was last said in a conversation.
fn last_said(conversation: &Value) -> Option<Timestamp> {
    time(field(conversation, "lastItemAt")).or_else(|| time(field(conversation, "updatedAt")))
}

/// True if what was said last in a conversation is kept.
fn has_all(conversation: &Value, kept: &BTreeMap<String, Timestamp>) -> bool {
    let newest = text(field(conversation, "uid")).and_then(|uid| kept.get(&uid).copied());
    newest.zip(last_said(conversation)).is_some_and(|(kept, last)| last <= kept)
}

/// When a message was written.
fn said(message: &Value) -> Option<Timestamp> {
    let of_item = || items(field(message, "items")).iter().find_map(|item| time(field(item, "createdAt")));
    time(field(message, "createdAt")).or_else(of_item)
}

/// When a review, or a request for one, was changed.
fn changed(thing: &Value) -> Option<Timestamp> {
    time(field(thing, "updatedAt")).or_else(|| time(field(thing, "createdAt")))
}

fn back(since: Timestamp) -> Timestamp {
    since.checked_sub(OVERLAP).unwrap_or(since)
}

/// What does not say when it was, may be new.
fn is_since(at: Option<Timestamp>, since: Option<Timestamp>) -> bool {
    at.zip(since).is_none_or(|(at, since)| at >= back(since))
}

/// True if the pages behind this one are older still: the newest stand first, and the last of it is old.
fn is_over(page: &[Value], at: impl Fn(&Value) -> Option<Timestamp>, since: Option<Timestamp>) -> bool {
    let times: Option<Vec<Timestamp>> = page.iter().map(at).collect();
    let Some(times) = times.filter(|times| !times.is_empty()) else { return false };
    let falling = times.is_sorted_by(|earlier, later| earlier >= later) && times.first() > times.last();
    falling && times.last().is_some_and(|last| !is_since(Some(*last), since))
}

#[cfg(test)]
#[path = "catch_up_tests.rs"]
mod tests;

//! Catching up: everything the service has that Belfry may have missed, and what is still unread there.
//!
//! In: the cursor. Out: deliveries without a cursor page by page, then what is still unread and now and then what is starred, and last,
//! when all of it is kept, the new cursor. The cursor is a time of the service's clock: all that was created up to it has been taken in.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, ApiError, Listing};
use super::budget::Purpose;
use super::normalize::{self, Asks, Reader};
use super::paging::{Next, Paging};
use crate::account::AccountId;
use crate::link::{Cursor, Failure};
use crate::notification::{Arrival, Notification};
use crate::source::Reports;

/// How far behind the cursor a catch-up begins: what was created earlier may have become visible later.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// How many of the viewed ones the first fill of a new account takes in.
const FIRST_FILL: usize = 300;
/// Above so many unread ones, only those of the last days are compared with ours at every catch-up.
const MANY_UNREAD: i64 = 500;
const COMPARED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long a pushed notification is not yet expected in the service's lists.
const SETTLING: Duration = Duration::from_secs(30);
/// How far back the service is asked for what was read.
const JUST_READ: SignedDuration = SignedDuration::from_mins(10);
const MOST_HEARD: usize = 5_000;
/// More starred ones than this are not compared with ours.
const MOST_STARRED: usize = 2_000;
/// How long a push may be on its way, in the service's whole seconds: what is younger is not late.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(2);

#[derive(Serialize, Deserialize)]
struct Kept {
    created_on: Timestamp,
}

/// Reads a stored cursor. One that is not understood counts as none: the first fill then takes all in again, quietly.
pub(crate) fn read_cursor(cursor: &Cursor) -> Option<Timestamp> {
    serde_json::from_str::<Kept>(&cursor.0).ok().map(|kept| kept.created_on)
}

fn write_cursor(created_on: Timestamp) -> Option<Cursor> {
    serde_json::to_string(&Kept { created_on }).ok().map(Cursor)
}

/// The notifications heard by push of late: a list fetched meanwhile may not have them yet, and they are not “read elsewhere” for that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    recent: Arc<Mutex<VecDeque<(Instant, i64)>>>,
}

impl Heard {
    /// Notes one. False if it was heard before.
    pub(crate) fn note(&self, id: i64, now: Instant) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let new = recent.iter().rev().all(|(_, heard)| *heard != id);
        if new {
            recent.push_back((now, id));
            if recent.len() > MOST_HEARD {
                recent.pop_front();
            }
        }
        new
    }

    /// True if this was heard of late.
    fn knows(&self, id: i64) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().any(|(_, heard)| *heard == id)
    }

    /// Those heard since shortly before `since`; `None` if some of them may have been forgotten.
    pub(crate) fn since(&self, since: Instant) -> Option<Vec<i64>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let from = since.checked_sub(SETTLING).unwrap_or(since);
        let whole = recent.len() < MOST_HEARD || recent.front().is_some_and(|(at, _)| *at < from);
        whole.then(|| recent.iter().filter(|(at, _)| *at >= from).map(|(_, id)| *id).collect())
    }
}

/// What a catch-up needs.
#[derive(Debug, Clone)]
pub(crate) struct CatchUp {
    /// The API.
    pub(crate) api: Api,
    /// The line to the engine.
    pub(crate) reports: Reports,
    /// The account.
    pub(crate) account: AccountId,
    /// The signed-in user.
    pub(crate) me: Option<i64>,
    /// What the account's own settings ask for.
    pub(crate) asks: Asks,
    /// Our clock at the start.
    pub(crate) now: Timestamp,
    /// The monotonic clock at the start.
    pub(crate) started: Instant,
    /// Where the last one ended; `None` if there was none.
    pub(crate) since: Option<Timestamp>,
    /// How many are unread, as far as is known.
    pub(crate) unread: Option<i64>,
    /// What the push says meanwhile.
    pub(crate) heard: Heard,
    /// The link was live all the time: what was made a while ago should have been heard.
    pub(crate) late: bool,
    /// Look at what is starred, too.
    pub(crate) stars: bool,
    /// How much depends on it.
    pub(crate) purpose: Purpose,
}

/// How a catch-up ended.
#[derive(Debug)]
pub(crate) struct CaughtUp {
    /// Where the next one begins.
    pub(crate) cursor: Timestamp,
    /// How many are unread at the service, if all were counted.
    pub(crate) unread: Option<i64>,
    /// True if what is starred was taken in, too.
    pub(crate) stars: bool,
    /// The notifications taken in, whole.
    pub(crate) seen: BTreeSet<i64>,
}

impl CatchUp {
    /// Catches up. After a failure nothing is lost: what was delivered is kept, the cursor has not moved.
    pub(crate) async fn run(self) -> Result<CaughtUp, Failure> {
        let begun = self.api.service_now();
        let arrival = if self.since.is_some() { Arrival::Backlog } else { Arrival::FirstFill };
        let from = self.since.map(|since| since.checked_sub(OVERLAP).unwrap_or(since));
        let (mut seen, mut newest, mut read_there) = (BTreeSet::new(), None, BTreeSet::new());

        let recent = Listing { created_from: from, ..Listing::default() };
        let most = if from.is_some() { usize::MAX } else { FIRST_FILL };
        self.go_through(&recent, most, begun, arrival, &mut seen, |page| {
            newest = newest.max(page.iter().map(|one| one.occurred_at).max());
            read_there.extend(page.iter().filter(|one| one.read).map(|one| one.external_id.clone()));
        })
        .await?;

        let unread = self.still_unread(begun, arrival, &mut seen, read_there).await?;
        if self.stars {
            self.starred(arrival, &mut seen).await?;
        }

        // Never beyond the service's present: a wrong date must not make us skip what is to come.
        let reached = newest.map(|newest| begun.map_or(newest, |begun| newest.min(begun)));
        let cursor = reached.max(self.since).or(begun).unwrap_or(self.now);
        if self.since != Some(cursor) {
            self.reports.deliver(Vec::new(), arrival, write_cursor(cursor)).await?;
        }
        Ok(CaughtUp { cursor, unread, stars: self.stars, seen })
    }

    /// Takes in what is unread there, and tells the engine which those are: what it lacks was read elsewhere, and what it has and is read
    /// here was marked unread elsewhere.
    async fn still_unread(
        &self,
        begun: Option<Timestamp>,
        arrival: Arrival,
        seen: &mut BTreeSet<i64>,
        mut read_there: BTreeSet<String>,
    ) -> Result<Option<i64>, Failure> {
        let asked = self.started;
        let many = self.since.is_some() && self.unread.is_some_and(|unread| unread > MANY_UNREAD);
        let from = if many { begun.unwrap_or(self.now).checked_sub(COMPARED).ok() } else { None };
        // What the person reads while we read the list stays in it, so that nothing moves up unseen; and what they read just before is
        // in it too, marked as read.
        let viewed_from = begun.and_then(|begun| begun.checked_sub(JUST_READ).ok());
        let list = Listing { unviewed: true, viewed_from, created_from: from, starred: false };
        let mut unread = BTreeSet::new();
        self.go_through(&list, usize::MAX, begun, arrival, seen, |page| {
            for one in page {
                let of = if one.read { &mut read_there } else { &mut unread };
                of.insert(one.external_id.clone());
            }
        })
        .await?;
        self.reports.unread_there(unread.iter().cloned().collect(), self.now).await?;
        let count = i64::try_from(unread.len()).ok().filter(|_| from.is_none());
        if let Some(heard) = self.heard.since(asked) {
            let heard = heard.into_iter().map(normalize::notification_id);
            unread.extend(heard.filter(|id| !read_there.contains(id)));
            let family = normalize::NOTIFICATIONS.to_owned();
            self.reports.still_unread(family, unread.into_iter().collect(), from).await?;
        }
        Ok(count)
    }

    /// Takes in what is starred there, and tells the engine which those are.
    async fn starred(&self, arrival: Arrival, seen: &mut BTreeSet<i64>) -> Result<(), Failure> {
        let list = Listing { starred: true, ..Listing::default() };
        let mut starred = BTreeSet::new();
        // A star says nothing of when it should have been heard.
        self.go_through(&list, MOST_STARRED, None, arrival, seen, |page| {
            starred.extend(page.iter().map(|one| one.external_id.clone()));
        })
        .await?;
        if starred.len() >= MOST_STARRED {
            return Ok(());
        }
        self.reports.starred(normalize::NOTIFICATIONS.to_owned(), starred.into_iter().collect()).await
    }

    /// True if this should have come by push.
    fn is_late(&self, one: &Notification, begun: Option<Timestamp>) -> bool {
        let sent = one.occurred_at.checked_add(ON_ITS_WAY).unwrap_or(one.occurred_at);
        let heard = normalize::number(&one.external_id).is_none_or(|id| self.heard.knows(id));
        // What is older was made while nobody listened, and unread again only now.
        let recent = self
            .since
            .and_then(|since| since.checked_sub(OVERLAP).ok())
            .is_some_and(|from| one.occurred_at >= from);
        self.late && recent && !heard && begun.is_some_and(|begun| sent <= begun)
    }

    /// Goes through a list and delivers what was not seen yet; `look` sees every notification of every page.
    async fn go_through(
        &self,
        list: &Listing,
        most: usize,
        begun: Option<Timestamp>,
        arrival: Arrival,
        seen: &mut BTreeSet<i64>,
        mut look: impl FnMut(&[Notification]),
    ) -> Result<(), Failure> {
        let reader = Reader { account: &self.account, me: self.me, now: self.now, asks: self.asks };
        let (mut paging, mut next) = (Paging::default(), Next::Page(0));
        while let Next::Page(offset) = next {
            let asked = self.api.list(list, offset, self.purpose).await;
            let groups = asked.map_err(ApiError::into_failure)?;
            let numbers: Vec<Vec<i64>> = groups.iter().map(normalize::numbers).collect();
            let (_, after) = paging.took(&numbers);
            next = if paging.seen() >= most { Next::Done } else { after };
            let page = notifications(&groups, reader);
            look(&page);
            let new: Vec<Notification> = page
                .into_iter()
                .filter(|one| normalize::number(&one.external_id).is_some_and(|id| seen.insert(id)))
                .collect();
            let (late, new): (Vec<_>, Vec<_>) = new.into_iter().partition(|one| self.is_late(one, begun));
            if !late.is_empty() {
                self.reports.deliver_found_late(late).await?;
            }
            if !new.is_empty() {
                self.reports.deliver(new, arrival, None).await?;
            }
        }
        Ok(())
    }
}

/// The numbers of all notifications of a list; `None` if there are more than `most`.
pub(crate) async fn numbers_of(
    api: &Api,
    list: &Listing,
    most: usize,
    purpose: Purpose,
) -> Result<Option<BTreeSet<i64>>, ApiError> {
    let (mut paging, mut next, mut all) = (Paging::default(), Next::Page(0), BTreeSet::new());
    while let Next::Page(offset) = next {
        let groups = api.list(list, offset, purpose).await?;
        let numbers: Vec<Vec<i64>> = groups.iter().map(normalize::numbers).collect();
        all.extend(numbers.iter().flatten());
        if all.len() > most {
            return Ok(None);
        }
        (_, next) = paging.took(&numbers);
    }
    Ok(Some(all))
}

/// All notifications of a page, oldest first.
fn notifications(groups: &[Value], reader: Reader<'_>) -> Vec<Notification> {
    let mut all: Vec<Notification> =
        groups.iter().flat_map(|group| normalize::group(group, reader)).collect();
    all.sort_by_key(|one| one.occurred_at);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_stored_form_and_a_strange_one_counts_as_none() {
        let time: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(read_cursor(&write_cursor(time).unwrap()), Some(time));
        assert_eq!(read_cursor(&Cursor("17".into())), None);
    }

    #[test]
    fn what_was_heard_of_late_is_remembered_unless_it_is_too_much() {
        let (heard, start) = (Heard::default(), Instant::now());
        assert!(heard.note(1, start));
        assert!(!heard.note(1, start));
        let later = start + SETTLING + Duration::from_secs(1);
        heard.note(2, later);
        assert_eq!(heard.since(later), Some(vec![2]));
        assert_eq!(heard.since(start), Some(vec![1, 2]));
        for id in 0..6_000 {
            heard.note(id, later);
        }
        assert_eq!(heard.since(later), None);
    }
}

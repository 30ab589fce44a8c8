//! Catching up: what the service's lists have that Belfry may have missed, and what they do not have any more.
//!
//! In: the cursor. Out: what changed, page by page, and last, when all of it is kept, the new cursor. The cursor is a time of the service's
//! clock: all that happened up to it has been taken in. An item that is kept here, and in neither the list nor the trash although the list
//! goes far enough back, was deleted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::info;

use super::api::{Api, PAGE, Page};
use super::item::{Change, Item, Seen};
use super::normalize::{FAMILY, external_id, kept_item};
use super::taking::{From, Taken, Taking};
use crate::link::{Cursor, Failure};
use crate::notification::{Arrival, Notification};

/// How many items the first fill of a new account takes in.
const FIRST_FILL: usize = 100;
/// No catch-up goes further back than this.
const MOST_PAGES: usize = 60;
/// Nor further into the trash.
const MOST_TRASH: usize = 20;
/// At most so many kept items are looked for in the lists.
const COMPARED: usize = 2_000;

#[derive(Serialize, Deserialize)]
struct Kept {
    changed_at: Timestamp,
}

/// Reads a stored cursor. One that is not understood counts as none: the first fill then takes all in again, quietly.
pub(crate) fn read_cursor(cursor: &Cursor) -> Option<Timestamp> {
    serde_json::from_str::<Kept>(&cursor.0).ok().map(|kept| kept.changed_at)
}

fn write_cursor(changed_at: Timestamp) -> Option<Cursor> {
    serde_json::to_string(&Kept { changed_at }).ok().map(Cursor)
}

/// What a catch-up needs.
#[derive(Debug, Clone)]
pub(crate) struct CatchUp {
    /// The API.
    pub(crate) api: Api,
    /// The way into the engine.
    pub(crate) taking: Taking,
    /// Our clock at the start.
    pub(crate) now: Timestamp,
    /// Where the last one ended; `None` if there was none.
    pub(crate) since: Option<Timestamp>,
    /// By what the first page is known again, if all of it was taken in.
    pub(crate) known: Option<String>,
    /// The stream was live all the time since then.
    pub(crate) live: bool,
}

/// How a catch-up ended.
#[derive(Debug)]
pub(crate) struct CaughtUp {
    /// Where the next one begins.
    pub(crate) cursor: Timestamp,
    /// By what the first page is known again.
    pub(crate) known: Option<String>,
}

/// What a way through a list saw.
#[derive(Debug, Default)]
struct Walk {
    /// The items of the list, by the names of their rows.
    listed: BTreeSet<String>,
    /// When the oldest of them was made.
    oldest: Option<Timestamp>,
    /// True if the list was seen to its end.
    whole: bool,
    /// The newest change among them.
    newest: Option<Timestamp>,
    /// How many pages that were.
    pages: usize,
    /// By what the first page is known again.
    etag: Option<String>,
    /// True if the first page is as it was.
    unchanged: bool,
}

impl CatchUp {
    /// Catches up. After a failure nothing is lost: what was delivered is kept, the cursor has not moved.
    pub(crate) async fn run(self) -> Result<CaughtUp, Failure> {
        self.taking.begin_to_note().await;
        let walk = match self.since {
            None => self.through(From::FirstList, |walk, _| walk.listed.len() >= FIRST_FILL, None).await?,
            Some(since) => {
                let from = self.source();
                let old = |walk: &Walk, page: &[Taken]| {
                    walk.pages >= MOST_PAGES || page.iter().all(|one| is_old(one, since))
                };
                self.through(from, old, self.known.as_deref()).await?
            }
        };
        let mut newest = walk.newest;
        if let Some(since) = self.since {
            if walk.pages >= MOST_PAGES && !walk.whole {
                info!("more happened to the items than is looked through; what is older stays as it was");
            }
            let trash = self.trash(since).await?;
            newest = newest.max(trash.newest);
            if !walk.unchanged {
                self.compare(&walk, &trash).await?;
            }
        }
        // Never beyond the service's present: a wrong date must not make us skip what is to come.
        let present = self.api.service_now().unwrap_or(self.now);
        let cursor = newest.map(|newest| newest.min(present)).max(self.since).unwrap_or(present);
        if self.since != Some(cursor) {
            let arrival = if self.since.is_some() { Arrival::Backlog } else { Arrival::FirstFill };
            self.taking.reports().deliver(Vec::new(), arrival, write_cursor(cursor)).await?;
        }
        Ok(CaughtUp { cursor, known: walk.etag })
    }

    fn source(&self) -> From {
        if self.live { From::Comparison(self.api.service_now()) } else { From::List }
    }

    /// Goes through the list from its newest end, until `done` says that it is far enough.
    async fn through(
        &self,
        from: From,
        done: impl Fn(&Walk, &[Taken]) -> bool,
        known: Option<&str>,
    ) -> Result<Walk, Failure> {
        let mut walk = Walk::default();
        loop {
            walk.pages += 1;
            let known = known.filter(|_| walk.pages == 1);
            let (items, etag) = match self.api.items(walk.pages, false, known).await? {
                Page::Items { items, etag } => (items, etag),
                Page::Unchanged => {
                    walk.unchanged = true;
                    walk.etag = known.map(ToOwned::to_owned);
                    return Ok(walk);
                }
            };
            if walk.pages == 1 {
                walk.etag = etag;
            }
            let short = items.len() < PAGE;
            // An empty page after others is the end. An empty first one may as well be a server in trouble: it says nothing.
            walk.whole = items.is_empty() && walk.pages > 1;
            // The list may have moved on while it was read, or the server knows no pages: nothing new is the end of the way too.
            if walk.note(&items) == 0 {
                return Ok(walk);
            }
            let taken = self.taking.take(oldest_first(items), from).await?;
            // A short page may be all there is, or all that the server gives at once: the next one tells.
            if done(&walk, &taken) && (!short || walk.pages > 1) {
                return Ok(walk);
            }
        }
    }

    /// Goes through the trash as far as the cursor.
    async fn trash(&self, since: Timestamp) -> Result<Walk, Failure> {
        let mut walk = Walk::default();
        let from = self.source();
        while walk.pages < MOST_TRASH {
            walk.pages += 1;
            let Page::Items { items, .. } = self.api.items(walk.pages, true, None).await? else { break };
            if walk.note(&items) == 0 {
                break;
            }
            let looks = self.worth_a_look(items, since).await?;
            if looks.is_empty() {
                break;
            }
            self.taking.take(looks, from).await?;
        }
        Ok(walk)
    }

    /// Of what lies in the trash: what was thrown away since, and what is not known to be gone.
    async fn worth_a_look(&self, items: Vec<Value>, since: Timestamp) -> Result<Vec<(Value, Seen)>, Failure> {
        let mut looks = Vec::new();
        for (look, seen) in oldest_first(items) {
            let Some(item) = Item::of(&look).filter(Item::is_gone) else { continue };
            let kept = self.taking.reports().kept_one(&external_id(&item.id)).await?;
            let open = match kept.as_ref().and_then(kept_item) {
                Some(kept) => !kept.is_gone(),
                None => item.deleted.is_some_and(|deleted| deleted > since),
            };
            if open {
                looks.push((look, seen));
            }
        }
        Ok(looks)
    }

    /// What is kept, and in neither list although the first goes far enough back, was deleted.
    async fn compare(&self, walk: &Walk, trash: &Walk) -> Result<(), Failure> {
        let from = if walk.whole { None } else { walk.oldest };
        if from.is_none() && !walk.whole {
            return Ok(());
        }
        let kept = self.taking.reports().kept(FAMILY, from, COMPARED).await?;
        let within = |kept: &Notification| {
            let Some(item) = kept_item(kept).filter(|item| !item.is_gone()) else { return false };
            // What was made in the very second at which the list was left may stand on the next page.
            walk.whole || item.created.zip(from).is_some_and(|(made, from)| made > from)
        };
        let seen = |kept: &Notification| {
            walk.listed.contains(&kept.external_id) || trash.listed.contains(&kept.external_id)
        };
        let mut missing: Vec<Notification> =
            kept.into_iter().filter(|kept| within(kept) && !seen(kept)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        // While pages are read one by one, an item that goes makes others slip from one page to the one before: a second look finds those.
        if walk.pages > 1 {
            let again = self.through(self.source(), |again, _| again.pages >= walk.pages, None).await?;
            missing.retain(|kept| !again.listed.contains(&kept.external_id));
        }
        let count = self.taking.take_missing(missing, self.source()).await?;
        if count > 0 {
            info!(count, "items that are in no list any more");
        }
        Ok(())
    }
}

impl Walk {
    /// Notes a page. Says how many of its items were not seen before.
    fn note(&mut self, items: &[Value]) -> usize {
        let items = items.iter().filter_map(Item::of);
        let mut new = 0;
        for item in items {
            self.newest = self.newest.max(item.changed());
            self.oldest = match (self.oldest, item.created) {
                (Some(oldest), Some(made)) => Some(oldest.min(made)),
                (oldest, made) => oldest.or(made),
            };
            new += usize::from(self.listed.insert(external_id(&item.id)));
        }
        new
    }
}

/// True if this was known as it is, and is no younger than the cursor.
fn is_old(one: &Taken, since: Timestamp) -> bool {
    matches!(one.change, Change::Nothing | Change::OnlyCounted)
        && one.item.changed().is_none_or(|changed| changed <= since)
}

/// A page, as looks in the order in which things happened.
fn oldest_first(items: Vec<Value>) -> Vec<(Value, Seen)> {
    items.into_iter().rev().map(|item| (item, Seen::Listed)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cursor_survives_its_stored_form_and_a_strange_one_counts_as_none() {
        let time: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        assert_eq!(read_cursor(&write_cursor(time).unwrap()), Some(time));
        assert_eq!(read_cursor(&Cursor(r#"{"created_on":"2026-11-22T10:00:00Z"}"#.into())), None);
    }

    #[test]
    fn a_walk_knows_how_far_back_it_went_and_what_it_saw_twice() {
        let item = |id: u32, day: u32| json!({"id": id, "created_at": format!("2026-11-{day:02}T00:00:00Z")});
        let mut walk = Walk::default();
        assert_eq!(walk.note(&[item(3, 9), item(2, 5), json!(null)]), 2);
        assert_eq!(walk.note(&[item(2, 5), item(1, 4), json!({"id": 9})]), 2);
        assert_eq!(
            (walk.oldest, walk.newest),
            ("2026-11-04T00:00:00Z".parse().ok(), "2026-11-09T00:00:00Z".parse().ok())
        );
        assert_eq!(walk.note(&[item(1, 4)]), 0);
    }
}

//! The table `wish`: what the person wants done at the service, kept until it is done, through crashes and days without a network.
//!
//! A wish that the service refused is closed at the very time at which its row is set back; the story tells it by that.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::column::maybe_time;
use super::marks::{self, ReadBy};
use super::{Store, StoreError, accounts, stars};
use crate::account::AccountId;
use crate::notification::{Mark, NotificationId, Thing, Together};

/// What the person last wished of a notification, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WishedMark {
    /// The wish.
    pub mark: Mark,
    /// When it was wished.
    pub wished_at: Timestamp,
    /// When the service had been told; `None` while it is still to be told.
    pub told_at: Option<Timestamp>,
    /// True if the service refused.
    pub refused: bool,
}

/// The person's last wishes of one notification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wished {
    /// About reading.
    pub read: Option<WishedMark>,
    /// About its star.
    pub star: Option<WishedMark>,
}

impl Store {
    /// The account's open wishes, oldest notification first: row, external id, and whether it shall be read (or unread again).
    pub async fn wishes(
        &self,
        account: &AccountId,
    ) -> Result<Vec<(NotificationId, String, bool)>, StoreError> {
        let account = account.clone();
        self.read("wishes", move |conn| {
            let number = accounts::number(conn, &account)?;
            let mut statement = conn.prepare_cached(OPEN)?;
            let rows = statement
                .query_map([number], |row| Ok((NotificationId(row.get(0)?), row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The service was told. Counts only if the open wish still is this one: the person may have changed their mind meanwhile.
    pub async fn wish_done(
        &self,
        account: AccountId,
        external_id: String,
        read: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("wish done", move |tx| {
            let number = accounts::number(tx, &account)?;
            tx.prepare_cached(
                "UPDATE wish SET told_at = ?4 WHERE told_at IS NULL AND read = ?3 AND notification =
                     (SELECT id FROM notification WHERE account = ?1 AND external_id = ?2)",
            )?
            .execute((number, external_id, read, now.as_millisecond()))?;
            Ok(())
        })
        .await
    }
}

impl Store {
    /// Which of the account's open wishes to mark as read could be told together, among the external ids that begin with `family`.
    pub async fn wished_together(&self, account: &AccountId, family: String) -> Result<Together, StoreError> {
        let account = account.clone();
        self.read("together", move |conn| {
            // Several statements that must see the same rows.
            let snapshot = conn.unchecked_transaction()?;
            let number = accounts::number(&snapshot, &account)?;
            let mut things: Vec<Thing> = Vec::new();
            let mut statement = snapshot.prepare_cached(TOGETHER)?;
            let mut rows = statement.query((number, &family))?;
            while let Some(row) = rows.next()? {
                let (what, id): (String, String) = (row.get(0)?, row.get(1)?);
                let external_id: String = row.get(2)?;
                match things.iter_mut().find(|thing| thing.what == what && thing.id == id) {
                    Some(thing) => thing.external_ids.push(external_id),
                    None => things.push(Thing { what, id, external_ids: vec![external_id] }),
                }
            }
            things.retain(|thing| thing.external_ids.len() > 1);
            if snapshot.prepare_cached(UNREAD_HINT)?.exists((number, &family))? {
                things.clear();
            }
            let mut unread = snapshot.prepare_cached(UNREAD_OF_THING)?;
            let mut whole = Vec::with_capacity(things.len());
            for thing in things {
                if !unread.exists((number, &thing.what, &thing.id, &family))? {
                    whole.push(thing);
                }
            }
            let everything = !snapshot.prepare_cached(UNREAD_OF_FAMILY)?.exists((number, &family))?;
            Ok(Together { things: whole, everything })
        })
        .await
    }

    /// What the person last wished of a notification, and what became of it.
    pub async fn wished(&self, id: NotificationId) -> Result<Wished, StoreError> {
        self.read("wished", move |conn| {
            let mut statement = conn.prepare_cached(WISHED)?;
            let mut rows = statement.query([id.0])?;
            let Some(row) = rows.next()? else { return Ok(Wished::default()) };
            let part = |at: usize, mark: fn(bool) -> Mark| -> rusqlite::Result<Option<WishedMark>> {
                let Some(set) = row.get::<_, Option<bool>>(at)? else { return Ok(None) };
                let (wished_at, told_at) = (maybe_time(row, at + 1)?, maybe_time(row, at + 2)?);
                let refused = row.get(at + 3)?;
                Ok(wished_at.map(|wished_at| WishedMark { mark: mark(set), wished_at, told_at, refused }))
            };
            Ok(Wished { read: part(0, Mark::Read)?, star: part(4, Mark::Starred)? })
        })
        .await
    }

    /// The service refused for good what the person wished: the row becomes as it `stands` there and the wish is closed. Gives the row if
    /// the wish still was this one.
    pub async fn wish_refused(
        &self,
        account: AccountId,
        external_id: String,
        wished: Mark,
        stands: Mark,
        now: Timestamp,
    ) -> Result<Option<NotificationId>, StoreError> {
        self.write("wish refused", move |tx| {
            let number = accounts::number(tx, &account)?;
            let close = match wished {
                Mark::Read(_) => CLOSE_READ,
                Mark::Starred(_) => CLOSE_STAR,
            };
            let closed = tx
                .prepare_cached(close)?
                .query_row((number, external_id, wished.is_set(), now.as_millisecond()), |row| row.get(0));
            let Some(id) = closed.optional()? else { return Ok(None) };
            match stands {
                Mark::Read(read) => marks::set(tx, NotificationId(id), read, ReadBy::Service, now)?,
                Mark::Starred(starred) => stars::set(tx, id, starred)?,
            };
            Ok(Some(NotificationId(id)))
        })
        .await
    }
}

const CLOSE_READ: &str = "UPDATE wish SET told_at = ?4 WHERE told_at IS NULL AND read = ?3 AND notification =
         (SELECT id FROM notification WHERE account = ?1 AND external_id = ?2) RETURNING notification";
const CLOSE_STAR: &str =
    "UPDATE star_wish SET told_at = ?4 WHERE told_at IS NULL AND starred = ?3 AND notification =
         (SELECT id FROM notification WHERE account = ?1 AND external_id = ?2) RETURNING notification";

pub(super) const TOGETHER: &str = "SELECT n.context_what, n.context_id, n.external_id
     FROM wish INDEXED BY wish_open CROSS JOIN notification AS n ON n.id = wish.notification
     WHERE wish.told_at IS NULL AND wish.read = 1 AND n.account = ?1 AND n.context_id <> ''
         AND substr(n.external_id, 1, length(?2)) = ?2
     ORDER BY wish.notification";

pub(super) const UNREAD_OF_THING: &str = "SELECT 1 FROM notification INDEXED BY notification_of_context
     WHERE account = ?1 AND context_what = ?2 AND context_id = ?3 AND context_id <> '' AND read = 0
         AND substr(external_id, 1, length(?4)) = ?4 LIMIT 1";

/// Nobody knows yet what a hint is about: it may be any of the things.
pub(super) const UNREAD_HINT: &str = "SELECT 1 FROM notification INDEXED BY notification_hint
     WHERE detail = 'hint' AND account = ?1 AND read = 0 AND substr(external_id, 1, length(?2)) = ?2 LIMIT 1";

pub(super) const UNREAD_OF_FAMILY: &str =
    "SELECT 1 FROM notification INDEXED BY notification_unread_of_account
     WHERE read = 0 AND account = ?1 AND substr(external_id, 1, length(?2)) = ?2 LIMIT 1";

/// Read by the service at the very time at which a wish for unread was closed: that was its refusal.
pub(super) const WISHED: &str = "SELECT w.read, w.wished_at, w.told_at,
         w.told_at IS NOT NULL AND w.read <> n.read AND (n.read = 0 OR n.read_at = w.told_at),
         s.starred, s.wished_at, s.told_at, s.told_at IS NOT NULL AND s.starred <> n.starred
     FROM notification AS n LEFT JOIN wish AS w ON w.notification = n.id
         LEFT JOIN star_wish AS s ON s.notification = n.id
     WHERE n.id = ?1";

pub(super) const OPEN: &str = "SELECT wish.notification, n.external_id, wish.read
     FROM wish INDEXED BY wish_open CROSS JOIN notification AS n ON n.id = wish.notification
     WHERE wish.told_at IS NULL AND n.account = ?1 ORDER BY wish.notification";

/// True while the service is still to be told about this notification.
pub(super) fn is_open(conn: &Connection, id: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM wish WHERE notification = ?1 AND told_at IS NULL)")?
        .query_row([id], |row| row.get(0))
}

/// Opens a wish, in place of an earlier one. Part of the transaction that sets the mark.
pub(super) fn open(conn: &Connection, id: i64, read: bool, now: Timestamp) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO wish (notification, read, wished_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (notification) DO UPDATE SET read = excluded.read, wished_at = excluded.wished_at, told_at = NULL",
    )?
    .execute((id, read, now.as_millisecond()))
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::{Thing, Together};
    use crate::notification::{Context, Mark, Notification, NotificationId};
    use crate::store::testing::{Bench, account, at, hint, id, told};
    use crate::store::{ReadBy, StoreError};

    #[tokio::test]
    async fn a_wish_stays_through_a_restart_until_it_is_done() {
        let mut bench = Bench::with_account().await;
        let row = bench.admit(vec![told("a", 1)]).await[0];
        bench.store.mark_read(vec![row], true, ReadBy::Person, at(10)).await.unwrap();
        bench.reopen().await;
        assert_eq!(bench.store.wishes(&id("podio")).await.unwrap(), [(row, "a".to_owned(), true)]);
        assert_eq!(bench.store.fate(row).await.unwrap().unwrap().told_service_at, None);
        bench.store.wish_done(id("podio"), "a".into(), true, at(20)).await.unwrap();
        assert!(bench.store.wishes(&id("podio")).await.unwrap().is_empty());
        let fate = bench.store.fate(row).await.unwrap().unwrap();
        assert_eq!((fate.wished_at, fate.told_service_at), (Some(at(10)), Some(at(20))));
    }

    #[tokio::test]
    async fn a_wish_that_changed_meanwhile_stays_open() {
        let bench = Bench::with_account().await;
        let row = bench.admit(vec![told("a", 1)]).await[0];
        bench.store.mark_read(vec![row], true, ReadBy::Person, at(10)).await.unwrap();
        bench.store.mark_read(vec![row], false, ReadBy::Person, at(11)).await.unwrap();
        bench.store.wish_done(id("podio"), "a".into(), true, at(20)).await.unwrap();
        assert_eq!(bench.store.wishes(&id("podio")).await.unwrap(), [(row, "a".to_owned(), false)]);
        bench.store.wish_done(id("podio"), "a".into(), false, at(30)).await.unwrap();
        assert!(bench.store.wishes(&id("podio")).await.unwrap().is_empty());
        bench.store.mark_read(vec![row], true, ReadBy::Person, at(40)).await.unwrap();
        assert_eq!(bench.store.wishes(&id("podio")).await.unwrap().len(), 1, "done once, wished again");
        assert_eq!(bench.store.fate(row).await.unwrap().unwrap().told_service_at, None);
    }

    #[tokio::test]
    async fn what_was_read_elsewhere_is_no_wish_and_a_service_mark_yields_to_one() {
        let bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 1), told("b", 2)]).await;
        bench.store.mark_read(vec![ids[0]], true, ReadBy::Service, at(10)).await.unwrap();
        assert!(bench.store.wishes(&id("podio")).await.unwrap().is_empty());
        bench.store.mark_read(vec![ids[1]], true, ReadBy::Person, at(11)).await.unwrap();
        let changed = bench.store.mark_read(vec![ids[1]], false, ReadBy::Service, at(12)).await.unwrap();
        assert!(changed.is_empty());
        assert!(bench.store.get(ids[1]).await.unwrap().unwrap().read);
    }

    #[tokio::test]
    async fn what_is_about_one_thing_is_told_together_unless_something_of_it_is_unread() {
        let bench = Bench::with_account().await;
        let about = |name: &str, what: &str, id: &str| Notification {
            context: Context { what: what.into(), id: id.into(), ..Context::default() },
            ..told(name, 1)
        };
        let ids = bench
            .admit(vec![
                about("n1", "item", "7"),
                about("n2", "item", "7"),
                about("n3", "task", "7"),
                about("n4", "item", "8"),
                about("n5", "item", "8"),
                about("n6", "", ""),
                about("n7", "", ""),
                about("c1", "item", "7"),
            ])
            .await;
        let together = async || bench.store.wished_together(&id("podio"), "n".into()).await.unwrap();
        let read = async |which: &[NotificationId], read| {
            bench.store.mark_read(which.to_vec(), read, ReadBy::Person, at(10)).await.unwrap();
        };
        assert_eq!(together().await, Together::default());
        read(&[ids[0], ids[1], ids[2], ids[3], ids[5], ids[6]], true).await;
        let seven =
            Thing { what: "item".into(), id: "7".into(), external_ids: vec!["n1".into(), "n2".into()] };
        assert_eq!(together().await, Together { things: vec![seven.clone()], everything: false });
        read(&[ids[4]], true).await;
        let eight =
            Thing { what: "item".into(), id: "8".into(), external_ids: vec!["n4".into(), "n5".into()] };
        let all = Together { things: vec![seven.clone(), eight.clone()], everything: true };
        assert_eq!(together().await, all, "what is unread in another family does not count");
        let hint = bench.admit(vec![hint("n9", 2)]).await[0];
        assert_eq!(together().await, Together::default(), "it may be about any of them");
        bench.store.mark_read(vec![hint], true, ReadBy::Service, at(11)).await.unwrap();
        assert_eq!(together().await, all);
        read(&[ids[0]], false).await;
        assert_eq!(together().await, Together { things: vec![eight.clone()], everything: false });
        bench.store.wish_done(id("podio"), "n4".into(), true, at(20)).await.unwrap();
        assert_eq!(together().await, Together::default(), "one call for one is no gain");
    }

    #[tokio::test]
    async fn a_refused_wish_is_closed_and_the_row_is_as_at_the_service() {
        let bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 1), told("b", 2)]).await;
        let (read, unread) = (Mark::Read(true), Mark::Read(false));
        bench.store.mark_read(ids.clone(), true, ReadBy::Person, at(10)).await.unwrap();
        bench.store.set_starred(vec![ids[0]], true, at(11)).await.unwrap();
        let refused = async |name: &str, mark: Mark, ms| {
            bench.store.wish_refused(id("podio"), name.into(), mark, mark.opposite(), at(ms)).await.unwrap()
        };
        assert_eq!(refused("a", unread, 20).await, None, "that is not what is wished");
        assert_eq!(refused("a", read, 20).await, Some(ids[0]));
        assert_eq!(refused("a", Mark::Starred(true), 21).await, Some(ids[0]));
        assert_eq!(refused("a", read, 22).await, None, "closed already");
        let row = bench.store.get(ids[0]).await.unwrap().unwrap();
        assert!(!row.read && !row.notification.starred);
        let wished = bench.store.wished(ids[0]).await.unwrap();
        let story = wished.read.unwrap();
        assert_eq!((story.mark, story.wished_at, story.told_at), (read, at(10), Some(at(20))));
        assert!(story.refused && wished.star.unwrap().refused);
        let wished = bench.store.wished(ids[1]).await.unwrap();
        assert!(!wished.read.unwrap().refused && wished.star.is_none(), "still open");

        // The other way round: what is read elsewhere after the wish for unread was told is no refusal.
        bench.store.wish_done(id("podio"), "b".into(), true, at(30)).await.unwrap();
        bench.store.mark_read(vec![ids[1]], false, ReadBy::Person, at(31)).await.unwrap();
        assert_eq!(refused("b", unread, 32).await, Some(ids[1]));
        assert!(bench.store.wished(ids[1]).await.unwrap().read.unwrap().refused);
        bench.store.mark_read(vec![ids[1]], false, ReadBy::Person, at(33)).await.unwrap();
        bench.store.wish_done(id("podio"), "b".into(), false, at(34)).await.unwrap();
        bench.store.mark_read(vec![ids[1]], true, ReadBy::Service, at(35)).await.unwrap();
        assert!(!bench.store.wished(ids[1]).await.unwrap().read.unwrap().refused);
    }

    #[tokio::test]
    async fn wishes_belong_to_their_account() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        let row = bench.admit(vec![told("a", 1)]).await[0];
        bench.store.mark_read(vec![row], true, ReadBy::Person, at(10)).await.unwrap();
        assert!(bench.store.wishes(&id("other")).await.unwrap().is_empty());
        bench.store.wish_done(id("other"), "a".into(), true, at(20)).await.unwrap();
        assert_eq!(bench.store.wishes(&id("podio")).await.unwrap().len(), 1);
        let nobody = bench.store.wishes(&id("nobody")).await;
        assert_eq!(nobody, Err(StoreError::NoAccount(id("nobody"))));
    }
}

//! The table `notification`, its read marks: set by the person here, or by what the service says.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Store, StoreError, accounts, wishes};
use crate::account::AccountId;
use crate::notification::NotificationId;

/// Who says that something was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBy {
    /// The person, here. The service is still to be told.
    Person,
    /// The service: it was read elsewhere.
    Service,
}

/// The service's list of what is unread there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StillUnread {
    /// Only rows whose external id begins with this are spoken of.
    pub family: String,
    /// External ids.
    pub unread: Vec<String>,
    /// The list is complete for everything that happened from here on; `None` means from the beginning.
    pub since: Option<Timestamp>,
}

pub(super) const READERS: &[(ReadBy, &str)] = &[(ReadBy::Person, "person"), (ReadBy::Service, "service")];

impl ReadBy {
    /// Its name in JSON output and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }
}

impl Store {
    /// Marks as read or unread and gives back the ones that changed. The person's mark opens a wish to tell the service, in the same
    /// transaction; the service's mark leaves alone what has an open wish: it speaks of a time before the wish.
    pub async fn mark_read(
        &self,
        ids: Vec<NotificationId>,
        read: bool,
        by: ReadBy,
        now: Timestamp,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.write("mark read", move |tx| {
            let mut changed = Vec::new();
            for id in ids {
                let overruled = by == ReadBy::Service && wishes::is_open(tx, id.0)?;
                if overruled || !set(tx, id, read, by, now)? {
                    continue;
                }
                if by == ReadBy::Person {
                    wishes::open(tx, id.0, read, now)?;
                }
                changed.push(id);
            }
            Ok(changed)
        })
        .await
    }

    /// The rows about the same thing at the service as this one, itself included, oldest first: its whole thread. One that is about
    /// nothing known is a thread of its own.
    pub async fn thread(&self, id: NotificationId) -> Result<Vec<NotificationId>, StoreError> {
        self.read("thread", move |conn| {
            let mut statement = conn.prepare_cached(THREAD)?;
            let rows = statement.query_map([id.0], |row| Ok(NotificationId(row.get(0)?)))?;
            let mut ids = rows.collect::<Result<Vec<_>, _>>()?;
            ids.sort_unstable();
            Ok(ids)
        })
        .await
    }

    /// The person marks all as read, of one account or of all. Gives back what changed, oldest row first; each opens a wish.
    pub async fn mark_all_read(
        &self,
        account: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.write("mark all read", move |tx| {
            let (which, number) = match account {
                None => (ALL_UNREAD, None),
                Some(account) => (UNREAD_OF_ACCOUNT, Some(accounts::number(tx, &account)?)),
            };
            // The wishes first: afterwards nothing is unread any more.
            tx.prepare_cached(&wish_all_sql(which))?.execute((now.as_millisecond(), number))?;
            let mut statement = tx.prepare_cached(&mark_all_sql(which))?;
            let rows =
                statement.query_map((now.as_millisecond(), number), |row| Ok(NotificationId(row.get(0)?)))?;
            let mut ids = rows.collect::<Result<Vec<_>, _>>()?;
            ids.sort_unstable();
            Ok(ids)
        })
        .await
    }

    /// Takes back what [`Store::mark_all_read`] did at that time to these, as far as they are still read by it. Gives back what changed.
    pub async fn unmark(
        &self,
        ids: Vec<NotificationId>,
        marked_at: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.write("unmark", move |tx| {
            let mut changed = Vec::new();
            for id in ids {
                let still =
                    tx.prepare_cached(STILL_READ_BY_THE_MARK)?.exists((id.0, marked_at.as_millisecond()))?;
                if still && set(tx, id, false, ReadBy::Person, now)? {
                    wishes::open(tx, id.0, false, now)?;
                    changed.push(id);
                }
            }
            Ok(changed)
        })
        .await
    }

    /// Takes in the service's own list of unread external ids: what is unread here beyond it was read elsewhere. Gives back the ones that
    /// changed.
    pub async fn still_unread(
        &self,
        account: AccountId,
        list: StillUnread,
        now: Timestamp,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.write("still unread", move |tx| {
            let number = accounts::number(tx, &account)?;
            let unread = serde_json::Value::from(list.unread).to_string();
            let since = list.since.map_or(i64::MIN, Timestamp::as_millisecond);
            let mut statement = tx.prepare_cached(STILL_UNREAD)?;
            let rows = statement
                .query_map((number, since, unread, now.as_millisecond(), list.family), |row| {
                    Ok(NotificationId(row.get(0)?))
                })?;
            let mut changed = rows.collect::<Result<Vec<_>, _>>()?;
            changed.sort_unstable();
            Ok(changed)
        })
        .await
    }
}

impl Store {
    /// Takes in external ids that the service held unread when it was `asked`: what is read here of them since before that, and is not
    /// just being told, was marked unread elsewhere. Gives back the rows that changed.
    pub async fn unread_there(
        &self,
        account: AccountId,
        unread: Vec<String>,
        asked: Timestamp,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.write("unread there", move |tx| {
            let number = accounts::number(tx, &account)?;
            let unread = serde_json::Value::from(unread).to_string();
            let before = asked.as_millisecond().saturating_sub(LAG);
            let mut statement = tx.prepare_cached(UNREAD_THERE)?;
            let rows =
                statement.query_map((number, unread, before), |row| Ok(NotificationId(row.get(0)?)))?;
            let mut changed = rows.collect::<Result<Vec<_>, _>>()?;
            changed.sort_unstable();
            for id in &changed {
                // What the person once wished is over with it: the story would otherwise take it for refused.
                tx.prepare_cached("DELETE FROM wish WHERE notification = ?1")?.execute([id.0])?;
            }
            Ok(changed)
        })
        .await
    }
}

/// So long a service's list may be behind a mark, in milliseconds.
const LAG: i64 = 2_000;

pub(super) const UNREAD_THERE: &str = "UPDATE notification SET read = 0, read_at = NULL, read_by = NULL
     WHERE id IN (SELECT n.id FROM json_each(?2) AS there
             CROSS JOIN notification AS n ON n.account = ?1 AND n.external_id = there.value
         WHERE n.read = 1 AND n.read_at < ?3 AND NOT EXISTS (
             SELECT 1 FROM wish AS w WHERE w.notification = n.id AND (w.told_at IS NULL OR w.told_at >= ?3)))
     RETURNING id";

pub(super) const THREAD: &str = "SELECT id FROM notification WHERE id = ?1
     UNION SELECT n.id FROM notification AS one CROSS JOIN notification AS n INDEXED BY notification_of_context
         ON n.account = one.account AND n.context_what = one.context_what AND n.context_id = one.context_id
     WHERE one.id = ?1 AND one.context_id <> '' AND n.context_id <> ''";

pub(super) const STILL_UNREAD: &str = "UPDATE notification INDEXED BY notification_unread_of_account
     SET read = 1, read_at = ?4, read_by = 'service'
     WHERE read = 0 AND account = ?1 AND occurred_at >= ?2
         AND substr(external_id, 1, length(?5)) = ?5
         AND external_id NOT IN (SELECT value FROM json_each(?3))
         AND NOT EXISTS (SELECT 1 FROM wish WHERE wish.notification = notification.id AND told_at IS NULL)
     RETURNING id";

/// Index and condition of what is to be marked; `?2` is the account's number, NULL for all.
type Which = (&'static str, &'static str);
pub(super) const ALL_UNREAD: Which = ("notification_unread", "read = 0 AND ?2 IS NULL");
pub(super) const UNREAD_OF_ACCOUNT: Which = ("notification_unread_of_account", "read = 0 AND account = ?2");

pub(super) fn wish_all_sql((index, condition): Which) -> String {
    format!(
        "INSERT INTO wish (notification, read, wished_at)
         SELECT id, 1, ?1 FROM notification INDEXED BY {index} WHERE {condition}
         ON CONFLICT (notification) DO UPDATE SET read = 1, wished_at = excluded.wished_at, told_at = NULL"
    )
}

pub(super) fn mark_all_sql((index, condition): Which) -> String {
    format!(
        "UPDATE notification INDEXED BY {index} SET read = 1, read_at = ?1, read_by = 'person'
         WHERE {condition} RETURNING id"
    )
}

pub(super) const STILL_READ_BY_THE_MARK: &str = "SELECT 1 FROM notification
     WHERE id = ?1 AND read = 1 AND read_by = 'person' AND read_at = ?2";

/// Sets a read mark. True if it changed.
pub(super) fn set(
    conn: &Connection,
    id: NotificationId,
    read: bool,
    by: ReadBy,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let changed = conn
        .prepare_cached(
            "UPDATE notification SET read = ?2, read_at = ?3, read_by = ?4 WHERE id = ?1 AND read <> ?2",
        )?
        .execute((id.0, read, read.then_some(now.as_millisecond()), read.then_some(by.name())))?;
    Ok(changed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::{Arrival, Context, Notification};
    use crate::store::testing::{Bench, account, at, id, told};

    #[tokio::test]
    async fn only_what_changed_is_told_and_who_read_it_is_kept() {
        let bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 1), told("b", 2)]).await;
        let mark =
            |ids: &[NotificationId], read, by, ms| bench.store.mark_read(ids.to_vec(), read, by, at(ms));
        assert_eq!(mark(&ids[..1], true, ReadBy::Person, 10).await.unwrap(), ids[..1]);
        assert_eq!(mark(&ids, true, ReadBy::Service, 20).await.unwrap(), ids[1..]);
        assert!(mark(&ids, true, ReadBy::Person, 30).await.unwrap().is_empty());
        let kept = |n: usize| bench.store.get(ids[n]);
        let (a, b) = (kept(0).await.unwrap().unwrap(), kept(1).await.unwrap().unwrap());
        assert_eq!((a.read, a.read_at, a.read_by), (true, Some(at(10)), Some(ReadBy::Person)));
        assert_eq!((b.read, b.read_at, b.read_by), (true, Some(at(20)), Some(ReadBy::Service)));
        assert_eq!(bench.store.unread_count(None).await.unwrap(), 0);

        assert_eq!(mark(&ids[1..], false, ReadBy::Person, 40).await.unwrap(), ids[1..]);
        let b = kept(1).await.unwrap().unwrap();
        assert_eq!((b.read, b.read_at, b.read_by), (false, None, None));
        assert!(mark(&[NotificationId(77)], true, ReadBy::Person, 50).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn all_of_an_account_are_marked_and_each_is_told_to_the_service() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        bench.store.admit(id("other"), vec![told("x", 50)], Arrival::Live, None, at(1)).await.unwrap();
        let read = Notification { read: true, ..told("read", 2) };
        let ids = bench.admit(vec![told("a", 9), read, told("b", 3)]).await;
        let changed = bench.store.mark_all_read(Some(id("podio")), at(100)).await.unwrap();
        assert_eq!(changed, [ids[0], ids[2]]);
        let wishes = bench.store.wishes(&id("podio")).await.unwrap();
        assert_eq!(wishes, [(ids[0], "a".to_owned(), true), (ids[2], "b".to_owned(), true)]);
        assert_eq!(bench.store.unread_count(None).await.unwrap(), 1, "the other account's");
        assert_eq!(bench.store.mark_all_read(None, at(101)).await.unwrap().len(), 1);
        assert!(bench.store.mark_all_read(None, at(102)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_mark_of_all_is_taken_back_where_it_still_is_the_reason() {
        let bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 1), told("b", 2), told("c", 3)]).await;
        let marked = bench.store.mark_all_read(None, at(100)).await.unwrap();
        // The person has since made up their mind about the second, and about the third twice.
        for read in [false, true] {
            let which = if read { vec![ids[2]] } else { ids[1..].to_vec() };
            bench.store.mark_read(which, read, ReadBy::Person, at(200)).await.unwrap();
        }
        let unknown = [marked, vec![NotificationId(77)]].concat();
        assert_eq!(bench.store.unmark(unknown.clone(), at(100), at(300)).await.unwrap(), ids[..1]);
        let read = async |row| bench.store.get(row).await.unwrap().unwrap().read;
        assert_eq!([read(ids[0]).await, read(ids[1]).await, read(ids[2]).await], [false, false, true]);
        let wishes = bench.store.wishes(&id("podio")).await.unwrap();
        assert_eq!(wishes[0], (ids[0], "a".to_owned(), false));
        assert!(bench.store.unmark(unknown, at(100), at(400)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_unread_again_elsewhere_is_so_here_unless_it_was_read_since() {
        let bench = Bench::with_account().await;
        let names = ["long ago", "just now", "wished", "told just now", "unread"];
        let ids = bench.admit(names.iter().zip(1..).map(|(name, ms)| told(name, ms)).collect()).await;
        let read = async |which: &[usize], by, ms| {
            let which = which.iter().map(|at| ids[*at]).collect();
            bench.store.mark_read(which, true, by, at(ms)).await.unwrap();
        };
        read(&[0], ReadBy::Service, 1_000).await;
        read(&[1], ReadBy::Service, 9_000).await;
        read(&[2, 3], ReadBy::Person, 1_000).await;
        bench.store.wish_done(id("podio"), "told just now".into(), true, at(9_000)).await.unwrap();
        let there = async |asked| {
            let unread = names.iter().chain(&["unknown"]).map(ToString::to_string).collect();
            bench.store.unread_there(id("podio"), unread, at(asked)).await.unwrap()
        };
        assert_eq!(there(10_000).await, [ids[0]]);
        let row = bench.store.get(ids[0]).await.unwrap().unwrap();
        assert_eq!((row.read, row.read_at, row.read_by), (false, None, None));
        assert_eq!(there(20_000).await, [ids[1], ids[3]]);
        assert!(!bench.store.wished(ids[3]).await.unwrap().read.is_some_and(|wish| wish.refused));
        assert!(bench.store.get(ids[2]).await.unwrap().unwrap().read, "that is still to be told");
    }

    #[tokio::test]
    async fn a_thread_is_all_that_is_about_one_thing_at_one_account() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        bench.store.admit(id("other"), vec![told("x", 50)], Arrival::Live, None, at(1)).await.unwrap();
        let nowhere = |name: &str| Notification { context: Context::default(), ..told(name, 5) };
        let elsewhere =
            Notification { context: Context { id: "8".into(), ..told("d", 4).context }, ..told("d", 4) };
        let ids = bench.admit(vec![told("a", 3), elsewhere, told("b", 1), nowhere("e"), nowhere("f")]).await;
        assert_eq!(bench.store.thread(ids[2]).await.unwrap(), [ids[0], ids[2]]);
        assert_eq!(bench.store.thread(ids[1]).await.unwrap(), [ids[1]]);
        assert_eq!(bench.store.thread(ids[3]).await.unwrap(), [ids[3]]);
        assert!(bench.store.thread(NotificationId(77)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_services_list_marks_what_it_lacks_and_nothing_else() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        bench.store.admit(id("other"), vec![told("x", 50)], Arrival::Live, None, at(1)).await.unwrap();
        let rows = ["too old", "on the list", "gone", "wished unread", "gone too"];
        let rows = rows
            .iter()
            .zip([10, 20, 30, 40, 50])
            .map(|(name, ms)| Notification { read: *name == "wished unread", ..told(name, ms) });
        let ids = bench.admit(rows.collect()).await;
        bench.store.mark_read(vec![ids[3]], false, ReadBy::Person, at(60)).await.unwrap();
        let still = |since| {
            let unread = vec!["on the list".to_owned(), "never seen here".to_owned()];
            let list = StillUnread { family: String::new(), unread, since };
            bench.store.still_unread(id("podio"), list, at(70))
        };
        assert_eq!(still(Some(at(20))).await.unwrap(), [ids[2], ids[4]]);
        assert_eq!(bench.store.get(ids[2]).await.unwrap().unwrap().read_by, Some(ReadBy::Service));
        assert!(still(Some(at(20))).await.unwrap().is_empty());
        assert_eq!(still(None).await.unwrap(), [ids[0]], "without a beginning the list is complete");
        assert_eq!(bench.store.unread_count(Some(&id("other"))).await.unwrap(), 1);
        assert_eq!(bench.store.unread_count(Some(&id("podio"))).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_list_speaks_of_one_family_only() {
        let bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("n1", 1), told("c1", 2)]).await;
        let list = StillUnread { family: "n".into(), unread: Vec::new(), since: None };
        let changed = bench.store.still_unread(id("podio"), list, at(30)).await.unwrap();
        assert_eq!(changed, ids[..1]);
        assert_eq!(bench.store.unread_count(None).await.unwrap(), 1);
    }

    #[test]
    fn both_ways_of_a_stored_name_agree() {
        assert!(READERS.iter().all(|(value, name)| value.name() == *name));
    }
}

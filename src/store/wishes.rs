//! The table `wish`: what the person wants done at the service, kept until it is done, through crashes and days without a network.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Store, StoreError, accounts};
use crate::account::AccountId;
use crate::notification::NotificationId;

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
    use crate::store::testing::{Bench, account, at, id, told};
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

//! The table `star_wish` and the stars of `notification`: set by the person here, or by what the service says. A star follows the rules of
//! a read mark: the person's opens a wish in the same transaction, and the service's leaves alone what has an open wish.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Store, StoreError, accounts};
use crate::account::AccountId;
use crate::notification::NotificationId;

/// The service's list of what is starred there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starred {
    /// Only rows whose external id begins with this are spoken of.
    pub family: String,
    /// External ids, all there are.
    pub starred: Vec<String>,
}

impl Store {
    /// The person sets stars or takes them away; gives back the ones that changed.
    pub async fn set_starred(
        &self,
        ids: Vec<NotificationId>,
        starred: bool,
        now: Timestamp,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.write("set starred", move |tx| {
            let mut changed = Vec::new();
            for id in ids {
                if set(tx, id.0, starred)? {
                    open(tx, id.0, starred, now)?;
                    changed.push(id);
                }
            }
            Ok(changed)
        })
        .await
    }

    /// The account's open wishes about stars, oldest notification first: external id, and whether it shall be starred.
    pub async fn star_wishes(&self, account: &AccountId) -> Result<Vec<(String, bool)>, StoreError> {
        let account = account.clone();
        self.read("star wishes", move |conn| {
            let number = accounts::number(conn, &account)?;
            let mut statement = conn.prepare_cached(OPEN)?;
            let rows = statement.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The service was told of a star. Counts only if the open wish still is this one.
    pub async fn star_wish_done(
        &self,
        account: AccountId,
        external_id: String,
        starred: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("star wish done", move |tx| {
            let number = accounts::number(tx, &account)?;
            tx.prepare_cached(
                "UPDATE star_wish SET told_at = ?4 WHERE told_at IS NULL AND starred = ?3 AND notification =
                     (SELECT id FROM notification WHERE account = ?1 AND external_id = ?2)",
            )?
            .execute((number, external_id, starred, now.as_millisecond()))?;
            Ok(())
        })
        .await
    }

    /// Takes in the service's own list of starred external ids: stars are set and taken away here as they are there. Gives back the rows
    /// that changed.
    pub async fn follow_stars(
        &self,
        account: AccountId,
        list: Starred,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.write("follow stars", move |tx| {
            let number = accounts::number(tx, &account)?;
            let there = serde_json::Value::from(list.starred).to_string();
            let mut changed = Vec::new();
            for (sql, starred) in [(STARRED_THERE, true), (STARRED_HERE, false)] {
                let ids: Vec<i64> = tx
                    .prepare_cached(sql)?
                    .query_map((number, &there, &list.family), |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                for id in ids {
                    follow(tx, id, starred)?;
                    changed.push(NotificationId(id));
                }
            }
            changed.sort_unstable();
            Ok(changed)
        })
        .await
    }
}

pub(super) const OPEN: &str = "SELECT n.external_id, star_wish.starred
     FROM star_wish INDEXED BY star_wish_open CROSS JOIN notification AS n ON n.id = star_wish.notification
     WHERE star_wish.told_at IS NULL AND n.account = ?1 ORDER BY star_wish.notification";

pub(super) const STARRED_THERE: &str = "SELECT n.id FROM json_each(?2) AS there
     CROSS JOIN notification AS n ON n.account = ?1 AND n.external_id = there.value
     WHERE n.starred = 0 AND substr(n.external_id, 1, length(?3)) = ?3
         AND NOT EXISTS (SELECT 1 FROM star_wish AS w WHERE w.notification = n.id AND w.told_at IS NULL)";

const STARRED_HERE: &str = "SELECT n.id FROM notification AS n INDEXED BY notification_starred
     WHERE n.account = ?1 AND n.starred = 1 AND substr(n.external_id, 1, length(?3)) = ?3
         AND n.external_id NOT IN (SELECT value FROM json_each(?2))
         AND NOT EXISTS (SELECT 1 FROM star_wish AS w WHERE w.notification = n.id AND w.told_at IS NULL)";

/// True while the service is still to be told about this notification's star.
pub(super) fn is_open(conn: &Connection, id: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM star_wish WHERE notification = ?1 AND told_at IS NULL)",
    )?
    .query_row([id], |row| row.get(0))
}

/// Sets a star or takes it away. True if that changed something.
pub(super) fn set(conn: &Connection, id: i64, starred: bool) -> rusqlite::Result<bool> {
    let changed = conn
        .prepare_cached("UPDATE notification SET starred = ?2 WHERE id = ?1 AND starred <> ?2")?
        .execute((id, starred))?;
    Ok(changed > 0)
}

/// Does as the service says. What the person once wished is over with it: the story would otherwise take it for refused.
pub(super) fn follow(conn: &Connection, id: i64, starred: bool) -> rusqlite::Result<()> {
    set(conn, id, starred)?;
    conn.prepare_cached("DELETE FROM star_wish WHERE notification = ?1")?.execute([id]).map(drop)
}

fn open(conn: &Connection, id: i64, starred: bool, now: Timestamp) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO star_wish (notification, starred, wished_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (notification) DO UPDATE SET starred = excluded.starred, wished_at = excluded.wished_at, told_at = NULL",
    )?
    .execute((id, starred, now.as_millisecond()))
    .map(drop)
}

#[cfg(test)]
mod tests {
    use crate::notification::{Arrival, Notification};
    use crate::store::testing::{Bench, at, hint, id, told};
    use crate::store::{Admitted, InboxQuery, Starred};

    async fn starred(bench: &Bench) -> Vec<String> {
        let query = InboxQuery { starred: true, limit: 99, ..InboxQuery::default() };
        let rows = bench.store.inbox(query).await.unwrap();
        assert!(rows.iter().all(|row| row.notification.starred));
        rows.into_iter().map(|row| row.notification.external_id).collect()
    }

    #[tokio::test]
    async fn a_star_is_kept_and_wished_until_the_service_took_it() {
        let mut bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 1), told("b", 2)]).await;
        assert_eq!(bench.store.set_starred(ids.clone(), true, at(10)).await.unwrap(), ids);
        assert!(bench.store.set_starred(ids.clone(), true, at(11)).await.unwrap().is_empty());
        bench.store.set_starred(vec![ids[1]], false, at(12)).await.unwrap();
        bench.reopen().await;
        assert_eq!(starred(&bench).await, ["a"]);
        let open = bench.store.star_wishes(&id("podio")).await.unwrap();
        assert_eq!(open, [("a".to_owned(), true), ("b".to_owned(), false)]);
        bench.store.star_wish_done(id("podio"), "b".into(), true, at(20)).await.unwrap();
        assert_eq!(bench.store.star_wishes(&id("podio")).await.unwrap().len(), 2, "of a time before");
        for (name, star) in open {
            bench.store.star_wish_done(id("podio"), name, star, at(21)).await.unwrap();
        }
        assert!(bench.store.star_wishes(&id("podio")).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_star_of_the_service_comes_with_the_row_and_with_later_lists() {
        let bench = Bench::with_account().await;
        let star = |name: &str| Notification { starred: true, ..told(name, 1) };
        let admit = async |one: Notification, arrival| {
            bench.store.admit(id("podio"), vec![one], arrival, None, at(5)).await.unwrap()[0]
        };
        let a = admit(star("a"), Arrival::Backlog).await;
        assert_eq!(starred(&bench).await, ["a"]);
        let gone = admit(told("a", 1), Arrival::Backlog).await;
        assert_eq!(gone, Admitted::StarChanged(a.id()));
        assert_eq!(
            admit(star("a"), Arrival::Live).await,
            Admitted::Known(a.id()),
            "a push says nothing of stars"
        );
        admit(star("a"), Arrival::Backlog).await;
        assert_eq!(admit(hint("a", 1), Arrival::Backlog).await, Admitted::Known(a.id()));
        assert_eq!(starred(&bench).await, ["a"]);
    }

    #[tokio::test]
    async fn a_list_of_stars_is_followed_but_where_a_wish_is_open() {
        let bench = Bench::with_account().await;
        let rows = ["n-there", "n-here", "n-wished", "n-unwished", "c-other"];
        let ids = bench.admit(rows.iter().zip(1..).map(|(name, ms)| told(name, ms)).collect()).await;
        bench.store.set_starred(vec![ids[1], ids[2], ids[3], ids[4]], true, at(10)).await.unwrap();
        for name in ["n-here", "n-unwished", "c-other"] {
            bench.store.star_wish_done(id("podio"), name.into(), true, at(11)).await.unwrap();
        }
        bench.store.set_starred(vec![ids[3]], false, at(12)).await.unwrap();
        let list = Starred {
            family: "n".into(),
            starred: vec!["n-there".into(), "n-unwished".into(), "n-unknown".into()],
        };
        let changed = bench.store.follow_stars(id("podio"), list.clone()).await.unwrap();
        assert_eq!(changed, [ids[0], ids[1]]);
        assert_eq!(starred(&bench).await, ["c-other", "n-wished", "n-there"]);
        assert!(bench.store.follow_stars(id("podio"), list).await.unwrap().is_empty());
    }
}

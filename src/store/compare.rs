//! What a source asks of what is kept, to see what changed at its service: one row by its name there, or a family of them.

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::inbox::{COLUMNS, Kept, at_most, kept};
use super::{Store, StoreError, accounts};
use crate::account::AccountId;

impl Store {
    /// The row of this name at the service.
    pub async fn by_external_id(
        &self,
        account: &AccountId,
        external_id: String,
    ) -> Result<Option<Kept>, StoreError> {
        let account = account.clone();
        self.read("by external id", move |conn| {
            let number = accounts::number(conn, &account)?;
            let mut statement = conn.prepare_cached(&by_external_id())?;
            Ok(statement.query_row((number, external_id), kept).optional()?)
        })
        .await
    }

    /// The account's rows whose external id begins with `family` and that happened at `since` or later, newest first.
    pub async fn of_family(
        &self,
        account: &AccountId,
        family: String,
        since: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        let account = account.clone();
        let since = since.map_or(i64::MIN, Timestamp::as_millisecond);
        self.read("of family", move |conn| {
            let number = accounts::number(conn, &account)?;
            let mut statement = conn.prepare_cached(&of_family())?;
            let rows = statement.query_map((number, family, since, at_most(limit)), kept)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn by_external_id() -> String {
    format!(
        "SELECT {COLUMNS} FROM notification AS n CROSS JOIN account AS a ON a.number = n.account
         WHERE n.account = ?1 AND n.external_id = ?2"
    )
}

pub(super) fn of_family() -> String {
    format!(
        "SELECT {COLUMNS} FROM notification AS n INDEXED BY notification_newest_of_account
             CROSS JOIN account AS a ON a.number = n.account
         WHERE n.account = ?1 AND n.occurred_at >= ?3 AND substr(n.external_id, 1, length(?2)) = ?2
         ORDER BY n.occurred_at DESC, n.id DESC LIMIT ?4"
    )
}

#[cfg(test)]
mod tests {
    use crate::store::testing::{Bench, id, told};

    #[tokio::test]
    async fn what_is_kept_of_a_family_is_found_from_an_instant_on_newest_first() {
        let bench = Bench::with_account().await;
        bench.admit(vec![told("item/a", 1), told("item/b", 2), told("other", 3), told("item/c", 4)]).await;
        let ids = async |since, limit| {
            let rows = bench.store.of_family(&id("podio"), "item/".into(), since, limit).await.unwrap();
            rows.into_iter().map(|row| row.notification.external_id).collect::<Vec<_>>()
        };
        assert_eq!(ids(None, 9).await, ["item/c", "item/b", "item/a"]);
        assert_eq!(ids(Some(told("", 2).occurred_at), 9).await, ["item/c", "item/b"]);
        assert_eq!(ids(None, 1).await, ["item/c"]);
        let one = bench.store.by_external_id(&id("podio"), "item/b".into()).await.unwrap().unwrap();
        assert_eq!(one.notification, told("item/b", 2));
        assert_eq!(bench.store.by_external_id(&id("podio"), "item/x".into()).await.unwrap(), None);
    }
}

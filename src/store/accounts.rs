//! The table `account`: the configured accounts and how far each has been taken in.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};

use super::column::{checked, json};
use super::error::Trouble;
use super::{Store, StoreError, threads};
use crate::account::{Account, AccountId};
use crate::link::Cursor;

impl Store {
    /// All accounts in the order in which they were added.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read("accounts", |conn| {
            let mut statement = conn.prepare_cached(&select("ORDER BY number"))?;
            let rows = statement.query_map([], account)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One account.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        self.read("account", move |conn| {
            let mut statement = conn.prepare_cached(&select("WHERE name = ?1"))?;
            Ok(statement.query_row([id.as_str()], account).optional()?)
        })
        .await
    }

    /// Adds an account, or changes the one of that name; its notifications and cursor stay.
    pub async fn put_account(&self, account: Account, now: Timestamp) -> Result<(), StoreError> {
        self.write("put account", move |tx| {
            let settings = serde_json::to_string(&account.settings)
                .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
            let choices = serde_json::to_string(&account.choices)
                .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
            tx.prepare_cached(
                "INSERT INTO account (name, label, paused, service, settings, choices, created_at, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?7, ?6, ?6)
                 ON CONFLICT (name) DO UPDATE SET label = excluded.label, paused = excluded.paused,
                     service = excluded.service, settings = excluded.settings, choices = excluded.choices,
                     changed_at = excluded.changed_at",
            )?
            .execute((
                account.id.as_str(),
                &account.label,
                account.paused,
                account.settings.service().as_str(),
                settings,
                now.as_millisecond(),
                choices,
            ))?;
            Ok(())
        })
        .await
    }

    /// Removes an account with all that came to it, and wipes the space it took. Takes a while for a large inbox.
    pub async fn remove_account(&self, id: AccountId) -> Result<(), StoreError> {
        self.on_writer("remove account", move |conn| {
            conn.execute_batch("PRAGMA secure_delete = ON;")?;
            let removed = remove(conn, &id);
            conn.execute_batch("PRAGMA secure_delete = FAST;")?;
            removed?;
            give_back(conn)?;
            // The planner's statistics hold samples of keys: without this, the removed account's too.
            conn.execute_batch("PRAGMA analysis_limit = 400; ANALYZE;")?;
            threads::checkpoint(conn);
            Ok(())
        })
        .await
    }

    /// How far the account's past has been taken in; `None` before its first catch-up.
    pub async fn cursor(&self, id: &AccountId) -> Result<Option<Cursor>, StoreError> {
        let id = id.clone();
        self.read("cursor", move |conn| {
            let mut statement = conn.prepare_cached("SELECT cursor FROM account WHERE name = ?1")?;
            let cursor = statement.query_row([id.as_str()], |row| row.get::<_, Option<String>>(0));
            Ok(cursor.optional()?.flatten().map(Cursor))
        })
        .await
    }
}

impl Store {
    /// How many notifications of each account only a later look found, though its link was live.
    pub async fn found_late(&self) -> Result<Vec<(AccountId, u64)>, StoreError> {
        self.read("found late", |conn| {
            let mut statement =
                conn.prepare_cached("SELECT name, found_late FROM account ORDER BY number")?;
            let rows = statement.query_map([], |row| {
                Ok((checked(row, 0, AccountId::new)?, row.get::<_, i64>(1)?.unsigned_abs()))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Counts notifications that the push should have brought. Part of an admission's transaction.
pub(super) fn found_late(conn: &Connection, number: i64, count: usize) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE account SET found_late = found_late + ?2 WHERE number = ?1")?
        .execute((number, i64::try_from(count).unwrap_or(i64::MAX)))
        .map(drop)
}

/// The account's number in this database.
pub(super) fn number(conn: &Connection, id: &AccountId) -> Result<i64, Trouble> {
    let mut statement = conn.prepare_cached("SELECT number FROM account WHERE name = ?1")?;
    let number = statement.query_row([id.as_str()], |row| row.get(0)).optional()?;
    number.ok_or_else(|| Trouble::NoAccount(id.clone()))
}

/// Keeps how far the account's past has been taken in. Part of an admission's transaction.
pub(super) fn set_cursor(conn: &Connection, number: i64, cursor: &Cursor) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE account SET cursor = ?2 WHERE number = ?1")?
        .execute((number, &cursor.0))
        .map(drop)
}

fn remove(conn: &mut Connection, id: &AccountId) -> Result<(), Trouble> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let removed = tx.execute("DELETE FROM account WHERE name = ?1", [id.as_str()])?;
    if removed == 0 {
        return Err(Trouble::NoAccount(id.clone()));
    }
    // A deleted row's words stay in the word index until its parts are merged.
    tx.execute("INSERT INTO notification_search (notification_search) VALUES ('optimize')", [])?;
    tx.commit()?;
    Ok(())
}

/// Gives free pages back to the disk. The pragma frees one page a step.
fn give_back(conn: &Connection) -> rusqlite::Result<()> {
    let mut statement = conn.prepare("PRAGMA incremental_vacuum")?;
    let mut steps = statement.query([])?;
    while steps.next()?.is_some() {}
    Ok(())
}

fn select(which: &str) -> String {
    format!("SELECT name, label, paused, settings, choices FROM account {which}")
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: checked(row, 0, AccountId::new)?,
        label: row.get(1)?,
        paused: row.get(2)?,
        settings: json(&row.get::<_, String>(3)?)?,
        choices: row.get::<_, Option<String>>(4)?.map(|text| json(&text)).transpose()?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Choices, Colour, Say};
    use crate::notification::Arrival;
    use crate::store::testing::{Bench, account, at, id, told};
    use crate::store::{InboxQuery, ReadBy, StoreError};

    #[tokio::test]
    async fn accounts_come_back_as_they_were_put_in_the_order_of_creation() {
        let mut bench = Bench::new();
        for name in ["zebra", "apple", "mango"] {
            bench.store.put_account(account(name), at(1)).await.unwrap();
        }
        let choices = Choices { colour: Some(Colour::Teal), banners: Say::Always, sound: Say::Never };
        let changed = Account { paused: true, label: "new".into(), choices, ..account("apple") };
        bench.store.put_account(changed.clone(), at(2)).await.unwrap();
        bench.reopen().await;
        assert_eq!(
            bench.store.accounts().await.unwrap(),
            [account("zebra"), changed.clone(), account("mango")]
        );
        assert_eq!(bench.store.account(&id("apple")).await.unwrap(), Some(changed));
        assert_eq!(bench.store.account(&id("pear")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn changing_an_account_keeps_its_rows_and_cursor() {
        let bench = Bench::with_account().await;
        let cursor = Some(Cursor("7".into()));
        let told = vec![told("a", 1)];
        bench.store.admit(id("podio"), told, Arrival::Live, cursor.clone(), at(1)).await.unwrap();
        bench.store.put_account(account("podio"), at(2)).await.unwrap();
        assert_eq!(bench.store.cursor(&id("podio")).await.unwrap(), cursor);
        assert_eq!(bench.store.total().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_removed_account_takes_all_its_rows_along_and_no_others() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        let ids = bench.admit((0..50).map(|n| told(&format!("{n}"), n)).collect()).await;
        bench.store.mark_read(ids.clone(), true, ReadBy::Person, at(1)).await.unwrap();
        bench.store.admit(id("other"), vec![told("kept", 9)], Arrival::Live, None, at(1)).await.unwrap();
        bench.store.remove_account(id("podio")).await.unwrap();

        assert_eq!(bench.store.accounts().await.unwrap(), [account("other")]);
        assert_eq!(bench.store.total().await.unwrap(), 1);
        let search =
            |text: &str| InboxQuery { search: Some(text.into()), limit: 99, ..InboxQuery::default() };
        assert_eq!(bench.store.inbox(search("title")).await.unwrap().len(), 1);
        for table in ["toast", "wish"] {
            let rows: i64 = bench
                .beside()
                .query_row(&format!("SELECT count(*) FROM {table} WHERE notification < 51"), [], |r| r.get(0))
                .unwrap();
            assert_eq!(rows, 0, "{table}");
        }
        let again = bench.store.remove_account(id("podio")).await;
        assert_eq!(again, Err(StoreError::NoAccount(id("podio"))));
    }

    #[tokio::test]
    async fn nothing_of_a_removed_account_stays_in_the_files() {
        let bench = Bench::with_account().await;
        let secret = crate::notification::Notification {
            title: "Zwetschgenkuchen".into(),
            raw: "{\"word\":\"zwetschgenkuchen\"}".into(),
            ..told("a", 1)
        };
        bench.admit(vec![secret]).await;
        let holds = || {
            let files = crate::store::files::with_companions(&bench.path());
            let bytes =
                files.iter().filter_map(|file| std::fs::read(file).ok()).flatten().collect::<Vec<u8>>();
            String::from_utf8_lossy(&bytes).to_lowercase().contains("zwetschgenkuchen")
        };
        assert!(holds());
        bench.store.remove_account(id("podio")).await.unwrap();
        assert!(!holds());
    }

    #[tokio::test]
    async fn a_name_used_again_begins_anew_with_new_ids() {
        let bench = Bench::with_account().await;
        let before = bench.admit(vec![told("a", 1)]).await;
        bench.store.remove_account(id("podio")).await.unwrap();
        bench.store.put_account(account("podio"), at(3)).await.unwrap();
        let after = bench.admit(vec![told("a", 1)]).await;
        assert!(after > before, "{after:?}");
    }
}

//! The table `setting`: a few named values. Rules, and whether the database was closed cleanly.

use rusqlite::{Connection, OptionalExtension};

use super::column::json;
use super::{Store, StoreError};
use crate::rule::Rules;

const RULES: &str = "rules";
const CLOSED: &str = "closed";

impl Store {
    /// The person's rules; the defaults until some were set.
    pub async fn rules(&self) -> Result<Rules, StoreError> {
        self.read("rules", |conn| {
            let stored = get(conn, RULES)?;
            Ok(stored.map(|text| json(&text)).transpose()?.unwrap_or_default())
        })
        .await
    }

    /// Keeps new rules in place of the old.
    pub async fn set_rules(&self, rules: Rules) -> Result<(), StoreError> {
        self.write("set rules", move |tx| {
            let text = serde_json::to_string(&rules)
                .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
            Ok(set(tx, RULES, &text)?)
        })
        .await
    }
}

/// True if the database was closed in order. False while it is open, and so after a crash.
pub(super) fn closed_cleanly(conn: &Connection) -> rusqlite::Result<bool> {
    Ok(get(conn, CLOSED)?.as_deref() == Some("cleanly"))
}

pub(super) fn set_closed_cleanly(conn: &Connection, cleanly: bool) -> rusqlite::Result<()> {
    set(conn, CLOSED, if cleanly { "cleanly" } else { "no" })
}

fn get(conn: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT value FROM setting WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn set(conn: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?
    .execute([name, value])
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Shown;
    use crate::store::testing::{Bench, at};

    #[tokio::test]
    async fn rules_are_the_defaults_until_set_and_survive_a_restart() {
        let mut bench = Bench::new();
        assert_eq!(bench.store.rules().await.unwrap(), Rules::default());
        let rules = Rules { shown: Shown::TitleOnly, paused_until: Some(at(5_000)) };
        bench.store.set_rules(rules.clone()).await.unwrap();
        bench.reopen().await;
        assert_eq!(bench.store.rules().await.unwrap(), rules);
    }
}

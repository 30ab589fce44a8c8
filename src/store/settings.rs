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

    /// Changes the rules in one transaction, so that of two changes at the same time none is lost. Gives back the new ones.
    pub async fn change_rules(
        &self,
        change: impl FnOnce(&mut Rules) + Send + 'static,
    ) -> Result<Rules, StoreError> {
        self.write("change rules", move |tx| {
            let stored = get(tx, RULES)?;
            let mut rules: Rules = stored.map(|text| json(&text)).transpose()?.unwrap_or_default();
            change(&mut rules);
            let text = serde_json::to_string(&rules)
                .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
            set(tx, RULES, &text)?;
            Ok(rules)
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
        bench.store.change_rules(|rules| rules.shown = Shown::TitleOnly).await.unwrap();
        let changed = bench.store.change_rules(|rules| rules.paused_until = Some(at(5_000))).await.unwrap();
        let rules = Rules { shown: Shown::TitleOnly, paused_until: Some(at(5_000)), ..Rules::default() };
        assert_eq!(changed, rules);
        bench.reopen().await;
        assert_eq!(bench.store.rules().await.unwrap(), rules);
    }

    #[tokio::test]
    async fn rules_that_an_older_belfry_stored_are_read() {
        let bench = Bench::new();
        let older = r#"{"shown":"count-only","paused_until":"2026-11-22T15:00:00Z"}"#;
        bench.beside().execute("INSERT INTO setting (name, value) VALUES ('rules', ?1)", [older]).unwrap();
        let rules = bench.store.rules().await.unwrap();
        let paused_until = Some("2026-11-22T15:00:00Z".parse().unwrap());
        assert_eq!(rules, Rules { shown: Shown::CountOnly, paused_until, ..Rules::default() });
    }
}

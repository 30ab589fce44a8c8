//! The schema's versions: a list that only grows. In: a connection to any older database. Out: today's schema, or a refusal.

use std::fs::{self, OpenOptions};
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::StoreError;
use super::files;

/// Append only: what has been released is never edited.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001_first.sql")),
    M::up(include_str!("migrations/0002_held.sql")),
    M::up(include_str!("migrations/0003_stars_and_choices.sql")),
    M::up(include_str!("migrations/0004_acts.sql")),
    M::up(include_str!("migrations/0005_versions.sql")),
];

/// The version this build makes and reads.
pub(super) const KNOWN: i64 = STEPS.len() as i64;

/// The version of a database; 0 for an empty one. Refuses what a newer build made.
pub(super) fn version(conn: &Connection, path: &Path) -> Result<i64, StoreError> {
    let found = conn
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|e| StoreError::from_sql(&e, "version", path))?;
    if found > KNOWN { Err(StoreError::TooNew { found, known: KNOWN }) } else { Ok(found) }
}

/// Brings an older database to today's schema, all or nothing, after a copy of it was kept.
pub(super) fn migrate(conn: &mut Connection, path: &Path, found: i64) -> Result<(), StoreError> {
    if found == KNOWN { Ok(()) } else { walk(conn, path, found, STEPS) }
}

fn walk(conn: &mut Connection, path: &Path, found: i64, steps: &[M<'_>]) -> Result<(), StoreError> {
    if found > 0 {
        back_up(conn, path, found)?;
    }
    conn.set_transaction_behavior(TransactionBehavior::Immediate);
    Migrations::from_slice(steps).to_latest(conn).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => StoreError::from_sql(&err, "migration", path),
        _ => StoreError::Other { query: "migration", what: "the steps do not fit".to_owned() },
    })
}

/// Writes `backup-vN.db` beside the database. Only the last one is kept, and it never stands half written under its name.
fn back_up(conn: &Connection, path: &Path, found: i64) -> Result<(), StoreError> {
    let name = format!("backup-v{found}.db");
    let (whole, partial) = (files::beside(path, &name), files::beside(path, &format!("{name}.part")));
    let io = |e: std::io::Error| StoreError::from_io(&e, &partial);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    files::private(&mut options);
    options.open(&partial).map_err(io)?;
    let target = partial.to_string_lossy().into_owned();
    if let Err(error) = conn.execute("VACUUM INTO ?1", [target]) {
        fs::remove_file(&partial).map_err(io)?;
        return Err(StoreError::from_sql(&error, "backup", path));
    }
    fs::rename(&partial, &whole).map_err(io)?;
    for older in 1..found {
        let older = files::beside(path, &format!("backup-v{older}.db"));
        if older.exists() {
            fs::remove_file(&older).map_err(|e| StoreError::from_io(&e, &older))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::link::Cursor;
    use crate::notification::{Arrival, NotificationId};
    use crate::store::testing::{Bench, at, hint, id, raw, told};
    use crate::store::{ReadBy, Store};

    fn schema_of(conn: &Connection) -> String {
        let mut statement = conn
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY tbl_name, type DESC, name")
            .unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(|sql| format!("{};\n\n", sql.unwrap())).collect()
    }

    fn fixture(version: i64) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/store/fixtures/v{version}.db"))
    }

    /// What every fixture was filled with, through the verbs of its time.
    async fn fill(bench: &Bench) {
        let store = &bench.store;
        let run = store.next_run(at(10)).await.unwrap();
        let told =
            vec![told("shown", 1_000), told("quiet", 2_000), told("pending", 3_000), hint("hint", 4_000)];
        let cursor = Some(Cursor("page 4".into()));
        store.admit(id("podio"), told, Arrival::Backlog, cursor, at(20)).await.unwrap();
        let [shown, quiet] = [NotificationId(1), NotificationId(2)];
        store.claim(vec![shown], "key".into(), run, at(30)).await.unwrap();
        store.shown("key".into(), "shown".into(), at(31)).await.unwrap();
        store.quiet(vec![quiet], "paused".into(), at(32)).await.unwrap();
        store.mark_read(vec![shown], true, ReadBy::Person, at(40)).await.unwrap();
    }

    /// A file that a release made, upgraded by this build.
    async fn upgraded(version: i64) -> Bench {
        let mut bench = Bench::new();
        bench.store.clone().close().await;
        fs::copy(fixture(version), bench.path()).unwrap();
        bench.store = Store::open(&bench.path(), at(0)).unwrap().store;
        bench
    }

    #[test]
    fn the_finished_schema_is_as_reviewed() {
        let mut conn = Connection::open_in_memory().unwrap();
        Migrations::from_slice(STEPS).to_latest(&mut conn).unwrap();
        insta::with_settings!({ snapshot_path => ".", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("schema", schema_of(&conn));
        });
    }

    #[test]
    fn every_column_has_a_comment() {
        for line in
            STEPS.iter().map(|step| format!("{step}")).collect::<String>().split("CREATE TABLE").skip(1)
        {
            let table: Vec<&str> = line.split(") STRICT").next().unwrap().lines().skip(1).collect();
            for pair in table.windows(2) {
                let column = pair[1].trim_start();
                let is_column = column.starts_with(|c: char| c.is_ascii_lowercase());
                assert!(!is_column || pair[0].trim_start().starts_with("--"), "no comment: {column}");
            }
        }
    }

    /// Each schema that was ever released has a file, written by that release. When a step is added, run this test once with
    /// `BELFRY_NEW_FIXTURE=1` and commit the file; a file that was released is never written again.
    #[tokio::test]
    async fn every_schema_has_a_file_of_its_time() {
        let newest = fixture(KNOWN);
        if std::env::var_os("BELFRY_NEW_FIXTURE").is_some() {
            let bench = Bench::with_account().await;
            fill(&bench).await;
            bench.store.clone().close().await;
            fs::create_dir_all(newest.parent().unwrap()).unwrap();
            fs::copy(bench.path(), newest).unwrap();
        }
        for version in 1..=KNOWN {
            let conn = raw(&fixture(version));
            assert_eq!(self::version(&conn, &fixture(version)).unwrap(), version);
            let mut made = Connection::open_in_memory().unwrap();
            let steps = usize::try_from(version).unwrap();
            Migrations::from_slice(STEPS).to_version(&mut made, steps).unwrap();
            assert_eq!(
                schema_of(&conn),
                schema_of(&made),
                "step {version} was edited after its file was written"
            );
        }
    }

    #[tokio::test]
    async fn every_old_schema_upgrades_to_exactly_todays_and_keeps_what_it_held() {
        for version in 1..=KNOWN {
            let bench = upgraded(version).await;
            assert_eq!(
                schema_of(&bench.beside()),
                schema_of(&Bench::new().beside()),
                "from version {version}"
            );
            let store = &bench.store;
            assert_eq!(store.total().await.unwrap(), 4);
            assert_eq!(store.cursor(&id("podio")).await.unwrap(), Some(Cursor("page 4".into())));
            assert_eq!(store.unread_count(None).await.unwrap(), 3);
            assert_eq!(
                store.wishes(&id("podio")).await.unwrap(),
                [(NotificationId(1), "shown".into(), true)]
            );
            assert_eq!(store.hints(&id("podio"), 9).await.unwrap(), ["hint"]);
            assert_eq!(store.pending(9).await.unwrap().len(), 2);
            let quiet = store.fate(NotificationId(2)).await.unwrap().unwrap();
            assert_eq!(
                (quiet.reason.as_deref(), quiet.held),
                (Some("paused"), false),
                "told long ago, or never"
            );
            assert_eq!(
                store.get(NotificationId(1)).await.unwrap().unwrap().notification.title,
                "title of shown"
            );
        }
    }

    #[tokio::test]
    async fn a_database_of_a_newer_build_is_refused_and_not_touched() {
        let bench = Bench::with_account().await;
        bench.store.clone().close().await;
        let beside = bench.beside();
        beside.pragma_update(None, "user_version", KNOWN + 1).unwrap();
        drop(beside);
        let before = fs::read(bench.path()).unwrap();
        let refused = Store::open(&bench.path(), at(0)).unwrap_err();
        assert_eq!(refused, StoreError::TooNew { found: KNOWN + 1, known: KNOWN });
        assert!(refused.to_string().contains("made by a newer Belfry"));
        assert_eq!(fs::read(bench.path()).unwrap(), before);
    }

    #[tokio::test]
    async fn a_migration_leaves_a_copy_of_what_was_before() {
        let bench = Bench::with_account().await;
        bench.store.clone().close().await;
        let (path, mut conn) = (bench.path(), bench.beside());
        let backup = |version: i64| files::beside(&path, &format!("backup-v{version}.db"));
        fs::write(backup(KNOWN), "an older copy").unwrap();
        let further = [STEPS, &[M::up("ALTER TABLE run ADD COLUMN ended_at INTEGER")]].concat();
        walk(&mut conn, &path, KNOWN, &further).unwrap();
        let copy = raw(&backup(KNOWN));
        assert_eq!(self::version(&copy, &path).unwrap(), KNOWN);
        let names: i64 = copy.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap();
        assert_eq!(names, 1);
        assert!(!files::beside(&path, &format!("backup-v{KNOWN}.db.part")).exists());

        let yet_further = [&further[..], &[M::up("ALTER TABLE run ADD COLUMN why TEXT")]].concat();
        walk(&mut conn, &path, KNOWN + 1, &yet_further).unwrap();
        assert!(backup(KNOWN + 1).exists());
        assert!(!backup(KNOWN).exists(), "only the last copy is kept");
    }

    #[tokio::test]
    async fn a_step_that_fails_leaves_the_database_as_it_was() {
        let bench = Bench::with_account().await;
        bench.store.clone().close().await;
        let (path, mut conn) = (bench.path(), bench.beside());
        let before = schema_of(&conn);
        let broken = [STEPS, &[M::up("CREATE TABLE more (a INTEGER) STRICT; CREATE NONSENSE;")]].concat();
        assert!(walk(&mut conn, &path, KNOWN, &broken).is_err());
        assert_eq!(schema_of(&conn), before);
        drop(conn);
        let again = Store::open(&path, at(0)).unwrap();
        assert_eq!(again.store.accounts().await.unwrap().len(), 1);
    }
}

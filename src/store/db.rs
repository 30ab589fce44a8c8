//! Opens the database: the only file that does. In: a path. Out: a connection to write, one to read, and what was found.
//!
//! Damage, and nothing but damage, sets a database aside; it is kept, and a new one begun.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tracing::{info, warn};

use super::lock::EngineLock;
use super::{StoreError, files, schema, settings};

/// How long a connection waits for a lock of another process. A test that holds one waits less.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 1_000 } else { 5_000 });
/// How long the check after a crash may take: it must not hold up the start of a large inbox. A test's busy machine looks at all of it.
const CHECK_LIMIT: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 250 });
/// Prepared statements kept per connection: about as many as are in daily use.
const STATEMENTS: usize = 24;

/// `synchronous=NORMAL`: in WAL, rows and cursor vanish together in a power cut, and the service still has what came after the cursor.
/// `mmap_size=0`: with it a failing disk would be a crash. The cache is small because the resident is; the system caches the file.
const PRAGMAS: &str = "
    PRAGMA synchronous = NORMAL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA mmap_size = 0;
    PRAGMA cache_size = -512;
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = 4194304;
    PRAGMA secure_delete = FAST;
    PRAGMA checkpoint_fullfsync = ON;
";

/// An open database.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) writer: Connection,
    pub(super) reader: Connection,
    pub(super) lock: EngineLock,
    pub(super) fresh: bool,
    pub(super) set_aside: Option<PathBuf>,
}

/// Opens the database at `path`, making whatever is missing. Blocks.
pub(super) fn open(path: &Path, now: Timestamp) -> Result<Open, StoreError> {
    files::make_folder(path)?;
    let lock = EngineLock::take(&files::beside(path, "engine.lock"))?;
    let (found, set_aside) = match attempt(path) {
        Err(StoreError::Corrupt) => {
            let folder = files::set_aside(path, now)?;
            warn!(folder = %folder.display(), "the database was damaged; it is kept aside and a new one begun");
            (attempt(path)?, Some(folder))
        }
        found => (found?, None),
    };
    let (writer, reader, fresh) = found;
    Ok(Open { writer, reader, lock, fresh, set_aside })
}

fn attempt(path: &Path) -> Result<(Connection, Connection, bool), StoreError> {
    files::make_private(path)?;
    let sql = |e: rusqlite::Error| StoreError::from_sql(&e, "open", path);
    let mut writer = connect(path)?;
    // Until the version is known to be ours, closing must not even tidy up.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sql)?;
    let version = schema::version(&writer, path)?;
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(sql)?;
    let fresh = version == 0;
    if fresh {
        // Takes effect only before the first page is written.
        writer.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;").map_err(sql)?;
    }
    let journal: String = writer.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(sql)?;
    if journal != "wal" {
        return Err(StoreError::Unfit { path: path.to_owned() });
    }
    writer.execute_batch(PRAGMAS).map_err(sql)?;
    if !fresh && !settings::closed_cleanly(&writer).map_err(sql)? {
        check(&writer, path)?;
    }
    schema::migrate(&mut writer, path, version)?;
    settings::set_closed_cleanly(&writer, false).map_err(sql)?;

    let reader = connect(path)?;
    reader.execute_batch(PRAGMAS).map_err(sql)?;
    reader.execute_batch("PRAGMA query_only = ON;").map_err(sql)?;
    Ok((writer, reader, fresh))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that opens the database")]
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn =
        Connection::open_with_flags(path, flags).map_err(|e| StoreError::from_sql(&e, "open", path))?;
    conn.busy_timeout(PATIENCE).map_err(|e| StoreError::from_sql(&e, "open", path))?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// After an unclean end: is the file whole? Looks as far as it gets within the limit. A damaged word index is made anew from the rows.
fn check(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let sql = |e: rusqlite::Error| StoreError::from_sql(&e, "check", path);
    let give_up = Instant::now() + CHECK_LIMIT;
    conn.progress_handler(10_000, Some(move || Instant::now() > give_up)).map_err(sql)?;
    let complaints = complaints(conn);
    conn.progress_handler(0, None::<fn() -> bool>).map_err(sql)?;
    let complaints = match complaints {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            info!("the database is large: only part of it was checked after the unclean end");
            return Ok(());
        }
        complaints => complaints.map_err(sql)?,
    };
    match complaints.as_slice() {
        [] => Ok(()),
        words if words.iter().all(|text| of_the_word_index(text)) => {
            if words.iter().any(|text| text.ends_with("interrupted")) {
                return Ok(());
            }
            warn!("the word index was damaged; it is made anew");
            conn.execute_batch("INSERT INTO notification_search (notification_search) VALUES ('rebuild');")
                .map_err(sql)
        }
        _ => Err(StoreError::Corrupt),
    }
}

/// True for a complaint about FTS5's own structures, which can be made anew; damage of the file itself is told in other words.
fn of_the_word_index(complaint: &str) -> bool {
    complaint.starts_with("fts5: ") || complaint.contains("inverted index for FTS5")
}

fn complaints(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare("PRAGMA quick_check(8)")?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    found.retain(|text| text != "ok");
    Ok(found)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{FileExt, PermissionsExt};

    use super::*;
    use crate::notification::Arrival;
    use crate::store::Store;
    use crate::store::testing::{Bench, account, at, id, raw, told};

    /// A closed database with one account and two hundred notifications.
    async fn closed() -> (Bench, PathBuf) {
        let bench = Bench::with_account().await;
        bench.admit((0..200).map(|n| told(&n.to_string(), n)).collect()).await;
        bench.store.clone().close().await;
        let path = bench.path();
        (bench, path)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    async fn works(store: &Store) {
        store.put_account(account("podio"), at(0)).await.unwrap();
        let new = vec![told("after", 1)];
        store.admit(id("podio"), new, Arrival::Live, None, at(1)).await.unwrap();
        assert_eq!(store.total().await.unwrap(), 1);
    }

    fn set_aside_folders(path: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("set-aside")).collect()
    }

    /// Marks the closed database as one whose engine died.
    fn unclean(path: &Path) {
        let conn = raw(path);
        settings::set_closed_cleanly(&conn, false).unwrap();
    }

    /// Overwrites every page that is not the first with nonsense.
    fn scribble(path: &Path) {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        let pages = fs::metadata(path).unwrap().len() / 4096;
        for page in 2..pages {
            file.write_at(&[0xA5; 200], page * 4096).unwrap();
        }
    }

    #[tokio::test]
    async fn files_and_folder_belong_to_their_owner_only() {
        let bench = Bench::with_account().await;
        let [db, _, shm, wal] = files::with_companions(&bench.path());
        for file in [&db, &shm, &wal, &files::beside(&db, "engine.lock")] {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        assert_eq!(mode(db.parent().unwrap()), 0o700);
    }

    #[tokio::test]
    async fn files_that_others_could_read_are_closed_to_them() {
        let (_bench, path) = closed().await;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let _open = open(&path, at(0)).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[tokio::test]
    async fn the_pragmas_are_as_the_design_says() {
        let bench = Bench::new();
        let table = [
            ("journal_mode", "wal"),
            ("synchronous", "1"),
            ("foreign_keys", "1"),
            ("trusted_schema", "0"),
            ("cell_size_check", "1"),
            ("mmap_size", "0"),
            ("cache_size", "-512"),
            ("auto_vacuum", "2"),
            ("journal_size_limit", "4194304"),
            ("secure_delete", "2"),
        ];
        let ask = move |conn: &Connection| {
            let text = |row: &rusqlite::Row<'_>| {
                let value: rusqlite::types::Value = row.get(0)?;
                Ok(match value {
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => format!("{other:?}"),
                })
            };
            table.map(|(name, _)| conn.pragma_query_value(None, name, text).unwrap())
        };
        let expected = table.map(|(_, value)| value.to_owned());
        let writes = bench.store.on_writer("test", move |conn| Ok(ask(conn))).await.unwrap();
        assert_eq!(writes, expected);
        let reads = bench.store.read("test", move |conn| Ok(ask(conn))).await.unwrap();
        assert_eq!(reads, expected);
    }

    #[tokio::test]
    async fn the_reading_connection_cannot_write() {
        let bench = Bench::new();
        let refused = bench.store.read("test", |conn| Ok(conn.execute("DELETE FROM setting", [])?)).await;
        assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn a_clean_close_leaves_one_whole_file_and_no_check_to_do() {
        let (_bench, path) = closed().await;
        let [_, journal, shm, wal] = files::with_companions(&path);
        assert!(!journal.exists() && !shm.exists() && !wal.exists());
        assert!(settings::closed_cleanly(&raw(&path)).unwrap());
        let again = open(&path, at(0)).unwrap();
        assert!(!again.fresh && again.set_aside.is_none());
        assert!(!settings::closed_cleanly(&again.reader).unwrap(), "while open it counts as unclean");
    }

    #[tokio::test]
    async fn the_last_clone_to_go_closes_cleanly() {
        let bench = Bench::with_account().await;
        let path = bench.path();
        let Bench { folder: _folder, store } = bench;
        drop(store);
        // The lock is free once the writing thread is through.
        let again = Store::open(&path, at(0)).unwrap();
        assert!(!again.fresh);
        assert_eq!(again.store.accounts().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_closed_store_refuses_its_clones() {
        let bench = Bench::new();
        let clone = bench.store.clone();
        bench.store.clone().close().await;
        assert_eq!(clone.total().await, Err(StoreError::Closed));
        assert_eq!(clone.next_run(at(0)).await, Err(StoreError::Closed));
        clone.close().await;
    }

    #[tokio::test]
    async fn a_second_engine_is_refused_and_the_first_goes_on() {
        let bench = Bench::with_account().await;
        let refused = Store::open(&bench.path(), at(0)).unwrap_err();
        assert_eq!(refused, StoreError::Held { pid: Some(std::process::id()) });
        assert!(refused.to_string().contains(&std::process::id().to_string()));
        bench.admit(vec![told("a", 1)]).await;
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_set_aside_and_a_new_one_begun() {
        let (_bench, path) = closed().await;
        let garbage = b"this was a database once. ".repeat(400);
        fs::write(&path, &garbage).unwrap();
        let opened = Store::open(&path, at(1_700_000_000_000)).unwrap();
        let aside = opened.set_aside.unwrap();
        assert!(opened.fresh);
        assert_eq!(aside.file_name().unwrap(), "set-aside-20231114T221320Z");
        assert_eq!(fs::read(aside.join("belfry.db")).unwrap(), garbage, "nothing is deleted");
        assert_eq!(mode(&aside), 0o700);
        works(&opened.store).await;
    }

    #[tokio::test]
    async fn damage_that_shows_at_once_sets_the_database_aside() {
        for (what, harm) in [
            ("cut in the middle", (|path| cut(path, 2)) as fn(&Path)),
            ("cut within a page", |path| cut(path, 3)),
            ("a flipped header", |path| {
                fs::OpenOptions::new().write(true).open(path).unwrap().write_at(&[0x80], 3).unwrap();
            }),
        ] {
            let (_bench, path) = closed().await;
            harm(&path);
            let damaged = fs::read(&path).unwrap();
            let opened = Store::open(&path, at(0)).unwrap();
            let aside = opened.set_aside.expect(what);
            assert_eq!(fs::read(aside.join("belfry.db")).unwrap(), damaged, "{what}");
            works(&opened.store).await;
        }
    }

    fn cut(path: &Path, part: u64) {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / part + part % 2).unwrap();
    }

    #[tokio::test]
    async fn damage_inside_is_found_after_an_unclean_end() {
        let (_bench, path) = closed().await;
        unclean(&path);
        scribble(&path);
        let opened = Store::open(&path, at(0)).unwrap();
        assert!(opened.set_aside.is_some() && opened.fresh);
        works(&opened.store).await;
    }

    #[tokio::test]
    async fn an_unclean_end_alone_changes_nothing() {
        let (_bench, path) = closed().await;
        unclean(&path);
        let opened = Store::open(&path, at(0)).unwrap();
        assert!(opened.set_aside.is_none() && !opened.fresh);
        assert_eq!(opened.store.total().await.unwrap(), 200);
    }

    #[tokio::test]
    async fn companions_go_aside_with_their_database() {
        let (_bench, path) = closed().await;
        fs::write(&path, "x".repeat(4096)).unwrap();
        let [_, _, _, wal] = files::with_companions(&path);
        fs::write(&wal, "the end of the story").unwrap();
        let aside = Store::open(&path, at(0)).unwrap().set_aside.unwrap();
        assert_eq!(fs::read_to_string(aside.join("belfry.db-wal")).unwrap(), "the end of the story");
    }

    #[tokio::test]
    async fn two_set_aside_in_one_second_do_not_meet() {
        let (_bench, path) = closed().await;
        for _ in 0..2 {
            fs::write(&path, "x".repeat(4096)).unwrap();
            let opened = Store::open(&path, at(0)).unwrap();
            opened.store.close().await;
        }
        assert_eq!(set_aside_folders(&path).len(), 2);
    }

    #[tokio::test]
    async fn damage_met_while_running_is_looked_for_at_the_next_start() {
        let bench = Bench::with_account().await;
        bench.admit((0..200).map(|n| told(&n.to_string(), n)).collect()).await;
        let folded = bench.store.on_writer("test", |conn| {
            crate::store::threads::checkpoint(conn);
            Ok(())
        });
        folded.await.unwrap();
        scribble(&bench.path());
        let [.., wal] = files::with_companions(&bench.path());
        assert_eq!(fs::metadata(wal).unwrap().len(), 0, "all is in the one file");
        let cold = |conn: &Connection| -> Result<i64, crate::store::error::Trouble> {
            conn.release_memory()?;
            Ok(conn
                .query_row("SELECT sum(length(raw) + length(title)) FROM notification", [], |r| r.get(0))?)
        };
        assert_eq!(bench.store.read("test", cold).await, Err(StoreError::Corrupt));
        bench.store.clone().close().await;
        assert!(Store::open(&bench.path(), at(0)).unwrap().set_aside.is_some());
    }

    #[tokio::test]
    async fn a_damaged_word_index_is_made_anew_and_nothing_set_aside() {
        let (bench, path) = closed().await;
        unclean(&path);
        let conn = raw(&path);
        conn.execute_batch(
            "INSERT INTO notification_search (notification_search, rowid, title, body, actor, context_title, context_place)
             VALUES ('delete', 7, 'title of 6', 'a body', 'Ada', 'an item', 'a space');
             UPDATE notification_search_data SET block = zeroblob(12) WHERE id > 10;",
        )
        .unwrap();
        drop(conn);
        let opened = Store::open(&path, at(0)).unwrap();
        assert_eq!(opened.set_aside, None);
        let search =
            crate::store::InboxQuery { search: Some("title".into()), limit: 500, ..Default::default() };
        assert_eq!(opened.store.inbox(search).await.unwrap().len(), 200);
        drop(bench);
    }

    #[tokio::test]
    async fn a_database_that_is_only_busy_is_never_set_aside() {
        let (_bench, path) = closed().await;
        let other = raw(&path);
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(Store::open(&path, at(0)).unwrap_err(), StoreError::Busy);
        assert!(set_aside_folders(&path).is_empty());
        other.execute_batch("ROLLBACK").unwrap();
        let opened = Store::open(&path, at(0)).unwrap();
        assert_eq!(opened.store.total().await.unwrap(), 200);
    }

    #[tokio::test]
    async fn a_path_that_cannot_be_a_database_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = Store::open(&file.join("belfry.db"), at(0)).unwrap_err();
        assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
        let directory = folder.path().join("belfry.db");
        fs::create_dir(&directory).unwrap();
        let refused = Store::open(&directory, at(0)).unwrap_err();
        assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
    }

    #[tokio::test]
    async fn a_full_disk_loses_nothing_and_later_all_goes_on() {
        let bench = Bench::with_account().await;
        bench.admit(vec![told("before", 1)]).await;
        let limit = |pages: &'static str| {
            bench.store.on_writer("test", move |conn| {
                Ok(conn
                    .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))?)
            })
        };
        limit("1").await.unwrap();
        let cursor = || Some(crate::link::Cursor("further".into()));
        let large =
            || vec![crate::notification::Notification { body: "long ".repeat(20_000), ..told("large", 2) }];
        let admit = || bench.store.admit(id("podio"), large(), Arrival::Live, cursor(), at(2));
        assert_eq!(admit().await, Err(StoreError::Full));
        assert_eq!(bench.store.total().await.unwrap(), 1);
        assert_eq!(bench.store.pending(9).await.unwrap().len(), 1);
        assert_eq!(bench.store.cursor(&id("podio")).await.unwrap(), None);
        limit("1000000").await.unwrap();
        assert_eq!(admit().await.unwrap().len(), 1);
        assert_eq!(bench.store.cursor(&id("podio")).await.unwrap(), cursor());
        let sound = bench.store.on_writer("test", |conn| Ok(complaints(conn)?)).await.unwrap();
        assert!(sound.is_empty(), "{sound:?}");
    }
}

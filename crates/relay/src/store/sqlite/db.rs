//! Opens the database: the only file that does. In: a path. Out: a connection to write, one to read, and what was found.
//!
//! Damage, and nothing but damage, sets a database aside; it is kept, and a new one begun. Another program's database is refused.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tracing::{info, warn};

use super::{files, schema};
use crate::store::{Keys, StoreError};
use crate::tasks;

/// How long the check after a crash may take: it must not hold up the start of a large store.
const CHECK_LIMIT: Duration = Duration::from_millis(1_500);

/// `synchronous=FULL`: an answered webhook comes once, so its commit must outlive a power cut. `mmap_size=0`: with it a failing disk
/// would be a crash.
const PRAGMAS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA mmap_size = 0;
    PRAGMA cache_size = -8192;
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = 4194304;
    PRAGMA secure_delete = FAST;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA fullfsync = ON;
    PRAGMA busy_timeout = 2000;
";

/// An open store.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) writer: Connection,
    pub(super) reader: Connection,
    pub(super) lock: files::Lock,
    pub(super) damage: files::Damage,
    pub(super) keys: Keys,
    pub(super) epoch: u64,
    pub(super) remarks: Vec<String>,
}

/// Opens the database at `path`, making whatever is missing. Blocks.
pub(super) fn open(path: &Path, restored: bool) -> Result<Open, StoreError> {
    files::make_folder(path)?;
    let lock = files::Lock::take(path)?;
    let damage = files::Damage::new(path);
    let mut remarks = Vec::new();
    let had_entries = path.exists();
    let (keys, new_keys) = files::keys(path)?;
    if new_keys && had_entries {
        remarks.push(format!(
            "The keys in {} were missing and have been made anew: every channel must be made anew, too",
            files::beside(path, "keys").display()
        ));
    }
    let (writer, reader) = match attempt(path, &damage) {
        Err(Trouble::Damaged) => {
            let folder = files::set_aside(path, tasks::now_ms())?;
            remarks.push(set_aside_remark(&folder));
            warn!(folder = %folder.display(), "the store was damaged; it is kept aside and a new one begun");
            attempt(path, &damage).map_err(|trouble| trouble.told(path))?
        }
        found => found.map_err(|trouble| trouble.told(path))?,
    };
    let epoch = epoch(&writer, restored)
        .map_err(|error| Trouble::from(error).told(path))
        .inspect_err(|error| damage.note(error))?;
    Ok(Open { writer, reader, lock, damage, keys, epoch, remarks })
}

fn set_aside_remark(folder: &Path) -> String {
    format!(
        "The store was damaged. It is kept in {}, and a new one was begun; readers are told that they may have missed something",
        folder.display()
    )
}

fn attempt(path: &Path, damage: &files::Damage) -> Result<(Connection, Connection), Trouble> {
    files::make_private(path).map_err(Trouble::Unfit)?;
    let mut writer = connect(path)?;
    let version: i64 = writer.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i64 = writer.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = writer.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && application != schema::OURS {
        return Err(Trouble::Unfit(StoreError::Unfit(format!(
            "{} is the database of another program: choose another folder with --data; nothing was changed",
            path.display()
        ))));
    }
    if version > schema::NEWEST {
        return Err(Trouble::Unfit(StoreError::Unfit(format!(
            "{} was made by a newer belfry-relay (its format is {version}, this one knows {}): install the newer one again; nothing \
             was changed",
            path.display(),
            schema::NEWEST
        ))));
    }
    if tables == 0 {
        // Both take effect only before the first page is written.
        writer.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;")?;
        writer.pragma_update(None, "application_id", schema::OURS)?;
    }
    let journal: String = writer.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if journal != "wal" {
        return Err(Trouble::Unfit(StoreError::Unfit(format!(
            "The folder of {} cannot hold the store: choose one on a disk of this machine with --data, not on a network share",
            path.display()
        ))));
    }
    writer.execute_batch(PRAGMAS)?;
    if damage.was_found() {
        check_whole(&writer)?;
        damage.forget().map_err(Trouble::Unfit)?;
        info!("the store seemed damaged when it was last in use, but all of it was checked and is whole");
    } else if tables > 0 && !closed_cleanly(&writer)? {
        check(&writer)?;
    }
    schema::migrate(&mut writer).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => Trouble::from(err),
        other => Trouble::Unfit(StoreError::Other(format!("the migration failed: {other}"))),
    })?;
    set_closed_cleanly(&writer, false)?;
    let reader = connect(path)?;
    reader.execute_batch(PRAGMAS)?;
    reader.execute_batch("PRAGMA query_only = ON;")?;
    Ok((writer, reader))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that opens the database")]
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

/// After an unclean end: is the file whole? Looks as far as it gets within the limit.
fn check(conn: &Connection) -> Result<(), Trouble> {
    let give_up = Instant::now() + CHECK_LIMIT;
    conn.progress_handler(10_000, Some(move || Instant::now() > give_up))?;
    let found: rusqlite::Result<String> = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    conn.progress_handler(0, None::<fn() -> bool>)?;
    match found {
        Ok(words) if words == "ok" => Ok(()),
        Ok(_) => Err(Trouble::Damaged),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            info!("the store is large: only part of it was checked after the unclean end");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// After damage was met: every page, every row, every index, however long it takes.
fn check_whole(conn: &Connection) -> Result<(), Trouble> {
    info!(
        "the store was found damaged when it was last in use: all of it is checked now, which may take a while"
    );
    let found: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(Trouble::Damaged) }
}

/// The epoch, made once; anew for a store that was put back from a backup, and always later than the one before.
fn epoch(conn: &Connection, restored: bool) -> rusqlite::Result<u64> {
    let kept = setting(conn, "epoch")?.and_then(|kept| u64::try_from(kept).ok());
    match kept {
        Some(epoch) if !restored => Ok(epoch),
        earlier => {
            let epoch = tasks::now_ms().max(earlier.map_or(1, |earlier| earlier + 1));
            set(conn, "epoch", i64::try_from(epoch).unwrap_or(i64::MAX))?;
            Ok(epoch)
        }
    }
}

fn closed_cleanly(conn: &Connection) -> rusqlite::Result<bool> {
    // Before the first migration is through there is no such table, and nothing to check.
    let tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'setting'", [], |row| row.get(0))?;
    Ok(tables == 0 || setting(conn, "closed_cleanly")? == Some(1))
}

/// Says whether the file was closed in order: if not, the next start checks it.
pub(super) fn set_closed_cleanly(conn: &Connection, cleanly: bool) -> rusqlite::Result<()> {
    set(conn, "closed_cleanly", i64::from(cleanly))
}

fn setting(conn: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut found = conn.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
    let mut rows = found.query([name])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

/// Writes one setting, durably.
pub(super) fn set(conn: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
    )?
    .execute((name, value))
    .map(drop)
}

/// Why a database could not be opened.
enum Trouble {
    Damaged,
    Unfit(StoreError),
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        if told(&error) == StoreError::Damaged { Self::Damaged } else { Self::Sql(error) }
    }
}

impl Trouble {
    fn told(self, path: &Path) -> StoreError {
        match self {
            Self::Damaged => StoreError::Damaged,
            Self::Unfit(error) => error,
            Self::Sql(error) => StoreError::Unfit(format!(
                "{} cannot be opened ({}): see that its folder can be written and its disk works",
                path.display(),
                told(&error)
            )),
        }
    }
}

/// The one table from SQLite's codes to our errors. Only the two codes that mean damage become `Damaged`.
pub(super) fn told(error: &rusqlite::Error) -> StoreError {
    let Some(code) = error.sqlite_error_code() else {
        return StoreError::Other("a row has an unknown form".to_owned());
    };
    match code {
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged,
        ErrorCode::DiskFull => StoreError::Full,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            StoreError::Busy
        }
        ErrorCode::ReadOnly
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::SystemIoFailure => StoreError::Disk(format!("{code:?}")),
        other => StoreError::Other(format!("{other:?}")),
    }
}

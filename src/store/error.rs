//! What can go wrong with the database, in sentences that say what to do. No value of any row ever gets into one.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::account::AccountId;

/// Why the store could not do what it was asked. Nothing that was committed before is lost by any of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file was made by a newer build. It was not touched.
    #[error(
        "The database was made by a newer Belfry (its format is {found}, this one knows {known}): install the newer Belfry again; \
         nothing was changed"
    )]
    TooNew {
        /// The format of the file.
        found: i64,
        /// The newest format this build knows.
        known: i64,
    },
    /// Another engine has the database.
    #[error("Another Belfry{} is using the database: use that one, or end it first", process(.pid))]
    Held {
        /// Its process number, where it can be read.
        pid: Option<u32>,
    },
    /// No space is left.
    #[error("The disk is full: free some space; nothing was lost, Belfry will go on by itself")]
    Full,
    /// Some other program keeps the file locked.
    #[error("Another program is holding the database: close it; Belfry will try again by itself")]
    Busy,
    /// The file or its disk can only be read.
    #[error("The database {} can only be read: make it and its folder writable for you", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder may not be opened.
    #[error("The database {} cannot be opened: give yourself the right to read and write it and its folder", path.display())]
    Denied {
        /// The file.
        path: PathBuf,
    },
    /// The file system cannot hold a database that several connections share.
    #[error("The folder of {} cannot hold the database: move it to a disk of this machine, not a network share", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
    },
    /// The disk failed to read or write.
    #[error("The disk failed while reading or writing the database {}: check the disk; Belfry will try again by itself", path.display())]
    Io {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged. Opening it again sets it aside.
    #[error("The database is damaged: start Belfry again; it keeps the damaged file and begins a new one")]
    Corrupt,
    /// The account is not (or no longer) there.
    #[error(
        "There is no account “{0}”: it may have been removed; `belfry account list` shows which there are"
    )]
    NoAccount(AccountId),
    /// The store was closed.
    #[error("Belfry is stopping: start it again")]
    Closed,
    /// A defect of ours.
    #[error("Belfry’s database refused “{query}” ({what}): please report this")]
    Other {
        /// What was asked, by its name.
        query: &'static str,
        /// The kind of the error, without any value.
        what: String,
    },
}

fn process(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// What a verb on the database's own thread may end with, before it is put into words.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite said so.
    Sql(rusqlite::Error),
    /// The account is not there.
    NoAccount(AccountId),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Trouble {
    /// Says it for people. `query` names what was asked.
    pub(super) fn told(self, query: &'static str, path: &Path) -> StoreError {
        match self {
            Self::NoAccount(id) => StoreError::NoAccount(id),
            Self::Sql(error) => StoreError::from_sql(&error, query, path),
        }
    }
}

impl StoreError {
    /// The one table from SQLite's codes to our errors. Only the two codes that mean damage become `Corrupt`.
    pub(super) fn from_sql(error: &rusqlite::Error, query: &'static str, path: &Path) -> Self {
        let path = path.to_owned();
        let Some(code) = error.sqlite_error_code() else {
            return Self::Other { query, what: kind_of(error).to_owned() };
        };
        match code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt,
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
                Self::Busy
            }
            ErrorCode::ReadOnly => Self::ReadOnly { path },
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::AuthorizationForStatementDenied => Self::Denied { path },
            ErrorCode::SystemIoFailure => Self::Io { path },
            other => Self::Other { query, what: format!("{other:?}") },
        }
    }

    /// The same for the file system's own answers.
    pub(super) fn from_io(error: &io::Error, path: &Path) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::AlreadyExists => Self::Denied { path },
            _ => Self::Io { path },
        }
    }
}

/// The kind of an error that is not SQLite's own. The error's text is not used: it may hold values.
fn kind_of(error: &rusqlite::Error) -> &'static str {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => {
            "a value has an unknown form"
        }
        rusqlite::Error::QueryReturnedNoRows => "a row is missing",
        _ => "misuse",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn told(code: i32) -> StoreError {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("a secret value".into()));
        StoreError::from_sql(&error, "some query", Path::new("belfry.db"))
    }

    #[test]
    fn only_the_two_codes_of_damage_mean_damage() {
        let path = PathBuf::from("belfry.db");
        let table = [
            (ffi::SQLITE_CORRUPT, StoreError::Corrupt),
            (ffi::SQLITE_CORRUPT_INDEX, StoreError::Corrupt),
            (ffi::SQLITE_NOTADB, StoreError::Corrupt),
            (ffi::SQLITE_FULL, StoreError::Full),
            (ffi::SQLITE_BUSY, StoreError::Busy),
            (ffi::SQLITE_BUSY_SNAPSHOT, StoreError::Busy),
            (ffi::SQLITE_LOCKED, StoreError::Busy),
            (ffi::SQLITE_PROTOCOL, StoreError::Busy),
            (ffi::SQLITE_READONLY, StoreError::ReadOnly { path: path.clone() }),
            (ffi::SQLITE_READONLY_DIRECTORY, StoreError::ReadOnly { path: path.clone() }),
            (ffi::SQLITE_CANTOPEN, StoreError::Denied { path: path.clone() }),
            (ffi::SQLITE_PERM, StoreError::Denied { path: path.clone() }),
            (ffi::SQLITE_IOERR, StoreError::Io { path: path.clone() }),
            (ffi::SQLITE_IOERR_SHORT_READ, StoreError::Io { path }),
        ];
        for (code, expected) in table {
            assert_eq!(told(code), expected, "code {code}");
        }
        for code in 0..=28 {
            let damage = told(code) == StoreError::Corrupt;
            assert_eq!(damage, code == ffi::SQLITE_CORRUPT || code == ffi::SQLITE_NOTADB, "code {code}");
        }
    }

    #[test]
    fn no_error_repeats_a_value() {
        for code in 0..=28 {
            assert!(!told(code).to_string().contains("secret"), "code {code}");
        }
    }
}

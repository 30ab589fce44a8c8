//! The files of the embedded store: the database, its lock and the keys beside it. Made private, moved together, never deleted.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::channel::RelayKey;
use crate::store::{Keys, StoreError};

/// Keeps a second relay away from the database. The system frees it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database, "lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = private(&mut options).open(&path).map_err(|error| unusable(&error, &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Unfit(format!(
                "Another belfry-relay uses {}: end that one, or give this one a folder of its own with --data",
                database.display()
            ))),
            Err(TryLockError::Error(error)) => Err(unusable(&error, &path)),
        }
    }
}

/// Remembers that the database was found damaged while it was in use: by a file beside it, since the database itself may take no word.
#[derive(Debug, Clone)]
pub(super) struct Damage {
    mark: PathBuf,
    seen: Arc<AtomicBool>,
}

impl Damage {
    pub(super) fn new(database: &Path) -> Self {
        Self { mark: mark(database), seen: Arc::default() }
    }

    /// Whether an earlier run found any.
    pub(super) fn was_found(&self) -> bool {
        self.mark.exists()
    }

    /// Whether this run found any.
    pub(super) fn is_seen(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    /// Takes note if this error means damage.
    pub(super) fn note(&self, error: &StoreError) {
        if *error != StoreError::Damaged || self.seen.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let marked = private(&mut options).open(&self.mark).and_then(|file| file.sync_all());
        // Without the mark, the next start still sees that the file was not closed in order, and checks as much as it has time for.
        match marked.and_then(|()| sync_folder(&self.mark)) {
            Ok(()) => error!("the store is damaged: the next start checks all of it"),
            Err(failed) => error!(%failed, "the store is damaged, and its mark could not be written"),
        }
    }

    /// The file was checked and is whole.
    pub(super) fn forget(&self) -> Result<(), StoreError> {
        fs::remove_file(&self.mark).map_err(|error| unusable(&error, &self.mark))
    }
}

fn mark(database: &Path) -> PathBuf {
    beside(database, "damaged")
}

/// What the keys' file holds.
#[derive(Serialize, Deserialize)]
struct Written {
    relay_key: String,
    join_code: String,
}

/// The keys beside the database, and whether they were made just now. They lie in a file of their own, so that a damaged database costs
/// no channel its name.
pub(super) fn keys(database: &Path) -> Result<(Keys, bool), StoreError> {
    let path = beside(database, "keys");
    match fs::read(&path) {
        Ok(bytes) => {
            restrict(&path).map_err(|error| unusable(&error, &path))?;
            let keys = read_keys(&bytes).ok_or_else(|| {
                StoreError::Unfit(format!(
                    "The keys in {} cannot be read: put the file back from a backup. If there is none, move it away; every \
                     channel must then be made anew",
                    path.display()
                ))
            })?;
            Ok((keys, false))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let keys = Keys::random();
            write_keys(&path, &keys).map_err(|error| unusable(&error, &path))?;
            Ok((keys, true))
        }
        Err(error) => Err(unusable(&error, &path)),
    }
}

fn read_keys(bytes: &[u8]) -> Option<Keys> {
    let written: Written = serde_json::from_slice(bytes).ok()?;
    let key = BASE64URL_NOPAD.decode(written.relay_key.as_bytes()).ok()?;
    let relay = RelayKey::from_bytes(key.try_into().ok()?);
    (!written.join_code.is_empty()).then_some(Keys { relay, join_code: written.join_code })
}

/// Whole or not at all, and on the disk before anything is made by it.
fn write_keys(path: &Path, keys: &Keys) -> io::Result<()> {
    let written = Written {
        relay_key: BASE64URL_NOPAD.encode(keys.relay.as_bytes()),
        join_code: keys.join_code.clone(),
    };
    let mut text = serde_json::to_string_pretty(&written)?;
    text.push('\n');
    let new = path.with_extension("keys.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let mut file = private(&mut options).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(path)
}

/// Makes the folder, open to its owner only. One that is there already stays as the person made it.
pub(super) fn make_folder(database: &Path) -> Result<(), StoreError> {
    let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    private_folder(folder).map_err(|error| unusable(&error, folder))
}

/// Makes the database's file if it is missing, and it and its companions readable by their owner only.
pub(super) fn make_private(database: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private(&mut options).open(database).map_err(|error| unusable(&error, database))?;
    for file in with_companions(database) {
        if file.exists() {
            restrict(&file).map_err(|error| unusable(&error, &file))?;
        }
    }
    Ok(())
}

/// Moves the database and its companions into a new folder beside it, and says which.
pub(super) fn set_aside(database: &Path, now_ms: u64) -> Result<PathBuf, StoreError> {
    let name = format!("set-aside-{}", now_ms / 1000);
    let first = database.with_file_name(&name);
    let folder = if first.exists() {
        (2_u32..).map(|n| database.with_file_name(format!("{name}-{n}"))).find(|one| !one.exists())
    } else {
        Some(first)
    };
    let folder = folder.unwrap_or_else(|| database.with_file_name(&name));
    private_folder(&folder).map_err(|error| unusable(&error, &folder))?;
    // The database goes last: a companion left alone would be taken for part of the new one.
    for file in with_companions(database).into_iter().rev() {
        let Some(name) = file.file_name() else { continue };
        if file.exists() {
            fs::rename(&file, folder.join(name)).map_err(|error| unusable(&error, &file))?;
        }
    }
    let mark = mark(database);
    if mark.exists() {
        fs::remove_file(&mark).map_err(|error| unusable(&error, &mark))?;
    }
    Ok(folder)
}

/// A file named after the database.
pub(super) fn beside(database: &Path, extension: &str) -> PathBuf {
    database.with_extension(extension)
}

/// The sentence for whoever started the relay.
pub(super) fn unusable(error: &io::Error, path: &Path) -> StoreError {
    let path = path.display();
    StoreError::Unfit(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("The disk of {path} is full: free some space and start again")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("{path} can only be read: choose a folder that can be written with --data")
        }
        _ => format!(
            "{path} cannot be written ({error}): give this user the right to it, or choose another folder with --data"
        ),
    })
}

fn with_companions(database: &Path) -> [PathBuf; 4] {
    ["", "-journal", "-shm", "-wal"].map(|end| {
        let mut name = OsString::from(database);
        name.push(end);
        PathBuf::from(name)
    })
}

/// Files made with these options belong to their owner only. On Windows the folder's own rights do that.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn restrict(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let open_to_others = fs::metadata(file)?.permissions().mode() & 0o077 != 0;
    if open_to_others { fs::set_permissions(file, fs::Permissions::from_mode(0o600)) } else { Ok(()) }
}

#[cfg(not(unix))]
fn restrict(_file: &Path) -> io::Result<()> {
    Ok(())
}

/// A rename is durable once its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

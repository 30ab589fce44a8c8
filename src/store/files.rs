//! The database's files: made private, moved together. Knows nothing of what is in them.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::StoreError;

/// Makes the folder of the database, open to its owner only. A folder that is there already stays as the person made it.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    private_folder(folder).map_err(|e| StoreError::from_io(&e, folder))
}

/// Makes the database file if it is missing, and it and its companions readable by its owner only. SQLite gives new companions the
/// mode of the database.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private(&mut options);
    options.open(path).map_err(|e| StoreError::from_io(&e, path))?;
    for file in with_companions(path) {
        if file.exists() {
            restrict(&file).map_err(|e| StoreError::from_io(&e, &file))?;
        }
    }
    Ok(())
}

/// Moves the database and its companions into a new folder beside it, and says which. Nothing is deleted.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let beside = path.parent().unwrap_or(Path::new(""));
    let folder = unused(beside, &format!("set-aside-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    private_folder(&folder).map_err(|e| StoreError::from_io(&e, &folder))?;
    // The database goes last: a companion left alone would be taken for part of the new database.
    for file in with_companions(path).into_iter().rev() {
        let Some(name) = file.file_name() else { continue };
        if file.exists() {
            fs::rename(&file, folder.join(name)).map_err(|e| StoreError::from_io(&e, &file))?;
        }
    }
    Ok(folder)
}

/// A file beside the database.
pub(super) fn beside(path: &Path, name: &str) -> PathBuf {
    path.with_file_name(name)
}

/// The database first, then what SQLite keeps beside it.
pub(super) fn with_companions(path: &Path) -> [PathBuf; 4] {
    ["", "-journal", "-shm", "-wal"].map(|end| {
        let mut name = OsString::from(path);
        name.push(end);
        PathBuf::from(name)
    })
}

fn unused(beside: &Path, name: &str) -> PathBuf {
    let first = beside.join(name);
    if !first.exists() {
        return first;
    }
    (2_u32..).map(|n| beside.join(format!("{name}-{n}"))).find(|folder| !folder.exists()).unwrap_or(first)
}

/// Files made with these options belong to their owner only. On Windows the folder's own rights do that.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
pub(super) fn private(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn restrict(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let open_to_others = fs::metadata(file)?.permissions().mode() & 0o077 != 0;
    if open_to_others { fs::set_permissions(file, fs::Permissions::from_mode(0o600)) } else { Ok(()) }
}

#[cfg(not(unix))]
fn restrict(_file: &Path) -> std::io::Result<()> {
    Ok(())
}

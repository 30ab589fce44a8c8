//! The lock that keeps a second engine away from the database. In: a file of its own. Out: a guard that holds it until dropped.
//!
//! The operating system frees it when the process ends, however it ends; the file itself stays and means nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::StoreError;

/// A command that reads the database without a resident holds the lock for a few milliseconds: worth waiting for.
const PATIENCE: Duration = Duration::from_millis(700);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Held while the database is open.
#[derive(Debug)]
pub(super) struct EngineLock {
    _file: File,
}

impl EngineLock {
    /// Takes the lock and writes our process number into it for the one who comes later.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        super::files::private(&mut options);
        let mut file = options.open(path).map_err(|e| StoreError::from_io(&e, path))?;
        let give_up = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < give_up => thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => return Err(StoreError::Held { pid: holder(&mut file) }),
                Err(TryLockError::Error(_)) => return Err(StoreError::Unfit { path: path.to_owned() }),
            }
        }
        sign(&mut file).map_err(|e| StoreError::from_io(&e, path))?;
        Ok(Self { _file: file })
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    write!(file, "{}", std::process::id())
}

/// Who holds it. `None` where the system lets nobody read a locked file (Windows).
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_engine_learns_who_holds_the_lock_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.lock");
        let first = EngineLock::take(&path).unwrap();
        let refused = EngineLock::take(&path).unwrap_err();
        let pid = if cfg!(windows) { None } else { Some(std::process::id()) };
        assert_eq!(refused, StoreError::Held { pid });
        drop(first);
        EngineLock::take(&path).unwrap();
    }

    #[test]
    fn a_lock_file_left_by_a_dead_process_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.lock");
        std::fs::write(&path, "4294967 left over from long ago").unwrap();
        let _held = EngineLock::take(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), std::process::id().to_string());
    }
}

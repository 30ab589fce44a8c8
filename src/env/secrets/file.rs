//! Secrets in a file, for those who chose it: JSON, readable by its owner only, replaced as a whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{SecretError, Vault};
use crate::env::paths::private_folder;

/// Far above what accounts need; a larger file is not ours.
const LARGEST: u64 = 1024 * 1024;

#[derive(Debug)]
pub(super) struct SecretsFile {
    path: PathBuf,
}

type Entries = BTreeMap<String, String>;

impl SecretsFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    fn load(&self) -> Result<Entries, SecretError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entries::new()),
            Err(error) => return Err(self.problem(error)),
        };
        self.check_private(&file)?;
        let mut text = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut text).map_err(|error| self.problem(error))?;
        if text.len() as u64 > LARGEST {
            return Err(self.problem("it is too large to be Belfry's; move it away"));
        }
        // The parser's own words would quote what it stumbled over.
        serde_json::from_slice(&text).map_err(|error| {
            self.problem(format!(
                "it is damaged at line {}, column {}; repair it, or move it away and sign in again",
                error.line(),
                error.column()
            ))
        })
    }

    /// Changes the entries under a lock, so that two programs don't undo each other's change.
    fn change(&self, change: impl FnOnce(&mut Entries)) -> Result<(), SecretError> {
        let folder = self.path.parent().ok_or_else(|| self.problem("it lies in no folder"))?;
        private_folder(folder).map_err(|error| self.problem(error))?;
        let lock = private_file(&self.path.with_extension("lock")).map_err(|error| self.problem(error))?;
        lock.lock().map_err(|error| self.problem(error))?;
        let mut entries = self.load()?;
        change(&mut entries);
        self.store(folder, &entries).map_err(|error| self.problem(error))
    }

    fn store(&self, folder: &Path, entries: &Entries) -> io::Result<()> {
        // Made with mode 0600 from the first moment.
        let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
        fresh.write_all(&serde_json::to_vec_pretty(entries)?)?;
        fresh.as_file().sync_all()?;
        fresh.persist(&self.path)?;
        // The new name survives a power cut only once the folder is written, too. Windows has no such call.
        #[cfg(unix)]
        File::open(folder)?.sync_all()?;
        Ok(())
    }

    #[cfg(unix)]
    fn check_private(&self, file: &File) -> Result<(), SecretError> {
        use std::os::unix::fs::MetadataExt;
        let metadata = file.metadata().map_err(|error| self.problem(error))?;
        if metadata.uid() != crate::env::paths::own_user() {
            return Err(self.problem("it belongs to another user; move it away and sign in again"));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(self.problem(format!(
                "other users may read it; if you trust them, run “chmod 600 {}”, else delete it, change your passwords and sign in again",
                self.path.display()
            )));
        }
        Ok(())
    }

    // A Windows profile is closed to other users by the list that its folders inherit.
    #[cfg(not(unix))]
    fn check_private(&self, _: &File) -> Result<(), SecretError> {
        Ok(())
    }

    fn problem(&self, problem: impl ToString) -> SecretError {
        SecretError::File { path: self.path.clone(), problem: problem.to_string() }
    }
}

impl Vault for SecretsFile {
    fn read(&self, entry: &str) -> Result<Option<SecretString>, SecretError> {
        Ok(self.load()?.remove(entry).map(SecretString::from))
    }

    fn write(&self, entry: &str, secret: &SecretString) -> Result<(), SecretError> {
        self.change(|entries| {
            entries.insert(entry.to_owned(), secret.expose_secret().to_owned());
        })
    }

    fn delete(&self, entry: &str) -> Result<(), SecretError> {
        if self.load()?.contains_key(entry) {
            self.change(|entries| {
                entries.remove(entry);
            })?;
        }
        Ok(())
    }

    fn start_over(&self) {}
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, SecretsFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = SecretsFile::at(folder.path().join("config/secrets.json"));
        (folder, file)
    }

    fn read(file: &SecretsFile, entry: &str) -> Option<String> {
        file.read(entry).unwrap().map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn what_is_written_is_there_for_another_program() {
        let (_folder, file) = file();
        assert_eq!(read(&file, "podio/tokens"), None);
        file.delete("podio/tokens").unwrap();
        assert!(!file.path.exists(), "asking made a file");
        file.write("podio/tokens", &"a".into()).unwrap();
        file.write("podio/client-secret", &"b".into()).unwrap();
        file.write("podio/tokens", &"c".into()).unwrap();
        let other = SecretsFile::at(file.path.clone());
        assert_eq!(read(&other, "podio/tokens").as_deref(), Some("c"));
        other.delete("podio/tokens").unwrap();
        assert_eq!(read(&file, "podio/tokens"), None);
        assert_eq!(read(&file, "podio/client-secret").as_deref(), Some("b"));
    }

    #[test]
    fn several_writers_lose_nothing() {
        let (_folder, file) = file();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let file = &file;
                scope.spawn(move || {
                    for entry in 0..10 {
                        file.write(&format!("{writer}/{entry}"), &"x".into()).unwrap();
                    }
                });
            }
        });
        assert_eq!(file.load().unwrap().len(), 40);
    }

    #[test]
    fn a_damaged_file_is_neither_quoted_nor_overwritten() {
        let (_folder, file) = file();
        file.write("podio/tokens", &"a".into()).unwrap();
        fs::write(&file.path, "\"hush\"").unwrap();
        let error = file.write("podio/tokens", &"b".into()).unwrap_err().to_string();
        assert!(error.contains("damaged at line 1"), "{error}");
        assert!(!error.contains("hush"), "{error}");
        assert_eq!(fs::read_to_string(&file.path).unwrap(), "\"hush\"");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_file_and_its_folder() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, file) = file();
        file.write("podio/tokens", &"a".into()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file.path), 0o600);
        assert_eq!(mode(file.path.parent().unwrap()), 0o700);
        for open in [0o644, 0o640, 0o604] {
            fs::set_permissions(&file.path, fs::Permissions::from_mode(open)).unwrap();
            for refused in [file.read("podio/tokens").map(drop), file.write("podio/tokens", &"b".into())] {
                let words = refused.unwrap_err().to_string();
                assert!(words.contains("other users may read it") && words.contains("chmod 600"), "{words}");
            }
        }
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&file, "podio/tokens").as_deref(), Some("a"));
    }
}

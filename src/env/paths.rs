//! Paths: where things are on this machine. `BELFRY_HOME` moves them all under one directory.

use std::path::{Path, PathBuf};

/// The folders and files Belfry uses. Nothing is made until `prepare`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    data: PathBuf,
    config: PathBuf,
    cache: PathBuf,
    runtime: PathBuf,
}

/// A folder could not be found or made.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// There is no home folder to put anything in.
    #[error("no home folder is known; set BELFRY_HOME to a folder of yours")]
    NoHome,
    /// A folder could not be made or protected.
    #[error("the folder {} could not be made ready: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Paths {
    /// All folders under one directory, as `BELFRY_HOME` asks.
    pub fn under(home: &Path) -> Self {
        Self {
            data: home.join("data"),
            config: home.join("config"),
            cache: home.join("cache"),
            runtime: home.join("run"),
        }
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.data.join("belfry.db")
    }

    /// The lock that keeps a second engine away from the database.
    pub fn lock(&self) -> PathBuf {
        self.data.join("engine.lock")
    }

    /// Where a damaged database is set aside.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Secrets in a file, where the person chose so.
    pub fn secrets_file(&self) -> PathBuf {
        self.config.join("secrets.json")
    }

    /// Folder of the log.
    pub fn logs(&self) -> PathBuf {
        self.cache.join("log")
    }

    /// Pictures unpacked for toast services, which take file names only.
    pub fn icons(&self) -> PathBuf {
        self.cache.join("icons")
    }

    /// The local socket.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("belfry.sock")
    }
}

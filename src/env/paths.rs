//! Paths: where things are on this machine. `BELFRY_HOME` moves them all under one directory.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use sha2::{Digest, Sha256};

/// A socket's path with its closing zero must fit into `sun_path`: 108 bytes on Linux, 104 on macOS.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
const SOCKET: &str = "belfry.sock";

/// The folders and files Belfry uses. Nothing is made until `prepare`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    data: PathBuf,
    config: PathBuf,
    cache: PathBuf,
    runtime: PathBuf,
    socket: PathBuf,
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
        source: io::Error,
    },
    /// Someone else owns a folder that must be ours alone.
    #[error("the folder {} is not yours alone; move it away, or set BELFRY_HOME to a folder of yours", path.display())]
    NotYours {
        /// The folder.
        path: PathBuf,
    },
}

impl Paths {
    /// All folders under one directory, as `BELFRY_HOME` asks.
    pub fn under(home: &Path) -> Self {
        let runtime = home.join("run");
        Self {
            data: home.join("data"),
            config: home.join("config"),
            cache: home.join("cache"),
            socket: socket(&runtime, session_folder().as_deref()),
            runtime,
        }
    }

    /// Where `BELFRY_HOME` says, else where this system keeps such things: the XDG folders on Linux (the socket beside the data where
    /// `XDG_RUNTIME_DIR` is unset), the local application data on Windows, the Library on macOS.
    pub fn from_environment() -> Result<Self, PathError> {
        if let Some(home) = set("BELFRY_HOME") {
            let home = PathBuf::from(home);
            // A face may be started from another folder.
            let home =
                std::path::absolute(&home).map_err(|source| PathError::Folder { path: home, source })?;
            return Ok(Self::under(&home));
        }
        let system = ProjectDirs::from("app", "belfry", "Belfry").ok_or(PathError::NoHome)?;
        // Not the roaming folder: a database does not survive being copied about.
        let data = system.data_local_dir().to_owned();
        let runtime = system.runtime_dir().unwrap_or(&data).to_owned();
        Ok(Self {
            config: system.config_local_dir().to_owned(),
            cache: system.cache_dir().to_owned(),
            socket: socket(&runtime, session_folder().as_deref()),
            data,
            runtime,
        })
    }

    /// Makes the folders, open to their owner only.
    pub fn prepare(&self) -> Result<(), PathError> {
        for folder in [&self.data, &self.config, &self.cache, &self.runtime] {
            private_folder(folder)?;
        }
        for folder in [self.logs(), self.icons()] {
            private_folder(&folder)?;
        }
        if let Some(folder) = self.socket.parent().filter(|folder| *folder != self.runtime) {
            shared_place_folder(folder)?;
        }
        Ok(())
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

    /// The local socket. Where its folder's name is too long for a socket, it has a short name elsewhere.
    pub fn socket(&self) -> PathBuf {
        self.socket.clone()
    }
}

/// A variable that is set and not empty.
fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The session's folder for sockets; the XDG rules ignore one that is not absolute.
fn session_folder() -> Option<PathBuf> {
    set("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute())
}

fn socket(runtime: &Path, session: Option<&Path>) -> PathBuf {
    let usual = runtime.join(SOCKET);
    if !cfg!(unix) || fits(&usual) {
        return usual;
    }
    let name = short_name(runtime);
    let in_session = session.map(|folder| folder.join("belfry").join(&name));
    in_session
        .filter(|socket| fits(socket))
        .unwrap_or_else(|| Path::new("/tmp").join(format!("belfry-{}", own_user())).join(name))
}

fn fits(socket: &Path) -> bool {
    socket.as_os_str().len() <= LONGEST_SOCKET
}

/// Each folder has a name of its own, the same in every program.
fn short_name(runtime: &Path) -> String {
    let digest = Sha256::digest(runtime.as_os_str().as_encoded_bytes());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.sock")
}

/// Makes a folder that only its owner may enter, and closes one that was open to others.
pub(super) fn private_folder(path: &Path) -> Result<(), PathError> {
    let failed = |source| PathError::Folder { path: path.to_owned(), source };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed)?;
    close(path, &fs::metadata(path).map_err(failed)?)
}

/// The same where other users may have been first, with a folder of theirs or with a link.
fn shared_place_folder(path: &Path) -> Result<(), PathError> {
    private_folder(path)?;
    let failed = |source| PathError::Folder { path: path.to_owned(), source };
    let itself = fs::symlink_metadata(path).map_err(failed)?;
    if itself.is_dir() { close(path, &itself) } else { Err(PathError::NotYours { path: path.to_owned() }) }
}

#[cfg(unix)]
fn close(path: &Path, metadata: &fs::Metadata) -> Result<(), PathError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    if metadata.uid() != own_user() {
        return Err(PathError::NotYours { path: path.to_owned() });
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(|source| PathError::Folder { path: path.to_owned(), source })?;
    }
    Ok(())
}

// A Windows profile is closed to other users by the list that its folders inherit.
#[cfg(not(unix))]
fn close(_: &Path, _: &fs::Metadata) -> Result<(), PathError> {
    Ok(())
}

/// The number of the user whose rights this program has.
#[cfg(unix)]
pub(super) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn own_user() -> u32 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_lies_under_one_directory() {
        let home = Path::new("/somewhere");
        let paths = Paths::under(home);
        let all = [
            paths.database(),
            paths.lock(),
            paths.data().to_owned(),
            paths.secrets_file(),
            paths.logs(),
            paths.icons(),
            paths.socket(),
        ];
        for path in all {
            assert!(path.starts_with(home), "{}", path.display());
        }
    }

    /// Variables can be set for a new process only: runs the test again with them, and gives back what it printed.
    #[cfg(target_os = "linux")]
    fn with_environment(variables: &[(&str, &str)]) -> String {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        for name in ["BELFRY_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env_remove(name);
        }
        command.args(["env::paths::tests::the_environment_says_where_things_are", "--exact", "--nocapture"]);
        let output = command.env(PART, "1").envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[cfg(target_os = "linux")]
    const PART: &str = "BELFRY_TEST_PATHS";

    #[cfg(target_os = "linux")]
    #[test]
    fn the_environment_says_where_things_are() {
        if std::env::var_os(PART).is_some() {
            let paths = Paths::from_environment().unwrap();
            println!("\n{:?} {:?} {:?}", paths.database(), paths.secrets_file(), paths.logs());
            println!("{:?}", paths.socket());
            return;
        }
        let home = ("HOME", "/home/p");
        type Case<'a> = (&'a [(&'a str, &'a str)], [&'a str; 4]);
        let cases: &[Case<'_>] = &[
            (
                &[home],
                [
                    "/home/p/.local/share/belfry/belfry.db",
                    "/home/p/.config/belfry/secrets.json",
                    "/home/p/.cache/belfry/log",
                    "/home/p/.local/share/belfry/belfry.sock",
                ],
            ),
            (
                &[
                    home,
                    ("XDG_DATA_HOME", "/d"),
                    ("XDG_CONFIG_HOME", "/c"),
                    ("XDG_CACHE_HOME", "not/absolute"),
                    ("XDG_RUNTIME_DIR", "/r"),
                ],
                [
                    "/d/belfry/belfry.db",
                    "/c/belfry/secrets.json",
                    "/home/p/.cache/belfry/log",
                    "/r/belfry/belfry.sock",
                ],
            ),
            (
                &[home, ("BELFRY_HOME", "/b"), ("XDG_DATA_HOME", "/d"), ("XDG_RUNTIME_DIR", "/r")],
                ["/b/data/belfry.db", "/b/config/secrets.json", "/b/cache/log", "/b/run/belfry.sock"],
            ),
        ];
        for (variables, expected) in cases {
            let printed = with_environment(variables);
            for path in expected {
                assert!(printed.contains(&format!("{path:?}")), "{variables:?}: no {path} in {printed}");
            }
        }
        let printed = with_environment(&[home, ("BELFRY_HOME", "here")]);
        let absolute = std::env::current_dir().unwrap().join("here/data/belfry.db");
        assert!(printed.contains(&format!("{absolute:?}")), "{printed}");
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_has_a_name_that_fits() {
        let deep = PathBuf::from(format!("/{}", "d".repeat(120)));
        let session = Path::new("/run/user/1000");
        let short = socket(Path::new("/home/p/run"), Some(session));
        assert_eq!(short, Path::new("/home/p/run/belfry.sock"));
        let in_session = socket(&deep, Some(session));
        assert!(in_session.starts_with("/run/user/1000/belfry"), "{}", in_session.display());
        let in_tmp = format!("/tmp/belfry-{}", own_user());
        for session in [None, Some(deep.as_path())] {
            assert!(socket(&deep, session).starts_with(&in_tmp));
        }
        let other = PathBuf::from(format!("/{}", "e".repeat(120)));
        assert_ne!(socket(&deep, Some(session)), socket(&other, Some(session)));
        for (length, fitting) in [(LONGEST_SOCKET, true), (LONGEST_SOCKET + 1, false)] {
            let folder = PathBuf::from(format!("/{}", "f".repeat(length - "//belfry.sock".len())));
            let usual = folder.join(SOCKET);
            assert_eq!(usual.as_os_str().len(), length);
            assert_eq!(socket(&folder, Some(session)) == usual, fitting, "{length}");
        }
    }

    #[cfg(unix)]
    mod modes {
        use std::os::unix::fs::{PermissionsExt, symlink};

        use super::*;

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        }

        #[test]
        fn prepared_folders_are_closed_to_others_also_when_they_were_open() {
            let home = tempfile::tempdir().unwrap();
            let paths = Paths::under(home.path());
            fs::create_dir_all(paths.data()).unwrap();
            fs::set_permissions(paths.data(), fs::Permissions::from_mode(0o755)).unwrap();
            paths.prepare().unwrap();
            paths.prepare().unwrap();
            let socket = paths.socket();
            let config = paths.secrets_file();
            let folders = [
                paths.data(),
                config.parent().unwrap(),
                &paths.logs(),
                &paths.icons(),
                socket.parent().unwrap(),
            ];
            for folder in folders {
                assert_eq!(mode(folder), 0o700, "{}", folder.display());
            }
        }

        #[test]
        fn a_socket_can_be_bound_under_a_home_with_a_long_name() {
            let home = tempfile::tempdir().unwrap();
            let paths = Paths::under(&home.path().join("d".repeat(120)));
            paths.prepare().unwrap();
            let socket = paths.socket();
            let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            assert_eq!(mode(socket.parent().unwrap()), 0o700);
            drop(listener);
            fs::remove_file(&socket).unwrap();
        }

        #[test]
        fn a_link_in_a_shared_place_is_refused() {
            let place = tempfile::tempdir().unwrap();
            let elsewhere = tempfile::tempdir().unwrap();
            let link = place.path().join("belfry-0");
            symlink(elsewhere.path(), &link).unwrap();
            assert!(matches!(shared_place_folder(&link), Err(PathError::NotYours { path }) if path == link));
        }

        #[test]
        fn a_file_in_a_folders_place_is_told() {
            let home = tempfile::tempdir().unwrap();
            fs::write(home.path().join("config"), "").unwrap();
            let words = Paths::under(home.path()).prepare().unwrap_err().to_string();
            assert!(words.contains("config"), "{words}");
        }
    }
}

//! The window program: finds `belfry-desktop` and starts it. One that runs already is raised by the second start itself.
//!
//! In: what to show, and the desktop's permission to come to the front. Out: a running window, or a sentence.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::notification::NotificationId;

const PROGRAM: &str = if cfg!(windows) { "belfry-desktop.exe" } else { "belfry-desktop" };
/// A window that has not failed by then is open. A second start ends sooner, after it has told the first one.
const OPEN: Duration = Duration::from_secs(1);
/// The child's permission to come to the front: for Wayland, and for X11.
const TOKENS: [&str; 2] = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];

/// What the window shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The inbox.
    Inbox,
    /// One notification.
    Notification(NotificationId),
}

/// Why no window opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// There is no window program.
    #[error(
        "the window is not installed: `belfry-desktop` is neither beside `belfry` nor on the PATH; `belfry inbox` lists what came"
    )]
    Missing,
    /// It did not start.
    #[error("the window did not open ({0}); `belfry inbox` lists what came")]
    Failed(String),
}

/// Where the window program is: beside this program, else on the PATH.
pub fn find() -> Option<PathBuf> {
    let own = std::env::current_exe().ok();
    find_in(own.as_deref().and_then(Path::parent), std::env::var_os("PATH").as_deref())
}

fn find_in(beside: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let listed = path.into_iter().flat_map(std::env::split_paths);
    let folders = beside.map(Path::to_owned).into_iter().chain(listed);
    // A relative folder would mean another program in another working directory.
    folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(PROGRAM)).find(|file| runs(file))
}

/// Opens the window, or brings it to the front. Takes a second if the window stays open.
pub async fn show(at: At, token: Option<&str>) -> Result<(), WindowError> {
    let program = find().ok_or(WindowError::Missing)?;
    start(&program, at, token).await
}

async fn start(program: &Path, at: At, token: Option<&str>) -> Result<(), WindowError> {
    let mut command = Command::new(program);
    if let At::Notification(id) = at {
        command.arg("--at").arg(id.0.to_string());
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in TOKENS {
        match token.filter(|token| !token.contains(char::is_control)) {
            Some(token) => command.env(name, token),
            // Ours is used up, or was meant for someone else.
            None => command.env_remove(name),
        };
    }
    // Ctrl-C in our terminal must not end the person's window.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let failed = |error: std::io::Error| WindowError::Failed(error.to_string());
    let mut child = tokio::process::Command::from(command).spawn().map_err(failed)?;
    // Dropped while it runs, a child is reaped by tokio when it ends.
    match tokio::time::timeout(OPEN, child.wait()).await {
        Err(_) => Ok(()),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(WindowError::Failed(status.to_string())),
        Ok(Err(error)) => Err(failed(error)),
    }
}

#[cfg(unix)]
fn runs(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn runs(file: &Path) -> bool {
    file.is_file()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Written by a child, so that no other test's child holds it open for writing.
    fn program(folder: &Path, script: &str) -> PathBuf {
        std::fs::create_dir_all(folder).unwrap();
        let (text, file) = (folder.join("text"), folder.join(PROGRAM));
        std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
        assert!(Command::new("cp").arg(&text).arg(&file).status().unwrap().success());
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn the_window_beside_us_comes_before_one_on_the_path() {
        let home = tempfile::tempdir().unwrap();
        let (beside, listed) = (home.path().join("beside"), home.path().join("listed"));
        let path = std::env::join_paths([Path::new("relative"), &home.path().join("none"), &listed]).unwrap();
        assert_eq!(find_in(Some(&beside), Some(&path)), None);
        let second = program(&listed, "");
        assert_eq!(find_in(Some(&beside), Some(&path)), Some(second));
        let first = program(&beside, "");
        assert_eq!(find_in(Some(&beside), Some(&path)), Some(first.clone()));
        std::fs::set_permissions(&first, PermissionsExt::from_mode(0o644)).unwrap();
        assert_ne!(find_in(Some(&beside), Some(&path)), Some(first), "it cannot be run");
    }

    #[tokio::test]
    async fn the_window_is_told_what_to_show_and_may_come_to_the_front() {
        let home = tempfile::tempdir().unwrap();
        let said = home.path().join("said");
        let file = program(
            home.path(),
            &format!("printf '%s|%s' \"$*\" \"$XDG_ACTIVATION_TOKEN\" > '{}'", said.display()),
        );
        for (at, token, want) in [
            (At::Inbox, None, "|"),
            (At::Notification(NotificationId(7)), Some("t-1"), "--at 7|t-1"),
            (At::Inbox, Some("bad\ntoken"), "|"),
        ] {
            start(&file, at, token).await.unwrap();
            assert_eq!(std::fs::read_to_string(&said).unwrap(), want);
        }
    }

    #[tokio::test]
    async fn a_window_that_fails_says_so_in_words() {
        let home = tempfile::tempdir().unwrap();
        let failed = start(&program(home.path(), "exit 3"), At::Inbox, None).await.unwrap_err();
        assert!(failed.to_string().contains("did not open"), "{failed}");
        assert!(WindowError::Missing.to_string().contains("not installed"));
    }
}

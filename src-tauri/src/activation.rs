//! The desktop's permission to come to the front: a start gets it in its environment, and a second start leaves it for the first in a
//! file of the folder that only its owner may enter, because the hand-over of arguments has no place for it.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use belfry::env::Paths;
use tauri::WebviewWindow;

/// No desktop's token is longer.
const LONGEST: u64 = 512;

/// Leaves this start's token for the program that may be running already.
pub(crate) fn bring(paths: &Paths) {
    let token = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|token| !token.is_empty()));
    if let Some(token) = token
        && let Err(error) = fs::write(place(paths), token)
    {
        eprintln!("belfry-desktop: the window may stay behind others: {error}");
    }
}

/// Nobody else was running.
pub(crate) fn forget(paths: &Paths) {
    // There is none unless this start had one.
    drop(fs::remove_file(place(paths)));
}

/// Brings the window to the front, with the token a second start left, if it left one.
pub(crate) fn present(window: &WebviewWindow, paths: &Paths) -> tauri::Result<()> {
    let token = take(paths);
    window.unminimize()?;
    window.show()?;
    #[cfg(target_os = "linux")]
    if let Some(token) = token {
        use gtk::prelude::GtkWindowExt;
        let inner = window.clone();
        return window.run_on_main_thread(move || match inner.gtk_window() {
            Ok(window) => {
                window.set_startup_id(&token);
                window.present();
            }
            Err(error) => eprintln!("belfry-desktop: the window is gone: {error}"),
        });
    }
    #[cfg(not(target_os = "linux"))]
    drop(token);
    window.set_focus()
}

fn take(paths: &Paths) -> Option<String> {
    let place = place(paths);
    let mut token = String::new();
    fs::File::open(&place).ok()?.take(LONGEST).read_to_string(&mut token).ok()?;
    drop(fs::remove_file(&place));
    (!token.is_empty() && !token.contains(char::is_control)).then_some(token)
}

fn place(paths: &Paths) -> PathBuf {
    paths.socket().with_extension("token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_once_and_only_if_it_is_plain() {
        let home = std::env::temp_dir().join(format!("belfry-token-{}", std::process::id()));
        let paths = Paths::under(&home);
        paths.prepare().unwrap();
        assert_eq!(take(&paths), None);
        fs::write(place(&paths), "token-1").unwrap();
        assert_eq!(take(&paths).as_deref(), Some("token-1"));
        assert_eq!(take(&paths), None);
        fs::write(place(&paths), "two\nlines").unwrap();
        assert_eq!(take(&paths), None);
        fs::remove_dir_all(home).unwrap();
    }
}

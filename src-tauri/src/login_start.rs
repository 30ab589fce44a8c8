//! Start at login: the entry that starts the resident with its tray, and what is really so.
//!
//! The plugin writes and removes the entry. On Linux it writes a path with blanks as several arguments and takes any file for "on", so
//! what it wrote is read back there, and put right.

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has entries in files"))]
mod entry;

use belfry::front::views::Trouble;
use serde::Serialize;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Wry};
use tauri_plugin_autostart::ManagerExt;

/// The argument that makes `belfry-desktop` the resident.
const RESIDENT: &str = "--resident";
/// The entry's name: on Linux that of its file, elsewhere what a person reads in a list.
const NAME: &str = if cfg!(target_os = "linux") { "app.belfry.Belfry" } else { "Belfry" };

/// Whether Belfry starts at login, as the machine has it and not as it was wished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LoginStart {
    pub(crate) on: bool,
    /// In a sentence.
    pub(crate) words: String,
}

pub(crate) fn plugin() -> TauriPlugin<Wry> {
    tauri_plugin_autostart::Builder::new().app_name(NAME).arg(RESIDENT).build()
}

/// What is so.
pub(crate) fn look(app: &AppHandle) -> Result<LoginStart, Trouble> {
    #[cfg(target_os = "linux")]
    {
        let _ = app;
        linux::look()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let on = app.autolaunch().is_enabled().map_err(failed)?;
        let words = if on { "Belfry starts when you log in." } else { "Belfry does not start by itself." };
        Ok(LoginStart { on, words: words.to_owned() })
    }
}

/// Switches it, then says what is so.
pub(crate) fn set(app: &AppHandle, on: bool) -> Result<LoginStart, Trouble> {
    let plugin = app.autolaunch();
    if on { plugin.enable() } else { plugin.disable() }.map_err(failed)?;
    #[cfg(target_os = "linux")]
    linux::put_right(on)?;
    look(app)
}

fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::failed(format!("the start at login cannot be changed: {error}"))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io::ErrorKind;
    use std::path::{Path, PathBuf};

    use super::{LoginStart, NAME, RESIDENT, entry, failed};
    use belfry::front::views::Trouble;

    pub(super) fn look() -> Result<LoginStart, Trouble> {
        let text = match fs::read_to_string(file()?) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let state = entry::read(text.as_deref(), starts);
        Ok(LoginStart { on: state.on(), words: state.words() })
    }

    /// What the plugin wrote must be in the folder this desktop reads, and say what we mean.
    pub(super) fn put_right(on: bool) -> Result<(), Trouble> {
        let file = file()?;
        let plugins = home()?.join(".config/autostart").join(format!("{NAME}.desktop"));
        if plugins != file {
            remove(&plugins)?;
        }
        if !on {
            return remove(&file);
        }
        let wanted = entry::compose(&own_program()?, RESIDENT).map_err(Trouble::failed)?;
        if fs::read_to_string(&file).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        let folder = file.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(failed)?;
        // Whole or not at all.
        let new = file.with_extension("new");
        fs::write(&new, wanted).and_then(|()| fs::rename(&new, &file)).map_err(failed)
    }

    fn remove(file: &Path) -> Result<(), Trouble> {
        match fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// In the autostart specification's folder of the person.
    fn file() -> Result<PathBuf, Trouble> {
        let named =
            std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let config = match named {
            Some(folder) => folder,
            None => home()?.join(".config"),
        };
        Ok(config.join("autostart").join(format!("{NAME}.desktop")))
    }

    fn home() -> Result<PathBuf, Trouble> {
        std::env::home_dir()
            .filter(|home| home.is_absolute())
            .ok_or_else(|| Trouble::failed("no home folder is known"))
    }

    /// Inside an AppImage our own path is gone at the next start; the image's is not.
    fn own_program() -> Result<PathBuf, Trouble> {
        match std::env::var_os("APPIMAGE").filter(|image| !image.is_empty()) {
            Some(image) => Ok(image.into()),
            None => std::env::current_exe().map_err(failed),
        }
    }

    /// Whether an entry's program is there: by its path, or by its name in `PATH`.
    fn starts(program: &str) -> bool {
        if program.contains('/') {
            return Path::new(program).is_file();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }
}

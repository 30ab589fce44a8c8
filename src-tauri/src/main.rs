//! The program `belfry-desktop`: the window of Belfry. It comes, shows the inbox and goes; the resident does the work.
//!
//! In: the command line. Out: one window, or the resident in this process's place. Everything else is asked of the resident through
//! `belfry::front`; this package has no rule, no database and no connection to a service.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod activation;
mod arguments;
mod commands;
mod linger;
mod login_start;
mod resident;
mod window;

use std::process::ExitCode;

use belfry::env::Paths;

use crate::arguments::Arguments;
use crate::linger::Linger;
use crate::resident::Resident;
use crate::window::Wanted;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("belfry-desktop: {words}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), String> {
    let at = match Arguments::read(std::env::args_os().skip(1))? {
        Arguments::Resident => return resident::become_it(),
        Arguments::Show { at } => at,
    };
    // Without one the window library would fail in words of its own, and not for people.
    if !has_display() {
        return Err("there is no display to show a window on; `belfry inbox` shows the inbox in a terminal"
            .to_owned());
    }
    let paths = Paths::from_environment().map_err(|error| error.to_string())?;
    paths.prepare().map_err(|error| error.to_string())?;
    activation::bring(&paths);
    let resident = Resident::new(paths.clone());
    let app = tauri::Builder::default()
        // First of all, so that a second start ends before it does anything.
        .plugin(tauri_plugin_single_instance::init({
            let paths = paths.clone();
            move |app, argv, _| window::show_again(app, &argv, &paths)
        }))
        .plugin(login_start::plugin())
        .manage(resident.clone())
        .manage(Wanted::of(at))
        .manage(commands::Openings::default())
        .manage(Linger::default())
        .invoke_handler(commands::all())
        .setup(move |app| {
            // This start's own token is the window library's to use.
            activation::forget(&paths);
            let handle = app.handle().clone();
            tauri::async_runtime::spawn(async move { resident.keep(&handle).await });
            window::open(app.handle(), &paths).map_err(Into::into)
        })
        .build(tauri::generate_context!())
        .map_err(|error| format!("the window cannot be opened: {error}"))?;
    app.run(|_, _| {});
    Ok(())
}

fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(not(target_os = "linux")) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

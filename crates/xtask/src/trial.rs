//! `cargo xtask desktop -- PROGRAM …`: one program on a private desktop, to try things by hand.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use xtask::desktop::{Desktop, Keyring, Options, Toasts, Tray};

/// What the desktop has, and what runs on it.
#[derive(Debug, clap::Args)]
pub(crate) struct Trial {
    /// The toast service
    #[arg(long, value_enum, default_value = "notification-daemon")]
    toasts: Toasts,
    /// The password store
    #[arg(long, value_enum, default_value = "unlocked")]
    keyring: Keyring,
    /// The tray host
    #[arg(long, value_enum, default_value = "none")]
    tray: Tray,
    /// Take a picture of the screen here once the program ended
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Add a system bus with stand-ins for logind and NetworkManager
    #[arg(long)]
    system_bus: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true)]
    program: Vec<String>,
}

/// Says whether the program ended well.
pub(crate) fn run(trial: &Trial) -> Result<bool> {
    let options =
        Options { toasts: trial.toasts, keyring: trial.keyring, tray: trial.tray, ..Options::default() };
    let mut desktop = Desktop::start(options)?;
    if trial.system_bus {
        desktop.system_bus()?;
    }
    let (program, arguments) = trial.program.split_first().context("which program?")?;
    let status = desktop
        .command(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    if let Some(picture) = &trial.picture {
        desktop.screenshot(picture)?;
    }
    for opened in desktop.opened()? {
        println!("opened {}", opened.url);
    }
    Ok(status.success())
}

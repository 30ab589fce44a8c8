//! The page in `ui/`: installed and built by npm. Comes in: the place; goes out: `ui/dist`, which the window program embeds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use xtask::place::Place;

use crate::setup;

/// What the lock file says, and no script of any package.
pub(crate) const INSTALL: &[&str] = &["ci", "--ignore-scripts", "--no-audit", "--no-fund"];

pub(crate) fn folder(place: &Place) -> PathBuf {
    place.root.join("ui")
}

/// Installs what the page is built with, and builds it.
pub(crate) fn build(place: &Place) -> Result<()> {
    setup::node()?;
    let folder = folder(place);
    npm(&folder, INSTALL)?;
    npm(&folder, &["run", "build"])
}

/// Runs npm in a folder; what it prints is passed on.
pub(crate) fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    let shown = format!("npm {}", arguments.join(" "));
    println!("$ {shown}");
    let mut npm = Command::new("npm");
    npm.args(arguments).current_dir(folder).stdin(Stdio::null());
    if !npm.status().context("cannot start npm")?.success() {
        bail!("{shown} in {} failed", folder.display());
    }
    Ok(())
}

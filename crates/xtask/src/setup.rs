//! Brings what a command needs onto a Debian machine: asks dpkg what is missing, says it, installs it once.

use std::io::IsTerminal;
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::packages;

/// Installs what is missing of the wanted packages. On another system it says what is needed and goes on; what then
/// does not work says so itself.
pub(crate) fn install(wanted: &[&str]) -> Result<()> {
    let mut wanted = wanted.to_vec();
    if !answers("cc") {
        wanted.extend(packages::BUILD);
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let Ok(dpkg) =
        Command::new("dpkg-query").args(["-W", "-f", "${Package} ${db:Status-Status}\\n"]).output()
    else {
        println!("This is no Debian system, so nothing is installed. Needed are what Debian calls:");
        println!("  {}", wanted.join(" "));
        return Ok(());
    };
    let missing = packages::missing(&wanted, &String::from_utf8_lossy(&dpkg.stdout));
    if missing.is_empty() {
        return Ok(());
    }
    println!("Installing what is missing: {}", missing.join(" "));
    apt(&["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(missing);
    apt(&install)
}

/// Brings rustfmt and clippy, which a minimal tool chain lacks.
pub(crate) fn components() -> Result<()> {
    for (component, program) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
        if answers(program) {
            continue;
        }
        println!("Installing what is missing: {component}");
        let status = Command::new("rustup").args(["component", "add", component]).status();
        if !status.with_context(|| format!("{component} is missing, and so is rustup"))?.success() {
            bail!("rustup could not install {component}");
        }
    }
    Ok(())
}

/// Node is the reader's to install, as Rust is.
pub(crate) fn node() -> Result<()> {
    for program in ["node", "npm"] {
        if !answers(program) {
            bail!("{program} is missing: install Node 20 or later (Debian: nodejs and npm)");
        }
    }
    Ok(())
}

/// Runs apt-get as root, asking for the password where there is someone to ask.
pub(crate) fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = if is_root()? {
        Command::new("env")
    } else {
        println!("This needs root: sudo may ask for your password.");
        let mut sudo = Command::new("sudo");
        if !std::io::stdin().is_terminal() {
            // Without a person there, sudo must not wait for an answer.
            sudo.arg("-n");
        }
        sudo.arg("env");
        sudo
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=500"]);
    let status =
        command.args(arguments).status().context("cannot start apt-get; without root, sudo is needed")?;
    if !status.success() {
        bail!("apt-get {} failed", arguments.join(" "));
    }
    Ok(())
}

fn is_root() -> Result<bool> {
    let id = Command::new("id").arg("-u").output().context("cannot ask who we are")?;
    Ok(id.stdout.trim_ascii() == b"0")
}

fn answers(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

//! The password store of the private desktop: gnome-keyring-daemon with its Secret Service.

use std::fs::{self, File};

use anyhow::Result;

use super::Desktop;
use crate::wait;

const NAME: &str = "org.freedesktop.secrets";
const PASSWORD: &str = "bench";

/// How the password store is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Keyring {
    /// Open, as after a sign-in with a password.
    Unlocked,
    /// There, but every read and write asks the person first (a prompt no one answers).
    Locked,
    /// Nothing on the bus.
    None,
}

impl Desktop {
    /// Ends the password store, if one runs. What it holds stays in its file.
    pub fn keyring_stop(&mut self) -> Result<()> {
        self.crew.stop("keyring")?;
        self.wait_until_free(NAME)
    }

    /// Starts the password store; what an earlier one kept is there again.
    pub fn keyring_start(&mut self, keyring: Keyring) -> Result<()> {
        match keyring {
            Keyring::Unlocked => self.unlocked(),
            Keyring::Locked => {
                // A keyring must exist before it can be locked.
                self.unlocked()?;
                self.keyring_stop()?;
                self.daemon("--start")
            }
            Keyring::None => Ok(()),
        }
    }

    fn unlocked(&mut self) -> Result<()> {
        self.daemon("--unlock")?;
        let file = self.path("home/.local/share/keyrings/login.keyring");
        wait::until("the login keyring", wait::LIMIT, || Ok(file.exists().then_some(())))
    }

    fn daemon(&mut self, how: &str) -> Result<()> {
        let password = self.path("keyring-password");
        fs::write(&password, PASSWORD)?;
        let mut daemon = self.command("gnome-keyring-daemon");
        daemon.args(["--foreground", how, "--components=secrets"]).stdin(File::open(password)?);
        self.crew.start("keyring", &mut daemon)?;
        self.wait_until_owned("keyring", NAME)
    }
}

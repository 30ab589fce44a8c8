//! The window's hold on the resident: reach it, start it where none runs, hear its signals, and start it again when it has died.
//!
//! Out: the front door for the commands, and to the page `signal` and `resident`. Two residents at once cannot be: the database's lock
//! lets one in, whoever started it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::Stdio;
use std::time::Duration;

use belfry::env::Paths;
use belfry::front::client::Client;
use belfry::front::views::Trouble;
use belfry::front::{Notifier, Signals};
use serde::Serialize;
use tauri::{AppHandle, Emitter};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How a resident with its tray is started.
const RUN: [&str; 2] = ["run", "--tray"];
/// It ends with this when another one holds the database.
const OCCUPIED: i32 = 4;
/// How long a resident may take until it answers.
const READY: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(30);
/// How long a command waits for a resident that is starting.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first pause before a resident is started again, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// One that lived as long as this was well.
const WELL: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Resident {
    paths: Paths,
    door: watch::Sender<Door>,
}

#[derive(Debug)]
enum Door {
    Starting,
    Open(Notifier),
    /// It could not be reached; tried again soon.
    Shut(Trouble),
}

/// What the page hears of the resident itself.
#[derive(Debug, Clone, Serialize)]
struct Told<'a> {
    state: &'a str,
    words: &'a str,
}

impl Resident {
    pub(crate) fn new(paths: Paths) -> Self {
        Self { paths, door: watch::Sender::new(Door::Starting) }
    }

    /// The front door. Waits while the resident is starting.
    pub(crate) async fn notifier(&self) -> Result<Notifier, Trouble> {
        let mut door = self.door.subscribe();
        let known = timeout(PATIENCE, door.wait_for(|door| !matches!(door, Door::Starting))).await;
        let starting = || Err(Trouble::failed("Belfry is still starting; try again in a moment"));
        let Ok(Ok(door)) = known else {
            return starting();
        };
        match &*door {
            Door::Open(notifier) => Ok(notifier.clone()),
            Door::Shut(trouble) => Err(trouble.clone()),
            Door::Starting => starting(),
        }
    }

    /// Holds on to the resident for as long as the window is open.
    pub(crate) async fn keep(&self, app: &AppHandle) {
        let mut pause = FIRST_PAUSE;
        let mut missed = false;
        loop {
            let began = Instant::now();
            let words = match self.reach(app, missed).await {
                Ok((client, mut signals)) => {
                    self.door.send_replace(Door::Open(Notifier::There(client)));
                    if missed {
                        tell(app, "back", "Belfry is back.");
                    }
                    while let Some(signal) = signals.next().await {
                        emit(app, "signal", signal);
                    }
                    self.door.send_replace(Door::Starting);
                    "Belfry's background part has stopped. It is being started again.".to_owned()
                }
                Err(trouble) => {
                    let words = trouble.words.clone();
                    self.door.send_replace(Door::Shut(trouble));
                    words
                }
            };
            missed = true;
            tell(app, "gone", &words);
            if began.elapsed() >= WELL {
                pause = FIRST_PAUSE;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if self.was_stopped() {
                // Whoever ends Belfry from its tray means the window too.
                app.exit(0);
                return;
            }
        }
    }

    async fn reach(&self, app: &AppHandle, missed: bool) -> Result<(Client, Signals), Trouble> {
        let client = match Client::connect(&self.paths).await? {
            Some(client) => client,
            None => {
                if missed {
                    tell(app, "starting", "Belfry's background part is starting.");
                }
                self.start().await?
            }
        };
        let signals = Notifier::There(client.clone()).signals().await?;
        Ok((client, signals))
    }

    /// Starts a resident and waits until one answers: that one, or one that was faster.
    async fn start(&self) -> Result<Client, Trouble> {
        let began = Instant::now();
        let mut started = Started::now()?;
        loop {
            if let Some(client) = Client::connect(&self.paths).await? {
                return Ok(client);
            }
            started.check()?;
            if began.elapsed() >= READY {
                return Err(Trouble::failed("Belfry's background part does not answer; it is tried again"));
            }
            sleep(STEP).await;
        }
    }

    /// One that ends in good order takes its socket along; one that died leaves it behind. Windows shows no difference.
    fn was_stopped(&self) -> bool {
        cfg!(unix)
            && matches!(*self.door.borrow(), Door::Starting)
            && !self.paths.socket().try_exists().unwrap_or(true)
    }
}

/// A resident started by us, on its own feet: what becomes of the window is nothing to it.
struct Started {
    child: Child,
    /// Where its warnings go. The file has no name, and is gone with the resident.
    said: File,
}

impl Started {
    fn now() -> Result<Self, Trouble> {
        let program = program();
        let failed = |error: std::io::Error| {
            let shown = program.to_string_lossy();
            Trouble::failed(format!("Belfry's background part ({shown}) could not be started: {error}"))
        };
        let said = tempfile::tempfile().map_err(failed)?;
        let mut command = Command::new(&program);
        command.args(RUN).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(said.try_clone().map_err(failed)?);
        // The permission to come to the front was the window's.
        command.env_remove("XDG_ACTIVATION_TOKEN").env_remove("DESKTOP_STARTUP_ID");
        // Ctrl-C in the terminal that the window was started from is not for it.
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn().map_err(failed)?;
        Ok(Self { child, said })
    }

    /// Fails with its own words if it has ended, unless it gave way to another one.
    fn check(&mut self) -> Result<(), Trouble> {
        match self.child.try_wait() {
            Ok(Some(status)) if status.code() == Some(OCCUPIED) => Ok(()),
            Ok(Some(status)) => {
                let said = self.last_words().unwrap_or_default();
                let words = if said.is_empty() { status.to_string() } else { said };
                Err(Trouble::failed(format!("Belfry's background part does not start: {words}")))
            }
            Ok(None) => Ok(()),
            Err(error) => {
                Err(Trouble::failed(format!("Belfry's background part cannot be watched: {error}")))
            }
        }
    }

    fn last_words(&mut self) -> std::io::Result<String> {
        let mut said = String::new();
        self.said.seek(SeekFrom::Start(0))?;
        (&self.said).take(4000).read_to_string(&mut said)?;
        Ok(said.trim().to_owned())
    }
}

/// Replaces this process by the resident: for the entry that starts it at login.
pub(crate) fn become_it() -> Result<(), String> {
    let program = program();
    let mut command = std::process::Command::new(&program);
    command.args(RUN);
    #[cfg(unix)]
    let failed = Err(std::os::unix::process::CommandExt::exec(&mut command));
    #[cfg(not(unix))]
    let failed = command.spawn().map(drop);
    failed.map_err(|error| format!("{} cannot be started: {error}", program.to_string_lossy()))
}

/// `belfry` beside our own file, else wherever the system finds it.
fn program() -> OsString {
    let name = format!("belfry{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().map(|own| own.with_file_name(&name));
    match beside {
        Ok(beside) if beside.is_file() => beside.into_os_string(),
        Ok(_) | Err(_) => name.into(),
    }
}

fn tell(app: &AppHandle, state: &str, words: &str) {
    emit(app, "resident", Told { state, words });
}

fn emit(app: &AppHandle, event: &str, payload: impl Serialize + Clone) {
    // It fails when the window is closing, and then nobody misses it.
    drop(app.emit(event, payload));
}

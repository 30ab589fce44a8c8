//! A person's desktop with Belfry on it: the sandbox as their service, the resident and the window as they are installed.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use belfry_sandbox::{Options as Podio, Sandbox, Spec};
use serde_json::Value;
use xtask::desktop::{Desktop, Options};
use xtask::wait;

use crate::page::Page;

/// How long anything may take on a machine that is busy with other things.
pub const LIMIT: Duration = Duration::from_secs(60);

pub struct Stage {
    pub sandbox: Sandbox,
    pub desktop: Desktop,
}

impl Stage {
    /// Nothing is set up yet.
    pub async fn empty() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(Podio::apart()).await.unwrap();
        let desktop = tokio::task::block_in_place(|| Desktop::start(options).unwrap());
        Self { sandbox, desktop }
    }

    /// One account, signed in, and no resident.
    pub async fn signed_in() -> Self {
        let stage = Self::empty().await;
        stage.sign_in();
        stage
    }

    /// One account, and a resident that has it live.
    pub async fn live() -> (Self, Running) {
        let stage = Self::signed_in().await;
        let resident = stage.resident();
        stage.until_live().await;
        (stage, resident)
    }

    pub fn belfry(&self, arguments: &[&str]) -> Command {
        self.own(env!("CARGO_BIN_EXE_belfry").as_ref(), arguments)
    }

    /// The window without a driver, as the launcher starts it.
    pub fn window(&self, arguments: &[&str]) -> Command {
        self.own(&window_program(), arguments)
    }

    fn own(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = self.desktop.command(program);
        command.args(arguments);
        for name in ["BELFRY_SECRETS", "BELFRY_HOME", "BELFRY_LOG"] {
            command.env_remove(name);
        }
        command
    }

    pub fn output(&self, arguments: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.belfry(arguments).output().unwrap())
    }

    /// What a command that succeeds prints, as JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn sign_in(&self) {
        let (user, key) = (self.sandbox.user(), self.sandbox.key());
        let mut command = self.belfry(&["account", "add", "podio", "--api-url", &self.sandbox.api_url()]);
        command
            .args(["--push-url", &self.sandbox.push_url(), "--client-id", &key.client_id])
            .args(["--client-secret-stdin", "--username", &user.mail, "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = tokio::task::block_in_place(|| {
            let mut child = command.spawn().unwrap();
            let secrets = format!("{}\n{}\n", key.client_secret, user.password);
            drop(child.stdin.take().unwrap().write_all(secrets.as_bytes()));
            child.wait_with_output().unwrap()
        });
        assert!(output.status.success(), "{output:?}");
    }

    /// Starts the resident as the login entry does.
    pub fn resident(&self) -> Running {
        Running(self.belfry(&["run", "--tray"]).stdout(Stdio::null()).spawn().unwrap())
    }

    /// Waits until the first account is live.
    pub async fn until_live(&self) {
        let podio = self.sandbox.podio();
        let user = self.sandbox.user().user_id;
        podio.wait_for(|seen| seen.subscribed(user) > 0, LIMIT).await.unwrap();
        self.until("the account is live", || {
            let accounts = self.json(&["account", "list", "--json"]);
            accounts.to_string().contains("\"live\"").then_some(())
        });
    }

    /// Makes something happen at the service, and waits until it is kept. Gives its number there and its row here.
    pub async fn notify(&self, spec: Spec) -> (u64, i64) {
        let user = self.sandbox.user().user_id;
        let there = self.sandbox.podio().notify(user, spec);
        let row = self.until("the notification is kept", || {
            self.inbox().into_iter().find(|row| row["external_id"] == format!("n{there}").as_str())
        });
        (there, row["id"].as_i64().unwrap())
    }

    /// The rows as the command line lists them.
    pub fn inbox(&self) -> Vec<Value> {
        let output = self.output(&["inbox", "--json"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        tokio::task::block_in_place(|| wait::until(what, LIMIT, || Ok(look())).unwrap())
    }

    /// Opens the window, driven.
    pub async fn open(&self, arguments: &[&str]) -> Page {
        Page::open(self, &window_program(), arguments).await
    }

    pub fn picture(&self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("artefacts/window").join(format!("{name}.png"));
        tokio::task::block_in_place(|| self.desktop.screenshot(&path).unwrap());
    }

    /// The residents that run on this desktop, by process id.
    pub fn residents(&self) -> Vec<u32> {
        self.processes(&["belfry"])
    }

    pub fn windows(&self) -> Vec<u32> {
        self.processes(&["belfry-desktop"])
    }

    /// The window and the web engine's processes.
    pub fn web_processes(&self) -> Vec<u32> {
        self.processes(&["belfry-desktop", "WebKitWebProcess", "WebKitNetworkProcess"])
    }

    /// Programs of these names that were started for this desktop's person.
    fn processes(&self, names: &[&str]) -> Vec<u32> {
        let home = format!("HOME={}", self.desktop.home().display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let program = std::fs::read_link(entry.path().join("exe")).ok();
            let program = program.and_then(|path| path.file_name()?.to_str().map(str::to_owned));
            let Ok(environment) = std::fs::read(entry.path().join("environ")) else {
                continue;
            };
            let is_here = environment.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes());
            if is_here && program.is_some_and(|program| names.contains(&program.as_str())) {
                found.push(pid);
            }
        }
        found
    }
}

impl Drop for Stage {
    /// What the window started is on its own feet; here it ends with its desktop.
    fn drop(&mut self) {
        for pid in self.processes(&["belfry", "belfry-desktop"]) {
            kill(pid);
        }
    }
}

/// A program that ends with this.
pub struct Running(pub Child);

impl Running {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub fn kill(pid: u32) {
    let status = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
    // It may have ended meanwhile.
    drop(status);
}

/// Built beside the resident, by `cargo xtask test window`.
fn window_program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_belfry")).with_file_name("belfry-desktop");
    assert!(
        program.is_file(),
        "{} is missing: build it first (cargo build -p belfry-desktop; cargo xtask test window does it)",
        program.display()
    );
    program
}

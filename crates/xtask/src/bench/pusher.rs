//! A thousand channels on one connection and a hundred thousand messages, from a real soketi: our client alone, Pusher's own client, and
//! the resident that keeps every one of them. The same server, publisher and messages for each.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::crew::Crew;
use xtask::place::Place;
use xtask::wait;

use super::measure::Usage;
use super::report::Row;
use super::{LIMIT, mebibytes};
use crate::test::cargo;
use crate::{belfry, ui};

const CHANNELS: usize = 1_000;
const MESSAGES: usize = 100_000;
/// How long all of them may take.
const ALL: Duration = Duration::from_secs(180);

/// The figures of each client.
pub(crate) fn measure(place: &Place) -> Result<Vec<Row>> {
    let interop = place.root.join("tests/interop");
    ui::npm(&interop, ui::INSTALL)?;
    let mut build = cargo(place);
    build.args(["build", "--release", "-p", "pusher", "--example", "listen"]);
    if !build.status().context("cannot start cargo")?.success() {
        bail!("the example of the Pusher client does not build");
    }
    let folder = tempfile::Builder::new().prefix("belfry-bench-").tempdir()?;
    let mut bench = Bench { crew: Crew::new(folder.path())?, interop, place, port: 0, folder };
    bench.serve()?;
    let [port, channels, count] = [usize::from(bench.port), CHANNELS, MESSAGES].map(|n| n.to_string());
    let mut ours = Command::new(place.program("release", "examples/listen"));
    let address = format!("http://127.0.0.1:{port}");
    ours.args(["app-key", &address, "--count", &count, &format!("news-{{0..{}}}", CHANNELS - 1)]);
    let mut rows = vec![bench.client("our client alone", ours)?];
    let mut peer = Command::new("node");
    peer.arg(place.root.join("crates/xtask/bench/pusher-peer.cjs")).args([&port, &channels, &count]);
    rows.push(bench.client("pusher-js", peer)?);
    rows.extend(bench.resident()?);
    Ok(rows)
}

struct Bench<'a> {
    // First the programs end, then their folder goes.
    crew: Crew,
    interop: PathBuf,
    place: &'a Place,
    port: u16,
    folder: TempDir,
}

impl Bench<'_> {
    /// Starts soketi on a free port.
    fn serve(&mut self) -> Result<()> {
        self.port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = self.folder.path().join("soketi.json");
        let app = json!({
            "id": "app-id", "key": "app-key", "secret": "app-secret", "enableClientMessages": false,
            "maxBackendEventsPerSecond": -1, "maxClientEventsPerSecond": -1, "maxReadRequestsPerSecond": -1,
            "maxConnections": -1, "webhooks": [],
        });
        let settings = json!({
            "host": "127.0.0.1", "port": self.port, "shutdownGracePeriod": 0, "appManager.array.apps": [app],
        });
        std::fs::write(&config, settings.to_string())?;
        let mut node = Command::new("node");
        node.arg(self.interop.join("node_modules/@soketi/soketi/bin/server.js"));
        node.arg("start").arg(format!("--config={}", config.display())).current_dir(self.folder.path());
        self.crew.start("soketi", &mut node)?;
        wait::until("soketi", LIMIT, || {
            self.crew.check("soketi")?;
            Ok(std::net::TcpStream::connect(("127.0.0.1", self.port)).ok().map(drop))
        })
    }

    /// A client that counts, and says itself what that cost.
    fn client(&mut self, name: &str, mut command: Command) -> Result<Row> {
        println!("Counting {MESSAGES} messages with {name} …");
        command.current_dir(&self.interop).stdin(Stdio::null());
        self.crew.start("client", &mut command)?;
        self.until_said("client", "subscribed ")?;
        self.publish()?;
        let said = self.until_said("client", "heard ")?;
        self.crew.stop("client")?;
        let what = format!("{name}: {CHANNELS} channels on one connection, {MESSAGES} messages from soketi");
        let peers = if name == "pusher-js" { "" } else { "pysher 24 · pusher-js 39 MiB at 1,000 channels" };
        Ok(Row::new(&what, said, "none lost", peers))
    }

    /// Starts the publisher; it ends by itself.
    fn publish(&mut self) -> Result<()> {
        let mut node = Command::new("node");
        node.arg(self.place.root.join("crates/xtask/bench/pusher-publish.cjs"));
        node.args([usize::from(self.port), CHANNELS, MESSAGES].map(|n| n.to_string()));
        node.current_dir(&self.interop).stdin(Stdio::null());
        self.crew.start("publisher", &mut node)?;
        wait::until("all to be published", ALL, || {
            let said = self.crew.said("publisher")?;
            Ok(said.contains("published ").then_some(()))
        })?;
        self.crew.stop("publisher")
    }

    /// The line that begins so, once it is there.
    fn until_said(&mut self, name: &str, begins: &str) -> Result<String> {
        wait::until(&format!("“{begins}” of {name}"), ALL, || {
            let said = self.crew.said(name)?;
            let whole = said.rfind('\n').and_then(|end| said.get(..end)).unwrap_or_default();
            Ok(whole.lines().find(|line| line.starts_with(begins)).map(str::to_owned))
        })
    }

    /// The resident keeps every one of them.
    fn resident(&mut self) -> Result<Vec<Row>> {
        println!("Keeping {MESSAGES} messages with belfry …");
        let program = self.place.program("release", "belfry");
        let home = self.folder.path().join("belfry");
        let mut add = of(&program, &home);
        add.args(["account", "add", "pusher", "--url", &format!("http://127.0.0.1:{}", self.port)]);
        add.args(["--key", "app-key", "--map", "title={{ data.title }}", "--map", "id={{ data.n }}"]);
        for n in 0..CHANNELS {
            add.args(["--channel", &format!("news-{n}")]);
        }
        let added = add.stdin(Stdio::null()).output().context("cannot start belfry")?;
        if !added.status.success() {
            bail!("belfry account add failed: {}", String::from_utf8_lossy(&added.stderr).trim());
        }
        self.crew.start("belfry", of(&program, &home).args(["run", "--json", "--toast", "off"]))?;
        wait::until("the link to be live", LIMIT, || {
            self.crew.check("belfry")?;
            let live = |event: &Value| event.get("state").and_then(Value::as_str) == Some("live");
            Ok(belfry::events(&self.crew.said("belfry")?).iter().any(live).then_some(()))
        })?;
        let pid = self.crew.pid("belfry").context("belfry is not running")?;
        let rest = Usage::of(pid)?;
        let began = Instant::now();
        self.publish()?;
        let kept = wait::until("all to be kept", ALL, || {
            let listed = of(&program, &home).args(["account", "list", "--json"]).output()?;
            let account: Value = serde_json::from_slice(&listed.stdout)?;
            let unread = account.get("unread").and_then(Value::as_u64).unwrap_or_default();
            Ok((unread >= MESSAGES as u64).then_some(unread))
        })?;
        let seconds = began.elapsed().as_secs_f64();
        let after = Usage::of(pid)?;
        self.crew.stop("belfry")?;
        let processor = (after.processor - rest.processor).as_secs_f64();
        Ok(vec![
            Row::new(
                &format!("belfry: PSS with {CHANNELS} channels on one connection"),
                mebibytes(rest.pss),
                "≤ 12 MiB",
                "pysher 24 · pusher-js 39 · faye 43 · cometd 60 MiB",
            ),
            Row::new(
                &format!("belfry: {MESSAGES} messages, each kept and committed"),
                format!(
                    "{kept} in {seconds:.1} s, {processor:.1} s of processor, {} PSS after",
                    mebibytes(after.pss)
                ),
                "none lost",
                "",
            ),
        ])
    }
}

/// Belfry with folders of its own.
fn of(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("BELFRY_HOME", home).env("BELFRY_SECRETS", "file");
    command
}

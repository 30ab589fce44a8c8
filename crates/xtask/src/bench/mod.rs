//! `cargo xtask bench`: what Belfry costs and how fast it is, beside other clients, in the same run on the same server.
//!
//! Comes in: release builds of belfry and the sandbox; goes out: `BENCHMARKS.md`. Nothing is judged here.

mod lines;
mod measure;
mod peers;
mod pusher;
mod relay;
mod report;
mod window;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::crew::Crew;
use xtask::packages;
use xtask::place::Place;

use self::lines::Lines;
use self::measure::{Usage, percentile};
use self::report::Row;
use crate::belfry::{self, Sandbox};
use crate::control::Control;
use crate::{dist, setup, ui};

/// Pushes whose way is timed, one after the other.
const PUSHES: usize = 200;
/// Between two timed pushes: longer than the time within which toasts are folded into one.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a program settles before it counts as at rest, and for how long its rest is watched.
const SETTLE: Duration = Duration::from_secs(15);
const REST: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(30);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// How soon the window is there, and what it leaves behind
    Window,
    /// A thousand channels and a hundred thousand messages over Pusher
    Pusher,
    /// How soon a sender of webhooks is answered, and ten thousand of them through
    Relay,
}

/// Says whether the figures could be taken. A part that is named is measured alone, and its figures are printed and not kept.
pub(crate) fn run(place: &Place, part: Option<Part>) -> Result<bool> {
    if part == Some(Part::Relay) {
        setup::install(packages::RELAY)?;
        println!("{}", report::text(&relay::measure(place)?, &measure::machine()));
        return Ok(true);
    }
    setup::install(&[packages::DESKTOP, packages::WINDOW, packages::RELAY].concat())?;
    belfry::build(place, "release")?;
    if part == Some(Part::Pusher) {
        println!("{}", report::text(&pusher::measure(place)?, &measure::machine()));
        return Ok(true);
    }
    ui::build(place)?;
    dist::build_window(place)?;
    if part == Some(Part::Window) {
        println!("{}", report::text(&window::measure(place)?, &measure::machine()));
        return Ok(true);
    }
    let mut bench = Bench::start(place)?;
    let mut rows = bench.start_up()?;
    rows.extend(bench.rest()?);
    rows.extend(bench.latency()?);
    rows.push(bench.restart()?);
    bench.crew.stop("belfry")?;
    rows.extend(peers::measure(&mut bench.crew, place, &bench.sandbox, &bench.control)?);
    rows.extend(pusher::measure(place)?);
    rows.extend(relay::measure(place)?);
    rows.extend(window::measure(place)?);
    let text = report::text(&rows, &measure::machine());
    let path = place.root.join("BENCHMARKS.md");
    std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{text}\nWritten to {}", path.display());
    Ok(true)
}

struct Bench {
    // First the programs end, then their folder goes.
    crew: Crew,
    sandbox: Sandbox,
    control: Control,
    program: std::path::PathBuf,
    lines: Option<Lines>,
    folder: TempDir,
}

impl Bench {
    fn start(place: &Place) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("belfry-bench-").tempdir()?;
        let mut crew = Crew::new(folder.path())?;
        let options = ["--port", "0", "--auto-consent"];
        let mut sandbox = belfry::sandbox(&mut crew, &place.program("release", "belfry-sandbox"), &options)?;
        let control = Control::at(&sandbox.control_url)?;
        // Every push costs a call; the hour's limit is not what is measured here.
        control.post("settings", &json!({"rate_limit": 1_000_000}))?;
        two_more_people(&control, &mut sandbox)?;
        let program = place.program("release", "belfry");
        let bench = Self { crew, sandbox, control, program, lines: None, folder };
        for person in &bench.sandbox.people {
            bench.sandbox.sign_in(person, &mut bench.belfry())?;
        }
        Ok(bench)
    }

    /// From the start of the process to the last account's subscription.
    fn start_up(&mut self) -> Result<Vec<Row>> {
        let accounts = self.sandbox.people.len();
        let mut resident = self.belfry();
        let started = Instant::now();
        let output =
            self.crew.start_with_output("belfry", resident.args(["run", "--json", "--toast", "print"]))?;
        self.control.get(&format!("wait?field=subscribes&at_least={accounts}&limit_ms=30000"))?;
        let subscribed = started.elapsed();
        let lines = Lines::of(output)?;
        let mut live = BTreeSet::new();
        let (at, _) = lines.wait("every account to be live", started, LIMIT, |event| {
            if belfry::is(event, "link") && event.get("state").and_then(Value::as_str) == Some("live") {
                live.insert(event.get("account").map(Value::to_string));
            }
            live.len() >= accounts
        })?;
        self.lines = Some(lines);
        Ok(vec![
            Row::new("Start to subscribed, 3 accounts", milliseconds(subscribed), "≤ 60 ms", "cometd 141 ms"),
            Row::new("Start to live, 3 accounts, catch-up included", milliseconds(at - started), "", ""),
        ])
    }

    /// Memory, wake-ups and writes with nothing happening.
    fn rest(&self) -> Result<Vec<Row>> {
        let pid = self.crew.pid("belfry").context("belfry is not running")?;
        println!("At rest for {} s …", (SETTLE + REST).as_secs());
        std::thread::sleep(SETTLE);
        let before = Usage::of(pid)?;
        std::thread::sleep(REST);
        let after = Usage::of(pid)?;
        let observed = self.control.get("observed")?;
        let subscriptions: u64 = observed
            .get("subscriptions")
            .and_then(Value::as_object)
            .context("the sandbox counts no subscriptions")?
            .values()
            .filter_map(Value::as_u64)
            .sum();
        let what = |what: &str| format!("{what} at rest, 3 accounts, {subscriptions} subscriptions");
        Ok(vec![
            Row::new(
                &what("PSS"),
                mebibytes(after.pss),
                "≤ 10 MiB with a tray",
                "gotify-desktop 5 · Tauri 45 MiB",
            ),
            Row::new(
                &what("Wake-ups a minute"),
                (after.wakes - before.wakes).to_string(),
                "< 12 between heartbeats",
                "",
            ),
            Row::new(
                &what("Bytes written in a minute"),
                (after.written - before.written).to_string(),
                "0",
                "",
            ),
        ])
    }

    /// From the moment the sandbox is told to publish to the line that says what became of the toast.
    fn latency(&self) -> Result<Vec<Row>> {
        let lines = self.lines.as_ref().context("belfry was not started")?;
        println!("Timing {PUSHES} pushes …");
        let (mut kept, mut toasts, mut shown) = (Vec::new(), Vec::new(), 0_usize);
        for number in 1..=PUSHES {
            let asked = Instant::now();
            self.control.post("notify", &json!({"text": format!("Ada Brook commented ({number})")}))?;
            let (at, _) =
                lines.wait("a kept push", asked, LIMIT, |event| belfry::is(event, "notification"))?;
            kept.push(at - asked);
            let (at, toast) = lines.wait("a toast", asked, LIMIT, |event| belfry::is(event, "toast"))?;
            toasts.push(at - asked);
            shown += usize::from(toast.get("outcome").and_then(Value::as_str) == Some("shown"));
            std::thread::sleep(PAUSE);
        }
        let toast = format!("Push to toast ({shown} of {PUSHES} shown)");
        Ok(vec![
            Row::new("Push to kept (its details fetched, committed)", spread(&kept)?, "", ""),
            Row::new(&toast, spread(&toasts)?, "p99 ≤ 10 ms", ""),
        ])
    }

    /// From the moment the push server listens again to the last account's new subscription.
    fn restart(&self) -> Result<Row> {
        self.control.post("forget", &json!({}))?;
        self.control.post("push", &json!("restart"))?;
        let listens = Instant::now();
        let accounts = self.sandbox.people.len();
        self.control.get(&format!("wait?field=subscribes&at_least={accounts}&limit_ms=60000"))?;
        let peers = "cometd 0.8 · faye 4.8 s";
        Ok(Row::new("Back after the push server restarted", milliseconds(listens.elapsed()), "≤ 1 s", peers))
    }

    /// Belfry with folders of its own; its secrets open nothing but the sandbox.
    fn belfry(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("BELFRY_HOME", self.folder.path().join("belfry")).env("BELFRY_SECRETS", "file");
        command
    }
}

/// So that there are three accounts.
fn two_more_people(control: &Control, sandbox: &mut Sandbox) -> Result<()> {
    for (name, mail) in [("Grace Field", "grace@example.org"), ("Alan Marsh", "alan@example.org")] {
        control.post("user", &json!({"name": name, "mail": mail, "password": "bench"}))?;
        sandbox.add_person(mail, "bench");
    }
    Ok(())
}

fn spread(times: &[Duration]) -> Result<String> {
    let at = |percent| percentile(times, percent).map(milliseconds).context("nothing was timed");
    Ok(format!("p50 {}, p99 {}", at(50)?, at(99)?))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "a process holds less than 2^52 KiB")]
fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}

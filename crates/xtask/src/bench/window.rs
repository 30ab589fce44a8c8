//! The window: how soon it is there, what it holds, and what its openings leave behind in the resident.
//!
//! Comes in: the release builds; goes out: rows. The page puts the number of unread notifications into the window's title once it has
//! read them, so a title with a number is an inbox with rows.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use xtask::crew::Crew;
use xtask::desktop::{Desktop, Options, Tray};
use xtask::place::Place;
use xtask::wait;

use super::measure::Usage;
use super::report::Row;
use super::{REST, mebibytes, spread};
use crate::belfry::{self, Sandbox};
use crate::control::Control;

const NOTIFICATIONS: usize = 30;
const TIMED: usize = 10;
const OPENINGS: usize = 100;
/// A page that is still reading has some 130 colours, one with rows more than 500.
const ROWS: u64 = 250;
/// How long the programs settle before they count as at rest.
const SETTLE: Duration = Duration::from_secs(10);

pub(super) fn measure(place: &Place) -> Result<Vec<Row>> {
    let desktop = Desktop::start(Options { tray: Tray::Panel, ..Options::default() })?;
    let folder = tempfile::tempdir()?;
    let mut crew = Crew::new(folder.path())?;
    let options = ["--port", "0", "--auto-consent"];
    let mut sandbox = belfry::sandbox(&mut crew, &place.program("release", "belfry-sandbox"), &options)?;
    let bench = Bench { place, desktop, home: folder.path().join("belfry") };
    bench.prepare(&mut crew, &mut sandbox)?;
    let resident = crew.pid("belfry").context("belfry is not running")?;
    println!("At rest with its tray for {} s …", (SETTLE + REST).as_secs());
    std::thread::sleep(SETTLE);
    let begun = Usage::of(resident)?;
    std::thread::sleep(REST);
    let rested = Usage::of(resident)?;

    println!("Opening the window {TIMED} times …");
    let mut times = Vec::new();
    for _ in 1..TIMED {
        times.push(bench.open(&mut crew)?.0);
        crew.stop("window")?;
    }
    let (time, window) = bench.open(&mut crew)?;
    times.push(time);
    std::thread::sleep(SETTLE);
    let held = tree(window)?;
    println!("Closing it {TIMED} times and asking for it again at once …");
    let again = bench.close_and_open()?;
    crew.stop("window")?;
    bench.then(&mut crew, resident, [begun, rested], [&times, &again], held)
}

struct Bench<'a> {
    place: &'a Place,
    desktop: Desktop,
    home: std::path::PathBuf,
}

impl Bench<'_> {
    fn prepare(&self, crew: &mut Crew, sandbox: &mut Sandbox) -> Result<()> {
        let control = Control::at(&sandbox.control_url)?;
        super::two_more_people(&control, sandbox)?;
        for person in &sandbox.people {
            sandbox.sign_in(person, &mut self.program("belfry"))?;
        }
        let mut resident = self.program("belfry");
        crew.start("belfry", resident.args(["run", "--tray", "--json", "--toast", "print"]))?;
        let accounts = sandbox.people.len();
        control.get(&format!("wait?field=subscribes&at_least={accounts}&limit_ms=30000"))?;
        for number in 1..=NOTIFICATIONS {
            control.post("notify", &json!({"text": format!("Ada Brook commented ({number})")}))?;
        }
        wait::until("every notification to be kept", wait::LIMIT, || {
            Ok((belfry::inbox(&mut self.program("belfry"))?.len() >= NOTIFICATIONS).then_some(()))
        })
    }

    /// Opens the window; gives back how long it took until the inbox was there, and its process.
    fn open(&self, crew: &mut Crew) -> Result<(Duration, u32)> {
        let mut window = self.program("belfry-desktop");
        let began = Instant::now();
        crew.start("window", &mut window)?;
        wait::until("the inbox", wait::LIMIT, || {
            crew.check("window")?;
            Ok((!self.desktop.windows_called(r"\([0-9]+\).*Belfry$")?.is_empty()).then_some(()))
        })?;
        // The title may be there before the first picture is.
        self.desktop.wait_for_look("the inbox to be painted", |colours, _| colours > ROWS)?;
        Ok((began.elapsed(), crew.pid("window").context("the window is gone")?))
    }

    /// Closes the window as a person does and starts the program again, as the tray does: how long it took each time.
    fn close_and_open(&self) -> Result<Vec<Duration>> {
        let is_there =
            || -> Result<bool> { Ok(!self.desktop.windows_called(r"\([0-9]+\).*Belfry$")?.is_empty()) };
        let mut times = Vec::new();
        for _ in 0..TIMED {
            self.desktop.key("alt+F4")?;
            wait::until("the window to be closed", wait::LIMIT, || Ok((!is_there()?).then_some(())))?;
            let began = Instant::now();
            let mut second = self.program("belfry-desktop");
            second.status().context("belfry-desktop cannot be started")?;
            wait::until("the window to be back", wait::LIMIT, || Ok(is_there()?.then_some(())))?;
            self.desktop.wait_for_look("the inbox to be painted", |colours, _| colours > ROWS)?;
            times.push(began.elapsed());
        }
        Ok(times)
    }

    fn then(
        &self,
        crew: &mut Crew,
        resident: u32,
        [begun, rested]: [Usage; 2],
        [times, again]: [&[Duration]; 2],
        held: u64,
    ) -> Result<Vec<Row>> {
        println!("And {} times more …", OPENINGS - TIMED);
        for _ in TIMED..OPENINGS {
            self.open(crew)?;
            crew.stop("window")?;
        }
        std::thread::sleep(SETTLE);
        let after = Usage::of(resident)?.pss;
        Ok(vec![
            Row::new(
                "Window's start to inbox painted, seen by pictures of the screen",
                spread(times)?,
                "≤ 700 ms",
                "Tauri window alone 250–650 ms",
            ),
            Row::new(
                "The same while a closed window lingers, the second start and the picture included",
                spread(again)?,
                "≤ 150 ms",
                "Tauri window shown again 34 ms",
            ),
            Row::new(
                "PSS of the open window, its web engine included",
                mebibytes(held),
                "",
                "WebKitGTK window 251 · Chromium app 306 MiB",
            ),
            Row::new(
                "PSS of the resident with its tray, 3 accounts, before a window was opened",
                mebibytes(rested.pss),
                "≤ 10 MiB",
                "gotify-tray 72 · Tauri tray-only 45 MiB",
            ),
            Row::new(
                "Wake-ups a minute with its tray, at rest",
                (rested.wakes - begun.wakes).to_string(),
                "< 12 between heartbeats",
                "Tauri tray-only about 130",
            ),
            Row::new(
                "Bytes written in a minute with its tray, at rest",
                (rested.written - begun.written).to_string(),
                "0",
                "",
            ),
            Row::new(
                "PSS of the resident after 100 openings and closings",
                mebibytes(after),
                "the same + ≤ 1 MiB",
                "Tauri in one process: 118 MiB after one",
            ),
        ])
    }

    fn program(&self, name: &str) -> Command {
        let mut command = self.desktop.command(self.place.program("release", name));
        command.env("BELFRY_HOME", &self.home).env("BELFRY_SECRETS", "file").stdin(Stdio::null());
        command
    }
}

/// The memory of a process and all its descendants, in KiB.
fn tree(root: u32) -> Result<u64> {
    let mut family = BTreeSet::from([root]);
    loop {
        let known = family.len();
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            if parent(&entry.path()).is_some_and(|parent| family.contains(&parent)) {
                family.insert(pid);
            }
        }
        if family.len() == known {
            return family.iter().map(|pid| Usage::of(*pid).map(|usage| usage.pss)).sum();
        }
    }
}

fn parent(process: &Path) -> Option<u32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // The program's name stands in brackets and may hold anything.
    stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
}

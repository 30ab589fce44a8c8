//! `cargo xtask demo`: a day at work in the sandbox becomes toasts, one of them is clicked, its row is read; then tray and window.
//!
//! On the person's own desktop when there is one with a toast service; else on one it brings, with pictures.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::crew::{Crew, Reach};
use xtask::desktop::{Desktop, Options, Tray};
use xtask::packages;
use xtask::place::Place;
use xtask::wait;

use crate::control::Control;
use crate::{belfry, dist, setup, ui};

/// How many toasts are shown before the demo ends.
const TOASTS: usize = 4;
/// Between two scenes of the day.
const PACE: Duration = Duration::from_millis(2_000);
/// Some scenes bring no toast.
const FIRST_TOAST: Duration = Duration::from_secs(60);
/// How long a person has to click.
const PERSON: Duration = Duration::from_secs(60);
/// The title of Belfry's window once its page is there, as xdotool looks for it.
const WINDOW: &str = "– Belfry$";
/// A page that is still reading has some 130 colours, one with rows some 500, and with the details of one some 900.
const ROWS: u64 = 250;
const DETAILS: u64 = 700;
/// How long the window may take to come.
const PAINTED: Duration = Duration::from_secs(30);

enum Stage {
    Own,
    Brought(Box<Desktop>),
}

/// Says whether everything was seen to work.
pub(crate) fn run(place: &Place) -> Result<bool> {
    setup::install(&["libglib2.0-bin"])?;
    let own = has_own_desktop();
    setup::install(if own { &[] } else { packages::DESKTOP })?;
    setup::install(packages::WINDOW)?;
    ui::build(place)?;
    belfry::build(place, "dev")?;
    dist::build(place, &["--package", "belfry-desktop"])?;
    let stage = if own {
        println!("Toasts, tray and window appear on your own desktop.");
        Stage::Own
    } else {
        println!("There is no desktop with a toast service here, so the demo brings its own.");
        let desktop = Desktop::start(Options { tray: Tray::Panel, ..Options::default() })?;
        desktop.paint_background()?;
        Stage::Brought(Box::new(desktop))
    };
    let folder = tempfile::Builder::new().prefix("belfry-demo-").tempdir()?;
    let mut demo = Demo {
        crew: Crew::new(folder.path())?,
        control: None,
        stage,
        relay: place.program("debug", "belfry-relay"),
        program: place.program("debug", "belfry"),
        window: place.program("debug", "belfry-desktop"),
        pictures: place.root.join("artefacts/demo"),
        folder,
    };
    demo.start(&place.program("debug", "belfry-sandbox"))?;
    demo.show()?;
    demo.show_tray_and_window()?;
    println!("\nThat was Belfry: pushed, kept, shown, clicked, opened, read, and looked at.");
    Ok(true)
}

struct Demo {
    // First the programs end, then their folder goes.
    crew: Crew,
    control: Option<Control>,
    stage: Stage,
    relay: PathBuf,
    program: PathBuf,
    window: PathBuf,
    pictures: PathBuf,
    folder: TempDir,
}

impl Demo {
    fn start(&mut self, sandbox: &Path) -> Result<()> {
        println!(
            "Starting the sandbox: a fake Podio with a day at work in it, a CloudApp, a Pusher server, and a Podium."
        );
        let sandbox = belfry::sandbox(&mut self.crew, sandbox, &["--port", "0", "--auto-consent"])?;
        self.control = Some(Control::at(&sandbox.control_url)?);
        println!("Signing in at {} …", sandbox.api_url);
        for person in &sandbox.people {
            sandbox.sign_in(person, &mut self.belfry())?;
        }
        sandbox.sign_in_to_cloudapp(&mut self.belfry())?;
        sandbox.add_pusher(&mut self.belfry())?;
        println!("Starting a relay, and signing in at Podium through it …");
        if matches!(self.stage, Stage::Own) {
            println!("Your browser opens for it, as it would for the real service; the page may be closed.");
        }
        let relay = belfry::relay(&mut self.crew, &self.relay, &self.folder.path().join("relay"))?;
        sandbox.sign_in_to_podium(&relay, &mut self.belfry())?;
        println!("Starting belfry run …");
        let mut resident = self.belfry();
        // What it opens on the person's desktop, a browser perhaps, stays theirs.
        let reach = match self.stage {
            Stage::Own => Reach::Alone,
            Stage::Brought(_) => Reach::WithChildren,
        };
        resident.args(["run", "--tray", "--json"]);
        belfry::run(&mut self.crew, &mut resident, reach, sandbox.people.len() + 3)
    }

    fn show(&mut self) -> Result<()> {
        self.day(1)?;
        self.wait_for_toasts(1)?;
        match &self.stage {
            Stage::Own => self.let_the_person_click(),
            Stage::Brought(_) => self.click(),
        }
    }

    /// On a desktop of our own: pictures, a click, and what came of it.
    fn click(&mut self) -> Result<()> {
        // In the day's course its row might be read elsewhere, and the toast withdrawn under the pointer.
        self.pause_the_day()?;
        let desktop = self.desktop()?;
        desktop.wait_for_toast()?;
        self.picture("1-toast")?;
        // The sign-in at Podium was the browser's first address.
        let before = desktop.opened()?.len();
        desktop.click_toast()?;
        let opened = desktop.wait_for_opened(before + 1)?;
        let url = opened.get(before).context("nothing was opened")?.url.clone();
        println!("Clicked the first toast; the browser was asked for {url}");
        let row = self.wait_for_row(|row| belfry::url(row) == Some(&url) && belfry::is_read_here(row))?;
        println!("Its row is read now: {}", title(&row));
        for number in 2..=TOASTS {
            self.elsewhere(number)?;
            self.wait_for_toasts(number)?;
            let desktop = self.desktop()?;
            desktop.wait_for_toast()?;
            self.picture(&format!("{number}-toast"))?;
            desktop.dismiss_toast()?;
        }
        Ok(())
    }

    /// The tray with its menu, and the window that a click on it opens, light and dark.
    fn show_tray_and_window(&mut self) -> Result<()> {
        if matches!(self.stage, Stage::Own) {
            println!("\nBelfry's window opens; its icon is in your tray, if your desktop has one.");
            let mut window = self.belfry_of(&self.window);
            return self.crew.start_within("belfry-desktop", &mut window, Reach::Alone).and_then(|()| {
                wait::until("you to look around, and to close the window", PERSON, || {
                    Ok(self.crew.check("belfry-desktop").is_err().then_some(()))
                })
                .or_else(|_| Ok(()))
            });
        }
        let desktop = self.desktop()?;
        desktop.wait_for_no_toast()?;
        let item = desktop.wait_for_tray_item("with its menu", |item| item.line("Open inbox").is_some())?;
        let (title, body) = item.tooltip;
        println!("The tray says: {title} – {}", body.replace('\n', " – "));
        desktop.tray_hit(3)?;
        self.picture("tray")?;
        let desktop = self.desktop()?;
        desktop.key("Escape")?;
        desktop.tray_hit(1)?;
        desktop.wait_for_window(WINDOW, PAINTED)?;
        desktop.wait_for_look("the inbox to be painted", |colours, mean| colours > ROWS && mean > 0.7)?;
        // The newest one, with all that is known of it.
        desktop.key("j")?;
        desktop
            .wait_for_look("its details to be painted", |colours, mean| colours > DETAILS && mean > 0.7)?;
        self.picture("window-light")?;
        self.set("--theme", "dark")?;
        self.desktop()?
            .wait_for_look("the window to turn dark", |colours, mean| colours > DETAILS && mean < 0.4)?;
        self.picture("window-dark")?;
        println!("The pictures are in {}", self.pictures.display());
        Ok(())
    }

    fn set(&self, what: &str, to: &str) -> Result<()> {
        if !self.belfry().args(["settings", what, to]).status()?.success() {
            bail!("belfry settings {what} {to} failed");
        }
        Ok(())
    }

    /// On the person's desktop: the hand is theirs. No picture is taken of what else is on their screen.
    fn let_the_person_click(&mut self) -> Result<()> {
        self.pause_the_day()?;
        for number in 2..=TOASTS {
            self.elsewhere(number)?;
        }
        self.wait_for_toasts(TOASTS)?;
        println!("\nClick one of the toasts: it opens, and its row is read. ({} s)", PERSON.as_secs());
        let clicked = wait::until("a click", PERSON, || {
            Ok(belfry::inbox(&mut self.belfry())?.into_iter().find(belfry::is_read_here))
        });
        let row = match clicked {
            Ok(row) => row,
            Err(_) => {
                println!("No click, so `belfry open` does it.");
                let rows = belfry::inbox(&mut self.belfry())?;
                let id = rows.first().and_then(|row| row.get("id")).context("the inbox is empty")?.clone();
                let argument = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
                let status = self.belfry().args(["open", &argument]).status()?;
                if !status.success() {
                    bail!("belfry open {argument} failed");
                }
                self.wait_for_row(|row| row.get("id") == Some(&id) && belfry::is_read_here(row))?
            }
        };
        let url = belfry::url(&row).unwrap_or("its page");
        println!("Opened {url}; its row is read now: {}", title(&row));
        Ok(())
    }

    /// Scenes of a day at work, one after the other; the same seed gives the same day.
    fn day(&self, seed: usize) -> Result<()> {
        self.control()?.post("day", &json!({"seed": seed, "pace_ms": PACE.as_millis()})).map(drop)
    }

    /// Something happens at one of the other services: each toast but the first comes from another one.
    fn elsewhere(&self, number: usize) -> Result<()> {
        let order = json!({
            "title": "Order 1912 was paid", "message": "Two lamps, one chair",
            "url": "https://shop.example.com/orders/1912",
        });
        let (what, body) = match number {
            2 => ("cloudapp/upload", json!({"name": "Website relaunch.png"})),
            3 => {
                let event = r"App\Events\OrderPaid";
                ("pusher/trigger", json!({"channel": belfry::CHANNEL, "event": event, "data": order}))
            }
            _ => ("podium/message", json!({"from": "Nora Falk", "text": "Hi! Is my bike ready today?"})),
        };
        self.control()?.post(what, &body).map(drop)
    }

    fn pause_the_day(&self) -> Result<()> {
        self.control()?.post("day", &json!({})).map(drop)
    }

    fn control(&self) -> Result<&Control> {
        self.control.as_ref().context("the sandbox was not started")
    }

    fn wait_for_toasts(&mut self, count: usize) -> Result<()> {
        wait::until(&format!("toast {count}"), FIRST_TOAST, || {
            self.crew.check("belfry")?;
            self.crew.check("sandbox")?;
            let events = belfry::events(&self.crew.said("belfry")?);
            let shown = events
                .iter()
                .filter(|event| belfry::is(event, "toast"))
                .filter(|event| event.get("outcome").and_then(Value::as_str) == Some("shown"));
            Ok((shown.count() >= count).then_some(()))
        })
    }

    fn wait_for_row(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        wait::until("its row to be read", wait::LIMIT, || {
            Ok(belfry::inbox(&mut self.belfry())?.into_iter().find(&wanted))
        })
    }

    /// Belfry with folders of its own. The person's password store is left alone: on their desktop the secrets, which
    /// open nothing but the sandbox, go to a file that is removed in the end.
    fn belfry(&self) -> Command {
        self.belfry_of(&self.program)
    }

    fn belfry_of(&self, program: &Path) -> Command {
        let mut command = match &self.stage {
            Stage::Own => {
                let mut command = Command::new(program);
                command.env("BELFRY_SECRETS", "file").stdin(Stdio::null());
                command
            }
            Stage::Brought(desktop) => desktop.command(program),
        };
        command.env("BELFRY_HOME", self.folder.path().join("belfry"));
        command
    }

    fn picture(&self, name: &str) -> Result<()> {
        let path = self.pictures.join(format!("{name}.png"));
        self.desktop()?.screenshot(&path)?;
        println!("Picture: {}", path.display());
        Ok(())
    }

    fn desktop(&self) -> Result<&Desktop> {
        match &self.stage {
            Stage::Brought(desktop) => Ok(desktop),
            Stage::Own => bail!("the person's own desktop is not ours to look at"),
        }
    }
}

/// A display, a session bus, and someone on it who shows toasts or can be started to.
fn has_own_desktop() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value: std::ffi::OsString| !value.is_empty());
    if !(is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")) || !is_set("DBUS_SESSION_BUS_ADDRESS") {
        return false;
    }
    ["ListNames", "ListActivatableNames"].iter().any(|list| {
        let mut gdbus = Command::new("gdbus");
        gdbus.args(["call", "--session", "-d", "org.freedesktop.DBus", "-o", "/org/freedesktop/DBus", "-m"]);
        let said = gdbus.arg(format!("org.freedesktop.DBus.{list}")).output();
        said.is_ok_and(|said| {
            String::from_utf8_lossy(&said.stdout).contains("'org.freedesktop.Notifications'")
        })
    })
}

fn title(row: &Value) -> &str {
    row.get("title").and_then(Value::as_str).unwrap_or("(no title)")
}

//! The tray of the whole program: a real panel shows the icon, its menu is read and clicked as a host does it, a pointer clicks the icon.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use belfry_sandbox::{Mode, Spec, Wire};
use sha2::{Digest, Sha256};
use tokio::task::block_in_place;
use xtask::desktop::{Desktop, Options, Toasts, Tray, TrayItem};
use xtask::wait;

use crate::whole::{LIMIT, Person, Resident, artefact};

const QUIET: &str = "Connected – nothing unread";
const ONE: &str = "Connected – 1 unread";

/// Belfry with its tray, in a folder of its own, where a window program may stand beside it.
struct Installed {
    folder: tempfile::TempDir,
}

impl Installed {
    fn without_window() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("belfry");
        // A link costs nothing, but does not reach another file system.
        if fs::hard_link(env!("CARGO_BIN_EXE_belfry"), &own).is_err() {
            fs::copy(env!("CARGO_BIN_EXE_belfry"), &own).unwrap();
        }
        Self { folder }
    }

    /// With a window program that writes down how it was started.
    fn with_window() -> Self {
        let installed = Self::without_window();
        let program = installed.folder.path().join("belfry-desktop");
        let script = format!(
            "#!/bin/sh\nprintf '%s|%s\\n' \"$*\" \"$XDG_ACTIVATION_TOKEN\" >> '{}'\n",
            installed.record().display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        installed
    }

    fn record(&self) -> PathBuf {
        self.folder.path().join("opened-windows")
    }

    /// How the window was started, each time.
    fn windows(&self, count: usize) -> Vec<String> {
        wait::until(&format!("{count} windows"), wait::LIMIT, || {
            let said = fs::read_to_string(self.record()).unwrap_or_default();
            let lines: Vec<String> = said.lines().map(str::to_owned).collect();
            Ok(Some(lines).filter(|lines| lines.len() >= count))
        })
        .unwrap()
    }

    fn command(&self, desktop: &Desktop) -> Command {
        let mut command = desktop.command(self.folder.path().join("belfry"));
        command
            .args(["run", "--json", "--tray"])
            // No window program that is installed on this machine.
            .env("PATH", desktop.home().parent().unwrap().join("bin"))
            .env_remove("BELFRY_SECRETS")
            .env_remove("BELFRY_HOME")
            .env_remove("BELFRY_LOG");
        command
    }

    fn run(&self, desktop: &Desktop) -> Resident {
        Resident::start(self.command(desktop))
    }
}

fn panel(toasts: Toasts) -> Options {
    Options { toasts, tray: Tray::Panel, ..Options::default() }
}

async fn signed_in(options: Options) -> Person {
    let person = Person::new(options).await;
    person.sign_in();
    person
}

/// Waits until the icon's first line says this, in the menu and in the tooltip.
fn until_headline(desktop: &Desktop, headline: &str) -> TrayItem {
    let says = |item: &TrayItem| {
        item.tooltip.1.lines().next() == Some(headline)
            && item.menu.first().is_some_and(|line| line.label == headline)
    };
    desktop.wait_for_tray_item(headline, says).unwrap()
}

/// What the icon of this name looks like to a host in its smallest size.
fn picture(name: &str) -> (u64, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("icons/tray/{name}-22.png"));
    let mut png = png::Decoder::new(BufReader::new(fs::File::open(path).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; png.output_buffer_size().unwrap()];
    png.next_frame(&mut pixels).unwrap();
    pixels.chunks_exact_mut(4).for_each(|pixel| pixel.rotate_right(1));
    let digest = Sha256::digest(&pixels).iter().map(|byte| format!("{byte:02x}")).collect();
    (22, digest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_icon_shows_what_comes_and_a_click_on_it_opens_and_marks_it() {
    let person = signed_in(panel(Toasts::None)).await;
    let installed = Installed::without_window();
    let _resident = installed.run(&person.desktop);
    let user = person.sandbox.user().user_id;
    block_in_place(|| {
        let item = until_headline(&person.desktop, QUIET);
        assert_eq!((item.id.as_str(), item.title.as_str()), ("app.belfry.Belfry", "Belfry"));
        assert_eq!(item.status, "Active");
        assert_eq!(item.tooltip, ("Belfry".into(), format!("{QUIET}\nPodio (Robin Vale): connected")));
        assert_eq!(item.pictures.iter().map(|(width, _)| *width).collect::<Vec<_>>(), [22, 24, 44, 48]);
        assert_eq!(item.pictures[0], picture("rest"));
        assert!(item.line("Podio (Robin Vale): connected").is_some_and(|line| !line.enabled));
        assert_eq!(item.line("Open inbox"), None, "there is no window here");
        person.desktop.screenshot(&artefact("tray-rest.png")).unwrap();
    });
    let id = person.sandbox.podio().notify(user, Spec::comment("commented on web_site <b>relaunch</b>"));
    block_in_place(|| {
        let item = until_headline(&person.desktop, ONE);
        assert_eq!(item.pictures[0], picture("unread"));
        assert!(item.tooltip.1.contains("Podio (Robin Vale): connected, 1 unread"), "{:?}", item.tooltip);
        let label = "● Ada Brook commented on web_site <b>relaunch</b>";
        assert!(item.line(label).is_some(), "{:?}", item.labels());
        person.desktop.tray_hit(3).unwrap();
        person.desktop.screenshot(&artefact("tray-menu.png")).unwrap();
        person.desktop.tray_click(label).unwrap();
        let opened = person.desktop.wait_for_opened(1).unwrap();
        assert!(opened[0].url.starts_with("http"), "{opened:?}");
        let item = until_headline(&person.desktop, QUIET);
        assert_eq!(item.pictures[0], picture("rest"));
        assert!(
            item.line("\u{2003} Ada Brook commented on web_site <b>relaunch</b>").is_some(),
            "{:?}",
            item.labels()
        );
    });
    person.sandbox.podio().wait_for(|seen| seen.viewed.contains(&id), LIMIT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_window_the_icon_itself_opens_the_newest_unread_thing() {
    let person = signed_in(panel(Toasts::None)).await;
    let installed = Installed::without_window();
    let mut resident = installed.run(&person.desktop);
    resident.until_state("live");
    let user = person.sandbox.user().user_id;
    person.sandbox.podio().notify(user, Spec::comment("older"));
    block_in_place(|| until_headline(&person.desktop, ONE));
    person.sandbox.podio().notify(user, Spec::comment("newer"));
    block_in_place(|| {
        until_headline(&person.desktop, "Connected – 2 unread");
        // Once the panel rests, it has drawn the icon.
        person.desktop.screenshot(&artefact("tray-unread.png")).unwrap();
        person.desktop.tray_hit(1).unwrap();
        person.desktop.wait_for_opened(1).unwrap();
        let item = until_headline(&person.desktop, ONE);
        assert!(
            item.line("● Ada Brook older").is_some() && item.line("\u{2003} Ada Brook newer").is_some(),
            "{:?}",
            item.labels()
        );
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_left_click_and_the_menu_start_the_window_with_the_permission_to_come_to_the_front() {
    let person = signed_in(panel(Toasts::None)).await;
    let installed = Installed::with_window();
    let _resident = installed.run(&person.desktop);
    block_in_place(|| {
        until_headline(&person.desktop, QUIET);
        person.desktop.screenshot(&artefact("tray-before-click.png")).unwrap();
        person.desktop.tray_hit(1).unwrap();
        assert_eq!(installed.windows(1), ["|"]);
        person.desktop.tray_activate("token-1").unwrap();
        assert_eq!(installed.windows(2)[1], "|token-1");
        person.desktop.tray_click("Open inbox").unwrap();
        assert_eq!(installed.windows(3)[2], "|");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_keeps_toasts_quiet_until_it_is_ended() {
    let person = signed_in(panel(Toasts::Dunst)).await;
    let installed = Installed::without_window();
    let mut resident = installed.run(&person.desktop);
    resident.until_state("live");
    let user = person.sandbox.user().user_id;
    block_in_place(|| {
        let item = until_headline(&person.desktop, QUIET);
        assert!(item.line("Until tomorrow").is_some());
        person.desktop.tray_click("For 1 hour").unwrap();
        let paused = |item: &TrayItem| item.line("Resume toasts").is_some();
        let item = person.desktop.wait_for_tray_item("a pause", paused).unwrap();
        assert_eq!(item.line("Pause toasts"), None);
        assert!(item.menu[0].label.contains("toasts paused until"), "{:?}", item.menu[0]);
        assert_eq!(item.pictures[0], picture("paused"));
    });
    person.sandbox.podio().notify(user, Spec::comment("unheard"));
    assert_eq!(resident.until_toast("quiet")["reason"], "paused");
    block_in_place(|| {
        person.desktop.tray_click("Resume toasts").unwrap();
        until_headline(&person.desktop, ONE);
    });
    person.sandbox.podio().notify(user, Spec::comment("heard"));
    resident.until_toast("shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_icon_comes_with_a_host_that_comes_late_and_again_with_one_that_was_restarted() {
    let mut person = signed_in(Options { toasts: Toasts::None, ..Options::default() }).await;
    let installed = Installed::without_window();
    let mut resident = installed.run(&person.desktop);
    resident.until_state("live");
    let finding = |person: &Person| {
        let doctor = String::from_utf8(person.output(&["doctor", "--json"]).stdout).unwrap();
        let health: serde_json::Value = serde_json::from_str(&doctor).unwrap();
        health["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|finding| finding["part"] == "tray")
            .unwrap()
            .clone()
    };
    let without = finding(&person);
    assert_eq!(without["works"], false, "{without}");
    assert!(without["words"].as_str().unwrap().contains("belfry-desktop"), "{without}");
    block_in_place(|| {
        wait::until("a line in the log", wait::LIMIT, || {
            Ok((log(&person.desktop).matches("has no tray host").count() == 1).then_some(()))
        })
        .unwrap();
        person.desktop.tray_start(Tray::Panel).unwrap();
        until_headline(&person.desktop, QUIET);
    });
    assert_eq!(finding(&person)["works"], true);
    block_in_place(|| {
        person.desktop.tray_stop().unwrap();
        person.desktop.tray_start(Tray::Panel).unwrap();
        until_headline(&person.desktop, QUIET);
    });
    person.sandbox.podio().notify(person.sandbox.user().user_id, Spec::comment("still here"));
    block_in_place(|| {
        until_headline(&person.desktop, ONE);
        assert_eq!(log(&person.desktop).matches("has no tray host").count(), 1);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_link_is_seen_in_the_icon_and_told_in_words_until_it_is_back() {
    let person = Person::new(panel(Toasts::None)).await;
    let wire = Wire::start(person.sandbox.push_address()).await.unwrap();
    let added = person.add(&format!("{}/faye", wire.url()));
    assert!(added.status.success(), "{added:?}");
    let installed = Installed::without_window();
    let _resident = installed.run(&person.desktop);
    block_in_place(|| until_headline(&person.desktop, QUIET));
    wire.set(Mode::Cut);
    block_in_place(|| {
        let item = until_headline(&person.desktop, "Not connected – nothing unread");
        assert_eq!(item.pictures[0], picture("offline"));
        let waits = |item: &TrayItem| {
            item.menu.iter().any(|line| {
                line.enabled && line.label.starts_with("Podio (Robin Vale): waiting, next attempt ")
            })
        };
        person.desktop.wait_for_tray_item("an account that waits", waits).unwrap();
    });
    wire.set(Mode::Pass);
    block_in_place(|| until_headline(&person.desktop, QUIET));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quit_ends_the_program_cleanly_and_takes_the_icon_along() {
    let person = signed_in(panel(Toasts::None)).await;
    let installed = Installed::without_window();
    let mut resident = installed.run(&person.desktop);
    block_in_place(|| {
        until_headline(&person.desktop, QUIET);
        person.desktop.tray_click("Quit Belfry").unwrap();
        let ended = wait::until("the end of belfry", wait::LIMIT, || Ok(resident.child.try_wait()?)).unwrap();
        assert_eq!(ended.code(), Some(0));
        let gone = || Ok(person.desktop.tray_item()?.is_none().then_some(()));
        wait::until("the icon to go", wait::LIMIT, gone).unwrap();
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_bus_that_is_missing_or_dies_takes_the_icon_and_nothing_else() {
    let person = Person::new(Options { toasts: Toasts::None, ..Options::default() }).await;
    let installed = Installed::without_window();
    let bus = Bus::nowhere();
    let mut command = installed.command(&person.desktop);
    command.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    let mut resident = Resident::start(command);
    let without_bus =
        || Ok((log(&person.desktop).matches("so there is no tray icon").count() == 1).then_some(()));
    block_in_place(|| wait::until("a line in the log", wait::LIMIT, without_bus).unwrap());
    assert_eq!(person.json(&["status", "--json"])["running"], true);
    let mut daemon = bus.start(&person.desktop);
    // What is new to show makes it look for the bus again.
    assert!(person.output(&["pause", "--for", "1h"]).status.success());
    block_in_place(|| bus.wait_for_item(&person.desktop));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(person.output(&["pause", "--end"]).status.success());
    fs::remove_file(&bus.path).unwrap();
    let mut daemon = bus.start(&person.desktop);
    assert!(person.output(&["pause", "--for", "1h"]).status.success());
    block_in_place(|| bus.wait_for_item(&person.desktop));
    assert_eq!(resident.child.try_wait().unwrap(), None);
    assert!(!log(&person.desktop).contains("unexpectedly"));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// A message bus beside the desktop's own, that can die.
struct Bus {
    _folder: tempfile::TempDir,
    path: PathBuf,
    address: String,
}

impl Bus {
    fn nowhere() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bus");
        let address = format!("unix:path={}", path.display());
        Self { _folder: folder, path, address }
    }

    fn start(&self, desktop: &Desktop) -> Child {
        let mut daemon = desktop
            .command("dbus-daemon")
            .args(["--session", "--nofork", "--print-address", "--address", &self.address])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The address is printed once the bus listens.
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("unix:path="), "{line}");
        daemon
    }

    fn wait_for_item(&self, desktop: &Desktop) {
        wait::until("the tray item on the bus", wait::LIMIT, || {
            let output = desktop
                .command("gdbus")
                .args(["call", "--address", &self.address, "-d", "org.freedesktop.DBus"])
                .args(["-o", "/org/freedesktop/DBus", "-m", "org.freedesktop.DBus.ListNames"])
                .output()?;
            let names = String::from_utf8_lossy(&output.stdout);
            Ok(names.contains("org.kde.StatusNotifierItem-").then_some(()))
        })
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_launcher_carries_the_number_of_unread_things() {
    let person = signed_in(Options { toasts: Toasts::None, ..Options::default() }).await;
    let badge = Badge::watch(&person.desktop);
    let installed = Installed::without_window();
    let mut resident = installed.run(&person.desktop);
    resident.until_state("live");
    let user = person.sandbox.user().user_id;
    person.sandbox.podio().notify(user, Spec::comment("one"));
    let owner = block_in_place(|| badge.hears(1));
    let answer = block_in_place(|| {
        let output = person
            .desktop
            .command("gdbus")
            .args(["call", "--session", "-d", &owner, "-o", "/app/belfry/Belfry"])
            .args(["-m", "com.canonical.Unity.LauncherEntry.Query"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    });
    assert!(answer.contains("application://app.belfry.Belfry.desktop"), "{answer}");
    assert!(answer.contains("'count': <int64 1>") && answer.contains("'count-visible': <true>"), "{answer}");
    // A dock that arrives is told without asking.
    let dock = Dock::start(&person.desktop);
    block_in_place(|| badge.hears(1));
    drop(dock);
    let id = person.json(&["inbox", "--json"])["id"].to_string();
    assert!(person.output(&["read", &id]).status.success());
    block_in_place(|| badge.hears(0));
}

/// Someone with the name of a dock that reads badges.
struct Dock(Child);

impl Dock {
    fn start(desktop: &Desktop) -> Self {
        let script = "import dbus, signal; bus = dbus.SessionBus(); bus.request_name('com.canonical.Unity'); signal.pause()";
        Self(desktop.command("/usr/bin/python3").args(["-c", script]).spawn().unwrap())
    }
}

impl Drop for Dock {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What the bus carries about badges.
struct Badge {
    monitor: Child,
    lines: mpsc::Receiver<String>,
}

impl Badge {
    fn watch(desktop: &Desktop) -> Self {
        let mut monitor = desktop
            .command("dbus-monitor")
            .args(["--session", "interface='com.canonical.Unity.LauncherEntry'"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(monitor.stdout.take().unwrap()).lines();
        // It prints its own arrival once it listens.
        assert!(lines.any(|line| line.unwrap().contains("NameAcquired")));
        let (said, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Self { monitor, lines: heard }
    }

    /// Waits for the signal with this number, which is to be seen unless it is 0; gives back who sent it.
    fn hears(&self, count: u64) -> String {
        let next = || self.lines.recv_timeout(LIMIT).expect("no badge with this number");
        loop {
            let line = next();
            let Some(sender) = line.split("sender=").nth(1).filter(|_| line.contains("member=Update")) else {
                continue;
            };
            let sender = sender.split(' ').next().unwrap().to_owned();
            assert!(next().contains("application://app.belfry.Belfry.desktop"));
            let mut about = Vec::new();
            // The array's own end stands three spaces in; those of its entries further.
            loop {
                let line = next();
                if line == "   ]" {
                    break;
                }
                about.push(line.trim().to_owned());
            }
            let about = about.join(" ");
            if about.contains(&format!("int64 {count} ")) {
                let seen = format!("\"count-visible\" variant boolean {}", count > 0);
                assert!(about.split_whitespace().collect::<Vec<_>>().join(" ").contains(&seen), "{about}");
                return sender;
            }
        }
    }
}

impl Drop for Badge {
    fn drop(&mut self) {
        drop(self.monitor.kill());
        drop(self.monitor.wait());
    }
}

/// What the resident has written into its log.
fn log(desktop: &Desktop) -> String {
    fn gather(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                gather(&path, text);
            } else if path.extension().is_some_and(|end| end == "log") {
                text.push_str(&fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    let mut text = String::new();
    gather(&desktop.home(), &mut text);
    text
}

//! A private desktop made of real services: a virtual display, a message bus that starts nothing by itself, a
//! toast service, a password store, a window manager. For tests, and for a demo on a machine without a display.
//!
//! Comes in: which services exist; goes out: the environment that leads programs to them, what was opened, pictures.
//! It must not know what runs on it. Several run side by side. Dropping one ends what it started and removes its folder.

mod bus;
mod keyring;
mod opened;
mod system;
mod toasts;
mod tray;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

pub use self::keyring::Keyring;
pub use self::opened::Opened;
pub use self::toasts::Toasts;
pub use self::tray::{MenuLine, Tray, TrayItem};

use self::bus::Bus;
use crate::crew::{Crew, not_started};
use crate::wait;

/// Which services the desktop has. The default is a usual one: toasts, an open password store, a window manager;
/// no tray, as on GNOME.
#[derive(Debug, Clone)]
pub struct Options {
    /// The toast service.
    pub toasts: Toasts,
    /// The password store.
    pub keyring: Keyring,
    /// The tray host.
    pub tray: Tray,
    /// Width, height and colour depth, as `Xvfb -screen` wants them: `1280x800x24`.
    pub screen: String,
    /// Whether there is a window manager.
    pub openbox: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            toasts: Toasts::NotificationDaemon,
            keyring: Keyring::Unlocked,
            tray: Tray::None,
            screen: "1280x800x24".to_owned(),
            openbox: true,
        }
    }
}

/// Variables of the surrounding desktop that must not lead a program out of this one.
pub const UNSET: &[&str] = &[
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "SESSION_MANAGER",
    "XDG_CURRENT_DESKTOP",
    "DESKTOP_SESSION",
    "XDG_SESSION_ID",
    "XDG_SESSION_TYPE",
    "XDG_ACTIVATION_TOKEN",
    "DESKTOP_STARTUP_ID",
    "GNOME_KEYRING_CONTROL",
    "SSH_AUTH_SOCK",
    "DBUS_STARTER_ADDRESS",
    "DBUS_STARTER_BUS_TYPE",
];

/// A screen that never rests is taken as it is after so many pictures.
const MOVING_PICTURES: usize = 15;

/// A running desktop.
#[derive(Debug)]
pub struct Desktop {
    // The crew stands before the folder: programs end before their files go.
    crew: Crew,
    session: Bus,
    system: Bus,
    display: String,
    screen: String,
    toasts: Toasts,
    folder: TempDir,
}

impl Desktop {
    /// Starts the services and returns when all of them answer.
    pub fn start(options: Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("desktop-").tempdir().context("cannot make a folder")?;
        let root = folder.path();
        for private in ["home/.config", "home/.local/share", "home/.local/state", "home/.cache", "run", "bin"]
        {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(root.join(private))?;
        }
        opened::install(root)?;
        let mut desktop = Self {
            crew: Crew::new(root)?,
            session: Bus::in_folder(root, "session"),
            system: Bus::in_folder(root, "system"),
            display: String::new(),
            screen: options.screen,
            toasts: Toasts::None,
            folder,
        };
        desktop.display()?;
        // After the display, so that what the bus starts (the password prompt) finds it.
        let daemon = desktop.command("dbus-daemon");
        desktop.session.start(&mut desktop.crew, daemon)?;
        if options.openbox {
            desktop.window_manager()?;
        }
        desktop.toast_service_start(options.toasts)?;
        desktop.keyring_start(options.keyring)?;
        desktop.tray_start(options.tray)?;
        Ok(desktop)
    }

    /// The variables that lead a program to this desktop. [`UNSET`] names those to take away;
    /// [`Desktop::command`] does both.
    pub fn env(&self) -> Vec<(String, String)> {
        let home = self.path("home");
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
        [
            ("DISPLAY", self.display.clone()),
            ("DBUS_SESSION_BUS_ADDRESS", self.session.address()),
            ("DBUS_SYSTEM_BUS_ADDRESS", self.system.address()),
            ("HOME", text(&home)),
            ("XDG_RUNTIME_DIR", text(&self.path("run"))),
            ("XDG_CONFIG_HOME", text(&home.join(".config"))),
            ("XDG_DATA_HOME", text(&home.join(".local/share"))),
            ("XDG_STATE_HOME", text(&home.join(".local/state"))),
            ("XDG_CACHE_HOME", text(&home.join(".cache"))),
            ("XDG_CONFIG_DIRS", "/etc/xdg".to_owned()),
            ("XDG_DATA_DIRS", "/usr/local/share:/usr/share".to_owned()),
            ("PATH", format!("{}:{path}", self.path("bin").display())),
            ("BROWSER", text(&opened::browser(self.folder.path()))),
            ("GDK_BACKEND", "x11".to_owned()),
            ("GSETTINGS_BACKEND", "memory".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// A program on this desktop, not yet started. It gets no stdin.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for name in UNSET {
            command.env_remove(name);
        }
        command.envs(self.env()).stdin(Stdio::null());
        command
    }

    /// The folder that is `HOME` here.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// What the browser was asked to open, oldest first.
    pub fn opened(&self) -> Result<Vec<Opened>> {
        opened::read(self.folder.path())
    }

    /// Waits until the browser was asked to open at least so many addresses.
    pub fn wait_for_opened(&self, count: usize) -> Result<Vec<Opened>> {
        wait::until(&format!("{count} opened addresses"), wait::LIMIT, || {
            Ok(Some(self.opened()?).filter(|opened| opened.len() >= count))
        })
    }

    /// Writes a picture of the whole screen, as PNG, once the screen rests: toasts fade and slide in.
    pub fn screenshot(&self, path: &Path) -> Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        let mut before = None;
        for _ in 0..MOVING_PICTURES {
            self.picture(path)?;
            let now = fs::read(path)?;
            if before.as_ref() == Some(&now) {
                break;
            }
            before = Some(now);
        }
        Ok(())
    }

    /// Waits until the middle of the screen, where a window is, looks as it should: how many colours it has, and how bright it is on the
    /// whole, from 0 to 1. A window is there some time before anything is painted in it.
    pub fn wait_for_look(&self, what: &str, is_it: impl Fn(u64, f64) -> bool) -> Result<()> {
        wait::until(what, wait::LIMIT, || {
            let mut import = self.import();
            import.args([
                "-silent",
                "-window",
                "root",
                "-crop",
                "800x500+240+120",
                "-format",
                "%k %[fx:mean]",
                "info:",
            ]);
            let said = self.answer(&mut import)?;
            let figures = said.trim().split_once(' ');
            let figures =
                figures.and_then(|(colours, mean)| Some((colours.parse().ok()?, mean.parse().ok()?)));
            let (colours, mean) = figures.with_context(|| format!("import said {said:?}"))?;
            Ok(is_it(colours, mean).then_some(()))
        })
    }

    fn picture(&self, path: &Path) -> Result<()> {
        let mut import = self.import();
        // No dates, so that equal pictures are equal files.
        import.args(["-silent", "-window", "root", "-strip", "-define", "png:exclude-chunk=date,time,tIME"]);
        self.answer(import.arg(format!("png:{}", path.display()))).map(drop)
    }

    /// Gives the black screen a background, for pictures that people look at.
    pub fn paint_background(&self) -> Result<()> {
        let program = debian("/usr/bin/display-im6.q16", "display");
        let paint = ["-window", "root", "-size", "1920x1200", "gradient:#35506b-#1d2a38"];
        // It paints, and may say 1 all the same: its code says nothing.
        self.command(program).args(paint).output().map_err(|error| not_started(program, error))?;
        Ok(())
    }

    /// ImageMagick's program that takes pictures of a screen.
    fn import(&self) -> Command {
        self.command(debian("/usr/bin/import-im6.q16", "import"))
    }

    /// Presses a key in the window that has the focus, by X's name for it: `Escape`, `j`.
    pub fn key(&self, name: &str) -> Result<()> {
        self.answer(self.command("xdotool").args(["key", name])).map(drop)
    }

    /// Waits until a window with a title of this pattern is on the screen.
    pub fn wait_for_window(&self, title: &str, limit: Duration) -> Result<()> {
        wait::until(&format!("a window called {title}"), limit, || {
            Ok((!self.windows_called(title)?.is_empty()).then_some(()))
        })
    }

    /// The windows on the screen with a title of this pattern.
    pub fn windows_called(&self, title: &str) -> Result<Vec<u32>> {
        self.windows_by("--name", title)
    }

    /// The windows on the screen of a program that calls itself like this pattern.
    pub fn windows_of(&self, class: &str) -> Result<Vec<u32>> {
        self.windows_by("--class", class)
    }

    fn windows_by(&self, what: &str, pattern: &str) -> Result<Vec<u32>> {
        let mut search = self.command("xdotool");
        search.args(["search", "--onlyvisible", what, pattern]);
        // It fails when it finds nothing, and when a window goes away while it looks.
        let output = search.output().map_err(|error| not_started("xdotool", error))?;
        Ok(String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect())
    }

    /// Whether someone has this name on the session bus.
    pub fn is_owned(&self, name: &str) -> Result<bool> {
        self.session.is_owned(self.command("gdbus"), name)
    }

    fn display(&mut self) -> Result<()> {
        let mut server = self.command("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", &self.screen, "-nolisten", "tcp", "-noreset"]);
        self.crew.start("xvfb", &mut server)?;
        let number = wait::until("the virtual display", wait::LIMIT, || {
            self.crew.check("xvfb")?;
            let said = self.crew.said("xvfb")?;
            // Without its line end, it may be half a number.
            Ok(said.strip_suffix('\n').and_then(|number| number.trim().parse::<u32>().ok()))
        })?;
        self.display = format!(":{number}");
        Ok(())
    }

    fn window_manager(&mut self) -> Result<()> {
        let mut openbox = self.command("openbox");
        self.crew.start("openbox", openbox.arg("--sm-disable"))?;
        wait::until("the window manager", wait::LIMIT, || {
            self.crew.check("openbox")?;
            let said = self.answer(self.command("xprop").args(["-root", "_NET_SUPPORTING_WM_CHECK"]))?;
            Ok(said.contains("window id").then_some(()))
        })
    }

    fn wait_until_owned(&mut self, service: &str, name: &str) -> Result<()> {
        wait::until(&format!("{name} on the bus"), wait::LIMIT, || {
            self.crew.check(service)?;
            Ok(self.is_owned(name)?.then_some(()))
        })
    }

    fn wait_until_free(&self, name: &str) -> Result<()> {
        wait::until(&format!("the end of {name}"), wait::LIMIT, || Ok((!self.is_owned(name)?).then_some(())))
    }

    /// What a short program prints; its failure is an error that holds its words.
    fn answer(&self, command: &mut Command) -> Result<String> {
        answer(command)
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }
}

/// Debian's own name where it exists: another program of the short name may stand earlier on the path.
fn debian(own: &'static str, short: &'static str) -> &'static str {
    if Path::new(own).exists() { own } else { short }
}

fn answer(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| not_started(&program, error))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

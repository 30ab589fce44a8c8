//! The toast service of the private desktop: four real ones, and what a person's hand does with their toasts.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::Desktop;
use crate::crew::not_started;
use crate::wait;

const NAME: &str = "org.freedesktop.Notifications";
const SERVICE: &str = "toasts";

/// The toast services Debian has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Toasts {
    /// GNOME's old one: shows one toast at a time, the next one waits.
    NotificationDaemon,
    /// Draws no buttons; sends signals only to the connection that sent the toast; leaves it up after an action.
    Dunst,
    /// Draws `default` as a button when it has a label; a click beside the buttons dismisses.
    Xfce,
    /// GNOME's old one as MATE keeps it: several toasts at a time.
    Mate,
    /// Nothing on the bus.
    None,
}

// Equal toasts stay apart, and nothing but the text of a toast is drawn.
const DUNSTRC: &str = "[global]\n    stack_duplicates = false\n    show_indicators = no\n    \
    mouse_left_click = do_action, close_current\n    mouse_right_click = close_current\n";

/// Where on a toast's window the hand goes.
#[derive(Debug, Clone, Copy)]
struct Window {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

impl Toasts {
    /// The service's program, if there is one.
    fn program(self) -> Result<Option<PathBuf>> {
        let path = match self {
            Toasts::NotificationDaemon => "/usr/lib/notification-daemon/notification-daemon".into(),
            Toasts::Dunst => "dunst".into(),
            Toasts::Xfce => xfce()?,
            Toasts::Mate => "/usr/lib/mate-notification-daemon/mate-notification-daemon".into(),
            Toasts::None => return Ok(None),
        };
        Ok(Some(path))
    }

    /// The name of its toasts' windows, as a pattern.
    fn window_name(self) -> &'static str {
        match self {
            Toasts::NotificationDaemon | Toasts::Mate => "^Notification$",
            Toasts::Dunst => "^Dunst$",
            Toasts::Xfce => "^xfce4-notifyd$",
            Toasts::None => "^$",
        }
    }
}

impl Desktop {
    /// Starts a toast service and waits until it has its name on the bus.
    pub fn toast_service_start(&mut self, toasts: Toasts) -> Result<()> {
        let Some(program) = toasts.program()? else {
            return Ok(());
        };
        if toasts == Toasts::Dunst {
            let folder = self.path("home/.config/dunst");
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("dunstrc"), DUNSTRC)?;
        }
        let mut command = self.command(program);
        self.crew.start(SERVICE, &mut command)?;
        self.toasts = toasts;
        self.wait_until_owned(SERVICE, NAME)
    }

    /// Ends the toast service, if one runs, and waits until its name is free.
    pub fn toast_service_stop(&mut self) -> Result<()> {
        self.crew.stop(SERVICE)?;
        self.toasts = Toasts::None;
        self.wait_until_free(NAME)
    }

    /// How many toasts are on the screen.
    pub fn toasts_on_screen(&self) -> Result<usize> {
        match self.toasts {
            Toasts::Dunst => {
                let said = self.answer(self.command("dunstctl").args(["count", "displayed"]))?;
                said.trim().parse().with_context(|| format!("dunstctl said {said:?}"))
            }
            Toasts::NotificationDaemon | Toasts::Xfce | Toasts::Mate => Ok(self.windows()?.len()),
            Toasts::None => Ok(0),
        }
    }

    /// Waits until a toast is on the screen.
    pub fn wait_for_toast(&self) -> Result<()> {
        wait::until("a toast on the screen", wait::LIMIT, || Ok((self.toasts_on_screen()? > 0).then_some(())))
    }

    /// Waits until no toast is on the screen.
    pub fn wait_for_no_toast(&self) -> Result<()> {
        wait::until("the toasts to go", wait::LIMIT, || Ok((self.toasts_on_screen()? == 0).then_some(())))
    }

    /// Waits for a toast and does with it what invokes its default action: a click, or dunst's own command.
    pub fn click_toast(&self) -> Result<()> {
        self.wait_for_toast()?;
        match self.toasts {
            Toasts::Dunst => self.answer(self.command("dunstctl").arg("action")).map(drop),
            Toasts::NotificationDaemon | Toasts::Mate => {
                self.hit("a click on its text", |window| Ok((window.x + 150, window.y + 30)))
            }
            Toasts::Xfce => self.hit("a click on its first button", |window| {
                Ok((self.first_button(window)? + 15, window.y + window.height - 30))
            }),
            Toasts::None => bail!("there is no toast service"),
        }
    }

    /// Waits for a toast and dismisses it, as a person who does not care.
    pub fn dismiss_toast(&self) -> Result<()> {
        self.wait_for_toast()?;
        match self.toasts {
            Toasts::Dunst => self.answer(self.command("dunstctl").arg("close")).map(drop),
            Toasts::NotificationDaemon | Toasts::Mate => {
                self.hit("a click on its cross", |window| Ok((window.x + window.width - 15, window.y + 15)))
            }
            Toasts::Xfce => {
                self.hit("a click beside its buttons", |window| Ok((window.x + 150, window.y + 30)))
            }
            Toasts::None => bail!("there is no toast service"),
        }
    }

    /// Clicks on a toast's window and waits until that window is gone.
    fn hit(&self, what: &str, place: impl Fn(Window) -> Result<(i32, i32)>) -> Result<()> {
        let Some(id) = self.windows()?.first().copied() else {
            bail!("the toast went away before {what}");
        };
        let (x, y) = place(self.resting_window(id)?)?;
        let (x, y) = (x.to_string(), y.to_string());
        self.answer(self.command("xdotool").args(["mousemove", &x, &y, "click", "1"]))?;
        wait::until(&format!("the toast to go after {what}"), wait::LIMIT, || {
            Ok((!self.windows()?.contains(&id)).then_some(()))
        })?;
        // Else the pointer would rest on the next toast, and services keep a toast up while it does.
        self.answer(self.command("xdotool").args(["mousemove", "5", "5"])).map(drop)
    }

    /// Xfce ranges the buttons to the right, as wide as their labels: where the colour first changes, near the lower
    /// edge, the first one begins.
    fn first_button(&self, window: Window) -> Result<i32> {
        let strip = format!("{}x1+{}+{}", window.width, window.x, window.y + window.height - 18);
        let mut import = self.import();
        import.args(["-silent", "-window", "root", "-crop", &strip, "-depth", "8", "gray:-"]);
        let output = import.output().map_err(|error| not_started("import", error))?;
        let offset = edge(&output.stdout).with_context(|| format!("no button on this toast: {window:?}"))?;
        Ok(window.x + offset)
    }

    /// A toast may slide into its place: two equal looks in a row are a rest.
    fn resting_window(&self, id: u32) -> Result<Window> {
        let mut before = None;
        wait::until("a toast that rests", wait::LIMIT, || {
            let now = self.window(id)?;
            let place = (now.x, now.y, now.width, now.height);
            let rests = before == Some(place);
            before = Some(place);
            Ok(rests.then_some(now))
        })
    }

    fn windows(&self) -> Result<Vec<u32>> {
        self.windows_called(self.toasts.window_name())
    }

    fn window(&self, id: u32) -> Result<Window> {
        let said =
            self.answer(self.command("xdotool").args(["getwindowgeometry", "--shell", &id.to_string()]))?;
        let number = |name: &str| {
            said.lines()
                .filter_map(|line| line.split_once('='))
                .find(|(key, _)| *key == name)
                .and_then(|(_, value)| value.trim().parse::<i32>().ok())
                .with_context(|| format!("xdotool said {said:?}"))
        };
        Ok(Window { x: number("X")?, y: number("Y")?, width: number("WIDTH")?, height: number("HEIGHT")? })
    }
}

/// Where a row of grey values first leaves the background, which is what lies just inside the frame.
fn edge(row: &[u8]) -> Option<i32> {
    const INSIDE: usize = 6;
    let background = *row.get(INSIDE)?;
    let end = row.len().checked_sub(INSIDE)?;
    let at = row.get(INSIDE..end)?.iter().position(|grey| grey.abs_diff(background) > 4)?;
    i32::try_from(INSIDE + at).ok()
}

/// It lies in a folder named after the machine's architecture.
fn xfce() -> Result<PathBuf> {
    fs::read_dir("/usr/lib")?
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("xfce4/notifyd/xfce4-notifyd"))
        .find(|path| path.exists())
        .context("xfce4-notifyd is missing: install the Debian package xfce4-notifyd")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_button_begins_where_the_row_leaves_the_background() {
        let mut row = [255; 60];
        row[0] = 0; // the frame
        row[40..50].fill(200);
        assert_eq!(edge(&row), Some(40));
    }

    #[test]
    fn a_row_of_background_has_no_button() {
        let mut row = [255; 60];
        row[0] = 0;
        row[59] = 0;
        assert_eq!(edge(&row), None);
        assert_eq!(edge(&[]), None);
    }
}

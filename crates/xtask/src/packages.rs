//! Which Debian packages the commands need, by purpose, and which package a missing program comes from.
//!
//! Pure: what is installed comes in as text, what is missing goes out. Asking dpkg and apt is `setup`'s business.

use std::collections::BTreeSet;

/// What Rust itself needs to link, and what the C code of bundled SQLite and ring needs.
pub const BUILD: &[&str] = &["build-essential", "pkg-config"];

/// The private desktop: display, message bus, toast services, password store, and the tools that look and click.
pub const DESKTOP: &[&str] = &[
    "xvfb",
    "dbus",
    "dbus-bin",
    "libglib2.0-bin",
    "notification-daemon",
    "dunst",
    "xfce4-notifyd",
    "mate-notification-daemon",
    "libnotify-bin",
    "gnome-keyring",
    "libsecret-tools",
    "xdotool",
    "imagemagick",
    "x11-utils",
    "openbox",
    "xfce4-panel",
    "adwaita-icon-theme",
    "hicolor-icon-theme",
    "fonts-dejavu-core",
    "desktop-file-utils",
    "xdg-utils",
    "python3-dbusmock",
];

/// The browser that the page's own tests run in.
pub const UI: &[&str] = &["chromium"];

/// The replicated store of the relay.
pub const RELAY: &[&str] = &["nats-server"];

/// The window program: its web engine, to link with, and the program that drives it in tests.
pub const WINDOW: &[&str] = &["libwebkit2gtk-4.1-dev", "webkit2gtk-driver"];

/// What looks at a package's desktop file and metainfo.
pub const DIST: &[&str] = &["appstream", "desktop-file-utils"];

/// Debian's own compiler with the library source that fits it, and a C compiler for Windows.
pub const CROSS: &[&str] =
    &["rustc-web", "rust-web-src", "gcc-mingw-w64-x86-64-posix", "g++-mingw-w64-x86-64-posix"];

/// Programs that code of ours starts, with the package each one comes from.
const PROVIDERS: &[(&str, &str)] = &[
    ("WebKitWebDriver", "webkit2gtk-driver"),
    ("Xvfb", "xvfb"),
    ("chromium", "chromium"),
    ("dbus-daemon", "dbus-daemon"),
    ("dunst", "dunst"),
    ("dunstctl", "dunst"),
    ("gdbus", "libglib2.0-bin"),
    ("gnome-keyring-daemon", "gnome-keyring"),
    ("import", "imagemagick"),
    ("mate-notification-daemon", "mate-notification-daemon"),
    ("nats-server", "nats-server"),
    ("node", "nodejs"),
    ("notification-daemon", "notification-daemon"),
    ("notify-send", "libnotify-bin"),
    ("npm", "npm"),
    ("openbox", "openbox"),
    ("python3", "python3-dbusmock"),
    ("secret-tool", "libsecret-tools"),
    ("xdotool", "xdotool"),
    ("xfce4-notifyd", "xfce4-notifyd"),
    ("xfce4-panel", "xfce4-panel"),
    ("xprop", "x11-utils"),
];

/// The Debian package that brings a program, if it is one we start.
pub fn provider(program: &str) -> Option<&'static str> {
    PROVIDERS.iter().find(|(name, _)| *name == program).map(|(_, package)| *package)
}

/// Which of the wanted packages are missing, given what
/// `dpkg-query -W -f '${Package} ${db:Status-Status}\n'` printed. Order and repetition of `wanted` don't matter.
pub fn missing<'a>(wanted: &[&'a str], dpkg: &str) -> Vec<&'a str> {
    let installed: BTreeSet<&str> = dpkg
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, status)| *status == "installed")
        .map(|(package, _)| package)
        .collect();
    let wanted: BTreeSet<&'a str> = wanted.iter().copied().collect();
    wanted.into_iter().filter(|package| !installed.contains(package)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_package_that_is_fully_installed_counts() {
        let dpkg = "dunst installed\nxvfb config-files\nopenbox half-installed\n";
        assert_eq!(missing(&["xvfb", "dunst", "openbox", "xdotool"], dpkg), ["openbox", "xdotool", "xvfb"]);
    }

    #[test]
    fn a_package_wanted_twice_is_named_once() {
        assert_eq!(missing(&["dbus", "dbus"], ""), ["dbus"]);
    }

    #[test]
    fn a_longer_name_is_another_package() {
        assert_eq!(missing(&["dbus"], "dbus-bin installed\n"), ["dbus"]);
    }

    #[test]
    fn every_program_names_its_package() {
        assert_eq!(provider("import"), Some("imagemagick"));
        assert_eq!(provider("emacs"), None);
    }
}

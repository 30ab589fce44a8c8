//! The private desktop against its real services: what it promises to the tests that stand on it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use xtask::desktop::{Desktop, Keyring, Options, Toasts};
use xtask::wait;

fn with_toasts(toasts: Toasts) -> Desktop {
    Desktop::start(Options { toasts, keyring: Keyring::None, ..Options::default() }).unwrap()
}

/// A toast that waits for what the hand does with it; its stdout has the name of the action taken.
fn toast(desktop: &Desktop, summary: &str) -> Child {
    desktop
        .command("notify-send")
        .args([
            "--wait",
            "--action=default=Open",
            "--action=later=Later",
            summary,
            "Release notes, second draft",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn said(mut toast: Child) -> String {
    wait::until("notify-send to end", wait::LIMIT, || Ok(toast.try_wait()?)).unwrap();
    let mut line = String::new();
    BufReader::new(toast.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

fn picture(name: &str) -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_TMPDIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    folder.join("desktop").join(format!("{name}.png"))
}

fn a_click_takes_the_default_action(toasts: Toasts, name: &str) {
    let desktop = with_toasts(toasts);
    let sent = toast(&desktop, "Ada shared a file with you");
    desktop.wait_for_toast().unwrap();
    let shot = picture(name);
    desktop.screenshot(&shot).unwrap();
    assert!(std::fs::read(&shot).unwrap().starts_with(b"\x89PNG"));
    desktop.click_toast().unwrap();
    assert_eq!(said(sent), "default");
    desktop.wait_for_no_toast().unwrap();
}

fn a_dismissed_toast_takes_no_action(toasts: Toasts) {
    let desktop = with_toasts(toasts);
    let sent = toast(&desktop, "Ada shared a file with you");
    desktop.dismiss_toast().unwrap();
    assert_eq!(said(sent), "");
    desktop.wait_for_no_toast().unwrap();
}

#[test]
fn a_click_on_a_toast_of_notification_daemon_takes_the_default_action() {
    a_click_takes_the_default_action(Toasts::NotificationDaemon, "notification-daemon");
}

#[test]
fn a_click_on_a_toast_of_dunst_takes_the_default_action() {
    a_click_takes_the_default_action(Toasts::Dunst, "dunst");
}

#[test]
fn a_click_on_a_toast_of_xfce_takes_the_default_action() {
    a_click_takes_the_default_action(Toasts::Xfce, "xfce");
}

#[test]
fn the_first_button_of_xfce_is_found_on_a_wide_toast_too() {
    let desktop = with_toasts(Toasts::Xfce);
    let sent = toast(&desktop, "Ada shared “Release notes, second draft, with all the changes” with you");
    desktop.click_toast().unwrap();
    assert_eq!(said(sent), "default");
}

#[test]
fn a_click_on_a_toast_of_mate_takes_the_default_action() {
    a_click_takes_the_default_action(Toasts::Mate, "mate");
}

#[test]
fn a_dismissed_toast_of_notification_daemon_takes_no_action() {
    a_dismissed_toast_takes_no_action(Toasts::NotificationDaemon);
}

#[test]
fn a_dismissed_toast_of_dunst_takes_no_action() {
    a_dismissed_toast_takes_no_action(Toasts::Dunst);
}

#[test]
fn a_dismissed_toast_of_xfce_takes_no_action() {
    a_dismissed_toast_takes_no_action(Toasts::Xfce);
}

#[test]
fn a_dismissed_toast_of_mate_takes_no_action() {
    a_dismissed_toast_takes_no_action(Toasts::Mate);
}

#[test]
fn another_toast_service_can_take_the_place_of_the_first() {
    let mut desktop = with_toasts(Toasts::NotificationDaemon);
    desktop.toast_service_stop().unwrap();
    let refused = desktop.command("notify-send").arg("into the void").output().unwrap();
    assert!(!refused.status.success(), "no service, yet the toast was taken");
    desktop.toast_service_start(Toasts::Dunst).unwrap();
    let sent = toast(&desktop, "Back again");
    desktop.dismiss_toast().unwrap();
    assert_eq!(said(sent), "");
}

#[test]
fn the_browser_of_the_desktop_writes_down_what_it_was_asked_to_open() {
    let desktop = with_toasts(Toasts::None);
    assert_eq!(desktop.opened().unwrap(), []);
    desktop
        .command("xdg-open")
        .arg("https://example.org/1")
        .env("XDG_ACTIVATION_TOKEN", "t1")
        .status()
        .unwrap();
    desktop.command("gio").args(["open", "https://example.org/2"]).status().unwrap();
    let opened = desktop.wait_for_opened(2).unwrap();
    assert_eq!((opened[0].url.as_str(), opened[0].token.as_str()), ("https://example.org/1", "t1"));
    assert_eq!(opened[1].url, "https://example.org/2");
}

fn store(desktop: &Desktop) -> bool {
    let mut child = desktop
        .command("secret-tool")
        .args(["store", "--label=test", "service", "belfry-test"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"s3cret").unwrap();
    let ended = wait::until("secret-tool", Duration::from_secs(3), || Ok(child.try_wait()?));
    if ended.is_err() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    ended.is_ok_and(|status| status.success())
}

fn lookup(desktop: &Desktop) -> String {
    let output = desktop.command("secret-tool").args(["lookup", "service", "belfry-test"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn with_keyring(keyring: Keyring) -> Desktop {
    Desktop::start(Options { toasts: Toasts::None, keyring, ..Options::default() }).unwrap()
}

#[test]
fn an_unlocked_keyring_keeps_a_secret_across_its_restart() {
    let mut desktop = with_keyring(Keyring::Unlocked);
    assert!(store(&desktop));
    desktop.keyring_stop().unwrap();
    assert_eq!(lookup(&desktop), "");
    desktop.keyring_start(Keyring::Unlocked).unwrap();
    assert_eq!(lookup(&desktop), "s3cret");
}

#[test]
fn a_locked_keyring_keeps_the_one_who_asks_waiting() {
    let desktop = with_keyring(Keyring::Locked);
    assert!(desktop.is_owned("org.freedesktop.secrets").unwrap());
    assert!(!store(&desktop), "a locked keyring took a secret");
}

#[test]
fn a_desktop_without_keyring_takes_no_secret() {
    assert!(!store(&with_keyring(Keyring::None)));
}

#[test]
fn sleep_and_network_are_told_on_the_system_bus() {
    let mut desktop = with_toasts(Toasts::None);
    desktop.system_bus().unwrap();
    let mut monitor = desktop
        .command("dbus-monitor")
        .args(["--system", "type='signal'"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(monitor.stdout.take().unwrap()).lines();
    // It prints its own arrival once it listens.
    assert!(lines.any(|line| line.unwrap().contains("NameAcquired")));
    desktop.sleep_and_resume().unwrap();
    desktop.network_changed().unwrap();
    let mut told = Vec::new();
    while let Some(Ok(line)) = lines.next() {
        for what in ["PrepareForSleep", "boolean", "StateChanged", "uint32 20", "uint32 70"] {
            if line.contains(what) && !line.contains("PropertiesChanged") {
                told.push(line.trim().to_owned());
            }
        }
        if line.contains("uint32 70") && told.iter().any(|line| line.contains("StateChanged")) {
            break;
        }
    }
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    let told = told.join("\n");
    for what in ["PrepareForSleep", "boolean true", "boolean false", "StateChanged", "uint32 20", "uint32 70"]
    {
        assert!(told.contains(what), "{what} is missing in:\n{told}");
    }
}

#[test]
fn desktops_stand_side_by_side_and_leave_nothing() {
    let first = with_toasts(Toasts::Dunst);
    let second = with_toasts(Toasts::Dunst);
    let variable =
        |desktop: &Desktop, name: &str| desktop.env().into_iter().find(|(key, _)| key == name).unwrap().1;
    assert_ne!(variable(&first, "DISPLAY"), variable(&second, "DISPLAY"));
    let sent = toast(&first, "Only here");
    first.wait_for_toast().unwrap();
    assert_eq!(second.toasts_on_screen().unwrap(), 0);
    first.dismiss_toast().unwrap();
    said(sent);
    let home = first.home();
    drop(first);
    assert!(!home.exists());
    assert!(Path::new(&second.home()).exists());
}

//! Settings: quiet hours keep a toast quiet and say so; the start at login is what it says.

use std::process::Command;

use belfry_sandbox::Spec;
use serde_json::json;

use crate::page::row;
use crate::stage::{Running, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_hours_keep_a_toast_quiet_and_the_page_says_why() {
    let (stage, _resident) = Stage::live().await;
    let page = stage.open(&[]).await;
    page.click("nav-settings").await;
    page.click("quiet-on").await;
    // An end that is not later than the beginning is the next day: all day, every day.
    page.set("quiet-from", "00:00").await;
    page.set("quiet-until", "00:00").await;
    stage.until("the hours are kept", || {
        let quiet = stage.json(&["settings", "--json"])["quiet"].clone();
        (quiet["on"] == true && quiet["from"] == "00:00" && quiet["until"] == "00:00").then_some(())
    });
    page.picture(&stage, "settings").await;
    let (_, id) = stage.notify(Spec::comment("Ada commented on Website relaunch")).await;
    stage.until("its fate is settled", || {
        let why = stage.json(&["why", &id.to_string(), "--json"]);
        (why["outcome"] == "quiet").then_some(())
    });
    assert_eq!(tokio::task::block_in_place(|| stage.desktop.toasts_on_screen().unwrap()), 0);
    page.click("nav-inbox").await;
    page.find_css(&row(id)).await.click().await.unwrap();
    page.until(
        "the page says why",
        "document.querySelector('[data-testid=why]')?.textContent.toLowerCase().includes('quiet')",
    )
    .await;
    page.picture(&stage, "quiet-why").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_at_login_is_written_rightly_starts_the_resident_and_is_shown_as_it_is() {
    let stage = Stage::signed_in().await;
    let entry = stage.desktop.home().join(".config/autostart/app.belfry.Belfry.desktop");
    let page = stage.open(&[]).await;
    page.click("nav-settings").await;
    page.until_says("login-start-words", "does not start by itself").await;
    page.click("login-start").await;
    page.until_says("login-start-words", "starts when you log in").await;
    let text = std::fs::read_to_string(&entry).unwrap();
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_belfry")).with_file_name("belfry-desktop");
    assert!(text.contains(&format!("Exec=\"{}\" --resident\n", own.display())), "{text}");
    assert!(
        text.contains("Icon=app.belfry.Belfry\n") && text.contains("X-GNOME-Autostart-enabled=true\n"),
        "{text}"
    );
    let valid = Command::new("desktop-file-validate").arg(&entry).output().unwrap();
    assert!(valid.status.success(), "{valid:?}");
    page.picture(&stage, "login-start").await;

    // What a desktop's own settings write.
    std::fs::write(&entry, format!("{text}Hidden=true\n")).unwrap();
    let shown = page.invoke("login_start", json!({})).await.unwrap();
    assert_eq!(shown["on"], false, "{shown}");
    std::fs::write(&entry, &text).unwrap();
    assert_eq!(page.invoke("login_start", json!({})).await.unwrap()["on"], true);
    page.close().await;

    // The window is gone, and its resident; then a new session begins.
    for pid in stage.residents() {
        crate::stage::kill(pid);
    }
    stage.until("no resident runs", || stage.residents().is_empty().then_some(()));
    let exec = text.lines().find_map(|line| line.strip_prefix("Exec=")).unwrap().to_owned();
    let mut session = stage.desktop.command("sh");
    let session =
        session.args(["-c", &format!("exec {exec}")]).env_remove("BELFRY_HOME").env_remove("BELFRY_SECRETS");
    let mut started = Running(session.spawn().unwrap());
    stage.until_live().await;
    assert_eq!(stage.residents(), [started.pid()], "it has become the resident");
    let said = std::fs::read(format!("/proc/{}/cmdline", started.pid())).unwrap();
    assert!(said.ends_with(b"\0run\0--tray\0"), "{}", String::from_utf8_lossy(&said));
    assert!(started.is_running());

    let page = stage.open(&[]).await;
    page.click("nav-settings").await;
    page.until_says("login-start-words", "starts when you log in").await;
    page.click("login-start").await;
    page.until_says("login-start-words", "does not start by itself").await;
    assert!(!entry.exists());
    page.close().await;
}

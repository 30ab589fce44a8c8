//! Two programs: each may die without the other, and neither runs twice.

use std::process::Stdio;

use belfry_sandbox::Spec;
use serde_json::json;

use crate::page::row;
use crate::stage::{Running, Stage, kill};

impl Stage {
    /// Whether a window of Belfry's is on the screen.
    pub fn shown(&self) -> Option<()> {
        (!self.desktop.windows_called("^Inbox.*Belfry$").unwrap().is_empty()).then_some(())
    }

    fn active_window(&self) -> String {
        let mut active = self.desktop.command("xdotool");
        let output = active.args(["getactivewindow", "getwindowname"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_starts_a_resident_where_none_runs_and_leaves_it_behind() {
    let stage = Stage::signed_in().await;
    let page = stage.open(&[]).await;
    page.find("nav-inbox").await;
    stage.until_live().await;
    let residents = stage.residents();
    assert_eq!(residents.len(), 1);
    page.close().await;
    stage.until("the window is gone", || stage.windows().is_empty().then_some(()));
    assert_eq!(stage.residents(), residents);
    stage.notify(Spec::comment("after the window")).await;
    assert_eq!(stage.residents(), residents);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resident_killed_under_an_open_window_is_told_started_again_and_healed() {
    let (stage, mut resident) = Stage::live().await;
    let (_, before) = stage.notify(Spec::comment("before")).await;
    let page = stage.open(&[]).await;
    page.find_css(&row(before)).await;
    page.run(
        "window.bars = []; new MutationObserver(() => { const bar = document.querySelector('[data-testid=resident-bar]');
            if (bar) window.bars.push(bar.dataset.state); }).observe(document.body, { childList: true, subtree: true, attributes: true });",
        vec![],
    )
    .await;
    resident.kill();
    page.until("the page told it", "window.bars.length > 0").await;
    page.until("and that it is over", "!document.querySelector('[data-testid=resident-bar]')").await;
    stage.until("one resident runs", || (stage.residents().len() == 1).then_some(()));
    assert_ne!(stage.residents(), [resident.pid()]);
    stage.until_live().await;
    let (_, after) = stage.notify(Spec::comment("after")).await;
    page.until(
        "what came after is there",
        &format!(
            "document.querySelector('{}') || document.querySelector('[data-testid=new-bar]')",
            row(after)
        ),
    )
    .await;
    assert_eq!(page.invoke("overview", json!({})).await.unwrap()["unread"], 2);
    page.picture(&stage, "healed").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_window_leaves_the_resident_untouched() {
    let (stage, mut resident) = Stage::live().await;
    let page = stage.open(&[]).await;
    page.find("nav-inbox").await;
    let windows = stage.windows();
    assert_eq!(windows.len(), 1);
    kill(windows[0]);
    stage.until("the window is gone", || stage.windows().is_empty().then_some(()));
    assert!(resident.is_running());
    stage.notify(Spec::comment("after the window")).await;
    tokio::task::block_in_place(|| stage.desktop.wait_for_toast().unwrap());
    assert_eq!(stage.residents(), [resident.pid()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resident_that_was_stopped_on_purpose_takes_the_window_along() {
    let (stage, mut resident) = Stage::live().await;
    let page = stage.open(&[]).await;
    page.find("nav-inbox").await;
    assert_eq!(stage.windows().len(), 1);
    let asked = std::process::Command::new("kill").args(["-TERM", &resident.pid().to_string()]).status();
    assert!(asked.unwrap().success());
    stage.until("the resident has ended", || (!resident.is_running()).then_some(()));
    stage.until("the window has gone, too", || stage.windows().is_empty().then_some(()));
    assert!(stage.residents().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_raises_the_window_and_shows_what_it_was_asked_for() {
    let (stage, _resident) = Stage::live().await;
    let (_, id) = stage.notify(Spec::comment("Ada commented on Website relaunch")).await;
    let page = stage.open(&[]).await;
    page.find("row").await;
    // Something lies over it.
    let _other = Running(
        stage
            .desktop
            .command("xmessage")
            .args(["-geometry", "900x600", "over it"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|_| {
                stage
                    .desktop
                    .command("xev")
                    .stdout(Stdio::null())
                    .spawn()
                    .expect("xev is missing: install x11-utils")
            }),
    );
    stage.until("it is in front", || (!stage.active_window().contains("Belfry")).then_some(()));
    let second = |arguments: &[&str]| {
        let output = tokio::task::block_in_place(|| stage.window(arguments).output().unwrap());
        assert!(output.status.success(), "{output:?}");
    };
    second(&[]);
    stage.until("the window is in front", || stage.active_window().contains("Belfry").then_some(()));
    second(&["--at", &id.to_string()]);
    page.find_css(&format!("[data-testid=\"detail\"][data-id=\"{id}\"]")).await;
    assert_eq!(stage.windows().len(), 1);
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_window_is_back_at_once_when_it_is_wanted_soon_and_ends_when_it_is_not() {
    let (stage, mut resident) = Stage::live().await;
    let close = || {
        tokio::task::block_in_place(|| stage.desktop.key("alt+F4").unwrap());
        stage.until("the window is off the screen", || stage.shown().is_none().then_some(()));
    };
    let mut window = Running(stage.window(&[]).spawn().unwrap());
    stage.until("the window is shown", || stage.shown());
    stage.until("it is in front", || stage.active_window().contains("Belfry").then_some(()));
    close();
    assert!(window.is_running());
    let again = tokio::task::block_in_place(|| stage.window(&[]).output().unwrap());
    assert!(again.status.success(), "{again:?}");
    stage.until("the same window is back", || stage.shown());
    assert_eq!(stage.windows(), [window.pid()]);
    stage.until("it is in front", || stage.active_window().contains("Belfry").then_some(()));
    close();
    stage.until("its program has ended", || (!window.is_running()).then_some(()));
    assert!(resident.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_arguments_of_a_pretended_second_start_do_nothing() {
    let (stage, _resident) = Stage::live().await;
    let page = stage.open(&[]).await;
    page.find("nav-inbox").await;
    for argument in
        ["['x', '--at', 'javascript:alert(1)']", "['x', '--resident']", "['x', 'https://example.org/']", "[]"]
    {
        let mut pretend = stage.desktop.command("gdbus");
        pretend
            .args(["call", "--session", "-d", "app.belfry.Belfry.SingleInstance"])
            .args([
                "-o",
                "/app/belfry/Belfry/SingleInstance",
                "-m",
                "org.SingleInstance.DBus.ExecuteCallback",
            ])
            .args([argument, "/"]);
        let said = tokio::task::block_in_place(|| pretend.output().unwrap());
        assert!(said.status.success(), "{said:?}");
    }
    page.find("nav-inbox").await;
    assert_eq!(page.run("return document.querySelectorAll('[data-testid=detail]').length;", vec![]).await, 0);
    assert_eq!((stage.windows().len(), stage.residents().len()), (1, 1));
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_display_the_window_says_so() {
    let stage = Stage::empty().await;
    let mut window = stage.window(&[]);
    window.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    let output = tokio::task::block_in_place(|| window.output().unwrap());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no display") && said.contains("belfry inbox"), "{said}");
    let wrong = tokio::task::block_in_place(|| stage.window(&["--open", "x"]).output().unwrap());
    assert_eq!(wrong.status.code(), Some(1));
}

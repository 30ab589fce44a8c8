//! The inbox: what the service sends stands there, is marked read everywhere, and is opened from a toast.

use belfry_sandbox::Spec;
use serde_json::json;

use crate::page::row;
use crate::stage::{LIMIT, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_service_sends_stands_in_the_inbox_and_is_read_everywhere_at_once() {
    let (stage, _resident) = Stage::live().await;
    let (_, first) = stage.notify(Spec::comment("Ada commented on Website relaunch")).await;
    let page = stage.open(&[]).await;
    page.find_css(&row(first)).await;
    page.until_says("row", "Website relaunch").await;
    // What comes while the window is open.
    let (there, second) = stage.notify(Spec::comment("Grace commented on Budget")).await;
    page.until(
        "it is announced or shown",
        &format!(
            "document.querySelector('{}') || document.querySelector('[data-testid=new-bar]')",
            row(second)
        ),
    )
    .await;
    if page.run(&format!("return !document.querySelector('{}');", row(second)), vec![]).await == json!(true) {
        page.click("new-bar").await;
    }
    page.find_css(&row(second)).await;
    tokio::task::block_in_place(|| stage.desktop.wait_for_toast().unwrap());
    page.picture(&stage, "inbox").await;
    page.find_css(&row(second)).await.click().await.unwrap();
    page.until(
        "its detail",
        &format!("document.querySelector('[data-testid=detail][data-id=\"{second}\"]')"),
    )
    .await;
    page.until_says("detail-title", "Budget").await;
    page.picture(&stage, "detail").await;
    page.click("mark-read").await;
    stage.sandbox.podio().wait_for(|seen| seen.viewed.contains(&there), LIMIT).await.unwrap();
    page.find_css(&format!("{}[data-unread=\"false\"]", row(second))).await;
    assert_eq!(stage.json(&["show", &second.to_string(), "--json"])["read"], true);
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marking_read_in_the_window_withdraws_the_toast() {
    let (stage, _resident) = Stage::live().await;
    let page = stage.open(&[]).await;
    let (_, id) = stage.notify(Spec::comment("Ada commented on Website relaunch")).await;
    tokio::task::block_in_place(|| stage.desktop.wait_for_toast().unwrap());
    page.invoke("set_read", json!({"ids": [id], "read": true})).await.unwrap();
    tokio::task::block_in_place(|| stage.desktop.wait_for_no_toast().unwrap());
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_are_marked_at_once_and_that_is_taken_back() {
    let (stage, _resident) = Stage::live().await;
    let (first, _) = stage.notify(Spec::comment("one")).await;
    let (second, _) = stage.notify(Spec::comment("two")).await;
    let page = stage.open(&[]).await;
    page.find("row").await;
    page.click("mark-all").await;
    page.until("nothing is unread", "!document.querySelector('[data-testid=row][data-unread=true]')").await;
    page.click("undo").await;
    page.until(
        "both are unread",
        "document.querySelectorAll('[data-testid=row][data-unread=true]').length === 2",
    )
    .await;
    let podio = stage.sandbox.podio();
    let user = stage.sandbox.user().user_id;
    stage.until("Podio has both unread", || {
        let unread = podio.unread(user);
        (unread.contains(&first) && unread.contains(&second)).then_some(())
    });
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_opens_at_one_notification() {
    let (stage, _resident) = Stage::live().await;
    let (_, id) = stage.notify(Spec::comment("Ada commented on Website relaunch")).await;
    stage.notify(Spec::comment("Grace commented on Budget")).await;
    let page = stage.open(&["--at", &id.to_string()]).await;
    page.find_css(&format!("[data-testid=\"detail\"][data-id=\"{id}\"]")).await;
    page.until_says("detail-title", "Website relaunch").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_a_toast_opens_the_open_window_at_it_when_set_so() {
    let (stage, _resident) = Stage::live().await;
    stage.json(&["settings", "--click", "window", "--json"]);
    let page = stage.open(&[]).await;
    page.find("nav-inbox").await;
    let (_, id) = stage.notify(Spec::comment("Ada commented on Website relaunch")).await;
    tokio::task::block_in_place(|| stage.desktop.click_toast().unwrap());
    page.find_css(&format!("[data-testid=\"detail\"][data-id=\"{id}\"]")).await;
    page.picture(&stage, "opened-by-toast").await;
    assert!(stage.desktop.opened().unwrap().is_empty(), "no browser");
    assert_eq!(stage.windows().len(), 1, "the second start has ended");
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_a_toast_opens_a_window_where_there_is_none() {
    let (stage, _resident) = Stage::live().await;
    stage.json(&["settings", "--click", "window", "--json"]);
    stage.notify(Spec::comment("Ada commented on Website relaunch")).await;
    tokio::task::block_in_place(|| stage.desktop.click_toast().unwrap());
    stage.until("the window is on the screen", || stage.shown());
    stage.picture("window-by-toast");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_goes_to_the_browser_by_number_and_not_a_hundred_times() {
    let (stage, _resident) = Stage::live().await;
    let (_, id) = stage.notify(Spec::comment("Ada commented on Website relaunch")).await;
    let page = stage.open(&[]).await;
    page.find_css(&row(id)).await.click().await.unwrap();
    page.click("open").await;
    let opened = tokio::task::block_in_place(|| stage.desktop.wait_for_opened(1).unwrap());
    assert!(opened[0].url.starts_with("http"), "{opened:?}");
    let mut refused = 0;
    for _ in 0..8 {
        refused += usize::from(page.invoke("open", json!({"id": id})).await.is_err());
    }
    assert!(refused > 0, "eight at once went through");
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_run_with_the_demo_fills_the_inbox_without_a_network() {
    let stage = Stage::empty().await;
    let page = stage.open(&[]).await;
    page.find("first-run").await;
    page.click("try-demo").await;
    page.find("row").await;
    tokio::task::block_in_place(|| stage.desktop.wait_for_toast().unwrap());
    page.until("rows that are unread", "document.querySelector('[data-testid=row][data-unread=true]')").await;
    page.picture(&stage, "demo").await;
    page.click("nav-accounts").await;
    page.find_css("[data-testid=\"account\"][data-state=\"live\"]").await;
    assert_eq!(stage.sandbox.podio().observed().request_count, 0, "nobody was asked");
    page.close().await;
}

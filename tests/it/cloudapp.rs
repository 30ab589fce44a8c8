//! CloudApp's item stream, end to end: what happens to an item is one row, one toast and one click, whatever the way it was heard of.

use std::collections::BTreeSet;

use belfry::notification::{Icon, Kind};
use belfry::toast::{Toast, ToastEvent};
use belfry_sandbox::Side;
use belfry_sandbox::cloudapp::ItemType;
use serde_json::{Value, json};

use crate::cloudapp_stage::{ADA, BEN, Drops};
use crate::stage::LIMIT;

fn keys(toasts: &[Toast]) -> BTreeSet<String> {
    toasts.iter().map(|toast| toast.key.0.clone()).collect()
}

/// An item as the service would tell it, with times of its own.
fn told(id: u64, name: &str, views: u64, second: u64) -> Value {
    let at = |second: u64| format!("2026-11-20T10:00:{second:02}Z");
    json!({
        "href": format!("http://drops.example/items/{id}"), "name": name, "private": true, "url": format!("http://cl.ly/{id}"),
        "item_type": "image", "view_counter": views, "created_at": at(0), "updated_at": at(second), "deleted_at": null
    })
}

// ── what is pushed ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn an_item_that_goes_up_is_a_row_a_toast_and_a_click() {
    let drops = Drops::live().await;
    let there = drops.there();
    let href = there.upload(ADA, "plan.pdf", ItemType::Archive);
    let row = drops.until_kept(1).await.remove(0);
    let notification = &row.notification;
    assert_eq!((notification.title.as_str(), notification.icon), ("Ada's plan.pdf is up", Icon::Archive));
    assert_eq!((&notification.kind, notification.body.as_str()), (&Kind::Creation, "Archive · private"));
    let toast = drops.until_shown(1).await.remove(0);
    assert_eq!((toast.title.as_str(), toast.icon), ("Ada's plan.pdf is up", Icon::Archive));
    drops.until_settled().await;
    assert_eq!(drops.desk().why(row.id).await.unwrap().outcome, "shown");

    assert!(drops.toaster.happen(ToastEvent::Clicked { key: toast.key, token: None }).await);
    let read = async || drops.kept().await[0].notification.read.then_some(());
    drops.until("it is opened and read", LIMIT, read).await;
    let page = there.item(&href).unwrap()["url"].as_str().unwrap().to_owned();
    assert_eq!(drops.desk().open(row.id, None).await.unwrap().url, page);
}

#[tokio::test]
async fn each_later_change_takes_the_place_of_row_and_toast() {
    let drops = Drops::live().await;
    let there = drops.there();
    let href = there.upload(ADA, "plan.pdf", ItemType::Text);
    let first = drops.until_kept(1).await.remove(0);
    drops.until_shown(1).await;
    drops.until_settled().await;

    there.rename(&href, "plan-2.pdf").unwrap();
    let renamed = drops.until_titled("Ada's plan.pdf was renamed to plan-2.pdf").await;
    assert_eq!((renamed.id, &renamed.notification.kind), (first.id, &Kind::Update));
    let toasts = drops.until_shown(2).await;
    assert_eq!(toasts[1].title, "Ada's plan.pdf was renamed to plan-2.pdf");
    drops.until_settled().await;

    there.set_private(&href, false).unwrap();
    drops.until_titled("Ada's plan-2.pdf is public now").await;
    drops.until_shown(3).await;
    drops.until_settled().await;

    there.delete(&href).unwrap();
    let gone = drops.until_titled("Ada's plan-2.pdf was deleted").await;
    assert_eq!((gone.id, &gone.notification.kind), (first.id, &Kind::Delete));
    let toasts = drops.until_shown(4).await;
    assert_eq!(keys(&toasts).len(), 1, "each takes the place of the one before: {toasts:?}");
    assert_eq!(drops.kept().await.len(), 1);
}

#[tokio::test]
async fn a_bookmark_without_a_name_is_called_by_where_it_leads() {
    let drops = Drops::live().await;
    drops.there().bookmark(ADA, None, "https://example.com/a");
    let row = drops.until_titled("Ada's https://example.com/a is up").await;
    assert_eq!(row.notification.icon, Icon::Bookmark);
    let details = serde_json::to_value(drops.desk().parts(row.id).await.unwrap()).unwrap().to_string();
    for part in ["\"https://example.com/a\"", "Bookmark", "Belfry sandbox", "Those who know its address"] {
        assert!(details.contains(part), "{part} is not in {details}");
    }
}

#[tokio::test]
async fn a_look_more_is_quiet_and_says_why() {
    let drops = Drops::live().await;
    let there = drops.there();
    let href = there.upload(ADA, "plan.pdf", ItemType::Image);
    // Right behind it, while its toast may be waiting still: that one is told all the same.
    there.view(&href).unwrap();
    drops.until_shown(1).await;
    drops.until_settled().await;
    there.view(&href).unwrap();
    drops
        .until("it counts two views", LIMIT, async || {
            drops.kept().await[0].notification.body.contains("2 views").then_some(())
        })
        .await;
    let row = drops.kept().await.remove(0);
    assert_eq!(row.notification.title, "Ada's plan.pdf is up");
    let why = drops.desk().why(row.id).await.unwrap();
    assert_eq!(why.outcome, "shown");
    assert!(why.story.iter().any(|line| line.contains("Only how often it was seen")), "{:?}", why.story);
    assert_eq!(drops.toaster.shown().len(), 1);
}

#[tokio::test]
async fn a_look_more_does_not_silence_what_waits_to_be_told() {
    let drops = Drops::live().await;
    let there = drops.there();
    let until = drops.env.clock.now() + jiff::SignedDuration::from_hours(1);
    drops.desk().pause_toasts(Some(until)).await.unwrap();
    let href = there.upload(ADA, "plan.pdf", ItemType::Image);
    drops.until_kept(1).await;
    drops.until_settled().await;
    there.view(&href).unwrap();
    let seen = async || drops.kept().await[0].notification.body.contains("1 view").then_some(());
    drops.until("it counts a view", LIMIT, seen).await;
    drops.desk().pause_toasts(None).await.unwrap();
    assert_eq!(drops.until_shown(1).await[0].title, "Ada's plan.pdf is up");
}

#[tokio::test]
async fn a_storm_of_five_hundred_views_is_no_toast_and_no_row() {
    let drops = Drops::live().await;
    let there = drops.there();
    let href = there.upload(ADA, "viral.gif", ItemType::Image);
    drops.until_shown(1).await;
    drops.until_settled().await;
    for _ in 0..500 {
        there.view(&href).unwrap();
    }
    drops
        .until("it counts all views", LIMIT, async || {
            drops.kept().await[0].notification.body.contains("500 views").then_some(())
        })
        .await;
    drops.until_settled().await;
    assert_eq!((drops.kept().await.len(), drops.toaster.shown().len()), (1, 1));
}

#[tokio::test]
async fn duplicates_and_a_wrong_order_change_nothing() {
    let drops = Drops::live().await;
    let there = drops.there();
    // The newest comes first, and each twice.
    for (name, views, second) in [("c.png", 0, 5), ("b.png", 0, 3), ("a.png", 0, 0)] {
        let event = if second == 0 { "create" } else { "update" };
        for _ in 0..2 {
            there.push(ADA, event, &told(9, name, views, second));
        }
    }
    // What comes behind shows that all of it was heard.
    there.upload(ADA, "last.png", ItemType::Image);
    drops.until_titled("Ada's last.png is up").await;
    drops.until_settled().await;
    assert_eq!(drops.titles().await, ["Ada's c.png is up", "Ada's last.png is up"]);
    let toasts = drops.toaster.shown();
    assert_eq!(toasts.len(), 2, "{toasts:?}");

    // What was deleted stays so, whatever comes late; and what was recovered is back.
    let mut gone = told(9, "c.png", 0, 7);
    gone["deleted_at"] = gone["updated_at"].clone();
    there.push(ADA, "delete", &gone);
    drops.until_titled("Ada's c.png was deleted").await;
    // Told before the next change comes: that one would take its place.
    drops.until_shown(3).await;
    there.push(ADA, "update", &told(9, "c.png", 0, 7));
    there.push(ADA, "delete", &gone);
    there.push(ADA, "create", &told(9, "a.png", 0, 0));
    there.push(ADA, "update", &told(9, "c.png", 0, 8));
    drops.until_titled("Ada's c.png is back").await;
    drops.until_settled().await;
    assert_eq!(drops.kept().await.len(), 2);
    assert_eq!(drops.toaster.shown().len(), 4, "{:?}", drops.toaster.shown());
}

#[tokio::test]
async fn odd_events_are_passed_over_and_the_next_one_is_heard() {
    let drops = Drops::live().await;
    let there = drops.there();
    for odd in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"name": "nobody's"}),
        json!({"href": "http://drops.example/"}),
    ] {
        there.push(ADA, "create", &odd);
        there.push(ADA, "delete", &odd);
    }
    there.push(ADA, "moon-landing", &told(5, "crater.png", 0, 0));
    there.push(
        ADA,
        "create",
        &json!({"href": "http://drops.example/items/8", "name": "<b>\u{202e}x</b>", "item_type": 5}),
    );
    drops.until_titled("Ada's <b>x</b> is up").await;
    assert_eq!(drops.kept().await.len(), 1);
}

// ── what was missed ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn what_lay_there_before_is_taken_in_and_not_told() {
    let drops = Drops::empty().await;
    let there = drops.there();
    for n in 0..120 {
        there.upload(ADA, &format!("{n}.png"), ItemType::Image);
    }
    drops.sign_in(ADA).await.unwrap();
    drops.until_live().await;
    drops.until_settled().await;
    let kept = drops.kept().await;
    assert_eq!(kept.len(), 100, "the newest hundred");
    assert!(kept.iter().any(|row| row.notification.title == "Ada's 119.png is up"));
    assert!(drops.toaster.shown().is_empty());
}

#[tokio::test]
async fn what_happened_while_belfry_was_off_is_caught_up_page_by_page() {
    let mut drops = Drops::live().await;
    let there = drops.there();
    let href = there.upload(ADA, "old.png", ItemType::Image);
    drops.until_shown(1).await;
    drops.until_settled().await;
    drops.stop().await;
    for n in 0..130 {
        there.upload(ADA, &format!("{n}.png"), ItemType::Image);
    }
    there.rename(&href, "new.png").unwrap();
    there.forget_observed();
    drops.start().await;
    drops.until_live().await;
    assert_eq!(drops.kept().await.len(), 131);
    drops.until_titled("Ada's old.png was renamed to new.png").await;
    let toasts = drops.until_shown(1).await;
    drops.until_settled().await;
    assert_eq!(drops.toaster.shown().len(), 1, "one summary: {toasts:?}");
    let calls = there.observed().calls("GET", "/items");
    assert!((4..=6).contains(&calls), "{calls} calls for three pages, the end and the trash");

    // Nothing is told twice, and it costs next to nothing.
    drops.stop().await;
    there.forget_observed();
    drops.start().await;
    drops.until_live().await;
    drops.until_settled().await;
    assert_eq!((drops.kept().await.len(), drops.toaster.shown().len()), (131, 0));
    assert!(there.observed().calls("GET", "/items") <= 3);
}

#[tokio::test]
async fn what_was_deleted_meanwhile_is_found_in_the_trash_and_by_comparison() {
    let mut drops = Drops::live().await;
    let there = drops.there();
    let hrefs: Vec<String> =
        ["a", "b", "c"].map(|name| there.upload(ADA, name, ItemType::Text)).into_iter().collect();
    drops.until_kept(3).await;
    drops.until_settled().await;
    drops.stop().await;
    there.delete(&hrefs[0]).unwrap();
    // In no list at all any more.
    there.purge(&hrefs[1]).unwrap();
    drops.start().await;
    drops.until_live().await;
    assert_eq!(drops.titles().await, ["Ada's a was deleted", "Ada's b was deleted", "Ada's c is up"]);

    // And once is enough.
    drops.until_settled().await;
    drops.stop().await;
    drops.start().await;
    drops.until_live().await;
    drops.until_settled().await;
    assert_eq!(drops.titles().await, ["Ada's a was deleted", "Ada's b was deleted", "Ada's c is up"]);
    assert!(drops.toaster.shown().is_empty(), "{:?}", drops.toaster.shown());
}

#[tokio::test]
async fn an_empty_answer_does_not_mean_that_everything_was_deleted() {
    let mut drops = Drops::live().await;
    let there = drops.there();
    there.upload(ADA, "a", ItemType::Text);
    drops.until_kept(1).await;
    drops.stop().await;
    let nothing = belfry_sandbox::Fault {
        path: "/items".into(),
        times: 9,
        answer: belfry_sandbox::Answer::Json(json!([])),
    };
    there.fault(nothing);
    drops.start().await;
    drops.until_live().await;
    assert_eq!(drops.titles().await, ["Ada's a is up"]);
}

#[tokio::test]
async fn what_goes_up_while_belfry_catches_up_is_told_once() {
    let mut drops = Drops::live().await;
    let there = drops.there();
    drops.stop().await;
    let slow = belfry_sandbox::Answer::Late { ms: 700 };
    there.fault(belfry_sandbox::Fault { path: "/items".into(), times: 1, answer: slow });
    drops.start().await;
    drops.until_state("catching up", |state| matches!(state, belfry::link::LinkState::CatchingUp)).await;
    let href = there.upload(ADA, "now.png", ItemType::Image);
    there.push_again(&href, "create").unwrap();
    drops.until_live().await;
    drops.until_shown(1).await;
    there.upload(ADA, "then.png", ItemType::Image);
    drops.until_titled("Ada's then.png is up").await;
    drops.until_shown(2).await;
    drops.until_settled().await;
    assert_eq!((drops.kept().await.len(), drops.toaster.shown().len()), (2, 2));
}

#[tokio::test]
async fn a_new_socket_id_is_authorised_anew_and_what_came_in_between_is_not_lost() {
    let drops = Drops::live().await;
    let there = drops.there();
    let before = there.observed().authorized;
    assert_eq!(before.len(), 1, "{before:?}");
    drops.sandbox.close(Side::Pusher).await;
    drops.until_state("not live", |state| !matches!(state, belfry::link::LinkState::Live)).await;
    there.upload(ADA, "unheard.png", ItemType::Image);
    drops.sandbox.reopen(Side::Pusher).await.unwrap();
    drops.until_live().await;
    drops.until_titled("Ada's unheard.png is up").await;
    let after = there.observed().authorized;
    assert_eq!(after.len(), 2, "{after:?}");
    assert_ne!(before[0].1, after[1].1, "the right belongs to another socket");

    there.upload(ADA, "heard.png", ItemType::Image);
    drops.until_titled("Ada's heard.png is up").await;
}

// ── two accounts ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn two_accounts_on_one_server_share_nothing() {
    let drops = Drops::live().await;
    let there = drops.there();
    let ben = drops.sign_in(BEN).await.unwrap();
    drops
        .until("both are live", LIMIT, async || {
            let accounts = drops.desk().accounts().await.unwrap();
            let live = |state: &belfry::link::LinkState| matches!(state, belfry::link::LinkState::Live);
            accounts.iter().all(|account| live(&account.state)).then_some(())
        })
        .await;
    assert!(drops.sign_in(BEN).await.is_err(), "one person is one account");
    there.upload(ADA, "ada.png", ItemType::Image);
    there.upload(BEN, "ben.png", ItemType::Image);
    let rows = drops.until_kept(2).await;
    drops.until_shown(2).await;
    let titles: BTreeSet<(String, &str)> = rows
        .iter()
        .map(|row| (row.notification.account.to_string(), row.notification.title.as_str()))
        .collect();
    let expected = [("cloudapp".to_owned(), "Ada's ada.png is up"), (ben.to_string(), "Ben's ben.png is up")];
    assert_eq!(titles, expected.into_iter().collect());
    // Each has a channel of its own, and asks for its own only.
    let channels: BTreeSet<String> =
        there.observed().authorized.into_iter().map(|(channel, _)| channel).collect();
    assert_eq!(channels, ["private-items_1", "private-items_2"].map(ToOwned::to_owned).into_iter().collect());
    assert_eq!(there.observed().refused_channels, 0);
    assert_eq!(there.observed().replays, 0, "no nonce is counted twice");
}

//! A click on a toast: to the service or to the window, as the person chose and as there is one.

use std::time::Duration;

use belfry::engine::views::Settings;
use belfry::env::window::At;
use belfry::link::LinkState;
use belfry::notification::NotificationId;
use belfry::rule::ClickTo;
use belfry::toast::ToastEvent;
use belfry_sandbox::Spec;
use tokio::time::timeout;

use crate::stage::{LIMIT, Stage};

async fn live_with_window(click: ClickTo) -> Stage {
    let stage = Stage::live().await.with_window().await;
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    stage.desk().set_settings(Settings { click, ..Settings::default() }).await.unwrap();
    stage
}

/// Pushes so many, clicks the toast that tells of them, and gives the rows.
async fn clicked(stage: &Stage, count: usize) -> Vec<NotificationId> {
    let user = stage.sandbox.user().user_id;
    if count > 1 {
        // Told together at the end of a pause.
        let until = stage.env.clock.now() + jiff::SignedDuration::from_hours(1);
        stage.desk().pause_toasts(Some(until)).await.unwrap();
    }
    for n in 0..count {
        stage.sandbox.podio().notify(user, Spec::comment(&format!("number {n}")));
    }
    let rows = stage.until_kept(count).await.into_iter().map(|entry| entry.id).collect();
    stage.until_settled().await;
    if count > 1 {
        stage.desk().pause_toasts(None).await.unwrap();
    }
    let key = stage.until_shown(1).await.remove(0).key;
    stage
        .until("it is told", LIMIT, async || {
            let why = stage.desk().why(stage.kept().await[0].id).await.unwrap();
            (why.outcome == "shown").then_some(())
        })
        .await;
    assert!(stage.toaster.happen(ToastEvent::Clicked { key, token: Some("token".into()) }).await);
    rows
}

#[tokio::test]
async fn a_click_opens_the_window_at_that_notification_when_so_set() {
    let mut stage = live_with_window(ClickTo::Window).await;
    let rows = clicked(&stage, 1).await;
    let told = timeout(LIMIT, stage.window.as_mut().unwrap().recv()).await.unwrap();
    assert_eq!(told, Some((At::Notification(rows[0]), Some("token".into()))));
    stage.until("it is read", LIMIT, async || stage.kept().await[0].notification.read.then_some(())).await;
}

#[tokio::test]
async fn a_click_on_a_summary_opens_the_windows_inbox_and_marks_nothing() {
    let mut stage = live_with_window(ClickTo::Service).await;
    clicked(&stage, 3).await;
    let told = timeout(LIMIT, stage.window.as_mut().unwrap().recv()).await.unwrap();
    assert_eq!(told, Some((At::Inbox, Some("token".into()))));
    assert_eq!(stage.desk().overview().await.unwrap().unread, 3, "nobody has seen them yet");
}

#[tokio::test]
async fn a_click_leads_to_the_service_otherwise() {
    let mut stage = live_with_window(ClickTo::Service).await;
    clicked(&stage, 1).await;
    stage
        .until("it is opened and read", LIMIT, async || stage.kept().await[0].notification.read.then_some(()))
        .await;
    let nothing = timeout(Duration::ZERO, stage.window.as_mut().unwrap().recv()).await;
    assert!(nothing.is_err(), "the window is left alone: {nothing:?}");
}

#[tokio::test]
async fn without_a_window_a_click_leads_to_the_service_whatever_was_chosen() {
    let stage = Stage::live().await;
    stage.desk().set_settings(Settings { click: ClickTo::Window, ..Settings::default() }).await.unwrap();
    clicked(&stage, 1).await;
    stage
        .until("it is opened and read", LIMIT, async || stage.kept().await[0].notification.read.then_some(()))
        .await;
}

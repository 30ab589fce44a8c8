//! The promises that hold whatever the service: nothing lost, nothing twice, never silently dead. The same tests over every source.
//!
//! A Pusher feed has no past: what the server sent while nobody listened is nowhere. So the tests of what is caught up are not for it.
//! A webhook has only what the relay keeps, and no lists that could be asked.

use std::collections::BTreeSet;
use std::time::Duration;

use belfry::env::SecretName;
use belfry::link::LinkState;
use belfry_sandbox::{Answer, Mode};
use jiff::SignedDuration;

use crate::stage::{Bell, LIMIT, Stage};

/// Declares each of these tests for each of these services.
macro_rules! over {
    ($tests:tt $($service:ident = $bell:expr;)*) => {
        $(mod $service {
            use crate::stage::Bell;
            over!(@each $bell, $tests);
        })*
    };
    (@each $bell:expr, [$($test:ident)*]) => {
        $(#[tokio::test]
        async fn $test() {
            super::super::$test($bell).await;
        })*
    };
}

mod every {
    over! {
        [
            a_push_becomes_one_row_and_one_toast
            the_same_push_twice_is_one_row_and_one_toast
            a_server_that_is_gone_is_shown_and_found_again
            a_half_open_link_is_noticed_within_45_seconds
            a_clock_that_jumps_breaks_nothing
            a_removed_account_leaves_no_row_no_secret_and_no_connection
            a_paused_account_is_off_and_live_again_when_resumed
        ]
        podio = Bell::Podio;
        cloudapp = Bell::Cloudapp;
        pusher = Bell::Pusher;
        podium = Bell::Podium;
        webhook = Bell::Webhook;
    }
}

mod with_a_past {
    over! {
        [
            catch_up_and_replay_of_the_same_give_one
            what_happened_while_belfry_was_off_is_caught_up
            what_happened_while_the_server_was_gone_or_belfry_paused_is_caught_up
            a_flapping_path_loses_nothing_and_tells_nothing_twice
        ]
        podio = Bell::Podio;
        cloudapp = Bell::Cloudapp;
        podium = Bell::Podium;
        webhook = Bell::Webhook;
    }
}

mod with_lists {
    over! {
        [
            what_lay_there_before_the_account_was_added_is_kept_quietly
            a_catch_up_that_fails_keeps_the_link_from_being_live
            a_live_event_during_catch_up_loses_nothing_and_moves_no_cursor
        ]
        podio = Bell::Podio;
        cloudapp = Bell::Cloudapp;
        podium = Bell::Podium;
    }
}

async fn until_live(stage: &Stage) {
    stage.until_live().await;
}

async fn a_push_becomes_one_row_and_one_toast(bell: Bell) {
    let stage = Stage::live_at(bell).await;
    stage.happens("Website relaunch.png");
    let kept = stage.until_kept(1).await;
    let toasts = stage.until_shown(1).await;
    assert_eq!((kept.len(), toasts.len()), (1, 1));
    assert!(toasts[0].title.contains("Website relaunch.png"), "{toasts:?}");
    stage.until_settled().await;
    assert_eq!(stage.desk().why(kept[0].id).await.unwrap().outcome, "shown");
}

async fn the_same_push_twice_is_one_row_and_one_toast(bell: Bell) {
    let stage = Stage::live_at(bell).await;
    stage.pushes_come_twice();
    stage.happens("said once");
    stage.until_shown(1).await;
    stage.happens("said later");
    assert_eq!(stage.until_shown(2).await.len(), 2);
    stage.until_settled().await;
    assert_eq!((stage.kept().await.len(), stage.toaster.shown().len()), (2, 2));
}

async fn catch_up_and_replay_of_the_same_give_one(bell: Bell) {
    let mut stage = Stage::live_at(bell).await;
    stage.pushes_come_twice();
    stage.happens("said once");
    stage.until_shown(1).await;
    stage.stop().await;
    stage.start().await;
    until_live(&stage).await;
    stage.happens("said later");
    let kept = stage.until_kept(2).await;
    let toasts = stage.until_shown(1).await;
    stage.until_settled().await;
    assert_eq!((kept.len(), toasts.len()), (2, 1), "only the new one: {toasts:?}");
    assert!(toasts[0].title.to_lowercase().contains("said later"), "{toasts:?}");
}

async fn what_happened_while_belfry_was_off_is_caught_up(bell: Bell) {
    let mut stage = Stage::live_at(bell).await;
    stage.happens("before");
    stage.until_kept(1).await;
    stage.until_settled().await;
    stage.stop().await;
    for n in 0..120 {
        stage.happens(&format!("meanwhile {n}"));
    }
    stage.until_sent().await;
    stage.start().await;
    let kept = stage.until_kept(121).await;
    assert_eq!(kept.len(), 121);
    let toasts = stage.until_shown(1).await;
    stage.until_settled().await;
    assert_eq!(toasts.len(), 1, "one summary: {toasts:?}");
    assert_eq!(stage.toaster.shown().len(), 1);
    assert!(toasts[0].title.starts_with("120 new in "), "{toasts:?}");
}

async fn what_lay_there_before_the_account_was_added_is_kept_quietly(bell: Bell) {
    let stage = Stage::empty_at(bell).await;
    stage.happened("old news");
    stage.sign_in().await.unwrap();
    let kept = stage.until_kept(1).await;
    stage.until_settled().await;
    let why = stage.desk().why(kept[0].id).await.unwrap();
    assert_eq!((why.outcome.as_str(), why.reason.as_deref()), ("quiet", Some("before-belfry")));
    assert!(stage.toaster.shown().is_empty());
}

async fn a_catch_up_that_fails_keeps_the_link_from_being_live(bell: Bell) {
    let mut stage = Stage::live_at(bell).await;
    stage.stop().await;
    stage.happens_unheard("only the list has it");
    stage.lists_answer(2, Answer::Status(503));
    stage.start().await;
    stage.until_state("waiting", |state| matches!(state, LinkState::Waiting { .. })).await;
    until_live(&stage).await;
    assert_eq!(stage.kept().await.len(), 1);
}

async fn a_live_event_during_catch_up_loses_nothing_and_moves_no_cursor(bell: Bell) {
    let mut stage = Stage::live_at(bell).await;
    stage.stop().await;
    for n in 0..3 {
        stage.happens_unheard(&format!("missed {n}"));
    }
    // Taken, and never answered.
    stage.lists_answer(1, Answer::Silence);
    stage.start().await;
    stage.until_state("catching up", |state| matches!(state, LinkState::CatchingUp)).await;
    stage.until_lists_are_asked().await;
    stage.happens("live");
    // Killed in the middle: the live event must not have moved the cursor past the three.
    stage.crash();
    stage.start().await;
    let kept = stage.until_kept(4).await;
    assert_eq!(kept.len(), 4);
}

async fn a_server_that_is_gone_is_shown_and_found_again(bell: Bell) {
    let stage = Stage::live_at(bell).await;
    gone_and_back(&stage, || ()).await;
    stage.happens("after it came back");
    stage.until_kept(1).await;
}

/// Both sides of the service go; something happens; both come back.
async fn gone_and_back(stage: &Stage, meanwhile: impl FnOnce()) {
    stage.close_all().await;
    let state = stage.until_state("waiting", |state| matches!(state, LinkState::Waiting { .. })).await;
    assert!(state.reason().is_some_and(|reason| reason.len() > 10), "{state:?}");
    stage.sandbox.podio().drop_push_sessions();
    meanwhile();
    stage.reopen_all().await;
    until_live(stage).await;
}

async fn what_happened_while_the_server_was_gone_or_belfry_paused_is_caught_up(bell: Bell) {
    let stage = Stage::live_at(bell).await;
    gone_and_back(&stage, || stage.happens("in the meantime")).await;
    stage.until_kept(1).await;
    stage.desk().set_paused(stage.account(), true).await.unwrap();
    stage.happens("during the pause");
    stage.desk().set_paused(stage.account(), false).await.unwrap();
    stage.until_kept(2).await;
}

async fn a_half_open_link_is_noticed_within_45_seconds(bell: Bell) {
    let (stage, wire) = Stage::empty_at(bell).await.wired().await;
    stage.sign_in().await.unwrap();
    until_live(&stage).await;
    let stalled = tokio::time::Instant::now();
    wire.set(Mode::Stall);
    stage
        .until("the silence is noticed", Duration::from_secs(60), async || {
            (!matches!(stage.state().await, LinkState::Live)).then_some(())
        })
        .await;
    let noticed = stalled.elapsed();
    println!("a half-open link was noticed after {noticed:?}");
    assert!(noticed <= Duration::from_secs(45), "{noticed:?}");
    if bell.has_a_past() {
        stage.happens("unheard at first");
    }
    wire.set(Mode::Pass);
    until_live(&stage).await;
    stage.happens("heard");
    let kept = stage.until_kept(if bell.has_a_past() { 2 } else { 1 }).await;
    assert!(kept.iter().any(|entry| entry.notification.title.contains("heard")));
}

async fn a_flapping_path_loses_nothing_and_tells_nothing_twice(bell: Bell) {
    let (stage, wire) = Stage::empty_at(bell).await.wired().await;
    stage.sign_in().await.unwrap();
    until_live(&stage).await;
    for round in 0..8 {
        stage.happens(&format!("up {round}."));
        wire.set(Mode::Cut);
        stage.happens(&format!("down {round}."));
        if round % 2 == 0 {
            // Every other time it is noticed before the path is there again.
            stage.until_state("down", |state| !matches!(state, LinkState::Live)).await;
        }
        wire.set(Mode::Pass);
        if round % 3 == 0 {
            until_live(&stage).await;
        }
    }
    let kept = stage
        .until("all are kept", LIMIT * 2, async || Some(stage.kept().await).filter(|kept| kept.len() >= 16))
        .await;
    until_live(&stage).await;
    stage.until_settled().await;
    let titles: BTreeSet<_> = kept.iter().map(|entry| entry.notification.title.clone()).collect();
    assert_eq!((kept.len(), titles.len()), (16, 16), "{titles:?}");
    let shown = stage.toaster.shown();
    let ones: Vec<_> = shown.iter().filter(|toast| titles.contains(&toast.title)).collect();
    let distinct: BTreeSet<_> = ones.iter().map(|toast| &toast.title).collect();
    assert_eq!(ones.len(), distinct.len(), "told twice: {shown:?}");
}

async fn a_clock_that_jumps_breaks_nothing(bell: Bell) {
    let stage = Stage::live_at(bell).await;
    stage.env.clock.jump(SignedDuration::from_hours(9));
    stage.happens("nine hours later by the wall");
    stage.until_kept(1).await;
    stage.env.clock.jump(SignedDuration::from_hours(-48));
    stage.happens("and two days back");
    stage.until_kept(2).await;
    stage.restart_push().await;
    if !bell.has_a_past() {
        // It has no past: what is sent before the link is live again is lost.
        stage.until_state("down", |state| !matches!(state, LinkState::Live)).await;
        until_live(&stage).await;
    }
    stage.happens("still here");
    stage.until_kept(3).await;
}

async fn a_removed_account_leaves_no_row_no_secret_and_no_connection(bell: Bell) {
    let stage = Stage::live_at(bell).await;
    stage.happens("soon gone");
    stage.until_kept(1).await;
    stage.desk().remove_account(stage.account()).await.unwrap();
    assert!(stage.kept().await.is_empty());
    for name in SecretName::ALL {
        assert!(stage.env.secrets.get(&stage.account(), name).await.unwrap().is_none(), "{name:?}");
    }
    stage.sandbox.podio().wait_for(|seen| seen.held_connects == 0, LIMIT).await.unwrap();
    stage.sandbox.pusher().wait_for(|seen| seen.open.is_empty(), LIMIT).await.unwrap();
    assert!(stage.sandbox.podium().webhooks().is_empty(), "its webhook is deleted there");
}

async fn a_paused_account_is_off_and_live_again_when_resumed(bell: Bell) {
    let stage = Stage::live_at(bell).await;
    stage.desk().set_paused(stage.account(), true).await.unwrap();
    assert_eq!(stage.state().await, LinkState::Off);
    stage.desk().set_paused(stage.account(), false).await.unwrap();
    until_live(&stage).await;
    stage.happens("heard again");
    stage.until_kept(1).await;
}

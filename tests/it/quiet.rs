//! Quiet: what a pause and quiet hours keep from the screen is kept, explained, and told once when the quiet is over.

use belfry::engine::views::{Settings, Why};
use belfry::link::LinkState;
use belfry::rule::{QuietHours, Weekday};
use belfry_sandbox::Spec;
use jiff::SignedDuration;

use crate::stage::{LIMIT, Stage};

/// Quiet at all times.
fn always() -> Settings {
    let midnight = "00:00".parse().unwrap();
    let quiet = QuietHours { on: true, days: Weekday::ALL.to_vec(), from: midnight, until: midnight };
    Settings { quiet, ..Settings::default() }
}

async fn push(stage: &Stage, count: usize) {
    for n in 0..count {
        stage.sandbox.podio().notify(stage.sandbox.user().user_id, Spec::comment(&format!("number {n}")));
    }
    stage.until_kept(count).await;
    stage.until_settled().await;
}

async fn fates(stage: &Stage) -> Vec<Why> {
    let mut fates = Vec::new();
    for entry in stage.kept().await {
        fates.push(stage.desk().why(entry.id).await.unwrap());
    }
    fates
}

async fn restart(stage: &mut Stage) {
    stage.start().await;
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
}

#[tokio::test]
async fn quiet_hours_keep_a_toast_quiet_and_say_why() {
    let stage = Stage::live().await;
    stage.desk().set_settings(always()).await.unwrap();
    push(&stage, 1).await;
    let why = fates(&stage).await.remove(0);
    assert_eq!((why.outcome.as_str(), why.reason.as_deref()), ("quiet", Some("quiet-hours")));
    let sentence = "It came during your quiet hours (00:00–00:00).".to_owned();
    assert!(why.story.contains(&sentence), "{why:?}");
    assert!(why.story.contains(&"It will be told when toasts are raised again.".to_owned()), "{why:?}");
    assert!(stage.toaster.shown().is_empty());

    // A pause is told first.
    let until = stage.env.clock.now() + SignedDuration::from_hours(1);
    stage.desk().pause_toasts(Some(until)).await.unwrap();
    stage.sandbox.podio().notify(stage.sandbox.user().user_id, Spec::comment("paused"));
    let second = stage.until_kept(2).await.remove(1);
    stage.until_settled().await;
    assert_eq!(stage.desk().why(second.id).await.unwrap().reason.as_deref(), Some("paused"));
    stage.desk().set_read(vec![second.id], true).await.unwrap();
    stage.desk().pause_toasts(None).await.unwrap();

    // Switched off, the quiet is over at once; what is unread is told.
    stage.desk().set_settings(Settings::default()).await.unwrap();
    let toasts = stage.until_shown(1).await;
    assert!(toasts[0].title.contains("number 0"), "one toast tells of one: {toasts:?}");
    stage
        .until("it is told", LIMIT, async || {
            fates(&stage)
                .await
                .remove(0)
                .story
                .iter()
                .any(|told| told.starts_with("A toast was raised at"))
                .then_some(())
        })
        .await;
    assert!(fates(&stage).await[0].story.contains(&sentence), "the silence stays explained");
}

#[tokio::test]
async fn what_came_during_a_pause_is_told_once_by_its_end() {
    let mut stage = Stage::live().await;
    let hour = SignedDuration::from_hours(1);
    stage.desk().pause_toasts(Some(stage.env.clock.now() + hour)).await.unwrap();
    push(&stage, 8).await;
    let read = stage.kept().await[3].id;
    stage.desk().set_read(vec![read], true).await.unwrap();
    stage.stop().await;
    restart(&mut stage).await;
    assert!(stage.toaster.shown().is_empty(), "the pause goes on");

    let end = stage.env.clock.now() + SignedDuration::from_millis(300);
    stage.desk().pause_toasts(Some(end)).await.unwrap();
    let toasts = stage.until_shown(1).await;
    assert!(stage.env.clock.now() >= end, "not before its end");
    assert_eq!(toasts[0].title, "7 new while it was quiet");
    stage
        .until("all are told", LIMIT, async || {
            let told = fates(&stage).await.iter().filter(|why| why.outcome == "shown").count();
            (told == 7).then_some(())
        })
        .await;
    for why in fates(&stage).await {
        let told = why.story.iter().any(|told| told.ends_with("in one summary of 7."));
        assert_eq!(told, why.id != read, "{why:?}");
        assert!(why.story.contains(&"Toasts were paused when it came.".to_owned()), "{why:?}");
    }

    stage.desk().set_read(vec![read], false).await.unwrap();
    stage.stop().await;
    restart(&mut stage).await;
    push(&stage, 9).await;
    assert!(
        !stage.toaster.shown().iter().any(|toast| toast.title.contains("quiet")),
        "nothing is told twice"
    );
}

#[tokio::test]
async fn a_pause_that_ended_while_belfry_was_off_is_told_at_the_start() {
    let mut stage = Stage::live().await;
    let hour = SignedDuration::from_hours(1);
    stage.desk().pause_toasts(Some(stage.env.clock.now() + hour)).await.unwrap();
    push(&stage, 4).await;
    stage.crash();
    stage.env.clock.jump(hour + hour);
    stage.start().await;
    let toasts = stage.until_shown(1).await;
    assert_eq!(toasts[0].title, "4 new while it was quiet");
    stage.until_settled().await;
    assert_eq!(stage.toaster.shown().len(), 1);
}

#[tokio::test]
async fn a_crash_while_the_summary_is_raised_raises_no_second_one() {
    let mut stage = Stage::live().await;
    stage.desk().pause_toasts(Some(stage.env.clock.now() + SignedDuration::from_hours(1))).await.unwrap();
    push(&stage, 4).await;
    stage.stop().await;
    // Claimed, and maybe on the screen: what a kill between claim and note leaves behind.
    let now = stage.env.clock.now();
    let opened = belfry::store::Store::open(&stage.env.paths.database(), now).unwrap();
    let run = opened.store.next_run(now).await.unwrap();
    let held = opened.store.held(10).await.unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(held.len(), 4);
    opened.store.claim(held, "akey".into(), run, now).await.unwrap();
    opened.store.change_rules(|rules| rules.paused_until = None).await.unwrap();
    opened.store.close().await;

    restart(&mut stage).await;
    stage.until_settled().await;
    for why in fates(&stage).await {
        assert_eq!(why.reason.as_deref(), Some("interrupted"), "{why:?}");
    }
    // What comes now is told, and nothing else.
    stage.sandbox.podio().notify(stage.sandbox.user().user_id, Spec::comment("after the crash"));
    let toasts = stage.until_shown(1).await;
    assert!(toasts.len() == 1 && toasts[0].title.contains("after the crash"), "{toasts:?}");
}

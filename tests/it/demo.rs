//! The built-in demo: a first fill in silence, then one thing after another, and never one twice.

use std::collections::BTreeSet;

use belfry::link::LinkState;
use belfry::toast::recording::Call;

use crate::stage::{LIMIT, Stage};

#[tokio::test]
async fn the_demo_fills_the_inbox_in_silence_and_then_something_happens() {
    let stage = Stage::empty().await;
    let demo = stage.desk().add_demo().await.unwrap();
    assert_eq!(demo.as_str(), "demo");
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    let toasts = stage.until_shown(1).await;
    let kept = stage.until_kept(13).await;
    let newest = kept.last().unwrap();
    assert_eq!(toasts.len(), 1, "what lay there before makes no noise");
    assert_eq!(toasts[0].title, newest.notification.title);
    let unread = kept.iter().filter(|entry| !entry.notification.read).count();
    assert!((4..13).contains(&unread), "some of it was read before: {unread} of {}", kept.len());

    // Asked for twice, it is there once.
    assert_eq!(stage.desk().add_demo().await.unwrap(), demo);
    assert_eq!(stage.desk().accounts().await.unwrap().len(), 1);

    // Nobody has to be told of what was read, so nothing stays open.
    stage.desk().set_read(vec![newest.id], true).await.unwrap();
    let gone =
        || async { stage.toaster.calls().iter().any(|call| matches!(call, Call::Withdraw(_))).then_some(()) };
    stage.until("the toast to go", LIMIT, gone).await;
}

#[tokio::test]
async fn the_demo_goes_on_where_it_stopped() {
    let mut stage = Stage::empty().await;
    stage.desk().add_demo().await.unwrap();
    stage.until_kept(13).await;
    stage.stop().await;
    stage.start().await;
    let kept = stage.until_kept(14).await;
    let names: BTreeSet<_> = kept.iter().map(|entry| entry.notification.external_id.clone()).collect();
    assert_eq!(names.len(), kept.len());
    assert!(names.contains("d12") && names.contains("d13"), "{names:?}");
    // It is removed like any other account.
    stage.desk().remove_account(belfry::account::AccountId::new("demo").unwrap()).await.unwrap();
    assert!(stage.kept().await.is_empty());
}

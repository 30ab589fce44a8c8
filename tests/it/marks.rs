//! Marking everything as read and taking it back; what the person chose.

use belfry::engine::views::{InboxWish, Settings, Signal, TroubleKind};
use belfry::rule::{ClickTo, QuietHours, Shown, Theme, Weekday};
use belfry_sandbox::Spec;

use crate::stage::{LIMIT, Stage};

#[tokio::test]
async fn all_are_marked_read_here_and_at_the_service_and_taken_back_again() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let ids: Vec<u64> = (0..3).map(|n| podio.notify(user, Spec::comment(&format!("number {n}")))).collect();
    let kept = stage.until_kept(3).await;
    stage.until_settled().await;
    let desk = stage.desk();
    let mut signals = desk.signals();

    let marked = desk.mark_all_read(Some(stage.account())).await.unwrap();
    assert_eq!(marked.count, 3);
    assert_eq!(desk.overview().await.unwrap().unread, 0);
    assert_eq!(signals.recv().await.unwrap(), Signal::Reread, "one signal for all of them");
    podio.wait_for(|seen| ids.iter().all(|id| seen.viewed.contains(id)), LIMIT).await.unwrap();
    assert_eq!(desk.mark_all_read(None).await.unwrap().undo, None, "nothing is left to mark");

    // One of them was dealt with since; it stays as the person left it.
    desk.set_read(vec![kept[0].id], false).await.unwrap();
    desk.set_read(vec![kept[0].id], true).await.unwrap();
    let batch = marked.undo.unwrap();
    assert_eq!(desk.undo(batch).await.unwrap(), 2);
    assert_eq!(desk.overview().await.unwrap().unread, 2);
    podio.wait_for(|seen| seen.viewed.iter().eq(&ids[..1]), LIMIT).await.unwrap();
    assert_eq!(desk.undo(batch).await.unwrap_err().kind, TroubleKind::Usage, "once is enough");
}

#[tokio::test]
async fn toasts_go_when_all_is_marked_read() {
    let stage = Stage::live().await;
    stage.sandbox.podio().notify(stage.sandbox.user().user_id, Spec::comment("on the screen"));
    let key = stage.until_shown(1).await.remove(0).key;
    stage.until_settled().await;
    stage.desk().mark_all_read(None).await.unwrap();
    let withdrawn = belfry::toast::recording::Call::Withdraw(key);
    assert!(stage.toaster.watch().borrow().contains(&withdrawn));
}

#[tokio::test]
async fn settings_survive_a_restart_and_a_pause_leaves_them_alone() {
    let mut stage = Stage::empty().await;
    assert_eq!(stage.desk().settings().await.unwrap(), Settings::default());
    let quiet = QuietHours {
        on: true,
        days: vec![Weekday::Sun, Weekday::Mon, Weekday::Mon],
        from: "23:15".parse().unwrap(),
        until: "06:30".parse().unwrap(),
    };
    let chosen = Settings { shown: Shown::TitleOnly, quiet, click: ClickTo::Window, theme: Theme::Dark };
    let until = stage.env.clock.now() + jiff::SignedDuration::from_hours(1);
    let mut signals = stage.desk().signals();
    stage.desk().pause_toasts(Some(until)).await.unwrap();
    stage.desk().set_settings(chosen.clone()).await.unwrap();
    assert_eq!(
        [signals.recv().await.unwrap(), signals.recv().await.unwrap()],
        [Signal::Accounts, Signal::Settings]
    );
    stage.stop().await;
    stage.start().await;
    let kept = stage.desk().settings().await.unwrap();
    assert_eq!(kept.quiet.days, [Weekday::Mon, Weekday::Sun], "in the order of the week, each once");
    assert_eq!(
        Settings { quiet: QuietHours { days: chosen.quiet.days.clone(), ..kept.quiet.clone() }, ..kept },
        chosen
    );
    assert_eq!(stage.desk().overview().await.unwrap().paused_until, Some(until));
}

#[tokio::test]
async fn a_list_leaves_out_what_the_service_sent_and_one_entry_has_it() {
    let stage = Stage::live().await;
    stage.sandbox.podio().notify(stage.sandbox.user().user_id, Spec::comment("whole"));
    let row = stage.until_kept(1).await.remove(0);
    assert_eq!(row.notification.raw, "");
    let wish = InboxWish { search: Some("whole".into()), ..InboxWish::default() };
    let found = stage.desk().inbox(wish).await.unwrap().remove(0);
    assert_eq!((found.id, found.notification.raw.as_str()), (row.id, ""));
    let entry = stage.desk().entry(row.id).await.unwrap();
    assert!(entry.notification.raw.contains("whole"), "{}", entry.notification.raw);
}

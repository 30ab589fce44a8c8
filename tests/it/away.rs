//! Long absences: what came meanwhile is one summary, what was wished meanwhile is told once, and both cost few calls.

use std::time::Duration;

use belfry::engine::views::Signal;
use belfry::link::LinkState;
use belfry_sandbox::{Answer, Context, Fault, Observed, Podio, Side, Spec};
use jiff::SignedDuration;

use crate::stage::{LIMIT, Stage};

/// A wait for second thoughts and a few calls: longer than others, on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Calls to the API; the push and the sign-in are not among them.
fn calls(seen: &Observed) -> Vec<String> {
    let api = seen
        .requests
        .iter()
        .filter(|request| !request.path.starts_with("/faye") && !request.path.starts_with("/oauth"));
    api.map(|request| format!("{} {}", request.method, request.path)).collect()
}

fn marks(seen: &Observed) -> Vec<String> {
    calls(seen).into_iter().filter(|call| call.ends_with("/viewed")).collect()
}

/// Notifications about `things` items, by turns; only the REST API knows of them.
fn missed(podio: &Podio, user: u64, count: u64, things: u64) -> Vec<u64> {
    let about = |n: u64| Context::item(1_000 + n % things, "Website relaunch");
    (0..count)
        .map(|n| podio.notify_silently(user, Spec::new("comment", about(n), &format!("missed {n}"))))
        .collect()
}

async fn live(stage: &Stage) {
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
}

#[tokio::test]
async fn five_hundred_missed_are_one_summary_and_few_calls_and_so_is_reading_them_all() {
    let mut stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    stage.stop().await;
    let ids = missed(&podio, user, 500, 50);
    podio.forget_observed();
    stage.start().await;
    let kept = stage.until_kept(500).await;
    assert_eq!(kept.len(), 500);
    live(&stage).await;
    let toasts = stage.until_shown(1).await;
    stage.until_settled().await;
    assert_eq!(stage.toaster.shown().len(), 1, "{toasts:?}");
    assert_eq!(toasts[0].title, "500 new in Podio");
    assert_eq!(stage.desk().overview().await.unwrap().unread, 500);
    let spent = calls(&podio.observed());
    assert!(spent.len() < 60, "{} calls: {spent:?}", spent.len());

    podio.forget_observed();
    let marked = stage.desk().mark_all_read(None).await.unwrap();
    assert_eq!(marked.count, 500);
    podio.wait_for(|seen| seen.viewed.len() == ids.len(), LONG).await.unwrap();
    let seen = podio.observed();
    assert_eq!(marks(&seen), ["POST /notification/viewed"]);
    assert!(calls(&seen).len() < 20, "{:?}", calls(&seen));
}

#[tokio::test]
async fn all_are_not_marked_at_once_where_something_is_unseen() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let ids = podio.burst(user, 30);
    let about = |n: u64| Spec::new("comment", Context::task(n, "Call back"), &format!("task {n}"));
    let tasks: Vec<u64> = (0..25).map(|n| podio.notify(user, about(n))).collect();
    stage.until_kept(55).await;
    stage.until_settled().await;
    // The push of this one is lost: nobody here has seen it.
    let unseen = podio.notify_silently(user, Spec::new("comment", Context::task(99, "Unseen"), "unseen"));
    podio.forget_observed();
    stage.desk().mark_all_read(None).await.unwrap();
    podio.wait_for(|seen| seen.viewed.len() >= ids.len() + tasks.len(), LONG).await.unwrap();
    let seen = podio.observed();
    assert!(!seen.viewed.contains(&unseen), "{:?}", seen.viewed);
    let told = marks(&seen);
    assert!(!told.contains(&"POST /notification/viewed".to_owned()));
    assert_eq!(told.len(), 7 + 25, "seven things, and the others one by one: {told:?}");
    assert_eq!(stage.until_kept(56).await.iter().filter(|entry| !entry.notification.read).count(), 1);
}

#[tokio::test]
async fn what_is_taken_back_in_time_is_never_told() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    for n in 0..40 {
        podio.notify(user, Spec::new("comment", Context::task(n, "Call back"), &format!("task {n}")));
    }
    stage.until_kept(40).await;
    stage.until_settled().await;
    podio.forget_observed();
    let marked = stage.desk().mark_all_read(None).await.unwrap();
    assert_eq!(stage.desk().undo(marked.undo.unwrap()).await.unwrap(), 40);
    // The look that finds nothing to tell.
    podio.wait_for(|seen| seen.calls("GET", "/notification/") > 0, LONG).await.unwrap();
    let last = podio.notify(user, Spec::comment("afterwards"));
    let row = stage.until_kept(41).await.pop().unwrap();
    stage.desk().set_read(vec![row.id], true).await.unwrap();
    podio.wait_for(|seen| seen.viewed.contains(&last), LONG).await.unwrap();
    assert_eq!(marks(&podio.observed()), [format!("POST /notification/{last}/viewed")]);
}

#[tokio::test]
async fn an_hour_offline_with_fifty_reads_is_told_once_each_in_order_and_conflicts_are_told() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let about = |n: u64| Spec::new("comment", Context::task(n, "Call back"), &format!("task {n}"));
    let mut ids: Vec<u64> = (0..49).map(|n| podio.notify(user, about(n))).collect();
    let gone = podio.push_only(user, Spec::comment("gone meanwhile"));
    let unread = podio.notify(user, about(777));
    ids.push(gone);
    let kept = stage.until_kept(51).await;
    stage.until_settled().await;
    let row = |id: u64| {
        let name = format!("n{id}");
        kept.iter().find(|entry| entry.notification.external_id == name).unwrap().id
    };

    stage.sandbox.close(Side::Push).await;
    stage.sandbox.close(Side::Api).await;
    stage.until_state("waiting", |state| matches!(state, LinkState::Waiting { .. })).await;
    for id in &ids {
        assert_eq!(stage.desk().set_read(vec![row(*id)], true).await.unwrap().len(), 1);
    }
    // One of them is read in a browser as well, and one is locked away.
    let (refused, elsewhere) = (ids[7], ids[20]);
    podio.view_elsewhere(user, elsewhere);
    let path = format!("/notification/{refused}/viewed");
    podio.fault(Fault { path, times: 100, answer: Answer::Status(403) });
    podio.forget_observed();
    stage.env.clock.jump(SignedDuration::from_hours(1));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();

    let mut signals = stage.desk().signals();
    stage.sandbox.reopen(Side::Api).await.unwrap();
    stage.sandbox.reopen(Side::Push).await.unwrap();
    stage.desk().retry_now(stage.account()).await.unwrap();
    podio.wait_for(|seen| seen.viewed.len() == 48, LONG).await.unwrap();
    let words = loop {
        let signal = tokio::time::timeout(LIMIT, signals.recv()).await.expect("a refusal is told").unwrap();
        if let Signal::Refused { id, words } = signal {
            assert_eq!(id, row(refused));
            break words;
        }
    };
    assert!(words.contains("task 7") && words.contains("unread again"), "{words}");
    // Told once each, the oldest first; what the browser has read and what is gone need no telling.
    let told: Vec<String> = marks(&podio.observed());
    let expected: Vec<String> = ids
        .iter()
        .filter(|id| ![gone, elsewhere].contains(id))
        .map(|id| format!("POST /notification/{id}/viewed"))
        .collect();
    assert_eq!(told, expected);
    assert_eq!(stage.desk().overview().await.unwrap().unread, 2);
    assert_eq!(podio.unread(user), [refused, unread]);
    let spent = calls(&podio.observed()).len();
    assert!(spent < expected.len() + 20, "{spent} calls");
}

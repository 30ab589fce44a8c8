//! Read state and stars in every place at once: two Belfrys and a browser on one account; what the service refuses; what the push missed.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use belfry::engine::views::{Entry, InboxWish, Signal};
use belfry::engine::{Desk, Engine};
use belfry::link::LinkState;
use belfry::notification::NotificationId;
use belfry::toast::Recording;
use belfry::toast::recording::Call;
use belfry_sandbox::{Answer, Context, Fault, Message, Observed, Spec};

use crate::stage::{self, LIMIT, Stage};

/// A second Belfry of the same person, on another computer.
struct Other {
    toaster: Arc<Recording>,
    engine: Engine,
    _home: tempfile::TempDir,
}

impl Other {
    async fn live(stage: &Stage) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (toaster, engine) = stage::start(&stage::env(home.path())).await.unwrap();
        engine.desk().sign_in(stage.wish()).await.unwrap();
        let other = Self { toaster, engine, _home: home };
        until(&other.desk(), "the other is live", async || {
            let accounts = other.desk().accounts().await.unwrap();
            accounts.iter().all(|account| account.state == LinkState::Live).then_some(())
        })
        .await;
        other
    }

    fn desk(&self) -> Desk {
        self.engine.desk()
    }
}

async fn until<T, F: Future<Output = Option<T>>>(desk: &Desk, what: &str, look: impl Fn() -> F) -> T {
    let mut signals = desk.signals();
    let wait = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            drop(signals.recv().await);
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"))
}

async fn kept(desk: &Desk) -> Vec<Entry> {
    let wish = InboxWish { limit: Some(500), ..InboxWish::default() };
    let mut kept = desk.inbox(wish).await.unwrap();
    kept.sort_by_key(|entry| entry.notification.external_id.clone());
    kept
}

async fn unread(desk: &Desk) -> BTreeSet<String> {
    let unread = kept(desk).await.into_iter().filter(|entry| !entry.notification.read);
    unread.map(|entry| entry.notification.external_id).collect()
}

fn names(ids: &[u64]) -> BTreeSet<String> {
    ids.iter().map(|id| format!("n{id}")).collect()
}

/// Waits until this and nothing else is unread in every place.
async fn agree(stage: &Stage, desks: &[Desk], ids: &[u64]) {
    for desk in desks {
        let what = format!("{ids:?} are unread");
        until(desk, &what, async || (unread(desk).await == names(ids)).then_some(())).await;
        assert_eq!(desk.overview().await.unwrap().unread, ids.len() as u64);
    }
    assert_eq!(stage.sandbox.podio().unread(stage.sandbox.user().user_id), ids);
}

async fn row(desk: &Desk, id: u64) -> NotificationId {
    let name = format!("n{id}");
    kept(desk).await.into_iter().find(|entry| entry.notification.external_id == name).unwrap().id
}

async fn until_shown(toaster: &Recording, count: usize) {
    let mut calls = toaster.watch();
    let shown = async {
        while toaster.shown().len() < count {
            calls.changed().await.unwrap()
        }
    };
    tokio::time::timeout(LIMIT, shown).await.expect("toasts are shown");
}

async fn until_withdrawn(toaster: &Recording, title: &str) {
    let shown = toaster.shown().into_iter().find(|toast| toast.title.contains(title)).unwrap();
    let mut calls = toaster.watch();
    let withdrawn = calls.wait_for(|calls| calls.contains(&Call::Withdraw(shown.key.clone())));
    tokio::time::timeout(LIMIT, withdrawn).await.expect("the toast is withdrawn").unwrap();
}

/// Whatever Belfry reads by itself must not be taken for the person's reading (podio.md §5.3).
fn nothing_was_read_that_marks(seen: &Observed) {
    for request in seen.requests.iter().filter(|request| request.method == "GET") {
        let path = request.path.as_str();
        let harmless = ["/notification/", "/user/status", "/user/setting/", "/faye"];
        let harmless = harmless.iter().any(|beginning| path.starts_with(beginning));
        let careful = path.starts_with("/item/")
            && request.query.get("mark_as_viewed").is_some_and(|value| value == "0");
        assert!(harmless || careful, "{request:?}");
    }
}

#[tokio::test]
async fn read_state_agrees_in_two_belfrys_and_the_browser_within_one_push() {
    let stage = Stage::live().await;
    let other = Other::live(&stage).await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let desks = [stage.desk(), other.desk()];
    let spec = |context, text: &str| Spec::new("comment", context, text);
    let one = podio.notify(user, spec(Context::item(42, "Brochure"), "first of the thread"));
    let two = podio.notify(user, spec(Context::item(42, "Brochure"), "second of the thread"));
    let three = podio.notify(user, spec(Context::task(9, "Call back"), "about a task"));
    until_shown(&stage.toaster, 3).await;
    until_shown(&other.toaster, 3).await;
    agree(&stage, &desks, &[one, two, three]).await;
    podio.forget_observed();

    // A whole thread here is one call, and read in every place.
    let thread = stage.desk().set_thread_read(row(&stage.desk(), two).await, true).await.unwrap();
    assert_eq!(thread.len(), 2);
    until_withdrawn(&stage.toaster, "first of the thread").await;
    until_withdrawn(&other.toaster, "first of the thread").await;
    until_withdrawn(&other.toaster, "second of the thread").await;
    agree(&stage, &desks, &[three]).await;
    let seen = podio.observed();
    let marks = seen.requests.iter().filter(|request| request.path.ends_with("/viewed")).count();
    assert_eq!((seen.calls("POST", "/notification/item/42/viewed"), marks), (1, 1));
    let there = kept(&other.desk()).await;
    assert!(there.iter().filter(|entry| entry.notification.read).all(|entry| entry.read_elsewhere));

    // The browser reads the last one.
    podio.view_elsewhere(user, three);
    until_withdrawn(&stage.toaster, "about a task").await;
    until_withdrawn(&other.toaster, "about a task").await;
    agree(&stage, &desks, &[]).await;

    // The other Belfry marks one unread again.
    other.desk().set_read(vec![row(&other.desk(), one).await], false).await.unwrap();
    agree(&stage, &desks, &[one]).await;
    assert_eq!(stage.toaster.shown().len(), 3, "it is no news");
    nothing_was_read_that_marks(&podio.observed());
}

#[tokio::test]
async fn what_comes_while_its_thread_is_marked_is_not_swept_along() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let ids: Vec<u64> = (0..2).map(|n| podio.notify(user, Spec::comment(&format!("number {n}")))).collect();
    stage.until_kept(2).await;
    stage.until_settled().await;
    // It is there, but its push is still on its way when the thread is marked.
    let late = podio.notify_silently(user, Spec::comment("just now"));
    let desk = stage.desk();
    desk.set_thread_read(row(&desk, ids[0]).await, true).await.unwrap();
    podio.wait_for(|seen| seen.viewed.contains(&late), LIMIT).await.unwrap();
    podio.push_again(late);
    podio.wait_for(|seen| !seen.viewed.contains(&late), LIMIT).await.unwrap();
    agree(&stage, &[desk], &[late]).await;
    until_shown(&stage.toaster, 3).await;
}

#[tokio::test]
async fn nothing_that_belfry_fetches_by_itself_marks_anything_viewed() {
    let mut stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    podio.notify_silently(user, Spec::comment("lost"));
    podio.burst(user, 30);
    let by = belfry_sandbox::Byline::person(9, "Mei Lin");
    podio.message(user, Message { conversation_id: 7, subject: "Lunch".into(), text: "Now?".into(), by });
    stage.until_kept(32).await;
    stage.stop().await;
    podio.notify(user, Spec::comment("missed"));
    stage.start().await;
    stage.until_kept(33).await;
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    let seen = podio.observed();
    assert!(seen.viewed.is_empty(), "{:?}", seen.viewed);
    assert!(seen.requests.iter().all(|request| !request.path.contains("conversation")));
    nothing_was_read_that_marks(&seen);
}

#[tokio::test]
async fn a_star_goes_to_the_service_and_from_there_to_the_other_belfry() {
    let mut stage = Stage::empty().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let two_days_ago = stage.env.clock.now() - jiff::SignedDuration::from_hours(48);
    let old = podio.notify_silently(user, Spec::comment("old").at(two_days_ago));
    stage.sign_in().await.unwrap();
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    let ids: Vec<u64> = (0..3).map(|n| podio.notify(user, Spec::comment(&format!("number {n}")))).collect();
    stage.until_kept(4).await;
    let desk = stage.desk();
    let (first, oldest) = (row(&desk, ids[0]).await, row(&desk, old).await);
    assert_eq!(desk.set_starred(vec![first, oldest], true).await.unwrap(), [first, oldest]);
    assert!(desk.set_starred(vec![first], true).await.unwrap().is_empty());
    podio.wait_for(|seen| seen.starred.iter().eq(&[old, ids[0]]), LIMIT).await.unwrap();

    // A new computer, years later: read or not, what is starred is there.
    ids.iter().chain(&[old]).for_each(|id| podio.view_elsewhere(user, *id));
    let other = Other::live(&stage).await;
    let starred = InboxWish { starred: true, ..InboxWish::default() };
    let rows = other.desk().inbox(starred.clone()).await.unwrap();
    let there: BTreeSet<String> = rows.into_iter().map(|row| row.notification.external_id).collect();
    assert_eq!(there, names(&[old, ids[0]]));

    // Offline here: one star is taken away, another set; meanwhile the other Belfry stars the third, and no longer the old one, which
    // is in no list but that of stars.
    stage.stop().await;
    other.desk().set_starred(vec![row(&other.desk(), old).await], false).await.unwrap();
    other.desk().set_starred(vec![row(&other.desk(), ids[2]).await], true).await.unwrap();
    podio.wait_for(|seen| seen.starred.iter().eq(&[ids[0], ids[2]]), LIMIT).await.unwrap();
    let offline = Desk::offline(stage.env.clone()).await.unwrap();
    let second = row(&offline, ids[1]).await;
    offline.set_starred(vec![first], false).await.unwrap();
    offline.set_starred(vec![second], true).await.unwrap();
    drop(offline);
    stage.start().await;
    podio.wait_for(|seen| seen.starred.iter().eq(&ids[1..]), LIMIT).await.unwrap();
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    let here: BTreeSet<String> = stage
        .desk()
        .inbox(starred)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.notification.external_id)
        .collect();
    assert_eq!(here, names(&ids[1..]), "what changed elsewhere is followed, what was wished here stays");
}

#[tokio::test]
async fn what_the_service_refuses_goes_back_and_the_person_is_told_in_words() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let id = podio.notify(user, Spec::comment("locked away"));
    stage.until_kept(1).await;
    let desk = stage.desk();
    let row = row(&desk, id).await;
    let mut signals = desk.signals();
    let mut refusal = async || loop {
        if let Signal::Refused { id, words } =
            tokio::time::timeout(LIMIT, signals.recv()).await.expect("a refusal is told").unwrap()
        {
            return (id, words);
        }
    };
    for (part, field) in [("viewed", "read"), ("star", "starred")] {
        podio.fault(Fault {
            path: format!("/notification/{id}/{part}"),
            times: 1,
            answer: Answer::Status(403),
        });
        if field == "read" {
            desk.set_read(vec![row], true).await.unwrap();
        } else {
            desk.set_starred(vec![row], true).await.unwrap();
        }
        let (told, words) = refusal().await;
        assert_eq!(told, row);
        assert!(words.contains("locked away") && words.contains("Podio does not allow this"), "{words}");
        let entry = desk.entry(row).await.unwrap();
        assert!(!entry.notification.read && !entry.notification.starred);
        let story = desk.why(row).await.unwrap().story;
        assert!(story.iter().any(|line| line.contains("refused")), "{story:?}");
    }
    assert_eq!(desk.overview().await.unwrap().unread, 1);
    assert_eq!(podio.observed().calls("POST", &format!("/notification/{id}/viewed")), 1, "asked once");

    // Later it is allowed.
    desk.set_read(vec![row], true).await.unwrap();
    podio.wait_for(|seen| seen.viewed.contains(&id), LIMIT).await.unwrap();
    until(&desk, "the story is plain again", async || {
        let story = desk.why(row).await.unwrap().story;
        let open = story.iter().any(|line| line.contains("marked it") || line.contains("still to be told"));
        if open {
            // Nothing signals that a wish was told; what follows does.
            podio.notify(user, Spec::comment("anything"));
        }
        (!open).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_only_a_later_look_found_is_counted_and_told_by_the_doctor() {
    let mut stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let push = async |stage: &Stage| {
        let health = stage.desk().health().await.unwrap();
        let finding = health.findings.into_iter().find(|finding| finding.part == "push:podio").unwrap();
        assert!(finding.works);
        finding.words
    };
    assert_eq!(push(&stage).await, "Push has missed nothing");
    let a_minute_ago = stage.env.clock.now() - jiff::SignedDuration::from_mins(1);
    podio.notify_silently(user, Spec::comment("lost on its way").at(a_minute_ago));
    podio.notify(user, Spec::comment("came by push"));
    stage.until_kept(2).await;
    assert_eq!(push(&stage).await, "Push missed 1 notification that a later look found");

    // What came while nobody listened was not missed by the push.
    stage.stop().await;
    podio.notify_silently(user, Spec::comment("while off").at(a_minute_ago));
    stage.start().await;
    stage.until_kept(3).await;
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    assert_eq!(push(&stage).await, "Push missed 1 notification that a later look found");
}

/// What `belfry` prints in this home, where no resident runs.
fn belfry(stage: &Stage, arguments: &[&str]) -> String {
    let database = stage.env.paths.database();
    let home = database.parent().and_then(std::path::Path::parent).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_belfry"))
        .args(arguments)
        .env("BELFRY_HOME", home)
        .env("BELFRY_SECRETS", "memory")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_terminal_stars_and_reads_whole_threads_and_the_next_resident_tells_it() {
    let mut stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    let ids: Vec<u64> = (0..2).map(|n| podio.notify(user, Spec::comment(&format!("number {n}")))).collect();
    let other = podio.notify(user, Spec::new("comment", Context::task(9, "Call back"), "about a task"));
    stage.until_kept(3).await;
    let number = row(&stage.desk(), ids[0]).await.to_string();
    stage.stop().await;
    assert_eq!(belfry(&stage, &["inbox", "--starred"]), "There is nothing here.\n");
    assert_eq!(belfry(&stage, &["star", &number]), "1 starred.\n");
    assert_eq!(belfry(&stage, &["star", &number]), "0 starred; 1 already were.\n");
    let starred = belfry(&stage, &["inbox", "--starred"]);
    assert!(
        starred.lines().count() == 1 && starred.contains("★ ") && starred.contains("number 0"),
        "{starred}"
    );
    assert_eq!(belfry(&stage, &["read", &number, "--thread"]), "2 marked as read.\n");
    let story = belfry(&stage, &["why", &number]);
    assert!(story.contains("You starred it at ") && story.contains("still to be told"), "{story}");

    podio.forget_observed();
    stage.start().await;
    podio
        .wait_for(|seen| seen.viewed.iter().eq(&ids) && seen.starred.contains(&ids[0]), LIMIT)
        .await
        .unwrap();
    assert_eq!(podio.unread(user), [other]);
    assert_eq!(podio.observed().calls("POST", "/notification/item/42/viewed"), 1);
}

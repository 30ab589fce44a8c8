//! What a person does from a notification: kept first, told once and in order, taken back in time, and never without a clear result.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use belfry::act::{Act, ActState, Offer};
use belfry::engine::views::{ActView, Entry, TroubleKind};
use belfry::link::LinkState;
use belfry::notification::NotificationId;
use belfry::toast::ToastEvent;
use belfry_sandbox::{Answer, Byline, Context, Fault, Message, Options, Sandbox, Side, Spec};
use jiff::SignedDuration;

use crate::kill;
use crate::stage::{LIMIT, Stage};

fn reply(text: &str) -> Act {
    Act::Reply { text: text.into() }
}

fn fault(path: &str, answer: Answer) -> Fault {
    Fault { path: path.into(), times: 1, answer }
}

fn message(conversation_id: u64) -> Message {
    Message {
        conversation_id,
        subject: "Lunch".into(),
        text: "Shall we?".into(),
        by: Byline::person(9, "Mei Lin"),
    }
}

/// Tells the user of this and gives the kept row once it is whole.
async fn told(stage: &Stage, spec: Spec) -> Entry {
    let id = stage.sandbox.podio().notify(stage.sandbox.user().user_id, spec);
    kept(stage, &format!("n{id}")).await
}

async fn kept(stage: &Stage, external_id: &str) -> Entry {
    stage
        .until("it is kept whole", LIMIT, async || {
            let mut rows = stage.kept().await.into_iter();
            let row = rows.find(|row| row.notification.external_id.starts_with(external_id))?;
            (!stage.desk().offers(row.id).await.unwrap().is_empty()).then_some(row)
        })
        .await
}

/// A message of a conversation, kept.
async fn talked(stage: &Stage, conversation: u64) -> Entry {
    stage.sandbox.podio().message(stage.sandbox.user().user_id, message(conversation));
    kept(stage, &format!("c{conversation}.")).await
}

async fn until_act(stage: &Stage, id: NotificationId, number: i64, state: ActState) -> ActView {
    let what = format!("act {number} is {state:?}");
    stage
        .until(&what, LIMIT, async || {
            let acts = stage.desk().acts(id).await.unwrap();
            acts.into_iter().find(|act| act.number == number && act.state == state)
        })
        .await
}

/// What the service was told, as `reply conversation/7 yes`.
fn heard(stage: &Stage) -> Vec<String> {
    let acts = stage.sandbox.podio().observed().acts;
    acts.iter().map(|act| format!("{} {} {}", act.what, act.on, act.text).trim_end().to_owned()).collect()
}

#[tokio::test]
async fn each_act_reaches_the_service_and_what_finishes_the_matter_marks_as_read() {
    let stage = Stage::live().await;
    let desk = stage.desk();
    let talk = talked(&stage, 7).await;
    let cases = [
        (talk, reply("  On Thursday \n"), "reply conversation/7 On Thursday", true),
        (told(&stage, Spec::comment("said")).await, reply("I agree"), "comment item/42 I agree", true),
        (
            told(&stage, Spec::new("creation", Context::task(8, "Offer"), "a task")).await,
            Act::Complete,
            "complete task/8",
            true,
        ),
        (
            told(&stage, Spec::new("space_invite", Context::new("space", 3, "Fair"), "come")).await,
            Act::Accept,
            "accept sandbox-invite",
            true,
        ),
        (
            told(&stage, Spec::new("reminder", Context::task(9, "Review"), "soon")).await,
            Act::Snooze,
            "snooze task/9",
            false,
        ),
        (
            told(&stage, Spec::new("alert", Context::item(43, "Plan"), "look")).await,
            Act::Follow,
            "follow item/43",
            false,
        ),
        (
            told(&stage, Spec::new("update", Context::item(44, "Other"), "changed")).await,
            Act::Unfollow,
            "unfollow item/44",
            false,
        ),
    ];
    let mut acts = Vec::new();
    for (row, act, ..) in &cases {
        let view = desk.act(row.id, act.clone()).await.unwrap();
        assert_eq!((view.state, view.can_be_undone), (ActState::Waiting, true));
        acts.push(view.number);
    }
    for ((row, act, _, reads), number) in cases.iter().zip(acts) {
        let done = until_act(&stage, row.id, number, ActState::Done).await;
        assert_eq!((done.words.as_str(), done.can_be_undone), (done.act.done_words(), false));
        assert_eq!(desk.entry(row.id).await.unwrap().notification.read, *reads, "{act:?}");
        let story = desk.why(row.id).await.unwrap().story;
        assert!(story.last().unwrap().starts_with("You ") || *reads, "{story:?}");
    }
    let expected: Vec<&str> = cases.iter().map(|(_, _, said, _)| *said).collect();
    assert_eq!(heard(&stage), expected, "each once, in the order of asking");
    // Podio hears that they were read, too.
    let task = cases[2].0.notification.external_id[1..].parse().unwrap();
    stage.sandbox.podio().wait_for(|seen| seen.viewed.contains(&task), LIMIT).await.unwrap();
    assert_eq!(desk.offers(cases[2].0.id).await.unwrap(), [Offer::Unfollow], "nobody completes it twice");
    assert_eq!(desk.offers(cases[5].0.id).await.unwrap(), [Offer::Comment, Offer::Unfollow]);
    assert_eq!(desk.act(cases[2].0.id, Act::Complete).await.unwrap_err().kind, TroubleKind::Usage);
    assert_eq!(desk.act(cases[5].0.id, Act::Accept).await.unwrap_err().kind, TroubleKind::Usage);
}

#[tokio::test]
async fn what_is_taken_back_in_time_is_never_told() {
    let stage = Stage::live().await;
    let desk = stage.desk();
    let talk = talked(&stage, 7).await;
    let slip = desk.act(talk.id, reply("I hate")).await.unwrap();
    let meant = desk.act(talk.id, reply("I have to think")).await.unwrap();
    let undone = desk.undo_act(slip.number).await.unwrap();
    assert_eq!((undone.state, undone.can_be_undone), (ActState::Undone, false));
    assert_eq!(
        desk.undo_act(slip.number).await.unwrap().state,
        ActState::Undone,
        "once is enough, twice no harm"
    );
    until_act(&stage, talk.id, meant.number, ActState::Done).await;
    assert_eq!(heard(&stage), ["reply conversation/7 I have to think"]);
    let late = desk.undo_act(meant.number).await.unwrap_err();
    assert!(late.words.contains("too late") && late.words.contains("was sent"), "{late}");
    for bad in [reply(" \n"), reply(&"x".repeat(10_001))] {
        assert_eq!(desk.act(talk.id, bad).await.unwrap_err().kind, TroubleKind::Usage);
    }
    assert_eq!(desk.undo_act(99).await.unwrap_err().kind, TroubleKind::Usage);
}

#[tokio::test]
async fn the_same_act_asked_twice_is_one() {
    let stage = Stage::live().await;
    let task = told(&stage, Spec::new("creation", Context::task(8, "Offer"), "a task")).await;
    let first = stage.desk().act(task.id, Act::Complete).await.unwrap();
    let second = stage.desk().act(task.id, Act::Complete).await.unwrap();
    assert_eq!(first.number, second.number);
    until_act(&stage, task.id, first.number, ActState::Done).await;
    assert_eq!(heard(&stage), ["complete task/8"]);
}

#[tokio::test]
async fn fifty_replies_of_an_hour_offline_arrive_once_each_in_order_and_a_conflict_is_told() {
    let mut stage = Stage::live().await;
    let mut rows = Vec::new();
    for conversation in 1..=5 {
        rows.push(talked(&stage, conversation).await);
    }
    let invite = told(&stage, Spec::new("space_invite", Context::new("space", 3, "Fair"), "come")).await;
    stage.sandbox.close(Side::Push).await;
    stage.sandbox.close(Side::Api).await;
    stage.until_state("waiting", |state| matches!(state, LinkState::Waiting { .. })).await;
    let mut expected = Vec::new();
    let mut last = None;
    for n in 0..50 {
        let row = &rows[n * 7 % 5];
        let act = stage.desk().act(row.id, reply(&format!("number {n}"))).await.unwrap();
        expected.push(format!("reply conversation/{} number {n}", n * 7 % 5 + 1));
        last = Some((row.id, act.number));
        if n == 20 {
            // Somebody else answers the invitation meanwhile, in the browser.
            stage.desk().act(invite.id, Act::Accept).await.unwrap();
        }
        if n == 30 {
            stage.stop().await;
            stage.start().await;
        }
    }
    stage.env.clock.jump(SignedDuration::from_hours(1));
    let waits = stage.desk().acts(rows[0].id).await.unwrap();
    assert!(waits.iter().all(|act| act.can_be_undone && act.words.contains("as soon as")), "{waits:?}");
    assert!(heard(&stage).is_empty());
    stage.sandbox.podio().fault(fault("/space/invite", Answer::Status(409)));
    stage.sandbox.reopen(Side::Api).await.unwrap();
    stage.sandbox.reopen(Side::Push).await.unwrap();
    stage.desk().retry_now(stage.account()).await.unwrap();
    let (row, number) = last.unwrap();
    until_act(&stage, row, number, ActState::Done).await;
    assert_eq!(heard(&stage), expected);
    let conflict = stage.desk().acts(invite.id).await.unwrap().remove(0);
    assert_eq!(conflict.state, ActState::Refused);
    assert!(conflict.words.contains("answered already"), "{}", conflict.words);
    assert!(!stage.desk().entry(invite.id).await.unwrap().notification.read, "it still wants the person");
}

#[tokio::test]
async fn a_reply_cut_off_by_a_crash_is_unsure_and_not_sent_again() {
    let mut stage = Stage::live().await;
    let talk = talked(&stage, 7).await;
    stage.sandbox.podio().fault(fault("/conversation/7/reply", Answer::Deaf));
    let cut = stage.desk().act(talk.id, reply("one")).await.unwrap();
    let later = stage.desk().act(talk.id, reply("two")).await.unwrap();
    stage.sandbox.podio().wait_for(|seen| seen.acts.len() == 1, LIMIT).await.unwrap();
    assert_eq!(stage.desk().acts(talk.id).await.unwrap()[0].state, ActState::UnderWay);
    assert!(stage.desk().undo_act(cut.number).await.is_err(), "too late");
    stage.crash();
    stage.start().await;
    let unsure = until_act(&stage, talk.id, cut.number, ActState::Unsure).await;
    assert!(unsure.words.contains("look whether your reply is there"), "{}", unsure.words);
    assert_eq!(stage.until_shown(1).await[0].title, "Your reply may not be there");
    until_act(&stage, talk.id, later.number, ActState::Done).await;
    assert_eq!(heard(&stage), ["reply conversation/7 one", "reply conversation/7 two"]);
    let story = stage.desk().why(talk.id).await.unwrap().story;
    assert!(story.iter().any(|line| line.contains("look whether")), "{story:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_leaves_a_reply_unsure_and_a_task_told_again() {
    let stage = Stage::live().await;
    let task = told(&stage, Spec::new("creation", Context::task(8, "Offer"), "a task")).await;
    let talk = talked(&stage, 7).await;
    for path in ["/conversation/7/reply", "/task/8/complete"] {
        stage.sandbox.podio().fault(fault(path, Answer::Deaf));
    }
    let said = stage.desk().act(talk.id, reply("one")).await.unwrap();
    let completed = stage.desk().act(task.id, Act::Complete).await.unwrap();
    for heard in [1, 2] {
        stage.sandbox.podio().wait_for(|seen| seen.acts.len() == heard, LIMIT).await.unwrap();
        stage.sandbox.close(Side::Api).await;
        stage.sandbox.reopen(Side::Api).await.unwrap();
    }
    until_act(&stage, talk.id, said.number, ActState::Unsure).await;
    until_act(&stage, task.id, completed.number, ActState::Done).await;
    assert_eq!(heard(&stage), ["reply conversation/7 one", "complete task/8", "complete task/8"]);
}

#[tokio::test]
async fn a_refusal_is_told_in_words_and_the_next_act_goes_on() {
    let stage = Stage::live().await;
    let talk = talked(&stage, 7).await;
    let mut refused = Vec::new();
    for (status, word) in [(403, "allow"), (404, "no longer"), (410, "no longer"), (409, "look at it there")]
    {
        stage.sandbox.podio().fault(fault("/conversation/7/reply", Answer::Status(status)));
        let act = stage.desk().act(talk.id, reply(&format!("status {status}"))).await.unwrap();
        refused.push((act.number, word));
    }
    let last = stage.desk().act(talk.id, reply("through")).await.unwrap();
    for (number, word) in refused {
        let view = until_act(&stage, talk.id, number, ActState::Refused).await;
        assert!(view.words.contains(word) && view.words.ends_with('.'), "{}", view.words);
    }
    until_act(&stage, talk.id, last.number, ActState::Done).await;
    assert_eq!(heard(&stage), ["reply conversation/7 through"]);
    // Told where the person looks by then, in the place of the message's own toast.
    let toasts = stage.until_shown(5).await;
    assert!(toasts.iter().all(|toast| toast.key == toasts[0].key), "{toasts:?}");
    assert!(toasts[1].title.contains("Your reply") && toasts[1].body.contains("allow"), "{toasts:?}");
}

#[tokio::test]
async fn a_service_that_is_not_available_is_asked_again_and_one_in_trouble_may_have_heard() {
    let stage = Stage::live().await;
    let talk = talked(&stage, 7).await;
    stage.sandbox.podio().fault(fault("/conversation/7/reply", Answer::Status(503)));
    let again = stage.desk().act(talk.id, reply("again")).await.unwrap();
    until_act(&stage, talk.id, again.number, ActState::Done).await;
    stage.sandbox.podio().fault(fault("/conversation/7/reply", Answer::Status(502)));
    let doubtful = stage.desk().act(talk.id, reply("doubtful")).await.unwrap();
    until_act(&stage, talk.id, doubtful.number, ActState::Unsure).await;
    assert_eq!(heard(&stage), ["reply conversation/7 again"]);
}

#[tokio::test]
async fn a_paused_account_keeps_its_acts_until_it_goes_on() {
    let stage = Stage::live().await;
    let talk = talked(&stage, 7).await;
    stage.desk().set_paused(stage.account(), true).await.unwrap();
    let act = stage.desk().act(talk.id, reply("later")).await.unwrap();
    stage.env.clock.jump(SignedDuration::from_mins(5));
    assert!(heard(&stage).is_empty());
    stage.desk().set_paused(stage.account(), false).await.unwrap();
    until_act(&stage, talk.id, act.number, ActState::Done).await;
    assert_eq!(heard(&stage), ["reply conversation/7 later"]);
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_the_act_told_once() {
    let stage = Stage::live().await;
    let talk = talked(&stage, 7).await;
    stage.sandbox.podio().expire_access_tokens();
    let act = stage.desk().act(talk.id, reply("still me")).await.unwrap();
    until_act(&stage, talk.id, act.number, ActState::Done).await;
    assert_eq!(heard(&stage), ["reply conversation/7 still me"]);
}

#[tokio::test]
async fn the_button_of_a_toast_does_what_it_says() {
    let stage = Stage::live().await;
    let task = told(&stage, Spec::new("creation", Context::task(8, "Offer"), "a task")).await;
    let toast = stage.until_shown(1).await.remove(0);
    assert_eq!(toast.button, Some(Offer::Complete));
    stage.until_settled().await;
    assert!(stage.toaster.happen(ToastEvent::Acted { key: toast.key, offer: Offer::Complete }).await);
    stage.sandbox.podio().wait_for(|seen| seen.acts.len() == 1, LIMIT).await.unwrap();
    let act = stage.desk().acts(task.id).await.unwrap().remove(0);
    until_act(&stage, task.id, act.number, ActState::Done).await;
    assert_eq!(heard(&stage), ["complete task/8"]);
    told(&stage, Spec::comment("nothing to finish here")).await;
    assert_eq!(stage.until_shown(2).await[1].button, None);
}

#[tokio::test]
async fn the_demo_offers_nothing_that_nobody_would_read() {
    let stage = Stage::empty().await;
    stage.desk().add_demo().await.unwrap();
    let row = stage.until_kept(1).await.remove(0);
    assert_eq!(stage.desk().offers(row.id).await.unwrap(), []);
    assert_eq!(stage.desk().act(row.id, reply("hello?")).await.unwrap_err().kind, TroubleKind::Usage);
}

/// Asks the real program for JSON.
fn asked(home: &Path, arguments: &[&str], input: &str) -> (Option<i32>, serde_json::Value, String) {
    let mut child = kill::belfry(home)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its arguments does not read.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let json = said.lines().next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    (output.status.code(), json, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs the real program until `reached` holds of what it answers to these arguments.
async fn until_asked(
    home: &Path,
    arguments: &[&str],
    reached: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let deadline = Instant::now() + LIMIT;
    loop {
        let (_, json, errors) = tokio::task::block_in_place(|| asked(home, arguments, ""));
        if reached(&json) {
            return json;
        }
        assert!(Instant::now() < deadline, "not in time: {json} {errors}");
        // The program tells no other process when it is through, so it is asked again a little later.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_keeps_an_act_and_the_next_resident_tells_it() {
    let podio = belfry_sandbox::Settings { rate_limit: 100_000, ..belfry_sandbox::Settings::default() };
    let sandbox = Sandbox::start(Options { podio, ..Options::apart() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let told = std::fs::File::create(folder.path().join("told.txt")).unwrap();
    tokio::task::block_in_place(|| kill::sign_in(&home, &sandbox));
    let task = Spec::new("creation", Context::task(8, "Offer"), "a task");
    sandbox.podio().notify(sandbox.user().user_id, task);
    sandbox.podio().notify(sandbox.user().user_id, Spec::comment("said"));
    let mut resident = kill::run(&home, &told);
    let both = |rows: &serde_json::Value| rows["offers"].as_array().is_some_and(|offers| !offers.is_empty());
    for id in ["1", "2"] {
        until_asked(&home, &["act", id, "--json"], both).await;
    }
    resident.kill().unwrap();
    resident.wait().unwrap();
    let comment = until_asked(&home, &["act", "2", "--json"], both).await["offers"][0].clone();
    let (task, said) = if comment == "comment" { ("1", "2") } else { ("2", "1") };

    tokio::task::block_in_place(|| {
        let (code, act, errors) =
            asked(&home, &["act", said, "reply", "--text", "-", "--json"], "on Thursday\n");
        assert_eq!((code, &act["state"]), (Some(0), &"waiting".into()), "{errors}");
        let (code, act, _) = asked(&home, &["act", said, "reply", "--text", "a slip", "--json"], "");
        assert_eq!((code, &act["can_be_undone"]), (Some(0), &true.into()));
        let (code, act, _) = asked(&home, &["act", said, "undo", "--json"], "");
        assert_eq!((code, &act["text"], &act["state"]), (Some(0), &"a slip".into(), &"undone".into()));
        assert_eq!(asked(&home, &["act", task, "complete"], "").0, Some(0));
        for wrong in [
            &["act", task, "accept"][..],
            &["act", task, "reply"],
            &["act", said, "reply", "--text", " "],
            &["act", "99", "complete"],
            &["act", "x"],
        ] {
            let (code, _, errors) = asked(&home, wrong, "");
            assert_eq!(code, Some(2), "{wrong:?}: {errors}");
        }
    });
    assert!(sandbox.podio().observed().acts.is_empty());
    let mut resident = kill::run(&home, &told);
    let seen = sandbox.podio().wait_for(|seen| seen.acts.len() == 2, LIMIT).await.unwrap();
    let acts: Vec<_> = seen.acts.iter().map(|act| (act.what, act.text.as_str())).collect();
    assert_eq!(acts, [("comment", "on Thursday"), ("complete", "")]);
    until_asked(&home, &["act", task, "--json"], |json| json["acts"][0]["state"] == "done").await;
    resident.kill().unwrap();
    resident.wait().unwrap();
}

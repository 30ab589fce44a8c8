//! The promises of the engine: nothing lost, nothing twice, never silently dead, every silence explained.

use std::time::Duration;

use belfry::engine::views::{PasswordSignIn, SignIn, SignInAnswer, SignInStep, SignInTo, TroubleKind};
use belfry::env::SecretName;
use belfry::link::LinkState;
use belfry::toast::recording::Call;
use belfry::toast::{Outcome, ToastEvent};
use belfry_sandbox::{Consent, Message, Side, Spec};
use secrecy::ExposeSecret;

use crate::stage::{self, LIMIT, Stage};

#[tokio::test]
async fn a_conversation_message_is_a_notification_too() {
    let stage = Stage::live().await;
    let message = Message {
        conversation_id: 7,
        subject: "Lunch".into(),
        text: "Shall we?".into(),
        by: belfry_sandbox::Byline::person(9, "Mei Lin"),
    };
    stage.sandbox.podio().message(stage.sandbox.user().user_id, message);
    let kept = stage.until_kept(1).await;
    assert_eq!(kept[0].notification.kind.name(), "message");
    let toast = stage.until_shown(1).await.remove(0);
    assert!(format!("{} {}", toast.title, toast.body).contains("Shall we?"), "{toast:?}");
}

#[tokio::test]
async fn read_elsewhere_means_read_here_and_the_toast_goes() {
    let stage = Stage::live().await;
    let user = stage.sandbox.user().user_id;
    let id = stage.sandbox.podio().notify(user, Spec::comment("seen on the phone"));
    stage.until_kept(1).await;
    let key = stage.until_shown(1).await.remove(0).key;
    stage.until_settled().await;
    stage.sandbox.podio().view_elsewhere(user, id);
    let read = stage
        .until("the row is read", LIMIT, async || {
            stage.kept().await.into_iter().find(|entry| entry.notification.read)
        })
        .await;
    assert!(read.read_elsewhere);
    let mut calls = stage.toaster.watch();
    tokio::time::timeout(LIMIT, calls.wait_for(|calls| calls.contains(&Call::Withdraw(key.clone()))))
        .await
        .expect("the toast is withdrawn")
        .unwrap();
}

#[tokio::test]
async fn marking_read_here_tells_the_service_even_when_it_was_away() {
    let mut stage = Stage::live().await;
    let user = stage.sandbox.user().user_id;
    let id = stage.sandbox.podio().notify(user, Spec::comment("to be read"));
    let row = stage.until_kept(1).await.remove(0);
    stage.sandbox.close(Side::Api).await;
    assert_eq!(stage.desk().set_read(vec![row.id], true).await.unwrap(), [row.id]);
    stage.crash();
    stage.sandbox.reopen(Side::Api).await.unwrap();
    stage.start().await;
    stage.sandbox.podio().wait_for(|seen| seen.viewed.contains(&id), LIMIT).await.unwrap();
}

#[tokio::test]
async fn mark_as_read_on_a_toast_marks_it_read_here_and_there() {
    let stage = Stage::live().await;
    let user = stage.sandbox.user().user_id;
    let id = stage.sandbox.podio().notify(user, Spec::comment("click me"));
    stage.until_kept(1).await;
    let key = stage.until_shown(1).await.remove(0).key;
    stage.until_settled().await;
    assert!(stage.toaster.happen(ToastEvent::MarkedRead { key }).await);
    stage.sandbox.podio().wait_for(|seen| seen.viewed.contains(&id), LIMIT).await.unwrap();
    assert!(stage.kept().await[0].notification.read);
}

#[tokio::test]
async fn a_crash_between_commit_and_toast_still_raises_it_once() {
    let mut stage = Stage::live().await;
    let user = stage.sandbox.user().user_id;
    // The store has the row and its pending toast, nobody has judged it: what a crash right after the commit leaves behind.
    stage.stop().await;
    let account = stage.account();
    let opened = belfry::store::Store::open(&stage.env.paths.database(), stage.env.clock.now()).unwrap();
    let id = stage.sandbox.podio().notify(user, Spec::comment("nearly lost"));
    let row = pushed(&stage, id, "nearly lost");
    let now = stage.env.clock.now();
    let live = belfry::notification::Arrival::Live;
    opened.store.admit(account, vec![row], live, None, now).await.unwrap();
    opened.store.close().await;
    stage.start().await;
    let toasts = stage.until_shown(1).await;
    assert!(toasts[0].title.contains("nearly lost"));
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    stage.until_settled().await;
    assert_eq!(stage.toaster.shown().len(), 1);
    assert_eq!(stage.kept().await.len(), 1);
}

#[tokio::test]
async fn a_crash_between_toast_and_ledger_raises_no_second_banner() {
    let mut stage = Stage::live().await;
    let user = stage.sandbox.user().user_id;
    stage.stop().await;
    let account = stage.account();
    let opened = belfry::store::Store::open(&stage.env.paths.database(), stage.env.clock.now()).unwrap();
    let id = stage.sandbox.podio().notify(user, Spec::comment("on the screen already"));
    let row = pushed(&stage, id, "on the screen already");
    let now = stage.env.clock.now();
    let live = belfry::notification::Arrival::Live;
    opened.store.admit(account, vec![row], live, None, now).await.unwrap();
    let run = opened.store.next_run(now).await.unwrap();
    let pending = opened.store.pending(10).await.unwrap();
    opened.store.claim(pending.iter().map(|row| row.id).collect(), "akey".into(), run, now).await.unwrap();
    opened.store.close().await;
    stage.start().await;
    stage.until_settled().await;
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    let row = stage.kept().await.remove(0);
    let why = stage.desk().why(row.id).await.unwrap();
    assert_eq!((why.outcome.as_str(), why.reason.as_deref()), ("quiet", Some("interrupted")));
    assert!(stage.toaster.shown().is_empty());
}

/// The notification as a push would have brought it.
fn pushed(stage: &Stage, id: u64, text: &str) -> belfry::notification::Notification {
    use belfry::notification::{Context, Detail, Icon, Kind, Notification};
    Notification {
        account: stage.account(),
        external_id: format!("n{id}"),
        kind: Kind::Comment,
        icon: Icon::Comment,
        title: text.to_owned(),
        body: String::new(),
        actor: None,
        context: Context::default(),
        occurred_at: stage.env.clock.now(),
        read: false,
        starred: false,
        wants_banner: true,
        wants_sound: true,
        no_news: false,
        urgency: None,
        version: 0,
        detail: Detail::Hint,
        raw: "{}".into(),
    }
}

#[tokio::test]
async fn a_toast_that_the_desktop_refuses_is_in_the_inbox_with_the_reason() {
    let stage = Stage::live().await;
    stage.toaster.answer(Outcome::NoService { reason: "none runs".into() });
    stage.sandbox.podio().notify(stage.sandbox.user().user_id, Spec::comment("unheard"));
    let row = stage.until_kept(1).await.remove(0);
    stage.until_settled().await;
    let why = stage.desk().why(row.id).await.unwrap();
    assert_eq!((why.outcome.as_str(), why.reason.as_deref()), ("failed", Some("no-service")));
}

#[tokio::test]
async fn an_expired_token_is_renewed_without_anybody_noticing() {
    let stage = Stage::live().await;
    stage.sandbox.podio().expire_access_tokens();
    stage.sandbox.podio().notify(stage.sandbox.user().user_id, Spec::comment("after the expiry"));
    stage.until_kept(1).await;
    let seen = stage.sandbox.podio().observed();
    assert_eq!(seen.refreshes, 1);
    assert!(matches!(stage.state().await, LinkState::Live));
}

#[tokio::test]
async fn a_dead_sign_in_is_said_and_signing_in_again_heals_it() {
    let stage = Stage::live().await;
    stage.sandbox.podio().expire_access_tokens();
    stage.sandbox.podio().kill_refresh_tokens();
    stage.sandbox.restart_push().await.unwrap();
    let user = stage.sandbox.user().user_id;
    let state =
        stage.until_state("needs sign-in", |state| matches!(state, LinkState::NeedsSignIn { .. })).await;
    assert!(state.reason().is_some_and(|reason| !reason.is_empty()));
    let refused = stage.sandbox.podio().observed().refused_grants;
    assert!(refused <= 2, "it was not tried again and again: {refused}");
    stage.sandbox.podio().notify(user, Spec::comment("while signed out"));
    let mut again = stage.wish();
    again.account = Some(stage.account());
    assert!(matches!(stage.desk().sign_in(again).await.unwrap(), SignInStep::Done { .. }));
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    stage.until_kept(1).await;
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_and_shown() {
    let mut stage = Stage::live().await;
    stage.stop().await;
    stage.sandbox.podio().exceed_rate_limit(Duration::from_secs(600));
    stage.start().await;
    let state = stage.until_state("waiting", |state| matches!(state, LinkState::Waiting { .. })).await;
    let LinkState::Waiting { until, .. } = state else { unreachable!() };
    let left = until.duration_since(stage.env.clock.now()).as_secs();
    assert!((500..=660).contains(&left), "waits {left} s");
    let asked = stage.sandbox.podio().observed().request_count;
    stage.desk().overview().await.unwrap();
    assert_eq!(stage.sandbox.podio().observed().request_count, asked, "nothing is asked meanwhile");
}

#[tokio::test]
async fn a_second_engine_is_turned_away_in_words() {
    let stage = Stage::live().await;
    let trouble = stage::start(&stage.env).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Occupied);
    assert!(trouble.words.contains("Another Belfry"), "{trouble}");
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_key_are_told_apart_and_keep_nothing() {
    let stage = Stage::empty().await;
    let username = stage.sandbox.user().mail;
    let guess = PasswordSignIn { username, password: "guess".into() };
    let password = stage.desk().sign_in(stage.wish_by(Some(guess))).await.unwrap_err();
    assert_eq!(password.kind, TroubleKind::NeedsSignIn, "{password}");
    let mut wrong = stage.wish();
    if let SignInTo::Podio { client_secret, .. } = &mut wrong.to {
        *client_secret = Some("guess".into());
    }
    let key = stage.desk().sign_in(wrong).await.unwrap_err();
    assert_ne!(password.words, key.words);
    assert!(stage.desk().accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn one_person_is_one_account() {
    let stage = Stage::live().await;
    let twice = stage.sign_in().await.unwrap_err();
    assert_eq!(twice.kind, TroubleKind::Usage);
    assert!(twice.words.contains("already"), "{twice}");
    assert_eq!(stage.desk().accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_push_over_a_websocket_is_kept_too() {
    let stage = Stage::empty().await.over(belfry::account::PushTransport::Websocket);
    stage.sign_in().await.unwrap();
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    stage.sandbox.podio().notify(stage.sandbox.user().user_id, Spec::comment("by another way"));
    stage.until_kept(1).await;
    assert!(stage.sandbox.podio().observed().sockets > 0, "it went over a WebSocket");
}

#[tokio::test]
async fn pasting_the_address_works_while_somebody_waits_for_the_browser() {
    let stage = Stage::empty().await;
    let user = stage.sandbox.user().user_id;
    stage.sandbox.podio().set(|settings| settings.consent = Consent::Allow(user));
    let wish = stage.wish_by(None);
    let SignInStep::Browser { attempt, url, .. } = stage.desk().sign_in(wish).await.unwrap() else {
        panic!("no browser is wanted")
    };
    let answer = stage.env.http.client.get(&url).send().await.unwrap();
    let text = answer.headers()["location"].to_str().unwrap().to_owned();
    let desk = stage.desk();
    let (waited, pasted) = tokio::join!(
        desk.sign_in_answer(attempt, SignInAnswer::Wait),
        desk.sign_in_answer(attempt, SignInAnswer::Pasted { text }),
    );
    let done = SignInStep::Done { account: stage.account() };
    assert_eq!(pasted.unwrap(), done);
    assert_eq!(waited.unwrap(), done);
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
}

#[tokio::test]
async fn signing_in_again_as_somebody_else_changes_nothing() {
    let stage = Stage::live().await;
    stage.sandbox.podio().add_user("Alan Marsh", "alan@example.test", "sesame");
    let before = stage.env.secrets.get(&stage.account(), SecretName::Tokens).await.unwrap().unwrap();
    let alan = PasswordSignIn { username: "alan@example.test".into(), password: "sesame".into() };
    let again = SignIn { account: Some(stage.account()), ..stage.wish_by(Some(alan)) };
    let trouble = stage.desk().sign_in(again).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Usage, "{trouble}");
    let after = stage.env.secrets.get(&stage.account(), SecretName::Tokens).await.unwrap().unwrap();
    assert_eq!(before.expose_secret(), after.expose_secret());
    assert!(matches!(stage.state().await, LinkState::Live));
}

#[tokio::test]
async fn what_is_told_in_a_summary_says_so() {
    let mut stage = Stage::live().await;
    let user = stage.sandbox.user().user_id;
    stage.stop().await;
    for n in 0..5 {
        stage.sandbox.podio().notify(user, Spec::comment(&format!("missed {n}")));
    }
    stage.start().await;
    let row = stage.until_kept(5).await.remove(0);
    stage.until_settled().await;
    let why = stage.desk().why(row.id).await.unwrap();
    assert!(why.story.iter().any(|said| said.contains("summary of 5")), "{why:?}");
}

#[tokio::test]
async fn a_sign_in_without_an_api_key_is_told_where_to_get_one() {
    let stage = Stage::empty().await;
    // As the window sends a form in which nothing was filled in.
    let wish: SignIn = serde_json::from_str(
        r#"{"service":"podio","account":null,"name":null,"settings":{"redirect_host":"localtest.me"},"client_secret":null,"password":null}"#,
    )
    .unwrap();
    let refused = stage.desk().sign_in(wish).await.unwrap_err();
    assert_eq!(refused.kind, TroubleKind::Usage);
    assert!(refused.words.contains("podio.com/settings/api"), "{refused}");
}

//! What can be in the way of CloudApp's stream: sign-ins that are refused, endpoints that are down, slow or confused. Each is told in words.

use belfry::link::LinkState;
use belfry_sandbox::cloudapp::{Algorithm, AuthForm, AuthUrl, ItemType};
use belfry_sandbox::{Answer, Fault};
use serde_json::json;

use crate::cloudapp_stage::{ADA, Drops};

fn fault(path: &str, times: u32, answer: Answer) -> Fault {
    Fault { path: path.into(), times, answer }
}

fn always(path: &str, answer: Answer) -> Fault {
    fault(path, 10_000, answer)
}

async fn waiting(drops: &Drops, words: &str) {
    drops
        .until_state(
            &format!("waiting: {words}"),
            |state| matches!(state, LinkState::Waiting { reason, .. } if reason.contains(words)),
        )
        .await;
}

async fn broken(drops: &Drops, words: &str) {
    drops
        .until_state(
            &format!("broken: {words}"),
            |state| matches!(state, LinkState::Broken { reason } if reason.contains(words)),
        )
        .await;
}

/// What is pushed is heard.
async fn hears(drops: &Drops) {
    drops.until_live().await;
    drops.there().upload(ADA, "heard.png", ItemType::Image);
    drops.until_titled("Ada's heard.png is up").await;
}

// ── the right to listen ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn an_auth_endpoint_that_is_down_is_waited_for() {
    let drops = Drops::empty().await;
    drops.there().fault(always("/pusher/auth", Answer::Status(503)));
    drops.sign_in(ADA).await.unwrap();
    waiting(&drops, "could not give the right to listen just now (503)").await;
    drops.there().heal();
    hears(&drops).await;
}

#[tokio::test]
async fn an_auth_endpoint_that_never_answers_is_given_up_in_time_and_tried_again() {
    let drops = Drops::empty().await;
    drops.there().fault(fault("/pusher/auth", 1, Answer::Silence));
    drops.sign_in(ADA).await.unwrap();
    waiting(&drops, "did not answer in time").await;
    hears(&drops).await;
}

#[tokio::test]
async fn an_auth_endpoint_that_talks_nonsense_is_waited_for() {
    let drops = Drops::empty().await;
    for nonsense in [Answer::Garbage, Answer::CaptivePortal, Answer::Json(json!({"auth": 5}))] {
        drops.there().fault(fault("/pusher/auth", 1, nonsense));
    }
    drops.sign_in(ADA).await.unwrap();
    waiting(&drops, "something that is not understood").await;
    hears(&drops).await;
}

#[tokio::test]
async fn a_refusal_is_told_and_no_question_of_signing_in() {
    let drops = Drops::empty().await;
    drops.there().fault(always("/pusher/auth", Answer::Status(403)));
    drops.sign_in(ADA).await.unwrap();
    broken(&drops, "refuses to let this account listen").await;
}

#[tokio::test]
async fn an_endpoint_that_knows_nothing_but_scripts_is_understood() {
    let drops = Drops::empty().await;
    drops.there().set(|settings| settings.auth_form = AuthForm::OnlyScript);
    drops.sign_in(ADA).await.unwrap();
    hears(&drops).await;
}

#[tokio::test]
async fn where_no_endpoint_is_named_the_usual_one_is_asked() {
    for said in [AuthUrl::Empty, AuthUrl::Text("/pusher/auth".into())] {
        let drops = Drops::empty().await;
        drops.there().set(|settings| settings.auth_url = said);
        drops.sign_in(ADA).await.unwrap();
        hears(&drops).await;
    }
}

#[tokio::test]
async fn the_sign_in_is_not_sent_to_another_server() {
    let drops = Drops::empty().await;
    // It would even answer: the Pusher side has an endpoint of its own.
    let elsewhere = format!("{}/pusher/auth", drops.sandbox.pusher_url());
    drops.there().set(|settings| settings.auth_url = AuthUrl::Text(elsewhere));
    drops.sign_in(ADA).await.unwrap();
    broken(&drops, "your sign-in is not sent there").await;
    assert!(drops.pusher().observed().requests.is_empty());
}

#[tokio::test]
async fn what_the_push_server_does_not_take_is_told() {
    let drops = Drops::empty().await;
    drops.there().set(|settings| settings.app_key = "belfry-key-of-yesterday".into());
    drops.sign_in(ADA).await.unwrap();
    broken(&drops, "knows no app with this key").await;
}

// ── name and password ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_wrong_password_adds_no_account_and_says_so() {
    let drops = Drops::empty().await;
    let trouble = drops.sign_in_with(None, "ada@example.test", "guess").await.unwrap_err();
    assert!(trouble.words.contains("refused name or password"), "{}", trouble.words);
    assert!(drops.desk().accounts().await.unwrap().is_empty());
    assert_eq!(drops.there().observed().unauthorized, 1, "asked once, and not again and again");
}

#[tokio::test]
async fn one_challenge_serves_all_calls_and_a_stale_one_costs_no_question() {
    let drops = Drops::live().await;
    let there = drops.there();
    // One for signing in, one for the link.
    assert_eq!(there.observed().challenges, 2);
    there.expire_nonces();
    drops.sandbox.restart_pusher().await.unwrap();
    drops.until_state("not live", |state| !matches!(state, LinkState::Live)).await;
    hears(&drops).await;
    let seen = there.observed();
    assert_eq!((seen.challenges, seen.unauthorized, seen.replays), (2, 0, 0));
    assert_eq!(seen.stale, 1);
}

#[tokio::test]
async fn a_password_that_was_changed_is_asked_for_and_taken() {
    let drops = Drops::live().await;
    let there = drops.there();
    there.change_password(ADA, "another").unwrap();
    drops.sandbox.restart_pusher().await.unwrap();
    drops
        .until_state("in need of a sign-in", |state| {
            matches!(state, LinkState::NeedsSignIn { reason } if reason.contains("refused name or password"))
        })
        .await;
    let refused = there.observed().unauthorized;
    let account =
        drops.sign_in_with(Some("cloudapp".to_owned().try_into().unwrap()), "", "another").await.unwrap();
    assert_eq!(account.as_str(), "cloudapp");
    hears(&drops).await;
    assert_eq!(there.observed().unauthorized, refused);
}

#[tokio::test]
async fn an_account_that_was_not_activated_is_told_to_be_so() {
    let drops = Drops::empty().await;
    drops.there().fault(fault("/account", 1, Answer::Status(409)));
    let trouble = drops.sign_in(ADA).await.unwrap_err();
    assert!(trouble.words.contains("not activated"), "{}", trouble.words);
}

#[tokio::test]
async fn an_account_without_a_stream_says_what_the_public_service_offers_today() {
    let drops = Drops::empty().await;
    let without = json!({"id": 1, "email": "ada@example.test"});
    drops.there().fault(fault("/account", 1, Answer::Json(without)));
    let trouble = drops.sign_in(ADA).await.unwrap_err();
    assert!(trouble.words.contains("CloudApp became Zight"), "{}", trouble.words);
    assert!(drops.desk().accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_cloudapp_is_told_apart_from_a_server_in_trouble() {
    let drops = Drops::empty().await;
    for (answer, words) in [
        (Answer::Status(404), "there is no CloudApp at this address"),
        (Answer::Status(500), "is in trouble (500"),
        (Answer::CaptivePortal, "may want you to sign in first"),
        (Answer::Garbage, "not understood"),
        (Answer::TooMany { retry_after: 30 }, "asks to wait"),
    ] {
        drops.there().fault(fault("/account", 1, answer));
        let trouble = drops.sign_in(ADA).await.unwrap_err();
        assert!(trouble.words.contains(words), "{}", trouble.words);
    }
}

#[tokio::test]
async fn the_newer_hash_is_spoken_too() {
    let drops = Drops::empty().await;
    drops.there().set(|settings| settings.algorithms = vec![Algorithm::Sha256, Algorithm::Md5]);
    drops.sign_in(ADA).await.unwrap();
    hears(&drops).await;
}

#[tokio::test]
async fn lists_that_fail_are_asked_again_before_the_link_is_live() {
    let drops = Drops::empty().await;
    drops.there().upload(ADA, "before.png", ItemType::Image);
    drops.there().fault(fault("/items", 2, Answer::Status(500)));
    drops.sign_in(ADA).await.unwrap();
    waiting(&drops, "is in trouble (500").await;
    hears(&drops).await;
    assert_eq!(drops.titles().await, ["Ada's before.png is up", "Ada's heard.png is up"]);
}

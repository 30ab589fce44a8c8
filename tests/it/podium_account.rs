//! A Podium account in the engine: its sign-in is cancelled, it is removed while something is in the way.

use std::time::Duration;

use belfry::account::{PodiumPlace, PodiumSettings};
use belfry::engine::views::{SignIn, SignInAnswer, SignInStep, SignInTo};
use belfry_sandbox::{Answer, Fault};

use crate::post;
use crate::stage::{Bell, LIMIT, Stage};

/// At the choice of a place: its number, and the uid of the first.
async fn choosing(stage: &Stage) -> (u64, String) {
    let mut wish = stage.wish();
    if let SignInTo::Podium { settings: Some(settings), .. } = &mut wish.to {
        settings.place = None;
    }
    let SignInStep::Browser { attempt, url, comes_by_itself } = stage.desk().sign_in(wish).await.unwrap()
    else {
        panic!("no browser")
    };
    assert!(comes_by_itself);
    post::browse(&url).await;
    let step = stage.desk().sign_in_answer(attempt, SignInAnswer::Wait).await.unwrap();
    let SignInStep::Place { attempt, places } = step else { panic!("{step:?}") };
    (attempt, places[0].uid().to_owned())
}

#[tokio::test]
async fn a_sign_in_that_is_cancelled_while_the_place_is_taken_is_undone() {
    let stage = Stage::empty_at(Bell::Podium).await;
    let podium = stage.sandbox.podium();
    let (attempt, uid) = choosing(&stage).await;
    podium.fault(Fault { path: "/v4/webhooks".into(), times: 1, answer: Answer::Late { ms: 1_000 } });
    let desk = stage.desk();
    let (chosen, cancelled) =
        tokio::join!(desk.sign_in_answer(attempt, SignInAnswer::Place { uid }), async {
            podium.wait_for(|seen| seen.calls("GET", "/v4/webhooks") > 0, LIMIT).await.unwrap();
            desk.sign_in_answer(attempt, SignInAnswer::Cancel).await.unwrap_err()
        });
    assert!(cancelled.words.contains("nothing was changed"), "{cancelled}");
    let over = chosen.unwrap_err();
    assert!(over.words.contains("over"), "{over}");
    assert_eq!(podium.webhooks(), []);
    assert!(desk.accounts().await.unwrap().is_empty());
    let again = desk.sign_in_answer(attempt, SignInAnswer::Cancel).await.unwrap_err();
    assert!(again.words.contains("over"), "what is over cannot be cancelled: {again}");
}

#[tokio::test]
async fn a_place_that_is_chosen_twice_at_once_is_one_account() {
    let stage = Stage::empty_at(Bell::Podium).await;
    let (attempt, uid) = choosing(&stage).await;
    let desk = stage.desk();
    let place = || desk.sign_in_answer(attempt, SignInAnswer::Place { uid: uid.clone() });
    let (one, other) = tokio::join!(place(), place());
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(stage.sandbox.podium().webhooks().len(), 1);
}

#[tokio::test]
async fn an_account_listens_elsewhere_and_to_other_things_after_signing_in_again() {
    let stage = Stage::live_at(Bell::Podium).await;
    let (desk, podium) = (stage.desk(), stage.sandbox.podium());
    let set = async || desk.podium_settings(stage.account()).await.unwrap();
    let before = set().await;
    let again = async |settings: Option<PodiumSettings>| {
        let to = SignInTo::Podium { settings, client_secret: None, join_code: None };
        let wish = SignIn { account: Some(stage.account()), name: None, to };
        let SignInStep::Browser { attempt, url, .. } = desk.sign_in(wish).await.unwrap() else {
            panic!("no browser")
        };
        post::browse(&url).await;
        desk.sign_in_answer(attempt, SignInAnswer::Wait).await.unwrap()
    };
    let step = again(None).await;
    assert!(matches!(step, SignInStep::Done { .. }), "{step:?}");
    assert_eq!(set().await, before, "nothing was to be different");

    let wished = PodiumSettings {
        place: None,
        events: vec!["review.created".into()],
        client_id: "another app".into(),
        ..before.clone()
    };
    let SignInStep::Place { attempt, places } = again(Some(wished)).await else { panic!("no choice") };
    let other = places.iter().find(|place| Some(*place) != before.place.as_ref()).unwrap();
    let answer = SignInAnswer::Place { uid: other.uid().to_owned() };
    let step = desk.sign_in_answer(attempt, answer).await.unwrap();
    assert!(matches!(step, SignInStep::Done { .. }), "{step:?}");
    let after = set().await;
    assert_eq!((after.place.as_ref(), &after.events[..]), (Some(other), &["review.created".to_owned()][..]));
    assert_eq!((after.client_id, after.receiver), (before.client_id, before.receiver), "all else is kept");
    let label = desk.accounts().await.unwrap().remove(0).label;
    assert_eq!(label, other.name());
    let webhooks = podium.webhooks();
    assert_eq!((webhooks.len(), &webhooks[0].event_types[..]), (1, &["review.created".to_owned()][..]));

    let demo = desk.add_demo().await.unwrap();
    let refused = desk.podium_settings(demo).await.unwrap_err();
    assert!(refused.words.contains("not at Podium"), "{refused}");
}

#[tokio::test]
async fn a_place_that_another_account_listens_to_is_refused_before_anything_is_changed() {
    let stage = Stage::live_at(Bell::Podium).await;
    let (desk, podium) = (stage.desk(), stage.sandbox.podium());
    // A second account, at the second place.
    let (attempt, first) = choosing(&stage).await;
    let refused = desk.sign_in_answer(attempt, SignInAnswer::Place { uid: first }).await.unwrap_err();
    assert!(refused.words.contains("“podium” listens to “Harbour Street” already"), "{refused}");
    assert_eq!(podium.webhooks().len(), 1, "nothing was made for it");
    let second = podium.locations().remove(1).uid;
    let answer = SignInAnswer::Place { uid: second.clone() };
    let step = desk.sign_in_answer(attempt, answer).await.unwrap();
    assert!(matches!(step, SignInStep::Done { .. }), "another may be chosen: {step:?}");

    let before = podium.webhooks();
    assert_eq!(before.len(), 2);
    let mut settings = desk.podium_settings(stage.account()).await.unwrap();
    settings.place = Some(PodiumPlace::Location { uid: second, organization_uid: None, name: String::new() });
    let to = SignInTo::Podium { settings: Some(settings), client_secret: None, join_code: None };
    let wish = SignIn { account: Some(stage.account()), name: None, to };
    let SignInStep::Browser { attempt, url, .. } = desk.sign_in(wish).await.unwrap() else {
        panic!("no browser")
    };
    post::browse(&url).await;
    let refused = desk.sign_in_answer(attempt, SignInAnswer::Wait).await.unwrap_err();
    assert!(refused.words.contains("“podium-2” listens to"), "{refused}");
    assert_eq!(podium.webhooks(), before, "what the first account listens by is still there");
}

/// Removes the account, and gives what is said to be left.
async fn left(stage: &Stage) -> String {
    stage.desk().remove_account(stage.account()).await.unwrap().left.unwrap_or_default()
}

#[tokio::test]
async fn a_webhook_that_an_ended_sign_in_leaves_at_podium_is_said() {
    let stage = Stage::live_at(Bell::Podium).await;
    let podium = stage.sandbox.podium();
    let webhook = podium.webhooks().remove(0).uid;
    podium.revoke();
    let said = left(&stage).await;
    assert!(said.contains(&webhook) && said.contains("DELETE /v4/webhooks"), "{said}");
    assert!(!said.contains("ends by itself") && !said.contains("sign in again"), "{said}");
    assert!(!said.contains("relay"), "the relay was told: {said}");
}

#[tokio::test]
async fn a_relay_that_is_away_is_said_and_podium_is_told_all_the_same() {
    let stage = Stage::live_at(Bell::Podium).await;
    stage.post().close().await;
    let said = left(&stage).await;
    assert!(said.contains("127.0.0.1") && said.contains("forget"), "{said}");
    assert!(!said.contains("webhook") && !said.contains("your account at"), "{said}");
    assert_eq!(stage.sandbox.podium().webhooks(), []);
}

#[tokio::test]
async fn a_webhook_account_whose_relay_is_away_names_what_is_to_be_done() {
    let stage = Stage::live_at(Bell::Webhook).await;
    stage.post().close().await;
    let said = left(&stage).await;
    assert!(said.contains("Take this account's address out of the service"), "{said}");
    assert!(!said.contains("your account at"), "{said}");
}

#[tokio::test]
async fn a_podium_that_does_not_answer_leaves_the_relay_its_time() {
    let stage = Stage::live_at(Bell::Podium).await;
    let podium = stage.sandbox.podium();
    podium.fault(Fault { path: "/v4/webhooks".into(), times: 100, answer: Answer::Silence });
    let (desk, account) = (stage.desk(), stage.account());
    let removed = tokio::spawn(async move { desk.remove_account(account).await });
    podium.wait_for(|seen| seen.calls("GET", "/v4/webhooks") > 0, LIMIT).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    let left = removed.await.unwrap().unwrap().left.unwrap();
    assert!(left.contains("did not answer in time") && left.contains("webhook"), "{left}");
    assert!(!left.contains("forget"), "the relay was told: {left}");
}

//! A Podium account in the engine: its sign-in is cancelled.

use belfry::engine::views::{SignInAnswer, SignInStep, SignInTo};
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

//! Belfry whole, with its push from a real Faye server that checks Podio's signatures, and its REST from the sandbox.

use belfry::account::PushTransport;
use belfry::link::LinkState;
use belfry_sandbox::{Mode, Spec, Wire};
use serde_json::{Value, json};

use crate::node::Faye;
use crate::stage::{LIMIT, Stage};

/// A stage whose push comes from Faye, live.
async fn live_on_faye(transport: PushTransport) -> (Stage, Faye, Wire) {
    let stage = Stage::empty().await;
    let faye = Faye::start(&stage.sandbox.podio().push_secret(), 45).await;
    let wire = Wire::start(([127, 0, 0, 1], faye.port).into()).await.unwrap();
    let api = stage.sandbox.api_url();
    let stage = stage.through(api, format!("{}/faye", wire.url())).over(transport);
    stage.sign_in().await.unwrap();
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    (stage, faye, wire)
}

/// Something happens: the REST side has it, and Faye pushes it.
async fn happens(stage: &Stage, faye: &Faye, text: &str) -> u64 {
    let user = stage.sandbox.user().user_id;
    let id = stage.sandbox.podio().notify_silently(user, Spec::comment(text));
    faye.publish(&format!("/user/{user}"), &notification_create(user, id, text)).await;
    id
}

fn notification_create(user: u64, id: u64, text: &str) -> Value {
    json!({
        "ref": {"type": "user", "id": user}, "event": "notification_create",
        "created_by": {"type": "user", "id": 9}, "created_via": 1,
        "data": {"notification_id": id, "text": text, "link": "https://podio.com/x", "icon": "comment",
                 "settings": {"sound": 1, "browser": 1}},
    })
}

#[tokio::test]
async fn a_push_from_a_real_faye_server_becomes_a_row_and_a_toast() {
    let (stage, mut faye, _wire) = live_on_faye(PushTransport::LongPolling).await;
    let granted = faye.node.until("granted").await;
    assert_eq!(granted["channel"], format!("/user/{}", stage.sandbox.user().user_id));
    happens(&stage, &faye, "through Faye").await;
    stage.until_kept(1).await;
    assert!(stage.until_shown(1).await[0].title.contains("through Faye"));
}

#[tokio::test]
async fn after_a_cut_of_the_path_the_old_client_id_is_used_and_nothing_is_lost() {
    a_cut_loses_nothing(PushTransport::LongPolling).await;
}

#[tokio::test]
async fn after_a_reset_websocket_what_faye_wrote_into_the_dead_one_is_caught_up() {
    a_cut_loses_nothing(PushTransport::Websocket).await;
}

async fn a_cut_loses_nothing(transport: PushTransport) {
    let (stage, mut faye, wire) = live_on_faye(transport).await;
    faye.node.until("granted").await;
    wire.set(Mode::Cut);
    stage.until_state("down", |state| !matches!(state, LinkState::Live)).await;
    for n in 0..20 {
        happens(&stage, &faye, &format!("during the cut {n}")).await;
    }
    wire.set(Mode::Pass);
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    stage.until_kept(20).await;
    happens(&stage, &faye, "after the cut").await;
    let kept = stage.until_kept(21).await;
    assert_eq!(kept.len(), 21);
    let handshakes = faye.node.said.iter().filter(|said| said["event"] == "handshake").count();
    assert_eq!(handshakes, 1, "one handshake in all: {:?}", faye.node.said);
}

#[tokio::test]
async fn after_a_killed_server_comes_back_it_is_subscribed_with_a_fresh_push_object() {
    let (stage, mut faye, _wire) = live_on_faye(PushTransport::LongPolling).await;
    faye.node.until("granted").await;
    let first = stage.sandbox.podio().observed().calls("GET", "/user/status");
    let mut faye = faye.restart().await;
    // Known to the service, never pushed: only catching up finds it.
    let user = stage.sandbox.user().user_id;
    stage.sandbox.podio().notify_silently(user, Spec::comment("while the server was dead"));
    let granted = faye.node.until("granted").await;
    assert_eq!(granted["channel"], format!("/user/{user}"));
    assert!(
        stage.sandbox.podio().observed().calls("GET", "/user/status") > first,
        "a fresh push object was read"
    );
    stage.until_kept(1).await;
    stage.until_state("live", |state| matches!(state, LinkState::Live)).await;
    happens(&stage, &faye, "afterwards").await;
    stage.until_kept(2).await;
}

#[tokio::test]
async fn a_refused_signature_is_said_and_tried_again_only_with_a_fresh_one() {
    let stage = Stage::empty().await;
    let mut faye = Faye::start("another secret", 45).await;
    let (api, push) = (stage.sandbox.api_url(), faye.url());
    let stage = stage.through(api, push);
    stage.sign_in().await.unwrap();
    faye.node.until("refused").await;
    let state = stage
        .until("the refusal is shown", LIMIT, async || {
            Some(stage.state().await).filter(|state| state.reason().is_some())
        })
        .await;
    assert!(!matches!(state, LinkState::Live), "{state:?}");
}

//! Webhooks through relays of other makes: gosmee, which keeps what came and passes bodies on as they were, and smee, which does neither.

use belfry::account::Signature;
use belfry::link::LinkState;
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::stage::{LIMIT, Stage};
use crate::webhook_stage::{Foreign, Make, Wish, account, signature_of, until_unheard};

/// An event as gosmee writes it.
fn gosmee(title: &str) -> Value {
    let body = json!({"title": title}).to_string();
    json!({
        "content-type": "application/json", "x-hub-signature-256": format!("sha256={}", signature_of(body.as_bytes())),
        "timestamp": jiff::Timestamp::now().as_millisecond().to_string(), "bodyB": BASE64.encode(body.as_bytes()),
    })
}

fn titles(kept: &[belfry::engine::views::Entry]) -> Vec<String> {
    kept.iter().map(|entry| entry.notification.title.clone()).collect()
}

#[tokio::test]
async fn gosmee_is_gone_on_with_from_what_was_kept_last_and_its_gap_is_said() {
    let relay = Foreign::start(Make::Gosmee).await;
    let mut stage = Stage::empty().await;
    // It came between making the channel and listening: all that gosmee holds is asked for.
    relay.send("1700000000000-0", &gosmee("first"));
    Wish::at(&relay.url()).signed(Signature::Github).live(&stage).await;
    assert_eq!(titles(&stage.until_kept(1).await), ["first"]);
    assert!(relay.streams().last().unwrap().contains("\r\nlast-event-id: 0-0\r\n"), "{:?}", relay.streams());
    assert_eq!(account(&stage).await.unheard, None, "who asks for all misses nothing");
    relay.send("1700000000001-0", &gosmee("second"));
    stage.until_kept(2).await;
    stage.stop().await;
    relay.send("1700000000002-0", &gosmee("while away"));
    stage.start().await;
    assert_eq!(titles(&stage.until_kept(3).await), ["first", "second", "while away"]);
    assert!(relay.streams().last().unwrap().contains("\r\nlast-event-id: 1700000000001-0\r\n"));
    stage.until_state("live", |state| *state == LinkState::Live).await;
    stage.stop().await;
    // Another one at the same address, which holds nothing of that.
    let other = Foreign::start(Make::Gosmee).await;
    other.send("1800000000000-0", &gosmee("of another"));
    let id = {
        stage.start().await;
        account(&stage).await.id
    };
    let mut settings = stage.desk().webhook_settings(id.clone()).await.unwrap();
    if let belfry::account::Receiver::Relay(relay) = &mut settings.receiver {
        relay.url = other.url().parse().unwrap();
    }
    let to =
        belfry::engine::views::SignInTo::Webhook { settings: Some(settings), secret: None, join_code: None };
    stage.desk().sign_in(belfry::engine::views::SignIn { account: Some(id), name: None, to }).await.unwrap();
    until_unheard(&stage, "some of it may be lost").await;
    let kept = stage.until_kept(4).await;
    assert_eq!(titles(&kept)[3], "of another");
}

#[tokio::test]
async fn smee_is_told_by_its_stream_and_takes_no_account_whose_webhooks_are_signed() {
    let relay = Foreign::start(Make::Smee).await;
    let mut stage = Stage::empty().await;
    let refused = Wish::at(&relay.url()).signed(Signature::Github).begin(&stage).await.unwrap_err();
    assert!(refused.words.contains("no signature can be checked"), "{refused}");
    // Its channel may be given as a whole, as its page shows it.
    let hook = Wish::at(&format!("{}/AbC-123_x", relay.url())).live(&stage).await;
    assert_eq!(hook, format!("{}/AbC-123_x", relay.url()));
    let event = |title: &str| json!({"x-event-type": "told", "timestamp": 1_763_880_000_000_i64, "query": {}, "body": {"title": title}});
    relay.send("1", &event("one"));
    relay.send("2", &event("two"));
    assert_eq!(titles(&stage.until_kept(2).await), ["one", "two"]);
    stage.stop().await;
    stage.start().await;
    stage.until_state("live", |state| *state == LinkState::Live).await;
    relay.send("1", &event("three"));
    assert_eq!(titles(&stage.until_kept(3).await), ["one", "two", "three"]);
    assert!(
        relay.seen().iter().all(|head| !head.contains("last-event-id")),
        "its counters are never sent back"
    );
}

#[tokio::test]
async fn what_is_malformed_is_passed_over_and_the_rest_comes() {
    let relay = Foreign::start(Make::Gosmee).await;
    let stage = Stage::empty().await;
    Wish::at(&relay.url()).live(&stage).await;
    relay.send("1700000000001-0", &json!("text"));
    relay.send("1700000000002-0", &json!({"bodyB": "%%%"}));
    relay.send("1700000000003-0", &json!({"bodyB": "A".repeat(7 << 20)}));
    relay.send("1700000000004-0", &gosmee("whole"));
    assert_eq!(titles(&stage.until_kept(1).await), ["whole"]);
    // One whose clock is ahead would have its webhook stand above all news.
    let mut ahead = gosmee("ahead");
    ahead["timestamp"] = json!((jiff::Timestamp::now().as_millisecond() + 3_600_000).to_string());
    relay.send("1700000000005-0", &ahead);
    let kept = stage.until_kept(2).await;
    assert!(kept[1].notification.occurred_at <= jiff::Timestamp::now(), "{:?}", kept[1]);
    assert_eq!(relay.streams().len(), 2, "one to find its kind, one that lasted: {:?}", relay.streams());
}

#[tokio::test]
async fn a_relay_that_falls_silent_is_given_up_within_45_seconds() {
    use belfry::account::{Receiver, RelayKind, RelaySettings};
    use belfry::source::webhook::{Heard, Hooks, Secrets};

    let relay = Foreign::start(Make::Mute).await;
    let home = tempfile::tempdir().unwrap();
    let env = crate::stage::env(home.path());
    let settings = RelaySettings {
        kind: RelayKind::Gosmee,
        channel: "channel".into(),
        ..RelaySettings::at(relay.url().parse().unwrap())
    };
    let mut hooks = Hooks::start(&Receiver::Relay(settings), &Secrets::default(), &env, None).unwrap();
    assert!(matches!(hooks.next().await, Ok(Heard::Connected)));
    assert!(matches!(tokio::time::timeout(LIMIT, hooks.next()).await, Ok(Ok(Heard::Ready))));
    // From here on nothing comes, and time runs as fast as it can.
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    let failure = hooks.next().await.unwrap_err();
    assert!(failure.to_string().contains("silent"), "{failure}");
    let waited = begin.elapsed().as_secs();
    assert!((30..45).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn what_is_no_relay_is_not_taken_for_one() {
    let stage = Stage::empty().await;
    let page = stage.sandbox.api_url();
    let refused = Wish::at(&page).begin(&stage).await.unwrap_err();
    assert!(refused.words.contains("no relay that Belfry knows"), "{refused}");
}

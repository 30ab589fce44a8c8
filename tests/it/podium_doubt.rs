//! What Podium's source does where the webhook may not have told everything: what was lost is looked up, in this life or a later one, and
//! what only comes late is not refused.

use std::time::Duration;

use belfry::notification::Arrival;
use belfry_sandbox::podium::Odd;
use belfry_sandbox::{Answer, Fault};
use jiff::SignedDuration;
use serde_json::json;

use crate::podium_stage::{Kept, Shop};
use crate::stage::{Bell, LIMIT, Stage};
use crate::webhook_stage::send;

/// Every look at the lists comes to nothing from now on.
fn look_fails(shop: &Shop) {
    let answer = Answer::Status(503);
    shop.podium().fault(Fault { path: "/v4/conversations".into(), times: u32::MAX, answer });
}

fn id(message: &str) -> String {
    format!("message/{message}")
}

fn has(kept: &Kept, message: &str) -> bool {
    kept.rows.contains_key(&id(message))
}

/// A message of Ada's comes and is kept with its place in the relay's stream, while no look comes to an end. Then they do.
async fn goes_on_and_looks_at_last(shop: &Shop) {
    let after = shop.podium().message_received("Ada Brook", "After").uid;
    shop.until("the next one", |kept| has(kept, &after)).await;
    let ends = shop.kept().ends;
    shop.until("a look that failed", |kept| kept.ends > ends).await;
    shop.podium().heal();
    shop.until_live().await;
}

fn gaps(kept: &Kept) -> usize {
    kept.rows.values().filter(|row| row.title == "Something may be missing").count()
}

/// Live, with a first message of Ada's.
async fn shop() -> Shop {
    let shop = Shop::live().await;
    shop.podium().message_received("Ada Brook", "Before");
    shop.until_titled("Ada Brook sent a text message").await;
    shop
}

#[tokio::test]
async fn what_a_gap_lost_is_looked_up_by_a_later_life_if_the_first_look_fails() {
    let mut shop = shop().await;
    let port = shop.stop_relay().await;
    shop.until("an end", |kept| kept.ended.is_some()).await;
    let lost = shop.podium().silently().message_received("Ada Brook", "Lost on the way").uid;
    look_fails(&shop);
    shop.start_restored_relay(port).await;
    shop.until("the gap", |kept| gaps(kept) == 1).await;
    goes_on_and_looks_at_last(&shop).await;
    let kept = shop.kept();
    assert!(has(&kept, &lost), "{:?}", shop.titles());
    assert_eq!(gaps(&kept), 1, "{:?}", shop.titles());
}

#[tokio::test]
async fn a_gap_is_said_once_though_nothing_comes_after_it() {
    let mut shop = shop().await;
    let at = |kept: &Kept| {
        let cursor: serde_json::Value = serde_json::from_str(&kept.cursor.clone().unwrap().0).unwrap();
        cursor["at"].as_str().unwrap().to_owned()
    };
    let before = at(&shop.kept());
    let port = shop.stop_relay().await;
    shop.until("an end", |kept| kept.ended.is_some()).await;
    shop.start_emptied_relay(port).await;
    shop.until("the gap", |kept| gaps(kept) > 0).await;
    shop.until_live().await;
    for _ in 0..2 {
        shop.stop().await;
        shop.start();
        shop.until_live().await;
    }
    assert_eq!(gaps(&shop.kept()), 1, "{:?}", shop.titles());
    assert_ne!(at(&shop.kept()), before, "the relay is not asked for what it does not have again");
}

#[tokio::test]
async fn what_no_webhook_told_is_looked_up_by_a_later_life_if_the_first_look_fails() {
    let mut shop = shop().await;
    let podium = shop.podium();
    shop.stop().await;
    podium.remove_webhook(&podium.webhooks()[0].uid).unwrap();
    let lost = podium.message_received("Ada Brook", "Nobody hears").uid;
    look_fails(&shop);
    shop.start();
    shop.until("a look that failed", |kept| kept.ended.is_some()).await;
    assert_eq!(podium.webhooks().len(), 1);
    goes_on_and_looks_at_last(&shop).await;
    assert!(has(&shop.kept(), &lost), "{:?}", shop.titles());
    shop.until_titled("Podium's webhook was gone").await;
}

#[tokio::test]
async fn what_a_webhook_did_not_tell_while_its_events_were_others_is_looked_up() {
    let mut shop = shop().await;
    let podium = shop.podium();
    let uid = podium.webhooks()[0].uid.clone();
    let whole = podium.webhooks()[0].event_types.clone();
    let tells = |events: &[String]| {
        podium.change_webhook(&uid, |webhook| webhook.event_types = events.to_vec()).unwrap();
    };
    shop.stop().await;
    tells(&["call.missed".to_owned()]);
    let lost = podium.message_received("Ada Brook", "Nobody hears").uid;
    tells(&whole);
    podium.message_received("Ada Brook", "After");
    podium.delivered(LIMIT).await.unwrap();
    tells(&["call.missed".to_owned()]);
    shop.start();
    shop.until_live().await;
    assert!(has(&shop.kept(), &lost), "{:?}", shop.titles());
}

#[tokio::test]
async fn what_was_refused_is_looked_up_by_a_later_life_if_the_first_look_fails() {
    let mut shop = shop().await;
    let podium = shop.podium();
    shop.stop().await;
    podium.send_odd(&Odd::WrongSignature, 1);
    let refused = podium.message_received("Ada Brook", "Signed by somebody else").uid;
    podium.delivered(LIMIT).await.unwrap();
    look_fails(&shop);
    shop.start();
    goes_on_and_looks_at_last(&shop).await;
    assert!(has(&shop.kept(), &refused), "{:?}", shop.titles());
}

#[tokio::test]
async fn what_was_larger_than_is_taken_is_looked_up() {
    let mut shop = shop().await;
    let podium = shop.podium();
    shop.stop().await;
    let port = shop.stop_relay().await;
    shop.start_roomy_relay(port).await;
    let lost = podium.silently().message_received("Ada Brook", "With all that was said before").uid;
    let hook = podium.webhooks().remove(0).url.unwrap();
    assert_eq!(send(&hook, &[], vec![b' '; 3 << 20]).await, 200);
    // The conversation's last message is told as ever: only a doubt has its others looked at.
    podium.message_received("Ada Brook", "After");
    podium.delivered(LIMIT).await.unwrap();
    shop.start();
    shop.until_live().await;
    assert!(has(&shop.kept(), &lost), "{:?}", shop.titles());
}

#[tokio::test]
async fn what_waited_at_podium_is_taken_though_it_carries_the_signature_of_its_time() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    podium.set(|settings| settings.signed_anew = false);
    let uid = podium.webhooks()[0].uid.clone();
    shop.stop().await;
    podium.change_webhook(&uid, |webhook| webhook.disabled = true).unwrap();
    let missed: Vec<_> = (0..3).map(|n| podium.call("call.missed", &format!("Caller {n}")).uid).collect();
    podium.age_queues(Duration::from_secs(9 * 86_400));
    shop.start();
    let all = |kept: &Kept| missed.iter().all(|uid| kept.rows.contains_key(&format!("call/{uid}")));
    shop.until("all calls", all).await;
    assert_eq!(shop.kept().unheard, None);
}

#[tokio::test]
async fn what_was_refused_is_no_longer_said_once_something_is_taken() {
    let shop = Shop::live().await;
    let podium = shop.podium();
    podium.send_odd(&Odd::WrongSignature, 2);
    podium.message_received("Mallory", "One");
    podium.message_received("Mallory", "Two");
    let said =
        |kept: &Kept| kept.unheard.as_ref().is_some_and(|said| said.contains("2 webhooks were refused"));
    shop.until("said", said).await;
    podium.message_received("Ada Brook", "Genuine");
    shop.until("no longer said", |kept| kept.unheard.is_none()).await;
    podium.send_odd(&Odd::WrongSignature, 1);
    podium.message_received("Mallory", "Three");
    let anew = |kept: &Kept| kept.unheard.as_ref().is_some_and(|said| said.contains("A webhook was refused"));
    shop.until("said anew", anew).await;
}

#[tokio::test]
async fn what_is_told_long_after_it_happened_is_no_news_of_this_moment() {
    let shop = Shop::live().await;
    let podium = shop.podium();
    let hours_ago = shop.env.clock.now() - SignedDuration::from_hours(5);
    let old = podium.happens("call.received", &json!({"startedAt": hours_ago.to_string()})).uid;
    let new = podium.happens("call.received", &json!({})).uid;
    let kept = shop.until("both", |kept| kept.rows.contains_key(&format!("call/{new}"))).await;
    let arrival =
        |uid: &str| kept.came.iter().find(|(id, _)| *id == format!("call/{uid}")).map(|(_, how)| *how);
    assert_eq!((arrival(&old), arrival(&new)), (Some(Arrival::Backlog), Some(Arrival::Live)));
}

#[tokio::test]
async fn a_call_of_hours_ago_does_not_pop_up_as_if_it_were_ringing() {
    let stage = Stage::live_at(Bell::Podium).await;
    let hours_ago = stage.env.clock.now() - SignedDuration::from_hours(5);
    let wish = json!({"startedAt": hours_ago.to_string(), "direction": "inbound"});
    stage.sandbox.podium().happens("call.received", &wish);
    let toasts = stage.until_shown(1).await;
    assert!(toasts[0].title.starts_with("1 new since "), "{toasts:?}");
    assert!(toasts[0].body.ends_with("is calling"), "{toasts:?}");
}

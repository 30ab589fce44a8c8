//! Podium's source against the sandbox's Podium and a real relay: what happens there is one row here, whatever the way it was heard of.

use std::time::Duration;

use belfry::env::SecretName;
use belfry::link::LinkState;
use belfry::notification::Arrival;
use belfry_sandbox::podium::Odd;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::podium_stage::{Kept, Shop};
use crate::stage::LIMIT;

fn arrivals(kept: &Kept, id: &str) -> Vec<Arrival> {
    kept.came.iter().filter(|(of, _)| of == id).map(|(_, arrival)| *arrival).collect()
}

#[tokio::test]
async fn a_message_is_a_row_that_leads_to_its_conversation() {
    let shop = Shop::live().await;
    let happened = shop.podium().message_received("Ada Brook", "Is my bike ready?");
    let row = shop.until_titled("Ada Brook sent a text message").await;
    assert_eq!(
        (row.external_id.as_str(), row.body.as_str()),
        (format!("message/{}", happened.uid).as_str(), "Is my bike ready?")
    );
    let conversation = happened.conversation_uid.unwrap();
    assert_eq!(
        row.context.url,
        Some(format!("https://app.podium.example/inbox/redirect-messages/{conversation}"))
    );
    assert_eq!(arrivals(&shop.kept(), &row.external_id), [Arrival::Live]);
    let observed = shop.podium().delivered(LIMIT).await.unwrap();
    assert_eq!((observed.failed, observed.unauthorized, observed.crowded_cursors), (0, 0, 0));
}

#[tokio::test]
async fn what_came_while_nobody_was_there_comes_once_and_what_was_kept_does_not_come_again() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    podium.message_received("Ada Brook", "One");
    shop.until("one row", |kept| kept.rows.len() == 1).await;
    shop.stop().await;
    podium.burst(30);
    podium.review_created("Ada Brook", 5, "Friendly and quick.");
    podium.invoice("invoice.payment_succeeded", "Ada Brook", 12_050);
    podium.call("call.missed", "Ada Brook");
    podium.delivered(LIMIT).await.unwrap();
    shop.start();
    shop.until_live().await;
    // The lists have the invoice's beginning too; nobody called for that, so nothing else may be doubled.
    let kept = shop.until("all of it", |kept| kept.rows.len() >= 34).await;
    let created = |id: &String| id.ends_with("/created");
    assert_eq!(kept.rows.keys().filter(|id| !created(id)).count(), 34, "{:?}", shop.titles());
    let mut ids: Vec<_> = kept.came.iter().map(|(id, _)| id).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "each came once");
    let (position, sent) = (kept.cursor.unwrap(), shop.sent().await);
    assert!(sent >= 34, "{sent}");
    shop.stop().await;
    shop.start();
    shop.until_live().await;
    assert_eq!(shop.kept().came.len(), all, "nothing came again");
    assert_eq!(shop.sent().await, sent, "nor was it asked for");
    assert!(position.0.contains("\"at\":\""), "{position:?}");
}

#[tokio::test]
async fn what_only_the_lists_know_is_caught_up_and_is_the_same_row_when_the_webhook_tells_it() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    shop.stop().await;
    // The webhook is silent: only REST knows.
    let silent = podium.silently();
    let message = silent.message_received("Ada Brook", "Anybody there?");
    let review = silent.review_created("Ben Carter", 1, "Nobody answers.");
    silent.invoice("invoice.payment_failed", "Cy Dale", 5_000);
    shop.start();
    shop.until_live().await;
    let kept = shop.kept();
    let row = &kept.rows[&format!("message/{}", message.uid)];
    assert_eq!((row.title.as_str(), row.body.as_str()), ("Ada Brook: new text message", "Anybody there?"));
    assert_eq!(arrivals(&kept, &row.external_id), [Arrival::Backlog]);
    assert!(kept.rows.contains_key(&format!("review/{}", review.uid)), "{:?}", shop.titles());
    assert!(
        shop.titles().contains(&"Cy Dale's payment of 50.00 USD failed".to_owned()),
        "{:?}",
        shop.titles()
    );
    // Now the webhook tells the same, and then one thing more.
    podium.event("message.received", message.data.clone());
    podium.event("review.created", review.data.clone());
    podium.message_received("Dora Eng", "And me");
    shop.until_titled("Dora Eng sent a text message").await;
    assert_eq!(shop.kept().came.len(), kept.came.len() + 1, "{:?}", shop.titles());
}

#[tokio::test]
async fn a_message_without_its_own_name_is_the_row_that_is_kept_under_it() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    let message = podium.message_received("Ada Brook", "Hello");
    shop.until("the row", |kept| kept.rows.len() == 1).await;
    let mut nameless = message.data.clone();
    nameless["uid"] = json!(null);
    podium.event("message.received", nameless);
    let mut bare = message.data.clone();
    bare["items"] = json!([]);
    podium.event("message.received", bare);
    podium.message_received("Ben Carter", "Last");
    shop.until_titled("Ben Carter sent a text message").await;
    assert_eq!(shop.kept().rows.len(), 2, "{:?}", shop.titles());
    // And the other way round: the one without a name came first.
    let mut first = podium.silently().message_received("Cy Dale", "Hi").data;
    let whole = first.clone();
    first["uid"] = json!(null);
    podium.event("message.received", first);
    shop.until_titled("Cy Dale sent a text message").await;
    podium.event("message.received", whole);
    shop.stop().await;
    shop.start();
    shop.until_live().await;
    assert_eq!(shop.kept().rows.len(), 3, "{:?}", shop.titles());
}

#[tokio::test]
async fn what_lay_there_before_is_taken_in_quietly() {
    let mut shop = Shop::empty().await;
    let podium = shop.podium();
    let old = json!({"contactName": "Ada Brook", "body": "Long ago", "createdAt": "2026-01-02T03:04:05Z",
        "conversation": {"channel": {"type": "phone", "identifier": "+15550100"}}});
    podium.happens("message.received", &old);
    let signed_in = shop.sign_in_to(shop.first_place()).await.unwrap();
    shop.keep(&signed_in).await;
    // After the webhook was made: that is news, whoever tells it first.
    podium.message_received("Ben Carter", "Now");
    shop.start();
    shop.until_live().await;
    let kept = shop.until("both", |kept| kept.rows.len() == 2).await;
    let by_body = |body: &str| kept.rows.values().find(|row| row.body == body).unwrap().external_id.clone();
    assert_eq!(arrivals(&kept, &by_body("Long ago")), [Arrival::FirstFill]);
    assert_ne!(arrivals(&kept, &by_body("Now")), [Arrival::FirstFill]);
}

#[tokio::test]
async fn a_webhook_that_was_switched_off_is_switched_on_and_its_queue_drained() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    let uid = podium.webhooks()[0].uid.clone();
    shop.stop().await;
    podium.change_webhook(&uid, |webhook| webhook.disabled = true).unwrap();
    let missed = podium.call("call.missed", "Ada Brook");
    shop.start();
    shop.until_live().await;
    let kept = shop.until("the call", |kept| kept.rows.contains_key(&format!("call/{}", missed.uid))).await;
    let note = kept.rows.values().find(|row| row.external_id.starts_with("belfry/")).unwrap();
    assert_eq!(note.title, "Podium's webhook had been switched off");
    assert!(note.wants_banner && note.body.contains("switched it on again"), "{note:?}");
    assert!(!podium.webhooks()[0].disabled);
    assert_eq!(podium.webhooks()[0].uid, uid);
}

#[tokio::test]
async fn a_webhook_that_somebody_changed_is_put_right_and_one_that_is_gone_is_made_anew() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    let before = podium.webhooks()[0].clone();
    let theirs = podium.add_webhook("https://elsewhere.example/hook", "theirs");
    shop.stop().await;
    let spoil = |webhook: &mut belfry_sandbox::podium::Webhook| {
        webhook.url = Some("https://elsewhere.example/other".into());
        webhook.event_types = vec!["message.sent".into()];
        webhook.secret = Some("other".into());
    };
    podium.change_webhook(&before.uid, spoil).unwrap();
    shop.start();
    shop.until_live().await;
    let ours =
        |shop: &Shop| shop.podium().webhooks().into_iter().find(|webhook| webhook.uid != theirs.uid).unwrap();
    let now = ours(&shop);
    let set = |events: &[String]| events.iter().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!((now.uid, &now.url, &now.secret), (before.uid.clone(), &before.url, &before.secret));
    assert_eq!(set(&now.event_types), set(&before.event_types));
    let note = shop.until_titled("Podium's webhook was put right").await;
    assert!(!note.wants_banner, "nobody has to hurry");

    shop.stop().await;
    podium.remove_webhook(&before.uid).unwrap();
    shop.start();
    shop.until_live().await;
    shop.until_titled("Podium's webhook was gone").await;
    let made = ours(&shop);
    assert_ne!(made.uid, before.uid);
    assert_eq!(shop.kept().settings.unwrap().webhook, Some(made.uid));
    podium.message_received("Ada Brook", "Still there?");
    shop.until_titled("Ada Brook sent a text message").await;
    assert!(podium.webhooks().contains(&theirs));
}

#[tokio::test]
async fn removal_deletes_our_webhook_and_no_other() {
    let mut shop = Shop::live().await;
    let theirs = shop.podium().add_webhook("https://elsewhere.example/hook", "theirs");
    shop.stop().await;
    shop.sign_out().await.unwrap();
    assert_eq!(shop.podium().webhooks(), [theirs]);
    shop.sign_out().await.unwrap();
}

#[tokio::test]
async fn a_token_that_has_run_out_is_renewed_once_and_a_sign_in_that_was_taken_back_is_said() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    shop.stop().await;
    podium.expire_access_tokens();
    let before = shop.stored(SecretName::Tokens).await.unwrap();
    shop.start();
    shop.until_live().await;
    assert_eq!(podium.observed().refreshes, 1);
    let after = shop.stored(SecretName::Tokens).await.unwrap();
    assert_ne!(before.expose_secret(), after.expose_secret(), "the new pair is kept");
    shop.stop().await;
    podium.revoke();
    shop.start();
    let kept = shop.until("an end", |kept| kept.ended.is_some()).await;
    assert!(matches!(kept.ended, Some(belfry::link::Failure::SignIn { .. })), "{:?}", kept.ended);
}

#[tokio::test]
async fn a_wrong_signature_is_refused_and_said_and_the_next_event_is_heard() {
    let shop = Shop::live().await;
    let podium = shop.podium();
    for odd in [Odd::WrongSignature, Odd::NoSignature, Odd::Altered, Odd::OldTimestamp { ms: -3_600_000 }] {
        podium.send_odd(&odd, 1);
        podium.event("contact.created", json!({"after": {"name": "Mallory"}}));
    }
    let refused =
        |kept: &Kept| kept.unheard.as_ref().is_some_and(|said| said.contains("4 webhooks were refused"));
    shop.until("said", refused).await;
    let late = Odd::OldTimestamp { ms: 3_600_000 };
    for odd in [late, Odd::Capitals, Odd::Prefixed, Odd::SnakeCase, Odd::Twice] {
        podium.send_odd(&odd, 1);
        podium.event("contact.created", json!({"after": {"name": "Ada Brook"}}));
    }
    podium.message_received("Ben Carter", "Last");
    shop.until_titled("Ben Carter sent a text message").await;
    assert_eq!(shop.titles().iter().filter(|title| title.contains("Mallory")).count(), 0);
    assert_eq!(shop.titles().iter().filter(|title| title.contains("Ada Brook")).count(), 5);
}

#[tokio::test]
async fn an_event_that_no_one_has_seen_is_shown_and_odd_bodies_stop_nothing() {
    let shop = Shop::live().await;
    let podium = shop.podium();
    for body in ["", "[]", "no JSON", "{\"data\":{}}"] {
        podium.send_odd(&Odd::Body(body.into()), 1);
        podium.event("message.received", json!({}));
    }
    podium.send_odd(&Odd::Nulls, 1);
    podium.event("review.created", json!({"uid": "r-9", "review": {"rating": 5}}));
    podium.event("appointment.created", json!({"name": "Tune-up"}));
    let row = shop.until_titled("Appointment created").await;
    assert_eq!((row.kind.name(), row.body.as_str()), ("appointment.created", "Tune-up"));
    assert!(shop.kept().rows.contains_key("review/r-9"));
}

#[tokio::test]
async fn a_list_that_may_not_be_read_is_said_and_the_link_lives() {
    let mut shop = Shop::live().await;
    shop.stop().await;
    let podium = shop.podium();
    // The webhook's events were allowed when it was made; only reading the list is not.
    podium.set(|settings| settings.withheld_scopes = vec!["read_reviews".into()]);
    shop.start();
    let kept = shop.until("said", |kept| kept.unheard.is_some()).await;
    let said = kept.unheard.unwrap();
    assert!(said.contains("read_reviews") && said.contains("read your reviews"), "{said}");
    shop.until_live().await;
}

#[tokio::test]
async fn lists_bring_nothing_that_the_person_did_not_choose() {
    let mut shop = Shop::empty().await;
    let podium = shop.podium();
    let mut wish = shop.wish(shop.first_place());
    wish.events =
        ["invoice.payment_failed", "message.received", "review.response_created"].map(Into::into).into();
    let signed_in = shop.sign_in_by(wish).await.unwrap();
    shop.keep(&signed_in).await;
    shop.start();
    shop.until_live().await;
    shop.stop().await;
    let silent = podium.silently();
    let received = silent.message_received("Ada Brook", "Is my bike ready?");
    let answer =
        json!({"body": "It is.", "senderUid": "robin", "conversation": {"uid": received.conversation_uid}});
    silent.happens("message.sent", &answer);
    silent.review_created("Ada Brook", 5, "Friendly and quick.");
    silent.invoice("invoice.payment_succeeded", "Ben Carter", 7_000);
    silent.invoice("invoice.payment_failed", "Cy Dale", 5_000);
    podium.forget_observed();
    shop.start();
    shop.until_live().await;
    assert_eq!(shop.titles(), ["Ada Brook: new text message", "Cy Dale's payment of 50.00 USD failed"]);
    assert_eq!(podium.observed().calls("GET", "/v4/reviews"), 0, "nor are lists read for nothing");
}

#[tokio::test]
async fn a_new_review_that_was_answered_already_is_told_to_whoever_wants_new_reviews_alone() {
    let mut shop = Shop::empty().await;
    let mut wish = shop.wish(shop.first_place());
    wish.events = vec!["review.created".into()];
    let signed_in = shop.sign_in_by(wish).await.unwrap();
    shop.keep(&signed_in).await;
    shop.start();
    shop.until_live().await;
    shop.stop().await;
    let silent = shop.podium().silently();
    let soon = shop.env.clock.now() + jiff::SignedDuration::from_mins(3);
    let answered = json!({"updatedAt": soon.to_string(), "responses": [{"body": "Thank you!"}]});
    let new = silent.happens("review.created", &answered);
    silent.happens("review.created", &json!({"createdAt": "2026-01-05T10:00:00Z"}));
    shop.start();
    shop.until_live().await;
    let kept = shop.kept();
    let told: Vec<_> = kept.rows.values().map(|row| (row.external_id.clone(), row.kind.name())).collect();
    assert_eq!(told, [(format!("review/{}", new.uid), "review.created")]);
}

#[tokio::test]
async fn a_relay_that_goes_away_is_waited_for_and_nothing_is_lost() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    podium.set(|settings| settings.pace = 0.001);
    let port = shop.stop_relay().await;
    shop.until("an end", |kept| kept.ended.is_some()).await;
    let happened = podium.burst(20);
    shop.start_relay(port).await;
    let all =
        |kept: &Kept| happened.iter().all(|one| kept.rows.contains_key(&format!("message/{}", one.uid)));
    shop.until("all of it", all).await;
    podium.delivered(LIMIT).await.unwrap();
    shop.until("live again", |kept| kept.state == Some(LinkState::Live)).await;
    assert_eq!(shop.kept().rows.len(), 20);
}

#[tokio::test]
async fn a_gap_is_said_and_the_lists_bring_what_they_have() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    podium.message_received("Ada Brook", "Before");
    shop.until_titled("Ada Brook sent a text message").await;
    let port = shop.stop_relay().await;
    // What the relay took in after its backup was made is lost; Podium's lists have it.
    let lost = podium.silently().message_received("Ben Carter", "Lost on the way");
    shop.start_restored_relay(port).await;
    let note = shop.until_titled("Something may be missing").await;
    assert!(!note.wants_banner && note.body.contains("contacts and calls cannot be"), "{note:?}");
    let id = format!("message/{}", lost.uid);
    let kept = shop.until("what was lost", |kept| kept.rows.contains_key(&id)).await;
    assert_eq!(arrivals(&kept, &id), [Arrival::Backlog]);
    shop.until_live().await;
    podium.message_received("Cy Dale", "After");
    shop.until_titled("Cy Dale sent a text message").await;
    assert_eq!(shop.kept().came.len(), 4, "the first one did not come again: {:?}", shop.titles());
}

#[tokio::test]
async fn cursors_that_run_out_begin_a_list_anew() {
    let mut shop = Shop::live().await;
    shop.stop().await;
    let podium = shop.podium();
    podium.set(|settings| settings.cursor_lifetime = Duration::ZERO);
    let silent = podium.silently();
    let conversation = silent.message_received("Ada Brook", "1").conversation_uid.unwrap();
    for number in 2..=15 {
        let wish = json!({"contactName": "Ada Brook", "body": number.to_string(), "conversation": {"uid": conversation}});
        silent.happens("message.received", &wish);
    }
    shop.start();
    // The first page of a conversation's messages is all that such a server ever gives: said as a trouble that passes, not as an end.
    shop.until("ended", |kept| kept.ended.is_some()).await;
    podium.set(|settings| settings.cursor_lifetime = Duration::from_secs(600));
    shop.until_live().await;
    let kept = shop.until("all of it", |kept| kept.rows.len() == 15).await;
    assert!(kept.came.iter().all(|(_, arrival)| *arrival == Arrival::Backlog));
    assert_eq!(podium.observed().crowded_cursors, 0);
}

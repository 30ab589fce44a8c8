//! Webhooks of any service through a real relay: what is signed rings once, what is not is refused, and nothing is lost while this
//! machine or the relay is away.

use belfry::account::{HashKind, HashText, Receiver, RelaySettings, Signature};
use belfry::engine::views::TroubleKind;
use belfry::env::SecretName;
use belfry::link::LinkState;
use belfry::toast::ToastEvent;
use jiff::Timestamp;
use serde_json::json;

use crate::stage::{LIMIT, Stage};
use crate::webhook_stage::{Wish, account, github, held, relay, send, signature_of, started, until_unheard};

fn titles(kept: &[belfry::engine::views::Entry]) -> Vec<&str> {
    kept.iter().map(|entry| entry.notification.title.as_str()).collect()
}

#[tokio::test]
async fn a_push_at_github_rings_once_and_a_click_opens_it() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let hook = Wish::at(relay.url().as_str()).signed(Signature::Github).mapped("github").live(&stage).await;
    let push = json!({
        "ref": "refs/heads/main", "compare": "https://github.com/ada/engine/compare/a...b",
        "pusher": {"name": "ada"}, "repository": {"full_name": "ada/engine"},
        "commits": [{"id": "b"}], "head_commit": {"message": "Weave <b>patterns</b>", "timestamp": "2026-11-23T04:00:00Z"},
    });
    for _ in 0..3 {
        assert_eq!(github(&hook, "push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", &push).await, 200);
    }
    let toast = stage.until_shown(1).await.remove(0);
    assert_eq!(
        (toast.title.as_str(), toast.body.as_str()),
        ("ada pushed to ada/engine", "Weave <b>patterns</b>")
    );
    assert!(stage.toaster.happen(ToastEvent::Clicked { key: toast.key, token: None }).await);
    stage.until("it is read", LIMIT, async || stage.kept().await[0].notification.read.then_some(())).await;
    let kept = stage.kept().await.remove(0);
    let opened = stage.desk().open(kept.id, None).await.unwrap();
    assert_eq!(opened.url.as_str(), "https://github.com/ada/engine/compare/a...b");
    let parts = serde_json::to_string(&stage.desk().parts(kept.id).await.unwrap()).unwrap();
    assert!(parts.contains("refs/heads/main") && parts.contains("push"), "{parts}");
    let issue = json!({
        "action": "opened", "sender": {"login": "grace"},
        "issue": {"number": 7, "title": "A moth", "body": "In the relay", "html_url": "https://github.com/ada/engine/issues/7"},
    });
    assert_eq!(github(&hook, "issues", "d-2", &issue).await, 200);
    let kept = stage.until_kept(2).await;
    assert_eq!(titles(&kept)[1], "grace opened #7 A moth");
    // What came lately is there for whoever makes a map.
    let feed = stage.desk().feed(stage.desk().accounts().await.unwrap().remove(0).id).await.unwrap();
    let headers = feed.payloads[0].headers.as_ref().unwrap();
    assert_eq!(headers.get("x-github-event").map(String::as_str), Some("issues"));
}

#[tokio::test]
async fn what_is_not_signed_with_the_secret_is_refused_counted_and_said() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let hook = Wish::at(relay.url().as_str()).signed(Signature::Github).live(&stage).await;
    assert_eq!(send(&hook, &[], r#"{"title":"not signed"}"#).await, 200);
    until_unheard(&stage, "a webhook was refused: it is not signed").await;
    let wrong = format!("sha256={}", signature_of(b"something else"));
    assert_eq!(send(&hook, &[("x-hub-signature-256", &wrong)], r#"{"title":"forged"}"#).await, 200);
    until_unheard(&stage, "2 webhooks were refused").await;
    // The link is as live as before, and one that is genuine says that all is well.
    assert_eq!(stage.state().await, LinkState::Live);
    assert_eq!(github(&hook, "told", "d-1", &json!({"title": "genuine"})).await, 200);
    assert_eq!(titles(&stage.until_kept(1).await), ["genuine"]);
    stage
        .until("nothing is refused any more", LIMIT, async || {
            account(&stage).await.unheard.is_none().then_some(())
        })
        .await;
    // What was refused is not asked for again after a restart.
    let mut stage = stage;
    stage.stop().await;
    stage.start().await;
    stage.until_state("live", |state| *state == LinkState::Live).await;
    assert_eq!(github(&hook, "told", "d-2", &json!({"title": "next"})).await, 200);
    assert_eq!(titles(&stage.until_kept(2).await), ["genuine", "next"]);
    assert_eq!(account(&stage).await.unheard, None);
}

#[tokio::test]
async fn an_old_signature_is_refused_and_a_replayed_one_rings_once() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let hook = Wish::at(relay.url().as_str())
        .signed(Signature::Stripe)
        .mapped("[[rules]]\ntitle = '{{ data.type }} {{ data.n }}'\n")
        .live(&stage)
        .await;
    let now = Timestamp::now().as_second();
    let stripe = async |time: i64, body: &str, more: &[(&str, &str)]| {
        let signed = format!("t={time},v1={}", signature_of(format!("{time}.{body}").as_bytes()));
        let headers = [&[("stripe-signature", signed.as_str())], more].concat();
        assert_eq!(send(&hook, &headers, body.to_owned()).await, 200);
    };
    stripe(now - 400, r#"{"type":"invoice.paid","n":1}"#, &[]).await;
    until_unheard(&stage, "another time").await;
    let good = r#"{"type":"invoice.paid","n":2}"#;
    stripe(now, good, &[]).await;
    assert_eq!(titles(&stage.until_kept(1).await), ["invoice.paid 2"]);
    // The same once more, so that the relay takes it for another: its name is not signed, its time is.
    stripe(now, good, &[("webhook-id", "other")]).await;
    stripe(now + 1, r#"{"type":"invoice.paid","n":3}"#, &[]).await;
    assert_eq!(titles(&stage.until_kept(2).await), ["invoice.paid 2", "invoice.paid 3"]);
}

#[tokio::test]
async fn an_event_that_stripe_signs_anew_for_each_attempt_rings_once() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let map = "[[rules]]\ntitle = '{{ data.id }}'\n";
    let hook = Wish::at(relay.url().as_str()).signed(Signature::Stripe).mapped(map).live(&stage).await;
    let now = Timestamp::now().as_second();
    // As far apart as a test can have them: the relay takes each attempt for another, as it does after some minutes.
    for (time, id, pending) in [(-240, "evt_1", 2), (0, "evt_1", 1), (240, "evt_1", 0), (240, "evt_2", 0)] {
        let body = json!({"id": id, "object": "event", "type": "invoice.paid", "pending_webhooks": pending});
        let (body, time) = (body.to_string(), now + time);
        let signed = format!("t={time},v1={}", signature_of(format!("{time}.{body}").as_bytes()));
        assert_eq!(send(&hook, &[("stripe-signature", signed.as_str())], body).await, 200);
    }
    assert_eq!(titles(&stage.until_kept(2).await), ["evt_1", "evt_2"]);
    assert_eq!(account(&stage).await.unheard, None, "all four were taken");
}

#[tokio::test]
async fn what_came_while_belfry_was_off_is_one_summary_and_each_is_there_once() {
    let (mut stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let hook = Wish::at(relay.url().as_str()).signed(Signature::Github).live(&stage).await;
    assert_eq!(github(&hook, "told", "before", &json!({"title": "before"})).await, 200);
    stage.until_shown(1).await;
    stage.until_settled().await;
    stage.stop().await;
    for n in 0..499 {
        let delivery = format!("d-{n}");
        assert_eq!(github(&hook, "told", &delivery, &json!({"title": format!("event {n}")})).await, 200);
        if n % 50 == 0 {
            // A sender that heard no answer sends again.
            assert_eq!(github(&hook, "told", &delivery, &json!({"title": format!("event {n}")})).await, 200);
        }
    }
    stage.start().await;
    let kept = stage.until_kept(500).await;
    stage.until_state("live", |state| *state == LinkState::Live).await;
    let want: Vec<String> =
        std::iter::once("before".to_owned()).chain((0..499).map(|n| format!("event {n}"))).collect();
    assert_eq!(titles(&kept), want, "each once, in order");
    stage.until_shown(1).await;
    stage.until_settled().await;
    let shown = stage.toaster.shown();
    assert_eq!(shown.len(), 1, "one summary: {shown:?}");
    assert!(shown[0].title.contains("499") || shown[0].body.contains("499"), "{shown:?}");
    // And it goes on.
    assert_eq!(github(&hook, "told", "after", &json!({"title": "after"})).await, 200);
    let shown = stage.until_shown(2).await;
    assert_eq!(shown[1].title, "after");
}

#[tokio::test]
async fn the_relay_may_be_restarted_mid_stream_and_nothing_is_lost_or_told_twice() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let mut running = relay(folder.path(), None).await;
    let address = running.address();
    let hook = Wish::at(running.url().as_str()).live(&stage).await;
    let mut want = Vec::new();
    for round in 0..3 {
        for n in 0..5 {
            let title = format!("round {round} event {n}");
            assert_eq!(send(&hook, &[], json!({"title": title}).to_string()).await, 200);
            want.push(title);
            if n == 2 {
                running.stop().await;
                running = relay(folder.path(), Some(address)).await;
            }
        }
        stage.until_kept(want.len()).await;
    }
    stage.until_state("live", |state| *state == LinkState::Live).await;
    assert_eq!(titles(&stage.kept().await), want);
}

#[tokio::test]
async fn a_gap_is_said_and_what_is_left_is_taken() {
    let (mut stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let running = relay(folder.path(), None).await;
    let address = running.address();
    let hook = Wish::at(running.url().as_str()).live(&stage).await;
    assert_eq!(send(&hook, &[], r#"{"title":"one"}"#).await, 200);
    stage.until_kept(1).await;
    stage.stop().await;
    running.stop().await;
    // Put back from a backup: its positions mean something else now.
    let running = started(folder.path(), Some(address), |config| config.restored = true).await;
    assert_eq!(send(&hook, &[], r#"{"title":"two"}"#).await, 200);
    stage.start().await;
    until_unheard(&stage, "some of it may be lost").await;
    assert_eq!(titles(&stage.until_kept(2).await), ["one", "two"]);
    // The next connection goes on where this one was, and says no more of it.
    running.stop().await;
    let _running = relay(folder.path(), Some(address)).await;
    stage
        .until("nothing is lost any more", LIMIT, async || {
            account(&stage).await.unheard.is_none().then_some(())
        })
        .await;
    assert_eq!(stage.kept().await.len(), 2);
}

#[tokio::test]
async fn what_the_relay_seals_is_read_here_and_nowhere_else() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let sealed = RelaySettings { sealed: true, ..RelaySettings::at(relay.url().clone()) };
    let hook = Wish::through(Receiver::Relay(sealed)).signed(Signature::Github).live(&stage).await;
    let words = "the treasure lies under the oak";
    assert_eq!(github(&hook, "told", "d-1", &json!({"title": words})).await, 200);
    assert_eq!(titles(&stage.until_kept(1).await), [words]);
    relay.stop().await;
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        files += 1;
        assert!(!bytes.windows(8).any(|part| part == b"treasure"), "it can be read where it was kept");
    }
    assert!(files > 0);
}

#[tokio::test]
async fn bodies_of_every_kind_come_through_as_they_were_sent() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = relay(folder.path(), None).await;
    let scheme = Signature::Hmac {
        header: "X-Sign".into(),
        prefix: "v1,".into(),
        encoding: HashText::Base64,
        hash: HashKind::Sha256,
    };
    let map = "[[rules]]\ntitle = \"{{ headers['x-n'] }} {{ event }}\"\nbody = \"{{ data|text }}\"\n";
    let hook = Wish::at(relay.url().as_str()).signed(scheme).mapped(map).live(&stage).await;
    let mut long = br#"{"type":"long","text":""#.to_vec();
    long.resize((1 << 20) - 2, b'y');
    long.extend_from_slice(b"\"}");
    let bodies: [(&str, &[u8]); 6] = [
        ("1", b"\xff\xfe\x00 no text"),
        ("2", b""),
        ("3", &long),
        ("4", b"{\"type\": \"spaced\",\t\"b\":1.0, \"a\":\"\\u00e9\"}\r\n"),
        ("5", b"disk full"),
        ("6", b"event=form&text=hello"),
    ];
    for (n, body) in bodies {
        let hex = signature_of(body);
        let base64 = data_encoding::BASE64.encode(&data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap());
        let content = match n {
            "6" => "application/x-www-form-urlencoded",
            "5" => "text/plain",
            _ => "application/json",
        };
        let headers = [("x-n", n), ("x-sign", &format!("v1,{base64}")), ("content-type", content)];
        assert_eq!(send(&hook, &headers, body.to_vec()).await, 200, "{n}");
    }
    let kept = stage.until_kept(6).await;
    assert_eq!(titles(&kept), ["1 webhook", "2 webhook", "3 long", "4 spaced", "5 webhook", "6 form"]);
    assert_eq!(kept[4].notification.body, "disk full");
    assert_eq!(account(&stage).await.unheard, None);
    assert_eq!(send(&hook, &[], vec![b'x'; (1 << 20) + 1]).await, 413);
}

#[tokio::test]
async fn a_relay_that_asks_for_its_join_code_is_joined_with_it_and_what_is_wrong_is_said() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = started(folder.path(), None, |config| config.open = Some(false)).await;
    let wish = Wish::at(relay.url().as_str());
    for code in [None, Some("guess".to_owned())] {
        let refused = Wish { join_code: code, ..wish.clone() }.begin(&stage).await.unwrap_err();
        assert_eq!(refused.kind, TroubleKind::NeedsSignIn);
        assert!(refused.words.contains("join code") && !refused.words.contains("guess"), "{refused}");
    }
    let code = relay.join_code().map(str::to_owned);
    Wish { join_code: code, ..wish.clone() }.live(&stage).await;
    let missing = Wish { secret: None, ..wish.clone().signed(Signature::Github) };
    let refused = missing.begin(&stage).await.unwrap_err();
    assert!(refused.words.contains("secret"), "{refused}");
    let refused = wish.mapped("[[rules]]\ntitle = '{{ dta }}'\n").begin(&stage).await.unwrap_err();
    assert!(refused.words.contains("dta"), "{refused}");
    let nobody = Wish::at("http://127.0.0.1:1").begin(&stage).await.unwrap_err();
    assert!(nobody.words.contains("cannot be reached"), "{nobody}");
    assert_eq!(stage.desk().accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_removed_account_is_forgotten_by_the_relay_and_one_whose_channel_is_lost_gets_a_new_one() {
    let (mut stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let running = relay(folder.path(), None).await;
    let address = running.address();
    let id = Wish::at(running.url().as_str()).signed(Signature::Github).begin(&stage).await.unwrap();
    stage.until_state("live", |state| *state == LinkState::Live).await;
    let before = stage.desk().hook_address(id.clone()).await.unwrap();
    let again = belfry::engine::views::SignIn {
        account: Some(id.clone()),
        name: None,
        to: belfry::engine::views::SignInTo::Webhook { settings: None, secret: None, join_code: None },
    };
    stage.desk().sign_in(again.clone()).await.unwrap();
    assert_eq!(stage.desk().hook_address(id.clone()).await.unwrap(), before, "a channel that works is kept");
    // Another relay at the same address: it knows nothing of the channel.
    stage.stop().await;
    running.stop().await;
    let other = tempfile::tempdir().unwrap();
    let _running = relay(other.path(), Some(address)).await;
    stage.start().await;
    let broken = stage.until_state("broken", |state| matches!(state, LinkState::Broken { .. })).await;
    assert!(broken.reason().unwrap().contains("Sign in again"), "{broken:?}");
    stage.desk().sign_in(again).await.unwrap();
    let after = stage.desk().hook_address(id.clone()).await.unwrap();
    assert_ne!(after, before);
    stage.until_state("live", |state| *state == LinkState::Live).await;
    assert_eq!(github(&after, "told", "d-1", &json!({"title": "found again"})).await, 200);
    stage.until_kept(1).await;
    let token = stage.env.secrets.get(&id, SecretName::ReadToken).await.unwrap().unwrap();
    assert!(held(&after, &token).await.contains("bodyB"));
    let removed = stage.desk().remove_account(id).await.unwrap();
    assert_eq!(removed.left, None);
    let held = held(&after, &token).await;
    assert!(!held.contains("bodyB"), "{held}");
}

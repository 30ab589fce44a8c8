//! What the fake Podium's sender does to a receiver that answers well, badly, late or never.

use crate::podium::{ALL, Desk, desk, desk_with};
use crate::{LIMIT, http, json_of};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use belfry_sandbox::podium::{EVENT_TYPES, Odd, Settings, Webhook};
use data_encoding::HEXLOWER;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const SECRET: &str = "0123456789abcdef";

/// HMAC as RFC 2104 writes it, from the hash alone.
fn hmac(key: &[u8], text: &[u8]) -> String {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |byte: u8| block.map(|one| one ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    HEXLOWER.encode(&Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize())
}

#[test]
fn the_receivers_arithmetic_is_that_of_rfc_4231() {
    let second = hmac(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(second, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    let first = hmac(&[0x0b; 20], b"Hi There");
    assert_eq!(first, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

/// A call of the webhook's URL.
#[derive(Clone, Debug)]
struct Hit {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Hit {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn event_uid(&self) -> String {
        self.json()["metadata"]["eventUid"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn is_signed(&self) -> bool {
        let (Some(at), Some(signature)) = (self.header("podium-timestamp"), self.header("podium-signature"))
        else {
            return false;
        };
        let text = [at.as_bytes(), b".", &self.body].concat();
        signature == hmac(SECRET.as_bytes(), &text)
    }
}

/// What is answered: a status, or nothing.
#[derive(Clone, Copy)]
enum Reply {
    Status(u16),
    Never,
}

#[derive(Clone, Default)]
struct Receiver {
    hits: Arc<Mutex<Vec<Hit>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Receiver {
    async fn listen() -> (Self, String) {
        let receiver = Self::default();
        let app = Router::new().fallback(take).with_state(receiver.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook/channel", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (receiver, url)
    }

    /// The next calls are answered so, later ones with 200.
    fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    fn hits(&self) -> Vec<Hit> {
        self.hits.lock().unwrap().clone()
    }

    fn texts(&self) -> Vec<String> {
        self.hits().iter().map(|hit| hit.json()["data"]["body"].as_str().unwrap().to_owned()).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.hits.lock().unwrap().push(Hit { headers, body: body.to_vec() });
    let reply = receiver.replies.lock().unwrap().pop_front();
    match reply {
        Some(Reply::Status(status)) => StatusCode::from_u16(status).unwrap(),
        Some(Reply::Never) => std::future::pending().await,
        None => StatusCode::OK,
    }
}

async fn hooked() -> (Desk, Receiver, Webhook) {
    let desk = desk().await;
    let (receiver, url) = Receiver::listen().await;
    let webhook = desk.podium().add_webhook(&url, SECRET);
    (desk, receiver, webhook)
}

#[tokio::test]
async fn an_event_is_posted_signed_and_its_answer_is_seen() {
    let (desk, receiver, webhook) = hooked().await;
    let happened = desk.podium().message_received("Ada Brook", "Is my bike ready? 🚲");
    let seen = desk.podium().wait_for(|observed| observed.taken == 1, LIMIT).await.unwrap();
    let hits = receiver.hits();
    assert!(hits.len() == 1 && hits[0].is_signed(), "{hits:?}");
    assert_eq!(hits[0].header("content-type"), Some("application/json"));
    let body = hits[0].json();
    assert_eq!(
        body["metadata"],
        json!({"eventType": "message.received", "eventUid": happened.event_uid, "version": "2021.04.01"})
    );
    assert_eq!((&body["data"], &body["data"]["contactName"]), (&happened.data, &json!("Ada Brook")));
    let attempt = &seen.attempts[0];
    assert_eq!(
        (attempt.webhook.as_str(), attempt.event_uid.as_str()),
        (webhook.uid.as_str(), happened.event_uid.as_str())
    );
    assert_eq!(
        (attempt.attempt, attempt.answer, attempt.taken, attempt.trouble.as_deref()),
        (1, Some(200), true, None)
    );
    assert_eq!(attempt.at_ms.to_string(), hits[0].header("podium-timestamp").unwrap());
    assert!(attempt.took_ms.unwrap() <= seen.slowest_ms && seen.slowest_ms < 5_000);
    assert_eq!(seen.waiting, 0);
}

/// The fields of each object, as the published schemas list them.
fn documented() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let set = |fields: &'static str| fields.split_whitespace().collect();
    BTreeMap::from([
        (
            "message",
            set(
                "uid body contactName createdAt failureReason webchatUrl attachmentUrl senderUid contact sender location conversation items",
            ),
        ),
        ("contact", set("before after errors")),
        (
            "invoice",
            set(
                "uid invoiceNumber amount currencyRef customerName status channel conversationUid location requester readerUid createdAt paidAt canceledAt canceledNote paymentNet tipAmount surchargeAmount surchargeRate allowedPaymentMethods lineItems invoiceServiceChargeItems payments",
            ),
        ),
        (
            "review",
            set(
                "uid createdAt updatedAt needsResponse isRecommendation author review responses locations attributions",
            ),
        ),
        (
            "invite",
            set(
                "uid customerName channel conversationItemUid deliveryStatus linkClicked linkClickedAt languages shortUrl url test createdAt updatedAt location sender attributions",
            ),
        ),
        ("response", set("uid body publishDate siteAuthorName source likeCount isDeleted")),
        (
            "call",
            set(
                "uid direction status customerPhoneNumber locationPhoneNumber locationUid organizationUid conversationUid userUid durationSeconds hasVoicemail isPrivate startedAt endedAt",
            ),
        ),
    ])
}

#[tokio::test]
async fn every_documented_type_is_sent_with_its_documented_fields_and_an_unknown_one_too() {
    let (desk, receiver, _) = hooked().await;
    for (event_type, _) in EVENT_TYPES {
        desk.podium().happens(event_type, &json!({}));
    }
    desk.podium().event("appointment.created", json!({"uid": "a", "when": 1}));
    desk.podium().wait_for(|observed| observed.taken == 27, LIMIT).await.unwrap();
    let fields = documented();
    for (hit, (event_type, _)) in receiver.hits().iter().zip(EVENT_TYPES) {
        let body = hit.json();
        assert_eq!(body["metadata"]["eventType"], event_type);
        let object = match event_type.split_once('.').unwrap() {
            ("review", what) if what.starts_with("invite") => "invite",
            ("review", what) if what.starts_with("response") => "response",
            (family, _) => family,
        };
        let sent: BTreeSet<&str> = body["data"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(sent, fields[object], "{event_type}");
    }
    let of = |name: &str| {
        receiver.hits().iter().map(Hit::json).find(|body| body["metadata"]["eventType"] == name).unwrap()
    };
    assert!(
        of("contact.created")["data"]["before"].is_null() && of("contact.deleted")["data"]["after"].is_null()
    );
    assert!(of("contact.updated")["data"]["before"]["uid"].is_string());
    assert_eq!(of("appointment.created")["data"], json!({"uid": "a", "when": 1}));
}

#[tokio::test]
async fn a_webhook_hears_its_types_of_its_place_alone_and_an_organisations_hears_all_places() {
    let desk = desk().await;
    let (receiver, url) = Receiver::listen().await;
    let (all, far) = Receiver::listen().await;
    let locations = desk.podium().locations();
    let wish = json!({"eventTypes": ["message.received"], "url": url, "locationUid": locations[1].uid, "secret": SECRET});
    assert_eq!(desk.call(Method::POST, "/webhooks", Some(wish)).await.status(), 200);
    let wish = json!({"eventTypes": ["message.received", "call.missed"], "url": far, "organizationUid": locations[0].organization_uid});
    assert_eq!(desk.call(Method::POST, "/webhooks", Some(wish)).await.status(), 200);
    let say = |text: &str, location: usize| {
        desk.podium()
            .happens("message.received", &json!({"body": text, "location": {"uid": locations[location].uid}}))
    };
    say("here", 1);
    say("there", 0);
    desk.podium().happens("message.sent", &json!({"location": {"uid": locations[1].uid}}));
    desk.podium().call("call.missed", "Ada Brook");
    desk.podium().silently().message_received("Ada Brook", "silent");
    say("last", 1);
    desk.podium().wait_for(|observed| observed.taken == 2 + 4, LIMIT).await.unwrap();
    assert_eq!(receiver.texts(), ["here", "last"]);
    assert_eq!(all.hits().len(), 4);
    assert!(
        all.hits().iter().all(|hit| hit.header("podium-signature").is_none()),
        "without a secret nothing is signed"
    );
}

#[tokio::test]
async fn anything_but_200_is_a_failure_and_all_later_events_wait_for_it() {
    let (desk, receiver, _) = hooked().await;
    desk.podium().set(|settings| settings.pace = 0.0);
    receiver.reply([Reply::Status(202), Reply::Status(302), Reply::Status(503)]);
    let first = desk.podium().message_received("Ada Brook", "one");
    desk.podium().message_received("Ada Brook", "two");
    let seen = desk.podium().delivered(LIMIT).await.unwrap();
    assert_eq!(receiver.texts(), ["one", "one", "one", "one", "two"]);
    let answers: Vec<_> =
        seen.attempts_for(&first.event_uid).map(|one| (one.attempt, one.answer, one.taken)).collect();
    assert_eq!(
        answers,
        [(1, Some(202), false), (2, Some(302), false), (3, Some(503), false), (4, Some(200), true)]
    );
    assert_eq!((seen.failed, seen.taken), (3, 2));
    desk.podium().set(|settings| settings.any_2xx = true);
    receiver.reply([Reply::Status(202)]);
    desk.podium().message_received("Ada Brook", "three");
    desk.podium().delivered(LIMIT).await.unwrap();
    assert_eq!(receiver.hits().len(), 6);
}

#[tokio::test]
async fn the_sender_waits_for_an_answer_as_long_as_its_patience_and_then_tries_again() {
    let (desk, receiver, _) = hooked().await;
    desk.podium().set(|settings| settings.patience = Duration::from_millis(120));
    receiver.reply([Reply::Never]);
    desk.podium().message_received("Ada Brook", "one");
    let seen = desk.podium().wait_for(|observed| observed.failed == 1, LIMIT).await.unwrap();
    assert_eq!((seen.too_slow, seen.attempts[0].answer, seen.waiting), (1, None, 1));
    assert!(seen.attempts[0].took_ms.unwrap() >= 120 && seen.slowest_ms >= 120);
    // The wait is that of the schedule, ten seconds, until somebody hurries it.
    desk.podium().retry_now();
    assert_eq!(desk.podium().delivered(LIMIT).await.unwrap().attempt_count, 2);
    assert_eq!(receiver.texts(), ["one", "one"]);
}

#[tokio::test]
async fn after_fifteen_attempts_the_webhook_is_disabled_its_queue_fills_and_enabling_drains_it() {
    let (desk, receiver, webhook) = hooked().await;
    desk.podium().set(|settings| settings.pace = 0.0);
    receiver.reply([Reply::Status(500); 15]);
    desk.podium().message_received("Ada Brook", "one");
    let seen = desk.podium().wait_for(|observed| observed.exhausted == 1, LIMIT).await.unwrap();
    assert_eq!((seen.attempt_count, seen.waiting), (15, 1));
    let path = format!("/webhooks/{}", webhook.uid);
    assert_eq!(desk.get(&path).await["data"]["disabled"], true);
    desk.podium().message_received("Ada Brook", "two");
    assert_eq!(desk.podium().observed().queued[&webhook.uid], 2);
    assert_eq!(receiver.hits().len(), 15);
    let enabled = desk.call(Method::PUT, &path, Some(json!({"disabled": false}))).await;
    assert_eq!(json_of(enabled).await["data"]["disabled"], false);
    desk.podium().delivered(LIMIT).await.unwrap();
    assert_eq!(receiver.texts()[15..], ["one", "two"]);
}

#[tokio::test]
async fn what_waits_too_long_is_dropped() {
    let settings = Settings { queue_life: Duration::from_millis(50), ..Settings::default() };
    let desk = desk_with(ALL, settings).await;
    let (receiver, url) = Receiver::listen().await;
    let webhook = desk.podium().add_webhook(&url, SECRET);
    desk.podium().change_webhook(&webhook.uid, |webhook| webhook.disabled = true).unwrap();
    desk.podium().message_received("Ada Brook", "old");
    assert_eq!(desk.podium().observed().waiting, 1);
    let expired = async {
        let mut tries = tokio::time::interval(Duration::from_millis(10));
        while desk.podium().observed().expired == 0 {
            tries.tick().await;
            // Any change makes the sender look.
            desk.podium().retry_now();
        }
    };
    tokio::time::timeout(LIMIT, expired).await.unwrap();
    desk.podium().set(|settings| settings.queue_life = Duration::from_secs(60));
    desk.podium().change_webhook(&webhook.uid, |webhook| webhook.disabled = false).unwrap();
    desk.podium().message_received("Ada Brook", "new");
    desk.podium().delivered(LIMIT).await.unwrap();
    assert_eq!(receiver.texts(), ["new"]);
}

#[tokio::test]
async fn what_waited_is_signed_with_the_time_of_the_attempt_or_of_the_event() {
    let (desk, receiver, webhook) = hooked().await;
    let podium = desk.podium();
    let day = Duration::from_secs(86_400);
    for anew in [true, false] {
        podium.set(|settings| settings.signed_anew = anew);
        podium.change_webhook(&webhook.uid, |webhook| webhook.disabled = true).unwrap();
        podium.message_received("Ada Brook", "waits");
        podium.age_queues(day);
        podium.change_webhook(&webhook.uid, |webhook| webhook.disabled = false).unwrap();
        let seen = podium.delivered(LIMIT).await.unwrap();
        let hit = receiver.hits().last().unwrap().clone();
        let (signed, sent): (i64, _) =
            (hit.header("podium-timestamp").unwrap().parse().unwrap(), seen.attempts.back().unwrap().at_ms);
        assert!(hit.is_signed());
        assert_eq!(sent - signed >= 86_400_000, !anew, "{signed} {sent}");
    }
}

#[tokio::test]
async fn each_oddity_is_what_its_name_says() {
    let (desk, receiver, _) = hooked().await;
    let send = async |odd: Odd, hits: usize| {
        let before = receiver.hits().len();
        desk.podium().send_odd(&odd, 1);
        desk.podium().message_received("Ada Brook", "odd");
        desk.podium().delivered(LIMIT).await.unwrap();
        let hits_now = receiver.hits();
        assert_eq!(hits_now.len(), before + hits, "{odd:?}");
        hits_now[before..].to_vec()
    };
    let [wrong] = &send(Odd::WrongSignature, 1).await[..] else { panic!() };
    assert!(!wrong.is_signed() && wrong.header("podium-signature").unwrap().len() == 64);
    let [none] = &send(Odd::NoSignature, 1).await[..] else { panic!() };
    assert_eq!((none.header("podium-signature"), none.header("podium-timestamp")), (None, None));
    let [altered] = &send(Odd::Altered, 1).await[..] else { panic!() };
    assert!(!altered.is_signed() && altered.json()["data"]["body"] == "odd");
    let [old] = &send(Odd::OldTimestamp { ms: 600_000 }, 1).await[..] else { panic!() };
    let attempt = desk.podium().observed().attempts.back().unwrap().clone();
    assert!(old.is_signed());
    assert_eq!(old.header("podium-timestamp").unwrap().parse::<i64>().unwrap(), attempt.at_ms - 600_000);
    let [capitals] = &send(Odd::Capitals, 1).await[..] else { panic!() };
    assert!(
        !capitals.is_signed()
            && capitals.header("podium-signature").unwrap().bytes().all(|one| !one.is_ascii_lowercase())
    );
    let [prefixed] = &send(Odd::Prefixed, 1).await[..] else { panic!() };
    assert!(prefixed.header("podium-signature").unwrap().starts_with("sha256="));
    let [once, again] = &send(Odd::Twice, 2).await[..] else { panic!() };
    assert!(once.event_uid() == again.event_uid() && again.is_signed());
    // Twice, and not as often as oddities are left.
    desk.podium().send_odd(&Odd::Twice, 1);
    send(Odd::Twice, 2).await;
    desk.podium().heal();
    let [once, replayed] = &send(Odd::Replayed { ms: 30 }, 2).await[..] else { panic!() };
    assert_eq!(once.header("podium-timestamp"), replayed.header("podium-timestamp"));
    assert_eq!(
        (&once.body, once.header("podium-signature")),
        (&replayed.body, replayed.header("podium-signature"))
    );
    let [nameless] = &send(Odd::NoEventUid, 1).await[..] else { panic!() };
    assert_eq!(nameless.json()["metadata"].get("eventUid"), None);
    let [snake] = &send(Odd::SnakeCase, 1).await[..] else { panic!() };
    assert_eq!(snake.json()["metadata"]["event_type"], "message.received");
    let [nulls] = &send(Odd::Nulls, 1).await[..] else { panic!() };
    assert_eq!((&nulls.json()["data"]["body"], nulls.is_signed()), (&Value::Null, true));
    let [raw] = &send(Odd::Body("{not json".to_owned()), 1).await[..] else { panic!() };
    assert_eq!((raw.body.as_slice(), raw.is_signed()), (b"{not json".as_slice(), true));
    send(Odd::Late { ms: 1 }, 1).await;
    desk.podium().set(|settings| settings.pace = 0.0);
    let [_, twice] = &send(Odd::HangUp, 2).await[..] else { panic!() };
    assert!(twice.is_signed());
    let [usual] = &send(Odd::Late { ms: 0 }, 1).await[..] else { panic!() };
    assert!(usual.is_signed(), "an oddity lasts for as many as were wished");
}

#[tokio::test]
async fn a_pause_holds_events_back_and_a_reversal_turns_them_round() {
    let (desk, receiver, webhook) = hooked().await;
    desk.podium().pause_sender();
    let burst = desk.podium().burst(3);
    // The sender has its turn before the answer can be here.
    desk.get("/webhooks").await;
    let seen = desk.podium().observed();
    assert_eq!((seen.queued[&webhook.uid], seen.attempt_count), (3, 0));
    desk.podium().send_reversed(3);
    desk.podium().resume_sender();
    let seen = desk.podium().delivered(LIMIT).await.unwrap();
    assert_eq!(receiver.texts(), ["Message 3", "Message 2", "Message 1"]);
    let order: Vec<_> = burst.iter().rev().map(|one| one.event_uid.as_str()).collect();
    assert_eq!(seen.taken_events(), order);
    desk.podium().burst(2);
    desk.podium().delivered(LIMIT).await.unwrap();
    assert_eq!(receiver.texts()[3..], ["Message 1", "Message 2"]);
}

#[tokio::test]
async fn a_removed_webhook_and_an_ended_sandbox_call_nobody() {
    let (desk, receiver, webhook) = hooked().await;
    desk.podium().pause_sender();
    desk.podium().message_received("Ada Brook", "never");
    desk.get("/webhooks").await;
    desk.podium().remove_webhook(&webhook.uid).unwrap();
    desk.podium().resume_sender();
    let url = webhook.url.clone().unwrap();
    desk.podium().add_webhook(&url, SECRET);
    desk.podium().message_received("Ada Brook", "still");
    desk.podium().delivered(LIMIT).await.unwrap();
    assert_eq!(receiver.texts(), ["still"]);
    let podium = desk.podium().clone();
    desk.sandbox.stop().await;
    podium.message_received("Ada Brook", "after");
    assert_eq!((podium.webhooks().len(), podium.observed().waiting), (0, 0));
    assert_eq!(receiver.hits().len(), 1);
}

#[tokio::test]
async fn podium_can_be_changed_and_seen_over_http() {
    let desk = desk().await;
    let (receiver, url) = Receiver::listen().await;
    let control = format!("{}/podium", desk.sandbox.control_url());
    let http = http();
    let post = async |path: &str, body: Value| {
        let answer = http.post(format!("{control}{path}")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path} {body}");
        json_of(answer).await
    };
    let get = async |path: &str| json_of(http.get(format!("{control}{path}")).send().await.unwrap()).await;
    post("/settings", json!({"pace": 0.0, "consent": "allow", "refresh": "silent", "rate_limit": 9})).await;
    let webhook = post("/webhook", json!({"add": {"url": url, "secret": SECRET}})).await;
    let uid = webhook["uid"].as_str().unwrap();
    post("/sender", json!({"odd": {"how": "twice"}})).await;
    post("/message", json!({"from": "Ada Brook", "text": "Hi"})).await;
    let seen = get("/wait?field=taken&at_least=2").await;
    assert_eq!((&seen["events"], &seen["attempts"][0]["answer"]), (&json!(1), &json!(200)));
    post("/sender", json!({"odd": {"how": {"old_timestamp": {"ms": 1}}, "times": 2}})).await;
    post("/happen", json!({"type": "review.created", "wish": {"review": {"rating": 1}}})).await;
    post("/event", json!({"type": "new.thing", "data": {"uid": 7}})).await;
    post("/burst", json!({"count": 2, "silent": true})).await;
    get("/wait?field=taken&at_least=4").await;
    assert_eq!(receiver.hits()[2].json()["data"]["review"]["rating"], 1);
    post("/webhook", json!({"disable": uid})).await;
    post("/message", json!({"from": "Ada Brook", "text": "Later"})).await;
    assert_eq!(get("/webhooks").await[0]["disabled"], true);
    assert_eq!(get("/observed").await["queued"][uid], 1);
    post("/webhook", json!({"enable": uid})).await;
    get("/wait?field=taken&at_least=5").await;
    for wish in [
        json!({"narrow": {"uid": uid, "event_types": ["call.missed"]}}),
        json!({"resign": {"uid": uid, "secret": "x"}}),
        json!({"redirect": {"uid": uid, "url": "http://127.0.0.1:1/"}}),
        json!({"remove": uid}),
    ] {
        post("/webhook", wish).await;
    }
    for wish in [json!("pause"), json!("resume"), json!("retry_now"), json!({"reverse": 2})] {
        post("/sender", wish).await;
    }
    post("/location", json!({"name": "Old Mill"})).await;
    assert_eq!(get("/locations").await[2]["name"], "Old Mill");
    post("/app", json!({"client_id": "mine", "client_secret": "s"})).await;
    post("/fault", json!({"path": "/oauth/token", "answer": {"status": 500}})).await;
    post("/heal", json!({})).await;
    for wish in ["expire_access", "kill_refresh", "revoke", "expire_cursors"] {
        post("/tokens", json!(wish)).await;
    }
    assert_eq!(desk.call(Method::GET, "/users", None).await.status(), 401);
    post("/forget", json!({})).await;
    assert_eq!(get("/observed").await["taken"], 0);
    let unknown =
        http.post(format!("{control}/webhook")).json(&json!({"remove": "nothing"})).send().await.unwrap();
    assert_eq!(unknown.status(), 400);
}

//! The push server: the Bayeux rules of Faye and the signature rule, on both transports.

use crate::{LIMIT, bench, bench_with, connect_message, events};
use belfry_sandbox::{Byline, Delivery, Message, Options, Settings, Spec};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message as Frame;

#[tokio::test]
async fn a_notification_reaches_the_held_connect_doubly_nested() {
    let bench = bench_with(Options::apart()).await;
    assert_ne!(bench.sandbox.api_address(), bench.sandbox.push_address());
    let client = bench.subscribed().await;
    let (replies, id) = tokio::join!(bench.connect(&client), async {
        bench.sandbox.podio().wait_for(|seen| seen.held_connects == 1, LIMIT).await.unwrap();
        bench.sandbox.podio().notify(bench.user, Spec::comment("hello"))
    });
    assert_eq!((&replies[0]["channel"], &replies[0]["successful"]), (&json!("/meta/connect"), &json!(true)));
    assert_eq!(replies[0]["advice"], json!({"reconnect": "retry", "interval": 0, "timeout": 45_000}));
    assert_eq!(events(&replies), ["notification_create", "notification_unread"]);
    let channel = format!("/user/{}", bench.user);
    assert_eq!((&replies[1]["channel"], &replies[1]["data"]["channel"]), (&json!(channel), &json!(channel)));
    let event = &replies[1]["data"]["data"];
    assert_eq!(event["ref"], json!({"type": "user", "id": bench.user}));
    assert_eq!(
        event["data"],
        json!({"notification_id": id, "text": "hello", "icon": "comment",
        "link": "https://podio.com/northwind/launch/apps/projects/items/42", "settings": {"sound": true, "browser": true}})
    );
    assert_eq!(replies[2]["data"]["data"]["data"], json!({"count": 1}));
}

#[tokio::test]
async fn the_first_connect_is_held_too_unless_the_client_asks_not_to() {
    let hold = Duration::from_millis(300);
    let bench =
        bench_with(Options { podio: Settings { hold, ..Settings::default() }, ..Options::default() }).await;
    let client = bench.handshake().await;
    let began = Instant::now();
    bench.connect(&client).await;
    assert!(began.elapsed() >= hold);
    bench.sandbox.podio().set(|settings| settings.hold = Duration::from_secs(3_600));
    let mut at_once = connect_message(&client);
    at_once["advice"] = json!({"timeout": 0});
    let reply = tokio::time::timeout(LIMIT, bench.faye(at_once)).await.unwrap();
    assert_eq!(reply[0]["successful"], true);
}

#[tokio::test]
async fn an_array_is_answered_only_when_all_of_it_is() {
    let bench = bench().await;
    let client = bench.handshake().await;
    let both = json!([connect_message(&client), bench.subscription(&client)]);
    let (replies, ()) = tokio::join!(bench.faye(both), async {
        // The subscription works at once, but its answer waits for the connect.
        bench.sandbox.podio().wait_for(|seen| seen.subscribed(bench.user) == 1, LIMIT).await.unwrap();
        bench.sandbox.podio().notify(bench.user, Spec::comment("hello"));
    });
    assert_eq!(
        (&replies[0]["channel"], &replies[1]["channel"]),
        (&json!("/meta/subscribe"), &json!("/meta/connect"))
    );
    assert_eq!(events(&replies).len(), 2);
}

#[tokio::test]
async fn signatures_are_checked_and_expire() {
    let bench = bench().await;
    let client = bench.handshake().await;
    let mut wrong = bench.subscription(&client);
    wrong["subscription"] = json!("/user/1");
    let refused = &bench.faye(wrong).await[0];
    assert_eq!((&refused["error"], &refused["successful"]), (&json!("Incorrect signature."), &json!(false)));
    assert!(refused.get("advice").is_none());

    let mut as_text = bench.subscription(&client);
    as_text["ext"]["private_pub_timestamp"] = json!(as_text["ext"]["private_pub_timestamp"].to_string());
    assert_eq!(bench.faye(as_text).await[0]["successful"], true);

    let old = bench.subscription(&client);
    bench.sandbox.podio().set(|settings| settings.signature_lifetime = Duration::ZERO);
    let stale = async || bench.faye(old.clone()).await[0]["error"].clone();
    let until = Instant::now() + LIMIT;
    while stale().await != "Signature has expired." {
        assert!(Instant::now() < until, "the signature never expired");
    }
    // A live subscription outlives its signature.
    assert_eq!(bench.sandbox.podio().observed().subscribed(bench.user), 1);

    let bare = json!({"channel": "/meta/subscribe", "clientId": client, "subscription": "/user/1"});
    let failed = bench.http.post(bench.sandbox.push_url()).json(&bare).send().await.unwrap();
    assert_eq!(failed.status(), 500);
}

#[tokio::test]
async fn an_unknown_client_is_advised_on_connect_and_not_on_subscribe() {
    let bench = bench().await;
    let connect = &bench.connect("bogus").await[0];
    assert_eq!(connect["error"], "401:bogus:Unknown client");
    assert_eq!(connect["advice"], json!({"reconnect": "handshake"}));
    assert!(connect.get("clientId").is_none());
    let subscribe = &bench.faye(bench.subscription("bogus")).await[0];
    assert_eq!(subscribe["error"], "401:bogus:Unknown client");
    assert!(subscribe.get("advice").is_none());
    assert_eq!(bench.sandbox.podio().observed().unknown_clients, 2);
    let meta = &bench.faye(json!({"channel": "/meta/foo"})).await[0];
    assert_eq!(meta["error"], "403:/meta/foo:Forbidden channel");
}

#[tokio::test]
async fn a_bad_handshake_is_refused() {
    let bench = bench().await;
    let shake = async |message: Value| bench.faye(message).await[0]["error"].as_str().unwrap().to_owned();
    let odd = json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["smoke"]});
    assert!(shake(odd).await.starts_with("301:smoke"));
    let none = json!({"channel": "/meta/handshake", "version": "1.0"});
    assert!(shake(none).await.starts_with("402:"));
    let text = bench
        .http
        .post(bench.sandbox.push_url())
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await;
    assert_eq!(text.unwrap().status(), 400);
}

#[tokio::test]
async fn events_wait_for_a_known_client_until_twice_the_hold_has_passed() {
    let bench = bench().await;
    let client = bench.subscribed().await;
    bench.sandbox.podio().notify(bench.user, Spec::comment("while away"));
    assert_eq!(events(&bench.connect(&client).await).len(), 2);
    bench.sandbox.podio().set(|settings| settings.hold = Duration::from_millis(50));
    bench.sandbox.podio().wait_for(|seen| seen.push_clients == 0, LIMIT).await.unwrap();
    assert_eq!(bench.connect(&client).await[0]["advice"]["reconnect"], "handshake");
}

#[tokio::test]
async fn unsubscribe_and_disconnect_end_what_they_name() {
    let bench = bench().await;
    let client = bench.subscribed().await;
    let channel = format!("/user/{}", bench.user);
    let leave = json!({"channel": "/meta/unsubscribe", "clientId": client, "subscription": channel});
    assert_eq!(bench.faye(leave).await[0]["successful"], true);
    assert!(bench.sandbox.podio().observed().subscriptions.is_empty());
    let goodbye = async {
        bench.sandbox.podio().wait_for(|seen| seen.held_connects == 1, LIMIT).await.unwrap();
        bench.faye(json!({"channel": "/meta/disconnect", "clientId": client})).await
    };
    // The held connect is released.
    let (held, gone) = tokio::join!(bench.connect(&client), goodbye);
    assert_eq!((held[0]["successful"].clone(), gone[0]["successful"].clone()), (json!(true), json!(true)));
    assert_eq!(bench.sandbox.podio().observed().push_clients, 0);
}

#[tokio::test]
async fn a_newer_connect_takes_over_from_a_half_open_one() {
    let bench = bench().await;
    let client = bench.subscribed().await;
    let old = tokio::time::timeout(LIMIT, bench.connect(&client));
    let (old, new) = tokio::join!(old, async {
        bench.sandbox.podio().wait_for(|seen| seen.held_connects == 1, LIMIT).await.unwrap();
        let (new, ()) = tokio::join!(bench.connect(&client), async {
            bench.sandbox.podio().wait_for(|seen| seen.connects == 2, LIMIT).await.unwrap();
            bench.sandbox.podio().notify(bench.user, Spec::comment("hello"));
        });
        new
    });
    let old = old.expect("the older connect gives way long before its hold ends");
    assert_eq!((events(&old).len(), events(&new).len()), (0, 2));
}

#[tokio::test]
async fn publishing_by_form_needs_the_secret() {
    let bench = bench().await;
    let client = bench.subscribed().await;
    let publish = async |token: String| {
        let channel = format!("/user/{}", bench.user);
        let message = json!({"channel": channel, "data": {"channel": channel, "data": {"event": "alien"}},
            "ext": {"private_pub_token": token}});
        let form = [("message", message.to_string())];
        let reply = bench.http.post(bench.sandbox.push_url()).form(&form).send().await.unwrap();
        crate::json_of(reply).await[0].clone()
    };
    assert_eq!(publish("guess".to_owned()).await["error"], "Incorrect token.");
    assert_eq!(publish(bench.sandbox.podio().push_secret()).await["successful"], true);
    assert_eq!(events(&bench.connect(&client).await), ["alien"]);
}

#[tokio::test]
async fn conversation_and_noise_events_arrive_on_the_users_channel() {
    let bench = bench().await;
    let client = bench.subscribed().await;
    let podio = bench.sandbox.podio();
    let say = Message {
        conversation_id: 70,
        subject: "Fair".to_owned(),
        text: "Hi".to_owned(),
        by: Byline::default(),
    };
    podio.message(bench.user, say);
    podio.event(bench.user, "typing", &json!([7]));
    podio.read_conversation_elsewhere(bench.user, 70);
    let replies = bench.connect(&client).await;
    let expected = [
        "conversation_event",
        "conversation_unread_count",
        "typing",
        "conversation_read",
        "conversation_unread_count",
    ];
    assert_eq!(events(&replies), expected);
    let message = &replies[1]["data"]["data"]["data"];
    assert_eq!((&message["action"], &message["total_unread_count"]), (&json!("message"), &json!(1)));
    assert_eq!(message["settings"], json!({"browser": 1, "popup": 1, "sound": 1}));
}

#[tokio::test]
async fn what_is_viewed_elsewhere_lowers_the_pushed_count() {
    let bench = bench().await;
    let client = bench.subscribed().await;
    let ids = bench.sandbox.podio().burst(bench.user, 2);
    bench.sandbox.podio().view_elsewhere(bench.user, ids[0]);
    let replies = bench.connect(&client).await;
    assert_eq!(
        replies.last().unwrap()["data"]["data"],
        json!({"ref": {"type": "user", "id": bench.user},
        "event": "notification_unread", "created_by": {"type": "user", "id": bench.user}, "created_via": 1, "data": {"count": 1}})
    );
}

#[tokio::test]
async fn pushes_can_be_doubled_reversed_held_and_lost() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    let client = bench.subscribed().await;
    let tell = |names: &[&str]| names.iter().for_each(|name| podio.event(bench.user, name, &Value::Null));
    podio.set_delivery(Delivery::Duplicate);
    tell(&["a"]);
    podio.set_delivery(Delivery::Reverse(2));
    tell(&["b", "c", "d"]);
    podio.set_delivery(Delivery::Hold);
    tell(&["e", "f"]);
    podio.set_delivery(Delivery::Lose);
    tell(&["lost"]);
    podio.set_delivery(Delivery::Pass);
    tell(&["g"]);
    assert_eq!(events(&bench.connect(&client).await), ["a", "a", "c", "b", "d", "e", "f", "g"]);
    podio.notify_silently(bench.user, Spec::comment("only the API knows"));
    assert_eq!((podio.observed().queued_events, podio.unread(bench.user).len()), (0, 1));
}

#[tokio::test]
async fn a_web_socket_gets_events_while_its_connect_is_held_and_the_queue_after_a_break() {
    let bench = bench().await;
    let url = bench.sandbox.push_url().replace("http:", "ws:");
    let client = bench.subscribed().await;
    let connect =
        Frame::text(json!([connect_message(&client)]).to_string().replace("long-polling", "websocket"));
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    socket.send(connect.clone()).await.unwrap();
    bench.sandbox.podio().wait_for(|seen| seen.held_connects == 1, LIMIT).await.unwrap();
    bench.sandbox.podio().event(bench.user, "first", &Value::Null);
    let frame = socket.next().await.unwrap().unwrap().into_text().unwrap();
    let frame: Vec<Value> = serde_json::from_str(&frame).unwrap();
    assert_eq!((events(&frame), frame.len()), (vec!["first".to_owned()], 1));

    bench.sandbox.podio().close_sockets();
    while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
    bench.sandbox.podio().wait_for(|seen| seen.held_connects == 0, LIMIT).await.unwrap();
    bench.sandbox.podio().event(bench.user, "second", &Value::Null);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    socket.send(connect).await.unwrap();
    let frame = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(events(&serde_json::from_str::<Vec<Value>>(&frame).unwrap()), ["second"]);

    bench.sandbox.podio().set(|settings| settings.websocket = false);
    assert!(tokio_tungstenite::connect_async(&url).await.is_err());
}

//! The Pusher side: the frames of protocol 7, who may join what, and how the servers of that protocol differ.

use crate::LIMIT;
use belfry_sandbox::pusher::{Observed, Quirk, Settings};
use belfry_sandbox::{Options, PusherApps, Sandbox};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) id: String,
    pub(crate) timeout: Value,
}

/// What ended a connection: its close code and reason, or none.
type End = Option<(u16, String)>;

impl Client {
    /// Connects; the first frame is not read yet.
    pub(crate) async fn open(sandbox: &Sandbox, key: &str, query: &str) -> Self {
        let url = format!("{}/app/{key}{query}", sandbox.pusher_url().replace("http:", "ws:"));
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self { socket, id: String::new(), timeout: Value::Null }
    }

    /// Connects and reads the greeting.
    pub(crate) async fn greeted(sandbox: &Sandbox) -> Self {
        let mut client = Self::open(sandbox, "belfry-key", "?protocol=7&client=test&version=1").await;
        let greeting = client.next().await;
        assert_eq!(greeting["event"], "pusher:connection_established");
        let data = data(&greeting);
        client.id = data["socket_id"].as_str().unwrap().to_owned();
        client.timeout = data["activity_timeout"].clone();
        client
    }

    pub(crate) async fn say(&mut self, frame: Value) {
        self.socket.send(Frame::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, data: Value) -> Value {
        self.say(json!({"event": "pusher:subscribe", "data": data})).await;
        self.next().await
    }

    /// The next text frame.
    pub(crate) async fn next(&mut self) -> Value {
        let frame = tokio::time::timeout(LIMIT, async {
            loop {
                match self.socket.next().await.unwrap().unwrap() {
                    Frame::Text(text) => return serde_json::from_str(&text).unwrap(),
                    Frame::Ping(_) | Frame::Pong(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        });
        frame.await.unwrap()
    }

    /// All text frames until the end, and the end.
    pub(crate) async fn end(&mut self) -> (Vec<Value>, End) {
        let mut frames = Vec::new();
        let end = tokio::time::timeout(LIMIT, async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Frame::Text(text))) => frames.push(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Frame::Close(close))) => {
                        return close.map(|close| (close.code.into(), close.reason.to_string()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        });
        let end = end.await.unwrap();
        (frames, end)
    }
}

/// What the `data` of a frame says, which is JSON text.
pub(crate) fn data(frame: &Value) -> Value {
    serde_json::from_str(frame["data"].as_str().unwrap()).unwrap()
}

async fn sandbox_like(quirk: Quirk) -> Sandbox {
    let pusher = Settings { quirk, ..Settings::default() };
    Sandbox::start(Options { pusher, ..Options::default() }).await.unwrap()
}

async fn sandbox() -> Sandbox {
    sandbox_like(Quirk::Pusher).await
}

async fn seen(pusher: &PusherApps, done: impl Fn(&Observed) -> bool) -> Observed {
    pusher.wait_for(done, LIMIT).await.unwrap()
}

#[tokio::test]
async fn an_event_on_a_public_channel_reaches_its_subscriber_as_text_in_text() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    assert_eq!(client.timeout, 120);
    let done = client.subscribe(json!({"channel": "news"})).await;
    assert_eq!(
        done,
        json!({"event": "pusher_internal:subscription_succeeded", "channel": "news", "data": "{}"})
    );
    assert_eq!(sandbox.pusher().trigger("news", "posted", &json!({"n": 1})), 1);
    assert_eq!(client.next().await, json!({"event": "posted", "channel": "news", "data": "{\"n\":1}"}));
    assert_eq!(sandbox.pusher().trigger("others", "posted", &json!({})), 0);
    client.say(json!({"event": "pusher:unsubscribe", "data": {"channel": "news"}})).await;
    let seen = seen(sandbox.pusher(), |seen| seen.unsubscribes == 1).await;
    assert_eq!((seen.connections, seen.subscribed("news")), (1, 0));
}

#[tokio::test]
async fn private_channels_want_the_apps_signature_of_this_very_connection() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    let app = sandbox.pusher().app();
    let channel = "private-mine";
    for auth in [json!("belfry-key:0123"), json!(app.sign("1.1", channel, None)), Value::Null] {
        let refused = client.subscribe(json!({"channel": channel, "auth": auth})).await;
        assert_eq!((&refused["event"], &refused["data"]["code"]), (&json!("pusher:error"), &Value::Null));
    }
    let auth = app.sign(&client.id, channel, None);
    let done = client.subscribe(json!({"channel": channel, "auth": auth})).await;
    assert_eq!(done["event"], "pusher_internal:subscription_succeeded");
    let seen = sandbox.pusher().observed();
    assert_eq!((seen.refused_subscribes, seen.subscribes), (3, 1));
    assert_eq!(seen.subscriptions[0].auth, Some(auth));
    assert_eq!(seen.subscriptions[0].socket_id, client.id);
}

#[test]
fn signatures_are_those_of_the_published_examples() {
    let app = belfry_sandbox::pusher::App::new("278d425bdf160c739803", "7ad3773142a6692b25b8", "1");
    let private = "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
    assert_eq!(app.sign("1234.1234", "private-foobar", None), private);
    let data = r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#;
    let presence = "278d425bdf160c739803:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80";
    assert_eq!(app.sign("1234.1234", "presence-foobar", Some(data)), presence);
    let user = "278d425bdf160c739803:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba";
    assert_eq!(app.sign_user("1234.1234", r#"{"id":"12345"}"#), user);
}

async fn join(sandbox: &Sandbox, client: &mut Client, channel: &str, user: &str) -> Value {
    let person = json!({"user_id": user, "user_info": {"name": user}}).to_string();
    let auth = sandbox.pusher().app().sign(&client.id, channel, Some(&person));
    client.subscribe(json!({"channel": channel, "auth": auth, "channel_data": person})).await
}

#[tokio::test]
async fn members_of_a_presence_channel_hear_of_each_other_once_however_many_connections_they_have() {
    let sandbox = sandbox().await;
    let channel = "presence-room";
    sandbox.pusher().join(channel, "zoe", &json!({"name": "Zoe"}));
    let mut ada = Client::greeted(&sandbox).await;
    let joined = join(&sandbox, &mut ada, channel, "ada").await;
    let hash = json!({"ada": {"name": "ada"}, "zoe": {"name": "Zoe"}});
    assert_eq!(data(&joined), json!({"presence": {"ids": ["ada", "zoe"], "hash": hash, "count": 2}}));
    let mut ben = Client::greeted(&sandbox).await;
    join(&sandbox, &mut ben, channel, "ben").await;
    let added = ada.next().await;
    assert_eq!(added["event"], "pusher_internal:member_added");
    assert_eq!(data(&added), json!({"user_id": "ben", "user_info": {"name": "ben"}}));
    // A second connection of the same user is no news, and neither is its end.
    let mut again = Client::greeted(&sandbox).await;
    assert_eq!(data(&join(&sandbox, &mut again, channel, "ben").await)["presence"]["count"], 3);
    drop(again);
    seen(sandbox.pusher(), |seen| seen.open.len() == 2).await;
    sandbox.pusher().leave(channel, "zoe");
    assert_eq!(data(&ada.next().await), json!({"user_id": "zoe"}));
    drop(ben);
    let removed = ada.next().await;
    assert_eq!(
        (&removed["event"], data(&removed)),
        (&json!("pusher_internal:member_removed"), json!({"user_id": "ben"}))
    );
}

#[tokio::test]
async fn a_cache_channel_gives_its_last_event_to_a_newcomer_until_it_is_too_old() {
    let sandbox = sandbox().await;
    let mut first = Client::greeted(&sandbox).await;
    first.subscribe(json!({"channel": "cache-rates"})).await;
    assert_eq!(first.next().await, json!({"event": "pusher:cache_miss", "channel": "cache-rates"}));
    for n in 1..=2 {
        sandbox.pusher().trigger("cache-rates", "rate", &json!({"n": n}));
    }
    let mut second = Client::greeted(&sandbox).await;
    second.subscribe(json!({"channel": "cache-rates"})).await;
    assert_eq!(data(&second.next().await), json!({"n": 2}));
    sandbox.pusher().set(|settings| settings.cache_ttl = Some(Duration::ZERO));
    let mut third = Client::greeted(&sandbox).await;
    third.subscribe(json!({"channel": "cache-rates"})).await;
    assert_eq!(third.next().await["event"], "pusher:cache_miss");
}

#[tokio::test]
async fn an_encrypted_event_opens_with_the_shared_secret_of_the_auth_endpoint() {
    use crypto_secretbox::aead::Aead as _;
    use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305};
    use data_encoding::BASE64;
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    let channel = "private-encrypted-plans";
    let form = [("socket_id", client.id.as_str()), ("channel_name", channel)];
    let answer = crate::http().post(format!("{}/pusher/auth", sandbox.pusher_url())).form(&form);
    let granted = crate::json_of(answer.send().await.unwrap()).await;
    client.subscribe(json!({"channel": channel, "auth": granted["auth"]})).await;
    let open = |sealed: &Value| {
        let bytes = |value: &Value| BASE64.decode(value.as_str().unwrap().as_bytes()).unwrap();
        let key: [u8; 32] = bytes(&granted["shared_secret"]).try_into().unwrap();
        let nonce: [u8; 24] = bytes(&sealed["nonce"]).try_into().unwrap();
        let text = XSalsa20Poly1305::new(&key.into())
            .decrypt(&nonce.into(), bytes(&sealed["ciphertext"]).as_slice());
        text.map(|text| String::from_utf8(text).unwrap())
    };
    sandbox.pusher().trigger_encrypted(channel, "made", &json!({"plan": "B"}));
    assert_eq!(open(&data(&client.next().await)).unwrap(), r#"{"plan":"B"}"#);
    sandbox.pusher().rotate_master_key();
    sandbox.pusher().trigger_encrypted(channel, "made", &json!({"plan": "C"}));
    assert!(open(&data(&client.next().await)).is_err());
}

#[tokio::test]
async fn client_events_go_to_the_others_within_the_rules() {
    let sandbox = sandbox().await;
    let channel = "presence-room";
    let (mut ada, mut ben) = (Client::greeted(&sandbox).await, Client::greeted(&sandbox).await);
    join(&sandbox, &mut ada, channel, "ada").await;
    join(&sandbox, &mut ben, channel, "ben").await;
    ada.next().await;
    let typing = |channel: &str| json!({"event": "client-typing", "channel": channel, "data": {"on": true}});
    ada.say(typing(channel)).await;
    let mut passed = typing(channel);
    passed["user_id"] = json!("ada");
    assert_eq!(ben.next().await, passed);
    ada.say(typing("presence-elsewhere")).await;
    assert_eq!(ada.next().await["data"]["code"], 4301);
    sandbox.pusher().set(|settings| settings.client_events = false);
    ada.say(typing(channel)).await;
    assert!(ada.next().await["data"]["message"].as_str().unwrap().contains("client messaging"));
}

#[tokio::test]
async fn client_events_have_a_limit_in_each_second() {
    let sandbox = sandbox().await;
    sandbox.pusher().set(|settings| settings.client_events_per_second = 1);
    let mut client = Client::greeted(&sandbox).await;
    join(&sandbox, &mut client, "presence-room", "ada").await;
    for _ in 0..2 {
        client.say(json!({"event": "client-typing", "channel": "presence-room", "data": {}})).await;
    }
    assert_eq!(client.next().await["data"]["code"], 4301);
    assert_eq!(sandbox.pusher().observed().client_events.len(), 1);
}

#[tokio::test]
async fn counts_of_subscriptions_come_when_the_app_wants_them() {
    let sandbox = sandbox().await;
    sandbox.pusher().set(|settings| settings.subscription_counts = true);
    let mut first = Client::greeted(&sandbox).await;
    first.subscribe(json!({"channel": "news"})).await;
    assert_eq!(data(&first.next().await), json!({"subscription_count": 1}));
    let mut second = Client::greeted(&sandbox).await;
    second.subscribe(json!({"channel": "news"})).await;
    assert_eq!(data(&first.next().await), json!({"subscription_count": 2}));
    drop(second);
    let counted = first.next().await;
    assert_eq!(
        (&counted["event"], data(&counted)),
        (&json!("pusher_internal:subscription_count"), json!({"subscription_count": 1}))
    );
}

#[tokio::test]
async fn a_user_signs_in_with_the_endpoints_word() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    let url = format!("{}/pusher/user-auth", sandbox.pusher_url());
    let form = [("socket_id", client.id.as_str())];
    let granted = crate::json_of(crate::http().post(url).form(&form).send().await.unwrap()).await;
    client.say(json!({"event": "pusher:signin", "data": granted})).await;
    let done = client.next().await;
    assert_eq!(done["event"], "pusher:signin_success");
    assert_eq!(data(&done)["user_data"], granted["user_data"]);
    client.say(json!({"event": "pusher:signin", "data": {"auth": "x", "user_data": "{}"}})).await;
    assert_eq!(client.end().await.1.unwrap().0, 4009);
}

#[tokio::test]
async fn each_server_greets_and_grants_in_its_own_words() {
    for (quirk, seconds, granted) in [
        (Quirk::Pusher, 120, json!("{}")),
        (Quirk::Soketi, 30, Value::Null),
        (Quirk::Reverb, 30, json!("{}")),
        (Quirk::Sockudo, 120, json!("{}")),
    ] {
        let sandbox = sandbox_like(quirk).await;
        let mut client = Client::greeted(&sandbox).await;
        assert_eq!(client.timeout, seconds, "{quirk:?}");
        assert_eq!(client.subscribe(json!({"channel": "news"})).await["data"], granted, "{quirk:?}");
        client.say(json!({"event": "pusher:ping", "data": {}})).await;
        let pong = client.next().await;
        let data = if matches!(quirk, Quirk::Pusher | Quirk::Soketi) { json!({}) } else { Value::Null };
        assert_eq!((&pong["event"], &pong["data"]), (&json!("pusher:pong"), &data), "{quirk:?}");
    }
}

#[tokio::test]
async fn each_server_refuses_a_channel_in_its_own_words() {
    let refused = async |quirk| {
        let sandbox = sandbox_like(quirk).await;
        let mut client = Client::greeted(&sandbox).await;
        let refused = client.subscribe(json!({"channel": "private-x", "auth": "belfry-key:00"})).await;
        // It stays a connection.
        assert_eq!(
            client.subscribe(json!({"channel": "news"})).await["event"],
            "pusher_internal:subscription_succeeded"
        );
        refused
    };
    assert_eq!(refused(Quirk::Pusher).await["data"]["code"], Value::Null);
    let soketi = refused(Quirk::Soketi).await;
    assert_eq!(
        (&soketi["event"], &soketi["channel"]),
        (&json!("pusher:subscription_error"), &json!("private-x"))
    );
    assert_eq!((&soketi["data"]["type"], &soketi["data"]["status"]), (&json!("AuthError"), &json!(401)));
    assert_eq!(data(&refused(Quirk::Reverb).await)["code"], 4009);
    assert_eq!(refused(Quirk::Sockudo).await["data"]["code"], 4009);
}

#[tokio::test]
async fn each_server_turns_an_unknown_app_away_in_its_own_words() {
    let turned_away = async |quirk| {
        let sandbox = sandbox_like(quirk).await;
        let mut client = Client::open(&sandbox, "nokey", "?protocol=7").await;
        let (frames, end) = client.end().await;
        assert_eq!(sandbox.pusher().observed().refused_connections, 1);
        (frames.first().map(|frame| frame["data"].clone()), end)
    };
    let words = "App key nokey does not exist.".to_owned();
    let data = json!({"code": 4001, "message": words});
    assert_eq!(turned_away(Quirk::Pusher).await, (None, Some((4001, words.clone()))));
    assert_eq!(turned_away(Quirk::Soketi).await, (Some(data.clone()), Some((4001, String::new()))));
    let (said, end) = turned_away(Quirk::Reverb).await;
    assert_eq!(
        (said.unwrap().as_str().map(serde_json::from_str::<Value>).unwrap().unwrap(), end),
        (data, None)
    );
    assert_eq!(turned_away(Quirk::Sockudo).await, (None, Some((4001, words))));
}

#[tokio::test]
async fn each_server_has_its_own_mind_about_the_protocols_number_and_a_full_house() {
    let end = async |sandbox: &Sandbox, query: &str| {
        let mut client = Client::open(sandbox, "belfry-key", query).await;
        client.end().await.1.map(|end| end.0)
    };
    let pusher = sandbox().await;
    assert_eq!(end(&pusher, "?protocol=99").await, Some(4007));
    assert_eq!(end(&pusher, "?protocol=seven").await, Some(4006));
    assert_eq!(end(&pusher, "").await, Some(4008));
    let soketi = sandbox_like(Quirk::Soketi).await;
    let mut tolerated = Client::open(&soketi, "belfry-key", "?protocol=99").await;
    assert_eq!(tolerated.next().await["event"], "pusher:connection_established");
    let _there = Client::greeted(&pusher).await;
    for (sandbox, code) in [(&pusher, 4004), (&soketi, 4100)] {
        sandbox.pusher().set(|settings| settings.max_connections = Some(1));
        assert_eq!(end(sandbox, "?protocol=7").await, Some(code));
    }
}

#[tokio::test]
async fn what_is_no_json_is_ignored_or_complained_of() {
    for (quirk, code) in [(Quirk::Pusher, None), (Quirk::Reverb, Some(4200)), (Quirk::Sockudo, Some(4000))] {
        let sandbox = sandbox_like(quirk).await;
        let mut client = Client::greeted(&sandbox).await;
        client.socket.send(Frame::text("{nonsense")).await.unwrap();
        let complaint = client.next().await;
        let said = if quirk == Quirk::Reverb { data(&complaint) } else { complaint["data"].clone() };
        assert_eq!(said["code"], json!(code), "{quirk:?}");
    }
    let sandbox = sandbox_like(Quirk::Soketi).await;
    let mut client = Client::greeted(&sandbox).await;
    client.socket.send(Frame::text("{nonsense")).await.unwrap();
    // The next word is the answer to the next question.
    assert_eq!(
        client.subscribe(json!({"channel": "news"})).await["event"],
        "pusher_internal:subscription_succeeded"
    );
    assert_eq!(sandbox.pusher().observed().garbage, 1);
}

#[tokio::test]
async fn names_are_checked_and_a_second_subscription_is_an_error() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    for name in ["", "a b", "#x", &"x".repeat(165)] {
        assert_eq!(client.subscribe(json!({"channel": name})).await["event"], "pusher:error", "{name}");
    }
    let longest = "x".repeat(164);
    for event in ["pusher_internal:subscription_succeeded", "pusher:error"] {
        assert_eq!(client.subscribe(json!({"channel": longest})).await["event"], event);
    }
}

#[tokio::test]
async fn a_silent_client_is_pinged_or_not_and_then_dropped() {
    let soon = Some(Duration::from_millis(100));
    let sandbox = sandbox().await;
    sandbox.pusher().set(|settings| settings.drop_after = soon);
    let (frames, end) = Client::greeted(&sandbox).await.end().await;
    assert_eq!((frames.len(), end.unwrap().0), (0, 4201));

    let sandbox = sandbox_like(Quirk::Reverb).await;
    sandbox.pusher().set(|settings| (settings.ping_after, settings.drop_after) = (soon, Some(LIMIT)));
    let mut client = Client::greeted(&sandbox).await;
    assert_eq!(client.next().await["event"], "pusher:ping");
    client.say(json!({"event": "pusher:pong"})).await;
    assert_eq!(client.next().await["event"], "pusher:ping", "it is patient again");
    seen(sandbox.pusher(), |seen| seen.pongs == 1).await;
    sandbox.pusher().set(|settings| settings.drop_after = soon);
    let (frames, end) = Client::greeted(&sandbox).await.end().await;
    assert_eq!(frames[0]["event"], "pusher:ping");
    assert_eq!((data(&frames[1])["code"].clone(), end.unwrap().0), (json!(4201), 4201));
}

#[tokio::test]
async fn apps_share_nothing_but_the_server() {
    let sandbox = sandbox().await;
    let other = sandbox.pusher().add_app(belfry_sandbox::pusher::App::new("other-key", "hush", "7"));
    let mut client = Client::open(&sandbox, "other-key", "?protocol=7").await;
    client.next().await;
    client.subscribe(json!({"channel": "news"})).await;
    assert_eq!(sandbox.pusher().trigger("news", "posted", &json!({})), 0);
    assert_eq!(other.trigger("news", "posted", &json!({})), 1);
    assert_eq!(sandbox.pusher().observed().subscriptions[0].app, "other-key");
    let mut behind = Client::open(&sandbox, "x", "").await;
    behind.end().await;
    let url = format!("{}/behind/app/belfry-key?protocol=7", sandbox.pusher_url().replace("http:", "ws:"));
    assert!(tokio_tungstenite::connect_async(url).await.is_ok(), "it can live behind a path");
}

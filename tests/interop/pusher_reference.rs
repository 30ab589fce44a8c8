//! Pusher's own client and its own server library against our sandbox: they check that the fake is honest.

use belfry_sandbox::pusher::{App, At, Quirk};
use belfry_sandbox::{Options, PusherApps, Sandbox, Side};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::node::Node;
use crate::soketi::{self, Soketi};
use crate::stage::LIMIT;

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

/// pusher-js, listening to these channels.
fn client(sandbox: &Sandbox, key: &str, channels: &[&str]) -> Node {
    let url = sandbox.pusher_url();
    Node::start("pusher-client.js", &[&[url.as_str(), key], channels].concat())
}

/// What a channel tells next under this name.
async fn told(node: &mut Node, channel: &str, name: &str) -> Value {
    loop {
        let line = node.until("told").await;
        if line["channel"] == channel && line["name"] == name {
            return line["data"].clone();
        }
    }
}

async fn state(node: &mut Node, state: &str) -> Value {
    loop {
        let line = node.until("state").await;
        if line["state"] == state {
            return line["socket_id"].clone();
        }
    }
}

async fn say(node: &mut Node, line: &Value) {
    node.write(&format!("{line}\n")).await;
}

async fn subscribed(node: &mut Node, channel: &str) -> Value {
    told(node, channel, "pusher:subscription_succeeded").await
}

#[tokio::test]
async fn pusher_js_hears_public_and_private_channels_of_each_kind_of_server() {
    for quirk in [Quirk::Pusher, Quirk::Soketi, Quirk::Reverb, Quirk::Sockudo] {
        let sandbox = sandbox().await;
        sandbox.pusher().set(|settings| settings.quirk = quirk);
        let mut node = client(&sandbox, "belfry-key", &["news", "private-mine"]);
        let socket_id = state(&mut node, "connected").await;
        subscribed(&mut node, "news").await;
        subscribed(&mut node, "private-mine").await;
        let seen = sandbox.pusher().observed();
        assert_eq!((json!(seen.open), seen.asked("private-mine")), (json!([socket_id]), 1));
        for channel in ["news", "private-mine"] {
            sandbox.pusher().trigger(channel, "posted", &json!({"title": "Grüße", "n": 1}));
            assert_eq!(told(&mut node, channel, "posted").await, json!({"title": "Grüße", "n": 1}));
        }
    }
}

#[tokio::test]
async fn pusher_js_is_refused_where_the_auth_endpoint_refuses_it() {
    let sandbox = sandbox().await;
    sandbox.pusher().set(|settings| settings.auth_header = Some(("x-token".to_owned(), "hush".to_owned())));
    let mut node = client(&sandbox, "belfry-key", &["private-mine"]);
    let error = told(&mut node, "private-mine", "pusher:subscription_error").await;
    assert_eq!((&error["type"], &error["status"]), (&json!("AuthError"), &json!(403)));
}

#[tokio::test]
async fn two_pusher_js_meet_on_a_presence_channel_and_talk() {
    let sandbox = sandbox().await;
    let channel = "presence-room";
    let mut robin = client(&sandbox, "belfry-key", &[channel]);
    let joined = subscribed(&mut robin, channel).await;
    assert_eq!((&joined["me"], &joined["count"]), (&json!("robin"), &json!(1)));
    sandbox.pusher().set(|settings| "wren".clone_into(&mut settings.auth_user.id));
    let mut wren = client(&sandbox, "belfry-key", &[channel]);
    let joined = subscribed(&mut wren, channel).await;
    assert_eq!(joined["members"], json!({"robin": {"name": "Robin Vale"}, "wren": {"name": "Robin Vale"}}));
    let added = told(&mut robin, channel, "pusher:member_added").await;
    assert_eq!(added, json!({"id": "wren", "info": {"name": "Robin Vale"}}));
    say(&mut wren, &json!({"channel": channel, "name": "client-typing", "data": {"on": true}})).await;
    assert_eq!(told(&mut robin, channel, "client-typing").await, json!({"on": true}));
    wren.kill().await;
    assert_eq!(told(&mut robin, channel, "pusher:member_removed").await["id"], "wren");
    say(&mut robin, &json!({"signin": true})).await;
    robin.until("signed_in").await;
}

#[tokio::test]
async fn pusher_js_opens_what_is_sealed_and_asks_again_when_the_key_has_changed() {
    let sandbox = sandbox().await;
    let channel = "private-encrypted-plans";
    let mut node = client(&sandbox, "belfry-key", &[channel]);
    subscribed(&mut node, channel).await;
    sandbox.pusher().trigger_encrypted(channel, "made", &json!({"plan": "B"}));
    assert_eq!(told(&mut node, channel, "made").await, json!({"plan": "B"}));
    sandbox.pusher().rotate_master_key();
    sandbox.pusher().trigger_encrypted(channel, "made", &json!({"plan": "C"}));
    assert_eq!(told(&mut node, channel, "made").await, json!({"plan": "C"}));
    assert_eq!(sandbox.pusher().observed().asked(channel), 2);
}

#[tokio::test]
async fn pusher_js_misses_and_then_gets_the_last_event_of_a_cache_channel() {
    let sandbox = sandbox().await;
    let mut first = client(&sandbox, "belfry-key", &["cache-rates"]);
    told(&mut first, "cache-rates", "pusher:cache_miss").await;
    sandbox.pusher().trigger("cache-rates", "rate", &json!({"n": 2}));
    let mut second = client(&sandbox, "belfry-key", &["cache-rates"]);
    assert_eq!(told(&mut second, "cache-rates", "rate").await, json!({"n": 2}));
}

#[tokio::test]
async fn pusher_js_comes_back_after_4200_and_after_a_restart() {
    let sandbox = sandbox().await;
    let channel = "private-mine";
    let mut node = client(&sandbox, "belfry-key", &[channel]);
    let first = state(&mut node, "connected").await;
    subscribed(&mut node, channel).await;
    sandbox.pusher().close_all(4200, "please reconnect");
    let second = state(&mut node, "connected").await;
    subscribed(&mut node, channel).await;
    sandbox.restart_pusher().await.unwrap();
    let third = state(&mut node, "connected").await;
    subscribed(&mut node, channel).await;
    assert!(first != second && second != third, "a socket id lives as long as its connection");
    // Each time it asked for its channel again.
    assert_eq!(sandbox.pusher().observed().asked(channel), 3);
    sandbox.pusher().trigger(channel, "posted", &json!({"n": 1}));
    assert_eq!(told(&mut node, channel, "posted").await, json!({"n": 1}));
}

#[tokio::test]
async fn pusher_js_stops_after_4001_and_takes_4100_for_a_pause() {
    for quirk in [Quirk::Pusher, Quirk::Soketi, Quirk::Sockudo] {
        let sandbox = sandbox().await;
        sandbox.pusher().set(|settings| settings.quirk = quirk);
        let mut node = client(&sandbox, "nokey", &["news"]);
        let problem = node.until("problem").await;
        assert!(problem.to_string().contains("4001"), "{problem}");
        state(&mut node, "disconnected").await;
        assert_eq!(sandbox.pusher().observed().refused_connections, 1);
    }
    let sandbox = sandbox().await;
    sandbox.pusher().plan_close(At::Connect, 4100, "over capacity", 2);
    let mut node = client(&sandbox, "belfry-key", &["news"]);
    subscribed(&mut node, "news").await;
    assert_eq!(sandbox.pusher().observed().sockets, 3);
}

#[tokio::test]
async fn pusher_js_pings_by_the_time_it_was_told_and_answers_pings() {
    let sandbox = sandbox().await;
    sandbox.pusher().set(|settings| settings.activity_timeout_s = Some(1));
    let mut node = client(&sandbox, "belfry-key", &["news"]);
    subscribed(&mut node, "news").await;
    sandbox.pusher().wait_for(|seen| seen.pings >= 2, LIMIT).await.unwrap();
    sandbox.pusher().send_raw_frame(r#"{"event":"pusher:ping","data":{}}"#);
    sandbox.pusher().wait_for(|seen| seen.pongs == 1, LIMIT).await.unwrap();
    assert_eq!(sandbox.pusher().observed().connections, 1);
}

/// npm's `pusher`, knowing our first app's secrets, which open nothing else.
async fn publisher(sandbox: &Sandbox) -> Node {
    let (app, port) = (sandbox.pusher().app(), sandbox.address(Side::Pusher).port().to_string());
    let master_key = data_encoding::BASE64.encode(&app.master_key);
    let mut node = Node::start("pusher-server.js", &[&port, &app.id, &app.key, &app.secret, &master_key]);
    node.until("ready").await;
    node
}

async fn call(node: &mut Node, method: &str, args: Value) {
    say(node, &json!({"order": "call", "method": method, "args": args})).await;
}

async fn answer(node: &mut Node, method: &str, args: Value) -> Value {
    call(node, method, args).await;
    node.until("answered").await["answer"].clone()
}

fn triggered(pusher: &PusherApps) -> u64 {
    pusher.observed().triggered
}

#[tokio::test]
async fn what_the_server_library_triggers_reaches_pusher_js() {
    let sandbox = sandbox().await;
    let sealed = "private-encrypted-plans";
    let mut node = client(&sandbox, "belfry-key", &["news", "rest", sealed]);
    for channel in ["news", "rest", sealed] {
        subscribed(&mut node, channel).await;
    }
    let mut library = publisher(&sandbox).await;
    answer(&mut library, "trigger", json!([["news", "rest"], "posted", {"n": 1}])).await;
    assert_eq!(told(&mut node, "news", "posted").await, json!({"n": 1}));
    assert_eq!(told(&mut node, "rest", "posted").await, json!({"n": 1}));
    let batch = json!([
        {"channel": "news", "name": "first", "data": {"n": 2}},
        {"channel": "rest", "name": "second", "data": "just text"},
    ]);
    answer(&mut library, "triggerBatch", json!([batch])).await;
    assert_eq!(told(&mut node, "news", "first").await, json!({"n": 2}));
    assert_eq!(told(&mut node, "rest", "second").await, "just text");
    answer(&mut library, "trigger", json!([sealed, "made", {"plan": "B"}])).await;
    assert_eq!(told(&mut node, sealed, "made").await, json!({"plan": "B"}));
    assert_eq!(triggered(sandbox.pusher()), 4);
    let channels = answer(&mut library, "get", json!([{"path": "/channels", "params": {}}])).await;
    assert_eq!(channels["channels"].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn the_server_library_signs_as_we_do_and_is_told_what_is_wrong() {
    let sandbox = sandbox().await;
    let app = sandbox.pusher().app();
    let mut library = publisher(&sandbox).await;
    let private = answer(&mut library, "authorizeChannel", json!(["12.34", "private-mine"])).await;
    assert_eq!(private, json!({"auth": app.sign("12.34", "private-mine", None)}));
    let person = json!({"user_id": "ada", "user_info": {"name": "Ada"}});
    let presence = answer(&mut library, "authorizeChannel", json!(["12.34", "presence-room", person])).await;
    let data = presence["channel_data"].as_str().unwrap();
    assert_eq!(presence["auth"], app.sign("12.34", "presence-room", Some(data)));
    let sealed = answer(&mut library, "authorizeChannel", json!(["12.34", "private-encrypted-x"])).await;
    let secret = app.shared_secret("private-encrypted-x");
    assert_eq!(sealed["shared_secret"], data_encoding::BASE64.encode(&secret));
    let user = answer(&mut library, "authenticateUser", json!(["12.34", {"id": "ada"}])).await;
    assert_eq!(user["auth"], app.sign_user("12.34", user["user_data"].as_str().unwrap()));

    call(&mut library, "trigger", json!(["news", "posted", "x".repeat(10_241)])).await;
    assert_eq!(library.until("failed").await["status"], 413);
    let app = App { secret: "another".to_owned(), ..app };
    let _handle = sandbox.pusher().add_app(app);
    call(&mut library, "trigger", json!(["news", "posted", {}])).await;
    assert_eq!(library.until("failed").await["status"], 401);
}

/// One connection by hand: what comes in, frame by frame, as far as two servers can agree on it.
struct Wireman {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    socket_id: String,
}

impl Wireman {
    async fn connect(base: &str, key: &str, query: &str) -> Self {
        let url = format!("{}/app/{key}{query}", base.replace("http:", "ws:"));
        Self { socket: connect_async(url).await.unwrap().0, socket_id: String::new() }
    }

    async fn say(&mut self, frame: &str) {
        self.socket.send(Frame::text(frame.to_owned())).await.unwrap();
    }

    /// The next frame; a close is its code and reason.
    async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(LIMIT, async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Frame::Text(text))) => return opened(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Frame::Close(close))) => {
                        let close = close.unwrap();
                        return json!({"close": u16::from(close.code), "reason": close.reason.as_str()});
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => panic!("{error}"),
                    None => panic!("it ended without a word"),
                }
            }
        });
        next.await.unwrap()
    }

    /// What comes before the answer to a ping.
    async fn until_pong(&mut self) -> Vec<Value> {
        self.say(r#"{"event":"pusher:ping","data":{}}"#).await;
        let mut said = Vec::new();
        loop {
            match self.next().await {
                pong if pong["event"] == "pusher:pong" => return said,
                other => said.push(other),
            }
        }
    }

    /// The greeting, without what is new on each connection.
    async fn greeted(&mut self) -> Value {
        let mut greeting = self.next().await;
        let socket_id = greeting["data"]["text"]["socket_id"].take();
        socket_id.as_str().unwrap().clone_into(&mut self.socket_id);
        greeting
    }
}

/// JSON text in `data` is opened, since its fields have no order, and marked as text.
fn opened(mut frame: Value) -> Value {
    let text = frame["data"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(text) = text {
        frame["data"] = json!({"text": text});
    }
    frame
}

/// A conversation with a server of soketi's kind, as it was heard.
async fn conversation(base: &str, app: &App, trigger: impl AsyncFn(&str, &str, &Value)) -> Vec<Value> {
    let mut heard = Vec::new();
    let mut ada = Wireman::connect(base, &app.key, "?protocol=99").await;
    heard.push(ada.greeted().await);
    let subscribe = |data: Value| json!({"event": "pusher:subscribe", "data": data}).to_string();
    let person = |id: &str| json!({"user_id": id, "user_info": {"name": id}}).to_string();
    let joining = |who: &Wireman, id: &str| {
        let data = person(id);
        let auth = app.sign(&who.socket_id, "presence-room", Some(&data));
        subscribe(json!({"channel": "presence-room", "auth": auth, "channel_data": data}))
    };
    ada.say("{no json").await;
    ada.say(r#"{"event":"pusher:ping","data":{}}"#).await;
    heard.push(ada.next().await);
    ada.say(&subscribe(json!({"channel": "news"}))).await;
    heard.push(ada.next().await);
    ada.say(&subscribe(json!({"channel": "private-mine", "auth": format!("{}:00", app.key)}))).await;
    heard.push(ada.next().await);
    let auth = app.sign(&ada.socket_id, "private-mine", None);
    ada.say(&subscribe(json!({"channel": "private-mine", "auth": auth}))).await;
    heard.push(ada.next().await);
    ada.say(&subscribe(json!({"channel": "cache-rates"}))).await;
    heard.extend([ada.next().await, ada.next().await]);
    for channel in ["news", "private-mine", "cache-rates"] {
        trigger(channel, "posted", &json!({"n": 1})).await;
        heard.push(ada.next().await);
    }
    ada.say(&joining(&ada, "ada")).await;
    heard.push(ada.next().await);
    for odd in [
        subscribe(json!({"channel": "news"})),
        subscribe(json!({"channel": "x".repeat(201)})),
        subscribe(json!({"channel": "not a name"})),
        subscribe(
            json!({"channel": "presence-other", "auth": app.sign(&ada.socket_id, "presence-other", None)}),
        ),
        r#"{"event":"pusher:unsubscribe","data":{"channel":"never-had"}}"#.to_owned(),
        r#"{"event":"client-typing","channel":"news","data":{}}"#.to_owned(),
        r#"{"event":"client-typing","channel":"private-other","data":{}}"#.to_owned(),
        r#"{"event":"pusher:nonsense","data":{}}"#.to_owned(),
        r#"{"event":"nonsense","channel":"news","data":{}}"#.to_owned(),
    ] {
        ada.say(&odd).await;
        heard.push(json!(ada.until_pong().await));
    }
    let mut ben = Wireman::connect(base, &app.key, "?protocol=7").await;
    ben.greeted().await;
    ben.say(&subscribe(json!({"channel": "cache-rates"}))).await;
    heard.extend([ben.next().await, ben.next().await]);
    ben.say(&joining(&ben, "ben")).await;
    heard.extend([ben.next().await, ada.next().await]);
    ben.say(r#"{"event":"client-typing","channel":"presence-room","data":{"on":true}}"#).await;
    heard.push(ada.next().await);
    ben.socket.close(None).await.unwrap();
    heard.push(ada.next().await);
    let mut nobody = Wireman::connect(base, "nokey", "?protocol=7").await;
    heard.extend([nobody.next().await, nobody.next().await]);
    heard
}

#[tokio::test]
async fn the_sandbox_says_word_for_word_what_the_real_soketi_says() {
    let soketi = Soketi::start().await;
    let theirs = App::new(soketi::KEY, soketi::SECRET, soketi::APP);
    let trigger = async |channel: &str, event: &str, data: &Value| soketi.trigger(channel, event, data).await;
    let real = conversation(&soketi.url(), &theirs, trigger).await;
    let sandbox = sandbox().await;
    sandbox.pusher().set(|settings| settings.quirk = Quirk::Soketi);
    let trigger = async |channel: &str, event: &str, data: &Value| {
        assert!(sandbox.pusher().trigger(channel, event, data) > 0);
    };
    let fake = conversation(&sandbox.pusher_url(), &sandbox.pusher().app(), trigger).await;
    for (step, (real, fake)) in real.iter().zip(&fake).enumerate() {
        assert_eq!(fake.to_string(), real.to_string(), "step {step}");
    }
    assert_eq!(fake.len(), real.len());
}

//! The signed HTTP API, called by a publisher written here from the reference alone.

use crate::pusher::{Client, data};
use crate::{http, json_of};
use belfry_sandbox::{Options, Sandbox};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::SystemTime;

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

struct Publisher<'a> {
    sandbox: &'a Sandbox,
    secret: &'a str,
    at: i64,
}

impl<'a> Publisher<'a> {
    fn new(sandbox: &'a Sandbox) -> Self {
        Self { sandbox, secret: "belfry-secret", at: now() }
    }

    fn signed(&self, method: &str, path: &str, extra: &str, body: &str) -> String {
        let mut query = vec![
            "auth_key=belfry-key".to_owned(),
            format!("auth_timestamp={}", self.at),
            "auth_version=1.0".to_owned(),
        ];
        if method == "POST" {
            query.push(format!("body_md5={}", HEXLOWER.encode(&Md5::digest(body))));
        }
        if !extra.is_empty() {
            query.push(extra.to_owned());
        }
        query.sort();
        let query = query.join("&");
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(format!("{method}\n{path}\n{query}").as_bytes());
        let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
        format!("{}{path}?{query}&auth_signature={signature}", self.sandbox.pusher_url())
    }

    async fn post(&self, path: &str, body: Value) -> Response {
        let body = body.to_string();
        http().post(self.signed("POST", path, "", &body)).body(body).send().await.unwrap()
    }

    async fn get(&self, path: &str, extra: &str) -> Response {
        http().get(self.signed("GET", path, extra, "")).send().await.unwrap()
    }
}

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

const EVENTS: &str = "/apps/belfry-app/events";

#[tokio::test]
async fn a_signed_event_reaches_its_channels_but_not_the_connection_it_came_from() {
    let sandbox = sandbox().await;
    let (mut first, mut second) = (Client::greeted(&sandbox).await, Client::greeted(&sandbox).await);
    for client in [&mut first, &mut second] {
        client.subscribe(json!({"channel": "a"})).await;
        client.subscribe(json!({"channel": "b"})).await;
    }
    let publisher = Publisher::new(&sandbox);
    let event = json!({"name": "posted", "channels": ["a", "b"], "data": "{\"n\":1}", "socket_id": first.id});
    assert_eq!(publisher.post(EVENTS, event).await.status(), 200);
    assert_eq!(
        (second.next().await["channel"].clone(), data(&second.next().await)),
        (json!("a"), json!({"n": 1}))
    );
    let batch = json!({"batch": [{"name": "posted", "channel": "a", "data": "{}"}, {"name": "later", "channel": "b", "data": "{}"}]});
    assert_eq!(publisher.post("/apps/belfry-app/batch_events", batch).await.status(), 200);
    assert_eq!(first.next().await["event"], "posted");
    assert_eq!(first.next().await["event"], "later");
    assert_eq!(sandbox.pusher().observed().triggered, 3);
}

#[tokio::test]
async fn what_the_signature_does_not_cover_is_refused() {
    let sandbox = sandbox().await;
    let event = || json!({"name": "posted", "channel": "a", "data": "{}"});
    let status = async |publisher: &Publisher<'_>| publisher.post(EVENTS, event()).await.status().as_u16();
    let right = Publisher::new(&sandbox);
    assert_eq!(status(&right).await, 200);
    assert_eq!(status(&Publisher { secret: "wrong", ..right }).await, 401);
    assert_eq!(status(&Publisher { at: now() - 700, ..right }).await, 401);
    let url = right.signed("POST", EVENTS, "", &event().to_string());
    let other_body = http().post(&url).body(json!({"name": "x", "channel": "a", "data": ""}).to_string());
    assert_eq!(other_body.send().await.unwrap().status(), 401);
    let other_path = url.replace(EVENTS, "/apps/belfry-app/batch_events");
    assert_eq!(http().post(other_path).body(event().to_string()).send().await.unwrap().status(), 401);
    let bare = format!("{}{EVENTS}", sandbox.pusher_url());
    assert_eq!(http().post(bare).body(event().to_string()).send().await.unwrap().status(), 401);
    assert_eq!(right.post("/apps/none/events", event()).await.status(), 404);
    assert_eq!(sandbox.pusher().observed().refused_calls, 6);
}

#[tokio::test]
async fn limits_are_those_of_the_reference() {
    let sandbox = sandbox().await;
    let publisher = Publisher::new(&sandbox);
    let status = async |body| publisher.post(EVENTS, body).await.status().as_u16();
    let event = |bytes: usize| json!({"name": "posted", "channel": "a", "data": "x".repeat(bytes)});
    assert_eq!((status(event(10_240)).await, status(event(10_241)).await), (200, 413));
    let channels = |count: usize| json!({"name": "x", "channels": vec!["a"; count], "data": ""});
    assert_eq!(
        (status(channels(100)).await, status(channels(101)).await, status(channels(0)).await),
        (200, 400, 400)
    );
    let batch = json!({"batch": vec![json!({"name": "x", "channel": "a", "data": ""}); 11]});
    assert_eq!(publisher.post("/apps/belfry-app/batch_events", batch).await.status(), 400);
    assert_eq!(status(json!(["no event"])).await, 400);
}

#[tokio::test]
async fn occupied_channels_and_their_members_can_be_read() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    client.subscribe(json!({"channel": "news"})).await;
    let person = json!({"user_id": "ada", "user_info": {}}).to_string();
    let auth = sandbox.pusher().app().sign(&client.id, "presence-room", Some(&person));
    client.subscribe(json!({"channel": "presence-room", "auth": auth, "channel_data": person})).await;
    let publisher = Publisher::new(&sandbox);
    let get = async |path: &str, extra: &str| json_of(publisher.get(path, extra).await).await;
    let channels = "/apps/belfry-app/channels";
    assert_eq!(get(channels, "").await, json!({"channels": {"news": {}, "presence-room": {}}}));
    assert_eq!(publisher.get(channels, "info=user_count").await.status(), 400);
    assert_eq!(
        get(&format!("{channels}/presence-room"), "info=user_count").await,
        json!({"occupied": true, "user_count": 1})
    );
    assert_eq!(get(&format!("{channels}/empty"), "").await, json!({"occupied": false}));
    assert_eq!(get(&format!("{channels}/presence-room/users"), "").await, json!({"users": [{"id": "ada"}]}));
    assert_eq!(publisher.get(&format!("{channels}/news/users"), "").await.status(), 400);
}

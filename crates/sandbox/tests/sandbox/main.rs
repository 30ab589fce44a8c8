//! The sandbox behaves as the protocols say: each documented behaviour seen from outside, over real HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod acts;
mod cloudapp;
mod control;
mod faults;
mod oauth;
mod podium;
mod podium_sender;
mod push;
mod pusher;
mod pusher_api;
mod pusher_faults;
mod rest;
mod wire;

use belfry_sandbox::{Options, Sandbox};
use reqwest::{Client, RequestBuilder, Response, redirect};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// A sandbox, a plain HTTP client, and the first user signed in.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
    pub(crate) token: String,
    pub(crate) user: u64,
}

pub(crate) async fn bench() -> Bench {
    bench_with(Options::default()).await
}

pub(crate) async fn bench_with(options: Options) -> Bench {
    let sandbox = Sandbox::start(options).await.unwrap();
    let user = sandbox.user().user_id;
    let issued = sandbox.podio().issue_token(user, "belfry-sandbox");
    let token = issued["access_token"].as_str().unwrap().to_owned();
    Bench { sandbox, http: http(), token, user }
}

pub(crate) fn http() -> Client {
    // Another test may have been first; the provider is the same.
    let _first = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap()
}

impl Bench {
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.api_url());
        self.http.get(url).header("authorization", format!("OAuth2 {}", self.token))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.api_url());
        self.http.post(url).header("authorization", format!("OAuth2 {}", self.token))
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.api_url());
        self.http.delete(url).header("authorization", format!("OAuth2 {}", self.token))
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        json_of(self.get(path).send().await.unwrap()).await
    }

    /// One POST to the push server.
    pub(crate) async fn faye(&self, messages: Value) -> Vec<Value> {
        let reply = self.http.post(self.sandbox.push_url()).json(&messages).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        json_of(reply).await.as_array().unwrap().clone()
    }

    pub(crate) async fn handshake(&self) -> String {
        let message = json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]});
        self.faye(message).await[0]["clientId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn subscription(&self, client: &str) -> Value {
        let channel = format!("/user/{}", self.user);
        let push = self.sandbox.podio().push_object(&channel);
        json!({"channel": "/meta/subscribe", "clientId": client, "subscription": channel,
            "ext": {"private_pub_signature": push["signature"], "private_pub_timestamp": push["timestamp"]}})
    }

    /// Shakes hands and subscribes to the user's channel.
    pub(crate) async fn subscribed(&self) -> String {
        let client = self.handshake().await;
        let reply = self.faye(self.subscription(&client)).await;
        assert_eq!(reply[0]["successful"], true, "{reply:?}");
        client
    }

    pub(crate) async fn connect(&self, client: &str) -> Vec<Value> {
        self.faye(connect_message(client)).await
    }
}

pub(crate) fn connect_message(client: &str) -> Value {
    json!({"channel": "/meta/connect", "clientId": client, "connectionType": "long-polling"})
}

pub(crate) async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// The events of a reply, meta messages left out.
pub(crate) fn events(replies: &[Value]) -> Vec<String> {
    replies.iter().filter_map(|one| one["data"]["data"]["event"].as_str().map(str::to_owned)).collect()
}

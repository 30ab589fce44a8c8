//! Readers of event streams that other people made, at the stream of our relay: npm's `eventsource` and npm's `smee-client`.

use std::net::SocketAddr;
use std::path::Path;

use belfry_relay::{Config, Relay, Running, StoreAt};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::node::{Node, client};

const TOKEN: &str = "a read token, which is random in earnest";

struct Channel {
    running: Running,
    name: String,
    folder: tempfile::TempDir,
}

impl Channel {
    async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = relay(folder.path(), ([127, 0, 0, 1], 0).into()).await;
        let reader = BASE64URL_NOPAD.encode(&Sha256::digest(TOKEN)[..16]);
        let url = running.url().join("channels").unwrap();
        let answer = client().post(url).json(&json!({ "reader": reader })).send().await.unwrap();
        let made: Value = answer.json().await.unwrap();
        Self { running, name: made["channel"].as_str().unwrap().to_owned(), folder }
    }

    fn events(&self, query: &str) -> String {
        self.running.url().join(&format!("events/{}{query}", self.name)).unwrap().to_string()
    }

    async fn ring(&self, query: &str, headers: &[(&str, &str)], body: &[u8]) {
        let url = self.running.url().join(&format!("hook/{}{query}", self.name)).unwrap();
        let mut request = client().post(url).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    /// Stopped in order, and started again at the same address.
    async fn restart(self) -> Self {
        let Self { running, name, folder } = self;
        let address = running.address();
        running.stop().await;
        Self { running: relay(folder.path(), address).await, name, folder }
    }
}

async fn relay(folder: &Path, listen: SocketAddr) -> Running {
    let store = StoreAt::File(folder.join("relay.db"));
    Relay::start(Config { listen, store, token_in_url: true, ..Config::default() }).await.unwrap()
}

/// The next webhook that `eventsource` hears: its id and its exact body.
async fn heard(node: &mut Node) -> (String, Vec<u8>) {
    loop {
        let event = node.until("heard").await;
        let data: Value = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
        if let Some(body) = data["bodyB"].as_str() {
            assert_eq!(event["type"], "message");
            return (event["id"].as_str().unwrap().to_owned(), BASE64.decode(body.as_bytes()).unwrap());
        }
    }
}

#[tokio::test]
async fn eventsource_hears_the_exact_bytes_and_resumes_where_it_was() {
    let channel = Channel::make().await;
    channel.ring("", &[], b"kept \xff\0 before anybody read").await;
    let mut node = Node::start("relay-client.mjs", &["eventsource", &channel.events(""), TOKEN]);
    node.until("open").await;
    let (first, body) = heard(&mut node).await;
    assert_eq!(body, b"kept \xff\0 before anybody read");
    channel.ring("", &[], b"").await;
    let (second, body) = heard(&mut node).await;
    assert!(body.is_empty() && first != second);

    let channel = channel.restart().await;
    channel.ring("", &[], b"while it was away").await;
    node.until("open").await;
    channel.ring("", &[], b"when it was back").await;
    assert_eq!(heard(&mut node).await.1, b"while it was away");
    assert_eq!(heard(&mut node).await.1, b"when it was back");
    let webhooks =
        node.said.iter().filter(|event| event["data"].as_str().is_some_and(|d| d.contains("bodyB")));
    assert_eq!(webhooks.count(), 4, "none came twice");
}

/// What smee-client hands on of one webhook.
async fn handed_on(channel: &Channel, mut node: Node) -> Value {
    node.until("open").await;
    let headers = [("content-type", "application/json"), ("x-github-event", "push")];
    channel.ring("?from=here", &headers, br#"{ "ref": "main", "size": 1.0 }"#).await;
    let forwarded = node.until("forwarded").await;
    assert!(node.said.iter().all(|event| event["event"] != "problem"), "{:?}", node.said);
    forwarded
}

#[tokio::test]
async fn smee_client_hands_on_the_body_the_headers_and_the_query() {
    let channel = Channel::make().await;
    let in_url = channel.events(&format!("?access_token={}&body=json", TOKEN.replace(' ', "%20")));
    let node = Node::start("relay-client.mjs", &["smee", &in_url]);
    let forwarded = handed_on(&channel, node).await;
    assert_eq!(forwarded["url"], "/bells?from=here");
    assert_eq!(forwarded["headers"]["x-github-event"], "push");
    // It knows no exact bytes: it writes the JSON anew, so no signature over them can be checked behind it.
    let body: Value = serde_json::from_str(forwarded["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({ "ref": "main", "size": 1 }));
    assert!(forwarded["headers"].get("bodyb").is_none(), "it takes every key it does not know for a header");
}

#[tokio::test]
async fn smee_client_reads_with_a_token_by_a_fetch_of_ones_own() {
    let channel = Channel::make().await;
    let node = Node::start("relay-client.mjs", &["smee", &channel.events("?body=json"), TOKEN]);
    assert_eq!(handed_on(&channel, node).await["headers"]["x-github-event"], "push");
}

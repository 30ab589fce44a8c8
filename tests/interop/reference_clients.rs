//! The reference clients against our sandbox: they check that the fake is honest.

use belfry_sandbox::{Options, Sandbox, Spec};

use crate::node::Node;

async fn faye_client(transport: &str) {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let user = sandbox.user().user_id;
    let channel = format!("/user/{user}");
    let push = sandbox.podio().push_object(&channel);
    let (signature, timestamp) = (push["signature"].as_str().unwrap(), push["timestamp"].to_string());
    let url = sandbox.push_url();

    let mut right = Node::start("faye-client.js", &[&url, transport, &channel, signature, &timestamp]);
    right.until("subscribed").await;
    let id = sandbox.podio().notify(user, Spec::comment("for the reference client"));
    let mut seen = right.until("message").await;
    while seen["data"]["data"]["event"] != "notification_create" {
        seen = right.until("message").await;
    }
    assert_eq!(seen["data"]["data"]["data"]["notification_id"], id);

    let sockets = sandbox.podio().observed().sockets;
    assert_eq!(sockets > 0, transport == "websocket", "it went over {transport}");

    let wrong_one = "0".repeat(40);
    let mut wrong = Node::start("faye-client.js", &[&url, transport, &channel, &wrong_one, &timestamp]);
    let refused = wrong.until("refused").await;
    assert_eq!(refused["error"], "Incorrect signature.");
}

#[tokio::test]
async fn the_faye_client_understands_the_sandbox_over_long_polling() {
    faye_client("long-polling").await;
}

#[tokio::test]
async fn the_faye_client_understands_the_sandbox_over_a_websocket() {
    faye_client("websocket").await;
}

#[tokio::test]
async fn podios_own_client_signs_in_to_the_sandbox_and_hears_its_push() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let (user, key) = (sandbox.user(), sandbox.key());
    let port = sandbox.api_address().port().to_string();
    let mut podio = Node::start("podio-client.js", &[&port, &key.client_id, &user.mail]);
    podio.write(&format!("{}\n{}\n", key.client_secret, user.password)).await;
    podio.until("subscribed").await;
    let id = sandbox.podio().notify(user.user_id, Spec::comment("for podio-js"));
    let mut seen = podio.until("message").await;
    while seen["data"]["data"]["event"] != "notification_create" {
        seen = podio.until("message").await;
    }
    assert_eq!(seen["data"]["data"]["data"]["notification_id"], id);
}

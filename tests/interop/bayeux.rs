//! Our Bayeux client against the real Faye server, over both transports.

use std::time::Duration;

use bayeux::{Client, Config, Event, Resume, TransportKind};
use belfry_sandbox::{Mode, Wire};
use serde_json::{Value, json};

use crate::node::{Faye, client};

const LIMIT: Duration = Duration::from_secs(60);
const CHANNEL: &str = "/user/46432";
const SECRET: &str = "push secret";

/// Somebody who listens, and signs each subscription afresh.
struct Listener {
    client: Client,
    timestamp: i64,
    /// The numbers of all messages so far, in order.
    heard: Vec<i64>,
}

impl Listener {
    fn start(url: &str, transport: TransportKind, resume: Option<Resume>) -> Self {
        let mut config = Config::new(url.parse().unwrap());
        config.transports = vec![transport];
        let mut client = Client::start(config, client(), None, resume).unwrap();
        client.want(CHANNEL).unwrap();
        Self { client, timestamp: 1_700_000_000_000, heard: Vec::new() }
    }

    /// The next event that is of interest; subscriptions are signed on the way.
    async fn until<T>(
        &mut self,
        faye: &Faye,
        what: &str,
        take: impl Fn(&Event) -> Option<T>,
    ) -> Result<T, bayeux::Error> {
        let wait = async {
            loop {
                let event = self.client.next().await?;
                if let Event::SubscribeWanted { channel } = &event {
                    self.timestamp += 1;
                    self.client.subscribe(channel, Some(faye.signed(channel, self.timestamp))).unwrap();
                }
                if let Event::Message { data, .. } = &event {
                    let data: Value = serde_json::from_str(data.get()).unwrap();
                    self.heard.extend(data["data"]["n"].as_i64());
                }
                if let Some(found) = take(&event) {
                    return Ok(found);
                }
            }
        };
        tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"))
    }

    async fn subscribed(&mut self, faye: &Faye) {
        self.until(faye, "subscribed", |event| matches!(event, Event::Subscribed { .. }).then_some(()))
            .await
            .unwrap();
    }

    /// Waits until so many messages were heard in all.
    async fn until_heard(&mut self, faye: &Faye, count: usize) -> Vec<i64> {
        while self.heard.len() < count {
            let message = |event: &Event| matches!(event, Event::Message { .. }).then_some(());
            self.until(faye, "a message", message).await.unwrap();
        }
        self.heard.clone()
    }

    /// Waits until the link has failed, and takes what is needed to resume.
    async fn failed(mut self, faye: &Faye) -> Resume {
        let failed = self.until(faye, "a failure", |_| None::<()>).await;
        assert!(failed.is_err());
        self.client.resume()
    }
}

async fn a_right_signature_is_accepted_and_a_wrong_one_refused(transport: TransportKind) {
    let mut faye = Faye::start(SECRET, 45).await;
    let mut listener = Listener::start(&faye.url(), transport, None);
    listener.subscribed(&faye).await;
    assert_eq!(faye.node.until("granted").await["channel"], CHANNEL);
    faye.publish(CHANNEL, &json!({"n": 1})).await;
    assert_eq!(listener.until_heard(&faye, 1).await, [1]);

    // On the same session: the refusal of one channel leaves the other alone.
    let other = "/item/1";
    let wrong = json!({"private_pub_signature": "0".repeat(40), "private_pub_timestamp": 1});
    listener.client.subscribe(other, Some(wrong)).unwrap();
    let refused = |event: &Event| match event {
        Event::Refused { channel, error } if &**channel == other => Some(error.clone()),
        _ => None,
    };
    assert_eq!(listener.until(&faye, "a refusal", refused).await.unwrap(), "Incorrect signature.");
    faye.publish(CHANNEL, &json!({"n": 2})).await;
    assert_eq!(listener.until_heard(&faye, 2).await, [1, 2]);
    let handshakes = faye.node.said.iter().filter(|said| said["event"] == "handshake").count();
    assert_eq!(handshakes, 1, "a refused signature is no reason for a new session");
}

async fn a_cut_path_is_resumed_with_the_same_client_and_nothing_is_lost(transport: TransportKind) {
    let mut faye = Faye::start(SECRET, 45).await;
    let wire = Wire::start(([127, 0, 0, 1], faye.port).into()).await.unwrap();
    let url = format!("{}/faye", wire.url());
    let mut listener = Listener::start(&url, transport, None);
    listener.subscribed(&faye).await;
    faye.node.until("granted").await;
    // Faye does not notice that a WebSocket was reset and goes on writing into it: only a polite end keeps its queue whole. What it
    // loses otherwise, catching up has to find (see `faye.rs`).
    wire.set(if transport == TransportKind::WebSocket { Mode::Close } else { Mode::Cut });
    let mut resume = listener.failed(&faye).await;
    // Faye may write the first event into the answer that it still holds and that nobody will get; after that it knows.
    faye.publish(CHANNEL, &json!({"n": -1})).await;
    for n in 0..50 {
        faye.publish(CHANNEL, &json!({"n": n})).await;
    }
    wire.set(Mode::Pass);
    // The first attempt may still meet the end of the cut.
    let mut listener = loop {
        let mut listener = Listener::start(&url, transport, Some(resume));
        let connected = |event: &Event| match event {
            Event::Connected { new_session, .. } => Some(*new_session),
            _ => None,
        };
        match listener.until(&faye, "connected again", connected).await {
            Ok(new_session) => {
                assert!(!new_session, "the old session was resumed");
                break listener;
            }
            Err(_) => resume = listener.client.resume(),
        }
    };
    while listener.heard.last() != Some(&49) {
        let so_far = listener.heard.len();
        listener.until_heard(&faye, so_far + 1).await;
    }
    listener.heard.retain(|n| *n >= 0);
    assert_eq!(listener.heard, (0..50).collect::<Vec<_>>());
}

async fn a_killed_server_is_subscribed_again_with_a_fresh_signature(transport: TransportKind) {
    let mut faye = Faye::start(SECRET, 45).await;
    let mut listener = Listener::start(&faye.url(), transport, None);
    listener.subscribed(&faye).await;
    let first = faye.node.until("granted").await["timestamp"].as_i64().unwrap();
    let signed = listener.timestamp;
    let url = faye.url();
    let restarted = tokio::join!(faye.restart(), async {
        // The link fails when the server dies.
        let wait = async { while listener.client.next().await.is_ok() {} };
        tokio::time::timeout(LIMIT, wait).await.expect("the death of the server is noticed");
        listener.client.resume()
    });
    let (mut faye, resume) = restarted;
    let mut listener = Listener::start(&url, transport, Some(resume));
    listener.timestamp = signed;
    listener.subscribed(&faye).await;
    let second = faye.node.until("granted").await["timestamp"].as_i64().unwrap();
    assert!(second > first, "signed afresh: {first}, then {second}");
    faye.publish(CHANNEL, &json!({"n": 7})).await;
    assert_eq!(listener.until_heard(&faye, 1).await, [7]);
}

macro_rules! over_both {
    ($($name:ident: $check:ident, $transport:ident;)*) => {
        $(#[tokio::test]
        async fn $name() {
            $check(TransportKind::$transport).await;
        })*
    };
}

over_both! {
    over_long_polling_a_right_signature_is_accepted_and_a_wrong_one_refused:
        a_right_signature_is_accepted_and_a_wrong_one_refused, LongPolling;
    over_a_websocket_a_right_signature_is_accepted_and_a_wrong_one_refused:
        a_right_signature_is_accepted_and_a_wrong_one_refused, WebSocket;
    over_long_polling_a_cut_path_is_resumed_with_the_same_client_and_nothing_is_lost:
        a_cut_path_is_resumed_with_the_same_client_and_nothing_is_lost, LongPolling;
    over_a_websocket_a_cut_path_is_resumed_with_the_same_client_and_nothing_is_lost:
        a_cut_path_is_resumed_with_the_same_client_and_nothing_is_lost, WebSocket;
    over_long_polling_a_killed_server_is_subscribed_again_with_a_fresh_signature:
        a_killed_server_is_subscribed_again_with_a_fresh_signature, LongPolling;
    over_a_websocket_a_killed_server_is_subscribed_again_with_a_fresh_signature:
        a_killed_server_is_subscribed_again_with_a_fresh_signature, WebSocket;
}

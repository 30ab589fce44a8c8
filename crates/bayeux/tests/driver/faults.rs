//! The driver against a scripted server on loopback, over real HTTP and real WebSockets.

use std::time::{Duration, Instant};

use bayeux::{Client, Config, Error, Event, Resume, TransportKind};
use serde_json::json;

use crate::peer::{Answer, Peer};

const LIMIT: Duration = Duration::from_secs(20);

fn config(peer: &Peer) -> Config {
    let mut config = Config::new(peer.url());
    config.transports = vec![TransportKind::LongPolling];
    config.hold = Duration::from_millis(400);
    config.grace = Duration::from_millis(200);
    config.answer = Duration::from_millis(600);
    config
}

fn websocket(peer: &Peer) -> Config {
    Config { transports: vec![TransportKind::WebSocket, TransportKind::LongPolling], ..config(peer) }
}

fn http() -> reqwest::Client {
    // The workspace's HTTP client is built without a default for its cryptography.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        // Another test of this program was first.
    }
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).cookie_store(true).build().unwrap()
}

fn start(config: Config, resume: Option<Resume>) -> Client {
    Client::start(config, http(), None, resume).unwrap()
}

/// Runs the client until an event fits, with a limit. Subscriptions that are wanted are made.
async fn until(client: &mut Client, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
    let deadline = tokio::time::Instant::now() + LIMIT;
    loop {
        let next = tokio::time::timeout_at(deadline, client.next()).await;
        let event =
            next.unwrap_or_else(|_| panic!("{what} did not come")).unwrap_or_else(|e| panic!("{what}: {e}"));
        if let Event::SubscribeWanted { channel } = &event {
            client.subscribe(channel, Some(json!({"sig": 1}))).unwrap();
        }
        if fits(&event) {
            return event;
        }
    }
}

async fn until_error(client: &mut Client) -> Error {
    let all = async {
        loop {
            match client.next().await {
                Ok(Event::SubscribeWanted { channel }) => client.subscribe(&channel, None).unwrap(),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    };
    tokio::time::timeout(LIMIT, all).await.expect("an error within the limit")
}

async fn until_message(client: &mut Client, expected: &str) {
    until(client, expected, |event| matches!(event, Event::Message { data, .. } if data.get() == expected))
        .await;
}

async fn until_subscribed(client: &mut Client, channel: &str) {
    until(
        client,
        channel,
        |event| matches!(event, Event::Subscribed { channel: told } if **told == *channel),
    )
    .await;
}

async fn subscribed(config: Config) -> Client {
    let mut client = start(config, None);
    client.want("/a").unwrap();
    until_subscribed(&mut client, "/a").await;
    client
}

#[tokio::test]
async fn events_arrive_over_long_polling_with_two_connections_at_most() {
    let peer = Peer::start().await;
    let mut client = subscribed(config(&peer)).await;
    for n in 0..5 {
        peer.publish("/a", json!(n));
        until_message(&mut client, &n.to_string()).await;
        client.want(&format!("/more/{n}")).unwrap();
    }
    until_subscribed(&mut client, "/more/4").await;
    assert!(peer.most_at_once() <= 2, "{} requests at once", peer.most_at_once());
    assert!(client.last_sign_of_life().is_some());
    client.disconnect().await;
    assert!(peer.seen("/meta/disconnect") == 1);
}

#[tokio::test]
async fn events_arrive_over_a_websocket() {
    let peer = Peer::start().await;
    let mut client = start(websocket(&peer), None);
    client.want("/a").unwrap();
    let told = until(&mut client, "connected", |event| matches!(event, Event::Connected { .. })).await;
    assert!(matches!(told, Event::Connected { new_session: true, transport: TransportKind::WebSocket }));
    until_subscribed(&mut client, "/a").await;
    for n in 0..5 {
        peer.publish("/a", json!(n));
        until_message(&mut client, &n.to_string()).await;
    }
    assert_eq!(peer.sockets(), 1);
}

#[tokio::test]
async fn a_websocket_that_is_refused_falls_back_to_long_polling() {
    let peer = Peer::start().await;
    peer.refuse_sockets();
    let mut client = start(websocket(&peer), None);
    let told = until(&mut client, "connected", |event| matches!(event, Event::Connected { .. })).await;
    assert!(matches!(told, Event::Connected { transport: TransportKind::LongPolling, .. }));
}

#[tokio::test]
async fn a_forgotten_client_gets_a_new_session_and_is_asked_to_subscribe() {
    for make in [config, websocket] {
        let peer = Peer::start().await;
        let mut client = subscribed(make(&peer)).await;
        peer.forget_clients();
        until_subscribed(&mut client, "/a").await;
        peer.publish("/a", json!("after"));
        until_message(&mut client, "\"after\"").await;
        assert_eq!(peer.seen("/meta/handshake"), 2);
    }
}

#[tokio::test]
async fn what_was_published_during_a_break_arrives_after_a_resume() {
    for make in [config, websocket] {
        let peer = Peer::start().await;
        let mut client = subscribed(make(&peer)).await;
        peer.answer_next("/meta/connect", Answer::Status(502, Some("7")));
        peer.cut_sockets();
        let error = until_error(&mut client).await;
        assert!(matches!(error, Error::Http { status: 502, .. } | Error::Network(_)), "{error}");
        let resume = client.resume();
        assert_eq!(resume.channels().collect::<Vec<_>>(), ["/a"]);
        peer.publish("/a", json!("meanwhile"));
        peer.clear_answers();
        let mut client = start(make(&peer), Some(resume));
        let told = until(&mut client, "connected", |event| matches!(event, Event::Connected { .. })).await;
        assert!(matches!(told, Event::Connected { new_session: false, .. }));
        until_message(&mut client, "\"meanwhile\"").await;
        assert_eq!((peer.seen("/meta/handshake"), peer.seen("/meta/subscribe")), (1, 1));
    }
}

#[tokio::test]
async fn a_status_other_than_success_is_told_with_the_time_to_wait() {
    let peer = Peer::start().await;
    peer.answer_next("/meta/handshake", Answer::Status(503, Some("7")));
    let error = until_error(&mut start(config(&peer), None)).await;
    assert!(matches!(error, Error::Http { status: 503, retry_after: Some(wait) } if wait.as_secs() == 7));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let peer = Peer::start().await;
    peer.answer_next("/meta/handshake", Answer::Redirect);
    let error = until_error(&mut start(config(&peer), None)).await;
    assert!(matches!(error, Error::Http { status: 307, .. }));
    // Not even by an HTTP client that would.
    peer.answer_next("/meta/handshake", Answer::Redirect);
    http();
    let eager = reqwest::Client::builder().build().unwrap();
    let error = until_error(&mut Client::start(config(&peer), eager, None, None).unwrap()).await;
    assert!(matches!(error, Error::Protocol(_)), "{error}");
}

#[tokio::test]
async fn an_oversized_answer_is_refused_whether_or_not_its_length_is_announced() {
    for answer in [Answer::Body("x".repeat(5000)), Answer::Stream("x".repeat(5000))] {
        let peer = Peer::start().await;
        let config = Config { max_message_bytes: 2000, ..config(&peer) };
        let mut client = subscribed(config).await;
        peer.answer_next("/meta/connect", answer);
        assert!(matches!(until_error(&mut client).await, Error::TooLarge { limit: 2000 }));
    }
    let peer = Peer::start().await;
    let mut client = subscribed(Config { max_message_bytes: 2000, ..websocket(&peer) }).await;
    peer.publish("/a", json!("x".repeat(5000)));
    assert!(matches!(until_error(&mut client).await, Error::TooLarge { limit: 2000 }));
}

#[tokio::test]
async fn a_malformed_answer_is_an_error_and_not_a_panic() {
    for text in ["[{]", "<html>", "[1]", "\u{1}"] {
        let peer = Peer::start().await;
        let mut client = subscribed(config(&peer)).await;
        peer.answer_next("/meta/connect", Answer::Body(text.to_owned()));
        assert!(matches!(until_error(&mut client).await, Error::Protocol(_)), "{text}");
    }
    let peer = Peer::start().await;
    let mut client = subscribed(config(&peer)).await;
    peer.answer_next("/meta/connect", Answer::Bytes(vec![b'"', 0xff, b'"']));
    assert!(matches!(until_error(&mut client).await, Error::Protocol(_)));
}

#[tokio::test]
async fn an_event_on_the_reply_to_a_subscription_arrives() {
    let peer = Peer::start().await;
    let mut client = subscribed(config(&peer)).await;
    peer.add_to_next("/meta/subscribe", json!({"channel": "/a", "data": "early"}));
    client.subscribe("/b", None).unwrap();
    until_message(&mut client, "\"early\"").await;
}

#[tokio::test]
async fn a_server_that_holds_longer_than_asked_is_kept() {
    let peer = Peer::start().await;
    peer.hold_for(Duration::from_millis(2500), false);
    let mut client = subscribed(config(&peer)).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        until(&mut client, "a sign of life", |event| matches!(event, Event::Alive)).await;
    }
    peer.publish("/a", json!("still here"));
    until_message(&mut client, "\"still here\"").await;
    assert_eq!(peer.seen("/meta/handshake"), 1);
    assert!(peer.seen("/meta/unsubscribe") >= 2, "it was probed");
}

#[tokio::test]
async fn a_half_open_link_is_noticed_in_time() {
    for make in [config, websocket] {
        let peer = Peer::start().await;
        let mut client = subscribed(make(&peer)).await;
        peer.fall_silent();
        let start = Instant::now();
        let error = until_error(&mut client).await;
        assert!(matches!(error, Error::Silent(_)), "{error}");
        // 400 ms held, 200 ms of grace, 600 ms for the proof; the rest is a slow machine.
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_probe_of_a_dead_link_fails_within_its_time() {
    let peer = Peer::start().await;
    let slow = Config { hold: Duration::from_secs(60), ..config(&peer) };
    let mut client = subscribed(slow).await;
    client.probe(Duration::from_secs(5));
    // One request at a time runs beside the held one, so this is answered after the probe.
    client.subscribe("/b", None).unwrap();
    until_subscribed(&mut client, "/b").await;
    assert_eq!(peer.seen("/meta/unsubscribe"), 1);
    let held = async {
        while peer.seen("/meta/connect") < 2 {
            let next = tokio::time::timeout(Duration::from_millis(10), client.next()).await;
            assert!(!matches!(next, Ok(Err(_))), "{next:?}");
        }
    };
    tokio::time::timeout(LIMIT, held).await.expect("a second connect, which is held");
    peer.fall_silent();
    // An answer still on its way would be a sign of life after the probe.
    while let Ok(event) = tokio::time::timeout(Duration::from_millis(300), client.next()).await {
        event.unwrap();
    }
    client.probe(Duration::from_millis(300));
    assert!(matches!(until_error(&mut client).await, Error::Silent(_)));
}

#[tokio::test]
async fn a_websocket_closed_during_a_connect_is_an_error_and_resumes() {
    let peer = Peer::start().await;
    let mut client = subscribed(websocket(&peer)).await;
    peer.publish("/a", json!("last"));
    until_message(&mut client, "\"last\"").await;
    peer.cut_sockets();
    let error = until_error(&mut client).await;
    assert!(matches!(error, Error::Network(_)), "{error}");
    let mut client = start(websocket(&peer), Some(client.resume()));
    peer.publish("/a", json!("next"));
    until_message(&mut client, "\"next\"").await;
    assert_eq!(peer.seen("/meta/handshake"), 1);
}

#[tokio::test]
async fn next_can_be_cancelled_at_any_time_without_losing_an_event() {
    for make in [config, websocket] {
        let peer = Peer::start().await;
        let mut client = subscribed(make(&peer)).await;
        let mut got = Vec::new();
        for n in 0..200 {
            peer.publish("/a", json!(n));
        }
        let start = Instant::now();
        while got.len() < 200 && start.elapsed() < LIMIT {
            let next = tokio::time::timeout(Duration::from_micros(50), client.next()).await;
            if let Ok(Ok(Event::Message { data, .. })) = next {
                got.push(data.get().parse::<u32>().unwrap());
            }
        }
        assert_eq!(got, (0..200).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_caller_that_was_away_loses_neither_events_nor_the_session() {
    let peer = Peer::start().await;
    let mut client = subscribed(config(&peer)).await;
    until(&mut client, "a sign of life", |event| matches!(event, Event::Alive)).await;
    peer.publish("/a", json!("while away"));
    // Longer than hold, grace and answer together.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    until_message(&mut client, "\"while away\"").await;
    assert_eq!(peer.seen("/meta/handshake"), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_network_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut config = Config::new(format!("http://{address}/faye").parse().unwrap());
    for transports in
        [vec![TransportKind::LongPolling], vec![TransportKind::WebSocket, TransportKind::LongPolling]]
    {
        config.transports = transports;
        let error = until_error(&mut start(config.clone(), None)).await;
        assert!(matches!(error, Error::Network(_)), "{error}");
        assert!(!error.to_string().contains("/faye"));
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_at_once() {
    let peer = Peer::start().await;
    let empty = Config { transports: vec![], ..config(&peer) };
    assert!(matches!(Client::start(empty, http(), None, None), Err(Error::Config(_))));
    let scheme = Config::new("ftp://127.0.0.1/".parse().unwrap());
    assert!(matches!(Client::start(scheme, http(), None, None), Err(Error::Config(_))));
}

#[tokio::test]
async fn cookies_come_back_if_the_http_client_keeps_them() {
    let peer = Peer::start().await;
    let _client = subscribed(config(&peer)).await;
    assert!(peer.cookies().iter().skip(1).all(|cookie| cookie.as_deref() == Some("BAYEUX_BROWSER=b1")));
}

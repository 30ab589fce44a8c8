//! What happens to connections, and how the client takes it.

use std::time::Duration;

use pusher::{Authorization, Client, Config, Error, Event, Resume, Retry, sign};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use crate::peer::{LIMIT, Link, Peer};

fn config(peer: &Peer) -> Config {
    Config::at(&format!("http://{}/prefix", peer.address).parse().unwrap(), "k").unwrap()
}

fn start(config: Config, resume: Option<Resume>) -> Client {
    Client::start(config, None, resume).unwrap()
}

/// Runs the client until an event fits, with a limit. Authorisations that are wanted are given.
async fn until(client: &mut Client, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
    let wait = async {
        loop {
            let event = client.next().await.unwrap_or_else(|error| panic!("{what}: {error}"));
            if let Event::AuthorizeWanted { channel, socket_id } = &event {
                let auth = sign("k", "secret", socket_id, channel, None);
                let answer = Authorization { auth, channel_data: None, shared_secret: None };
                client.authorize(channel, socket_id, answer);
            }
            if fits(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

async fn until_message(client: &mut Client, expected: &str) {
    until(
        client,
        expected,
        |event| matches!(event, Event::Message { data, .. } if data.as_str() == expected),
    )
    .await;
}

async fn until_error(client: &mut Client) -> Error {
    let all = async {
        loop {
            if let Err(error) = client.next().await {
                return error;
            }
        }
    };
    tokio::time::timeout(LIMIT, all).await.expect("an error within the limit")
}

/// A client with one channel subscribed, and the server's end of it.
async fn subscribed(peer: &Peer, config: Config) -> (Client, Link) {
    let mut client = start(config, None);
    client.want("news").unwrap();
    let server = async {
        let mut link = peer.greet("1.2").await;
        link.grant(1).await;
        link
    };
    let told = until(&mut client, "subscribed", |event| matches!(event, Event::Subscribed { .. }));
    let (link, _) = tokio::join!(server, told);
    (client, link)
}

#[tokio::test]
async fn messages_arrive_and_the_address_follows_the_protocol() {
    let peer = Peer::start().await;
    let mut client = start(config(&peer), None);
    let raw = async {
        let mut stream = peer.accept_tcp().await;
        let mut request = vec![0; 2048];
        let read = stream.read(&mut request).await.unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    };
    let (request, error) = tokio::join!(raw, until_error(&mut client));
    assert!(request.starts_with("GET /prefix/app/k?protocol=7&client=rust-pusher&version="), "{request}");
    assert!(matches!(error, Error::Network(_) | Error::Protocol(_)), "{error:?}");

    let (mut client, mut link) = subscribed(&peer, config(&peer)).await;
    for n in 0..5 {
        link.publish("news", &n.to_string()).await;
        until_message(&mut client, &n.to_string()).await;
    }
    assert!(client.last_sign_of_life().is_some());
    assert_eq!(client.socket_id(), Some("1.2"));
}

#[tokio::test]
async fn a_new_connection_asks_for_signatures_again_and_subscribes_everything() {
    let peer = Peer::start().await;
    let mut resume = None;
    for socket_id in ["1.1", "2.2", "3.3"] {
        let mut client = start(config(&peer), resume);
        client.want("private-a").unwrap();
        client.want("news").unwrap();
        let server = async {
            let mut link = peer.greet(socket_id).await;
            let frames = [link.heard().await, link.heard().await];
            let signed = frames.iter().find(|frame| frame["data"]["channel"] == "private-a").unwrap();
            assert_eq!(signed["data"]["auth"], sign("k", "secret", socket_id, "private-a", None));
            link.say(json!({"event": "e", "channel": "news", "data": "1"})).await;
            link
        };
        let (link, ()) = tokio::join!(server, until_message(&mut client, "1"));
        link.reset();
        let error = until_error(&mut client).await;
        assert!(matches!(error, Error::Network(_)), "{error:?}");
        assert!(matches!(client.next().await, Err(Error::Ended)));
        resume = Some(client.resume());
    }
    let resume = resume.unwrap();
    assert_eq!(resume.channels().collect::<Vec<_>>(), ["news", "private-a"]);
    assert_eq!(resume.quick_failures(), 3);
}

#[tokio::test]
async fn close_codes_arrive_with_their_rules() {
    let peer = Peer::start().await;
    for (code, expected) in [
        (4001, Retry::Never),
        (4000, Retry::Tls),
        (4100, Retry::After(Duration::from_secs(1))),
        (4200, Retry::AtOnce),
        (1012, Retry::After(Duration::from_secs(1))),
    ] {
        let (mut client, mut link) = subscribed(&peer, config(&peer)).await;
        link.close(code, "because").await;
        let error = until_error(&mut client).await;
        assert!(matches!(&error, Error::Closed { text, .. } if text == "because"), "{error:?}");
        assert_eq!((error.code(), error.retry()), (Some(code), expected));
    }
}

#[tokio::test]
async fn a_complaint_and_then_a_bare_end_are_told_as_that_code() {
    let peer = Peer::start().await;
    let mut client = start(config(&peer), None);
    let server = async {
        let mut link = peer.accept().await;
        link.say(json!({"event": "pusher:error", "data": "{\"code\":4001,\"message\":\"no such app\"}"}))
            .await;
        drop(link);
    };
    let ((), error) = tokio::join!(server, until_error(&mut client));
    assert_eq!((error.code(), error.retry()), (Some(4001), Retry::Never));
}

#[tokio::test]
async fn what_was_said_right_before_the_end_is_told_before_it() {
    let peer = Peer::start().await;
    let (mut client, mut link) = subscribed(&peer, config(&peer)).await;
    for n in 0..100 {
        link.publish("news", &n.to_string()).await;
    }
    link.close(4200, "").await;
    for n in 0..100 {
        until_message(&mut client, &n.to_string()).await;
    }
    assert_eq!(until_error(&mut client).await.code(), Some(4200));
}

#[tokio::test]
async fn what_has_arrived_when_the_client_is_given_up_is_in_the_resume() {
    let peer = Peer::start().await;
    let (client, mut link) = subscribed(&peer, config(&peer)).await;
    link.publish("news", "1").await;
    // An answer to this ping shows that everything before it was read.
    link.send(Message::Ping("x".into())).await;
    assert!(matches!(link.next().await, Some(Message::Pong(_))));
    let mut client = start(config(&peer), Some(client.resume()));
    until_message(&mut client, "1").await;
}

#[tokio::test]
async fn pings_of_both_kinds_are_answered() {
    let peer = Peer::start().await;
    let (mut client, mut link) = subscribed(&peer, config(&peer)).await;
    let server = async {
        link.say(json!({"event": "pusher:ping", "data": {}})).await;
        assert_eq!(link.heard().await, json!({"event": "pusher:pong", "data": {}}));
        link.send(Message::Ping("abc".into())).await;
        assert!(matches!(link.next().await, Some(Message::Pong(payload)) if payload == "abc"));
        link.publish("news", "\"end\"").await;
    };
    tokio::join!(server, until_message(&mut client, "\"end\""));
}

#[tokio::test]
async fn a_server_that_falls_silent_is_noticed_by_both_timers() {
    let peer = Peer::start().await;
    let mut config = config(&peer);
    (config.activity, config.pong) = (Duration::from_millis(200), Duration::from_millis(300));
    // The first timer runs from the last word heard, which is before this task hears of it.
    let begin = tokio::time::Instant::now();
    let (mut client, mut link) = subscribed(&peer, config).await;
    // It still reads, and so does not break; it only says nothing any more.
    let server = async {
        assert_eq!(link.heard().await["event"], "pusher:ping");
    };
    let ((), error) = tokio::join!(server, until_error(&mut client));
    assert!(matches!(error, Error::Silent { what: "a ping", retry: Retry::AtOnce }), "{error:?}");
    assert!(begin.elapsed() >= Duration::from_millis(500), "not before both timers: {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_pong_keeps_a_quiet_connection() {
    let peer = Peer::start().await;
    let mut config = config(&peer);
    (config.activity, config.pong) = (Duration::from_millis(100), Duration::from_secs(10));
    let (mut client, mut link) = subscribed(&peer, config).await;
    let server = async {
        for _ in 0..3 {
            assert_eq!(link.heard().await["event"], "pusher:ping");
            link.say(json!({"event": "pusher:pong"})).await;
        }
        link.publish("news", "1").await;
    };
    tokio::join!(server, until_message(&mut client, "1"));
}

#[tokio::test]
async fn a_probe_ends_a_half_open_connection_in_its_own_time() {
    let peer = Peer::start().await;
    let (mut client, _link) = subscribed(&peer, config(&peer)).await;
    client.probe(Duration::from_millis(200));
    let error = until_error(&mut client).await;
    assert!(matches!(error, Error::Silent { .. }), "{error:?}");
}

#[tokio::test]
async fn an_opening_that_hangs_is_given_up() {
    let peer = Peer::start().await;
    let mut config = config(&peer);
    config.opening = Duration::from_millis(200);
    // First before the WebSocket is open, then after it.
    let mut client = start(config.clone(), None);
    let (_stream, error) = tokio::join!(peer.accept_tcp(), until_error(&mut client));
    assert!(matches!(error, Error::Silent { what: "the opening of the connection", .. }), "{error:?}");
    let mut client = start(config, None);
    let (_link, error) = tokio::join!(peer.accept(), until_error(&mut client));
    assert!(matches!(error, Error::Silent { what: "the opening of the connection", .. }), "{error:?}");
}

#[tokio::test]
async fn a_status_and_a_redirect_are_told_and_not_followed() {
    let peer = Peer::start().await;
    for (answer, status, wait) in [
        ("HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 503, 7),
        ("HTTP/1.1 302 x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 302, 60),
    ] {
        let mut client = start(config(&peer), None);
        let server = async {
            let mut stream = peer.accept_tcp().await;
            let mut request = [0; 2048];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream
        };
        let (_stream, error) = tokio::join!(server, until_error(&mut client));
        assert!(matches!(error, Error::Http { status: told, .. } if told == status), "{error:?}");
        assert_eq!(error.retry(), Retry::After(Duration::from_secs(wait)));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_matter_of_the_network() {
    let peer = Peer::start().await;
    let config = config(&peer);
    drop(peer);
    let error = until_error(&mut start(config, None)).await;
    assert!(matches!(error, Error::Network(_)), "{error:?}");
}

#[tokio::test]
async fn a_frame_beyond_the_limit_ends_the_connection() {
    let peer = Peer::start().await;
    let mut config = config(&peer);
    config.max_message_bytes = 10_000;
    let (mut client, mut link) = subscribed(&peer, config).await;
    link.publish("news", &"7".repeat(9_000)).await;
    until_message(&mut client, &"7".repeat(9_000)).await;
    link.publish("news", &"7".repeat(10_001)).await;
    let error = until_error(&mut client).await;
    assert!(matches!(error, Error::TooLarge { limit: 10_000 }), "{error:?}");
}

#[tokio::test]
async fn binary_frames_and_garbage_are_passed_over() {
    let peer = Peer::start().await;
    let (mut client, mut link) = subscribed(&peer, config(&peer)).await;
    link.send(Message::binary(vec![0, 1, 2])).await;
    link.send(Message::text("{")).await;
    link.publish("news", "1").await;
    until_message(&mut client, "1").await;
}

#[tokio::test]
async fn the_socket_is_read_while_the_caller_is_busy() {
    let peer = Peer::start().await;
    let (mut client, mut link) = subscribed(&peer, config(&peer)).await;
    // Far more than the buffers of a loopback connection hold; the server never has to wait for the caller.
    let text = format!("\"{}\"", "x".repeat(9_000));
    for _ in 0..2_000 {
        link.publish("news", &text).await;
    }
    link.send(Message::Ping("x".into())).await;
    assert!(matches!(link.next().await, Some(Message::Pong(_))), "read to the end without the caller");
    for _ in 0..2_000 {
        until_message(&mut client, &text).await;
    }
}

#[tokio::test]
async fn a_caller_that_takes_nothing_does_not_cost_all_memory() {
    let peer = Peer::start().await;
    let mut config = config(&peer);
    config.max_message_bytes = 1_000;
    let (mut client, mut link) = subscribed(&peer, config).await;
    // All of it fits into the buffers of a loopback connection, and so is there before the first is taken.
    let text = "7".repeat(900);
    for _ in 0..60 {
        link.publish("news", &text).await;
    }
    let mut taken = 0;
    let error = loop {
        match tokio::time::timeout(LIMIT, client.next()).await.expect("something in time") {
            Ok(Event::Message { .. }) => taken += 1,
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Behind), "{error:?}");
    assert!((30..60).contains(&taken), "{taken} were told before it");
}

#[tokio::test]
async fn nothing_is_lost_when_next_is_dropped() {
    let peer = Peer::start().await;
    let (mut client, mut link) = subscribed(&peer, config(&peer)).await;
    let server = async {
        for n in 0..200 {
            link.publish("news", &n.to_string()).await;
            tokio::task::yield_now().await;
        }
        link
    };
    let mut heard = Vec::new();
    let listening = async {
        while heard.len() < 200 {
            tokio::select! {
                biased;
                event = client.next() => {
                    if let Event::Message { data, .. } = event.unwrap() {
                        heard.push(data.as_str().parse::<u32>().unwrap());
                    }
                }
                () = tokio::task::yield_now() => {}
            }
        }
    };
    let both = async { tokio::join!(server, listening) };
    tokio::time::timeout(LIMIT, both).await.expect("all of them");
    assert_eq!(heard, (0..200).collect::<Vec<_>>());
}

#[test]
fn an_encrypted_address_needs_settings() {
    let config = Config::cluster("eu", "k").unwrap();
    assert!(matches!(Client::start(config, None, None), Err(Error::Config(_))));
}

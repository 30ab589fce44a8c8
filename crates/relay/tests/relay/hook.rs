//! Taking webhooks in: byte for byte, once each, and answered only when kept.

use std::time::{Duration, Instant};

use belfry_relay::Rate;
use crypto_box::aead::Aead as _;
use crypto_box::{Nonce, PublicKey, SalsaBox, SecretKey};
use data_encoding::BASE64;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Bench, Channel, Raw};

#[tokio::test]
async fn bodies_arrive_byte_for_byte() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let bodies: [Vec<u8>; 6] = [
        Vec::new(),
        b"\xff\xfe\x00\x80 not UTF-8 \xc3".to_vec(),
        br#"{ "spaced":   1.0, "a":"\u00e9" }"#.to_vec(),
        (0..=255).collect(),
        b"data: forged\n\nid: 1-1\n\n\r\n".to_vec(),
        (0..1 << 20).map(|n: u32| (n % 251) as u8).collect(),
    ];
    for body in &bodies {
        let answer = channel.post(body.clone()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let said: Value = answer.json().await.unwrap();
        assert_eq!((&said["status"], &said["message"]), (&json!(200), &json!("ok")));
        assert!(said["id"].is_string());
    }
    assert_eq!(channel.kept_bodies().await, bodies);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_and_its_sender_hears_it() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    for size in [(1 << 20) + 1, 2 << 20, 6 << 20] {
        let refused = channel.post(vec![b'x'; size]).await;
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE, "{size}");
        assert!(refused.json::<Value>().await.unwrap()["error"].is_string());
    }
    // Waits for leave to send.
    let mut raw = Raw::connect(&bench).await;
    let path = format!("/hook/{}", channel.name);
    raw.say(format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2000000\r\n\r\n"
    ))
    .await;
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 413 "), "{heard}");
    // Says no length at all.
    let mut raw = Raw::connect(&bench).await;
    raw.say(format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")).await;
    for _ in 0..20 {
        raw.say(format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000))).await;
    }
    raw.say("0\r\n\r\n").await;
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 413 "), "{heard}");
    assert_eq!(channel.kept(None).await, []);
}

#[tokio::test]
async fn everything_about_the_request_arrives() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let mut raw = Raw::connect(&bench).await;
    raw.say(format!("PUT /hook/{}?a=1&a=2&b=%2F HTTP/1.1\r\nHost: x\r\n", channel.name)).await;
    raw.say(
        b"X-Sign: one\r\nx-sign: two\r\nX-Latin: caf\xe9\r\nAuthorization: Bearer theirs\r\nTimestamp: 5\r\n",
    )
    .await;
    raw.say("Connection: close, x-hop\r\nX-Hop: 1\r\nContent-Length: 4\r\n\r\nding").await;
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    let kept = channel.kept(None).await;
    let [event] = &kept[..] else { panic!("{kept:?}") };
    let said = event.json();
    assert_eq!(event.name, "");
    assert_eq!(event.body(), b"ding");
    assert_eq!(said["method"], "PUT");
    assert_eq!(said["query"], json!({ "a": "1", "b": "/" }));
    assert_eq!((&said["x-sign"], &said["headers"]["x-sign"]), (&json!("one"), &json!(["one", "two"])));
    assert_eq!(said["headers"]["x-latin"], json!(["café"]));
    assert_eq!(said["authorization"], "Bearer theirs");
    assert_eq!((said.get("x-hop"), said.get("connection")), (None, None));
    let timestamp: u64 = said["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(timestamp > 1_700_000_000_000, "the relay's own, not the sender's: {timestamp}");
    assert_eq!(said["headers"]["timestamp"], json!(["5"]));
}

#[tokio::test]
async fn a_senders_retry_is_answered_and_kept_once() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let podium = json!({ "data": {}, "metadata": { "eventUid": "e-1" } }).to_string();
    let mut ids = Vec::new();
    for attempt in 0..3 {
        for (header, value, body) in [
            ("x-github-delivery", "g-1".to_owned(), format!("attempt {attempt}")),
            ("x-attempt", attempt.to_string(), podium.clone()),
            ("x-attempt", attempt.to_string(), "plain".to_owned()),
        ] {
            let request = bench.http.post(&channel.hook_url).header(header, value).body(body);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            ids.push(answer.json::<Value>().await.unwrap()["id"].clone());
        }
    }
    // Of what has no name, the id tells the ten minutes in which it came.
    assert_eq!(ids[..2], ids[3..5]);
    let bodies = channel.kept_bodies().await;
    assert_eq!(bodies, [b"attempt 0".to_vec(), podium.into_bytes(), b"plain".to_vec()]);
}

#[tokio::test]
async fn a_channel_that_this_relay_did_not_make_is_unknown_and_costs_nothing() {
    let (bench, elsewhere) = (Bench::new().await, Bench::new().await);
    let foreign = elsewhere.channel().await;
    let mine = bench.channel().await;
    let mut changed = mine.name.clone().into_bytes();
    changed[10] = if changed[10] == b'A' { b'B' } else { b'A' };
    let long = "A".repeat(5_000);
    let names = [foreign.name.as_str(), std::str::from_utf8(&changed).unwrap(), "x", &long];
    for name in names {
        let url = bench.url(&format!("hook/{name}"));
        let refused = bench.http.post(url).body("needle in no haystack").send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{name:.50}");
        let events =
            bench.http.get(bench.url(&format!("events/{name}"))).bearer_auth("t").send().await.unwrap();
        assert_eq!(events.status(), StatusCode::NOT_FOUND, "{name:.50}");
    }
    assert!(!holds(&bench, b"needle in no haystack"));
}

/// Whether any file of the store holds these bytes.
fn holds(bench: &Bench, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(bench.folder.path())
        .unwrap()
        .map(|file| std::fs::read(file.unwrap().path()).unwrap());
    files.into_iter().any(|file| file.windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test]
async fn what_a_sealed_channel_keeps_can_be_read_by_its_reader_only() {
    let bench = Bench::new().await;
    let secret = SecretKey::from([7; 32]);
    let sealed =
        Channel::make(&bench.http, bench.running.url().as_str(), Some(secret.public_key().as_bytes())).await;
    let plain = bench.channel().await;
    let body = "the quick brown fox jumps over the lazy dog, and nobody may know";
    let header = "a header that nobody may know";
    for channel in [&sealed, &plain] {
        let request = bench.http.post(&channel.hook_url).header("x-private", header).body(body);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }
    let event = sealed.kept(None).await.remove(0);
    let envelope = event.json();
    assert_eq!((&envelope["encrypted"], &envelope["version"]), (&json!(true), &json!(1)));
    assert_eq!(envelope.as_object().unwrap().len(), 5, "{envelope}");
    let bytes = |name: &str| BASE64.decode(envelope[name].as_str().unwrap().as_bytes()).unwrap();
    let theirs = PublicKey::from(<[u8; 32]>::try_from(bytes("epk")).unwrap());
    let nonce = Nonce::from(<[u8; 24]>::try_from(bytes("nonce")).unwrap());
    let opened = SalsaBox::new(&theirs, &secret).decrypt(&nonce, bytes("ciphertext").as_slice()).unwrap();
    let opened: Value = serde_json::from_slice(&opened).unwrap();
    assert_eq!(opened["bodyB"], BASE64.encode(body.as_bytes()));
    assert_eq!(opened["x-private"], header);

    assert!(holds(&bench, BASE64.encode(body.as_bytes()).as_bytes()), "the plain one lies open in the file");
    let sealed = Bench::new().await;
    let channel =
        Channel::make(&sealed.http, sealed.running.url().as_str(), Some(secret.public_key().as_bytes()))
            .await;
    let request = sealed.http.post(&channel.hook_url).header("x-private", header).body(body);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(channel.kept(None).await.len(), 1);
    let encoded = BASE64.encode(body.as_bytes());
    for needle in [body.as_bytes(), encoded.as_bytes(), header.as_bytes(), channel.name.as_bytes()] {
        assert!(!holds(&sealed, needle), "{}", String::from_utf8_lossy(needle));
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_given_up() {
    let bench = Bench::with(|config| config.limits.body_time = Duration::from_millis(400)).await;
    let channel = bench.channel().await;
    let mut raw = Raw::connect(&bench).await;
    let began = Instant::now();
    raw.say(format!(
        "POST /hook/{} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nonly so much",
        channel.name
    ))
    .await;
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
    assert!(began.elapsed() >= Duration::from_millis(350));
    // One byte at a time does not help either.
    let mut raw = Raw::connect(&bench).await;
    raw.say(format!("POST /hook/{} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n", channel.name)).await;
    let (mut hears, mut says) = raw.stream.into_split();
    let dripping = async {
        while tokio::io::AsyncWriteExt::write_all(&mut says, b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut heard = [0; 12];
    tokio::select! {
        () = dripping => panic!("it was cut without a word"),
        read = tokio::io::AsyncReadExt::read_exact(&mut hears, &mut heard) => drop(read.unwrap()),
    }
    assert_eq!(&heard, b"HTTP/1.1 408");
    assert_eq!(channel.kept(None).await, []);
}

#[tokio::test]
async fn a_store_that_cannot_keep_it_in_time_makes_the_sender_come_again() {
    let bench = Bench::with(|config| config.limits.store_time = Duration::from_millis(700)).await;
    let channel = bench.channel().await;
    let other = rusqlite::Connection::open(bench.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let refused = channel.post("ding").await;
    let took = began.elapsed();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(refused.json::<Value>().await.unwrap()["error"].is_string());
    let health = bench.get("health").await;
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(health.json::<Value>().await.unwrap()["error"].is_string());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(channel.post("ding").await.status(), StatusCode::OK);
    assert_eq!(channel.kept_bodies().await, [b"ding".to_vec()]);
}

#[tokio::test]
async fn a_channel_that_rings_too_often_is_told_when_to_come_again() {
    let bench = Bench::with(|config| config.limits.rate = Rate { per_second: 1, burst: 3 }).await;
    let (loud, quiet) = (bench.channel().await, bench.channel().await);
    loud.post_many(0..3).await;
    let refused = loud.post("one more").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    quiet.post_many(0..1).await;
    assert_eq!(loud.kept(None).await.len(), 3);
}

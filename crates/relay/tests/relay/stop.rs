//! An orderly end: streams end, posts under way are answered, what was answered is there afterwards.

use std::time::Duration;

use belfry_relay::Relay;
use reqwest::StatusCode;
use tokio::net::TcpStream;

use crate::bench::{Bench, Raw, config, soon};

#[tokio::test]
async fn a_post_under_way_is_answered_and_streams_end() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let mut stream = channel.open(None).await;
    stream.until_ready().await;
    let mut raw = Raw::connect(&bench).await;
    raw.say(format!("POST /hook/{} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nunder", channel.name))
        .await;
    // It has come so far once a request sent after it was answered.
    assert_eq!(bench.get("health").await.status(), StatusCode::OK);
    let address = bench.running.address();
    let Bench { folder, running, http } = bench;
    drop(http);
    let stopping = tokio::spawn(running.stop());
    assert_eq!(stream.try_next().await, None);
    for _ in 0..500 {
        if TcpStream::connect(address).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(TcpStream::connect(address).await.is_err(), "nobody new is let in");
    raw.say(" way").await;
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    soon("the stop", stopping).await.unwrap();
    assert!(!folder.path().join("relay.db-wal").exists(), "the store was closed in order");
    let again =
        Relay::start(belfry_relay::Config { listen: address, ..config(folder.path()) }).await.unwrap();
    assert_eq!(channel.kept_bodies().await, [b"under way".to_vec()]);
    again.stop().await;
}

#[tokio::test]
async fn a_client_who_never_ends_does_not_hold_up_the_stop() {
    let bench = Bench::with(|config| config.limits.stop_time = Duration::from_millis(300)).await;
    let channel = bench.channel().await;
    let mut raw = Raw::connect(&bench).await;
    raw.say(format!("POST /hook/{} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nunder", channel.name))
        .await;
    assert_eq!(bench.get("health").await.status(), StatusCode::OK);
    soon("the stop", bench.running.stop()).await;
}

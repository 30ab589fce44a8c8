//! Clients who mean no good, or do badly: the others are served all the same.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::io::AsyncReadExt as _;

use crate::bench::{Bench, Raw, client, soon};

#[tokio::test]
async fn five_hundred_idle_and_a_hundred_dripping_clients_hold_nobody_up() {
    let bench = Bench::with(|config| config.limits.head_time = Duration::from_secs(4)).await;
    let channel = bench.channel().await;
    let mut idle = Vec::new();
    for _ in 0..500 {
        idle.push(Raw::connect(&bench).await);
    }
    for _ in 0..100 {
        let mut raw = Raw::connect(&bench).await;
        raw.say("POST /hook/x HTTP/1.1\r\nhost: x\r\nx-long: ").await;
        idle.push(raw);
    }
    // A new connection each time. Behind all the others it would have to wait for minutes.
    channel.post_many(0..50).await;
    // And none of them stays: a head must be there in time, whether it was begun or not.
    for mut raw in idle {
        let mut rest = Vec::new();
        soon("the close of an idle connection", raw.stream.read_to_end(&mut rest)).await.ok();
    }
    assert_eq!(channel.kept(None).await.len(), 50);
}

#[tokio::test]
async fn a_head_that_drips_is_cut_in_time() {
    let bench = Bench::with(|config| config.limits.head_time = Duration::from_millis(500)).await;
    let raw = Raw::connect(&bench).await;
    let (mut hears, mut says) = raw.stream.into_split();
    let began = Instant::now();
    let dripping = async {
        while tokio::io::AsyncWriteExt::write_all(&mut says, b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut heard = Vec::new();
    soon("the cut", async {
        tokio::select! {
            () = dripping => {}
            _ = hears.read_to_end(&mut heard) => {}
        }
    })
    .await;
    let took = began.elapsed();
    assert!((Duration::from_millis(400)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_connection_that_was_used_may_be_idle_longer_but_not_for_ever() {
    let bench = Bench::with(|config| {
        config.limits.head_time = Duration::from_millis(200);
        config.limits.idle_time = Duration::from_secs(2);
    })
    .await;
    let mut raw = Raw::connect(&bench).await;
    let ask = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    raw.say(ask).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    raw.say(ask).await;
    let began = Instant::now();
    let heard = raw.hear().await;
    assert_eq!(heard.matches("HTTP/1.1 200").count(), 2, "{heard}");
    assert!(began.elapsed() > Duration::from_millis(1_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let bench = Bench::with(|config| config.limits.connections = 5).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut raw = Raw::connect(&bench).await;
        raw.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut first = [0; 12];
        raw.stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(raw);
    }
    let mut raw = Raw::connect(&bench).await;
    raw.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let heard = raw.hear().await;
    assert!(heard.starts_with("HTTP/1.1 503 ") && heard.contains("retry-after: "), "{heard}");
    drop(open);
    for _ in 0..500 {
        if client().get(bench.url("")).send().await.unwrap().status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the connections were never given back");
}

#[tokio::test]
async fn a_head_above_the_limit_is_refused() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let post = |bytes: usize| {
        bench.http.post(&channel.hook_url).header("x-long", "x".repeat(bytes)).body("ding").send()
    };
    assert_eq!(post(12_000).await.unwrap().status(), StatusCode::OK);
    assert_eq!(post(40_000).await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(channel.kept(None).await.len(), 1);
}

/// A quarter of a megabyte, and no two the same.
pub(crate) fn large(n: u32) -> Vec<u8> {
    let mut body = vec![b'x'; 256 << 10];
    body[..4].copy_from_slice(&n.to_be_bytes());
    body
}

#[tokio::test]
async fn a_reader_who_does_not_read_is_cut_and_goes_on_later() {
    let bench = Bench::with(|config| config.limits.write_time = Duration::from_millis(500)).await;
    let channel = bench.channel().await;
    let mut stuck = channel.open(None).await;
    stuck.until_ready().await;
    for n in 0..24_u32 {
        assert_eq!(channel.post(large(n)).await.status(), StatusCode::OK, "the sender is not held up");
    }
    // Its seat is free once it was cut.
    bench.until_figure("the reader was cut", "belfry_relay_readers", |readers| readers == 0).await;
    let (mut seen, mut last) = (0, None);
    while let Some(event) = stuck.try_next().await {
        last = event.id;
        seen += usize::from(event.name.is_empty());
    }
    assert!(seen < 24, "the test needs a reader who was cut: {seen}");
    let rest = channel.kept(last.as_deref()).await;
    assert_eq!(seen + rest.len(), 24, "nothing is lost and nothing comes twice");
}

#[tokio::test]
async fn bodies_under_way_have_room_only_for_so_much() {
    let bench = Bench::with(|config| {
        config.limits.bodies = 1 << 20;
        config.limits.body_time = Duration::from_secs(60);
    })
    .await;
    let channel = bench.channel().await;
    let mut holding = Raw::connect(&bench).await;
    let head = format!(
        "POST /hook/{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n",
        channel.name
    );
    holding.say(&head).await;
    holding.say(vec![b'x'; 999_999]).await;
    bench.until_figure("the body was read", "belfry_relay_body_bytes", |bytes| bytes >= 999_424).await;
    let answer = channel.post(vec![b'y'; 500_000]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(channel.post("small").await.status(), StatusCode::OK);
    holding.say("x").await;
    assert!(holding.hear().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(channel.post(vec![b'z'; 500_000]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn readers_who_do_not_read_take_room_only_for_so_much_and_the_others_go_on_after_them() {
    const ROOM: u64 = 4 << 20;
    let bench = Bench::with(|config| {
        config.limits.pages = usize::try_from(ROOM).unwrap();
        config.limits.write_time = Duration::from_secs(600);
    })
    .await;
    let mut stuck = Vec::new();
    for _ in 0..4 {
        let channel = bench.channel().await;
        for n in 0..8 {
            assert_eq!(channel.post(large(n)).await.status(), StatusCode::OK);
        }
        let mut stream = channel.open(None).await;
        assert!(stream.next().await.is_word("connected"));
        stuck.push(stream);
    }
    let mut last = stuck.pop().unwrap();
    // Never more than there is room for, though several times as much waits to be sent.
    bench.until_figure("the room is taken", "belfry_relay_page_bytes", |bytes| bytes > ROOM / 4).await;
    for _ in 0..5 {
        bench
            .until_figure("a look", "belfry_relay_page_bytes", |bytes| {
                assert!(bytes <= ROOM, "{bytes}");
                true
            })
            .await;
    }
    drop(stuck);
    assert_eq!(last.until_ready().await.len(), 8);
    drop(last);
    bench.until_figure("the room is free again", "belfry_relay_page_bytes", |bytes| bytes == 0).await;
}

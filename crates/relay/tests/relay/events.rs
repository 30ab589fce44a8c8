//! The stream: everything once, in order, from where the reader stands; and what is missing is said.

use std::time::Duration;

use belfry_relay::{Config, Relay, Retention};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Bench, Channel, Event, Stream, config};
use crate::limits::large;

fn texts(events: &[Event]) -> Vec<String> {
    events.iter().map(Event::text).collect()
}

#[tokio::test]
async fn first_what_was_kept_then_what_comes() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    channel.post_many(0..3).await;
    let answer = channel.ask(None).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["x-accel-buffering"], "no");
    let mut stream = Stream::of(answer);
    assert!(stream.next().await.is_word("connected"));
    for n in 0..3 {
        assert_eq!(stream.next().await.text(), format!("ring {n}"));
    }
    let ready = stream.next().await;
    assert!(ready.is_word("ready"));
    let mut last = ready.id().to_owned();
    for n in 3..6 {
        channel.post_many(n..n + 1).await;
        let event = stream.next().await;
        assert_eq!(event.text(), format!("ring {n}"));
        assert_eq!(event.json()["id"].as_str().unwrap().len(), 32);
        last = event.id().to_owned();
    }
    assert_eq!(channel.kept(Some(&last)).await, []);
}

#[tokio::test]
async fn a_reader_goes_on_where_it_stood() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    channel.post_many(0..5).await;
    let all = channel.kept(None).await;
    let position = all[2].id();
    let (epoch, seq) = position.split_once('-').unwrap();
    assert!(epoch.parse::<u64>().unwrap() > 1_700_000_000_000 && seq.parse::<u64>().is_ok(), "{position}");
    assert_eq!(channel.kept(Some(position)).await, all[3..]);
    assert_eq!(channel.kept(Some("0-0")).await, all);
    assert_eq!(channel.kept(Some("")).await, all);
}

#[tokio::test]
async fn five_hundred_come_in_order_to_a_reader_who_was_away_and_to_one_who_was_there() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let mut there = channel.open(None).await;
    there.until_ready().await;
    let ringing: Vec<_> = (0..500).map(|n| channel.post(format!("ring {n}"))).collect();
    for answer in futures_util::future::join_all(ringing).await {
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let mut live = Vec::new();
    while live.len() < 500 {
        live.push(there.next().await);
    }
    let later = channel.kept(None).await;
    assert_eq!(live, later);
    let mut sorted = texts(&later);
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 500);
    let seqs: Vec<u64> =
        later.iter().map(|event| event.id().split_once('-').unwrap().1.parse().unwrap()).collect();
    assert!(seqs.is_sorted());
}

#[tokio::test]
async fn only_the_reader_reads() {
    let bench = Bench::new().await;
    let (mine, other) = (bench.channel().await, bench.channel().await);
    mine.post_many(0..1).await;
    let ask = |auth: Option<&str>, query: &str| {
        let mut request = bench.http.get(format!("{}{query}", mine.events_url));
        if let Some(auth) = auth {
            request = request.header("authorization", auth);
        }
        request.send()
    };
    let basic = format!("Basic {}", mine.token);
    let stranger = format!("Bearer {}", other.token);
    let in_url = format!("?access_token={}", mine.token);
    for (auth, query) in [
        (None, ""),
        (Some("Bearer wrong"), ""),
        (Some(basic.as_str()), ""),
        (Some(&stranger), ""),
        (None, &in_url),
    ] {
        let refused = ask(auth, query).await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{auth:?} {query}");
        assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    }
    assert_eq!(mine.kept(None).await.len(), 1);
}

#[tokio::test]
async fn where_it_is_allowed_the_token_may_stand_in_the_url() {
    let bench = Bench::with(|config| config.token_in_url = true).await;
    let channel = bench.channel().await;
    channel.post_many(0..1).await;
    let ask = |token: &str| bench.http.get(format!("{}?access_token={token}", channel.events_url)).send();
    assert_eq!(ask("wrong").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let mut stream = Stream::of(ask(&channel.token).await.unwrap());
    assert_eq!(texts(&stream.until_ready().await), ["ring 0"]);
}

#[tokio::test]
async fn what_was_never_an_id_is_refused() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    for id in ["17", "a-b", "1-", "-1", "1-2-3", "1 - 2", "99999999999999999999999-1"] {
        assert_eq!(channel.ask(Some(id)).await.status(), StatusCode::BAD_REQUEST, "{id}");
    }
}

fn three_only(config: &mut Config) {
    config.retention = Retention { entries: 3, ..Retention::default() };
}

#[track_caller]
fn is_gap(event: &Event, requested: &str, oldest: &Value) {
    assert_eq!(event.name, "gosmee-gap");
    assert_eq!(event.id, None);
    assert_eq!(
        event.json(),
        json!({ "error": "missed_history", "requested_id": requested, "oldest_id": oldest })
    );
}

#[tokio::test]
async fn what_went_before_the_reader_came_is_said_once_and_all_that_is_left_follows() {
    let bench = Bench::with(three_only).await;
    let channel = bench.channel().await;
    channel.post_many(0..1).await;
    let first = channel.kept(None).await[0].id().to_owned();
    channel.post_many(1..4).await;
    assert_eq!(
        texts(&channel.kept(Some(&first)).await),
        ["ring 1", "ring 2", "ring 3"],
        "nothing is missing yet"
    );
    channel.post_many(4..6).await;
    let kept = channel.kept(Some(&first)).await;
    is_gap(&kept[0], &first, &json!(kept[1].id()));
    assert_eq!(texts(&kept[1..]), ["ring 3", "ring 4", "ring 5"]);
    let whole = channel.kept(None).await;
    is_gap(&whole[0], "0-0", &json!(whole[1].id()));
    assert_eq!(whole[1..], kept[1..]);
    assert_eq!(
        texts(&channel.kept(Some(kept[1].id())).await),
        ["ring 4", "ring 5"],
        "who stands behind it missed nothing"
    );
}

#[tokio::test]
async fn what_goes_under_a_readers_feet_is_said_too() {
    let bench = Bench::with(|config| {
        config.retention = Retention { entries: 8, ..Retention::default() };
        config.limits.write_time = Duration::from_secs(600);
    })
    .await;
    let channel = bench.channel().await;
    let mut slow = channel.open(None).await;
    slow.until_ready().await;
    // More than all buffers on the way hold: the reader's next page is read only after it has made room.
    for n in 0..32 {
        assert_eq!(channel.post(large(n)).await.status(), StatusCode::OK);
    }
    let number = |event: &Event| u32::from_be_bytes(event.body()[..4].try_into().unwrap());
    let (mut seen, mut gaps) = (Vec::new(), 0);
    while seen.last() != Some(&31) {
        let event = slow.next().await;
        if event.name == "gosmee-gap" {
            gaps += 1;
        } else if event.name.is_empty() && !event.data.contains("\"message\"") {
            let n = number(&event);
            let follows = seen.last().map_or(0, |last| last + 1) == n;
            assert!(follows || gaps > 0, "{n} after {seen:?} without a word");
            seen.push(n);
        }
    }
    assert!(gaps > 0 && seen.len() < 32, "the test needs a reader who fell behind: {seen:?}");
}

#[tokio::test]
async fn a_position_of_another_store_is_a_gap() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    channel.post_many(0..2).await;
    let all = channel.kept(None).await;
    let epoch: u64 = all[0].id().split_once('-').unwrap().0.parse().unwrap();
    for elsewhere in
        [format!("{}-1", epoch - 1), format!("{}-2", epoch + 1), format!("{epoch}-3"), "0-7".to_owned()]
    {
        let kept = channel.kept(Some(&elsewhere)).await;
        is_gap(&kept[0], &elsewhere, &json!(all[0].id()));
        assert_eq!(kept[1..], all, "{elsewhere}");
    }
    let empty = bench.channel().await;
    let kept = empty.kept(Some("1-1")).await;
    is_gap(&kept[0], "1-1", &Value::Null);
    assert_eq!(kept.len(), 1);
}

#[tokio::test]
async fn a_relay_that_starts_again_goes_on_where_its_readers_stand() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let address = bench.running.address();
    let Bench { folder, mut running, .. } = bench;
    let mut stream = channel.open(None).await;
    stream.until_ready().await;
    let mut seen = Vec::new();
    for round in 0..4_u32 {
        channel.post_many(round * 2..round * 2 + 1).await;
        let event = stream.next().await;
        let position = event.id().to_owned();
        seen.push(event.text());
        if round % 2 == 0 {
            running.stop().await;
        } else {
            // As in a crash.
            drop(running);
        }
        assert_eq!(stream.try_next().await, None, "the stream ends with the relay");
        let config = Config { listen: address, ..config(folder.path()) };
        running = start_again(config).await;
        channel.post_many(round * 2 + 1..round * 2 + 2).await;
        stream = channel.open(Some(&position)).await;
        let missed = stream.until_ready().await;
        seen.extend(texts(&missed));
    }
    assert_eq!(seen, (0..8).map(|n| format!("ring {n}")).collect::<Vec<_>>());
}

/// A crashed relay's last thread lets go of the lock a moment after its owner is gone.
async fn start_again(config: Config) -> belfry_relay::Running {
    for _ in 0..500 {
        match Relay::start(config.clone()).await {
            Ok(running) => return running,
            Err(error)
                if error.to_string().contains("Another belfry-relay")
                    || error.to_string().contains("is taken") =>
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => panic!("{error:#}"),
        }
    }
    panic!("the lock or the port was never free");
}

#[tokio::test]
async fn in_silence_a_ping_moves_the_reader_past_what_is_not_its_own() {
    let bench = Bench::with(|config| config.limits.ping = Duration::from_millis(150)).await;
    let (silent, loud) = (bench.channel().await, bench.channel().await);
    let mut stream = silent.open(None).await;
    stream.until_ready().await;
    loud.post_many(0..3).await;
    let theirs = loud.kept(None).await[2].id().to_owned();
    let ping = loop {
        let ping = stream.next().await;
        assert_eq!((ping.name.as_str(), ping.data.as_str()), ("ping", "{}"));
        if ping.id() == theirs {
            break ping;
        }
    };
    silent.post_many(0..1).await;
    assert_eq!(texts(&silent.kept(Some(ping.id())).await), ["ring 0"]);
}

#[tokio::test]
async fn one_reader_too_many_takes_the_place_of_the_oldest() {
    let bench = Bench::with(|config| config.limits.readers_per_channel = 2).await;
    let channel = bench.channel().await;
    let mut streams: Vec<Stream> = Vec::new();
    for _ in 0..3 {
        let mut stream = channel.open(None).await;
        stream.until_ready().await;
        streams.push(stream);
    }
    assert_eq!(streams[0].try_next().await, None);
    channel.post_many(0..1).await;
    for stream in &mut streams[1..] {
        assert_eq!(stream.next().await.text(), "ring 0");
    }
}

#[tokio::test]
async fn a_reader_who_lost_its_seat_while_catching_up_is_let_go() {
    let bench = Bench::with(|config| {
        config.limits.readers_per_channel = 1;
        config.limits.write_time = Duration::from_secs(600);
    })
    .await;
    let channel = bench.channel().await;
    // More than all buffers on the way hold.
    for n in 0..16 {
        assert_eq!(channel.post(large(n)).await.status(), StatusCode::OK);
    }
    let mut slow = channel.open(None).await;
    assert!(slow.next().await.is_word("connected"));
    let mut newer = channel.open(None).await;
    bench.until_figure("both are counted", "belfry_relay_readers", |readers| readers == 2).await;
    let refused = channel.ask(None).await;
    assert_eq!(
        refused.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "so many may be on their way out, not more"
    );
    assert_eq!(newer.until_ready().await.len(), 16);
    let mut came = 0;
    while let Some(event) = slow.try_next().await {
        assert!(!event.is_word("ready"), "it should have been let go before");
        came += 1;
    }
    assert!(came < 16, "{came}");
    bench.until_figure("it is gone", "belfry_relay_readers", |readers| readers == 1).await;
}

#[tokio::test]
async fn readers_above_the_limit_of_all_are_asked_to_come_again() {
    let bench = Bench::with(|config| config.limits.readers = 1).await;
    let (one, two) = (bench.channel().await, bench.channel().await);
    let open = one.open(None).await;
    let refused = two.ask(None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    drop(open);
    for _ in 0..500 {
        if two.ask(None).await.status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the seat was never given back");
}

#[tokio::test]
async fn smees_clients_find_smees_shape() {
    let bench = Bench::with(|config| config.token_in_url = true).await;
    let channel = bench.channel().await;
    channel.post(r#"{"n":1}"#).await;
    let url = format!("{}?body=json&access_token={}", channel.events_url, channel.token);
    let mut stream = Stream::of(bench.http.get(url).send().await.unwrap());
    let ready = stream.next().await;
    assert_eq!((ready.name.as_str(), ready.data.as_str()), ("ready", "{}"));
    let event = stream.next().await;
    assert_eq!(event.json()["body"], json!({ "n": 1 }));
    assert!(event.json()["timestamp"].is_u64());
    // What smee's client sends on as headers must be one, and short.
    let all_text = |event: &Event| {
        let mut object = event.json().as_object().unwrap().clone();
        for known in ["body", "query", "timestamp"] {
            object.remove(known);
        }
        object.values().all(Value::is_string) && !object.contains_key("bodyB")
    };
    assert!(all_text(&event), "{event:?}");
    channel.post("no JSON").await;
    let event = stream.next().await;
    assert_eq!(event.json()["body"], "no JSON");
    let sealed = Channel::make(&bench.http, bench.running.url().as_str(), Some(&[9; 32])).await;
    for (url, what) in [(&sealed.events_url, "json"), (&channel.events_url, "xml")] {
        let token = if what == "json" { &sealed.token } else { &channel.token };
        let refused = bench.http.get(format!("{url}?body={what}")).bearer_auth(token).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{what}");
    }
}

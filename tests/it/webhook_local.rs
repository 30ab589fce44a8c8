//! Webhooks at a port of this machine: what a tunnel brings rings; what a web page, another name, or somebody slow, large or many sends
//! does not, and does not hinder the rest.

use std::net::SocketAddr;

use belfry::account::{LocalSettings, Receiver, Signature};
use belfry::link::LinkState;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{LIMIT, Stage};
use crate::webhook_stage::{Wish, free_port, github, raw, send, signature_of, until_unheard};

fn local(port: u16, public: Option<&str>) -> Wish {
    let public_url = public.map(|url| url.parse().unwrap());
    Wish::through(Receiver::Local(LocalSettings { port, public_url }))
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[tokio::test]
async fn a_webhook_is_answered_when_it_is_kept_and_a_forged_one_is_refused() {
    let (stage, port) = (Stage::empty().await, free_port());
    let hook = local(port, None).signed(Signature::Github).live(&stage).await;
    assert_eq!(hook, format!("http://127.0.0.1:{port}/hook"));
    assert_eq!(github(&hook, "told", "d-1", &json!({"title": "one"})).await, 200);
    // The answer says that it is kept: no waiting.
    assert_eq!(stage.kept().await.len(), 1);
    assert_eq!(github(&hook, "told", "d-1", &json!({"title": "one"})).await, 200);
    let wrong = format!("sha256={}", signature_of(b"other"));
    assert_eq!(send(&hook, &[("x-hub-signature-256", &wrong)], r#"{"title":"forged"}"#).await, 401);
    until_unheard(&stage, "refused").await;
    assert_eq!(send(&format!("http://[::1]:{port}/hook"), &[], "{}").await, 401);
    assert_eq!(stage.kept().await.len(), 1);
    // Over the public name of the tunnel nothing comes unless the account has one.
    let request = "POST /hook HTTP/1.1\r\nHost: tunnel.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    assert!(raw(at(port), request.as_bytes()).await.contains(" 403 "));
}

#[tokio::test]
async fn a_page_another_name_and_a_doubtful_length_are_refused_and_the_tunnels_name_is_not() {
    let (stage, port) = (Stage::empty().await, free_port());
    local(port, Some("https://tunnel.example/9f2c6b1e7a5d4c3b8a10")).live(&stage).await;
    let ask = async |line: &str, headers: &str, body: &str| {
        let request = format!("{line} HTTP/1.1\r\n{headers}\r\n\r\n{body}");
        let answered = raw(at(port), request.as_bytes()).await;
        answered.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let line = "POST /9f2c6b1e7a5d4c3b8a10";
    let json = "Content-Type: application/json\r\nContent-Length: 15";
    let body = r#"{"title": "one"}"#;
    let body = &body[..15];
    for (line, headers, want) in [
        // DNS rebinding: a page's own name leads here.
        (line, format!("Host: evil.example\r\n{json}"), "403"),
        (line, format!("Host: evil.example:{port}\r\n{json}"), "403"),
        // A page's script, a page's form, and what a browser asks first.
        (line, format!("Host: 127.0.0.1:{port}\r\nOrigin: https://evil.example\r\n{json}"), "403"),
        (line, format!("Host: 127.0.0.1:{port}\r\nSec-Fetch-Site: cross-site\r\n{json}"), "403"),
        (line, format!("Host: 127.0.0.1:{port}\r\nContent-Type: text/plain\r\nContent-Length: 15"), "415"),
        ("OPTIONS /9f2c6b1e7a5d4c3b8a10", format!("Host: 127.0.0.1:{port}"), "403"),
        // The same for all that is not there.
        ("POST /hook", format!("Host: tunnel.example\r\n{json}"), "404"),
        ("POST /", format!("Host: tunnel.example\r\n{json}"), "404"),
        ("GET /9f2c6b1e7a5d4c3b8a10", "Host: tunnel.example".to_owned(), "404"),
        (line, format!("Host: tunnel.example\r\n{json}\r\nTransfer-Encoding: chunked"), "400"),
        (
            line,
            "Host: tunnel.example\r\nContent-Type: application/json\r\nContent-Length: 2097152".to_owned(),
            "413",
        ),
        (line, format!("Host: tunnel.example\r\n{json}\r\nContent-Encoding: gzip"), "415"),
        (line, format!("Host: tunnel.example\r\nX-Long: {}\r\n{json}", "x".repeat(20_000)), "431"),
    ] {
        assert_eq!(ask(line, &headers, body).await, want, "{line} {}", &headers[..headers.len().min(120)]);
    }
    assert!(stage.kept().await.is_empty());
    let title = r#"{"title":"one"}"#;
    assert_eq!(ask(line, &format!("Host: tunnel.example\r\n{json}"), title).await, "200");
    let chunks = format!("8\r\n{}\r\n7;x=y\r\n{}\r\n0\r\n\r\n", r#"{"title""#, r#":"two"}"#);
    let headers = "Host: tunnel.example\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked";
    assert_eq!(ask(line, headers, &chunks).await, "200");
    let kept = stage.kept().await;
    assert_eq!((kept.len(), kept[1].notification.title.as_str()), (2, "two"));
    // Chunks that are mostly frame make work and bring nothing.
    assert_eq!(ask(line, headers, &"1\r\n \r\n".repeat(60_000)).await, "413");
    assert_eq!(ask(line, headers, &format!("1;{}", "x".repeat(300_000))).await, "413");
    assert_eq!(stage.kept().await.len(), 2);
}

#[tokio::test]
async fn an_event_of_podium_that_was_answered_too_late_and_comes_again_rings_once() {
    let (stage, port) = (Stage::empty().await, free_port());
    let map = "[[rules]]\ntitle = '{{ data.metadata.eventUid }}'\n";
    let hook = local(port, None).signed(Signature::Podium).mapped(map).live(&stage).await;
    let now = jiff::Timestamp::now().as_millisecond();
    for (later, uid) in [(0, "e-1"), (9_000, "e-1"), (9_000, "e-2")] {
        let body = json!({"data": {}, "metadata": {"eventType": "message.received", "eventUid": uid}});
        let (body, time) = (body.to_string(), (now + later).to_string());
        let signed = signature_of(format!("{time}.{body}").as_bytes());
        let headers = [("podium-timestamp", time.as_str()), ("podium-signature", &signed)];
        assert_eq!(send(&hook, &headers, body).await, 200);
    }
    let titles: Vec<_> = stage.kept().await.into_iter().map(|entry| entry.notification.title).collect();
    assert_eq!(titles, ["e-1", "e-2"]);
}

#[tokio::test]
async fn slow_and_idle_connections_do_not_hinder_a_webhook_for_long() {
    let (stage, port) = (Stage::empty().await, free_port());
    let hook = local(port, None).live(&stage).await;
    let mut slow = Vec::new();
    for n in 0..100 {
        let Ok(mut stream) = TcpStream::connect(at(port)).await else { continue };
        if n % 2 == 0 {
            stream.write_all(b"POST /hook HTTP/1.1\r\nHost: ").await.ok();
        }
        slow.push(stream);
    }
    // A service that is told to come again does.
    let sent = async {
        while crate::webhook_stage::try_send(&hook, &[], r#"{"title":"through"}"#).await != Some(200) {}
    };
    tokio::time::timeout(LIMIT, sent).await.expect("it comes through");
    assert_eq!(stage.until_kept(1).await.len(), 1, "however often it was sent");
    // Whoever says nothing is sent away.
    let (mut gone, mut turned_away) = (0, 0);
    for mut stream in slow {
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await;
        gone += usize::from(ended.is_ok());
        turned_away += usize::from(answer.starts_with(b"HTTP/1.1 503 "));
    }
    assert!(turned_away > 0, "there is room for some only");
    assert!(gone >= 99, "{gone}");
}

#[tokio::test]
async fn a_flood_is_slowed_down_and_what_was_answered_with_200_is_there() {
    let (stage, port) = (Stage::empty().await, free_port());
    let hook = local(port, None).live(&stage).await;
    let mut sent = tokio::task::JoinSet::new();
    for n in 0..200 {
        let hook = hook.clone();
        sent.spawn(async move {
            (
                n,
                crate::webhook_stage::try_send(&hook, &[], json!({"title": format!("n{n}")}).to_string())
                    .await,
            )
        });
    }
    let answers = sent.join_all().await;
    let kept = stage.kept().await;
    let taken = answers.iter().filter(|(_, status)| *status == Some(200)).count();
    assert!((20..200).contains(&taken), "{taken}");
    for (n, status) in &answers {
        assert!(matches!(status, Some(200 | 503) | None), "{n}: {status:?}");
        if *status == Some(200) {
            let title = format!("n{n}");
            assert!(kept.iter().any(|entry| entry.notification.title == title), "{n} was said to be kept");
        }
    }
}

#[tokio::test]
async fn one_who_sends_without_a_pause_is_asked_to_wait() {
    let (stage, port) = (Stage::empty().await, free_port());
    let hook = local(port, None).live(&stage).await;
    // So few at a time find room; it is their rate that is too high.
    let mut refused = 0;
    for round in 0..100 {
        let sends = (0..4).map(|n| send(&hook, &[], json!({"title": format!("{round} {n}")}).to_string()));
        let answers = futures_util::future::join_all(sends).await;
        refused += answers.iter().filter(|status| **status == 503).count();
        if refused > 0 {
            return;
        }
    }
    panic!("all were taken");
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_and_listened_at_once_it_is_free() {
    let (mut stage, port) = (Stage::empty().await, free_port());
    let taken = std::net::TcpListener::bind(at(port)).unwrap();
    let refused = local(port, None).begin(&stage).await.unwrap_err();
    assert!(
        refused.words.contains(&format!("port {port}")) && refused.words.contains("another program"),
        "{refused}"
    );
    drop(taken);
    local(port, None).live(&stage).await;
    stage.stop().await;
    let taken = std::net::TcpListener::bind(at(port)).unwrap();
    stage.start().await;
    let waits = stage.until_state("waiting", |state| matches!(state, LinkState::Waiting { .. })).await;
    assert!(waits.reason().unwrap().contains("another program"), "{waits:?}");
    drop(taken);
    stage.until_state("live", |state| *state == LinkState::Live).await;
    let open = local(free_port(), Some("https://tunnel.example")).begin(&stage).await.unwrap_err();
    assert!(open.words.contains("anybody could send"), "{open}");
}

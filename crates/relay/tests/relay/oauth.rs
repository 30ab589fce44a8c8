//! The page to which a browser comes back from a sign-in.

use reqwest::StatusCode;
use serde_json::json;

use crate::bench::{Bench, Channel};

#[tokio::test]
async fn what_the_browser_brings_reaches_the_desktop_and_nobody_else() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let mut stream = channel.open(None).await;
    stream.until_ready().await;
    let state = format!("{}.nonce-1", channel.name);
    let url = format!("{}?code=c0de%2Fsecret&state={state}", channel.oauth_url);
    for _ in 0..2 {
        let page = bench.http.get(&url).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()["cache-control"], "no-store");
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
        assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        let html = page.text().await.unwrap();
        assert!(html.contains("You may close this page"), "{html}");
        for secret in ["c0de", "nonce-1", &channel.name, "<script", "http"] {
            assert!(!html.contains(secret), "{secret}");
        }
    }
    let event = stream.next().await;
    assert_eq!(event.name, "belfry-oauth");
    assert_eq!(event.json()["query"], json!({ "code": "c0de/secret", "state": state }));
    assert!(event.json()["timestamp"].is_string() && event.json()["id"].is_string());
    channel.post_many(0..1).await;
    assert_eq!(stream.next().await.text(), "ring 0", "a page loaded twice is one return");
}

#[tokio::test]
async fn a_refusal_is_carried_the_same_way() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    let url = format!("{}?error=access_denied&state={}.n", channel.oauth_url, channel.name);
    assert_eq!(bench.http.get(url).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(channel.kept(None).await[0].json()["query"]["error"], "access_denied");
}

#[tokio::test]
async fn a_sealed_channels_return_is_sealed() {
    let bench = Bench::new().await;
    let channel = Channel::make(&bench.http, bench.running.url().as_str(), Some(&[9; 32])).await;
    let url = format!("{}?code=c0de&state={}.n", channel.oauth_url, channel.name);
    assert_eq!(bench.http.get(url).send().await.unwrap().status(), StatusCode::OK);
    let kept = channel.kept(None).await;
    assert_eq!(kept[0].name, "belfry-oauth");
    assert_eq!(kept[0].json()["encrypted"], true);
    assert!(!kept[0].data.contains("c0de"));
}

#[tokio::test]
async fn a_return_that_belongs_to_nobody_here_says_so() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    for query in [
        String::new(),
        "?code=1".to_owned(),
        "?code=1&state=abc.def".to_owned(),
        format!("?code=1&state={}", channel.name),
        format!("?code={}&state={}.n", "1".repeat(9_000), channel.name),
    ] {
        let page = bench.http.get(format!("{}{query}", channel.oauth_url)).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::NOT_FOUND, "{query:.60}");
        assert!(page.text().await.unwrap().contains("not known here"));
    }
    assert_eq!(channel.kept(None).await, []);
}

//! Making and forgetting channels; what the relay says to anybody.

use belfry_relay::Config;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::bench::{Bench, Channel, fresh_token, reader_of};

fn on_the_internet(config: &mut Config) {
    config.public_url = Some(Url::parse("https://example.org/relay").unwrap());
}

#[tokio::test]
async fn a_channels_urls_are_those_by_which_the_world_reaches_it() {
    let bench = Bench::with(|config| {
        on_the_internet(config);
        config.open = Some(true);
    })
    .await;
    assert_eq!(bench.running.url().as_str(), "https://example.org/relay/");
    assert_eq!(bench.running.join_code(), None);
    let here = format!("http://{}/", bench.running.address());
    let channel = Channel::make(&bench.http, &here, None).await;
    assert_eq!(channel.hook_url, format!("https://example.org/relay/hook/{}", channel.name));
    assert_eq!(channel.events_url, format!("https://example.org/relay/events/{}", channel.name));
    assert_eq!(channel.oauth_url, "https://example.org/relay/oauth/callback");
}

#[tokio::test]
async fn without_a_public_url_the_host_of_the_request_is_meant() {
    let bench = Bench::new().await;
    let port = bench.running.address().port();
    for (host, base) in [
        (format!("localhost:{port}"), format!("http://localhost:{port}/")),
        ("evil/path?x".to_owned(), format!("http://127.0.0.1:{port}/")),
    ] {
        let wish = json!({ "reader": reader_of("t") });
        let made =
            bench.http.post(bench.url("channels")).header("host", host).json(&wish).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        assert!(made["hook_url"].as_str().unwrap().starts_with(&format!("{base}hook/")), "{made}");
    }
}

#[tokio::test]
async fn only_who_knows_the_join_code_is_given_a_channel() {
    let bench = Bench::with(on_the_internet).await;
    let code = bench.running.join_code().unwrap().to_owned();
    let url = format!("http://{}/channels", bench.running.address());
    let wish = json!({ "reader": reader_of(&fresh_token()) });
    let ask = |auth: Option<String>| {
        let mut request = bench.http.post(&url).json(&wish);
        if let Some(auth) = auth {
            request = request.header("authorization", auth);
        }
        request.send()
    };
    for wrong in
        [None, Some("Bearer wrong".to_owned()), Some(format!("Basic {code}")), Some("Bearer ".to_owned())]
    {
        let refused = ask(wrong.clone()).await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{wrong:?}");
        let said: Value = refused.json().await.unwrap();
        assert!(said["error"].as_str().unwrap().contains("join code"), "{said}");
    }
    assert_eq!(ask(Some(format!("Bearer {code}"))).await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn what_is_no_wish_for_a_channel_is_refused_in_words() {
    let bench = Bench::new().await;
    let cases = [
        ("application/json", "{}".to_owned()),
        ("application/json", json!({ "reader": "AAAA" }).to_string()),
        ("application/json", json!({ "reader": reader_of("t"), "seal_to": "AAAA" }).to_string()),
        ("application/json", json!({ "reader": reader_of("t"), "seal_to": "A".repeat(43) }).to_string()),
        // What a page of another origin may send without asking.
        ("text/plain", json!({ "reader": reader_of("t") }).to_string()),
    ];
    for (kind, body) in cases {
        let request = bench.http.post(bench.url("channels")).header("content-type", kind).body(body.clone());
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{kind} {body}");
        assert!(refused.json::<Value>().await.unwrap()["error"].is_string(), "{body}");
    }
    let huge = json!({ "reader": reader_of("t"), "more": "x".repeat(10_000) });
    let refused = bench.http.post(bench.url("channels")).json(&huge).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_channel_is_forgotten_by_its_reader_only() {
    let bench = Bench::new().await;
    let (mine, other) = (bench.channel().await, bench.channel().await);
    mine.post_many(0..3).await;
    other.post_many(0..2).await;
    let forget = |token: &str| {
        bench.http.delete(bench.url(&format!("channels/{}", mine.name))).bearer_auth(token).send()
    };
    assert_eq!(forget("wrong").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(forget(&other.token).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(mine.kept(None).await.len(), 3);
    assert_eq!(forget(&mine.token).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(mine.kept(None).await, []);
    assert_eq!(other.kept(None).await.len(), 2);
    let unknown = bench.http.delete(bench.url("channels/AAAA")).bearer_auth("x").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn no_page_of_another_origin_may_read_anything() {
    let bench = Bench::new().await;
    let channel = bench.channel().await;
    for (method, url) in [
        (Method::OPTIONS, channel.hook_url.clone()),
        (Method::OPTIONS, bench.url("channels")),
        (Method::GET, bench.url("")),
        (Method::GET, bench.url("health")),
        (Method::POST, channel.hook_url.clone()),
        (Method::GET, channel.events_url.clone()),
    ] {
        let request = bench.http.request(method.clone(), &url).header("origin", "https://evil.example");
        let answer = request.header("access-control-request-method", "POST").send().await.unwrap();
        assert!(
            !answer.headers().keys().any(|name| name.as_str().starts_with("access-control")),
            "{method} {url}"
        );
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert!(method != Method::OPTIONS || answer.status().is_client_error(), "{method} {url}");
    }
}

#[tokio::test]
async fn health_figures_and_the_front_page_say_nothing_of_any_channel() {
    let bench = Bench::with(|config| config.token_in_url = true).await;
    let channel = bench.channel().await;
    channel.post_many(0..3).await;
    let double = || bench.http.post(&channel.hook_url).header("webhook-id", "1").body("x").send();
    double().await.unwrap();
    double().await.unwrap();
    let health = bench.get("health").await;
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(health.json::<Value>().await.unwrap(), json!({ "status": "ok" }));
    let figures = bench.get("metrics").await.text().await.unwrap();
    for line in [
        "belfry_relay_webhooks_total{outcome=\"stored\"} 4",
        "belfry_relay_webhooks_total{outcome=\"known\"} 1",
        "belfry_relay_store_up 1",
        "belfry_relay_channels_made_total 1",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line}\n{figures}");
    }
    let page = bench.get("").await.text().await.unwrap();
    for text in [figures, page] {
        assert!(!text.contains(&channel.name) && !text.contains(&channel.token), "{text}");
    }
    assert_eq!(bench.get("nothing/here").await.status(), StatusCode::NOT_FOUND);
}

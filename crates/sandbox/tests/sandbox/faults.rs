//! What goes wrong on purpose.

use crate::{LIMIT, bench, bench_with, connect_message, events, json_of};
use belfry_sandbox::{Answer, Fault, MetaRefusal, Options, Side, Spec};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn the_next_answers_under_a_path_go_wrong_and_then_right_again() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    let plan = |answer, times| podio.fault(Fault { path: "/notification/".to_owned(), times, answer });
    let list = async || bench.get("/notification/").send().await.unwrap();

    plan(Answer::Status(503), 2);
    assert_eq!((list().await.status().as_u16(), list().await.status().as_u16()), (503, 503));
    plan(Answer::Status(401), 1);
    let expired = list().await;
    assert_eq!(expired.status(), 401);
    assert_eq!(json_of(expired).await["error_description"], "expired_token");
    plan(Answer::RateLimited { wait: 77 }, 1);
    let limited = list().await;
    assert_eq!(limited.status(), 420);
    assert!(json_of(limited).await["error_description"].as_str().unwrap().contains("wait 77 seconds"));
    plan(Answer::TooMany { retry_after: 5 }, 1);
    assert_eq!(list().await.headers()["retry-after"], "5");
    plan(Answer::CaptivePortal, 1);
    assert_eq!(list().await.headers()["content-type"], "text/html");
    plan(Answer::Garbage, 1);
    assert!(serde_json::from_slice::<serde_json::Value>(&list().await.bytes().await.unwrap()).is_err());
    plan(Answer::Oversized { bytes: 3_000_000 }, 1);
    assert_eq!(list().await.bytes().await.unwrap().len(), 3_000_000);
    // Other paths were never touched, and this one is well again.
    assert_eq!(bench.get("/user/status").send().await.unwrap().status(), 200);
    assert_eq!(list().await.status(), 200);
}

#[tokio::test]
async fn a_gated_list_shows_the_moment_it_was_asked_for() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    podio.notify(bench.user, Spec::comment("before"));
    podio.close_gate();
    let (list, ()) = tokio::join!(bench.json("/notification/"), async {
        podio.wait_for(|seen| seen.gated_lists == 1, LIMIT).await.unwrap();
        podio.notify(bench.user, Spec::comment("meanwhile"));
        podio.open_gate();
    });
    assert_eq!(list[0]["notifications"].as_array().unwrap().len(), 1);
    assert_eq!(
        podio.wait_for(|seen| seen.gated_lists == 0, LIMIT).await.unwrap().calls("GET", "/notification/"),
        1
    );
}

#[tokio::test]
async fn a_restarted_push_server_forgets_its_clients_and_keeps_its_port() {
    let bench = bench_with(Options::apart()).await;
    let client = bench.subscribed().await;
    let address = bench.sandbox.push_address();
    let held = bench.http.post(bench.sandbox.push_url()).json(&connect_message(&client)).send();
    let (held, ()) = tokio::join!(held, async {
        bench.sandbox.podio().wait_for(|seen| seen.held_connects == 1, LIMIT).await.unwrap();
        bench.sandbox.restart_push().await.unwrap();
    });
    assert!(held.is_err(), "the held connect was cut");
    assert_eq!(bench.sandbox.push_address(), address);
    assert_eq!(bench.connect(&client).await[0]["error"], format!("401:{client}:Unknown client"));
    assert_eq!(bench.get("/user/status").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_closed_listener_refuses_until_it_is_opened_again_and_sessions_survive() {
    let bench = bench_with(Options::apart()).await;
    let client = bench.subscribed().await;
    bench.sandbox.close(Side::Push).await;
    assert!(tokio::net::TcpStream::connect(bench.sandbox.push_address()).await.is_err());
    bench.sandbox.podio().notify(bench.user, Spec::comment("while closed"));
    bench.sandbox.reopen(Side::Push).await.unwrap();
    assert_eq!(events(&bench.connect(&client).await).len(), 2);
}

#[tokio::test]
async fn meta_messages_can_be_refused_with_any_advice() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    let client = bench.handshake().await;
    let advice = Some(json!({"reconnect": "none"}));
    podio.refuse_meta(MetaRefusal {
        channel: "/meta/connect".to_owned(),
        times: 1,
        error: "no".to_owned(),
        advice,
    });
    let refused = &bench.connect(&client).await[0];
    assert_eq!((&refused["error"], &refused["advice"]["reconnect"]), (&json!("no"), &json!("none")));
    podio.set_advice(Some(json!({"interval": 250})));
    podio.set(|settings| settings.hold = Duration::from_millis(300));
    assert_eq!(bench.connect(&client).await[0]["advice"]["interval"], 250);
    podio.heal();
    assert_eq!(bench.connect(&client).await[0]["advice"]["interval"], 0);
}

#[tokio::test]
async fn the_request_log_keeps_no_secrets() {
    let bench = bench().await;
    bench.get("/user/status?oauth_token=hush&fields=push").send().await.unwrap();
    let seen = bench.sandbox.podio().observed();
    let request = seen.requests.back().unwrap();
    assert_eq!((request.status, request.query["fields"].as_str()), (Some(200), "push"));
    let text = format!("{seen:?}");
    assert!(!text.contains("hush") && !text.contains(&bench.token));
}

#[tokio::test]
async fn waiting_gives_up_after_its_limit_and_says_what_was_seen() {
    let bench = bench().await;
    let failed = bench.sandbox.podio().wait_for(|seen| seen.handshakes == 9, Duration::from_millis(50)).await;
    assert!(failed.unwrap_err().to_string().contains("handshakes: 0"));
}

//! What goes wrong on purpose at the Pusher side.

use crate::pusher::{Client, data};
use crate::{LIMIT, http};
use belfry_sandbox::pusher::{At, Delivery, Silence};
use belfry_sandbox::{Answer, Fault, Mode, Options, Sandbox, Side, Wire};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

async fn reader(sandbox: &Sandbox) -> Client {
    let mut client = Client::greeted(sandbox).await;
    client.subscribe(json!({"channel": "news"})).await;
    client
}

fn number(frame: &Value) -> u64 {
    data(frame)["n"].as_u64().unwrap()
}

fn post(sandbox: &Sandbox, n: u64) {
    sandbox.pusher().trigger("news", "posted", &json!({"n": n}));
}

#[tokio::test]
async fn a_web_socket_can_be_refused_by_status() {
    let sandbox = sandbox().await;
    sandbox.pusher().refuse_upgrade(503, 1);
    let url = format!("{}/app/belfry-key?protocol=7", sandbox.pusher_url().replace("http:", "ws:"));
    let refused = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status(), 503);
    assert!(tokio_tungstenite::connect_async(&url).await.is_ok());
    let seen = sandbox.pusher().observed();
    assert_eq!((seen.calls("GET", "/app/belfry-key"), seen.sockets), (2, 1));
}

#[tokio::test]
async fn connections_are_closed_with_any_code_now_or_at_the_next_step() {
    let sandbox = sandbox().await;
    let pusher = sandbox.pusher();
    let mut client = reader(&sandbox).await;
    assert_eq!(pusher.close_all(4200, "bye"), 1);
    assert_eq!(client.end().await.1, Some((4200, "bye".to_owned())));

    let (mut first, mut second) = (reader(&sandbox).await, reader(&sandbox).await);
    pusher.close_one(&first.id, 4100, "");
    assert_eq!(first.end().await.1.unwrap().0, 4100);
    post(&sandbox, 1);
    assert_eq!(number(&second.next().await), 1);

    pusher.plan_close(At::Connect, 4003, "disabled", 1);
    let mut refused = Client::open(&sandbox, "belfry-key", "?protocol=7").await;
    assert_eq!(refused.end().await, (vec![], Some((4003, "disabled".to_owned()))));
    pusher.plan_close(At::Established, 4100, "", 1);
    assert_eq!(Client::greeted(&sandbox).await.end().await.1.unwrap().0, 4100);
    pusher.plan_close(At::Subscribe, 4009, "", 1);
    let mut client = Client::greeted(&sandbox).await;
    client.say(json!({"event": "pusher:subscribe", "data": {"channel": "news"}})).await;
    assert_eq!(client.end().await.1.unwrap().0, 4009);
    reader(&sandbox).await;
}

#[tokio::test]
async fn a_complaint_leaves_the_connection_as_it_is() {
    let sandbox = sandbox().await;
    let mut client = reader(&sandbox).await;
    assert_eq!(sandbox.pusher().complain(Some(4200), "hm"), 1);
    let said = json!({"event": "pusher:error", "data": {"code": 4200, "message": "hm"}});
    assert_eq!(client.next().await, said);
    post(&sandbox, 1);
    assert_eq!(number(&client.next().await), 1);
}

#[tokio::test]
async fn odd_frames_come_as_they_are() {
    let sandbox = sandbox().await;
    let mut client = reader(&sandbox).await;
    sandbox.pusher().trigger_raw("news", "posted", Some(json!({"n": 1})));
    assert_eq!(client.next().await["data"], json!({"n": 1}));
    sandbox.pusher().trigger_raw("news", "posted", Some(json!("{broken")));
    assert_eq!(client.next().await["data"], "{broken");
    sandbox.pusher().trigger_raw("news", "posted", None);
    assert_eq!(client.next().await, json!({"event": "posted", "channel": "news"}));
    sandbox.pusher().send_raw_frame("[]");
    assert_eq!(client.next().await, json!([]));
    sandbox.pusher().send_oversized_frame(2_000_000);
    assert!(client.next().await.to_string().len() > 2_000_000);
}

#[tokio::test]
async fn events_are_lost_doubled_or_late_and_the_protocols_own_frames_are_not() {
    let sandbox = sandbox().await;
    let pusher = sandbox.pusher();
    let mut client = reader(&sandbox).await;
    pusher.set_delivery(Delivery::Lose);
    post(&sandbox, 1);
    pusher.set_delivery(Delivery::Twice);
    post(&sandbox, 2);
    assert_eq!((number(&client.next().await), number(&client.next().await)), (2, 2));
    pusher.set_delivery(Delivery::Late { ms: 300 });
    let began = Instant::now();
    post(&sandbox, 3);
    post(&sandbox, 4);
    client.say(json!({"event": "pusher:ping"})).await;
    assert_eq!(client.next().await["event"], "pusher:pong", "no event of an application");
    assert_eq!((number(&client.next().await), number(&client.next().await)), (3, 4));
    assert!(began.elapsed() >= Duration::from_millis(300));
    pusher.set_delivery(Delivery::LoseFor { ms: 50 });
    let until = Instant::now() + LIMIT;
    let lost = pusher.observed().lost_events;
    post(&sandbox, 5);
    while pusher.observed().delivered_events < 5 {
        assert!(Instant::now() < until, "it never ends");
        tokio::task::yield_now().await;
        post(&sandbox, 6);
    }
    assert!(pusher.observed().lost_events > lost);
    assert_eq!(number(&client.next().await), 6, "the fifth was lost");
}

#[tokio::test]
async fn a_burst_arrives_whole_and_in_order() {
    let sandbox = sandbox().await;
    let mut client = reader(&sandbox).await;
    for n in 0..2_000 {
        post(&sandbox, n);
    }
    for n in 0..2_000 {
        assert_eq!(number(&client.next().await), n);
    }
}

#[tokio::test]
async fn a_connection_whose_reader_does_not_read_can_be_cut() {
    let sandbox = sandbox().await;
    let _deaf = reader(&sandbox).await;
    // More than the system's buffers take.
    sandbox.pusher().send_oversized_frame(30_000_000);
    // By the time of another answer the connection's task has begun to write.
    http().get(sandbox.pusher_url()).send().await.unwrap();
    sandbox.pusher().cut();
    sandbox.pusher().wait_for(|seen| seen.open.is_empty(), LIMIT).await.unwrap();
}

#[tokio::test]
async fn the_server_falls_silent_to_pings_or_altogether() {
    let sandbox = sandbox().await;
    let pusher = sandbox.pusher();
    let mut client = reader(&sandbox).await;
    pusher.set_silence(Silence::Pongs);
    client.say(json!({"event": "pusher:ping"})).await;
    pusher.wait_for(|seen| seen.pings == 1, LIMIT).await.unwrap();
    post(&sandbox, 1);
    assert_eq!(number(&client.next().await), 1, "no pong came before it");
    pusher.set_silence(Silence::All);
    post(&sandbox, 2);
    client.say(json!({"event": "pusher:ping"})).await;
    // That nothing comes can only be seen by waiting.
    assert!(tokio::time::timeout(Duration::from_millis(200), client.next()).await.is_err());
    assert_eq!(pusher.observed().pings, 1);
    pusher.heal();
    assert_eq!(number(&client.next().await), 2, "it goes on where it stopped");
    assert_eq!(client.next().await["event"], "pusher:pong");
}

#[tokio::test]
async fn a_restart_gives_new_socket_ids_on_the_same_port_and_forgets_the_cache() {
    let sandbox = sandbox().await;
    let mut client = reader(&sandbox).await;
    sandbox.pusher().trigger("cache-x", "kept", &json!({}));
    let url = sandbox.pusher_url();
    sandbox.restart_pusher().await.unwrap();
    assert_eq!(client.end().await.1, None, "no word of farewell");
    assert_eq!(sandbox.pusher_url(), url);
    let seen = sandbox.pusher().observed();
    assert_eq!((seen.subscriptions.len(), seen.ended_connections), (0, 1));
    let mut again = Client::greeted(&sandbox).await;
    assert_ne!(again.id, client.id);
    again.subscribe(json!({"channel": "cache-x"})).await;
    assert_eq!(again.next().await["event"], "pusher:cache_miss");
}

#[tokio::test]
async fn sides_close_and_reopen_one_by_one() {
    let sandbox = sandbox().await;
    let mut client = reader(&sandbox).await;
    sandbox.close(Side::Pusher).await;
    assert_eq!(client.end().await.1, None);
    assert!(http().get(sandbox.pusher_url()).send().await.is_err());
    assert_eq!(http().get(sandbox.cloudapp_url()).send().await.unwrap().status(), 404);
    sandbox.close(Side::Cloudapp).await;
    assert!(http().get(sandbox.cloudapp_url()).send().await.is_err());
    sandbox.reopen(Side::Pusher).await.unwrap();
    reader(&sandbox).await;
}

#[tokio::test]
async fn a_wire_before_it_makes_half_open_connections() {
    let sandbox = sandbox().await;
    let wire = Wire::start(sandbox.address(Side::Pusher)).await.unwrap();
    let url = format!("{}/app/belfry-key?protocol=7", wire.url().replace("http:", "ws:"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    use futures_util::StreamExt as _;
    assert!(socket.next().await.unwrap().unwrap().is_text());
    wire.set(Mode::Stall);
    sandbox.pusher().send_raw_frame("{}");
    assert!(tokio::time::timeout(Duration::from_millis(150), socket.next()).await.is_err());
}

#[tokio::test]
async fn the_auth_endpoint_wants_its_header_and_answers_as_it_is_asked() {
    let sandbox = sandbox().await;
    let pusher = sandbox.pusher();
    pusher
        .set(|settings| settings.auth_header = Some(("authorization".to_owned(), "Bearer hush".to_owned())));
    let url = format!("{}/pusher/auth", sandbox.pusher_url());
    let form = [("socket_id", "1.2"), ("channel_name", "private-x")];
    let auth = pusher.app().sign("1.2", "private-x", None);
    let refused = http().post(&url).form(&form).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let granted = http().post(&url).bearer_auth("hush").form(&form).send().await.unwrap();
    assert_eq!(crate::json_of(granted).await, json!({"auth": auth}));
    pusher.set(|settings| settings.auth_header = None);
    let script = http().get(&url).query(&form).query(&[("callback", "f")]).send().await.unwrap();
    assert_eq!(script.headers()["content-type"], "text/javascript");
    assert_eq!(script.text().await.unwrap(), format!("f({{\"auth\":\"{auth}\"}});"));
    let public = [("socket_id", "1.2"), ("channel_name", "x")];
    assert_eq!(http().post(&url).form(&public).send().await.unwrap().status(), 403);
    let odd = [("socket_id", "1:2"), ("channel_name", "private-x")];
    assert_eq!(http().post(&url).form(&odd).send().await.unwrap().status(), 400);
    let asked = pusher.observed();
    assert_eq!(asked.asked("private-x"), 4);
    assert_eq!(
        (asked.auths[0].status, asked.auths[1].status, asked.auths[2].method.as_str()),
        (403, 200, "GET")
    );

    let plan = |answer| pusher.fault(Fault { path: "/pusher/auth".to_owned(), times: 1, answer });
    plan(Answer::Garbage);
    assert!(http().post(&url).form(&form).send().await.unwrap().json::<Value>().await.is_err());
    plan(Answer::Late { ms: 150 });
    let began = Instant::now();
    assert_eq!(http().post(&url).form(&form).send().await.unwrap().status(), 200);
    assert!(began.elapsed() >= Duration::from_millis(150));
    plan(Answer::Silence);
    let answer = http().post(&url).form(&form).timeout(Duration::from_millis(150)).send().await;
    assert!(answer.unwrap_err().is_timeout());
}

//! The control endpoints and the program, as other processes use them.

use crate::{bench, events, http, json_of};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn the_world_can_be_changed_and_seen_over_http() {
    let bench = bench().await;
    let control = bench.sandbox.control_url();
    let post = async |path: &str, body: Value| {
        let answer = bench.http.post(format!("{control}{path}")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        json_of(answer).await
    };
    let client = bench.subscribed().await;
    let context = json!({"type": "task", "id": 7, "title": "Do it"});
    let id = post("/notify", json!({"type": "reminder", "context": context, "text": "Due"})).await["notification_id"].clone();
    assert_eq!(bench.json(&format!("/notification/{id}/v2")).await["notifications"][0]["icon"], "reminder");
    post("/view", json!({"notification_id": id})).await;
    post("/burst", json!({"count": 3})).await;
    post("/message", json!({"conversation_id": 70, "text": "Hi"})).await;
    post("/event", json!({"event": "typing", "data": [7]})).await;
    assert_eq!(events(&bench.connect(&client).await).len(), 2 + 1 + 6 + 2 + 1);
    post("/settings", json!({"hold_ms": 1, "consent": {"allow": bench.user}, "rate_limit": 5000})).await;
    post("/fault", json!({"path": "/user/status", "times": 1, "answer": {"status": 502}})).await;
    assert_eq!(bench.get("/user/status").send().await.unwrap().status(), 502);
    post("/push", json!({"delivery": {"reverse": 2}})).await;
    post("/push", json!({"refuse": {"channel": "/meta/connect", "times": 1, "error": "x"}})).await;
    post("/heal", json!({})).await;
    post("/push", json!("restart")).await;
    post("/listener", json!({"side": "api", "open": false})).await;
    assert!(bench.get("/user/status").send().await.is_err());
    post("/listener", json!({"side": "api", "open": true})).await;
    post("/tokens", json!("revoke")).await;
    assert_eq!(bench.get("/user/status").send().await.unwrap().status(), 401);
    let wire = post("/wire", json!({"before": "api"})).await;
    assert_eq!(
        bench
            .http
            .get(format!("{}/user/status", wire["url"].as_str().unwrap()))
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    post("/wire", json!({"set": {"wire": wire["wire"], "mode": "cut"}})).await;
    assert!(bench.http.get(format!("{}/user/status", wire["url"].as_str().unwrap())).send().await.is_err());
    let wait = format!("{control}/wait?field=handshakes&at_least=1");
    assert_eq!(json_of(bench.http.get(wait).send().await.unwrap()).await["handshakes"], 1);
    let never = format!("{control}/wait?field=handshakes&at_least=99&limit_ms=20");
    assert_eq!(bench.http.get(never).send().await.unwrap().status(), 408);
}

#[tokio::test]
async fn the_program_says_where_it_is_plays_a_day_and_ends_with_its_stdin() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_belfry-sandbox"))
        .args(["serve", "--push-port", "0", "--auto-consent", "--day", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let ready: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let (api, control) = (ready["api_url"].as_str().unwrap(), ready["control_url"].as_str().unwrap());
    let form = json!({"grant_type": "password", "client_id": ready["client_id"], "client_secret": ready["client_secret"],
        "username": ready["mail"], "password": ready["password"]});
    let http = http();
    let tokens = json_of(http.post(format!("{api}/oauth/token/v2")).json(&form).send().await.unwrap()).await;
    let header = format!("OAuth2 {}", tokens["access_token"].as_str().unwrap());
    let until = tokio::time::Instant::now() + crate::LIMIT;
    let count = async || {
        let url = format!("{api}/notification/inbox/new/count");
        json_of(http.get(url).header("authorization", &header).send().await.unwrap()).await["new"]
            .as_u64()
            .unwrap()
    };
    while count().await == 0 {
        assert!(tokio::time::Instant::now() < until, "nothing happened all day");
    }
    assert_eq!(http.get(format!("{control}/observed")).send().await.unwrap().status(), 200);
    drop(program.stdin.take());
    let ended = tokio::time::timeout(crate::LIMIT, program.wait()).await.unwrap().unwrap();
    assert!(ended.success());
}

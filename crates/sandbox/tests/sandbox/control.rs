//! The control endpoints and the program, as other processes use them.

use crate::pusher::Client;
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
async fn pusher_and_cloudapp_can_be_changed_and_seen_over_http() {
    let bench = bench().await;
    let control = bench.sandbox.control_url();
    let post = async |path: &str, body: Value| {
        let answer = bench.http.post(format!("{control}{path}")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path} {body}");
        json_of(answer).await
    };
    let get =
        async |path: &str| json_of(bench.http.get(format!("{control}{path}")).send().await.unwrap()).await;
    post("/pusher/settings", json!({"quirk": "soketi", "activity_timeout_s": 7, "client_events": false}))
        .await;
    let mut client = Client::greeted(&bench.sandbox).await;
    assert_eq!(client.timeout, 7);
    let channel = "private-items_1";
    let auth =
        post("/pusher/sign", json!({"socket_id": client.id, "channel": channel})).await["auth"].clone();
    client.subscribe(json!({"channel": channel, "auth": auth})).await;
    assert_eq!(get("/pusher/wait?field=subscribes").await["subscriptions"][0]["channel"], channel);
    let sent =
        post("/pusher/trigger", json!({"channel": channel, "event": "x", "data": [1], "form": "raw"})).await;
    assert_eq!((&sent["connections"], &client.next().await["data"]), (&json!(1), &json!([1])));
    let href = post("/cloudapp/upload", json!({"name": "a.mp3", "type": "audio"})).await["href"].clone();
    assert_eq!(client.next().await["event"], "create");
    post("/cloudapp/item", json!({"href": href, "deed": {"rename": "b.mp3"}, "silent": true})).await;
    post("/cloudapp/item", json!({"href": href, "deed": "view"})).await;
    assert_eq!(crate::pusher::data(&client.next().await)["name"], "b.mp3");
    post("/cloudapp/push", json!({"event": "update", "data": {"odd": true}})).await;
    assert_eq!(client.next().await["event"], "update");
    post("/pusher/server", json!({"delivery": {"late": {"ms": 1}}})).await;
    post("/pusher/server", json!({"complain": {"code": 4200, "message": "hm"}})).await;
    assert_eq!(client.next().await["event"], "pusher:error");
    post("/pusher/server", json!({"close": {"code": 4100}})).await;
    assert_eq!(client.end().await.1.unwrap().0, 4100);
    for wish in [
        json!("restart"),
        json!("cut"),
        json!({"silence": "all"}),
        json!({"refuse_upgrade": {"status": 503, "times": 1}}),
    ] {
        post("/pusher/server", wish).await;
    }
    post("/pusher/server", json!({"plan_close": {"at": "connect", "code": 4001, "times": 1}})).await;
    post("/pusher/heal", json!({})).await;
    Client::greeted(&bench.sandbox).await;
    post("/pusher/member", json!({"channel": "presence-x", "user_id": "ada", "there": true})).await;
    post(
        "/cloudapp/settings",
        json!({"algorithms": ["SHA-256"], "auth_form": "only_script", "auth_url": "empty"}),
    )
    .await;
    post("/cloudapp/sign-in", json!({"change_password": {"user": 1, "password": "new"}})).await;
    post("/cloudapp/fault", json!({"path": "/account", "answer": {"status": 500}})).await;
    let account =
        async || bench.http.get(format!("{}/account", bench.sandbox.cloudapp_url())).send().await.unwrap();
    assert_eq!((account().await.status().as_u16(), account().await.status().as_u16()), (500, 401));
    assert_eq!(get("/cloudapp/observed").await["challenges"], 1);
    post("/listener", json!({"side": "cloudapp", "open": false})).await;
    assert!(bench.http.get(bench.sandbox.cloudapp_url()).send().await.is_err());
    let unknown =
        bench.http.post(format!("{control}/cloudapp/item")).json(&json!({"href": "x/9", "deed": "view"}));
    assert_eq!(unknown.send().await.unwrap().status(), 400);
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
    let items = format!("{}/items", ready["cloudapp_url"].as_str().unwrap());
    assert_eq!(http.get(items).send().await.unwrap().status(), 401);
    let app =
        format!("{}/app/{}", ready["pusher_url"].as_str().unwrap(), ready["pusher_key"].as_str().unwrap());
    assert_eq!(http.get(app).send().await.unwrap().status(), 400);
    let done = json_of(http.get(format!("{control}/podium/wait?field=events")).send().await.unwrap()).await;
    assert!(done["events"].as_u64() >= Some(1), "{done}");
    let podium = ready["podium_url"].as_str().unwrap();
    let exchange =
        json!({"client_id": ready["podium_client_id"], "client_secret": ready["podium_client_secret"]});
    let asked = http.post(format!("{podium}/oauth/token")).json(&exchange).send().await.unwrap();
    assert_eq!(json_of(asked).await["error"], "unsupported_grant_type");
    drop(program.stdin.take());
    let ended = tokio::time::timeout(crate::LIMIT, program.wait()).await.unwrap().unwrap();
    assert!(ended.success());
}

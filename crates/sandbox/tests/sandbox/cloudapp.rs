//! The fake CloudApp, called by a client written here from the RFCs and the guide alone.

use crate::pusher::{Client, data};
use crate::{LIMIT, http, json_of};
use belfry_sandbox::cloudapp::{Algorithm, AuthForm, AuthUrl, ItemType};
use belfry_sandbox::{Answer, Fault, Options, Sandbox};
use data_encoding::HEXLOWER;
use md5::Md5;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

type Fields = BTreeMap<String, String>;

/// The fields of a challenge: this server writes no comma inside quotes.
fn challenge(text: &str) -> Fields {
    let fields =
        text.strip_prefix("Digest ").unwrap().split(", ").map(|field| field.split_once('=').unwrap());
    fields.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

fn hash(algorithm: &str, text: &str) -> String {
    match algorithm {
        "MD5" => HEXLOWER.encode(&Md5::digest(text)),
        "SHA-256" => HEXLOWER.encode(&Sha256::digest(text)),
        other => panic!("{other}"),
    }
}

/// `response` of RFC 7616, section 3.4.1, for `qop=auth`.
#[expect(clippy::too_many_arguments, reason = "the RFC's own parameters")]
fn response(
    algorithm: &str,
    (name, password): (&str, &str),
    realm: &str,
    method: &str,
    uri: &str,
    nonce: &str,
    nc: &str,
    cnonce: &str,
) -> String {
    let a1 = hash(algorithm, &format!("{name}:{realm}:{password}"));
    let a2 = hash(algorithm, &format!("{method}:{uri}"));
    hash(algorithm, &format!("{a1}:{nonce}:{nc}:{cnonce}:auth:{a2}"))
}

#[test]
fn the_clients_arithmetic_is_that_of_the_rfcs_examples() {
    let of = |algorithm, password, realm, nonce, cnonce| {
        response(algorithm, ("Mufasa", password), realm, "GET", "/dir/index.html", nonce, "00000001", cnonce)
    };
    let rfc2617 =
        of("MD5", "Circle Of Life", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b");
    assert_eq!(rfc2617, "6629fae49393a05397450978507c4ef1");
    let rfc7616 = |algorithm| {
        let (nonce, cnonce) =
            ("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
        of(algorithm, "Circle of Life", "http-auth@example.org", nonce, cnonce)
    };
    assert_eq!(rfc7616("MD5"), "8ca523f5e9506fed4657c9700eebdbec");
    assert_eq!(rfc7616("SHA-256"), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

struct Caller<'a> {
    sandbox: &'a Sandbox,
    email: &'a str,
    password: &'a str,
}

impl<'a> Caller<'a> {
    fn ada(sandbox: &'a Sandbox) -> Self {
        Self { sandbox, email: "ada@example.test", password: "open-sesame" }
    }

    fn ben(sandbox: &'a Sandbox) -> Self {
        Self { sandbox, email: "ben@example.test", password: "let-me-in" }
    }

    async fn challenged(&self) -> Fields {
        let answer = http().get(format!("{}/account", self.sandbox.cloudapp_url())).send().await.unwrap();
        assert_eq!(answer.status(), 401);
        challenge(answer.headers()["www-authenticate"].to_str().unwrap())
    }

    fn authorization(&self, fields: &Fields, method: &str, target: &str, count: u32) -> String {
        let (algorithm, realm, nonce) = (&fields["algorithm"], &fields["realm"], &fields["nonce"]);
        let nc = format!("{count:08x}");
        let who = (self.email, self.password);
        let response = response(algorithm, who, realm, method, target, nonce, &nc, "c0ffee");
        format!(
            "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{target}\", algorithm={algorithm}, \
             response=\"{response}\", opaque=\"{}\", qop=auth, nc={nc}, cnonce=\"c0ffee\"",
            self.email, fields["opaque"]
        )
    }

    async fn send(
        &self,
        fields: &Fields,
        count: u32,
        method: &Method,
        target: &str,
        body: Option<Value>,
    ) -> Response {
        let request = http()
            .request(method.clone(), format!("{}{target}", self.sandbox.cloudapp_url()))
            .header("accept", "application/json")
            .header("authorization", self.authorization(fields, method.as_str(), target, count));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap()
    }

    async fn call(&self, method: Method, target: &str, body: Option<Value>) -> Response {
        self.send(&self.challenged().await, 1, &method, target, body).await
    }

    async fn get(&self, target: &str) -> Value {
        json_of(self.call(Method::GET, target, None).await).await
    }
}

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

#[tokio::test]
async fn the_account_says_where_its_stream_is_to_who_knows_the_password() {
    let sandbox = sandbox().await;
    let account = Caller::ada(&sandbox).get("/account").await;
    assert_eq!((&account["id"], &account["email"]), (&json!(1), &json!("ada@example.test")));
    let auth_url = format!("{}/pusher/auth", sandbox.cloudapp_url());
    assert_eq!(
        account["socket"],
        json!({"auth_url": auth_url, "api_key": "belfry-key", "app_id": "belfry-app",
            "channels": {"items": "private-items_1"}})
    );
    let wrong = Caller { password: "guess", ..Caller::ada(&sandbox) };
    assert_eq!(wrong.call(Method::GET, "/account", None).await.status(), 401);
    let nobody = Caller { email: "eve@example.test", ..Caller::ada(&sandbox) };
    assert_eq!(nobody.call(Method::GET, "/account", None).await.status(), 401);
    let seen = sandbox.cloudapp().observed();
    assert_eq!((seen.challenges, seen.unauthorized, seen.digests, seen.stale), (3, 2, 1, 0));
    sandbox.cloudapp().set(|settings| settings.auth_url = AuthUrl::Empty);
    assert_eq!(Caller::ben(&sandbox).get("/account").await["socket"]["auth_url"], "");
    sandbox.cloudapp().change_password(1, "another").unwrap();
    assert_eq!(Caller::ada(&sandbox).call(Method::GET, "/account", None).await.status(), 401);
}

#[tokio::test]
async fn a_nonce_is_good_for_each_count_once_and_for_its_time() {
    let sandbox = sandbox().await;
    let ada = Caller::ada(&sandbox);
    let fields = ada.challenged().await;
    let call = async |fields: &Fields, count| ada.send(fields, count, &Method::GET, "/account", None).await;
    for (count, status) in [(1, 200), (2, 200), (2, 401), (5, 200), (4, 200)] {
        assert_eq!(call(&fields, count).await.status(), status, "{count}");
    }
    assert_eq!(sandbox.cloudapp().observed().replays, 1);
    sandbox.cloudapp().expire_nonces();
    let stale = call(&fields, 6).await;
    assert_eq!(stale.status(), 401);
    let fresh = challenge(stale.headers()["www-authenticate"].to_str().unwrap());
    assert_eq!(fresh["stale"], "true");
    assert_eq!(call(&fresh, 1).await.status(), 200);
    sandbox.cloudapp().set(|settings| settings.nonce_lifetime = Duration::ZERO);
    assert_eq!(call(&fresh, 2).await.status(), 401);
    assert_eq!(sandbox.cloudapp().observed().stale, 2);
    // A wrong password is never called stale.
    let wrong = Caller { password: "guess", ..Caller::ada(&sandbox) };
    let refused = wrong.send(&fresh, 3, &Method::GET, "/account", None).await;
    assert!(!refused.headers()["www-authenticate"].to_str().unwrap().contains("stale"));
}

#[tokio::test]
async fn a_digest_is_good_only_for_what_it_was_made_for() {
    let sandbox = sandbox().await;
    let ada = Caller::ada(&sandbox);
    let fields = ada.challenged().await;
    let with = async |header: String, target: &str| {
        let request = http().get(format!("{}{target}", sandbox.cloudapp_url()));
        request
            .header("accept", "application/json")
            .header("authorization", header)
            .send()
            .await
            .unwrap()
            .status()
    };
    let right = |count| ada.authorization(&fields, "GET", "/items?page=1", count);
    assert_eq!(with(right(1), "/items?page=2").await, 401);
    assert_eq!(with(ada.authorization(&fields, "POST", "/items?page=1", 2), "/items?page=1").await, 401);
    assert_eq!(with(right(3).replace("qop=auth", "qop=auth-int"), "/items?page=1").await, 401);
    assert_eq!(with(right(4).replace("00000004", "4"), "/items?page=1").await, 401);
    assert_eq!(with(right(5).replace("page=1\"", "page=2\""), "/items?page=1").await, 401);
    assert_eq!(with("Basic YWRhOm9wZW4=".to_owned(), "/items?page=1").await, 401);
    assert_eq!(with("Digest username=\"ada".to_owned(), "/items?page=1").await, 401);
    assert_eq!(with(right(5), "/items?page=1").await, 200);
}

#[tokio::test]
async fn other_hashes_are_offered_and_taken_when_set() {
    let sandbox = sandbox().await;
    sandbox.cloudapp().set(|settings| settings.algorithms = vec![Algorithm::Sha256, Algorithm::Md5]);
    let ada = Caller::ada(&sandbox);
    let offered = http().get(format!("{}/account", sandbox.cloudapp_url())).send().await.unwrap();
    let offered: Vec<Fields> = offered
        .headers()
        .get_all("www-authenticate")
        .iter()
        .map(|value| challenge(value.to_str().unwrap()))
        .collect();
    assert_eq!((offered[0]["algorithm"].as_str(), offered[1]["algorithm"].as_str()), ("SHA-256", "MD5"));
    for (fields, count) in offered.iter().zip(1..) {
        assert_eq!(ada.send(fields, count, &Method::GET, "/account", None).await.status(), 200);
    }
    sandbox.cloudapp().set(|settings| settings.algorithms = vec![Algorithm::Sha256]);
    assert_eq!(ada.send(&offered[1], 9, &Method::GET, "/account", None).await.status(), 401);
}

#[tokio::test]
async fn a_session_stands_for_the_digest_until_it_ends() {
    let sandbox = sandbox().await;
    sandbox.cloudapp().set(|settings| settings.sessions = true);
    let first = Caller::ada(&sandbox).call(Method::GET, "/account", None).await;
    let cookie = first.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("_engine_session="));
    let account = async || {
        let request =
            http().get(format!("{}/account", sandbox.cloudapp_url())).header("accept", "application/json");
        request.header("cookie", &cookie).send().await.unwrap().status()
    };
    assert_eq!(account().await, 200);
    sandbox.cloudapp().end_sessions();
    assert_eq!(account().await, 401);
    assert_eq!(sandbox.cloudapp().observed().session_calls, 1);
}

#[tokio::test]
async fn without_the_accept_header_there_is_a_web_page() {
    let sandbox = sandbox().await;
    let ada = Caller::ada(&sandbox);
    let header = ada.authorization(&ada.challenged().await, "GET", "/account", 1);
    let page = http().get(format!("{}/account", sandbox.cloudapp_url())).header("authorization", header);
    assert_eq!(page.send().await.unwrap().headers()["content-type"], "text/html");
}

#[tokio::test]
async fn items_are_listed_newest_first_in_pages_by_kind_and_from_the_trash() {
    let sandbox = sandbox().await;
    let cloudapp = sandbox.cloudapp();
    let hrefs: Vec<String> =
        (1..=7).map(|n| cloudapp.upload(1, &format!("{n}.png"), ItemType::Image)).collect();
    let link = cloudapp.bookmark(1, None, "https://example.test/");
    cloudapp.upload(2, "not hers.png", ItemType::Image);
    let ada = Caller::ada(&sandbox);
    let names = async |target: &str| {
        let list = ada.get(target).await;
        list.as_array().unwrap().iter().map(|item| item["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        names("/items").await,
        [json!(null), json!("7.png"), json!("6.png"), json!("5.png"), json!("4.png")]
    );
    assert_eq!(names("/items?page=2").await, ["3.png", "2.png", "1.png"]);
    assert_eq!(names("/items?page=3&per_page=3").await, ["2.png", "1.png"]);
    assert_eq!(names("/items?type=bookmark").await, [Value::Null]);
    cloudapp.delete(&hrefs[0]).unwrap();
    cloudapp.purge(&hrefs[1]).unwrap();
    assert_eq!(names("/items?page=2").await, ["3.png"]);
    assert_eq!(names("/items?deleted=true").await, ["1.png"]);
    assert_eq!(ada.get("/account/stats").await, json!({"items": 6, "views": 0}));
    let item = ada.get("/items?type=bookmark").await[0].clone();
    assert_eq!((&item["href"], &item["redirect_url"]), (&json!(link), &json!("https://example.test/")));
    assert_eq!((&item["remote_url"], item.get("thumbnail_url")), (&Value::Null, None));
    assert_eq!(item, cloudapp.item(&link).unwrap());
}

#[tokio::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let sandbox = sandbox().await;
    sandbox.cloudapp().upload(1, "a.png", ItemType::Image);
    let ada = Caller::ada(&sandbox);
    let first = ada.call(Method::GET, "/items", None).await;
    let tag = first.headers()["etag"].clone();
    let again = async || {
        let header = ada.authorization(&ada.challenged().await, "GET", "/items", 1);
        let request =
            http().get(format!("{}/items", sandbox.cloudapp_url())).header("accept", "application/json");
        request.header("authorization", header).header("if-none-match", &tag).send().await.unwrap()
    };
    let unchanged = again().await;
    assert_eq!((unchanged.status().as_u16(), unchanged.bytes().await.unwrap().len()), (304, 0));
    sandbox.cloudapp().upload(1, "b.png", ItemType::Image);
    assert_eq!(again().await.status(), 200);
    assert_eq!(sandbox.cloudapp().observed().unchanged, 1);
}

#[tokio::test]
async fn a_client_changes_its_own_items_only() {
    let sandbox = sandbox().await;
    let cloudapp = sandbox.cloudapp();
    let href = cloudapp.upload(1, "a.png", ItemType::Image);
    let path = href.strip_prefix(&sandbox.cloudapp_url()).unwrap().to_owned();
    let ada = Caller::ada(&sandbox);
    let change = async |body: Value| ada.call(Method::PUT, &path, Some(body)).await;
    assert_eq!(json_of(change(json!({"item": {"name": "b.png"}})).await).await["name"], "b.png");
    let public = json_of(change(json!({"item": {"private": false}})).await).await;
    assert_eq!((&public["private"], &public["name"]), (&json!(false), &json!("b.png")));
    let refused = change(json!({"item": {"name": ""}})).await;
    assert_eq!((refused.status().as_u16(), json_of(refused).await.is_array()), (422, true));
    assert_ne!(json_of(ada.call(Method::DELETE, &path, None).await).await["deleted_at"], Value::Null);
    let recovered = json_of(change(json!({"deleted": true, "item": {"deleted_at": null}})).await).await;
    assert_eq!(recovered["deleted_at"], Value::Null);
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(Caller::ben(&sandbox).call(method, &path, None).await.status(), 404);
    }
    let short = recovered["url"].as_str().unwrap();
    assert_eq!(json_of(http().get(short).send().await.unwrap()).await["href"], json!(href));
    let one = json!({"item": {"name": "Link", "redirect_url": "https://example.test/1"}});
    assert_eq!(json_of(ada.call(Method::POST, "/items", Some(one)).await).await["item_type"], "bookmark");
    let two = json!({"items": [{"redirect_url": "https://example.test/2"}, {"redirect_url": "https://example.test/3"}]});
    assert_eq!(json_of(ada.call(Method::POST, "/items", Some(two)).await).await.as_array().unwrap().len(), 2);
    assert_eq!(ada.call(Method::POST, "/items", Some(json!({}))).await.status(), 422);
}

/// Asks for Ada's channel as the guide says it, and subscribes.
async fn listen(sandbox: &Sandbox) -> Client {
    let mut client = Client::greeted(sandbox).await;
    let target = format!("/pusher/auth?socket_id={}&channel_name=private-items_1", client.id);
    let granted = Caller::ada(sandbox).get(&target).await;
    let done = client.subscribe(json!({"channel": "private-items_1", "auth": granted["auth"]})).await;
    assert_eq!(done["event"], "pusher_internal:subscription_succeeded");
    client
}

#[tokio::test]
async fn what_happens_to_an_item_is_pushed_as_lists_show_it_unless_done_silently() {
    let sandbox = sandbox().await;
    let cloudapp = sandbox.cloudapp();
    let mut client = listen(&sandbox).await;
    let href = cloudapp.upload(1, "plan.pdf", ItemType::Unknown);
    let created = client.next().await;
    assert_eq!((&created["event"], data(&created)), (&json!("create"), cloudapp.item(&href).unwrap()));
    let before = data(&created)["updated_at"].clone();
    cloudapp.view(&href).unwrap();
    let viewed = client.next().await;
    assert_eq!((&viewed["event"], &data(&viewed)["view_counter"]), (&json!("update"), &json!(1)));
    assert_eq!(data(&viewed)["updated_at"], before);
    cloudapp.silently().rename(&href, "silent.pdf").unwrap();
    cloudapp.upload(2, "Ben's.png", ItemType::Image);
    cloudapp.rename(&href, "plan B.pdf").unwrap();
    assert_eq!(data(&client.next().await)["name"], "plan B.pdf");
    cloudapp.delete(&href).unwrap();
    let deleted = client.next().await;
    assert_eq!(deleted["event"], "delete");
    assert_eq!(data(&deleted), cloudapp.item(&href).unwrap());
    cloudapp.recover(&href).unwrap();
    let recovered = client.next().await;
    assert_eq!((&recovered["event"], &data(&recovered)["deleted_at"]), (&json!("update"), &Value::Null));
    cloudapp.push_again(&href, "create").unwrap();
    assert_eq!(client.next().await["event"], "create");
    assert!(cloudapp.rename("http://127.0.0.1/items/1", "x").is_err());
}

#[tokio::test]
async fn the_auth_endpoint_signs_the_own_channel_in_the_form_that_is_set() {
    let sandbox = sandbox().await;
    let auth = sandbox.pusher().app().sign("1.2", "private-items_1", None);
    let ask = async |caller: &Caller<'_>, query: &str| {
        let target = format!("/pusher/auth?socket_id=1.2&channel_name=private-items_1{query}");
        caller.call(Method::GET, &target, None).await
    };
    let ada = Caller::ada(&sandbox);
    assert_eq!(json_of(ask(&ada, "").await).await, json!({"auth": auth}));
    assert_eq!(ask(&Caller::ben(&sandbox), "").await.status(), 403);
    let script = format!("({{\"auth\":\"{auth}\"}});");
    assert_eq!(ask(&ada, "&callback=f").await.text().await.unwrap(), format!("f{script}"));
    sandbox.cloudapp().set(|settings| settings.auth_form = AuthForm::OnlyScript);
    assert_eq!(ask(&ada, "").await.text().await.unwrap(), format!("Pusher.auth_callbacks['1']{script}"));
    sandbox.cloudapp().set(|settings| settings.auth_form = AuthForm::OnlyJson);
    assert_eq!(json_of(ask(&ada, "&callback=f").await).await, json!({"auth": auth}));

    let url = format!("{}/pusher/auth", sandbox.cloudapp_url());
    let form = [("socket_id", "1.2"), ("channel_name", "private-items_1")];
    assert_eq!(http().post(&url).form(&form).send().await.unwrap().status(), 401);
    let post = async || {
        let header = ada.authorization(&ada.challenged().await, "POST", "/pusher/auth", 1);
        http().post(&url).header("authorization", header).form(&form).send().await.unwrap()
    };
    assert_eq!(json_of(post().await).await, json!({"auth": auth}));
    sandbox.cloudapp().set(|settings| settings.auth_by_post = false);
    assert_eq!(post().await.status(), 405);
    let seen = sandbox.cloudapp().observed();
    assert_eq!((seen.authorized.len(), seen.refused_channels), (5, 1));
}

#[tokio::test]
async fn its_answers_go_wrong_under_a_path() {
    let sandbox = sandbox().await;
    let ada = Caller::ada(&sandbox);
    let fields = ada.challenged().await;
    let plan =
        |path: &str, answer| sandbox.cloudapp().fault(Fault { path: path.to_owned(), times: 1, answer });
    let call = async |count, target: &str| ada.send(&fields, count, &Method::GET, target, None).await;
    plan("/pusher/auth", Answer::Status(502));
    plan("/items", Answer::Garbage);
    plan("/account", Answer::Late { ms: 120 });
    assert_eq!(call(1, "/pusher/auth").await.status(), 502);
    assert!(call(2, "/items").await.json::<Value>().await.is_err());
    let began = Instant::now();
    assert_eq!(call(3, "/account").await.status(), 200);
    assert!(began.elapsed() >= Duration::from_millis(120));
    assert_eq!(call(4, "/items").await.status(), 200);
    let seen = sandbox.cloudapp().wait_for(|seen| seen.calls("GET", "/items") == 2, LIMIT).await.unwrap();
    assert_eq!(seen.requests.back().unwrap().status, Some(200));
}

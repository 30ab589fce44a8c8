//! Sign-in: the authorisation page, both token endpoints, refresh, second factor, errors.

use crate::{bench, json_of};
use belfry_sandbox::{Consent, SecondFactor};
use reqwest::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const REDIRECT: &str = "http://localhost:4711/back";

fn grant(kind: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let base = [("grant_type", kind), ("client_id", "belfry-sandbox"), ("client_secret", "sandbox-secret")];
    base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn location(response: &Response) -> BTreeMap<String, String> {
    assert_eq!(response.status(), 302);
    let url = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    assert!(url.as_str().starts_with(REDIRECT));
    url.query_pairs().into_owned().collect()
}

fn authorize(api: &str, redirect: &str) -> String {
    let mut url = url::Url::parse(&format!("{api}/oauth/authorize")).unwrap();
    url.query_pairs_mut()
        .append_pair("client_id", "belfry-sandbox")
        .append_pair("redirect_uri", redirect)
        .append_pair("response_type", "code")
        .append_pair("state", "s 1");
    url.into()
}

#[tokio::test]
async fn a_code_works_once_and_only_with_its_redirect() {
    let bench = bench().await;
    let (api, podio) = (bench.sandbox.api_url(), bench.sandbox.podio());
    podio.set(|settings| settings.consent = Consent::Allow(bench.user));
    let back = location(&bench.http.get(authorize(&api, REDIRECT)).send().await.unwrap());
    assert_eq!(back["state"], "s 1");
    let form =
        |redirect: &str| grant("authorization_code", &[("code", &back["code"]), ("redirect_uri", redirect)]);
    let token = |redirect| bench.http.post(format!("{api}/oauth/token")).form(&form(redirect)).send();

    let elsewhere = token("http://localhost:4711/other").await.unwrap();
    assert_eq!(
        (elsewhere.status().as_u16(), json_of(elsewhere).await["error"].clone()),
        (400, json!("invalid_grant"))
    );
    let tokens = json_of(token(REDIRECT).await.unwrap()).await;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(28_800)));
    assert_eq!(tokens["ref"], json!({"type": "user", "id": bench.user}));
    let again = token(REDIRECT).await.unwrap();
    assert_eq!(json_of(again).await["error"], "invalid_grant");
    assert_eq!((podio.observed().code_grants, podio.observed().refused_grants), (1, 2));
}

#[tokio::test]
async fn the_page_asks_and_its_buttons_decide() {
    let bench = bench().await;
    let api = bench.sandbox.api_url();
    let page = bench.http.get(authorize(&api, REDIRECT)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("Allow as Robin Vale") && page.contains("value=\"s 1\""), "{page}");
    let form = |button: &str, value: String| {
        let pairs = [
            ("client_id", "belfry-sandbox"),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("state", "x"),
        ];
        let mut form: BTreeMap<String, String> =
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        form.insert(button.to_owned(), value);
        bench.http.post(format!("{api}/oauth/authorize")).form(&form).send()
    };
    assert!(location(&form("allow", bench.user.to_string()).await.unwrap()).contains_key("code"));
    let refused = location(&form("deny", "1".to_owned()).await.unwrap());
    assert_eq!(
        (refused["error"].as_str(), refused["error_reason"].as_str()),
        ("access_denied", "user_denied")
    );
    assert_eq!(refused["state"], "x");
}

#[tokio::test]
async fn a_redirect_off_the_keys_domain_is_refused_without_a_redirect() {
    let bench = bench().await;
    bench.sandbox.podio().set(|settings| settings.consent = Consent::Allow(bench.user));
    for redirect in
        ["http://127.0.0.1:1/back", "http://localhost.example.test/", "http://notlocalhost/", "nonsense"]
    {
        let answer = bench.http.get(authorize(&bench.sandbox.api_url(), redirect)).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{redirect}");
    }
    let mut key = bench.sandbox.key().clone();
    key.domains.push("127.0.0.1".to_owned());
    bench.sandbox.podio().add_key(key);
    let answer =
        bench.http.get(authorize(&bench.sandbox.api_url(), "http://127.0.0.1:1/back")).send().await.unwrap();
    assert_eq!(answer.status(), 302);
}

#[tokio::test]
async fn the_second_token_endpoint_takes_json_objects_only() {
    let bench = bench().await;
    let url = format!("{}/oauth/token/v2", bench.sandbox.api_url());
    let body = grant("password", &[("username", "robin@example.test"), ("password", "open-sesame")]);
    let form = bench.http.post(&url).form(&body).send().await.unwrap();
    assert_eq!(form.status(), 400);
    assert!(json_of(form).await["error_description"].as_str().unwrap().contains("must be object"));
    let json = bench.http.post(&url).json(&body).send().await.unwrap();
    assert!(json_of(json).await["access_token"].is_string());
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_and_ends_the_old_one_unless_set_otherwise() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    let first = podio.issue_token(bench.user, "belfry-sandbox")["refresh_token"].as_str().unwrap().to_owned();
    let url = format!("{}/oauth/token", bench.sandbox.api_url());
    let refresh = |token: String| {
        let form = grant("refresh_token", &[("refresh_token", &token)]);
        let request = bench.http.post(&url).form(&form).send();
        async { json_of(request.await.unwrap()).await }
    };
    let second = refresh(first.clone()).await;
    assert_ne!(second["refresh_token"], json!(first));
    assert_eq!(refresh(first).await["error"], "invalid_grant");
    podio.set(|settings| settings.rotate_refresh_tokens = false);
    let second = second["refresh_token"].as_str().unwrap().to_owned();
    assert!(refresh(second.clone()).await["access_token"].is_string());
    assert!(refresh(second.clone()).await["access_token"].is_string());
    podio.kill_refresh_tokens();
    assert_eq!(refresh(second).await["error"], "invalid_grant");
    assert_eq!(podio.observed().refreshes, 3);
}

#[tokio::test]
async fn wrong_keys_and_passwords_have_their_documented_details() {
    let bench = bench().await;
    let url = format!("{}/oauth/token", bench.sandbox.api_url());
    let good = [("username", "robin@example.test"), ("password", "open-sesame")];
    for (name, detail, error) in [
        ("client_id", "oauth.client.invalid_id", "invalid_client"),
        ("client_secret", "oauth.client.invalid_secret", "invalid_client"),
        ("username", "user.invalid.username", "invalid_grant"),
        ("password", "user.invalid.password", "invalid_grant"),
    ] {
        let mut form = grant("password", &good);
        form.insert(name.to_owned(), "wrong".to_owned());
        let answer = bench.http.post(&url).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let body = json_of(answer).await;
        assert_eq!((&body["error_detail"], &body["error"]), (&json!(detail), &json!(error)));
        let shape: Vec<&String> = body.as_object().unwrap().keys().collect();
        let all =
            ["error", "error_description", "error_detail", "error_parameters", "error_propagate", "request"];
        assert_eq!(shape, all);
        assert_eq!(body["request"]["method"], "POST");
    }
}

#[tokio::test]
async fn a_two_step_account_gets_a_nonce_and_then_tokens() {
    let bench = bench().await;
    let factor = SecondFactor { otp: "123456".to_owned(), recovery_code: "lifeboat".to_owned() };
    bench.sandbox.podio().change_user(bench.user, |user| user.second_factor = Some(factor)).unwrap();
    let api = bench.sandbox.api_url();
    let nonce = async || {
        let form = grant("password", &[("username", "robin@example.test"), ("password", "open-sesame")]);
        let answer =
            json_of(bench.http.post(format!("{api}/oauth/token")).form(&form).send().await.unwrap()).await;
        assert!(answer.get("access_token").is_none());
        answer["server_nonce"].clone()
    };
    let verify = async |body: Value| {
        json_of(bench.http.post(format!("{api}/mfa/verify")).json(&body).send().await.unwrap()).await
    };
    let first = nonce().await;
    assert_eq!(verify(json!({"nonce": first, "otp": "000000"})).await["error"], "invalid_second_factor");
    assert!(verify(json!({"nonce": first, "otp": "123456"})).await["access_token"].is_string());
    assert_eq!(verify(json!({"nonce": first, "otp": "123456"})).await["error"], "nonce_validation_error");
    assert!(
        verify(json!({"nonce": nonce().await, "recoveryCode": "lifeboat"})).await["access_token"].is_string()
    );
}

#[tokio::test]
async fn dead_missing_and_malformed_tokens_are_told_apart() {
    let bench = bench().await;
    let url = format!("{}/user/status", bench.sandbox.api_url());
    let call = async |value: Option<&str>| {
        let mut request = bench.http.get(&url);
        if let Some(value) = value {
            request = request.header("authorization", value);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.headers().contains_key("x-podio-request-id"));
        let told = answer.headers().get("www-authenticate").is_some();
        let status = answer.status().as_u16();
        let body = json_of(answer).await;
        (
            status,
            body["error"].as_str().unwrap().to_owned(),
            body["error_description"].as_str().unwrap().to_owned(),
            told,
        )
    };
    let expired = (401, "unauthorized".to_owned(), "expired_token".to_owned(), true);
    assert_eq!(call(Some("OAuth2 never-valid")).await, expired);
    assert_eq!(call(None).await.2, "invalid_request");
    assert_eq!(call(Some("nonsense")).await.0, 400);
    assert_eq!(call(Some(&format!("Bearer {}", bench.token))).await.0, 401);
    let own = format!("OAuth2 {}", bench.token);
    assert_eq!(bench.get("/user/status").send().await.unwrap().status(), 200);
    bench.sandbox.podio().expire_access_tokens();
    assert_eq!(call(Some(&own)).await, expired);
}

#[tokio::test]
async fn an_access_token_ends_with_its_lifetime_and_sign_out_ends_the_pair() {
    let bench = bench().await;
    let podio = bench.sandbox.podio();
    podio.set(|settings| settings.access_lifetime = Duration::ZERO);
    let tokens = podio.issue_token(bench.user, "belfry-sandbox");
    assert_eq!(tokens["expires_in"], 0);
    let header = format!("OAuth2 {}", tokens["access_token"].as_str().unwrap());
    let url = format!("{}/user/status", bench.sandbox.api_url());
    assert_eq!(bench.http.get(url).header("authorization", header).send().await.unwrap().status(), 401);

    assert_eq!(bench.post("/oauth/token/invalidate").send().await.unwrap().status(), 204);
    assert_eq!(bench.get("/user/status").send().await.unwrap().status(), 401);
    let form = grant("refresh_token", &[("refresh_token", tokens["refresh_token"].as_str().unwrap())]);
    let answer =
        bench.http.post(format!("{}/oauth/token", bench.sandbox.api_url())).form(&form).send().await.unwrap();
    assert_eq!(json_of(answer).await["error"], "invalid_grant");
}

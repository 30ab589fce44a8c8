//! The forms of Podium and of a webhook: filled in as a person does, in the real window, over a real relay.

use belfry_relay::{Config, Relay, Running, StoreAt};
use belfry_sandbox::podium::Consent;
use hmac::Mac as _;
use serde_json::json;

use crate::page::Page;
use crate::stage::Stage;

async fn relay(folder: &tempfile::TempDir) -> Running {
    let store = StoreAt::File(folder.path().join("relay.db"));
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), store, ..Config::default() };
    Relay::start(config).await.unwrap()
}

fn client() -> reqwest::Client {
    // The first one stays; whoever comes later finds it.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn choose(page: &Page, service: &str) {
    page.click("connect").await;
    page.click(&format!("service-{service}")).await;
}

async fn until_live(page: &Page) {
    page.until("the dialog is gone", "!document.querySelector('[data-testid=sign-in-dialog]')").await;
    page.click("nav-accounts").await;
    page.find_css("[data-testid=\"account\"][data-state=\"live\"]").await;
}

/// What stands in a field that is there to be copied from.
async fn field(page: &Page, id: &str) -> String {
    page.find(id).await;
    let script = "return document.querySelector(arguments[0]).value;";
    let said = page.run(script, vec![json!(format!("[data-testid={id}]"))]).await;
    said.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_added_with_a_secret_that_is_made_and_shown_once() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = relay(&folder).await;
    let page = stage.open(&[]).await;
    choose(&page, "webhook").await;
    page.fill("relay-url", relay.url().as_str()).await;
    page.set("scheme", "github").await;
    page.click("secret-fresh").await;
    page.picture(&stage, "add-webhook").await;
    page.click("sign-in").await;
    let (hook, secret) = (field(&page, "hook-address").await, field(&page, "made-secret").await);
    assert!(page.everything().await.contains(&secret), "the secret is shown");
    page.picture(&stage, "webhook-added").await;
    page.click("hook-done").await;
    until_live(&page).await;
    assert!(!page.everything().await.contains(&secret), "the secret was shown once");
    let body = json!({"action": "opened", "repository": {"full_name": "ada/lamps"}, "sender": {"login": "ada"},
        "issue": {"number": 7, "title": "The lamp flickers", "html_url": "https://github.com/ada/lamps/issues/7"}});
    let body = body.to_string();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    let ring = client()
        .post(hook)
        .header("content-type", "application/json")
        .header("x-github-event", "issues")
        .header("x-hub-signature-256", format!("sha256={signature}"))
        .body(body);
    assert_eq!(ring.send().await.unwrap().status(), 200);
    stage.until("it is kept", || {
        let flickers =
            |row: &serde_json::Value| row["title"].as_str().is_some_and(|t| t.contains("flickers"));
        stage.inbox().into_iter().find(flickers)
    });
    page.close().await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn podium_is_added_through_the_browser_and_the_place_is_chosen() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let (relay, podium) = (relay(&folder).await, stage.sandbox.podium());
    podium.set(|settings| settings.consent = Consent::Allow);
    let page = stage.open(&[]).await;
    choose(&page, "podium").await;
    page.fill("relay-url", relay.url().as_str()).await;
    page.fill("client-id", &podium.app().client_id).await;
    page.fill("client-secret", &podium.app().client_secret).await;
    page.run("document.querySelector('[data-testid=podium-more]').open = true;", vec![]).await;
    page.set("api-url", &stage.sandbox.podium_url()).await;
    assert!(page.everything().await.contains(&podium.app().client_secret), "the secret stands in its field");
    page.picture(&stage, "add-podium").await;
    page.click("sign-in").await;
    let opened = tokio::task::block_in_place(|| stage.desktop.wait_for_opened(1).unwrap());
    assert!(client().get(&opened[0].url).send().await.unwrap().status().is_success());
    page.click("place").await;
    page.picture(&stage, "podium-place").await;
    assert!(!page.everything().await.contains(&podium.app().client_secret), "the secret has left the page");
    page.click("place-send").await;
    until_live(&page).await;
    assert_eq!(podium.webhooks().len(), 1);
    podium.message_received("Ada Brook", "Are you open on Sunday?");
    stage.until("it is kept", || {
        let asked = |row: &serde_json::Value| row["body"] == "Are you open on Sunday?";
        stage.inbox().into_iter().find(asked)
    });
    page.close().await;
    relay.stop().await;
}

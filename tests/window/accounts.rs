//! Accounts: the first run, a sign-in through the browser and by pasting, and a pause.

use belfry_sandbox::{Consent, Spec};

use crate::page::Page;
use crate::stage::{LIMIT, Stage};

/// Fills in the dialog of a new account up to the browser.
async fn begin(stage: &Stage, page: &Page) {
    let user = stage.sandbox.user().user_id;
    stage.sandbox.podio().set(|settings| settings.consent = Consent::Allow(user));
    page.click("connect").await;
    let key = stage.sandbox.key();
    page.fill("client-id", &key.client_id).await;
    page.fill("client-secret", &key.client_secret).await;
    page.run("document.querySelector('[data-testid=server-addresses]').open = true;", vec![]).await;
    page.fill("api-url", &stage.sandbox.api_url()).await;
    page.fill("push-url", &stage.sandbox.push_url()).await;
    page.fill("authorize-url", &stage.sandbox.authorize_url()).await;
    page.picture(stage, "add-account").await;
    page.click("sign-in").await;
    page.find("sign-in-url").await;
}

/// Where the service sends a browser that was asked to go there.
async fn consent(address: &str) -> String {
    let browser = browser();
    let there = browser.get(address).send().await.unwrap();
    there.headers()["location"].to_str().unwrap().to_owned()
}

/// It follows no redirect by itself.
fn browser() -> reqwest::Client {
    belfry::env::Http::new().unwrap().client
}

async fn is_live(stage: &Stage, page: &Page) {
    stage.until_live().await;
    page.click("nav-accounts").await;
    page.find_css("[data-testid=\"account\"][data-state=\"live\"]").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_account_is_added_through_the_browser_and_paused() {
    let stage = Stage::empty().await;
    let page = stage.open(&[]).await;
    page.find("first-run").await;
    page.picture(&stage, "first-run").await;
    begin(&stage, &page).await;
    let opened = tokio::task::block_in_place(|| stage.desktop.wait_for_opened(1).unwrap());
    let shown = page.run("return document.querySelector('[data-testid=sign-in-url]').value;", vec![]).await;
    assert_eq!(shown, opened[0].url.as_str(), "the page shows what the browser was sent to");
    let back = consent(&opened[0].url).await;
    assert_eq!(browser().get(&back).send().await.unwrap().status(), 200);
    is_live(&stage, &page).await;
    page.picture(&stage, "accounts").await;

    page.click("account-pause").await;
    page.find_css("[data-testid=\"account\"][data-state=\"paused\"]").await;
    let user = stage.sandbox.user().user_id;
    let accounts = stage.json(&["account", "list", "--json"]);
    assert!(accounts.to_string().contains("\"paused\":true"), "{accounts}");
    page.click("account-pause").await;
    page.find_css("[data-testid=\"account\"][data-state=\"live\"]").await;
    stage.sandbox.podio().wait_for(|seen| seen.subscribed(user) > 0, LIMIT).await.unwrap();
    stage.notify(Spec::comment("after the pause")).await;

    page.click("account-remove").await;
    page.click("confirm-remove").await;
    page.until("no account is left", "!document.querySelector('[data-testid=account]')").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_is_finished_by_pasting_where_the_browser_does_not_come_back() {
    let stage = Stage::empty().await;
    let page = stage.open(&[]).await;
    begin(&stage, &page).await;
    let opened = tokio::task::block_in_place(|| stage.desktop.wait_for_opened(1).unwrap());
    let back = consent(&opened[0].url).await;
    page.fill("paste-code", &back).await;
    page.click("paste-send").await;
    is_live(&stage, &page).await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_reaches_the_page() {
    let (stage, _resident) = Stage::live().await;
    stage.notify(Spec::comment("one")).await;
    let page = stage.open(&[]).await;
    let mut said = page.everything().await;
    for command in ["overview", "accounts", "settings", "health"] {
        said += &page.invoke(command, serde_json::json!({})).await.unwrap().to_string();
    }
    said += &page.invoke("inbox", serde_json::json!({"wish": {"account": null, "unread": false, "search": null, "before": null, "limit": 50}})).await.unwrap().to_string();
    let key = stage.sandbox.key();
    for secret in
        [key.client_secret.as_str(), stage.sandbox.user().password.as_str(), "access_token", "refresh_token"]
    {
        assert!(!said.contains(secret), "{secret} is on the page");
    }
    page.close().await;
}

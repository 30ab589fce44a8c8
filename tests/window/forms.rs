//! The forms of CloudApp and of a Pusher server: filled in as a person does, in the real window, against the sandbox.

use belfry_sandbox::cloudapp::ItemType;
use serde_json::json;

use crate::page::Page;
use crate::stage::Stage;

/// Opens the dialog at this service.
async fn choose(page: &Page, service: &str) {
    page.click("connect").await;
    page.click(&format!("service-{service}")).await;
}

/// Sends the form, and waits until the account is live.
async fn send(page: &Page) {
    page.click("sign-in").await;
    page.until("the dialog is gone", "!document.querySelector('[data-testid=sign-in-dialog]')").await;
    page.click("nav-accounts").await;
    page.find_css("[data-testid=\"account\"][data-state=\"live\"]").await;
}

/// The row that holds this, once it is kept.
fn row(stage: &Stage, title: &str) -> serde_json::Value {
    stage.until("it is kept", || {
        stage.inbox().into_iter().find(|row| row["title"].as_str().is_some_and(|said| said.contains(title)))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloudapp_account_is_added_with_its_password_in_the_window() {
    let stage = Stage::empty().await;
    let page = stage.open(&[]).await;
    choose(&page, "cloudapp").await;
    page.fill("email", "ada@example.test").await;
    page.fill("password", "open-sesame").await;
    page.fill("api-url", &stage.sandbox.cloudapp_url()).await;
    page.fill("push-url", &stage.sandbox.pusher_url()).await;
    page.picture(&stage, "add-cloudapp").await;
    assert!(page.everything().await.contains("open-sesame"), "the password stands in its field");
    send(&page).await;
    assert!(!page.everything().await.contains("open-sesame"), "the password has left the page");
    stage.sandbox.cloudapp().upload(1, "plan.pdf", ItemType::Text);
    assert_eq!(row(&stage, "plan.pdf")["icon"], "text");
    page.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pusher_server_is_added_with_its_secret_in_the_window() {
    let stage = Stage::empty().await;
    let app = stage.sandbox.pusher().app();
    let page = stage.open(&[]).await;
    choose(&page, "pusher").await;
    page.fill("server-url", &stage.sandbox.pusher_url()).await;
    page.fill("app-key", &app.key).await;
    page.fill("channels", "private-orders").await;
    page.click("by-secret").await;
    page.fill("app-secret", &app.secret).await;
    page.click("preset-laravel").await;
    page.picture(&stage, "add-pusher").await;
    assert!(page.everything().await.contains(&app.secret), "the secret stands in its field");
    send(&page).await;
    assert!(!page.everything().await.contains(&app.secret), "the secret has left the page");
    let order = json!({"title": "Order 1912 was paid", "url": "https://shop.example.com/orders/1912"});
    stage.sandbox.pusher().trigger("private-orders", r"App\\Events\\OrderPaid", &order);
    assert_eq!(row(&stage, "Order 1912")["context"]["url"], "https://shop.example.com/orders/1912");
    page.close().await;
}

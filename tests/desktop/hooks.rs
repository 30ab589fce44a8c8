//! What services call an address for, over a real relay, to a toast and a click: Podium, signed in to by the browser, and a webhook as
//! GitHub sends it.

use std::process::Output;
use std::time::Duration;

use belfry_relay::{Config, Relay, Running, StoreAt};
use belfry_sandbox::podium::Consent;
use serde_json::json;
use xtask::desktop::Options;

use crate::whole::{LIMIT, Person, artefact};

async fn relay(folder: &tempfile::TempDir) -> Running {
    let store = StoreAt::File(folder.path().join("relay.db"));
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), store, ..Config::default() };
    Relay::start(config).await.unwrap()
}

/// Adds a Podium account; allows it in the browser, as a person does.
fn add_podium(person: &Person, relay: &Running) -> Output {
    let (app, api) = (person.sandbox.podium().app(), person.sandbox.podium_url());
    let mut command = person.belfry(&["account", "add", "podium", "--api-url", &api]);
    command.args(["--relay", relay.url().as_str(), "--location", "Harbour Street"]).args([
        "--client-id",
        &app.client_id,
        "--client-secret-stdin",
    ]);
    let browser = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let added = scope.spawn(|| person.fed(command, &app.client_secret));
            let opened = person.desktop.wait_for_opened(1).unwrap();
            browser.block_on(async {
                drop(rustls::crypto::ring::default_provider().install_default());
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                let answer = client.get(&opened[0].url).send().await.unwrap();
                assert!(answer.status().is_success(), "{answer:?}");
            });
            added.join().unwrap()
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_podiums_message_opens_the_conversation_and_removal_deletes_the_webhook() {
    let (person, folder) = (Person::new(Options::default()).await, tempfile::tempdir().unwrap());
    let (relay, podium) = (relay(&folder).await, person.sandbox.podium());
    podium.set(|settings| settings.consent = Consent::Allow);
    let added = add_podium(&person, &relay);
    assert!(added.status.success(), "{added:?}");
    let hooks = podium.webhooks();
    assert_eq!(hooks.len(), 1, "{hooks:?}");
    let to = hooks[0].url.as_deref().unwrap();
    assert!(to.starts_with(&format!("{}hook/", relay.url())), "{to}");
    let mut resident = person.resident();
    resident.until_state("live");
    let happened = podium.message_received("Ada Brook", "Are you open on Sunday?");
    let row = resident.until("notification", |line| line["event"] == "notification");
    assert!(row["title"].as_str().unwrap().contains("Ada Brook"), "{row}");
    assert_eq!(row["body"], "Are you open on Sunday?");
    resident.until_toast("shown");
    let opened = tokio::task::block_in_place(|| {
        person.desktop.wait_for_toast().unwrap();
        person.desktop.screenshot(&artefact("whole-podium.png")).unwrap();
        person.desktop.click_toast().unwrap();
        person.desktop.wait_for_opened(2).unwrap()
    });
    let conversation = happened.conversation_uid.unwrap();
    assert_eq!(opened[1].url, format!("https://app.podium.com/inbox/redirect-messages/{conversation}"));
    assert_eq!(person.json(&["inbox", "--json"])["read"], true);
    let removed = person.output(&["account", "remove", "podium", "--yes"]);
    assert!(removed.status.success(), "{removed:?}");
    podium.wait_for(|seen| seen.queued.is_empty(), LIMIT).await.unwrap();
    assert!(podium.webhooks().is_empty());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_click_on_what_github_would_send_opens_the_issue() {
    let (person, folder) = (Person::new(Options::default()).await, tempfile::tempdir().unwrap());
    let relay = relay(&folder).await;
    let mut command = person.belfry(&["account", "add", "webhook", "--relay", relay.url().as_str()]);
    command.args(["--signature", "github", "--secret-stdin", "--map", "github"]);
    let added = person.fed(command, "a long secret");
    assert!(added.status.success(), "{added:?}");
    let mut resident = person.resident();
    resident.until_state("live");
    let hook = String::from_utf8(person.output(&["account", "hook", "webhook"]).stdout).unwrap();
    let url = "https://github.com/ada/lamps/issues/7";
    let body = |title: &str| {
        let body = json!({"action": "opened", "repository": {"full_name": "ada/lamps"}, "sender": {"login": "ada"},
            "issue": {"number": 7, "title": title, "html_url": url}});
        body.to_string()
    };
    let (genuine, forged) = (body("The lamp flickers"), body("The lamp exploded"));
    let signature = {
        use hmac::Mac as _;
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"a long secret").unwrap();
        mac.update(genuine.as_bytes());
        data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
    };
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ring = |signature: String, body: String| {
        client
            .post(hook.trim())
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", signature.as_str())
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .body(body)
            .send()
    };
    // Somebody who knows the address and not the secret rings first: nothing comes of it.
    assert_eq!(ring("0".repeat(64), forged).await.unwrap().status(), 200);
    let refused = async {
        let listed = || String::from_utf8(person.output(&["account", "list"]).stdout).unwrap();
        while !listed().contains("a webhook was refused") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LIMIT, refused).await.expect("the list says that a webhook was refused");
    assert_eq!(ring(signature, genuine).await.unwrap().status(), 200);
    let row = resident.until("notification", |line| line["event"] == "notification");
    assert!(row["title"].as_str().unwrap().contains("The lamp flickers"), "{row}");
    resident.until_toast("shown");
    let opened = tokio::task::block_in_place(|| {
        person.desktop.wait_for_toast().unwrap();
        person.desktop.screenshot(&artefact("whole-webhook.png")).unwrap();
        person.desktop.click_toast().unwrap();
        person.desktop.wait_for_opened(1).unwrap()
    });
    assert_eq!(opened[0].url, url);
    let inbox = String::from_utf8(person.output(&["inbox", "--json"]).stdout).unwrap();
    assert_eq!(inbox.lines().count(), 1, "{inbox}");
    relay.stop().await;
}

//! The post office of the stage: a real relay in this process, with its file, that can crash and come back; and a sender that calls it as
//! services do.

use std::sync::Arc;
use std::time::Duration;

use belfry_relay::{Config, Relay, Running, StoreAt};
use belfry_sandbox::Podium;
use belfry_sandbox::podium::Consent;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use url::Url;

/// What the sender of the stage signs with.
pub const SIGNING_SECRET: &str = "it-is-only-a-stage";

pub struct Post {
    _folder: tempfile::TempDir,
    config: Config,
    running: Mutex<Option<Running>>,
}

impl Post {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreAt::File(folder.path().join("relay.db"));
        let listen = ([127, 0, 0, 1], 0).into();
        let mut config = Config { listen, store, ..Config::default() };
        let running = Relay::start(config.clone()).await.unwrap();
        config.listen = running.address();
        Self { _folder: folder, config, running: Mutex::new(Some(running)) }
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.config.listen
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Ends it as a crash does: nothing is said to anybody.
    pub async fn close(&self) {
        drop(self.running.lock().await.take());
    }

    /// The same relay again, on the same port, with the same file.
    pub async fn reopen(&self) {
        let mut running = self.running.lock().await;
        for _ in 0..200 {
            match Relay::start(self.config.clone()).await {
                Ok(again) => {
                    *running = Some(again);
                    return;
                }
                // The port and the lock are free once the last of the old one is gone.
                Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
            }
        }
        panic!("the relay did not come back");
    }
}

/// Sends a webhook as GitHub would, again and again until it is taken; `twice` sends it once more.
pub fn send(client: &reqwest::Client, hook: Url, id: String, body: Vec<u8>, twice: bool) -> JoinHandle<()> {
    let client = client.clone();
    tokio::spawn(async move {
        for _ in 0..if twice { 2 } else { 1 } {
            while !taken(&client, &hook, &id, &body).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    })
}

async fn taken(client: &reqwest::Client, hook: &Url, id: &str, body: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_SECRET.as_bytes()).unwrap();
    mac.update(body);
    let signature = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    let request = client
        .post(hook.clone())
        .timeout(Duration::from_secs(5))
        .header("content-type", "application/json")
        .header("x-github-event", "issues")
        .header("x-github-delivery", id)
        .header("x-hub-signature-256", format!("sha256={signature}"))
        .body(body.to_vec());
    request.send().await.is_ok_and(|answer| answer.status() == 200)
}

/// What services and browsers connect with.
pub fn client() -> reqwest::Client {
    // The first one stays; whoever comes later finds it.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A Podium that lets everybody in at once, waits a moment between its tries, and answers as often as it is asked.
pub fn patient(podium: &Podium) {
    podium.set(|settings| {
        settings.consent = Consent::Allow;
        settings.retry_waits = vec![Duration::from_millis(100); 1_000];
        settings.rate_limit = 1_000_000;
    });
}

/// Goes where the browser is sent, as a person does who allows it.
pub async fn browse(url: &str) {
    let answer = client().get(url).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Shared by all that is on one stage.
pub type Office = Option<Arc<Post>>;

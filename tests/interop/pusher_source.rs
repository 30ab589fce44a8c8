//! The Pusher source against the real soketi, with Pusher's own library as the application: from what it publishes to the toast and
//! the click.

use std::collections::BTreeMap;
use std::sync::Arc;

use belfry::account::{AccountId, AuthMethod, PusherAuth, PusherServer, PusherSettings};
use belfry::engine::views::{SignIn, SignInStep, SignInTo, Trouble};
use belfry::feed::FieldMap;
use belfry::link::LinkState;
use belfry::toast::ToastEvent;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use crate::soketi::{Backend, KEY, SECRET, Soketi};
use crate::stage::{LIMIT, Stage};

const TOKEN: &str = "Bearer told-to-nobody";

fn settings(soketi: &Soketi, channels: &[&str], auth: PusherAuth) -> PusherSettings {
    PusherSettings {
        server: PusherServer::Url(soketi.url().parse().unwrap()),
        key: KEY.to_owned(),
        channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
        auth,
        map: FieldMap::preset("laravel").unwrap(),
    }
}

async fn sign_in(
    stage: &Stage,
    settings: PusherSettings,
    secret: Option<&str>,
    header: Option<&str>,
) -> Result<AccountId, Trouble> {
    let to = SignInTo::Pusher {
        settings: Some(settings),
        app_secret: secret.map(str::to_owned),
        auth_headers: header.map(|value| BTreeMap::from([("Authorization".to_owned(), value.to_owned())])),
        check: true,
    };
    match stage.desk().sign_in(SignIn { account: None, name: None, to }).await? {
        SignInStep::Done { account } => Ok(account),
        step => panic!("{step:?}"),
    }
}

async fn until_live(stage: &Stage) {
    stage.until_state("live", |state| *state == LinkState::Live).await;
}

fn titles(kept: &[belfry::engine::views::Entry]) -> Vec<&str> {
    kept.iter().map(|entry| entry.notification.title.as_str()).collect()
}

/// The application's auth endpoint: an HTTP server that asks Pusher's own library. Counts what it allowed.
struct Endpoint {
    url: String,
    allowed: Arc<Mutex<Vec<String>>>,
    backend: Arc<Mutex<Backend>>,
    _task: tokio::task::JoinHandle<()>,
}

impl Endpoint {
    async fn start(soketi: &Soketi) -> Self {
        let backend = Arc::new(Mutex::new(Backend::start(soketi).await));
        let allowed = Arc::new(Mutex::new(Vec::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/broadcasting/auth", listener.local_addr().unwrap());
        let task = tokio::spawn({
            let (backend, allowed) = (backend.clone(), allowed.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, backend.clone(), allowed.clone()));
                }
            }
        });
        Self { url, allowed, backend, _task: task }
    }

    fn auth(&self) -> PusherAuth {
        PusherAuth::Endpoint { url: self.url.parse().unwrap(), method: AuthMethod::Post }
    }

    async fn trigger(&self, channel: &str, event: &str, data: &Value) {
        self.backend.lock().await.trigger(channel, event, data).await;
    }

    async fn allowed(&self, channel: &str) -> usize {
        self.allowed.lock().await.iter().filter(|allowed| *allowed == channel).count()
    }
}

async fn answer(mut stream: TcpStream, backend: Arc<Mutex<Backend>>, allowed: Arc<Mutex<Vec<String>>>) {
    let mut asked = Vec::new();
    let (head, body) = loop {
        let mut some = [0; 4096];
        let read = stream.read(&mut some).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        asked.extend_from_slice(&some[..read]);
        let text = String::from_utf8_lossy(&asked).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head, body.to_owned());
        }
    };
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let channel = form["channel_name"].clone();
    let (status, said) = if head.contains(&format!("authorization: {}", TOKEN.to_ascii_lowercase())) {
        let member =
            channel.starts_with("presence-").then(|| json!({"user_id": "7", "user_info": {"name": "Ada"}}));
        let said = backend.lock().await.authorize(&form["socket_id"], &channel, member).await;
        allowed.lock().await.push(channel);
        ("200 OK", said)
    } else {
        ("403 Forbidden", json!({"message": "Unauthenticated."}))
    };
    let said = said.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    );
    drop(stream.write_all(answer.as_bytes()).await);
}

#[tokio::test]
async fn a_laravel_event_becomes_a_toast_whose_click_opens_its_link_and_wrong_settings_are_told() {
    let soketi = Soketi::start().await;
    let stage = Stage::empty().await;
    let channel = "private-App.Models.User.1";
    let mut backend = Backend::start(&soketi).await;
    let wanted = || settings(&soketi, &[channel], PusherAuth::Secret);
    let wrong = sign_in(&stage, wanted(), Some("wrong-secret"), None).await.unwrap_err();
    assert!(wrong.words.contains(channel) && wrong.words.contains("secret"), "{wrong}");
    let unknown = PusherSettings { key: "no-such-key".into(), ..wanted() };
    let unknown = sign_in(&stage, unknown, Some(SECRET), None).await.unwrap_err();
    assert!(unknown.words.contains("4001") && unknown.words.contains("key"), "{unknown}");
    assert!(stage.desk().accounts().await.unwrap().is_empty());
    sign_in(&stage, wanted(), Some(SECRET), None).await.unwrap();
    until_live(&stage).await;
    let data = json!({
        "id": "9c4c0a1e", "type": r"App\Notifications\InvoicePaid", "message": "Invoice 7 was paid",
        "url": "https://shop.example.org/invoices/7",
    });
    let event = r"Illuminate\Notifications\Events\BroadcastNotificationCreated";
    backend.trigger(channel, event, &data).await;
    // The same notification again, as a queue may do, and an event of another class.
    backend.trigger(channel, event, &data).await;
    backend.trigger(channel, r"App\Events\OrderShipped", &json!({"order": {"number": "A-12"}})).await;
    let kept = stage.until_kept(2).await;
    assert_eq!(titles(&kept), ["Invoice paid", "Order shipped"]);
    let toast = stage.until_shown(1).await.remove(0);
    assert_eq!((toast.title.as_str(), toast.body.as_str()), ("Invoice paid", "Invoice 7 was paid"));
    assert!(stage.toaster.happen(ToastEvent::Clicked { key: toast.key, token: None }).await);
    stage.until("it is read", LIMIT, async || stage.kept().await[0].notification.read.then_some(())).await;
    let opened = stage.desk().open(kept[0].id, None).await.unwrap();
    assert_eq!(opened.url.as_str(), "https://shop.example.org/invoices/7");
}

#[tokio::test]
async fn after_the_server_was_killed_every_channel_is_allowed_anew_and_heard_again() {
    let mut soketi = Soketi::start().await;
    let stage = Stage::empty().await;
    let endpoint = Endpoint::start(&soketi).await;
    let channels = ["hall", "presence-room", "private-desk", "private-encrypted-safe"];
    let wanted = || settings(&soketi, &channels, endpoint.auth());
    let refused = sign_in(&stage, wanted(), None, Some("Bearer guess")).await.unwrap_err();
    assert!(refused.words.contains("403"), "{refused}");
    assert!(!refused.words.contains("guess"), "no secret is repeated: {refused}");
    sign_in(&stage, wanted(), None, Some(TOKEN)).await.unwrap();
    until_live(&stage).await;
    for round in 1..=2 {
        for channel in channels {
            endpoint.trigger(channel, "Told", &json!({"title": format!("{channel} {round}")})).await;
        }
        let kept = stage.until_kept(channels.len() * round).await;
        for channel in channels {
            let title = format!("{channel} {round}");
            assert!(titles(&kept).contains(&title.as_str()), "{title}: {:?}", titles(&kept));
        }
        if round == 1 {
            let before = endpoint.allowed("private-desk").await;
            let port = soketi.port;
            soketi.kill().await;
            stage.until_state("not live", |state| *state != LinkState::Live).await;
            soketi = Soketi::on(port).await;
            until_live(&stage).await;
            soketi.until_channels(&channels).await;
            assert!(endpoint.allowed("private-desk").await > before, "a new connection needs a new right");
        }
    }
    assert_eq!(stage.kept().await.len(), 2 * channels.len(), "nothing came twice");
}

#[tokio::test]
async fn the_last_event_of_a_cache_channel_comes_to_who_was_away_and_is_told_once() {
    let soketi = Soketi::start().await;
    let stage = Stage::empty().await;
    soketi.trigger("cache-status", "Changed", &json!({"title": "before we came"})).await;
    let account =
        sign_in(&stage, settings(&soketi, &["cache-status"], PusherAuth::None), None, None).await.unwrap();
    stage.until_kept(1).await;
    until_live(&stage).await;
    let again = async || {
        stage.desk().set_paused(account.clone(), true).await.unwrap();
        soketi.until_channels(&[]).await;
        soketi.trigger("cache-status", "Changed", &json!({"title": "while we were away"})).await;
        stage.desk().set_paused(account.clone(), false).await.unwrap();
        stage.until_kept(2).await;
        until_live(&stage).await;
    };
    again().await;
    again().await;
    soketi.trigger("cache-status", "Changed", &json!({"title": "now"})).await;
    assert_eq!(titles(&stage.until_kept(3).await), ["before we came", "while we were away", "now"]);
}

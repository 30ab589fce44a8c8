//! What the tests of webhooks share: a real relay, a service that signs and sends, a listener of no manners, relays of other makes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use belfry::account::{AccountId, Receiver, RelaySettings, Signature, WebhookSettings};
use belfry::engine::views::{AccountView, SignIn, SignInStep, SignInTo, Trouble};
use belfry::feed::FieldMap;
use belfry::link::LinkState;
use belfry_relay::{Config, Relay, Retention, Running, StoreAt};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::post;
use crate::stage::{LIMIT, Stage};

pub const SECRET: &str = "It's a Secret to Everybody";

/// A relay whose file lies in this folder, open to all.
pub async fn relay(folder: &Path, listen: Option<SocketAddr>) -> Running {
    started(folder, listen, |_| {}).await
}

pub async fn started(folder: &Path, listen: Option<SocketAddr>, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config {
        listen: listen.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap()),
        store: StoreAt::File(folder.join("relay.db")),
        open: Some(true),
        retention: Retention::default(),
        ..Config::default()
    };
    change(&mut config);
    Relay::start(config).await.unwrap()
}

/// How somebody wants to take webhooks.
#[derive(Clone)]
pub struct Wish {
    pub settings: WebhookSettings,
    pub secret: Option<String>,
    pub join_code: Option<String>,
}

impl Wish {
    pub fn at(url: &str) -> Self {
        Self::through(Receiver::Relay(RelaySettings::at(url.parse().unwrap())))
    }

    pub fn through(receiver: Receiver) -> Self {
        let map = FieldMap::preset("plain").unwrap();
        let settings = WebhookSettings { receiver, signature: Signature::None, map };
        Self { settings, secret: None, join_code: None }
    }

    pub fn signed(mut self, signature: Signature) -> Self {
        self.settings.signature = signature;
        self.secret = Some(SECRET.to_owned());
        self
    }

    pub fn mapped(mut self, map: &str) -> Self {
        self.settings.map = FieldMap::preset(map).unwrap_or_else(|| FieldMap::from_text(map).unwrap());
        self
    }

    pub async fn begin(self, stage: &Stage) -> Result<AccountId, Trouble> {
        let Self { settings, secret, join_code } = self;
        let to = SignInTo::Webhook { settings: Some(settings), secret, join_code };
        match stage.desk().sign_in(SignIn { account: None, name: None, to }).await? {
            SignInStep::Done { account } => Ok(account),
            step => panic!("{step:?}"),
        }
    }

    /// Live; gives the address that the service sends to.
    pub async fn live(self, stage: &Stage) -> String {
        let account = self.begin(stage).await.unwrap();
        stage.until_state("live", |state| *state == LinkState::Live).await;
        stage.desk().hook_address(account).await.unwrap()
    }
}

pub fn signature_of(message: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(message);
    data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
}

/// Sends as a service does; gives the status.
pub async fn send(url: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> u16 {
    try_send(url, headers, body).await.expect("an answer")
}

pub async fn try_send(url: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Option<u16> {
    // Nothing is kept open: each test has a runtime of its own.
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        drop(rustls::crypto::ring::default_provider().install_default());
        reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap()
    });
    let client = CLIENT.clone();
    let mut request = client.post(url).body(body);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = tokio::time::timeout(LIMIT, request.send()).await.ok()?.ok()?;
    Some(answer.status().as_u16())
}

/// Sends as GitHub does.
pub async fn github(url: &str, event: &str, delivery: &str, body: &Value) -> u16 {
    let body = body.to_string();
    let signed = format!("sha256={}", signature_of(body.as_bytes()));
    let headers =
        [("x-github-event", event), ("x-github-delivery", delivery), ("x-hub-signature-256", &signed)];
    send(url, &headers, body).await
}

/// What the relay still gives to a reader who begins anew, up to the present.
pub async fn held(hook: &str, token: &SecretString) -> String {
    let client = post::client();
    let request = client.get(hook.replace("/hook/", "/events/")).bearer_auth(token.expose_secret());
    let mut stream = request.send().await.unwrap().error_for_status().unwrap();
    let mut said = String::new();
    let read = async {
        while !said.contains(r#"{"message":"ready"}"#) {
            said.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(LIMIT, read).await.unwrap();
    said
}

pub async fn account(stage: &Stage) -> AccountView {
    stage.desk().accounts().await.unwrap().remove(0)
}

/// What the account says that it does not take or hear, once it says something.
pub async fn until_unheard(stage: &Stage, part: &str) -> String {
    stage
        .until(&format!("it says “{part}”"), LIMIT, async || {
            account(stage).await.unheard.filter(|said| said.contains(part))
        })
        .await
}

/// A request, byte for byte, and the first line of what is answered.
pub async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap().ok();
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

/// A port that nobody has just now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A relay of another make, as webhook-relay.md describes them: what it sends is written by the test.
pub struct Foreign {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    sent: watch::Sender<Vec<(String, String)>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    Gosmee,
    Smee,
    /// Says hello and then nothing.
    Mute,
}

impl Foreign {
    pub async fn start(make: Make) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (sent, _) = watch::channel(Vec::new());
        let (heads, events) = (seen.clone(), sent.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, make, heads.clone(), events.subscribe()));
            }
        });
        Self { address, seen, sent, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An event: its id and its data.
    pub fn send(&self, id: &str, data: &Value) {
        self.sent.send_modify(|sent| sent.push((id.to_owned(), data.to_string())));
    }

    /// The heads of the requests so far, in lower case.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests for streams.
    pub fn streams(&self) -> Vec<String> {
        self.seen().into_iter().filter(|head| head.starts_with("get ")).collect()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    make: Make,
    seen: Arc<Mutex<Vec<String>>>,
    mut sent: watch::Receiver<Vec<(String, String)>>,
) {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&part[..count]),
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    seen.lock().unwrap().push(head.clone());
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (below_events, parts) = (path.starts_with("/events/"), path.matches('/').count());
    let is_stream = head.starts_with("get ")
        && match make {
            Make::Gosmee | Make::Mute => below_events && parts == 2,
            // Anything but exactly this is answered with a page.
            Make::Smee => parts == 1 && head.contains("\r\naccept: text/event-stream\r\n"),
        };
    if !is_stream {
        let page = "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>nothing</html>";
        stream.write_all(page.as_bytes()).await.ok();
        return;
    }
    let begin = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n";
    stream.write_all(begin.as_bytes()).await.ok();
    let after = head.lines().find_map(|line| line.strip_prefix("last-event-id: ")).map(str::to_owned);
    let hello = match make {
        Make::Gosmee | Make::Mute => {
            "data: {\"message\":\"connected\"}\n\ndata: {\"message\":\"ready\"}\n\n: keepalive\n\n"
        }
        Make::Smee => "id: 0\nevent: ready\ndata: {}\n\n",
    };
    stream.write_all(hello.as_bytes()).await.ok();
    if make == Make::Mute {
        // Until the other side has gone.
        drop(stream.read_to_end(&mut Vec::new()).await);
        return;
    }
    // gosmee goes on behind a position it has, tells a gap where it has not, and without one begins with what is new. smee keeps nothing.
    let kept = sent.borrow_and_update().clone();
    let mut next = match (&after, make) {
        (Some(after), Make::Gosmee) => match kept.iter().position(|(id, _)| id == after) {
            Some(place) => place + 1,
            None => {
                let oldest = kept.first().map(|(id, _)| id.clone()).unwrap_or_default();
                let gap = serde_json::json!({"error": "missed_history", "requested_id": after, "oldest_id": oldest});
                stream.write_all(format!("event: gosmee-gap\ndata: {gap}\n\n").as_bytes()).await.ok();
                0
            }
        },
        (_, _) => kept.len(),
    };
    loop {
        let all = sent.borrow_and_update().clone();
        for (id, data) in all.iter().skip(next) {
            if stream.write_all(format!("id: {id}\ndata: {data}\n\n").as_bytes()).await.is_err() {
                return;
            }
        }
        next = all.len();
        tokio::select! {
            changed = sent.changed() => if changed.is_err() { return },
            read = stream.read(&mut part) => if matches!(read, Ok(0) | Err(_)) { return },
        }
    }
}

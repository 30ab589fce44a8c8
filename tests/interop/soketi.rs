//! The real soketi, a Pusher-compatible server, and an app's server side that speaks to it over HTTP.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::process::{Child, Command};

use crate::node::{Node, client};

pub const APP: &str = "app-id";
pub const KEY: &str = "app-key";
pub const SECRET: &str = "app-secret";
/// What encrypted channels derive their secrets from, in Base64.
pub const MASTER: &str = "VGhlcmUgYXJlIGJlbGxzIGluIHRoaXMgb2xkIHRvd24=";

/// A busy machine starts Node in seconds, not tens of them.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Soketi {
    child: Child,
    pub port: u16,
    folder: tempfile::TempDir,
}

impl Soketi {
    /// On a free port.
    pub async fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::on(free).await
    }

    pub async fn on(port: u16) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/interop/node_modules/@soketi/soketi/bin/server.js");
        assert!(program.exists(), "the npm packages are missing: run `npm ci` in tests/interop");
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("soketi.json");
        std::fs::write(&config, settings(port).to_string()).unwrap();
        let words = std::fs::File::create(folder.path().join("words")).unwrap();
        let child = Command::new("node")
            .arg(program)
            .arg("start")
            .arg(format!("--config={}", config.display()))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(words.try_clone().unwrap())
            .stderr(words)
            .kill_on_drop(true)
            .spawn()
            .expect("node can be started");
        let mut soketi = Self { child, port, folder };
        soketi.wait_until_ready().await;
        soketi
    }

    async fn wait_until_ready(&mut self) {
        let begin = std::time::Instant::now();
        let http = client();
        while !http.get(self.url()).send().await.is_ok_and(|answer| answer.status().is_success()) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed() < LIMIT, "soketi is not up: {}", self.words());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn words(&self) -> String {
        let file: PathBuf = self.folder.path().join("words");
        std::fs::read_to_string(file).unwrap_or_default()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// As by `kill -9`, and started again on the same port: it knows nobody any more.
    pub async fn restart(self) -> Self {
        let port = self.port;
        self.kill().await;
        Self::on(port).await
    }

    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asked to stop, so that it can say goodbye; returns when it is gone.
    pub async fn stop(mut self) {
        let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        match tokio::time::timeout(LIMIT, self.child.wait()).await {
            Ok(ended) => drop(ended.unwrap()),
            Err(_) => panic!("soketi did not stop: {}", self.words()),
        }
    }

    /// Publishes as an app's server does. Once this returns, the server has it.
    pub async fn trigger(&self, channel: &str, event: &str, data: &Value) {
        let order = json!({"name": event, "channels": [channel], "data": data.to_string()});
        self.call("POST", "events", &[], Some(&order)).await;
    }

    /// Publishes up to ten events at once: channel, event, data.
    pub async fn trigger_batch(&self, events: &[(String, &str, Value)]) {
        let batch: Vec<Value> = events
            .iter()
            .map(
                |(channel, event, data)| json!({"name": event, "channel": channel, "data": data.to_string()}),
            )
            .collect();
        self.call("POST", "batch_events", &[], Some(&json!({"batch": batch}))).await;
    }

    /// The channels somebody has subscribed, in order.
    pub async fn channels(&self) -> Vec<String> {
        let answer = self.call("GET", "channels", &[], None).await;
        let mut names: Vec<String> = answer["channels"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    }

    /// Waits until exactly these are subscribed.
    pub async fn until_channels(&self, expected: &[&str]) {
        let begin = std::time::Instant::now();
        loop {
            let there = self.channels().await;
            if there == expected {
                return;
            }
            assert!(begin.elapsed() < LIMIT, "expected {expected:?}, there are {there:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A call of the HTTP API, signed as its reference says: over the method, the path and the sorted query.
    async fn call(&self, method: &str, what: &str, query: &[(&str, &str)], body: Option<&Value>) -> Value {
        let path = format!("/apps/{APP}/{what}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let body = body.map(Value::to_string);
        let mut query: Vec<(&str, String)> =
            query.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        query.extend([
            ("auth_key", KEY.to_owned()),
            ("auth_timestamp", now.to_string()),
            ("auth_version", "1.0".to_owned()),
        ]);
        query.extend(body.iter().map(|body| ("body_md5", hex(&Md5::digest(body)))));
        query.sort();
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let query = query.join("&");
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{method}\n{path}\n{query}").as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let url = format!("{}{path}?{query}&auth_signature={signature}", self.url());
        let request = match body {
            Some(body) => client().post(url).header("Content-Type", "application/json").body(body),
            None => client().get(url),
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Metrics stay off: with them soketi does not stop when it is asked to.
fn settings(port: u16) -> Value {
    json!({
        "host": "127.0.0.1",
        "port": port,
        "shutdownGracePeriod": 0,
        "appManager.array.apps": [{
            "id": APP, "key": KEY, "secret": SECRET, "enableClientMessages": true,
            "maxBackendEventsPerSecond": -1, "maxClientEventsPerSecond": -1, "maxReadRequestsPerSecond": -1,
            "maxConnections": -1, "webhooks": [],
        }],
    })
}

/// An app's server side, with Pusher's own library for Node.
pub struct Backend(Node);

impl Backend {
    pub async fn start(soketi: &Soketi) -> Self {
        let mut node = Node::start("pusher-server.js", &[&soketi.port.to_string(), APP, KEY, SECRET, MASTER]);
        node.until("ready").await;
        Self(node)
    }

    /// What an authorisation endpoint would answer. `member` is for presence channels.
    pub async fn authorize(&mut self, socket_id: &str, channel: &str, member: Option<Value>) -> Value {
        self.order(
            &json!({"order": "authorize", "socket_id": socket_id, "channel": channel, "member": member}),
        )
        .await;
        self.0.until("authorized").await["answer"].clone()
    }

    pub async fn trigger(&mut self, channel: &str, event: &str, data: &Value) {
        self.order(&json!({"order": "trigger", "channel": channel, "event": event, "data": data})).await;
        assert_eq!(self.0.until("triggered").await["status"], 200);
    }

    async fn order(&mut self, order: &Value) {
        self.0.write(&format!("{order}\n")).await;
    }
}

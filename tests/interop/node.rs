//! A Node program that says what happens in JSON, a line each.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A busy machine starts Node in seconds, not tens of them.
const LIMIT: Duration = Duration::from_secs(60);

pub struct Node {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    /// All it has said so far.
    pub said: Vec<Value>,
}

impl Node {
    pub fn start(script: &str, args: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        let installed = folder.join("node_modules/faye");
        assert!(installed.exists(), "the npm packages are missing: run `npm ci` in tests/interop");
        let mut child = Command::new("node")
            .arg(folder.join(script))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node can be started");
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, input, lines, said: Vec::new() }
    }

    pub async fn write(&mut self, text: &str) {
        self.input.as_mut().unwrap().write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line with this event; earlier ones are kept in `said`.
    pub async fn until(&mut self, event: &str) -> Value {
        let wait = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line =
                    line.unwrap_or_else(|| panic!("it ended before it said “{event}”: {:?}", self.said));
                let value: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
                self.said.push(value.clone());
                if value["event"] == event {
                    return value;
                }
            }
        };
        match tokio::time::timeout(LIMIT, wait).await {
            Ok(value) => value,
            Err(_) => panic!("“{event}” was not said within {LIMIT:?}: {:?}", self.said),
        }
    }

    /// As by `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// The real Faye server.
pub struct Faye {
    pub node: Node,
    pub port: u16,
    secret: String,
    hold: u32,
}

impl Faye {
    /// On a free port. `hold` is in seconds.
    pub async fn start(secret: &str, hold: u32) -> Self {
        Self::on(0, secret, hold).await
    }

    pub async fn on(port: u16, secret: &str, hold: u32) -> Self {
        let mut node = Node::start("faye-server.js", &[&port.to_string(), secret, &hold.to_string()]);
        let port = node.until("listening").await["port"].as_u64().unwrap().try_into().unwrap();
        Self { node, port, secret: secret.into(), hold }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/faye", self.port)
    }

    /// Killed, and started again on the same port: it knows nobody any more.
    pub async fn restart(self) -> Self {
        let Self { node, port, secret, hold } = self;
        node.kill().await;
        Self::on(port, &secret, hold).await
    }

    /// Publishes as PrivatePub does: a form with the secret as token. Once this returns, the server has it.
    pub async fn publish(&self, channel: &str, data: &Value) {
        let message = serde_json::json!({
            "channel": channel,
            "data": {"channel": channel, "data": data},
            "ext": {"private_pub_token": self.secret},
        });
        let answer =
            client().post(self.url()).form(&[("message", message.to_string())]).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer[0]["successful"], true, "{answer}");
    }

    /// The push object's pair for a channel, right for this server.
    pub fn signed(&self, channel: &str, timestamp: i64) -> Value {
        use sha1::{Digest, Sha1};
        let hash = Sha1::digest(format!("{}{channel}{timestamp}", self.secret));
        let signature: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        serde_json::json!({"private_pub_signature": signature, "private_pub_timestamp": timestamp})
    }
}

/// A client as Belfry builds it.
pub fn client() -> reqwest::Client {
    belfry::env::Http::new().unwrap().client
}

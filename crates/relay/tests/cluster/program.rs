//! The real program `belfry-relay`, a sender as services are, and a reader as desktops are.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use data_encoding::{BASE64, BASE64URL_NOPAD};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::process::{Child, Command};

use crate::stage::LIMIT;

/// Podium's limit. Whoever answers later has not answered.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// A sender's pause before it sends again; real ones wait longer.
const PAUSE: Duration = Duration::from_millis(200);
const TOKEN: &str = "a read token of 43 characters, which is random";

pub fn client() -> reqwest::Client {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    });
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A relay in a process of its own, on a port that it gets again after each start.
pub struct Program {
    pub port: u16,
    arguments: Vec<String>,
    child: Option<Child>,
    folder: Arc<tempfile::TempDir>,
}

impl Program {
    /// Over a NATS cluster or, with `sqlite`, over a file of its own.
    pub async fn start(store: &str, more: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut arguments = vec!["--store".to_owned(), store.to_owned()];
        arguments.extend(["--data".to_owned(), folder.path().display().to_string()]);
        arguments.extend(["--listen".to_owned(), format!("127.0.0.1:{port}")]);
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let mut program = Self { port, arguments, child: None, folder };
        program.again(&[]).await;
        program
    }

    /// Starts it again, or for the first time, with these in its environment.
    pub async fn again(&mut self, environment: &[(&str, &str)]) {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log"));
        let child = Command::new(env!("CARGO_BIN_EXE_belfry-relay"))
            .args(&self.arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begin = Instant::now();
        while client().get(self.url("")).send().await.is_err() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed() < LIMIT, "the relay is not up: {}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// As by `kill -9`; returns when it is gone.
    pub async fn kill(&mut self) {
        self.child.take().unwrap().kill().await.unwrap();
    }

    /// Returns when it is gone by itself.
    pub async fn gone(&mut self) {
        let mut child = self.child.take().unwrap();
        tokio::time::timeout(LIMIT, child.wait()).await.unwrap().unwrap();
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Makes a channel for this test's reader; its name.
    pub async fn channel(&self) -> String {
        let reader = BASE64URL_NOPAD.encode(&Sha256::digest(TOKEN)[..16]);
        let wish = json!({ "reader": reader }).to_string();
        let request = client().post(self.url("channels")).header("content-type", "application/json");
        let answer = request.body(wish).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", self.said());
        let made: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        made["channel"].as_str().unwrap().to_owned()
    }

    /// Status and words of the health page.
    pub async fn health(&self) -> (u16, String) {
        let answer = client().get(self.url("health")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until it says so of itself.
    pub async fn until_health(&self, status: u16) -> String {
        let begin = Instant::now();
        loop {
            let (now, words) = self.health().await;
            if now == status {
                return words;
            }
            assert!(begin.elapsed() < LIMIT, "still {now} {words}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The body of the n-th webhook, with an id of its own as Podium's have.
pub fn body(n: u32) -> String {
    json!({ "metadata": { "eventUid": format!("event-{n}") }, "n": n }).to_string()
}

/// A service that rings, until it has a 200 for every webhook. It knows several ports and goes on to the next when one does not take it.
pub struct Sender {
    client: reqwest::Client,
    ports: Vec<u16>,
    channel: String,
    next: AtomicU32,
    turn: AtomicU16,
    seen: Mutex<Seen>,
}

/// What the answers were.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// How often which status; 0 is none, since the connection broke.
    pub answers: BTreeMap<u16, u32>,
    pub slowest: Duration,
    pub taken: u32,
}

impl Sender {
    pub fn new(relays: &[&Program], channel: &str) -> Arc<Self> {
        Arc::new(Self {
            client: client(),
            ports: relays.iter().map(|relay| relay.port).collect(),
            channel: channel.to_owned(),
            next: AtomicU32::new(0),
            turn: AtomicU16::new(0),
            seen: Mutex::default(),
        })
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Sends all of them, `at_once` at a time.
    pub fn send(self: &Arc<Self>, count: u32, at_once: usize) -> tokio::task::JoinHandle<()> {
        let sender = self.clone();
        tokio::spawn(async move {
            let one = |sender: Arc<Self>| async move {
                loop {
                    let n = sender.next.fetch_add(1, Ordering::SeqCst);
                    if n >= count {
                        return;
                    }
                    sender.insist(n).await;
                }
            };
            futures_util::future::join_all((0..at_once).map(|_| one(sender.clone()))).await;
        })
    }

    /// Sends one until it is taken.
    async fn insist(&self, n: u32) {
        let begin = Instant::now();
        while self.once(n).await != 200 {
            assert!(begin.elapsed() < LIMIT, "{n} is not taken: {:?}", self.seen());
            tokio::time::sleep(PAUSE).await;
        }
        self.seen.lock().unwrap().taken += 1;
    }

    /// One try; its status, or 0.
    pub async fn once(&self, n: u32) -> u16 {
        let turn = usize::from(self.turn.fetch_add(1, Ordering::Relaxed));
        let url = format!("http://127.0.0.1:{}/hook/{}", self.ports[turn % self.ports.len()], self.channel);
        let asked = Instant::now();
        let request = self.client.post(url).header("content-type", "application/json").body(body(n));
        let status = request.send().await.map_or(0, |answer| answer.status().as_u16());
        let mut seen = self.seen.lock().unwrap();
        *seen.answers.entry(status).or_default() += 1;
        seen.slowest = seen.slowest.max(asked.elapsed());
        status
    }

    /// Waits until so many were taken.
    pub async fn until_taken(&self, count: u32) {
        let begin = Instant::now();
        while self.seen().taken < count {
            assert!(begin.elapsed() < LIMIT * 3, "{:?}", self.seen());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A desktop: it keeps its position and comes back with it, to the next relay it knows, whenever the stream ends.
#[derive(Clone)]
pub struct Reader {
    heard: Arc<Mutex<Heard>>,
    task: Arc<tokio::task::JoinHandle<()>>,
}

/// What the stream told.
#[derive(Debug, Default, Clone)]
pub struct Heard {
    /// Position, event name, data; words of the relay itself left out.
    pub events: Vec<(String, String, Value)>,
    /// How often a connection was made.
    pub connections: u32,
}

impl Reader {
    /// From a position, or from everything that is kept.
    pub fn start(relays: &[&Program], channel: &str, from: Option<&str>) -> Self {
        let urls: Vec<String> = relays.iter().map(|relay| relay.url(&format!("events/{channel}"))).collect();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (into, mut position) = (heard.clone(), from.map(str::to_owned));
        let task = tokio::spawn(async move {
            let client = client();
            for url in urls.iter().cycle() {
                let mut request = client.get(url).bearer_auth(TOKEN);
                if let Some(position) = &position {
                    request = request.header("last-event-id", position);
                }
                if let Ok(answer) = request.send().await
                    && answer.status() == 200
                {
                    into.lock().unwrap().connections += 1;
                    follow(answer, &into, &mut position).await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { heard, task: Arc::new(task) }
    }

    pub fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }

    /// The numbers of the webhooks, in the order in which they came.
    pub fn numbers(&self) -> Vec<u32> {
        let heard = self.heard();
        heard.events.iter().filter(|(_, name, _)| name.is_empty()).map(|(_, _, data)| number(data)).collect()
    }

    /// Waits until so many webhooks came.
    pub async fn until(&self, count: usize) {
        let begin = Instant::now();
        while self.heard.lock().unwrap().events.iter().filter(|(_, name, _)| name.is_empty()).count() < count
        {
            assert!(!self.task.is_finished() && begin.elapsed() < LIMIT * 3, "{} came", self.numbers().len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// That each webhook up to this number came once, and no word of a gap.
    pub fn assert_each_once(&self, count: u32) {
        let mut numbers = self.numbers();
        assert_eq!(numbers.len(), usize::try_from(count).unwrap());
        numbers.sort_unstable();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>());
        assert!(self.heard().events.iter().all(|(_, name, _)| name.is_empty()), "a gap was said");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if Arc::strong_count(&self.task) == 1 {
            self.task.abort();
        }
    }
}

fn number(data: &Value) -> u32 {
    let body = BASE64.decode(data["bodyB"].as_str().unwrap().as_bytes()).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["n"].as_u64().unwrap().try_into().unwrap()
}

/// Reads one connection to its end.
async fn follow(answer: reqwest::Response, heard: &Mutex<Heard>, position: &mut Option<String>) {
    let mut pieces = answer.bytes_stream();
    let mut text = Vec::new();
    while let Some(Ok(piece)) = pieces.next().await {
        text.extend_from_slice(&piece);
        while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
            let frame: Vec<u8> = text.drain(..end + 2).collect();
            let frame = String::from_utf8(frame).unwrap();
            let field = |name: &str| {
                let line = frame.lines().find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim().to_owned())
            };
            let (id, event) = (field("id:"), field("event:").unwrap_or_default());
            let Some(data) = field("data:") else { continue };
            let data: Value = serde_json::from_str(&data).unwrap();
            if event != "ping" && data.get("message").is_none() {
                heard.lock().unwrap().events.push((id.clone().unwrap_or_default(), event, data));
            }
            // Kept in the same step as the event: what a desktop does in one transaction.
            *position = id.or(position.take());
        }
    }
}

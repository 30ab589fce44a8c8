//! What the tests share: a relay in this process or as the real program, a sender, a reader of streams.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use belfry_relay::{Config, Relay, Running, StoreAt};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than anything takes; a test that waits so long has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A client that follows nothing, knows no proxy, and takes a new connection each time: a test that restarts the relay must not trip
/// over one that ended with it.
pub(crate) fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// Waits, but not for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A relay in this process, over a file of its own.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) running: Running,
    pub(crate) http: Client,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        change(&mut config);
        Self { folder, running: Relay::start(config).await.unwrap(), http: client() }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("relay.db")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    pub(crate) async fn channel(&self) -> Channel {
        Channel::make(&self.http, self.running.url().as_str(), None).await
    }

    /// Waits until one of the relay's figures is so.
    pub(crate) async fn until_figure(&self, what: &str, name: &str, so: impl Fn(u64) -> bool) {
        soon(what, async {
            loop {
                let figures = self.get("metrics").await.text().await.unwrap();
                let mut values =
                    figures.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
                if values.next().is_some_and(&so) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }
}

/// The usual configuration over a folder, at a port that is free.
pub(crate) fn config(folder: &Path) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        store: StoreAt::File(folder.join("relay.db")),
        ..Config::default()
    }
}

/// A channel with its read token, as a desktop has it.
#[derive(Clone)]
pub(crate) struct Channel {
    pub(crate) http: Client,
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) hook_url: String,
    pub(crate) events_url: String,
    pub(crate) oauth_url: String,
}

/// What stands for a token in a wish.
pub(crate) fn reader_of(token: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(token)[..16])
}

pub(crate) fn fresh_token() -> String {
    BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>())
}

impl Channel {
    pub(crate) async fn make(http: &Client, base: &str, seal_to: Option<&[u8; 32]>) -> Self {
        let token = fresh_token();
        let mut wish = json!({ "reader": reader_of(&token) });
        if let Some(key) = seal_to {
            wish["seal_to"] = BASE64URL_NOPAD.encode(key).into();
        }
        let made = http.post(format!("{base}channels")).json(&wish).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        let made: Value = made.json().await.unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Self {
            http: http.clone(),
            name: text("channel"),
            token,
            hook_url: text("hook_url"),
            events_url: text("events_url"),
            oauth_url: text("oauth_url"),
        }
    }

    /// Rings.
    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> Response {
        soon("an answer", self.http.post(&self.hook_url).body(body).send()).await.unwrap()
    }

    /// Rings so many times, and each is kept.
    pub(crate) async fn post_many(&self, numbers: std::ops::Range<u32>) {
        for n in numbers {
            assert_eq!(self.post(format!("ring {n}")).await.status(), StatusCode::OK);
        }
    }

    /// Asks for the stream, whatever comes.
    pub(crate) async fn ask(&self, after: Option<&str>) -> Response {
        let mut request = self.http.get(&self.events_url).bearer_auth(&self.token);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        soon("the stream's head", request.send()).await.unwrap()
    }

    /// Opens the stream.
    pub(crate) async fn open(&self, after: Option<&str>) -> Stream {
        let response = self.ask(after).await;
        assert_eq!(response.status(), StatusCode::OK);
        Stream { response, buffer: Vec::new() }
    }

    /// All that is kept: what comes until the stream is ready.
    pub(crate) async fn kept(&self, after: Option<&str>) -> Vec<Event> {
        self.open(after).await.until_ready().await
    }

    /// The bodies of all that is kept.
    pub(crate) async fn kept_bodies(&self) -> Vec<Vec<u8>> {
        self.kept(None).await.iter().map(Event::body).collect()
    }
}

/// One server-sent event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        BASE64.decode(self.json()["bodyB"].as_str().expect("a webhook").as_bytes()).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().expect("an id")
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.name.is_empty() && self.json() == json!({ "message": word })
    }
}

/// A stream of them, parsed without any of the relay's code.
pub(crate) struct Stream {
    response: Response,
    buffer: Vec<u8>,
}

impl Stream {
    pub(crate) fn of(response: Response) -> Self {
        Self { response, buffer: Vec::new() }
    }

    /// The next event; `None` once the stream has ended.
    pub(crate) async fn try_next(&mut self) -> Option<Event> {
        soon("an event", async {
            loop {
                if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                    let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                    match parse(&block) {
                        Some(event) => return Some(event),
                        None => continue,
                    }
                }
                match self.response.chunk().await {
                    Ok(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                    Ok(None) | Err(_) => return None,
                }
            }
        })
        .await
    }

    pub(crate) async fn next(&mut self) -> Event {
        self.try_next().await.expect("the stream goes on")
    }

    /// What comes until all that was kept has come.
    pub(crate) async fn until_ready(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await;
            if event.is_word("ready") {
                return events;
            }
            if !event.is_word("connected") {
                events.push(event);
            }
        }
    }
}

fn parse(block: &[u8]) -> Option<Event> {
    let mut event = Event::default();
    let mut said = false;
    for line in std::str::from_utf8(block).unwrap().lines() {
        match line.split_once(": ") {
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("event", name)) => event.name = name.to_owned(),
            Some(("data", data)) => {
                said = true;
                event.data.push_str(data);
            }
            Some((other, _)) => panic!("unknown field {other}"),
            None => assert!(line.is_empty() || line.starts_with(':'), "{line}"),
        }
    }
    said.then_some(event)
}

/// Speaks HTTP by hand: what a well-behaved client would never send.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    pub(crate) async fn connect(bench: &Bench) -> Self {
        Self { stream: TcpStream::connect(bench.running.address()).await.unwrap() }
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// All that comes until the relay closes.
    pub(crate) async fn hear(&mut self) -> String {
        let mut heard = Vec::new();
        let mut part = [0; 4096];
        soon("the relay's close", async {
            while let Ok(length @ 1..) = self.stream.read(&mut part).await {
                heard.extend_from_slice(&part[..length]);
            }
        })
        .await;
        String::from_utf8_lossy(&heard).into_owned()
    }
}

/// The real program.
pub(crate) struct Program {
    child: Child,
    pub(crate) url: String,
    pub(crate) said: String,
    log: Option<std::thread::JoinHandle<String>>,
}

pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_belfry-relay"));
    command.arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BELFRY_RELAY_")) {
        command.env_remove(name);
    }
    command
}

impl Program {
    /// Starts it at a free port and returns once it says where it is.
    pub(crate) fn start(data: &Path, change: impl FnOnce(&mut Command)) -> Self {
        Self::start_at(data, "127.0.0.1:0", change)
    }

    pub(crate) fn start_at(data: &Path, listen: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = command(data);
        command.args(["--listen", listen]);
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !said.contains("Ctrl-C") {
            if lines.read_line(&mut said).unwrap() == 0 {
                let output = child.wait_with_output().unwrap();
                panic!("it did not start: {said}{}", String::from_utf8_lossy(&output.stderr));
            }
        }
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            std::io::Read::read_to_string(&mut stderr, &mut log).unwrap();
            log
        });
        let mut words: VecDeque<&str> = said.split_whitespace().collect();
        while words.pop_front().is_some_and(|word| word != "at") {}
        let url = words.pop_front().unwrap().to_owned();
        Self { child, url, said, log: Some(log) }
    }

    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    /// Ends it as a power cut does. Returns what it logged.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log.take().unwrap().join().unwrap()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Asks it to end, and returns its exit code and what it logged.
    pub(crate) fn end(self) -> (Option<i32>, String) {
        self.signal(rustix::process::Signal::TERM);
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        (status.code(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

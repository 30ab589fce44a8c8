//! The local socket: a real one, with a small fake behind it that answers.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use belfry::env::Paths;
use belfry::front::client::Client;
use belfry::front::server::{Answering, Server, serve};
use belfry::front::views::{Signal, Trouble, TroubleKind, Why};
use belfry::front::wire::{LONGEST_LINE, MOST_CONNECTIONS, MOST_OUTSTANDING};
use belfry::front::{Notifier, Request};
use belfry::notification::NotificationId;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, broadcast};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

/// A server over a fake: `why` tells the number it was asked for; number 1 waits for a permit, 2 is trouble, 3 is too long.
struct Bench {
    home: TempDir,
    server: Option<Server>,
    signals: broadcast::Sender<Signal>,
    permits: Arc<Semaphore>,
    begun: Arc<Semaphore>,
}

fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run");
    std::fs::create_dir(&run).unwrap();
    std::fs::set_permissions(run, PermissionsExt::from_mode(0o700)).unwrap();
    home
}

fn told(id: i64, story: &str) -> Result<Box<RawValue>, Trouble> {
    let why =
        Why { id: NotificationId(id), story: vec![story.to_owned()], outcome: "shown".into(), reason: None };
    Ok(to_raw_value(&why).unwrap())
}

impl Bench {
    async fn start() -> Self {
        let home = home();
        let (signals, _) = broadcast::channel(16);
        let (permits, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (wait_for, say_begun, source) = (permits.clone(), begun.clone(), signals.clone());
        let answering = Answering::by(
            move |request| {
                let (wait_for, say_begun) = (wait_for.clone(), say_begun.clone());
                Box::pin(async move {
                    let Request::Why { id } = request else {
                        return Err(Trouble::usage(format!("no fake for {}", request.method())));
                    };
                    match id.0 {
                        1 => {
                            say_begun.add_permits(1);
                            wait_for.acquire().await.unwrap().forget();
                            told(1, "late")
                        }
                        2 => Err(Trouble::needs_sign_in("sign in first")),
                        3 => told(3, &"x".repeat(LONGEST_LINE)),
                        other => told(other, "at once"),
                    }
                })
            },
            move || source.subscribe(),
        );
        let server = serve(answering, &Paths::under(home.path())).await.unwrap();
        Self { home, server: Some(server), signals, permits, begun }
    }

    fn paths(&self) -> Paths {
        Paths::under(self.home.path())
    }

    async fn face(&self) -> Notifier {
        Notifier::There(Client::connect(&self.paths()).await.unwrap().expect("a server"))
    }

    async fn raw(&self) -> Raw {
        Raw::connect(&self.paths().socket()).await
    }

    async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }
}

/// A face that says what it likes.
struct Raw(BufReader<UnixStream>);

impl Raw {
    async fn connect(socket: &Path) -> Self {
        Self(BufReader::new(UnixStream::connect(socket).await.unwrap()))
    }

    async fn greeted(socket: &Path) -> Self {
        let mut raw = Self::connect(socket).await;
        raw.say(r#"{"jsonrpc":"2.0","method":"hello","params":{"protocol":1,"version":"test"}}"#).await;
        assert_eq!(raw.hear().await.unwrap()["method"], "hello");
        raw
    }

    async fn say(&mut self, line: &str) {
        self.0.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// The next line; `None` once the server has closed.
    async fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        match timeout(LIMIT, self.0.read_line(&mut line)).await.expect("a line or an end in time") {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
        }
    }
}

fn words(said: &Option<Value>) -> &str {
    said.as_ref().and_then(|said| said["error"]["message"].as_str()).unwrap_or("(no error)")
}

async fn why(face: &Notifier, id: i64) -> Result<Why, Trouble> {
    timeout(LIMIT, face.why(NotificationId(id))).await.expect("an answer in time")
}

#[tokio::test]
async fn answers_and_trouble_cross_with_their_kind() {
    let bench = Bench::start().await;
    let face = bench.face().await;
    assert_eq!(why(&face, 7).await.unwrap().story, ["at once"]);
    assert_eq!(why(&face, 2).await.unwrap_err(), Trouble::needs_sign_in("sign in first"));
    assert_eq!(face.overview().await.unwrap_err().kind, TroubleKind::Usage);
}

#[tokio::test]
async fn a_slow_answer_holds_up_no_other() {
    let bench = Bench::start().await;
    let face = bench.face().await;
    let slow = why(&face, 1);
    let quick = async {
        bench.begun.acquire().await.unwrap().forget();
        let quick = why(&face, 8).await;
        bench.permits.add_permits(1);
        quick
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!((slow.unwrap().story, quick.unwrap().story), (vec!["late".into()], vec!["at once".into()]));
}

#[tokio::test]
async fn two_faces_are_served_at_once() {
    let bench = Bench::start().await;
    let (one, two) = (bench.face().await, bench.face().await);
    let waiting = why(&one, 1);
    let other = async {
        bench.begun.acquire().await.unwrap().forget();
        let answer = why(&two, 9).await.unwrap();
        bench.permits.add_permits(1);
        answer
    };
    let (waiting, other) = tokio::join!(waiting, other);
    assert_eq!((waiting.unwrap().id.0, other.id.0), (1, 9));
}

#[tokio::test]
async fn signals_reach_every_face_that_asked_and_say_when_some_were_lost() {
    let bench = Bench::start().await;
    let (one, two) = (bench.face().await, bench.face().await);
    let (mut hears, mut hears_too) = (one.signals().await.unwrap(), two.signals().await.unwrap());
    bench.signals.send(Signal::Accounts).unwrap();
    assert_eq!(timeout(LIMIT, hears.next()).await.unwrap(), Some(Signal::Accounts));
    assert_eq!(timeout(LIMIT, hears_too.next()).await.unwrap(), Some(Signal::Accounts));
    // More at once than the line holds.
    for id in 1..=40 {
        bench.signals.send(Signal::New { id: NotificationId(id) }).unwrap();
    }
    assert_eq!(timeout(LIMIT, hears.next()).await.unwrap(), Some(Signal::Missed));
    let mut last = None;
    while last != Some(Signal::New { id: NotificationId(40) }) {
        last = Some(timeout(LIMIT, hears.next()).await.unwrap().unwrap());
    }
}

#[tokio::test]
async fn a_face_that_asked_for_no_signals_gets_none() {
    let bench = Bench::start().await;
    let mut raw = Raw::greeted(&bench.paths().socket()).await;
    let other = bench.face().await;
    let mut hears = other.signals().await.unwrap();
    bench.signals.send(Signal::Accounts).unwrap();
    assert_eq!(timeout(LIMIT, hears.next()).await.unwrap(), Some(Signal::Accounts));
    raw.say(r#"{"jsonrpc":"2.0","id":5,"method":"why","params":{"id":7}}"#).await;
    assert_eq!(raw.hear().await.unwrap()["id"], 5);
}

#[tokio::test]
async fn a_resident_that_stops_is_reported_in_words_and_leaves_no_socket() {
    let mut bench = Bench::start().await;
    let face = bench.face().await;
    let mut hears = face.signals().await.unwrap();
    let asked = why(&face, 1);
    let stopping = async {
        bench.begun.acquire().await.unwrap().forget();
        bench.server.take().unwrap().stop().await;
    };
    let (asked, ()) = tokio::join!(asked, stopping);
    assert!(asked.unwrap_err().words.contains("has stopped"));
    assert_eq!(timeout(LIMIT, hears.next()).await.unwrap(), None);
    assert!(why(&face, 7).await.unwrap_err().words.contains("has stopped"));
    assert!(!bench.paths().socket().exists());
    assert!(Client::connect(&bench.paths()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_face_of_another_version_is_sent_away_in_words() {
    let bench = Bench::start().await;
    let mut raw = bench.raw().await;
    raw.say(r#"{"jsonrpc":"2.0","method":"hello","params":{"protocol":9,"version":"0.2.0"}}"#).await;
    assert_eq!(raw.hear().await.unwrap()["method"], "hello");
    let said = raw.hear().await;
    assert!(words(&said).contains("is of another version (0.2.0"), "{said:?}");
    assert_eq!(raw.hear().await, None);
}

#[tokio::test]
async fn a_resident_of_another_version_is_told_apart_in_words() {
    let home = home();
    let paths = Paths::under(home.path());
    let listener = tokio::net::UnixListener::bind(paths.socket()).unwrap();
    let resident = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let hello = br#"{"jsonrpc":"2.0","method":"hello","params":{"protocol":2,"version":"0.2.0"}}"#;
        stream.write_all(hello).await.unwrap();
        stream.write_all(b"\n").await.unwrap();
        stream
    };
    let (trouble, _stream) = tokio::join!(Client::connect(&paths), resident);
    let words = trouble.unwrap_err().words;
    assert!(words.starts_with("the running Belfry is of another version (0.2.0"), "{words}");
    assert!(words.ends_with("restart it"), "{words}");
}

#[tokio::test]
async fn whatever_else_listens_there_is_not_taken_for_belfry() {
    let home = home();
    let paths = Paths::under(home.path());
    let listener = tokio::net::UnixListener::bind(paths.socket()).unwrap();
    let resident = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\n").await.unwrap();
        stream
    };
    let (trouble, _stream) = tokio::join!(Client::connect(&paths), resident);
    assert!(trouble.unwrap_err().words.contains("is not Belfry"));
}

#[tokio::test]
async fn a_face_that_does_not_greet_is_sent_away() {
    let bench = Bench::start().await;
    let mut raw = bench.raw().await;
    raw.say(r#"{"jsonrpc":"2.0","id":1,"method":"overview"}"#).await;
    raw.hear().await;
    assert!(words(&raw.hear().await).contains("must be a greeting"));
    assert_eq!(raw.hear().await, None);
}

#[tokio::test]
async fn garbage_is_answered_and_the_next_request_works() {
    let bench = Bench::start().await;
    let mut raw = Raw::greeted(&bench.paths().socket()).await;
    for (line, code) in [("\u{0}{{{", -32700), (r#"{"jsonrpc":"2.0","id":1,"method":"format_disk"}"#, -32601)]
    {
        raw.say(line).await;
        assert_eq!(raw.hear().await.unwrap()["error"]["code"], code, "{line:?}");
    }
    raw.0.write_all(b"\xff\xfe\n").await.unwrap();
    assert_eq!(raw.hear().await.unwrap()["error"]["code"], -32700);
    raw.say(r#"{"jsonrpc":"2.0","id":"x","method":"why","params":{"id":7}}"#).await;
    let answer = raw.hear().await.unwrap();
    assert_eq!((&answer["id"], &answer["result"]["id"]), (&json!("x"), &json!(7)));
}

#[tokio::test]
async fn a_line_beyond_the_limit_ends_its_connection_and_no_other() {
    let bench = Bench::start().await;
    let face = bench.face().await;
    let mut raw = Raw::greeted(&bench.paths().socket()).await;
    // The server may close before all of it is written.
    let _ = raw.0.write_all(&vec![b'x'; LONGEST_LINE + 100_000]).await;
    let said = raw.hear().await;
    assert!(said.is_none() || words(&said).contains("longer than"), "{said:?}");
    assert_eq!(raw.hear().await, None);
    assert_eq!(why(&face, 7).await.unwrap().id.0, 7);
}

#[tokio::test]
async fn half_a_line_and_then_silence_ends_the_connection_but_silence_alone_does_not() {
    let bench = Bench::start().await;
    let mut silent = Raw::greeted(&bench.paths().socket()).await;
    let mut half = Raw::greeted(&bench.paths().socket()).await;
    half.0.write_all(br#"{"jsonrpc":"2.0","#).await.unwrap();
    assert!(words(&half.hear().await).contains("not finished"));
    assert_eq!(half.hear().await, None);
    silent.say(r#"{"jsonrpc":"2.0","id":1,"method":"why","params":{"id":7}}"#).await;
    assert_eq!(silent.hear().await.unwrap()["result"]["id"], 7);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_told_in_words() {
    let bench = Bench::start().await;
    let face = bench.face().await;
    assert!(why(&face, 3).await.unwrap_err().words.contains("ask for fewer"));
    assert_eq!(why(&face, 7).await.unwrap().id.0, 7);
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused_and_the_others_answered() {
    let bench = Bench::start().await;
    let mut raw = Raw::greeted(&bench.paths().socket()).await;
    for id in 0..=MOST_OUTSTANDING {
        raw.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"why","params":{{"id":1}}}}"#)).await;
    }
    let refused = raw.hear().await;
    assert!(words(&refused).contains("too many requests"), "{refused:?}");
    assert_eq!(refused.unwrap()["id"], MOST_OUTSTANDING);
    bench.permits.add_permits(MOST_OUTSTANDING);
    for _ in 0..MOST_OUTSTANDING {
        assert_eq!(raw.hear().await.unwrap()["result"]["id"], 1);
    }
}

#[tokio::test]
async fn too_many_connections_are_refused_in_words_until_one_closes() {
    let bench = Bench::start().await;
    let mut faces = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        faces.push(Raw::greeted(&bench.paths().socket()).await);
    }
    let mut refused = bench.raw().await;
    assert_eq!(refused.hear().await.unwrap()["method"], "hello");
    assert!(words(&refused.hear().await).contains("too many programs"));
    assert_eq!(refused.hear().await, None);
    faces.pop();
    let waiting = async {
        loop {
            let mut raw = bench.raw().await;
            raw.say(r#"{"jsonrpc":"2.0","method":"hello","params":{"protocol":1,"version":"test"}}"#).await;
            raw.say(r#"{"jsonrpc":"2.0","id":1,"method":"why","params":{"id":7}}"#).await;
            raw.hear().await;
            if raw.hear().await.is_some_and(|said| said["result"]["id"] == 7) {
                return;
            }
        }
    };
    timeout(LIMIT, waiting).await.expect("a free place");
}

#[tokio::test]
async fn a_socket_left_by_a_dead_resident_is_replaced() {
    let home = home();
    let paths = Paths::under(home.path());
    drop(std::os::unix::net::UnixListener::bind(paths.socket()).unwrap());
    assert!(paths.socket().exists());
    assert!(Client::connect(&paths).await.unwrap().is_none(), "nobody answers there");
    let (signals, _) = broadcast::channel(1);
    let answering = Answering::by(|_| Box::pin(async { told(1, "") }), move || signals.subscribe());
    let server = serve(answering, &paths).await.unwrap();
    assert!(Client::connect(&paths).await.unwrap().is_some());
    server.stop().await;
}

#[tokio::test]
async fn the_socket_of_a_running_resident_is_left_alone() {
    let mut bench = Bench::start().await;
    let (signals, _) = broadcast::channel(1);
    let answering = Answering::by(|_| Box::pin(async { told(1, "") }), move || signals.subscribe());
    let trouble = serve(answering, &bench.paths()).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Occupied);
    assert_eq!(why(&bench.face().await, 7).await.unwrap().id.0, 7);
    bench.stop().await;
}

#[tokio::test]
async fn another_file_in_the_sockets_place_is_kept_and_reported() {
    let home = home();
    let paths = Paths::under(home.path());
    std::fs::write(paths.socket(), "precious").unwrap();
    let (signals, _) = broadcast::channel(1);
    let answering = Answering::by(|_| Box::pin(async { told(1, "") }), move || signals.subscribe());
    assert!(serve(answering, &paths).await.unwrap_err().words.contains("something else"));
    assert_eq!(std::fs::read_to_string(paths.socket()).unwrap(), "precious");
}

#[tokio::test]
async fn the_socket_is_the_owners_alone() {
    let bench = Bench::start().await;
    let socket = bench.paths().socket();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let home = home();
    let run = home.path().join("run");
    std::fs::set_permissions(&run, PermissionsExt::from_mode(0o755)).unwrap();
    let (signals, _) = broadcast::channel(1);
    let answering = Answering::by(|_| Box::pin(async { told(1, "") }), move || signals.subscribe());
    let trouble = serve(answering, &Paths::under(home.path())).await.unwrap_err();
    assert!(trouble.words.contains("open to others"), "{trouble}");
}

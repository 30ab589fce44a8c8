//! Catching up against a server that says what a test wants, and an engine that keeps what it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::api::{Api, PAGE};
use super::catch_up::{CatchUp, CaughtUp};
use super::normalize::FAMILY;
use super::taking::Taking;
use crate::account::{AccountId, CloudappSettings};
use crate::env::tasks::Task;
use crate::env::{Clock, Env, Http, Opener, Paths, Secrets, Tasks};
use crate::link::Failure;
use crate::notification::{Arrival, Notification};
use crate::source::auth::digest::Digest;
use crate::source::auth::scripted::{Asked, Scripted};
use crate::source::{Outbox, Report, Which};

#[derive(Debug, Default)]
struct Kept {
    rows: BTreeMap<String, Notification>,
    arrivals: Vec<(String, Arrival)>,
    late: Vec<String>,
    cursors: usize,
}

/// A server, an account and an engine.
struct Bench {
    server: Scripted,
    api: Api,
    taking: Taking,
    kept: Arc<Mutex<Kept>>,
    _engine: Task,
    _home: tempfile::TempDir,
}

impl Bench {
    fn of(script: impl Fn(&Asked, usize) -> String + Send + Sync + 'static) -> Self {
        let server = Scripted::start(script);
        let home = tempfile::tempdir().unwrap();
        let env = Env {
            clock: Clock::system(),
            http: Http::new().unwrap(),
            secrets: Arc::new(Secrets::memory()),
            paths: Arc::new(Paths::under(home.path())),
            opener: Arc::new(Opener::default()),
        };
        let settings = CloudappSettings::at(server.base.parse().unwrap(), "ada@example.com");
        let api = Api::new(&env, &settings, Digest::new("ada@example.com", "secret".into()));
        let (outbox, mut reports, _) = Outbox::new();
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let keeping = kept.clone();
        let engine = Tasks::start("engine", async move {
            while let Some(report) = reports.recv().await {
                keep(&mut keeping.lock().unwrap(), report);
            }
        });
        let account = AccountId::new("cloudapp").unwrap();
        let taking = Taking::new(outbox.reports().clone(), account, Some("Ada".into()), env.clock.clone());
        Self { server, api, taking, kept, _engine: engine, _home: home }
    }

    async fn catch_up(
        &self,
        since: Option<Timestamp>,
        known: Option<&str>,
        live: bool,
    ) -> Result<CaughtUp, Failure> {
        let (api, taking) = (self.api.clone(), self.taking.clone());
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        CatchUp { api, taking, now, since, known: known.map(ToOwned::to_owned), live }.run().await
    }

    fn titles(&self) -> Vec<String> {
        self.kept.lock().unwrap().rows.values().map(|row| row.title.clone()).collect()
    }

    fn asked_for(&self, of: &str) -> usize {
        self.server.asked().iter().filter(|asked| asked.line().contains(of)).count()
    }
}

fn keep(kept: &mut Kept, report: Report) {
    match report {
        Report::Deliver { notifications, arrival, cursor, late, kept: answer } => {
            for one in notifications {
                if late {
                    kept.late.push(one.title.clone());
                }
                kept.arrivals.push((one.title.clone(), arrival));
                kept.rows.insert(one.external_id.clone(), one);
            }
            kept.cursors += usize::from(cursor.is_some());
            answer.send(Ok(())).unwrap();
        }
        Report::Kept { which: Which::One { external_id }, answer } => {
            answer.send(Ok(kept.rows.get(&external_id).cloned().into_iter().collect())).unwrap();
        }
        Report::Kept { which: Which::Family { family, since, .. }, answer } => {
            assert_eq!(family, FAMILY);
            let of = |row: &&Notification| since.is_none_or(|since| row.occurred_at >= since);
            answer.send(Ok(kept.rows.values().filter(of).cloned().collect())).unwrap();
        }
        report => panic!("{report:?}"),
    }
}

fn item(id: usize) -> Value {
    let at = Timestamp::from_second(1_700_000_000 + i64::try_from(id).unwrap() * 60).unwrap().to_string();
    json!({"href": format!("/items/{id:03}"), "name": format!("{id:03}"), "created_at": at, "updated_at": at, "deleted_at": null})
}

/// The page that was asked for, of items from the newest on.
fn page_of(all: &[Value], asked: &Asked) -> String {
    let number: usize =
        asked.line().split("page=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    let page: Vec<&Value> = all.iter().rev().skip((number - 1) * PAGE).take(PAGE).collect();
    says(&json!(page), "")
}

fn says(body: &Value, headers: &str) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

fn is_trash(asked: &Asked) -> bool {
    asked.line().contains("deleted=true")
}

fn long_ago() -> Option<Timestamp> {
    Timestamp::from_second(1_600_000_000).ok()
}

#[tokio::test]
async fn what_slips_from_page_to_page_while_they_are_read_is_not_taken_for_deleted() {
    let all: Vec<Value> = (1..=120).map(item).collect();
    let without: Vec<Value> = all.iter().filter(|one| one["name"] != "100").cloned().collect();
    let gone = Arc::new(Mutex::new(usize::MAX));
    let (gone_at, whole) = (gone.clone(), all.clone());
    let bench = Bench::of(move |asked, n| match n {
        _ if is_trash(asked) => says(&json!([]), ""),
        // Right after the first page was read, an item of it goes for good.
        n if n > *gone_at.lock().unwrap() => page_of(&without, asked),
        _ => page_of(&whole, asked),
    });
    bench.catch_up(long_ago(), None, false).await.unwrap();
    assert_eq!(bench.titles().len(), 120);
    *gone.lock().unwrap() = bench.server.asked().len();
    bench.catch_up(long_ago(), None, false).await.unwrap();
    let deleted =
        || -> Vec<String> { bench.titles().into_iter().filter(|title| title.contains("deleted")).collect() };
    assert!(
        deleted().is_empty(),
        "the 70th slipped, and the 100th was there when its page was read: {:?}",
        deleted()
    );
    bench.catch_up(long_ago(), None, false).await.unwrap();
    assert_eq!(deleted(), ["Ada's 100 was deleted"]);
    assert_eq!(bench.kept.lock().unwrap().arrivals.len(), 121, "nothing else was told");
}

#[tokio::test]
async fn a_server_that_knows_no_pages_is_read_once_and_nothing_is_taken_for_deleted() {
    let bench = Bench::of(|asked, _| {
        let page: Vec<Value> =
            if is_trash(asked) { Vec::new() } else { (71..=120).rev().map(item).collect() };
        says(&json!(page), "")
    });
    bench.catch_up(None, None, false).await.unwrap();
    let older: Notification = {
        let mut kept = bench.kept.lock().unwrap();
        let mut older = kept.rows["item/071"].clone();
        older.external_id = "item/005".into();
        older.raw = item(5).to_string();
        kept.rows.insert(older.external_id.clone(), older.clone());
        older
    };
    bench.catch_up(long_ago(), None, false).await.unwrap();
    assert_eq!(bench.kept.lock().unwrap().rows["item/005"], older);
    assert!(bench.titles().iter().all(|title| !title.contains("deleted")));
}

#[tokio::test]
async fn a_page_that_is_as_it_was_is_not_read_again() {
    let bench = Bench::of(|asked, _| {
        if is_trash(asked) {
            return says(&json!([]), "");
        }
        if asked.header("if-none-match") == Some("\"one\"") {
            return "HTTP/1.1 304 Not Modified\r\n\r\n".into();
        }
        page_of(&(1..=60).map(item).collect::<Vec<_>>(), asked).replacen("\r\n", "\r\netag: \"one\"\r\n", 1)
    });
    let caught_up = bench.catch_up(None, None, false).await.unwrap();
    assert_eq!(caught_up.known.as_deref(), Some("\"one\""));
    let before = bench.server.asked().len();
    let again = bench.catch_up(Some(caught_up.cursor), caught_up.known.as_deref(), true).await.unwrap();
    assert_eq!((again.known, again.cursor), (caught_up.known, caught_up.cursor));
    assert_eq!(bench.server.asked().len() - before, 2, "one page and the trash");
    assert_eq!(bench.kept.lock().unwrap().cursors, 1, "a cursor that stands is not written again");
}

#[tokio::test]
async fn what_the_stream_should_have_told_is_found_late_and_what_it_may_yet_tell_is_not() {
    let bench = Bench::of(|asked, n| {
        let mut all: Vec<Value> = (1..=2).map(item).collect();
        if n >= 3 {
            all[0]["view_counter"] = json!(7);
            all.extend([item(3), item(4)]);
        }
        // Two seconds after the newest was made.
        let now = Timestamp::from_second(1_700_000_000 + 4 * 60 + 2).unwrap();
        let date = now.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string();
        if is_trash(asked) {
            says(&json!([]), &date)
        } else {
            page_of(&all, asked).replacen("\r\n", &format!("\r\n{date}"), 1)
        }
    });
    let caught_up = bench.catch_up(None, None, false).await.unwrap();
    while bench.server.asked().len() < 3 {
        bench.api.items(1, false, None).await.unwrap();
    }
    bench.catch_up(Some(caught_up.cursor), None, true).await.unwrap();
    let kept = bench.kept.lock().unwrap();
    assert_eq!(kept.late, ["Ada's 003 is up"]);
    let told: Vec<_> =
        kept.arrivals.iter().skip(2).map(|(title, arrival)| (title.as_str(), *arrival)).collect();
    assert_eq!(
        told,
        [
            ("Ada's 003 is up", Arrival::Backlog),
            ("Ada's 001 is up", Arrival::Live),
            ("Ada's 004 is up", Arrival::Live)
        ]
    );
}

#[tokio::test]
async fn a_catch_up_goes_no_further_back_than_it_must() {
    let all: Vec<Value> = (1..=400).map(item).collect();
    let bench =
        Bench::of(move |asked, _| if is_trash(asked) { says(&json!([]), "") } else { page_of(&all, asked) });
    let caught_up = bench.catch_up(None, None, false).await.unwrap();
    assert_eq!((bench.titles().len(), bench.asked_for("/items")), (100, 2));
    bench.catch_up(Some(caught_up.cursor), None, false).await.unwrap();
    assert_eq!(bench.asked_for("/items"), 4, "one page and the trash");
}

#[tokio::test]
async fn a_failure_on_the_way_moves_no_cursor() {
    let all: Vec<Value> = (1..=120).map(item).collect();
    let bench = Bench::of(move |asked, _| {
        if asked.line().contains("page=2") {
            "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n".into()
        } else {
            page_of(&all, asked)
        }
    });
    let failed = bench.catch_up(None, None, false).await;
    assert!(matches!(failed, Err(Failure::Transient { .. })));
    assert_eq!((bench.titles().len(), bench.kept.lock().unwrap().cursors), (50, 0));
}

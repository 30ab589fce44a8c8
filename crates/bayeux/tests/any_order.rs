//! Whatever comes in, in whatever order: the machine keeps its promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bayeux::{Config, Error, Event, Input, Output, Session, TransportKind};
use proptest::prelude::*;
use serde_json::{Value, json};

/// One thing that may happen.
#[derive(Debug, Clone)]
enum Step {
    Opened,
    CannotOpen,
    Lost,
    /// Answers the oldest or newest request that waits, well or badly, perhaps with advice and an event.
    Answer {
        newest: bool,
        good: bool,
        advice: usize,
        error: usize,
        event: bool,
        strip_id: bool,
    },
    /// Something nobody asked for.
    Garbage(String),
    /// An empty response, perhaps to a request of ours.
    Stray(u64),
    /// Time goes by, in milliseconds.
    Pass(u64),
    /// Time goes by until the next deadline.
    ToDeadline,
    Subscribe(u8),
    Want(u8),
    Unsubscribe(u8),
    Publish,
    Probe,
    Confirm,
    Disconnect,
    /// The connection is given up and another begins.
    Resume,
}

const ADVICE: [&str; 9] = [
    "null",
    r#"{"reconnect":"retry","interval":0,"timeout":45000}"#,
    r#"{"reconnect":"retry","interval":5000}"#,
    r#"{"reconnect":"handshake"}"#,
    r#"{"reconnect":"none"}"#,
    r#"{"interval":-1}"#,
    r#"{"timeout":0,"interval":0}"#,
    r#"{"timeout":1e308,"interval":1e308}"#,
    r#"{"websocket":{"reconnect":"handshake"},"hosts":["evil.example"]}"#,
];
const ERRORS: [&str; 4] = ["401:x:Unknown client", "402::session_unknown", "Incorrect signature.", ""];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let answer = (
        any::<bool>(),
        prop::bool::weighted(0.8),
        0..ADVICE.len() * 3,
        0..ERRORS.len(),
        any::<bool>(),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(newest, good, advice, error, event, strip_id)| Step::Answer {
            newest,
            good,
            advice,
            error,
            event,
            strip_id,
        });
    let garbage = prop_oneof![
        ".{0,40}",
        Just("[{}]".to_owned()),
        Just(r#"[{"successful":true}]"#.to_owned()),
        Just(r#"[{"channel":"/meta/connect","successful":true}]"#.to_owned()),
        Just(r#"[{"channel":"/meta/handshake","successful":true,"clientId":"evil"}]"#.to_owned()),
        Just(r#"[{"channel":"/c/1","data":null},{"channel":"/meta/subscribe","successful":false,"error":"unknown client"}]"#.to_owned()),
    ];
    let step = prop_oneof![
        4 => Just(Step::Opened),
        1 => Just(Step::CannotOpen),
        1 => Just(Step::Lost),
        20 => answer,
        1 => garbage.prop_map(Step::Garbage),
        1 => (0..50_u64).prop_map(Step::Stray),
        4 => (0..60_000_u64).prop_map(Step::Pass),
        6 => Just(Step::ToDeadline),
        4 => (0..4_u8).prop_map(Step::Subscribe),
        2 => (0..4_u8).prop_map(Step::Want),
        1 => (0..4_u8).prop_map(Step::Unsubscribe),
        1 => Just(Step::Publish),
        1 => Just(Step::Probe),
        2 => Just(Step::Confirm),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Resume),
    ];
    // Most runs begin well, so that they get somewhere.
    prop::collection::vec(step, 1..80).prop_map(|mut steps| {
        steps.insert(0, Step::Opened);
        steps
    })
}

struct Run {
    session: Option<Session>,
    config: Config,
    now: Instant,
    waiting: Vec<(u64, Value)>,
    /// How many subscriptions the caller has asked for, per channel, and not yet seen sent.
    asked: BTreeMap<String, u32>,
    known_ids: Vec<String>,
    made: u32,
    open: bool,
    http: bool,
    ended: bool,
}

impl Run {
    fn new(config: Config) -> Self {
        let http = config.transports[0] == TransportKind::LongPolling;
        let session = Some(Session::new(config.clone(), None).unwrap());
        let now = Instant::now();
        let mut run = Self {
            session,
            config,
            now,
            waiting: vec![],
            asked: BTreeMap::new(),
            known_ids: vec![],
            made: 0,
            open: false,
            http,
            ended: false,
        };
        run.drain();
        run
    }

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().unwrap()
    }

    fn step(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Opened => {
                self.open = true;
                self.input(Input::Opened);
            }
            Step::CannotOpen if !self.open => self.input(Input::CannotOpen(Error::Network("no".to_owned()))),
            Step::CannotOpen => {}
            Step::Lost => self.input(Input::Lost(Error::Network("gone".to_owned()))),
            Step::Answer { newest, good, advice, error, event, strip_id } => {
                let Some(at) = (if newest { self.waiting.len().checked_sub(1) } else { Some(0) }) else {
                    return;
                };
                if at < self.waiting.len() {
                    self.answer(at, good, advice, error, event, strip_id);
                }
            }
            Step::Garbage(text) => {
                if text.contains("evil") {
                    self.known_ids.push("evil".to_owned());
                }
                self.input(Input::Received { request: None, text: &text });
            }
            Step::Stray(number) => {
                self.waiting.retain(|(sent, _)| *sent != number);
                self.input(Input::Received { request: Some(number), text: "[]" });
            }
            Step::Pass(ms) => {
                self.now += Duration::from_millis(ms);
                self.input(Input::Tick);
            }
            Step::ToDeadline => {
                if let Some(deadline) = self.session().deadline() {
                    self.now = deadline.max(now);
                    self.input(Input::Tick);
                }
            }
            Step::Subscribe(n) => {
                let channel = format!("/c/{n}");
                if !self.ended {
                    *self.asked.entry(channel.clone()).or_default() += 1;
                }
                self.session().subscribe(&channel, Some(json!({"sig": n})), now).unwrap();
            }
            Step::Want(n) => self.session().want(&format!("/c/{n}")).unwrap(),
            Step::Unsubscribe(n) => self.session().unsubscribe(&format!("/c/{n}"), now),
            Step::Publish => drop(self.session().publish("/p", json!(1), None, now).unwrap()),
            Step::Probe => self.session().probe(Duration::from_secs(5), now),
            Step::Confirm => self.ended |= self.session().confirm(now).is_err(),
            Step::Disconnect => self.session().disconnect(now),
            Step::Resume => {
                let resume = self.session.take().unwrap().into_resume();
                self.session = Some(Session::new(self.config.clone(), Some(resume)).unwrap());
                self.waiting.clear();
                self.asked.clear();
                self.open = false;
                self.ended = false;
            }
        }
        self.drain();
        self.check_deadline();
    }

    fn answer(&mut self, at: usize, good: bool, advice: usize, error: usize, event: bool, strip_id: bool) {
        let (number, messages) = self.waiting.remove(at);
        let mut body = vec![];
        for message in messages.as_array().unwrap() {
            let mut reply = json!({"channel": message["channel"], "id": message["id"], "successful": good});
            if message["channel"] == "/meta/handshake" && good {
                self.made += 1;
                reply["clientId"] = json!(format!("id{}", self.made));
                self.known_ids.push(format!("id{}", self.made));
                reply["ext"] = json!({"ack": true});
            }
            if message["channel"] == "/meta/connect" {
                reply["ext"] = json!({"ack": number});
            }
            if !good {
                reply["error"] = json!(ERRORS[error]);
            }
            // Most answers come without surprises.
            if advice < ADVICE.len() {
                reply["advice"] = serde_json::from_str(ADVICE[advice]).unwrap();
            }
            if strip_id {
                reply.as_object_mut().unwrap().remove("id");
            }
            body.push(reply);
        }
        if event {
            body.push(json!({"channel": "/c/1", "data": 1}));
        }
        let request = self.http.then_some(number);
        self.input(Input::Received { request, text: &Value::Array(body).to_string() });
    }

    fn input(&mut self, input: Input<'_>) {
        let (now, ended) = (self.now, self.ended);
        let result = self.session().handle(input, now);
        assert!(!ended || result.is_err(), "an ended session stays ended");
        if let Err(error) = &result {
            assert!(!format!("{error} {error:?}").contains("id1"), "no client id in an error");
        }
        self.ended |= result.is_err();
    }

    fn drain(&mut self) {
        while let Some(output) = self.session().poll() {
            match output {
                Output::Open(kind) => {
                    self.open = false;
                    self.http = kind == TransportKind::LongPolling;
                    self.waiting.clear();
                }
                Output::Abandon(number) => self.waiting.retain(|(sent, _)| *sent != number),
                Output::Send(request) => self.sent(request.number, &request.body),
                Output::Event(Event::Connected { .. }) => assert!(!self.known_ids.is_empty()),
                Output::Event(_) => {}
            }
        }
        self.ended |= self.session().has_ended();
    }

    fn sent(&mut self, number: u64, body: &str) {
        assert!(self.open, "nothing is sent before the transport is open");
        let messages: Value = serde_json::from_str(body).unwrap();
        let all = messages.as_array().unwrap().clone();
        for message in &all {
            let channel = message["channel"].as_str().unwrap();
            if channel == "/meta/handshake" || channel == "/meta/connect" {
                assert_eq!(all.len(), 1, "{channel} travels alone");
            }
            if channel != "/meta/handshake" {
                let id = message["clientId"].as_str().expect("a client id");
                assert!(
                    self.known_ids.iter().any(|known| known == id) || id == "evil",
                    "before any handshake"
                );
            }
            if channel == "/meta/subscribe" {
                let left = self.asked.get_mut(message["subscription"].as_str().unwrap()).expect("asked for");
                assert!(*left > 0, "an ext is used once");
                *left -= 1;
            }
        }
        self.waiting.push((number, messages));
        if self.http {
            let connects =
                self.waiting.iter().filter(|(_, all)| all[0]["channel"] == "/meta/connect").count();
            assert!(connects <= 1, "two connects at once");
            assert!(self.waiting.len() <= 2, "three requests at once");
        }
    }

    fn check_deadline(&mut self) {
        let now = self.now;
        if self.ended {
            assert_eq!(self.session().deadline(), None);
            return;
        }
        // After an input everything that was due has been done.
        self.session().handle(Input::Tick, now).map_or_else(|_| self.ended = true, |()| {});
        self.drain();
        if let Some(deadline) = self.session().deadline() {
            assert!(deadline > now, "a deadline that does not lie ahead would spin");
        }
    }
}

fn config(transports: Vec<TransportKind>, ack: bool) -> Config {
    let mut config = Config::new("http://127.0.0.1:1/".parse().unwrap());
    config.transports = transports;
    config.ack = ack;
    config
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn promises_hold_in_any_order(steps in steps(), websocket in any::<bool>(), both in any::<bool>(), ack in any::<bool>()) {
        let mut transports = vec![TransportKind::LongPolling, TransportKind::WebSocket];
        if websocket {
            transports.reverse();
        }
        if !both {
            transports.truncate(1);
        }
        let mut run = Run::new(config(transports, ack));
        for step in steps {
            run.step(step);
        }
    }

    #[test]
    fn any_text_is_an_answer_or_an_error_and_never_a_panic(texts in prop::collection::vec("\\PC{0,200}|[\\[\\]{}\",:a-z0-9\\\\ ]{0,80}", 1..6)) {
        let now = Instant::now();
        for text in texts {
            let mut session = Session::new(config(vec![TransportKind::LongPolling], false), None).unwrap();
            session.handle(Input::Opened, now).unwrap();
            drop(session.handle(Input::Received { request: None, text: &text }, now));
        }
    }

    #[test]
    fn valid_messages_with_any_values_never_panic(
        fields in prop::collection::btree_map(
            prop::sample::select(vec!["channel", "id", "clientId", "successful", "data", "error", "advice", "subscription", "ext", "supportedConnectionTypes", "x"]),
            prop::sample::select(vec!["null", "true", "1", "-1e999", "\"\"", "\"/meta/connect\"", "\"/meta/handshake\"", "\"1\"", "[]", "{}", "[1,\"long-polling\"]",
                "{\"ack\":{\"enabled\":true,\"batch\":-9e99}}", "{\"reconnect\":7,\"interval\":\"x\",\"timeout\":-0.0}"]),
            0..9,
        )
    ) {
        let inner: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let text = format!("[{{{}}}]", inner.join(","));
        let now = Instant::now();
        let mut session = Session::new(config(vec![TransportKind::LongPolling], true), None).unwrap();
        session.handle(Input::Opened, now).unwrap();
        drop(session.handle(Input::Received { request: None, text: &text }, now));
    }
}

//! Whatever comes in, in whatever order: the machine keeps its promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use pusher::{Authorization, Config, Error, Event, Input, Output, Retry, Session, SharedSecret};
use serde_json::{Value, json};

const CHANNELS: [&str; 6] =
    ["news", "cache-news", "private-a", "private-b", "presence-a", "private-encrypted-a"];
const SIGNATURE: &str = "k:0123456789abcdef0123456789abcdef";

/// One thing that may happen.
#[derive(Debug, Clone)]
enum Step {
    Opened,
    Greet,
    Lost,
    Closed(Option<u16>),
    /// The server says something about a channel.
    About(usize, usize),
    Complain(Option<u16>),
    Garbage(String),
    Binary,
    Alive,
    /// Time goes by, in milliseconds.
    Pass(u64),
    ToDeadline,
    Want(usize),
    Unwant(usize),
    /// For today's socket id, or for an older one.
    Authorize(usize, bool),
    GiveUp(usize, bool),
    Trigger(usize),
    Probe,
    /// The connection is given up, if it is not over, and another begins.
    Resume,
}

const ABOUT: [&str; 9] = [
    "pusher_internal:subscription_succeeded",
    "pusher_internal:subscription_succeeded",
    "pusher:subscription_error",
    "pusher_internal:member_added",
    "pusher_internal:member_removed",
    "pusher:cache_miss",
    "pusher:unknown",
    "client-x",
    "e",
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let channel = || 0..CHANNELS.len();
    let code = || {
        prop_oneof![
            Just(None),
            (4000..4400_u16).prop_map(Some),
            any::<u16>().prop_map(Some),
            Just(Some(4200))
        ]
    };
    let garbage = prop_oneof![
        ".{0,40}",
        Just("{}".to_owned()),
        Just(r#"{"event":{},"channel":[],"data":7}"#.to_owned()),
        Just(r#"{"event":"pusher:error"}"#.to_owned()),
        Just(r#"{"event":"pusher:connection_established","data":"{}"}"#.to_owned()),
        Just(r#"{"event":"pusher_internal:member_added","channel":"presence-a"}"#.to_owned()),
    ];
    let step = prop_oneof![
        3 => Just(Step::Opened),
        4 => Just(Step::Greet),
        1 => Just(Step::Lost),
        2 => code().prop_map(Step::Closed),
        20 => (channel(), 0..ABOUT.len()).prop_map(|(channel, what)| Step::About(channel, what)),
        1 => code().prop_map(Step::Complain),
        1 => garbage.prop_map(Step::Garbage),
        1 => Just(Step::Binary),
        1 => Just(Step::Alive),
        4 => (0..70_000_u64).prop_map(Step::Pass),
        3 => Just(Step::ToDeadline),
        6 => channel().prop_map(Step::Want),
        2 => channel().prop_map(Step::Unwant),
        8 => (channel(), prop::bool::weighted(0.8)).prop_map(|(channel, fresh)| Step::Authorize(channel, fresh)),
        1 => (channel(), any::<bool>()).prop_map(|(channel, fresh)| Step::GiveUp(channel, fresh)),
        1 => channel().prop_map(Step::Trigger),
        1 => Just(Step::Probe),
        3 => Just(Step::Resume),
    ];
    // Most runs begin well, so that they get somewhere.
    prop::collection::vec(step, 1..120).prop_map(|mut steps| {
        steps.splice(0..0, [Step::Opened, Step::Greet]);
        steps
    })
}

struct Run {
    session: Option<Session>,
    config: Config,
    now: Instant,
    made: u32,
    socket_id: Option<String>,
    wanted: BTreeSet<&'static str>,
    /// Authorisations asked for and not answered, of this connection.
    asked: BTreeMap<String, u32>,
    /// Channels that were authorised for today's socket id.
    signed: BTreeSet<String>,
    /// Channels about which the caller has said anything on this connection.
    answered: BTreeSet<String>,
    connected: Option<Instant>,
    ended: bool,
    /// How often in a row "at once" was the answer to a quick failure.
    at_once: u32,
}

fn needs_authorization(channel: &str) -> bool {
    channel.starts_with("private-") || channel.starts_with("presence-")
}

impl Run {
    fn new() -> Self {
        let config = Config::at(&"http://127.0.0.1:1".parse().unwrap(), "k").unwrap();
        let mut run = Self {
            session: Some(Session::new(config.clone(), None)),
            config,
            now: Instant::now(),
            made: 0,
            socket_id: None,
            wanted: BTreeSet::new(),
            asked: BTreeMap::new(),
            signed: BTreeSet::new(),
            answered: BTreeSet::new(),
            connected: None,
            ended: false,
            at_once: 0,
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
            Step::Opened => self.input(Input::Opened),
            Step::Greet => {
                self.made += 1;
                let data =
                    json!({"socket_id": format!("7.{}", self.made), "activity_timeout": 30}).to_string();
                self.hear(&json!({"event": "pusher:connection_established", "data": data}));
            }
            Step::Lost => self.input(Input::Lost(Error::Network("gone".to_owned()))),
            Step::Closed(code) => self.input(Input::Closed { code, reason: "words" }),
            Step::About(channel, what) => {
                let data = match ABOUT[what] {
                    "pusher:subscription_error" => {
                        json!({"status": 401, "error": format!("got {SIGNATURE}")})
                    }
                    "pusher_internal:member_added" => json!(r#"{"user_id":"3"}"#),
                    "pusher_internal:member_removed" => json!({"user_id": 3}),
                    _ => json!("{}"),
                };
                self.hear(&json!({"event": ABOUT[what], "channel": CHANNELS[channel], "data": data}));
            }
            Step::Complain(code) => {
                let message = format!("{} and {SIGNATURE}", CHANNELS[2]);
                self.hear(&json!({"event": "pusher:error", "data": {"code": code, "message": message}}));
            }
            Step::Garbage(text) => self.input(Input::Received(&text)),
            Step::Binary => self.input(Input::Binary),
            Step::Alive => self.input(Input::Alive),
            Step::Pass(ms) => {
                self.now += Duration::from_millis(ms);
                self.input(Input::Tick);
            }
            Step::ToDeadline => {
                if let Some(deadline) = self.session().deadline() {
                    self.now = self.now.max(deadline);
                    self.input(Input::Tick);
                }
            }
            Step::Want(channel) => {
                self.wanted.insert(CHANNELS[channel]);
                self.session().want(CHANNELS[channel], now).unwrap();
            }
            Step::Unwant(channel) => {
                self.wanted.remove(CHANNELS[channel]);
                self.asked.remove(CHANNELS[channel]);
                self.answered.remove(CHANNELS[channel]);
                self.signed.remove(CHANNELS[channel]);
                self.session().unwant(CHANNELS[channel], now);
            }
            Step::Authorize(channel, fresh) => self.answer(CHANNELS[channel], fresh, true),
            Step::GiveUp(channel, fresh) => self.answer(CHANNELS[channel], fresh, false),
            Step::Trigger(channel) => {
                let sent = self.session().trigger(CHANNELS[channel], "client-x", &json!(1), now);
                assert!(sent.is_err() || self.connected.is_some());
            }
            Step::Probe => self.session().probe(Duration::from_secs(5), now),
            Step::Resume => {
                let resume = self.session.take().unwrap().into_resume();
                assert!(resume.channels().eq(self.wanted.iter().copied()));
                self.session = Some(Session::new(self.config.clone(), Some(resume)));
                self.asked.clear();
                self.signed.clear();
                self.answered.clear();
                (self.socket_id, self.connected, self.ended) = (None, None, false);
            }
        }
        self.drain();
        self.check();
    }

    fn answer(&mut self, channel: &str, fresh: bool, granted: bool) {
        let now = self.now;
        let socket_id = if fresh { self.socket_id.clone().unwrap_or_default() } else { "0.0".to_owned() };
        if fresh && granted && self.asked.contains_key(channel) {
            self.signed.insert(channel.to_owned());
        }
        if fresh && self.asked.remove(channel).is_some() {
            self.answered.insert(channel.to_owned());
        }
        if granted {
            let answer = Authorization {
                auth: SIGNATURE.to_owned(),
                channel_data: None,
                shared_secret: Some(SharedSecret::new([1; 32])),
            };
            self.session().authorize(channel, &socket_id, answer, now);
        } else {
            self.session().give_up(channel, &socket_id, now);
        }
    }

    fn hear(&mut self, frame: &Value) {
        self.input(Input::Received(&frame.to_string()));
    }

    fn input(&mut self, input: Input<'_>) {
        let (now, ended) = (self.now, self.ended);
        let result = self.session().handle(input, now);
        assert!(!ended || result.is_err(), "an ended session stays ended");
        let Err(error) = result else { return };
        assert!(!format!("{error} {error:?}").contains("89abcdef"), "no signature in an error");
        assert!(self.session().has_ended() && self.session().deadline().is_none());
        if !self.ended {
            self.judge(&error);
        }
        self.ended = true;
    }

    /// "At once" comes three times in a row at most, unless a connection was healthy.
    fn judge(&mut self, error: &Error) {
        let healthy = self.connected.is_some_and(|since| self.now - since >= Duration::from_secs(60));
        if healthy {
            self.at_once = 0;
        }
        if error.retry() == Retry::AtOnce {
            self.at_once += 1;
            assert!(self.at_once <= 3, "a loop of reconnecting at once");
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session().poll() {
            assert!(!format!("{output:?}").contains("89abcdef"), "no signature in Debug: {output:?}");
            match output {
                Output::Open => assert!(self.connected.is_none(), "opened once"),
                Output::Send(frame) => self.sent(&serde_json::from_str(frame.as_str()).unwrap()),
                Output::Event(event) => self.told(&event),
            }
        }
    }

    fn sent(&mut self, frame: &Value) {
        assert!(self.connected.is_some(), "sent before the server spoke: {frame}");
        if frame["event"] == "pusher:subscribe" {
            let channel = frame["data"]["channel"].as_str().unwrap();
            assert_eq!(needs_authorization(channel), frame["data"]["auth"] == SIGNATURE, "{frame}");
            assert!(!needs_authorization(channel) || self.signed.contains(channel), "{frame}");
        }
    }

    fn told(&mut self, event: &Event) {
        if let Some(channel) = event.channel() {
            assert!(self.wanted.contains(&**channel), "of a channel nobody wants: {event:?}");
        }
        match event {
            Event::Connected { socket_id } => {
                assert!(self.connected.is_none(), "connected once");
                self.connected = Some(self.now);
                self.socket_id = Some(socket_id.to_string());
            }
            Event::AuthorizeWanted { channel, socket_id } => {
                assert_eq!(self.socket_id.as_deref(), Some(&**socket_id), "of this connection");
                *self.asked.entry(channel.to_string()).or_default() += 1;
            }
            Event::Subscribed { .. } | Event::MemberAdded { .. } | Event::MemberRemoved { .. } => {
                assert!(self.connected.is_some(), "before there was a connection: {event:?}");
            }
            Event::Message { event, .. } => assert!(!event.starts_with("pusher"), "never content: {event}"),
            _ => {}
        }
    }

    fn check(&mut self) {
        let now = self.now;
        if let Some(deadline) = self.session().deadline() {
            // What is due now is done by the next tick; then the deadline lies ahead, or the session is over.
            self.now = now.max(deadline);
            self.input(Input::Tick);
            self.drain();
            let next = self.session().deadline();
            assert!(self.ended || next.is_some_and(|next| next > self.now), "no endless ticking");
        }
        if self.connected.is_none() || self.ended {
            return;
        }
        for channel in self.wanted.clone() {
            let settled = self.asked.contains_key(channel) || self.answered.contains(channel);
            assert!(
                !needs_authorization(channel) || settled,
                "{channel} was not asked for on this connection"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_promises_hold_in_any_order(steps in steps()) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
    }

    #[test]
    fn no_text_makes_the_machine_panic(frames in prop::collection::vec(".{0,200}", 0..20)) {
        let mut run = Run::new();
        run.step(Step::Opened);
        run.step(Step::Greet);
        for frame in frames {
            run.step(Step::Garbage(frame));
        }
    }
}

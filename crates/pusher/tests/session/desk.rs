//! A session on a desk.

use std::time::{Duration, Instant};

use pusher::{Authorization, Config, Error, Event, Input, Output, Resume, Session, sign};
use serde_json::{Value, json};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const SOCKET: &str = "1.2";

/// A session with its outputs sorted.
pub(crate) struct Desk {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    pub(crate) sent: Vec<Value>,
    pub(crate) opened: usize,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn config() -> Config {
    Config::at(&"http://127.0.0.1:1".parse().unwrap(), "k").unwrap()
}

impl Desk {
    pub(crate) fn new(config: Config, resume: Option<Resume>) -> Self {
        let session = Session::new(config, resume);
        let mut desk = Self { session, now: Instant::now(), sent: vec![], opened: 0, events: vec![] };
        desk.drain();
        desk
    }

    /// Connected, with nothing wanted.
    pub(crate) fn live() -> Self {
        let mut desk = Self::new(config(), None);
        desk.connect(SOCKET);
        desk.events.clear();
        desk
    }

    /// Connected, with these channels subscribed.
    pub(crate) fn subscribed(channels: &[&str]) -> Self {
        let mut desk = Self::live();
        for channel in channels {
            desk.want(channel);
            if desk.events.pop().is_some() {
                desk.authorize(channel, None);
            }
            desk.grant(channel);
        }
        desk.events.clear();
        desk.sent.clear();
        desk
    }

    pub(crate) fn connect(&mut self, socket_id: &str) {
        self.input(Input::Opened).unwrap();
        let data = json!({"socket_id": socket_id, "activity_timeout": 30}).to_string();
        self.hear(&json!({"event": "pusher:connection_established", "data": data})).unwrap();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open => self.opened += 1,
                Output::Send(frame) => self.sent.push(serde_json::from_str(frame.as_str()).unwrap()),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> Result<(), Error> {
        let result = self.session.handle(input, self.now);
        self.drain();
        result
    }

    pub(crate) fn hear(&mut self, frame: &Value) -> Result<(), Error> {
        self.input(Input::Received(&frame.to_string()))
    }

    pub(crate) fn hear_text(&mut self, frame: &str) -> Result<(), Error> {
        self.input(Input::Received(frame))
    }

    pub(crate) fn want(&mut self, channel: &str) {
        self.session.want(channel, self.now).unwrap();
        self.drain();
    }

    pub(crate) fn unwant(&mut self, channel: &str) {
        self.session.unwant(channel, self.now);
        self.drain();
    }

    pub(crate) fn authorize(&mut self, channel: &str, channel_data: Option<&str>) {
        self.authorize_for(SOCKET, channel, channel_data);
    }

    pub(crate) fn authorize_for(&mut self, socket_id: &str, channel: &str, channel_data: Option<&str>) {
        let auth = sign("k", "secret", socket_id, channel, channel_data);
        let channel_data = channel_data.map(str::to_owned);
        let answer = Authorization { auth, channel_data, shared_secret: None };
        self.session.authorize(channel, socket_id, answer, self.now);
        self.drain();
    }

    /// As soketi grants: without data.
    pub(crate) fn grant(&mut self, channel: &str) {
        self.hear(&json!({"event": "pusher_internal:subscription_succeeded", "channel": channel})).unwrap();
    }

    pub(crate) fn message(&mut self, channel: &str, data: &str) {
        self.hear(&json!({"event": "e", "channel": channel, "data": data})).unwrap();
    }

    /// Lets time go by, deadline after deadline.
    pub(crate) fn pass(&mut self, time: Duration) -> Result<(), Error> {
        let end = self.now + time;
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            self.input(Input::Tick)?;
        }
        self.now = end;
        Ok(())
    }

    /// The names of the events sent to the server since last asked, with their channels.
    pub(crate) fn take_sent(&mut self) -> Vec<String> {
        let name = |frame: Value| {
            let channel = frame["data"]["channel"].as_str().or(frame["channel"].as_str());
            let event = frame["event"].as_str().unwrap().to_owned();
            channel.map(|channel| format!("{event} {channel}")).unwrap_or(event)
        };
        self.sent.drain(..).map(name).collect()
    }

    /// What was told since last asked, in short.
    pub(crate) fn take_told(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| short(&event)).collect()
    }
}

pub(crate) fn short(event: &Event) -> String {
    match event {
        Event::Connected { socket_id } => format!("connected {socket_id}"),
        Event::AuthorizeWanted { channel, socket_id } => format!("authorize {channel} for {socket_id}"),
        Event::Subscribed { channel } => format!("subscribed {channel}"),
        Event::Refused { channel, status, text } => format!("refused {channel} {status:?} {text}"),
        Event::Message { channel, event, data, user_id } => {
            let from = user_id.as_ref().map(|id| format!(" from {id}")).unwrap_or_default();
            format!("{channel} {event} {data}{from}")
        }
        Event::MemberAdded { channel, user_id, about } => format!("{channel} +{user_id} {about}"),
        Event::MemberRemoved { channel, user_id } => format!("{channel} -{user_id}"),
        Event::CacheMiss { channel } => format!("miss {channel}"),
        Event::Count { channel, count } => format!("count {channel} {count}"),
        Event::Complaint { code, text } => format!("complaint {code:?} {text}"),
        Event::Sealed { channel, event } => format!("sealed {channel} {event}"),
        Event::Alive => "alive".to_owned(),
        other => panic!("unknown: {other:?}"),
    }
}

//! A session on a desk: time is a number, the server is whoever writes the answers.

use std::time::{Duration, Instant};

use bayeux::{Config, Error, Event, Input, Output, Resume, Session, TransportKind};
use serde_json::{Value, json};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A session with its outputs sorted.
pub(crate) struct Desk {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    /// Requests not yet answered: number and messages.
    pub(crate) sent: Vec<(u64, Value)>,
    pub(crate) abandoned: Vec<u64>,
    pub(crate) opened: Vec<TransportKind>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn config() -> Config {
    let mut config = Config::new("http://127.0.0.1:1/faye".parse().unwrap());
    config.transports = vec![TransportKind::LongPolling];
    config
}

impl Desk {
    pub(crate) fn new(config: Config, resume: Option<Resume>) -> Self {
        Self::at(config, resume, Instant::now())
    }

    pub(crate) fn at(config: Config, resume: Option<Resume>, now: Instant) -> Self {
        let session = Session::new(config, resume).unwrap();
        let mut desk = Self { session, now, sent: vec![], abandoned: vec![], opened: vec![], events: vec![] };
        desk.drain();
        desk
    }

    /// Opened and past the handshake, with `/a` and `/b` subscribed and a connect held.
    pub(crate) fn live() -> Self {
        Self::live_with(config())
    }

    pub(crate) fn live_with(config: Config) -> Self {
        let mut desk = Self::new(config, None);
        desk.input(Input::Opened).unwrap();
        desk.shake("c1");
        desk.session.subscribe("/a", None, desk.now).unwrap();
        desk.drain();
        desk.answer("/meta/subscribe", json!({"successful": true})).unwrap();
        desk.session.subscribe("/b", None, desk.now).unwrap();
        desk.drain();
        desk.answer("/meta/subscribe", json!({"successful": true})).unwrap();
        desk.answer("/meta/connect", json!({"successful": true})).unwrap();
        desk.events.clear();
        desk
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open(kind) => self.opened.push(kind),
                Output::Send(request) => {
                    self.sent.push((request.number, serde_json::from_str(&request.body).unwrap()));
                }
                Output::Abandon(number) => {
                    self.abandoned.push(number);
                    self.sent.retain(|(sent, _)| *sent != number);
                }
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> Result<(), Error> {
        let result = self.session.handle(input, self.now);
        self.drain();
        result
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

    /// The messages on this channel that wait for an answer.
    pub(crate) fn waiting(&self, channel: &str) -> Vec<Value> {
        let all = self.sent.iter().flat_map(|(_, messages)| messages.as_array().unwrap());
        all.filter(|message| message["channel"] == channel).cloned().collect()
    }

    /// Answers the request that holds a message on this channel; `with` is laid over each reply.
    pub(crate) fn answer(&mut self, channel: &str, with: Value) -> Result<(), Error> {
        self.answer_with(channel, with, &[], &[])
    }

    pub(crate) fn answer_with(
        &mut self,
        channel: &str,
        with: Value,
        before: &[Value],
        after: &[Value],
    ) -> Result<(), Error> {
        let at = self.sent.iter().position(|(_, messages)| {
            messages.as_array().unwrap().iter().any(|message| message["channel"] == channel)
        });
        let (number, messages) =
            self.sent.remove(at.unwrap_or_else(|| panic!("nothing on {channel} was sent")));
        let mut body = before.to_vec();
        for message in messages.as_array().unwrap() {
            let mut reply = json!({"channel": message["channel"], "id": message["id"]});
            if let Some(subscription) = message.get("subscription") {
                reply["subscription"] = subscription.clone();
            }
            for (field, value) in with.as_object().unwrap() {
                reply[field] = value.clone();
            }
            body.push(reply);
        }
        body.extend_from_slice(after);
        self.receive(Some(number), &Value::Array(body).to_string())
    }

    pub(crate) fn receive(&mut self, request: Option<u64>, text: &str) -> Result<(), Error> {
        self.input(Input::Received { request, text })
    }

    pub(crate) fn shake(&mut self, client_id: &str) {
        let reply = json!({"successful": true, "clientId": client_id, "supportedConnectionTypes": ["long-polling", "websocket"],
            "advice": {"reconnect": "retry", "interval": 0, "timeout": 45000}});
        self.answer("/meta/handshake", reply).unwrap();
    }

    /// What the caller was told, as short words, and forgotten.
    pub(crate) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events).iter().map(word).collect()
    }
}

fn word(event: &Event) -> String {
    match event {
        Event::Connected { new_session: true, .. } => "new session".to_owned(),
        Event::Connected { new_session: false, .. } => "same session".to_owned(),
        Event::SubscribeWanted { channel } => format!("wants {channel}"),
        Event::Subscribed { channel } => format!("subscribed {channel}"),
        Event::Refused { channel, error } => format!("refused {channel}: {error}"),
        Event::Message { channel, data, .. } => format!("{channel} = {data}"),
        Event::Published { error, .. } => format!("published {error:?}"),
        Event::Gap => "gap".to_owned(),
        Event::Alive => "alive".to_owned(),
        other => format!("{other:?}"),
    }
}

pub(crate) fn event(channel: &str, data: u32) -> Value {
    json!({"channel": channel, "data": data, "id": "e"})
}

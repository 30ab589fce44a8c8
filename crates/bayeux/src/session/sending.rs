//! What goes to the server: handshake and connect alone, everything else in batches.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::exchange::{Output, Request};
use super::{Connect, Kind, Pending, Phase, Purpose, Session, TransportKind};
use crate::advice::Advice;

/// A request that waits for its turn.
#[derive(Clone)]
pub(super) struct Command {
    pub(super) kind: Kind,
    /// Its message id, if it has been promised to someone.
    pub(super) number: Option<u64>,
    pub(super) data: Option<Value>,
    pub(super) ext: Option<Value>,
    /// When it was asked for and must be answered; otherwise the time counts from when it is sent.
    pub(super) asked: Option<(Instant, Instant)>,
}

/// Enough for fifty channels to be subscribed by one request, and far from any server's limit on bodies.
const MOST_IN_ONE_BATCH: usize = 50;
/// A channel nobody subscribes. To unsubscribe it changes nothing, and any server answers at once.
const PROBE_CHANNEL: &str = "/bayeux/probe";

impl Command {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, number: None, data: None, ext: None, asked: None }
    }
}

impl Session {
    pub(super) fn send_handshake(&mut self, now: Instant) {
        // What an earlier session was advised does not bind this one.
        self.advice = Advice::default();
        self.phase = Phase::Handshaking;
        let number = self.take_number();
        let names: Vec<&str> = self.usable.iter().map(|kind| kind.name()).collect();
        let mut message = json!({
            "channel": "/meta/handshake",
            "version": "1.0",
            "minimumVersion": "1.0",
            "supportedConnectionTypes": names,
            "id": number.to_string(),
        });
        let mut ext = self.config.handshake_ext.clone();
        if self.config.ack {
            match ext.get_or_insert_with(|| Value::Object(Map::new())) {
                Value::Object(fields) => drop(fields.insert("ack".to_owned(), Value::Bool(true))),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
            }
        }
        put(&mut message, "ext", ext);
        self.await_reply(number, Kind::Handshake, None, now);
        self.send(number, &[message]);
    }

    pub(super) fn send_connect(&mut self, purpose: Purpose, now: Instant) {
        let Some(client_id) = &self.client_id else { return };
        let mut message = json!({
            "channel": "/meta/connect",
            "clientId": client_id,
            "connectionType": self.carrier.name(),
        });
        let hold = self.config.hold;
        let (asked, deadline) = match purpose {
            Purpose::Held if self.ignores_hold => (None, self.advice.timeout + self.config.grace),
            Purpose::Held if hold < self.advice.timeout => (Some(hold), hold + self.config.grace),
            Purpose::Held => (None, self.advice.timeout + self.config.grace),
            Purpose::First | Purpose::Resumed | Purpose::Proof(_) => {
                (Some(Duration::ZERO), self.config.answer)
            }
        };
        let asked =
            asked.map(|hold| json!({ "timeout": u64::try_from(hold.as_millis()).unwrap_or(u64::MAX) }));
        put(&mut message, "advice", asked);
        put(&mut message, "ext", self.ack.map(|batch| json!({ "ack": batch })));
        self.acked = self.ack;
        let number = self.take_number();
        put(&mut message, "id", Some(Value::String(number.to_string())));
        self.connect = Connect::Outstanding { number, sent: now, deadline: now + deadline, purpose };
        self.send(number, &[message]);
        match purpose {
            Purpose::Resumed | Purpose::Proof(_) => {
                if !self.queue.iter().any(|queued| queued.kind == Kind::Probe) {
                    self.queue.push_front(Command::new(Kind::Probe));
                }
            }
            Purpose::First | Purpose::Held => {}
        }
    }

    /// Sends what waits: over HTTP when the lane beside the held request is free, over a WebSocket at once.
    pub(super) fn flush(&mut self, now: Instant) {
        while self.phase == Phase::Live && self.busy.is_none() && !self.queue.is_empty() {
            let count = self.queue.len().min(MOST_IN_ONE_BATCH);
            let batch: Vec<Command> = self.queue.drain(..count).collect();
            let mut messages = Vec::with_capacity(count);
            for command in batch {
                let number = command.number.unwrap_or_else(|| self.take_number());
                messages.push(self.message(&command, number));
                self.await_reply(number, command.kind, command.asked, now);
            }
            let request = self.take_number();
            if self.carrier == TransportKind::LongPolling {
                self.busy = Some(request);
            }
            self.send(request, &messages);
        }
    }

    fn message(&self, command: &Command, number: u64) -> Value {
        let (channel, subscription) = match &command.kind {
            Kind::Subscribe(name) => ("/meta/subscribe", Some(&**name)),
            Kind::Unsubscribe(name) => ("/meta/unsubscribe", Some(&**name)),
            Kind::Probe => ("/meta/unsubscribe", Some(PROBE_CHANNEL)),
            Kind::Publish(name) => (&**name, None),
            Kind::Disconnect => ("/meta/disconnect", None),
            Kind::Handshake => ("/meta/handshake", None),
        };
        let mut message = json!({ "channel": channel, "clientId": self.client_id, "id": number.to_string() });
        put(&mut message, "subscription", subscription.map(Value::from));
        put(&mut message, "data", command.data.clone());
        put(&mut message, "ext", command.ext.clone());
        message
    }

    fn await_reply(&mut self, number: u64, kind: Kind, asked: Option<(Instant, Instant)>, now: Instant) {
        let (sent, deadline) = asked.unwrap_or((now, now + self.config.answer));
        self.pending.insert(number, Pending { kind, sent, deadline });
    }

    fn send(&mut self, number: u64, messages: &[Value]) {
        let parts: Vec<String> = messages.iter().map(Value::to_string).collect();
        let body = format!("[{}]", parts.join(","));
        self.outputs.push_back(Output::Send(Request { number, body }));
    }
}

fn put(message: &mut Value, field: &str, value: Option<Value>) {
    if let (Value::Object(fields), Some(value)) = (message, value) {
        fields.insert(field.to_owned(), value);
    }
}

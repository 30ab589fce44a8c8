//! The protocol as a machine: what came in, and when, decides what goes out and when to look again.
//!
//! It holds no socket and asks no clock; every call says what time it is. `replies` judges what the server says, `sending`
//! writes what goes to it, `watch` keeps the deadlines.
//!
//! # Rules of its own, where the protocol leaves a choice
//!
//! - `/meta/connect` travels alone, and nothing waits for the first one: Faye answers an array only when all of it is
//!   answered, and may hold even the first connect.
//! - At most one `/meta/connect` counts. A late one is given up, then one that wants an answer at once and a harmless
//!   request beside it decide between alive, alive but heedless of our `hold`, and dead.
//! - A subscription's `ext` is used once. Whenever a new session needs it again, the caller is asked.
//! - Whether an error means a lost session is decided by the advice, then by the text, never by its number: the same
//!   number means different things on different servers.

mod config;
mod exchange;
mod replies;
mod resume;
mod sending;
mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use config::{Config, TransportKind};
pub use exchange::{Event, Input, Output, Request};
pub use resume::Resume;

use crate::advice::Advice;
use crate::channel::{self, InvalidChannel};
use crate::{Error, error};
use resume::Standing;
use sending::Command;

/// Where the session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A transport is being opened.
    Opening,
    /// The handshake is out.
    Handshaking,
    /// The next handshake waits for the interval the server asked for.
    Waiting(Instant),
    /// There is a client id to work with.
    Live,
    Ended,
}

/// Why a `/meta/connect` was sent, which decides what its silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The first of a new session; wants an answer at once.
    First,
    /// The first over a new connection, or in place of a held one that may be lost, with the old client id; wants an
    /// answer at once, with a probe beside it. A server may still hold the lost one, and then answers this one no sooner.
    Resumed,
    /// Held by the server until there is something to say.
    Held,
    /// Sent, with a probe beside it, because the one before was late. Whoever answers since that moment is alive.
    Proof(Instant),
}

#[derive(Debug, Clone, Copy)]
enum Connect {
    /// Not in this phase.
    None,
    /// To be sent at this time, if the caller has confirmed what came before.
    Due { at: Instant, purpose: Purpose },
    /// Waiting for its answer.
    Outstanding { number: u64, sent: Instant, deadline: Instant, purpose: Purpose },
}

/// A request other than connect that waits for its answer.
#[derive(Debug)]
struct Pending {
    kind: Kind,
    sent: Instant,
    deadline: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Handshake,
    Subscribe(Arc<str>),
    Unsubscribe(Arc<str>),
    Publish(Arc<str>),
    Probe,
    Disconnect,
}

/// The client's side of one Bayeux session, and of those that follow it when the server forgets us.
pub struct Session {
    config: Config,
    /// The transports not yet found useless, the preferred one first.
    usable: Vec<TransportKind>,
    /// What the last handshake reply offered; `None` if it did not say.
    offered: Option<Vec<String>>,
    carrier: TransportKind,
    phase: Phase,
    client_id: Option<String>,
    /// The client id before this one: it may still stand in an error text.
    former_id: Option<String>,
    /// The caller was told of this session over this connection.
    announced: bool,
    /// The client id comes from a handshake of this machine, not from a `Resume`.
    new_session: bool,
    advice: Advice,
    /// The server does not heed the hold we ask for.
    ignores_hold: bool,
    channels: BTreeMap<Arc<str>, Standing>,
    patterns: Vec<Arc<str>>,
    connect: Connect,
    queue: VecDeque<Command>,
    pending: BTreeMap<u64, Pending>,
    /// The HTTP request in flight beside the held one; there is never a second.
    busy: Option<u64>,
    next_number: u64,
    /// Connects that failed in a row.
    failures: u32,
    /// Connects in a row that were answered at once with nothing.
    hasty: u32,
    /// When this session began, or went on over this connection.
    began: Option<Instant>,
    /// The server really held a connect of this session.
    settled: bool,
    /// Handshakes in a row that led nowhere, the first not counted.
    rehandshakes: u32,
    /// A held connect was given up, and what its response may have carried with it; the caller is to be told.
    gap: bool,
    /// The last batch of the acknowledge extension, if the server grants it.
    ack: Option<i64>,
    /// The last batch the server was told of.
    acked: Option<i64>,
    /// Messages queued, taken by the caller, confirmed by it; and how many must be confirmed before the next connect.
    queued: u64,
    taken: u64,
    confirmed: u64,
    to_confirm: u64,
    /// Events of any kind queued.
    told: u64,
    last_contact: Option<Instant>,
    last_life: Option<Instant>,
    dropped: u64,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session that will first ask for its transport. With a `Resume` it goes on where that one stood.
    pub fn new(config: Config, resume: Option<Resume>) -> Result<Self, Error> {
        let config = config.checked()?;
        let usable = config.transports.clone();
        let Some(&carrier) = usable.first() else { return Err(Error::NoTransport) };
        let resume = resume.unwrap_or_default();
        let mut advice = Advice::default();
        if resume.client_id.is_some() {
            advice.timeout = resume.server_timeout;
        }
        let mut session = Self {
            config,
            usable,
            offered: None,
            carrier,
            phase: Phase::Opening,
            client_id: resume.client_id,
            former_id: None,
            announced: false,
            new_session: false,
            advice,
            ignores_hold: resume.ignores_hold,
            patterns: resume.channels.keys().filter(|name| channel::is_pattern(name)).cloned().collect(),
            channels: resume.channels,
            connect: Connect::None,
            queue: VecDeque::new(),
            pending: BTreeMap::new(),
            busy: None,
            next_number: resume.next_number,
            failures: 0,
            hasty: 0,
            began: None,
            settled: false,
            rehandshakes: 0,
            gap: resume.gap,
            ack: resume.ack,
            acked: resume.ack,
            queued: 0,
            taken: 0,
            confirmed: 0,
            to_confirm: 0,
            told: 0,
            last_contact: resume.last_contact,
            last_life: None,
            dropped: 0,
            outputs: VecDeque::new(),
        };
        for event in resume.untaken {
            session.tell(event);
        }
        session.to_confirm = session.queued;
        session.outputs.push_back(Output::Open(carrier));
        Ok(session)
    }

    /// Takes in what happened at this time. An error ends the session; what was queued before it can still be polled.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) -> Result<(), Error> {
        if self.phase == Phase::Ended {
            return Err(Error::Ended);
        }
        let result = match input {
            Input::Opened => self.opened(now),
            Input::CannotOpen(error) => self.fall_back(error),
            Input::Received { request, text } => self.received(request, text, now),
            Input::Lost(error) => self.lost(error),
            Input::Tick => Ok(()),
        };
        let result = result.and_then(|()| self.advance(now));
        if result.is_err() {
            self.end();
        }
        result
    }

    /// What to do next; `None` when there is nothing until the next input or deadline.
    pub fn poll(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front()?;
        if let Output::Event(Event::Message { .. }) = output {
            self.taken += 1;
        }
        Some(output)
    }

    /// Wants a channel: [`Event::SubscribeWanted`] follows now and after every handshake, until `unsubscribe`.
    pub fn want(&mut self, channel: &str) -> Result<(), InvalidChannel> {
        let channel = self.adopt(channel)?;
        if self.announced && self.channels.get(&channel) == Some(&Standing::Wanted) {
            self.tell(Event::SubscribeWanted { channel });
        }
        Ok(())
    }

    /// Subscribes a channel, or renews its subscription, with this `ext`. Before the handshake is through it waits.
    pub fn subscribe(
        &mut self,
        channel: &str,
        ext: Option<Value>,
        now: Instant,
    ) -> Result<(), InvalidChannel> {
        let channel = self.adopt(channel)?;
        // A renewal must not forget that the channel is subscribed: if it is refused, the old one stands.
        if let Some(standing) = self.channels.get_mut(&channel)
            && *standing != Standing::Subscribed
        {
            *standing = Standing::Asked;
        }
        let kind = Kind::Subscribe(channel);
        self.queue.retain(|queued| queued.kind != kind);
        self.queue.push_back(Command { ext, ..Command::new(kind) });
        self.flush(now);
        Ok(())
    }

    /// Does not want a channel any more.
    pub fn unsubscribe(&mut self, channel: &str, now: Instant) {
        let Some((channel, _)) = self.channels.remove_entry(channel) else { return };
        self.patterns.retain(|pattern| *pattern != channel);
        let subscribe = Kind::Subscribe(Arc::clone(&channel));
        self.queue.retain(|queued| queued.kind != subscribe);
        if self.client_id.is_some() {
            self.queue.push_back(Command::new(Kind::Unsubscribe(channel)));
            self.flush(now);
        }
    }

    /// Publishes; [`Event::Published`] tells how it went, under the number returned here.
    pub fn publish(
        &mut self,
        channel: &str,
        data: Value,
        ext: Option<Value>,
        now: Instant,
    ) -> Result<u64, InvalidChannel> {
        channel::check_publication(channel)?;
        let number = self.take_number();
        let kind = Kind::Publish(Arc::from(channel));
        self.queue.push_back(Command { number: Some(number), data: Some(data), ext, ..Command::new(kind) });
        self.flush(now);
        Ok(number)
    }

    /// Asks the server for a sign of life; the session ends with [`Error::Silent`] if none comes within this time.
    /// While a transport is being opened, or the server asked us to wait, there is no one to ask. A held connect is
    /// replaced, because its connection may be dead although a new one works; [`Event::Gap`] follows.
    pub fn probe(&mut self, within: Duration, now: Instant) {
        let deadline = now + within.clamp(Duration::from_millis(1), Duration::from_secs(3600));
        match self.phase {
            Phase::Live => {
                self.queue.push_front(Command { asked: Some((now, deadline)), ..Command::new(Kind::Probe) });
                self.replace_held(deadline, now);
                self.flush(now);
            }
            Phase::Handshaking => {
                for pending in self.pending.values_mut() {
                    pending.deadline = pending.deadline.min(deadline);
                }
            }
            Phase::Opening | Phase::Waiting(_) | Phase::Ended => {}
        }
    }

    /// Says that every message polled so far is kept. With the acknowledge extension the next connect, which lets the
    /// server forget them, waits for this; without it nothing happens.
    pub fn confirm(&mut self, now: Instant) -> Result<(), Error> {
        self.confirmed = self.taken;
        if self.phase == Phase::Ended { Ok(()) } else { self.handle(Input::Tick, now) }
    }

    /// Says goodbye. The session ends with the server's answer.
    pub fn disconnect(&mut self, now: Instant) {
        if self.phase == Phase::Live {
            self.queue.push_back(Command::new(Kind::Disconnect));
            self.flush(now);
        } else {
            self.end();
        }
    }

    /// Whether the session is over.
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// When anything last came from the server.
    pub fn last_sign_of_life(&self) -> Option<Instant> {
        self.last_life
    }

    /// How many events were thrown away because nobody wants their channel.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes out what outlives the connection, messages that were not polled yet among it.
    pub fn into_resume(self) -> Resume {
        let untaken = |output| match output {
            Output::Event(event @ (Event::Message { .. } | Event::Gap)) => Some(event),
            Output::Event(_) | Output::Open(_) | Output::Send(_) | Output::Abandon(_) => None,
        };
        let mut channels = self.channels;
        // Only what the server granted lives on there; a refused channel is asked for again, or nobody would ever learn that
        // it is not subscribed.
        for standing in channels.values_mut() {
            *standing = match standing {
                Standing::Subscribed => Standing::Subscribed,
                Standing::Wanted | Standing::Asked | Standing::Refused => Standing::Wanted,
            };
        }
        Resume {
            client_id: self.client_id,
            channels,
            last_contact: self.last_contact,
            server_timeout: self.advice.timeout,
            next_number: self.next_number,
            // What was not confirmed must come again.
            ack: if self.confirmed < self.to_confirm { self.acked } else { self.ack },
            ignores_hold: self.ignores_hold,
            gap: self.gap,
            untaken: self.outputs.into_iter().filter_map(untaken).collect(),
        }
    }

    fn opened(&mut self, now: Instant) -> Result<(), Error> {
        if self.phase != Phase::Opening {
            return Ok(());
        }
        if self.new_session {
            self.begin(now)?;
            return Ok(());
        }
        let known = self.client_id.is_some()
            && self.last_contact.is_some_and(|last| {
                now.saturating_duration_since(last) <= self.advice.timeout.saturating_mul(2)
            });
        if known {
            self.phase = Phase::Live;
            self.began = Some(now);
            self.connect = Connect::Due { at: now, purpose: Purpose::Resumed };
        } else {
            self.forget_session();
            self.send_handshake(now);
        }
        Ok(())
    }

    /// The transport is of no use: takes the next one that the server offers.
    fn fall_back(&mut self, error: Error) -> Result<(), Error> {
        self.usable.retain(|kind| *kind != self.carrier);
        let Some(next) = self.best_transport() else { return Err(error) };
        self.open(next);
        Ok(())
    }

    /// A WebSocket that dies before the handshake is through may be the work of a proxy; a later death is the caller's
    /// affair.
    fn lost(&mut self, error: Error) -> Result<(), Error> {
        if self.phase == Phase::Handshaking && self.carrier == TransportKind::WebSocket {
            return self.fall_back(error);
        }
        Err(error)
    }

    fn open(&mut self, kind: TransportKind) {
        self.carrier = kind;
        self.phase = Phase::Opening;
        self.pending.clear();
        self.busy = None;
        self.connect = Connect::None;
        self.outputs.push_back(Output::Open(kind));
    }

    fn best_transport(&self) -> Option<TransportKind> {
        let offered = |kind: &&TransportKind| {
            self.offered.as_ref().is_none_or(|names| names.iter().any(|name| name == kind.name()))
        };
        self.usable.iter().find(offered).copied()
    }

    /// Puts a channel among the wanted ones.
    fn adopt(&mut self, name: &str) -> Result<Arc<str>, InvalidChannel> {
        channel::check_subscription(name)?;
        if let Some((channel, _)) = self.channels.get_key_value(name) {
            return Ok(Arc::clone(channel));
        }
        let channel: Arc<str> = Arc::from(name);
        self.channels.insert(Arc::clone(&channel), Standing::Wanted);
        if channel::is_pattern(name) {
            self.patterns.push(Arc::clone(&channel));
        }
        Ok(channel)
    }

    fn tell(&mut self, event: Event) {
        if let Event::Message { .. } = event {
            self.queued += 1;
        }
        self.told += 1;
        self.outputs.push_back(Output::Event(event));
    }

    /// The server's words, fit for an error or event.
    fn clean(&self, text: &str) -> String {
        let ids =
            [self.client_id.as_deref().unwrap_or_default(), self.former_id.as_deref().unwrap_or_default()];
        error::clean(text, &ids)
    }

    fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.connect = Connect::None;
        self.pending.clear();
        self.queue.clear();
    }
}

/// Says nothing of the client id and of any `ext`.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("phase", &self.phase)
            .field("carrier", &self.carrier)
            .field("advice", &self.advice)
            .field("channels", &self.channels)
            .field("connect", &self.connect)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

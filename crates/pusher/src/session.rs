//! The protocol as a machine: what came in, and when, decides what goes out and when to look again.
//!
//! It holds no socket and asks no clock; every call says what time it is. `words` judges what the server says, `sealed`
//! opens what is encrypted, `watch` keeps the deadlines.
//!
//! # Rules of its own, where the protocol leaves a choice
//!
//! - An answer to an authorisation counts for the socket id it was asked for and for no other.
//! - A ping also goes out when we have said nothing for the activity time, however much comes in: servers judge us by what
//!   they hear.
//! - A `pusher:error` that names no channel is put down to the oldest subscription that waits with a signature, if it says
//!   4009 or speaks of that channel: Reverb and Pusher refuse so.
//! - A close without a code of the protocol takes the code of a `pusher:error` of the second before.

mod config;
mod exchange;
mod resume;
mod sealed;
mod watch;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

pub use config::Config;
pub use exchange::{Event, Frame, Input, Output};
pub use resume::Resume;

use crate::channel::{self, InvalidChannel, Kind, NotAllowed};
use crate::error::clean;
use crate::{Authorization, Error, Members, close};
use sealed::Seal;

/// Where the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The WebSocket is being opened.
    Opening,
    /// It is open; the server's first word must come by then.
    Greeting(Instant),
    /// We have a socket id.
    Live,
    Ended,
}

/// How far a wanted channel has come on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing was done yet.
    Wanted,
    /// The caller was asked for an authorisation.
    Authorizing,
    /// The subscription of this number was sent.
    Asked(u64),
    /// It was not answered in time, and told so.
    Late,
    Subscribed,
    /// By the server or by the caller.
    Refused,
}

#[derive(Debug)]
struct Channel {
    standing: Standing,
    /// Who we are, kept until the server lists the members.
    channel_data: Option<String>,
    members: Option<Box<Members>>,
    seal: Option<Box<Seal>>,
}

impl Channel {
    fn new() -> Self {
        Self { standing: Standing::Wanted, channel_data: None, members: None, seal: None }
    }
}

/// A subscription that waits for its answer. All wait equally long, so the oldest is always due first.
#[derive(Debug)]
struct Ask {
    number: u64,
    channel: Arc<str>,
    deadline: Instant,
}

/// The last `pusher:error` that was put down to nothing.
#[derive(Debug)]
struct Grievance {
    at: Instant,
    code: u16,
    text: String,
}

/// Why the connection is over, before its rule is looked up.
#[derive(Debug)]
enum Cause {
    Closed { code: u16, text: String },
    Silent(&'static str),
    Other(Error),
}

/// The client's side of one connection.
pub struct Session {
    config: Config,
    phase: Phase,
    socket_id: Option<Arc<str>>,
    channels: BTreeMap<Arc<str>, Channel>,
    asked: VecDeque<Ask>,
    next_number: u64,
    /// The activity time that both sides agree on.
    activity: Duration,
    last_life: Option<Instant>,
    last_sent: Option<Instant>,
    /// A sign of life must come by then.
    awaited: Option<Instant>,
    grievance: Option<Grievance>,
    connected: Option<Instant>,
    /// Connections in a row that failed quickly.
    run: u32,
    /// Frames in a row that could not be read.
    unreadable: u32,
    dropped: u64,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session that will first ask for its WebSocket. With a `Resume`, what that one wanted is wanted again.
    pub fn new(config: Config, resume: Option<Resume>) -> Self {
        let config = config.checked();
        let resume = resume.unwrap_or_default();
        let mut outputs: VecDeque<Output> = resume.untaken.into_iter().map(Output::Event).collect();
        outputs.push_back(Output::Open);
        Self {
            activity: config.activity,
            config,
            phase: Phase::Opening,
            socket_id: None,
            channels: resume.channels.into_iter().map(|name| (name, Channel::new())).collect(),
            asked: VecDeque::new(),
            next_number: 0,
            last_life: None,
            last_sent: None,
            awaited: None,
            grievance: None,
            connected: None,
            run: resume.run,
            unreadable: 0,
            dropped: 0,
            outputs,
        }
    }

    /// Takes in what happened at this time. An error ends the session; what was queued before it can still be polled.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) -> Result<(), Error> {
        if self.phase == Phase::Ended {
            return Err(Error::Ended);
        }
        let result = match input {
            Input::Opened => {
                if self.phase == Phase::Opening {
                    self.phase = Phase::Greeting(now + self.config.opening);
                }
                Ok(())
            }
            Input::Received(text) => self.received(text, now),
            Input::Binary => self.unreadable("a binary frame", now),
            Input::Alive => {
                self.sign_of_life(now);
                self.tell_alive();
                Ok(())
            }
            Input::Closed { code, reason } => Err(self.closed(code, reason, now)),
            Input::Lost(Error::Network(text)) => {
                Err(self.aggrieved(now).unwrap_or(Cause::Other(Error::Network(text))))
            }
            Input::Lost(error) => Err(Cause::Other(error)),
            Input::Tick => Ok(()),
        };
        result.and_then(|()| self.advance(now)).map_err(|cause| self.end(cause, now))
    }

    /// What to do next; `None` when there is nothing until the next input or deadline.
    pub fn poll(&mut self) -> Option<Output> {
        loop {
            let output = self.outputs.pop_front()?;
            // What was queued for a channel before it was unwanted is told no more.
            let unwanted = |channel: &Arc<str>| !self.channels.contains_key(channel);
            if !matches!(&output, Output::Event(event) if event.channel().is_some_and(unwanted)) {
                return Some(output);
            }
        }
    }

    /// Wants a channel, on this connection and every later one. If it was refused on this one, it is tried again.
    pub fn want(&mut self, channel: &str, now: Instant) -> Result<(), InvalidChannel> {
        channel::check(channel)?;
        let name = match self.channels.get_key_value(channel) {
            Some((name, known)) => match known.standing {
                Standing::Refused | Standing::Late => Arc::clone(name),
                Standing::Wanted | Standing::Authorizing | Standing::Asked(_) | Standing::Subscribed => {
                    return Ok(());
                }
            },
            None => Arc::from(channel),
        };
        self.channels.insert(Arc::clone(&name), Channel::new());
        self.begin(&name, now);
        Ok(())
    }

    /// Does not want a channel any more. Nothing of it is told from now on.
    pub fn unwant(&mut self, channel: &str, now: Instant) {
        let Some(former) = self.channels.remove(channel) else { return };
        match former.standing {
            Standing::Asked(_) | Standing::Late | Standing::Subscribed => {
                self.send("pusher:unsubscribe", Some(Named { channel }), None, now);
            }
            Standing::Wanted | Standing::Authorizing | Standing::Refused => {}
        }
    }

    /// Answers [`Event::AuthorizeWanted`]. An answer for another socket id than today's, or that nobody asked for, is
    /// ignored.
    pub fn authorize(
        &mut self,
        channel: &str,
        socket_id: &str,
        mut authorization: Authorization,
        now: Instant,
    ) {
        let Some(name) = self.asked_for(channel, socket_id) else { return };
        if self.is_renewing(&name) {
            return self.renew(&name, authorization.shared_secret, now);
        }
        let Some(known) = self.channels.get_mut(&name) else { return };
        if known.standing != Standing::Authorizing {
            return;
        }
        if Kind::of(channel) == Kind::Encrypted {
            let Some(secret) = authorization.shared_secret.take() else {
                known.standing = Standing::Refused;
                let text = "the authorisation holds no shared secret".to_owned();
                return self.tell(Event::Refused { channel: name, status: None, text });
            };
            known.seal = Some(Box::new(Seal::new(secret)));
        }
        known.channel_data.clone_from(&authorization.channel_data);
        self.subscribe(&name, Some(&authorization), now);
    }

    /// Says that there is no authorisation: the channel is not subscribed on this connection. If only a new secret of an
    /// encrypted channel was asked for, it stays subscribed, and what could not be opened is told as [`Event::Sealed`].
    pub fn give_up(&mut self, channel: &str, socket_id: &str, now: Instant) {
        let Some(name) = self.asked_for(channel, socket_id) else { return };
        if self.is_renewing(&name) {
            return self.renew(&name, None, now);
        }
        if let Some(known) = self.channels.get_mut(&name)
            && known.standing == Standing::Authorizing
        {
            known.standing = Standing::Refused;
        }
    }

    /// Sends a client event to the others on a channel. Servers allow about ten a second.
    pub fn trigger(
        &mut self,
        channel: &str,
        event: &str,
        data: &Value,
        now: Instant,
    ) -> Result<(), NotAllowed> {
        if !event.starts_with("client-") {
            return Err(NotAllowed::Name);
        }
        if !Kind::of(channel).takes_client_events() {
            return Err(NotAllowed::Channel);
        }
        let subscribed =
            self.channels.get(channel).is_some_and(|known| known.standing == Standing::Subscribed);
        if !subscribed || self.phase != Phase::Live {
            return Err(NotAllowed::NotSubscribed);
        }
        self.send(event, Some(data), Some(channel), now);
        Ok(())
    }

    /// Whether the session is over.
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// When anything last came from the server.
    pub fn last_sign_of_life(&self) -> Option<Instant> {
        self.last_life
    }

    /// The name of this connection, once the server has told it.
    pub fn socket_id(&self) -> Option<&str> {
        self.socket_id.as_deref()
    }

    /// Who is on a presence channel, once it is subscribed.
    pub fn members(&self, channel: &str) -> Option<&Members> {
        self.channels.get(channel)?.members.as_deref()
    }

    /// How many events were thrown away because nobody wants their channel.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes out what outlives the connection, messages that were not polled yet among it.
    pub fn into_resume(self) -> Resume {
        let untaken = |output| match output {
            Output::Event(event @ Event::Message { .. }) => Some(event),
            Output::Event(_) | Output::Open | Output::Send(_) => None,
        };
        Resume {
            channels: self.channels.into_keys().collect(),
            run: self.run,
            untaken: self.outputs.into_iter().filter_map(untaken).collect(),
        }
    }

    /// The wanted channel, if this socket id is today's.
    fn asked_for(&self, channel: &str, socket_id: &str) -> Option<Arc<str>> {
        if self.phase != Phase::Live || self.socket_id.as_deref() != Some(socket_id) {
            return None;
        }
        self.channels.get_key_value(channel).map(|(name, _)| Arc::clone(name))
    }

    /// Subscribes a channel, or asks for what that needs.
    fn begin(&mut self, name: &Arc<str>, now: Instant) {
        if self.phase != Phase::Live {
            return;
        }
        let Some(socket_id) = self.socket_id.clone() else { return };
        if !Kind::of(name).needs_authorization() {
            return self.subscribe(name, None, now);
        }
        if let Some(known) = self.channels.get_mut(name) {
            known.standing = Standing::Authorizing;
            self.tell(Event::AuthorizeWanted { channel: Arc::clone(name), socket_id });
        }
    }

    fn subscribe(&mut self, name: &Arc<str>, authorization: Option<&Authorization>, now: Instant) {
        self.next_number += 1;
        let number = self.next_number;
        let Some(known) = self.channels.get_mut(name) else { return };
        known.standing = Standing::Asked(number);
        let deadline = now + self.config.answer;
        self.asked.push_back(Ask { number, channel: Arc::clone(name), deadline });
        let data = Subscription {
            channel: name,
            auth: authorization.map(|answer| answer.auth.as_str()),
            channel_data: authorization.and_then(|answer| answer.channel_data.as_deref()),
        };
        self.send("pusher:subscribe", Some(data), None, now);
    }

    fn send(&mut self, event: &str, data: Option<impl Serialize>, channel: Option<&str>, now: Instant) {
        if self.phase != Phase::Live {
            return;
        }
        match serde_json::to_string(&Outgoing { event, channel, data }) {
            Ok(text) => {
                self.last_sent = Some(now);
                self.outputs.push_back(Output::Send(Frame(text)));
            }
            Err(error) => tracing::warn!(%error, "a frame could not be written"),
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn tell_alive(&mut self) {
        if !matches!(self.outputs.back(), Some(Output::Event(Event::Alive))) {
            self.tell(Event::Alive);
        }
    }

    fn closed(&self, code: Option<u16>, reason: &str, now: Instant) -> Cause {
        match code {
            Some(code @ 4000..) => {
                // Some servers leave the reason empty and give it right before.
                let before = self.grievance.as_ref().filter(|last| reason.is_empty() && last.code == code);
                Cause::Closed { code, text: before.map_or_else(|| clean(reason), |last| last.text.clone()) }
            }
            Some(code) => self.aggrieved(now).unwrap_or_else(|| Cause::Closed { code, text: clean(reason) }),
            None => self.aggrieved(now).unwrap_or_else(|| {
                Cause::Other(Error::Network("the WebSocket was closed without a code".to_owned()))
            }),
        }
    }

    /// The code of a complaint that came right before the end.
    fn aggrieved(&self, now: Instant) -> Option<Cause> {
        const RIGHT_BEFORE: Duration = Duration::from_secs(1);
        let last = self.grievance.as_ref()?;
        let recent = now.saturating_duration_since(last.at) <= RIGHT_BEFORE;
        recent.then(|| Cause::Closed { code: last.code, text: last.text.clone() })
    }

    /// Ends the session, and says by the rules of the protocol what follows.
    fn end(&mut self, cause: Cause, now: Instant) -> Error {
        let lived = self.connected.map(|since| now.saturating_duration_since(since));
        if lived.is_some_and(|lived| lived >= close::SETTLED) {
            self.run = 0;
        }
        self.run = self.run.saturating_add(1);
        self.give_up_sealed();
        self.phase = Phase::Ended;
        self.asked.clear();
        match cause {
            Cause::Closed { code, text } => {
                let retry = close::rule(code, self.config.is_encrypted(), self.run);
                Error::Closed { code, text, retry }
            }
            Cause::Silent(what) => Error::Silent { what, retry: close::at_once(self.run) },
            Cause::Other(error) => error,
        }
    }
}

/// Says nothing of secrets and of what was published.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("phase", &self.phase)
            .field("socket_id", &self.socket_id)
            .field("channels", &self.channels.len())
            .field("asked", &self.asked.len())
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Outgoing<'a, T> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

#[derive(Serialize)]
struct Named<'a> {
    channel: &'a str,
}

#[derive(Serialize)]
struct Subscription<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_data: Option<&'a str>,
}

/// The data of a ping and of a pong: `{}`.
#[derive(Serialize)]
struct Nothing {}

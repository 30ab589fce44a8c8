//! What the server says, judged: replies move the session, events go to the caller.
//!
//! Events are taken from the answer to any request, before or after the reply that stands beside them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::exchange::{Event, Output};
use super::{Connect, Kind, Phase, Purpose, Session, Standing};
use crate::advice::{Advice, Interval, Reconnect};
use crate::message::{self, Message};
use crate::{Error, channel};

/// Handshakes in a row that may lead nowhere before the caller is asked to back off.
const MOST_REHANDSHAKES: u32 = 3;
/// Connects that may fail in a row before a new session is tried.
const MOST_FAILURES: u32 = 3;
/// Each failed connect makes the next one wait this much longer.
const BACKOFF_STEP: Duration = Duration::from_secs(1);
/// A session that lived this long led somewhere, even if the server forgot it then.
const SETTLED: Duration = Duration::from_secs(10);
/// A held connect answered sooner than half of the agreed hold, within these bounds, and without an event, was not held. A
/// few of these are normal; a server or proxy that goes on like this would have us spin, so they slow us down.
const SHORTEST_HOLD: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
const MOST_HASTY: u32 = 3;
const LONGEST_BACKOFF: u32 = 10;
const NO_REASON: &str = "it asked this client not to connect by itself again";

impl Session {
    pub(super) fn received(&mut self, request: Option<u64>, text: &str, now: Instant) -> Result<(), Error> {
        self.last_life = Some(now);
        if request.is_some() && self.busy == request {
            self.busy = None;
        }
        // The parser's own words may quote what it read, and that may be a secret.
        let messages = message::decode(text).map_err(|error| {
            Error::Protocol(format!("no Bayeux messages, wrong at column {}", error.column()))
        })?;
        let (told_before, queued_before) = (self.told, self.queued);
        let mut result = Ok(());
        for message in &messages {
            // What stands behind a fatal reply may still be an event.
            if message.is_reply() {
                if result.is_ok() {
                    result = self.reply(request, message, now);
                }
            } else {
                self.event(message);
            }
        }
        if let Some(request) = request {
            result = result.and_then(|()| self.finished(request, now));
        }
        self.to_confirm = self.queued;
        if self.queued > queued_before {
            self.hasty = 0;
        }
        if self.told == told_before && !matches!(self.outputs.back(), Some(Output::Event(_))) {
            self.tell(Event::Alive);
        }
        result
    }

    /// An HTTP response is complete. A connect that was not answered in its own response has failed.
    fn finished(&mut self, request: u64, now: Instant) -> Result<(), Error> {
        match self.connect {
            Connect::Outstanding { number, .. } if number == request => {
                self.connect_failed("the response held no reply to the connect", now)
            }
            Connect::None | Connect::Due { .. } | Connect::Outstanding { .. } => Ok(()),
        }
    }

    fn event(&mut self, message: &Message<'_>) {
        self.heed(message);
        let Some(data) = message.data else { return };
        let name = message.channel();
        let wanted = match self.channels.get_key_value(&*name) {
            Some((channel, _)) => Some(Arc::clone(channel)),
            None if self.patterns.iter().any(|pattern| channel::covers(pattern, &name)) => {
                Some(Arc::from(&*name))
            }
            None => None,
        };
        match wanted {
            Some(channel) => self.tell(Event::Message { channel, data: data.to_owned(), id: message.id() }),
            None => self.dropped += 1,
        }
    }

    fn reply(&mut self, request: Option<u64>, message: &Message<'_>, now: Instant) -> Result<(), Error> {
        let name = message.channel();
        let id = message.our_id();
        if let Connect::Outstanding { number, sent, purpose, .. } = self.connect
            && (id == Some(number) || (!message.has_id() && name == "/meta/connect"))
        {
            if purpose == Purpose::Held {
                let (least, most) = SHORTEST_HOLD;
                let held = now.saturating_duration_since(sent) >= (self.agreed_hold() / 2).clamp(least, most);
                self.hasty = if held { 0 } else { self.hasty.saturating_add(1) };
                self.settled |= held && message.is_successful();
            } else {
                self.hasty = 0;
            }
            self.connect = Connect::None;
            self.close_elsewhere(request, Some(number));
            return self.connect_reply(message, now);
        }
        let found = if message.has_id() {
            id.filter(|id| self.pending.contains_key(id))
        } else {
            self.nameless(message)
        };
        // Anything else answers a request that was given up.
        let Some(pending) = found.and_then(|id| self.pending.remove(&id)) else { return Ok(()) };
        let own = self.heed(message);
        if pending.kind == Kind::Handshake {
            self.close_elsewhere(request, found);
            return self.handshake_reply(message, own, now);
        }
        let mut error = None;
        if message.is_successful() {
            self.announce();
        } else {
            let text = self.clean(&message.error());
            match judge(own, &text) {
                Verdict::Stop => return Err(Error::Refused(text)),
                Verdict::SessionLost => return self.rehandshake(now),
                Verdict::OnlyThis => error = Some(text),
            }
        }
        match pending.kind {
            Kind::Subscribe(channel) => self.subscription_reply(channel, error),
            Kind::Publish(_) => {
                if let Some(number) = found {
                    self.tell(Event::Published { number, error });
                }
            }
            // Whether these were granted makes no difference: the answer itself is what was wanted.
            Kind::Unsubscribe(_) | Kind::Probe | Kind::Handshake => {}
            Kind::Disconnect => self.end(),
        }
        Ok(())
    }

    /// A request answered elsewhere than in its own response must not stay open beside the next one.
    fn close_elsewhere(&mut self, response: Option<u64>, answered: Option<u64>) {
        if let Some(number) = answered.filter(|_| response != answered) {
            self.outputs.push_back(Output::Abandon(number));
        }
    }

    /// Some servers do not repeat the id; then the channel must tell which request is answered.
    fn nameless(&self, message: &Message<'_>) -> Option<u64> {
        let name = message.channel();
        let subscription = message.subscription();
        let same = |channel: &Arc<str>| subscription.as_deref().is_none_or(|named| named == &**channel);
        let fits = |kind: &Kind| match kind {
            Kind::Handshake => name == "/meta/handshake",
            Kind::Subscribe(channel) => name == "/meta/subscribe" && same(channel),
            Kind::Unsubscribe(channel) => name == "/meta/unsubscribe" && same(channel),
            Kind::Probe => name == "/meta/unsubscribe",
            Kind::Publish(channel) => name == **channel,
            Kind::Disconnect => name == "/meta/disconnect",
        };
        self.pending.iter().find(|(_, pending)| fits(&pending.kind)).map(|(id, _)| *id)
    }

    fn handshake_reply(
        &mut self,
        message: &Message<'_>,
        own: Option<Advice>,
        now: Instant,
    ) -> Result<(), Error> {
        let advised = own.and_then(|advice| advice.reconnect);
        if !message.is_successful() {
            let again = matches!(advised, Some(Reconnect::Retry | Reconnect::Handshake));
            return Err(Error::HandshakeRefused { text: self.clean(&message.error()), again });
        }
        if advised == Some(Reconnect::Never) {
            return Err(Error::Refused(NO_REASON.to_owned()));
        }
        let Some(client_id) = message.client_id() else {
            return Err(Error::Protocol("the handshake reply holds no client id".to_owned()));
        };
        self.client_id = Some(client_id);
        self.new_session = true;
        self.last_contact = Some(now);
        self.ack = (self.config.ack && message.grants_ack()).then(|| message.ack_batch().unwrap_or(-1));
        self.acked = self.ack;
        self.offered = message.connection_types().filter(|types| !types.is_empty());
        match self.best_transport() {
            None => Err(Error::NoTransport),
            Some(kind) if kind == self.carrier => self.begin(now),
            Some(kind) => {
                self.usable.retain(|usable| *usable != self.carrier);
                self.open(kind);
                Ok(())
            }
        }
    }

    /// Starts the new session on an open transport. Every wanted channel has to be subscribed anew.
    pub(super) fn begin(&mut self, now: Instant) -> Result<(), Error> {
        self.phase = Phase::Live;
        for (channel, standing) in &mut self.channels {
            // A subscription that was never sent keeps its ext, which no server has seen.
            let unsent = self.queue.iter().any(|queued| queued.kind == Kind::Subscribe(Arc::clone(channel)));
            *standing = if unsent { Standing::Asked } else { Standing::Wanted };
        }
        self.announced = false;
        self.began = Some(now);
        self.announce();
        self.connect_later(Purpose::First, Duration::ZERO, now)
    }

    /// Tells the caller, once, that the server knows us. In a session that goes on, what is not subscribed comes first: whoever
    /// hears that it goes on takes everything else for subscribed.
    fn announce(&mut self) {
        if self.announced {
            return;
        }
        self.announced = true;
        let connected = Event::Connected { new_session: self.new_session, transport: self.carrier };
        if self.new_session {
            self.tell(connected);
            self.ask_for_subscriptions();
        } else {
            self.ask_for_subscriptions();
            self.tell(connected);
        }
    }

    fn ask_for_subscriptions(&mut self) {
        let wanted = self.channels.iter().filter(|(_, standing)| **standing == Standing::Wanted);
        for channel in wanted.map(|(channel, _)| Arc::clone(channel)).collect::<Vec<_>>() {
            self.tell(Event::SubscribeWanted { channel });
        }
    }

    fn connect_reply(&mut self, message: &Message<'_>, now: Instant) -> Result<(), Error> {
        let own = self.heed(message);
        if !message.is_successful() {
            let text = self.clean(&message.error());
            return match judge(own, &text) {
                Verdict::Stop => Err(Error::Refused(text)),
                Verdict::SessionLost => self.rehandshake(now),
                Verdict::OnlyThis => self.connect_failed(&text, now),
            };
        }
        self.last_contact = Some(now);
        self.failures = 0;
        if let (Some(_), Some(batch)) = (self.ack, message.ack_batch()) {
            self.ack = Some(batch);
        }
        self.announce();
        self.tell_gap();
        match self.advice.reconnect {
            Some(Reconnect::Never) => Err(Error::Refused(NO_REASON.to_owned())),
            Some(Reconnect::Handshake) => self.rehandshake(now),
            Some(Reconnect::Retry) | None => {
                let backoff = BACKOFF_STEP * self.hasty.saturating_sub(MOST_HASTY).min(LONGEST_BACKOFF);
                self.connect_later(Purpose::Held, backoff, now)
            }
        }
    }

    fn connect_failed(&mut self, text: &str, now: Instant) -> Result<(), Error> {
        self.failures += 1;
        tracing::debug!(failures = self.failures, text, "connect failed");
        if self.failures >= MOST_FAILURES {
            return self.rehandshake(now);
        }
        self.connect_later(Purpose::Held, BACKOFF_STEP * self.failures, now)
    }

    fn connect_later(&mut self, purpose: Purpose, backoff: Duration, now: Instant) -> Result<(), Error> {
        match self.advice.interval {
            Interval::Never => Err(Error::Refused(NO_REASON.to_owned())),
            Interval::After(wait) => {
                self.connect = Connect::Due { at: now + wait + backoff, purpose };
                Ok(())
            }
        }
    }

    /// The server does not know us any more: gets a new client id, and leaves the subscriptions to the caller.
    fn rehandshake(&mut self, now: Instant) -> Result<(), Error> {
        // A server that forgets us again and again may well answer a connect or two in between.
        let lived = self.began.is_some_and(|began| now.saturating_duration_since(began) >= SETTLED);
        if self.settled || lived {
            self.rehandshakes = 0;
        }
        self.forget_session();
        self.rehandshakes += 1;
        if self.rehandshakes > MOST_REHANDSHAKES {
            return Err(Error::Unsettled);
        }
        match self.advice.interval {
            Interval::Never => Err(Error::Refused(NO_REASON.to_owned())),
            Interval::After(wait) => {
                self.phase = Phase::Waiting(now + wait);
                Ok(())
            }
        }
    }

    pub(super) fn forget_session(&mut self) {
        if let Connect::Outstanding { number, .. } = self.connect {
            self.outputs.push_back(Output::Abandon(number));
        }
        if let Some(number) = self.busy.take() {
            self.outputs.push_back(Output::Abandon(number));
        }
        self.connect = Connect::None;
        self.pending.clear();
        self.queue
            .retain(|queued| matches!(queued.kind, Kind::Subscribe(_) | Kind::Publish(_) | Kind::Disconnect));
        if self.client_id.is_some() {
            self.former_id = self.client_id.take();
        }
        self.new_session = false;
        self.failures = 0;
        self.began = None;
        self.settled = false;
        // A new session tells of its loss by itself.
        self.gap = false;
        self.ack = None;
        self.acked = None;
        self.ignores_hold = false;
    }

    fn subscription_reply(&mut self, channel: Arc<str>, error: Option<String>) {
        // Unsubscribed in the meantime: nobody waits for this answer.
        let Some(standing) = self.channels.get_mut(&channel) else { return };
        match error {
            None => {
                *standing = Standing::Subscribed;
                self.tell(Event::Subscribed { channel });
            }
            Some(error) => {
                if *standing != Standing::Subscribed {
                    *standing = Standing::Refused;
                }
                self.tell(Event::Refused { channel, error });
            }
        }
    }

    /// Takes the advice of a message to heart, and returns it if there was any.
    fn heed(&mut self, message: &Message<'_>) -> Option<Advice> {
        let own = Advice::read(message.advice()?, self.carrier.name())?;
        self.advice = own;
        Some(own)
    }
}

enum Verdict {
    Stop,
    SessionLost,
    OnlyThis,
}

/// What a refusal means: the advice that came with it decides, then the words. Faye gives no advice on subscriptions.
fn judge(own: Option<Advice>, text: &str) -> Verdict {
    match own.and_then(|advice| advice.reconnect) {
        Some(Reconnect::Never) => Verdict::Stop,
        Some(Reconnect::Handshake) => Verdict::SessionLost,
        Some(Reconnect::Retry) => Verdict::OnlyThis,
        None => {
            let text = text.to_ascii_lowercase();
            let lost = text.contains("unknown client") || text.contains("session_unknown");
            if lost { Verdict::SessionLost } else { Verdict::OnlyThis }
        }
    }
}

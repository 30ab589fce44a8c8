//! The deadlines: what is due, and what its silence means.
//!
//! A dead link is noticed after at most `hold + grace + answer`. The held connect is late after `hold + grace`; a connect
//! that wants its answer at once and a probe beside it then have `answer` to show that someone is there.

use std::time::{Duration, Instant};

use super::sending::Command;
use super::{Connect, Kind, Phase, Purpose, Session, TransportKind};
use crate::Error;
use crate::session::exchange::{Event, Output};

impl Session {
    /// When to look again, if nothing comes in before.
    pub fn deadline(&self) -> Option<Instant> {
        let waiting = match self.phase {
            Phase::Waiting(at) => Some(at),
            Phase::Opening | Phase::Handshaking | Phase::Live | Phase::Ended => None,
        };
        let connect = match self.connect {
            Connect::None => None,
            Connect::Due { at, .. } => (!self.waits_for_confirmation()).then_some(at),
            Connect::Outstanding { deadline, .. } => Some(deadline),
        };
        let pending = self.pending.values().map(|pending| pending.deadline).min();
        let queued =
            self.queue.iter().filter_map(|command| command.asked).map(|(_, deadline)| deadline).min();
        [waiting, connect, pending, queued, self.next_probe()].into_iter().flatten().min()
    }

    /// Does everything that is due by now.
    pub(super) fn advance(&mut self, now: Instant) -> Result<(), Error> {
        self.end_silent_requests(now)?;
        if let Phase::Waiting(at) = self.phase
            && at <= now
        {
            self.send_handshake(now);
        }
        match self.connect {
            Connect::Due { at, purpose } if at <= now && !self.waits_for_confirmation() => {
                self.send_connect(purpose, now);
            }
            Connect::Outstanding { number, sent, deadline, purpose } if deadline <= now => {
                self.connect_is_late(number, sent, purpose, now)?;
            }
            Connect::None | Connect::Due { .. } | Connect::Outstanding { .. } => {}
        }
        if self.next_probe().is_some_and(|at| at <= now) {
            self.queue.push_back(Command::new(Kind::Probe));
        }
        self.flush(now);
        Ok(())
    }

    fn end_silent_requests(&mut self, now: Instant) -> Result<(), Error> {
        let last_life = self.last_life;
        let alive_since = |sent: Instant| last_life.is_some_and(|life| life > sent);
        // A probe asks for any sign of life; other traffic is one.
        self.queue.retain(|queued| {
            !queued.asked.is_some_and(|(asked, deadline)| deadline <= now && alive_since(asked))
        });
        self.pending.retain(|_, pending| {
            !(pending.kind == Kind::Probe && pending.deadline <= now && alive_since(pending.sent))
        });
        if self.queue.iter().any(|queued| queued.asked.is_some_and(|(_, deadline)| deadline <= now)) {
            return Err(Error::Silent("a probe"));
        }
        let Some(silent) = self.pending.values().find(|pending| pending.deadline <= now) else {
            return Ok(());
        };
        let error = Error::Silent(match silent.kind {
            Kind::Handshake => "the handshake",
            Kind::Subscribe(_) => "a subscription",
            Kind::Unsubscribe(_) => "an unsubscription",
            Kind::Publish(_) => "a publication",
            Kind::Probe => "a probe",
            Kind::Disconnect => "the goodbye",
        });
        // A proxy may let a WebSocket open and then swallow what it carries.
        if silent.kind == Kind::Handshake && self.carrier == TransportKind::WebSocket {
            return self.fall_back(error);
        }
        Err(error)
    }

    fn connect_is_late(
        &mut self,
        number: u64,
        sent: Instant,
        purpose: Purpose,
        now: Instant,
    ) -> Result<(), Error> {
        let alive_since = |start: Instant| self.last_life.is_some_and(|life| life > start);
        // How long a server may hold it that did not answer at once although asked to.
        let held = now + self.advice.timeout + self.config.grace;
        match purpose {
            Purpose::Held => {
                self.give_up_held(number);
                self.send_connect(Purpose::Proof(now), now);
            }
            Purpose::First => {
                let deadline = now + self.config.answer;
                self.connect = Connect::Outstanding { number, sent, deadline, purpose: Purpose::Proof(now) };
                self.queue.push_back(Command::new(Kind::Probe));
            }
            Purpose::Resumed if alive_since(sent) => {
                let deadline = now + self.agreed_hold() + self.config.grace;
                self.connect = Connect::Outstanding { number, sent, deadline, purpose: Purpose::Held };
                self.tell_gap();
            }
            Purpose::Proof(start) if alive_since(start) => {
                self.ignores_hold = true;
                self.connect = Connect::Outstanding { number, sent, deadline: held, purpose: Purpose::Held };
                self.tell_gap();
            }
            Purpose::Resumed | Purpose::Proof(_) => return Err(Error::Silent("a connect")),
        }
        Ok(())
    }

    /// Puts a fresh connect in the place of a held one, because the caller doubts the link: only the connection of the held
    /// one may be dead. A WebSocket has one connection, and the probe on it proves that.
    pub(super) fn replace_held(&mut self, deadline: Instant, now: Instant) {
        let Connect::Outstanding { number, purpose: Purpose::Held, .. } = self.connect else { return };
        if self.carrier != TransportKind::LongPolling {
            return;
        }
        self.give_up_held(number);
        self.send_connect(Purpose::Resumed, now);
        // The probe keeps the caller's deadline; the connect must not end the session before it.
        if let Connect::Outstanding { deadline: late, .. } = &mut self.connect {
            *late = deadline.max(*late);
        }
    }

    /// The server may have put events into the response of the connect that is given up here. On a WebSocket they still
    /// arrive, and with the acknowledge extension they come again.
    fn give_up_held(&mut self, number: u64) {
        self.outputs.push_back(Output::Abandon(number));
        self.gap |= self.carrier == TransportKind::LongPolling && self.ack.is_none();
    }

    /// Tells of a loss once the server is there again, so that the caller can make up for it. Whatever is published from
    /// here on finds the connect that was sent since.
    pub(super) fn tell_gap(&mut self) {
        if self.gap && self.announced {
            self.gap = false;
            self.tell(Event::Gap);
        }
    }

    /// How long the server is expected to hold a connect.
    pub(super) fn agreed_hold(&self) -> Duration {
        if self.ignores_hold { self.advice.timeout } else { self.config.hold.min(self.advice.timeout) }
    }

    /// When a server that holds connects as long as it likes is to be asked for a sign of life.
    fn next_probe(&self) -> Option<Instant> {
        let Connect::Outstanding { sent, purpose: Purpose::Held, .. } = self.connect else { return None };
        let asked = self.queue.iter().any(|queued| queued.kind == Kind::Probe)
            || self.pending.values().any(|pending| pending.kind == Kind::Probe);
        if asked || !self.ignores_hold {
            return None;
        }
        Some(self.last_life.map_or(sent, |life| life.max(sent)) + self.config.hold)
    }

    /// With the acknowledge extension, the next connect tells the server to forget what it sent.
    fn waits_for_confirmation(&self) -> bool {
        self.ack.is_some() && self.confirmed < self.to_confirm
    }
}

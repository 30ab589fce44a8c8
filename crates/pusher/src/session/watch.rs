//! The deadlines: what is due, and what its silence means (protocol 7, "Ping and pong").

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::exchange::Event;
use super::{Cause, Nothing, Phase, Session, Standing};

impl Session {
    /// When to look again, if nothing comes in before.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Opening | Phase::Ended => None,
            Phase::Greeting(until) => Some(until),
            Phase::Live => {
                let answer = self.asked.front().map(|ask| ask.deadline);
                [self.awaited.or_else(|| self.next_ping()), answer].into_iter().flatten().min()
            }
        }
    }

    /// Asks the server for a sign of life, for example after the machine slept; the session ends with
    /// [`Error::Silent`](crate::Error::Silent) if none comes within this time. Before the server has said its first word
    /// there is no one to ask; that word is then expected within this time.
    pub fn probe(&mut self, within: Duration, now: Instant) {
        let deadline = now + within.clamp(Duration::from_millis(1), Duration::from_secs(3600));
        match &mut self.phase {
            Phase::Greeting(until) => *until = deadline.min(*until),
            Phase::Live => {
                self.send("pusher:ping", Some(Nothing {}), None, now);
                self.awaited = Some(self.awaited.map_or(deadline, |awaited| awaited.min(deadline)));
            }
            Phase::Opening | Phase::Ended => {}
        }
    }

    /// Does everything that is due by now.
    pub(super) fn advance(&mut self, now: Instant) -> Result<(), Cause> {
        match self.phase {
            Phase::Greeting(until) if until <= now => {
                return Err(Cause::Silent("the opening of the connection"));
            }
            Phase::Greeting(_) | Phase::Opening | Phase::Ended => return Ok(()),
            Phase::Live => {}
        }
        if self.awaited.is_some_and(|until| until <= now) {
            return Err(Cause::Silent("a ping"));
        }
        if self.awaited.is_none() && self.next_ping().is_some_and(|at| at <= now) {
            self.send("pusher:ping", Some(Nothing {}), None, now);
            self.awaited = Some(now + self.config.pong);
        }
        while let Some(ask) = self.asked.pop_front_if(|ask| ask.deadline <= now) {
            self.let_late(&ask.channel, ask.number);
        }
        Ok(())
    }

    pub(super) fn sign_of_life(&mut self, now: Instant) {
        self.last_life = Some(now);
        self.awaited = None;
    }

    /// Takes answered subscriptions off the front, so that the deadline there is one that counts. Each goes once.
    pub(super) fn settle_asked(&mut self) {
        while let Some(ask) = self.asked.front()
            && !self.is_outstanding(&ask.channel, ask.number)
        {
            self.asked.pop_front();
        }
    }

    pub(super) fn is_outstanding(&self, channel: &str, number: u64) -> bool {
        self.channels.get(channel).is_some_and(|known| known.standing == Standing::Asked(number))
    }

    fn let_late(&mut self, channel: &Arc<str>, number: u64) {
        let Some(known) = self.channels.get_mut(channel) else { return };
        if known.standing == Standing::Asked(number) {
            known.standing = Standing::Late;
            let text = "the server gave no answer in time".to_owned();
            self.tell(Event::Refused { channel: Arc::clone(channel), status: None, text });
        }
    }

    /// When the next ping is due. What comes in is not enough: we must be heard, too.
    fn next_ping(&self) -> Option<Instant> {
        Some(self.last_life?.min(self.last_sent.or(self.last_life)?) + self.activity)
    }
}

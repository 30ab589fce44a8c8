//! One connection to a relay, or one listener of this machine, for every source that lives by webhooks.
//!
//! In: a receiver and its secrets, and where it was listened to last. Out: [`Heard`], until it ends with a [`Failure`]. Judges no
//! signature and keeps nothing.

use super::local::Local;
use super::stream::Stream;
use super::{Delivery, OAuthReturn, Position, Secrets};
use crate::account::Receiver;
use crate::env::Env;
use crate::link::Failure;
use crate::source::Reports;

/// What was heard.
#[derive(Debug)]
pub enum Heard {
    /// The relay answered, or this machine listens. May come again after a [`Hooks::probe`]: then what follows is once more the past.
    Connected,
    /// All that was kept has come: what follows is the present.
    Ready,
    /// A webhook. (A relay may give it twice.)
    Delivery(Box<Delivery>),
    /// Something may have come that the relay does not hold any more.
    Gap {
        /// The oldest it still holds.
        oldest: Option<String>,
    },
    /// A browser came back to the relay's page after a sign-in; where that stands in the relay's stream.
    Returned(OAuthReturn, Option<Position>),
    /// Nothing that is of use here stands before this position: the cursor may move there.
    Passed(Position),
    /// Something was no webhook, or more than is taken. What comes next is whole.
    Skipped {
        /// Where it stands, if that can be gone on from: the cursor may move there.
        position: Option<Position>,
        /// Why, in a sentence.
        why: String,
    },
}

/// What webhooks come through.
#[derive(Debug)]
pub struct Hooks {
    way: Way,
}

#[derive(Debug)]
enum Way {
    Relay(Box<Stream>),
    Local(Box<Local>),
}

impl Hooks {
    /// Prepares one connection or listener; the first [`next`](Self::next) makes it. `after` is the position that was kept last. Does not
    /// try again by itself.
    pub fn start(
        receiver: &Receiver,
        secrets: &Secrets,
        env: &Env,
        after: Option<Position>,
    ) -> Result<Self, Failure> {
        let way = match receiver {
            Receiver::Relay(relay) => Way::Relay(Box::new(Stream::new(relay, secrets, env, after)?)),
            Receiver::Local(local) => Way::Local(Box::new(Local::new(local, env))),
        };
        Ok(Self { way })
    }

    /// Passes signs of life on to the engine, also those of which nothing is heard.
    #[must_use]
    pub fn telling(mut self, reports: Reports) -> Self {
        if let Way::Relay(stream) = &mut self.way {
            stream.telling(reports);
        }
        self
    }

    /// What is heard next. Cancel safe.
    pub async fn next(&mut self) -> Result<Heard, Failure> {
        match &mut self.way {
            Way::Relay(stream) => stream.next().await,
            Way::Local(local) => local.next().await,
        }
    }

    /// The machine woke or the network changed: the next calls of [`next`](Self::next) show within 5 s that the link lives, or fail.
    pub fn probe(&mut self) {
        match &mut self.way {
            Way::Relay(stream) => stream.probe(),
            // What listens on this machine knows no network.
            Way::Local(_) => {}
        }
    }

    /// Whom it listens to, for people.
    pub fn server(&self) -> &str {
        match &self.way {
            Way::Relay(stream) => stream.server(),
            Way::Local(local) => local.server(),
        }
    }
}

//! What goes into a session and what comes out of it.

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::config::TransportKind;
use crate::Error;

/// What happened to the transport.
#[derive(Debug)]
pub enum Input<'a> {
    /// The transport that [`Output::Open`] asked for is open.
    Opened,
    /// It could not be opened.
    CannotOpen(Error),
    /// A response or frame came in.
    Received {
        /// The number of the request it answers; `None` on a WebSocket.
        request: Option<u64>,
        /// Its text.
        text: &'a str,
    },
    /// The transport, or one of its requests, failed.
    Lost(Error),
    /// Time went by.
    Tick,
}

/// What the session wants done.
#[derive(Debug)]
pub enum Output {
    /// Open this transport, closing any other, and say how it went.
    Open(TransportKind),
    /// Send this.
    Send(Request),
    /// Give up the request of this number; its answer is not wanted any more.
    Abandon(u64),
    /// Tell the caller.
    Event(Event),
}

/// One request: a body for HTTP, a frame for a WebSocket.
pub struct Request {
    /// Numbers grow and are never used twice in a session.
    pub number: u64,
    /// An array of messages as JSON.
    pub body: String,
}

/// Says nothing of the body, which holds the client id.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What a caller learns.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The server knows us. After a new session, whatever was published in between is gone: catch up by other means.
    Connected {
        /// `false` if an earlier session goes on and the server kept what was published since. A channel whose
        /// subscription does not live on was told as [`Event::SubscribeWanted`] before this; every other one is still
        /// subscribed. What was on its way when the connection broke may be lost, unless the acknowledge extension
        /// (`Config::ack`) is granted.
        new_session: bool,
        /// The transport in use.
        transport: TransportKind,
    },
    /// This channel is wanted but not subscribed in this session: answer with a `subscribe` and a fresh `ext`. Comes
    /// after the [`Event::Connected`] of a new session, and before that of one that goes on.
    SubscribeWanted {
        /// The channel.
        channel: Arc<str>,
    },
    /// The server took the subscription. Events may have come before.
    Subscribed {
        /// The channel.
        channel: Arc<str>,
    },
    /// The server refused this one subscription; the others are not touched. If the channel was subscribed before (a
    /// renewal was refused), it still is.
    Refused {
        /// The channel.
        channel: Arc<str>,
        /// The server's words.
        error: String,
    },
    /// Something was published on a channel we want.
    Message {
        /// The channel it was published on; below a wildcard that is not the name that was subscribed.
        channel: Arc<str>,
        /// What was published, not parsed yet.
        data: Box<RawValue>,
        /// The publisher's id of it, if any.
        id: Option<String>,
    },
    /// The server answered a publication of ours.
    Published {
        /// The number that `publish` returned.
        number: u64,
        /// The server's words if it refused.
        error: Option<String>,
    },
    /// The session goes on, but something may have been lost: a held request was given up unanswered, and the server may
    /// have put events into its response. Fetch what was missed by other means. Never told over a WebSocket, or while
    /// the acknowledge extension is granted: there the server's events come again or come late.
    Gap,
    /// A sign of life that carried nothing else. Several may be told as one.
    Alive,
}

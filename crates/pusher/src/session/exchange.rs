//! What goes into a session and what comes out of it.

use std::fmt;
use std::sync::Arc;

use crate::{Data, Error};

/// What happened to the transport.
#[derive(Debug)]
pub enum Input<'a> {
    /// The WebSocket that [`Output::Open`] asked for is open.
    Opened,
    /// A text frame came in.
    Received(&'a str),
    /// A binary frame came in, which the protocol does not know.
    Binary,
    /// A ping or pong of the WebSocket itself came in.
    Alive,
    /// The server closed the WebSocket.
    Closed {
        /// The code of its close frame, if it had one.
        code: Option<u16>,
        /// The text beside it.
        reason: &'a str,
    },
    /// The WebSocket could not be opened, or broke.
    Lost(Error),
    /// Time went by.
    Tick,
}

/// What the session wants done.
#[derive(Debug)]
pub enum Output {
    /// Open a WebSocket to [`Config::address`](crate::Config::address) and say how it went.
    Open,
    /// Send this as a text frame.
    Send(Frame),
    /// Tell the caller.
    Event(Event),
}

/// The text of a frame to send.
pub struct Frame(pub(super) String);

impl Frame {
    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Says nothing of the text, which may hold a signature.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.0.len())
    }
}

/// What a caller learns.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The server knows us. Whatever was published while there was no connection is gone, but for the last event of a
    /// cache channel: catch up by other means.
    Connected {
        /// The name of this connection, which signatures are made for.
        socket_id: Arc<str>,
    },
    /// This channel needs an authorisation for this socket id: answer with `authorize` or `give_up`. Comes on every
    /// connection. It comes again for an encrypted channel whose events cannot be opened any more: the secret may be a
    /// new one.
    AuthorizeWanted {
        /// The channel.
        channel: Arc<str>,
        /// To be signed, and given back with the answer.
        socket_id: Arc<str>,
    },
    /// The server granted the subscription. Events of the channel may have come before.
    Subscribed {
        /// The channel.
        channel: Arc<str>,
    },
    /// This one channel is not subscribed; the connection and the others are not touched. `want` tries again.
    Refused {
        /// The channel.
        channel: Arc<str>,
        /// What the server said of it: a status as HTTP has them (401), or the code of a `pusher:error` (4009). None if
        /// the server said nothing in time; a late grant is still told as [`Event::Subscribed`].
        status: Option<u16>,
        /// The server's words, or ours.
        text: String,
    },
    /// Something was published on a channel we want.
    Message {
        /// The channel.
        channel: Arc<str>,
        /// The name of the event.
        event: String,
        /// What was published.
        data: Data,
        /// Who sent it, if it is a client event on a presence channel.
        user_id: Option<String>,
    },
    /// Someone joined a presence channel.
    MemberAdded {
        /// The channel.
        channel: Arc<str>,
        /// The new member.
        user_id: String,
        /// What is told about it.
        about: Data,
    },
    /// Someone left a presence channel.
    MemberRemoved {
        /// The channel.
        channel: Arc<str>,
        /// Who is gone.
        user_id: String,
    },
    /// A cache channel has no event to begin with.
    CacheMiss {
        /// The channel.
        channel: Arc<str>,
    },
    /// How many connections a channel has, if the app tells.
    Count {
        /// The channel.
        channel: Arc<str>,
        /// That many.
        count: u64,
    },
    /// The server complains, and the connection stays.
    Complaint {
        /// A code like the close codes, if there is one.
        code: Option<u16>,
        /// The server's words.
        text: String,
    },
    /// An event of an encrypted channel that cannot be opened, not even with the secret that was asked for anew.
    Sealed {
        /// The channel.
        channel: Arc<str>,
        /// The name of the event.
        event: String,
    },
    /// A sign of life that carried nothing else. Several may be told as one.
    Alive,
}

impl Event {
    /// The channel it is about, if it is about one.
    pub fn channel(&self) -> Option<&Arc<str>> {
        match self {
            Self::AuthorizeWanted { channel, .. }
            | Self::Subscribed { channel }
            | Self::Refused { channel, .. }
            | Self::Message { channel, .. }
            | Self::MemberAdded { channel, .. }
            | Self::MemberRemoved { channel, .. }
            | Self::CacheMiss { channel }
            | Self::Count { channel, .. }
            | Self::Sealed { channel, .. } => Some(channel),
            Self::Connected { .. } | Self::Complaint { .. } | Self::Alive => None,
        }
    }
}

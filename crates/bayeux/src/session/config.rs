//! What a caller decides before a session starts.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::Error;

/// A way to carry messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportKind {
    /// HTTP requests, one of which the server holds until it has something to say.
    LongPolling,
    /// One WebSocket, with the same messages as text frames.
    WebSocket,
}

impl TransportKind {
    /// The name in the protocol (`long-polling`, `websocket`).
    pub fn name(self) -> &'static str {
        match self {
            Self::LongPolling => "long-polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// What a session needs to know.
#[derive(Clone)]
pub struct Config {
    /// Where the server listens, `http` or `https`; a WebSocket goes to the same place as `ws` or `wss`.
    pub endpoint: Url,
    /// The transports that may be used, the preferred one first.
    pub transports: Vec<TransportKind>,
    /// The largest response or frame that is read, in bytes.
    pub max_message_bytes: usize,
    /// An `ext` for every handshake, for servers that want to know who comes.
    pub handshake_ext: Option<Value>,
    /// Ask for the acknowledge extension (CometD): events stay at the server until
    /// [`Client::confirm`](crate::Client::confirm) was called.
    pub ack: bool,
    /// The longest time the server may hold a `/meta/connect`. A dead link is noticed after at most
    /// `hold + grace + answer`; when the server heeds no such wish, after `hold + answer`.
    pub hold: Duration,
    /// How much later than agreed a held `/meta/connect` may be answered before the link is put to the test.
    pub grace: Duration,
    /// How long any other request may take.
    pub answer: Duration,
}

impl Config {
    /// A configuration with the defaults: long-polling, then WebSocket; at most 1 MiB at once; 25 s held, 8 s of grace,
    /// 10 s for an answer; no acknowledge extension.
    pub fn new(endpoint: Url) -> Self {
        Self {
            endpoint,
            transports: vec![TransportKind::LongPolling, TransportKind::WebSocket],
            max_message_bytes: 1024 * 1024,
            handshake_ext: None,
            ack: false,
            hold: Duration::from_secs(25),
            grace: Duration::from_secs(8),
            answer: Duration::from_secs(10),
        }
    }

    /// Refuses what cannot work, and keeps every duration away from zero, where a deadline would never lie ahead.
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        if !matches!(self.endpoint.scheme(), "http" | "https") || self.endpoint.host().is_none() {
            return Err(Error::Config("the endpoint must be an http or https address"));
        }
        if self.transports.is_empty() {
            return Err(Error::Config("at least one transport is needed"));
        }
        for wait in [&mut self.hold, &mut self.grace, &mut self.answer] {
            *wait = (*wait).clamp(Duration::from_millis(1), Duration::from_secs(24 * 3600));
        }
        Ok(self)
    }
}

/// Says nothing of `handshake_ext`, which may hold credentials.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("endpoint", &self.endpoint.as_str())
            .field("transports", &self.transports)
            .field("max_message_bytes", &self.max_message_bytes)
            .field("ack", &self.ack)
            .field("hold", &self.hold)
            .field("grace", &self.grace)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

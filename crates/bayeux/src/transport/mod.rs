//! The ways messages travel. Each takes numbered request bodies in and gives texts out; none knows what they mean.
//!
//! The work is done by tasks that the transport owns: dropping it ends them, and an answer is read to its end even while
//! the caller is busy elsewhere.

mod long_polling;
mod websocket;

use std::sync::Arc;

use url::Url;

use crate::session::{Request, TransportKind};
use crate::{Config, Error};
use long_polling::LongPolling;
use websocket::WebSocket;

/// What came in: the text, and the number of the request it answers where the transport knows it.
pub(crate) type Arrival = Result<(Option<u64>, Text), Error>;

/// Text as the transport has it, so that none is copied.
pub(crate) enum Text {
    Body(String),
    Frame(tokio_tungstenite::tungstenite::Utf8Bytes),
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Body(text) => text,
            Self::Frame(text) => text.as_str(),
        }
    }
}

/// What opening a transport needs.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) endpoint: Url,
    pub(crate) max_message_bytes: usize,
    pub(crate) http: reqwest::Client,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
}

impl Opener {
    pub(crate) fn new(
        config: &Config,
        http: reqwest::Client,
        tls: Option<Arc<rustls::ClientConfig>>,
    ) -> Self {
        Self { endpoint: config.endpoint.clone(), max_message_bytes: config.max_message_bytes, http, tls }
    }

    pub(crate) async fn open(self, kind: TransportKind) -> Result<Transport, Error> {
        match kind {
            TransportKind::LongPolling => Ok(Transport::LongPolling(LongPolling::new(self))),
            TransportKind::WebSocket => WebSocket::open(self).await.map(Transport::WebSocket),
        }
    }
}

/// An open transport.
pub(crate) enum Transport {
    LongPolling(LongPolling),
    WebSocket(WebSocket),
}

impl Transport {
    pub(crate) fn send(&mut self, request: Request) {
        match self {
            Self::LongPolling(http) => http.send(request),
            Self::WebSocket(socket) => socket.send(request.body),
        }
    }

    /// Gives up a request. On a WebSocket there is nothing to give up: its answer just comes late.
    pub(crate) fn abandon(&mut self, number: u64) {
        match self {
            Self::LongPolling(http) => http.abandon(number),
            Self::WebSocket(_) => {}
        }
    }

    /// Waits for the next arrival. Nothing is lost when the future is dropped.
    pub(crate) async fn arrival(&mut self) -> Arrival {
        match self {
            Self::LongPolling(http) => http.arrival().await,
            Self::WebSocket(socket) => socket.arrival().await,
        }
    }

    /// The next arrival if it is there already.
    pub(crate) fn arrived(&mut self) -> Option<Arrival> {
        match self {
            Self::LongPolling(http) => http.arrived(),
            Self::WebSocket(socket) => socket.arrived(),
        }
    }
}

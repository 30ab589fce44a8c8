//! WebSocket: every array of messages is one text frame.
//!
//! One task reads and does nothing else, one writes; neither ever waits for the caller. Pings are answered by the library
//! while it reads. An HTTP proxy is not used, nor the cookies of the HTTP client.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::{Host, Url};

use super::{Arrival, Opener, Text};
use crate::Error;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How many of the largest allowed frames may wait for the caller.
const MOST_WAITING: usize = 32;

pub(crate) struct WebSocket {
    incoming: UnboundedReceiver<Result<Utf8Bytes, Error>>,
    outgoing: UnboundedSender<String>,
    /// Bytes read and not taken yet.
    waiting: Arc<AtomicUsize>,
    /// Reading and writing; dropped, and so ended, with the transport.
    _tasks: JoinSet<()>,
}

impl WebSocket {
    pub(super) async fn open(opener: Opener) -> Result<Self, Error> {
        let limit = opener.max_message_bytes;
        let (url, connector) = target(opener.endpoint, opener.tls)?;
        let stream = connect(&url).await.map_err(|error| Error::from_chain(&error))?;
        // Frames are small and each waits for an answer.
        stream.set_nodelay(true).map_err(|error| Error::from_chain(&error))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let (socket, _) = client_async_tls_with_config(url.as_str(), stream, Some(config), Some(connector))
            .await
            .map_err(|error| failure(error, limit))?;

        let (sink, stream) = socket.split();
        let (frames, incoming) = unbounded_channel();
        let (outgoing, bodies) = unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(read(stream, frames, Arc::clone(&waiting), limit));
        tasks.spawn(write(sink, bodies));
        Ok(Self { incoming, outgoing, waiting, _tasks: tasks })
    }

    pub(super) fn send(&mut self, body: String) {
        if self.outgoing.send(body).is_err() {
            tracing::debug!("the WebSocket is closed for writing; its reader will say why");
        }
    }

    pub(super) async fn arrival(&mut self) -> Arrival {
        let frame = self.incoming.recv().await;
        self.take(frame.unwrap_or_else(|| Err(closed())))
    }

    pub(super) fn arrived(&mut self) -> Option<Arrival> {
        let frame = self.incoming.try_recv().ok()?;
        Some(self.take(frame))
    }

    fn take(&self, frame: Result<Utf8Bytes, Error>) -> Arrival {
        let text = frame?;
        self.waiting.fetch_sub(text.len(), Ordering::Relaxed);
        Ok((None, Text::Frame(text)))
    }
}

async fn read(
    mut stream: SplitStream<Socket>,
    frames: UnboundedSender<Result<Utf8Bytes, Error>>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
) {
    let error = loop {
        let text = match stream.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Binary(_))) => break Error::Protocol("a binary frame".to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_))) | None => break closed(),
            Some(Err(error)) => break failure(error, limit),
        };
        let before = waiting.fetch_add(text.len(), Ordering::Relaxed);
        if before > limit.saturating_mul(MOST_WAITING) {
            break Error::Behind;
        }
        if frames.send(Ok(text)).is_err() {
            return;
        }
    };
    if frames.send(Err(error)).is_err() {
        tracing::trace!("the WebSocket ended after its owner did");
    }
}

async fn write(mut sink: SplitSink<Socket, Message>, mut bodies: UnboundedReceiver<String>) {
    while let Some(body) = bodies.recv().await {
        if let Err(error) = sink.send(Message::text(body)).await {
            tracing::debug!(%error, "writing to the WebSocket failed; its reader will say why");
            return;
        }
    }
}

/// The address as a WebSocket has it, and how to encrypt.
fn target(mut url: Url, tls: Option<Arc<rustls::ClientConfig>>) -> Result<(Url, Connector), Error> {
    let (scheme, connector) = match (url.scheme(), tls) {
        ("https", Some(tls)) => ("wss", Connector::Rustls(tls)),
        ("https", None) => return Err(Error::Tls("no settings for it were given".to_owned())),
        _ => ("ws", Connector::Plain),
    };
    match url.set_scheme(scheme) {
        Ok(()) => Ok((url, connector)),
        Err(()) => Err(Error::Config("the endpoint must be an http or https address")),
    }
}

async fn connect(url: &Url) -> std::io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(443);
    match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(std::io::ErrorKind::InvalidInput.into()),
    }
}

fn closed() -> Error {
    Error::Network("the WebSocket was closed".to_owned())
}

fn failure(error: tungstenite::Error, limit: usize) -> Error {
    match error {
        tungstenite::Error::Http(response) => {
            Error::Http { status: response.status().as_u16(), retry_after: None }
        }
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => Error::TooLarge { limit },
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => closed(),
        tungstenite::Error::Protocol(error) => Error::Protocol(error.to_string()),
        tungstenite::Error::Utf8(_) => Error::Protocol("a frame is not UTF-8".to_owned()),
        other => Error::from_chain(&other),
    }
}

//! One WebSocket: frames go in and come out; what they mean is not known here.
//!
//! One task reads and does nothing else, one writes; neither ever waits for the caller. Pings are answered by the library
//! while it reads. No HTTP proxy is used and no redirect followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use url::{Host, Url};

use crate::Error;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How many of the largest allowed frames may wait for the caller.
const MOST_WAITING: usize = 32;
/// What a waiting frame costs beside its text.
const OVERHEAD: usize = 64;

/// What came in.
pub(crate) enum Arrival {
    Text(Utf8Bytes),
    Binary,
    /// A ping or pong of the WebSocket itself.
    Alive,
    Closed(Option<u16>, Utf8Bytes),
    Lost(Error),
}

impl Arrival {
    fn cost(&self) -> usize {
        OVERHEAD + if let Self::Text(text) = self { text.len() } else { 0 }
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::Closed(..) | Self::Lost(_))
    }
}

pub(crate) struct WebSocket {
    incoming: UnboundedReceiver<Arrival>,
    outgoing: UnboundedSender<String>,
    /// Bytes read and not taken yet.
    waiting: Arc<AtomicUsize>,
    /// Reading and writing; dropped, and so ended, with the socket.
    _tasks: JoinSet<()>,
}

impl WebSocket {
    pub(crate) async fn open(
        url: Url,
        tls: Option<Arc<rustls::ClientConfig>>,
        limit: usize,
    ) -> Result<Self, Error> {
        let connector = tls.map_or(Connector::Plain, Connector::Rustls);
        let stream = connect(&url).await.map_err(|error| Error::from_chain(&error))?;
        // Frames are small and each waits for an answer.
        stream.set_nodelay(true).map_err(|error| Error::from_chain(&error))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let connector = if url.scheme() == "wss" { connector } else { Connector::Plain };
        let (socket, _) = client_async_tls_with_config(url.as_str(), stream, Some(config), Some(connector))
            .await
            .map_err(|error| failure(error, limit))?;

        let (sink, stream) = socket.split();
        let (arrivals, incoming) = unbounded_channel();
        let (outgoing, texts) = unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(read(stream, arrivals, Arc::clone(&waiting), limit));
        tasks.spawn(write(sink, texts));
        Ok(Self { incoming, outgoing, waiting, _tasks: tasks })
    }

    pub(crate) fn send(&mut self, text: String) {
        if self.outgoing.send(text).is_err() {
            tracing::debug!("the WebSocket is closed for writing; its reader will say why");
        }
    }

    /// Waits for the next arrival. Nothing is lost when the future is dropped.
    pub(crate) async fn arrival(&mut self) -> Arrival {
        let arrival = self.incoming.recv().await;
        self.take(arrival.unwrap_or_else(|| Arrival::Lost(broken())))
    }

    /// The next arrival if it is there already.
    pub(crate) fn arrived(&mut self) -> Option<Arrival> {
        let arrival = self.incoming.try_recv().ok()?;
        Some(self.take(arrival))
    }

    fn take(&self, arrival: Arrival) -> Arrival {
        if !arrival.is_last() {
            self.waiting.fetch_sub(arrival.cost(), Ordering::Relaxed);
        }
        arrival
    }
}

async fn read(
    mut stream: SplitStream<Socket>,
    arrivals: UnboundedSender<Arrival>,
    waiting: Arc<AtomicUsize>,
    limit: usize,
) {
    loop {
        let mut arrival = match stream.next().await {
            Some(Ok(Message::Text(text))) => Arrival::Text(text),
            Some(Ok(Message::Binary(_))) => Arrival::Binary,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Arrival::Alive,
            Some(Ok(Message::Frame(_))) => continue,
            Some(Ok(Message::Close(frame))) => match frame {
                Some(frame) => Arrival::Closed(Some(frame.code.into()), frame.reason),
                None => Arrival::Closed(None, Utf8Bytes::default()),
            },
            Some(Err(error)) => Arrival::Lost(failure(error, limit)),
            None => Arrival::Lost(broken()),
        };
        if !arrival.is_last() {
            let before = waiting.fetch_add(arrival.cost(), Ordering::Relaxed);
            if before > limit.saturating_mul(MOST_WAITING) {
                arrival = Arrival::Lost(Error::Behind);
            }
        }
        let last = arrival.is_last();
        if arrivals.send(arrival).is_err() || last {
            return;
        }
    }
}

async fn write(mut sink: SplitSink<Socket, Message>, mut texts: UnboundedReceiver<String>) {
    while let Some(text) = texts.recv().await {
        if let Err(error) = sink.send(Message::text(text)).await {
            tracing::debug!(%error, "writing to the WebSocket failed; its reader will say why");
            return;
        }
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

fn broken() -> Error {
    Error::Network("the WebSocket broke".to_owned())
}

fn failure(error: tungstenite::Error, limit: usize) -> Error {
    match error {
        tungstenite::Error::Http(response) => {
            Error::Http { status: response.status().as_u16(), retry_after: retry_after(&response) }
        }
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => Error::TooLarge { limit },
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => broken(),
        tungstenite::Error::Protocol(error) => Error::Protocol(error.to_string()),
        tungstenite::Error::Utf8(_) => Error::Protocol("a frame is not UTF-8".to_owned()),
        other => Error::from_chain(&other),
    }
}

fn retry_after<T>(response: &Response<T>) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

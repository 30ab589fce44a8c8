//! The sockets. In: a listener, a router. Out: every connection served within its limits: so long for a head, so long for what we write
//! to be read, so many at once. Knows nothing of what is asked for.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, Sleep};
use tracing::{debug, warn};

use crate::config::Limits;
use crate::metrics::Metrics;
use crate::tasks;

/// Hyper reads heads into a buffer of at least this size.
const SMALLEST_HEAD: usize = 8 << 10;
const MOST_HEADERS: usize = 128;
const SEND_BUFFER: usize = 64 << 10;
/// A dead peer is asked after this silence whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Serves until `stopping` turns true, then answers what is under way. Aborting the task ends every connection at once.
pub(crate) fn start(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    stopping: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tasks::start(serve(listener, router, limits, metrics, stopping))
}

async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    mut stopping: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(limits.connections.max(1)));
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, most likely: they come back as connections end.
                    warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some(ended) = connections.join_next() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    warn!("a connection ended unexpectedly; please report this");
                }
                continue;
            }
            () = tasks::stopped(&mut stopping) => break,
        };
        let Ok(seat) = room.clone().try_acquire_owned() else {
            metrics.connections_refused.add(1);
            turn_away(stream);
            continue;
        };
        let (router, limits, stopping) = (router.clone(), limits.clone(), stopping.clone());
        connections.spawn(async move {
            converse(stream, router, &limits, stopping).await;
            drop(seat);
        });
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.stop_time, all_ended).await.is_err() {
        warn!(left = connections.len(), "some connections did not end in time and are cut");
    }
}

async fn converse(stream: TcpStream, router: Router, limits: &Limits, mut stopping: watch::Receiver<bool>) {
    if let Err(error) = prepare(&stream) {
        debug!(%error, "a connection ended before it began");
        return;
    }
    let stream = TokioIo::new(Impatient::new(stream, limits.write_time));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_time)
        .max_buf_size(limits.head.max(SMALLEST_HEAD))
        .max_headers(MOST_HEADERS);
    let spoke = Arc::new(AtomicBool::new(false));
    let router = TowerToHyperService::new(router);
    let has_spoken = spoke.clone();
    let service = service_fn(move |request| {
        has_spoken.store(true, Ordering::Relaxed);
        router.call(request)
    });
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
    let silent = async {
        tokio::time::sleep(limits.head_time).await;
        if spoke.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = silent => {
            debug!("a connection on which nothing was asked for is cut");
            return;
        }
        () = tasks::stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    // Left to itself, the system gives every reader who does not read megabytes of its memory.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    let alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 4);
    socket.set_tcp_keepalive(&alive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(KEEP_ALIVE * 2))?;
    Ok(())
}

/// One too many: a short word instead of a silent wait. If it cannot be said at once, it is not said.
fn turn_away(mut stream: TcpStream) {
    const WORD: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    tasks::start(async move {
        let said = async {
            stream.write_all(WORD).await?;
            stream.shutdown().await?;
            // Closing with unread bytes would take back the word.
            let mut unread = [0; 1024];
            while tokio::io::AsyncReadExt::read(&mut stream, &mut unread).await? > 0 {}
            io::Result::Ok(())
        };
        // Whoever does not listen is cut.
        drop(tokio::time::timeout(Duration::from_millis(500), said).await);
    });
}

/// A socket whose peer must read what is written to it: one that leaves it unread for too long is cut.
struct Impatient {
    stream: TcpStream,
    patience: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, stuck: None }
    }

    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let until = Instant::now() + self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        match stuck.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
            }
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, closed)
    }
}

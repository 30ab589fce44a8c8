//! A port of this machine at which webhooks arrive, for people with a tunnel (desktop-conventions.md part 12).
//!
//! In: what any local program, any web page and, by the tunnel, anybody may send. Out: deliveries, each answered with 200 only once it
//! is kept. Off unless an account wants it. One request a connection; nothing is unpacked; all that is refused is refused alike.

mod request;

use std::future::Future;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::debug;

use self::request::{Arriving, Body, Head, No, Rules, head};
use super::Delivery;
use super::delivery::{Answer, Verdict};
use super::hooks::Heard;
use crate::account::LocalSettings;
use crate::env::tasks::{Task, Tasks};
use crate::env::{Clock, Env};
use crate::link::Failure;

/// Most connections at a time, and most webhooks that wait to be kept.
const TOGETHER: usize = 32;
/// How long a request's head may take, its body, and keeping it.
const HEAD: Duration = Duration::from_secs(5);
const BODY: Duration = Duration::from_secs(10);
const KEEPING: Duration = Duration::from_secs(10);
/// Longest head and body, in bytes.
const HEAD_BYTES: usize = 16 * 1024;
pub(super) const BODY_BYTES: usize = 1024 * 1024;
/// So many webhooks are taken in a second, and so many at once after a rest.
const A_SECOND: f64 = 20.0;
const AT_ONCE: f64 = 40.0;
/// How long, and how much, is read on after an answer, so that the sender hears it.
const GOODBYE: Duration = Duration::from_secs(1);
const READ_ON: usize = 2 * BODY_BYTES;

/// The listener of an account.
#[derive(Debug)]
pub(super) struct Local {
    rules: Rules,
    server: String,
    clock: Clock,
    standing: Standing,
}

#[derive(Debug)]
enum Standing {
    Idle,
    /// Listens, and has not said yet that there is no past.
    Bound(mpsc::Receiver<Delivery>, Task),
    Ready(mpsc::Receiver<Delivery>, Task),
}

impl Local {
    pub(super) fn new(local: &LocalSettings, env: &Env) -> Self {
        Self {
            rules: Rules::new(local),
            server: format!("port {} of this computer", local.port),
            clock: env.clock.clone(),
            standing: Standing::Idle,
        }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Heard, Failure> {
        match std::mem::replace(&mut self.standing, Standing::Idle) {
            Standing::Idle => {
                let listeners = listen(self.rules.port).await?;
                let (queue, deliveries) = mpsc::channel(TOGETHER);
                let task =
                    Tasks::start("webhooks", serve(listeners, self.rules.clone(), self.clock.clone(), queue));
                self.standing = Standing::Bound(deliveries, task);
                Ok(Heard::Connected)
            }
            Standing::Bound(deliveries, task) => {
                self.standing = Standing::Ready(deliveries, task);
                Ok(Heard::Ready)
            }
            Standing::Ready(deliveries, task) => {
                self.standing = Standing::Ready(deliveries, task);
                let Standing::Ready(deliveries, _) = &mut self.standing else {
                    return Err(stopped(&self.server));
                };
                match deliveries.recv().await {
                    Some(delivery) => Ok(Heard::Delivery(Box::new(delivery))),
                    None => Err(stopped(&self.server)),
                }
            }
        }
    }
}

fn stopped(server: &str) -> Failure {
    Failure::transient(format!("{server} is not listened at any more"))
}

/// Tries whether the port can be had.
pub(super) async fn try_port(port: u16) -> Result<(), Failure> {
    listen(port).await.map(drop)
}

/// 127.0.0.1 and, where there is one, ::1: never an address that others reach.
async fn listen(port: u16) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::new();
    for address in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        match TcpListener::bind((address, port)).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                return Err(Failure::transient(format!(
                    "another program listens at port {port} of this computer: end it, or add the account with another port (`ss -ltnp` or `netstat` shows which program it is)"
                )));
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(Failure::fatal(format!(
                    "this computer lets only its administrator listen at port {port}: choose one above 1023"
                )));
            }
            // A machine without IPv6.
            Err(error) if address.is_ipv6() => debug!(%error, "::1 cannot be listened at"),
            Err(error) => {
                return Err(Failure::transient(format!(
                    "port {port} of this computer cannot be listened at ({error})"
                )));
            }
        }
    }
    Ok(listeners)
}

/// Takes connections in as long as it is let.
async fn serve(listeners: Vec<TcpListener>, rules: Rules, clock: Clock, queue: mpsc::Sender<Delivery>) {
    let mut visits = FuturesUnordered::new();
    let mut bucket = Bucket::full(Instant::now());
    loop {
        tokio::select! {
            Some(()) = visits.next(), if !visits.is_empty() => {}
            arrived = arrival(&listeners) => match arrived {
                Ok(stream) if visits.len() >= TOGETHER => turn_away(&stream),
                Ok(stream) => visits.push(visit(stream, &rules, &clock, &queue, bucket.take(Instant::now()))),
                // Out of files, most likely: the next one may find room.
                Err(error) => {
                    debug!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            () = queue.closed() => return,
        }
    }
}

fn arrival(listeners: &[TcpListener]) -> impl Future<Output = std::io::Result<TcpStream>> {
    let accepted = listeners
        .iter()
        .map(|listener| Box::pin(async { listener.accept().await.map(|(stream, _)| stream) }));
    let first = futures_util::future::select_all(accepted);
    async { first.await.0 }
}

/// There is no room even to read.
fn turn_away(stream: &TcpStream) {
    // Whoever hears nothing tries again all the same.
    drop(stream.try_write(answer(503).as_bytes()));
}

async fn visit(
    mut stream: TcpStream,
    rules: &Rules,
    clock: &Clock,
    queue: &mpsc::Sender<Delivery>,
    has_turn: bool,
) {
    let status = match taken_in(&mut stream, rules, clock, queue, has_turn).await {
        Ok(verdict) => verdict,
        Err(No::Gone) => return,
        Err(No::Answer(status)) => status,
    };
    if !matches!(timeout(GOODBYE, stream.write_all(answer(status).as_bytes())).await, Ok(Ok(()))) {
        return;
    }
    // What is closed with bytes unread may take the answer with it.
    let read_on = async {
        stream.shutdown().await?;
        let mut rest = [0_u8; 4096];
        let mut read = 0;
        while read < READ_ON {
            match stream.read(&mut rest).await? {
                0 => break,
                count => read += count,
            }
        }
        std::io::Result::Ok(())
    };
    drop(timeout(GOODBYE, read_on).await);
}

async fn taken_in(
    stream: &mut TcpStream,
    rules: &Rules,
    clock: &Clock,
    queue: &mpsc::Sender<Delivery>,
    has_turn: bool,
) -> Result<u16, No> {
    let (head, rest) = timeout(HEAD, read_head(stream, rules)).await.map_err(|_| No::Answer(408))??;
    if !has_turn {
        return Err(No::Answer(503));
    }
    let Head { method, headers, query, body, waits } = head;
    if waits {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.map_err(|_| No::Gone)?;
    }
    let body = timeout(BODY, read_body(stream, body, &rest)).await.map_err(|_| No::Answer(408))??;
    let (answer, verdict) = Answer::new();
    let delivery = Delivery {
        position: None,
        received: clock.now(),
        method,
        headers,
        query,
        body,
        exact: true,
        answer: Some(answer),
    };
    queue.try_send(delivery).map_err(|_| No::Answer(503))?;
    match timeout(KEEPING, verdict).await {
        Ok(Ok(Verdict::Kept)) => Ok(200),
        Ok(Ok(Verdict::Refused)) => Ok(401),
        Ok(Err(_)) | Err(_) => Ok(503),
    }
}

/// The head, judged, and what came of the body with it.
async fn read_head(stream: &mut TcpStream, rules: &Rules) -> Result<(Head, Vec<u8>), No> {
    let mut bytes = Vec::new();
    let mut part = [0_u8; 4096];
    loop {
        let count = stream.read(&mut part).await.map_err(|_| No::Gone)?;
        if count == 0 {
            return Err(No::Gone);
        }
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        let found = head(&bytes, rules)?;
        // What is behind the head may be the body.
        if found.as_ref().map_or(bytes.len(), |(_, length)| *length) > HEAD_BYTES {
            return Err(No::Answer(431));
        }
        if let Some((head, length)) = found {
            return Ok((head, bytes.split_off(length)));
        }
    }
}

async fn read_body(stream: &mut TcpStream, body: Body, rest: &[u8]) -> Result<Vec<u8>, No> {
    let mut arriving = Arriving::new(body);
    let mut part = [0_u8; 16 * 1024];
    let mut whole = arriving.feed(rest)?;
    loop {
        if let Some(whole) = whole {
            return Ok(whole);
        }
        let count = stream.read(&mut part).await.map_err(|_| No::Gone)?;
        if count == 0 {
            return Err(No::Gone);
        }
        whole = arriving.feed(part.get(..count).unwrap_or_default())?;
    }
}

/// The whole answer. Says nothing of who answers.
fn answer(status: u16) -> String {
    let (reason, words) = match status {
        200 => ("OK", "ok"),
        400 => ("Bad Request", "this is no request"),
        401 => ("Unauthorized", "the signature is wrong"),
        403 => ("Forbidden", "not from here"),
        408 => ("Request Timeout", "too slow"),
        413 => ("Content Too Large", "too large"),
        415 => ("Unsupported Media Type", "JSON is taken, not packed"),
        431 => ("Request Header Fields Too Large", "too large"),
        503 => ("Service Unavailable", "try again"),
        _ => ("Not Found", "nothing is here"),
    };
    let retry = if status == 503 { "Retry-After: 2\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n{retry}Connection: close\r\n\r\n{words}",
        words.len()
    )
}

/// A token bucket.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn full(at: Instant) -> Self {
        Self { tokens: AT_ONCE, at }
    }

    /// True if there was one to take.
    fn take(&mut self, now: Instant) -> bool {
        let rested = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.tokens = (self.tokens + rested * A_SECOND).min(AT_ONCE);
        let has = self.tokens >= 1.0;
        if has {
            self.tokens -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_gives_a_burst_and_then_its_rate() {
        let begin = Instant::now();
        let mut bucket = Bucket::full(begin);
        assert_eq!((0..100).filter(|_| bucket.take(begin)).count(), 40);
        let later = begin + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 20);
        let much_later = later + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| bucket.take(much_later)).count(), 40);
    }

    #[test]
    fn an_answer_says_nothing_of_who_answers() {
        for status in [200, 400, 401, 403, 404, 408, 413, 415, 431, 503] {
            let said = answer(status).to_ascii_lowercase();
            assert!(
                !said.contains("belfry") && !said.contains("server:") && !said.contains("access-control"),
                "{said}"
            );
            let (head, body) = said.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())), "{said}");
        }
    }
}

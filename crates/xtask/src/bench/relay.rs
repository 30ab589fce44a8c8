//! How soon a sender of webhooks has its answer, and how soon ten thousand of them are with their readers: over the embedded store, and over
//! a cluster of three NATS servers.
//!
//! Plain HTTP over threads and no library: the other end is ours. A request is timed from the moment at which it was due, so that one that
//! had to wait for the one before it counts in full.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use xtask::crew::Crew;
use xtask::nats::Cluster;
use xtask::place::Place;
use xtask::wait;

use super::measure::Usage;
use super::report::Row;
use super::{LIMIT, mebibytes, milliseconds};
use crate::test::cargo;

const RATE: u32 = 100;
const STEADY: usize = 3_000;
const BURST: usize = 1_000;
const ALL: usize = 10_000;
const CONNECTIONS: usize = 32;
/// How long all of them may take to their readers.
const THROUGH: Duration = Duration::from_secs(180);
/// A channel each: the beginnings of the SHA-256 of the read tokens `bench-0`, `bench-1`, … A channel takes so many in one go without
/// being told to come later.
const READERS: [&str; 10] = [
    "D3LtsSY5M5_iZZsQWzYq3A",
    "qynif5TXpul77JLE5lo0yQ",
    "pEYKL2DJ7EkDJXkjV0o4Fg",
    "_9xFDkw1pansBot96z0nTw",
    "mlzVowZVIUaNih5UfKX1iw",
    "u3e-QbkQqY6JkbheScCjLw",
    "OQ01vFK9aJsDt1gkS_1e4A",
    "iPs4yVTxPEeso4RqzId9aQ",
    "HQ5DSX4HR-3tXjGg-KqMEA",
    "q0mSsn4VwTMtotolK_NoOw",
];

/// The figures over each store.
pub(crate) fn measure(place: &Place) -> Result<Vec<Row>> {
    let mut build = cargo(place);
    build.args(["build", "--release", "-p", "belfry-relay"]);
    if !build.status().context("cannot start cargo")?.success() {
        bail!("the relay does not build");
    }
    let mut rows = Bench::start(place, "one SQLite file", "sqlite", 1)?.measure()?;
    let cluster = Cluster::start()?;
    rows.extend(Bench::start(place, "three NATS servers", &cluster.url(), 2)?.measure()?);
    Ok(rows)
}

struct Bench {
    // First the programs end, then their folder goes.
    crew: Crew,
    what: &'static str,
    ports: Vec<u16>,
    channels: Vec<String>,
    _folder: TempDir,
}

impl Bench {
    fn start(place: &Place, what: &'static str, store: &str, relays: usize) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("belfry-bench-").tempdir()?;
        let mut crew = Crew::new(folder.path())?;
        let mut ports = Vec::new();
        for number in 0..relays {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let name = format!("relay {number}");
            let mut relay = Command::new(place.program("release", "belfry-relay"));
            relay.args(["--store", store, "--log", "warn", "--listen", &format!("127.0.0.1:{port}")]);
            relay.arg("--data").arg(folder.path().join("data")).stdin(Stdio::null());
            crew.start(&name, &mut relay)?;
            wait::until("the relay", LIMIT, || {
                crew.check(&name)?;
                Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop))
            })?;
            ports.push(port);
        }
        let mut bench = Self { crew, what, ports, channels: Vec::new(), _folder: folder };
        for reader in READERS {
            let wish = format!("{{\"reader\":\"{reader}\"}}");
            let (status, made) = Line::to(bench.port(0))?.post("/channels", &wish)?;
            let made: Value = serde_json::from_str(&made).with_context(|| format!("{status} {made}"))?;
            let name = made.get("channel").and_then(Value::as_str).context("no channel was made")?;
            bench.channels.push(name.to_owned());
        }
        Ok(bench)
    }

    fn port(&self, number: usize) -> u16 {
        self.ports.get(number % self.ports.len().max(1)).copied().unwrap_or_default()
    }

    fn measure(&mut self) -> Result<Vec<Row>> {
        let pid = self.crew.pid("relay 0").context("the relay is not running")?;
        println!("Ringing {RATE} times a second over {} …", self.what);
        let steady = self.ring(STEADY, Some(RATE))?;
        println!("Ringing {BURST} times at once …");
        let began = Instant::now();
        let burst = self.ring(BURST, None)?;
        let burst_took = began.elapsed();
        println!("Ringing {ALL} times, with readers …");
        let through = self.through()?;
        let after = Usage::of(pid)?;
        let row = |what: &str, measured: String, budget| {
            Row::new(&format!("relay over {}: {what}", self.what), measured, budget, "")
        };
        Ok(vec![
            row(
                &format!("answer at {RATE} a second for {} s", STEADY / 100),
                spread(&steady)?,
                "≤ 5 s, Podium's limit",
            ),
            row(
                &format!("answer in a burst of {BURST} over {CONNECTIONS} connections"),
                format!("{}, all in {}", spread(&burst)?, milliseconds(burst_took)),
                "≤ 5 s",
            ),
            row(
                &format!("{ALL} webhooks from {CONNECTIONS} connections to {} readers", READERS.len()),
                through,
                "none lost, none doubled",
            ),
            row("PSS of a relay after that", mebibytes(after.pss), ""),
        ])
    }

    /// How long each answer took. All of them must be 200.
    fn ring(&self, count: usize, rate: Option<u32>) -> Result<Vec<Duration>> {
        let next = AtomicUsize::new(0);
        let began = Instant::now();
        std::thread::scope(|scope| {
            let ringing: Vec<_> = (0..CONNECTIONS)
                .map(|connection| {
                    let next = &next;
                    scope.spawn(move || self.ring_on(connection, count, rate, began, next))
                })
                .collect();
            let mut times = Vec::new();
            for one in ringing {
                times.extend(one.join().map_err(|_| anyhow::anyhow!("a sender failed"))??);
            }
            Ok(times)
        })
    }

    fn ring_on(
        &self,
        connection: usize,
        count: usize,
        rate: Option<u32>,
        began: Instant,
        next: &AtomicUsize,
    ) -> Result<Vec<Duration>> {
        let mut line = Line::to(self.port(connection))?;
        let mut times = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(times);
            }
            let due = match rate {
                Some(rate) => began + Duration::from_secs(1) * u32::try_from(number)? / rate,
                None => Instant::now(),
            };
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let channel = self.channels.get(number % self.channels.len().max(1)).context("no channel")?;
            line.ring(channel, &format!("{number} of {count}"))?;
            times.push(due.elapsed());
        }
    }

    /// All of them sent and read at the same time, by a reader a channel, who begins with what came before.
    fn through(&self) -> Result<String> {
        let each = (STEADY + BURST + ALL) / READERS.len();
        std::thread::scope(|scope| {
            let began = Instant::now();
            let mut readers = Vec::new();
            for (number, channel) in self.channels.iter().enumerate() {
                let port = self.port(number);
                readers.push(scope.spawn(move || read(port, channel, number, each)));
            }
            let answers = self.ring(ALL, None)?;
            let sent = began.elapsed();
            for reader in readers {
                reader.join().map_err(|_| anyhow::anyhow!("a reader failed"))??;
            }
            Ok(format!(
                "sent in {:.1} s, read in {:.1} s, answers {}",
                sent.as_secs_f64(),
                began.elapsed().as_secs_f64(),
                spread(&answers)?
            ))
        })
    }
}

/// Reads so many webhooks; fails at the first that comes twice.
fn read(port: u16, channel: &str, number: usize, count: usize) -> Result<()> {
    let mut line = Line::to(port)?;
    line.listen(channel, number)?;
    let mut seen = HashSet::new();
    while seen.len() < count {
        let text = line.line()?;
        // What stands between are the lengths of the chunks, ids and empty lines.
        let Some(data) = text.strip_prefix("data: ") else { continue };
        let event: Value = serde_json::from_str(data).context("a reader was sent no JSON")?;
        if let Some(id) = event.get("id").and_then(Value::as_str)
            && !seen.insert(id.to_owned())
        {
            bail!("a webhook came twice");
        }
    }
    Ok(())
}

fn spread(times: &[Duration]) -> Result<String> {
    let slowest = times.iter().max().copied().context("nothing was timed")?;
    Ok(format!("{}, max {}", super::spread(times)?, milliseconds(slowest)))
}

/// One connection that stays.
struct Line(BufReader<TcpStream>);

impl Line {
    fn to(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).context("the relay does not answer")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(THROUGH))?;
        Ok(Self(BufReader::new(stream)))
    }

    fn ring(&mut self, channel: &str, uid: &str) -> Result<()> {
        // About as large as a message of Podium's.
        let body = format!("{{\"metadata\":{{\"eventUid\":{uid:?}}},\"data\":{:?}}}", "x".repeat(900));
        let (status, said) = self.post(&format!("/hook/{channel}"), &body)?;
        if status != 200 {
            bail!("a webhook was answered by {status}: {said}");
        }
        Ok(())
    }

    fn post(&mut self, path: &str, body: &str) -> Result<(u16, String)> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).context("no status")?.parse()?;
        let mut length = 0;
        loop {
            let header = self.line()?.to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut said = vec![0; length];
        self.0.read_exact(&mut said)?;
        Ok((status, String::from_utf8_lossy(&said).into_owned()))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            bail!("the relay closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }

    /// Begins a stream.
    fn listen(&mut self, channel: &str, number: usize) -> Result<()> {
        let request = format!(
            "GET /events/{channel} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer bench-{number}\r\n\r\n"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        if !status.contains(" 200 ") {
            bail!("a reader was answered by {status}");
        }
        Ok(())
    }
}

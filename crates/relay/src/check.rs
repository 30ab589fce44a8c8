//! Asks a running relay whether it is well: for a container's health check, where no other client is at hand.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

/// The store has three seconds to answer; the relay some more.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than its answer has.
const LONGEST: u64 = 4096;

/// Succeeds if the relay that listens there could keep a webhook right now.
pub(crate) fn check(listen: SocketAddr) -> anyhow::Result<()> {
    let reached = SocketAddr::new(reached_at(listen.ip()), listen.port());
    let mut stream = TcpStream::connect_timeout(&reached, PATIENCE)
        .with_context(|| format!("No relay answers at {reached}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(
        format!("GET /health HTTP/1.1\r\nHost: {reached}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer).context("The relay did not answer in time")?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    let said = answer.split_once("\r\n\r\n").map(|(_, body)| body.trim()).unwrap_or_default();
    bail!("The relay is unwell: {said}")
}

/// Who listens everywhere is reached on this machine.
fn reached_at(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

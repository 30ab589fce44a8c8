//! The misbehaving wire, in front of a server that echoes.

use belfry_sandbox::{Mode, Stalled, Wire};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await.ok();
            });
        }
    });
    address
}

async fn line(stream: &mut TcpStream) -> std::io::Result<[u8; 4]> {
    stream.write_all(b"ping").await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// `Err(())` when nothing came for a moment; a stall can only be seen by waiting.
async fn answer_in_a_moment(stream: &mut TcpStream) -> Result<[u8; 4], ()> {
    tokio::time::timeout(Duration::from_millis(150), line(stream)).await.map_err(|_| ())?.map_err(|_| ())
}

#[tokio::test]
async fn a_passing_wire_forwards_and_a_cut_one_resets() {
    let wire = Wire::start(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(wire.address()).await.unwrap();
    assert_eq!(&line(&mut stream).await.unwrap(), b"ping");
    wire.set(Mode::Cut);
    let mut end = [0; 1];
    assert_eq!(stream.read(&mut end).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let mut refused = TcpStream::connect(wire.address()).await.unwrap();
    assert!(line(&mut refused).await.is_err());
    wire.set(Mode::Pass);
    assert!(line(&mut TcpStream::connect(wire.address()).await.unwrap()).await.is_ok());
    assert_eq!(wire.accepted(), 3);
}

#[tokio::test]
async fn a_stalled_connection_stays_dead_while_new_ones_pass() {
    let wire = Wire::start(echo().await).await.unwrap();
    let mut old = TcpStream::connect(wire.address()).await.unwrap();
    line(&mut old).await.unwrap();
    wire.set(Mode::Stall);
    assert!(answer_in_a_moment(&mut old).await.is_err());
    let mut during = TcpStream::connect(wire.address()).await.unwrap();
    assert!(answer_in_a_moment(&mut during).await.is_err());
    wire.set(Mode::Pass);
    assert!(line(&mut TcpStream::connect(wire.address()).await.unwrap()).await.is_ok());
    assert!(answer_in_a_moment(&mut old).await.is_err());
    assert_eq!(wire.open(), 2, "the two stalled ones are still open");
}

#[tokio::test]
async fn a_stalled_connection_can_go_on_where_it_stopped() {
    let wire = Wire::start(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(wire.address()).await.unwrap();
    line(&mut stream).await.unwrap();
    wire.set(Mode::Stall);
    assert!(answer_in_a_moment(&mut stream).await.is_err());
    wire.set_and(Mode::Pass, Stalled::Resume);
    let mut late = [0; 4];
    stream.read_exact(&mut late).await.unwrap();
    assert_eq!(&late, b"ping");
}

#[tokio::test]
async fn one_way_stalls_lose_only_that_way() {
    for mode in [Mode::StallAnswers, Mode::StallRequests] {
        let wire = Wire::start(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(wire.address()).await.unwrap();
        line(&mut stream).await.unwrap();
        wire.set(mode);
        assert!(answer_in_a_moment(&mut stream).await.is_err(), "{mode:?}");
    }
}

#[tokio::test]
async fn a_slow_wire_keeps_its_rate() {
    let wire = Wire::start(echo().await).await.unwrap();
    wire.set(Mode::Slow(1_000));
    let mut stream = TcpStream::connect(wire.address()).await.unwrap();
    let began = Instant::now();
    stream.write_all(&[7; 600]).await.unwrap();
    let mut answer = [0; 600];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(550));
}

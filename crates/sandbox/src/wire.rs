//! A loopback TCP proxy that misbehaves on demand, in front of any server: bytes go in on one side and come out
//! on the other unless the mode says otherwise. It knows nothing of the protocols it carries.

use crate::tasks::{self, EndsWithOwner};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the wire does with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Forwards both ways.
    Pass,
    /// Resets what is open and refuses what is new (the port stays bound: a new connection is reset at once).
    Cut,
    /// Closes what is open, politely, and refuses what is new: a proxy that is shut down.
    Close,
    /// Keeps everything open and accepts more, but forwards nothing: a half-open connection.
    Stall,
    /// Forwards from client to server only; answers never arrive.
    StallAnswers,
    /// Forwards from server to client only; requests never arrive.
    StallRequests,
    /// Forwards both ways at this many bytes a second (at least one).
    Slow(u32),
}

/// What becomes of connections that were stalled when the mode returns to [`Mode::Pass`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stalled {
    /// They stay dead, as after a router lost its table.
    #[default]
    StayDead,
    /// They go on where they stopped, as after a short loss of signal.
    Resume,
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    mode: Mode,
    stalled: Stalled,
}

/// A running proxy; it ends when dropped.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    setting: watch::Sender<Setting>,
    open: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
    _accepting: EndsWithOwner,
}

impl Wire {
    /// Listens on a free loopback port and forwards to `target`.
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on loopback")?;
        let address = listener.local_addr()?;
        let (setting, settings) = watch::channel(Setting { mode: Mode::Pass, stalled: Stalled::StayDead });
        let open = Arc::new(AtomicUsize::new(0));
        let accepted = Arc::new(AtomicUsize::new(0));
        let work = accept_all(listener, target, settings, Arc::clone(&open), Arc::clone(&accepted));
        Ok(Self { address, setting, open, accepted, _accepting: EndsWithOwner(tasks::start(work)) })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://…` of [`Self::address`], without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the mode; connections that are stalled now stay dead afterwards.
    pub fn set(&self, mode: Mode) {
        self.set_and(mode, Stalled::StayDead);
    }

    /// Back to [`Mode::Pass`]; stalled connections go on where they stopped.
    pub fn resume(&self) {
        self.set_and(Mode::Pass, Stalled::Resume);
    }

    /// Changes the mode and says what becomes of stalled connections.
    pub fn set_and(&self, mode: Mode, stalled: Stalled) {
        self.setting.send_replace(Setting { mode, stalled });
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// How many connections came in so far, refused ones included.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn accept_all(
    listener: TcpListener,
    target: SocketAddr,
    settings: watch::Receiver<Setting>,
    open: Arc<AtomicUsize>,
    accepted: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            client = listener.accept() => match client {
                Ok((client, _)) => {
                    accepted.fetch_add(1, Ordering::SeqCst);
                    open.fetch_add(1, Ordering::SeqCst);
                    let count = Counted(Arc::clone(&open));
                    connections.spawn(carry(client, target, settings.clone(), count));
                }
                Err(error) => tracing::warn!(%error, "the wire could not accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Counts a connection down when it ends, however it ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn carry(client: TcpStream, target: SocketAddr, settings: watch::Receiver<Setting>, _count: Counted) {
    let mode = settings.borrow().mode;
    if matches!(mode, Mode::Cut | Mode::Close) {
        reset(&client);
        return;
    }
    // A stalled wire does not reach the server at all: the connection exists for the client only, until resumed.
    let mut waiting = settings.clone();
    if matches!(mode, Mode::Stall | Mode::StallRequests) && !until_revived(&mut waiting).await {
        reset(&client);
        return;
    }
    let server = match TcpStream::connect(target).await {
        Ok(server) => server,
        Err(error) => {
            tracing::debug!(%error, "the wire's target refused");
            reset(&client);
            return;
        }
    };
    for side in [&client, &server] {
        if let Err(error) = side.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
        }
    }
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let ended = {
        let requests = pump(client_in, server_out, settings.clone(), Direction::Requests);
        let answers = pump(server_in, client_out, settings, Direction::Answers);
        tokio::join!(requests, answers)
    };
    for Ended { read, write, how } in [ended.0, ended.1] {
        if how == End::Cut {
            reset(read.as_ref());
            reset(write.as_ref());
            // Dropping a writing half says goodbye politely; a cut does not.
            write.forget();
        }
    }
}

fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection was gone before it could be reset");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Answers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Cut,
}

struct Ended {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    how: End,
}

/// Forwards one direction until an end or a cut.
async fn pump(
    mut read: OwnedReadHalf,
    mut write: OwnedWriteHalf,
    mut settings: watch::Receiver<Setting>,
    direction: Direction,
) -> Ended {
    let mut buffer = vec![0_u8; 16 * 1024];
    let how = loop {
        let mode = settings.borrow_and_update().mode;
        let limit = match (mode, direction) {
            (Mode::Cut, _) => break End::Cut,
            (Mode::Close, _) => break End::Closed,
            (Mode::Stall, _)
            | (Mode::StallAnswers, Direction::Answers)
            | (Mode::StallRequests, Direction::Requests) => {
                if until_revived(&mut settings).await {
                    continue;
                }
                break End::Cut;
            }
            // Twenty portions a second keep the flow even.
            (Mode::Slow(rate), _) => {
                usize::try_from((rate / 20).max(1)).unwrap_or(usize::MAX).min(buffer.len())
            }
            (Mode::Pass | Mode::StallAnswers | Mode::StallRequests, _) => buffer.len(),
        };
        let Some(room) = buffer.get_mut(..limit) else { break End::Closed };
        let count = tokio::select! {
            biased;
            changed = settings.changed() => if changed.is_err() { break End::Closed } else { continue },
            count = read.read(room) => match count {
                Ok(0) | Err(_) => break End::Closed,
                Ok(count) => count,
            },
        };
        let Some(bytes) = buffer.get(..count) else { break End::Closed };
        if let Mode::Slow(rate) = mode {
            let spent = Duration::from_secs_f64(
                f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(rate.max(1)),
            );
            tokio::time::sleep(spent).await;
        }
        let wrote = tokio::select! {
            wrote = write.write_all(bytes) => wrote,
            // The other side may have stopped reading; a cut must not wait for it.
            () = until_cut(settings.clone()) => break End::Cut,
        };
        if wrote.is_err() {
            break End::Closed;
        }
    };
    if how == End::Closed && write.shutdown().await.is_err() {
        tracing::trace!("the other side was gone already");
    }
    Ended { read, write, how }
}

async fn until_cut(mut settings: watch::Receiver<Setting>) {
    // When the wire itself is gone, its connections are being ended already.
    if settings.wait_for(|setting| matches!(setting.mode, Mode::Cut | Mode::Close)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits while the connection is stalled. `true`: it goes on; `false`: it is to be cut, or the wire is gone.
async fn until_revived(settings: &mut watch::Receiver<Setting>) -> bool {
    loop {
        if settings.changed().await.is_err() {
            return false;
        }
        let setting = *settings.borrow_and_update();
        match (setting.mode, setting.stalled) {
            (Mode::Cut | Mode::Close, _) => return false,
            (Mode::Pass | Mode::Slow(_), Stalled::Resume) => return true,
            (Mode::Pass | Mode::Slow(_), Stalled::StayDead)
            | (Mode::Stall | Mode::StallAnswers | Mode::StallRequests, _) => {}
        }
    }
}

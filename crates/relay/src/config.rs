//! What a relay is told at its start. Plain values with usable defaults; who reads them says what they mean to it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// Everything a relay is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// How the world reaches it, if that differs: `https://hooks.example.org/`, a path included where a proxy strips it.
    pub public_url: Option<Url>,
    /// Where entries are kept.
    pub store: StoreAt,
    /// Whether anybody may make a channel. `None`: only where it has no public URL and listens on loopback; else a join code is asked for.
    pub open: Option<bool>,
    /// Whether a reader may send its token as `?access_token=`, for clients that cannot send headers. URLs end up in logs of proxies.
    pub token_in_url: bool,
    /// The store was put back from a backup: its positions begin a new epoch, so that no reader skips what came since.
    pub restored: bool,
    /// What is kept, and for how long.
    pub retention: Retention,
    /// What a client may ask for.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
            public_url: None,
            store: StoreAt::File(PathBuf::from("relay.db")),
            open: None,
            token_in_url: false,
            restored: false,
            retention: Retention::default(),
            limits: Limits::default(),
        }
    }
}

/// Where entries are kept.
#[derive(Debug, Clone)]
pub enum StoreAt {
    /// One SQLite file, for a relay on one machine. The keys and a lock lie beside it.
    File(PathBuf),
    /// A stream of a NATS cluster, for any number of relays.
    Nats(NatsAt),
}

/// A stream of a NATS cluster.
#[derive(Debug, Clone)]
pub struct NatsAt {
    /// Servers to begin with, `nats://host:port` or `tls://host:port`. A password does not belong here.
    pub servers: Vec<Url>,
    /// What to sign in with, if the servers ask for it.
    pub sign_in: Option<NatsSignIn>,
    /// On how many servers each entry lies. `None`: on three, or on one if the server stands alone.
    pub replicas: Option<usize>,
    /// What the stream, its subjects and its buckets are named by, so that relays of two owners can share a cluster.
    pub name: String,
}

impl NatsAt {
    /// The usual stream on these servers.
    pub fn new(servers: Vec<Url>) -> Self {
        Self { servers, sign_in: None, replicas: None, name: "belfry".to_owned() }
    }
}

/// What a relay signs in with at NATS: the text of a credentials file, `user:password`, or a token.
#[derive(Clone)]
pub struct NatsSignIn(String);

impl NatsSignIn {
    /// As it stands in a file or in the environment.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NatsSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NatsSignIn(…)")
    }
}

/// What is kept, and for how long. What is over goes, oldest first, and a reader who missed it is told.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Entries older than this go.
    pub age: Duration,
    /// Entries of one channel above this number go.
    pub entries: u64,
    /// Bytes of one channel above this number go.
    pub bytes: u64,
    /// Bytes of all channels together: above this number the channel with most of them gives way.
    pub total_bytes: u64,
    /// How long a message id is known, so that a sender's retry is not a second entry.
    pub doubles: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Duration::from_secs(14 * 24 * 3600),
            entries: 50_000,
            bytes: 256 << 20,
            total_bytes: 8 << 30,
            doubles: Duration::from_secs(14 * 24 * 3600),
        }
    }
}

/// What a client may ask for.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest body of a webhook, in bytes.
    pub body: usize,
    /// Largest head of a request (line and headers), in bytes; at least 8 KiB.
    pub head: usize,
    /// How long a client may take to send its first head.
    pub head_time: Duration,
    /// How long a connection that was used may be idle, its next head included. Longer than web servers in front keep theirs (Caddy: two
    /// minutes), so that none sends a webhook into a connection that is just being closed.
    pub idle_time: Duration,
    /// How long a client may take to send a body.
    pub body_time: Duration,
    /// How long the store may take before the sender is asked to come again.
    pub store_time: Duration,
    /// How long a client may leave what we write unread.
    pub write_time: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// Bytes of bodies under way at the same time.
    pub bodies: usize,
    /// Bytes of pages on their way to readers at the same time, three megabytes at least: a reader's next page waits until there is room.
    pub pages: usize,
    /// Webhooks into one channel.
    pub rate: Rate,
    /// Readers of one channel; one more takes the place of the oldest.
    pub readers_per_channel: usize,
    /// Readers of all channels.
    pub readers: usize,
    /// Silence on a reader's stream after which a ping is sent.
    pub ping: Duration,
    /// How long a stop waits for requests under way.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            head: 16 << 10,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(150),
            body_time: Duration::from_secs(10),
            store_time: Duration::from_secs(3),
            write_time: Duration::from_secs(30),
            connections: 4096,
            bodies: 128 << 20,
            pages: 128 << 20,
            rate: Rate { per_second: 200, burst: 2_000 },
            readers_per_channel: 8,
            readers: 2_048,
            ping: Duration::from_secs(25),
            stop_time: Duration::from_secs(8),
        }
    }
}

/// So many a second, and so many at once after a pause.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// In the long run.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

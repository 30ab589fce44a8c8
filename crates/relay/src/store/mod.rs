//! What came in and was not yet too old: kept until every reader had the time to fetch it. In: entries. Out: the same, in one order, and
//! what went meanwhile. Opaque bytes: a store knows nothing of what it keeps.
//!
//! Two stores exist: one SQLite file, and a stream of a NATS cluster. Every entry of a store has a *sequence number*, which grows over
//! all channels and never comes again; the store's *epoch* tells its numbers apart from those of a store that was made anew.

mod nats;
mod sqlite;
mod wakes;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::channel::{ChannelId, RelayKey};
use crate::config::{Config, StoreAt};

pub use wakes::Wakes;

/// About how many bytes one page may hold; its first entry comes whatever its size.
pub(crate) const PAGE_BYTES: usize = 1 << 20;

/// Where entries are kept. Each future may be dropped: what was asked for is then done or not, but never half.
pub trait Store: Send + Sync + fmt::Debug {
    /// When this store was made, in milliseconds of UTC. Another epoch is another count of sequence numbers.
    fn epoch(&self) -> u64;

    /// The secrets that all relays of this store share.
    fn keys(&self) -> &Keys;

    /// Keeps an entry. Returns once it would outlive a power cut, or was known already.
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, StoreError>>;

    /// The entries of a channel after a sequence number, oldest first: at most `limit`, and about one megabyte.
    fn read(&self, channel: ChannelId, after: u64, limit: usize) -> BoxFuture<'_, Result<Page, StoreError>>;

    /// Changes whenever the channel may have something new. What is appended after this call is never missed, by any relay of the store.
    fn watch(&self, channel: ChannelId) -> watch::Receiver<u64>;

    /// Forgets what is kept of a channel. Says of how many entries.
    fn forget(&self, channel: ChannelId) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Whether an entry could be kept right now; else, in words, why not.
    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What a person should be told at the start, such as a damaged file that was set aside.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Ends it in order. Calls after this are refused.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Opens the store that the configuration names, making whatever is missing.
pub async fn open(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    match &config.store {
        StoreAt::File(path) => sqlite::open(path.clone(), config.retention.clone(), config.restored).await,
        StoreAt::Nats(at) => nats::open(at.clone(), config.retention.clone(), config.restored).await,
    }
}

/// The secrets that all relays of one store share. Made once.
#[derive(Clone)]
pub struct Keys {
    /// Makes channels.
    pub relay: RelayKey,
    /// What a person must know to be given a channel, unless the relay is open.
    pub join_code: String,
}

impl Keys {
    /// Fresh ones.
    pub fn random() -> Self {
        // 100 bits in groups that a person can copy from a terminal, without letters that look alike.
        const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstvwxyz0123456789";
        let bytes: [u8; 20] = rand::random();
        let mut join_code = String::new();
        for (place, byte) in bytes.iter().enumerate() {
            if place > 0 && place % 5 == 0 {
                join_code.push('-');
            }
            join_code.extend(ALPHABET.get(usize::from(byte % 32)).map(|&letter| char::from(letter)));
        }
        Self { relay: RelayKey::random(), join_code }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What makes two deliveries the same. It holds the channel already: it is unique over the whole store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId([u8; 16]);

impl MessageId {
    /// The one that was kept.
    pub fn from_bytes(id: [u8; 16]) -> Self {
        Self(id)
    }

    /// For keeping it.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

/// What is to be kept.
#[derive(Clone)]
pub struct Entry {
    /// Whose it is.
    pub channel: ChannelId,
    /// What makes two of it the same.
    pub message: MessageId,
    /// Another id under which the same may have come a moment ago. The embedded store looks for it, too; NATS knows one id of each.
    pub earlier: Option<Earlier>,
    /// When it came, in milliseconds of UTC.
    pub received: u64,
    /// The name of the server-sent event; empty for a webhook, which has none.
    pub event: &'static str,
    /// What a reader is sent: one line of JSON, sealed or not.
    pub data: Bytes,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({:?}, {:?}, {} bytes)", self.channel, self.message, self.data.len())
    }
}

/// An id under which an entry may have come before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// The id.
    pub message: MessageId,
    /// What came before this moment was another one; in milliseconds of UTC.
    pub since: u64,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its sequence number; of one that was known, the first one's where the store still knows it, else 0.
    pub seq: u64,
    /// True if it was kept before: nothing was added.
    pub known: bool,
}

/// One entry as it was kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place in the order of the store.
    pub seq: u64,
    /// The name of the server-sent event; empty for a webhook.
    pub event: String,
    /// What a reader is sent.
    pub data: Bytes,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({}, {:?}, {} bytes)", self.seq, self.event, self.data.len())
    }
}

/// A part of a channel, read at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Oldest first, without a hole other than what [`Page::trimmed`] says.
    pub entries: Vec<Kept>,
    /// The oldest entry of the channel that is still kept, whether on this page or not.
    pub oldest: Option<u64>,
    /// The newest entry of the channel that went because of its age or of too many; 0 if none did. It may say too much (a higher number
    /// than really went), never too little: a reader who stands before it has missed something.
    pub trimmed: u64,
    /// Up to here the reader has everything with this page: its last entry's number if more is to come, else the newest number of the
    /// whole store at that moment.
    pub end: u64,
    /// The newest number that the whole store had given out: a reader who claims to stand after it comes from another store.
    pub newest: u64,
    /// True if there is more to read right away.
    pub more: bool,
}

/// Why a store could not do what it was asked. Each is one sentence that may be shown to anybody: no path, no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No space is left.
    #[error("The relay's disk is full: free some space on it; it goes on by itself")]
    Full,
    /// More is waiting to be kept than it can keep up with, or it does not answer in time.
    #[error("The relay's store does not keep up right now: try again in a few seconds")]
    Busy,
    /// The entry is larger than this store takes, now and later.
    #[error("The request is larger than the relay's store takes")]
    Large,
    /// Not reachable or without a leader, for now.
    #[error("The relay's store cannot be reached ({0}): it goes on by itself once it can")]
    Away(String),
    /// The file is damaged; the next start sets it aside.
    #[error(
        "The relay's store is damaged: restart the relay; it keeps the damaged file aside and begins a new one"
    )]
    Damaged,
    /// The disk failed.
    #[error("The relay's disk failed ({0}): look at it; the relay goes on by itself once it works")]
    Disk(String),
    /// It cannot be opened; said with all a person needs, since only whoever started the relay sees it.
    #[error("{0}")]
    Unfit(String),
    /// The relay is stopping.
    #[error("The relay is stopping: try again in a few seconds")]
    Closed,
    /// A defect of ours.
    #[error("The relay's store refused a request ({0}): please report this")]
    Other(String),
}

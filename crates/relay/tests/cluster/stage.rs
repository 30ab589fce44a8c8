//! What the tests share: clusters one at a time, a store over one, and entries to keep.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use belfry_relay::{ChannelId, Config, Entry, MessageId, NatsAt, Retention, Store, StoreAt, StoreError};
use tokio::sync::{Mutex, MutexGuard};
use xtask::nats::{Cluster, Setup};

/// What `NatsAt::new` calls the stream.
pub const STREAM: &str = "belfry-hooks";
/// A busy machine is slow, not broken.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Two cores carry one cluster; several at a time lose their leaders for want of a processor.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// A cluster that nobody else's load disturbs.
pub struct Servers {
    cluster: Cluster,
    _alone: MutexGuard<'static, ()>,
}

impl Servers {
    pub async fn three() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        Self { cluster: Cluster::with(setup).unwrap(), _alone: alone }
    }

    /// Where a relay finds it.
    pub fn at(&self) -> NatsAt {
        NatsAt::new(self.url().replace("nats://", "").split(',').map(server).collect())
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        self.open_with(Retention::default()).await
    }

    pub async fn open_with(&self, retention: Retention) -> Arc<dyn Store> {
        open(self.at(), retention).await.unwrap()
    }
}

impl Deref for Servers {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl DerefMut for Servers {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }
}

fn server(address: &str) -> url::Url {
    url::Url::parse(&format!("nats://{address}")).unwrap()
}

pub async fn open(at: NatsAt, retention: Retention) -> Result<Arc<dyn Store>, StoreError> {
    belfry_relay::open(&Config { store: StoreAt::Nats(at), retention, ..Config::default() }).await
}

pub fn channel(n: u8) -> ChannelId {
    ChannelId::from_bytes([n; 16])
}

/// The n-th entry of a channel; the same n is the same message.
pub fn entry(channel: ChannelId, n: u32) -> Entry {
    let mut message = *channel.as_bytes();
    message[..4].copy_from_slice(&n.to_be_bytes());
    Entry {
        channel,
        message: MessageId::from_bytes(message),
        earlier: None,
        received: 1,
        event: "",
        data: text(n).into_bytes().into(),
    }
}

pub fn text(n: u32) -> String {
    format!("{{\"n\":{n}}}")
}

/// Keeps it as a sender would: again and again until it is kept.
pub async fn insist(store: &dyn Store, entry: Entry) -> u64 {
    let begin = Instant::now();
    loop {
        match store.append(entry.clone()).await {
            Ok(appended) => return appended.seq,
            Err(error) => assert!(begin.elapsed() < LIMIT, "{error}"),
        }
    }
}

/// All that is kept of a channel after a position, page by page.
pub async fn all(store: &dyn Store, channel: ChannelId, mut after: u64) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    loop {
        let page = store.read(channel, after, 16).await.unwrap();
        after = page.end;
        found.extend(
            page.entries.into_iter().map(|kept| (kept.seq, String::from_utf8(kept.data.to_vec()).unwrap())),
        );
        if !page.more {
            return found;
        }
    }
}

//! Entries in a stream of a NATS cluster: on a majority of its servers before anybody hears of it, known again by their message ids, and
//! shared by any number of relays, none of which keeps anything itself.
//!
//! Each channel is a subject. An entry's sequence number is its stream sequence; the epoch is the time at which the stream was made, or at
//! which readers' positions ceased to hold. The stream tells of each entry that it has stored on a second subject, without the body: one plain subscription a relay wakes its readers.
//! Such words may be lost, so everybody is woken, too, when the link comes back and when the stream has a new leader. Readers read from
//! the leader alone: a follower may not have yet what a reader was promised.

mod ack;
mod bucket;
mod link;
mod open;
mod read;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Info;
use async_nats::jetstream::{self, Context};
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::ack::{Refused, judged};
use self::bucket::Bucket;
use self::link::Link;
use self::read::Horizon;
use super::{Appended, Entry, Keys, Page, Store, StoreError, Wakes};
use crate::channel::ChannelId;

pub(super) use self::open::open;

/// How long one question waits for its answer before it is asked again, of whoever leads by then.
const ANSWER: Duration = Duration::from_secs(1);
/// How long a reader's question is repeated: longer than an election takes, shorter than a reader's patience.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an entry is tried to be kept. The sender's time is shorter and is measured by who calls.
const KEEPING: Duration = Duration::from_secs(5);
/// Between two tries when the answer was a quick no.
const BREATH: Duration = Duration::from_millis(100);
/// A server that leads hears from the others every second; one that was not heard for this long is gone.
const UNHEARD: Duration = Duration::from_secs(5);
/// What could not be kept so recently says more than a leader who does not know yet that it is alone.
const FRESH: Duration = Duration::from_secs(10);

/// Channels of which a relay remembers that they have begun.
const REMEMBERED: usize = 100_000;

/// The name of the server-sent event, where an entry has one.
const EVENT: &str = "Belfry-Event";

/// What things are called at the server.
#[derive(Debug, Clone)]
struct Names(String);

impl Names {
    fn stream(&self) -> String {
        format!("{}-hooks", self.0)
    }

    fn subjects(&self) -> String {
        format!("{}.hooks.*", self.0)
    }

    fn subject(&self, channel: ChannelId) -> String {
        format!("{}.hooks.{channel}", self.0)
    }

    /// Where the stream says what it has stored.
    fn stored(&self) -> String {
        format!("{}.stored.*", self.0)
    }

    fn stored_as(&self) -> String {
        format!("{}.stored.{{{{wildcard(1)}}}}", self.0)
    }

    fn bucket(&self) -> String {
        format!("{}-relay", self.0)
    }
}

/// One relay's access to the stream that all of them share.
#[derive(Debug)]
struct NatsStore {
    link: Link,
    jetstream: Context,
    stream: jetstream::stream::Stream<()>,
    names: Names,
    bucket: Bucket,
    /// Channels whose first entry is written down for sure.
    born: Mutex<HashSet<ChannelId>>,
    /// Entries that one channel may hold.
    cap: u64,
    epoch: u64,
    keys: Keys,
    remarks: Vec<String>,
    wakes: Arc<Wakes>,
    /// The newest sequence number that this relay has heard of.
    newest: Arc<AtomicU64>,
    horizon: Mutex<Horizon>,
    /// When an entry last could not be kept, and none has been kept since.
    failing: Mutex<Option<Instant>>,
    closed: AtomicBool,
    listening: JoinHandle<()>,
}

impl NatsStore {
    async fn keep(&self, entry: Entry) -> Result<Appended, StoreError> {
        let subject = self.names.subject(entry.channel);
        let message = entry.message.to_string();
        let started = Instant::now();
        loop {
            let why = match self.publish(&subject, &message, &entry).await {
                Ok(appended) => {
                    *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    self.newest.fetch_max(appended.seq, Ordering::Relaxed);
                    self.wakes.wake(entry.channel, appended.seq);
                    return Ok(appended);
                }
                Err(Refused::ForGood(why)) => return Err(why),
                Err(Refused::ForNow(why)) => why,
            };
            self.failing.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(Instant::now());
            if started.elapsed() >= KEEPING {
                return Err(StoreError::Away(why));
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// One try. Whatever became of an earlier one, the message id keeps the entry from being stored twice.
    async fn publish(&self, subject: &str, message: &str, entry: &Entry) -> Result<Appended, Refused> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Refused::ForGood(StoreError::Closed));
        }
        // What is handed to a cut link is sent when it is back, however late: better not to hand it over.
        self.link.connected(ANSWER).await.map_err(Refused::ForNow)?;
        self.bear(entry.channel).await.map_err(Refused::ForNow)?;
        let mut publish = PublishMessage::build().message_id(message).payload(entry.data.clone());
        if !entry.event.is_empty() {
            publish = publish.header(EVENT, entry.event);
        }
        judged(match self.jetstream.send_publish(subject.to_owned(), publish).await {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        })
    }

    /// Sees to it that a channel's beginning is written down before its first entry.
    async fn bear(&self, channel: ChannelId) -> Result<(), String> {
        let known = |born: &Mutex<HashSet<ChannelId>>| {
            born.lock().unwrap_or_else(PoisonError::into_inner).contains(&channel)
        };
        if known(&self.born) {
            return Ok(());
        }
        self.bucket.note_birth(channel, self.newest.load(Ordering::Relaxed)).await.map_err(|error| {
            tracing::debug!(%error, "a channel's beginning is not written down");
            "JetStream has no leader".to_owned()
        })?;
        let mut born = self.born.lock().unwrap_or_else(PoisonError::into_inner);
        if born.len() >= REMEMBERED {
            born.clear();
        }
        born.insert(channel);
        Ok(())
    }

    /// Whether an entry could be kept. A leader that lost its followers goes on answering for a while, so what it says of them counts,
    /// and what became of the last entry.
    async fn check(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        self.link.connected(ANSWER).await.map_err(StoreError::Away)?;
        let info = match self.stream.get_info().await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(%error, "no word of the stream");
                // It may have been cut just now.
                self.link.connected(Duration::ZERO).await.map_err(StoreError::Away)?;
                let why = "JetStream has no leader: most of its servers must run";
                return Err(StoreError::Away(why.to_owned()));
            }
        };
        if let Some(missing) = majority(&info) {
            return Err(StoreError::Away(missing));
        }
        let failing = *self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match failing {
            Some(since) if since.elapsed() < FRESH => {
                Err(StoreError::Away("JetStream does not take entries right now".to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn purge(&self, channel: ChannelId) -> Result<u64, StoreError> {
        let subject = self.names.subject(channel);
        let (stream, subject) = (&self.stream, subject.as_str());
        let purged = self.insist(|| async move { stream.purge().filter(subject).await }).await?.purged;
        self.wakes.wake(channel, self.newest.load(Ordering::Relaxed));
        Ok(purged)
    }

    /// Asks again until there is an answer or the reader's patience ends.
    async fn insist<T, E, F>(&self, question: impl Fn() -> F) -> Result<T, StoreError>
    where
        E: fmt::Display,
        F: Future<Output = Result<T, E>>,
    {
        let started = Instant::now();
        loop {
            if self.closed.load(Ordering::Relaxed) {
                return Err(StoreError::Closed);
            }
            let why = match self.link.connected(ANSWER).await {
                Ok(()) => match question().await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => {
                        tracing::debug!(%error, "a question to the stream is asked again");
                        "JetStream has no leader".to_owned()
                    }
                },
                Err(why) => why,
            };
            if started.elapsed() >= PATIENCE {
                return Err(StoreError::Away(why));
            }
            tokio::time::sleep(BREATH).await;
        }
    }
}

/// What is missing if the leader has lost the majority.
fn majority(info: &Info) -> Option<String> {
    let replicas = info.cluster.as_ref().map(|cluster| cluster.replicas.as_slice()).unwrap_or_default();
    let heard = replicas.iter().filter(|one| !one.offline && one.active < UNHEARD).count();
    let (there, all) = (heard + 1, replicas.len() + 1);
    (there * 2 <= all).then(|| format!("JetStream has no majority: {there} of {all} servers run"))
}

impl Store for NatsStore {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, StoreError>> {
        Box::pin(self.keep(entry))
    }

    fn read(&self, channel: ChannelId, after: u64, limit: usize) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(self.page(channel, after, limit))
    }

    fn watch(&self, channel: ChannelId) -> watch::Receiver<u64> {
        self.wakes.watch(channel)
    }

    fn forget(&self, channel: ChannelId) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.purge(channel))
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.check())
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.closed.store(true, Ordering::Relaxed);
            self.listening.abort();
            self.link.close().await;
        })
    }
}

impl Drop for NatsStore {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

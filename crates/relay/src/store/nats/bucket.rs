//! What the relays of one stream share besides its entries: their keys, the epoch, and when each channel had its first entry.

use std::time::{Duration, Instant};

use async_nats::jetstream::context::{Context, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, LastRawMessageErrorKind, StorageType, Stream};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::open::{ELECTION, Step, next_step, words};
use super::{BREATH, Names};
use crate::channel::{ChannelId, RelayKey};
use crate::store::{Keys, StoreError};
use crate::tasks;

const KEY: &str = "relay_key";
const CODE: &str = "join_code";
const EPOCH: &str = "epoch";
const BORN: &str = "born";
/// Two streams of the same name were not made within this time, in milliseconds.
const ANEW: u64 = 60_000;

/// For how long readers' positions hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Era {
    epoch: u64,
    /// When the stream was made, in the words of whoever said it first: servers may differ by some milliseconds.
    stream: u64,
    /// The smallest number of entries that a channel could hold in it: by it is judged what may have gone.
    cap: u64,
}

impl Era {
    /// The era that follows. It is the same one as long as the stream is the same, was not put back from a backup, and no channel may hold
    /// more than before: of what went while it could hold less, nothing would tell any more.
    fn next(self, created: u64, cap: u64, restored: bool, now_ms: u64) -> Self {
        if self.stream.abs_diff(created) < ANEW && !restored && cap <= self.cap {
            return Self { cap, ..self };
        }
        Self { epoch: now_ms.max(self.epoch + 1), stream: created, cap }
    }
}

/// What all relays share: a key-value bucket as NATS's tools know it, so that a person can change the join code with them.
#[derive(Debug)]
pub(super) struct Bucket {
    jetstream: Context,
    stream: Stream,
    name: String,
}

impl Bucket {
    pub(super) async fn open(jetstream: Context, names: &Names, replicas: usize) -> Result<Self, StoreError> {
        let name = names.bucket();
        let mut config = Config {
            name: format!("KV_{name}"),
            subjects: vec![format!("$KV.{name}.>")],
            description: Some("What the relays of one stream share".to_owned()),
            max_messages: -1,
            max_messages_per_subject: 1,
            max_bytes: -1,
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            num_replicas: replicas,
            allow_rollup: true,
            deny_delete: true,
            ..Config::default()
        };
        let started = Instant::now();
        loop {
            // It is the same for everybody, so making it again finds it.
            let error = match jetstream.get_stream(&config.name).await {
                Ok(stream) => return Ok(Self { jetstream, stream, name }),
                Err(_) => match jetstream.create_stream(config.clone()).await {
                    Ok(_) => continue,
                    Err(error) => error.kind(),
                },
            };
            if !matches!(next_step(&error, &mut config, false, Duration::ZERO), Step::Again)
                || started.elapsed() >= ELECTION
            {
                return Err(StoreError::Unfit(words(&error)));
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    pub(super) async fn keys(&self) -> Result<Keys, StoreError> {
        let fresh = Keys::random();
        let key = self.once(KEY, &BASE64URL_NOPAD.encode(fresh.relay.as_bytes())).await?;
        let join_code = self.once(CODE, &fresh.join_code).await?;
        let key = BASE64URL_NOPAD.decode(key.as_bytes()).ok().and_then(|key| key.try_into().ok());
        let relay = key.map(RelayKey::from_bytes).ok_or_else(|| {
            let bucket = &self.name;
            StoreError::Unfit(format!(
                "The relay's key in the NATS bucket {bucket} is damaged: put back {KEY} from a backup"
            ))
        })?;
        Ok(Keys { relay, join_code })
    }

    /// The epoch: when the stream was made, or later, if readers' positions ceased to hold since.
    pub(super) async fn epoch(&self, created: u64, cap: u64, restored: bool) -> Result<u64, StoreError> {
        let first = Era { epoch: created, stream: created, cap };
        let mut found = None;
        loop {
            let text = self.once(EPOCH, &written(first)).await?;
            let Ok(kept) = serde_json::from_str::<Era>(&text) else {
                self.replace(EPOCH, &text, &written(first)).await?;
                continue;
            };
            // Of several relays that are started with the same wish, one begins an era, and the others find it.
            let still = kept.epoch == *found.get_or_insert(kept.epoch);
            let next = kept.next(created, cap, restored && still, tasks::now_ms());
            if next == kept {
                return Ok(kept.epoch);
            }
            self.replace(EPOCH, &text, &written(next)).await?;
        }
    }

    /// Writes down, before the first entry of a channel, that all of its entries come after this sequence number.
    pub(super) async fn note_birth(&self, channel: ChannelId, after: u64) -> Result<(), String> {
        self.put(&format!("{BORN}.{channel}"), &after.to_string(), 0).await
    }

    /// What all entries of a channel come after; `None` where no entry ever came.
    pub(super) async fn birth(&self, channel: ChannelId) -> Result<Option<u64>, String> {
        let held = self.get(&format!("{BORN}.{channel}")).await?;
        Ok(held.map(|(_, after)| after.parse().unwrap_or_default()))
    }

    /// What a key holds; if nothing, this value from now on. Of two that come at the same time, one wins, and both return its value.
    async fn once(&self, key: &str, value: &str) -> Result<String, StoreError> {
        let started = Instant::now();
        loop {
            let error = match self.get(key).await {
                Ok(Some((_, held))) => return Ok(held),
                Ok(None) => match self.put(key, value, 0).await {
                    Ok(()) => continue,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if started.elapsed() >= ELECTION {
                return Err(StoreError::Unfit(format!("NATS does not keep what relays share: {error}")));
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    /// Puts a value in the place of another one, unless somebody else did so.
    async fn replace(&self, key: &str, old: &str, new: &str) -> Result<(), StoreError> {
        match self.get(key).await.map_err(StoreError::Unfit)? {
            Some((place, held)) if held == old => self.put(key, new, place).await.map_err(StoreError::Unfit),
            Some(_) | None => Ok(()),
        }
    }

    /// A value and its place, asked of the leader.
    async fn get(&self, key: &str) -> Result<Option<(u64, String)>, String> {
        match self.stream.get_last_raw_message_by_subject(&self.subject(key)).await {
            Ok(message) => {
                let held = String::from_utf8_lossy(&message.payload).trim().to_owned();
                Ok(Some((message.sequence, held)))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Fine, too, if somebody else was quicker.
    async fn put(&self, key: &str, value: &str, place: u64) -> Result<(), String> {
        let message = PublishMessage::build()
            .payload(Bytes::from(value.to_owned()))
            .expected_last_subject_sequence(place);
        let put = match self.jetstream.send_publish(self.subject(key), message).await {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        match put {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.name)
    }
}

fn written(era: Era) -> String {
    json!(era).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_era_ends_when_readers_positions_cease_to_hold() {
        let era = Era { epoch: 1_000_000, stream: 1_000_000, cap: 50 };
        let now = 9_000_000;
        assert_eq!(era.next(1_000_400, 50, false, now), era, "another server's clock");
        assert_eq!(era.next(1_000_000, 20, false, now), Era { cap: 20, ..era });
        let later = Era { epoch: now, ..era };
        assert_eq!(era.next(1_000_000, 50, true, now), later, "put back from a backup");
        assert_eq!(era.next(1_000_000, 70, false, now), Era { cap: 70, ..later });
        assert_eq!(era.next(5_000_000, 50, false, now), Era { stream: 5_000_000, ..later });
        assert_eq!(era.next(5_000_000, 50, false, 7).epoch, 1_000_001, "later, whatever the clock says");
    }
}

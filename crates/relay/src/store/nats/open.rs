//! Opening the store: the stream and the bucket with the keys are made by whoever comes first; the others find them.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::jetstream::context::{
    Context, ContextBuilder, CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Republish, Stream};
use async_nats::jetstream::{ErrorCode, stream::StorageType};

use super::bucket::Bucket;
use super::link::Link;
use super::{ANSWER, BREATH, Names, NatsStore};
use crate::config::{NatsAt, Retention};
use crate::store::{Store, StoreError, Wakes};

/// How long a cluster that has just been started gets to choose its leaders.
pub(super) const ELECTION: Duration = Duration::from_secs(30);
/// So soon, the servers of a cluster know each other.
const MEETING: Duration = Duration::from_secs(5);
/// The servers keep every message id of this time in memory, so it is shorter than what is retained; senders retry for some hours.
const DOUBLES: Duration = Duration::from_secs(24 * 3600);
/// Below this, a stream is of no use.
const SMALLEST: u64 = 64 << 20;
/// What the largest body becomes: base64 in JSON, sealed, and that in base64 again.
const LARGEST: usize = 2 << 20;
const REPLICAS: usize = 3;

/// Opens the stream, making it and its bucket if they are missing.
pub(in crate::store) async fn open(
    at: NatsAt,
    retention: Retention,
    restored: bool,
) -> Result<Arc<dyn Store>, StoreError> {
    let link = Link::connect(&at).await?;
    let jetstream = ContextBuilder::new().timeout(ANSWER).build(link.client.clone());
    let names = Names(at.name.clone());
    let mut remarks = Vec::new();
    let cap = retention.entries.max(1);
    let mut config = Config {
        name: names.stream(),
        subjects: vec![names.subjects()],
        description: Some("Webhooks that belfry-relay keeps for desktops".to_owned()),
        max_age: retention.age,
        max_messages: -1,
        max_bytes: i64::try_from(retention.total_bytes).unwrap_or(i64::MAX),
        max_messages_per_subject: i64::try_from(cap).unwrap_or(i64::MAX),
        duplicate_window: retention.doubles.min(retention.age).min(DOUBLES),
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: at.replicas.unwrap_or(REPLICAS),
        republish: Some(Republish {
            source: names.subjects(),
            destination: names.stored_as(),
            headers_only: true,
        }),
        ..Config::default()
    };
    let stream = find_or_make(&jetstream, &mut config, at.replicas.is_none()).await?;
    let info = stream.cached_info();
    if info.config.max_bytes.unsigned_abs() < retention.total_bytes {
        let kept = info.config.max_bytes >> 20;
        remarks.push(format!(
            "NATS has reserved room for {kept} MiB of webhooks, not for all that --keep-total-mb wishes"
        ));
    }
    if info.config.num_replicas == 1 {
        remarks.push(
            "Entries lie on one NATS server only: if its disk is lost, so are they, and a power cut costs what it has not written yet, two \
             minutes' worth unless its configuration says jetstream { sync_interval: always } (NATS 2.10 or later); three servers in a \
             cluster keep them"
                .to_owned(),
        );
    }
    if link.max_payload() < LARGEST {
        remarks.push(format!(
            "The NATS server takes messages of at most {} KiB, so the largest webhooks are refused: set max_payload: 4MB in its configuration",
            link.max_payload() >> 10
        ));
    }
    let created = u64::try_from(info.created.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    let newest = Arc::new(AtomicU64::new(info.state.last_sequence));
    let bucket = Bucket::open(jetstream.clone(), &names, info.config.num_replicas).await?;
    let keys = bucket.keys().await?;
    let epoch = bucket.epoch(created, cap, restored).await?;
    let wakes = Arc::new(Wakes::default());
    let listening = link.listen(&names, wakes.clone(), newest.clone()).await?;
    let stream = jetstream.get_stream_no_info(names.stream()).await.map_err(|error| unfit(&error))?;
    Ok(Arc::new(NatsStore {
        link,
        jetstream,
        stream,
        names,
        bucket,
        born: Mutex::default(),
        cap,
        epoch,
        keys,
        remarks,
        wakes,
        newest,
        horizon: Mutex::default(),
        failing: Mutex::default(),
        closed: AtomicBool::new(false),
        listening,
    }))
}

/// The stream with these limits. `alone`: where the server is not part of a cluster, one copy has to do.
async fn find_or_make(jetstream: &Context, config: &mut Config, alone: bool) -> Result<Stream, StoreError> {
    let started = Instant::now();
    loop {
        let error = match jetstream.get_stream(&config.name).await {
            Ok(stream) => return adapted(jetstream, stream, config).await,
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(error) if error.error_code() != ErrorCode::STREAM_NOT_FOUND => {
                    CreateStreamErrorKind::JetStream(error)
                }
                // Without an answer, what becomes of the next wish says more: whether there is JetStream at all.
                GetStreamErrorKind::JetStream(_) | GetStreamErrorKind::Request => {
                    match jetstream.create_stream(config.clone()).await {
                        Ok(_) => continue,
                        Err(error) => error.kind(),
                    }
                }
                GetStreamErrorKind::EmptyName | GetStreamErrorKind::InvalidStreamName => {
                    CreateStreamErrorKind::InvalidStreamName
                }
            },
        };
        match next_step(&error, config, alone, started.elapsed()) {
            Step::Again if started.elapsed() < ELECTION => tokio::time::sleep(BREATH).await,
            Step::Again => return Err(StoreError::Unfit(words(&error))),
            Step::Changed => {}
            Step::Never => return Err(StoreError::Unfit(words(&error))),
        }
    }
}

/// Wishes for less than half the room, if that is still of use. Rooms are round numbers: exactly half could be all that there is, and the keys
/// need some, too.
fn smaller(config: &mut Config) -> bool {
    let less = config.max_bytes / 16 * 7;
    let useful = less.unsigned_abs() >= SMALLEST;
    if useful {
        config.max_bytes = less;
    }
    useful
}

pub(super) enum Step {
    /// As it is, a moment later.
    Again,
    /// With other wishes, at once.
    Changed,
    Never,
}

pub(super) fn next_step(
    error: &CreateStreamErrorKind,
    config: &mut Config,
    alone: bool,
    waited: Duration,
) -> Step {
    match error {
        CreateStreamErrorKind::JetStream(refused) => match refused.error_code() {
            ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED if alone && config.num_replicas > 1 => {
                config.num_replicas = 1;
                Step::Changed
            }
            ErrorCode::STORAGE_RESOURCES_EXCEEDED | ErrorCode::INSUFFICIENT_RESOURCES if smaller(config) => {
                Step::Changed
            }
            // Servers that are just starting know too few others yet; later it means that the others have no room for so much.
            ErrorCode::CLUSTER_NO_PEERS if waited >= MEETING && smaller(config) => Step::Changed,
            ErrorCode::CLUSTER_NOT_AVAILABLE | ErrorCode::CLUSTER_NO_PEERS | ErrorCode::STREAM_NAME_EXIST => {
                Step::Again
            }
            _ => Step::Never,
        },
        CreateStreamErrorKind::TimedOut | CreateStreamErrorKind::Response => Step::Again,
        CreateStreamErrorKind::JetStreamUnavailable
        | CreateStreamErrorKind::EmptyStreamName
        | CreateStreamErrorKind::InvalidStreamName
        | CreateStreamErrorKind::DomainAndExternalSet
        | CreateStreamErrorKind::NotFound
        | CreateStreamErrorKind::ResponseParse => Step::Never,
    }
}

pub(super) fn words(error: &CreateStreamErrorKind) -> String {
    match error {
        CreateStreamErrorKind::JetStreamUnavailable => {
            "The NATS server has no JetStream: start it with JetStream on (nats-server -js, or jetstream {} in its configuration)"
                .to_owned()
        }
        CreateStreamErrorKind::JetStream(refused) => match refused.error_code() {
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                "JetStream is not on for this NATS account: switch it on in the server's configuration".to_owned()
            }
            ErrorCode::CLUSTER_NO_PEERS => {
                "The NATS cluster has fewer than three servers with JetStream and room: start them all".to_owned()
            }
            _ => format!("NATS does not make the stream: {refused}"),
        },
        CreateStreamErrorKind::TimedOut | CreateStreamErrorKind::Response => {
            "NATS answers, but JetStream does not: most servers of the cluster must run, and this user may use JetStream"
                .to_owned()
        }
        CreateStreamErrorKind::EmptyStreamName
        | CreateStreamErrorKind::InvalidStreamName
        | CreateStreamErrorKind::DomainAndExternalSet
        | CreateStreamErrorKind::NotFound
        | CreateStreamErrorKind::ResponseParse => format!("NATS does not make the stream: {error}"),
    }
}

/// A stream that was there already gets today's limits; on how many servers it lies stays as it is, unless that was said.
async fn adapted(jetstream: &Context, mut stream: Stream, config: &Config) -> Result<Stream, StoreError> {
    let there = stream.cached_info().config.clone();
    let mut wanted = Config { num_replicas: there.num_replicas, ..config.clone() };
    // What lies there must fit: a smaller limit than what was reserved is taken, a larger one needs room that may be missing.
    if wanted.max_bytes > there.max_bytes && there.max_bytes > 0 {
        wanted.max_bytes = there.max_bytes;
    }
    let limits = |config: &Config| {
        (
            config.max_age,
            config.max_bytes,
            config.max_messages_per_subject,
            config.duplicate_window,
            config
                .republish
                .as_ref()
                .map(|one| (one.source.clone(), one.destination.clone(), one.headers_only)),
        )
    };
    if limits(&there) != limits(&wanted) {
        jetstream.update_stream(wanted).await.map_err(|error: CreateStreamError| {
            StoreError::Unfit(format!(
                "NATS does not change the limits of the stream {}: {error}",
                config.name
            ))
        })?;
        stream.info().await.map_err(|error| unfit(&error))?;
    }
    Ok(stream)
}

fn unfit(error: &impl std::fmt::Display) -> StoreError {
    StoreError::Unfit(format!("NATS does not open the stream: {error}"))
}

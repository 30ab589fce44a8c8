//! `POST /hook/{channel}`: takes a webhook in. The order is the promise: checked, read whole, stored, and only then answered with 200.
//! Whoever got anything else, or nothing, sends again; a double is known by its id.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Desk, Refusal};
use crate::channel::Channel;
use crate::event::{self, Came};
use crate::metrics::Outcome;
use crate::store::{Entry, MessageId, StoreError};
use crate::{message, seal, tasks};

/// Of a body that is too large, so much more is read and thrown away, so that a sender who does not listen while sending gets the answer.
const DRAIN: usize = 8 << 20;
/// Room is taken in steps of this many kibibytes.
const KIB: usize = 1024;

/// Takes a webhook in.
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let taken = take_in(&desk, &name, request).await;
    desk.metrics.hook(
        match &taken {
            Ok((_, false)) => Outcome::Stored,
            Ok((_, true)) => Outcome::Known,
            Err(Refusal::Store(StoreError::Large)) => Outcome::Refused,
            Err(Refusal::Store(_) | Refusal::Crowded) => Outcome::NotNow,
            Err(Refusal::TooOften(_)) => Outcome::TooOften,
            Err(
                Refusal::NoPage
                | Refusal::NoChannel
                | Refusal::NotInvited
                | Refusal::NotTheReader
                | Refusal::TooLarge(_)
                | Refusal::TooSlow
                | Refusal::BrokenOff
                | Refusal::Malformed(_),
            ) => Outcome::Refused,
        },
        began.elapsed(),
    );
    match taken {
        Ok((id, _)) => Json(json!({ "status": 200, "message": "ok", "id": id.to_string() })).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn take_in(desk: &Desk, name: &str, request: Request) -> Result<(MessageId, bool), Refusal> {
    let channel = desk.channel(name)?;
    desk.may_ring(channel.id()).map_err(Refusal::TooOften)?;
    let (parts, body) = request.into_parts();
    let taken = read_body(desk, &parts.headers, body, desk.limits.body).await?;
    let received = tasks::now_ms();
    let method = parts.method.as_str();
    let query = parts.uri.query().unwrap_or_default();
    let (id, earlier) =
        message::of_webhook(channel.id(), &parts.headers, method, query, &taken.bytes, received);
    let came = Came { method, query, headers: &parts.headers, body: &taken.bytes, received, id };
    let entry = Entry {
        channel: channel.id(),
        message: id,
        earlier,
        received,
        event: "",
        data: event::webhook(&came).into(),
    };
    let known = keep(desk, &channel, entry).await?;
    debug!(channel = channel.id().short(), bytes = taken.bytes.len(), known, "a webhook was taken in");
    Ok((id, known))
}

/// Seals an event if its channel asks for it, and returns once it is kept. True if it was known.
pub(super) async fn keep(desk: &Desk, channel: &Channel, mut entry: Entry) -> Result<bool, Refusal> {
    if let Some(key) = channel.seal_to() {
        entry.data = seal::seal(&entry.data, key).ok_or(Refusal::TooLarge(desk.limits.body))?.into();
    }
    let appended = in_time(desk, desk.store.append(entry)).await.map_err(|error| {
        warn!("a webhook was not kept, its sender must come again: {error}");
        Refusal::Store(error)
    })?;
    tasks::fail_point("after-store");
    Ok(appended.known)
}

/// What the store answers, if it does so while the client still waits.
pub(super) async fn in_time<T>(
    desk: &Desk,
    asked: BoxFuture<'_, Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answered = tokio::time::timeout(desk.limits.store_time, asked).await;
    answered.unwrap_or(Err(StoreError::Busy))
}

/// A body, and the room it takes among all bodies under way.
pub(super) struct Taken {
    pub(super) bytes: Bytes,
    _room: Room,
}

/// Reads a body whole, up to a limit, in limited time and within the room for all of them.
pub(super) async fn read_body(
    desk: &Desk,
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Taken, Refusal> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok())
        .unwrap_or_default();
    let too_large = usize::try_from(declared).map_or(true, |declared| declared > most);
    if too_large && (headers.contains_key(header::EXPECT) || declared > DRAIN as u64) {
        // It waits for our leave, or is not worth reading to its end.
        return Err(Refusal::TooLarge(most));
    }
    let room = Room::new(desk.bodies.free.clone());
    let reading = read_up_to(body, most, room);
    tokio::time::timeout(desk.limits.body_time, reading).await.unwrap_or(Err(Refusal::TooSlow))
}

async fn read_up_to(mut body: Body, most: usize, mut room: Room) -> Result<Taken, Refusal> {
    let mut bytes = BytesMut::new();
    let mut over = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BrokenOff)?.into_data() else { continue };
        if over > 0 || bytes.len() + data.len() > most {
            bytes = BytesMut::new();
            over += data.len();
            if over > DRAIN {
                break;
            }
            continue;
        }
        room.take_for(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
    if over > 0 {
        return Err(Refusal::TooLarge(most));
    }
    Ok(Taken { bytes: bytes.freeze(), _room: room })
}

/// The room that one body takes. Counted by what came, not by what was promised: a promise costs nothing.
struct Room {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    kib: usize,
}

impl Room {
    fn new(all: Arc<Semaphore>) -> Self {
        Self { all, taken: None, kib: 0 }
    }

    fn take_for(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = bytes.div_ceil(KIB).saturating_sub(self.kib);
        let Ok(permits) = u32::try_from(more) else { return Err(Refusal::Crowded) };
        if more > 0 {
            let permit = self.all.clone().try_acquire_many_owned(permits).map_err(|_| Refusal::Crowded)?;
            match &mut self.taken {
                Some(held) => held.merge(permit),
                None => self.taken = Some(permit),
            }
            self.kib += more;
        }
        Ok(())
    }
}

/// Room for the bodies of all requests under way.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// In kibibytes.
    free: Arc<Semaphore>,
    all: usize,
}

impl Bodies {
    /// Room for so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let all = (bytes / KIB).clamp(KIB, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(all)), all }
    }

    /// How many bytes are taken.
    pub(super) fn taken(&self) -> usize {
        self.all.saturating_sub(self.free.available_permits()) * KIB
    }
}

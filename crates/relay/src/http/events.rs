//! `GET /events/{channel}`: the stream of a channel. In: a reader's last position. Out: that something is missing, if it is; then all
//! that is kept after the position; then what comes, when it comes.
//!
//! Every page is read from the store when the socket has room for it and there is memory for it, so a slow reader costs one page and holds
//! nobody up. What retention
//! removes under a reader's feet is said in the middle of the stream, too.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::pages::Room;
use super::readers::Seat;
use super::{Desk, Refusal, bearer, in_query};
use crate::channel::{Channel, ChannelId};
use crate::event::{self, Position};
use crate::store::{Kept, Page};
use crate::tasks;

/// Entries of one page.
const PAGE: usize = 256;

/// Begins a stream.
pub(super) async fn stream(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let channel = desk.channel(&name)?;
    if !is_reader(&desk, &channel, &uri, &headers) {
        return Err(Refusal::NotTheReader);
    }
    let shape = match in_query(&uri, "body").as_deref() {
        None => Shape::Ours,
        Some("json") if channel.seal_to().is_some() => {
            return Err(Refusal::Malformed(
                "What this channel keeps is sealed: only its reader can parse a body",
            ));
        }
        Some("json") => Shape::Smee,
        Some(_) => return Err(Refusal::Malformed("The only form of a body that can be asked for is “json”")),
    };
    let requested = requested(&headers)?;
    let seat = desk.readers.sit(channel.id()).ok_or(Refusal::Crowded)?;
    info!(channel = channel.id().short(), from_start = requested.is_none(), "a reader came");
    // Watched before the first page is read: what comes in between is not missed.
    let news = desk.store.watch(channel.id());
    let stopping = desk.stopping.clone();
    let after = match requested {
        Some(position) if position.epoch == desk.store.epoch() => position.seq,
        Some(_) | None => 0,
    };
    let reading = Reading {
        foreign: requested.is_some_and(|position| position.epoch != desk.store.epoch()),
        requested,
        channel: channel.id(),
        shape,
        after,
        phase: Phase::Greeting,
        news,
        stopping,
        seat,
        desk,
    };
    let body = Body::from_stream(stream::unfold(reading, |mut reading| async {
        let bytes = reading.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), reading))
    }));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    // nginx would hold events back until it has a few kilobytes of them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn is_reader(desk: &Desk, channel: &Channel, uri: &Uri, headers: &HeaderMap) -> bool {
    if let Some(token) = bearer(headers) {
        return channel.is_read_by(token);
    }
    desk.token_in_url && in_query(uri, "access_token").is_some_and(|token| channel.is_read_by(&token))
}

/// Where the reader says it stands. `0-0` is gosmee's way of asking for everything.
fn requested(headers: &HeaderMap) -> Result<Option<Position>, Refusal> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = value.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    let malformed = "“Last-Event-ID” must be an id that this relay gave: digits, a hyphen, digits";
    let position = Position::parse(text).ok_or(Refusal::Malformed(malformed))?;
    Ok((position != Position { epoch: 0, seq: 0 }).then_some(position))
}

/// In which shape a reader wants its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// gosmee's, and ours beside it.
    Ours,
    /// smee's: its clients take every key they do not know for a header, and a message without a body for one that has one.
    Smee,
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was sent.
    Greeting,
    /// What was kept before is being sent.
    CatchingUp,
    /// All of it was sent.
    Live,
}

/// One reader's stream.
struct Reading {
    desk: Arc<Desk>,
    channel: ChannelId,
    shape: Shape,
    requested: Option<Position>,
    /// The position it asked for is of another store.
    foreign: bool,
    after: u64,
    phase: Phase,
    news: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    seat: Seat,
}

/// A page, and what of it goes out.
struct Told {
    page: Page,
    out: Vec<u8>,
    room: Room,
}

impl Reading {
    /// What goes out next; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        match self.phase {
            Phase::Greeting => {
                self.phase = Phase::CatchingUp;
                Some(match self.shape {
                    Shape::Ours => event::frame(None, "", br#"{"message":"connected"}"#),
                    Shape::Smee => event::frame(None, "ready", b"{}"),
                })
            }
            Phase::CatchingUp => {
                let Told { page, mut out, room } = self.page().await?;
                if !page.more {
                    self.phase = Phase::Live;
                    if self.shape == Shape::Ours {
                        let passed = Some(self.position(page.end));
                        event::add_frame(&mut out, passed, "", br#"{"message":"ready"}"#);
                    }
                }
                // A stream's piece may not be empty: a comment is nothing to a reader.
                if out.is_empty() { Some(Bytes::from_static(b":\n\n")) } else { Some(room.piece(out)) }
            }
            Phase::Live => self.live().await,
        }
    }

    /// Waits for something to send.
    async fn live(&mut self) -> Option<Bytes> {
        let ping_at = Instant::now() + self.desk.limits.ping;
        loop {
            let silent = tokio::select! {
                changed = self.news.changed() => {
                    // The store is gone: so is the stream.
                    changed.ok()?;
                    false
                }
                () = tokio::time::sleep_until(ping_at) => true,
                () = tasks::stopped(&mut self.stopping) => return None,
                _ = &mut self.seat.given_away => return self.dismissed(),
            };
            // Also after a silence: a page says up to where the reader has everything.
            let Told { page, mut out, room } = self.page().await?;
            if page.more {
                self.phase = Phase::CatchingUp;
            }
            if out.is_empty() && silent {
                event::add_frame(&mut out, Some(self.position(page.end)), "ping", b"{}");
            }
            if !out.is_empty() {
                return Some(room.piece(out));
            }
        }
    }

    /// The next page and what of it goes out.
    async fn page(&mut self) -> Option<Told> {
        if *self.stopping.borrow() {
            return None;
        }
        if self.seat.is_given_away() {
            return self.dismissed();
        }
        let room = tokio::select! {
            room = self.desk.pages.room() => room,
            () = tasks::stopped(&mut self.stopping) => return None,
            _ = &mut self.seat.given_away => return self.dismissed(),
        };
        self.news.mark_unchanged();
        let mut page = self.read().await?;
        let mut out = Vec::new();
        // Who stands after the newest comes from a store that is no more, such as one before a backup was put back.
        let ahead = self.after > page.newest;
        if std::mem::take(&mut self.foreign) || ahead || self.after < page.trimmed {
            if ahead {
                self.after = 0;
                page = self.read().await?;
            }
            self.say_gap(&page, &mut out);
        }
        for kept in &page.entries {
            self.add(kept, &mut out);
        }
        self.after = page.end;
        self.desk.metrics.events_sent.add(page.entries.len());
        Some(Told { page, out, room })
    }

    async fn read(&self) -> Option<Page> {
        let read = self.desk.store.read(self.channel, self.after, PAGE).await;
        read.inspect_err(|error| {
            warn!(channel = self.channel.short(), "a stream ends, its reader must come again: {error}");
        })
        .ok()
    }

    fn dismissed<T>(&self) -> Option<T> {
        info!(channel = self.channel.short(), "a newer reader took the place of the oldest");
        None
    }

    fn add(&self, kept: &Kept, out: &mut Vec<u8>) {
        let id = Some(self.position(kept.seq));
        match self.shape {
            Shape::Ours => event::add_frame(out, id, &kept.event, &kept.data),
            // What has a name is none of smee's messages.
            Shape::Smee => {
                if let Some(data) = event::as_smee(&kept.data) {
                    event::add_frame(out, id, &kept.event, &data);
                }
            }
        }
    }

    fn say_gap(&self, page: &Page, out: &mut Vec<u8>) {
        let requested = self.requested.map_or_else(|| "0-0".to_owned(), |position| position.to_string());
        let oldest = page.oldest.map(|seq| self.position(seq).to_string());
        debug!(channel = self.channel.short(), "a reader has missed something");
        self.desk.metrics.gaps.add(1);
        let said = json!({ "error": "missed_history", "requested_id": requested, "oldest_id": oldest });
        event::add_frame(out, None, "gosmee-gap", said.to_string().as_bytes());
    }

    fn position(&self, seq: u64) -> Position {
        Position { epoch: self.desk.store.epoch(), seq }
    }
}

//! The reading thread. In: a channel and a place in it. Out: the page that follows, as of one moment.

use std::sync::mpsc::{self, Receiver, Sender};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::oneshot;
use tracing::error;

use super::{db, files};
use crate::channel::ChannelId;
use crate::store::{Kept, PAGE_BYTES, Page, StoreError};
use crate::tasks;

enum Job {
    Read { channel: ChannelId, after: u64, limit: usize, answer: oneshot::Sender<Result<Page, StoreError>> },
    Close(oneshot::Sender<()>),
}

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Reader {
    jobs: Sender<Job>,
}

impl Reader {
    /// Starts the thread. It ends once this is dropped or closed.
    pub(super) fn start(conn: Connection, damage: files::Damage) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel();
        tasks::thread("relay-read", move || serve(conn, &queue, &damage))
            .map_err(|error| StoreError::Other(error.to_string()))?;
        Ok(Self { jobs })
    }

    /// One page.
    pub(super) async fn read(
        &self,
        channel: ChannelId,
        after: u64,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Read { channel, after, limit, answer }).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Returns once the thread has ended.
    pub(super) async fn close(&self) {
        let (closed, is_closed) = oneshot::channel();
        // A thread that has ended already answers by being gone.
        drop(self.jobs.send(Job::Close(closed)));
        drop(is_closed.await);
    }
}

fn serve(mut conn: Connection, jobs: &Receiver<Job>, damage: &files::Damage) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Read { channel, after, limit, answer } => {
                if answer.is_closed() {
                    continue;
                }
                let page = page(&mut conn, channel, after, limit).map_err(|error| {
                    let told = db::told(&error);
                    error!(code = ?error.sqlite_error_code(), "the store could not read: {told}");
                    damage.note(&told);
                    told
                });
                // The reader may be gone.
                drop(answer.send(page));
            }
            Job::Close(closed) => {
                drop(conn);
                // Who asked may be gone.
                let _ = closed.send(());
                return;
            }
        }
    }
}

/// All of it in one transaction, so that what is said about the rest goes with the entries.
fn page(conn: &mut Connection, channel: ChannelId, after: u64, limit: usize) -> rusqlite::Result<Page> {
    let transaction = conn.transaction()?;
    let newest: Option<i64> = transaction
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'entry'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let newest = unsigned(newest.unwrap_or_default());
    let found: Option<(i64, i64)> = transaction
        .prepare_cached("SELECT number, trimmed FROM channel WHERE id = ?1")?
        .query_row([channel.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let mut page = Page { end: newest.max(after), newest, ..Page::default() };
    let Some((number, trimmed)) = found else { return Ok(page) };
    page.trimmed = unsigned(trimmed);
    page.oldest = transaction
        .prepare_cached("SELECT min(seq) FROM entry WHERE channel = ?1")?
        .query_row([number], |row| row.get::<_, Option<i64>>(0))?
        .map(unsigned);
    let mut entries = transaction
        .prepare_cached("SELECT seq, event, data FROM entry WHERE channel = ?1 AND seq > ?2 ORDER BY seq")?;
    let mut rows = entries.query((number, i64::try_from(after).unwrap_or(i64::MAX)))?;
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if page.entries.len() >= limit || bytes >= PAGE_BYTES {
            page.more = true;
            break;
        }
        let data: Vec<u8> = row.get(2)?;
        bytes += data.len();
        page.entries.push(Kept { seq: unsigned(row.get(0)?), event: row.get(1)?, data: Bytes::from(data) });
    }
    if let (true, Some(last)) = (page.more, page.entries.last()) {
        page.end = last.seq;
    }
    Ok(page)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

//! The writing thread. In: entries over a queue. Out: an answer to each, once it would outlive a power cut.
//!
//! What waits when the thread is free shares one commit, so that a disk which needs ten milliseconds for a commit still keeps up with
//! thousands of entries a second. Whoever gave up waiting meanwhile was told to come again: his entry is left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::trim::{self, Trimmer};
use super::{db, files};
use crate::channel::ChannelId;
use crate::config::Retention;
use crate::store::{Appended, Entry, MessageId, StoreError, Wakes};
use crate::tasks;

/// Jobs that may wait. More than that is more than it can do in the time that senders have.
const QUEUE: usize = 4096;
/// Bytes of entries that may wait.
const QUEUE_BYTES: usize = 128 << 20;
/// Entries and bytes that may share one commit.
const GROUP: usize = 512;
const GROUP_BYTES: usize = 16 << 20;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread can be asked for.
pub(super) enum Job {
    Append(Entry, Answer<Appended>),
    Forget(ChannelId, Answer<u64>),
    Check(Answer<()>),
    #[cfg(test)]
    Work(Box<dyn FnOnce(&mut Connection) + Send>, Answer<()>),
    Close(oneshot::Sender<()>),
}

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
}

impl Writer {
    /// Starts the thread. It ends, and closes the file in order, once this is dropped or closed.
    pub(super) fn start(
        conn: Connection,
        retention: Retention,
        wakes: Arc<Wakes>,
        lock: files::Lock,
        damage: files::Damage,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let waiting = Arc::new(AtomicUsize::new(0));
        let trimmer = Trimmer::new(&conn, retention)
            .map_err(|error| db::told(&error))
            .inspect_err(|error| damage.note(error))?;
        let desk = Desk { conn, trimmer, wakes, waiting: waiting.clone(), damage };
        tasks::thread("relay-write", move || desk.serve(&queue, lock))
            .map_err(|error| StoreError::Other(error.to_string()))?;
        Ok(Self { jobs, waiting })
    }

    /// Queues an entry.
    pub(super) fn append(&self, entry: Entry, answer: Answer<Appended>) -> Result<(), StoreError> {
        let bytes = entry.data.len();
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) > QUEUE_BYTES {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            return Err(StoreError::Busy);
        }
        let queued = self.queue(Job::Append(entry, answer));
        if queued.is_err() {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        queued
    }

    /// Queues anything else and waits for its answer.
    pub(super) async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue(job(answer))?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Returns once everything that was queued is done and the file is closed.
    pub(super) async fn close(&self) {
        let (closed, is_closed) = oneshot::channel();
        let mut job = Job::Close(closed);
        // A full queue empties; a thread that has ended answers by being gone.
        while let Err(TrySendError::Full(again)) = self.jobs.try_send(job) {
            job = again;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(is_closed.await);
    }

    pub(super) fn queue(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}

/// What the thread works with.
struct Desk {
    conn: Connection,
    trimmer: Trimmer,
    wakes: Arc<Wakes>,
    waiting: Arc<AtomicUsize>,
    damage: files::Damage,
}

impl Desk {
    fn serve(mut self, jobs: &Receiver<Job>, lock: files::Lock) {
        let mut held_over = None;
        let mut tidy_at = Instant::now();
        let mut more_to_tidy = false;
        let closed = loop {
            if held_over.is_none() && (more_to_tidy || Instant::now() >= tidy_at) {
                more_to_tidy = self.tidy();
                tidy_at = Instant::now() + self.trimmer.pace();
            }
            let job = match held_over.take() {
                Some(job) => job,
                None => {
                    // What is left to tidy is done in small steps, between the jobs of others.
                    let patience = if more_to_tidy {
                        Duration::ZERO
                    } else {
                        tidy_at.saturating_duration_since(Instant::now())
                    };
                    match jobs.recv_timeout(patience) {
                        Ok(job) => job,
                        Err(RecvTimeoutError::Timeout) => continue,
                        Err(RecvTimeoutError::Disconnected) => break None,
                    }
                }
            };
            match job {
                Job::Append(entry, answer) => held_over = self.append_group(jobs, entry, answer),
                Job::Forget(channel, answer) => {
                    let done = self.write(|transaction, _| trim::forget(transaction, channel));
                    // Who asked may be gone: it is forgotten all the same.
                    drop(answer.send(done));
                    more_to_tidy = true;
                }
                Job::Check(answer) => drop(answer.send(self.check())),
                #[cfg(test)]
                Job::Work(work, answer) => {
                    work(&mut self.conn);
                    drop(answer.send(Ok(())));
                }
                Job::Close(closed) => break Some(closed),
            }
        };
        self.finish();
        drop(lock);
        if let Some(closed) = closed {
            // Who asked may be gone: it is closed all the same.
            let _ = closed.send(());
        }
    }

    /// Takes what else waits into the same commit. Gives back the first job that does not belong there.
    fn append_group(&mut self, jobs: &Receiver<Job>, entry: Entry, answer: Answer<Appended>) -> Option<Job> {
        let mut bytes = entry.data.len();
        let mut group = vec![(entry, answer)];
        let mut held_over = None;
        while group.len() < GROUP && bytes < GROUP_BYTES {
            match jobs.try_recv() {
                Ok(Job::Append(entry, answer)) => {
                    bytes += entry.data.len();
                    group.push((entry, answer));
                }
                Ok(other) => {
                    held_over = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        group.retain(|(_, answer)| !answer.is_closed());
        if group.is_empty() {
            return held_over;
        }
        let done = self.write(|transaction, trimmer| {
            let mut done = Vec::with_capacity(group.len());
            for (entry, _) in &group {
                done.push(append(transaction, trimmer, entry)?);
            }
            trimmer.trim_touched(transaction)?;
            Ok(done)
        });
        match done {
            Ok(done) => {
                for ((entry, answer), appended) in group.into_iter().zip(done) {
                    if !appended.known {
                        self.wakes.wake(entry.channel, appended.seq);
                    }
                    // The sender may be gone: he comes again, and it is known then.
                    drop(answer.send(Ok(appended)));
                }
            }
            Err(error) => {
                for (_, answer) in group {
                    drop(answer.send(Err(error.clone())));
                }
            }
        }
        held_over
    }

    /// One transaction: all of `work`, or nothing, in the file as in what the trimmer counts.
    fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &mut Trimmer) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let counted = self.trimmer.counted();
        let done = (|| {
            let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction, &mut self.trimmer)?;
            transaction.commit()?;
            Ok(done)
        })();
        let took = began.elapsed();
        if took > Duration::from_secs(1) {
            warn!(?took, "the store's disk is slow");
        }
        done.map_err(|error: rusqlite::Error| {
            self.trimmer.count_again(counted);
            let told = db::told(&error);
            error!(code = ?error.sqlite_error_code(), "the store could not write: {told}");
            self.damage.note(&told);
            told
        })
    }

    /// A commit like that of an entry, so that a full or broken disk shows.
    fn check(&mut self) -> Result<(), StoreError> {
        let now = i64::try_from(tasks::now_ms()).unwrap_or(i64::MAX);
        self.write(|transaction, _| db::set(transaction, "checked", now))
    }

    /// One step of what retention asks for, and then of giving free pages back to the disk. True if there is more to do.
    fn tidy(&mut self) -> bool {
        match self.write(|transaction, trimmer| trimmer.step(transaction)) {
            Ok(true) => true,
            Ok(false) => trim::shrink(&self.conn).unwrap_or_else(|error| {
                // The file only stays large.
                self.damage.note(&db::told(&error));
                warn!(code = ?error.sqlite_error_code(), "the store's file did not shrink");
                false
            }),
            // Said in the log already; tried again at the next turn.
            Err(_) => false,
        }
    }

    fn finish(self) {
        let whole =
            self.conn.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);").and_then(|()| {
                // Last of all, and only of a file that was whole as far as it was looked at.
                if self.damage.is_seen() { Ok(()) } else { db::set_closed_cleanly(&self.conn, true) }
            });
        if let Err(error) = whole {
            self.damage.note(&db::told(&error));
            warn!(code = ?error.sqlite_error_code(), "the store did not close in order; the next start checks it");
        }
        if let Err((_, error)) = self.conn.close() {
            warn!(code = ?error.sqlite_error_code(), "the store did not close");
        }
    }
}

/// Keeps one entry, unless it is known.
fn append(transaction: &Transaction<'_>, trimmer: &mut Trimmer, entry: &Entry) -> rusqlite::Result<Appended> {
    let number: i64 = transaction
        .prepare_cached(
            "INSERT INTO channel (id) VALUES (?1) ON CONFLICT (id) DO UPDATE SET gone = 0 RETURNING number",
        )?
        .query_row([entry.channel.as_bytes()], |row| row.get(0))?;
    let received = i64::try_from(entry.received).unwrap_or(i64::MAX);
    let mut seq = known(transaction, number, entry.message, 0)?;
    if let (None, Some(earlier)) = (seq, entry.earlier) {
        let since = i64::try_from(earlier.since).unwrap_or(i64::MAX);
        seq = known(transaction, number, earlier.message, since)?;
    }
    if let Some(seq) = seq {
        return Ok(Appended { seq, known: true });
    }
    transaction
        .prepare_cached("INSERT INTO entry (channel, received, event, data) VALUES (?1, ?2, ?3, ?4)")?
        .execute((number, received, entry.event, &entry.data[..]))?;
    let seq = transaction.last_insert_rowid();
    transaction
        .prepare_cached("INSERT INTO known (seq, channel, message, received) VALUES (?1, ?2, ?3, ?4)")?
        .execute((seq, number, entry.message.as_bytes(), received))?;
    trimmer.added(transaction, number, entry.data.len())?;
    Ok(Appended { seq: u64::try_from(seq).unwrap_or_default(), known: false })
}

fn known(
    transaction: &Transaction<'_>,
    number: i64,
    message: MessageId,
    since: i64,
) -> rusqlite::Result<Option<u64>> {
    let mut statement = transaction
        .prepare_cached("SELECT seq FROM known WHERE channel = ?1 AND message = ?2 AND received >= ?3")?;
    let mut rows = statement.query((number, message.as_bytes(), since))?;
    rows.next()?
        .map(|row| row.get::<_, i64>(0))
        .transpose()
        .map(|seq| seq.and_then(|seq| seq.try_into().ok()))
}

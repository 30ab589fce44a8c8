//! The two threads of the database: one writes, one reads. In: jobs over a queue. Out: each job answers for itself.
//!
//! What several tasks admit at the same time shares one commit. A thread wakes only for a job, and once afterwards to tidy up.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::StoreError;
use super::admit::{self, Admission};
use super::db::Open;
use super::error::Trouble;
use super::lock::EngineLock;
use super::{files, settings};

/// Quiet time after which a thread gives its memory back.
const IDLE: Duration = Duration::from_secs(5);
/// A write-ahead file above this is folded into the database when the store is idle.
const LARGE_WAL: u64 = 1 << 20;
/// Admissions that may share one commit.
const GROUP: usize = 256;
/// A job above this is told in the log, by its name.
const SLOW: Duration = Duration::from_millis(40);

type WriteWork = Box<dyn FnOnce(&mut Connection) + Send>;
type ReadWork = Box<dyn FnOnce(&Connection) + Send>;

enum WriteJob {
    Admit(Admission),
    Work(&'static str, WriteWork),
    Close(oneshot::Sender<()>),
}

enum ReadJob {
    Work(&'static str, ReadWork),
    Close(oneshot::Sender<()>),
}

/// The queues of both threads.
#[derive(Debug)]
pub(super) struct Threads {
    writer: Sender<WriteJob>,
    reader: Sender<ReadJob>,
    place: Arc<Place>,
}

/// Where the database lies, and whether it turned out to be damaged.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    damaged: AtomicBool,
}

impl Place {
    /// Puts trouble into words; damage is remembered, so that the next start checks the file.
    pub(super) fn told(&self, query: &'static str, trouble: Trouble) -> StoreError {
        let error = trouble.told(query, &self.path);
        if error == StoreError::Corrupt {
            self.damaged.store(true, Ordering::Relaxed);
        }
        error
    }
}

impl Threads {
    /// Starts both threads on an open database.
    pub(super) fn start(open: Open, path: &Path) -> Result<Self, StoreError> {
        let place = Arc::new(Place { path: path.to_owned(), damaged: AtomicBool::new(false) });
        let (writer, write_jobs) = mpsc::channel();
        let (reader, read_jobs) = mpsc::channel();
        let Open { writer: write_to, reader: read_from, lock, .. } = open;
        let here = place.clone();
        named("store-write", path, move || serve_writes(write_to, &write_jobs, &here, lock))?;
        named("store-read", path, move || serve_reads(read_from, &read_jobs))?;
        Ok(Self { writer, reader, place })
    }

    /// Queues an admission.
    pub(super) fn admit(&self, admission: Admission) -> Result<(), StoreError> {
        self.writer.send(WriteJob::Admit(admission)).map_err(|_| StoreError::Closed)
    }

    /// Queues work for the writing thread. `work` gets the connection and the way to put trouble into words.
    pub(super) fn write(
        &self,
        query: &'static str,
        work: impl FnOnce(&mut Connection, &dyn Fn(Trouble) -> StoreError) + Send + 'static,
    ) -> Result<(), StoreError> {
        let place = self.place.clone();
        let work: WriteWork = Box::new(move |conn| work(conn, &|trouble| place.told(query, trouble)));
        self.writer.send(WriteJob::Work(query, work)).map_err(|_| StoreError::Closed)
    }

    /// Queues work for the reading thread.
    pub(super) fn read(
        &self,
        query: &'static str,
        work: impl FnOnce(&Connection, &dyn Fn(Trouble) -> StoreError) + Send + 'static,
    ) -> Result<(), StoreError> {
        let place = self.place.clone();
        let work: ReadWork = Box::new(move |conn| work(conn, &|trouble| place.told(query, trouble)));
        self.reader.send(ReadJob::Work(query, work)).map_err(|_| StoreError::Closed)
    }

    /// Ends both threads after what is queued; the reader first, so that the writer closes the file alone.
    pub(super) async fn close(&self) {
        let (closed, reader_closed) = oneshot::channel();
        // A thread that has ended already, by another clone's close, answers by being gone.
        drop(self.reader.send(ReadJob::Close(closed)));
        drop(reader_closed.await);
        let (closed, writer_closed) = oneshot::channel();
        drop(self.writer.send(WriteJob::Close(closed)));
        drop(writer_closed.await);
    }
}

/// One transaction: all of `work`, or nothing.
pub(super) fn in_transaction<T>(
    conn: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

fn named(
    name: &'static str,
    path: &Path,
    work: impl FnOnce() + Send + 'static,
) -> Result<thread::JoinHandle<()>, StoreError> {
    thread::Builder::new()
        .name(name.to_owned())
        // SQLite needs little; what is not reserved is not counted.
        .stack_size(512 * 1024)
        .spawn(work)
        .map_err(|e| StoreError::from_io(&e, path))
}

fn serve_writes(mut conn: Connection, jobs: &Receiver<WriteJob>, place: &Place, lock: EngineLock) {
    let mut tidied = true;
    let mut held_over = None;
    let closed = loop {
        let next = held_over.take().or_else(|| next(jobs, &mut tidied, || tidy(&conn, place)));
        match next {
            None => break None,
            Some(WriteJob::Close(closed)) => break Some(closed),
            Some(WriteJob::Work(query, work)) => timed(query, || work(&mut conn)),
            Some(WriteJob::Admit(first)) => {
                let mut group = vec![first];
                while group.len() < GROUP && held_over.is_none() {
                    match jobs.try_recv() {
                        Ok(WriteJob::Admit(another)) => group.push(another),
                        Ok(other) => held_over = Some(other),
                        Err(_) => break,
                    }
                }
                timed("admit", || admit::admit_together(&mut conn, group, place));
            }
        }
    };
    finish(conn, place);
    drop(lock);
    if let Some(closed) = closed {
        // The one who asked may be gone: it is closed all the same.
        let _ = closed.send(());
    }
}

fn serve_reads(conn: Connection, jobs: &Receiver<ReadJob>) {
    let mut tidied = true;
    let mut closed = None;
    while let Some(job) = next(jobs, &mut tidied, || release(&conn)) {
        match job {
            ReadJob::Work(query, work) => timed(query, || work(&conn)),
            ReadJob::Close(answer) => {
                closed = Some(answer);
                break;
            }
        }
    }
    if let Err((_, error)) = conn.close() {
        error!(code = ?error.sqlite_error_code(), "the database did not close for reading");
    }
    if let Some(closed) = closed {
        // The one who asked may be gone: it is closed all the same.
        let _ = closed.send(());
    }
}

/// The next job; `None` when nobody is left to send one. After a while without any, `tidy` is called once.
fn next<J>(jobs: &Receiver<J>, tidied: &mut bool, tidy: impl Fn()) -> Option<J> {
    loop {
        if *tidied {
            let job = jobs.recv().ok();
            *tidied = false;
            return job;
        }
        match jobs.recv_timeout(IDLE) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                tidy();
                *tidied = true;
            }
        }
    }
}

fn timed(query: &'static str, work: impl FnOnce()) {
    let begun = Instant::now();
    work();
    let took = begun.elapsed();
    if took > SLOW {
        warn!(query, ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "a slow query");
    }
}

fn tidy(conn: &Connection, place: &Place) {
    let [.., wal] = files::with_companions(&place.path);
    if std::fs::metadata(&wal).is_ok_and(|wal| wal.len() > LARGE_WAL) {
        checkpoint(conn);
    }
    release(conn);
}

fn release(conn: &Connection) {
    if let Err(error) = conn.release_memory() {
        warn!(%error, "the database keeps its memory");
    }
}

/// Folds the write-ahead file into the database.
pub(super) fn checkpoint(conn: &Connection) {
    let busy = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    match busy {
        Ok(false) => {}
        Ok(true) => warn!("the write-ahead file is in use and stays as it is"),
        Err(error) => warn!(code = ?error.sqlite_error_code(), "the write-ahead file stays as it is"),
    }
}

fn finish(conn: Connection, place: &Place) {
    let sweep = || -> rusqlite::Result<()> {
        conn.execute_batch("PRAGMA analysis_limit = 400; PRAGMA optimize;")?;
        if !place.damaged.load(Ordering::Relaxed) {
            settings::set_closed_cleanly(&conn, true)?;
        }
        Ok(())
    };
    if let Err(error) = sweep() {
        // The next start checks the file, which is all that this loses.
        warn!(code = ?error.sqlite_error_code(), "the database could not be closed tidily");
    }
    checkpoint(&conn);
    if let Err((_, error)) = conn.close() {
        error!(code = ?error.sqlite_error_code(), "the database did not close");
    }
}

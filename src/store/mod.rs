//! ② Kept before anyone hears of it: accounts, notifications, the ledger of their toasts, wishes and rules, in one SQLite database.
//!
//! In: plain values, and the time as an argument. Out: the same values, once they are committed. Knows no service, no desktop, no
//! clock. One file per table, with its SQL, its rows and its verbs; `db` opens, `schema` migrates, `threads` runs the verbs.
//!
//! Each verb is one transaction on the writing thread, or one query on the reading thread, which sees all that was committed before it
//! was asked. A verb whose future is dropped is carried out nevertheless.

mod accounts;
mod acts;
mod admit;
mod column;
mod compare;
mod db;
mod error;
mod files;
mod inbox;
mod lock;
mod marks;
mod runs;
mod schema;
mod search;
mod settings;
mod stars;
mod threads;
mod toasts;
mod versions;
mod wishes;

#[cfg(test)]
mod testing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use tokio::sync::oneshot;

pub use acts::KeptAct;
pub use admit::Admitted;
pub use error::StoreError;
pub use inbox::{InboxQuery, Kept};
pub use marks::{ReadBy, StillUnread};
pub use stars::Starred;
pub use toasts::{Claimed, Ended, Fate, Pending};
pub use wishes::{Wished, WishedMark};

use error::Trouble;
use threads::Threads;

/// The open database. Clones share it; when the last one goes, or at [`Store::close`], it is closed cleanly.
#[derive(Debug, Clone)]
pub struct Store {
    threads: Arc<Threads>,
}

/// What opening found.
#[derive(Debug)]
pub struct Opened {
    /// The open database.
    pub store: Store,
    /// True if there was none, or only a damaged one.
    pub fresh: bool,
    /// Where a damaged database was set aside, if there was one. The person should be told.
    pub set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens the database at `path`, making it and its folder if they are missing, and keeps every other engine away from it by the
    /// lock file `engine.lock` beside it. Blocks: at most some milliseconds, or as long as a migration takes.
    pub fn open(path: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        let open = db::open(path, now)?;
        let (fresh, set_aside) = (open.fresh, open.set_aside.clone());
        let threads = Threads::start(open, path)?;
        Ok(Opened { store: Self { threads: Arc::new(threads) }, fresh, set_aside })
    }

    /// Closes the database and returns once it is whole in its one file and another engine may have it. Other clones are refused from
    /// then on with [`StoreError::Closed`].
    pub async fn close(self) {
        self.threads.close().await;
    }

    /// One transaction on the writing thread.
    async fn write<T: Send + 'static>(
        &self,
        query: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_writer(query, move |conn| threads::in_transaction(conn, work)).await
    }

    /// Anything on the writing thread.
    async fn on_writer<T: Send + 'static>(
        &self,
        query: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.threads.write(query, move |conn, told| {
            // Nobody waits for the answer any more: the work is done all the same.
            drop(answer.send(work(conn).map_err(told)));
        })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// One query on the reading thread.
    async fn read<T: Send + 'static>(
        &self,
        query: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.threads.read(query, move |conn, told| drop(answer.send(work(conn).map_err(told))))?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

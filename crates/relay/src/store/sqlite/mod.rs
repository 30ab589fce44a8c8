//! Entries in one SQLite file, for a relay on one machine. Two threads: one writes, and what comes at the same time shares one commit;
//! one reads, and sees all that was committed before it was asked.

mod db;
mod files;
mod read;
mod schema;
mod trim;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use super::{Appended, Entry, Keys, Page, Store, StoreError, Wakes};
use crate::channel::ChannelId;
use crate::config::Retention;
use read::Reader;
use write::Writer;

/// The open file.
#[derive(Debug)]
struct SqliteStore {
    epoch: u64,
    keys: Keys,
    remarks: Vec<String>,
    wakes: Arc<Wakes>,
    writer: Writer,
    reader: Reader,
}

/// Opens the file, making it if it is missing.
pub(super) async fn open(
    path: PathBuf,
    retention: Retention,
    restored: bool,
) -> Result<Arc<dyn Store>, StoreError> {
    let opening = tokio::task::spawn_blocking(move || -> Result<Arc<dyn Store>, StoreError> {
        Ok(Arc::new(open_now(path, retention, restored)?))
    });
    opening.await.map_err(|_| StoreError::Other("opening failed".to_owned()))?
}

fn open_now(path: PathBuf, retention: Retention, restored: bool) -> Result<SqliteStore, StoreError> {
    let db::Open { writer, reader, lock, damage, keys, epoch, remarks } = db::open(&path, restored)?;
    let wakes = Arc::new(Wakes::default());
    Ok(SqliteStore {
        epoch,
        keys,
        remarks,
        wakes: wakes.clone(),
        writer: Writer::start(writer, retention, wakes, lock, damage.clone())?,
        reader: Reader::start(reader, damage)?,
    })
}

impl Store for SqliteStore {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Appended, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let queued = self.writer.append(entry, answer);
        Box::pin(async move {
            queued?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn read(&self, channel: ChannelId, after: u64, limit: usize) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(self.reader.read(channel, after, limit))
    }

    fn watch(&self, channel: ChannelId) -> watch::Receiver<u64> {
        self.wakes.watch(channel)
    }

    fn forget(&self, channel: ChannelId) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.writer.ask(move |answer| write::Job::Forget(channel, answer)))
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.writer.ask(write::Job::Check))
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // The reader first, so that the writer closes the file alone and leaves it whole.
            self.reader.close().await;
            self.writer.close().await;
        })
    }
}

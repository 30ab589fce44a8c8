//! Retention: what is too old or too much goes, oldest first, and each channel remembers up to where. Runs on the writing thread, in
//! its transactions; large clearances in small steps, so that no sender waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rusqlite::{Connection, Transaction};

use crate::channel::ChannelId;
use crate::config::Retention;
use crate::tasks;

/// Rows of one step.
const STEP: i64 = 500;
/// Ids that are known at most, whatever their age: about a gigabyte of file.
const MOST_KNOWN: i64 = 8_000_000;
/// Between two looks for what has become too old.
const PACE: Duration = Duration::from_secs(60);

/// What one step left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There was nothing to do.
    Done,
    /// Something went, and this was the last of it.
    Freed,
    /// More is to go.
    More,
}

/// Keeps count of what is there.
#[derive(Debug)]
pub(super) struct Trimmer {
    retention: Retention,
    total: i64,
    touched: BTreeSet<i64>,
    freed: bool,
}

impl Trimmer {
    pub(super) fn new(conn: &Connection, retention: Retention) -> rusqlite::Result<Self> {
        let total = conn.query_row("SELECT coalesce(sum(bytes), 0) FROM channel", [], |row| row.get(0))?;
        Ok(Self { retention, total, touched: BTreeSet::new(), freed: false })
    }

    /// How often to look for what has become too old.
    pub(super) fn pace(&self) -> Duration {
        (self.retention.age.min(self.retention.doubles) / 10).clamp(Duration::from_millis(50), PACE)
    }

    /// The count before a transaction, for one that fails.
    pub(super) fn counted(&self) -> i64 {
        self.total
    }

    /// The transaction failed: nothing of it happened.
    pub(super) fn count_again(&mut self, total: i64) {
        self.total = total;
        self.touched.clear();
    }

    /// An entry was added.
    pub(super) fn added(
        &mut self,
        transaction: &Transaction<'_>,
        channel: i64,
        bytes: usize,
    ) -> rusqlite::Result<()> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        transaction
            .prepare_cached("UPDATE channel SET entries = entries + 1, bytes = bytes + ?2 WHERE number = ?1")?
            .execute((channel, bytes))?;
        self.total += bytes;
        self.touched.insert(channel);
        Ok(())
    }

    /// Brings the channels that got something back within their limits.
    pub(super) fn trim_touched(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let most_entries = signed(self.retention.entries);
        let most_bytes = signed(self.retention.bytes);
        for channel in std::mem::take(&mut self.touched) {
            let (entries, bytes): (i64, i64) = transaction
                .prepare_cached("SELECT entries, bytes FROM channel WHERE number = ?1")?
                .query_row([channel], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if entries > most_entries || bytes > most_bytes {
                self.drop_oldest(transaction, channel, entries - most_entries, bytes - most_bytes)?;
            }
        }
        Ok(())
    }

    /// One step of: what is too old, what is above the limit of all, ids not needed any more, channels that were forgotten.
    pub(super) fn step(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<Step> {
        let now = signed(tasks::now_ms());
        let before = |age: Duration| now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let mut gone = self.drop_old(transaction, before(self.retention.age))?;
        if self.total > signed(self.retention.total_bytes) {
            let largest = "SELECT number, bytes FROM channel ORDER BY bytes DESC LIMIT 1";
            let (channel, bytes): (i64, i64) =
                transaction.query_row(largest, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let excess = (self.total - signed(self.retention.total_bytes)).min(bytes / 2 + 1);
            gone += self.drop_oldest(transaction, channel, 0, excess)?;
        }
        gone += forget_ids(transaction, before(self.retention.doubles))?;
        gone += self.clear_gone(transaction)?;
        let last = std::mem::replace(&mut self.freed, gone > 0);
        Ok(match (gone > 0, last) {
            (true, _) => Step::More,
            (false, true) => Step::Freed,
            (false, false) => Step::Done,
        })
    }

    fn drop_old(&mut self, transaction: &Transaction<'_>, before: i64) -> rusqlite::Result<usize> {
        let mut old = transaction.prepare_cached(
            "SELECT seq, channel, length(data) FROM (SELECT seq, channel, received, data FROM entry ORDER BY seq LIMIT ?1)
             WHERE received < ?2",
        )?;
        let mut rows = old.query((STEP, before))?;
        let mut goes: BTreeMap<i64, Clearance> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (seq, channel, bytes) = (row.get(0)?, row.get(1)?, row.get(2)?);
            goes.entry(channel).or_default().add(seq, bytes);
        }
        drop(rows);
        let mut gone = 0;
        for (channel, clearance) in goes {
            gone += self.clear(transaction, channel, &clearance)?;
        }
        Ok(gone)
    }

    /// Drops the oldest of a channel, at least so many entries and so many bytes; but never the newest.
    fn drop_oldest(
        &mut self,
        transaction: &Transaction<'_>,
        channel: i64,
        entries: i64,
        bytes: i64,
    ) -> rusqlite::Result<usize> {
        let mut oldest = transaction.prepare_cached(
            "SELECT seq, length(data) FROM entry WHERE channel = ?1 AND seq < (SELECT max(seq) FROM entry WHERE channel = ?1)
             ORDER BY seq",
        )?;
        let mut rows = oldest.query([channel])?;
        let mut clearance = Clearance::default();
        while clearance.entries < entries || clearance.bytes < bytes {
            let Some(row) = rows.next()? else { break };
            clearance.add(row.get(0)?, row.get(1)?);
        }
        drop(rows);
        self.clear(transaction, channel, &clearance)
    }

    /// Removes what a clearance lists: every entry of the channel in its span, of which there are no others.
    fn clear(
        &mut self,
        transaction: &Transaction<'_>,
        channel: i64,
        clearance: &Clearance,
    ) -> rusqlite::Result<usize> {
        if clearance.entries == 0 {
            return Ok(0);
        }
        let mut delete = transaction.prepare_cached("DELETE FROM entry WHERE seq = ?1 AND channel = ?2")?;
        let mut gone = 0;
        for seq in &clearance.seqs {
            gone += delete.execute((seq, channel))?;
        }
        transaction
            .prepare_cached(
                "UPDATE channel SET entries = entries - ?2, bytes = bytes - ?3, trimmed = max(trimmed, ?4) WHERE number = ?1",
            )?
            .execute((channel, clearance.entries, clearance.bytes, clearance.newest))?;
        self.total -= clearance.bytes;
        Ok(gone)
    }

    /// A part of what forgotten channels left.
    fn clear_gone(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<usize> {
        let mut find = transaction.prepare_cached("SELECT number FROM channel WHERE gone = 1 LIMIT 1")?;
        let mut rows = find.query([])?;
        let Some(channel) = rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()? else { return Ok(0) };
        drop(rows);
        let mut clearance = Clearance::default();
        let mut some = transaction
            .prepare_cached("SELECT seq, length(data) FROM entry WHERE channel = ?1 ORDER BY seq LIMIT ?2")?;
        let mut rows = some.query((channel, STEP))?;
        while let Some(row) = rows.next()? {
            clearance.add(row.get(0)?, row.get(1)?);
        }
        drop(rows);
        let mut gone = self.clear(transaction, channel, &clearance)?;
        gone += transaction
            .prepare_cached(
                "DELETE FROM known WHERE seq IN (SELECT seq FROM known WHERE channel = ?1 LIMIT ?2)",
            )?
            .execute((channel, STEP))?;
        if gone == 0 {
            gone += transaction.execute("DELETE FROM channel WHERE number = ?1", [channel])?;
        }
        Ok(gone)
    }
}

/// What is to go of one channel.
#[derive(Debug, Default)]
struct Clearance {
    seqs: Vec<i64>,
    entries: i64,
    bytes: i64,
    newest: i64,
}

impl Clearance {
    fn add(&mut self, seq: i64, bytes: i64) {
        self.seqs.push(seq);
        self.entries += 1;
        self.bytes += bytes;
        self.newest = self.newest.max(seq);
    }
}

/// Forgets a channel: from now on nobody finds it, and the next steps remove its rows. Says how many entries it had.
pub(super) fn forget(transaction: &Transaction<'_>, channel: ChannelId) -> rusqlite::Result<u64> {
    let mut forget = transaction
        .prepare_cached("UPDATE channel SET id = randomblob(16), gone = 1 WHERE id = ?1 RETURNING entries")?;
    let mut rows = forget.query([channel.as_bytes()])?;
    let entries: Option<i64> = rows.next()?.map(|row| row.get(0)).transpose()?;
    Ok(entries.and_then(|entries| u64::try_from(entries).ok()).unwrap_or_default())
}

/// Gives some free pages back to the disk.
pub(super) fn shrink(conn: &Connection) -> rusqlite::Result<()> {
    let mut pages = conn.prepare("PRAGMA incremental_vacuum(2000)")?;
    let mut rows = pages.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

fn forget_ids(transaction: &Transaction<'_>, before: i64) -> rusqlite::Result<usize> {
    let mut gone = transaction
        .prepare_cached(
            "DELETE FROM known WHERE seq IN
                 (SELECT seq FROM (SELECT seq, received FROM known ORDER BY seq LIMIT ?1) WHERE received < ?2)",
        )?
        .execute((STEP, before))?;
    // The numbers of the oldest and the newest tell how many there may be, without counting them.
    gone += transaction
        .prepare_cached("DELETE FROM known WHERE seq IN (SELECT seq FROM known WHERE seq <= (SELECT max(seq) FROM known) - ?1 ORDER BY seq LIMIT ?2)")?
        .execute((MOST_KNOWN, STEP))?;
    Ok(gone)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

//! Retention: what is too old or too much goes, oldest first, and each channel remembers up to where. Runs on the writing thread, in
//! its transactions; large clearances in small steps, so that no sender waits for them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

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
/// A clock that says something else than what has passed since is believed after this time only.
const DOUBT: Duration = Duration::from_secs(3600);
/// So much a clock may be set by without being doubted, in milliseconds.
const SET: u64 = 5 * 60 * 1000;
/// Free pages that stay in the file for what comes next (8 MiB), and how many go in one step.
const RESERVE: i64 = 2_048;
const FREED: i64 = 1_000;

/// Keeps count of what is there.
#[derive(Debug)]
pub(super) struct Trimmer {
    retention: Retention,
    total: i64,
    touched: BTreeSet<i64>,
    clock: Clock,
}

impl Trimmer {
    pub(super) fn new(conn: &Connection, retention: Retention) -> rusqlite::Result<Self> {
        let total = conn.query_row("SELECT coalesce(sum(bytes), 0) FROM channel", [], |row| row.get(0))?;
        let doubt = look_every(&retention, DOUBT);
        let clock = Clock::new(doubt, tasks::now_ms(), Instant::now());
        Ok(Self { retention, total, touched: BTreeSet::new(), clock })
    }

    /// How often to look for what has become too old.
    pub(super) fn pace(&self) -> Duration {
        look_every(&self.retention, PACE)
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

    /// One step of: what is too old, what is above the limit of all, ids not needed any more, channels that were forgotten. True if
    /// something went: there may be more.
    pub(super) fn step(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
        let now = tasks::now_ms();
        let before =
            |age: Duration| signed(now).saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let mut gone = 0;
        if self.clock.is_believed(now, Instant::now()) {
            gone += self.drop_old(transaction, before(self.retention.age))?;
            gone += forget_ids(transaction, before(self.retention.doubles))?;
        }
        gone += forget_too_many_ids(transaction)?;
        if self.total > signed(self.retention.total_bytes) {
            let largest = "SELECT number, bytes FROM channel ORDER BY bytes DESC LIMIT 1";
            let (channel, bytes): (i64, i64) =
                transaction.query_row(largest, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let excess = (self.total - signed(self.retention.total_bytes)).min(bytes / 2 + 1);
            gone += self.drop_oldest(transaction, channel, 0, excess)?;
        }
        gone += self.clear_gone(transaction)?;
        Ok(gone > 0)
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

/// Gives some free pages back to the disk, if there are many. True if there may be more.
pub(super) fn shrink(conn: &Connection) -> rusqlite::Result<bool> {
    let free: i64 = conn.query_row("PRAGMA freelist_count", [], |row| row.get(0))?;
    let above = free - RESERVE;
    if above <= 0 {
        return Ok(false);
    }
    all_rows(conn, &format!("PRAGMA incremental_vacuum({})", above.min(FREED)))?;
    let more = above > FREED;
    if !more {
        // Only then does the file itself become smaller.
        all_rows(conn, "PRAGMA wal_checkpoint(PASSIVE)")?;
    }
    Ok(more)
}

fn all_rows(conn: &Connection, pragma: &str) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(pragma)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

fn forget_ids(transaction: &Transaction<'_>, before: i64) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached(
            "DELETE FROM known WHERE seq IN
                 (SELECT seq FROM (SELECT seq, received FROM known ORDER BY seq LIMIT ?1) WHERE received < ?2)",
        )?
        .execute((STEP, before))
}

fn forget_too_many_ids(transaction: &Transaction<'_>) -> rusqlite::Result<usize> {
    // The numbers of the oldest and the newest tell how many there may be, without counting them.
    transaction
        .prepare_cached("DELETE FROM known WHERE seq IN (SELECT seq FROM known WHERE seq <= (SELECT max(seq) FROM known) - ?1 ORDER BY seq LIMIT ?2)")?
        .execute((MOST_KNOWN, STEP))
}

/// A part of what is kept for the shortest time, at most this long.
fn look_every(retention: &Retention, most: Duration) -> Duration {
    (retention.age.min(retention.doubles) / 10).clamp(Duration::from_millis(50), most)
}

/// Whether the time of day may be believed. A machine may start with any, and have it set by a year a moment later: what nobody has read yet
/// must not go by a clock that is wrong.
#[derive(Debug)]
struct Clock {
    doubt: Duration,
    last: (u64, Instant),
    believed_from: Instant,
}

impl Clock {
    fn new(doubt: Duration, wall_ms: u64, now: Instant) -> Self {
        Self { doubt, last: (wall_ms, now), believed_from: now + doubt }
    }

    fn is_believed(&mut self, wall_ms: u64, now: Instant) -> bool {
        let (then_ms, then) = self.last;
        let passed = u64::try_from(now.duration_since(then).as_millis()).unwrap_or(u64::MAX);
        if wall_ms.abs_diff(then_ms.saturating_add(passed)) > SET {
            self.believed_from = now + self.doubt;
        }
        self.last = (wall_ms, now);
        now >= self.believed_from
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn a_clock_that_jumps_is_believed_only_if_it_stays_so() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_millis(minutes * MINUTE);
        let day = 24 * 60 * MINUTE;
        let mut clock = Clock::new(DOUBT, 20 * day, start);
        assert!(!clock.is_believed(20 * day + MINUTE, at(1)), "it has just started");
        assert!(clock.is_believed(20 * day + 60 * MINUTE, at(60)));
        // A year ahead, and back.
        assert!(!clock.is_believed(385 * day, at(61)));
        assert!(!clock.is_believed(385 * day + 30 * MINUTE, at(91)));
        assert!(!clock.is_believed(20 * day + 92 * MINUTE, at(92)));
        assert!(clock.is_believed(20 * day + 152 * MINUTE, at(152)));
        // A year ahead, for good.
        assert!(!clock.is_believed(385 * day, at(153)));
        assert!(clock.is_believed(385 * day + 60 * MINUTE, at(213)));
    }
}

//! The table `toast`, the ledger: what became of each notification's toast. It only ever moves forward:
//!
//! ```text
//! pending ─▶ claimed ─▶ shown ─▶ (ended: clicked, dismissed, expired, withdrawn)
//!    │        ▲ ├─────▶ failed
//!    └────────┼─┴─────▶ quiet
//!             └──────── quiet, but held: told when the quiet is over
//! ```
//!
//! A verb that would lead backwards changes nothing; only a later version of what is told begins anew (`admit`). Reasons and outcomes are kept as the texts they are given as.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use super::column::{self, maybe_named, maybe_time, named, time};
use super::inbox::{self, COLUMN_COUNT, COLUMNS, LISTED, at_most};
use super::{ReadBy, Store, StoreError, marks};
use crate::notification::{Arrival, Notification, NotificationId};

/// A notification without a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its row.
    pub id: NotificationId,
    /// What it says; its `read` is that of today.
    pub notification: Notification,
    /// How it came in.
    pub arrival: Arrival,
    /// When it was kept, or when a later version took its place.
    pub admitted_at: Timestamp,
}

/// A notification whose toast an earlier run was about to show when it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its row.
    pub id: NotificationId,
    /// The toast's name.
    pub key: String,
    /// When it was claimed.
    pub at: Timestamp,
}

/// How a toast that was shown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The person clicked it.
    Clicked,
    /// The person closed it.
    Dismissed,
    /// It went away by itself.
    Expired,
    /// We took it off the screen: it was read.
    Withdrawn,
}

const ENDS: &[(Ended, &str)] = &[
    (Ended::Clicked, "clicked"),
    (Ended::Dismissed, "dismissed"),
    (Ended::Expired, "expired"),
    (Ended::Withdrawn, "withdrawn"),
];

impl Ended {
    /// Its name in JSON output and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clicked => "clicked",
            Self::Dismissed => "dismissed",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The whole story of one notification: why it was told, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Its row.
    pub id: NotificationId,
    /// How it came in.
    pub arrival: Arrival,
    /// When it was kept.
    pub admitted_at: Timestamp,
    /// `pending`, `claimed`, `shown`, `quiet` or `failed`.
    pub state: String,
    /// Why it was kept quiet or could not be shown. One that was held keeps it when it is told.
    pub reason: Option<String>,
    /// True while it is to be told when the quiet is over.
    pub held: bool,
    /// The quiet hours it came in, in words.
    pub quiet_hours: Option<String>,
    /// The name of the toast that tells it.
    pub key: Option<String>,
    /// When the toast was about to be shown.
    pub claimed_at: Option<Timestamp>,
    /// What the desktop answered to a toast that was shown.
    pub outcome: Option<String>,
    /// When it became shown, quiet or failed.
    pub settled_at: Option<Timestamp>,
    /// How a shown toast ended.
    pub ended: Option<Ended>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// Who says that it was read.
    pub read_by: Option<ReadBy>,
    /// When a later version of it, which was news, took its place.
    pub changed_at: Option<Timestamp>,
    /// When it changed after that in a way that is not told.
    pub small_change_at: Option<Timestamp>,
    /// When the person last marked it here.
    pub wished_at: Option<Timestamp>,
    /// When the service had been told of that mark; `None` while it is still to be told.
    pub told_service_at: Option<Timestamp>,
}

impl Store {
    /// Notifications without a verdict, in the order in which they were kept.
    pub async fn pending(&self, limit: usize) -> Result<Vec<Pending>, StoreError> {
        self.read("pending", move |conn| {
            let mut statement = conn.prepare_cached(&pending_sql())?;
            let rows = statement.query_map([at_most(limit)], pending)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// No toast for these as long as it is quiet, and why; afterwards they are told, unless they are read by then. Only from pending.
    pub async fn hold(
        &self,
        ids: Vec<NotificationId>,
        reason: String,
        quiet_hours: Option<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("hold", move |tx| {
            let mut statement = tx.prepare_cached(
                "UPDATE toast SET state = 'quiet', reason = ?2, quiet_hours = ?3, settled_at = ?4, held = 1
                 WHERE notification = ?1 AND state = 'pending'",
            )?;
            for id in ids {
                statement.execute((id.0, &reason, &quiet_hours, now.as_millisecond()))?;
            }
            Ok(())
        })
        .await
    }

    /// True if something is held, read or not.
    pub async fn any_held(&self) -> Result<bool, StoreError> {
        self.read("any held", |conn| Ok(conn.prepare_cached(ANY_HELD)?.exists([])?)).await
    }

    /// What is held and still unread, in the order in which it was kept, without its `raw`.
    pub async fn held(&self, limit: usize) -> Result<Vec<Pending>, StoreError> {
        self.read("held", move |conn| {
            let mut statement = conn.prepare_cached(&held_sql())?;
            let rows = statement.query_map([at_most(limit)], pending)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// What is held and was read meanwhile need not be told any more.
    pub async fn release_read(&self) -> Result<(), StoreError> {
        self.write("release read", |tx| {
            tx.prepare_cached(RELEASE_READ)?.execute([])?;
            Ok(())
        })
        .await
    }

    /// No toast for these, and why. Only from pending or claimed.
    pub async fn quiet(
        &self,
        ids: Vec<NotificationId>,
        reason: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("quiet", move |tx| {
            let mut statement = tx.prepare_cached(
                "UPDATE toast SET state = 'quiet', reason = ?2, settled_at = ?3
                 WHERE notification = ?1 AND state IN ('pending', 'claimed')",
            )?;
            for id in ids {
                statement.execute((id.0, &reason, now.as_millisecond()))?;
            }
            Ok(())
        })
        .await
    }

    /// This run is about to show a toast that tells these; several make a summary. Only from pending, from the claim of an earlier
    /// run, or from what is held, which it then no longer is.
    pub async fn claim(
        &self,
        ids: Vec<NotificationId>,
        key: String,
        run: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("claim", move |tx| {
            let mut statement = tx.prepare_cached(
                "UPDATE toast SET state = 'claimed', key = ?2, run = ?3, claimed_at = ?4, held = 0, settled_at = NULL
                 WHERE notification = ?1 AND (state = 'pending' OR held = 1 OR (state = 'claimed' AND run < ?3))",
            )?;
            for id in ids {
                statement.execute((id.0, &key, run, now.as_millisecond()))?;
            }
            Ok(())
        })
        .await
    }

    /// The desktop took the claimed toast. `outcome` is its answer, kept for the story.
    pub async fn shown(&self, key: String, outcome: String, now: Timestamp) -> Result<(), StoreError> {
        self.write("shown", move |tx| {
            tx.prepare_cached(
                "UPDATE toast SET state = 'shown', outcome = ?2, settled_at = ?3 WHERE key = ?1 AND state = 'claimed'",
            )?
            .execute((key, outcome, now.as_millisecond()))?;
            Ok(())
        })
        .await
    }

    /// The claimed toast did not get onto the screen, and why.
    pub async fn not_shown(&self, key: String, reason: String, now: Timestamp) -> Result<(), StoreError> {
        self.write("not shown", move |tx| {
            tx.prepare_cached(
                "UPDATE toast SET state = 'failed', reason = ?2, settled_at = ?3 WHERE key = ?1 AND state = 'claimed'",
            )?
            .execute((key, reason, now.as_millisecond()))?;
            Ok(())
        })
        .await
    }

    /// What runs before this one claimed and never settled: whether it was on the screen is not known.
    pub async fn interrupted(&self, run: i64) -> Result<Vec<Claimed>, StoreError> {
        self.read("interrupted", move |conn| {
            let mut statement = conn.prepare_cached(INTERRUPTED)?;
            let rows = statement.query_map([run], |row| {
                Ok(Claimed { id: NotificationId(row.get(0)?), key: row.get(1)?, at: time(row, 2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The toast is gone. The first end counts, but a click counts even after it expired: some desktops keep it in a list. The desktop may
    /// tell of the end before its answer to showing was noted: an end proves that it was shown.
    pub async fn toast_ended(&self, key: String, how: Ended, now: Timestamp) -> Result<(), StoreError> {
        self.write("toast ended", move |tx| {
            tx.prepare_cached(
                "UPDATE toast SET state = 'shown', settled_at = coalesce(settled_at, ?3), ended = ?2, ended_at = ?3
                 WHERE key = ?1 AND state IN ('claimed', 'shown')
                     AND (ended IS NULL OR (ended = 'expired' AND ?2 = 'clicked'))",
            )?
            .execute((key, how.name(), now.as_millisecond()))?;
            Ok(())
        })
        .await
    }

    /// The notifications a toast of this name tells, newest claim first.
    pub async fn by_toast(&self, key: String) -> Result<Vec<NotificationId>, StoreError> {
        self.read("by toast", move |conn| {
            let mut statement = conn.prepare_cached(BY_TOAST)?;
            let rows = statement.query_map([key], |row| Ok(NotificationId(row.get(0)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Names of the toasts on screen that tell one of these and nothing that is still unread: to be withdrawn. `ids` count as read.
    pub async fn shown_keys(&self, ids: Vec<NotificationId>) -> Result<Vec<String>, StoreError> {
        self.read("shown keys", move |conn| {
            let ids = serde_json::Value::from(ids.iter().map(|id| id.0).collect::<Vec<_>>()).to_string();
            let mut statement = conn.prepare_cached(SHOWN_KEYS)?;
            let rows = statement.query_map([ids], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// What became of a notification, from coming in to the service being told.
    pub async fn fate(&self, id: NotificationId) -> Result<Option<Fate>, StoreError> {
        self.read("fate", move |conn| {
            let mut statement = conn.prepare_cached(FATE)?;
            Ok(statement.query_row([id.0], fate).optional()?)
        })
        .await
    }
}

pub(super) fn pending_sql() -> String {
    format!(
        "SELECT {COLUMNS}, n.arrival FROM toast INDEXED BY toast_pending
             CROSS JOIN notification AS n ON n.id = toast.notification
             CROSS JOIN account AS a ON a.number = n.account
         WHERE toast.state = 'pending' ORDER BY toast.notification LIMIT ?1"
    )
}

pub(super) fn held_sql() -> String {
    format!(
        "SELECT {LISTED}, n.arrival FROM toast INDEXED BY toast_held
             CROSS JOIN notification AS n ON n.id = toast.notification
             CROSS JOIN account AS a ON a.number = n.account
         WHERE toast.held = 1 AND n.read = 0 ORDER BY toast.notification LIMIT ?1"
    )
}

pub(super) const ANY_HELD: &str = "SELECT 1 FROM toast INDEXED BY toast_held WHERE held = 1";

pub(super) const RELEASE_READ: &str = "UPDATE toast INDEXED BY toast_held SET held = 0 WHERE held = 1
     AND EXISTS (SELECT 1 FROM notification AS n WHERE n.id = toast.notification AND n.read = 1)";

/// A row of the queries above.
fn pending(row: &Row<'_>) -> rusqlite::Result<Pending> {
    let kept = inbox::kept(row)?;
    Ok(Pending {
        id: kept.id,
        notification: kept.notification,
        arrival: named(row, COLUMN_COUNT, column::ARRIVALS)?,
        admitted_at: kept.changed_at.unwrap_or(kept.admitted_at),
    })
}

pub(super) const INTERRUPTED: &str =
    "SELECT notification, key, claimed_at FROM toast INDEXED BY toast_claimed
     WHERE state = 'claimed' AND run < ?1 ORDER BY run, notification";

pub(super) const BY_TOAST: &str = "SELECT notification FROM toast INDEXED BY toast_key WHERE key = ?1 ORDER BY claimed_at DESC, notification DESC";

pub(super) const SHOWN_KEYS: &str = "SELECT DISTINCT told.key
     FROM json_each(?1) AS ids CROSS JOIN toast AS told ON told.notification = ids.value
     WHERE told.state = 'shown' AND told.ended IS NULL AND NOT EXISTS (
         SELECT 1 FROM toast AS other CROSS JOIN notification AS n ON n.id = other.notification
         WHERE other.key = told.key AND other.state IN ('claimed', 'shown') AND other.ended IS NULL
             AND n.read = 0 AND n.id NOT IN (SELECT value FROM json_each(?1)))
     ORDER BY told.key";

pub(super) const FATE: &str = "SELECT n.id, n.arrival, n.admitted_at, t.state, t.reason, t.key, t.claimed_at, t.outcome, t.settled_at,
         t.ended, t.ended_at, n.read_at, n.read_by, w.wished_at, w.told_at, t.held, t.quiet_hours, n.changed_at, t.small_change_at
     FROM notification AS n JOIN toast AS t ON t.notification = n.id LEFT JOIN wish AS w ON w.notification = n.id
     WHERE n.id = ?1";

fn fate(row: &Row<'_>) -> rusqlite::Result<Fate> {
    Ok(Fate {
        id: NotificationId(row.get(0)?),
        arrival: named(row, 1, column::ARRIVALS)?,
        admitted_at: time(row, 2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        key: row.get(5)?,
        claimed_at: maybe_time(row, 6)?,
        outcome: row.get(7)?,
        settled_at: maybe_time(row, 8)?,
        ended: maybe_named(row, 9, ENDS)?,
        ended_at: maybe_time(row, 10)?,
        read_at: maybe_time(row, 11)?,
        read_by: maybe_named(row, 12, marks::READERS)?,
        wished_at: maybe_time(row, 13)?,
        told_service_at: maybe_time(row, 14)?,
        held: row.get(15)?,
        quiet_hours: row.get(16)?,
        changed_at: maybe_time(row, 17)?,
        small_change_at: maybe_time(row, 18)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{Bench, at, id, told};

    /// The verbs, as the table below calls them.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Verb {
        Quiet,
        Claim(i64),
        Shown,
        NotShown,
        End(Ended),
    }
    use Ended::{Clicked, Dismissed, Expired, Withdrawn};
    use Verb::{Claim, End, NotShown, Quiet, Shown};

    async fn act(bench: &Bench, row: NotificationId, verb: Verb) {
        let (store, key, now) = (&bench.store, format!("key {row}"), at(50));
        let done = match verb {
            Quiet => store.quiet(vec![row], "paused".into(), now).await,
            Claim(run) => store.claim(vec![row], key, run, now).await,
            Shown => store.shown(key, "shown".into(), now).await,
            NotShown => store.not_shown(key, "refused".into(), now).await,
            End(how) => store.toast_ended(key, how, now).await,
        };
        done.unwrap();
    }

    async fn state(bench: &Bench, row: NotificationId) -> String {
        let fate = bench.store.fate(row).await.unwrap().unwrap();
        fate.ended.map_or(fate.state, |ended| ended.name().to_owned())
    }

    #[tokio::test]
    async fn the_ledger_only_moves_forward() {
        let verbs = [
            Quiet,
            Claim(1),
            Claim(2),
            Shown,
            NotShown,
            End(Clicked),
            End(Dismissed),
            End(Expired),
            End(Withdrawn),
        ];
        // How to get into a state, its name, and where each of the verbs above leads from there.
        let same = |name| [name; 9];
        let pending =
            ["quiet", "claimed", "claimed", "pending", "pending", "pending", "pending", "pending", "pending"];
        let ends = ["clicked", "dismissed", "expired", "withdrawn"];
        let claimed = ["quiet", "claimed", "claimed", "shown", "failed", ends[0], ends[1], ends[2], ends[3]];
        let shown = ["shown", "shown", "shown", "shown", "shown", ends[0], ends[1], ends[2], ends[3]];
        let mut expired = same("expired");
        expired[5] = "clicked";
        let table: [(&[Verb], &str, [&str; 9]); 9] = [
            (&[], "pending", pending),
            (&[Claim(1)], "claimed", claimed),
            (&[Quiet], "quiet", same("quiet")),
            (&[Claim(1), NotShown], "failed", same("failed")),
            (&[Claim(1), Shown], "shown", shown),
            (&[Claim(1), Shown, End(Clicked)], "clicked", same("clicked")),
            (&[Claim(1), Shown, End(Dismissed)], "dismissed", same("dismissed")),
            (&[Claim(1), Shown, End(Expired)], "expired", expired),
            (&[Claim(1), Shown, End(Withdrawn)], "withdrawn", same("withdrawn")),
        ];
        let bench = Bench::with_account().await;
        for (way, from, leads_to) in table {
            for (verb, to) in verbs.into_iter().zip(leads_to) {
                let row = bench.admit(vec![told(&format!("{from} {verb:?}"), 1)]).await[0];
                for step in way {
                    act(&bench, row, *step).await;
                }
                assert_eq!(state(&bench, row).await, from);
                act(&bench, row, verb).await;
                assert_eq!(state(&bench, row).await, to, "{from} {verb:?}");
            }
        }
    }

    #[tokio::test]
    async fn the_story_of_a_clicked_toast_is_complete() {
        let bench = Bench::with_account().await;
        let row = bench.admit(vec![told("a", 1)]).await[0];
        let store = &bench.store;
        store.claim(vec![row], "key".into(), 1, at(10)).await.unwrap();
        store.shown("key".into(), "already-shown".into(), at(20)).await.unwrap();
        store.toast_ended("key".into(), Clicked, at(30)).await.unwrap();
        store.mark_read(vec![row], true, ReadBy::Person, at(31)).await.unwrap();
        store.wish_done(id("podio"), "a".into(), true, at(40)).await.unwrap();
        let expected = Fate {
            id: row,
            arrival: Arrival::Live,
            admitted_at: at(9_000),
            state: "shown".into(),
            reason: None,
            held: false,
            quiet_hours: None,
            key: Some("key".into()),
            claimed_at: Some(at(10)),
            outcome: Some("already-shown".into()),
            settled_at: Some(at(20)),
            ended: Some(Clicked),
            ended_at: Some(at(30)),
            changed_at: None,
            small_change_at: None,
            read_at: Some(at(31)),
            read_by: Some(ReadBy::Person),
            wished_at: Some(at(31)),
            told_service_at: Some(at(40)),
        };
        assert_eq!(store.fate(row).await.unwrap(), Some(expected));
        assert_eq!(store.fate(NotificationId(77)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_held_is_told_once_even_if_the_telling_is_interrupted() {
        let mut bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 1), told("b", 2), told("c", 3)]).await;
        let hours = Some("22:00–07:00".to_owned());
        bench.store.hold(ids.clone(), "quiet-hours".into(), hours.clone(), at(10)).await.unwrap();
        bench.reopen().await;
        let store = &bench.store;
        let held = async || store.held(9).await.unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>();
        assert!(store.pending(9).await.unwrap().is_empty());
        assert_eq!(held().await, ids);
        let fate = store.fate(ids[0]).await.unwrap().unwrap();
        assert_eq!((fate.state.as_str(), fate.held, fate.quiet_hours), ("quiet", true, hours.clone()));

        store.mark_read(vec![ids[1]], true, ReadBy::Person, at(11)).await.unwrap();
        assert_eq!(held().await, [ids[0], ids[2]]);
        store.claim(held().await, "summary".into(), 1, at(12)).await.unwrap();
        assert!(held().await.is_empty(), "claimed is not held, whatever comes of it");
        store.shown("summary".into(), "shown".into(), at(13)).await.unwrap();
        let fate = store.fate(ids[0]).await.unwrap().unwrap();
        assert_eq!((fate.state.as_str(), fate.quiet_hours), ("shown", hours));
        assert_eq!(fate.reason.as_deref(), Some("quiet-hours"), "the story tells both");

        assert!(store.any_held().await.unwrap(), "the one that was read");
        store.release_read().await.unwrap();
        assert!(!store.any_held().await.unwrap());
        store.mark_read(vec![ids[1]], false, ReadBy::Person, at(14)).await.unwrap();
        assert!(held().await.is_empty(), "the quiet is over; it is no news any more");
        store.claim(vec![ids[1]], "again".into(), 1, at(15)).await.unwrap();
        assert_eq!(state(&bench, ids[1]).await, "quiet", "only what is held may be told after all");
    }

    #[tokio::test]
    async fn pending_ones_stay_so_through_a_restart_oldest_first_until_decided() {
        let mut bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 9), told("b", 1), told("c", 5)]).await;
        bench.reopen().await;
        let pending = |limit| bench.store.pending(limit);
        let rows = |pending: Vec<Pending>| pending.into_iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(rows(pending(2).await.unwrap()), ids[..2]);
        bench.store.quiet(vec![ids[0]], "late".into(), at(1)).await.unwrap();
        bench.store.claim(vec![ids[1]], "key".into(), 1, at(1)).await.unwrap();
        assert_eq!(rows(pending(9).await.unwrap()), ids[2..]);
    }

    #[tokio::test]
    async fn a_claim_of_an_earlier_run_is_told_and_may_be_taken_over() {
        let mut bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 1), told("b", 2), told("c", 3)]).await;
        let first = bench.store.next_run(at(1)).await.unwrap();
        bench.store.claim(ids[..2].to_vec(), "summary".into(), first, at(10)).await.unwrap();
        assert!(
            bench.store.interrupted(first).await.unwrap().is_empty(),
            "a run's own claims are not interrupted"
        );
        bench.reopen().await;
        let second = bench.store.next_run(at(20)).await.unwrap();
        bench.store.claim(vec![ids[2]], "mine".into(), second, at(21)).await.unwrap();
        let claimed = |id| Claimed { id, key: "summary".into(), at: at(10) };
        assert_eq!(bench.store.interrupted(second).await.unwrap(), [claimed(ids[0]), claimed(ids[1])]);
        bench.store.claim(vec![ids[0]], "summary".into(), second, at(22)).await.unwrap();
        bench.store.quiet(vec![ids[1]], "interrupted".into(), at(22)).await.unwrap();
        assert!(bench.store.interrupted(second).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_toast_name_leads_to_what_it_tells_newest_claim_first() {
        let bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 1), told("b", 2), told("c", 3)]).await;
        bench.store.claim(vec![ids[2]], "key".into(), 1, at(10)).await.unwrap();
        bench.store.claim(ids[..2].to_vec(), "key".into(), 1, at(20)).await.unwrap();
        assert_eq!(bench.store.by_toast("key".into()).await.unwrap(), [ids[1], ids[0], ids[2]]);
        assert!(bench.store.by_toast("unknown".into()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_toast_is_withdrawn_once_all_it_tells_is_read() {
        let bench = Bench::with_account().await;
        let ids = bench.admit((0..5).map(|n| told(&n.to_string(), n)).collect()).await;
        let store = &bench.store;
        store.claim(ids[..2].to_vec(), "summary".into(), 1, at(10)).await.unwrap();
        store.shown("summary".into(), "shown".into(), at(11)).await.unwrap();
        for (n, key) in [(2, "alone"), (3, "gone")] {
            store.claim(vec![ids[n]], key.into(), 1, at(10)).await.unwrap();
            store.shown(key.into(), "shown".into(), at(11)).await.unwrap();
        }
        store.toast_ended("gone".into(), Dismissed, at(12)).await.unwrap();
        let keys = |which: &[usize]| store.shown_keys(which.iter().map(|n| ids[*n]).collect());
        assert!(keys(&[0]).await.unwrap().is_empty(), "the summary still tells an unread one");
        assert_eq!(keys(&[0, 1]).await.unwrap(), ["summary"]);
        assert_eq!(keys(&[2, 3, 4]).await.unwrap(), ["alone"], "not what is gone, nor what was never shown");
        store.mark_read(vec![ids[1]], true, ReadBy::Service, at(20)).await.unwrap();
        assert_eq!(keys(&[0]).await.unwrap(), ["summary"]);
        assert!(keys(&[]).await.unwrap().is_empty());
    }

    #[test]
    fn both_ways_of_a_stored_name_agree() {
        assert!(ENDS.iter().all(|(value, name)| value.name() == *name));
    }
}

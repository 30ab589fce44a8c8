//! Taking in: each notification's row, the pending row of its toast, and the cursor, in one transaction.
//!
//! The service gives everything at least once; the table's unique key makes it once.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::Trouble;
use super::threads::Place;
use super::{Store, StoreError, accounts, column, stars, versions, wishes};
use crate::account::AccountId;
use crate::link::Cursor;
use crate::notification::{Arrival, Detail, Notification, NotificationId};

/// What became of a notification that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It was not known: it has a row now, and its toast is pending.
    New(NotificationId),
    /// It was known, and nothing changed.
    Known(NotificationId),
    /// Only a hint of it was known: now it is whole. Its toast is as it was.
    Completed(NotificationId),
    /// It was known and unread, and the service says that it has been read. (It may have been completed as well.)
    ReadElsewhere(NotificationId),
    /// It was known, and the service says that its star was set or taken away.
    StarChanged(NotificationId),
    /// A later version took its place: it is unread again and its toast is pending.
    Renewed(NotificationId),
    /// A later version took its place that is no news: whether it is read and told is as it was.
    Changed(NotificationId),
}

impl Admitted {
    /// Its row.
    pub fn id(self) -> NotificationId {
        match self {
            Self::New(id)
            | Self::Known(id)
            | Self::Completed(id)
            | Self::ReadElsewhere(id)
            | Self::StarChanged(id)
            | Self::Renewed(id)
            | Self::Changed(id) => id,
        }
    }
}

/// What one call of `admit` hands over.
#[derive(Debug)]
pub(super) struct Admission {
    account: AccountId,
    notifications: Vec<Notification>,
    arrival: Arrival,
    cursor: Option<Cursor>,
    /// They should have come by push: those that are new count as found late.
    late: bool,
    now: Timestamp,
    answer: oneshot::Sender<Result<Vec<Admitted>, StoreError>>,
}

impl Store {
    /// Keeps notifications of one account, in order, with their pending toasts and the cursor: all or nothing. Answers one for one,
    /// after the commit. Calls that come at the same time share a commit, but one that fails fails alone.
    pub async fn admit(
        &self,
        account: AccountId,
        notifications: Vec<Notification>,
        arrival: Arrival,
        cursor: Option<Cursor>,
        now: Timestamp,
    ) -> Result<Vec<Admitted>, StoreError> {
        let late = false;
        self.admission(|answer| Admission { account, notifications, arrival, cursor, late, now, answer })
            .await
    }

    /// Keeps notifications that should have come by push and did not, and counts the new ones among them, in the same transaction.
    pub async fn admit_found_late(
        &self,
        account: AccountId,
        notifications: Vec<Notification>,
        now: Timestamp,
    ) -> Result<Vec<Admitted>, StoreError> {
        let (arrival, cursor, late) = (Arrival::Backlog, None, true);
        self.admission(|answer| Admission { account, notifications, arrival, cursor, late, now, answer })
            .await
    }

    async fn admission(
        &self,
        of: impl FnOnce(oneshot::Sender<Result<Vec<Admitted>, StoreError>>) -> Admission,
    ) -> Result<Vec<Admitted>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.threads.admit(of(answer))?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

/// Carries out several admissions with one commit and answers each.
pub(super) fn admit_together(conn: &mut Connection, group: Vec<Admission>, place: &Place) {
    let told = |trouble: Trouble| place.told("admit", trouble);
    let results = match together(conn, &group) {
        Ok(results) => results.into_iter().map(|result| result.map_err(told)).collect(),
        Err(trouble) => {
            let error = told(trouble);
            group.iter().map(|_| Err(error.clone())).collect::<Vec<_>>()
        }
    };
    for (admission, result) in group.into_iter().zip(results) {
        // Nobody waits for the answer any more: the rows are kept all the same.
        drop(admission.answer.send(result));
    }
}

/// What became of one admission.
type Taken = Result<Vec<Admitted>, Trouble>;

fn together(conn: &mut Connection, group: &[Admission]) -> Result<Vec<Taken>, Trouble> {
    let mut tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(group.len());
    for admission in group {
        let savepoint = tx.savepoint()?;
        let result = admit(&savepoint, admission);
        match result {
            Ok(admitted) => {
                savepoint.commit()?;
                results.push(Ok(admitted));
            }
            Err(trouble) => {
                drop(savepoint);
                if tx.is_autocommit() {
                    // A full disk may end the whole transaction: then nobody's rows are in.
                    return Err(trouble);
                }
                results.push(Err(trouble));
            }
        }
    }
    Transaction::commit(tx)?;
    Ok(results)
}

fn admit(conn: &Connection, admission: &Admission) -> Taken {
    let account = accounts::number(conn, &admission.account)?;
    let admitted: Vec<Admitted> = admission
        .notifications
        .iter()
        .map(|notification| admit_one(conn, account, notification, admission.arrival, admission.now))
        .collect::<rusqlite::Result<_>>()?;
    if let Some(cursor) = &admission.cursor {
        accounts::set_cursor(conn, account, cursor)?;
    }
    let new = admitted.iter().filter(|one| matches!(one, Admitted::New(_))).count();
    if admission.late && new > 0 {
        accounts::found_late(conn, account, new)?;
    }
    Ok(admitted)
}

fn admit_one(
    conn: &Connection,
    account: i64,
    notification: &Notification,
    arrival: Arrival,
    now: Timestamp,
) -> rusqlite::Result<Admitted> {
    if let Some(id) = insert(conn, account, notification, arrival, now)? {
        conn.prepare_cached("INSERT INTO toast (notification) VALUES (?1)")?.execute([id])?;
        return Ok(Admitted::New(NotificationId(id)));
    }
    let Known { id, hint, unread, starred, version } = known(conn, account, &notification.external_id)?;
    if notification.version > version {
        return versions::renew(conn, id, notification, arrival, now);
    }
    let completes = hint && notification.detail == Detail::Whole;
    if completes {
        complete(conn, id, notification, false)?;
    }
    // A list says how stars are now. What is pushed was just made: it says nothing of them, and a hint even less.
    let listed = arrival != Arrival::Live && notification.detail == Detail::Whole;
    let star_changed = listed && starred != notification.starred && !stars::is_open(conn, id)?;
    if star_changed {
        stars::follow(conn, id, notification.starred)?;
    }
    if unread && notification.read && !wishes::is_open(conn, id)? {
        conn.prepare_cached(
            "UPDATE notification SET read = 1, read_at = ?2, read_by = 'service' WHERE id = ?1",
        )?
        .execute((id, now.as_millisecond()))?;
        return Ok(Admitted::ReadElsewhere(NotificationId(id)));
    }
    let id = NotificationId(id);
    Ok(match (completes, star_changed) {
        (true, _) => Admitted::Completed(id),
        (false, true) => Admitted::StarChanged(id),
        (false, false) => Admitted::Known(id),
    })
}

fn insert(
    conn: &Connection,
    account: i64,
    n: &Notification,
    arrival: Arrival,
    now: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    let now = now.as_millisecond();
    conn.prepare_cached(
        "INSERT INTO notification (account, external_id, kind, icon, title, body, actor,
             context_what, context_id, context_title, context_place, context_url,
             occurred_at, wants_banner, detail, raw, arrival, admitted_at, read, read_at, read_by, wants_sound, no_news,
             starred, urgency, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
             ?22, ?23, ?24, ?25, ?26)
         ON CONFLICT (account, external_id) DO NOTHING RETURNING id",
    )?
    .query_row(
        rusqlite::params![
            account,
            n.external_id,
            n.kind.name(),
            n.icon.name(),
            n.title,
            n.body,
            n.actor,
            n.context.what,
            n.context.id,
            n.context.title,
            n.context.place,
            n.context.url,
            n.occurred_at.as_millisecond(),
            n.wants_banner,
            column::detail(n.detail),
            n.raw,
            column::arrival(arrival),
            now,
            n.read,
            n.read.then_some(now),
            n.read.then_some("service"),
            n.wants_sound,
            n.no_news,
            n.starred,
            n.urgency.map(column::urgency),
            n.version,
        ],
        |row| row.get(0),
    )
    .optional()
}

/// How a row stands.
struct Known {
    id: i64,
    hint: bool,
    unread: bool,
    starred: bool,
    version: i64,
}

fn known(conn: &Connection, account: i64, external_id: &str) -> rusqlite::Result<Known> {
    conn.prepare_cached(
        "SELECT id, detail = 'hint', read = 0, starred, version FROM notification
         WHERE account = ?1 AND external_id = ?2",
    )?
    .query_row((account, external_id), |row| {
        Ok(Known {
            id: row.get(0)?,
            hint: row.get(1)?,
            unread: row.get(2)?,
            starred: row.get(3)?,
            version: row.get(4)?,
        })
    })
}

/// `small`: whether it is news stays as it was, since its toast may still wait.
pub(super) fn complete(conn: &Connection, id: i64, n: &Notification, small: bool) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE notification SET kind = ?2, icon = ?3, title = ?4, body = ?5, actor = ?6, context_what = ?7,
             context_id = ?8, context_title = ?9, context_place = ?10, context_url = ?11, occurred_at = ?12,
             wants_banner = ?13, detail = 'whole', raw = ?14, wants_sound = ?15, no_news = iif(?17, no_news, ?16)
         WHERE id = ?1",
    )?
    .execute(rusqlite::params![
        id,
        n.kind.name(),
        n.icon.name(),
        n.title,
        n.body,
        n.actor,
        n.context.what,
        n.context.id,
        n.context.title,
        n.context.place,
        n.context.url,
        n.occurred_at.as_millisecond(),
        n.wants_banner,
        n.raw,
        n.wants_sound,
        n.no_news,
        small,
    ])
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{Bench, account, at, hint, id, told};
    use crate::store::{InboxQuery, ReadBy};

    #[tokio::test]
    async fn a_new_one_gets_a_row_a_pending_toast_and_a_cursor() {
        let mut bench = Bench::with_account().await;
        let cursor = Some(Cursor("1".into()));
        let told = told("a", 5);
        let admitted =
            bench.store.admit(id("podio"), vec![told.clone()], Arrival::Backlog, cursor.clone(), at(7)).await;
        let Admitted::New(row) = admitted.unwrap()[0] else { panic!("not new") };
        bench.reopen().await;
        let kept = bench.store.get(row).await.unwrap().unwrap();
        assert_eq!((kept.notification, kept.admitted_at, kept.read_by), (told.clone(), at(7), None));
        let pending = bench.store.pending(9).await.unwrap();
        assert_eq!(pending.len(), 1);
        assert_eq!(
            (pending[0].id, pending[0].arrival, &pending[0].notification),
            (row, Arrival::Backlog, &told)
        );
        assert_eq!(bench.store.cursor(&id("podio")).await.unwrap(), cursor);
    }

    #[tokio::test]
    async fn the_same_event_again_is_one_row_and_one_toast() {
        let bench = Bench::with_account().await;
        let first = bench.admitted(vec![told("a", 1), told("b", 2), told("a", 1)]).await;
        let (a, b) = (first[0].id(), first[1].id());
        assert_eq!(first, [Admitted::New(a), Admitted::New(b), Admitted::Known(a)]);
        assert_eq!(bench.admitted(vec![told("b", 2)]).await, [Admitted::Known(b)]);
        assert_eq!(bench.store.total().await.unwrap(), 2);
        assert_eq!(bench.store.pending(9).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn the_same_id_at_another_account_is_another_thing() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        bench.admit(vec![told("a", 1)]).await;
        let other =
            bench.store.admit(id("other"), vec![told("a", 1)], Arrival::Live, None, at(1)).await.unwrap();
        assert!(matches!(other[0], Admitted::New(_)));
        let kept = bench.store.get(other[0].id()).await.unwrap().unwrap();
        assert_eq!(kept.notification.account, id("other"));
    }

    #[tokio::test]
    async fn rows_toasts_and_cursor_are_in_together_or_not_at_all() {
        for fault in [
            "CREATE TRIGGER fault BEFORE UPDATE OF cursor ON account BEGIN SELECT raise(ABORT, 'fault'); END",
            "CREATE TRIGGER fault BEFORE INSERT ON toast WHEN new.notification = 2 BEGIN SELECT raise(ABORT, 'fault'); END",
            "CREATE TRIGGER fault BEFORE INSERT ON toast WHEN new.notification = 2 BEGIN SELECT raise(ROLLBACK, 'fault'); END",
        ] {
            let bench = Bench::with_account().await;
            bench.beside().execute_batch(fault).unwrap();
            let admit = || {
                let told = vec![told("a", 1), told("b", 2)];
                bench.store.admit(id("podio"), told, Arrival::Live, Some(Cursor("1".into())), at(1))
            };
            assert!(matches!(admit().await, Err(StoreError::Other { query: "admit", .. })), "{fault}");
            assert_eq!(bench.store.total().await.unwrap(), 0);
            assert!(bench.store.pending(9).await.unwrap().is_empty());
            assert_eq!(bench.store.cursor(&id("podio")).await.unwrap(), None);
            bench.beside().execute_batch("DROP TRIGGER fault").unwrap();
            assert_eq!(admit().await.unwrap().len(), 2);
        }
    }

    #[tokio::test]
    async fn of_those_that_share_a_commit_one_that_fails_fails_alone() {
        let mut bench = Bench::with_account().await;
        // The writing thread is kept busy until all three wait in its queue.
        let (go, held) = std::sync::mpsc::channel::<()>();
        let busy = bench.store.on_writer("test", move |_| Ok(held.recv().is_ok()));
        let admit = |account: &str, external_id: &str| {
            bench.store.admit(id(account), vec![told(external_id, 1)], Arrival::Live, None, at(1))
        };
        let (first, second, third) = (admit("podio", "a"), admit("nobody", "b"), admit("podio", "c"));
        let release = async {
            // Polled last: the others have queued their work by then.
            go.send(()).unwrap();
        };
        let (_, a, b, c, ()) = tokio::join!(busy, first, second, third, release);
        assert!(matches!(a.unwrap()[..], [Admitted::New(_)]));
        assert_eq!(b, Err(StoreError::NoAccount(id("nobody"))));
        assert!(matches!(c.unwrap()[..], [Admitted::New(_)]));
        bench.reopen().await;
        assert_eq!(bench.store.total().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn admissions_that_wait_together_share_one_commit() {
        let bench = Bench::with_account().await;
        // Each transaction writes its own first page once: frames of the write-ahead file count commits.
        let commits = bench.store.on_writer("test", |conn| {
            conn.execute_batch("PRAGMA wal_autocheckpoint = 0")?;
            Ok(())
        });
        commits.await.unwrap();
        let [.., wal] = crate::store::files::with_companions(&bench.path());
        let size = || std::fs::metadata(&wal).unwrap().len();
        let admit = |n: i64| {
            bench.store.admit(id("podio"), vec![told(&n.to_string(), n)], Arrival::Live, None, at(1))
        };
        let before = size();
        for n in 0..20 {
            admit(n).await.unwrap();
        }
        let alone = size() - before;
        let (go, held) = std::sync::mpsc::channel::<()>();
        let busy = bench.store.on_writer("test", move |_| Ok(held.recv().is_ok()));
        let all = futures_util::future::join_all((20..40).map(admit));
        let before = size();
        let (_, results, ()) = tokio::join!(busy, all, async { go.send(()).unwrap() });
        assert!(results.iter().all(Result::is_ok));
        assert!(size() - before < alone / 5, "{} against {alone}", size() - before);
    }

    #[tokio::test]
    async fn a_hint_is_completed_once_and_its_toast_stays_as_it_was() {
        let bench = Bench::with_account().await;
        let row = bench.admit(vec![hint("a", 1)]).await[0];
        bench.store.quiet(vec![row], "paused".into(), at(2)).await.unwrap();
        assert_eq!(bench.store.hints(&id("podio"), 9).await.unwrap(), ["a"]);
        assert_eq!(
            bench.admitted(vec![hint("a", 3)]).await,
            [Admitted::Known(row)],
            "a hint adds nothing to a hint"
        );
        assert_eq!(bench.admitted(vec![told("a", 4)]).await, [Admitted::Completed(row)]);
        assert_eq!(bench.store.get(row).await.unwrap().unwrap().notification, told("a", 4));
        assert!(bench.store.hints(&id("podio"), 9).await.unwrap().is_empty());
        assert_eq!(bench.store.fate(row).await.unwrap().unwrap().state, "quiet");
        assert_eq!(bench.admitted(vec![hint("a", 5)]).await, [Admitted::Known(row)]);
        assert_eq!(
            bench.store.get(row).await.unwrap().unwrap().notification,
            told("a", 4),
            "whole stays whole"
        );
        let search = |text: &str| InboxQuery { search: Some(text.into()), limit: 9, ..InboxQuery::default() };
        assert_eq!(bench.store.inbox(search("title")).await.unwrap().len(), 1);
        assert!(
            bench.store.inbox(search("something")).await.unwrap().is_empty(),
            "the hint's words are gone"
        );
    }

    #[tokio::test]
    async fn what_was_found_late_is_counted_once_and_with_its_row() {
        let bench = Bench::with_account().await;
        bench.admit(vec![told("pushed", 1)]).await;
        let late = |names: &[&str]| {
            let found = names.iter().map(|name| told(name, 1)).collect();
            bench.store.admit_found_late(id("podio"), found, at(5))
        };
        let count = async || bench.store.found_late().await.unwrap();
        assert_eq!(count().await, [(id("podio"), 0)]);
        late(&["pushed", "lost", "lost too"]).await.unwrap();
        late(&["lost"]).await.unwrap();
        assert_eq!(count().await, [(id("podio"), 2)]);
        let fault = "CREATE TRIGGER fault BEFORE UPDATE OF found_late ON account BEGIN SELECT raise(ABORT, 'fault'); END";
        bench.beside().execute_batch(fault).unwrap();
        assert!(late(&["another"]).await.is_err());
        assert_eq!((bench.store.total().await.unwrap(), count().await), (3, vec![(id("podio"), 2)]));
    }

    #[tokio::test]
    async fn what_the_service_says_was_read_becomes_read() {
        let bench = Bench::with_account().await;
        let row = bench.admit(vec![hint("a", 1)]).await[0];
        let read = Notification { read: true, ..told("a", 1) };
        assert_eq!(bench.admitted(vec![read.clone()]).await, [Admitted::ReadElsewhere(row)]);
        let kept = bench.store.get(row).await.unwrap().unwrap();
        assert_eq!((kept.read_by, kept.read_at), (Some(ReadBy::Service), Some(at(9_000))));
        assert_eq!(kept.notification, read, "and it was completed as well");
        assert_eq!(
            bench.admitted(vec![told("a", 1)]).await,
            [Admitted::Known(row)],
            "never unread again by a replay"
        );
        assert_eq!(bench.store.unread_count(None).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn an_open_wish_overrules_what_the_service_says_meanwhile() {
        let bench = Bench::with_account().await;
        let read = Notification { read: true, ..told("a", 1) };
        let row = bench.admit(vec![read.clone()]).await[0];
        bench.store.mark_read(vec![row], false, ReadBy::Person, at(2)).await.unwrap();
        assert_eq!(bench.admitted(vec![read.clone()]).await, [Admitted::Known(row)]);
        bench.store.wish_done(id("podio"), "a".into(), false, at(3)).await.unwrap();
        assert_eq!(bench.admitted(vec![read]).await, [Admitted::ReadElsewhere(row)]);
    }

    #[tokio::test]
    async fn an_admission_whose_caller_gave_up_is_kept_all_the_same() {
        let bench = Bench::with_account().await;
        let mut admit =
            Box::pin(bench.store.admit(id("podio"), vec![told("a", 1)], Arrival::Live, None, at(1)));
        assert!(futures_util::poll!(&mut admit).is_pending());
        drop(admit);
        bench.store.next_run(at(2)).await.unwrap();
        assert_eq!(bench.store.total().await.unwrap(), 1);
    }
}

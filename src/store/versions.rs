//! Later versions: what changes at the service after it was kept takes the place of its row.

use jiff::Timestamp;
use rusqlite::Connection;

use super::admit::{Admitted, complete};
use super::{Store, StoreError, column};
use crate::notification::{Arrival, Notification, NotificationId};

/// A later version takes the place of an earlier one. What is news is unread again, and told in the place of its earlier toast; the rest
/// leaves a note in the ledger.
pub(super) fn renew(
    conn: &Connection,
    id: i64,
    n: &Notification,
    arrival: Arrival,
    now: Timestamp,
) -> rusqlite::Result<Admitted> {
    let now = now.as_millisecond();
    complete(conn, id, n, n.no_news)?;
    conn.prepare_cached("UPDATE notification SET version = ?2, urgency = ?3 WHERE id = ?1")?.execute((
        id,
        n.version,
        n.urgency.map(column::urgency),
    ))?;
    if n.no_news {
        conn.prepare_cached("UPDATE toast SET small_change_at = ?2 WHERE notification = ?1")?
            .execute((id, now))?;
        return Ok(Admitted::Changed(NotificationId(id)));
    }
    conn.prepare_cached(
        "UPDATE notification SET changed_at = ?2, arrival = ?3, read = ?4, read_at = iif(?4, ?2, NULL),
             read_by = iif(?4, 'service', NULL) WHERE id = ?1",
    )?
    .execute((id, now, column::arrival(arrival), n.read))?;
    conn.prepare_cached(
        "UPDATE toast SET state = 'pending', reason = NULL, key = NULL, run = NULL, claimed_at = NULL, outcome = NULL,
             settled_at = NULL, ended = NULL, ended_at = NULL, held = 0, quiet_hours = NULL, small_change_at = NULL
         WHERE notification = ?1",
    )?
    .execute([id])?;
    Ok(Admitted::Renewed(NotificationId(id)))
}

impl Store {
    /// These were judged as they were in these versions. Those of which a later one came before the verdict was written down wait for
    /// a verdict again; gives them back. To be asked right after [`Store::claim`], [`Store::quiet`] or [`Store::hold`].
    pub async fn judged_too_early(
        &self,
        judged: Vec<(NotificationId, i64)>,
    ) -> Result<Vec<NotificationId>, StoreError> {
        self.write("judged too early", move |tx| {
            let mut statement = tx.prepare_cached(
                "UPDATE toast SET state = 'pending', reason = NULL, key = NULL, run = NULL, claimed_at = NULL,
                     settled_at = NULL, held = 0, quiet_hours = NULL
                 WHERE notification = ?1 AND state IN ('claimed', 'quiet')
                     AND EXISTS (SELECT 1 FROM notification AS n WHERE n.id = ?1 AND n.version > ?2 AND n.changed_at IS NOT NULL)",
            )?;
            let mut early = Vec::new();
            for (id, version) in judged {
                if statement.execute((id.0, version))? > 0 {
                    early.push(id);
                }
            }
            Ok(early)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ReadBy;
    use crate::store::testing::{Bench, at, id, told};

    #[tokio::test]
    async fn a_later_version_takes_the_rows_place_is_unread_again_and_told_anew() {
        let bench = Bench::with_account().await;
        let version = |version, title: &str| Notification {
            version,
            title: title.into(),
            urgency: Some(crate::notification::Urgency::High),
            ..told("item", version)
        };
        let row = bench.admitted(vec![version(1, "is up")]).await[0].id();
        bench.store.claim(vec![row], "key".into(), 1, at(10)).await.unwrap();
        bench.store.shown("key".into(), "shown".into(), at(11)).await.unwrap();
        bench.store.mark_read(vec![row], true, ReadBy::Person, at(12)).await.unwrap();

        let later =
            bench.store.admit(id("podio"), vec![version(3, "was renamed")], Arrival::Backlog, None, at(20));
        assert_eq!(later.await.unwrap(), [Admitted::Renewed(row)]);
        let kept = bench.store.get(row).await.unwrap().unwrap();
        assert_eq!(kept.notification, Notification { read: false, ..version(3, "was renamed") });
        assert_eq!((kept.read, kept.read_by, kept.changed_at), (false, None, Some(at(20))));
        let pending = bench.store.pending(9).await.unwrap();
        assert_eq!(
            (pending[0].id, pending[0].arrival, pending[0].admitted_at),
            (row, Arrival::Backlog, at(20))
        );

        // What comes late in the wrong order, or twice, changes nothing.
        for old in [version(2, "is private"), version(3, "was renamed")] {
            assert_eq!(bench.admitted(vec![old]).await, [Admitted::Known(row)]);
        }
        assert_eq!(bench.store.get(row).await.unwrap().unwrap(), kept);
        assert_eq!(bench.store.total().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_later_version_that_is_no_news_leaves_read_and_told_as_they_were() {
        let bench = Bench::with_account().await;
        let viewed = |version| Notification {
            version,
            no_news: version > 1,
            raw: format!("{version}"),
            ..told("item", 1)
        };
        let row = bench.admitted(vec![viewed(1)]).await[0].id();
        bench.store.claim(vec![row], "key".into(), 1, at(10)).await.unwrap();
        bench.store.shown("key".into(), "shown".into(), at(11)).await.unwrap();
        bench.store.mark_read(vec![row], true, ReadBy::Person, at(12)).await.unwrap();
        let later = bench.store.admit(id("podio"), vec![viewed(2)], Arrival::Live, None, at(20)).await;
        assert_eq!(later.unwrap(), [Admitted::Changed(row)]);
        let kept = bench.store.get(row).await.unwrap().unwrap();
        assert_eq!((kept.read, kept.read_at, kept.notification.raw.as_str()), (true, Some(at(12)), "2"));
        let fate = bench.store.fate(row).await.unwrap().unwrap();
        assert_eq!(
            (fate.state.as_str(), fate.small_change_at, fate.changed_at),
            ("shown", Some(at(20)), None)
        );
        assert!(bench.store.pending(9).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_verdict_on_an_earlier_version_does_not_hold_for_a_later_one() {
        let bench = Bench::with_account().await;
        let version = |version| Notification { version, ..told("item", version) };
        let row = bench.admitted(vec![version(1)]).await[0].id();
        // Judged as version 1; version 2 comes before that is written down.
        bench.admit(vec![version(2)]).await;
        bench.store.claim(vec![row], "key".into(), 1, at(10)).await.unwrap();
        assert_eq!(bench.store.judged_too_early(vec![(row, 1)]).await.unwrap(), [row]);
        assert_eq!(bench.store.pending(9).await.unwrap().len(), 1);
        bench.store.quiet(vec![row], "late".into(), at(11)).await.unwrap();
        assert_eq!(bench.store.judged_too_early(vec![(row, 2)]).await.unwrap(), []);
        assert!(bench.store.pending(9).await.unwrap().is_empty(), "that was a verdict on what it is");
    }

    #[tokio::test]
    async fn a_small_change_does_not_silence_what_waits_to_be_told() {
        let bench = Bench::with_account().await;
        let version = |version, no_news| Notification {
            version,
            no_news,
            body: format!("{version}"),
            ..told("item", 1)
        };
        bench.admit(vec![version(1, false)]).await;
        bench.admit(vec![version(2, true)]).await;
        let pending = bench.store.pending(9).await.unwrap();
        assert_eq!(pending[0].notification, version(2, false));
        // What was no news from the first stays so.
        let other =
            |version_, no_news| Notification { external_id: "other".into(), ..version(version_, no_news) };
        bench.admit(vec![other(1, true)]).await;
        bench.admit(vec![other(2, true)]).await;
        assert!(bench.store.pending(9).await.unwrap()[1].notification.no_news);
    }
}

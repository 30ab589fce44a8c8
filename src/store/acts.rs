//! The table `act`: what the person does at the service, kept from the asking to the end, through crashes and days without a network.
//!
//! ```text
//! waiting ─▶ under way ─▶ done, refused or unsure
//!  │   ▲────────┘ surely not done
//!  └─▶ undone
//! ```
//!
//! A verb that would lead elsewhere changes nothing and says so.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::column::{self, maybe_time, named, time};
use super::{ReadBy, Store, StoreError, accounts, inbox, marks, wishes};
use crate::account::AccountId;
use crate::act::{Act, ActEnd, ActState};
use crate::notification::{Notification, NotificationId};

/// An act as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAct {
    /// Its number, larger than that of any asked before.
    pub number: i64,
    /// The notification it is done from.
    pub notification: NotificationId,
    /// What is done.
    pub act: Act,
    /// When the person asked for it.
    pub asked_at: Timestamp,
    /// The service is not told before.
    pub due_at: Timestamp,
    /// Where it stands.
    pub state: ActState,
    /// What came of it, or why it waits.
    pub words: Option<String>,
    /// When it came to its end.
    pub settled_at: Option<Timestamp>,
}

const STATES: &[(ActState, &str)] = &[
    (ActState::Waiting, "waiting"),
    (ActState::UnderWay, "under-way"),
    (ActState::Done, "done"),
    (ActState::Refused, "refused"),
    (ActState::Unsure, "unsure"),
    (ActState::Undone, "undone"),
];

fn state_name(state: ActState) -> &'static str {
    match state {
        ActState::Waiting => "waiting",
        ActState::UnderWay => "under-way",
        ActState::Done => "done",
        ActState::Refused => "refused",
        ActState::Unsure => "unsure",
        ActState::Undone => "undone",
    }
}

impl Store {
    /// Keeps what the person asks for; gives its number.
    pub async fn ask_act(
        &self,
        notification: NotificationId,
        act: Act,
        now: Timestamp,
        due: Timestamp,
    ) -> Result<i64, StoreError> {
        self.write("ask act", move |tx| {
            let act = serde_json::to_string(&act).unwrap_or_default();
            tx.prepare_cached(
                "INSERT INTO act (notification, act, asked_at, due_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((notification.0, act, now.as_millisecond(), due.as_millisecond()))?;
            Ok(tx.last_insert_rowid())
        })
        .await
    }

    /// The acts of one notification, oldest first.
    pub async fn acts(&self, notification: NotificationId) -> Result<Vec<KeptAct>, StoreError> {
        self.read("acts", move |conn| {
            let mut statement = conn.prepare_cached(OF_NOTIFICATION)?;
            let rows = statement.query_map([notification.0], kept)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One act.
    pub async fn act(&self, number: i64) -> Result<Option<KeptAct>, StoreError> {
        self.read("act", move |conn| Ok(one(conn, number)?)).await
    }

    /// The account's acts that the service is still to be told, in the order of asking, and when each is due.
    pub async fn waiting_acts(&self, account: &AccountId) -> Result<Vec<(i64, Timestamp)>, StoreError> {
        let account = account.clone();
        self.read("waiting acts", move |conn| {
            let number = accounts::number(conn, &account)?;
            let mut statement = conn.prepare_cached(WAITING)?;
            let rows = statement.query_map([number], |row| Ok((row.get(0)?, time(row, 1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The service is about to be told: from here on it cannot be taken back. Gives what it is and what it is done from; `None` if there
    /// is nothing to tell any more. One that is under way already is given again: only who tells it asks, and knows that it was not told.
    pub async fn begin_act(&self, number: i64) -> Result<Option<(Notification, Act)>, StoreError> {
        self.write("begin act", move |tx| {
            let begun = tx
                .prepare_cached(
                    "UPDATE act SET state = 'under-way', words = NULL
                     WHERE number = ?1 AND state IN ('waiting', 'under-way')",
                )?
                .execute([number])?;
            if begun == 0 {
                return Ok(None);
            }
            let Some(act) = one(tx, number)? else { return Ok(None) };
            let row = inbox::one(tx, act.notification)?;
            Ok(row.map(|row| (row.notification, act.act)))
        })
        .await
    }

    /// How telling the service ended, in one transaction with what follows: whoever answered has read. Gives the act if that changed it, and
    /// whether its notification became read by it.
    pub async fn act_ended(
        &self,
        number: i64,
        end: ActEnd,
        now: Timestamp,
    ) -> Result<Option<(KeptAct, bool)>, StoreError> {
        self.write("act ended", move |tx| {
            let (state, words) = match end {
                ActEnd::Done => (ActState::Done, None),
                ActEnd::Waits { reason } => (ActState::Waiting, Some(reason)),
                ActEnd::Again { reason } => (ActState::UnderWay, Some(reason)),
                ActEnd::Refused { reason } => (ActState::Refused, Some(reason)),
                ActEnd::Unsure { reason } => (ActState::Unsure, Some(reason)),
            };
            if !settle(tx, number, ActState::UnderWay, state, words, now)? {
                return Ok(None);
            }
            let Some(act) = one(tx, number)? else { return Ok(None) };
            let reads = state == ActState::Done && act.act.reads();
            let read = reads && marks::set(tx, act.notification, true, ReadBy::Person, now)?;
            if read {
                wishes::open(tx, act.notification.0, true, now)?;
            }
            Ok(Some((act, read)))
        })
        .await
    }

    /// Takes an act back. False if the service is being told, or was.
    pub async fn undo_act(&self, number: i64, now: Timestamp) -> Result<bool, StoreError> {
        self.write("undo act", move |tx| {
            Ok(settle(tx, number, ActState::Waiting, ActState::Undone, None, now)?)
        })
        .await
    }

    /// What was under way when whoever told it ended (a crash, a pause): what does no harm twice waits again, the rest is unsure. Of one
    /// account, or of all. Gives the acts as they stand now.
    pub async fn acts_left_behind(
        &self,
        account: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Vec<KeptAct>, StoreError> {
        self.write("acts left behind", move |tx| {
            let account = account.map(|account| accounts::number(tx, &account)).transpose()?;
            let left: Vec<i64> = {
                let mut statement = tx.prepare_cached(LEFT_BEHIND)?;
                let rows = statement.query_map([account], |row| row.get(0))?;
                rows.collect::<Result<_, _>>()?
            };
            let mut now_so = Vec::new();
            for number in left {
                let Some(act) = one(tx, number)?.map(|kept| kept.act) else { continue };
                let (state, words) = if act.may_be_repeated() {
                    (ActState::Waiting, None)
                } else {
                    (ActState::Unsure, Some(act.unsure_words().to_owned()))
                };
                settle(tx, number, ActState::UnderWay, state, words, now)?;
                now_so.extend(one(tx, number)?);
            }
            Ok(now_so)
        })
        .await
    }
}

/// Moves an act from one state to another; false if it was not there.
fn settle(
    conn: &Connection,
    number: i64,
    from: ActState,
    to: ActState,
    words: Option<String>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let settled = match to {
        ActState::Waiting | ActState::UnderWay => None,
        ActState::Done | ActState::Refused | ActState::Unsure | ActState::Undone => {
            Some(now.as_millisecond())
        }
    };
    let changed = conn
        .prepare_cached(
            "UPDATE act SET state = ?3, words = ?4, settled_at = ?5 WHERE number = ?1 AND state = ?2",
        )?
        .execute((number, state_name(from), state_name(to), words, settled))?;
    Ok(changed > 0)
}

fn one(conn: &Connection, number: i64) -> rusqlite::Result<Option<KeptAct>> {
    conn.prepare_cached(ONE)?.query_row([number], kept).optional()
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptAct> {
    Ok(KeptAct {
        number: row.get(0)?,
        notification: NotificationId(row.get(1)?),
        act: act(row, 2)?,
        asked_at: time(row, 3)?,
        due_at: time(row, 4)?,
        state: named(row, 5, STATES)?,
        words: row.get(6)?,
        settled_at: maybe_time(row, 7)?,
    })
}

fn act(row: &Row<'_>, column: usize) -> rusqlite::Result<Act> {
    column::json(&row.get::<_, String>(column)?)
}

const ONE: &str = "SELECT number, notification, act, asked_at, due_at, state, words, settled_at FROM act
     WHERE number = ?1";

pub(super) const OF_NOTIFICATION: &str =
    "SELECT number, notification, act, asked_at, due_at, state, words, settled_at
     FROM act INDEXED BY act_of_notification WHERE notification = ?1 ORDER BY number";

pub(super) const WAITING: &str = "SELECT act.number, act.due_at
     FROM act INDEXED BY act_open CROSS JOIN notification AS n ON n.id = act.notification
     WHERE act.settled_at IS NULL AND act.state = 'waiting' AND n.account = ?1 ORDER BY act.number";

pub(super) const LEFT_BEHIND: &str = "SELECT act.number
     FROM act INDEXED BY act_open CROSS JOIN notification AS n ON n.id = act.notification
     WHERE act.settled_at IS NULL AND act.state = 'under-way' AND (?1 IS NULL OR n.account = ?1) ORDER BY act.number";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{Bench, account, at, id, told};

    fn reply(text: &str) -> Act {
        Act::Reply { text: text.into() }
    }

    #[test]
    fn both_ways_of_a_stored_state_agree() {
        assert!(STATES.iter().all(|(state, name)| state_name(*state) == *name));
    }

    #[tokio::test]
    async fn acts_wait_in_the_order_of_asking_and_stay_through_a_restart() {
        let mut bench = Bench::with_account().await;
        let rows = bench.admit(vec![told("a", 1), told("b", 2)]).await;
        let mut numbers = Vec::new();
        for (row, act) in [(rows[1], reply("one")), (rows[0], Act::Complete), (rows[1], reply("two"))] {
            numbers.push(bench.store.ask_act(row, act, at(10), at(15)).await.unwrap());
        }
        bench.reopen().await;
        let waiting = bench.store.waiting_acts(&id("podio")).await.unwrap();
        assert_eq!(waiting, numbers.iter().map(|number| (*number, at(15))).collect::<Vec<_>>());
        let of_b = bench.store.acts(rows[1]).await.unwrap();
        assert_eq!(of_b.iter().map(|act| act.act.clone()).collect::<Vec<_>>(), [reply("one"), reply("two")]);
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        assert!(bench.store.waiting_acts(&id("other")).await.unwrap().is_empty(), "each account its own");
        assert!(bench.store.waiting_acts(&id("nobody")).await.is_err());
    }

    #[tokio::test]
    async fn what_was_taken_back_is_not_begun_and_what_was_begun_is_not_taken_back() {
        let bench = Bench::with_account().await;
        let row = bench.admit(vec![told("a", 1)]).await[0];
        let taken_back = bench.store.ask_act(row, reply("no"), at(10), at(15)).await.unwrap();
        let begun = bench.store.ask_act(row, reply("yes"), at(11), at(16)).await.unwrap();
        assert!(bench.store.undo_act(taken_back, at(12)).await.unwrap());
        assert_eq!(bench.store.begin_act(taken_back).await.unwrap(), None);
        let (notification, act) = bench.store.begin_act(begun).await.unwrap().unwrap();
        assert_eq!((notification.external_id.as_str(), act), ("a", reply("yes")));
        assert!(!bench.store.undo_act(begun, at(17)).await.unwrap());
        assert!(bench.store.begin_act(begun).await.unwrap().is_some(), "asked again by who tells it");
        assert_eq!(bench.store.begin_act(99).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_act_ends_once() {
        let bench = Bench::with_account().await;
        let row = bench.admit(vec![told("a", 1)]).await[0];
        let number = bench.store.ask_act(row, Act::Complete, at(10), at(15)).await.unwrap();
        let end = |end: ActEnd, ms| bench.store.act_ended(number, end, at(ms));
        assert_eq!(end(ActEnd::Done, 15).await.unwrap(), None, "nobody began it");
        bench.store.begin_act(number).await.unwrap();
        let (waits, _) = end(ActEnd::Waits { reason: "no network".into() }, 16).await.unwrap().unwrap();
        assert_eq!(
            (waits.state, waits.words.as_deref(), waits.settled_at),
            (ActState::Waiting, Some("no network"), None)
        );
        bench.store.begin_act(number).await.unwrap();
        let (refused, read) = end(ActEnd::Refused { reason: "not yours".into() }, 17).await.unwrap().unwrap();
        assert_eq!((refused.state, refused.settled_at, read), (ActState::Refused, Some(at(17)), false));
        assert_eq!(end(ActEnd::Done, 18).await.unwrap(), None);
        assert_eq!(bench.store.act(number).await.unwrap().unwrap().state, ActState::Refused);
        assert!(bench.store.waiting_acts(&id("podio")).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn whoever_answered_has_read_and_the_service_is_to_be_told() {
        let bench = Bench::with_account().await;
        let row = bench.admit(vec![told("a", 1)]).await[0];
        for (act, reads) in [(Act::Follow, false), (reply("yes"), true), (reply("and more"), false)] {
            let number = bench.store.ask_act(row, act, at(10), at(15)).await.unwrap();
            bench.store.begin_act(number).await.unwrap();
            let (_, read) = bench.store.act_ended(number, ActEnd::Done, at(20)).await.unwrap().unwrap();
            assert_eq!(read, reads, "it can become read once");
        }
        let kept = bench.store.get(row).await.unwrap().unwrap();
        assert_eq!((kept.read, kept.read_by), (true, Some(ReadBy::Person)));
        assert_eq!(bench.store.wishes(&id("podio")).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_a_crash_left_under_way_is_unsure_unless_it_does_no_harm_twice() {
        let mut bench = Bench::with_account().await;
        let row = bench.admit(vec![told("a", 1)]).await[0];
        let mut numbers = Vec::new();
        for act in [reply("once"), Act::Complete, Act::Accept, reply("later")] {
            numbers.push(bench.store.ask_act(row, act, at(10), at(15)).await.unwrap());
        }
        for number in &numbers[..3] {
            bench.store.begin_act(*number).await.unwrap();
        }
        bench.reopen().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        assert!(bench.store.acts_left_behind(Some(id("other")), at(20)).await.unwrap().is_empty());
        let left = bench.store.acts_left_behind(None, at(20)).await.unwrap();
        let acts = bench.store.acts(row).await.unwrap();
        assert_eq!(left, acts[..3], "as they stand now");
        let states: Vec<_> = acts.into_iter().map(|act| act.state).collect();
        assert_eq!(states, [ActState::Unsure, ActState::Waiting, ActState::Unsure, ActState::Waiting]);
        let unsure = bench.store.act(numbers[0]).await.unwrap().unwrap();
        assert!(unsure.words.unwrap().contains("look whether your reply is there"));
        let waiting: Vec<i64> = bench
            .store
            .waiting_acts(&id("podio"))
            .await
            .unwrap()
            .into_iter()
            .map(|(number, _)| number)
            .collect();
        assert_eq!(waiting, [numbers[1], numbers[3]]);
    }

    #[tokio::test]
    async fn acts_go_with_their_account() {
        let bench = Bench::with_account().await;
        let row = bench.admit(vec![told("a", 1)]).await[0];
        let number = bench.store.ask_act(row, Act::Complete, at(10), at(15)).await.unwrap();
        bench.store.remove_account(id("podio")).await.unwrap();
        assert_eq!(bench.store.act(number).await.unwrap(), None);
    }
}

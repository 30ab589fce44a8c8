//! The table `notification`, read: pages newest first, single rows, counts. `admit` writes it, `marks` changes it.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::column::{self, checked, maybe_named, maybe_time, named, time};
use super::error::Trouble;
use super::marks::READERS;
use super::search::Words;
use super::{ReadBy, Store, StoreError, accounts, search};
use crate::account::AccountId;
use crate::notification::{Context, Icon, Kind, Notification, NotificationId};

/// Which rows of the inbox to give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InboxQuery {
    /// Only this account's.
    pub account: Option<AccountId>,
    /// Only unread ones.
    pub unread: bool,
    /// Only starred ones.
    pub starred: bool,
    /// Only those that hold all these words, the last one as a beginning. Any text is fine.
    pub search: Option<String>,
    /// Only those that come after this one in the list: `occurred_at` and id of the last row of the page before.
    pub before: Option<(Timestamp, NotificationId)>,
    /// At most so many.
    pub limit: usize,
}

/// A kept notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its row.
    pub id: NotificationId,
    /// What it says; its `read` is that of today.
    pub notification: Notification,
    /// True once it has been read, here or elsewhere.
    pub read: bool,
    /// When it was read, as far as we know.
    pub read_at: Option<Timestamp>,
    /// Who says that it was read.
    pub read_by: Option<ReadBy>,
    /// When it was kept here.
    pub admitted_at: Timestamp,
    /// When a later version that was news took its place here, if one did.
    pub changed_at: Option<Timestamp>,
}

impl Store {
    /// A page of the inbox, newest first by (`occurred_at`, id). What the service sent (`raw`) is left empty: [`Store::get`] has it.
    pub async fn inbox(&self, query: InboxQuery) -> Result<Vec<Kept>, StoreError> {
        self.read("inbox", move |conn| {
            let filter = Filter::new(conn, &query)?;
            match query.search.as_deref().map(Words::new) {
                None | Some(Words::None) => filter.page(conn, query.limit),
                Some(Words::Match(words)) => {
                    // Several statements that must see the same rows.
                    let snapshot = conn.unchecked_transaction()?;
                    let ids = search::page(&snapshot, &words, &filter, query.limit)?;
                    rows_of(&snapshot, &ids)
                }
            }
        })
        .await
    }

    /// One notification.
    pub async fn get(&self, id: NotificationId) -> Result<Option<Kept>, StoreError> {
        self.read("get", move |conn| Ok(one(conn, id)?)).await
    }

    /// The rows that were kept after this one, in the order in which they were kept.
    pub async fn newer_than(&self, id: NotificationId, limit: usize) -> Result<Vec<Kept>, StoreError> {
        self.read("newer than", move |conn| {
            let mut statement =
                conn.prepare_cached(&format!("{SELECT} WHERE n.id > ?1 ORDER BY n.id LIMIT ?2"))?;
            let rows = statement.query_map((id.0, at_most(limit)), kept)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The newest rows of one kind about one thing at the service, newest first. An unusually long `raw` is left empty.
    pub async fn about(
        &self,
        account: &AccountId,
        context: &Context,
        kind: &Kind,
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        let (account, kind) = (account.clone(), kind.name().to_owned());
        let (what, id) = (context.what.clone(), context.id.clone());
        self.read("about", move |conn| {
            let number = accounts::number(conn, &account)?;
            let mut statement = conn.prepare_cached(ABOUT)?;
            let rows = statement.query_map((number, what, id, kind, at_most(limit)), kept)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The newest row's number, 0 if nothing is kept: whatever is kept from now on is above it.
    pub async fn newest_id(&self) -> Result<NotificationId, StoreError> {
        self.read("newest", |conn| {
            let newest =
                conn.prepare_cached("SELECT max(id) FROM notification")?.query_row([], |row| row.get(0));
            Ok(NotificationId(newest.map(Option::unwrap_or_default)?))
        })
        .await
    }

    /// How many are unread. Counted afresh, over an index of the unread ones alone.
    pub async fn unread_count(&self, account: Option<&AccountId>) -> Result<u64, StoreError> {
        let account = account.cloned();
        self.read("unread count", move |conn| {
            let count: i64 = match account {
                None => conn.prepare_cached(COUNT_UNREAD)?.query_row([], |row| row.get(0))?,
                Some(id) => conn
                    .prepare_cached(COUNT_UNREAD_OF_ACCOUNT)?
                    .query_row([accounts::number(conn, &id)?], |row| row.get(0))?,
            };
            Ok(count.unsigned_abs())
        })
        .await
    }

    /// How many are kept.
    pub async fn total(&self) -> Result<u64, StoreError> {
        self.read("total", |conn| {
            let count: i64 = conn
                .prepare_cached("SELECT count(*) FROM notification INDEXED BY notification_newest")?
                .query_row([], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
        .await
    }

    /// External ids of the account's rows that are still to be completed, newest first.
    pub async fn hints(&self, account: &AccountId, limit: usize) -> Result<Vec<String>, StoreError> {
        let account = account.clone();
        self.read("hints", move |conn| {
            let number = accounts::number(conn, &account)?;
            let mut statement = conn.prepare_cached(HINTS)?;
            let rows = statement.query_map((number, at_most(limit)), |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

const COUNT_UNREAD: &str = "SELECT count(*) FROM notification INDEXED BY notification_unread WHERE read = 0";
const COUNT_UNREAD_OF_ACCOUNT: &str =
    "SELECT count(*) FROM notification INDEXED BY notification_unread_of_account
     WHERE read = 0 AND account = ?1";
const HINTS: &str = "SELECT external_id FROM notification INDEXED BY notification_hint
     WHERE detail = 'hint' AND account = ?1 ORDER BY id DESC LIMIT ?2";

macro_rules! columns {
    ($raw:literal) => {
        concat!(
            "n.id, a.name, n.external_id, n.kind, n.icon, n.title, n.body, n.actor, n.context_what, n.context_id, \
             n.context_title, n.context_place, n.context_url, n.occurred_at, n.read, n.wants_banner, n.detail, ",
            $raw,
            ", n.read_at, n.read_by, n.admitted_at, n.wants_sound, n.no_news, n.starred, n.urgency, n.version, n.changed_at"
        )
    };
}

/// The columns that [`kept`] reads; others may follow them. `CROSS JOIN` keeps the order: notifications lead, accounts follow.
pub(super) const COLUMNS: &str = columns!("n.raw");
/// The same without what the service sent, which is most of a row: for lists.
pub(super) const LISTED: &str = columns!("''");
/// How many there are.
pub(super) const COLUMN_COUNT: usize = 27;

const SELECT: &str = concat!(
    "SELECT ",
    columns!("n.raw"),
    " FROM notification AS n CROSS JOIN account AS a ON a.number = n.account"
);

const ABOUT: &str = concat!(
    "SELECT ",
    columns!("iif(length(n.raw) <= 65536, n.raw, '')"),
    " FROM notification AS n INDEXED BY notification_of_context CROSS JOIN account AS a ON a.number = n.account
     WHERE n.account = ?1 AND n.context_what = ?2 AND n.context_id = ?3 AND n.context_id <> '' AND n.kind = ?4
     ORDER BY n.occurred_at DESC, n.id DESC LIMIT ?5"
);

/// One row.
pub(super) fn one(conn: &Connection, id: NotificationId) -> rusqlite::Result<Option<Kept>> {
    conn.prepare_cached(&format!("{SELECT} WHERE n.id = ?1"))?.query_row([id.0], kept).optional()
}

/// A row of [`COLUMNS`].
pub(super) fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let read = row.get(14)?;
    let icon: String = row.get(4)?;
    Ok(Kept {
        id: NotificationId(row.get(0)?),
        notification: Notification {
            account: checked(row, 1, AccountId::new)?,
            external_id: row.get(2)?,
            kind: Kind::from(row.get::<_, String>(3)?),
            icon: Icon::from_name(&icon).unwrap_or(Icon::Other),
            title: row.get(5)?,
            body: row.get(6)?,
            actor: row.get(7)?,
            context: Context {
                what: row.get(8)?,
                id: row.get(9)?,
                title: row.get(10)?,
                place: row.get(11)?,
                url: row.get(12)?,
            },
            occurred_at: time(row, 13)?,
            read,
            starred: row.get(23)?,
            wants_banner: row.get(15)?,
            wants_sound: row.get(21)?,
            no_news: row.get(22)?,
            urgency: maybe_named(row, 24, column::URGENCIES)?,
            version: row.get(25)?,
            detail: named(row, 16, column::DETAILS)?,
            raw: row.get(17)?,
        },
        read,
        read_at: maybe_time(row, 18)?,
        read_by: maybe_named(row, 19, READERS)?,
        admitted_at: time(row, 20)?,
        changed_at: maybe_time(row, 26)?,
    })
}

/// Which rows, and the index that has them in the right order.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    account: Option<i64>,
    unread: bool,
    starred: bool,
    before: Option<(i64, i64)>,
}

impl Filter {
    fn new(conn: &Connection, query: &InboxQuery) -> Result<Self, Trouble> {
        let account = query.account.as_ref().map(|id| accounts::number(conn, id)).transpose()?;
        let before = query.before.map(|(time, id)| (time.as_millisecond(), id.0));
        Ok(Self { account, unread: query.unread, starred: query.starred, before })
    }

    #[cfg(test)]
    pub(super) fn everything() -> Self {
        Self { account: None, unread: false, starred: false, before: None }
    }

    /// The index that gives these rows newest first without looking at many others. Stars are few.
    fn index(&self) -> &'static str {
        if self.starred {
            return "INDEXED BY notification_starred";
        }
        match (self.account.is_some(), self.unread) {
            (false, false) => "INDEXED BY notification_newest",
            (true, false) => "INDEXED BY notification_newest_of_account",
            (false, true) => "INDEXED BY notification_unread",
            (true, true) => "INDEXED BY notification_unread_of_account",
        }
    }

    /// The conditions and their values, to follow a `WHERE`.
    pub(super) fn conditions(&self) -> (String, Vec<Value>) {
        let (mut sql, mut values) = ("1".to_owned(), Vec::new());
        if self.unread {
            sql.push_str(" AND n.read = 0");
        }
        if self.starred {
            sql.push_str(" AND n.starred = 1");
        }
        if let Some(account) = self.account {
            sql.push_str(" AND n.account = ?");
            values.push(Value::Integer(account));
        }
        if let Some((time, id)) = self.before {
            sql.push_str(" AND (n.occurred_at, n.id) < (?, ?)");
            values.extend([Value::Integer(time), Value::Integer(id)]);
        }
        (sql, values)
    }

    /// Time and id of the next rows, from the index alone.
    pub(super) fn keys(&self, conn: &Connection, limit: usize) -> rusqlite::Result<Vec<(i64, i64)>> {
        let (sql, values) = self.keys_sql(limit);
        let mut statement = conn.prepare_cached(&sql)?;
        statement.query_map(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// The same rows, beginning after a key.
    pub(super) fn after(&self, key: (i64, i64)) -> Self {
        Self { before: Some(key), ..*self }
    }

    fn keys_sql(&self, limit: usize) -> (String, Vec<Value>) {
        let (conditions, mut values) = self.conditions();
        values.push(Value::Integer(at_most(limit)));
        let index = self.index();
        let sql = format!(
            "SELECT n.occurred_at, n.id FROM notification AS n {index} WHERE {conditions}
             ORDER BY n.occurred_at DESC, n.id DESC LIMIT ?"
        );
        (sql, values)
    }

    fn page_sql(&self, limit: usize) -> (String, Vec<Value>) {
        let (conditions, mut values) = self.conditions();
        values.push(Value::Integer(at_most(limit)));
        let index = self.index();
        let sql = format!(
            "SELECT {LISTED} FROM notification AS n {index} CROSS JOIN account AS a ON a.number = n.account
             WHERE {conditions} ORDER BY n.occurred_at DESC, n.id DESC LIMIT ?"
        );
        (sql, values)
    }

    fn page(&self, conn: &Connection, limit: usize) -> Result<Vec<Kept>, Trouble> {
        let (sql, values) = self.page_sql(limit);
        let mut statement = conn.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values), kept)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// A limit as SQLite takes it.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// These rows in this order, for a list.
fn rows_of(conn: &Connection, ids: &[i64]) -> Result<Vec<Kept>, Trouble> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {LISTED} FROM notification AS n CROSS JOIN account AS a ON a.number = n.account WHERE n.id = ?1"
    ))?;
    let rows = ids.iter().map(|id| statement.query_row([id], kept));
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::Arrival;
    use crate::store::testing::{Bench, account, at, hint, id, told};
    use crate::store::{acts, marks, stars, toasts, wishes};

    fn all(limit: usize) -> InboxQuery {
        InboxQuery { limit, ..InboxQuery::default() }
    }

    fn names(page: &[Kept]) -> Vec<&str> {
        page.iter().map(|kept| kept.notification.external_id.as_str()).collect()
    }

    #[tokio::test]
    async fn the_inbox_is_newest_first_and_of_the_same_instant_the_later_kept_first() {
        let bench = Bench::with_account().await;
        bench
            .admit(vec![
                told("old", 1),
                told("twin", 5),
                told("other twin", 5),
                told("new", 9),
                told("mid", 3),
            ])
            .await;
        let page = bench.store.inbox(all(9)).await.unwrap();
        assert_eq!(names(&page), ["new", "other twin", "twin", "mid", "old"]);
    }

    #[tokio::test]
    async fn pages_by_key_give_each_row_once_even_if_new_ones_come_between() {
        let bench = Bench::with_account().await;
        bench.admit((0..25).map(|n| told(&n.to_string(), n / 4)).collect()).await;
        for search in [None, Some("title".to_owned())] {
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let query = InboxQuery { before, search: search.clone(), ..all(4) };
                let page = bench.store.inbox(query).await.unwrap();
                let Some(last) = page.last() else { break };
                before = Some((last.notification.occurred_at, last.id));
                seen.extend(page.into_iter().map(|kept| kept.id.0));
                bench.admit(vec![told(&format!("late {} {search:?}", seen.len()), 1_000)]).await;
            }
            let first_25: Vec<i64> = seen.iter().copied().filter(|id| *id <= 25).collect();
            assert_eq!(first_25, (1..=25).rev().collect::<Vec<_>>(), "{search:?}");
        }
    }

    #[tokio::test]
    async fn account_and_unread_narrow_the_inbox_and_the_counts() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        let mine = bench.admit(vec![told("a", 1), told("b", 2), told("c", 3)]).await;
        let theirs = vec![told("x", 4), Notification { read: true, ..told("y", 5) }];
        bench.store.admit(id("other"), theirs, Arrival::Live, None, at(1)).await.unwrap();
        bench.store.mark_read(vec![mine[1]], true, ReadBy::Person, at(2)).await.unwrap();
        let table = [
            (None, false, vec!["y", "x", "c", "b", "a"]),
            (None, true, vec!["x", "c", "a"]),
            (Some("podio"), false, vec!["c", "b", "a"]),
            (Some("podio"), true, vec!["c", "a"]),
            (Some("other"), true, vec!["x"]),
        ];
        for (account, unread, expected) in table {
            for search in [None, Some("titl".to_owned())] {
                let query = InboxQuery { account: account.map(id), unread, search, ..all(9) };
                let page = bench.store.inbox(query.clone()).await.unwrap();
                assert_eq!(names(&page), expected, "{query:?}");
            }
            if unread {
                let count = bench.store.unread_count(account.map(id).as_ref()).await.unwrap();
                assert_eq!(count, expected.len() as u64, "{account:?}");
            }
        }
        assert_eq!(bench.store.total().await.unwrap(), 5);
        let nobody = InboxQuery { account: Some(id("nobody")), ..all(9) };
        assert_eq!(bench.store.inbox(nobody).await, Err(StoreError::NoAccount(id("nobody"))));
    }

    #[tokio::test]
    async fn newer_rows_come_in_the_order_in_which_they_were_kept() {
        let bench = Bench::with_account().await;
        let ids = bench.admit(vec![told("a", 9), told("b", 1), told("c", 5)]).await;
        assert_eq!(names(&bench.store.newer_than(NotificationId(0), 2).await.unwrap()), ["a", "b"]);
        assert_eq!(names(&bench.store.newer_than(ids[1], 9).await.unwrap()), ["c"]);
        assert!(bench.store.newer_than(ids[2], 9).await.unwrap().is_empty());
        assert_eq!(bench.store.get(NotificationId(77)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_came_about_one_thing_is_of_one_kind_account_and_context_newest_first() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        let thing = told("a", 1).context;
        let elsewhere = Context { id: "8".into(), ..thing.clone() };
        bench
            .admit(vec![
                told("a", 1),
                told("c", 3),
                told("b", 2),
                Notification { kind: Kind::Update, ..told("an update", 4) },
                Notification { context: elsewhere, ..told("of another", 5) },
                Notification { context: Context::default(), ..told("of nothing", 6) },
                Notification { raw: format!("\"{}\"", "x".repeat(70_000)), ..told("long", 7) },
            ])
            .await;
        bench.store.admit(id("other"), vec![told("x", 8)], Arrival::Live, None, at(1)).await.unwrap();
        let about = |context, limit| {
            let store = bench.store.clone();
            async move { store.about(&id("podio"), &context, &Kind::Comment, limit).await.unwrap() }
        };
        let rows = about(thing.clone(), 9).await;
        assert_eq!(names(&rows), ["long", "c", "b", "a"]);
        assert_eq!(
            rows.iter().map(|row| row.notification.raw.as_str()).collect::<Vec<_>>(),
            ["", "{}", "{}", "{}"]
        );
        assert_eq!(names(&about(thing, 2).await), ["long", "c"]);
        assert!(about(Context::default(), 9).await.is_empty(), "what is about nothing has no thread");
    }

    #[tokio::test]
    async fn hints_are_the_newest_first_and_only_this_accounts() {
        let bench = Bench::with_account().await;
        bench.store.put_account(account("other"), at(0)).await.unwrap();
        bench.admit(vec![hint("a", 1), told("whole", 2), hint("b", 3), hint("c", 4)]).await;
        bench.store.admit(id("other"), vec![hint("x", 1)], Arrival::Live, None, at(1)).await.unwrap();
        assert_eq!(bench.store.hints(&id("podio"), 2).await.unwrap(), ["c", "b"]);
    }

    #[tokio::test]
    async fn a_kind_and_a_picture_no_one_has_seen_yet_are_kept() {
        let bench = Bench::with_account().await;
        let odd = Notification {
            kind: Kind::Other("moon_landing".into()),
            icon: Icon::Other,
            actor: None,
            context: Context::default(),
            wants_banner: false,
            wants_sound: false,
            no_news: true,
            raw: "{\"odd\":\"\u{1F319}\u{0}\"}".into(),
            occurred_at: at(-5_000),
            ..told("odd", 0)
        };
        let row = bench.admit(vec![odd.clone()]).await[0];
        assert_eq!(bench.store.get(row).await.unwrap().unwrap().notification, odd);
    }

    /// Written at one go: what is asked is how they are read. Every fiftieth is unread.
    const HUNDRED_THOUSAND: &str = "
        WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 99999)
        INSERT INTO notification (account, external_id, kind, icon, title, body, occurred_at, detail, raw, arrival,
            admitted_at, read, read_at, read_by)
        SELECT 1, n, 'comment', 'comment', n || ' frequent', '', n, 'whole', '{}', 'live', n,
            n % 50 <> 0, iif(n % 50, n, NULL), iif(n % 50, 'service', NULL) FROM numbers;
        INSERT INTO toast (notification) SELECT id FROM notification;";

    /// The steps SQLite plans for a query.
    fn plan(conn: &Connection, sql: &str) -> Vec<String> {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let nothing = vec![Value::Null; statement.parameter_count()];
        let rows = statement.query_map(params_from_iter(nothing), |row| row.get(3)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[tokio::test]
    async fn with_100_000_rows_every_question_is_answered_from_an_index() {
        let bench = Bench::with_account().await;
        let conn = bench.beside();
        conn.execute_batch(&format!("BEGIN; {HUNDRED_THOUSAND} COMMIT; ANALYZE;")).unwrap();
        let mut ordered = vec![
            ("hints", HINTS.to_owned()),
            ("unread count", COUNT_UNREAD.to_owned()),
            ("unread count of account", COUNT_UNREAD_OF_ACCOUNT.to_owned()),
            ("pending", toasts::pending_sql()),
            ("held", toasts::held_sql()),
            ("any held", toasts::ANY_HELD.to_owned()),
            ("release read", toasts::RELEASE_READ.to_owned()),
            ("interrupted", toasts::INTERRUPTED.to_owned()),
            ("by toast", toasts::BY_TOAST.to_owned()),
            ("wishes", wishes::OPEN.to_owned()),
            ("about", ABOUT.to_owned()),
            ("acts", acts::OF_NOTIFICATION.to_owned()),
            ("waiting acts", acts::WAITING.to_owned()),
            ("acts left behind", acts::LEFT_BEHIND.to_owned()),
            ("star wishes", stars::OPEN.to_owned()),
            ("together", wishes::TOGETHER.to_owned()),
            ("newer than", format!("{SELECT} WHERE n.id > ?1 ORDER BY n.id LIMIT ?2")),
        ];
        for which in [marks::ALL_UNREAD, marks::UNREAD_OF_ACCOUNT] {
            ordered.push(("wish all", marks::wish_all_sql(which)));
            ordered.push(("mark all", marks::mark_all_sql(which)));
        }
        for account in [None, Some(1)] {
            for unread in [false, true] {
                for before in [None, Some((5, 5))] {
                    for starred in [false, true] {
                        let filter = Filter { account, unread, starred, before };
                        ordered.push((filter.index(), filter.page_sql(50).0));
                        ordered.push((filter.index(), filter.keys_sql(50).0));
                    }
                }
            }
        }
        for (name, sql) in &ordered {
            let plan = plan(&conn, sql);
            assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{name}: {plan:?}");
        }
        let few = [
            ("shown keys", toasts::SHOWN_KEYS),
            ("still unread", marks::STILL_UNREAD),
            ("still read by the mark", marks::STILL_READ_BY_THE_MARK),
            ("fate", toasts::FATE),
            ("unread of a thing", wishes::UNREAD_OF_THING),
            ("unread of a family", wishes::UNREAD_OF_FAMILY),
            ("unread hint", wishes::UNREAD_HINT),
            ("thread", marks::THREAD),
            ("unread there", marks::UNREAD_THERE),
            ("still starred", stars::STARRED_THERE),
            ("wished", wishes::WISHED),
        ];
        let asked = ordered.iter().map(|(name, sql)| (*name, sql.as_str())).chain(few);
        for (name, sql) in asked {
            let plan = plan(&conn, sql);
            let walks_a_table = |step: &&String| {
                step.starts_with("SCAN") && !step.contains("INDEX") && !step.contains("VIRTUAL TABLE")
            };
            assert_eq!(plan.iter().find(walks_a_table), None, "{name}: {plan:?}");
        }

        assert_eq!(bench.store.unread_count(None).await.unwrap(), 2_000);
        let frequent = InboxQuery { search: Some("frequent".into()), unread: true, ..all(50) };
        let page = bench.store.inbox(frequent).await.unwrap();
        let expected: Vec<String> = (0..50).map(|n| (99_950 - n * 50).to_string()).collect();
        assert_eq!(names(&page), expected, "a word in every row, looked through from the newest");
        let rare = InboxQuery { search: Some("frequent 777".into()), ..all(3) };
        assert_eq!(names(&bench.store.inbox(rare).await.unwrap()), ["77799", "77798", "77797"]);
    }
}

//! Takes looks at items in, wherever they come from: compares each with what is kept and hands over what changed. One batch at a time, so
//! that what the stream tells and what the lists tell can come side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::debug;

use super::item::{Change, Item, Seen};
use super::normalize::{self, Reader, external_id};
use crate::account::AccountId;
use crate::env::Clock;
use crate::link::Failure;
use crate::notification::{Arrival, Notification};
use crate::source::Reports;

/// Most looks in one commit.
const TOGETHER: usize = 200;
/// How long an event may be on its way, in the service's whole seconds: what is younger is not late.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(5);

/// Where looks come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The stream.
    Stream,
    /// A list, after a time in which nobody listened.
    List,
    /// A list, when the account is new.
    FirstList,
    /// A list, while the stream was live all the time: it should have told, up to the service's present.
    Comparison(Option<Timestamp>),
}

/// What became of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The item.
    pub(crate) item: Item,
    /// What happened to it.
    pub(crate) change: Change,
}

/// The way into the engine. Clones take turns.
#[derive(Debug, Clone)]
pub(crate) struct Taking {
    reports: Reports,
    account: AccountId,
    owner: Option<String>,
    clock: Clock,
    /// What the stream told since this was last forgotten.
    turn: Arc<Mutex<BTreeSet<String>>>,
}

impl Taking {
    /// For the items of this account, whose owner is called so.
    pub(crate) fn new(reports: Reports, account: AccountId, owner: Option<String>, clock: Clock) -> Self {
        Self { reports, account, owner, clock, turn: Arc::default() }
    }

    /// The line to the engine.
    pub(crate) fn reports(&self) -> &Reports {
        &self.reports
    }

    /// From now on notes what the stream tells.
    pub(crate) async fn begin_to_note(&self) {
        self.turn.lock().await.clear();
    }

    /// Takes looks in, in order; returns when what changed is kept.
    pub(crate) async fn take(&self, looks: Vec<(Value, Seen)>, from: From) -> Result<Vec<Taken>, Failure> {
        let mut all = Vec::with_capacity(looks.len());
        for batch in looks.chunks(TOGETHER) {
            all.extend(self.take_together(batch, from).await?);
        }
        Ok(all)
    }

    /// Takes in that these kept items are in no list any more, but for those that the stream spoke of meanwhile.
    pub(crate) async fn take_missing(
        &self,
        missing: Vec<Notification>,
        from: From,
    ) -> Result<usize, Failure> {
        let turn = self.turn.lock().await;
        let reader = self.reader();
        let rows: Vec<Notification> = missing
            .iter()
            .filter(|kept| !turn.contains(&kept.external_id))
            .filter_map(|kept| normalize::not_found(kept, reader))
            .collect();
        let count = rows.len();
        // Nobody knows since when, so nobody knows whether the stream should have told.
        let arrival = match from {
            From::Stream | From::Comparison(_) | From::List => Arrival::Backlog,
            From::FirstList => Arrival::FirstFill,
        };
        if count > 0 {
            self.reports.deliver(rows, arrival, None).await?;
        }
        Ok(count)
    }

    async fn take_together(&self, looks: &[(Value, Seen)], from: From) -> Result<Vec<Taken>, Failure> {
        let mut turn = self.turn.lock().await;
        let ids: BTreeSet<String> =
            looks.iter().filter_map(|(look, _)| Some(external_id(&Item::of(look)?.id))).collect();
        if from == From::Stream {
            turn.extend(ids.iter().cloned());
        }
        let ids: Vec<String> = ids.into_iter().collect();
        let asked = join_all(ids.iter().map(|id| self.reports.kept_one(id))).await;
        let mut kept = BTreeMap::new();
        for (id, row) in ids.into_iter().zip(asked) {
            kept.insert(id, row?);
        }
        let (mut taken, mut rows, mut late) = (Vec::new(), Vec::new(), Vec::new());
        for (look, seen) in looks {
            let Some(item) = Item::of(look) else {
                debug!(account = %self.account, "something that is no item was passed over");
                continue;
            };
            let known = kept.entry(external_id(&item.id)).or_default();
            let Some((change, row)) = normalize::look(known.as_ref(), look, *seen, self.reader()) else {
                continue;
            };
            if let Some(row) = row {
                *known = Some(row.clone());
                let of = if is_late(&item, &change, from) { &mut late } else { &mut rows };
                of.push(row);
            }
            taken.push(Taken { item, change });
        }
        if !late.is_empty() {
            self.reports.deliver_found_late(late).await?;
        }
        let arrival = match from {
            // What the lists tell before the stream does is as new.
            From::Stream | From::Comparison(_) => Arrival::Live,
            From::List => Arrival::Backlog,
            From::FirstList => Arrival::FirstFill,
        };
        if !rows.is_empty() {
            self.reports.deliver(rows, arrival, None).await?;
        }
        Ok(taken)
    }

    fn reader(&self) -> Reader<'_> {
        Reader { account: &self.account, owner: self.owner.as_deref(), now: self.clock.now() }
    }
}

/// True if the stream should have told this.
fn is_late(item: &Item, change: &Change, from: From) -> bool {
    let From::Comparison(now) = from else { return false };
    let happened = item.changed().and_then(|at| at.checked_add(ON_ITS_WAY).ok());
    // A counter is not worth the alarm.
    *change != Change::OnlyCounted && happened.zip(now).is_none_or(|(happened, now)| happened <= now)
}

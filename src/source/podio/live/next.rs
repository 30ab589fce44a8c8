//! What a link does next: looks at where everything stands and starts what is due. Called after every step; starts work, waits for none.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::{
    BETWEEN_LOOKS, BETWEEN_STARS, FETCH, FRESH, LONG, LONGEST_BETWEEN, Live, Pass, SETTLE, Stage, Work,
};
use crate::link::Failure;
use crate::notification::Arrival;
use crate::source::podio::api::{ApiError, Listing};
use crate::source::podio::budget::Purpose;
use crate::source::podio::catch_up::CatchUp;
use crate::source::podio::completing::Fetch;

impl Live<'_> {
    pub(super) fn act(&mut self, client: &mut bayeux::Client) -> Result<(), Failure> {
        let now = Instant::now();
        self.act_on_pass(now, client)?;
        self.act_on_counts(now);
        let due = self.once_more || (self.stage != Stage::Connecting && now >= self.look_at);
        if due && !self.catching_up {
            self.catch_up();
        }
        self.act_on_hints(now);
        self.act_on_wishes(now);
        self.podio.acts.go_on(now, &self.podio.api, &self.reports);
        if let Some(hand_over) = self.podio.outgoing.next(&self.reports) {
            self.works.push(Box::pin(async { Work::HandedOver(hand_over.await) }));
        }
        Ok(())
    }

    fn act_on_pass(&mut self, now: Instant, client: &mut bayeux::Client) -> Result<(), Failure> {
        if self.stage != Stage::Connecting && now >= self.renew_at && matches!(self.pass, Pass::No) {
            self.pass = Pass::Wanted;
            self.renew_at = now + LONG;
        }
        if !matches!(self.pass, Pass::Wanted) {
            return Ok(());
        }
        // A push object is used once: the server may look at its age at every subscribe.
        if let Some((push, fetched)) = self.fresh.take()
            && now.duration_since(fetched) < FRESH
        {
            return self.subscribe(push, client);
        }
        self.pass = Pass::Asked;
        let api = self.podio.api.clone();
        self.works.push(Box::pin(async move { Work::Status(api.status().await) }));
        Ok(())
    }

    pub(super) fn compare_counts(&mut self) {
        if self.counts_agree() {
            self.count_at = None;
        } else if self.count_at.is_none() {
            let now = Instant::now();
            let allowed = self.looked_at.map_or(now, |looked| looked + self.between_looks);
            self.count_at = Some((now + SETTLE).max(allowed));
        }
    }

    fn act_on_counts(&mut self, now: Instant) {
        if self.count_at.is_some_and(|at| now >= at) && self.stage == Stage::Live {
            self.count_at = None;
            if !self.counts_agree() {
                self.look_at = now;
            }
        }
    }

    fn counts_agree(&self) -> bool {
        let (Some(known), Some(said)) = (self.podio.known_unread, self.said_unread) else { return true };
        known == said
    }

    /// A catch-up counted so many. Where the service says another number all the same, its counter counts otherwise: from here on the
    /// difference is expected, instead of being looked into again and again.
    pub(super) fn counted(&mut self, listed: Option<i64>) {
        let asked = self.asked_unread.take();
        if let Some(listed) = listed {
            if let Some(said) = asked.filter(|_| self.said_unread.is_none()) {
                self.podio.unread_offset = said - listed;
            }
            self.podio.known_unread = Some(listed + self.podio.unread_offset);
        } else if asked.is_some() {
            // Too many to list: there is nothing better than the service's word.
            self.podio.known_unread = asked;
        }
        self.compare_counts();
    }

    /// Looks again at the service's lists, but not more often than allowed.
    pub(super) fn look_soon(&mut self) {
        let now = Instant::now();
        let allowed = self.looked_at.map_or(now, |looked| looked + self.between_looks);
        self.look_at = self.look_at.min((now + SETTLE).max(allowed));
    }

    pub(super) fn catch_up(&mut self) {
        self.catching_up = true;
        // After a gap, or a sleep, it is no wonder that the push brought nothing.
        let late = self.stage == Stage::Live && !self.once_more && !self.slept;
        (self.once_more, self.slept) = (false, false);
        let now = Instant::now();
        let stars = self.podio.stars_at.is_none_or(|at| now >= at + BETWEEN_STARS);
        self.look_at = now + LONG;
        if self.stage == Stage::Live {
            let soon = self.looked_at.is_some_and(|looked| now < looked + 2 * LONGEST_BETWEEN);
            self.between_looks =
                if soon { (2 * self.between_looks).min(LONGEST_BETWEEN) } else { BETWEEN_LOOKS };
            self.looked_at = Some(now);
        }
        // From here on only a newer word counts: this one is being looked into.
        self.asked_unread = self.said_unread.take();
        let podio = &mut *self.podio;
        let catch_up = CatchUp {
            api: podio.api.clone(),
            reports: self.reports.clone(),
            account: podio.account.clone(),
            me: podio.settings.user_id,
            asks: podio.asks,
            now: podio.env.clock.now(),
            started: podio.env.clock.instant(),
            since: podio.since,
            unread: self.asked_unread.or(podio.known_unread),
            heard: podio.heard.clone(),
            late,
            stars,
            purpose: if self.stage == Stage::Live { Purpose::Useful } else { Purpose::Needed },
        };
        self.works.push(Box::pin(async move { Work::CaughtUp(catch_up.run().await) }));
    }

    fn act_on_hints(&mut self, now: Instant) {
        if self.podio.completing.has_fresh() && self.podio.api.no_room_for().is_some() {
            for hint in self.podio.completing.take_fresh() {
                let as_it_is = hint.notification(self.reader());
                self.deliver(as_it_is, Arrival::Live);
                self.podio.completing.leave(hint.id, Some(hint));
            }
        }
        while let Some(fetch) = self.podio.completing.next() {
            let api = self.podio.api.clone();
            self.works.push(match fetch {
                Fetch::One(hint) => Box::pin(async move {
                    let group = in_time(api.one(hint.id)).await;
                    Work::Fetched(hint, group)
                }),
                Fetch::Page(hints) => Box::pin(async move {
                    let groups = in_time(api.list(&Listing::default(), 0, Purpose::Useful)).await;
                    Work::Page(hints, groups)
                }),
            });
        }
        if self.stage != Stage::Live || now < self.left_at || !self.podio.completing.has_left() {
            return;
        }
        if let Some(wait) = self.podio.api.no_room_for() {
            self.left_at = now + wait.max(Duration::from_secs(1));
            return;
        }
        let Some(ids) = self.podio.completing.next_left() else { return };
        let api = self.podio.api.clone();
        self.works.push(Box::pin(async move {
            let groups = match ids.as_slice() {
                [id] => api.one(*id).await.map(|group| vec![group]),
                _ => api.list(&Listing::default(), 0, Purpose::Useful).await,
            };
            Work::LeftOnes(ids, groups)
        }));
    }

    /// The next moment at which there is something to do without being told.
    pub(super) fn next_alarm(&self) -> Instant {
        let mut alarms = vec![self.renew_at];
        if self.stage != Stage::Connecting {
            alarms.push(self.look_at);
        }
        if self.stage == Stage::Live {
            alarms.extend(self.count_at);
            alarms.extend(Some(self.left_at).filter(|_| self.podio.completing.has_left()));
        }
        alarms.extend(Some(self.wishes_at).filter(|_| self.podio.wishes.count() > 0));
        alarms.extend(self.wishes_rest);
        alarms.extend(self.podio.acts.next_at());
        // What is due already waits for something else to end, and that end wakes us.
        let now = Instant::now();
        alarms.into_iter().filter(|at| *at > now).min().unwrap_or(now + LONG)
    }
}

/// A fetch with the limit of what a toast may wait for.
async fn in_time<T>(fetch: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let late = || ApiError::Failed(Failure::transient("Podio did not answer in time"));
    tokio::time::timeout(FETCH, fetch).await.unwrap_or_else(|_| Err(late()))
}

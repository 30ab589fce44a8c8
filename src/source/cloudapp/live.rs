//! One link from its connection to its failure: reads the stream, and beside it lets catching up and hand-overs run. The reader waits for
//! nothing but the stream.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Cloudapp;
use super::api::Api;
use super::catch_up::{CatchUp, CaughtUp};
use super::item::Seen;
use super::pending::Pending;
use super::taking::{From, Taking};
use crate::link::{Failure, LinkState};
use crate::source::pusher::link::{Heard, Link};
use crate::source::{Order, Outbox, Report, Reports};

/// A quiet link looks again at the service's lists after a time between these, in seconds.
const LOOK_AGAIN: std::ops::Range<u64> = 600..900;
/// After a passing failure of a look: so long, and doubled each time up to the longest.
const SOON: Duration = Duration::from_secs(5);
const LATE: Duration = Duration::from_secs(300);
/// A timer that stands far in the future.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// What ended beside the reader.
enum Work {
    CaughtUp(Result<CaughtUp, Failure>),
    Taken(Result<(), Failure>),
}

/// How far the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not subscribed yet.
    Connecting,
    /// Subscribed; what was missed is being taken in, and what the stream tells waits.
    CatchingUp,
    /// Subscribed and caught up.
    Live,
}

pub(super) struct Live<'a> {
    cloudapp: &'a mut Cloudapp,
    api: Api,
    taking: Taking,
    works: FuturesUnordered<Pin<Box<dyn Future<Output = Work> + Send>>>,
    stage: Stage,
    pending: Pending,
    /// What the stream told is being taken in.
    busy: bool,
    catching_up: bool,
    /// Something may have been lost: catches up once more.
    once_more: bool,
    look_at: Instant,
    /// Looks that failed in a row.
    failures: u32,
}

impl<'a> Live<'a> {
    pub(super) fn new(cloudapp: &'a mut Cloudapp, api: Api, taking: Taking) -> Self {
        Self {
            cloudapp,
            api,
            taking,
            works: FuturesUnordered::new(),
            stage: Stage::Connecting,
            pending: Pending::default(),
            busy: false,
            catching_up: false,
            once_more: false,
            look_at: Instant::now() + LONG,
            failures: 0,
        }
    }

    /// Runs until the link fails.
    pub(super) async fn run(&mut self, link: &mut Link, outbox: &mut Outbox) -> Failure {
        let reports = outbox.reports().clone();
        loop {
            let step = tokio::select! {
                heard = link.next() => match heard {
                    Ok(heard) => {
                        self.heard(heard, &reports).await;
                        Ok(())
                    }
                    Err(failure) => Err(failure),
                },
                Some(work) = self.works.next(), if !self.works.is_empty() => self.ended(work, &reports).await,
                order = outbox.order() => {
                    if order == Order::Probe {
                        link.probe();
                    }
                    obey(order, &reports).await;
                    Ok(())
                }
                () = tokio::time::sleep_until(self.look_at), if !self.catching_up => Ok(()),
            };
            if let Err(failure) = step {
                return failure;
            }
            self.act();
        }
    }

    async fn heard(&mut self, heard: Heard, reports: &Reports) {
        match heard {
            Heard::AllSubscribed => {
                self.stage = Stage::CatchingUp;
                self.once_more = true;
                reports.state(LinkState::CatchingUp).await;
            }
            Heard::Message { event, data, .. } => self.told(&event, data.value()),
            // The link fails by itself when its only channel is refused.
            Heard::Refused { why, .. } => debug!(why, "the stream is refused"),
            Heard::Connected
            | Heard::Subscribed { .. }
            | Heard::MemberAdded { .. }
            | Heard::MemberRemoved { .. } => {}
        }
    }

    fn told(&mut self, event: &str, data: Value) {
        let seen = match event {
            "create" => Seen::Created,
            "update" => Seen::Updated,
            "delete" => Seen::Deleted,
            _ => return debug!(event, "an event that is none of an item's"),
        };
        // Some servers wrap what they say.
        let look = match data.get("item") {
            Some(inner) if inner.is_object() => inner.clone(),
            Some(_) | None => data,
        };
        if !self.pending.tell(look, seen) {
            warn!("the stream tells more than can be taken in; the lists will bring the rest");
            self.once_more = true;
        }
    }

    /// Starts what is due; waits for nothing.
    fn act(&mut self) {
        let now = Instant::now();
        let due = self.once_more || now >= self.look_at;
        if due && self.stage != Stage::Connecting && !self.catching_up {
            let live = self.stage == Stage::Live && !self.once_more;
            (self.catching_up, self.once_more) = (true, false);
            let catch_up = CatchUp {
                api: self.api.clone(),
                taking: self.taking.clone(),
                now: self.cloudapp.env.clock.now(),
                since: self.cloudapp.since,
                known: self.cloudapp.known.clone(),
                live,
            };
            self.works.push(Box::pin(async move { Work::CaughtUp(catch_up.run().await) }));
        }
        if self.stage == Stage::Live && !self.busy && !self.pending.is_empty() {
            self.busy = true;
            let (taking, looks) = (self.taking.clone(), self.pending.take());
            self.works
                .push(Box::pin(async move { Work::Taken(taking.take(looks, From::Stream).await.map(drop)) }));
        }
    }

    async fn ended(&mut self, work: Work, reports: &Reports) -> Result<(), Failure> {
        match work {
            Work::Taken(taken) => {
                self.busy = false;
                taken
            }
            Work::CaughtUp(Ok(caught_up)) => {
                self.catching_up = false;
                self.failures = 0;
                self.cloudapp.since = Some(caught_up.cursor);
                self.cloudapp.known = caught_up.known;
                self.look_at = Instant::now() + Duration::from_secs(rand::random_range(LOOK_AGAIN));
                if self.stage == Stage::CatchingUp && !self.once_more {
                    self.stage = Stage::Live;
                    reports.state(LinkState::Live).await;
                }
                Ok(())
            }
            // A link whose catch-up failed is not live.
            Work::CaughtUp(Err(failure)) if self.stage != Stage::Live => Err(failure),
            Work::CaughtUp(Err(failure)) => {
                self.catching_up = false;
                self.put_off(failure)
            }
        }
    }

    /// A look that failed in passing is made again later: the stream goes on meanwhile.
    fn put_off(&mut self, failure: Failure) -> Result<(), Failure> {
        let wait = match failure {
            Failure::Transient { .. } => {
                self.failures += 1;
                (SOON * 2_u32.saturating_pow(self.failures.min(8))).min(LATE)
            }
            Failure::Later { until, .. } => {
                let wait = until.duration_since(self.cloudapp.env.clock.now());
                Duration::try_from(wait).unwrap_or(SOON).max(SOON)
            }
            Failure::SignIn { .. } | Failure::Fatal { .. } => return Err(failure),
        };
        debug!(%failure, "a look at the lists failed; the next one is in {wait:?}");
        self.look_at = Instant::now() + wait;
        Ok(())
    }
}

/// Carries out an order as far as the service has a part in it: it knows nothing of what is read or starred.
pub(super) async fn obey(order: Order, reports: &Reports) {
    match order {
        Order::Wish(wish) => reports.tell(Report::Done(wish)).await,
        // Nothing is offered there, and no hints are handed over.
        Order::Act(_) | Order::Complete(_) | Order::Probe => {}
    }
}

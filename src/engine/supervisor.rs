//! The supervisor of one link: starts its source, takes in what it reports, waits, tries again, or gives up. Only it retries.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::account::{Account, AccountId};
use crate::engine::backoff::{Backoff, Next};
use crate::engine::intake::{self, Intake};
use crate::env::Env;
use crate::env::tasks::{Task, Tasks};
use crate::link::{Failure, LinkState};
use crate::source::{Due, Order, Outbox, Report, Source, Wish};
use crate::store::{Starred, StillUnread};

/// What a link reported before it failed is taken in within this.
const LAST_REPORTS: Duration = Duration::from_millis(500);

/// What a running supervisor can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Nudge {
    /// Try again now, whatever it waits for.
    RetryNow,
    /// The machine woke or the network changed: a live link proves itself, a waiting one tries at once.
    Probe,
    /// The person's wish for the service; it is kept in the store until done, so it may be dropped here.
    Wish(Wish),
    /// An act to tell the service; kept in the store too.
    Act(Due),
}

/// A supervised link. Dropping it ends the link.
#[derive(Debug)]
pub(super) struct Supervisor {
    nudges: mpsc::UnboundedSender<Nudge>,
    task: Task,
}

impl Supervisor {
    /// Starts the link of an account.
    pub(super) fn start(account: Account, env: Env, intake: Intake) -> Self {
        // What an earlier source did not hear, this one may: a scope was added, another secret given.
        intake.links().unheard(&account.id, None);
        let (nudges, told) = mpsc::unbounded_channel();
        let task = Tasks::start("link", supervise(account, env, intake, told));
        Self { nudges, task }
    }

    /// Tells it something.
    pub(super) fn nudge(&self, nudge: Nudge) {
        // A supervisor whose task is gone is being replaced; what was wished is in the store.
        drop(self.nudges.send(nudge));
    }

    /// Ends the link and waits until nothing of it runs any more.
    pub(super) async fn stop(self) {
        self.task.stop().await;
    }
}

async fn supervise(account: Account, env: Env, intake: Intake, mut nudges: mpsc::UnboundedReceiver<Nudge>) {
    let id = account.id.clone();
    let mut backoff = Backoff::default();
    let mut source = None;
    loop {
        intake.links().stands(&id, LinkState::Connecting, env.clock.now());
        let (failure, lived) = match ready_source(&mut source, &account, &env, &intake).await {
            Ok(source) => one_life(source, &id, &env, &intake, &mut nudges).await,
            Err(failure) => (failure, Duration::ZERO),
        };
        let now = env.clock.now();
        let next = backoff.after(&failure, lived, now, rand::random());
        warn!(account = %id, %failure, "link failed");
        let reason = failure.to_string();
        let (state, until) = match next {
            Next::Wait { until } => (LinkState::Waiting { until, reason }, Some(until)),
            Next::SignIn => (LinkState::NeedsSignIn { reason }, None),
            Next::Broken { until } => (LinkState::Broken { reason }, Some(until)),
        };
        // Nothing heals a refused sign-in but the person, and a service that named a time is not asked before it.
        let hints_help = !matches!(failure, Failure::SignIn { .. } | Failure::Later { .. });
        intake.links().stands(&id, state, now);
        if !wait(until, &env, hints_help, &mut nudges).await {
            return;
        }
    }
}

/// The source, made once: it keeps what it needs to resume. The cursor is read when it is made.
async fn ready_source<'a>(
    kept: &'a mut Option<Source>,
    account: &Account,
    env: &Env,
    intake: &Intake,
) -> Result<&'a mut Source, Failure> {
    match kept {
        Some(source) => Ok(source),
        None => {
            let cursor = intake.cursor(&account.id).await?;
            intake.acts_left_behind(Some(&account.id)).await.map_err(|error| intake::failure(&error))?;
            Ok(kept.insert(Source::new(account, env.clone(), cursor)))
        }
    }
}

/// One life of a link: until it fails. Gives back why, and how long it was live.
async fn one_life(
    source: &mut Source,
    account: &AccountId,
    env: &Env,
    intake: &Intake,
    nudges: &mut mpsc::UnboundedReceiver<Nudge>,
) -> (Failure, Duration) {
    let mut live_since: Option<Instant> = None;
    let (mut outbox, mut reports, orders) = Outbox::new();
    let open_orders = match intake.open_orders(account).await {
        Ok(orders) => orders,
        Err(failure) => return (failure, Duration::ZERO),
    };
    let failure = {
        let taking = take_in(&mut reports, account, env, intake, &mut live_since);
        tokio::pin!(taking);
        let failure = tokio::select! {
            failure = AssertUnwindSafe(source.run(&mut outbox)).catch_unwind() => failure.unwrap_or_else(|_| {
                error!(%account, "a link failed unexpectedly; please report this");
                Failure::transient("Belfry failed unexpectedly; the log says more")
            }),
            () = &mut taking => Failure::transient("the link ended"),
            () = pass_on(open_orders, nudges, orders) => Failure::transient("Belfry is stopping"),
        };
        drop(outbox);
        // What was handed over last is still kept, told and withdrawn.
        if tokio::time::timeout(LAST_REPORTS, taking).await.is_err() {
            warn!(%account, "the last reports of a link took too long");
        }
        failure
    };
    intake.ring();
    let lived =
        live_since.map_or(Duration::ZERO, |since| env.clock.instant().saturating_duration_since(since));
    (failure, lived)
}

/// Takes in reports. Several deliveries may be under way at once, so that they share a commit; each is answered after its own.
async fn take_in(
    reports: &mut mpsc::Receiver<Report>,
    account: &AccountId,
    env: &Env,
    intake: &Intake,
    live_since: &mut Option<Instant>,
) {
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            report = reports.recv() => {
                match report {
                    Some(Report::State(state)) => {
                        let live = matches!(state, LinkState::Live);
                        *live_since = live.then(|| live_since.unwrap_or_else(|| env.clock.instant()));
                        intake.links().stands(account, state, env.clock.now());
                    }
                    Some(Report::Seen(seen)) => intake.feeds().remembers(account, seen),
                    Some(Report::Unheard(unheard)) => intake.links().unheard(account, unheard),
                    Some(Report::Alive) => intake.links().alive(account, env.clock.now()),
                    Some(Report::Identity { label, settings }) => {
                        under_way.push(intake.identity(account, label, *settings).boxed());
                    }
                    Some(Report::Deliver { notifications, kept, late: true, .. }) => {
                        under_way.push(intake.deliver_found_late(account, notifications, kept).boxed());
                    }
                    Some(Report::Deliver { notifications, arrival, cursor, late: false, kept }) => {
                        under_way.push(intake.deliver(account, notifications, arrival, cursor, kept).boxed());
                    }
                    Some(Report::StillUnread { family, unread, since, kept }) => {
                        let list = StillUnread { family, unread, since };
                        under_way.push(intake.still_unread(account, list, kept).boxed());
                    }
                    Some(Report::UnreadThere { unread, asked, kept }) => {
                        under_way.push(intake.unread_there(account, unread, asked, kept).boxed());
                    }
                    Some(Report::Starred { family, starred, kept }) => {
                        let list = Starred { family, starred };
                        under_way.push(intake.starred(account, list, kept).boxed());
                    }
                    Some(Report::Done(wish)) => under_way.push(intake.done(account, wish).boxed()),
                    Some(Report::Begin { number, begun }) => under_way.push(intake.begin_act(number, begun).boxed()),
                    Some(Report::Acted { number, end, kept }) => {
                        under_way.push(intake.acted(number, end, kept).boxed());
                    }
                    Some(Report::Refused { wish, stands, words }) => {
                        under_way.push(intake.refused(account, wish, stands, words).boxed());
                    }
                    Some(Report::Together { family, answer }) => {
                        under_way.push(intake.together(account, family, answer).boxed());
                    }
                    Some(Report::Kept { which, answer }) => {
                        under_way.push(intake.kept(account, which, answer).boxed());
                    }
                    None => break,
                }
            }
            Some(()) = under_way.next() => {}
        }
    }
    while under_way.next().await.is_some() {}
}

/// Passes orders on to the source: first those left open by earlier lives, then what comes.
async fn pass_on(open: Vec<Order>, nudges: &mut mpsc::UnboundedReceiver<Nudge>, orders: mpsc::Sender<Order>) {
    let mut queue = VecDeque::from(open);
    loop {
        tokio::select! {
            room = orders.reserve(), if !queue.is_empty() => {
                let Ok(room) = room else { return };
                if let Some(order) = queue.pop_front() {
                    room.send(order);
                }
            }
            nudge = nudges.recv() => match nudge {
                Some(Nudge::Wish(wish)) => queue.push_back(Order::Wish(wish)),
                Some(Nudge::Act(due)) => queue.push_back(Order::Act(due)),
                Some(Nudge::Probe) => queue.push_front(Order::Probe),
                // It is running already.
                Some(Nudge::RetryNow) => {}
                None => return,
            },
        }
    }
}

/// Waits for the time or a reason to try sooner. False when everything is being stopped.
async fn wait(
    until: Option<Timestamp>,
    env: &Env,
    hints_help: bool,
    nudges: &mut mpsc::UnboundedReceiver<Nudge>,
) -> bool {
    let elapsed = async {
        match until {
            Some(until) => env.clock.sleep_until(until).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(elapsed);
    loop {
        tokio::select! {
            () = &mut elapsed => return true,
            nudge = nudges.recv() => match nudge {
                Some(Nudge::RetryNow) => return true,
                Some(Nudge::Probe) if hints_help => return true,
                // Kept in the store; sent when the link lives.
                Some(Nudge::Wish(_) | Nudge::Act(_) | Nudge::Probe) => {}
                None => return false,
            },
        }
    }
}

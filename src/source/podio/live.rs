//! One link from its first connect to its failure: reads the push, and beside it lets REST calls, hand-overs and timers run.
//!
//! The reader waits for nothing but the push itself; all else happens in [`Work`] that runs beside it. One thing decides what to do next, after every
//! step: `next`.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bayeux::Event;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::time::Instant;

use super::api::{ApiError, Status};
use super::catch_up::CaughtUp;
use super::completing::group_of;
use super::normalize::{self, Hint, Reader};
use super::push::{self, PushObject, Pushed};
use super::wishes::Call;
use super::{Podio, acts, no_push_object};
use crate::link::{Failure, LinkState};
use crate::notification::{Arrival, Notification, Together};
use crate::source::{Order, Outbox, Report, Reports, Wish};

mod next;
mod telling;
#[cfg(test)]
mod tests;

/// A probe has to be answered within this.
const PROBE: Duration = Duration::from_secs(5);
/// Signs of life are passed on at most so often.
const LIFE: Duration = Duration::from_secs(10);
/// How long a fetch of what a push spoke of may take before the hint goes out as it is.
const FETCH: Duration = Duration::from_secs(5);
/// A different unread count is looked into after so long, because it often explains itself …
const SETTLE: Duration = Duration::from_secs(2);
/// … and the next one so much later, doubled with each that follows soon, up to the longest.
const BETWEEN_LOOKS: Duration = Duration::from_secs(3);
const LONGEST_BETWEEN: Duration = Duration::from_secs(30);
/// A quiet link looks again at the service's lists after a time between these.
const LOOK_AGAIN: std::ops::Range<u64> = 600..900;
/// After a passing failure of something that can wait: so long, and doubled each time up to the longest.
const SOON: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_secs(300);
/// A push object that was fetched longer ago is not used any more.
const FRESH: Duration = Duration::from_secs(60);
/// The list of what is starred is looked at not more often than this.
const BETWEEN_STARS: Duration = Duration::from_secs(600);
/// A timer that stands far in the future.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// What ended beside the reader.
enum Work {
    Status(Result<Status, ApiError>),
    CaughtUp(Result<CaughtUp, Failure>),
    Fetched(Hint, Result<Value, ApiError>),
    Page(Vec<Hint>, Result<Vec<Value>, ApiError>),
    LeftOnes(Vec<i64>, Result<Vec<Value>, ApiError>),
    Told(Call, bool, Result<(), ApiError>),
    Together(Result<Together, Failure>),
    Looked(Instant, Result<Option<BTreeSet<i64>>, ApiError>),
    Refused(Vec<Wish>, String, Option<Value>),
    HandedOver(Result<(), Failure>),
}

type Works = FuturesUnordered<Pin<Box<dyn Future<Output = Work> + Send>>>;

/// How far the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not subscribed in this session yet.
    Connecting,
    /// Subscribed; not everything missed is taken in.
    CatchingUp,
    /// Subscribed and caught up.
    Live,
}

/// A push object on its way to a subscription.
#[derive(Debug)]
enum Pass {
    /// None is wanted.
    No,
    /// One has to be fetched.
    Wanted,
    /// It is being fetched.
    Asked,
}

pub(super) struct Live<'a> {
    podio: &'a mut Podio,
    reports: Reports,
    works: Works,
    stage: Stage,
    channel: Option<String>,
    /// A push object just fetched and not used yet.
    fresh: Option<(PushObject, Instant)>,
    pass: Pass,
    refusals: u32,
    renew_at: Instant,
    catching_up: bool,
    /// Another catch-up is due because the session was made anew while one was running.
    once_more: bool,
    look_at: Instant,
    looked_at: Option<Instant>,
    between_looks: Duration,
    /// A different count is being given time to explain itself until then.
    count_at: Option<Instant>,
    /// How many the service last said are unread; none while that is being looked into.
    said_unread: Option<i64>,
    /// What it had said when the running catch-up began.
    asked_unread: Option<i64>,
    left_at: Instant,
    /// Wishes are not told before this, after a failure …
    wishes_at: Instant,
    /// … and have nothing to do before this.
    wishes_rest: Option<Instant>,
    /// A call that marked several, and until when what is heard may have been swept along by it.
    swept: Option<(Call, Instant)>,
    /// The machine may have slept since the last look.
    slept: bool,
    /// Calls that could wait and failed in a row.
    failures: u32,
    life_at: Option<Instant>,
    /// Messages told of late: the same one may come as a notification and as a conversation event.
    messages: Vec<i64>,
}

impl<'a> Live<'a> {
    pub(super) fn new(
        podio: &'a mut Podio,
        reports: Reports,
        fresh: Option<PushObject>,
        unread: Option<i64>,
    ) -> Self {
        let now = Instant::now();
        // Whoever goes on with a subscription renews it when that is due, and at once if nobody knows when.
        let renew_at = match &fresh {
            Some(_) => now + LONG,
            None => podio.renew_at.unwrap_or(now),
        };
        Self {
            podio,
            reports,
            works: Works::new(),
            stage: Stage::Connecting,
            channel: fresh.as_ref().map(|push| push.channel.clone()),
            fresh: fresh.map(|push| (push, now)),
            pass: Pass::No,
            refusals: 0,
            renew_at,
            catching_up: false,
            once_more: false,
            look_at: now + LONG,
            looked_at: None,
            between_looks: BETWEEN_LOOKS,
            count_at: None,
            said_unread: unread,
            asked_unread: None,
            left_at: now,
            wishes_at: now,
            wishes_rest: None,
            swept: None,
            slept: false,
            failures: 0,
            life_at: None,
            messages: Vec::new(),
        }
    }

    /// Runs until the link fails.
    pub(super) async fn run(&mut self, client: &mut bayeux::Client, outbox: &mut Outbox) -> Failure {
        loop {
            let alarm = self.next_alarm();
            let step = tokio::select! {
                event = client.next() => match event {
                    Ok(event) => self.heard(event),
                    Err(error) => Err(push::failure(&error, self.podio.env.clock.now())),
                },
                Some(work) = self.works.next(), if !self.works.is_empty() => self.ended(work, client),
                ended = self.podio.acts.ended() => self.acted(ended),
                order = outbox.order() => {
                    self.ordered(order, client);
                    Ok(())
                }
                () = tokio::time::sleep_until(alarm) => Ok(()),
            };
            if let Err(failure) = step {
                return failure;
            }
            if let Err(failure) = self.act(client) {
                return failure;
            }
        }
    }

    // ── what comes in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn heard(&mut self, event: Event) -> Result<(), Failure> {
        self.alive();
        match event {
            Event::Connected { new_session, .. } => {
                if new_session {
                    if self.stage != Stage::Connecting {
                        self.podio.outgoing.tell(Report::State(LinkState::Connecting));
                    }
                    self.stage = Stage::Connecting;
                } else if self.channel.is_none() {
                    // The subscription lives on at the server, or it would have been asked for before this; what the server has kept
                    // for us is coming.
                    self.subscribed();
                }
            }
            Event::Gap => self.missed_something(),
            Event::SubscribeWanted { channel } => {
                self.channel = Some(channel.to_string());
                self.stage = Stage::Connecting;
                self.pass = Pass::Wanted;
            }
            Event::Subscribed { .. } => {
                self.subscription_taken();
                if self.stage == Stage::Connecting {
                    self.subscribed();
                }
            }
            Event::Refused { error, .. } => return self.refused(&error),
            Event::Message { data, .. } => self.pushed(&data),
            Event::Published { .. } | Event::Alive => {}
            // The crate may grow new events; one we do not know says no more than that the server lives.
            _ => {}
        }
        Ok(())
    }

    fn subscription_taken(&mut self) {
        self.refusals = 0;
        // Only now: a subscription that got lost with its link is asked for again by the next one.
        self.podio.renew_at = Some(self.renew_at);
    }

    fn subscribed(&mut self) {
        self.stage = Stage::CatchingUp;
        self.podio.outgoing.tell(Report::State(LinkState::CatchingUp));
        self.missed_something();
    }

    /// Something may have been lost on the way: catches up once more, after the catch-up that runs.
    fn missed_something(&mut self) {
        self.once_more = true;
    }

    fn refused(&mut self, error: &str) -> Result<(), Failure> {
        self.refusals += 1;
        tracing::info!(error, "the push service refused the subscription");
        if self.refusals == 1 {
            self.fresh = None;
            self.pass = Pass::Wanted;
            return Ok(());
        }
        if self.stage == Stage::Connecting {
            return Err(Failure::transient(format!(
                "Podio's push service refused the subscription ({error})"
            )));
        }
        // Only the renewal was refused: the subscription stands.
        self.refusals = 0;
        self.renew_at = Instant::now() + LATE;
        Ok(())
    }

    fn pushed(&mut self, data: &serde_json::value::RawValue) {
        let now = self.podio.env.clock.now();
        match push::read(data, now) {
            Pushed::Created(hint) => {
                // Heard before: it is on its way, or there.
                if !self.podio.heard.note(hint.id, self.podio.env.clock.instant()) {
                    return;
                }
                self.podio.known_unread = self.podio.known_unread.map(|count| count + 1);
                if !self.podio.completing.heard(hint) {
                    self.look_soon();
                }
            }
            Pushed::Unread(count) => {
                self.said_unread = Some(count);
                self.compare_counts();
            }
            Pushed::Conversation(event) => {
                if let Some(message) = normalize::conversation_message(&event, self.reader()) {
                    self.deliver(message, Arrival::Live);
                }
            }
            Pushed::ConversationRead(conversation) => {
                self.podio.outgoing.all_read(normalize::conversation_family(conversation));
            }
            Pushed::AllConversationsRead => {
                self.podio.outgoing.all_read(normalize::CONVERSATIONS.to_owned());
            }
            Pushed::Nothing => {}
        }
    }

    fn wished(&mut self, wish: Wish) {
        if let Some(hopeless) = self.podio.wishes.wish(wish, Instant::now()) {
            self.podio.outgoing.tell(Report::Done(hopeless));
        }
    }

    fn ordered(&mut self, order: Order, client: &mut bayeux::Client) {
        match order {
            Order::Wish(wish) => self.wished(wish),
            Order::Act(due) => self.podio.acts.ask(due, self.podio.env.clock.now(), Instant::now()),
            Order::Probe => {
                client.probe(PROBE);
                // The machine may have slept: the timers have, and so has the comparison with the service.
                if self.stage == Stage::Live {
                    self.slept = true;
                    self.look_soon();
                }
            }
            Order::Complete(ids) => {
                for id in ids.iter().filter_map(|id| normalize::number(id)) {
                    self.podio.completing.leave(id, None);
                }
            }
        }
    }

    // ── what ended ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn ended(&mut self, work: Work, client: &mut bayeux::Client) -> Result<(), Failure> {
        match work {
            Work::Status(status) => self.status(status, client),
            Work::CaughtUp(result) => self.caught_up(result),
            Work::Fetched(hint, group) => {
                self.podio.completing.fetched(std::slice::from_ref(&hint));
                let groups = group.map(|group| vec![group]);
                self.complete(vec![hint], groups, false)
            }
            Work::Page(hints, groups) => {
                self.podio.completing.fetched(&hints);
                self.complete(hints, groups, true)
            }
            Work::LeftOnes(ids, groups) => self.complete_left(&ids, groups),
            Work::Told(call, set, result) => self.told(call, set, result),
            Work::Together(together) => self.together(together),
            Work::Looked(began, listed) => self.looked(began, listed),
            Work::Refused(wishes, words, group) => {
                self.refused_wishes(wishes, &words, group.as_ref());
                Ok(())
            }
            Work::HandedOver(result) => {
                self.podio.outgoing.handed_over(&result);
                result
            }
        }
    }

    fn status(
        &mut self,
        status: Result<Status, ApiError>,
        client: &mut bayeux::Client,
    ) -> Result<(), Failure> {
        let wanted = !matches!(self.pass, Pass::No);
        let status = match status.map_err(ApiError::into_failure) {
            Ok(status) => status,
            Err(failure) => return self.renewal_failed(failure),
        };
        let Some(push) = status.push else { return self.renewal_failed(no_push_object()) };
        if status.unread.is_some() {
            self.said_unread = status.unread;
            self.compare_counts();
        }
        if wanted { self.subscribe(push, client) } else { Ok(()) }
    }

    /// While a subscription stands, its renewal can wait.
    fn renewal_failed(&mut self, failure: Failure) -> Result<(), Failure> {
        let passing = matches!(failure, Failure::Transient { .. } | Failure::Later { .. });
        if self.stage == Stage::Connecting || !passing {
            return Err(failure);
        }
        self.pass = Pass::No;
        self.renew_at = Instant::now() + LATE;
        Ok(())
    }

    fn subscribe(&mut self, push: PushObject, client: &mut bayeux::Client) -> Result<(), Failure> {
        if let Some(former) =
            self.channel.replace(push.channel.clone()).filter(|former| *former != push.channel)
        {
            client.unsubscribe(&former);
        }
        self.pass = Pass::No;
        self.renew_at = Instant::now() + push.renew_after();
        client
            .subscribe(&push.channel, Some(push.ext()))
            .map_err(|_| Failure::transient("Podio named a push channel that cannot be subscribed"))
    }

    fn caught_up(&mut self, result: Result<CaughtUp, Failure>) -> Result<(), Failure> {
        self.catching_up = false;
        let now = Instant::now();
        match result {
            Ok(caught_up) => {
                self.podio.since = Some(caught_up.cursor);
                if caught_up.stars {
                    self.podio.stars_at = Some(now);
                }
                self.podio.completing.whole(caught_up.seen);
                self.counted(caught_up.unread);
                self.look_at = now + Duration::from_secs(rand::random_range(LOOK_AGAIN));
                if self.stage == Stage::CatchingUp && !self.once_more {
                    self.stage = Stage::Live;
                    self.podio.outgoing.tell(Report::State(LinkState::Live));
                }
                Ok(())
            }
            // A link whose catch-up failed is not live; but while it has to wait for its turn, the push goes on beside it.
            Err(failure) if self.stage != Stage::Live && !matches!(failure, Failure::Later { .. }) => {
                Err(failure)
            }
            Err(failure) => {
                self.said_unread = self.said_unread.or(self.asked_unread.take());
                let least = if self.stage == Stage::Live { LATE } else { SOON };
                self.put_off(failure).map(|wait| self.look_at = now + wait.max(least))
            }
        }
    }

    /// How long something that can wait has to wait after a failure; the failures that end the link are given back.
    fn put_off(&mut self, failure: Failure) -> Result<Duration, Failure> {
        match failure {
            Failure::Transient { .. } => {
                let wait = SOON * 2_u32.saturating_pow(self.failures.min(10));
                self.failures += 1;
                Ok(wait.min(LATE))
            }
            Failure::Later { until, .. } => {
                let wait = until.duration_since(self.podio.env.clock.now());
                Ok(Duration::try_from(wait).unwrap_or(SOON).max(SOON))
            }
            Failure::SignIn { .. } | Failure::Fatal { .. } => Err(failure),
        }
    }

    /// Hands on what the push spoke of, whole where the service gave it.
    fn complete(
        &mut self,
        hints: Vec<Hint>,
        groups: Result<Vec<Value>, ApiError>,
        page: bool,
    ) -> Result<(), Failure> {
        let mut end = Ok(());
        let (groups, later) = match groups {
            Ok(groups) => {
                self.failures = 0;
                (groups, page)
            }
            // There is nothing more to learn about it.
            Err(ApiError::Gone | ApiError::Refused(_)) => (Vec::new(), page),
            Err(ApiError::Failed(failure)) => {
                end = self.put_off(failure).map(|wait| self.left_at = Instant::now() + wait);
                (Vec::new(), true)
            }
        };
        for hint in hints {
            let group = group_of(&groups, hint.id);
            let whole = group.and_then(|group| normalize::completed(&hint, group, self.reader()));
            match whole {
                Some(whole) => {
                    let whole = self.not_swept_along(whole);
                    self.deliver(whole, Arrival::Live);
                }
                None => {
                    let as_it_is = hint.notification(self.reader());
                    self.deliver(as_it_is, Arrival::Live);
                    if later {
                        self.podio.completing.leave(hint.id, Some(hint));
                    }
                }
            }
        }
        end
    }

    fn complete_left(&mut self, ids: &[i64], groups: Result<Vec<Value>, ApiError>) -> Result<(), Failure> {
        let single = ids.len() == 1;
        let answered = !matches!(groups, Err(ApiError::Failed(_)));
        let mut done = BTreeSet::new();
        let mut end = Ok(());
        match groups {
            Ok(groups) => {
                self.failures = 0;
                for id in ids {
                    if let Some(whole) = self.whole_left(*id, &groups) {
                        self.deliver(whole, Arrival::Backlog);
                        done.insert(*id);
                    }
                }
                if single {
                    done.extend(ids);
                }
            }
            Err(ApiError::Gone | ApiError::Refused(_)) => done.extend(ids.iter().filter(|_| single)),
            Err(ApiError::Failed(failure)) => {
                end = self.put_off(failure).map(|wait| self.left_at = Instant::now() + wait);
            }
        }
        self.podio.completing.left_fetched(ids, answered, done);
        end
    }

    fn whole_left(&self, id: i64, groups: &[Value]) -> Option<Notification> {
        let group = group_of(groups, id)?;
        match self.podio.completing.hint(id) {
            Some(hint) => normalize::completed(hint, group, self.reader()),
            None => {
                let wanted = normalize::notification_id(id);
                normalize::group(group, self.reader()).into_iter().find(|one| one.external_id == wanted)
            }
        }
    }

    /// A step of telling an act has ended.
    fn acted(&mut self, ended: acts::Ended) -> Result<(), Failure> {
        match ended {
            acts::Ended::Well(wishes) => {
                self.failures = 0;
                for wish in wishes {
                    self.wished(wish);
                }
                Ok(())
            }
            acts::Ended::Later(failure) => {
                self.put_off(failure).map(|wait| self.podio.acts.put_off(Instant::now() + wait))
            }
        }
    }

    // ── small things ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn deliver(&mut self, mut notification: Notification, arrival: Arrival) {
        if let Some(message) = normalize::message_number(&notification) {
            if self.messages.contains(&message) {
                // One event, one banner: the other form of this message has been told.
                notification.no_news = true;
            } else {
                self.messages.push(message);
                if self.messages.len() > 200 {
                    self.messages.remove(0);
                }
            }
        }
        if !self.podio.outgoing.notification(notification, arrival) {
            self.look_soon();
        }
    }

    fn alive(&mut self) {
        let now = Instant::now();
        if self.life_at.is_none_or(|at| now >= at + LIFE) {
            self.life_at = Some(now);
            self.reports.alive();
        }
    }

    fn reader(&self) -> Reader<'_> {
        self.podio.reader()
    }
}

//! The source of webhooks of any service: takes those that are genuine, and makes of them what the person says.
//!
//! What was heard is handed over in order, with the position behind it, so that the cursor never stands before something that is not
//! kept. Who sent straight to this machine is answered only then.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tracing::{debug, info, warn};

use super::event::{HookEvent, Recent, shown};
use super::signature::{Refused, check_delivery};
use super::{Answer, Delivery, Heard, Hooks, Position, Secrets, kept_secrets};
use crate::account::{AccountId, Receiver, RelayKind, RelaySettings, WebhookSettings};
use crate::env::{Env, SecretName};
use crate::link::{Cursor, Failure, LinkState};
use crate::notification::{Arrival, Notification};
use crate::source::generic::{Event, Reader, Seen};
use crate::source::{Order, Outbox, Report, Reports};

/// At most so many are handed over at once.
const AT_ONCE: usize = 200;
/// So many may wait to be kept; then nothing more is read until some are.
const MOST_WAITING: usize = 1_000;
/// How long the end of a connection may wait for the engine to take what was heard.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// A cursor that only passes by what others got is kept at most so often: a quiet account writes nothing.
const PASSING: SignedDuration = SignedDuration::from_mins(30);

type HandOver = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Something heard that is not kept yet.
#[derive(Debug)]
struct Waiting {
    /// What became of it; nothing if it is no news.
    told: Option<Notification>,
    arrival: Arrival,
    position: Option<Position>,
    answer: Option<Answer>,
}

/// The source of one account that takes webhooks.
#[derive(Debug)]
pub struct Webhook {
    account: AccountId,
    settings: WebhookSettings,
    env: Env,
    /// The position that was committed last, and when.
    kept: Option<Position>,
    kept_at: Option<Timestamp>,
    /// What was heard and could not be kept yet, oldest first.
    unkept: VecDeque<Waiting>,
    seen: Seen,
    recent: Recent,
    /// Why what came last was refused, and how many were since one was taken.
    refused: Option<(Refused, u64)>,
    /// What is lost, in a sentence.
    lost: Option<String>,
}

impl Webhook {
    /// Not yet connected. `cursor` is the position that was kept last.
    pub fn new(account: AccountId, settings: WebhookSettings, env: Env, cursor: Option<Cursor>) -> Self {
        Self {
            account,
            settings,
            env,
            kept: cursor.and_then(|cursor| Position::new(&cursor.0)),
            kept_at: None,
            unkept: VecDeque::new(),
            seen: Seen::default(),
            recent: Recent::default(),
            refused: None,
            lost: None,
        }
    }

    /// See [`crate::source::Source::run`].
    pub async fn run(&mut self, outbox: &mut Outbox) -> Failure {
        let reports = outbox.reports().clone();
        reports.state(LinkState::Connecting).await;
        reports.tell(Report::Seen(self.seen.clone())).await;
        let (reader, signing, secrets) = match self.ready().await {
            Ok(ready) => ready,
            Err(failure) => return failure,
        };
        // What a relay gives again from the kept position need not be held here.
        self.unkept.retain(|waiting| waiting.position.is_none() && waiting.answer.is_none());
        let hooks = Hooks::start(&self.settings.receiver, &secrets, &self.env, self.kept.clone());
        let mut hooks = match hooks {
            Ok(hooks) => hooks.telling(reports.clone()),
            Err(failure) => return failure,
        };
        let mut live = Live {
            webhook: self,
            reader: &reader,
            signing: &signing,
            reports,
            handing: None,
            stands: Stands::Past,
            gap: false,
            unmatched: 0,
        };
        let failure = live.run(&mut hooks, outbox).await;
        live.end().await;
        failure
    }

    async fn ready(&self) -> Result<(Reader, Vec<SecretString>, Secrets), Failure> {
        let reader = reader(&self.settings)?;
        let secrets = kept_secrets(&self.env, &self.account).await?;
        let signing = if self.settings.signature.needs_secret() {
            // The password store may be unlocked or started at any moment.
            let kept = self.env.secrets.get(&self.account, SecretName::SigningSecret).await;
            let kept = kept.map_err(|error| Failure::transient(error.to_string()))?;
            vec![kept.ok_or_else(|| {
                Failure::sign_in(
                    "the secret that the service signs with is not in the password store any more; give it once more",
                )
            })?]
        } else {
            Vec::new()
        };
        Ok((reader, signing, secrets))
    }

    /// What is not heard or not taken though the link lives.
    fn trouble(&self) -> Option<String> {
        let refused = self.refused.as_ref().map(|(why, count)| match count {
            1 => format!("a webhook was refused: {why}"),
            count => format!("{count} webhooks were refused, the last because {why}"),
        });
        match (refused, &self.lost) {
            (Some(refused), Some(lost)) => Some(format!("{refused}; {lost}")),
            (refused, lost) => refused.or_else(|| lost.clone()),
        }
    }
}

/// The map of an account, which was checked when it was kept.
pub(super) fn reader(settings: &WebhookSettings) -> Result<Reader, Failure> {
    Reader::new(&settings.map).map_err(|error| Failure::fatal(format!("the map of fields is wrong: {error}")))
}

/// Which part of the stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// What was kept while this machine was away.
    Past,
    /// All of that was heard, but is not handed over yet.
    PastHeard,
    /// The present.
    Present,
}

struct Live<'a> {
    webhook: &'a mut Webhook,
    reader: &'a Reader,
    signing: &'a [SecretString],
    reports: Reports,
    /// What is being handed over, and how many they are: the first of `unkept`.
    handing: Option<(HandOver, usize)>,
    stands: Stands,
    /// A gap was told on this connection.
    gap: bool,
    /// Webhooks of this connection that no rule made anything of.
    unmatched: u64,
}

impl Live<'_> {
    /// Listens until it fails.
    async fn run(&mut self, hooks: &mut Hooks, outbox: &mut Outbox) -> Failure {
        loop {
            self.hand_over();
            if self.stands == Stands::PastHeard && !self.holds_past() {
                self.stands = Stands::Present;
                self.reports.state(LinkState::Live).await;
                if !self.gap && self.webhook.lost.take().is_some() {
                    self.tell_trouble().await;
                }
            }
            let has_room = self.webhook.unkept.len() < MOST_WAITING;
            tokio::select! {
                heard = hooks.next(), if has_room => match heard {
                    Ok(heard) => self.take(heard, hooks.server()).await,
                    Err(failure) => return failure,
                },
                kept = handed(&mut self.handing) => {
                    if let Err(failure) = self.handed_over(kept) {
                        return failure;
                    }
                }
                order = outbox.order() => match order {
                    // Whoever sent it knows nothing of read and starred: here is all there is.
                    Order::Wish(wish) => self.reports.tell(Report::Done(wish)).await,
                    Order::Probe => hooks.probe(),
                    // Nothing is offered there, and nothing comes in parts.
                    Order::Complete(_) | Order::Act(_) => {}
                },
            }
        }
    }

    /// Hands over what was heard, if the engine takes it soon.
    async fn end(mut self) {
        if self.unmatched > 0 {
            info!(account = %self.webhook.account, unmatched = self.unmatched, "no rule fitted so many webhooks");
        }
        let rest = async {
            loop {
                self.hand_over();
                if self.handing.is_none() {
                    return;
                }
                let kept = handed(&mut self.handing).await;
                if self.handed_over(kept).is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(LAST_WORDS, rest).await.is_err() {
            debug!("what was heard last is handed over by the next connection");
        }
    }

    async fn take(&mut self, heard: Heard, server: &str) {
        match heard {
            // After a probe the link is as live as before, and what comes is once more the past.
            Heard::Connected => {
                if self.stands == Stands::Past {
                    self.reports.state(LinkState::CatchingUp).await;
                }
                self.stands = Stands::Past;
            }
            Heard::Ready => self.stands = Stands::PastHeard,
            Heard::Delivery(delivery) => self.delivery(*delivery).await,
            Heard::Gap { oldest } => {
                warn!(account = %self.webhook.account, oldest, "what came at {server} before that may be lost");
                self.gap = true;
                self.webhook.lost = Some(format!(
                    "{server} no longer keeps all that came since this account was last connected: some of it may be lost"
                ));
                self.tell_trouble().await;
            }
            // Somebody else's sign-in, or nobody's.
            Heard::Returned(_, position) => self.pass(position),
            Heard::Passed(position) => {
                let now = self.webhook.env.clock.now();
                let is_due = self.webhook.kept_at.is_none_or(|at| now.duration_since(at) >= PASSING);
                if is_due && self.ends_at() != Some(&position) {
                    self.webhook.kept_at = Some(now);
                    self.pass(Some(position));
                }
            }
            Heard::Skipped { position, why } => {
                warn!(account = %self.webhook.account, "passed over: {why}");
                self.pass(position);
            }
        }
    }

    /// Where the last of what was heard stands, kept or waiting to be.
    fn ends_at(&self) -> Option<&Position> {
        let waiting = self.webhook.unkept.iter().rev().find_map(|waiting| waiting.position.as_ref());
        waiting.or(self.webhook.kept.as_ref())
    }

    /// Nothing of this is to be kept but where it stands.
    fn pass(&mut self, position: Option<Position>) {
        if position.is_some() {
            self.wait(None, position, None);
        }
    }

    fn wait(&mut self, told: Option<Notification>, position: Option<Position>, answer: Option<Answer>) {
        let arrival = if self.stands == Stands::Past { Arrival::Backlog } else { Arrival::Live };
        self.webhook.unkept.push_back(Waiting { told, arrival, position, answer });
    }

    async fn delivery(&mut self, mut delivery: Delivery) {
        let scheme = &self.webhook.settings.signature;
        let answer = delivery.answer.take();
        if let Err(why) = check_delivery(scheme, self.signing, &delivery) {
            warn!(account = %self.webhook.account, "a webhook was refused: {why}");
            let count = self.webhook.refused.as_ref().map_or(0, |(_, count)| *count) + 1;
            self.webhook.refused = Some((why, count));
            if let Some(answer) = answer {
                answer.refused();
            }
            self.pass(delivery.position);
            self.tell_trouble().await;
            return;
        }
        if self.webhook.refused.take().is_some() {
            self.tell_trouble().await;
        }
        let told = self.read(&delivery);
        self.wait(told, delivery.position, answer);
    }

    /// What the person's map makes of it.
    fn read(&mut self, delivery: &Delivery) -> Option<Notification> {
        let WebhookSettings { receiver, signature, .. } = &self.webhook.settings;
        let is_merged = matches!(receiver, Receiver::Relay(RelaySettings { kind: RelayKind::Belfry, .. }));
        let recent = (!is_merged).then_some(&mut self.webhook.recent);
        let HookEvent { name, data, headers, own } = HookEvent::of(delivery, signature, recent);
        let event = Event {
            channel: "",
            name: &name,
            data: &data,
            headers: Some(&headers),
            own: Some(&own),
            repeats: false,
            only_named: false,
            // A relay whose clock is ahead would put it above all news.
            at: delivery.received.min(self.webhook.env.clock.now()),
        };
        self.webhook.seen.add(&event, &data.to_string(), shown(&headers));
        let reading = self.reader.read(&self.webhook.account, &event);
        for trouble in reading.troubles {
            warn!(account = %self.webhook.account, event = name, "the map of fields: {trouble}");
        }
        if reading.told.is_none() {
            self.unmatched += 1;
            debug!(account = %self.webhook.account, event = name, "no rule fits");
        }
        reading.told.map(|told| *told)
    }

    async fn tell_trouble(&mut self) {
        self.reports.tell(Report::Unheard(self.webhook.trouble())).await;
    }

    fn holds_past(&self) -> bool {
        self.webhook.unkept.front().is_some_and(|waiting| waiting.arrival == Arrival::Backlog)
    }

    /// Begins to hand over what waits, unless some of it is on its way: what came in one way, in order, with where it ends.
    fn hand_over(&mut self) {
        let Some(first) = self.webhook.unkept.front().filter(|_| self.handing.is_none()) else { return };
        let arrival = first.arrival;
        let batch: Vec<_> = self
            .webhook
            .unkept
            .iter()
            .take(AT_ONCE)
            .take_while(|waiting| waiting.arrival == arrival)
            .collect();
        let cursor = batch.iter().rev().find_map(|waiting| waiting.position.as_ref());
        let cursor = cursor.map(|position| Cursor(position.as_str().to_owned()));
        let told: Vec<_> = batch.iter().filter_map(|waiting| waiting.told.clone()).collect();
        let count = batch.len();
        let reports = self.reports.clone();
        let handing = async move {
            // Nothing to keep, and nowhere to go on from: an answer, at most.
            if told.is_empty() && cursor.is_none() {
                Ok(())
            } else {
                reports.deliver(told, arrival, cursor).await
            }
        };
        self.handing = Some((Box::pin(handing), count));
    }

    fn handed_over(&mut self, kept: Result<(), Failure>) -> Result<(), Failure> {
        let count = self.handing.take().map_or(0, |(_, count)| count);
        kept?;
        for waiting in self.webhook.unkept.drain(..count.min(self.webhook.unkept.len())) {
            if let Some(position) = waiting.position {
                self.webhook.kept = Some(position);
                self.webhook.kept_at = Some(self.webhook.env.clock.now());
            }
            if let Some(answer) = waiting.answer {
                answer.kept();
            }
        }
        Ok(())
    }
}

async fn handed(handing: &mut Option<(HandOver, usize)>) -> Result<(), Failure> {
    match handing {
        Some((handing, _)) => handing.await,
        None => std::future::pending().await,
    }
}

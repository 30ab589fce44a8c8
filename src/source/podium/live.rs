//! One link from its connection to its failure: hears what the webhook tells, and beside it looks after the webhook and the lists.

use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::api::{Api, ApiError};
use super::catch_up::{CatchUp, Unread};
use super::normalize::{self, Told};
use super::taking::{From, Taking};
use super::webhook::{self, InOrder, Wanted};
use super::{LAST_WORDS, Podium, places};
use crate::account::{PodiumPlace, PodiumSettings, Settings};
use crate::env::Tasks;
use crate::env::tasks::Task;
use crate::link::{Failure, LinkState};
use crate::source::webhook::{Answer, Delivery, Heard, Hooks, Position, signature};
use crate::source::{Order, Outbox, Report, Reports};

/// A quiet link looks after its webhook and the lists again after a time between these, in seconds.
const LOOK_AGAIN: std::ops::Range<u64> = 600..900;
/// After a passing failure of a look: so long, and doubled each time up to the longest.
const SOON: Duration = Duration::from_secs(5);
const LATE: Duration = Duration::from_secs(300);
/// A timer that stands far in the future.
const LONG: Duration = Duration::from_secs(24 * 3600);
/// So many events are handed over together.
const TOGETHER: usize = 100;
/// A position at which nothing of use stands is written down so often at most: a link at rest writes nothing.
const PASSED: Duration = Duration::from_secs(3600);
/// Events that are refused make the webhook be looked at so often at most.
const SUSPICION: Duration = Duration::from_secs(60);

/// What a look found.
#[derive(Debug)]
struct Looked {
    order: InOrder,
    unread: Vec<Unread>,
}

/// How far what the webhook told can be relied on.
#[derive(Debug, Clone, Copy)]
struct Trust {
    /// It should have told everything since the last look.
    live: bool,
    /// It told everything while Belfry was away, and that was heard.
    whole: bool,
}

/// A look under way: a task of its own, since it takes turns with what is heard in handing things over, and must go on while this one
/// waits for its turn.
#[derive(Debug)]
struct Look {
    ended: oneshot::Receiver<Result<Looked, Failure>>,
    _task: Task,
}

/// An event that was heard and is not handed over yet.
#[derive(Debug)]
struct Waiting {
    told: Told,
    answer: Option<Answer>,
}

pub(super) struct Live<'a> {
    podium: &'a mut Podium,
    taking: Taking,
    reports: Reports,
    secret: SecretString,
    hooks: Hooks,
    look: Option<Look>,
    waiting: Vec<Waiting>,
    /// Where the stream was read to, handed over or not.
    position: Option<Position>,
    /// When a position was written down last.
    written_at: Instant,
    /// True once the relay has given all that it kept.
    past_is_over: bool,
    /// True once webhook and lists were looked after.
    looked: bool,
    is_live: bool,
    /// Something may have been lost: looks once more.
    once_more: bool,
    look_at: Instant,
    looked_at: Option<Instant>,
    failures: u32,
    /// Something may have been lost since the last look began: that look does not put the doubt to rest.
    doubted: bool,
    /// A gap was told, and where the stream goes on behind it is not kept yet.
    gap: bool,
    /// How many were refused since one was taken, and why the last one.
    refused: u64,
    refused_why: Option<signature::Refused>,
    unread: Vec<Unread>,
}

impl<'a> Live<'a> {
    pub(super) fn new(podium: &'a mut Podium, taking: Taking, secret: SecretString, hooks: Hooks) -> Self {
        let reports = taking.reports().clone();
        let now = Instant::now();
        Self {
            podium,
            taking,
            reports,
            secret,
            hooks,
            look: None,
            waiting: Vec::new(),
            position: None,
            written_at: now,
            past_is_over: false,
            looked: false,
            is_live: false,
            once_more: false,
            look_at: now + LONG,
            looked_at: None,
            failures: 0,
            doubted: false,
            gap: false,
            refused: 0,
            refused_why: None,
            unread: Vec::new(),
        }
    }

    /// Runs until the link fails. What was heard until then is handed over, if the engine takes it soon; else it comes again.
    pub(super) async fn run(mut self, outbox: &mut Outbox) -> Failure {
        let failure = loop {
            let step = tokio::select! {
                // In this order: while much is heard, it is handed over together.
                biased;
                order = outbox.order() => {
                    self.obey(order).await;
                    Ok(())
                }
                looked = ended(&mut self.look) => {
                    self.look = None;
                    self.looked(looked).await
                }
                heard = self.hooks.next(), if self.waiting.len() < TOGETHER => match heard {
                    Ok(heard) => self.heard(heard).await,
                    Err(failure) => Err(failure),
                },
                () = tokio::task::yield_now(), if !self.waiting.is_empty() => self.hand_over().await,
                () = tokio::time::sleep_until(self.look_at), if self.look.is_none() => Ok(()),
            };
            if let Err(failure) = step {
                break failure;
            }
            self.look_if_due().await;
            self.say_if_live().await;
        };
        if !self.waiting.is_empty() && tokio::time::timeout(LAST_WORDS, self.hand_over()).await.is_err() {
            debug!("what was heard last comes again");
        }
        failure
    }

    async fn obey(&mut self, order: Order) {
        match order {
            // Podium knows nothing of what this person has read or starred.
            Order::Wish(wish) => self.reports.tell(Report::Done(wish)).await,
            Order::Probe => self.hooks.probe(),
            // Nothing is offered there, and no hints are handed over.
            Order::Act(_) | Order::Complete(_) => {}
        }
    }

    async fn heard(&mut self, heard: Heard) -> Result<(), Failure> {
        match heard {
            Heard::Connected => {
                self.past_is_over = false;
                if !self.is_live {
                    self.reports.state(LinkState::CatchingUp).await;
                }
            }
            Heard::Ready => {
                self.hand_over().await?;
                self.past_is_over = true;
                // After what the relay kept: what that told need not be looked up.
                if !self.looked && self.look.is_none() {
                    self.once_more = true;
                }
            }
            Heard::Delivery(delivery) => self.delivered(*delivery).await?,
            Heard::Gap { oldest } => self.gap(oldest).await?,
            // A browser comes back when somebody signs in; that is heard there.
            Heard::Returned(_, position) => self.pass(position).await?,
            Heard::Passed(position) => self.pass(Some(position)).await?,
            Heard::Skipped { position, why } => {
                warn!(why, "something that came was passed over");
                self.doubt(Vec::new()).await?;
                self.pass(position).await?;
            }
        }
        Ok(())
    }

    async fn delivered(&mut self, delivery: Delivery) -> Result<(), Failure> {
        let checked = signature::check_podium(&self.secret, &delivery);
        self.position = delivery.position.clone().or(self.position.take());
        if let Err(refused) = checked {
            if let Some(answer) = delivery.answer {
                answer.refused();
            }
            return self.refuse(refused).await;
        }
        if self.refused_why.take().is_some() {
            self.refused = 0;
            self.say_unheard().await;
        }
        let told =
            self.taking.read(Some(delivery.received), |reader| normalize::event(&delivery.body, reader));
        self.waiting.push(Waiting { told, answer: delivery.answer });
        Ok(())
    }

    /// Hands over all that was heard, with the position up to which that is everything.
    async fn hand_over(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let from = if self.past_is_over { From::Stream(self.podium.api.service_now()) } else { From::Kept };
        let told = self.waiting.iter().map(|waiting| waiting.told.clone()).collect();
        let at = self.position.as_ref().map(|position| position.as_str().to_owned());
        self.taking.take(told, from, |place| place.at = at.or(place.at.take())).await?;
        (self.written_at, self.gap) = (Instant::now(), false);
        // Only what is committed is answered.
        self.waiting.drain(..).filter_map(|waiting| waiting.answer).for_each(Answer::kept);
        Ok(())
    }

    /// Nothing of use stands before this position. Written down with the next row, or after a while; at once behind a gap, which would be
    /// told again otherwise.
    async fn pass(&mut self, position: Option<Position>) -> Result<(), Failure> {
        let Some(position) = position else { return Ok(()) };
        let at = position.as_str().to_owned();
        self.position = Some(position);
        if !self.waiting.is_empty() || !self.gap && self.written_at.elapsed() < PASSED {
            return Ok(());
        }
        (self.written_at, self.gap) = (Instant::now(), false);
        self.taking.take(Vec::new(), From::Belfry, |place| place.at = Some(at)).await
    }

    /// From now on what was told may not be all: kept with the cursor, before anything behind it is, until a look has read all lists.
    async fn doubt(&mut self, said: Vec<Told>) -> Result<(), Failure> {
        self.doubted = true;
        self.taking.take(said, From::Belfry, |place| place.doubtful = true).await
    }

    /// Counts what is not taken for genuine, says so, and has the webhook's secret looked at: somebody may have changed it.
    async fn refuse(&mut self, refused: signature::Refused) -> Result<(), Failure> {
        self.refused += 1;
        self.refused_why = Some(refused);
        warn!(count = self.refused, %refused, "a webhook was refused");
        self.say_unheard().await;
        if self.looked_at.is_none_or(|at| at.elapsed() >= SUSPICION) {
            self.once_more = true;
        }
        self.doubt(Vec::new()).await
    }

    async fn say_unheard(&mut self) {
        let mut parts: Vec<String> = webhook::withheld(&self.podium.settings).into_iter().collect();
        parts.extend(self.unread.iter().cloned());
        if let Some(why) = self.refused_why {
            let count = self.refused;
            let what = if count == 1 {
                "A webhook was refused".to_owned()
            } else {
                format!("{count} webhooks were refused")
            };
            parts.push(format!("{what}, the last one because {why}"));
        }
        let words = (!parts.is_empty()).then(|| format!("{}.", parts.join("; ")));
        self.reports.tell(Report::Unheard(words)).await;
    }

    async fn gap(&mut self, oldest: Option<String>) -> Result<(), Failure> {
        warn!(oldest, "the relay does not hold everything any more; the lists will bring what they have");
        self.hand_over().await?;
        (self.once_more, self.gap) = (true, true);
        let words = format!(
            "{} no longer had everything that came while Belfry was away. Messages, reviews and invoices are looked up at Podium; contacts and calls cannot be.",
            self.hooks.server()
        );
        // A relay that says no position behind the gap tells the same one until something comes.
        let behind = match &self.position {
            Some(position) => Some(position.as_str().to_owned()),
            None => self.taking.place().await.at,
        };
        let id = format!("gap/{}", behind.as_deref().unwrap_or("beginning"));
        let title = "Something may be missing";
        let note = self.taking.read(None, |reader| normalize::note(&id, title, &words, false, reader));
        self.doubt(vec![note]).await
    }

    async fn look_if_due(&mut self) {
        let due = self.once_more || Instant::now() >= self.look_at;
        if !due || self.look.is_some() {
            return;
        }
        let doubtful = self.taking.place().await.doubtful;
        let trust =
            Trust { live: self.is_live && !self.once_more && !doubtful, whole: !self.is_live && !doubtful };
        (self.once_more, self.doubted, self.looked_at) = (false, false, Some(Instant::now()));
        self.look_at = Instant::now() + LONG;
        let (api, taking) = (self.podium.api.clone(), self.taking.clone());
        let (settings, secret) = (self.podium.settings.clone(), self.secret.clone());
        let (end, ended) = oneshot::channel();
        let task = Tasks::start("look after Podium", async move {
            // Nobody waits any more if the link has ended meanwhile.
            drop(end.send(look(api, taking, settings, secret, trust).await));
        });
        self.look = Some(Look { ended, _task: task });
    }

    async fn looked(&mut self, looked: Result<Looked, Failure>) -> Result<(), Failure> {
        let looked = match looked {
            Ok(looked) => looked,
            // A link whose catch-up failed is not live.
            Err(failure) if !self.is_live => return Err(failure),
            Err(failure) => return self.put_off(failure),
        };
        let Looked { order, unread } = looked;
        (self.failures, self.looked) = (0, true);
        // What came to be in doubt meanwhile stays so, and what could not be read was not looked up.
        if !self.doubted && unread.is_empty() {
            self.taking.take(Vec::new(), From::Belfry, |place| place.doubtful = false).await?;
        }
        if unread != self.unread {
            self.unread = unread;
            self.say_unheard().await;
        }
        if self.podium.settings.webhook.as_deref() != Some(order.uid.as_str()) {
            self.podium.settings.webhook = Some(order.uid.clone());
            self.tell_identity().await;
        }
        self.look_at = Instant::now() + Duration::from_secs(rand::random_range(LOOK_AGAIN));
        Ok(())
    }

    async fn tell_identity(&mut self) {
        let name = self.podium.settings.place.as_ref().map(PodiumPlace::name).filter(|name| !name.is_empty());
        let label = name.unwrap_or("Podium").to_owned();
        let settings = Box::new(Settings::Podium(self.podium.settings.clone()));
        self.reports.tell(Report::Identity { label, settings }).await;
    }

    /// A look that failed in passing is made again later: the webhook is heard meanwhile.
    fn put_off(&mut self, failure: Failure) -> Result<(), Failure> {
        let wait = match failure {
            Failure::Transient { .. } => {
                self.failures += 1;
                (SOON * 2_u32.saturating_pow(self.failures.min(8))).min(LATE)
            }
            Failure::Later { until, .. } => {
                let wait = until.duration_since(self.podium.env.clock.now());
                Duration::try_from(wait).unwrap_or(SOON).max(SOON)
            }
            Failure::SignIn { .. } | Failure::Fatal { .. } => return Err(failure),
        };
        debug!(%failure, "looking after the webhook and the lists failed; the next time is in {wait:?}");
        self.look_at = Instant::now() + wait;
        Ok(())
    }

    async fn say_if_live(&mut self) {
        if !self.is_live && self.past_is_over && self.looked && !self.once_more && self.look.is_none() {
            self.is_live = true;
            self.reports.state(LinkState::Live).await;
        }
    }
}

/// How a look ended, once it has.
async fn ended(look: &mut Option<Look>) -> Result<Looked, Failure> {
    match look {
        Some(look) => {
            (&mut look.ended).await.unwrap_or_else(|_| Err(Failure::transient("Belfry is stopping")))
        }
        None => std::future::pending().await,
    }
}

/// Looks after the webhook first, then the lists: what happens meanwhile, the webhook tells.
async fn look(
    api: Api,
    taking: Taking,
    settings: PodiumSettings,
    secret: SecretString,
    trust: Trust,
) -> Result<Looked, Failure> {
    let order = put_in_order(&api, &settings, &secret).await?;
    let was_right = order.did.is_none() && !order.made;
    if !was_right {
        // Before the lists are read: whoever reads them in the end must know.
        let said = order.did.iter().map(|did| said_of(&order, did, &taking)).collect();
        taking.take(said, From::Belfry, |place| place.doubtful = true).await?;
    }
    let Some(place) = &settings.place else { return Err(no_place()) };
    if taking.nameless() {
        taking.call(places::names(&api, place).await);
    }
    let catch_up = CatchUp {
        api,
        taking,
        location: match place {
            PodiumPlace::Location { uid, .. } => Some(uid.clone()),
            PodiumPlace::Organization { .. } => None,
        },
        events: order.events.clone(),
        listened_since: order.created,
        live: trust.live && was_right,
        whole: trust.whole && was_right,
    };
    let unread = catch_up.run().await?;
    Ok(Looked { order, unread })
}

/// What was done to the webhook, for the inbox.
fn said_of(order: &InOrder, did: &str, taking: &Taking) -> Told {
    info!(did, "the webhook was not as it should be");
    let (title, loud) = match (order.was_off, order.made) {
        (true, _) => ("Podium's webhook had been switched off", true),
        (_, true) => ("Podium's webhook was gone", true),
        _ => ("Podium's webhook was put right", false),
    };
    taking.read(None, |reader| {
        let id = format!("webhook/{}", reader.now.as_millisecond());
        normalize::note(&id, title, did, loud, reader)
    })
}

async fn put_in_order(
    api: &Api,
    settings: &PodiumSettings,
    secret: &SecretString,
) -> Result<InOrder, Failure> {
    let url = settings.receiver.hook_url();
    let (Some(place), Some(url)) = (&settings.place, url) else { return Err(no_place()) };
    let wanted = Wanted {
        place,
        url: url.as_str(),
        events: webhook::events(settings),
        secret,
        known: settings.webhook.as_deref(),
    };
    webhook::put_in_order(api, &wanted).await.map_err(ApiError::into_failure)
}

fn no_place() -> Failure {
    Failure::sign_in("this account does not know what to listen to: sign in again")
}

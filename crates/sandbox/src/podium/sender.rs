//! The sender: a queue for each webhook, one event at a time, and while one fails all later ones wait. [`State::step`] decides;
//! [`run`] does it.

use super::events::{places, scope_of};
use super::observed::Attempt;
use super::rest::VERSION;
use super::webhooks::Webhook;
use super::world::nulled;
use super::{Podium, Shared, State};
use crate::tasks;
use data_encoding::{HEXLOWER, HEXUPPER};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What is odd about one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Odd {
    /// Signed with another secret.
    WrongSignature,
    /// Neither signature nor timestamp.
    NoSignature,
    /// The body is changed after it was signed.
    Altered,
    /// Rightly signed, with a timestamp so far back (or, with a negative number, ahead).
    OldTimestamp {
        /// Milliseconds.
        ms: i64,
    },
    /// The signature in capitals.
    Capitals,
    /// The signature after `sha256=`.
    Prefixed,
    /// Sent once more after it was taken, signed anew.
    Twice,
    /// Sent once more after it was taken, byte for byte, after so long.
    Replayed {
        /// Milliseconds.
        ms: u64,
    },
    /// `metadata` without `eventUid`.
    NoEventUid,
    /// `event_type` and `event_uid` in `metadata`, as one example has it.
    SnakeCase,
    /// Every field of `data` but `uid` is null.
    Nulls,
    /// This body, rightly signed.
    Body(String),
    /// The sender does not wait for the answer and takes it for a failure.
    HangUp,
    /// It comes so much later.
    Late {
        /// Milliseconds.
        ms: u64,
    },
}

/// A webhook with what waits in it.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) webhook: Webhook,
    /// Client id of the app that made it.
    pub(super) app: String,
    queue: VecDeque<Letter>,
}

/// An event on its way.
#[derive(Clone, Debug)]
struct Letter {
    event_uid: String,
    event_type: String,
    data: Value,
    /// When it happened, in milliseconds since 1970.
    at_ms: i64,
    since: Instant,
    /// Attempts that failed.
    failed: u32,
    due: Instant,
    /// Attempts so far, those after a success included.
    attempts: u32,
    /// It was taken and is sent once more, with nothing odd about that.
    once_more: bool,
    /// Sent again, byte for byte.
    sent: Option<Sent>,
}

/// What goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    body: String,
    /// Timestamp and signature.
    signed: Option<(String, String)>,
}

impl Hook {
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut Webhook)) {
        let was_disabled = self.webhook.disabled;
        change(&mut self.webhook);
        if was_disabled && !self.webhook.disabled {
            if let Some(head) = self.queue.front_mut() {
                head.failed = 0;
            }
            self.hurry();
        }
    }

    /// What waits for its next attempt is due now.
    pub(super) fn hurry(&mut self) {
        let now = tasks::instant();
        self.queue.iter_mut().for_each(|letter| letter.due = letter.due.min(now));
    }

    /// What waits has waited so much longer.
    pub(super) fn age(&mut self, by: Duration) {
        for letter in &mut self.queue {
            letter.at_ms = letter.at_ms.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
            // A machine that has run for less knows no such instant.
            letter.since = letter.since.checked_sub(by).unwrap_or(letter.since);
        }
    }

    fn hears(&self, event_type: &str, locations: &[&str], organization: &str) -> bool {
        let webhook = &self.webhook;
        let place = match (&webhook.organization_uid, &webhook.location_uid) {
            (Some(uid), _) => uid == organization,
            (None, Some(uid)) => locations.contains(&uid.as_str()),
            (None, None) => false,
        };
        place && (scope_of(event_type).is_none() || webhook.event_types.iter().any(|one| one == event_type))
    }
}

/// What the sender of one webhook does next.
#[derive(Debug)]
enum Step {
    /// The webhook is gone.
    End,
    /// Nothing until something changes.
    Rest,
    /// Nothing until then, unless something changes.
    Wait(Instant),
    Send(Box<Job>),
}

/// One attempt.
#[derive(Debug)]
struct Job {
    number: u64,
    event_uid: String,
    url: String,
    sent: Sent,
    odd: Option<Odd>,
    patience: Duration,
}

impl Podium {
    /// A new webhook; its sender begins.
    pub(super) fn hang(&self, app: &str, webhook: Webhook) {
        let uid = webhook.uid.clone();
        let hook = Hook { webhook, app: app.to_owned(), queue: VecDeque::new() };
        self.change(|state| state.hooks.insert(uid.clone(), hook));
        // It ends with the webhook, or with the sandbox.
        tasks::start(run(Arc::downgrade(&self.shared), self.shared.changed.subscribe(), uid));
    }
}

impl State {
    /// The event waits in every webhook that hears of it.
    pub(super) fn enqueue(&mut self, event_uid: &str, event_type: &str, data: &Value) {
        self.observed.events += 1;
        let (first, organization) = self.place(data);
        let mut locations = places(data);
        locations.push(&first);
        let (now, at_ms) = (tasks::instant(), tasks::now().as_millisecond());
        for hook in self.hooks.values_mut().filter(|hook| hook.hears(event_type, &locations, &organization)) {
            hook.queue.push_back(Letter {
                event_uid: event_uid.to_owned(),
                event_type: event_type.to_owned(),
                data: data.clone(),
                at_ms,
                since: now,
                failed: 0,
                due: now,
                attempts: 0,
                once_more: false,
                sent: None,
            });
        }
    }

    fn step(&mut self, uid: &str, now: Instant, now_ms: i64) -> Step {
        let Some(hook) = self.hooks.get_mut(uid) else { return Step::End };
        let life = self.settings.queue_life;
        while hook.queue.pop_front_if(|letter| now.duration_since(letter.since) >= life).is_some() {
            self.observed.expired += 1;
        }
        let Some(url) = hook.webhook.url.clone().filter(|_| !hook.webhook.disabled && !self.paused) else {
            return Step::Rest;
        };
        if let Some(count) = self.reverse {
            if hook.queue.len() < count {
                return Step::Rest;
            }
            hook.queue.make_contiguous().get_mut(..count).unwrap_or_default().reverse();
            self.reverse = None;
        }
        let Some(letter) = hook.queue.front_mut() else { return Step::Rest };
        if letter.due > now {
            return Step::Wait(letter.due);
        }
        let again = letter.sent.take();
        let odd = if letter.once_more { None } else { self.odd.pop_front() };
        let secret = hook.webhook.secret.as_deref().filter(|secret| !secret.is_empty());
        let signed_at = if self.settings.signed_anew { now_ms } else { letter.at_ms };
        let sent =
            again.unwrap_or_else(|| letter.write(secret, odd.as_ref(), self.settings.nulls, signed_at));
        letter.attempts += 1;
        self.observed.attempt_count += 1;
        let number = self.observed.attempt_count;
        self.observed.begin(Attempt {
            number,
            webhook: uid.to_owned(),
            event_uid: letter.event_uid.clone(),
            event_type: letter.event_type.clone(),
            attempt: letter.attempts,
            at_ms: now_ms,
            took_ms: None,
            answer: None,
            trouble: None,
            taken: false,
        });
        let (event_uid, patience) = (letter.event_uid.clone(), self.settings.patience);
        Step::Send(Box::new(Job { number, event_uid, url, sent, odd, patience }))
    }

    /// What came of an attempt.
    fn sent(&mut self, uid: &str, job: &Job, came: &Came, took: Duration, now: Instant) {
        let settings = &self.settings;
        let taken = match came {
            Came::Status(status) => *status == 200 || settings.any_2xx && (200..300).contains(status),
            Came::Nothing { .. } => false,
        };
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let observed = &mut self.observed;
        if let Some(attempt) = observed.attempts.iter_mut().rev().find(|one| one.number == job.number) {
            attempt.took_ms = Some(took_ms);
            attempt.taken = taken;
            match came {
                Came::Status(status) => attempt.answer = Some(*status),
                Came::Nothing { why, .. } => attempt.trouble = Some(why.clone()),
            }
        }
        observed.slowest_ms = observed.slowest_ms.max(took_ms);
        observed.taken += u64::from(taken);
        observed.failed += u64::from(!taken);
        observed.too_slow += u64::from(matches!(came, Came::Nothing { too_slow: true, .. }));
        let Some(hook) = self.hooks.get_mut(uid) else { return };
        // It may have grown too old meanwhile.
        let Some(letter) = hook.queue.front_mut().filter(|letter| letter.event_uid == job.event_uid) else {
            return;
        };
        if taken {
            match &job.odd {
                Some(Odd::Twice) => (letter.due, letter.once_more) = (now, true),
                Some(Odd::Replayed { ms }) => {
                    (letter.due, letter.once_more) = (now + Duration::from_millis(*ms), true);
                    letter.sent = Some(job.sent.clone());
                }
                Some(
                    Odd::WrongSignature
                    | Odd::NoSignature
                    | Odd::Altered
                    | Odd::OldTimestamp { .. }
                    | Odd::Capitals
                    | Odd::Prefixed
                    | Odd::NoEventUid
                    | Odd::SnakeCase
                    | Odd::Nulls
                    | Odd::Body(_)
                    | Odd::HangUp
                    | Odd::Late { .. },
                )
                | None => {
                    hook.queue.pop_front();
                }
            }
            return;
        }
        let wait = usize::try_from(letter.failed).ok().and_then(|failed| settings.retry_waits.get(failed));
        letter.failed += 1;
        match wait {
            Some(wait) => letter.due = now + wait.mul_f64(settings.pace.max(0.0)),
            None => {
                letter.failed = 0;
                hook.webhook.disabled = true;
                observed.exhausted += 1;
            }
        }
    }
}

impl Letter {
    fn write(&self, secret: Option<&str>, odd: Option<&Odd>, nulls: bool, signed_at: i64) -> Sent {
        let is = |wanted: Odd| odd == Some(&wanted);
        let data = if nulls || is(Odd::Nulls) { nulled(&self.data) } else { self.data.clone() };
        let (event_type, event_uid) = (&self.event_type, &self.event_uid);
        let metadata = if is(Odd::NoEventUid) {
            json!({"eventType": event_type, "version": VERSION})
        } else if is(Odd::SnakeCase) {
            json!({"event_type": event_type, "event_uid": event_uid, "version": VERSION})
        } else {
            json!({"eventType": event_type, "eventUid": event_uid, "version": VERSION})
        };
        let mut body = json!({"data": data, "metadata": metadata}).to_string();
        if let Some(Odd::Body(wanted)) = odd {
            body.clone_from(wanted);
        }
        let mut at = signed_at;
        if let Some(Odd::OldTimestamp { ms }) = odd {
            at -= ms;
        }
        let signed = secret.filter(|_| !is(Odd::NoSignature)).map(|secret| {
            let secret = if is(Odd::WrongSignature) { "another secret" } else { secret };
            let digest = signature(secret, at, body.as_bytes());
            let signature = if is(Odd::Capitals) {
                HEXUPPER.encode(&digest)
            } else if is(Odd::Prefixed) {
                format!("sha256={}", HEXLOWER.encode(&digest))
            } else {
                HEXLOWER.encode(&digest)
            };
            (at.to_string(), signature)
        });
        if is(Odd::Altered) {
            body.push(' ');
        }
        Sent { body, signed }
    }
}

/// HMAC-SHA256 over `{timestamp}.{raw body}`.
fn signature(secret: &str, at_ms: i64, body: &[u8]) -> Vec<u8> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return Vec::new() };
    mac.update(at_ms.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

/// What an attempt brought.
enum Came {
    Status(u16),
    Nothing { why: String, too_slow: bool },
}

/// The sender of one webhook. Between its steps it holds nothing, so that the sandbox can end.
async fn run(podium: Weak<Shared>, mut changes: watch::Receiver<u64>, uid: String) {
    loop {
        changes.mark_unchanged();
        let Some(shared) = podium.upgrade() else { return };
        let here = Podium { shared, silent: false };
        let now_ms = tasks::now().as_millisecond();
        let step = here.look(|state| state.step(&uid, tasks::instant(), now_ms));
        match step {
            Step::End => return,
            Step::Send(job) => {
                if let Some(Odd::Late { ms }) = job.odd {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                let began = tasks::instant();
                let came = here.post(&job).await;
                let now = tasks::instant();
                here.change(|state| state.sent(&uid, &job, &came, now.duration_since(began), now));
            }
            Step::Rest => {
                drop(here);
                if changes.changed().await.is_err() {
                    return;
                }
            }
            Step::Wait(until) => {
                drop(here);
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep_until(until.into()) => {}
                }
            }
        }
    }
}

impl Podium {
    /// A change only if there was one: a mere look would wake the senders of all the others, and they this one.
    fn look(&self, act: impl FnOnce(&mut State) -> Step) -> Step {
        let (step, news) = {
            let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            let before = state.observed.expired;
            let step = act(&mut state);
            let news = matches!(step, Step::Send(_)) || state.observed.expired != before;
            (step, news)
        };
        if news {
            self.change(|_| ());
        }
        step
    }

    async fn post(&self, job: &Job) -> Came {
        let Some(client) = self.client() else {
            return Came::Nothing { why: "no HTTP client could be made".to_owned(), too_slow: false };
        };
        let mut request = client
            .post(&job.url)
            .header("content-type", "application/json")
            .header("user-agent", "Podium (sandbox)")
            .body(job.sent.body.clone());
        if let Some((timestamp, signature)) = &job.sent.signed {
            request = request.header("podium-timestamp", timestamp).header("podium-signature", signature);
        }
        if job.odd == Some(Odd::HangUp) {
            // Long enough for a receiver on loopback to have it.
            let _cut = tokio::time::timeout(Duration::from_millis(200), request.send()).await;
            return Came::Nothing { why: "the sender hung up".to_owned(), too_slow: false };
        }
        match tokio::time::timeout(job.patience, request.send()).await {
            Ok(Ok(response)) => {
                let status = response.status().as_u16();
                drain(response, job.patience).await;
                Came::Status(status)
            }
            Ok(Err(error)) => {
                // The error's own text has the URL, which is a secret of the receiver.
                Came::Nothing { why: error.without_url().to_string(), too_slow: false }
            }
            Err(_) => Came::Nothing { why: "no answer in time".to_owned(), too_slow: true },
        }
    }

    fn client(&self) -> Option<&reqwest::Client> {
        if let Some(client) = self.shared.client.get() {
            return Some(client);
        }
        let client = client()?;
        Some(self.shared.client.get_or_init(|| client))
    }
}

/// Reads what came with the answer, so that the connection can be used again; a long one is left.
async fn drain(mut response: reqwest::Response, limit: Duration) {
    let read = async {
        let mut length = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            length += chunk.len();
            if length > 65_536 {
                return;
            }
        }
    };
    // What was not read in time is nobody's loss.
    let _left = tokio::time::timeout(limit, read).await;
}

/// No redirects, no proxy, the system's certificates. Each sandbox has its own: connections live with its runtime.
#[expect(
    clippy::disallowed_methods,
    reason = "the core's env is out of reach here: this crate imports none of ours"
)]
fn client() -> Option<reqwest::Client> {
    use rustls_platform_verifier::BuilderVerifierExt as _;
    static TLS: LazyLock<Option<rustls::ClientConfig>> = LazyLock::new(|| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Some(versions.ok()?.with_platform_verifier().ok()?.with_no_client_auth())
    });
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.tls_backend_preconfigured(TLS.clone()?).build().ok()
}

//! What a person can do at Podio from a notification, which call that is, and the queue of what is still to be told.
//!
//! In: kept notifications, orders, how calls ended. Out: offers, calls, reports. `offers` and `call` are pure; the queue tells one act at a
//! time, in the order of asking, and outlives its link: the engine hears of the beginning before Podio does, and of the end until it has
//! kept it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::api::{Api, Call, Told};
use super::json::{at, field, int, items, text};
use super::normalize::Target;
use crate::act::{Act, ActEnd, Offer};
use crate::kind::Category;
use crate::link::Failure;
use crate::notification::{Detail, Kind, Notification};
use crate::source::{Due, Reports, Wish};

/// After so many answers of a server in trouble to one and the same act, it is given up in words: others wait behind it.
const STUMBLES: u32 = 5;
/// How long the end of a link waits for a call under way.
const LAST_CALL: Duration = Duration::from_secs(2);
/// An act is never held back longer than this, whatever the clocks say.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// What can be followed (Podio's subscriptions area).
const FOLLOWABLE: &[&str] = &["app", "item", "status", "task", "space"];
/// What can be commented, where the service says nothing of rights (contexts of `comment` and `alert` in its notifications area).
const COMMENTABLE: &[&str] = &["action", "file", "item", "meeting", "share", "status", "task"];
/// What a reminder may belong to.
const REMINDING: &[&str] = &["task", "meeting"];

/// What a kept notification offers to do.
pub(in crate::source) fn offers(notification: &Notification) -> Vec<Offer> {
    // A push alone does not say what it is about.
    if notification.detail == Detail::Hint {
        return Vec::new();
    }
    let raw: Value = serde_json::from_str(&notification.raw).unwrap_or_default();
    let about = About { notification, raw: &raw };
    let mut offers = Vec::new();
    if about.conversation().is_some() {
        offers.push(Offer::Reply);
    } else if about.can_be_commented() {
        offers.push(Offer::Comment);
    }
    if about.open_task().is_some() {
        offers.push(Offer::Complete);
    }
    if about.open_invitation().is_some() {
        offers.extend([Offer::Accept, Offer::Decline]);
    }
    if notification.kind == Kind::Reminder && about.object(REMINDING).is_some() {
        offers.push(Offer::Snooze);
    }
    offers.extend(about.following());
    offers
}

/// The call that does it; `None` where the notification does not say enough. The operations are those of Podio's API documentation, by
/// the names and paths that its client libraries use.
fn call(notification: &Notification, act: &Act) -> Option<Call> {
    let raw: Value = serde_json::from_str(&notification.raw).unwrap_or_default();
    let about = About { notification, raw: &raw };
    let post = |path: String, body: Option<Value>| Some(Call { method: Method::POST, path, body });
    match act {
        Act::Reply { text } => match about.conversation() {
            // “Reply to conversation” (22444).
            Some(conversation) => {
                post(format!("/conversation/{conversation}/reply"), Some(json!({ "text": text })))
            }
            // “Add comment to object” (22340).
            None => {
                let (what, id) = about.any_object()?;
                post(format!("/comment/{what}/{id}"), Some(json!({ "value": text })))
            }
        },
        // “Complete task” (22432).
        Act::Complete => post(format!("/task/{}/complete", about.open_task()?), None),
        // Not in the public documentation; the Ruby client has both.
        Act::Accept => {
            post("/space/invite/accept".to_owned(), Some(json!({ "invite_code": about.open_invitation()? })))
        }
        Act::Decline => {
            post("/space/invite/decline".to_owned(), Some(json!({ "invite_code": about.open_invitation()? })))
        }
        // “Snooze reminder” (3321049).
        Act::Snooze => {
            let (what, id) = about.object(REMINDING)?;
            post(format!("/reminder/{what}/{id}/snooze"), None)
        }
        // “Subscribe” (22409).
        Act::Follow => {
            let (what, id) = about.object(FOLLOWABLE)?;
            post(format!("/subscription/{what}/{id}"), None)
        }
        // “Unsubscribe by reference” (22410) where it can be; a number may be of a subscription that ended and was begun anew. Else
        // “Unsubscribe by id” (22445).
        Act::Unfollow => {
            let path = match about.object(FOLLOWABLE) {
                Some((what, id)) => format!("/subscription/{what}/{id}"),
                None => format!("/subscription/{}", about.subscription()?),
            };
            Some(Call { method: Method::DELETE, path, body: None })
        }
    }
}

/// A notification beside what the service sent of it.
struct About<'a> {
    notification: &'a Notification,
    raw: &'a Value,
}

impl About<'_> {
    /// What it is about, with a number.
    fn any_object(&self) -> Option<(&str, i64)> {
        let context = &self.notification.context;
        // It becomes part of an address.
        let plain =
            !context.what.is_empty() && context.what.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let id = context.id.parse().ok().filter(|id: &i64| *id > 0)?;
        plain.then_some((context.what.as_str(), id))
    }

    /// The same, if it is one of these.
    fn object(&self, of: &[&str]) -> Option<(&str, i64)> {
        self.any_object().filter(|(what, _)| of.contains(what))
    }

    /// The conversation, if it is a message of one.
    fn conversation(&self) -> Option<i64> {
        if let Some(Target::Conversation { conversation }) = Target::of(&self.notification.external_id) {
            return Some(conversation);
        }
        let talk = matches!(self.notification.kind, Kind::Message | Kind::ConversationAdd);
        let (_, id) = self.object(&["conversation"]).filter(|_| talk)?;
        Some(id)
    }

    /// True for what was said about a thing that one may say something about, too.
    fn can_be_commented(&self) -> bool {
        let said = matches!(self.notification.kind, Kind::Comment | Kind::Alert | Kind::TeamAlert);
        let Some((what, _)) = self.any_object().filter(|_| said) else { return false };
        match self.rights() {
            Some(rights) => rights.contains(&"comment"),
            None => COMMENTABLE.contains(&what),
        }
    }

    /// The task, unless it is known to be completed or deleted.
    fn open_task(&self) -> Option<i64> {
        let (_, id) = self.object(&["task"])?;
        let task = at(self.raw, &["context", "data"]);
        let completed = text(field(task, "status")).is_some_and(|status| status == "completed")
            || text(field(task, "completed_on")).is_some()
            || text(field(self.data(), "type")).is_some_and(|change| change == "complete");
        (!completed && !self.is_deletion()).then_some(id)
    }

    /// The code of an invitation that waits for an answer.
    fn open_invitation(&self) -> Option<String> {
        if self.notification.kind != Kind::SpaceInvite {
            return None;
        }
        let open = text(field(self.data(), "status")).is_none_or(|status| status == "invited");
        text(field(self.data(), "invite_code")).filter(|_| open)
    }

    /// Following, or the end of it. Podio says which object is followed only by the number of the subscription that caused a
    /// notification; where it says none, the kind tells: those of its category “subscription” come to those who follow.
    fn following(&self) -> Option<Offer> {
        if self.is_deletion() {
            return None;
        }
        if self.subscription().is_some() {
            return Some(Offer::Unfollow);
        }
        self.object(FOLLOWABLE)?;
        if self.notification.kind.facts().category == Category::Subscription {
            return Some(Offer::Unfollow);
        }
        let of_interest = matches!(
            self.notification.kind,
            Kind::Alert | Kind::TeamAlert | Kind::MemberReferenceAdd | Kind::Reference | Kind::GrantCreate
        );
        let allowed = self.rights().is_none_or(|rights| rights.contains(&"subscribe"));
        (of_interest && allowed).then_some(Offer::Follow)
    }

    fn is_deletion(&self) -> bool {
        matches!(self.notification.kind, Kind::Delete | Kind::SpaceDelete)
    }

    fn subscription(&self) -> Option<i64> {
        int(at(self.raw, &["notification", "subscription_id"]))
    }

    /// What the person may do with it, where the service says.
    fn rights(&self) -> Option<Vec<&str>> {
        let rights = at(self.raw, &["context", "rights"]);
        rights.is_array().then(|| items(rights).iter().filter_map(Value::as_str).collect())
    }

    fn data(&self) -> &Value {
        at(self.raw, &["notification", "data"])
    }
}

/// What is still to be told, and the one that is being told.
#[derive(Default)]
pub(crate) struct Acts {
    waiting: BTreeMap<i64, Waiting>,
    step: Step,
    not_before: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    due: Instant,
    stumbles: u32,
}

/// What is being done with the first of them.
#[derive(Default)]
enum Step {
    #[default]
    Nothing,
    /// The engine keeps that it begins, then Podio is told.
    Telling(i64, BoxFuture<'static, Result<Option<(Act, Told)>, Failure>>),
    /// The engine is to keep how it ended.
    Ended(i64, ActEnd, Option<Failure>),
    /// It does so.
    Keeping(i64, ActEnd, Option<Failure>, BoxFuture<'static, Result<Vec<Wish>, Failure>>),
}

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It went on; these wishes follow from it.
    Well(Vec<Wish>),
    /// It rests because of this.
    Later(Failure),
}

impl fmt::Debug for Acts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acts").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Acts {
    /// A new act. One that is known already changes nothing.
    pub(crate) fn ask(&mut self, due: Due, now: Timestamp, instant: Instant) {
        let hold = Duration::try_from(due.at.duration_since(now)).unwrap_or_default();
        let due_at = instant + hold.min(LONGEST_HOLD);
        self.waiting.entry(due.number).or_insert(Waiting { due: due_at, stumbles: 0 });
    }

    /// Nothing is told before this.
    pub(crate) fn put_off(&mut self, until: Instant) {
        self.not_before = Some(until);
    }

    /// Begins what is due; waits for nothing.
    pub(crate) fn go_on(&mut self, now: Instant, api: &Api, reports: &Reports) {
        match std::mem::take(&mut self.step) {
            Step::Nothing => {
                let due = self.next_at().is_some_and(|at| at <= now);
                if let Some(number) = self.waiting.keys().next().copied().filter(|_| due) {
                    self.step = Step::Telling(number, Box::pin(told(number, api.clone(), reports.clone())));
                }
            }
            Step::Ended(number, end, failure) if self.not_before.is_some_and(|at| now < at) => {
                self.step = Step::Ended(number, end, failure);
            }
            Step::Ended(number, end, failure) => {
                let reports = reports.clone();
                let said = end.clone();
                let keeping = Box::pin(async move { reports.acted(number, said).await });
                self.step = Step::Keeping(number, end, failure, keeping);
            }
            busy @ (Step::Telling(..) | Step::Keeping(..)) => self.step = busy,
        }
    }

    /// When there is something to do without being told; none while something is being done.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        match self.step {
            Step::Nothing => {
                let (_, first) = self.waiting.first_key_value()?;
                Some(self.not_before.map_or(first.due, |at| at.max(first.due)))
            }
            Step::Ended(..) => self.not_before,
            Step::Telling(..) | Step::Keeping(..) => None,
        }
    }

    /// The end of what is being done. Cancel safe; pends for ever while nothing is.
    pub(crate) async fn ended(&mut self) -> Ended {
        match &mut self.step {
            Step::Nothing | Step::Ended(..) => std::future::pending().await,
            Step::Telling(number, telling) => {
                let (number, told) = (*number, telling.await);
                self.told(number, told)
            }
            Step::Keeping(number, end, failure, keeping) => {
                let kept = keeping.await;
                let (number, end, failure) = (*number, end.clone(), failure.take());
                self.kept(number, end, failure, kept)
            }
        }
    }

    /// After a link: a call under way is given a moment to end, and what ended is handed over. What is not through then goes on in the
    /// next link.
    pub(crate) async fn link_ended(&mut self, reports: &Reports) {
        let last = async {
            if matches!(self.step, Step::Telling(..)) {
                self.ended().await;
            }
            if let Step::Ended(number, end, _) = &self.step
                && reports.acted(*number, end.clone()).await.is_ok()
            {
                let (number, over) = (*number, is_over(end));
                self.step = Step::Nothing;
                if over {
                    self.waiting.remove(&number);
                }
            }
        };
        drop(tokio::time::timeout(LAST_CALL, last).await);
        if let Step::Keeping(number, end, ..) = std::mem::replace(&mut self.step, Step::Nothing) {
            self.step = Step::Ended(number, end, None);
        }
        self.not_before = None;
    }

    fn told(&mut self, number: i64, told: Result<Option<(Act, Told)>, Failure>) -> Ended {
        self.step = Step::Nothing;
        let (act, told) = match told {
            Ok(Some(told)) => told,
            // Taken back, or gone with its account.
            Ok(None) => {
                self.waiting.remove(&number);
                return Ended::Well(Vec::new());
            }
            // The engine could not keep that it begins, so nothing was begun.
            Err(failure) => return Ended::Later(failure),
        };
        let stumbles = self.waiting.get_mut(&number).map_or(0, |waiting| {
            waiting.stumbles += u32::from(matches!(told, Told::Perhaps(_)));
            waiting.stumbles
        });
        let (end, failure) = ended(&act, told, stumbles);
        self.step = Step::Ended(number, end, failure);
        Ended::Well(Vec::new())
    }

    fn kept(
        &mut self,
        number: i64,
        end: ActEnd,
        failure: Option<Failure>,
        kept: Result<Vec<Wish>, Failure>,
    ) -> Ended {
        match kept {
            Ok(wishes) => {
                self.step = Step::Nothing;
                // One that is not over waits in its place: what was asked for later goes out later.
                if is_over(&end) {
                    self.waiting.remove(&number);
                }
                failure.map_or(Ended::Well(wishes), Ended::Later)
            }
            Err(unkept) => {
                self.step = Step::Ended(number, end, failure);
                Ended::Later(unkept)
            }
        }
    }
}

/// Tells one act: the engine first, so that a crash in between leaves no doubt that is not known to be one.
async fn told(number: i64, api: Api, reports: Reports) -> Result<Option<(Act, Told)>, Failure> {
    let Some(begun) = reports.begin(number).await? else { return Ok(None) };
    let (notification, act) = *begun;
    let told = match call(&notification, &act) {
        Some(call) => api.act(&call).await,
        None => Told::Refused("the notification no longer says enough to do this: do it at Podio".to_owned()),
    };
    Ok(Some((act, told)))
}

fn is_over(end: &ActEnd) -> bool {
    match end {
        ActEnd::Done | ActEnd::Refused { .. } | ActEnd::Unsure { .. } => true,
        ActEnd::Waits { .. } | ActEnd::Again { .. } => false,
    }
}

/// What the ending of a call means for the act; with a failure where it waits for better times.
fn ended(act: &Act, told: Told, stumbles: u32) -> (ActEnd, Option<Failure>) {
    let refused = |reason: String| (ActEnd::Refused { reason }, None);
    match told {
        Told::Done => (ActEnd::Done, None),
        Told::Refused(reason) => refused(reason),
        // Whatever it was that one does not want to hear of: one will not.
        Told::Gone if *act == Act::Unfollow => (ActEnd::Done, None),
        Told::Gone => refused(gone(act).to_owned()),
        Told::Conflict if *act == Act::Follow => (ActEnd::Done, None),
        Told::Conflict => refused(conflict(act).to_owned()),
        Told::NotDone(failure) => (ActEnd::Waits { reason: failure.to_string() }, Some(failure)),
        Told::Perhaps(_) if !act.may_be_repeated() => {
            (ActEnd::Unsure { reason: act.unsure_words().to_owned() }, None)
        }
        Told::Perhaps(failure) if stumbles >= STUMBLES => refused(format!(
            "It did not work {stumbles} times (the last time: {failure}). Try it again later."
        )),
        Told::Perhaps(failure) => (ActEnd::Again { reason: failure.to_string() }, Some(failure)),
    }
}

fn gone(act: &Act) -> &'static str {
    match act {
        Act::Reply { .. } => "What you replied to is no longer at Podio, or you may not see it any more.",
        Act::Complete => "The task is no longer at Podio, or you may not see it any more.",
        Act::Accept | Act::Decline => "The invitation is no longer valid.",
        Act::Snooze => "The reminder is no longer at Podio.",
        Act::Follow | Act::Unfollow => "It is no longer at Podio, or you may not see it any more.",
    }
}

fn conflict(act: &Act) -> &'static str {
    match act {
        Act::Reply { .. } => {
            "Something changed at Podio meanwhile, and your reply was not taken: look at it there."
        }
        Act::Complete => {
            "The task changed at Podio meanwhile; it may be completed already: look at it there."
        }
        Act::Accept | Act::Decline => "The invitation was answered already, or taken back.",
        Act::Snooze => "The reminder changed at Podio meanwhile.",
        Act::Follow | Act::Unfollow => "Something changed at Podio meanwhile: look at it there.",
    }
}

#[cfg(test)]
#[path = "acts_tests.rs"]
mod tests;

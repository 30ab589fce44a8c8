//! What a person can do from a notification: what is offered, doing it, what came of it, taking it back.

use jiff::{SignedDuration, Timestamp};

use super::Desk;
use crate::act::{Act, ActState, Offer, still_offered};
use crate::engine::supervisor::Nudge;
use crate::engine::views::{ActView, Signal, Trouble};
use crate::notification::NotificationId;
use crate::source::{self, Due};
use crate::store::{Kept, KeptAct};

/// How long the service is not told, so that the person can take it back: long enough to see a slip of the hand, short enough that nobody
/// waits for it.
const GRACE: SignedDuration = SignedDuration::from_secs(5);

impl Desk {
    /// What a notification offers to do at its service, by how things stand.
    pub async fn offers(&self, id: NotificationId) -> Result<Vec<Offer>, Trouble> {
        let row = self.row(id).await?;
        let acts = self.inner.store.acts(id).await?;
        self.offered(&row, &acts).await
    }

    /// Does it: keeps it, and has the service told some seconds later, or when it can be reached. What is wanted already is not done twice.
    pub async fn act(&self, id: NotificationId, act: Act) -> Result<ActView, Trouble> {
        let act = act.checked().map_err(|error| Trouble::usage(error.to_string()))?;
        let row = self.row(id).await?;
        let acts = self.inner.store.acts(id).await?;
        if !act.is_among(&self.offered(&row, &acts).await?) {
            let same = acts.iter().rev().find(|kept| kept.act == act && kept.settled_at.is_none());
            return match same {
                Some(same) => Ok(self.view(same.clone())),
                None => Err(not_offered(&act, &acts)),
            };
        }
        let inner = &self.inner;
        let now = inner.env.clock.now();
        let due = now.checked_add(GRACE).unwrap_or(now);
        let number = inner.store.ask_act(id, act, now, due).await?;
        inner.signals.send(Signal::Changed { id });
        if let Some(link) = inner.supervisors.lock().await.get(&row.notification.account) {
            link.nudge(Nudge::Act(Due { number, at: due }));
        }
        self.known_act(number).await
    }

    /// What was done from a notification, oldest first, and what came of each.
    pub async fn acts(&self, id: NotificationId) -> Result<Vec<ActView>, Trouble> {
        self.row(id).await?;
        let acts = self.inner.store.acts(id).await?;
        Ok(acts.into_iter().map(|act| self.view(act)).collect())
    }

    /// Takes back what the service was not told yet.
    pub async fn undo_act(&self, number: i64) -> Result<ActView, Trouble> {
        let undone = self.inner.store.undo_act(number, self.inner.env.clock.now()).await?;
        let view = self.known_act(number).await?;
        if !undone && view.state != ActState::Undone {
            return Err(Trouble::failed(format!("it is too late to take this back. {}", view.words)));
        }
        self.inner.signals.send(Signal::Changed { id: view.notification });
        Ok(view)
    }

    async fn offered(&self, row: &Kept, acts: &[KeptAct]) -> Result<Vec<Offer>, Trouble> {
        let account = self.known_account(&row.notification.account).await?;
        let offers = source::offers(account.settings.service(), &row.notification);
        let done: Vec<(Act, ActState)> = acts.iter().map(|kept| (kept.act.clone(), kept.state)).collect();
        Ok(still_offered(offers, &done))
    }

    async fn known_act(&self, number: i64) -> Result<ActView, Trouble> {
        let act = self.inner.store.act(number).await?;
        act.map(|act| self.view(act)).ok_or_else(|| Trouble::usage(format!("there is no act {number}")))
    }

    fn view(&self, act: KeptAct) -> ActView {
        view(act, self.inner.env.clock.now())
    }
}

fn not_offered(act: &Act, acts: &[KeptAct]) -> Trouble {
    match acts.iter().rev().find(|kept| kept.act == *act && kept.state == ActState::Done) {
        Some(_) => Trouble::usage(format!("this is done already. {}", act.done_words())),
        None => Trouble::usage(format!("“{}” cannot be done from this notification", act.name())),
    }
}

fn sentence(mut words: String) -> String {
    if !words.ends_with(['.', '?', '!']) {
        words.push('.');
    }
    words
}

/// An act as a face shows it.
pub(in crate::engine) fn view(act: KeptAct, now: Timestamp) -> ActView {
    let KeptAct { number, notification, act, asked_at, due_at, state, words, settled_at } = act;
    let words = match (state, words) {
        (ActState::Waiting, None) if now < due_at => "It goes out in a moment.".to_owned(),
        (ActState::Waiting, None) => "It goes out as soon as the service can be reached.".to_owned(),
        (ActState::Waiting, Some(reason)) => format!("It waits and goes out by itself: {reason}."),
        (ActState::UnderWay, None) => "The service is being told …".to_owned(),
        (ActState::UnderWay, Some(reason)) => format!("It is tried again by itself: {reason}."),
        (ActState::Done, _) => act.done_words().to_owned(),
        (ActState::Undone, _) => "Taken back; the service was not told.".to_owned(),
        (ActState::Refused | ActState::Unsure, words) => sentence(words.unwrap_or_default()),
    };
    let can_be_undone = state == ActState::Waiting;
    ActView { number, notification, act, state, words, can_be_undone, asked_at, due_at, settled_at }
}

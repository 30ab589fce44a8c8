//! A desktop for tests: remembers what it was asked, answers as told, and clicks when told.
//!
//! In: toasts, and the test's script. Out: the calls, in order.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::{Outcome, Toast, ToastEvent, ToastKey, ToastService, Toaster};

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `show` with this toast.
    Show(Toast),
    /// `withdraw` of this key.
    Withdraw(ToastKey),
}

/// Remembers every call. Shows everything unless told otherwise.
#[derive(Debug)]
pub struct Recording {
    calls: watch::Sender<Vec<Call>>,
    script: Mutex<VecDeque<Outcome>>,
    events: mpsc::Sender<ToastEvent>,
}

impl Recording {
    /// A desktop that tells its clicks to `events`.
    pub fn new(events: mpsc::Sender<ToastEvent>) -> Self {
        Self { calls: watch::Sender::new(Vec::new()), script: Mutex::default(), events }
    }

    /// The next `show` answers this; after all scripted answers, `Shown` again.
    pub fn answer(&self, outcome: Outcome) {
        self.script().push_back(outcome);
    }

    /// Does what a person would: the event goes to whoever listens. False if nobody does any more.
    pub async fn happen(&self, event: ToastEvent) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// The toasts of all `show` calls so far.
    pub fn shown(&self) -> Vec<Toast> {
        let shown = |call: &Call| match call {
            Call::Show(toast) => Some(toast.clone()),
            Call::Withdraw(_) => None,
        };
        self.calls.borrow().iter().filter_map(shown).collect()
    }

    /// Tells when calls are added: wait on it for a state.
    pub fn watch(&self) -> watch::Receiver<Vec<Call>> {
        self.calls.subscribe()
    }

    fn script(&self) -> MutexGuard<'_, VecDeque<Outcome>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Toaster for Recording {
    fn show<'a>(&'a self, toast: &'a Toast) -> BoxFuture<'a, Outcome> {
        self.calls.send_modify(|calls| calls.push(Call::Show(toast.clone())));
        let outcome = self.script().pop_front().unwrap_or(Outcome::Shown);
        Box::pin(std::future::ready(outcome))
    }

    fn withdraw<'a>(&'a self, key: &'a ToastKey) -> BoxFuture<'a, ()> {
        self.calls.send_modify(|calls| calls.push(Call::Withdraw(key.clone())));
        Box::pin(std::future::ready(()))
    }

    fn service(&self) -> BoxFuture<'_, ToastService> {
        Box::pin(std::future::ready(ToastService {
            name: Some("recording".into()),
            capabilities: Vec::new(),
            words: "Toasts are recorded, not shown.".into(),
            works: true,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::Icon;

    #[tokio::test]
    async fn calls_are_kept_in_order_and_answered_as_scripted() {
        let (sender, mut events) = mpsc::channel(1);
        let desktop = Recording::new(sender);
        let key = ToastKey("k".into());
        let toast = Toast {
            key: key.clone(),
            title: "t".into(),
            body: String::new(),
            account: "Podio".into(),
            icon: Icon::Task,
            silent: false,
            urgency: Default::default(),
            button: None,
        };
        desktop.answer(Outcome::AlreadyShown);
        assert_eq!(desktop.show(&toast).await, Outcome::AlreadyShown);
        assert_eq!(desktop.show(&toast).await, Outcome::Shown);
        desktop.withdraw(&key).await;
        assert_eq!(
            desktop.calls(),
            [Call::Show(toast.clone()), Call::Show(toast.clone()), Call::Withdraw(key.clone())]
        );
        assert_eq!(desktop.shown().len(), 2);
        assert!(desktop.happen(ToastEvent::MarkedRead { key: key.clone() }).await);
        assert_eq!(events.recv().await, Some(ToastEvent::MarkedRead { key }));
    }
}

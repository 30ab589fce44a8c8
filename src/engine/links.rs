//! The table of links: where each stands, as the supervisors say and the overview shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::account::AccountId;
use crate::engine::signal::Signals;
use crate::engine::views::Signal;
use crate::link::LinkState;

/// What is known of one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LinkView {
    /// Where it stands.
    pub(super) state: LinkState,
    /// When the service last gave a sign of life.
    pub(super) last_sign_of_life: Option<Timestamp>,
    /// What it does not hear though it lives, in a sentence.
    pub(super) unheard: Option<String>,
}

/// All links of a running engine. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    table: Arc<Mutex<BTreeMap<AccountId, LinkView>>>,
    signals: Signals,
    moved: Arc<Notify>,
}

impl Links {
    /// An empty table whose changes are told, and ring `moved`: what waited for the end of a catch-up may be decided now.
    pub(super) fn new(signals: Signals, moved: Arc<Notify>) -> Self {
        Self { table: Arc::default(), signals, moved }
    }

    /// A link stands there now. Told only if it changed.
    pub(super) fn stands(&self, account: &AccountId, state: LinkState, now: Timestamp) {
        {
            let mut table = self.lock();
            let alive = matches!(state, LinkState::Live | LinkState::CatchingUp).then_some(now);
            match table.get_mut(account) {
                Some(view) if view.state == state => return,
                Some(view) => {
                    view.state = state.clone();
                    view.last_sign_of_life = alive.or(view.last_sign_of_life);
                }
                None => {
                    let view = LinkView { state: state.clone(), last_sign_of_life: alive, unheard: None };
                    table.insert(account.clone(), view);
                }
            }
        }
        match state.reason() {
            Some(reason) => tracing::info!(%account, state = state.name(), reason, "link"),
            None => tracing::info!(%account, state = state.name(), "link"),
        }
        self.signals.send(Signal::Link { account: account.clone(), state });
        self.moved.notify_one();
    }

    /// The service gave a sign of life.
    pub(super) fn alive(&self, account: &AccountId, now: Timestamp) {
        if let Some(view) = self.lock().get_mut(account) {
            view.last_sign_of_life = Some(now);
        }
    }

    /// What a link does not hear though it lives; `None` if it hears all. Told only if it changed.
    pub(super) fn unheard(&self, account: &AccountId, unheard: Option<String>) {
        {
            let mut table = self.lock();
            let Some(view) = table.get_mut(account).filter(|view| view.unheard != unheard) else { return };
            view.unheard = unheard;
        }
        self.signals.send(Signal::Accounts);
    }

    /// Where a link stands; `Off` for one that was never started.
    pub(super) fn view(&self, account: &AccountId) -> LinkView {
        let off = LinkView { state: LinkState::Off, last_sign_of_life: None, unheard: None };
        self.lock().get(account).cloned().unwrap_or(off)
    }

    /// Accounts that are fetching what they missed.
    pub(super) fn catching_up(&self) -> BTreeSet<AccountId> {
        let table = self.lock();
        let busy = table.iter().filter(|(_, view)| matches!(view.state, LinkState::CatchingUp));
        busy.map(|(account, _)| account.clone()).collect()
    }

    /// Forgets a removed account's link.
    pub(super) fn forget(&self, account: &AccountId) {
        self.lock().remove(account);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AccountId, LinkView>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

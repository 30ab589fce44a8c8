//! What feeds remember of what came, by account: in memory only, and only in the resident.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::account::AccountId;
use crate::feed::Payload;
use crate::source::generic::Seen;

/// The memories of the running feeds. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Feeds(Arc<Mutex<BTreeMap<AccountId, Seen>>>);

impl Feeds {
    /// From now on this is where an account's feed remembers; it goes on with what was remembered before.
    pub(super) fn remembers(&self, account: &AccountId, seen: Seen) {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = feeds.get(account) {
            seen.go_on_with(before);
        }
        feeds.insert(account.clone(), seen);
    }

    /// What is remembered of an account's feed, newest first.
    pub(super) fn payloads(&self, account: &AccountId) -> Vec<Payload> {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.get(account).map(Seen::list).unwrap_or_default()
    }

    /// The account is gone.
    pub(super) fn forget(&self, account: &AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
    }
}

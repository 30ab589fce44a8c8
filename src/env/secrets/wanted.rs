//! What the store should hold, and whether it does. Pure: wishes and outcomes come in, what is still to be done goes out.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::SecretName;
use crate::account::AccountId;

pub(super) type Key = (AccountId, SecretName);

/// The latest wish for each secret. Each wish has a stamp of its own, so that a late outcome is not taken for that of a newer wish.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    wishes: BTreeMap<Key, Wish>,
    last_stamp: u64,
}

#[derive(Debug)]
struct Wish {
    /// `None`: the store should have no such entry.
    secret: Option<SecretString>,
    stamp: u64,
    kept: bool,
}

impl Wanted {
    /// From now on this is the secret, or there is none.
    pub(super) fn want(&mut self, key: Key, secret: Option<SecretString>) {
        let stamp = self.next_stamp();
        self.wishes.insert(key, Wish { secret, stamp, kept: false });
    }

    /// The store gave this secret. A wish that came meanwhile is newer.
    pub(super) fn learned(&mut self, key: &Key, secret: &SecretString) {
        let stamp = self.next_stamp();
        self.wishes.entry(key.clone()).or_insert_with(|| Wish {
            secret: Some(secret.clone()),
            stamp,
            kept: true,
        });
    }

    /// The secret as far as it is known without the store.
    pub(super) fn known(&self, key: &Key) -> Option<Option<SecretString>> {
        self.wishes.get(key).map(|wish| wish.secret.clone())
    }

    /// The wish and its stamp, if the store does not hold it yet.
    pub(super) fn unkept_one(&self, key: &Key) -> Option<(Option<SecretString>, u64)> {
        let wish = self.wishes.get(key).filter(|wish| !wish.kept)?;
        Some((wish.secret.clone(), wish.stamp))
    }

    /// All that the store does not hold yet.
    pub(super) fn unkept(&self) -> Vec<Key> {
        self.wishes.iter().filter(|(_, wish)| !wish.kept).map(|(key, _)| key.clone()).collect()
    }

    /// The wish of this stamp has just reached the store. If it is no longer the latest, it may have replaced the latest there.
    pub(super) fn landed(&mut self, key: &Key, stamp: u64) {
        if let Some(wish) = self.wishes.get_mut(key) {
            wish.kept = wish.stamp == stamp;
        }
    }

    fn next_stamp(&mut self) -> u64 {
        self.last_stamp += 1;
        self.last_stamp
    }
}

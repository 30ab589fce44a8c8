//! What was marked as read all at once, remembered for a while so that it can be taken back. In memory only: after a restart it stays.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::notification::NotificationId;

/// So many can be taken back.
const REMEMBERED: usize = 4;

/// The last few, oldest first.
#[derive(Debug, Default)]
pub(super) struct Batches {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    batches: VecDeque<(u64, Vec<NotificationId>, Timestamp)>,
}

impl Batches {
    /// Remembers what became read, and when; gives back its name.
    pub(super) fn keep(&self, ids: Vec<NotificationId>, marked_at: Timestamp) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last += 1;
        let name = kept.last;
        kept.batches.push_back((name, ids, marked_at));
        while kept.batches.len() > REMEMBERED {
            kept.batches.pop_front();
        }
        name
    }

    /// What has that name, once.
    pub(super) fn take(&self, name: u64) -> Option<(Vec<NotificationId>, Timestamp)> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.batches.iter().position(|(known, ..)| *known == name)?;
        kept.batches.remove(place).map(|(_, ids, marked_at)| (ids, marked_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_four_can_be_taken_back_once() {
        let (batches, at) = (Batches::default(), Timestamp::UNIX_EPOCH);
        let names: Vec<u64> = (0..5).map(|n| batches.keep(vec![NotificationId(n)], at)).collect();
        assert_eq!(batches.take(names[0]), None, "too long ago");
        assert_eq!(batches.take(names[3]), Some((vec![NotificationId(3)], at)));
        assert_eq!(batches.take(names[3]), None, "taken back already");
        assert!([1, 2, 4].iter().all(|n| batches.take(names[*n]).is_some()));
        assert_eq!(batches.take(99), None);
    }
}

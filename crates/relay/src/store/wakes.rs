//! Who waits for which channel. In: "there is something new". Out: a wake-up for those who wait. Both stores use it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::channel::ChannelId;

/// The channels that somebody waits for. A channel that nobody waits for costs nothing.
#[derive(Debug, Default)]
pub struct Wakes {
    channels: Mutex<BTreeMap<ChannelId, watch::Sender<u64>>>,
}

impl Wakes {
    /// Changes at each wake-up of the channel from now on.
    pub fn watch(&self, channel: ChannelId) -> watch::Receiver<u64> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if !channels.contains_key(&channel) {
            // Those who stopped waiting are cleared away by those who come.
            channels.retain(|_, waiting| waiting.receiver_count() > 0);
        }
        channels.entry(channel).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Wakes those who wait for the channel. `seq` is the newest there, for whom it helps.
    pub fn wake(&self, channel: ChannelId, seq: u64) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = channels.get(&channel) {
            waiting.send_replace(seq);
        }
    }

    /// Wakes everybody: anything may have come.
    pub fn wake_all(&self) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in channels.values() {
            waiting.send_modify(|_| ());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_wait_for_the_channel_wake() {
        let wakes = Wakes::default();
        let [one, two] = [1, 2].map(|n| ChannelId::from_bytes([n; 16]));
        let mut first = wakes.watch(one);
        let mut second = wakes.watch(two);
        wakes.wake(one, 7);
        assert!(first.has_changed().unwrap());
        assert_eq!(*first.borrow_and_update(), 7);
        assert!(!second.has_changed().unwrap());
        wakes.wake_all();
        assert!(first.has_changed().unwrap() && second.has_changed().unwrap());
        second.mark_unchanged();
    }

    #[test]
    fn who_stopped_waiting_is_forgotten() {
        let wakes = Wakes::default();
        for n in 0..100 {
            drop(wakes.watch(ChannelId::from_bytes([n; 16])));
        }
        let _waiting = wakes.watch(ChannelId::from_bytes([200; 16]));
        assert_eq!(wakes.channels.lock().unwrap().len(), 1);
    }
}

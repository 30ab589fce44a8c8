//! Who reads which channel right now. In: a reader who comes. Out: a seat, and the word that it was given to somebody else.
//!
//! A desktop that lost its network leaves a dead stream behind and comes back on a new one: so the newest reader is always let in, and
//! one too many costs the oldest of the same channel its seat.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::channel::ChannelId;

/// The seats.
#[derive(Debug)]
pub(crate) struct Readers {
    per_channel: usize,
    of_all: usize,
    seats: Arc<Mutex<Seats>>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: usize,
    channels: BTreeMap<ChannelId, VecDeque<(u64, oneshot::Sender<()>)>>,
}

/// A seat; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    channel: ChannelId,
    number: u64,
    seats: Arc<Mutex<Seats>>,
    /// Resolves once somebody newer needs the seat.
    pub(super) given_away: oneshot::Receiver<()>,
}

impl Readers {
    pub(crate) fn new(per_channel: usize, of_all: usize) -> Self {
        Self { per_channel: per_channel.max(1), of_all: of_all.max(1), seats: Arc::default() }
    }

    /// A seat, unless all are taken by readers of other channels.
    pub(super) fn sit(&self, channel: ChannelId) -> Option<Seat> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let here = seats.channels.get(&channel).map_or(0, VecDeque::len);
        let full = seats.taken >= self.of_all;
        if full && here == 0 {
            return None;
        }
        if full || here >= self.per_channel {
            seats.dismiss_oldest(channel);
        }
        let (give_away, given_away) = oneshot::channel();
        let number = seats.next;
        seats.next += 1;
        seats.taken += 1;
        seats.channels.entry(channel).or_default().push_back((number, give_away));
        Some(Seat { channel, number, seats: self.seats.clone(), given_away })
    }

    /// How many read.
    pub(super) fn taken(&self) -> usize {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).taken
    }
}

impl Seats {
    fn dismiss_oldest(&mut self, channel: ChannelId) {
        let Some(here) = self.channels.get_mut(&channel) else { return };
        if let Some((_, give_away)) = here.pop_front() {
            self.taken -= 1;
            // It may be about to leave by itself.
            let _ = give_away.send(());
        }
    }

    fn leave(&mut self, channel: ChannelId, number: u64) {
        let Some(here) = self.channels.get_mut(&channel) else { return };
        let before = here.len();
        here.retain(|(other, _)| *other != number);
        self.taken -= before - here.len();
        if here.is_empty() {
            self.channels.remove(&channel);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).leave(self.channel, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(n: u8) -> ChannelId {
        ChannelId::from_bytes([n; 16])
    }

    #[test]
    fn one_too_many_costs_the_oldest_its_seat() {
        let readers = Readers::new(2, 100);
        let mut first = readers.sit(channel(1)).unwrap();
        let mut second = readers.sit(channel(1)).unwrap();
        let mut other = readers.sit(channel(2)).unwrap();
        let _third = readers.sit(channel(1)).unwrap();
        assert_eq!(first.given_away.try_recv(), Ok(()));
        assert!(second.given_away.try_recv().is_err() && other.given_away.try_recv().is_err());
        assert_eq!(readers.taken(), 3);
        drop(first);
        assert_eq!(readers.taken(), 3, "its seat was taken already");
    }

    #[test]
    fn a_full_house_keeps_strangers_out_and_lets_those_back_in_who_were_there() {
        let readers = Readers::new(2, 2);
        let _one = readers.sit(channel(1)).unwrap();
        let two = readers.sit(channel(2)).unwrap();
        assert!(readers.sit(channel(3)).is_none());
        let _again = readers.sit(channel(1)).unwrap();
        drop(two);
        assert!(readers.sit(channel(3)).is_some());
    }

    #[test]
    fn nothing_is_left_of_those_who_went() {
        let readers = Readers::new(2, 10);
        for n in 0..50 {
            drop(readers.sit(channel(n)).unwrap());
        }
        let seats = readers.seats.lock().unwrap();
        assert_eq!((seats.taken, seats.channels.len()), (0, 0));
    }
}

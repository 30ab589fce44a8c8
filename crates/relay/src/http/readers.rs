//! Who reads which channel right now. In: a reader who comes. Out: a seat, and the word that it was given to somebody else.
//!
//! A desktop that lost its network leaves a dead stream behind and comes back on a new one: so the newest reader is let in, and one too
//! many costs the oldest of the same channel its seat. Whoever lost it counts until it is gone, and only so many of a channel may be on
//! their way out: else one who comes again and again and never reads would have as many streams as there are connections.

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
    /// Those on their way out included.
    taken: usize,
    channels: BTreeMap<ChannelId, Here>,
}

/// Who reads one channel.
#[derive(Debug, Default)]
struct Here {
    /// Oldest first.
    seated: VecDeque<(u64, oneshot::Sender<()>)>,
    /// How many lost their seat and are not gone yet.
    leaving: usize,
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

impl Seat {
    /// Whether somebody newer needs the seat.
    pub(super) fn is_given_away(&mut self) -> bool {
        self.given_away.try_recv() != Err(oneshot::error::TryRecvError::Empty)
    }
}

impl Readers {
    pub(crate) fn new(per_channel: usize, of_all: usize) -> Self {
        Self { per_channel: per_channel.max(1), of_all: of_all.max(1), seats: Arc::default() }
    }

    /// A seat, unless all are taken by readers of other channels or too many of this one are still on their way out.
    pub(super) fn sit(&self, channel: ChannelId) -> Option<Seat> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let (here, leaving) =
            seats.channels.get(&channel).map_or((0, 0), |here| (here.seated.len(), here.leaving));
        let full = seats.taken >= self.of_all;
        if full || here >= self.per_channel {
            if here == 0 || leaving >= self.per_channel {
                return None;
            }
            seats.dismiss_oldest(channel);
        }
        let (give_away, given_away) = oneshot::channel();
        let number = seats.next;
        seats.next += 1;
        seats.taken += 1;
        seats.channels.entry(channel).or_default().seated.push_back((number, give_away));
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
        if let Some((_, give_away)) = here.seated.pop_front() {
            here.leaving += 1;
            // It may be about to leave by itself.
            let _ = give_away.send(());
        }
    }

    fn leave(&mut self, channel: ChannelId, number: u64) {
        self.taken -= 1;
        let Some(here) = self.channels.get_mut(&channel) else { return };
        let before = here.seated.len();
        here.seated.retain(|(other, _)| *other != number);
        if here.seated.len() == before {
            here.leaving -= 1;
        }
        if here.seated.is_empty() && here.leaving == 0 {
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
        assert!(first.is_given_away());
        assert!(!second.is_given_away() && !other.is_given_away());
        assert_eq!(readers.taken(), 4, "it is not gone yet");
        drop(first);
        assert_eq!(readers.taken(), 3);
    }

    #[test]
    fn who_comes_again_and_again_waits_until_those_before_are_gone() {
        let readers = Readers::new(2, 100);
        let mut all: Vec<Seat> = (0..4).map(|_| readers.sit(channel(1)).unwrap()).collect();
        assert!(readers.sit(channel(1)).is_none());
        assert!(!all[2].is_given_away(), "who is refused costs nobody a seat");
        let _other = readers.sit(channel(2)).unwrap();
        assert_eq!(readers.taken(), 5);
        drop(all.remove(0));
        assert!(readers.sit(channel(1)).is_some());
    }

    #[test]
    fn a_full_house_keeps_strangers_out_and_lets_those_back_in_who_were_there() {
        let readers = Readers::new(2, 2);
        let one = readers.sit(channel(1)).unwrap();
        let two = readers.sit(channel(2)).unwrap();
        assert!(readers.sit(channel(3)).is_none());
        let _again = readers.sit(channel(1)).unwrap();
        drop(two);
        assert!(readers.sit(channel(3)).is_none(), "the one who lost its seat is still there");
        drop(one);
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

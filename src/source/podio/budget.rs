//! The call budget: Podio counts 1,000 calls an hour for each user and API key, 250 for the operations it flags, and answers 420 to
//! everything once they are spent. Belfry stays below by counting for itself and believing the service where that says less. Pure: time is
//! the span since any fixed point of a clock that never jumps.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
/// Calls an hour, all operations together.
const GENERAL: usize = 1000;
/// Calls an hour to flagged operations.
const FLAGGED: usize = 250;
/// Part of each allowance that only needed calls may touch: a fifth.
const RESERVE: usize = 5;
/// Useful calls come from a purse: so many at once …
const PURSE: f64 = 100.0;
/// … and one more each so many seconds (600 an hour), so that a busy morning does not leave the rest of the hour blind.
const REFILL: f64 = 6.0;
/// How long the service's word about what remains is believed when nothing newer is heard.
const BELIEVED: Duration = Duration::from_secs(15 * 60);

/// The operations Belfry calls, as far as their limits may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// `GET /user/status`.
    Status,
    /// `GET /notification/`.
    List,
    /// `GET /notification/{id}/v2`.
    One,
    /// `GET /user/setting/…`.
    Settings,
    /// `POST` or `DELETE …/viewed`, `…/read`, `…/star`.
    Mark,
    /// What the person does: a reply, a completed task and the like.
    Act,
}

/// How much depends on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The link does not stand, or something is lost, without it: connecting, catching up, the person's own wishes.
    Needed,
    /// It makes things better sooner: completing what a push said, looking again.
    Useful,
}

/// May a call be made?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Yes, and it is counted.
    Now,
    /// Not before this.
    NotBefore(Duration),
}

/// The budget of one account.
#[derive(Debug)]
pub(crate) struct Budget {
    general: Allowance,
    flagged_allowance: Allowance,
    /// The operations that the service was seen to hold to the smaller allowance.
    flagged: BTreeSet<Operation>,
    shut_until: Duration,
    purse: f64,
    purse_at: Duration,
}

#[derive(Debug)]
struct Allowance {
    limit: usize,
    spent: VecDeque<Duration>,
    /// What the service said remains, and when.
    said: Option<(usize, Duration)>,
}

impl Allowance {
    fn new(limit: usize) -> Self {
        Self { limit, spent: VecDeque::new(), said: None }
    }

    fn room(&mut self, now: Duration, purpose: Purpose) -> Room {
        while self.spent.front().is_some_and(|at| now.saturating_sub(*at) >= HOUR) {
            self.spent.pop_front();
        }
        let keep = match purpose {
            Purpose::Needed => 0,
            Purpose::Useful => self.limit / RESERVE,
        };
        let usable = self.limit.saturating_sub(keep);
        if self.spent.len() >= usable {
            let oldest = self.spent.get(self.spent.len() - usable).copied().unwrap_or(now);
            return Room::NotBefore(oldest + HOUR);
        }
        match self.said {
            // Nothing left: the end of the service's hour is not told, so a whole one is waited for.
            Some((0, at)) if now.saturating_sub(at) < HOUR => Room::NotBefore(at + HOUR),
            Some((left, at)) if left <= keep && now.saturating_sub(at) < BELIEVED => {
                Room::NotBefore(at + BELIEVED)
            }
            Some(_) | None => Room::Now,
        }
    }

    fn spend(&mut self, now: Duration) {
        self.spent.push_back(now);
        if let Some((left, _)) = &mut self.said {
            // The last one may be counted by the service only later; nothing left is for the service to say.
            *left = left.saturating_sub(1).max((*left).min(1));
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            general: Allowance::new(GENERAL),
            flagged_allowance: Allowance::new(FLAGGED),
            flagged: BTreeSet::new(),
            shut_until: Duration::ZERO,
            purse: PURSE,
            purse_at: Duration::ZERO,
        }
    }
}

impl Budget {
    /// Asks for one call, and counts it if there is room.
    pub(crate) fn ask(&mut self, operation: Operation, purpose: Purpose, now: Duration) -> Room {
        let room = self.peek(operation, purpose, now);
        if room == Room::Now {
            self.general.spend(now);
            if self.flagged.contains(&operation) {
                self.flagged_allowance.spend(now);
            }
            if purpose == Purpose::Useful {
                self.purse -= 1.0;
            }
        }
        room
    }

    /// Is there room for one call? Counts nothing.
    pub(crate) fn peek(&mut self, operation: Operation, purpose: Purpose, now: Duration) -> Room {
        if now < self.shut_until {
            return Room::NotBefore(self.shut_until);
        }
        let flagged = self.flagged.contains(&operation);
        let mut rooms = vec![self.general.room(now, purpose)];
        if flagged {
            rooms.push(self.flagged_allowance.room(now, purpose));
        }
        if purpose == Purpose::Useful {
            rooms.push(self.purse_room(now));
        }
        let latest = rooms.iter().filter_map(|room| match room {
            Room::Now => None,
            Room::NotBefore(at) => Some(*at),
        });
        latest.max().map_or(Room::Now, Room::NotBefore)
    }

    /// Takes in what an answer's headers say: the limit that its operation is held to, and what remains of it.
    pub(crate) fn heard(
        &mut self,
        operation: Operation,
        limit: Option<usize>,
        left: Option<usize>,
        now: Duration,
    ) {
        let Some(left) = left else { return };
        let small = limit.is_some_and(|limit| limit <= FLAGGED);
        if small && self.flagged.insert(operation) {
            self.flagged_allowance.spend(now);
        }
        let allowance = if small { &mut self.flagged_allowance } else { &mut self.general };
        if let Some(limit) = limit.filter(|limit| *limit > 0) {
            allowance.limit = limit;
        }
        allowance.said = Some((left, now));
    }

    /// The service refused for this long.
    pub(crate) fn shut(&mut self, wait: Duration, now: Duration) {
        self.shut_until = self.shut_until.max(now + wait);
    }

    fn purse_room(&mut self, now: Duration) -> Room {
        let passed = now.saturating_sub(self.purse_at).as_secs_f64();
        self.purse = (self.purse + passed / REFILL).min(PURSE);
        self.purse_at = now;
        if self.purse >= 1.0 {
            Room::Now
        } else {
            let wait = Duration::from_secs_f64((1.0 - self.purse) * REFILL);
            // Rounding must not make “now” of a little later.
            Room::NotBefore(now + wait.max(Duration::from_millis(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: Duration = Duration::from_secs(1);

    fn granted(budget: &mut Budget, purpose: Purpose, operation: Operation, now: Duration) -> usize {
        (0..5_000).take_while(|_| budget.ask(operation, purpose, now) == Room::Now).count()
    }

    #[test]
    fn an_hours_calls_end_at_the_limit_and_come_back_an_hour_later() {
        let mut budget = Budget::default();
        assert_eq!(granted(&mut budget, Purpose::Needed, Operation::List, S), GENERAL);
        assert_eq!(budget.ask(Operation::List, Purpose::Needed, 2 * S), Room::NotBefore(HOUR + S));
        assert_eq!(budget.ask(Operation::List, Purpose::Needed, HOUR + S), Room::Now);
    }

    #[test]
    fn useful_calls_leave_the_reserve_to_needed_ones() {
        let mut budget = Budget::default();
        let mut useful = 0;
        for second in 0..3600 {
            useful += granted(&mut budget, Purpose::Useful, Operation::One, second * S);
        }
        assert!((650..=800).contains(&useful), "{useful}");
        let needed = granted(&mut budget, Purpose::Needed, Operation::One, 3599 * S);
        assert_eq!(useful + needed, GENERAL);
    }

    #[test]
    fn a_burst_of_useful_calls_is_held_back_until_the_purse_fills() {
        let mut budget = Budget::default();
        assert_eq!(granted(&mut budget, Purpose::Useful, Operation::One, S), 100);
        let Room::NotBefore(at) = budget.ask(Operation::One, Purpose::Useful, S) else { panic!("room") };
        assert!(at > S && at <= 8 * S, "{at:?}");
        assert_eq!(granted(&mut budget, Purpose::Useful, Operation::One, at + S), 1);
    }

    #[test]
    fn a_flagged_operation_has_the_smaller_allowance_once_the_service_said_so() {
        let mut budget = Budget::default();
        assert_eq!(budget.ask(Operation::List, Purpose::Needed, S), Room::Now);
        budget.heard(Operation::List, Some(250), Some(249), S);
        assert_eq!(granted(&mut budget, Purpose::Needed, Operation::List, S), FLAGGED - 1);
        assert_eq!(budget.ask(Operation::Status, Purpose::Needed, S), Room::Now, "others go on");
    }

    #[test]
    fn the_services_word_counts_where_it_is_less_than_ours() {
        let mut budget = Budget::default();
        budget.heard(Operation::One, Some(1000), Some(150), S);
        assert_eq!(budget.ask(Operation::One, Purpose::Useful, 2 * S), Room::NotBefore(BELIEVED + S));
        assert_eq!(budget.ask(Operation::One, Purpose::Needed, 2 * S), Room::Now);
        assert_eq!(
            budget.ask(Operation::One, Purpose::Useful, BELIEVED + S),
            Room::Now,
            "asks again to hear more"
        );
        budget.heard(Operation::One, Some(1000), Some(0), BELIEVED + S);
        assert_eq!(
            budget.ask(Operation::One, Purpose::Needed, BELIEVED + 2 * S),
            Room::NotBefore(BELIEVED + S + HOUR)
        );
    }

    #[test]
    fn a_refusal_shuts_everything_until_its_time() {
        let mut budget = Budget::default();
        budget.shut(300 * S, S);
        assert_eq!(budget.ask(Operation::Status, Purpose::Needed, 2 * S), Room::NotBefore(301 * S));
        assert_eq!(budget.ask(Operation::Status, Purpose::Needed, 301 * S), Room::Now);
    }

    proptest! {
        #[test]
        fn no_hour_ever_sees_more_than_the_limit(steps in prop::collection::vec((0_u64..120, 0_usize..30, any::<bool>()), 1..200)) {
            let mut budget = Budget::default();
            let (mut now, mut calls) = (Duration::ZERO, Vec::new());
            for (wait, count, needed) in steps {
                now += Duration::from_secs(wait);
                let purpose = if needed { Purpose::Needed } else { Purpose::Useful };
                for _ in 0..count {
                    match budget.ask(Operation::List, purpose, now) {
                        Room::Now => calls.push(now),
                        Room::NotBefore(at) => prop_assert!(at > now),
                    }
                }
            }
            // Of any 1,001 calls in a row, the last is an hour after the first.
            for (first, last) in calls.iter().zip(calls.iter().skip(GENERAL)) {
                prop_assert!(*last - *first >= HOUR);
            }
        }
    }
}

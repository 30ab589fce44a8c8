//! The call budget: Podium takes 300 requests a minute on most routes, and says in each answer what remains. Belfry stays below by
//! counting for itself and believing the service where that says less. Pure: time is the span since any fixed point of a clock that
//! never jumps.

use std::collections::VecDeque;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// Calls a minute.
const LIMIT: usize = 300;
/// Part of them that is left to other programs of the same person, and to what cannot wait: a third.
const RESERVE: usize = 3;
/// Longest time that the service's word about its reset is believed.
const LONGEST: Duration = Duration::from_secs(300);

/// How much depends on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The link does not stand without it.
    Needed,
    /// It looks through lists, and may take its time.
    Patient,
}

/// The budget of one account.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    spent: VecDeque<Duration>,
    /// What the service said remains, and until when that holds.
    said: Option<(usize, Duration)>,
    shut_until: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { limit: LIMIT, spent: VecDeque::new(), said: None, shut_until: Duration::ZERO }
    }
}

impl Budget {
    /// Asks for one call and counts it; or says not before when there is room.
    pub(crate) fn ask(&mut self, purpose: Purpose, now: Duration) -> Result<(), Duration> {
        if now < self.shut_until {
            return Err(self.shut_until);
        }
        while self.spent.front().is_some_and(|at| now.saturating_sub(*at) >= MINUTE) {
            self.spent.pop_front();
        }
        let kept = match purpose {
            Purpose::Needed => 0,
            Purpose::Patient => self.limit / RESERVE,
        };
        let usable = self.limit.saturating_sub(kept).max(1);
        if self.spent.len() >= usable {
            let oldest = self.spent.get(self.spent.len() - usable).copied().unwrap_or(now);
            return Err(oldest + MINUTE);
        }
        if let Some((left, until)) = &mut self.said {
            if now >= *until {
                self.said = None;
            } else if *left <= kept {
                return Err(*until);
            } else {
                *left -= 1;
            }
        }
        self.spent.push_back(now);
        Ok(())
    }

    /// Takes in what an answer's headers say: the limit, what remains of it, and how long until it is whole again.
    pub(crate) fn heard(
        &mut self,
        limit: Option<usize>,
        left: Option<usize>,
        reset: Option<Duration>,
        now: Duration,
    ) {
        if let Some(limit) = limit.filter(|limit| *limit > 0) {
            self.limit = limit.min(LIMIT);
        }
        if let Some(left) = left {
            self.said = Some((left, now + reset.unwrap_or(MINUTE).min(LONGEST)));
        }
    }

    /// The service refused for this long.
    pub(crate) fn shut(&mut self, wait: Duration, now: Duration) {
        self.shut_until = self.shut_until.max(now + wait.min(LONGEST));
    }
}

/// How long until a reset that is told as seconds, or as a time in seconds or milliseconds since 1970 (the service does not document which).
pub(crate) fn until_reset(said: &str, now_second: i64) -> Option<Duration> {
    let number: i64 = said.trim().parse().ok()?;
    let seconds = match number {
        0..1_000_000_000 => number,
        1_000_000_000..1_000_000_000_000 => number - now_second,
        1_000_000_000_000.. => number / 1000 - now_second,
        _ => return None,
    };
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: Duration = Duration::from_secs(1);

    fn granted(budget: &mut Budget, purpose: Purpose, now: Duration) -> usize {
        (0..5_000).take_while(|_| budget.ask(purpose, now).is_ok()).count()
    }

    #[test]
    fn a_minutes_calls_end_at_the_limit_and_the_patient_leave_a_third() {
        let mut budget = Budget::default();
        assert_eq!(granted(&mut budget, Purpose::Patient, S), 200);
        assert_eq!(granted(&mut budget, Purpose::Needed, S), 100);
        assert_eq!(budget.ask(Purpose::Needed, 2 * S), Err(MINUTE + S));
        assert_eq!(budget.ask(Purpose::Needed, MINUTE + S), Ok(()));
    }

    #[test]
    fn the_services_word_counts_where_it_is_less_than_ours() {
        let mut budget = Budget::default();
        budget.heard(Some(300), Some(101), Some(20 * S), S);
        assert_eq!(granted(&mut budget, Purpose::Patient, S), 1);
        assert_eq!(budget.ask(Purpose::Patient, 2 * S), Err(21 * S));
        assert_eq!(budget.ask(Purpose::Needed, 2 * S), Ok(()));
        assert_eq!(budget.ask(Purpose::Patient, 21 * S), Ok(()));
        budget.shut(30 * S, 21 * S);
        assert_eq!(budget.ask(Purpose::Needed, 22 * S), Err(51 * S));
    }

    #[test]
    fn a_reset_is_read_in_every_form_it_may_have() {
        let now = 1_795_000_000;
        for (said, seconds) in
            [("30", 30), ("1795000012", 12), ("1795000012000", 12), ("99999", 300), ("1794999999", 0)]
        {
            assert_eq!(until_reset(said, now), Some(Duration::from_secs(seconds)), "{said}");
        }
        assert_eq!(until_reset("soon", now), None);
    }

    proptest! {
        #[test]
        fn no_minute_ever_sees_more_than_the_limit(steps in prop::collection::vec((0_u64..40, 0_usize..200, any::<bool>()), 1..60)) {
            let mut budget = Budget::default();
            let (mut now, mut calls) = (Duration::ZERO, Vec::new());
            for (wait, count, needed) in steps {
                now += Duration::from_secs(wait);
                let purpose = if needed { Purpose::Needed } else { Purpose::Patient };
                for _ in 0..count {
                    match budget.ask(purpose, now) {
                        Ok(()) => calls.push(now),
                        Err(at) => prop_assert!(at > now),
                    }
                }
            }
            for (first, last) in calls.iter().zip(calls.iter().skip(LIMIT)) {
                prop_assert!(*last - *first >= MINUTE);
            }
        }
    }
}

//! When to try again: pure. A delay is drawn once and handed out; the caller shows, keeps and sleeps that very one.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::link::Failure;

/// The first attempts come quickly, so that a restarting server or a blip of the network is barely seen.
const QUICK: Duration = Duration::from_secs(1);
/// So many quick attempts, about five seconds' worth; then the ceiling doubles.
const QUICK_ATTEMPTS: u32 = 10;
/// The highest ceiling.
const CEILING: Duration = Duration::from_secs(300);
/// Never sooner than this, so that a link that fails at once does not spin.
const FLOOR: Duration = Duration::from_millis(100);
/// A link has to live this long before its failures are forgotten: one that connects and dies at once is not healthy.
pub(super) const HEALTHY: Duration = Duration::from_secs(60);
/// A broken link is looked at again this often, even if nobody asks.
const BROKEN: SignedDuration = SignedDuration::from_hours(1);

/// What to do after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again at that time.
    Wait {
        /// When.
        until: Timestamp,
    },
    /// Wait for the person to sign in.
    SignIn,
    /// Wait for the person, a new network, or that time.
    Broken {
        /// When to look again.
        until: Timestamp,
    },
}

/// Counts the failures of one link.
#[derive(Debug, Clone, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Decides what follows a failure.
    ///
    /// `lived` is how long the link was live before it failed, `draw` a random number in `0.0..1.0` (full jitter).
    pub(super) fn after(&mut self, failure: &Failure, lived: Duration, now: Timestamp, draw: f64) -> Next {
        if lived >= HEALTHY {
            self.failures = 0;
        }
        match failure {
            Failure::Transient { .. } => {
                let delay = ceiling(self.failures).mul_f64(draw.clamp(0.0, 1.0)).max(FLOOR);
                self.failures = self.failures.saturating_add(1);
                Next::Wait { until: later(now, delay) }
            }
            // Spread out beyond the named time as well: it is the same for everybody.
            Failure::Later { until, .. } => {
                let spread = Duration::from_secs(5).mul_f64(draw.clamp(0.0, 1.0));
                Next::Wait { until: later((*until).max(now), spread) }
            }
            Failure::SignIn { .. } => Next::SignIn,
            Failure::Fatal { .. } => Next::Broken { until: now.checked_add(BROKEN).unwrap_or(now) },
        }
    }
}

fn ceiling(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(QUICK_ATTEMPTS - 1).min(16);
    QUICK.saturating_mul(1 << doublings).min(CEILING)
}

fn later(now: Timestamp, delay: Duration) -> Timestamp {
    SignedDuration::try_from(delay).ok().and_then(|delay| now.checked_add(delay).ok()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn delay_ms(next: Next, now: Timestamp) -> i64 {
        let Next::Wait { until } = next else { panic!("{next:?}") };
        until.as_millisecond() - now.as_millisecond()
    }

    #[test]
    fn the_first_retry_comes_within_a_second_and_the_last_within_five_minutes() {
        let mut backoff = Backoff::default();
        let delays: Vec<i64> = (0..30)
            .map(|_| delay_ms(backoff.after(&Failure::transient("gone"), Duration::ZERO, at(0), 1.0), at(0)))
            .collect();
        assert_eq!(delays[0], 1_000);
        assert_eq!(delays[9], 1_000, "ten quick attempts");
        assert_eq!(&delays[10..14], &[2_000, 4_000, 8_000, 16_000]);
        assert_eq!(delays[29], 300_000);
    }

    #[test]
    fn a_delay_is_spread_over_the_whole_range_but_never_spins() {
        let mut backoff = Backoff { failures: 40 };
        let half = delay_ms(backoff.after(&Failure::transient("gone"), Duration::ZERO, at(0), 0.5), at(0));
        assert_eq!(half, 150_000);
        let least = delay_ms(backoff.after(&Failure::transient("gone"), Duration::ZERO, at(0), 0.0), at(0));
        assert_eq!(least, 100);
    }

    #[test]
    fn failures_are_forgotten_only_after_a_minute_of_life() {
        let mut backoff = Backoff { failures: 40 };
        let short =
            delay_ms(backoff.after(&Failure::transient("x"), Duration::from_secs(59), at(0), 1.0), at(0));
        assert_eq!(short, 300_000);
        let long =
            delay_ms(backoff.after(&Failure::transient("x"), Duration::from_secs(60), at(0), 1.0), at(0));
        assert_eq!(long, 1_000);
    }

    #[test]
    fn a_named_time_is_a_lower_bound_and_a_past_one_means_now() {
        let mut backoff = Backoff::default();
        let later = Failure::Later { until: at(60_000), reason: "limit".into() };
        assert!(delay_ms(backoff.after(&later, Duration::ZERO, at(0), 0.0), at(0)) >= 60_000);
        let past = Failure::Later { until: at(0), reason: "limit".into() };
        assert!(delay_ms(backoff.after(&past, Duration::ZERO, at(50), 0.0), at(50)) >= 0);
    }

    #[test]
    fn what_cannot_heal_is_not_retried_by_itself() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.after(&Failure::sign_in("x"), Duration::ZERO, at(0), 0.5), Next::SignIn);
        assert_eq!(
            backoff.after(&Failure::fatal("x"), Duration::ZERO, at(0), 0.5),
            Next::Broken { until: at(3_600_000) }
        );
    }
}

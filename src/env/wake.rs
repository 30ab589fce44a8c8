//! Wake: hints that the machine slept, that its network changed, or that its clock was moved. Hints never say that we are online; they
//! say that it is worth a look. A system that gives none of them is a usual one and makes no noise.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod ticker;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::Clock;
use super::tasks::Task;

/// More hints than these need not wait: each of them asks for the same look.
const WAITING: usize = 8;

/// Something happened after which connections are suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeHint {
    /// The machine slept and is awake again.
    Resumed,
    /// The network went, came, or became another one.
    NetworkChanged,
    /// The wall clock was moved.
    ClockJumped,
}

/// A stream of hints, from its start until it is dropped.
#[derive(Debug)]
pub struct Wake {
    hints: mpsc::Receiver<WakeHint>,
    _watchers: Vec<Task>,
}

impl Wake {
    /// Begins to listen. Call it inside the runtime.
    ///
    /// On Linux nothing runs between hints: they come from the system bus (`DBUS_SYSTEM_BUS_ADDRESS`) and from the kernel's clock.
    /// Elsewhere the clocks are compared once a minute, and network changes are not seen.
    pub fn start(clock: &Clock) -> Self {
        let (sender, hints) = mpsc::channel(WAITING);
        #[cfg(target_os = "linux")]
        let watchers = linux::watch(clock, &Hints(sender));
        #[cfg(not(target_os = "linux"))]
        let watchers = ticker::watch(clock, &Hints(sender));
        Self { hints, _watchers: watchers }
    }

    /// The next hint. Waits for ever where there are none. Nothing is lost when this is dropped while it waits.
    pub async fn next(&mut self) -> WakeHint {
        match self.hints.recv().await {
            Some(hint) => hint,
            None => std::future::pending().await,
        }
    }
}

/// Where the watchers put their hints.
#[derive(Debug, Clone)]
struct Hints(mpsc::Sender<WakeHint>);

impl Hints {
    fn give(&self, hint: WakeHint) {
        tracing::debug!(?hint, "the machine gave a hint");
        match self.0.try_send(hint) {
            Ok(()) => {}
            // The look that this hint asks for is already asked for; or no one looks any more.
            Err(mpsc::error::TrySendError::Full(_) | mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
}

/// The clocks, read together.
#[derive(Debug, Clone, Copy)]
struct Reading {
    wall: Timestamp,
    monotonic: Instant,
    /// Counts sleep and is never set. Only Linux lets us read it.
    #[cfg_attr(not(any(target_os = "linux", test)), expect(dead_code, reason = "read on Linux only"))]
    since_boot: Option<Duration>,
}

impl Reading {
    fn now(clock: &Clock, since_boot: Option<Duration>) -> Self {
        Self { wall: clock.now(), monotonic: clock.instant(), since_boot }
    }

    /// How far wall clock and monotonic clock went since an earlier reading.
    fn since(&self, before: &Self) -> (SignedDuration, SignedDuration) {
        let monotonic = self.monotonic.saturating_duration_since(before.monotonic);
        (self.wall.duration_since(before.wall), signed(monotonic))
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// What happened between two readings on a system whose boot clock counts sleep (the monotonic one does not).
#[cfg(any(target_os = "linux", test))]
fn judge_jump(before: &Reading, now: &Reading) -> Option<WakeHint> {
    /// The network time service corrects smaller errors by running the clock faster or slower.
    const STEP: SignedDuration = SignedDuration::from_secs(2);
    let (wall, awake) = now.since(before);
    let Some(boot) =
        now.since_boot.zip(before.since_boot).map(|(now, before)| signed(now.saturating_sub(before)))
    else {
        return ((wall - awake).abs() >= STEP).then_some(WakeHint::ClockJumped);
    };
    if boot - awake >= STEP {
        Some(WakeHint::Resumed)
    } else if (wall - boot).abs() >= STEP {
        Some(WakeHint::ClockJumped)
    } else {
        None
    }
}

/// What happened between two ticks that should be `tick` apart. The monotonic clock stops in sleep on macOS and runs on Windows; either
/// way the wall clock shows more than a tick. Ahead, a moved clock looks the same as sleep.
#[cfg(any(not(target_os = "linux"), test))]
fn judge_tick(before: &Reading, now: &Reading, tick: SignedDuration) -> Option<WakeHint> {
    /// A busy machine is late, too.
    const LATE: SignedDuration = SignedDuration::from_secs(20);
    let (wall, monotonic) = now.since(before);
    if wall - monotonic >= LATE || monotonic - tick >= LATE {
        Some(WakeHint::Resumed)
    } else if monotonic - wall >= LATE {
        Some(WakeHint::ClockJumped)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two readings, so many seconds apart on each clock.
    fn readings(wall: i64, monotonic: u64, since_boot: Option<u64>) -> (Reading, Reading) {
        let start = Instant::now();
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let boot = Duration::from_secs(1000);
        let before = Reading { wall: at, monotonic: start, since_boot: since_boot.map(|_| boot) };
        let now = Reading {
            wall: at + SignedDuration::from_secs(wall),
            monotonic: start + Duration::from_secs(monotonic),
            since_boot: since_boot.map(|seconds| boot + Duration::from_secs(seconds)),
        };
        (before, now)
    }

    #[test]
    fn the_boot_clock_tells_sleep_from_a_moved_clock() {
        use WakeHint::{ClockJumped, Resumed};
        let cases = [
            (0, 0, Some(0), None),
            (3600, 3600, Some(3600), None),
            (3601, 3600, Some(3600), None),
            (3602, 3600, Some(3600), Some(ClockJumped)),
            (7200, 3600, Some(3600), Some(ClockJumped)),
            (-60, 0, Some(0), Some(ClockJumped)),
            (7200, 3600, Some(7200), Some(Resumed)),
            (10, 5, Some(10), Some(Resumed)),
            // Slept, and the clock was set on waking: sleep is the greater news.
            (9000, 3600, Some(7200), Some(Resumed)),
            (60, 60, None, None),
            (90, 60, None, Some(ClockJumped)),
        ];
        for (wall, monotonic, boot, expected) in cases {
            let (before, now) = readings(wall, monotonic, boot);
            assert_eq!(judge_jump(&before, &now), expected, "{wall} {monotonic} {boot:?}");
        }
    }

    #[test]
    fn a_late_tick_or_a_wall_clock_ahead_is_taken_for_sleep() {
        use WakeHint::{ClockJumped, Resumed};
        let cases = [
            (60, 60, None),
            (79, 60, None),
            (80, 60, Some(Resumed)),
            (3660, 60, Some(Resumed)),
            // Windows: both clocks ran on.
            (3660, 3660, Some(Resumed)),
            (79, 79, None),
            (40, 60, Some(ClockJumped)),
            (-3600, 60, Some(ClockJumped)),
        ];
        for (wall, monotonic, expected) in cases {
            let (before, now) = readings(wall, monotonic, None);
            assert_eq!(
                judge_tick(&before, &now, SignedDuration::from_secs(60)),
                expected,
                "{wall} {monotonic}"
            );
        }
    }

    #[tokio::test]
    async fn hints_that_no_one_takes_do_not_hold_up_the_watchers() {
        let (sender, mut taken) = mpsc::channel(WAITING);
        let hints = Hints(sender);
        for _ in 0..WAITING * 3 {
            hints.give(WakeHint::Resumed);
        }
        let mut count = 0;
        while taken.try_recv().is_ok() {
            count += 1;
        }
        assert_eq!(count, WAITING);
    }
}

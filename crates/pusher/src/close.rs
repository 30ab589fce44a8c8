//! What each close code asks for (protocol 7, "Connection closure"), as a pure rule.

use std::time::Duration;

use crate::Retry;

/// How many quick failures in a row may be followed by another try at once.
pub(crate) const AT_ONCE: u32 = 3;
/// A connection that lived this long is no quick failure, and what went wrong before it counts no more.
pub(crate) const SETTLED: Duration = Duration::from_secs(60);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The rule of a close code. `encrypted` says whether the connection was; `run` is how many connections in a row failed
/// quickly, this one among them.
pub(crate) fn rule(code: u16, encrypted: bool, run: u32) -> Retry {
    match code {
        // Over TLS it cannot mean "use TLS": sockudo closes so for troubles that have no code of their own.
        4000 if !encrypted => Retry::Tls,
        4000..=4099 => Retry::Never,
        4100..=4199 => Retry::After(grown(run)),
        4200..=4299 => at_once(run),
        // As a close code, pusher-js takes these for a refusal.
        4300..=4399 => Retry::Never,
        // Nobody has said what these mean, nor that they are for good.
        4400.. => Retry::After(grown(run)),
        // Troubles with the frames themselves are likely to come again.
        1002..=1004 => Retry::After(grown(run)),
        _ => Retry::After(SHORTEST),
    }
}

/// At once, as long as that has not just failed a few times.
pub(crate) fn at_once(run: u32) -> Retry {
    if run <= AT_ONCE { Retry::AtOnce } else { Retry::After(grown(run - AT_ONCE)) }
}

fn grown(run: u32) -> Duration {
    let doublings = run.saturating_sub(1).min(10);
    SHORTEST.saturating_mul(1 << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_codes_has_its_rule() {
        let after = |seconds| Retry::After(Duration::from_secs(seconds));
        let table = [
            (4000, false, 1, Retry::Tls),
            (4000, true, 1, Retry::Never),
            (4001, false, 1, Retry::Never),
            (4003, true, 9, Retry::Never),
            (4004, true, 1, Retry::Never),
            (4005, true, 1, Retry::Never),
            (4006, true, 1, Retry::Never),
            (4007, true, 1, Retry::Never),
            (4008, true, 1, Retry::Never),
            (4009, true, 1, Retry::Never),
            (4099, false, 1, Retry::Never),
            (4100, true, 1, after(1)),
            (4100, true, 2, after(2)),
            (4199, true, 5, after(16)),
            (4100, true, 900, after(60)),
            (4200, true, 1, Retry::AtOnce),
            (4201, true, 3, Retry::AtOnce),
            (4202, true, 4, after(1)),
            (4299, true, 6, after(4)),
            (4200, true, u32::MAX, after(60)),
            (4300, true, 1, Retry::Never),
            (4301, true, 1, Retry::Never),
            (4302, true, 1, Retry::Never),
            (4399, true, 1, Retry::Never),
            (4400, true, 1, after(1)),
            (4999, true, 3, after(4)),
            (65535, true, 1, after(1)),
            (1000, true, 5, after(1)),
            (1001, true, 5, after(1)),
            (1002, true, 3, after(4)),
            (1003, true, 1, after(1)),
            (1004, true, 2, after(2)),
            (1006, true, 9, after(1)),
            (1012, true, 1, after(1)),
            (3999, true, 1, after(1)),
            (0, true, 0, after(1)),
        ];
        for (code, encrypted, run, expected) in table {
            assert_eq!(rule(code, encrypted, run), expected, "{code}, encrypted {encrypted}, run {run}");
        }
    }
}

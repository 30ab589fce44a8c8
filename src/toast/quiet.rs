//! When toasts keep quiet: a pause the person asked for, and quiet hours by the local clock. Pure: time and zone are arguments.

use jiff::civil::{self, Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::Reason;
use crate::rule::{QuietHours, Rules, TimeOfDay, Weekday};

/// Seven whole days and a pause can follow one another; what is still quiet after these ends never.
const IN_A_ROW: usize = 9;

/// Why toasts keep quiet now, if they do. A pause is told first: the person asked for it last.
pub fn quiet(rules: &Rules, now: Timestamp, zone: &TimeZone) -> Option<Reason> {
    if rules.paused_until.is_some_and(|end| now < end) {
        Some(Reason::Paused)
    } else {
        hours_end(&rules.quiet, now, zone).map(|_| Reason::QuietHours)
    }
}

/// The first instant from now on at which toasts may be raised: now, if they may; `None` if never.
pub fn over(rules: &Rules, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut at = now;
    for _ in 0..IN_A_ROW {
        let pause = rules.paused_until.filter(|end| at < *end);
        match pause.or_else(|| hours_end(&rules.quiet, at, zone)) {
            Some(end) => at = end,
            None => return Some(at),
        }
    }
    None
}

/// The end of the quiet time that holds now.
fn hours_end(quiet: &QuietHours, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if !quiet.on {
        return None;
    }
    let today = now.to_zoned(zone.clone()).date();
    // One that holds now began today or yesterday; where clocks were changed, maybe on the day before.
    let days = (0..=2).filter_map(|back| today.checked_sub(back.days()).ok());
    let ends = days.filter(|day| quiet.days.contains(&weekday(*day))).filter_map(|day| {
        let last = if quiet.until > quiet.from { day } else { day.tomorrow().ok()? };
        let (from, until) = (instant(day, quiet.from, zone)?, instant(last, quiet.until, zone)?);
        (from <= now && now < until).then_some(until)
    });
    ends.max()
}

/// When a clock on the wall shows that. Of a time that comes twice, the first; where it is left out, as much later as clocks are set on.
fn instant(day: Date, time: TimeOfDay, zone: &TimeZone) -> Option<Timestamp> {
    let part = |number: u16| i8::try_from(number).ok();
    let time = Time::new(part(time.minutes() / 60)?, part(time.minutes() % 60)?, 0, 0).ok()?;
    zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible().ok()
}

fn weekday(day: Date) -> Weekday {
    match day.weekday() {
        civil::Weekday::Monday => Weekday::Mon,
        civil::Weekday::Tuesday => Weekday::Tue,
        civil::Weekday::Wednesday => Weekday::Wed,
        civil::Weekday::Thursday => Weekday::Thu,
        civil::Weekday::Friday => Weekday::Fri,
        civil::Weekday::Saturday => Weekday::Sat,
        civil::Weekday::Sunday => Weekday::Sun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central European time by its own rule, so that the test needs no zone files: clocks go on at 02:00 on the last Sunday of March
    /// and back at 03:00 on the last Sunday of October.
    fn zone() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn local(text: &str) -> Timestamp {
        let civil: civil::DateTime = text.parse().unwrap();
        civil.to_zoned(zone()).unwrap().timestamp()
    }

    fn hours(from: &str, until: &str, days: &[Weekday]) -> Rules {
        let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
        Rules { quiet: QuietHours { on: true, days: days.to_vec(), from, until }, ..Rules::default() }
    }

    /// Quiet until then by the local clock, or not quiet.
    fn until(rules: &Rules, now: Timestamp) -> Option<String> {
        let quiet = quiet(rules, now, &zone());
        let over = over(rules, now, &zone()).unwrap();
        assert_eq!(quiet.is_some(), over > now, "both say the same");
        quiet.map(|_| over.to_zoned(zone()).datetime().to_string())
    }

    #[test]
    fn quiet_hours_hold_across_midnight_on_the_days_they_begin() {
        use Weekday::{Fri, Mon, Sun};
        let night = hours("22:00", "07:00", &[Mon, Fri]);
        // 2026-11-23 is a Monday.
        for (now, expected) in [
            ("2026-11-23T06:00", None),
            ("2026-11-23T21:59:59", None),
            ("2026-11-23T22:00", Some("2026-11-24T07:00:00")),
            ("2026-11-24T00:00", Some("2026-11-24T07:00:00")),
            ("2026-11-24T06:59:59", Some("2026-11-24T07:00:00")),
            ("2026-11-24T07:00", None),
            ("2026-11-24T23:00", None),
            ("2026-11-28T03:00", Some("2026-11-28T07:00:00")),
        ] {
            assert_eq!(until(&night, local(now)).as_deref(), expected, "{now}");
        }
        let noon = hours("12:00", "13:30", &[Sun]);
        assert_eq!(until(&noon, local("2026-11-22T12:30")).as_deref(), Some("2026-11-22T13:30:00"));
        assert_eq!(until(&noon, local("2026-11-22T13:30")), None);
        assert_eq!(until(&noon, local("2026-11-23T12:30")), None);
        assert_eq!(until(&hours("00:00", "23:59", &[]), local("2026-11-23T12:30")), None, "on no day");
        let mut off = noon;
        off.quiet.on = false;
        assert_eq!(until(&off, local("2026-11-22T12:30")), None);
    }

    #[test]
    fn the_same_time_twice_is_a_whole_day() {
        use Weekday::{Sat, Sun};
        let sunday = hours("00:00", "00:00", &[Sun]);
        for (now, expected) in [
            ("2026-11-21T23:59", None),
            ("2026-11-22T00:00", Some("2026-11-23T00:00:00")),
            ("2026-11-22T23:59", Some("2026-11-23T00:00:00")),
            ("2026-11-23T00:00", None),
        ] {
            assert_eq!(until(&sunday, local(now)).as_deref(), expected, "{now}");
        }
        let weekend = hours("18:00", "18:00", &[Sat, Sun]);
        let told = until(&weekend, local("2026-11-21T20:00"));
        assert_eq!(told.as_deref(), Some("2026-11-23T18:00:00"), "one quiet time follows the other");
        let now = local("2026-11-21T20:00");
        assert_eq!(over(&hours("18:00", "18:00", &Weekday::ALL), now, &zone()), None, "it never ends");
    }

    #[test]
    fn quiet_hours_follow_the_clock_on_the_wall_when_it_is_changed() {
        let night = hours("22:00", "07:00", &Weekday::ALL);
        let length = |from: &str| {
            let began = local(from);
            over(&night, began, &zone()).unwrap().duration_since(began).as_hours()
        };
        assert_eq!(length("2026-03-27T22:00"), 9);
        assert_eq!(length("2026-03-28T22:00"), 8, "clocks go on");
        assert_eq!(length("2026-10-24T22:00"), 10, "clocks go back");

        // 02:30 does not exist on 29 March and comes twice on 25 October.
        let early = hours("02:30", "02:45", &Weekday::ALL);
        assert_eq!(until(&early, local("2026-03-29T03:30")).as_deref(), Some("2026-03-29T03:45:00"));
        assert_eq!(until(&early, local("2026-03-29T03:45")), None);
        let first: Timestamp = "2026-10-25T00:30:00Z".parse().unwrap();
        assert_eq!(until(&early, first).as_deref(), Some("2026-10-25T02:45:00"));
        assert_eq!(until(&early, "2026-10-25T01:30:00Z".parse().unwrap()), None, "once a night is enough");
    }

    #[test]
    fn the_same_rule_means_another_instant_in_another_zone() {
        let night = hours("22:00", "07:00", &Weekday::ALL);
        let now: Timestamp = "2026-11-22T21:30:00Z".parse().unwrap();
        assert_eq!(quiet(&night, now, &zone()), Some(Reason::QuietHours));
        assert_eq!(quiet(&night, now, &TimeZone::UTC), None);
    }

    #[test]
    fn a_pause_is_told_first_and_may_last_into_the_quiet_hours() {
        let mut rules = hours("22:00", "07:00", &Weekday::ALL);
        rules.paused_until = Some(local("2026-11-22T23:00"));
        let reason = |now: &str| quiet(&rules, local(now), &zone());
        assert_eq!(reason("2026-11-22T21:00"), Some(Reason::Paused));
        assert_eq!(reason("2026-11-22T22:30"), Some(Reason::Paused));
        assert_eq!(reason("2026-11-22T23:00"), Some(Reason::QuietHours));
        assert_eq!(until(&rules, local("2026-11-22T21:00")).as_deref(), Some("2026-11-23T07:00:00"));
    }
}

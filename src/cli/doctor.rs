//! `belfry doctor`, `toast`, `status`, `pause`: how things stand.

use clap::Args;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::cli::account::row;
use crate::cli::print::{clean, json_line, local, moment, out};
use crate::env::Env;
use crate::front::Notifier;
use crate::front::views::{Finding, Health, Overview, Trouble};

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print a JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Toast {
    /// Print a JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// Print a JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[command(after_help = "\
Examples:
  belfry pause --for 1h30m
  belfry pause --until 18:00
  belfry pause --end")]
pub(super) struct Pause {
    /// For so long: 45m, 2h, 1h30m
    #[arg(long = "for", value_name = "TIME")]
    duration: Option<String>,
    /// Until then: 18:00, or a date and time such as 2026-12-01T08:00
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Raise toasts again
    #[arg(long)]
    end: bool,
}

/// The exit code says whether everything works.
pub(super) async fn doctor(notifier: &Notifier, wish: Doctor) -> Result<u8, Trouble> {
    let health = notifier.health().await?;
    out(&if wish.json { json_line(&health)? } else { report(&health) })?;
    Ok(u8::from(!all_works(&health.findings)))
}

/// That no resident runs or that the desktop has no tray is worth a line, but it is no defect of the machine.
fn all_works(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.works || matches!(finding.part.as_str(), "resident" | "tray"))
}

fn report(health: &Health) -> String {
    let mut text = format!("Belfry {}\n", clean(&health.version));
    for Finding { part, works, words } in &health.findings {
        let mark = if *works { "ok" } else { "NO" };
        text.push_str(&format!("{mark}  {:<16} {}\n", clean(part), clean(words)));
    }
    if let Some(service) = &health.toasts {
        let name = clean(service.name.as_deref().unwrap_or("none"));
        text.push_str(&format!("    toast service    {name}\n"));
        if !service.capabilities.is_empty() {
            text.push_str(&format!("    it can           {}\n", clean(&service.capabilities.join(", "))));
        }
    }
    text
}

pub(super) async fn toast(notifier: &Notifier, wish: Toast) -> Result<u8, Trouble> {
    let came = notifier.test_toast().await?;
    out(&if wish.json { json_line(&came)? } else { clean(&came.words) + "\n" })?;
    Ok(u8::from(!came.shown))
}

pub(super) async fn status(notifier: &Notifier, wish: Status, env: &Env) -> Result<(), Trouble> {
    let overview = notifier.overview().await?;
    let glance = || glance(&overview, env.clock.now(), &TimeZone::system());
    out(&if wish.json { json_line(&overview)? } else { glance() })
}

fn glance(overview: &Overview, now: Timestamp, zone: &TimeZone) -> String {
    let running =
        if overview.running { "Belfry is running" } else { "Belfry is not running; see `belfry run`" };
    let mut text = format!("{running}. {} unread.\n", overview.unread);
    if let Some(until) = overview.paused_until
        && until > now
    {
        text.push_str(&format!("No toasts until {}.\n", moment(until, now, zone)));
    }
    overview.accounts.iter().for_each(|account| text.push_str(&row(account, now)));
    text
}

pub(super) async fn pause(
    wish: Pause,
    env: Env,
    reach: impl AsyncFnOnce() -> Result<Notifier, Trouble>,
) -> Result<(), Trouble> {
    let zone = TimeZone::system();
    let until = end_of_pause(&wish, &env.clock.now().to_zoned(zone.clone()))?;
    reach().await?.pause_toasts(until).await?;
    out(&match until {
        Some(until) => format!("No toasts until {}; the inbox still fills.\n", local(until, &zone)),
        None => "Toasts are raised again.\n".to_owned(),
    })
}

fn end_of_pause(wish: &Pause, now: &Zoned) -> Result<Option<Timestamp>, Trouble> {
    let until = match (&wish.duration, &wish.until) {
        (Some(duration), _) => duration
            .parse::<SignedDuration>()
            .ok()
            .and_then(|duration| now.timestamp().checked_add(duration).ok())
            .ok_or_else(|| Trouble::usage("--for takes a time such as 45m, 2h or 1h30m"))?,
        (None, Some(until)) => instant(until, now)
            .ok_or_else(|| Trouble::usage("--until takes a time such as 18:00 or 2026-12-01T08:00"))?,
        (None, None) => return Ok(None),
    };
    if until <= now.timestamp() {
        return Err(Trouble::usage("the end of the pause is in the past; to end a pause say --end"));
    }
    Ok(Some(until))
}

/// The next time the clock shows this, or the very moment if it names a day.
fn instant(text: &str, now: &Zoned) -> Option<Timestamp> {
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Some(exact);
    }
    if let Ok(time) = text.parse::<Time>()
        && !text.contains('-')
    {
        let today = now.date().to_datetime(time).to_zoned(now.time_zone().clone()).ok()?;
        let next = if today > *now { today } else { today.checked_add(1.day()).ok()? };
        return Some(next.timestamp());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(civil.to_zoned(now.time_zone().clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause_until(duration: Option<&str>, until: Option<&str>) -> Result<Option<String>, Trouble> {
        let now = "2026-11-22T15:00:00Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC);
        let wish = Pause {
            duration: duration.map(str::to_owned),
            until: until.map(str::to_owned),
            end: duration.is_none() && until.is_none(),
        };
        end_of_pause(&wish, &now).map(|until| until.map(|until| until.to_string()))
    }

    #[test]
    fn a_pause_ends_when_people_mean_it_to() {
        let cases = [
            (Some("1h"), None, "2026-11-22T16:00:00Z"),
            (Some("1h30m"), None, "2026-11-22T16:30:00Z"),
            (Some("45m"), None, "2026-11-22T15:45:00Z"),
            (None, Some("18:00"), "2026-11-22T18:00:00Z"),
            (None, Some("08:00"), "2026-11-23T08:00:00Z"),
            (None, Some("2026-12-01T08:00"), "2026-12-01T08:00:00Z"),
            (None, Some("2026-12-01T08:00:00+02:00"), "2026-12-01T06:00:00Z"),
        ];
        for (duration, until, end) in cases {
            assert_eq!(pause_until(duration, until).unwrap().as_deref(), Some(end), "{duration:?} {until:?}");
        }
        assert_eq!(pause_until(None, None).unwrap(), None);
    }

    #[test]
    fn a_pause_without_sense_is_wrong_usage() {
        for (duration, until) in [
            (Some("soon"), None),
            (Some("-1h"), None),
            (Some("0s"), None),
            (None, Some("25:00")),
            (None, Some("2020-01-01T08:00")),
        ] {
            let trouble = pause_until(duration, until).unwrap_err();
            assert_eq!(trouble.kind, crate::front::views::TroubleKind::Usage, "{duration:?} {until:?}");
        }
    }

    #[test]
    fn only_a_resident_that_does_not_run_and_a_missing_tray_are_forgiven() {
        let finding = |part: &str, works| Finding { part: part.into(), works, words: String::new() };
        assert!(all_works(&[finding("database", true), finding("resident", false), finding("tray", false)]));
        assert!(!all_works(&[finding("notifications", false), finding("resident", true)]));
    }
}

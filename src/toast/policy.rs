//! Whether a notification becomes a toast, and what the toast says. Pure: time and wishes are arguments.
//!
//! In: a kept notification, how and when it came, the person's wishes. Out: the toast, or the reason for keeping quiet.
//! Does not know what else is pending: `batch` folds.

use data_encoding::BASE32_NOPAD;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::{Reason, Toast, ToastKey, Verdict};
use super::{quiet, text};
use crate::account::{Choices, Say};
use crate::act::Offer;
use crate::notification::{Arrival, Icon, Kind, Notification, NotificationId, Urgency};
use crate::rule::{Rules, Shown};

/// What is older than this is no news any more.
pub const LATE: SignedDuration = SignedDuration::from_mins(10);

/// A kept notification about which nothing has been decided yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its row.
    pub id: NotificationId,
    /// What it is.
    pub notification: Notification,
    /// How it came in.
    pub arrival: Arrival,
    /// When it was stored, by our clock.
    pub admitted_at: Timestamp,
    /// What to call its account on screen: `Podio`, or the account's label.
    pub origin: String,
    /// What the person chose for its account.
    pub choices: Choices,
    /// What its toast's button would do.
    pub button: Option<Offer>,
}

/// Decides about one notification. The first reason that applies is the one the person is told. `zone` is theirs, for quiet hours.
pub fn decide(pending: &Pending, rules: &Rules, now: Timestamp, zone: &TimeZone, toasts_on: bool) -> Verdict {
    let reason = if !toasts_on {
        Some(Reason::ToastsOff)
    } else if pending.notification.read {
        Some(Reason::AlreadyRead)
    } else if pending.arrival == Arrival::FirstFill {
        Some(Reason::BeforeBelfry)
    } else if pending.notification.no_news {
        Some(Reason::NoNews)
    } else if let Some(reason) = quiet::quiet(rules, now, zone) {
        Some(reason)
    } else if pending.choices.banners == Say::Never {
        Some(Reason::YourWish)
    } else if !wants_banner(pending) {
        Some(quiet_by(&pending.notification.kind))
    } else if is_late(pending, now) {
        Some(Reason::Late)
    } else {
        None
    };
    match reason {
        Some(reason) => Verdict::Quiet(reason),
        None => Verdict::Show(toast(pending, rules)),
    }
}

/// The toast that tells of one notification, as far as the person wants it told.
pub fn toast(pending: &Pending, rules: &Rules) -> Toast {
    let notification = &pending.notification;
    let origin = text::title(&pending.origin);
    let title = match rules.shown {
        Shown::TitleAndBody | Shown::TitleOnly => text::title(&notification.title),
        Shown::CountOnly => format!("1 new in {origin}"),
    };
    let body = match rules.shown {
        Shown::TitleAndBody => body(notification, &title),
        Shown::TitleOnly | Shown::CountOnly => String::new(),
    };
    let icon = match rules.shown {
        Shown::TitleAndBody | Shown::TitleOnly => notification.icon,
        Shown::CountOnly => Icon::Other,
    };
    let urgency = urgency(notification, rules);
    Toast {
        key: key(notification),
        title: if title.is_empty() { format!("Something new in {origin}") } else { title },
        body,
        account: origin,
        icon,
        silent: !wants_sound(pending),
        urgency,
        // A button would tell the kind.
        button: pending.button.filter(|_| rules.shown != Shown::CountOnly),
    }
}

/// The toast that tells that something the person did from a notification came to nothing, as far as they want it told. It has the name of
/// the notification's own.
pub fn act_failed(
    notification: &Notification,
    origin: Option<&str>,
    title: &str,
    words: &str,
    rules: &Rules,
) -> Toast {
    let about = match rules.shown {
        Shown::TitleAndBody => format!("{words}\n{}", notification.title),
        Shown::TitleOnly | Shown::CountOnly => words.to_owned(),
    };
    Toast {
        key: key(notification),
        title: title.to_owned(),
        body: text::body(&about),
        account: text::title(origin.unwrap_or_default()),
        icon: Icon::Alert,
        silent: false,
        urgency: Urgency::Normal,
        button: None,
    }
}

/// The content; where there is none, the place, unless the title says it.
fn body(notification: &Notification, title: &str) -> String {
    let body = text::body(&notification.body);
    let place = notification.context.place.as_deref().map(text::title).unwrap_or_default();
    if body.is_empty() && !place.is_empty() && !title.contains(&place) { format!("In {place}") } else { body }
}

/// How much it matters, as far as the person wants it told: like the picture, it would tell the kind.
pub(super) fn urgency(notification: &Notification, rules: &Rules) -> Urgency {
    match rules.shown {
        Shown::TitleAndBody | Shown::TitleOnly => {
            notification.urgency.unwrap_or_else(|| notification.kind.urgency(notification.icon))
        }
        Shown::CountOnly => Urgency::Normal,
    }
}

/// Whether it may pop up, by the person's choice for the account or else by the account's own settings.
pub(super) fn wants_banner(pending: &Pending) -> bool {
    pending.choices.banners.over(pending.notification.wants_banner)
}

/// Who decided that it may not. Podium knows no settings of one person: there the kind alone decides.
fn quiet_by(kind: &Kind) -> Reason {
    if matches!(kind, Kind::Podium(_)) { Reason::QuietKind } else { Reason::AccountWish }
}

/// The same for a sound.
pub(super) fn wants_sound(pending: &Pending) -> bool {
    pending.choices.sound.over(pending.notification.wants_sound)
}

/// The toast's name: the same for the same event on every run, so that showing it again replaces it.
pub fn key(notification: &Notification) -> ToastKey {
    hashed(&["event", notification.account.as_str(), &notification.external_id])
}

/// 16 letters of base 32: short enough for the tag of every desktop.
pub(super) fn hashed(parts: &[&str]) -> ToastKey {
    let mut hash = Sha256::new();
    for part in parts {
        // The length in front keeps ("a", "bc") apart from ("ab", "c").
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut name = BASE32_NOPAD.encode(&hash.finalize()).to_ascii_lowercase();
    name.truncate(16);
    ToastKey(name)
}

/// A push is as old as its row: the service's clock may be wrong, and it was news when it came. What a fetch found is as old as the event.
pub(super) fn is_late(pending: &Pending, now: Timestamp) -> bool {
    let since = match pending.arrival {
        Arrival::Live | Arrival::FirstFill => pending.admitted_at,
        Arrival::Backlog => pending.admitted_at.min(pending.notification.occurred_at),
    };
    now.duration_since(since) > LATE
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::account::AccountId;
    use crate::notification::{Context, Detail, PodiumKind};
    use crate::rule::QuietHours;

    pub(in crate::toast) fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minutes * 60).unwrap()
    }

    /// A comment that happened and came `minutes` after the beginning of time.
    pub(in crate::toast) fn comment(id: i64, minutes: i64) -> Pending {
        Pending {
            id: NotificationId(id),
            notification: Notification {
                account: AccountId::new("podio").unwrap(),
                external_id: format!("n{id}"),
                kind: Kind::Comment,
                icon: Icon::Comment,
                title: format!("Ana commented on {id}"),
                body: "Looks good".into(),
                actor: Some("Ana".into()),
                context: Context::default(),
                occurred_at: at(minutes),
                read: false,
                starred: false,
                wants_banner: true,
                wants_sound: true,
                no_news: false,
                urgency: None,
                version: 0,
                detail: Detail::Whole,
                raw: "{}".into(),
            },
            arrival: Arrival::Live,
            admitted_at: at(minutes),
            origin: "Podio".into(),
            choices: Choices::default(),
            button: Some(Offer::Complete),
        }
    }

    fn reason(pending: &Pending, rules: &Rules, now: Timestamp, toasts_on: bool) -> Option<Reason> {
        match decide(pending, rules, now, &TimeZone::UTC, toasts_on) {
            Verdict::Show(_) => None,
            Verdict::Quiet(reason) => Some(reason),
        }
    }

    #[test]
    fn each_reason_in_its_order() {
        let paused = Rules { paused_until: Some(at(100)), ..Rules::default() };
        // Everything speaks against this one; each line takes the first reason away.
        let mut worst = comment(1, 0);
        worst.notification.read = true;
        worst.notification.wants_banner = false;
        worst.arrival = Arrival::FirstFill;
        let now = at(20);
        assert_eq!(reason(&worst, &paused, now, false), Some(Reason::ToastsOff));
        assert_eq!(reason(&worst, &paused, now, true), Some(Reason::AlreadyRead));
        worst.notification.read = false;
        assert_eq!(reason(&worst, &paused, now, true), Some(Reason::BeforeBelfry));
        worst.arrival = Arrival::Backlog;
        assert_eq!(reason(&worst, &paused, now, true), Some(Reason::Paused));
        let quiet = QuietHours { on: true, from: "00:00".parse().unwrap(), ..QuietHours::default() };
        let night = Rules { quiet: QuietHours { until: quiet.from, ..quiet }, ..Rules::default() };
        let both = Rules { paused_until: paused.paused_until, ..night.clone() };
        assert_eq!(reason(&worst, &both, now, true), Some(Reason::Paused), "what the person asked for last");
        assert_eq!(reason(&worst, &night, now, true), Some(Reason::QuietHours));
        assert_eq!(reason(&worst, &Rules::default(), now, true), Some(Reason::AccountWish));
        let kind = worst.notification.kind.clone();
        worst.notification.kind = Kind::Podium(PodiumKind::ALL[0]);
        assert_eq!(reason(&worst, &Rules::default(), now, true), Some(Reason::QuietKind));
        worst.notification.kind = kind;
        worst.notification.wants_banner = true;
        assert_eq!(reason(&worst, &Rules::default(), now, true), Some(Reason::Late));
        worst.notification.occurred_at = now;
        worst.admitted_at = now;
        assert_eq!(reason(&worst, &Rules::default(), now, true), None);
    }

    #[test]
    fn lateness_depends_on_how_it_came() {
        // (arrival, happened, stored, late at minute 20?)
        let cases = [
            (Arrival::Live, 20, 20, false),
            // The service's clock is wrong or the event old: it was pushed now, so it is news now.
            (Arrival::Live, 0, 20, false),
            // Stored before a crash, decided after.
            (Arrival::Live, 9, 9, true),
            (Arrival::Live, 10, 10, false),
            (Arrival::Backlog, 20, 20, false),
            (Arrival::Backlog, 10, 20, false),
            (Arrival::Backlog, 9, 20, true),
            // A service whose clock is ahead of ours cannot make an old row young.
            (Arrival::Backlog, 60, 5, true),
            (Arrival::Backlog, 60, 20, false),
        ];
        for (arrival, happened, stored, late) in cases {
            let mut pending = comment(1, happened);
            pending.arrival = arrival;
            pending.admitted_at = at(stored);
            let got = reason(&pending, &Rules::default(), at(20), true);
            assert_eq!(got == Some(Reason::Late), late, "{arrival:?} {happened} {stored}");
        }
    }

    #[test]
    fn a_pause_ends_at_its_minute() {
        let rules = Rules { paused_until: Some(at(5)), ..Rules::default() };
        assert_eq!(reason(&comment(1, 4), &rules, at(4), true), Some(Reason::Paused));
        assert_eq!(reason(&comment(1, 5), &rules, at(5), true), None);
    }

    #[test]
    fn a_toast_tells_no_more_than_the_person_wants() {
        let shown = |shown| toast(&comment(1, 0), &Rules { shown, ..Rules::default() });
        let whole = shown(Shown::TitleAndBody);
        assert_eq!((whole.title.as_str(), whole.body.as_str()), ("Ana commented on 1", "Looks good"));
        assert_eq!(whole.button, Some(Offer::Complete));
        let title = shown(Shown::TitleOnly);
        assert_eq!((title.title.as_str(), title.body.as_str()), ("Ana commented on 1", ""));
        let count = shown(Shown::CountOnly);
        assert_eq!(
            (count.title.as_str(), count.body.as_str(), count.icon, count.button),
            ("1 new in Podio", "", Icon::Other, None),
            "the picture would tell the kind"
        );
        assert_eq!(whole.key, count.key, "the name does not depend on what is told");
    }

    #[test]
    fn a_toast_without_content_says_where() {
        let said = |title: &str, body: &str| {
            let mut pending = comment(1, 0);
            pending.notification.title = title.into();
            pending.notification.body = body.into();
            pending.notification.context.place = Some("Launch\u{202e}".into());
            toast(&pending, &Rules::default()).body
        };
        assert_eq!(said("Ana created the task", ""), "In Launch");
        assert_eq!(said("Ana created the task", "Due today"), "Due today");
        assert_eq!(said("Ana left the workspace Launch", ""), "");
    }

    #[test]
    fn a_toast_matters_as_its_kind_does_unless_it_may_only_count() {
        let urgency = |kind, icon, shown| {
            let mut pending = comment(1, 0);
            (pending.notification.kind, pending.notification.icon) = (kind, icon);
            toast(&pending, &Rules { shown, ..Rules::default() }).urgency
        };
        assert_eq!(urgency(Kind::Alert, Icon::Alert, Shown::TitleAndBody), Urgency::High);
        assert_eq!(urgency(Kind::Comment, Icon::Comment, Shown::TitleOnly), Urgency::Normal);
        assert_eq!(urgency(Kind::Rating, Icon::Like, Shown::TitleAndBody), Urgency::Low);
        assert_eq!(urgency(Kind::Alert, Icon::Alert, Shown::CountOnly), Urgency::Normal);
    }

    #[test]
    fn a_title_that_cleans_to_nothing_is_replaced() {
        let mut pending = comment(1, 0);
        pending.notification.title = "\u{202e}\u{7}\n".into();
        assert_eq!(toast(&pending, &Rules::default()).title, "Something new in Podio");
    }

    #[test]
    fn a_key_is_16_letters_and_tells_events_apart() {
        let one = key(&comment(1, 0).notification);
        assert_eq!(one.0, "s3ivim7m5qmstszq", "a changed key would double the toasts of an upgrade");
        assert_eq!(one.0.len(), 16);
        assert_eq!(one, key(&comment(1, 99).notification));
        assert_ne!(one, key(&comment(2, 0).notification));
        assert_ne!(hashed(&["a", "bc"]), hashed(&["ab", "c"]));
    }
}

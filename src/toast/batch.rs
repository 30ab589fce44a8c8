//! What to do about all that is pending, in one go: single toasts, one summary, or silence with its reason. Pure.
//!
//! What came while toasts kept quiet is held: told in one summary once they no longer do.
//!
//! In: the kept notifications about which nothing has been decided, the person's wishes, the time. Out: the plan; every id is in it
//! exactly once.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::policy::{self, LATE, Pending};
use super::{Reason, Toast, ToastKey, Verdict, text};
use crate::notification::{Arrival, Icon, NotificationId};
use crate::rule::{Rules, Shown};

/// More toasts than this at once are one summary: GNOME queues three and drops the rest into its list.
const AT_ONCE: usize = 3;

/// A toast to raise, and the notifications it tells of: all of them are claimed under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// The toast.
    pub toast: Toast,
    /// What it tells of, oldest first. More than one: a summary.
    pub ids: Vec<NotificationId>,
}

/// What to do about all that was pending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// To raise, in this order.
    pub raise: Vec<Raise>,
    /// To keep quiet about, and why.
    pub quiet: Vec<(Vec<NotificationId>, Reason)>,
    /// To keep quiet about for now, and why: to be told when the quiet is over.
    pub held: Vec<(Vec<NotificationId>, Reason)>,
}

/// Decides about all that is pending. `zone` is the person's, for the time in “7 new since 08:40”.
pub fn plan(pending: Vec<Pending>, rules: &Rules, now: Timestamp, zone: &TimeZone, toasts_on: bool) -> Plan {
    let mut plan = Plan::default();
    let (mut fresh, mut missed) = (Vec::new(), Vec::new());
    for pending in pending {
        match policy::decide(&pending, rules, now, zone, toasts_on) {
            Verdict::Show(toast) => fresh.push((pending, toast)),
            Verdict::Quiet(Reason::Late) if was_missed(&pending, now) => missed.push(pending),
            Verdict::Quiet(reason @ (Reason::Paused | Reason::QuietHours)) if is_news(&pending, now) => {
                keep_quiet(&mut plan.held, pending.id, reason);
            }
            Verdict::Quiet(reason) => keep_quiet(&mut plan.quiet, pending.id, reason),
        }
    }
    let by_time = |pending: &Pending| (pending.notification.occurred_at, pending.id);
    fresh.sort_by_key(|(pending, _)| by_time(pending));
    missed.sort_by_key(by_time);

    let single = match rules.shown {
        Shown::TitleAndBody | Shown::TitleOnly => AT_ONCE,
        // Without titles, two toasts say no more than one that counts.
        Shown::CountOnly => 1,
    };
    let since = missed
        .first()
        .map(|oldest| format!("since {}", clock_time(oldest.notification.occurred_at, now, zone)));
    let together = if fresh.len() + usize::from(!missed.is_empty()) > single {
        missed.extend(fresh.drain(..).map(|(pending, _)| pending));
        missed
    } else {
        missed
    };
    if !together.is_empty() {
        plan.raise.push(summary(&together, since.as_deref(), rules));
    }
    plan.raise.extend(fresh.into_iter().map(|(pending, toast)| Raise { toast, ids: vec![pending.id] }));
    // One sound per burst.
    for raise in plan.raise.iter_mut().filter(|raise| !raise.toast.silent).skip(1) {
        raise.toast.silent = true;
    }
    plan
}

/// What to raise for what was held, once the quiet is over: one toast, in its own words if it tells of one only.
pub fn after_quiet(mut held: Vec<Pending>, rules: &Rules) -> Option<Raise> {
    held.sort_by_key(|pending| (pending.notification.occurred_at, pending.id));
    match held.as_slice() {
        [] => None,
        [one] => Some(Raise { toast: policy::toast(one, rules), ids: vec![one.id] }),
        several => Some(summary(several, Some("while it was quiet"), rules)),
    }
}

/// True for what would have been told were it not for the quiet.
fn is_news(pending: &Pending, now: Timestamp) -> bool {
    policy::wants_banner(pending)
        && !pending.notification.no_news
        && (!policy::is_late(pending, now) || was_missed(pending, now))
}

/// True for what happened while nobody listened and was found just now. What lay here since before a crash stays quiet: it may have
/// been told.
fn was_missed(pending: &Pending, now: Timestamp) -> bool {
    pending.arrival == Arrival::Backlog && now.duration_since(pending.admitted_at) <= LATE
}

fn keep_quiet(quiet: &mut Vec<(Vec<NotificationId>, Reason)>, id: NotificationId, reason: Reason) {
    match quiet.iter_mut().find(|(_, known)| *known == reason) {
        Some((ids, _)) => ids.push(id),
        None => quiet.push((vec![id], reason)),
    }
}

/// One toast for many. `when` is told where it says more than the place: some of them are late.
fn summary(told: &[Pending], when: Option<&str>, rules: &Rules) -> Raise {
    let mut origins: Vec<String> = told.iter().map(|pending| text::title(&pending.origin)).collect();
    origins.sort();
    origins.dedup();
    let place = match origins.as_slice() {
        [only] => format!("in {only}"),
        several => format!("in {} accounts", several.len()),
    };
    let when_or_where = when.map_or(place, str::to_owned);
    let newest = told.iter().map(|pending| pending.id).max();
    let mut icons: Vec<Icon> = told.iter().map(|pending| pending.notification.icon).collect();
    icons.sort();
    icons.dedup();
    let (titles, icon) = match (rules.shown, icons.as_slice()) {
        (Shown::CountOnly, _) => (Vec::new(), Icon::Other),
        (Shown::TitleAndBody | Shown::TitleOnly, [same]) => (titles(told), *same),
        (Shown::TitleAndBody | Shown::TitleOnly, _) => (titles(told), Icon::Other),
    };
    let toast = Toast {
        key: summary_key(newest),
        title: format!("{} new {when_or_where}", told.len()),
        body: text::body(&titles.join(" · ")),
        account: origins.join(", "),
        icon,
        silent: !told.iter().any(policy::wants_sound),
        // The one that matters most must not be missed for the others' sake.
        urgency: told.iter().map(|one| policy::urgency(&one.notification, rules)).max().unwrap_or_default(),
        button: None,
    };
    Raise { toast, ids: told.iter().map(|pending| pending.id).collect() }
}

/// The first three titles. Titles of older ones say what the person missed; the inbox has the rest.
fn titles(told: &[Pending]) -> Vec<String> {
    let titles = told.iter().map(|pending| text::title(&pending.notification.title));
    titles.filter(|title| !title.is_empty()).take(AT_ONCE).collect()
}

fn summary_key(newest: Option<NotificationId>) -> ToastKey {
    policy::hashed(&["summary", &newest.map(|id| id.to_string()).unwrap_or_default()])
}

/// `08:40` today, `Fri 08:40` within a week, `21 Nov` before that.
fn clock_time(instant: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (then, today) = (instant.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let pattern = if then.date() == today.date() {
        "%H:%M"
    } else if today.duration_since(&then) < jiff::SignedDuration::from_hours(6 * 24) {
        "%a %H:%M"
    } else {
        "%-d %b"
    };
    then.strftime(pattern).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::toast::policy::tests::{at, comment};
    use proptest::prelude::*;

    fn backlog(id: i64, happened: i64, found: i64) -> Pending {
        let mut pending = comment(id, happened);
        pending.arrival = Arrival::Backlog;
        pending.admitted_at = at(found);
        pending
    }

    fn planned(pending: Vec<Pending>, now: i64) -> Plan {
        plan(pending, &Rules::default(), at(now), &TimeZone::UTC, true)
    }

    fn shape(plan: &Plan) -> Vec<(String, Vec<i64>)> {
        plan.raise
            .iter()
            .map(|raise| (raise.toast.title.clone(), raise.ids.iter().map(|id| id.0).collect()))
            .collect()
    }

    #[test]
    fn three_at_once_are_three_toasts_and_one_sound() {
        let plan = planned(vec![comment(2, 2), comment(1, 1), comment(3, 3)], 3);
        assert_eq!(
            shape(&plan),
            [
                ("Ana commented on 1".to_owned(), vec![1]),
                ("Ana commented on 2".to_owned(), vec![2]),
                ("Ana commented on 3".to_owned(), vec![3])
            ]
        );
        let silent: Vec<bool> = plan.raise.iter().map(|raise| raise.toast.silent).collect();
        assert_eq!(silent, [false, true, true]);
    }

    #[test]
    fn four_at_once_are_one_summary() {
        let plan = planned((1..=4).map(|id| comment(id, id)).collect(), 4);
        assert_eq!(shape(&plan), [("4 new in Podio".to_owned(), vec![1, 2, 3, 4])]);
        let toast = &plan.raise[0].toast;
        assert_eq!(toast.body, "Ana commented on 1 · Ana commented on 2 · Ana commented on 3");
        assert_eq!(toast.icon, Icon::Comment, "all are comments");
        assert!(plan.quiet.is_empty(), "they are told, together");
    }

    #[test]
    fn a_summary_matters_as_the_one_in_it_that_matters_most() {
        use crate::notification::{Kind, Urgency};
        let likes = |count: i64| -> Vec<Pending> {
            let like = |mut one: Pending| {
                (one.notification.kind, one.notification.icon) = (Kind::Rating, Icon::Like);
                one
            };
            (1..=count).map(|id| like(comment(id, id))).collect()
        };
        assert_eq!(planned(likes(4), 4).raise[0].toast.urgency, Urgency::Low);
        let mut mixed = likes(4);
        (mixed[2].notification.kind, mixed[2].notification.icon) = (Kind::Alert, Icon::Alert);
        assert_eq!(planned(mixed, 4).raise[0].toast.urgency, Urgency::High);
    }

    #[test]
    fn a_summary_of_several_accounts_and_kinds_says_so() {
        let mut pending: Vec<Pending> = (1..=4).map(|id| comment(id, id)).collect();
        pending[0].origin = "Other".into();
        pending[1].notification.icon = Icon::Task;
        let plan = planned(pending, 4);
        let toast = &plan.raise[0].toast;
        assert_eq!(
            (toast.title.as_str(), toast.account.as_str(), toast.icon),
            ("4 new in 2 accounts", "Other, Podio", Icon::Other)
        );
    }

    #[test]
    fn what_happened_during_a_gap_is_one_summary_with_its_time() {
        // The beginning of time in these tests is 2026-09-21 14:13:20 UTC.
        let pending = vec![backlog(1, 30, 60), backlog(2, 31, 60), backlog(3, 59, 60)];
        let plan = planned(pending, 60);
        assert_eq!(
            shape(&plan),
            [("2 new since 14:43".to_owned(), vec![1, 2]), ("Ana commented on 3".to_owned(), vec![3])]
        );
    }

    #[test]
    fn a_gap_with_much_news_is_one_summary_of_all() {
        let mut pending = vec![backlog(1, 30, 60)];
        pending.extend((2..=4).map(|id| backlog(id, 59, 60)));
        assert_eq!(shape(&planned(pending, 60)), [("4 new since 14:43".to_owned(), vec![1, 2, 3, 4])]);
    }

    #[test]
    fn what_a_crash_left_behind_stays_quiet_when_it_is_old() {
        let plan = planned(vec![comment(1, 0), backlog(2, 0, 1)], 60);
        assert_eq!(plan.raise, []);
        assert_eq!(plan.quiet, [(vec![NotificationId(1), NotificationId(2)], Reason::Late)]);
    }

    #[test]
    fn what_a_pause_keeps_quiet_is_held_if_it_would_have_been_told() {
        let mut unwanted = comment(3, 60);
        unwanted.notification.wants_banner = false;
        let first_fill = Pending { arrival: Arrival::FirstFill, ..comment(5, 60) };
        let pending = vec![comment(1, 60), backlog(2, 0, 60), unwanted, comment(4, 0), first_fill];
        let rules = Rules { paused_until: Some(at(99)), ..Rules::default() };
        let plan = plan(pending, &rules, at(60), &TimeZone::UTC, true);
        assert_eq!(plan.raise, []);
        let ids = |ids: &[i64]| ids.iter().copied().map(NotificationId).collect::<Vec<_>>();
        assert_eq!(plan.held, [(ids(&[1, 2]), Reason::Paused)]);
        assert_eq!(plan.quiet, [(ids(&[3, 4]), Reason::Paused), (ids(&[5]), Reason::BeforeBelfry)]);
    }

    #[test]
    fn what_was_held_is_one_toast() {
        let rules = Rules::default();
        assert_eq!(after_quiet(Vec::new(), &rules), None);
        let one = after_quiet(vec![comment(1, 0)], &rules).unwrap();
        assert_eq!((one.toast.title.as_str(), one.ids.len()), ("Ana commented on 1", 1));
        let many = after_quiet((1..=7).rev().map(|id| comment(id, id)).collect(), &rules).unwrap();
        assert_eq!(many.toast.title, "7 new while it was quiet");
        assert_eq!(many.toast.body, "Ana commented on 1 · Ana commented on 2 · Ana commented on 3");
        assert_eq!(many.ids.len(), 7);
        let counted = Rules { shown: Shown::CountOnly, ..Rules::default() };
        assert_eq!(after_quiet(vec![comment(1, 0), comment(2, 0)], &counted).unwrap().toast.body, "");
    }

    #[test]
    fn the_first_fill_never_raises_anything() {
        let pending = (1..=50).map(|id| Pending { arrival: Arrival::FirstFill, ..comment(id, id) }).collect();
        let plan = planned(pending, 50);
        assert_eq!(plan.raise, []);
        assert_eq!(plan.quiet.len(), 1);
        assert_eq!(plan.quiet[0].1, Reason::BeforeBelfry);
    }

    #[test]
    fn counting_only_counts() {
        let rules = Rules { shown: Shown::CountOnly, ..Rules::default() };
        let plan = plan(vec![comment(1, 1), comment(2, 2)], &rules, at(2), &TimeZone::UTC, true);
        assert_eq!(shape(&plan), [("2 new in Podio".to_owned(), vec![1, 2])]);
        assert_eq!((plan.raise[0].toast.body.as_str(), plan.raise[0].toast.icon), ("", Icon::Other));
    }

    #[test]
    fn a_summary_has_a_name_of_its_own_that_stays() {
        let once = planned((1..=4).map(|id| comment(id, id)).collect(), 4);
        let again = planned((2..=4).map(|id| comment(id, id)).chain([comment(1, 1)]).collect(), 5);
        assert_eq!(once.raise[0].toast.key, again.raise[0].toast.key);
        assert_ne!(once.raise[0].toast.key, policy::key(&comment(4, 4).notification));
    }

    #[test]
    fn a_time_is_told_as_short_as_it_can_be() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        for (instant, words) in [
            ("2026-11-22T06:40:00Z", "08:40"),
            ("2026-11-21T22:30:00Z", "00:30"),
            ("2026-11-20T06:40:00Z", "Fri 08:40"),
            ("2026-11-09T06:40:00Z", "9 Nov"),
        ] {
            assert_eq!(clock_time(instant.parse().unwrap(), now, &zone), words);
        }
    }

    proptest! {
        #[test]
        fn every_id_is_in_the_plan_exactly_once(
            made in prop::collection::vec((0..90_i64, 0..90_i64, 0..3_u8, any::<bool>(), any::<bool>()), 0..30),
            on in any::<bool>(),
            paused in any::<bool>(),
        ) {
            let pending: Vec<Pending> = made.iter().zip(1..).map(|(&(happened, found, arrival, read, banner), id)| {
                let mut pending = backlog(id, happened, found);
                pending.arrival = [Arrival::Live, Arrival::Backlog, Arrival::FirstFill][usize::from(arrival)];
                pending.notification.read = read;
                pending.notification.wants_banner = banner;
                pending
            }).collect();
            let count = pending.len();
            let rules = Rules { paused_until: paused.then(|| at(61)), ..Rules::default() };
            let plan = plan(pending, &rules, at(60), &TimeZone::UTC, on);
            prop_assert!(plan.held.is_empty() || paused);
            let told = plan.raise.iter().flat_map(|raise| raise.ids.clone());
            let quiet = plan.quiet.iter().chain(&plan.held).flat_map(|(ids, _)| ids.clone());
            let all: Vec<_> = told.chain(quiet).collect();
            prop_assert_eq!(all.len(), count);
            prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), count);
            prop_assert!(plan.raise.len() <= AT_ONCE);
            prop_assert!(plan.raise.iter().filter(|raise| !raise.toast.silent).count() <= 1);
        }
    }
}

//! The story of one notification, in sentences: every silence is explained. Pure.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::act::{Act, ActState};
use crate::engine::views::{ActView, Why};
use crate::notification::{Arrival, Mark};
use crate::store::{Ended, Fate, Kept, ReadBy, Wished};
use crate::toast::Reason;

/// Tells the story.
pub(super) fn why(row: &Kept, fate: &Fate, told_together: usize, acts: &[ActView], zone: &TimeZone) -> Why {
    let local = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let kept = local(fate.admitted_at);
    let mut story = vec![match fate.arrival {
        Arrival::Live => format!("It came by push and was kept at {kept}."),
        Arrival::Backlog => format!("It was found when catching up and was kept at {kept}."),
        Arrival::FirstFill => format!("It lay there when the account was added and was kept at {kept}."),
    }];
    if let Some(at) = fate.changed_at.map(local) {
        story.push(format!("What it tells of changed; the change was kept at {at}."));
    }
    let reason = fate.reason.as_deref().and_then(Reason::from_name);
    match (fate.state.as_str(), reason) {
        ("quiet" | "failed", Some(reason)) => story.push(silence(reason, fate)),
        ("pending", _) => story.push("It has not been decided yet whether to raise a toast.".to_owned()),
        ("claimed", _) => story.push("A toast is being raised.".to_owned()),
        ("shown", silent) => {
            // It was held, and then told.
            story.extend(silent.map(|reason| silence(reason, fate)));
            let at = fate.settled_at.map_or(String::new(), |at| format!(" at {}", local(at)));
            story.push(match told_together {
                0 | 1 => format!("A toast was raised{at}."),
                _ => format!("It was told{at} in one summary of {told_together}."),
            });
        }
        (state, _) => story.push(format!("Its toast: {state}.")),
    }
    if fate.held && !row.read {
        story.push("It will be told when toasts are raised again.".to_owned());
    }
    if let (Some(ended), Some(at)) = (fate.ended, fate.ended_at.map(local)) {
        story.push(match ended {
            Ended::Clicked => format!("The toast was clicked at {at}."),
            Ended::Dismissed => format!("The toast was closed by hand at {at}."),
            Ended::Expired => format!("The toast went away by itself at {at}."),
            Ended::Withdrawn => {
                format!("The toast was taken away at {at}, because the notification had been read.")
            }
        });
    }
    if let (true, Some(at)) = (row.read, row.read_at.map(local)) {
        story.push(match row.read_by {
            Some(ReadBy::Person) => format!("It was read here at {at}."),
            Some(ReadBy::Service) => format!("It was read elsewhere; Belfry learned of it at {at}."),
            None => format!("It is read since {at}."),
        });
    }
    if let Some(at) = fate.small_change_at.map(local) {
        story.push(format!("It changed at {at}: {}", Reason::SmallChange.words()));
    }
    story.extend(acts.iter().map(|act| did(act, &local(act.asked_at))));
    Why { id: row.id, story, outcome: fate.state.clone(), reason: fate.reason.clone() }
}

/// What the person did from here, and what came of it.
fn did(view: &ActView, at: &str) -> String {
    let deed = match &view.act {
        Act::Reply { .. } => "You replied",
        Act::Complete => "You completed the task",
        Act::Accept => "You accepted",
        Act::Decline => "You declined",
        Act::Snooze => "You asked to be reminded later",
        Act::Follow => "You asked to follow it",
        Act::Unfollow => "You asked to follow it no longer",
    };
    match view.state {
        ActState::Done => format!("{deed} at {at}."),
        ActState::Waiting | ActState::UnderWay | ActState::Refused | ActState::Unsure | ActState::Undone => {
            format!("{deed} at {at}: {}", view.words)
        }
    }
}

/// What became of the person's marks where that is not plain to see: what waits to be told, and what was refused.
pub(super) fn marks(wished: &Wished, zone: &TimeZone) -> Vec<String> {
    let local = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    [wished.read, wished.star]
        .into_iter()
        .flatten()
        .filter_map(|wish| {
            let deed = deed(wish.mark);
            let wished_at = local(wish.wished_at);
            match wish.told_at.map(local) {
                None => {
                    Some(format!("You {} it at {wished_at}; the service is still to be told.", deed.past))
                }
                Some(at) if wish.refused => Some(format!(
                    "You {} it at {wished_at}; the service refused that at {at}, so it is {} again.",
                    deed.past, deed.before
                )),
                Some(_) => None,
            }
        })
        .collect()
}

/// What the person is told when the service refuses a mark.
pub(super) fn refused(title: &str, mark: Mark, words: &str) -> String {
    let deed = deed(mark);
    format!("“{title}” could not be {} and is {} again: {words}", deed.done, deed.before)
}

/// A mark as people speak of it.
struct Deed {
    past: &'static str,
    done: &'static str,
    before: &'static str,
}

fn deed(mark: Mark) -> Deed {
    match mark {
        Mark::Read(true) => Deed { past: "marked", done: "marked as read", before: "unread" },
        Mark::Read(false) => Deed { past: "marked", done: "marked as unread", before: "read" },
        Mark::Starred(true) => Deed { past: "starred", done: "starred", before: "without a star" },
        Mark::Starred(false) => {
            Deed { past: "took the star of", done: "left without its star", before: "starred" }
        }
    }
}

/// Why no toast was raised, with the hours where quiet hours are the reason.
fn silence(reason: Reason, fate: &Fate) -> String {
    match &fate.quiet_hours {
        Some(hours) if reason == Reason::QuietHours => format!("It came during your quiet hours ({hours})."),
        _ => reason.words().to_owned(),
    }
}

//! What the tray shows, as one comparable value: pure.
//!
//! In: the overview, the newest notifications, the local time, whether there is a window. Out: a [`Look`], equal to the last one if nothing
//! is to be drawn anew. Text is plain here; what a desktop reads as markup or as an access key is its own file's business.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::account::AccountId;
use crate::front::views::{AccountView, Entry, Overview};
use crate::link::LinkState;
use crate::notification::NotificationId;

/// So many of the newest notifications are in the menu.
pub(super) const NEWEST: u32 = 5;
/// Characters of a title in the menu.
const TITLE: usize = 50;
/// Characters of an account's own words in the menu.
const REASON: usize = 60;
/// "Until tomorrow" ends at this hour.
const MORNING: i8 = 8;

/// The overall state; each has a picture of its own shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Picture {
    /// Connected, nothing unread.
    Rest,
    /// Something is unread.
    Unread,
    /// The person wants no toasts now.
    Paused,
    /// A link is down and comes back by itself.
    Offline,
    /// Somebody has to do something.
    Attention,
}

/// All that is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) picture: Picture,
    /// The tooltip: one line at a glance, then a line for each account.
    pub(super) headline: String,
    pub(super) lines: Vec<String>,
    pub(super) unread: u64,
    pub(super) items: Vec<Item>,
}

/// One place in the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A line; without an act it is only there to be read.
    Line {
        label: String,
        act: Option<Act>,
    },
    Separator,
    Sub {
        label: String,
        items: Vec<Item>,
    },
}

/// What a click wishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// The click on the icon itself.
    Icon,
    Inbox,
    Open(NotificationId),
    /// Show it in the window: it has no link of its own.
    Show(NotificationId),
    Retry(AccountId),
    Pause(For),
    Resume,
    Quit,
}

/// For how long toasts are paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Hour,
    UntilTomorrow,
}

/// Composes the look. `window` says whether there is a window program to open.
pub(super) fn look(overview: &Overview, newest: &[Entry], window: bool, now: &Zoned) -> Look {
    let paused = overview.paused_until.filter(|until| *until > now.timestamp());
    let picture = picture(overview, paused.is_some());
    let headline = headline(overview, paused, now);
    let accounts: Vec<String> = overview.accounts.iter().map(|account| account_label(account, now)).collect();

    let mut items = vec![Item::Line { label: headline.clone(), act: None }, Item::Separator];
    items.extend(
        overview
            .accounts
            .iter()
            .zip(&accounts)
            .map(|(account, label)| Item::Line { label: label.clone(), act: account_act(account, window) }),
    );
    if !overview.accounts.is_empty() {
        items.push(Item::Separator);
    }
    items.extend(newest.iter().take(NEWEST as usize).map(|entry| entry_item(entry, window)));
    if !newest.is_empty() {
        items.push(Item::Separator);
    }
    if window {
        items.push(line("Open inbox", Act::Inbox));
    }
    items.push(if paused.is_some() {
        line("Resume toasts", Act::Resume)
    } else {
        Item::Sub {
            label: "Pause toasts".into(),
            items: vec![
                line("For 1 hour", Act::Pause(For::Hour)),
                line("Until tomorrow", Act::Pause(For::UntilTomorrow)),
            ],
        }
    });
    items.push(line("Quit Belfry", Act::Quit));
    Look { picture, headline, lines: accounts, unread: overview.unread, items }
}

/// When a pause that begins now ends.
pub(super) fn pause_end(pause: For, now: &Zoned) -> Timestamp {
    let end = match pause {
        For::Hour => now.checked_add(1.hour()),
        For::UntilTomorrow => now
            .date()
            .tomorrow()
            .and_then(|tomorrow| tomorrow.at(MORNING, 0, 0, 0).to_zoned(now.time_zone().clone())),
    };
    // Only the last day of the calendar has no tomorrow.
    end.map_or(now.timestamp(), |end| end.timestamp())
}

/// Text of a service on one line of a menu: nothing in it acts, and it is short.
pub(super) fn plain(text: &str, most: usize) -> String {
    let seen = |c: char| {
        !matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
    };
    let spaced: String = text
        .chars()
        .filter(|c| seen(*c))
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect();
    let text = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut graphemes = unicode_segmentation::UnicodeSegmentation::grapheme_indices(text.as_str(), true);
    match graphemes.nth(most) {
        None => text,
        Some(_) => {
            let end = unicode_segmentation::UnicodeSegmentation::grapheme_indices(text.as_str(), true)
                .nth(most.saturating_sub(1))
                .map_or(0, |(at, _)| at);
            format!("{}…", text.get(..end).unwrap_or_default().trim_end())
        }
    }
}

fn line(label: &str, act: Act) -> Item {
    Item::Line { label: label.into(), act: Some(act) }
}

/// What needs the person most decides.
fn picture(overview: &Overview, toasts_paused: bool) -> Picture {
    let worst = overview.accounts.iter().map(|account| match &account.state {
        LinkState::NeedsSignIn { .. } | LinkState::Broken { .. } => Picture::Attention,
        LinkState::Off if account.paused => Picture::Rest,
        // Connecting counts as down: a link that fails and tries again must not make the icon flicker.
        LinkState::Off | LinkState::Connecting | LinkState::CatchingUp | LinkState::Waiting { .. } => {
            Picture::Offline
        }
        LinkState::Live => Picture::Rest,
    });
    let all_paused = !overview.accounts.is_empty() && overview.accounts.iter().all(|account| account.paused);
    let own = if toasts_paused || all_paused {
        Picture::Paused
    } else if overview.unread > 0 {
        Picture::Unread
    } else {
        Picture::Rest
    };
    worst.chain([own]).max().unwrap_or(own)
}

fn headline(overview: &Overview, paused: Option<Timestamp>, now: &Zoned) -> String {
    let wanted = || overview.accounts.iter().filter(|account| !account.paused);
    let live = wanted().filter(|account| account.state == LinkState::Live).count();
    let any = |is: fn(&LinkState) -> bool| wanted().any(|account| is(&account.state));
    let standing = if overview.accounts.is_empty() {
        "No account yet"
    } else if any(|state| matches!(state, LinkState::NeedsSignIn { .. })) {
        "Sign-in needed"
    } else if any(|state| matches!(state, LinkState::Broken { .. })) {
        "An account does not work"
    } else if wanted().next().is_none() {
        "All accounts paused"
    } else if live == wanted().count() {
        "Connected"
    } else if live > 0 {
        "Partly connected"
    } else {
        "Not connected"
    };
    let unread = match overview.unread {
        0 => "nothing unread".to_owned(),
        count => format!("{count} unread"),
    };
    let pause = paused.map_or(String::new(), |until| format!(", toasts paused until {}", clock(until, now)));
    format!("{standing} – {unread}{pause}")
}

fn account_label(account: &AccountView, now: &Zoned) -> String {
    let mut words = match &account.state {
        LinkState::Off if account.paused => "paused".to_owned(),
        LinkState::Off => "not connected".to_owned(),
        LinkState::Connecting => "connecting …".to_owned(),
        LinkState::CatchingUp => "fetching what was missed …".to_owned(),
        LinkState::Live => "connected".to_owned(),
        LinkState::Waiting { until, .. } => format!("waiting, next attempt {}", clock(*until, now)),
        LinkState::NeedsSignIn { .. } => "needs sign-in".to_owned(),
        LinkState::Broken { reason } => format!("does not work: {}", plain(reason, REASON)),
    };
    if account.unread > 0 {
        words.push_str(&format!(", {} unread", account.unread));
    }
    let service = account.service.human();
    // Services know accounts by the person's own name, which is the same at the next service.
    let name = match plain(&account.label, TITLE) {
        label if label.contains(service) => label,
        label if label.is_empty() => format!("{service} ({})", account.id),
        label => format!("{service} ({label})"),
    };
    format!("{name}: {words}")
}

fn account_act(account: &AccountView, window: bool) -> Option<Act> {
    match &account.state {
        LinkState::Waiting { .. } | LinkState::Broken { .. } => Some(Act::Retry(account.id.clone())),
        LinkState::NeedsSignIn { .. } => window.then_some(Act::Inbox),
        LinkState::Off | LinkState::Connecting | LinkState::CatchingUp | LinkState::Live => None,
    }
}

fn entry_item(entry: &Entry, window: bool) -> Item {
    let notification = &entry.notification;
    let title = [&notification.title, &notification.body]
        .into_iter()
        .map(|text| plain(text, TITLE))
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "(no words)".to_owned());
    let mark = if notification.read { "\u{2003}" } else { "●" };
    let act = match notification.context.url {
        Some(_) => Some(Act::Open(entry.id)),
        None => window.then_some(Act::Show(entry.id)),
    };
    Item::Line { label: format!("{mark} {title}"), act }
}

/// A moment by the local clock, with its day if that is another one.
fn clock(then: Timestamp, now: &Zoned) -> String {
    let zone: TimeZone = now.time_zone().clone();
    let then = then.to_zoned(zone);
    then.strftime(if then.date() == now.date() { "%H:%M" } else { "%a %H:%M" }).to_string()
}

#[cfg(test)]
#[path = "menu_tests.rs"]
mod tests;

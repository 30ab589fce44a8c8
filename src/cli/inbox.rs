//! `belfry inbox`, `show`, `read`, `unread`, `open`, `why`: what was kept.

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::account::AccountId;
use crate::cli::account::account_id;
use crate::cli::parts;
use crate::cli::print::{ago, clean, clean_cut, json_line, moment, out};
use crate::env::Env;
use crate::front::Notifier;
use crate::front::views::{Entry, InboxWish, Trouble};
use crate::notification::NotificationId;
use crate::part::Part;

/// Entries asked for at once: an answer over the local socket is limited in size.
const PAGE: u32 = 50;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  belfry inbox --unread --account podio
  belfry inbox --starred
  belfry inbox --search 'invoice mar'
  belfry inbox --json --limit 500 | jq .title")]
pub(super) struct Inbox {
    /// Only what is unread
    #[arg(long)]
    unread: bool,
    /// Only what is starred
    #[arg(long)]
    starred: bool,
    /// Only what contains these words; the last may be the beginning of a word
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Only of this account
    #[arg(long, value_parser = account_id)]
    account: Option<AccountId>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print one JSON object per notification
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// The notification's number, as `belfry inbox` shows it
    #[arg(value_parser = notification_id)]
    id: NotificationId,
    /// Print a JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  belfry read 12 13
  belfry read 12 --thread
  belfry read --all --account podio")]
pub(super) struct Reading {
    /// The notifications' numbers, as `belfry inbox` shows them
    #[arg(required_unless_present = "all", value_name = "ID", value_parser = notification_id)]
    ids: Vec<NotificationId>,
    /// With each of them all that is kept about the same thing
    #[arg(long, conflicts_with = "all")]
    thread: bool,
    /// All that is unread
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// With --all: only of this account
    #[arg(long, requires = "all", value_parser = account_id)]
    account: Option<AccountId>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  belfry star 12
  belfry star --off 12 13")]
pub(super) struct Starring {
    /// The notifications' numbers, as `belfry inbox` shows them
    #[arg(required = true, value_name = "ID", value_parser = notification_id)]
    ids: Vec<NotificationId>,
    /// Take the stars away
    #[arg(long)]
    off: bool,
}

#[derive(Debug, Args)]
pub(super) struct Several {
    /// The notifications' numbers, as `belfry inbox` shows them
    #[arg(required = true, value_name = "ID", value_parser = notification_id)]
    pub(super) ids: Vec<NotificationId>,
}

#[derive(Debug, Args)]
pub(super) struct Opening {
    /// The notification's number
    #[arg(value_parser = notification_id)]
    id: NotificationId,
}

pub(super) fn notification_id(text: &str) -> Result<NotificationId, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(NotificationId(number)),
        _ => Err("a notification's number is needed, as `belfry inbox` shows it".to_owned()),
    }
}

pub(super) async fn list(notifier: &Notifier, wish: Inbox, env: &Env) -> Result<(), Trouble> {
    let mut missing = wish.limit;
    let mut before = None;
    while missing > 0 {
        let asked = missing.min(PAGE);
        let page = notifier
            .inbox(InboxWish {
                account: wish.account.clone(),
                unread: wish.unread,
                starred: wish.starred,
                search: wish.search.clone(),
                before,
                limit: Some(asked),
            })
            .await?;
        if page.is_empty() && before.is_none() && !wish.json {
            out("There is nothing here.\n")?;
        }
        let mut text = String::new();
        for entry in &page {
            text.push_str(&if wish.json {
                // A list leaves out what the service sent; here it is promised.
                json_line(&notifier.entry(entry.id).await?)?
            } else {
                row(entry, env.clock.now())
            });
        }
        out(&text)?;
        let came = u32::try_from(page.len()).unwrap_or(u32::MAX);
        if came < asked {
            break;
        }
        missing = missing.saturating_sub(came);
        before = page.last().map(|entry| entry.id);
    }
    Ok(())
}

/// What `show --json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    parts: &'a [Part],
}

pub(super) async fn show(notifier: &Notifier, wish: One, env: &Env) -> Result<(), Trouble> {
    let entry = notifier.entry(wish.id).await?;
    let parts = notifier.parts(wish.id).await?;
    out(&if wish.json {
        json_line(&Shown { entry: &entry, parts: &parts })?
    } else {
        whole(&entry, &parts, env.clock.now(), &TimeZone::system())
    })
}

pub(super) async fn read(notifier: &Notifier, wish: Reading) -> Result<(), Trouble> {
    if wish.thread {
        let mut changed = 0;
        for id in wish.ids {
            changed += notifier.set_thread_read(id, true).await?.len();
        }
        return out(&format!("{changed} marked as read.\n"));
    }
    if !wish.all {
        return set_read(notifier, wish.ids, true).await;
    }
    let marked = notifier.mark_all_read(wish.account).await?;
    out(&format!("{} marked as read.\n", marked.count))
}

pub(super) async fn set_read(
    notifier: &Notifier,
    ids: Vec<NotificationId>,
    read: bool,
) -> Result<(), Trouble> {
    let asked = ids.len();
    let changed = notifier.set_read(ids, read).await?.len();
    let word = if read { "read" } else { "unread" };
    let unchanged = asked.saturating_sub(changed);
    let rest = if unchanged == 0 { String::new() } else { format!("; {unchanged} already were") };
    out(&format!("{changed} marked as {word}{rest}.\n"))
}

pub(super) async fn star(notifier: &Notifier, wish: Starring) -> Result<(), Trouble> {
    let asked = wish.ids.len();
    let changed = notifier.set_starred(wish.ids, !wish.off).await?.len();
    let word = if wish.off { "left without a star" } else { "starred" };
    let unchanged = asked.saturating_sub(changed);
    let rest = if unchanged == 0 { String::new() } else { format!("; {unchanged} already were") };
    out(&format!("{changed} {word}{rest}.\n"))
}

pub(super) async fn open(notifier: &Notifier, wish: Opening) -> Result<(), Trouble> {
    // A desktop that started this command lends its permission to come to the front, by the freedesktop start-up convention.
    let token = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|token| !token.is_empty());
    let opened = notifier.open(wish.id, token).await?;
    out(&format!("Opened {}\n", clean(&opened.url)))
}

pub(super) async fn why(notifier: &Notifier, wish: One) -> Result<(), Trouble> {
    let why = notifier.why(wish.id).await?;
    if wish.json {
        return out(&json_line(&why)?);
    }
    out(&why.story.iter().map(|sentence| clean(sentence) + "\n").collect::<String>())
}

/// A notification on one line.
fn row(entry: &Entry, now: Timestamp) -> String {
    let Entry { id, notification, .. } = entry;
    let mark = if notification.read { ' ' } else { '●' };
    let when = ago(notification.occurred_at, now);
    let account = notification.account.as_str();
    let star = if notification.starred { "★ " } else { "" };
    format!("{id:>6} {mark} {when:<12} {account:<12} {star}{}\n", headline(entry))
}

/// Title and the beginning of the body.
pub(super) fn headline(entry: &Entry) -> String {
    let title = clean_cut(&entry.notification.title, 100);
    let body = clean_cut(&entry.notification.body, 60);
    if body.is_empty() { title } else { format!("{title} — {body}") }
}

fn whole(entry: &Entry, parts: &[Part], now: Timestamp, zone: &TimeZone) -> String {
    let notification = &entry.notification;
    let context = &notification.context;
    let mut text = clean(&notification.title) + "\n";
    text.push_str(&parts::text(parts, now, zone));
    text.push('\n');
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("{name:<10} {value}\n"));
        }
    };
    line("From", clean(notification.actor.as_deref().unwrap_or_default()));
    let mut about = clean(&format!("{} {}", context.what, context.id));
    if let Some(title) = &context.title {
        about = format!("{about} “{}”", clean(title));
    }
    line("About", about.trim_start().to_owned());
    line("In", clean(context.place.as_deref().unwrap_or_default()));
    line("Account", notification.account.to_string());
    line("Kind", clean(notification.kind.name()));
    line("Happened", moment(notification.occurred_at, now, zone));
    line("Kept", moment(entry.kept_at, now, zone));
    let read = match entry.read_at {
        Some(at) if entry.read_elsewhere => format!("{}, at the service", moment(at, now, zone)),
        Some(at) => moment(at, now, zone),
        None if notification.read => "yes".to_owned(),
        None => "no".to_owned(),
    };
    line("Read", read);
    line("Starred", if notification.starred { "yes".to_owned() } else { String::new() });
    line("Opens", clean(context.url.as_deref().unwrap_or("nothing: the service gave no address")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::{Context, Detail, Icon, Kind, Notification};

    fn entry() -> Entry {
        let at: Timestamp = "2026-11-22T14:55:00Z".parse().unwrap();
        Entry {
            id: NotificationId(12),
            kept_at: at,
            read_at: None,
            read_elsewhere: false,
            notification: Notification {
                account: AccountId::new("podio").unwrap(),
                external_id: "1".into(),
                kind: Kind::Comment,
                icon: Icon::Comment,
                title: "Anna\u{1b}]0;owned\u{7} commented".into(),
                body: "see\nthis".into(),
                actor: Some("Anna".into()),
                context: Context {
                    what: "item".into(),
                    id: "7".into(),
                    title: Some("Invoice".into()),
                    place: Some("Sales".into()),
                    url: Some("https://podio.com/x".into()),
                },
                occurred_at: at,
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
        }
    }

    #[test]
    fn a_row_is_one_line_and_harmless() {
        let row = row(&entry(), "2026-11-22T15:00:00Z".parse().unwrap());
        assert_eq!(row, "    12 ● 5 min ago    podio        Anna ]0;owned commented — see this\n");
    }

    #[test]
    fn show_tells_all_that_is_known() {
        let parts = [Part::Text { label: None, text: "see\nthis".into() }];
        let text = whole(&entry(), &parts, "2026-11-22T15:00:00Z".parse().unwrap(), &TimeZone::UTC);
        for part in [
            "  see\n  this\n",
            "From       Anna",
            "item 7 “Invoice”",
            "In         Sales",
            "Read       no",
            "(5 min ago)",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn numbers_of_notifications_are_positive() {
        assert_eq!(notification_id("7"), Ok(NotificationId(7)));
        for bad in ["0", "-1", "x", "", "9999999999999999999999"] {
            assert!(notification_id(bad).is_err(), "{bad}");
        }
    }
}

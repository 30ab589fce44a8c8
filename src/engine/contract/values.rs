//! Plausible answers: three accounts in different states, ten notifications of different kinds, one of them hostile.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::account::{Account, AccountId, Choices, PodioSettings, PodiumPlace};
use crate::act::{Act, ActState};
use crate::engine::links::LinkView;
use crate::engine::views::{
    ActView, Entry, Health, Marked, Overview, Settings, SignInStep, Signal, TestToast, Trouble, Why,
};
use crate::engine::{desk, doctor, overview, story};
use crate::env::Paths;
use crate::kind::{Icon, Kind};
use crate::link::LinkState;
use crate::notification::{Arrival, Context, Detail, Mark, Notification, NotificationId};
use crate::part::Part;
use crate::rule::{ClickTo, QuietHours, Shown, Theme, Weekday};
use crate::source::podio::parts::samples::{self, Sample};
use crate::store::{Fate, Kept, KeptAct};
use crate::toast::{Reason, ToastService};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-22T15:00:00Z")
}

fn id(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

/// One account is live, one waits, one needs its person.
pub(super) fn overview() -> Overview {
    let mut states = BTreeMap::new();
    let waiting = LinkState::Waiting {
        until: at("2026-11-22T15:00:30Z"),
        reason: "api.podio.com does not answer".into(),
    };
    let signed_out = LinkState::NeedsSignIn { reason: "Podio no longer accepts this sign-in".into() };
    let life = [Some("2026-11-22T14:59:52Z"), Some("2026-11-22T14:52:10Z"), None];
    let accounts = [
        ("podio", "Ada Brook", LinkState::Live, 5),
        ("podio-2", "Ada Brook (North)", waiting, 1),
        ("podio-3", "Support desk", signed_out, 0),
    ];
    let mut unread = BTreeMap::new();
    let accounts: Vec<Account> = accounts
        .into_iter()
        .zip(life)
        .map(|((name, label, state, count), life)| {
            states.insert(id(name), LinkView { state, last_sign_of_life: life.map(at), unheard: None });
            unread.insert(id(name), count);
            let settings: PodioSettings = serde_json::from_str(r#"{"client_id":"belfry"}"#).unwrap();
            let settings = crate::account::Settings::Podio(settings);
            Account {
                id: id(name),
                label: label.into(),
                paused: false,
                settings,
                choices: Choices::default(),
            }
        })
        .collect();
    overview::overview(true, &accounts, &states, &unread, Some(at("2026-11-22T16:00:00Z")), now())
}

/// Newest first, without what the service sent.
pub(super) fn inbox() -> Vec<Entry> {
    // Account, kind, who, title, body, what, where, happened, read (and elsewhere).
    let rows = [
        (
            "podio",
            "comment",
            "Mei Lin",
            "Mei Lin commented on Website relaunch",
            "Looks good to me. Shall we ship on Thursday?",
            "item",
            "Projects",
            "2026-11-22T14:58:30Z",
            None,
        ),
        (
            "podio",
            "creation",
            "Jonas Weber",
            "Jonas Weber assigned you a task: Send the offer to Acme",
            "Due tomorrow",
            "task",
            "Sales",
            "2026-11-22T14:41:00Z",
            None,
        ),
        (
            "podio",
            "message",
            "Priya Nair",
            "Priya Nair: Lunch on Friday?",
            "The new place around the corner has a table for six.",
            "conversation",
            "",
            "2026-11-22T14:20:12Z",
            None,
        ),
        (
            "podio-2",
            "alert",
            "Mallory",
            "<img src=x onerror=\"alert('title')\"> & \u{202e}gnp.exe\u{202c} {{7*7}}",
            "</script><script>alert('body')</script>\u{1b}[31m\njavascript:alert(1)",
            "item",
            "<b>Space</b>",
            "2026-11-22T13:05:00Z",
            None,
        ),
        (
            "podio",
            "update",
            "Ada Brook",
            "3 fields were updated in Invoice 2026-117",
            "Amount, due date, state",
            "item",
            "Finance",
            "2026-11-22T12:30:45Z",
            Some(false),
        ),
        (
            "podio",
            "like",
            "Tom Ito",
            "Tom Ito likes your comment on Onboarding",
            "",
            "comment",
            "People",
            "2026-11-22T11:15:00Z",
            Some(true),
        ),
        (
            "podio",
            "file",
            "Mei Lin",
            "Mei Lin added a file to Website relaunch",
            "hero-draft-4.png",
            "item",
            "Projects",
            "2026-11-22T09:02:33Z",
            Some(true),
        ),
        (
            "podio",
            "space_invite",
            "Jonas Weber",
            "Jonas Weber invited you to Trade fair 2027",
            "Let us plan this one early.",
            "space",
            "Trade fair 2027",
            "2026-11-21T16:48:00Z",
            None,
        ),
        (
            "podio-2",
            "moon_landing",
            "",
            "Something new in North",
            "",
            "",
            "",
            "2026-11-21T08:00:00Z",
            Some(false),
        ),
        (
            "podio",
            "reminder",
            "",
            "Reminder: Quarterly review",
            "Monday, 10:00, room 3",
            "task",
            "Management",
            "2026-11-20T17:00:00Z",
            None,
        ),
    ];
    let count = rows.len();
    rows.into_iter()
        .enumerate()
        .map(|(place, (account, kind_name, actor, title, body, what, place_name, happened, read))| {
            let number = 40 + count - place;
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let kind = Kind::from(kind_name.to_owned());
            let url = match (account, what) {
                ("podio-2", "item") => Some("javascript:alert(document.domain)".to_owned()),
                (_, "") => None,
                _ => Some(format!("https://podio.com/acme/{what}s/{number}")),
            };
            Entry {
                id: NotificationId(i64::try_from(number).unwrap()),
                kept_at: at(happened) + jiff::SignedDuration::from_millis(420),
                read_at: read.map(|_| at("2026-11-22T14:00:00Z")),
                read_elsewhere: read == Some(true),
                notification: Notification {
                    account: id(account),
                    external_id: format!("n{}", 9_000 + number),
                    icon: if what == "task" { Icon::Task } else { kind.icon() },
                    kind,
                    title: title.into(),
                    body: body.into(),
                    actor: some(actor),
                    context: Context {
                        what: what.into(),
                        id: if what.is_empty() { String::new() } else { (7_000 + number).to_string() },
                        title: some(
                            title.rsplit(" on ").next().filter(|rest| *rest != title).unwrap_or_default(),
                        ),
                        place: some(place_name),
                        url,
                    },
                    occurred_at: at(happened),
                    read: read.is_some(),
                    starred: matches!(kind_name, "update" | "reminder"),
                    wants_banner: true,
                    wants_sound: true,
                    no_news: false,
                    urgency: None,
                    version: 0,
                    detail: if what.is_empty() { Detail::Hint } else { Detail::Whole },
                    raw: String::new(),
                },
            }
        })
        .collect()
}

/// The first of the inbox, whole.
pub(super) fn entry() -> Entry {
    let mut entry = inbox().remove(0);
    entry.notification.raw =
        r#"{"notification_id":9050,"type":"comment","text":"Mei Lin commented on Website relaunch"}"#.into();
    entry
}

/// A notification of each shape that the detail view has, and its parts.
#[derive(serde::Serialize)]
pub(super) struct Detailed {
    name: &'static str,
    entry: Entry,
    parts: Vec<Part>,
}

pub(super) fn details() -> Vec<Detailed> {
    let samples = samples::all().into_iter().zip(200..);
    samples
        .map(|(sample, number)| {
            let parts = sample.parts();
            let Sample { name, notification, .. } = sample;
            let (kept_at, id) = (notification.occurred_at, NotificationId(number));
            let entry = Entry { id, kept_at, read_at: None, read_elsewhere: false, notification };
            Detailed { name, entry, parts }
        })
        .collect()
}

/// It came during quiet hours and was read later.
pub(super) fn why() -> Why {
    let entry = inbox().remove(4);
    let row = Kept {
        id: entry.id,
        read: true,
        read_at: entry.read_at,
        read_by: Some(crate::store::ReadBy::Person),
        admitted_at: entry.kept_at,
        changed_at: None,
        notification: entry.notification,
    };
    let fate = Fate {
        id: row.id,
        arrival: Arrival::Live,
        admitted_at: row.admitted_at,
        state: "quiet".into(),
        reason: Some(Reason::QuietHours.name().into()),
        held: false,
        quiet_hours: Some(QuietHours::default().words()),
        key: None,
        claimed_at: None,
        outcome: None,
        settled_at: Some(row.admitted_at),
        ended: None,
        ended_at: None,
        changed_at: None,
        small_change_at: None,
        read_at: row.read_at,
        read_by: row.read_by,
        wished_at: row.read_at,
        told_service_at: row.read_at,
    };
    story::why(&row, &fate, 1, &[], &TimeZone::UTC)
}

pub(super) fn settings() -> Settings {
    let quiet = QuietHours {
        on: true,
        days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Sun],
        ..QuietHours::default()
    };
    Settings { shown: Shown::TitleAndBody, quiet, click: ClickTo::Window, theme: Theme::System }
}

pub(super) fn health() -> Health {
    let toasts = ToastService {
        name: Some("Xfce Notify Daemon 0.7.3".into()),
        capabilities: ["actions", "body", "body-markup", "icon-static", "persistence"].map(Into::into).into(),
        words: "toasts go to Xfce Notify Daemon".into(),
        works: true,
    };
    let secrets = Ok("sign-ins are kept in the system's password store".into());
    let paths = Paths::under(std::path::Path::new("/home/ada/belfry"));
    let mut health = doctor::health(&overview(), toasts, secrets, 1_204, &paths, now());
    health.findings.extend(doctor::found_late(&[(id("podio"), 3), (id("podio-2"), 0), (id("podio-3"), 1)]));
    // A release does not change the contract.
    Health { version: "0.1.0".into(), ..health }
}

pub(super) fn test_toast() -> TestToast {
    TestToast { shown: true, words: "a toast was raised; Xfce Notify Daemon took it".into() }
}

pub(super) fn marked() -> Marked {
    Marked { count: 5, undo: Some(3) }
}

/// One in each state, oldest first.
pub(super) fn acts() -> Vec<ActView> {
    let reply = || Act::Reply { text: "Thursday suits me.".into() };
    let offline = "api.podio.com cannot be reached: check the network and the address";
    let acts = [
        (Act::Complete, ActState::Done, None),
        (reply(), ActState::Unsure, Some(reply().unsure_words())),
        (Act::Accept, ActState::Refused, Some("The invitation is no longer valid.")),
        (Act::Follow, ActState::Undone, None),
        (Act::Snooze, ActState::UnderWay, None),
        (reply(), ActState::Waiting, Some(offline)),
        (Act::Unfollow, ActState::Waiting, None),
    ];
    let view = |(place, (act, state, words)): (usize, (Act, ActState, Option<&str>))| {
        let open = matches!(state, ActState::Waiting | ActState::UnderWay);
        let kept = KeptAct {
            number: i64::try_from(place).unwrap() + 1,
            notification: NotificationId(50),
            act,
            asked_at: now(),
            due_at: now() + jiff::SignedDuration::from_secs(5),
            state,
            words: words.map(str::to_owned),
            settled_at: (!open).then(|| now() + jiff::SignedDuration::from_secs(6)),
        };
        desk::view_act(kept, now())
    };
    acts.into_iter().enumerate().map(view).collect()
}

pub(super) fn sign_in_steps() -> [SignInStep; 4] {
    let url = "https://podio.com/oauth/authorize?client_id=belfry&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A40123%2F&state=9f2c";
    [
        SignInStep::Browser { attempt: 1, url: url.into(), comes_by_itself: true },
        SignInStep::SecondFactor { attempt: 2 },
        SignInStep::Place {
            attempt: 3,
            places: vec![location("l-1", "Main Street"), location("l-2", "Harbour")],
        },
        SignInStep::Done { account: id("podio") },
    ]
}

fn location(uid: &str, name: &str) -> PodiumPlace {
    PodiumPlace::Location { uid: uid.into(), organization_uid: Some("o-1".into()), name: name.into() }
}

pub(super) fn trouble() -> Trouble {
    Trouble::needs_sign_in("Podio did not accept this sign-in; try again, or use another account")
}

/// Each variant, links in more than one state.
pub(super) fn signals() -> Vec<Signal> {
    let links = overview().accounts.into_iter();
    let mut signals: Vec<Signal> =
        links.map(|account| Signal::Link { account: account.id, state: account.state }).collect();
    signals.extend([
        Signal::New { id: NotificationId(51) },
        Signal::Changed { id: NotificationId(50) },
        Signal::Renewed { id: NotificationId(49) },
        Signal::Toast { id: NotificationId(51), outcome: "shown".into(), reason: None },
        Signal::Toast {
            id: NotificationId(46),
            outcome: "quiet".into(),
            reason: Some(Reason::Paused.name().into()),
        },
        Signal::Accounts,
        Signal::Settings,
        Signal::Reread,
        Signal::Refused {
            id: NotificationId(50),
            words: story::refused(
                "Mei Lin commented on Website relaunch",
                Mark::Read(true),
                "Podio does not allow this to the signed-in user or the API key",
            ),
        },
        Signal::Missed,
    ]);
    signals
}

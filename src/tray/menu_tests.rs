use super::*;
use crate::account::{Choices, Colour, Service};
use crate::notification::{Context, Detail, Icon, Kind, Notification};

fn now() -> Zoned {
    "2026-11-22T15:00:00Z".parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC)
}

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

fn account(label: &str, state: LinkState) -> AccountView {
    AccountView {
        id: AccountId::new("podio").unwrap(),
        service: Service::Podio,
        label: label.into(),
        paused: false,
        colour: Colour::Blue,
        choices: Choices::default(),
        state,
        last_sign_of_life: None,
        unheard: None,
        unread: 0,
    }
}

fn overview(states: Vec<LinkState>, unread: u64) -> Overview {
    let accounts = states.into_iter().map(|state| account("Podio", state)).collect();
    Overview { running: true, accounts, unread, paused_until: None }
}

fn entry(id: i64, title: &str, read: bool, url: Option<&str>) -> Entry {
    Entry {
        id: NotificationId(id),
        kept_at: now().timestamp(),
        read_at: None,
        read_elsewhere: false,
        notification: Notification {
            account: AccountId::new("podio").unwrap(),
            external_id: id.to_string(),
            kind: Kind::Comment,
            icon: Icon::Comment,
            title: title.into(),
            body: String::new(),
            actor: None,
            context: Context { url: url.map(str::to_owned), ..Context::default() },
            occurred_at: now().timestamp(),
            read,
            starred: false,
            wants_banner: true,
            wants_sound: true,
            no_news: false,
            urgency: None,
            version: 0,
            detail: Detail::Whole,
            raw: String::new(),
        },
    }
}

fn waiting() -> LinkState {
    LinkState::Waiting { until: at("22T15:05"), reason: "no route".into() }
}
fn signed_out() -> LinkState {
    LinkState::NeedsSignIn { reason: "expired".into() }
}
fn broken() -> LinkState {
    LinkState::Broken { reason: "the _key_ was\nwithdrawn".into() }
}

#[test]
fn what_needs_the_person_most_decides_the_picture_and_the_first_line() {
    use LinkState::{CatchingUp, Connecting, Live, Off};
    let cases = [
        (vec![], 0, Picture::Rest, "No account yet – nothing unread"),
        (vec![Live], 0, Picture::Rest, "Connected – nothing unread"),
        (vec![Live, Live], 3, Picture::Unread, "Connected – 3 unread"),
        (vec![Live, waiting()], 3, Picture::Offline, "Partly connected – 3 unread"),
        (vec![waiting()], 0, Picture::Offline, "Not connected – nothing unread"),
        (vec![Connecting], 0, Picture::Offline, "Not connected – nothing unread"),
        (vec![CatchingUp], 1, Picture::Offline, "Not connected – 1 unread"),
        (vec![Off], 0, Picture::Offline, "Not connected – nothing unread"),
        (vec![Live, waiting(), signed_out()], 3, Picture::Attention, "Sign-in needed – 3 unread"),
        (vec![Live, broken()], 0, Picture::Attention, "An account does not work – nothing unread"),
    ];
    for (states, unread, picture, headline) in cases {
        let look = look(&overview(states.clone(), unread), &[], true, &now());
        assert_eq!((look.picture, look.headline.as_str()), (picture, headline), "{states:?}");
        assert_eq!(look.unread, unread);
        assert_eq!(look.items[0], Item::Line { label: headline.into(), act: None });
    }
}

#[test]
fn a_pause_is_seen_until_it_ends() {
    let mut overview = overview(vec![LinkState::Live], 2);
    for (until, picture, headline) in [
        ("22T16:00", Picture::Paused, "Connected – 2 unread, toasts paused until 16:00"),
        ("23T08:00", Picture::Paused, "Connected – 2 unread, toasts paused until Mon 08:00"),
        ("22T15:00", Picture::Unread, "Connected – 2 unread"),
    ] {
        overview.paused_until = Some(at(until));
        let look = look(&overview, &[], true, &now());
        assert_eq!((look.picture, look.headline.as_str()), (picture, headline));
        let resume = look.items.contains(&line("Resume toasts", Act::Resume));
        assert_eq!(resume, picture == Picture::Paused);
        let pause =
            look.items.iter().any(|item| matches!(item, Item::Sub { label, .. } if label == "Pause toasts"));
        assert_ne!(pause, resume);
    }
    overview.accounts[0].state = waiting();
    overview.paused_until = Some(at("22T16:00"));
    assert_eq!(look(&overview, &[], true, &now()).picture, Picture::Offline, "a dead link matters more");
}

#[test]
fn a_paused_account_is_not_missed() {
    let mut overview = overview(vec![LinkState::Live, LinkState::Off], 0);
    overview.accounts[1].paused = true;
    let one = look(&overview, &[], true, &now());
    assert_eq!((one.picture, one.headline.as_str()), (Picture::Rest, "Connected – nothing unread"));
    overview.accounts[0] = overview.accounts[1].clone();
    let all = look(&overview, &[], true, &now());
    assert_eq!(
        (all.picture, all.headline.as_str()),
        (Picture::Paused, "All accounts paused – nothing unread")
    );
}

#[test]
fn each_account_says_in_words_where_it_stands_and_what_a_click_does() {
    let retry = || Some(Act::Retry(AccountId::new("podio").unwrap()));
    let cases = [
        (account("Podio", LinkState::Live), "Podio: connected", None),
        (AccountView { unread: 2, ..account("Podio", LinkState::Live) }, "Podio: connected, 2 unread", None),
        (AccountView { paused: true, ..account("Podio", LinkState::Off) }, "Podio: paused", None),
        (account("Podio", LinkState::Off), "Podio: not connected", None),
        (account("Podio", LinkState::Connecting), "Podio: connecting …", None),
        (account("Podio", LinkState::CatchingUp), "Podio: fetching what was missed …", None),
        (account("Podio", waiting()), "Podio: waiting, next attempt 15:05", retry()),
        (account("Podio", signed_out()), "Podio: needs sign-in", Some(Act::Inbox)),
        (account("Podio", broken()), "Podio: does not work: the _key_ was withdrawn", retry()),
        (account("\u{202e}A\ncme\u{7}", LinkState::Live), "Podio (A cme): connected", None),
        (account(" \u{200b}", LinkState::Live), "Podio (podio): connected", None),
    ];
    for (account, label, act) in cases {
        let overview = Overview { running: true, accounts: vec![account], unread: 0, paused_until: None };
        let look = look(&overview, &[], true, &now());
        assert_eq!(look.items[2], Item::Line { label: label.into(), act });
        assert_eq!(look.lines, [label]);
    }
    let without_window = look(&overview(vec![signed_out()], 0), &[], false, &now());
    assert_eq!(without_window.items[2], Item::Line { label: "Podio: needs sign-in".into(), act: None });
}

#[test]
fn the_newest_five_open_on_click_and_the_unread_are_marked() {
    let url = Some("https://podio.com/x");
    let mut newest = vec![
        entry(9, "Ada commented on\u{2028}Roadmap_1", false, url),
        entry(8, "read", true, url),
        entry(7, "no link", false, None),
        entry(6, &"long ".repeat(40), false, url),
        entry(5, "\u{202e}\u{7}", false, url),
        entry(4, "the sixth", false, url),
    ];
    newest[4].notification.body = "a body".into();
    let lines = |window| -> Vec<(String, Option<Act>)> {
        look(&overview(vec![LinkState::Live], 5), &newest, window, &now())
            .items
            .into_iter()
            .skip(4)
            .map_while(|item| match item {
                Item::Line { label, act } => Some((label, act)),
                Item::Separator | Item::Sub { .. } => None,
            })
            .collect()
    };
    let open = |id| Some(Act::Open(NotificationId(id)));
    let with_window = lines(true);
    assert_eq!(with_window.len(), 5);
    assert_eq!(with_window[0], ("● Ada commented on Roadmap_1".into(), open(9)));
    assert_eq!(with_window[1], ("\u{2003} read".into(), open(8)));
    assert_eq!(with_window[2], ("● no link".into(), Some(Act::Show(NotificationId(7)))));
    assert!(with_window[3].0.ends_with('…') && with_window[3].0.chars().count() <= TITLE + 2);
    assert_eq!(with_window[4], ("● a body".into(), open(5)));
    assert_eq!(lines(false)[2], ("● no link".into(), None), "there is nowhere to show it");
}

#[test]
fn the_inbox_is_offered_where_there_is_a_window() {
    let overview = overview(vec![LinkState::Live], 0);
    for window in [true, false] {
        let items = look(&overview, &[], window, &now()).items;
        assert_eq!(items.contains(&line("Open inbox", Act::Inbox)), window);
        assert_eq!(items.last(), Some(&line("Quit Belfry", Act::Quit)));
    }
}

#[test]
fn equal_states_make_equal_looks_whatever_the_time() {
    let overview = overview(vec![LinkState::Live, waiting()], 1);
    let newest = [entry(1, "a", false, None)];
    let later = now().checked_add(3.minutes()).unwrap();
    assert_eq!(look(&overview, &newest, true, &now()), look(&overview, &newest, true, &later));
}

#[test]
fn a_pause_ends_after_an_hour_or_in_the_morning() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let cases = [
        (For::Hour, "2026-11-22T15:00:00Z", "2026-11-22T16:00:00Z"),
        (For::UntilTomorrow, "2026-11-22T15:00:00Z", "2026-11-23T07:00:00Z"),
        (For::UntilTomorrow, "2026-11-22T22:30:00Z", "2026-11-23T07:00:00Z"),
        // The clocks go forward that night.
        (For::UntilTomorrow, "2027-03-27T15:00:00Z", "2027-03-28T06:00:00Z"),
    ];
    for (pause, now, end) in cases {
        let now = now.parse::<Timestamp>().unwrap().to_zoned(berlin.clone());
        assert_eq!(pause_end(pause, &now).to_string(), end, "{pause:?} at {now}");
    }
}

#[test]
fn what_is_cut_is_cut_between_whole_characters() {
    let family = "👩\u{200d}👩\u{200d}👧";
    assert_eq!(plain(&family.repeat(9), 3), format!("{family}{family}…"));
    assert_eq!(plain("exact", 5), "exact");
}

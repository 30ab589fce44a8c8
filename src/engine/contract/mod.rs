//! The contract with the window: the types of everything that crosses, written for TypeScript from the Rust types, and answers as serde
//! writes them, on which the window's own tests feed.
//!
//! `BELFRY_WRITE_CONTRACT=1 cargo test -p belfry --lib contract` writes them anew; otherwise the tests compare.

mod values;

use std::fs;
use std::path::Path;

use serde::Serialize;
use ts_rs::{Config, TS};

use crate::account::{AccountId, Choices, Colour, PodioSettings, PushTransport, Say, Service};
use crate::account::{
    AuthMethod, CloudappSettings, HashKind, HashText, LocalSettings, PodiumPlace, PodiumSettings, PusherAuth,
    PusherServer, PusherSettings, Receiver, RelayKind, RelaySettings, Signature, WebhookSettings,
};
use crate::act::{Act, ActState, Offer};
use crate::engine::views::{
    AccountView, ActView, Entry, FeedView, Finding, Health, InboxWish, Marked, Opened, Overview,
    PasswordSignIn, Removed, Settings, SignIn, SignInAnswer, SignInStep, SignInTo, Signal, TestToast,
    Trouble, TroubleKind, Why,
};
use crate::feed::{FieldMap, PRESETS, Payload, Rule, Tried, Unmatched};
use crate::kind::{Icon, Kind, Urgency};
use crate::link::LinkState;
use crate::notification::{Context, Detail, Notification, NotificationId};
use crate::part::{Change, Choice, Fact, FilePart, Leaning, Part, Person, Said, Stars};
use crate::rule::{ClickTo, QuietHours, Shown, Theme, TimeOfDay, Weekday};
use crate::toast::ToastService;

const HEAD: &str = "\
// Everything that crosses between Belfry and its window. Written from the Rust types; do not edit.
// Anew: BELFRY_WRITE_CONTRACT=1 cargo test -p belfry --lib contract
";

/// Compares a file below `ui/` with what it should hold, or writes it.
fn keep(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui").join(name);
    if std::env::var_os("BELFRY_WRITE_CONTRACT").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "ui/{name} is not what the Rust types say; write it anew with BELFRY_WRITE_CONTRACT=1 and look at what changed"
    );
}

/// A type under its name, with its comment.
fn declared<T: TS>(config: &Config) -> String {
    let comment = T::docs().map(|docs| docs.trim_end().to_owned() + "\n").unwrap_or_default();
    format!("\n{comment}export {}\n", T::decl(config).trim_end())
}

/// A closed list of names. `or` is what else may come.
fn names<'a>(name: &str, comment: &str, names: impl Iterator<Item = &'a str>, or: &str) -> String {
    let names: String = names.map(|name| format!("  | \"{name}\"\n")).collect();
    format!("\n/**\n * {comment}\n */\nexport type {name} =\n{names}  | {or};\n")
}

fn declarations() -> String {
    let config = Config::new().with_large_int("number");
    let mut text = HEAD.to_owned();
    macro_rules! declare {
        ($($type:ty),* $(,)?) => { $(text.push_str(&declared::<$type>(&config));)* };
    }
    declare!(AccountId, Service, LinkState, Colour, Say, Choices, AccountView, Overview, NotificationId);
    let kinds: Vec<Kind> = Kind::all_named().collect();
    text.push_str(&names(
        "Kind",
        "What happened. A kind that no one has seen yet comes by its own name.",
        kinds.iter().map(Kind::name),
        "(string & {})",
    ));
    let icons = Icon::NAMED.iter().map(|icon| icon.name());
    text.push_str(&names(
        "Icon",
        "The picture of a notification; `other` is the neutral one.",
        icons,
        "\"other\"",
    ));
    declare!(Detail, Context, Urgency, Notification, InboxWish, Entry, Why, Opened, Marked, Removed);
    declare!(Stars, Leaning, Choice, Change, FilePart, Said, Person, Fact, Part);
    declare!(Act, Offer, ActState, ActView);
    declare!(Shown, ClickTo, Theme, Weekday, TimeOfDay, QuietHours, Settings);
    declare!(Finding, ToastService, Health, TestToast);
    declare!(
        PushTransport,
        PodioSettings,
        CloudappSettings,
        Unmatched,
        Rule,
        FieldMap,
        Payload,
        Tried,
        FeedView
    );
    declare!(PusherServer, AuthMethod, PusherAuth, PusherSettings);
    declare!(RelayKind, RelaySettings, LocalSettings, Receiver, PodiumPlace, PodiumSettings);
    declare!(HashText, HashKind, Signature, WebhookSettings);
    declare!(PasswordSignIn, SignInTo, SignIn, SignInStep, SignInAnswer);
    declare!(Signal, TroubleKind, Trouble);
    text
}

fn snapshot(name: &str, value: &impl Serialize) {
    keep(&format!("contract/{name}.json"), &(serde_json::to_string_pretty(value).unwrap() + "\n"));
}

#[test]
fn the_contract_is_what_the_types_say() {
    keep("src/contract.ts", &declarations());
}

#[test]
fn the_contract_declares_all_that_it_uses() {
    let text = declarations();
    let defined: Vec<&str> =
        text.split("export type ").skip(1).filter_map(|rest| rest.split([' ', '=']).next()).collect();
    assert!(defined.len() > 30, "{defined:?}");
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with(['*', '/'])).collect();
    for word in code.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 1) {
        let is_type = word.starts_with(|c: char| c.is_ascii_uppercase()) && word != "Array";
        assert!(!is_type || defined.contains(&word), "{word} is used and not declared");
    }
    assert!(!code.contains("bigint") && !code.contains("any"), "JSON knows neither");
}

#[test]
fn the_answers_are_as_the_window_knows_them() {
    snapshot("overview", &values::overview());
    snapshot("accounts", &values::overview().accounts);
    snapshot("inbox", &values::inbox());
    snapshot("entry", &values::entry());
    snapshot("details", &values::details());
    snapshot("why", &values::why());
    snapshot("settings", &values::settings());
    snapshot("health", &values::health());
    snapshot("test-toast", &values::test_toast());
    snapshot("marked", &values::marked());
    snapshot("offers", &Offer::ALL);
    snapshot("acts", &values::acts());
    let [browser, second_factor, place, done] = values::sign_in_steps();
    snapshot("sign-in-step-browser", &browser);
    snapshot("sign-in-step-second-factor", &second_factor);
    snapshot("sign-in-step-place", &place);
    snapshot("sign-in-step-done", &done);
    snapshot("trouble", &values::trouble());
    snapshot("signals", &values::signals());
    let presets =
        PRESETS.iter().map(|(name, _)| serde_json::json!({ "name": name, "map": FieldMap::preset(name) }));
    snapshot("presets", &presets.collect::<Vec<_>>());
}

#[test]
fn every_signal_is_among_the_answers() {
    let mut seen = [false; 10];
    for signal in values::signals() {
        // A new signal does not compile here: give it a number, and the list a value.
        seen[match signal {
            Signal::Link { .. } => 0,
            Signal::New { .. } => 1,
            Signal::Changed { .. } => 2,
            Signal::Renewed { .. } => 9,
            Signal::Toast { .. } => 3,
            Signal::Accounts => 4,
            Signal::Settings => 5,
            Signal::Reread => 6,
            Signal::Missed => 7,
            Signal::Refused { .. } => 8,
        }] = true;
    }
    assert_eq!(seen, [true; 10]);
}

/// What the window sends, as it may write it.
#[test]
fn what_the_window_sends_is_understood() {
    let wish: SignIn =
        serde_json::from_value(serde_json::json!({"service": "podio", "settings": {"client_id": "mine"}}))
            .unwrap();
    let SignInTo::Podio { settings: Some(settings), client_secret: None, password: None } = wish.to else {
        panic!("{wish:?}");
    };
    assert_eq!(settings.client_id, "mine");
    let wish: InboxWish = serde_json::from_value(serde_json::json!({"limit": 100})).unwrap();
    assert_eq!(wish, InboxWish { limit: Some(100), ..InboxWish::default() });
    let act: Act = serde_json::from_value(serde_json::json!({"act": "reply", "text": "yes"})).unwrap();
    assert_eq!(act, Act::Reply { text: "yes".into() });
    let act: Act = serde_json::from_value(serde_json::json!({"act": "complete"})).unwrap();
    assert_eq!(act, Act::Complete);
    let settings = serde_json::to_value(values::settings()).unwrap();
    assert_eq!(serde_json::from_value::<Settings>(settings).unwrap(), values::settings());
}

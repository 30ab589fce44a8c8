//! Shapes at random: documented ones, and the same after something was done to them. Nothing panics, each notification is one row
//! however often and in whatever order its push and its group come, each toast is fit to be seen, and the inbox stands in the
//! service's order.
//!
//! The seed is fixed; `BELFRY_SHAPES_SEED` gives another one, and a failure tells which it was.

use std::collections::BTreeMap;

use belfry::account::{Account, Choices, Settings};
use belfry::notification::{Arrival, Detail, Notification};
use belfry::source::podio::normalize::{Asks, Hint, Reader, completed, group, pushed};
use belfry::store::{InboxQuery, Kept, Store};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::podio_cases::{Case, ME, account, cases, now, toast};

const SEED: u64 = 20_261_122;
const EACH: u64 = 10_000;
/// Shapes that are admitted together.
const BATCH: u64 = 250;

/// Tells the seed and the shape if the test fails with it.
struct Lot {
    seed: u64,
    shape: u64,
}

impl Drop for Lot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("BELFRY_SHAPES_SEED={} fails at shape {}", self.seed, self.shape);
        }
    }
}

fn lot() -> Lot {
    let seed = std::env::var("BELFRY_SHAPES_SEED").ok().map_or(SEED, |seed| seed.parse().unwrap());
    Lot { seed, shape: 0 }
}

/// What the service says of one notification: the pushed message, and the group it gives when asked.
struct Shape {
    push: Value,
    group: Value,
}

// ── documented shapes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const PEOPLE: &[&str] = &["Ada Brook", "Søren Holm", "Łukasz Nowak", "李雷", "مريم", "O'Neil & Sons <Ltd>"];
const TITLES: &[&str] =
    &["Website relaunch", "Lead: Harbour Café", "日程表", "R&D <b>plan</b>", "x", "👩‍👩‍👧 outing"];

fn documented(chance: &mut StdRng, cases: &[Case], id: i64) -> Shape {
    let case = cases.choose(chance).unwrap();
    let mut sent = if chance.random_bool(0.5) { case.bare() } else { case.rendered() };
    let seconds = now().as_second() - chance.random_range(0..3_000_000);
    let created = Timestamp::from_second(seconds).unwrap();
    let one = &mut sent["notifications"][0];
    // Numbers may be texts.
    one["notification_id"] = if chance.random_bool(0.2) { json!(id.to_string()) } else { json!(id) };
    one["created_on"] = json!(created.strftime("%Y-%m-%d %H:%M:%S").to_string());
    if chance.random_bool(0.3) {
        one["viewed_on"] = json!("2026-11-22 09:59:59");
    }
    if chance.random_bool(0.8) {
        let person = PEOPLE.choose(chance).unwrap();
        one["created_by"] =
            json!({"type": "user", "id": 7, "user_id": chance.random_range(1..99), "name": person});
    }
    if chance.random_bool(0.2) {
        one["text_short"] = Value::Null;
    }
    if chance.random_bool(0.7) {
        sent["context"]["title"] = json!(TITLES.choose(chance));
    }
    sent["context"]["ref"]["id"] = json!(chance.random_range(1..500));
    let setting = |chance: &mut StdRng| match chance.random_range(0..3) {
        0 => json!(1),
        1 => json!(true),
        _ => json!(false),
    };
    let settings = json!({"sound": setting(chance), "browser": setting(chance)});
    let text = [json!(format!("{} did something", PEOPLE.choose(chance).unwrap())), Value::Null];
    let event = if chance.random_bool(0.85) {
        json!({"notification_id": sent["notifications"][0]["notification_id"], "text": text.choose(chance),
            "link": sent["context"]["link"], "icon": case.icon(), "settings": settings})
    } else {
        return conversation(chance, id, created);
    };
    Shape { push: wrapped("notification_create", event), group: sent }
}

/// A message, which comes as an event of its conversation alone.
fn conversation(chance: &mut StdRng, id: i64, created: Timestamp) -> Shape {
    let created = created.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let event = json!({"action": "message", "conversation_id": chance.random_range(1..50), "event_id": id, "text": "See you …",
        "created_on": created, "subject": TITLES.choose(chance),
        "created_by": {"type": "user", "id": 7, "user_id": 8, "name": PEOPLE.choose(chance)},
        "data": {"message_id": id, "text": "See you at ten.", "reply": chance.random_bool(0.3), "files": []},
        "settings": {"browser": 1, "popup": 1, "sound": 1}, "unread_count": 1, "total_unread_count": 1});
    Shape { push: wrapped("conversation_event", event), group: Value::Null }
}

/// Podio wraps an event twice; the outer layer is the Bayeux message.
fn wrapped(event: &str, data: Value) -> Value {
    json!({"channel": format!("/user/{ME}"), "data": {"ref": {"type": "user", "id": ME}, "event": event,
        "created_by": {"type": "user", "id": 56_432}, "created_via": 1, "data": data}})
}

// ── what may be done to a shape ────────────────────────────────────────────────────────────────────────────────────────────────

const HOSTILE: &[&str] = &[
    "",
    " \n\t\r\n ",
    "\0\u{1}\u{1b}[31mred\u{7}\u{9b}",
    "invoice\u{202e}fdp.exe\u{202c}\u{2066}\u{2069}\u{200e}",
    "<img src=x onerror=alert(1)><b>fat</b>&amp;&#39;",
    "\u{200b}\u{200d}\u{feff}\u{ad}",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦🏳️\u{200d}🌈",
    "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "line one\nline two\u{2028}line three\u{85}four",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://podio.com\u{0}.example.test/",
    "9223372036854775808",
    "-1",
    "0000-00-00 00:00:00",
    "9999-12-31 23:59:59",
    "null",
    "\\u0000\\\"",
];

fn mutated(chance: &mut StdRng, cases: &[Case], id: i64) -> Shape {
    let mut shape = documented(chance, cases, id);
    for value in [&mut shape.push, &mut shape.group] {
        for _ in 0..chance.random_range(1..5) {
            harm(chance, value);
        }
    }
    shape
}

/// Does one thing to one place.
fn harm(chance: &mut StdRng, value: &mut Value) {
    let mut places = Vec::new();
    list(value, String::new(), &mut places);
    let Some(place) = places.choose(chance) else { return };
    if chance.random_bool(0.15) {
        let (outer, name) = place.rsplit_once('/').unwrap();
        match value.pointer_mut(outer) {
            Some(Value::Object(fields)) => drop(fields.remove(name)),
            Some(Value::Array(list)) => list.clear(),
            _ => {}
        }
        return;
    }
    let Some(found) = value.pointer_mut(place) else { return };
    *found = match chance.random_range(0..12) {
        0 => Value::Null,
        1 => json!(chance.random_bool(0.5)),
        2 => json!(chance.random::<i64>()),
        3 => json!(chance.random::<f64>() * 1e300),
        4 => json!([found.take(), null_or(chance)]),
        5 => json!({"value": found.take(), "text": {"text": []}}),
        6 => deep(chance),
        7 if chance.random_bool(0.02) => json!("é<".repeat(350_000)),
        8 => {
            let mut fields = found.take().as_object().cloned().unwrap_or_else(Map::new);
            fields.extend((0..chance.random_range(1..60)).map(|n| (format!("extra{n}"), null_or(chance))));
            Value::Object(fields)
        }
        9 => json!(vec![found.take(); chance.random_range(0..20)]),
        _ => json!(HOSTILE.choose(chance)),
    };
}

fn null_or(chance: &mut StdRng) -> Value {
    if chance.random_bool(0.5) { Value::Null } else { json!(HOSTILE.choose(chance)) }
}

/// As deep as a reader may still take it.
fn deep(chance: &mut StdRng) -> Value {
    let lists = chance.random_bool(0.5);
    (0..chance.random_range(2..110))
        .fold(json!("deep"), |inner, _| if lists { json!([inner]) } else { json!({"data": inner}) })
}

/// The places of all values inside.
fn list(value: &Value, here: String, into: &mut Vec<String>) {
    if here.matches('/').count() > 8 {
        return;
    }
    let mut inside = |name: &str, value: &Value| {
        let place = format!("{here}/{name}");
        into.push(place.clone());
        list(value, place, into);
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !name.contains(['/', '~']))
            .for_each(|(name, one)| inside(name, one)),
        Value::Array(all) => all.iter().take(30).enumerate().for_each(|(n, one)| inside(&n.to_string(), one)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

// ── what has to come of it ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// A number as the service may write it, read here once more and apart.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The rows that these bytes name.
fn named(shape: &Shape) -> Vec<String> {
    let mut ids = Vec::new();
    let (outer, event) = (&shape.push["data"], &shape.push["data"]["data"]);
    match outer["event"].as_str() {
        Some("notification_create") => {
            ids.extend(number(&event["notification_id"]).map(|id| format!("n{id}")))
        }
        Some("conversation_event") if event["action"].as_str().map(str::trim) == Some("message") => {
            let pair = number(&event["conversation_id"]).zip(number(&event["event_id"]));
            ids.extend(pair.map(|(conversation, event)| format!("c{conversation}.{event}")));
        }
        _ => {}
    }
    match &shape.group["notifications"] {
        Value::Array(all) => {
            ids.extend(
                all.iter().filter_map(|one| number(&one["notification_id"])).map(|id| format!("n{id}")),
            );
        }
        _ => ids.extend(number(&shape.group["notification_id"]).map(|id| format!("n{id}"))),
    }
    ids
}

/// What Belfry makes of the bytes.
fn heard(shape: &Shape) -> Vec<Notification> {
    let account = account();
    let reader = Reader { account: &account, me: Some(ME), now: now(), asks: Asks::default() };
    let (push, sent) = (shape.push.to_string(), shape.group.to_string());
    let push: Box<RawValue> = serde_json::from_str(&push).unwrap();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let mut heard: Vec<Notification> = pushed(&push, reader).into_iter().collect();
    heard.extend(group(&sent, reader));
    if let Some(hint) = Hint::of(&shape.push["data"], now()) {
        heard.extend(completed(&hint, &sent, reader));
    }
    heard
}

fn check(one: &Notification) {
    let longest = |text: &str, most: usize| assert!(text.chars().count() <= most, "{text:.99}");
    assert!(!one.title.trim().is_empty() && !one.title.contains(char::is_control), "{:?}", one.title);
    longest(&one.title, 301);
    longest(&one.body, 2_001);
    longest(one.kind.name(), 65);
    longest(&one.context.what, 65);
    longest(&one.context.id, 65);
    assert!(one.context.url.as_ref().is_none_or(|url| url.len() <= 2_048 && !url.contains(char::is_control)));
    assert!(
        one.raw.len() <= 64 * 1024 && serde_json::from_str::<&RawValue>(&one.raw).is_ok(),
        "{:.99}",
        one.raw
    );

    let toast = toast(one.clone());
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert!(!toast.title.trim().is_empty() && !toast.title.contains('\n'), "{toast:?}");
    assert!(!toast.title.contains(acts) && !toast.body.contains(acts), "{toast:?}");
    assert!(toast.title.graphemes(true).count() <= 80 && toast.title.chars().count() <= 320, "{toast:?}");
    assert!(toast.body.graphemes(true).count() <= 240 && toast.body.lines().count() <= 2, "{toast:?}");
    assert!(toast.title != toast.body, "{toast:?}");
}

/// An open store with the account.
async fn store(home: &tempfile::TempDir) -> Store {
    let store = Store::open(&home.path().join("belfry.db"), now()).unwrap().store;
    let settings = belfry::account::PodioSettings::live("belfry");
    let settings = Settings::Podio(settings);
    let account = Account {
        id: account(),
        label: "Podio".into(),
        paused: false,
        settings,
        choices: Choices::default(),
    };
    store.put_account(account, now()).await.unwrap();
    store
}

async fn all_kept(store: &Store) -> Vec<Kept> {
    let mut all: Vec<Kept> = Vec::new();
    loop {
        let before = all.last().map(|last| (last.notification.occurred_at, last.id));
        let page = store.inbox(InboxQuery { before, limit: 500, ..InboxQuery::default() }).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Makes all shapes and gives what is kept of them, with how many were to be.
async fn keep_all(
    store: &Store,
    lot: &mut Lot,
    make: impl Fn(&mut StdRng, &[Case], i64) -> Shape,
) -> Vec<Kept> {
    let mut chance = StdRng::seed_from_u64(lot.seed);
    let cases = cases();
    // What has to be kept, and whether all of it will be known.
    let mut expected: BTreeMap<String, bool> = BTreeMap::new();
    for batch in 0..EACH / BATCH {
        let mut together = Vec::new();
        for n in 0..BATCH {
            lot.shape = batch * BATCH + n;
            let id = 1_000 + i64::try_from(lot.shape).unwrap();
            let shape = make(&mut chance, &cases, id);
            let heard = heard(&shape);
            heard.iter().for_each(check);
            for id in named(&shape) {
                expected.entry(id).or_default();
            }
            for one in &heard {
                *expected.entry(one.external_id.clone()).or_default() |= one.detail == Detail::Whole;
            }
            // Whatever comes, comes twice.
            together.extend(heard.clone());
            together.extend(heard);
        }
        together.shuffle(&mut chance);
        store.admit(account(), together, Arrival::Live, None, now()).await.unwrap();
    }
    let kept = all_kept(store).await;
    let rows: BTreeMap<String, bool> = kept
        .iter()
        .map(|kept| (kept.notification.external_id.clone(), kept.notification.detail == Detail::Whole))
        .collect();
    assert_eq!(rows.len(), kept.len(), "one row each");
    assert!(rows == expected, "kept {} of {}", rows.len(), expected.len());
    // Newest first by the service's time, and by the row where that is the same.
    let order: Vec<_> = kept.iter().map(|kept| (kept.notification.occurred_at, kept.id)).collect();
    assert!(order.is_sorted_by(|one, next| one > next), "the inbox is out of order");
    kept
}

#[tokio::test]
async fn ten_thousand_documented_shapes_are_a_row_and_a_toast_each_in_the_services_order() {
    let home = tempfile::tempdir().unwrap();
    let store = store(&home).await;
    let mut lot = lot();
    let kept = keep_all(&store, &mut lot, documented).await;
    assert_eq!(kept.len() as u64, EACH);
    let by_service = kept.iter().filter(|kept| kept.notification.occurred_at != now()).count();
    assert_eq!(by_service as u64, EACH, "each bears the service's time");
    store.close().await;
}

#[tokio::test]
async fn ten_thousand_harmed_shapes_do_no_harm() {
    let home = tempfile::tempdir().unwrap();
    let store = store(&home).await;
    let mut lot = lot();
    let kept = keep_all(&store, &mut lot, mutated).await;
    // Most of what was harmed still tells its number.
    assert!(kept.len() as u64 > EACH * 8 / 10, "{}", kept.len());
    store.close().await;
}

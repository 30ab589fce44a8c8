//! The words, the picture and the link of every documented combination, and the table of kinds against the service's own lists.

use std::collections::{BTreeMap, BTreeSet};

use belfry::account::AccountId;
use belfry::notification::{Category, Detail, Icon, Kind, Standing};
use belfry::source::podio::normalize::{Asks, Hint, Reader, completed, conversation_message};
use belfry_sandbox::podio::taxonomy;
use serde_json::{Value, json};

use crate::podio_cases::{Case, ME, account, cases, kind, now, read, toast};

/// The lists of names, section by section.
pub fn names() -> BTreeMap<String, Vec<String>> {
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in
        include_str!("podio_names.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(name) => section = name.to_owned(),
            None => sections.entry(section.clone()).or_default().push(line.to_owned()),
        }
    }
    sections
}

/// The type and the context that a line of the lists means.
pub fn meant(line: &str) -> (String, String) {
    let (kind, context) = line.split_once(" - ").unwrap();
    match kind {
        "batch" => (format!("batch_{context}"), "batch".to_owned()),
        kind => (kind.to_owned(), context.to_owned()),
    }
}

/// Every pair that is documented, listed as no longer used, or inferred.
pub fn listed() -> BTreeSet<(String, String)> {
    let names = names();
    ["combinations", "no longer used", "inferred"]
        .iter()
        .flat_map(|section| &names[*section])
        .map(|line| meant(line))
        .collect()
}

#[test]
fn the_lists_have_as_many_names_as_the_documentation() {
    let names = names();
    let count = |section: &str| names[section].len();
    assert_eq!(
        (count("types"), count("icons"), count("combinations"), count("update - task")),
        (39, 32, 74, 10)
    );
    assert_eq!(names["combinations"].iter().collect::<BTreeSet<_>>().len(), 73);
}

#[test]
fn the_table_has_every_documented_type_with_its_category_and_every_icon() {
    let names = names();
    let mut found = BTreeMap::new();
    for line in &names["types"] {
        let (name, category) = line.split_once(' ').unwrap_or((line, ""));
        // `file` stands twice; the second one is `file_delete`.
        let name = if found.contains_key(name) { "file_delete" } else { name };
        found.insert(name, category);
    }
    let of_page = |kind: &&Kind| matches!(kind.facts().standing, Standing::Live | Standing::Retired);
    let table: BTreeMap<&str, &str> = Kind::PODIO
        .iter()
        .filter(of_page)
        .map(|kind| {
            let category = match kind.facts().category {
                Category::Reference => "reference",
                Category::Subscription => "subscription",
                Category::Space => "space",
                Category::Message => "message",
                Category::Reminder => "reminder",
                Category::Unsaid => "",
            };
            (kind.name(), category)
        })
        .collect();
    assert_eq!(table, found);
    let icons: Vec<&str> = Icon::PODIO.iter().map(|icon| icon.name()).collect();
    assert_eq!(icons, names["icons"]);
}

#[test]
fn the_table_has_every_listed_combination_and_no_other() {
    let pairs = |kind: &Kind| -> Vec<(String, String)> {
        kind.facts().contexts.iter().map(|context| (kind.name().to_owned(), (*context).to_owned())).collect()
    };
    let table: BTreeSet<_> = Kind::PODIO.iter().flat_map(pairs).collect();
    assert_eq!(table, listed());
}

#[test]
fn every_combination_has_a_fixture_and_so_has_every_sub_type() {
    let cases = cases();
    let pairs: BTreeSet<_> =
        cases.iter().map(|case| (case.kind.to_owned(), case.context.to_owned())).collect();
    assert_eq!(pairs, listed());
    let of = |kind: &str, context: &str| -> BTreeSet<String> {
        let these = cases.iter().filter(|case| case.kind == kind && case.context == context);
        these.map(|case| case.sample.clone()).collect()
    };
    assert_eq!(of("update", "task"), names()["update - task"].iter().cloned().collect());
    assert_eq!(of("rating", "item").len(), 15, "each type of rating with each of its values");
    assert_eq!(of("alert", "status").len(), 2, "a comment on a status, and a status");
    assert_eq!((of("vote", "item").len(), of("participation", "item").len()), (2, 3));
}

#[test]
fn the_sandbox_and_the_table_agree() {
    for known in &taxonomy::TYPES {
        let facts = kind(known.name).facts();
        assert_eq!(facts.contexts, known.contexts, "{}", known.name);
        assert_eq!(facts.icon.name(), known.icon, "{}", known.name);
    }
    assert_eq!(Kind::PODIO.len(), taxonomy::TYPES.len());
}

#[test]
fn every_combination_has_its_words_its_picture_and_its_link() {
    let mut lines = Vec::new();
    for case in cases() {
        let [bare, rendered] = [case.bare(), case.rendered()].map(|sent| read(&sent).remove(0));
        assert_eq!(bare.kind.name(), case.kind);
        assert!(!matches!(bare.kind, Kind::Other(_)), "{}", case.kind);
        // The picture Belfry derives is the one the service would name.
        assert_eq!((bare.icon.name(), rendered.icon.name()), (case.icon(), case.icon()), "{}", case.name());
        assert_eq!(bare.context.url, rendered.context.url);
        let (icon, link) = (bare.icon.name(), bare.context.url.clone().unwrap());
        let [bare, rendered] = [bare, rendered].map(toast);
        lines.push(format!("{}  [{icon}]  {link}", case.name()));
        for (said, toast) in [("own", bare), ("served", rendered)] {
            assert!(!toast.title.is_empty());
            let (title, body) = (toast.title.to_lowercase(), toast.body.to_lowercase());
            assert!(
                body.is_empty() || !title.contains(&body),
                "{} says it twice: {title} | {body}",
                case.name()
            );
            lines.push(format!("    {said:6}  {} | {}", toast.title, toast.body.replace('\n', " ⏎ ")));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

/// One field of the data with another value of its kind.
fn changed(data: &Value, way: &str) -> Value {
    let mut data = data.clone();
    let pointer = format!("/{}", way.replace('.', "/"));
    let field = data.pointer_mut(&pointer).unwrap_or_else(|| panic!("no {way}"));
    *field = match field.take() {
        Value::String(text) => json!(format!("other {text}")),
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::Bool(flag) => json!(!flag),
        Value::Array(_) | Value::Object(_) | Value::Null => Value::Null,
    };
    data
}

#[test]
fn the_fields_that_the_table_names_make_the_words_and_no_others_do() {
    let told = |case: &Case, data: Value| {
        let one = read(&Case { data, ..case.clone() }.bare()).remove(0);
        (one.title, one.body, one.icon)
    };
    let mut matter: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for case in cases() {
        let before = told(&case, case.data.clone());
        let mut ways: BTreeSet<String> =
            case.data.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        for field in kind(case.kind).facts().fields.iter().filter(|field| field.contains('.')) {
            let outer = field.split('.').next().unwrap();
            if case.data.pointer(&format!("/{}", field.replace('.', "/"))).is_some() {
                ways.remove(outer);
                ways.insert((*field).to_owned());
            }
        }
        for way in ways {
            if told(&case, changed(&case.data, &way)) != before {
                matter.entry(case.kind).or_default().insert(way);
            }
        }
    }
    for kind in Kind::PODIO {
        let table: BTreeSet<String> = kind.facts().fields.iter().map(|field| (*field).to_owned()).collect();
        assert_eq!(matter.remove(kind.name()).unwrap_or_default(), table, "{kind}");
    }
}

#[test]
fn what_no_one_has_seen_yet_is_told_in_the_services_words() {
    let sent = |kind: &str, icon: &str, what: &str| {
        json!({"context": {"ref": {"type": what, "id": 5}, "title": "Tycho", "mood": {"x": [1]}}, "depth": 3,
            "notifications": [{"notification_id": 7, "type": kind, "icon": icon, "text": "Ada Brook landed",
                "data": {"text": "One small step", "height": 3}, "created_by": {"name": "Ada Brook"}, "novelty": true}]})
    };
    let one = read(&sent("moon_landing", "hologram", "crater")).remove(0);
    assert_eq!((&one.kind, one.icon), (&Kind::Other("moon_landing".into()), Icon::Other));
    let toast_of = |sent: &Value| {
        let toast = toast(read(sent).remove(0));
        (toast.title, toast.body)
    };
    let words = toast_of(&sent("moon_landing", "hologram", "crater"));
    assert_eq!(words, ("Ada Brook landed".into(), "Tycho – One small step".into()));
    // Known kinds in unknown contexts, and unknown kinds with known pictures.
    assert_eq!(read(&sent("comment", "hologram", "crater"))[0].icon, Icon::Comment);
    assert_eq!(read(&sent("moon_landing", "star_rating", "item"))[0].icon, Icon::StarRating);
    let mut silent = sent("moon_landing", "hologram", "crater");
    silent["notifications"][0]["text"] = Value::Null;
    assert_eq!(toast_of(&silent), ("Moon landing: Tycho".into(), "One small step".into()));
    let raw: Value = serde_json::from_str(&one.raw).unwrap();
    assert_eq!(raw["notification"]["novelty"], json!(true), "what is not understood is kept");
}

/// The push of a notification, with the text and the picture that the group has.
fn pushed(case: &Case) -> Value {
    let sent = &case.rendered()["notifications"][0];
    json!({"ref": {"type": "user", "id": ME}, "event": "notification_create", "created_by": {"type": "user", "id": 56_432}, "created_via": 1,
        "data": {"notification_id": 123, "text": sent["text"], "link": "https://podio.com/northwind/launch/deep/42", "icon": sent["icon"],
            "settings": {"sound": true, "browser": true}}})
}

#[test]
fn a_push_says_the_services_sentence_and_leads_to_the_very_thing() {
    let account = account();
    let reader = Reader { account: &account, me: Some(ME), now: now(), asks: Asks::default() };
    for case in cases() {
        let hint = Hint::of(&pushed(&case), now()).unwrap();
        let first = hint.notification(reader);
        let whole = completed(&hint, &case.rendered(), reader).unwrap();
        assert_eq!((first.detail, whole.detail), (Detail::Hint, Detail::Whole));
        assert_eq!(
            (&first.external_id, &first.title, first.icon),
            (&whole.external_id, &whole.title, whole.icon),
            "{}",
            case.name()
        );
        assert_eq!(first.context.url, whole.context.url);
        assert!(!matches!(first.kind, Kind::Other(_)), "{}", case.name());
    }
}

#[test]
fn a_message_that_is_pushed_has_the_same_words() {
    let account: AccountId = account();
    let reader = Reader { account: &account, me: Some(ME), now: now(), asks: Asks::default() };
    let event = |subject: Value, message: Value| {
        json!({"created_by": {"id": 56_432, "type": "user"}, "created_via": 1, "event": "conversation_event", "ref": {"id": ME, "type": "user"},
            "data": {"action": "message", "conversation_id": 42, "event_id": 5, "text": "See you …", "created_on": "2026-11-22 09:59:00",
                "subject": subject, "created_by": {"id": 7, "user_id": 56_432, "type": "user", "name": "Ada Brook"}, "data": message,
                "settings": {"browser": 1, "popup": 1, "sound": 1}, "unread_count": 1, "total_unread_count": 1}})
    };
    let text = json!({"message_id": 3, "text": "See you at ten.", "files": []});
    let reply = json!({"message_id": 3, "text": "See you at ten.", "reply": 1, "files": []});
    let files = json!({"message_id": 3, "text": "", "files": [{"file_id": 1, "name": "plan.pdf"}]});
    let lines: Vec<String> = [
        ("no subject", event(Value::Null, text.clone())),
        ("subject", event(json!("Fair stand"), text)),
        ("reply", event(json!("Fair stand"), reply)),
        ("files alone", event(json!("Fair stand"), files)),
        ("excerpt alone", event(json!("Fair stand"), Value::Null)),
    ]
    .into_iter()
    .map(|(name, event)| {
        let one = conversation_message(&event, reader).unwrap();
        let (icon, link) = (one.icon.name(), one.context.url.clone().unwrap());
        let toast = toast(one);
        format!("{name}  [{icon}]  {link}\n    {} | {}", toast.title, toast.body)
    })
    .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

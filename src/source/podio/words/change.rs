//! What changed: the sub-types of a task's update, and the difference between two revisions of an item. Pure.
//!
//! What `changed` and `diff` hold is documented elsewhere at the service, and only in part; every form seen or likely is read, and what
//! is not understood is left out.

use serde_json::Value;

use super::Told;
use super::phrase::{date, day_and_time, name, person};
use crate::source::podio::json::{at, field, flag, int, items, text};
use crate::source::podio::plain::{one_line, shortened};

/// Most characters of one value.
const VALUE: usize = 60;
/// Fields of an item told by name and value before the rest is counted.
const FIELDS: usize = 3;

/// Who did what to the task.
pub(super) fn task_sentence(told: &Told<'_>, who: &str, it: &str) -> String {
    match kind(told).as_deref() {
        // The documentation spells it both ways.
        Some("assign" | "assignment") => match assignee(told).as_deref() {
            Some("you") => format!("{who} assigned you {it}"),
            Some(other) => format!("{who} assigned {it} to {other}"),
            None => format!("{who} assigned {it}"),
        },
        Some("update_due_date") => format!("{who} changed the due date of {it}"),
        Some("update_text") => format!("{who} renamed {it}"),
        Some("update_description") => format!("{who} changed the description of {it}"),
        Some("update_private") => match private(told) {
            Some(true) => format!("{who} made {it} private"),
            Some(false) => format!("{who} opened {it} to others"),
            None => format!("{who} changed who can see {it}"),
        },
        Some("start") => format!("{who} started {it}"),
        Some("stop") => format!("{who} stopped {it}"),
        Some("complete") => format!("{who} completed {it}"),
        Some("incomplete") => format!("{who} reopened {it}"),
        // The tasks area knows these two as well.
        Some("update_ref") => format!("{who} moved {it}"),
        Some("update_labels") => format!("{who} changed the labels of {it}"),
        _ => format!("{who} changed {it}"),
    }
}

/// The pieces of content of a task's update, and whether the sentence says them.
pub(super) fn task_contents(told: &Told<'_>) -> Vec<(bool, String)> {
    let said = |words: &str| vec![(true, words.to_owned())];
    match kind(told).as_deref() {
        Some("assign" | "assignment") => match assignee(told) {
            Some(person) => vec![(true, format!("Assigned to {person}"))],
            None => said("Assigned"),
        },
        Some("update_due_date") => due(told),
        Some("update_text") => {
            let old = before(told, &["text"]).and_then(text);
            let new = after(told, &["text"]).and_then(text);
            let old = old.map(|old| (false, format!("Formerly “{}”", one_line(&old, 2 * VALUE))));
            old.into_iter().chain(new.map(|new| (false, new))).collect()
        }
        Some("update_description") => {
            let new = after(told, &["description"]).and_then(text);
            new.map(|new| (false, new)).into_iter().chain(said("New description")).collect()
        }
        Some("update_private") => said(match private(told) {
            Some(true) => "Now private",
            Some(false) => "No longer private",
            None => "Privacy changed",
        }),
        Some("start") => said("Started"),
        Some("stop") => said("Stopped"),
        Some("complete") => said("Completed"),
        Some("incomplete") => said("Open again"),
        _ => Vec::new(),
    }
}

/// True if the task got somebody to do it.
pub(super) fn is_assignment(told: &Told<'_>) -> bool {
    matches!(kind(told).as_deref(), Some("assign" | "assignment"))
}

fn kind(told: &Told<'_>) -> Option<String> {
    text(field(told.data, "type"))
}

/// Who has the task now: as the change says, else as the task says.
fn assignee(told: &Told<'_>) -> Option<String> {
    const NAMES: &[&str] = &["responsible", "responsible_id", "user", "user_id", "assignee"];
    let now = after(told, NAMES).and_then(|value| person(value, told.me));
    now.or_else(|| person(at(told.about, &["data", "responsible"]), told.me))
}

fn due(told: &Told<'_>) -> Vec<(bool, String)> {
    const NAMES: &[&str] = &["due_date", "due_on"];
    let changed = field(told.data, "changed");
    let old = before(told, NAMES).and_then(date);
    let removed = NAMES.iter().any(|name| changed.get(name).is_some_and(Value::is_null))
        || changed.get("to").is_some_and(Value::is_null);
    if removed {
        return vec![(false, "No due date any more".to_owned())];
    }
    let both = day_and_time(changed, "due_date", "due_time");
    let new = both.or_else(|| after(told, NAMES).and_then(date));
    // The task itself, read after the change.
    let new = new.or_else(|| day_and_time(field(told.about, "data"), "due_date", "due_time"));
    let words = match (new, old) {
        (Some(new), Some(old)) => format!("Due {new} (was {old})"),
        (Some(new), None) => format!("Due {new}"),
        (None, Some(old)) => format!("Was due {old}"),
        (None, None) => return vec![(true, "New due date".to_owned())],
    };
    vec![(false, words)]
}

fn private(told: &Told<'_>) -> Option<bool> {
    after(told, &["private"]).and_then(flag)
}

/// What it is now: `changed` names the field and its value, or the field and both values, or both values only.
fn after<'a>(told: &Told<'a>, names: &[&str]) -> Option<&'a Value> {
    let changed = field(told.data, "changed");
    let named = names.iter().find_map(|name| changed.get(name));
    let pair = |value: &'a Value| value.get("to").or_else(|| value.get("new"));
    match named {
        Some(value) => Some(pair(value).unwrap_or(value)),
        None => pair(changed),
    }
}

/// What it was before.
fn before<'a>(told: &Told<'a>, names: &[&str]) -> Option<&'a Value> {
    let changed = field(told.data, "changed");
    let pair = |value: &'a Value| value.get("from").or_else(|| value.get("old"));
    match names.iter().find_map(|name| changed.get(name)) {
        Some(value) => pair(value).or_else(|| pair(changed)),
        None => pair(changed),
    }
}

/// The difference between two revisions of an item: `Status: Draft → Done · Value: 12,000 EUR`.
pub(super) fn diff(diff: &Value) -> Option<String> {
    let fields: Vec<_> = items(diff).iter().filter_map(field_change).collect();
    let more = fields.len().saturating_sub(FIELDS);
    let mut told: Vec<_> = fields.into_iter().take(FIELDS).collect();
    if more > 0 {
        told.push(format!("{more} more"));
    }
    if told.is_empty() { None } else { Some(told.join(" · ")) }
}

fn field_change(change: &Value) -> Option<String> {
    let label = name(field(change, "label")).or_else(|| name(field(change, "external_id")))?;
    let kind = text(field(change, "type")).unwrap_or_default();
    let (old, new) = (values(&kind, field(change, "from")), values(&kind, field(change, "to")));
    Some(match (old, new) {
        (Some(old), Some(new)) if old.chars().count() + new.chars().count() <= VALUE => {
            format!("{label}: {old} → {new}")
        }
        (_, Some(new)) => format!("{label}: {new}"),
        (Some(old), None) => format!("{label}: no longer {old}"),
        (None, None) => label,
    })
}

/// The values of a field in a few words.
fn values(kind: &str, values: &Value) -> Option<String> {
    let one = std::slice::from_ref(values);
    let list = if values.is_array() { items(values) } else { one };
    let words: Vec<_> = list.iter().take(FIELDS + 1).filter_map(|one| value(kind, one)).collect();
    if words.is_empty() { None } else { Some(one_line(&words.join(", "), VALUE)) }
}

/// One value, by the field's type; what has no type tells itself.
fn value(kind: &str, sent: &Value) -> Option<String> {
    let inner = sent.get("value").unwrap_or(sent);
    let words = match kind {
        "money" => {
            let amount = number(field(sent, "value"))?;
            match text(field(sent, "currency")) {
                Some(currency) => format!("{amount} {currency}"),
                None => amount,
            }
        }
        "progress" => format!("{} %", int(inner)?),
        "duration" => duration(int(inner)?),
        "number" | "calculation" => number(inner)?,
        "date" => {
            let begins =
                day_and_time(sent, "start_date", "start_time").or_else(|| date(field(sent, "start")))?;
            let ends = day_and_time(sent, "end_date", "end_time").or_else(|| date(field(sent, "end")));
            match ends.filter(|ends| *ends != begins) {
                Some(ends) => format!("{begins} to {ends}"),
                None => begins,
            }
        }
        "embed" => embed(field(sent, "embed"))?,
        _ => named(inner).or_else(|| embed(field(sent, "embed")))?,
    };
    // Bounded first: a search for the end of each tag would go through all of a hostile text again and again.
    Some(without_tags(&shortened(&words, 16 * VALUE))).filter(|words| !words.trim().is_empty())
}

/// A category, a person, an item, a file: each bears its name under one of these.
fn named(value: &Value) -> Option<String> {
    let own = text(value);
    own.or_else(|| {
        ["text", "title", "name", "formatted", "value"].iter().find_map(|name| text(field(value, name)))
    })
}

fn embed(embed: &Value) -> Option<String> {
    text(field(embed, "title")).or_else(|| text(field(embed, "url")))
}

/// `12000.0000` is 12000.
fn number(value: &Value) -> Option<String> {
    let digits = text(value)?;
    Some(match digits.split_once('.') {
        Some((whole, part)) if part.chars().all(|c| c == '0') => whole.to_owned(),
        Some((_, part)) if part.chars().all(|c| c.is_ascii_digit()) => {
            digits.trim_end_matches('0').to_owned()
        }
        _ => digits,
    })
}

fn duration(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Text fields hold markup. Only what is surely a tag goes: `1 < 2` stays.
fn without_tags(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        let inside = from.get(1..).unwrap_or_default();
        let tag = inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        match inside.find('>').filter(|_| tag) {
            Some(end) => {
                plain.push(' ');
                rest = inside.get(end + 1..).unwrap_or_default();
            }
            None => {
                plain.push('<');
                rest = inside;
            }
        }
    }
    plain.push_str(rest);
    let entities =
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(plain, |text, (entity, plain)| text.replace(entity, plain)).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_is_told_field_by_field() {
        let change = |kind: &str, from: Value, to: Value| {
            diff(&json!([{"field_id": 1, "type": kind, "label": "F", "from": from, "to": to}])).unwrap()
        };
        let category = |text: &str| json!([{"value": {"id": 1, "text": text, "color": "DCEBD8"}}]);
        assert_eq!(change("category", category("Draft"), category("Done")), "F: Draft → Done");
        assert_eq!(
            change("text", json!([]), json!([{"value": "<p>1 &lt; 2 <b>fat</b></p>"}])),
            "F: 1 < 2 fat"
        );
        assert_eq!(change("text", json!([{"value": "old"}]), json!([])), "F: no longer old");
        let money = json!([{"value": "12000.0000", "currency": "EUR"}]);
        assert_eq!(change("money", Value::Null, money), "F: 12000 EUR");
        assert_eq!(
            change("number", json!([{"value": "1.5000"}]), json!([{"value": "2.0000"}])),
            "F: 1.5 → 2"
        );
        assert_eq!(change("progress", json!([{"value": 10}]), json!([{"value": 80}])), "F: 10 % → 80 %");
        assert_eq!(change("duration", json!([]), json!([{"value": 5_400}])), "F: 1 h 30 min");
        let days =
            json!([{"start": "2026-12-01 00:00:00", "start_date": "2026-12-01", "end_date": "2026-12-03"}]);
        assert_eq!(change("date", json!([]), days), "F: 1 Dec 2026 to 3 Dec 2026");
        let people = json!([{"value": {"name": "Bo"}}, {"value": {"name": "Cy"}}]);
        assert_eq!(change("contact", json!([]), people), "F: Bo, Cy");
        assert_eq!(change("app", json!([]), json!([{"value": {"title": "Budget"}}])), "F: Budget");
        assert_eq!(
            change("embed", json!([]), json!([{"embed": {"url": "https://x.test"}}])),
            "F: https://x.test"
        );
        assert_eq!(change("hologram", json!([]), json!([{"depth": 3}])), "F", "the name alone is something");
        let long = json!([{"value": "y".repeat(500)}]);
        assert_eq!(change("text", json!([{"value": "old"}]), long).chars().count(), 3 + VALUE + 1);
    }

    #[test]
    fn many_changes_are_counted_and_none_say_nothing() {
        let fields: Vec<_> =
            (1..=5).map(|n| json!({"label": format!("F{n}"), "to": [{"value": n}]})).collect();
        assert_eq!(diff(&json!(fields)).as_deref(), Some("F1: 1 · F2: 2 · F3: 3 · 2 more"));
        for nothing in [json!([]), json!(null), json!("x"), json!([null, 7, {}])] {
            assert_eq!(diff(&nothing), None);
        }
    }

    #[test]
    fn only_tags_are_taken_out() {
        for (given, want) in
            [("1 < 2", "1 < 2"), ("a<br/>b", "a b"), ("<p>x", "x"), ("<<b>", "<"), ("a <b", "a <b")]
        {
            assert_eq!(without_tags(given), want, "{given}");
        }
    }
}

//! What an update changed: an item's diff field by field, a task's one change. Pure.
//!
//! The notification's documentation names `diff` and `changed` and no more. A diff is read as the items area documents it (`label`, `type`,
//! `from[]`, `to[]` with a field's values), and each value by what it has, since apps bring types of their own. `changed` is read as the
//! task's own field of that name, or as old and new side by side; where it is empty, the task as it came along says what it is now.

use serde_json::Value;

use super::plain::{
    self, PASSAGE, day, first, from_html, instant, line, long, moment, name, names, word, yes_or_no,
};
use crate::part::{Change, Part};
use crate::source::podio::json::{at, field, items, text};

/// Most changes shown of one update.
const CHANGES: usize = 50;
/// Most values of one field.
const VALUES: usize = 12;
/// How deep a value may hide in others.
const DEPTH: u8 = 3;

/// An item's diff; `None` if there is none.
pub(super) fn of_item(data: &Value) -> Option<Part> {
    let changes = items(field(data, "diff")).iter().filter_map(field_change);
    let (changes, more) = first(CHANGES, changes);
    (!changes.is_empty()).then_some(Part::Changes { changes, more })
}

fn field_change(one: &Value) -> Option<Change> {
    let kind = text(field(one, "type")).unwrap_or_default();
    let what = [field(one, "label"), at(one, &["config", "label"]), field(one, "external_id")];
    let what = what.into_iter().find_map(line).or_else(|| word(field(one, "type")))?;
    Some(Change { what, from: values(&kind, field(one, "from")), to: values(&kind, field(one, "to")) })
}

/// A task's change; `None` if this names none.
pub(super) fn of_task(data: &Value, task: &Value) -> Option<Part> {
    let kind = text(field(data, "type"))?;
    let done = |to: &str| ("Status", None, Some(to.to_owned()));
    let (what, from, to) = match kind.as_str() {
        // The documentation spells it both ways.
        "assign" | "assignment" => {
            sides("Responsible", data, task, |of| name(field(of, "responsible")).or_else(|| name(of)))
        }
        "update_due_date" => sides("Due", data, task, due),
        "update_text" => {
            sides("Text", data, task, |of| long(field(of, "text"), PASSAGE).or_else(|| long(of, PASSAGE)))
        }
        "update_description" => sides("Description", data, task, |of| {
            from_html(field(of, "description"), PASSAGE).or_else(|| from_html(of, PASSAGE))
        }),
        "update_private" => {
            sides("Private", data, task, |of| yes_or_no(field(of, "private")).or_else(|| yes_or_no(of)))
        }
        "update_reference" => {
            sides("Belongs to", data, task, |of| name(field(of, "ref")).or_else(|| name(of)))
        }
        "update_labels" => sides("Labels", data, task, |of| names(field(of, "labels")).or_else(|| names(of))),
        "start" => done("started"),
        "stop" => done("stopped"),
        "complete" => done("completed"),
        "incomplete" => done("open again"),
        _ => return None,
    };
    Some(Part::Changes { changes: vec![Change { what: what.to_owned(), from, to }], more: 0 })
}

type Sides = (&'static str, Option<String>, Option<String>);

/// What was and what is. `read` reads a value, or the task's field out of an object.
fn sides(what: &'static str, data: &Value, task: &Value, read: impl Fn(&Value) -> Option<String>) -> Sides {
    let changed = field(data, "changed");
    let side = |names: [&str; 2]| names.into_iter().find_map(|name| read(field(changed, name)));
    // Where the new value is not named, the task that came along has it.
    (what, side(["from", "old"]), side(["to", "new"]).or_else(|| read(changed)).or_else(|| read(task)))
}

/// A due date, as a day, or as a task has it.
fn due(of: &Value) -> Option<String> {
    let nothing = Value::Null;
    day(of, &nothing)
        .or_else(|| day(field(of, "due_date"), field(of, "due_time")))
        .or_else(|| instant(field(of, "due_on")).map(|(words, _)| words))
}

/// The values of a field, as one text.
fn values(kind: &str, all: &Value) -> Option<String> {
    let single = [all.clone()];
    let all = all.as_array().map_or(single.as_slice(), Vec::as_slice);
    let (said, more) = first(VALUES, all.iter().filter_map(|one| value(kind, one, DEPTH)));
    if said.is_empty() {
        return None;
    }
    let rest = (more > 0).then(|| format!("{more} more"));
    let between = if kind == "text" { "\n" } else { ", " };
    let said = said.into_iter().chain(rest).collect::<Vec<_>>().join(between);
    long(&Value::String(said), PASSAGE)
}

/// One value of a field of this type.
fn value(kind: &str, one: &Value, depth: u8) -> Option<String> {
    if one.is_object() {
        let deeper = || {
            [field(one, "value"), field(one, "embed"), field(one, "file")]
                .into_iter()
                .find_map(|inner| value(kind, inner, depth.checked_sub(1)?))
        };
        let currency = line(field(one, "currency"));
        return dates(one)
            .or_else(|| Some([deeper()?, currency?].join(" ")))
            .or_else(deeper)
            .or_else(|| {
                ["text", "formatted", "title", "name", "url", "resolved_url"]
                    .iter()
                    .find_map(|name| line(field(one, name)))
            })
            .or_else(|| name(one));
    }
    if let Some(yes) = one.as_bool() {
        return Some(if yes { "yes" } else { "no" }.to_owned());
    }
    let said = text(one)?;
    match kind {
        "text" => from_html(one, PASSAGE),
        "progress" => Some(format!("{} %", plain::number(&said))),
        "duration" => said.parse().map_or_else(|_| line(one), |seconds| Some(duration(seconds))),
        "number" | "money" | "calculation" => line(&Value::String(plain::number(&said))),
        _ => line(one),
    }
}

/// A date field: a beginning, maybe with an end, each a day or a day and a time.
fn dates(one: &Value) -> Option<String> {
    let begin =
        moment(field(one, "start")).or_else(|| day(field(one, "start_date"), field(one, "start_time")))?;
    let end = moment(field(one, "end")).or_else(|| day(field(one, "end_date"), field(one, "end_time")));
    Some(match end.filter(|end| *end != begin) {
        Some(end) => {
            // On the same day the time says enough.
            let same_day =
                begin.split_once(", ").and_then(|(day, _)| end.strip_prefix(day)?.strip_prefix(", "));
            format!("{begin} – {}", same_day.unwrap_or(&end))
        }
        None => begin,
    })
}

fn duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "min"), (rest, "s")];
    let said: Vec<String> = parts
        .iter()
        .filter(|(amount, _)| *amount > 0)
        .map(|(amount, unit)| format!("{amount} {unit}"))
        .collect();
    if said.is_empty() { "0 min".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_type_of_field_has_its_words() {
        let cases = [
            ("text", json!([{"value": "<p>One</p><p>two</p>"}]), Some("One\ntwo")),
            ("number", json!([{"value": "12.5000"}]), Some("12.5")),
            ("money", json!([{"value": "12000.0000", "currency": "EUR"}]), Some("12000 EUR")),
            ("category", json!([{"value": {"id": 2, "text": "Done", "color": "DCEBD8"}}]), Some("Done")),
            ("category", json!([{"value": {"text": "A"}}, {"value": {"text": "B"}}]), Some("A, B")),
            ("date", json!([{"start": "2026-12-01 00:00:00", "end": null}]), Some("1 Dec 2026")),
            (
                "date",
                json!([{"start": "2026-12-01 09:00:00", "end": "2026-12-01 10:30:00"}]),
                Some("1 Dec 2026, 09:00 – 10:30"),
            ),
            (
                "date",
                json!([{"start_date": "2026-12-01", "start_time": "09:00:00"}]),
                Some("1 Dec 2026, 09:00"),
            ),
            ("contact", json!([{"value": {"profile_id": 7, "name": "Ada Brook"}}]), Some("Ada Brook")),
            ("app", json!([{"value": {"item_id": 9, "title": "Harbour Café"}}]), Some("Harbour Café")),
            ("progress", json!([{"value": 75}]), Some("75 %")),
            ("duration", json!([{"value": 5400}]), Some("1 h 30 min")),
            (
                "embed",
                json!([{"embed": {"url": "https://example.org", "title": "An example"}, "file": null}]),
                Some("An example"),
            ),
            ("image", json!([{"value": {"file_id": 3, "name": "logo.png"}}]), Some("logo.png")),
            ("location", json!([{"value": "Harbour 1", "lat": 1.0}]), Some("Harbour 1")),
            ("email", json!([{"type": "work", "value": "ada@example.org"}]), Some("ada@example.org")),
            ("calculation", json!([{"value": "3.0000"}]), Some("3")),
            ("question", json!([{"value": {"id": 1, "text": "Yes"}}]), Some("Yes")),
            ("moon", json!([{"phase": {"deep": [1, 2]}}]), None),
            ("text", json!("only text"), Some("only text")),
            ("text", json!([]), None),
            ("text", json!(null), None),
        ];
        for (kind, json, words) in cases {
            assert_eq!(values(kind, &json).as_deref(), words, "{kind} {json}");
        }
    }

    #[test]
    fn each_change_of_a_task_has_its_words() {
        let task = json!({"task_id": 1, "due_date": "2026-12-24", "due_time": "12:00:00", "responsible": {"name": "Bo"}, "private": true});
        let cases = [
            (
                "assign",
                json!({"responsible": {"user_id": 7, "name": "Ada"}}),
                "Responsible",
                None,
                Some("Ada"),
            ),
            (
                "assignment",
                json!({"from": {"name": "Bo"}, "to": {"name": "Ada"}}),
                "Responsible",
                Some("Bo"),
                Some("Ada"),
            ),
            ("assign", json!({}), "Responsible", None, Some("Bo")),
            ("update_due_date", json!({"due_date": "2026-12-01"}), "Due", None, Some("1 Dec 2026")),
            (
                "update_due_date",
                json!({"from": "2026-11-30", "to": "2026-12-01"}),
                "Due",
                Some("30 Nov 2026"),
                Some("1 Dec 2026"),
            ),
            (
                "update_due_date",
                json!({"old": "2026-11-30"}),
                "Due",
                Some("30 Nov 2026"),
                Some("24 Dec 2026, 12:00"),
            ),
            ("update_due_date", json!(null), "Due", None, Some("24 Dec 2026, 12:00")),
            ("update_text", json!({"text": "New"}), "Text", None, Some("New")),
            ("update_text", json!("New"), "Text", None, Some("New")),
            ("update_description", json!({"description": "<p>More</p>"}), "Description", None, Some("More")),
            ("update_private", json!({"private": false}), "Private", None, Some("no")),
            ("update_private", json!({}), "Private", None, Some("yes")),
            ("start", json!({}), "Status", None, Some("started")),
            ("stop", json!({}), "Status", None, Some("stopped")),
            ("complete", json!({}), "Status", None, Some("completed")),
            ("incomplete", json!(null), "Status", None, Some("open again")),
        ];
        for (kind, changed, what, from, to) in cases {
            let part = of_task(&json!({"type": kind, "changed": changed}), &task);
            let own = |text: Option<&str>| text.map(ToOwned::to_owned);
            let change = Change { what: what.into(), from: own(from), to: own(to) };
            assert_eq!(part, Some(Part::Changes { changes: vec![change], more: 0 }), "{kind} {changed}");
        }
        assert_eq!(of_task(&json!({"type": "moon"}), &task), None);
    }
}

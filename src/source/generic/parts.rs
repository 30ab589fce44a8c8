//! What the detail view of an event shows: its text whole, and what it carried, field by field. Pure.

use serde_json::Value;

use crate::notification::Notification;
use crate::part::{Fact, Part};
use crate::source::plain::{lines, one_line};

/// At most so many fields are shown, so deep, with values so long.
const MOST: usize = 40;
const DEPTH: usize = 5;
const VALUE: usize = 300;
const NAME: usize = 80;

/// What the detail view of an event shows.
pub(in crate::source) fn parts(notification: &Notification) -> Vec<Part> {
    let raw: Value = serde_json::from_str(&notification.raw).unwrap_or_default();
    let mut facts = Vec::new();
    for name in ["channel", "event"] {
        let value = raw.get(name).and_then(Value::as_str).unwrap_or_default();
        if !value.is_empty() {
            facts.push(fact(name, value));
        }
    }
    let mut parts = Vec::new();
    if !notification.body.is_empty() {
        parts.push(Part::Text { label: None, text: notification.body.clone() });
    }
    parts.push(Part::Facts { label: "Where it came from".to_owned(), facts });
    let mut carried = Vec::new();
    collect(raw.get("data").unwrap_or(&Value::Null), "", DEPTH, &mut carried);
    if !carried.is_empty() {
        parts.push(Part::Facts { label: "What it carried".to_owned(), facts: carried });
    }
    parts
}

fn collect(value: &Value, path: &str, deep: usize, into: &mut Vec<Fact>) {
    if into.len() >= MOST {
        return;
    }
    let name = if path.is_empty() { "data" } else { path };
    match value {
        Value::Null => {}
        Value::String(text) if text.trim().is_empty() => {}
        Value::String(text) => into.push(fact(name, text)),
        Value::Bool(_) | Value::Number(_) => into.push(fact(name, &value.to_string())),
        Value::Array(_) | Value::Object(_) if deep == 0 => into.push(fact(name, &value.to_string())),
        Value::Array(all) => {
            for (place, one) in all.iter().enumerate() {
                collect(one, &format!("{name}[{place}]"), deep - 1, into);
            }
        }
        Value::Object(fields) => {
            for (field, one) in fields {
                let below = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
                collect(one, &below, deep - 1, into);
            }
        }
    }
}

fn fact(name: &str, value: &str) -> Fact {
    Fact { label: one_line(name, NAME), value: lines(value, VALUE), at: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_event_carried_is_shown_field_by_field_and_never_without_end() {
        let mut deep = json!("end");
        for _ in 0..50 {
            deep = json!({ "in": deep });
        }
        let data =
            json!({"a": {"b": [1, "two"]}, "none": null, "deep": deep, "many": (0..500).collect::<Vec<_>>()});
        let facts = |data: &Value| {
            let mut facts = Vec::new();
            collect(data, "", DEPTH, &mut facts);
            facts.into_iter().map(|fact| (fact.label, fact.value)).collect::<Vec<_>>()
        };
        let shown = facts(&data);
        assert_eq!(shown[0], ("a.b[0]".to_owned(), "1".to_owned()));
        assert_eq!(shown[1], ("a.b[1]".to_owned(), "two".to_owned()));
        assert!(shown.len() <= MOST && shown.iter().all(|(_, value)| value.chars().count() <= VALUE + 1));
        assert_eq!(facts(&json!("alone")), [("data".to_owned(), "alone".to_owned())]);
        assert_eq!(facts(&Value::Null), []);
    }
}

//! What Podio sent, kept as JSON text of bounded length for what we do not understand yet. Pure.

use serde_json::{Map, Value, json};

use super::json::field;

/// Longest raw JSON kept, in bytes.
pub(super) const RAW: usize = 64 * 1024;

/// A notification with its context. Too long, it loses the context's own data first (a whole item, say).
pub(super) fn raw_entry(one: &Value, context: &Value) -> String {
    let whole = json!({ "context": context, "notification": one }).to_string();
    if whole.len() <= RAW {
        return whole;
    }
    let mut context = context.clone();
    if let Some(fields) = context.as_object_mut() {
        fields.remove("data");
    }
    raw(&json!({ "context": context, "notification": one }))
}

/// Any event. Too long, its texts are cut, and lists and objects lose their ends, more and more, until it is short enough.
pub(super) fn raw(value: &Value) -> String {
    let whole = value.to_string();
    if whole.len() <= RAW {
        return whole;
    }
    let shorter = [(8_000, 200), (2_000, 50), (200, 20), (64, 8)];
    let mut texts = shorter.into_iter().map(|(text, list)| cut(value, text, list).to_string());
    // Even the shortest form of something deep may be too long.
    texts.find(|text| text.len() <= RAW).unwrap_or_else(|| short(value).to_string())
}

fn cut(value: &Value, text: usize, list: usize) -> Value {
    match value {
        Value::String(whole) => super::plain::shortened(whole, text).into(),
        Value::Array(all) => all.iter().take(list).map(|one| cut(one, text, list)).collect(),
        Value::Object(fields) => {
            let known = |name: &str| KEPT.contains(&name);
            // What is documented goes before what is not.
            let (first, rest): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| known(name));
            let kept = first.into_iter().chain(rest).take(list.max(KEPT.len()));
            let kept = kept.filter(|(name, _)| name.len() <= text);
            Value::Object(kept.map(|(name, one)| (name.clone(), cut(one, text, list))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The fields that others look for in what is kept.
const KEPT: &[&str] = &[
    "context",
    "notification",
    "notification_id",
    "type",
    "icon",
    "text",
    "text_short",
    "data",
    "ref",
    "id",
    "event",
    "message_id",
    "invite_code",
    "status",
    "completed_on",
    "comment_id",
    "value",
    "created_on",
    "created_by",
    "user_id",
    "name",
    "title",
    "link",
    "subscription_id",
    "starred",
    "rights",
    "settings",
    "conversation_id",
    "event_id",
    "action",
];

/// Only plain values, two layers down.
fn short(value: &Value) -> Value {
    let plain = |value: &Value| -> Map<String, Value> {
        let fields = value.as_object().into_iter().flatten();
        let kept = fields
            .filter(|(name, one)| KEPT.contains(&name.as_str()) && !(one.is_array() || one.is_object()));
        kept.map(|(name, one)| (name.clone(), cut(one, 64, 0))).collect()
    };
    let mut kept = plain(value);
    for name in KEPT {
        let inner = plain(field(value, name));
        if !inner.is_empty() {
            kept.insert((*name).to_owned(), inner.into());
        }
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_kept_as_it_came() {
        let one = json!({"notification_id": 5, "data": {"value": "x".repeat(50_000)}});
        let kept: Value = serde_json::from_str(&raw_entry(&one, &json!({"title": "T"}))).unwrap();
        assert_eq!(kept, json!({"context": {"title": "T"}, "notification": one}));
    }

    #[test]
    fn what_is_long_is_kept_in_part_and_stays_json() {
        let mut deep = json!("y".repeat(100));
        for _ in 0..100 {
            deep = json!({"data": [deep.clone(), deep.get("data").cloned()]});
            if deep.to_string().len() > 200_000 {
                break;
            }
        }
        let many: Map<String, Value> = (0..50_000).map(|n| (format!("extra{n}"), json!(n))).collect();
        for data in [json!({"value": "z".repeat(1_000_000)}), json!(many), deep, json!(vec!["é"; 90_000])] {
            let one = json!({"notification_id": 5, "type": "comment", "data": data});
            let text = raw_entry(&one, &json!({"title": "T", "data": {"fields": "f".repeat(200_000)}}));
            assert!(text.len() <= RAW, "{}", text.len());
            let kept: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(kept["notification"]["notification_id"], json!(5));
            assert_eq!(
                (&kept["notification"]["type"], &kept["context"]["title"]),
                (&json!("comment"), &json!("T"))
            );
        }
    }
}

//! Every documented form of a type's data dictionary: each sub-type, each rating and its values, each status, each role.
//!
//! The names of the fields are documented. Inferred, since the documentation leaves it to other pages: what `changed` of a task's update
//! holds (here the field and its new value, once with both values), and the entries of an item's `diff` (here as the item area's
//! revisions have them: field, type, label, values before and after).

use super::super::world::Context;
use super::{RATINGS, sample_data};
use serde_json::{Value, json};

/// One form of a dictionary.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What is special about it; empty for the usual one.
    pub name: String,
    /// The dictionary.
    pub data: Value,
}

fn of(name: &str, data: Value) -> Sample {
    Sample { name: name.to_owned(), data }
}

/// All forms for a type in a context, the usual one first.
#[must_use]
pub fn samples(kind: &str, context: &Context) -> Vec<Sample> {
    let usual = sample_data(kind, context);
    let with = |name: &str, field: &str, value: Value| {
        let mut data = usual.clone();
        if let Some(map) = data.as_object_mut() {
            map.insert(field.to_owned(), value);
        }
        of(name, data)
    };
    let file = json!({"file_id": 9_010, "name": "plan.pdf", "description": Value::Null, "mimetype": "application/pdf", "size": 1_024});
    let link = json!({"embed_id": 9_011, "url": "https://example.test/news", "title": "News of the day", "type": "link"});
    match (kind, context.ref_type.as_str()) {
        ("alert" | "team_alert", "status") => vec![
            of("", usual.clone()),
            with("the status itself", "ref", json!({"type": "status", "id": context.id})),
        ],
        ("comment", "item") => {
            let questions = json!([{
                "question": {"question_id": 1, "text": "Which evening?", "options": [
                    {"question_option_id": 1, "text": "Thursday"}, {"question_option_id": 2, "text": "Friday"}]},
                "answers": [{"question_option_id": 1, "user": {"user_id": 56_433, "name": "Jonas Lind", "avatar": Value::Null}}],
            }]);
            let silent = |name: &str, field: &str, value: Value| {
                let Sample { name, mut data } = with(name, field, value);
                if let Some(map) = data.as_object_mut() {
                    map.insert("value".to_owned(), json!(""));
                }
                Sample { name, data }
            };
            vec![
                of("", usual.clone()),
                with("with files", "files", json!([file, {"file_id": 9_012, "name": "draft.odt"}])),
                silent("files alone", "files", json!([file, {"file_id": 9_012, "name": "draft.odt"}])),
                silent("a question", "questions", questions),
                silent("a link alone", "embed", link),
            ]
        }
        ("file" | "file_delete", _) => {
            vec![of("", usual.clone()), with("with a description", "description", json!("The third draft"))]
        }
        ("rating", "status") => vec![of("like 1", rating("like", 1, context))],
        ("rating", _) => RATINGS
            .iter()
            .map(|(kind, value, _)| of(&format!("{kind} {value}"), rating(kind, *value, context)))
            .collect(),
        ("space_invite", _) => ["invited", "started", "declined", "ended", "cancelled"]
            .map(|status| with(status, "status", json!(status)))
            .to_vec(),
        ("space_accept" | "space_decline", _) => ["joined", "open", "closed", "deleted"]
            .map(|status| of(status, json!({"status": status})))
            .to_vec(),
        ("role_change", _) => {
            ["light", "regular", "admin"].map(|role| of(role, json!({"role": role}))).to_vec()
        }
        ("update", "task") => task_changes(),
        ("update", "item") => {
            ["update", "creation", "delete"].map(|kind| with(kind, "type", json!(kind))).to_vec()
        }
        ("message", _) => {
            let mut files = with("files alone", "files", json!([file]));
            if let Some(map) = files.data.as_object_mut() {
                map.insert("text".to_owned(), json!(""));
            }
            let mut linked = with("a link alone", "embed", link);
            if let Some(map) = linked.data.as_object_mut() {
                map.insert("text".to_owned(), json!(""));
            }
            vec![of("", usual.clone()), with("a reply", "reply", json!(true)), files, linked]
        }
        ("reference", "item") => vec![of("", usual.clone()), with("without a title", "title", Value::Null)],
        ("space_member_request", _) => {
            ["active", "accepted", "retracted"].map(|status| with(status, "status", json!(status))).to_vec()
        }
        ("grant_create", _) => {
            let mut all =
                ["comment", "view", "rate"].map(|action| with(action, "action", json!(action))).to_vec();
            all.push(of("without a message", json!({"message": Value::Null, "action": "comment"})));
            all
        }
        ("vote", _) => vec![
            of("fivestar", usual.clone()),
            of(
                "answer",
                json!({"voting": {"voting_id": 9_009, "kind": "answer", "question": "Which draft?"},
                    "answer": {"answer_id": 2, "text": "The blue one"}}),
            ),
        ],
        ("participation", _) => {
            ["accepted", "declined", "tentative"].map(|status| of(status, json!({"status": status}))).to_vec()
        }
        _ => vec![of("", usual)],
    }
}

fn rating(kind: &str, value: u8, context: &Context) -> Value {
    json!({"rating_id": 9_003, "type": kind, "value": value, "ref": {"type": context.ref_type, "id": context.id}})
}

/// Each sub-type of `update - task`; the page spells `assign` in one list and `assignment` in the other.
fn task_changes() -> Vec<Sample> {
    let change = |kind: &str, changed: Value| (kind.to_owned(), json!({"type": kind, "changed": changed}));
    let robin = json!({"responsible": {"user_id": 46_432, "name": "Robin Vale"}});
    let jonas = json!({"responsible": {"user_id": 56_433, "name": "Jonas Lind"}});
    [
        change("assign", robin),
        change("assignment", jonas),
        change("update_due_date", json!({"due_date": {"from": "2026-11-24", "to": "2026-12-01"}})),
        change("update_text", json!({"text": {"from": "Order badges", "to": "Order name badges"}})),
        change("update_description", json!({"description": "Forty, with first names only."})),
        change("update_private", json!({"private": true})),
        change("start", json!({})),
        change("stop", json!({})),
        change("complete", json!({})),
        change("incomplete", json!({})),
    ]
    .into_iter()
    .map(|(name, data)| Sample { name, data })
    .collect()
}

/// What changed between two revisions of an item.
pub(super) fn diff() -> Value {
    let state = |id: u8, text: &str| json!([{"value": {"id": id, "text": text, "status": "active", "color": "DCEBD8"}}]);
    let days = json!([{"start": "2026-12-01 00:00:00", "start_date": "2026-12-01", "start_time": Value::Null, "end_date": Value::Null}]);
    json!([
        {"field_id": 801, "type": "category", "external_id": "status", "label": "Status", "from": state(1, "Draft"), "to": state(2, "Done")},
        {"field_id": 802, "type": "date", "external_id": "deadline", "label": "Deadline", "from": [], "to": days},
    ])
}

#[cfg(test)]
mod tests {
    use super::super::combinations;
    use super::*;

    #[test]
    fn every_combination_has_a_sample_and_no_two_have_one_name() {
        for (kind, context) in combinations() {
            let samples = samples(kind.name, &Context::new(context, 1, "x"));
            let mut names: Vec<_> = samples.iter().map(|one| &one.name).collect();
            names.sort();
            names.dedup();
            assert!(
                !samples.is_empty() && names.len() == samples.len(),
                "{} - {context}: {names:?}",
                kind.name
            );
        }
    }
}

//! What is kept at the fake Podium, each thing as the JSON object the documentation describes. No socket, no lock.

use super::shapes;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shelf {
    Organizations,
    Locations,
    Users,
    Contacts,
    Conversations,
    Messages,
    Invoices,
    Reviews,
    Responses,
    Invites,
    Calls,
}

/// All things, by kind, oldest first.
#[derive(Debug, Default)]
pub(super) struct World {
    things: BTreeMap<Shelf, Vec<Value>>,
}

impl World {
    pub(super) fn all(&self, shelf: Shelf) -> &[Value] {
        self.things.get(&shelf).map_or(&[], Vec::as_slice)
    }

    pub(super) fn get(&self, shelf: Shelf, uid: &str) -> Option<&Value> {
        self.all(shelf).iter().find(|one| str_at(one, "/uid") == Some(uid))
    }

    /// Puts it there, in the place of the one with its uid if there is one.
    pub(super) fn put(&mut self, shelf: Shelf, thing: Value) {
        let things = self.things.entry(shelf).or_default();
        let uid = str_at(&thing, "/uid").map(str::to_owned);
        let same = |one: &&mut Value| uid.is_some() && str_at(one, "/uid") == uid.as_deref();
        match things.iter_mut().find(same) {
            Some(place) => *place = thing,
            None => things.push(thing),
        }
    }

    pub(super) fn change(&mut self, shelf: Shelf, uid: &str, with: &Value) -> Option<Value> {
        let thing = self.things.get_mut(&shelf)?.iter_mut().find(|one| str_at(one, "/uid") == Some(uid))?;
        lay_over(thing, with);
        Some(thing.clone())
    }

    pub(super) fn remove(&mut self, shelf: Shelf, uid: &str) -> Option<Value> {
        let things = self.things.get_mut(&shelf)?;
        let at = things.iter().position(|one| str_at(one, "/uid") == Some(uid))?;
        Some(things.remove(at))
    }

    /// The conversation over this channel at this location; a new one if there was none.
    pub(super) fn conversation(&mut self, location: &str, channel: &Value, name: &Value, now: &str) -> Value {
        let known = self.all(Shelf::Conversations).iter().find(|one| {
            str_at(one, "/locationUid") == Some(location)
                && one.pointer("/channel/identifier") == channel.get("identifier")
        });
        if let Some(known) = known {
            return known.clone();
        }
        let mut made = shapes::conversation(location, now);
        lay_over(&mut made, &json!({"channel": channel, "contactName": name}));
        self.put(Shelf::Conversations, made.clone());
        made
    }
}

/// The text at a JSON pointer.
pub(super) fn str_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// Lays one JSON value over another: objects go together, everything else is replaced.
pub(super) fn lay_over(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                lay_over(under.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// The same with every field null but the uid.
pub(super) fn nulled(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let nulls = fields
                .iter()
                .map(|(name, value)| (name.clone(), if name == "uid" { value.clone() } else { Value::Null }));
            Value::Object(nulls.collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(nulled).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_laid_over_replaces_fields_and_keeps_the_rest() {
        let mut under = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        lay_over(&mut under, &json!({"a": {"b": null}, "d": [3], "e": 4}));
        assert_eq!(under, json!({"a": {"b": null, "c": 2}, "d": [3], "e": 4}));
    }

    #[test]
    fn a_nulled_object_keeps_its_uid_alone() {
        assert_eq!(
            nulled(&json!([{"uid": "u", "body": "Hi", "items": []}])),
            json!([{"uid": "u", "body": null, "items": null}])
        );
    }
}

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

/// All things, by kind.
#[derive(Debug, Default)]
pub(super) struct World {
    shelves: BTreeMap<Shelf, Things>,
    /// Conversations by location and the channel's identifier: thousands of customers may write.
    conversations: BTreeMap<(String, String), String>,
}

/// Things of one kind, oldest first, and where each is by its uid.
#[derive(Debug, Default)]
struct Things {
    list: Vec<Value>,
    places: BTreeMap<String, usize>,
}

impl Things {
    fn put(&mut self, uid: &str, thing: Value) {
        match self.places.get(uid).and_then(|place| self.list.get_mut(*place)) {
            Some(place) => *place = thing,
            None => {
                self.places.insert(uid.to_owned(), self.list.len());
                self.list.push(thing);
            }
        }
    }

    fn remove(&mut self, uid: &str) {
        let Some(gone) = self.places.remove(uid) else { return };
        self.list.remove(gone);
        self.places.values_mut().filter(|place| **place > gone).for_each(|place| *place -= 1);
    }
}

impl World {
    pub(super) fn all(&self, shelf: Shelf) -> &[Value] {
        self.shelves.get(&shelf).map_or(&[], |things| things.list.as_slice())
    }

    pub(super) fn get(&self, shelf: Shelf, uid: &str) -> Option<&Value> {
        let things = self.shelves.get(&shelf)?;
        things.list.get(*things.places.get(uid)?)
    }

    /// Puts it there, in the place of the one with its uid if there is one.
    pub(super) fn put(&mut self, shelf: Shelf, thing: Value) {
        let uid = uid_of(&thing).to_owned();
        self.shelves.entry(shelf).or_default().put(&uid, thing);
    }

    pub(super) fn change(&mut self, shelf: Shelf, uid: &str, with: &Value) -> Option<Value> {
        let things = self.shelves.get_mut(&shelf)?;
        let thing = things.list.get_mut(*things.places.get(uid)?)?;
        lay_over(thing, with);
        Some(thing.clone())
    }

    pub(super) fn remove(&mut self, shelf: Shelf, uid: &str) {
        if let Some(things) = self.shelves.get_mut(&shelf) {
            things.remove(uid);
        }
    }

    /// The conversation over this channel at this location; a new one if there was none.
    pub(super) fn conversation(&mut self, location: &str, channel: &Value, name: &Value, now: &str) -> Value {
        let identifier = str_at(channel, "/identifier").unwrap_or_default();
        let key = (location.to_owned(), identifier.to_owned());
        let known = self.conversations.get(&key).and_then(|uid| self.get(Shelf::Conversations, uid));
        if let Some(known) = known {
            return known.clone();
        }
        let mut made = shapes::conversation(location, now);
        lay_over(&mut made, &json!({"channel": channel, "contactName": name}));
        self.conversations.insert(key, uid_of(&made).to_owned());
        self.put(Shelf::Conversations, made.clone());
        made
    }
}

fn uid_of(thing: &Value) -> &str {
    thing.get("uid").and_then(Value::as_str).unwrap_or_default()
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
    #[test]
    fn things_are_found_by_their_uid_after_others_have_gone() {
        let mut world = World::default();
        for uid in ["a", "b", "c"] {
            world.put(Shelf::Calls, json!({"uid": uid}));
        }
        world.remove(Shelf::Calls, "a");
        world.put(Shelf::Calls, json!({"uid": "b", "n": 1}));
        world.change(Shelf::Calls, "c", &json!({"n": 2}));
        assert_eq!(world.all(Shelf::Calls), [json!({"uid": "b", "n": 1}), json!({"uid": "c", "n": 2})]);
        assert_eq!(
            (world.get(Shelf::Calls, "c"), world.get(Shelf::Calls, "a")),
            (Some(&json!({"uid": "c", "n": 2})), None)
        );
    }
}

//! What the stream told and is not taken in yet, in order. A storm of changes of one item is one look: the last. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::item::{Change, Item, Seen, change};

/// Most looks waiting. The engine would have to stand still for this many to gather; the lists bring what finds no place.
const MOST: usize = 10_000;

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    looks: BTreeMap<u64, (Value, Seen)>,
    /// The place of each item's last look.
    last: BTreeMap<String, u64>,
    next: u64,
}

impl Pending {
    /// Queues what the stream told. False if there is no place for it.
    pub(crate) fn tell(&mut self, look: Value, seen: Seen) -> bool {
        // What is no item would be passed over later.
        let Some(item) = Item::of(&look) else { return true };
        let before = self.last.get(&item.id).and_then(|place| self.looks.get_mut(place));
        if let (Some((waiting, Seen::Updated)), Seen::Updated) = (before, seen) {
            let newer = change(Item::of(waiting).as_ref(), &item, seen) != Change::Nothing;
            if let (true, Some(all), Value::Object(said)) = (newer, waiting.as_object_mut(), look) {
                all.extend(said);
            }
            return true;
        }
        if self.looks.len() >= MOST {
            return false;
        }
        self.looks.insert(self.next, (look, seen));
        self.last.insert(item.id, self.next);
        self.next += 1;
        true
    }

    /// True if nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.looks.is_empty()
    }

    /// All that waits, oldest first.
    pub(crate) fn take(&mut self) -> Vec<(Value, Seen)> {
        self.last.clear();
        std::mem::take(&mut self.looks).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_storm_of_one_item_is_its_last_look_and_what_happened_otherwise_stays_apart() {
        let mut pending = Pending::default();
        assert!(pending.tell(json!({"id": 1, "name": "a"}), Seen::Created));
        for views in 0..500 {
            assert!(pending.tell(
                json!({"id": 1, "name": "b", "view_counter": views, "updated_at": "2026-11-20T10:00:00Z"}),
                Seen::Updated
            ));
        }
        // An older one, a partial one, another item.
        pending.tell(json!({"id": 1, "name": "old", "updated_at": "2026-11-20T09:00:00Z"}), Seen::Updated);
        pending.tell(json!({"id": 1, "private": true, "updated_at": "2026-11-20T11:00:00Z"}), Seen::Updated);
        pending.tell(json!({"id": 2}), Seen::Created);
        pending.tell(json!({"id": 1}), Seen::Deleted);
        pending.tell(json!("nothing"), Seen::Deleted);
        let took = pending.take();
        let last = json!({"id": 1, "name": "b", "view_counter": 499, "private": true, "updated_at": "2026-11-20T11:00:00Z"});
        assert_eq!(
            took,
            [
                (json!({"id": 1, "name": "a"}), Seen::Created),
                (last, Seen::Updated),
                (json!({"id": 2}), Seen::Created),
                (json!({"id": 1}), Seen::Deleted)
            ]
        );
        assert!(pending.is_empty() && pending.take().is_empty());
        assert!(pending.tell(json!({"id": 1}), Seen::Updated), "it is queued anew");
        assert_eq!(pending.take().len(), 1);
    }

    #[test]
    fn too_much_is_said() {
        let mut pending = Pending::default();
        assert!((0..MOST).all(|id| pending.tell(json!({"id": id}), Seen::Created)));
        assert!(!pending.tell(json!({"id": MOST}), Seen::Created));
        assert!(!pending.tell(json!({"id": MOST}), Seen::Updated));
    }
}

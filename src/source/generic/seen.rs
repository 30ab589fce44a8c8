//! The last events of a feed, in memory only: a person makes a map by what came. Shared by the source that hears and the desk that is
//! asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Event;
use crate::feed::Payload;

/// So many are kept.
const MOST: usize = 20;
/// Of a longer one only the name is kept, in bytes.
const LONGEST: usize = 16 * 1024;
/// Longer headers are not kept, in bytes altogether.
const HEADERS: usize = 8 * 1024;

/// The last events of one feed. Clones are the same memory.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<VecDeque<Payload>>>);

/// Says nothing of what people wrote.
impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seen({})", self.lock().len())
    }
}

impl Seen {
    /// Remembers an event; `text` is its data as it came, JSON text.
    pub fn add(&self, event: &Event<'_>, text: &str, headers: BTreeMap<String, String>) {
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(Payload {
            at: event.at,
            channel: event.channel.to_owned(),
            event: super::one_line(event.name, super::NAME * 2),
            data: Some(text).filter(|text| text.len() <= LONGEST).map(str::to_owned),
            headers: Some(headers).filter(|headers| !headers.is_empty() && bytes <= HEADERS),
            only_named: event.only_named,
        });
    }

    /// What is remembered, newest first.
    pub fn list(&self) -> Vec<Payload> {
        self.lock().iter().rev().cloned().collect()
    }

    /// Goes on with what another remembered before.
    pub fn go_on_with(&self, before: &Self) {
        if Arc::ptr_eq(&self.0, &before.0) {
            return;
        }
        let before = before.lock().clone();
        let mut kept = self.lock();
        for payload in before.into_iter().rev() {
            if kept.len() < MOST {
                kept.push_front(payload);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Payload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn add(seen: &Seen, names: impl Iterator<Item = usize>, text: &str) {
        for name in names {
            let event = Event {
                channel: "c",
                name: &name.to_string(),
                data: &Value::Null,
                headers: None,
                own: None,
                repeats: false,
                only_named: false,
                at: jiff::Timestamp::UNIX_EPOCH,
            };
            seen.add(&event, text, BTreeMap::new());
        }
    }

    fn names(seen: &Seen) -> Vec<String> {
        seen.list().into_iter().map(|payload| payload.event).collect()
    }

    #[test]
    fn the_last_twenty_are_remembered_and_of_long_ones_only_that_they_came() {
        let seen = Seen::default();
        add(&seen, 0..30, "{}");
        assert_eq!(names(&seen), (10..30).rev().map(|n| n.to_string()).collect::<Vec<_>>());
        add(&seen, 30..31, &"x".repeat(LONGEST + 1));
        assert_eq!(seen.list()[0].data, None);
    }

    #[test]
    fn a_link_that_is_made_anew_goes_on_with_what_the_last_one_saw() {
        let (before, now) = (Seen::default(), Seen::default());
        add(&before, 0..19, "{}");
        add(&now, 19..22, "{}");
        now.go_on_with(&before);
        assert_eq!(names(&now), (2..22).rev().map(|n| n.to_string()).collect::<Vec<_>>());
        now.go_on_with(&now);
        assert_eq!(names(&now).len(), 20);
    }
}

//! A day at work: from a seed to a sequence of believable scenes. The same seed gives the same day.
//! [`play`] puts a scene on the fake Podio, [`Business`] tells what customers do at the fake Podium; nothing here knows of sockets or time.

use crate::podio::{Byline, Context, Message, Podio, Spec};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use serde::Deserialize;
use serde_json::{Value, json};

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Scene {
    /// A notification.
    Notify(Box<Spec>),
    /// A message in a conversation.
    Message(Message),
    /// Somebody types or looks: noise that no one wants to see.
    Noise(&'static str, Value),
    /// The user reads the oldest unread notification in a browser.
    ReadElsewhere,
}

/// The people, the lines and the small talk of the day, in a file of its own: the program's built-in demo tells the same day.
const DAY: &str = include_str!("../day.json");

/// What the file holds.
#[derive(Clone, Debug, Deserialize)]
struct Script {
    people: Vec<Person>,
    lines: Vec<Line>,
    chatter: Vec<String>,
    business: Vec<Deed>,
}

/// Something a customer does: an event type of Podium's, and what is laid over the documented object.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Deed {
    /// `message.received`, ….
    #[serde(rename = "type")]
    pub event_type: String,
    /// As [`crate::Podium::happens`] takes it.
    pub wish: Value,
}

#[derive(Clone, Debug, Deserialize)]
struct Person {
    id: u64,
    name: String,
}

/// Something to be told; `{who}` in its text is the one who did it.
#[derive(Clone, Debug, Deserialize)]
struct Line {
    kind: String,
    context: String,
    title: String,
    text: String,
    /// The notification's dictionary; by the taxonomy when absent.
    data: Option<Value>,
    /// Fields of the context's dictionary.
    about: Option<Value>,
}

impl Script {
    fn read() -> Self {
        // The file is part of the program; a test reads it.
        serde_json::from_str(DAY).unwrap_or_else(|_| Self {
            people: vec![],
            lines: vec![],
            chatter: vec![],
            business: vec![],
        })
    }
}

/// The script of a day, without end: when the lines are used up they are shuffled anew.
#[derive(Debug)]
pub struct Day {
    chance: StdRng,
    script: Script,
    left: Vec<Line>,
    scenes: u64,
}

impl Day {
    /// The day of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { chance: StdRng::seed_from_u64(seed), script: Script::read(), left: Vec::new(), scenes: 0 }
    }

    /// What happens next. Four of five scenes are notifications; each line comes once before any comes again.
    pub fn next_scene(&mut self) -> Scene {
        self.scenes += 1;
        let person = self.script.people.choose(&mut self.chance);
        let user_id = person.map_or(56_432, |person| person.id);
        let by = Byline::person(user_id, person.map_or("Ada Brook", |person| &person.name));
        match self.chance.random_range(0..10_u8) {
            // The first scene is always something to see.
            0 if self.scenes > 1 => Scene::Message(Message {
                conversation_id: 700 + user_id % 3,
                subject: "Fair stand".to_owned(),
                text: self.script.chatter.choose(&mut self.chance).cloned().unwrap_or_default(),
                by,
            }),
            1 if self.scenes > 1 => {
                let event = if self.chance.random_bool(0.5) { "typing" } else { "viewing" };
                if self.chance.random_bool(0.3) {
                    Scene::ReadElsewhere
                } else {
                    Scene::Noise(event, json!([user_id]))
                }
            }
            _ => Scene::Notify(Box::new(self.next_notification(by))),
        }
    }

    fn next_notification(&mut self, by: Byline) -> Spec {
        if self.left.is_empty() {
            self.left.clone_from(&self.script.lines);
            self.left.shuffle(&mut self.chance);
        }
        let Some(Line { kind, context, title, text, data, about }) = self.left.pop() else {
            return Spec::comment("the day has no script");
        };
        // The same thing has the same number all day, so that threads fold.
        let id = 100 + title.bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 9_973);
        let long = text.replace("{who}", &by.name);
        let mut spec = Spec::new(&kind, Context::new(&context, id, &title), &long);
        spec.context.data = about;
        spec.data = data;
        spec.text_short = Some(text.replace("{who} ", ""));
        spec.by = by;
        spec
    }
}

/// What customers do all day, without end: in the order of the file, so that what belongs together stays together. The seed says where it
/// begins.
#[derive(Debug)]
pub struct Business {
    deeds: Vec<Deed>,
    next: usize,
}

impl Business {
    /// The business of this seed; the first one begins at the beginning.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { deeds: Script::read().business, next: usize::try_from(seed.saturating_sub(1)).unwrap_or(0) }
    }
}

impl Iterator for Business {
    type Item = Deed;

    fn next(&mut self) -> Option<Deed> {
        let at = self.next.checked_rem(self.deeds.len())?;
        self.next = self.next.wrapping_add(1);
        self.deeds.get(at).cloned()
    }
}

/// Lets a scene happen to this user.
pub fn play(podio: &Podio, user: u64, scene: Scene) {
    match scene {
        Scene::Notify(spec) => {
            podio.notify(user, *spec);
        }
        Scene::Message(message) => podio.message(user, message),
        Scene::Noise(event, data) => podio.event(user, event, &data),
        Scene::ReadElsewhere => {
            if let Some(oldest) = podio.unread(user).first() {
                podio.view_elsewhere(user, *oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_gives_one_day_and_another_seed_another() {
        let day = |seed| {
            let mut day = Day::new(seed);
            (0..100).map(|_| day.next_scene()).collect::<Vec<_>>()
        };
        assert_eq!(day(7), day(7));
        assert_ne!(day(7), day(8));
    }

    #[test]
    fn a_day_shows_at_least_25_types_all_known_to_the_taxonomy_in_contexts_that_fit() {
        let mut seen = BTreeSet::new();
        for Line { kind, context, .. } in Script::read().lines {
            let known = crate::podio::taxonomy::TYPES.iter().find(|one| one.name == kind);
            assert!(known.is_some_and(|one| one.contexts.contains(&context.as_str())), "{kind} in {context}");
            seen.insert(kind);
        }
        assert!(seen.len() >= 25, "only {} types", seen.len());
    }
    #[test]
    fn business_knows_its_types_and_goes_on_for_ever() {
        let deeds = Script::read().business;
        for Deed { event_type, .. } in &deeds {
            assert!(crate::podium::scope_of(event_type).is_some(), "{event_type}");
        }
        let all: Vec<Deed> = Business::new(1).take(deeds.len() + 1).collect();
        assert_eq!((&all[..deeds.len()], &all[deeds.len()]), (&deeds[..], &deeds[0]));
        assert_eq!(Business::new(3).next().as_ref(), deeds.get(2));
    }
}

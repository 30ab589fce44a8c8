//! A day at work: from a seed to a sequence of believable scenes. The same seed gives the same day.
//! [`play`] puts a scene on the fake Podio; nothing here knows of sockets or time.

use crate::podio::{Byline, Context, Message, Podio, Spec};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
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

/// Type, context type, context title, and what is told; `{who}` is the one who did it.
type Line = (&'static str, &'static str, &'static str, &'static str);

const LINES: [Line; 48] = [
    ("comment", "item", "Website relaunch", "{who} commented on Website relaunch: \"The new header is in.\""),
    ("comment", "item", "Autumn campaign", "{who} commented on Autumn campaign: \"Can we move the date?\""),
    ("comment", "task", "Order name badges", "{who} commented on the task Order name badges"),
    ("comment", "status", "Coffee machine", "{who} commented on your status: \"It works again!\""),
    ("alert", "item", "Supplier contract", "{who} mentioned you on Supplier contract"),
    ("alert", "status", "Friday lunch", "{who} mentioned you in a status update"),
    ("alert", "task", "Check the invoice", "{who} mentioned you on the task Check the invoice"),
    ("creation", "task", "Prepare the board meeting", "{who} assigned you a task: Prepare the board meeting"),
    ("creation", "item", "Lead: Harbour Café", "{who} created Lead: Harbour Café"),
    ("creation", "status", "All tests are green", "{who} posted: All tests are green"),
    ("creation", "app", "Expenses", "{who} created the app Expenses"),
    ("creation", "meeting", "Monthly review", "{who} invited you to Monthly review"),
    ("update", "item", "Website relaunch", "{who} changed Status of Website relaunch to Done"),
    ("update", "item", "Lead: Harbour Café", "{who} changed Value of Lead: Harbour Café to 12,000 €"),
    ("update", "task", "Order name badges", "{who} completed the task Order name badges"),
    ("update", "app", "Expenses", "{who} changed the template of Expenses"),
    ("delete", "item", "Old price list", "{who} deleted Old price list"),
    ("delete", "task", "Call the plumber", "{who} deleted the task Call the plumber"),
    ("file", "item", "Supplier contract", "{who} attached contract-v3.pdf to Supplier contract"),
    ("file", "task", "Check the invoice", "{who} attached invoice-2207.pdf to Check the invoice"),
    ("file_delete", "item", "Supplier contract", "{who} removed contract-v2.pdf from Supplier contract"),
    ("member_reference_add", "item", "Autumn campaign", "{who} made you responsible for Autumn campaign"),
    ("member_reference_remove", "item", "Autumn campaign", "{who} removed you from Autumn campaign"),
    ("rating", "item", "Website relaunch", "{who} rated Website relaunch"),
    ("rating", "status", "All tests are green", "{who} likes your status"),
    ("like", "item", "Lead: Harbour Café", "{who} likes Lead: Harbour Café"),
    ("space_invite", "space", "Trade fair 2027", "{who} invited you to the workspace Trade fair 2027"),
    ("space_create", "space", "Hiring", "{who} created the workspace Hiring"),
    ("space_member_request", "space", "Launch", "{who} asks to join the workspace Launch"),
    ("space_delete", "space", "Summer party", "{who} deleted the workspace Summer party"),
    ("user_left_space", "space", "Launch", "{who} left the workspace Launch"),
    ("user_kicked_from_space", "space", "Launch", "{who} removed a member from the workspace Launch"),
    ("self_kicked_from_space", "space", "Old projects", "{who} removed you from the workspace Old projects"),
    ("role_change", "space", "Launch", "{who} made you an admin of Launch"),
    ("conversation_add", "conversation", "Fair stand", "{who} added you to the conversation Fair stand"),
    ("answer", "question", "Which evening suits you?", "{who} answered Thursday to Which evening suits you?"),
    ("vote", "item", "Logo drafts", "{who} voted on Logo drafts"),
    ("participation", "item", "Team outing", "{who} takes part in Team outing"),
    ("reference", "item", "Press release", "{who} linked Press release to Website relaunch"),
    ("reminder", "task", "Prepare the board meeting", "Reminder: Prepare the board meeting is due at 15:00"),
    ("reminder", "meeting", "Monthly review", "Reminder: Monthly review begins in ten minutes"),
    ("grant_create", "item", "Price list 2027", "{who} shared Price list 2027 with you"),
    ("grant_delete", "item", "Price list 2027", "{who} no longer shares Price list 2027 with you"),
    ("grant_create_other", "item", "Price list 2027", "{who} shared Price list 2027 with a colleague"),
    ("batch_process", "batch", "Contacts import", "The import Contacts has started"),
    ("batch_complete", "batch", "Contacts import", "The import Contacts is complete: 120 rows"),
    ("org_member_add", "org", "Northwind", "{who} added you to the organisation Northwind"),
    ("message", "conversation", "Fair stand", "{who} sent you a message"),
];

const PEOPLE: [(u64, &str); 8] = [
    (56_432, "Ada Brook"),
    (56_433, "Jonas Lind"),
    (56_434, "Marta Oliveira"),
    (56_435, "Kenji Mori"),
    (56_436, "Amina Diallo"),
    (56_437, "Søren Holm"),
    (56_438, "Zoë van Dijk"),
    (56_439, "Łukasz Nowak"),
];

const CHATTER: [&str; 6] = [
    "Did you see the new draft?",
    "Lunch at twelve?",
    "The courier comes at four.",
    "I moved our call to tomorrow.",
    "Thanks, that helped a lot 👍",
    "Who has the key to the storage room?",
];

/// The script of a day, without end: when the lines are used up they are shuffled anew.
#[derive(Debug)]
pub struct Day {
    chance: StdRng,
    left: Vec<Line>,
    scenes: u64,
}

impl Day {
    /// The day of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { chance: StdRng::seed_from_u64(seed), left: Vec::new(), scenes: 0 }
    }

    /// What happens next. Four of five scenes are notifications; each line comes once before any comes again.
    pub fn next_scene(&mut self) -> Scene {
        self.scenes += 1;
        let (user_id, name) = PEOPLE.choose(&mut self.chance).copied().unwrap_or((56_432, "Ada Brook"));
        let by = Byline::person(user_id, name);
        match self.chance.random_range(0..10_u8) {
            // The first scene is always something to see.
            0 if self.scenes > 1 => Scene::Message(Message {
                conversation_id: 700 + user_id % 3,
                subject: "Fair stand".to_owned(),
                text: CHATTER.choose(&mut self.chance).copied().unwrap_or_default().to_owned(),
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
            self.left = LINES.to_vec();
            self.left.shuffle(&mut self.chance);
        }
        let (kind, context, title, text) = self.left.pop().unwrap_or(LINES[0]);
        // The same thing has the same number all day, so that threads fold.
        let id = 100 + title.bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 9_973);
        let long = text.replace("{who}", &by.name);
        let mut spec = Spec::new(kind, Context::new(context, id, title), &long);
        spec.text_short = Some(text.replace("{who} ", ""));
        spec.by = by;
        spec
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
        for (kind, context, ..) in LINES {
            let known = crate::podio::taxonomy::TYPES.iter().find(|one| one.name == kind);
            assert!(known.is_some_and(|one| one.contexts.contains(&context)), "{kind} in {context}");
            seen.insert(kind);
        }
        assert!(seen.len() >= 25, "only {} types", seen.len());
    }
}

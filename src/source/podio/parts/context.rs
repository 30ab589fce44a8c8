//! What is known of the thing a notification is about: one arm for each of the thirteen context dictionaries. Pure.
//!
//! The documentation gives some dictionaries field by field and describes the others as that object's own operation answers; of those
//! the fields that people know a thing by are read. The title, the space and the address are the notification's own and not said again.

use serde_json::Value;

use super::plain::{
    self, PASSAGE, count, day, first, from_html, instant, line, long, name, names, word, yes_or_no,
};
use super::{PEOPLE, file, question};
use crate::notification::Context;
use crate::part::{Fact, Part, Person};
use crate::source::podio::json::{at, field, flag, items, text};

/// Facts as they are gathered, without those that stand elsewhere or come twice.
struct Facts<'a> {
    known: Vec<&'a str>,
    facts: Vec<Fact>,
}

impl Facts<'_> {
    fn say(&mut self, label: &str, value: Option<String>) -> &mut Self {
        let Some(value) = value else { return self };
        if !self.known.contains(&value.as_str()) {
            self.facts.push(Fact { label: label.to_owned(), value, at: None });
        }
        self
    }

    fn at(&mut self, label: &str, value: &Value) -> &mut Self {
        if let Some((value, at)) = instant(value) {
            self.facts.push(Fact { label: label.to_owned(), value, at: Some(at) });
        }
        self
    }
}

/// The parts that tell of the context: what was written there, its people, its facts.
pub(super) fn parts(context: &Value, of: &Context) -> Vec<Part> {
    let data = field(context, "data");
    let known = [&of.title, &of.place].into_iter().filter_map(|known| known.as_deref()).collect();
    let mut facts = Facts { known, facts: Vec::new() };
    let mut parts = Vec::new();
    let what = text(at(context, &["ref", "type"])).unwrap_or_else(|| of.what.clone());
    match what.as_str() {
        "task" => task(data, &mut facts, &mut parts),
        "status" => parts.extend(written("The status", field(data, "value"))),
        "space" => space(data, &mut facts, &mut parts),
        "org" => {
            facts
                .say("Name", line(field(data, "name")))
                .say("Address", line(field(data, "url")))
                .say("Premium", yes_or_no(field(data, "premium")));
        }
        "item" => item(data, &mut facts),
        "bulletin" => parts.extend(
            written("The bulletin", field(data, "text"))
                .or_else(|| written("The bulletin", field(data, "summary"))),
        ),
        "app" => {
            facts
                .say("App", name(data))
                .say("An entry is called", line(at(data, &["config", "item_name"])))
                .say("Status", word(field(data, "status")));
            parts.extend(written("About the app", at(data, &["config", "description"])));
        }
        "share" => {
            facts
                .say("In the market", line(field(data, "name")))
                .say("Kind", word(field(data, "type")))
                .say("Author", name(field(data, "author")).or_else(|| name(field(data, "created_by"))));
            parts.extend(
                written("About it", field(data, "abstract"))
                    .or_else(|| written("About it", field(data, "description"))),
            );
        }
        "conversation" => {
            facts.say("Subject", line(field(data, "subject"))).say("Kind", word(field(data, "type")));
            parts.extend(people("In this conversation", field(data, "participants"), None));
        }
        "question" => {
            parts.extend(question(data, &[], None));
            facts
                .say("Asked in", line(at(data, &["ref", "title"])))
                .say("Which is a", word(at(data, &["ref", "type"])));
        }
        "meeting" => {
            facts
                .at("Begins", field(data, "starts_on"))
                .at("Ends", field(data, "ends_on"))
                .say("Where", line(field(data, "location")));
            parts.extend(written("Agenda", field(data, "agenda")));
            parts.extend(people("Taking part", field(data, "participants"), None));
        }
        "file" => parts.extend(file(data).map(|file| Part::Files { files: vec![file], more: 0 })),
        "batch" => batch(data, &mut facts),
        "profiles" | "user" => {
            let person = items(data).first().unwrap_or(data);
            facts
                .say("Name", line(field(person, "name")))
                .say("Title", line(field(person, "title")).or_else(|| names(field(person, "title"))))
                .say("Works at", line(field(person, "organization")));
        }
        "action" => parts.extend(written("What was done", field(data, "text"))),
        // A thing no one has seen yet: its name, if it has one.
        _ => {
            facts.say("Name", name(data));
        }
    }
    let comments = count(field(context, "comment_count")).filter(|count| count != "0");
    facts
        .say("Comments", comments)
        .say("Workspace", line(at(context, &["space", "name"])))
        .say("Organisation", line(at(context, &["org", "name"])));
    if !facts.facts.is_empty() {
        parts.push(Part::Facts { label: heading(&what), facts: facts.facts });
    }
    parts
}

/// What facts of such a thing are headed.
fn heading(what: &str) -> String {
    let what = match what {
        "space" => "workspace",
        "org" => "organisation",
        "profiles" | "user" => "person",
        "share" => "shared app",
        "batch" => "import or export",
        "action" | "" => return "More about it".to_owned(),
        what => {
            return plain::line(&Value::from(format!("About the {}", what.replace('_', " "))))
                .unwrap_or_default();
        }
    };
    format!("About the {what}")
}

fn task(data: &Value, facts: &mut Facts<'_>, parts: &mut Vec<Part>) {
    let due = day(field(data, "due_date"), field(data, "due_time"));
    match due {
        Some(due) => facts.say("Due", Some(due)),
        None => facts.at("Due", field(data, "due_on")),
    };
    facts
        .say("Task", line(field(data, "text")))
        .say("Responsible", name(field(data, "responsible")))
        .say("Status", word(field(data, "status")))
        .say("Private", flag(field(data, "private")).filter(|private| *private).map(|_| "yes".to_owned()))
        .say("Labels", names(field(data, "labels")).or_else(|| labels(field(data, "labels"))))
        .say("Belongs to", line(at(data, &["ref", "title"])).or_else(|| name(at(data, &["ref", "data"]))))
        .at("Completed", field(data, "completed_on"));
    parts.extend(written("Description", field(data, "description")));
}

fn labels(list: &Value) -> Option<String> {
    let (labels, _) = first(8, items(list).iter().filter_map(|label| line(field(label, "text"))));
    (!labels.is_empty()).then(|| labels.join(", "))
}

fn space(data: &Value, facts: &mut Facts<'_>, parts: &mut Vec<Part>) {
    let members = count(field(data, "member_count"));
    let total = members.as_deref().and_then(|count| count.parse().ok());
    facts
        .say("Members", members)
        .say("Apps", names(field(data, "top_apps")))
        .say("Number of apps", count(field(data, "app_count")));
    parts.extend(people("Members", field(data, "top_members"), total));
}

fn item(data: &Value, facts: &mut Facts<'_>) {
    let app = field(data, "app");
    let number = [field(data, "app_item_id_formatted"), field(data, "app_item_id")];
    facts
        .say("App", line(at(app, &["config", "name"])).or_else(|| name(app)))
        .say("Title", line(field(data, "title")))
        .say("Number", number.into_iter().find_map(line))
        .say("Created by", name(field(data, "created_by")))
        .at("Created", field(data, "created_on"))
        .say("Tags", names(field(data, "tags")));
}

fn batch(data: &Value, facts: &mut Facts<'_>) {
    let work = match text(field(data, "plugin")).as_deref() {
        Some("app_import") => Some("import into an app".to_owned()),
        Some("app_export") => Some("export of an app".to_owned()),
        Some("connection_load") => Some("import of contacts".to_owned()),
        Some(_) | None => word(field(data, "plugin")),
    };
    facts
        .say("Name", line(field(data, "name")))
        .say("Work", work)
        .say("Status", word(field(data, "status")))
        .say("Done", count(field(data, "completed")))
        .say("Left out", count(field(data, "skipped")))
        .say("Failed", count(field(data, "failed")))
        .at("Started", field(data, "started_on"))
        .at("Ended", field(data, "ended_on"))
        .say("File", name(field(data, "file")))
        .say("App", name(field(data, "app")));
}

/// What somebody wrote there; HTML in some of these fields.
fn written(label: &str, value: &Value) -> Option<Part> {
    let text = from_html(value, plain::TEXT / 4)?;
    Some(Part::Text { label: Some(label.to_owned()), text })
}

/// People with their answers or roles. `total` is how many there are in all, if that is said.
pub(super) fn people(label: &str, list: &Value, total: Option<u32>) -> Option<Part> {
    let all = items(list).iter().filter_map(person);
    let (people, more) = first(PEOPLE, all);
    if people.is_empty() {
        return None;
    }
    let shown = u32::try_from(people.len()).unwrap_or(u32::MAX);
    let more = total.map_or(more, |total| total.saturating_sub(shown));
    Some(Part::People { label: label.to_owned(), people, more })
}

/// Somebody, from a profile, a byline or a participation.
pub(super) fn person(one: &Value) -> Option<Person> {
    let name = name(one).or_else(|| name(field(one, "user")))?;
    let role = match text(field(one, "status")).as_deref() {
        Some("accepted") => Some("takes part".to_owned()),
        Some("declined") => Some("does not take part".to_owned()),
        Some("tentative") => Some("perhaps takes part".to_owned()),
        Some("invited") => Some("has not answered".to_owned()),
        Some(_) => word(field(one, "status")),
        None => word(field(one, "role")),
    };
    Some(Person { name, role })
}

/// A text that a list of facts cannot hold.
pub(super) fn passage(label: &str, value: &Value) -> Option<Part> {
    let text = long(value, PASSAGE)?;
    Some(Part::Text { label: Some(label.to_owned()), text })
}

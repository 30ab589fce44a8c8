//! The parts of a sentence: things, people, dates. Pure.

use jiff::civil::{Date, DateTime};
use serde_json::Value;

use super::Told;
use crate::notification::Kind;
use crate::source::podio::json::{at, field, int, text};
use crate::source::podio::plain::one_line;

/// Most characters of a name or title inside a sentence.
const PART: usize = 60;
/// Most characters of a text that stands for its thing (a status, a question).
const QUOTED: usize = 40;

impl Told<'_> {
    /// Who did it; for the kinds that tell of a person's own doing, that person.
    pub(super) fn who(&self) -> String {
        let user = text(at(self.data, &["user", "name"]));
        let person = match (self.kind, self.context.what.as_str()) {
            (Kind::SpaceMemberRequest, _) => user.as_deref().or(self.actor),
            // A profile's title is the person's name.
            (_, "profiles") => self.actor.or(self.context.title.as_deref()),
            _ => self.actor,
        };
        person.map_or_else(|| "Somebody".to_owned(), |name| one_line(name, PART))
    }

    /// What it is about, as it stands in a sentence: `Roadmap`, `the task Send the invoice`, `a meeting`.
    pub(super) fn thing(&self) -> String {
        let what = self.context.what.as_str();
        let noun = self.noun();
        let Some(title) = self.context.title.as_deref() else { return a(&noun) };
        match what {
            "status" | "question" | "bulletin" => format!("the {noun} “{}”", one_line(title, QUOTED)),
            "task" | "app" | "space" | "org" | "conversation" | "meeting" | "file" | "share" | "action"
            | "batch" => format!("the {noun} {}", one_line(title, PART)),
            _ => one_line(title, PART),
        }
    }

    /// The space of a notification that is about a person's profile.
    pub(super) fn of_the_space(&self, preposition: &str) -> String {
        match &self.context.place {
            Some(place) => format!(" {preposition} the workspace {}", one_line(place, PART)),
            None => String::new(),
        }
    }

    fn noun(&self) -> String {
        if self.context.what == "batch" {
            let plugin = text(at(self.about, &["data", "plugin"])).unwrap_or_default();
            return match plugin.as_str() {
                "app_import" | "connection_load" => "import",
                "app_export" => "export",
                _ => "batch job",
            }
            .to_owned();
        }
        noun(&self.context.what)
    }
}

/// The everyday name of one of the service's things.
pub(super) fn noun(what: &str) -> String {
    match what {
        "" => "thing".to_owned(),
        "space" => "workspace".to_owned(),
        "org" => "organisation".to_owned(),
        "profiles" | "user" => "profile".to_owned(),
        "share" => "shared app".to_owned(),
        "action" => "activity".to_owned(),
        "batch" => "batch job".to_owned(),
        other => one_line(&other.replace(['_', '-'], " "), QUOTED),
    }
}

/// One of them, none in particular.
pub(super) fn a(noun: &str) -> String {
    match noun {
        "thing" | "" => "something".to_owned(),
        _ if noun.starts_with(['a', 'e', 'i', 'o']) => format!("an {noun}"),
        _ => format!("a {noun}"),
    }
}

/// A name out of the data, as it stands in a sentence.
pub(super) fn name(value: &Value) -> Option<String> {
    text(value).map(|name| one_line(&name, PART)).filter(|name| !name.is_empty())
}

/// A date, or a date with a time of day: `1 Dec 2026`, `1 Dec 2026 14:00`.
pub(super) fn date(value: &Value) -> Option<String> {
    let Value::String(text) = value else { return None };
    let text = text.trim();
    if let Ok(date) = Date::strptime("%Y-%m-%d", text) {
        return Some(date.strftime("%-d %b %Y").to_string());
    }
    let moment = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    Some(moment.strftime("%-d %b %Y %H:%M").to_string())
}

/// The day, with the time of day if the pair of fields has one. Both are in the person's own time.
pub(super) fn day_and_time(of: &Value, day: &str, time: &str) -> Option<String> {
    let day = text(field(of, day))?;
    let both = text(field(of, time)).and_then(|time| date(&Value::String(format!("{day} {time}"))));
    both.or_else(|| date(&Value::String(day)))
}

/// True if the text has this part, as whole words.
pub(super) fn contains(text: &str, part: &str) -> bool {
    // Told apart early, as most are: a long comment stands in no title, whatever its blanks.
    if part.len() > text.len() + 256 {
        return false;
    }
    // The beginnings decide: neither is longer than this where it is shown.
    has_words(text, part) || has_words(&one_line(text, 2_000), &one_line(part, 2_000))
}

fn has_words(text: &str, part: &str) -> bool {
    let part = part.trim_end_matches('…');
    if part.is_empty() {
        return true;
    }
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (first, last) = (inside(part.chars().next()), inside(part.chars().next_back()));
    text.match_indices(part).any(|(at, found)| {
        let (before, after) = text.split_at(at);
        let after = after.get(found.len()..).unwrap_or_default();
        !(first && inside(before.chars().next_back()) || last && inside(after.chars().next()))
    })
}

/// The person behind one of the forms in which people are named, and whether it is the signed-in one.
pub(super) fn person(value: &Value, me: Option<i64>) -> Option<String> {
    let number = int(field(value, "user_id")).or_else(|| int(value));
    if number.is_some() && number == me {
        return Some("you".to_owned());
    }
    name(field(value, "name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dates_are_written_short() {
        for (given, want) in [
            (json!("2026-12-01"), Some("1 Dec 2026")),
            (json!("2026-12-01 14:00:00"), Some("1 Dec 2026 14:00")),
            (json!("soon"), None),
            (json!(20261201), None),
            (json!(null), None),
        ] {
            assert_eq!(date(&given).as_deref(), want, "{given}");
        }
        let both = json!({"due_date": "2026-12-01", "due_time": "09:30:00"});
        assert_eq!(day_and_time(&both, "due_date", "due_time").as_deref(), Some("1 Dec 2026 09:30"));
        assert_eq!(day_and_time(&both, "due_date", "x").as_deref(), Some("1 Dec 2026"));
    }

    #[test]
    fn a_part_counts_as_whole_words() {
        for (text, part, expected) in [
            ("Ada commented on Plan", "Plan", true),
            ("Ada is planning", "plan", false),
            ("We plan it", "Plan", false),
            ("“Plan”, said Ada", "Plan", true),
            ("one  two\nthree", "two three", true),
            ("anything", "", true),
            ("x", "longer than the text", false),
            ("the long title of a th", "the long title of a th…", true),
            ("日本語のプラン", "プラン", false),
        ] {
            assert_eq!(contains(text, part), expected, "{text} / {part}");
        }
    }

    #[test]
    fn nouns_have_their_article() {
        for (what, want) in
            [("item", "an item"), ("space", "a workspace"), ("", "something"), ("org", "an organisation")]
        {
            assert_eq!(a(&noun(what)), want);
        }
    }
}

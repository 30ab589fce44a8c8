//! Title and body of a notification. Pure.
//!
//! In: what Podio sent, taken apart. Out: two texts, plain but not yet short.
//!
//! - **Title**: the sentence the service rendered, with the person's name in front where it left that out; without one, our own
//!   sentence (`sentence`).
//! - **Body**: the content (`content`), and before it what the title leaves out: what it is about; or our own sentence where the
//!   service's names neither person nor thing. Nothing is said twice.

mod change;
mod content;
mod phrase;
mod sentence;

use serde_json::Value;

use self::content::Content;
use crate::notification::{Context, Kind};

/// A notification, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) kind: &'a Kind,
    /// The dictionary of the notification.
    pub(super) data: &'a Value,
    /// Who did it.
    pub(super) actor: Option<&'a str>,
    /// The signed-in user's number.
    pub(super) me: Option<i64>,
    /// What it belongs to.
    pub(super) context: &'a Context,
    /// The dictionary of what it belongs to.
    pub(super) about: &'a Value,
    /// The service's own sentence: its short form, and the long one.
    pub(super) short: Option<&'a str>,
    pub(super) long: Option<&'a str>,
}

/// Title and body.
pub(super) fn words(told: &Told<'_>) -> (String, String) {
    let own = sentence::sentence(told);
    let contents = content::contents(told);
    let Some(line) = line(told.short, told.long, told.actor) else {
        let rest = contents.into_iter().filter(|content| !content.in_sentence);
        let body = first_new(rest, &own).unwrap_or_default();
        return (own, body);
    };
    let content = first_new(contents.into_iter(), &line);
    let names = |part: Option<&str>| part.is_some_and(|part| phrase::contains(&line, part));
    // A profile is a person, who is named as one.
    let what = told.context.title.as_deref().filter(|_| told.context.what != "profiles");
    let before = if what.is_none() || names(what) {
        None
    } else if told.actor.is_none() || names(told.actor) || matches!(told.kind, Kind::Other(_)) {
        what.map(str::to_owned)
    } else {
        Some(own)
    };
    (line, joined(before, content))
}

/// The first content that the title does not say already.
fn first_new(mut contents: impl Iterator<Item = Content>, title: &str) -> Option<String> {
    contents.find(|content| !phrase::contains(title, &content.words)).map(|content| content.words)
}

fn joined(before: Option<String>, content: Option<String>) -> String {
    match (before, content) {
        (None, content) => content.unwrap_or_default(),
        (Some(before), None) => before,
        // A status is its own title.
        (Some(before), Some(content)) if phrase::contains(&content, &before) => content,
        (Some(before), Some(content)) if phrase::contains(&before, &content) => before,
        (Some(before), Some(content)) => format!("{before} – {content}"),
    }
}

/// The service's own sentence, such that it says who: the short form if it does, else the long one, else the short one behind the
/// name. A sentence that begins with a capital letter stands by itself ("Reminder: …").
fn line(short: Option<&str>, long: Option<&str>, actor: Option<&str>) -> Option<String> {
    let said = |actor: &str| {
        let names = |said: &&str| phrase::contains(said, actor);
        if let Some(said) = [short, long].into_iter().flatten().find(names) {
            return Some(said.to_owned());
        }
        let said = short.or(long)?;
        let goes_on = said.chars().next().is_some_and(char::is_lowercase);
        Some(if goes_on { format!("{actor} {said}") } else { said.to_owned() })
    };
    match actor {
        Some(actor) => said(actor),
        None => short.or(long).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_says_who_if_any_form_of_the_sentence_does() {
        let cases = [
            (Some("Ada commented"), Some("Ada commented on Plan: ok"), Some("Ada"), "Ada commented"),
            (
                Some("commented on Plan"),
                Some("Ada commented on Plan: ok"),
                Some("Ada"),
                "Ada commented on Plan: ok",
            ),
            (Some("commented on Plan"), Some("commented on Plan: ok"), Some("Ada"), "Ada commented on Plan"),
            (Some("Reminder: Plan"), None, Some("Ada"), "Reminder: Plan"),
            (Some("commented on Plan"), Some("long"), None, "commented on Plan"),
            (None, Some("long"), None, "long"),
        ];
        for (short, long, actor, expected) in cases {
            assert_eq!(line(short, long, actor).as_deref(), Some(expected));
        }
        assert_eq!(line(None, None, Some("Ada")), None);
    }

    #[test]
    fn the_body_says_what_the_services_sentence_leaves_out_and_nothing_twice() {
        let cases = [
            ("Ada commented on Plan", "Looks good", "Looks good"),
            ("Ada commented on Plan: “Looks good”", "Looks good", ""),
            ("Ada commented", "Looks good", "Plan – Looks good"),
            ("New comment", "Looks good", "Ada commented on Plan – Looks good"),
            // “Plan” in another word is not the Plan.
            ("Ada is planning", "Looks good", "Plan – Looks good"),
            ("Ada commented", "On the Plan: later", "On the Plan: later"),
            ("New comment on Plan", "Looks good", "Looks good"),
        ];
        let context = Context { what: "item".into(), title: Some("Plan".into()), ..Context::default() };
        for (long, value, expected) in cases {
            let (data, about) = (json!({"value": value}), Value::Null);
            let told = Told {
                kind: &Kind::Comment,
                data: &data,
                actor: Some("Ada"),
                me: None,
                context: &context,
                about: &about,
                short: None,
                long: Some(long),
            };
            assert_eq!(words(&told), (long.to_owned(), expected.to_owned()));
        }
    }
}

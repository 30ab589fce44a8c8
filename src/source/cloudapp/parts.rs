//! What the detail view shows of an item: where it leads, and what is known of it. Pure; never fails, asks nobody.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::item::{Item, ItemType};
use super::normalize::kept_item;
use crate::notification::Notification;
use crate::part::{Fact, Part};
use crate::source::plain::{is_seen, one_line};

/// Longest value, in characters.
const LINE: usize = 200;
/// Longest address, in characters.
const ADDRESS: usize = 2048;

/// The parts of a kept item.
pub(crate) fn parts(notification: &Notification) -> Vec<Part> {
    let Some(item) = kept_item(notification) else { return Vec::new() };
    let mut parts = Vec::new();
    if let Some(to) = item.redirect_url.as_deref().and_then(address) {
        let title = item.name.as_deref().and_then(line);
        parts.push(Part::Link { label: Some("The link".to_owned()), title, about: None, url: Some(to) });
    }
    parts.push(Part::Facts { label: "About the item".to_owned(), facts: facts(&item) });
    if let Some(page) = item.url.as_deref().and_then(address) {
        let label = Some("Its page".to_owned());
        parts.push(Part::Link { label, title: None, about: None, url: Some(page) });
    }
    parts
}

fn facts(item: &Item) -> Vec<Fact> {
    let said =
        |label: &str, value: Option<String>| Some(Fact { label: label.to_owned(), value: value?, at: None });
    let at =
        |label: &str, at: Option<Timestamp>| Some(Fact { label: label.to_owned(), value: in_words(at?), at });
    let name = item.name.as_deref().and_then(line).filter(|_| item.kind != ItemType::Bookmark);
    let seen_by =
        item.private.map(|private| if private { "Those who know its address" } else { "Everybody" });
    [
        said("Name", name),
        said("Kind", Some(item.kind.words().to_owned())),
        said("Views", item.views.map(|views| views.to_string())),
        said("Seen by", seen_by.map(ToOwned::to_owned)),
        at("Created", item.created),
        at("Changed", item.updated.filter(|updated| Some(*updated) != item.created)),
        at("Deleted", item.deleted),
        at("Missing since", item.missing.filter(|_| item.deleted.is_none())),
        said("Made with", item.source.as_deref().and_then(line)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn in_words(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y, %H:%M UTC").to_string()
}

fn line(text: &str) -> Option<String> {
    Some(one_line(text, LINE)).filter(|line| is_seen(line))
}

fn address(text: &str) -> Option<String> {
    Some(one_line(text, ADDRESS)).filter(|line| is_seen(line))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::account::AccountId;
    use crate::source::cloudapp::item::Seen;
    use crate::source::cloudapp::normalize::{Reader, look};

    fn told(value: &Value) -> Vec<Part> {
        let account = AccountId::new("cloudapp").unwrap();
        let reader = Reader { account: &account, owner: None, now: Timestamp::UNIX_EPOCH };
        parts(&look(None, value, Seen::Listed, reader).unwrap().1.unwrap())
    }

    fn labels(part: &Part) -> Vec<(&str, &str)> {
        let Part::Facts { facts, .. } = part else { panic!("{part:?}") };
        facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect()
    }

    #[test]
    fn a_file_tells_all_that_is_known_of_it() {
        let file = json!({
            "href": "http://my.cl.ly/items/7", "name": "plan.pdf", "private": true, "url": "http://cl.ly/2wu4", "item_type": "archive",
            "view_counter": 3, "source": "Cloud/1.5 \u{202e}x", "created_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-20T11:00:00Z",
            "deleted_at": "2026-11-20T12:00:00Z"
        });
        let told = told(&file);
        let [facts, Part::Link { url, .. }] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(url.as_deref(), Some("http://cl.ly/2wu4"));
        assert_eq!(
            labels(facts),
            [
                ("Name", "plan.pdf"),
                ("Kind", "Archive"),
                ("Views", "3"),
                ("Seen by", "Those who know its address"),
                ("Created", "20 Nov 2026, 10:00 UTC"),
                ("Changed", "20 Nov 2026, 11:00 UTC"),
                ("Deleted", "20 Nov 2026, 12:00 UTC"),
                ("Made with", "Cloud/1.5 x")
            ]
        );
    }

    #[test]
    fn a_bookmark_tells_where_it_leads_and_what_is_not_known_is_left_out() {
        let told = told(&json!({"id": 1, "item_type": "bookmark", "redirect_url": "https://example.com/a"}));
        let [Part::Link { url, title, .. }, facts] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((url.as_deref(), title.as_deref()), (Some("https://example.com/a"), None));
        assert_eq!(labels(facts), [("Kind", "Bookmark")]);
    }
}

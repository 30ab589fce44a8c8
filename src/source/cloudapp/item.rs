//! An item as CloudApp tells it, in its list and in its stream, and what changed between two looks at it. Pure.
//!
//! Every field may be missing or odd; only without a name of its own it is no item. Which of two looks is the newer one is told by
//! the item's own times.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use crate::notification::Icon;
use crate::source::podio::json::{field, flag, int, text, time};

/// Longest name of an item at the service.
const LONGEST_ID: usize = 200;
/// Longest JSON of an item that is kept as it came, in bytes.
const RAW: usize = 16 * 1024;
/// Longest text of one field where the whole was too long, in characters.
const FIELD: usize = 1_000;
/// The field in which Belfry notes since when an item is in no list of the service.
const MISSING: &str = "missing_since";

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ItemType {
    /// A picture.
    Image,
    /// A link.
    Bookmark,
    /// A text file.
    Text,
    /// An archive.
    Archive,
    /// A sound file.
    Audio,
    /// A film.
    Video,
    /// Another file, or a name no one has seen yet.
    #[default]
    Unknown,
}

impl ItemType {
    fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "image" => Self::Image,
            "bookmark" => Self::Bookmark,
            "text" => Self::Text,
            "archive" => Self::Archive,
            "audio" => Self::Audio,
            "video" => Self::Video,
            _ => Self::Unknown,
        }
    }

    /// Its picture.
    pub(crate) fn icon(self) -> Icon {
        match self {
            Self::Image => Icon::Image,
            Self::Bookmark => Icon::Bookmark,
            Self::Text => Icon::Text,
            Self::Archive => Icon::Archive,
            Self::Audio => Icon::Audio,
            Self::Video => Icon::Video,
            Self::Unknown => Icon::Other,
        }
    }

    /// In a word for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Image => "Image",
            Self::Bookmark => "Bookmark",
            Self::Text => "Text file",
            Self::Archive => "Archive",
            Self::Audio => "Audio",
            Self::Video => "Video",
            Self::Unknown => "File",
        }
    }
}

/// One look at an item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Item {
    /// Its name at the API: the end of its `href`.
    pub(crate) id: String,
    /// What the person called it.
    pub(crate) name: Option<String>,
    /// What it is.
    pub(crate) kind: ItemType,
    /// True if only those who are told its long address find it.
    pub(crate) private: Option<bool>,
    /// How often it was looked at.
    pub(crate) views: Option<i64>,
    /// Its page.
    pub(crate) url: Option<String>,
    /// The content itself.
    pub(crate) content_url: Option<String>,
    /// Where a bookmark leads.
    pub(crate) redirect_url: Option<String>,
    /// What it was uploaded with.
    pub(crate) source: Option<String>,
    /// When it was made.
    pub(crate) created: Option<Timestamp>,
    /// When it was last changed.
    pub(crate) updated: Option<Timestamp>,
    /// When it was thrown away.
    pub(crate) deleted: Option<Timestamp>,
    /// Since when no list has it: it was deleted, and nobody said when.
    pub(crate) missing: Option<Timestamp>,
}

impl Item {
    /// Reads an item. `None` if it has no name of its own.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let link = |name: &str| text(field(value, name));
        let id = link("href")
            .and_then(|href| last_segment(&href))
            .or_else(|| text(field(value, "id")))
            .or_else(|| text(field(value, "slug")))
            .or_else(|| last_segment(&link("url")?))
            .filter(|id| {
                id.len() <= LONGEST_ID && !id.contains(|c: char| c.is_control() || c.is_whitespace())
            })?;
        Some(Self {
            id,
            name: text(field(value, "name")),
            kind: text(field(value, "item_type")).map(|name| ItemType::named(&name)).unwrap_or_default(),
            private: flag(field(value, "private")),
            views: int(field(value, "view_counter")).filter(|views| *views >= 0),
            url: link("url"),
            content_url: link("content_url"),
            redirect_url: link("redirect_url"),
            source: text(field(value, "source")),
            created: time(field(value, "created_at")),
            updated: time(field(value, "updated_at")),
            deleted: time(field(value, "deleted_at")),
            missing: time(field(value, MISSING)),
        })
    }

    /// What to call it: its name, else where it leads.
    pub(crate) fn called(&self) -> Option<&str> {
        let named = self.name.as_deref().or(self.redirect_url.as_deref());
        named.or(self.content_url.as_deref()).or(self.url.as_deref())
    }

    /// True if it was deleted, whoever said so.
    pub(crate) fn is_gone(&self) -> bool {
        self.deleted.is_some() || self.missing.is_some()
    }

    /// The newest of its times: the order of two looks. Zero where the service tells no time.
    pub(crate) fn version(&self) -> i64 {
        self.changed().map_or(0, Timestamp::as_millisecond)
    }

    /// When it last changed, if the service tells.
    pub(crate) fn changed(&self) -> Option<Timestamp> {
        [self.created, self.updated, self.deleted].into_iter().flatten().max()
    }
}

/// What happened to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was not known.
    New,
    /// It has another name.
    Renamed {
        /// What it was called.
        from: String,
    },
    /// It became private or public.
    Privacy,
    /// It was deleted.
    Deleted,
    /// It was deleted and is there again.
    Recovered,
    /// It leads elsewhere, or is something else.
    OtherwiseChanged,
    /// It was looked at more often, or is told of in other words: nothing that anybody needs to hear.
    OnlyCounted,
    /// Nothing, or this look is older than what is known.
    Nothing,
}

/// How a look came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The stream said that it was made.
    Created,
    /// The stream said that it changed.
    Updated,
    /// The stream said that it was deleted.
    Deleted,
    /// A list has it.
    Listed,
}

/// What happened between what is known of an item and another look at it. Looks come in any order, and more than once. The service
/// tells whole seconds: within one, what was made comes first and what was deleted last.
pub(crate) fn change(before: Option<&Item>, after: &Item, seen: Seen) -> Change {
    let Some(before) = before else {
        return if after.is_gone() { Change::Deleted } else { Change::New };
    };
    // A list that has it again says more than lists that did not have it.
    let found_again = seen == Seen::Listed && before.missing.is_some() && !after.is_gone();
    let back_in_time = match after.version().cmp(&before.version()) {
        Ordering::Less => true,
        Ordering::Equal => match seen {
            Seen::Created => true,
            Seen::Updated => before.is_gone() && !after.is_gone(),
            Seen::Deleted | Seen::Listed => false,
        },
        Ordering::Greater => false,
    };
    if back_in_time && !found_again {
        return Change::Nothing;
    }
    match (before.is_gone(), after.is_gone()) {
        (false, true) => return Change::Deleted,
        (true, false) => return Change::Recovered,
        // Nobody sees a deleted one's name or counter.
        (true, true) => {
            let told_at_last = before.deleted.is_none() && after.deleted.is_some();
            return if told_at_last { Change::OnlyCounted } else { Change::Nothing };
        }
        (false, false) => {}
    }
    let name = |item: &Item| item.called().map(ToOwned::to_owned);
    if before.name != after.name && name(before) != name(after) {
        return match (name(before), after.called()) {
            (Some(from), Some(_)) => Change::Renamed { from },
            (_, None) | (None, Some(_)) => Change::OtherwiseChanged,
        };
    }
    if before.private.is_some() && after.private.is_some() && before.private != after.private {
        return Change::Privacy;
    }
    if before.redirect_url != after.redirect_url || before.kind != after.kind {
        return Change::OtherwiseChanged;
    }
    if before == after { Change::Nothing } else { Change::OnlyCounted }
}

/// What is kept of an item: as it came, or only the fields we know where that is too long.
pub(crate) fn raw(value: &Value) -> String {
    let whole = value.to_string();
    if whole.len() <= RAW {
        return whole;
    }
    let known = [
        "href",
        "id",
        "slug",
        "name",
        "item_type",
        "private",
        "view_counter",
        "url",
        "content_url",
        "redirect_url",
        "source",
        "created_at",
        "updated_at",
        "deleted_at",
        MISSING,
    ];
    let short = |value: &Value| match value {
        Value::String(long) => Some(crate::source::plain::shortened(long, FIELD).into()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::Array(_) | Value::Object(_) => None,
    };
    let kept: Map<String, Value> =
        known.into_iter().filter_map(|name| Some((name.to_owned(), short(field(value, name))?))).collect();
    Value::Object(kept).to_string()
}

/// What was kept of an item, with the note that no list has it any more.
pub(crate) fn missing(kept: &Value, since: Timestamp) -> Value {
    let mut noted = kept.clone();
    if let Some(fields) = noted.as_object_mut() {
        fields.insert(MISSING.to_owned(), since.to_string().into());
    }
    noted
}

/// What was kept of an item without that note.
pub(crate) fn without_note(kept: &Map<String, Value>) -> Map<String, Value> {
    kept.iter()
        .filter(|(name, _)| *name != MISSING)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The end of an address's path.
fn last_segment(address: &str) -> Option<String> {
    let path = match Url::parse(address) {
        Ok(url) => url.path().to_owned(),
        // Relative, maybe.
        Err(_) => address.split(['?', '#']).next().unwrap_or_default().to_owned(),
    };
    path.rsplit('/').find(|segment| !segment.is_empty()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// As the guide prints it.
    fn printed() -> Value {
        json!({
            "href": "http://my.cl.ly/items/1912565", "name": "plan.pdf", "private": true, "subscribed": false, "url": "http://cl.ly/2wu4",
            "content_url": "http://cl.ly/2wu4/plan.pdf", "item_type": "image", "view_counter": 3, "icon": "http://my.cl.ly/images/i.png",
            "remote_url": "http://f.cl.ly/items/x/plan.pdf", "redirect_url": null, "source": "Cloud/1.5.1 CFNetwork/520.0.13",
            "created_at": "2011-02-21T23:23:20Z", "updated_at": "2011-02-21T23:23:21Z", "deleted_at": null
        })
    }

    fn item(change: impl Fn(&mut Value)) -> Item {
        let mut value = printed();
        change(&mut value);
        Item::of(&value).unwrap()
    }

    fn later(value: &mut Value) {
        value["updated_at"] = json!("2011-02-22T00:00:00Z");
    }

    fn change(before: Option<&Item>, after: &Item) -> Change {
        super::change(before, after, Seen::Listed)
    }

    #[test]
    fn an_item_is_read_as_the_guide_prints_it() {
        let read = Item::of(&printed()).unwrap();
        assert_eq!(
            (read.id.as_str(), read.called(), read.kind),
            ("1912565", Some("plan.pdf"), ItemType::Image)
        );
        assert_eq!((read.private, read.views, read.is_gone()), (Some(true), Some(3), false));
        assert_eq!(read.version(), 1_298_330_601_000);
    }

    #[test]
    fn whatever_is_missing_or_odd_an_item_with_a_name_of_its_own_is_one() {
        for (value, id) in [
            (json!({"href": "https://my.cl.ly/items/5/?x=1#y"}), "5"),
            (json!({"href": "/items/abc"}), "abc"),
            (json!({"id": 7}), "7"),
            (json!({"href": "https://my.cl.ly/", "slug": "2wu4"}), "2wu4"),
            (json!({"url": "https://cl.ly/2wu4"}), "2wu4"),
            (
                json!({"href": [], "id": "x", "private": "maybe", "view_counter": -1, "item_type": [], "created_at": "soon"}),
                "x",
            ),
        ] {
            let read = Item::of(&value).unwrap_or_else(|| panic!("{value}"));
            assert_eq!((read.id.as_str(), read.views, read.created), (id, None, None), "{value}");
        }
        let long = "x".repeat(LONGEST_ID + 1);
        for value in [
            json!(null),
            json!([]),
            json!({}),
            json!({"href": "https://my.cl.ly"}),
            json!({"id": long}),
            json!({"id": "a b"}),
        ] {
            assert_eq!(Item::of(&value), None, "{value}");
        }
        assert_eq!(item(|one| one["item_type"] = json!("hologram")).kind, ItemType::Unknown);
    }

    #[test]
    fn what_changed_is_told_by_what_matters_most() {
        let before = item(|_| {});
        type Edit = dyn Fn(&mut Value);
        let cases: &[(&Edit, Change)] = &[
            (&|_| {}, Change::Nothing),
            (&|one| one["view_counter"] = json!(4), Change::OnlyCounted),
            (&later, Change::OnlyCounted),
            (&|one| one["source"] = json!("Another"), Change::OnlyCounted),
            (&|one| one["name"] = json!("b.pdf"), Change::Renamed { from: "plan.pdf".into() }),
            (&|one| one["name"] = json!(null), Change::Renamed { from: "plan.pdf".into() }),
            (&|one| one["private"] = json!(false), Change::Privacy),
            (&|one| one["private"] = json!(null), Change::OnlyCounted),
            (&|one| one["redirect_url"] = json!("https://example.com"), Change::OtherwiseChanged),
            (&|one| one["item_type"] = json!("video"), Change::OtherwiseChanged),
            (&|one| one["deleted_at"] = json!("2011-02-22T00:00:00Z"), Change::Deleted),
            (
                &|one| {
                    one["name"] = json!("old");
                    one["updated_at"] = json!("2011-02-21T23:23:20Z");
                },
                Change::Nothing,
            ),
        ];
        for (number, (edit, expected)) in cases.iter().enumerate() {
            assert_eq!(change(Some(&before), &item(edit)), *expected, "{number}");
        }
        assert_eq!(change(None, &before), Change::New);
        assert_eq!(
            change(None, &item(|one| one["deleted_at"] = json!("2011-02-22T00:00:00Z"))),
            Change::Deleted
        );
    }

    #[test]
    fn a_bookmark_without_a_name_is_called_by_where_it_leads_and_no_rename() {
        let bookmark = |to: &str| {
            item(|one| {
                one["name"] = json!(null);
                one["redirect_url"] = json!(to);
            })
        };
        assert_eq!(bookmark("https://a.example").called(), Some("https://a.example"));
        assert_eq!(
            change(Some(&bookmark("https://a.example")), &bookmark("https://b.example")),
            Change::OtherwiseChanged
        );
    }

    #[test]
    fn what_was_deleted_comes_back_and_is_not_deleted_twice() {
        let there = item(|_| {});
        let gone = item(|one| one["deleted_at"] = json!("2011-02-22T00:00:00Z"));
        let back = item(|one| one["updated_at"] = json!("2011-02-23T00:00:00Z"));
        assert_eq!(change(Some(&gone), &gone), Change::Nothing);
        assert_eq!(change(Some(&gone), &there), Change::Nothing, "an older look");
        assert_eq!(change(Some(&gone), &back), Change::Recovered);
        // Not found in any list: nobody knows when, so whatever has it again is newer.
        let at: Timestamp = "2011-03-01T00:00:00Z".parse().unwrap();
        let noted = missing(&printed(), at);
        let lost = Item::of(&noted).unwrap();
        assert_eq!((lost.missing, lost.is_gone(), lost.version()), (Some(at), true, there.version()));
        assert_eq!(change(Some(&there), &lost), Change::Deleted);
        assert_eq!(change(Some(&lost), &there), Change::Recovered);
        assert_eq!(change(Some(&lost), &gone), Change::OnlyCounted);
    }

    #[test]
    fn within_one_second_what_was_made_comes_first_and_what_was_deleted_last() {
        let at = |deleted: bool, name: &str| {
            item(|one| {
                one["name"] = json!(name);
                one["deleted_at"] = if deleted { one["updated_at"].clone() } else { json!(null) };
            })
        };
        let (made, renamed, gone) = (at(false, "a"), at(false, "b"), at(true, "b"));
        let told = |before: &Item, after: &Item, seen| super::change(Some(before), after, seen);
        assert_eq!(told(&made, &renamed, Seen::Updated), Change::Renamed { from: "a".into() });
        assert_eq!(told(&renamed, &made, Seen::Created), Change::Nothing);
        assert_eq!(told(&renamed, &gone, Seen::Deleted), Change::Deleted);
        assert_eq!(told(&gone, &renamed, Seen::Updated), Change::Nothing);
        assert_eq!(told(&gone, &made, Seen::Created), Change::Nothing);
        assert_eq!(told(&gone, &renamed, Seen::Listed), Change::Recovered);
    }

    #[test]
    fn what_is_too_long_keeps_the_fields_we_know() {
        let mut value = printed();
        value["extra"] = json!("x".repeat(RAW));
        value["name"] = json!("n".repeat(RAW));
        let kept = raw(&value);
        assert!(kept.len() <= RAW, "{}", kept.len());
        let kept = Item::of(&serde_json::from_str(&kept).unwrap()).unwrap();
        assert_eq!((kept.id.as_str(), kept.version()), ("1912565", 1_298_330_601_000));
        assert_eq!(raw(&printed()), printed().to_string());
    }

    proptest! {
        #[test]
        fn looks_in_any_order_end_at_the_newest(order in Just((0_usize..6).collect::<Vec<_>>()).prop_shuffle()) {
            let looks: Vec<Item> = (0..6)
                .map(|n| item(|one| {
                    one["name"] = json!(format!("name {n}"));
                    one["updated_at"] = json!(format!("2011-02-22T00:00:0{n}Z"));
                }))
                .collect();
            let mut known: Option<Item> = None;
            for n in order {
                if change(known.as_ref(), &looks[n]) != Change::Nothing {
                    known = Some(looks[n].clone());
                }
            }
            prop_assert_eq!(known.as_ref(), looks.last());
        }

        #[test]
        fn nothing_that_is_json_breaks_it(text in "\\PC{0,40}", number in any::<i64>()) {
            for name in ["href", "name", "url", "redirect_url", "created_at", "item_type", "view_counter", "private"] {
                for odd in [json!(text), json!(number), json!([text]), json!({"a": number}), json!(null)] {
                    let mut value = printed();
                    value[name] = odd;
                    if let Some(read) = Item::of(&value) {
                        change(Some(&read), &item(|_| {}));
                        change(Some(&item(|_| {})), &read);
                    }
                }
            }
        }
    }
}

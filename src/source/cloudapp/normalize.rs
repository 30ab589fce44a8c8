//! What a look at an item becomes here: one row per item, in words of what happened to it last. Pure.
//!
//! In: what is kept of the item and the look. Out: the row as it should stand, if anything changed. The row's `raw` is the last look, and
//! that is what the next one is compared with.

use jiff::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use super::item::{self, Change, Item, Seen};
use crate::account::AccountId;
use crate::notification::{Context, Detail, Kind, Notification};
use crate::source::plain::{is_seen, one_line};

/// What the external ids of items begin with.
pub(crate) const FAMILY: &str = "item/";
/// Longest name in a sentence, in characters.
const NAME: usize = 80;
/// Longest address shown in place of a name.
const ADDRESS: usize = 120;
/// Mailboxes that are nobody's own.
const NOBODY: &[&str] = &[
    "admin",
    "contact",
    "hello",
    "hi",
    "info",
    "mail",
    "me",
    "no-reply",
    "noreply",
    "office",
    "post",
    "root",
    "support",
    "team",
    "webmaster",
];

/// Who looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The account.
    pub(crate) account: &'a AccountId,
    /// Whose items they are, as far as the account tells.
    pub(crate) owner: Option<&'a str>,
    /// Our clock.
    pub(crate) now: Timestamp,
}

/// The row's name.
pub(crate) fn external_id(id: &str) -> String {
    format!("{FAMILY}{id}")
}

/// What an e-mail address tells of a person's first name: `ada@example.com` is Ada's, `info@example.com` is nobody's.
pub(crate) fn owner(email: &str) -> Option<String> {
    let mailbox = email.split('@').next()?.split('+').next()?.trim().to_lowercase();
    if NOBODY.contains(&mailbox.as_str()) {
        return None;
    }
    let named = mailbox.split(['.', '_', '-']).find(|word| word.chars().count() > 1)?;
    let named = named.trim_end_matches(|c: char| c.is_ascii_digit());
    if named.chars().count() < 2 || !named.chars().all(char::is_alphanumeric) {
        return None;
    }
    let mut letters = named.chars();
    let first = letters.next()?;
    let name: String = first.to_uppercase().chain(letters).collect();
    Some(one_line(&name, 40))
}

/// What happened, and the row as it should stand now. `None` for what is no item.
pub(crate) fn look(
    kept: Option<&Notification>,
    value: &Value,
    seen: Seen,
    reader: Reader<'_>,
) -> Option<(Change, Option<Notification>)> {
    let before: Option<Value> = kept.and_then(|kept| serde_json::from_str(&kept.raw).ok());
    let mut value = merged(before.as_ref(), value);
    if seen == Seen::Deleted && !Item::of(&value)?.is_gone() {
        // It says so by its name alone.
        value = item::missing(&value, reader.now);
    }
    let after = Item::of(&value)?;
    let before = before.as_ref().and_then(Item::of);
    let change = item::change(before.as_ref(), &after, seen);
    let row = row(kept, &change, &after, &value, reader);
    Some((change, row))
}

/// A kept item that no list has any more. `None` if it is known to be deleted.
pub(crate) fn not_found(kept: &Notification, reader: Reader<'_>) -> Option<Notification> {
    let raw: Value = serde_json::from_str(&kept.raw).ok()?;
    let before = Item::of(&raw).filter(|item| !item.is_gone())?;
    let value = item::missing(&raw, reader.now);
    let after = Item::of(&value)?;
    let change = item::change(Some(&before), &after, Seen::Deleted);
    row(Some(kept), &change, &after, &value, reader)
}

/// What a kept row knows of its item.
pub(crate) fn kept_item(kept: &Notification) -> Option<Item> {
    Item::of(&serde_json::from_str(&kept.raw).ok()?)
}

fn row(
    kept: Option<&Notification>,
    change: &Change,
    item: &Item,
    value: &Value,
    reader: Reader<'_>,
) -> Option<Notification> {
    if *change == Change::Nothing {
        return None;
    }
    let version = kept.map_or(1, |kept| kept.version.saturating_add(1)).max(item.version());
    let raw = item::raw(value);
    let body = body(item);
    if let (Change::OnlyCounted, Some(kept)) = (change, kept) {
        let context =
            Context { url: item.url.clone().or_else(|| kept.context.url.clone()), ..kept.context.clone() };
        return Some(Notification { body, raw, version, context, no_news: true, ..kept.clone() });
    }
    let (kind, at) = match change {
        Change::New => (Kind::Creation, item.created),
        Change::Recovered => (Kind::Creation, item.changed()),
        Change::Deleted => (Kind::Delete, item.deleted.or(item.missing)),
        Change::Renamed { .. }
        | Change::Privacy
        | Change::OtherwiseChanged
        | Change::OnlyCounted
        | Change::Nothing => (Kind::Update, item.changed()),
    };
    let called = called(item);
    Some(Notification {
        account: reader.account.clone(),
        external_id: external_id(&item.id),
        kind,
        icon: item.kind.icon(),
        title: sentence(change, item, called.as_deref(), reader.owner),
        body,
        actor: reader.owner.map(ToOwned::to_owned),
        context: Context {
            what: "item".to_owned(),
            id: item.id.clone(),
            title: called,
            place: None,
            url: item.url.clone().or_else(|| item.content_url.clone()),
        },
        occurred_at: at.unwrap_or(reader.now),
        read: false,
        starred: false,
        wants_banner: true,
        wants_sound: true,
        no_news: false,
        urgency: None,
        version,
        detail: Detail::Whole,
        raw,
    })
}

fn sentence(change: &Change, item: &Item, called: Option<&str>, owner: Option<&str>) -> String {
    let thing = |name: Option<&str>| {
        let kind = item.kind.words().to_lowercase();
        match (owner, name) {
            (Some(owner), Some(name)) => format!("{owner}'s {name}"),
            (Some(owner), None) => format!("{owner}'s {kind}"),
            (None, Some(name)) => name.to_owned(),
            (None, None) => format!("Something ({kind})"),
        }
    };
    let what = thing(called);
    match change {
        Change::New => format!("{what} is up"),
        Change::Renamed { from } => {
            let from = thing(seen_name(from).as_deref());
            format!("{from} was renamed to {}", called.unwrap_or("nothing"))
        }
        Change::Privacy if item.private == Some(true) => format!("{what} is private now"),
        Change::Privacy => format!("{what} is public now"),
        Change::Deleted => format!("{what} was deleted"),
        Change::Recovered => format!("{what} is back"),
        Change::OtherwiseChanged | Change::OnlyCounted | Change::Nothing => format!("{what} was changed"),
    }
}

/// Its name, fit for a sentence.
fn called(item: &Item) -> Option<String> {
    [&item.name, &item.redirect_url].into_iter().flatten().find_map(|name| seen_name(name))
}

fn seen_name(name: &str) -> Option<String> {
    let longest = if Url::parse(name).is_ok_and(|url| url.has_host()) { ADDRESS } else { NAME };
    Some(one_line(name, longest)).filter(|name| is_seen(name))
}

/// What it is, where a link leads, who may see it, how often it was looked at.
fn body(item: &Item) -> String {
    let mut words = vec![item.kind.words().to_owned()];
    // Where it leads is its name already, where it has none.
    words.extend(item.redirect_url.as_deref().filter(|_| item.name.is_some()).and_then(domain));
    if item.private == Some(true) {
        words.push("private".to_owned());
    }
    match item.views {
        Some(1) => words.push("1 view".to_owned()),
        Some(views) if views > 1 => words.push(format!("{views} views")),
        Some(_) | None => {}
    }
    words.join(" · ")
}

/// The host a link leads to, in plain letters.
fn domain(link: &str) -> Option<String> {
    let host = Url::parse(link).ok()?.host_str()?.trim_start_matches("www.").to_owned();
    Some(one_line(&host, NAME)).filter(|host| !host.is_empty())
}

/// What a look does not speak of is as it was; but where it is, it is found.
fn merged(before: Option<&Value>, look: &Value) -> Value {
    let (Some(before), Some(look)) = (before.and_then(Value::as_object), look.as_object()) else {
        return look.clone();
    };
    let mut all: Map<String, Value> = item::without_note(before);
    all.extend(look.iter().map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::notification::Icon;

    fn account() -> AccountId {
        AccountId::new("cloudapp").unwrap()
    }

    fn drop() -> Value {
        json!({
            "href": "http://my.cl.ly/items/7", "name": "plan.pdf", "private": false, "url": "http://cl.ly/2wu4", "item_type": "unknown",
            "view_counter": 0, "redirect_url": null, "source": "Cloud", "created_at": "2026-11-20T10:00:00Z",
            "updated_at": "2026-11-20T10:00:00Z", "deleted_at": null
        })
    }

    fn told(kept: Option<&Notification>, value: &Value, seen: Seen) -> Option<Notification> {
        let account = account();
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        look(kept, value, seen, Reader { account: &account, owner: Some("Ada"), now }).unwrap().1
    }

    fn with(name: &str, to: Value) -> Value {
        let mut value = drop();
        value[name] = to;
        value["updated_at"] = json!("2026-11-20T11:00:00Z");
        value
    }

    #[test]
    fn a_new_item_is_a_row_that_leads_to_its_page() {
        let row = told(None, &drop(), Seen::Created).unwrap();
        assert_eq!((row.external_id.as_str(), row.title.as_str()), ("item/7", "Ada's plan.pdf is up"));
        assert_eq!((&row.kind, row.icon, row.body.as_str()), (&Kind::Creation, Icon::Other, "File"));
        assert_eq!(row.context.url.as_deref(), Some("http://cl.ly/2wu4"));
        assert_eq!(
            (row.context.thread().as_str(), row.context.title.as_deref()),
            ("item/7", Some("plan.pdf"))
        );
        assert_eq!(row.version, row.occurred_at.as_millisecond());
        assert!(!row.no_news && !row.read && row.actor.as_deref() == Some("Ada"));
        assert_eq!(serde_json::from_str::<Value>(&row.raw).unwrap(), drop());
    }

    #[test]
    fn each_change_has_its_words_its_kind_and_a_later_version() {
        let first = told(None, &drop(), Seen::Created).unwrap();
        let cases = [
            ("name", json!("b.pdf"), Seen::Updated, "Ada's plan.pdf was renamed to b.pdf", Kind::Update),
            ("private", json!(true), Seen::Updated, "Ada's plan.pdf is private now", Kind::Update),
            (
                "redirect_url",
                json!("https://x.example"),
                Seen::Updated,
                "Ada's plan.pdf was changed",
                Kind::Update,
            ),
            (
                "deleted_at",
                json!("2026-11-20T11:00:00Z"),
                Seen::Deleted,
                "Ada's plan.pdf was deleted",
                Kind::Delete,
            ),
            ("deleted_at", json!(null), Seen::Deleted, "Ada's plan.pdf was deleted", Kind::Delete),
        ];
        for (name, to, seen, words, kind) in cases {
            let row = told(Some(&first), &with(name, to), seen).unwrap();
            assert_eq!((row.title.as_str(), &row.kind, row.no_news), (words, &kind, false));
            assert!(row.version > first.version && row.external_id == first.external_id, "{words}");
        }
        let private = told(Some(&first), &with("private", json!(true)), Seen::Updated).unwrap();
        let mut public = with("private", json!(false));
        public["updated_at"] = json!("2026-11-20T12:00:00Z");
        assert_eq!(
            told(Some(&private), &public, Seen::Updated).unwrap().title,
            "Ada's plan.pdf is public now"
        );
    }

    #[test]
    fn a_look_more_is_a_later_version_that_tells_the_same_and_is_no_news() {
        let renamed =
            told(told(None, &drop(), Seen::Created).as_ref(), &with("name", json!("b.pdf")), Seen::Updated)
                .unwrap();
        // The service does not even move its time for it.
        let mut looked_at = with("name", json!("b.pdf"));
        looked_at["view_counter"] = json!(1);
        let row = told(Some(&renamed), &looked_at, Seen::Updated).unwrap();
        assert_eq!(
            (row.title.as_str(), row.body.as_str()),
            ("Ada's plan.pdf was renamed to b.pdf", "File · 1 view")
        );
        assert_eq!(
            (row.version, row.no_news, row.occurred_at),
            (renamed.version + 1, true, renamed.occurred_at)
        );
        assert_eq!(told(Some(&row), &looked_at, Seen::Updated), None);
        // What is told next is news again.
        let mut next = looked_at.clone();
        next["private"] = json!(true);
        assert!(!told(Some(&row), &next, Seen::Updated).unwrap().no_news);
    }

    #[test]
    fn what_no_list_has_was_deleted_and_is_back_when_one_has_it() {
        let account = account();
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let reader = Reader { account: &account, owner: Some("Ada"), now };
        let first = told(None, &drop(), Seen::Listed).unwrap();
        let gone = not_found(&first, reader).unwrap();
        assert_eq!(
            (gone.title.as_str(), gone.version, gone.occurred_at),
            ("Ada's plan.pdf was deleted", first.version + 1, now)
        );
        assert_eq!(not_found(&gone, reader), None);
        let back = told(Some(&gone), &drop(), Seen::Listed).unwrap();
        assert_eq!((back.title.as_str(), back.version), ("Ada's plan.pdf is back", gone.version + 1));
        assert_eq!(told(Some(&back), &drop(), Seen::Listed), None);
    }

    #[test]
    fn a_look_that_says_little_takes_nothing_away() {
        let first = told(None, &drop(), Seen::Created).unwrap();
        let row = told(Some(&first), &json!({"href": "http://my.cl.ly/items/7"}), Seen::Deleted).unwrap();
        assert_eq!(
            (row.title.as_str(), row.context.url),
            ("Ada's plan.pdf was deleted", first.context.url.clone())
        );
        assert_eq!(
            told(Some(&first), &json!({"href": "http://my.cl.ly/items/7", "view_counter": 0}), Seen::Updated),
            None
        );
    }

    #[test]
    fn names_are_found_where_they_are_and_shown_as_plain_text() {
        let bookmark = json!({"id": 1, "item_type": "bookmark", "name": null, "redirect_url": "https://www.example.com/a"});
        let row = told(None, &bookmark, Seen::Created).unwrap();
        assert_eq!(
            (row.title.as_str(), row.body.as_str(), row.icon),
            ("Ada's https://www.example.com/a is up", "Bookmark", Icon::Bookmark)
        );
        let named = json!({"id": 1, "item_type": "bookmark", "name": "A page", "redirect_url": "https://www.example.com/a", "view_counter": 12});
        assert_eq!(told(None, &named, Seen::Created).unwrap().body, "Bookmark · example.com · 12 views");
        let hostile = json!({"id": 1, "name": format!("a\n\u{202e}<b>&{}", "x".repeat(500)), "item_type": "image", "private": true});
        let row = told(None, &hostile, Seen::Created).unwrap();
        assert!(row.title.starts_with("Ada's a <b>&xxx") && row.title.chars().count() < 100, "{}", row.title);
        assert_eq!(row.body, "Image · private");
        let nameless = json!({"id": 1, "name": "\u{202e}\u{200b}", "item_type": "video"});
        assert_eq!(told(None, &nameless, Seen::Created).unwrap().title, "Ada's video is up");
        let account = account();
        let reader = Reader { account: &account, owner: None, now: Timestamp::UNIX_EPOCH };
        assert_eq!(look(None, &named, Seen::Created, reader).unwrap().1.unwrap().title, "A page is up");
        assert_eq!(
            look(None, &nameless, Seen::Created, reader).unwrap().1.unwrap().title,
            "Something (video) is up"
        );
    }

    #[test]
    fn a_first_name_is_read_out_of_an_address_where_there_is_one() {
        for (email, name) in [
            ("ada@example.com", Some("Ada")),
            ("ada.brook@example.com", Some("Ada")),
            ("a.brook+drops@example.com", Some("Brook")),
            ("MEI_LIN99@example.com", Some("Mei")),
            ("émile@example.com", Some("Émile")),
            ("robin7@example.com", Some("Robin")),
            ("info@example.com", None),
            ("12345@example.com", None),
            ("x@example.com", None),
            ("<b>@example.com", None),
            ("@", None),
            ("", None),
        ] {
            assert_eq!(owner(email).as_deref(), name, "{email}");
        }
    }
}

//! From Podio's JSON to a [`Notification`]. Pure; never fails: what is not understood becomes [`Kind::Other`] and keeps its raw JSON.
//!
//! In: a notification group of the REST API, or the inner event of a push. Out: notifications. Knows no socket and no clock.
//!
//! External ids (unique within an account, and enough to carry out a wish without looking anything up):
//!
//! | id | what |
//! |---|---|
//! | `n<notification_id>` | a notification of the inbox |
//! | `c<conversation_id>.<event_id>` | a message in a conversation |

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{at, field, flag, int, items, text, time};
use super::picture;
use super::plain::{is_seen, lines, one_line};
use super::push::{self, Pushed};
use super::raw::{raw, raw_entry};
use super::words::{Told, words};
use crate::account::AccountId;
use crate::notification::{Context, Detail, Kind, Notification};

/// Longest title and body kept, in characters; the raw JSON has the rest.
const TITLE: usize = 300;
const BODY: usize = 2_000;
/// Longest name of a kind, a context or a number kept, in characters.
const NAME: usize = 64;
/// Longest address kept, in bytes. A longer one is none: cut off, it would lead elsewhere.
const ADDRESS: usize = 2_048;

/// What normalizing has to know besides the JSON.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The account it came to.
    pub account: &'a AccountId,
    /// The signed-in user's number, if known: what one did oneself is no news.
    pub me: Option<i64>,
    /// Stands in where the service gives no time.
    pub now: Timestamp,
    /// What the account's own settings ask for, for what comes without a word about it.
    pub asks: Asks,
}

/// What an account's own settings ask for when something happens (podio.md §5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks {
    /// A native pop-up (`push_notification_browser`).
    pub banner: bool,
    /// A sound (`push_notification_sound`).
    pub sound: bool,
}

impl Default for Asks {
    fn default() -> Self {
        Self { banner: true, sound: true }
    }
}

impl Asks {
    /// From the answer of `GET /user/setting/mobile/`; what it does not say is as usual.
    pub(crate) fn of(settings: &Value) -> Self {
        let wants = |name: &str| flag(field(settings, name)).unwrap_or(true);
        Self { banner: wants("push_notification_browser"), sound: wants("push_notification_sound") }
    }
}

/// What is addressed by an external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A notification of the inbox.
    Notification(i64),
    /// A message in a conversation.
    Conversation {
        /// The conversation.
        conversation: i64,
    },
}

impl Target {
    /// Reads an external id.
    pub(crate) fn of(external_id: &str) -> Option<Self> {
        if let Some(number) = external_id.strip_prefix('n') {
            return number.parse().ok().map(Self::Notification);
        }
        let (conversation, event) = external_id.strip_prefix('c')?.split_once('.')?;
        event.parse::<i64>().ok()?;
        Some(Self::Conversation { conversation: conversation.parse().ok()? })
    }
}

/// The family of external ids of the inbox.
pub(crate) const NOTIFICATIONS: &str = "n";
/// The family of external ids of all conversations.
pub(crate) const CONVERSATIONS: &str = "c";

/// The external id of a notification of the inbox.
pub fn notification_id(number: i64) -> String {
    format!("{NOTIFICATIONS}{number}")
}

/// The number in the external id of a notification of the inbox.
pub(crate) fn number(external_id: &str) -> Option<i64> {
    match Target::of(external_id)? {
        Target::Notification(number) => Some(number),
        Target::Conversation { .. } => None,
    }
}

/// The family of external ids of one conversation.
pub(crate) fn conversation_family(conversation: i64) -> String {
    format!("{CONVERSATIONS}{conversation}.")
}

/// What the push said of one notification (`notification_create`).
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// `notification_id`.
    pub id: i64,
    /// The event, as it came.
    pub event: Value,
    /// When it was heard.
    pub heard: Timestamp,
}

impl Hint {
    /// Reads the inner event of a push; `None` if it names no notification.
    pub fn of(event: &Value, heard: Timestamp) -> Option<Self> {
        let id = int(at(event, &["data", "notification_id"]))?;
        Some(Self { id, event: event.clone(), heard })
    }

    fn link(&self) -> Option<String> {
        address(at(&self.event, &["data", "link"]))
    }

    /// The account's own wish for native pop-ups (`browser`) or sound (`sound`), echoed by the push (podio.md §5.4).
    fn wants(&self, what: &str, usually: bool) -> bool {
        flag(at(&self.event, &["data", "settings", what])).unwrap_or(usually)
    }

    /// What can be shown before the service was asked.
    pub fn notification(&self, reader: Reader<'_>) -> Notification {
        let data = field(&self.event, "data");
        let icon_name = name(field(data, "icon"));
        let kind = picture::kind_of_icon(icon_name.as_deref());
        let title = sentence(field(data, "text")).unwrap_or_else(|| "News on Podio".to_owned());
        Notification {
            account: reader.account.clone(),
            external_id: notification_id(self.id),
            icon: picture::picture(icon_name.as_deref(), &kind, &Value::Null, &Context::default()),
            kind,
            title: one_line(&title, TITLE),
            body: String::new(),
            actor: None,
            context: Context { url: self.link(), ..Context::default() },
            occurred_at: self.heard,
            read: false,
            starred: false,
            wants_banner: self.wants("browser", reader.asks.banner),
            wants_sound: self.wants("sound", reader.asks.sound),
            no_news: is_me(field(&self.event, "created_by"), reader.me),
            urgency: None,
            version: 0,
            detail: Detail::Hint,
            raw: raw(&self.event),
        }
    }
}

/// All notifications of a group (`GET /notification/`, `GET /notification/{id}/v2`). Entries without a number are left out: nothing could
/// tell them apart. Also reads the older flat form, where the notification itself carries its context.
pub fn group(group: &Value, reader: Reader<'_>) -> Vec<Notification> {
    let context = field(group, "context");
    if field(group, "notifications").is_array() {
        items(field(group, "notifications")).iter().filter_map(|one| entry(one, context, reader)).collect()
    } else {
        entry(group, context, reader).into_iter().collect()
    }
}

/// The numbers of a group's notifications.
pub(crate) fn numbers(group: &Value) -> Vec<i64> {
    if field(group, "notifications").is_array() {
        items(field(group, "notifications"))
            .iter()
            .filter_map(|one| int(field(one, "notification_id")))
            .collect()
    } else {
        int(field(group, "notification_id")).into_iter().collect()
    }
}

/// The notification a push spoke of, whole, from the group that the service gave for it; `None` if the group does not have it.
pub fn completed(hint: &Hint, from: &Value, reader: Reader<'_>) -> Option<Notification> {
    let wanted = notification_id(hint.id);
    let mut whole = group(from, reader).into_iter().find(|one| one.external_id == wanted)?;
    whole.wants_banner = hint.wants("browser", reader.asks.banner);
    whole.wants_sound = hint.wants("sound", reader.asks.sound);
    // The push's link leads to the very thing (a comment, say), the group's to what it belongs to.
    whole.context.url = hint.link().or(whole.context.url);
    Some(whole)
}

fn entry(one: &Value, about: &Value, reader: Reader<'_>) -> Option<Notification> {
    let id = int(field(one, "notification_id"))?;
    let data = field(one, "data");
    let icon_name = name(field(one, "icon"));
    let kind = picture::kind(name(field(one, "type")), icon_name.as_deref());
    let actor = sentence(at(one, &["created_by", "name"])).map(|name| one_line(&name, TITLE));
    let context = read_context(one, about);
    let (short, long) = (sentence(field(one, "text_short")), sentence(field(one, "text")));
    let (title, body) = words(&Told {
        kind: &kind,
        data,
        actor: actor.as_deref(),
        me: reader.me,
        context: &context,
        about,
        short: short.as_deref(),
        long: long.as_deref(),
    });
    Some(Notification {
        account: reader.account.clone(),
        external_id: notification_id(id),
        icon: picture::picture(icon_name.as_deref(), &kind, data, &context),
        kind,
        title: one_line(&title, TITLE),
        body: lines(&body, BODY),
        actor,
        context,
        occurred_at: time(field(one, "created_on")).unwrap_or(reader.now),
        read: text(field(one, "viewed_on")).is_some(),
        starred: flag(field(one, "starred")).unwrap_or(false),
        wants_banner: reader.asks.banner,
        wants_sound: reader.asks.sound,
        no_news: is_me(field(one, "created_by"), reader.me),
        urgency: None,
        version: 0,
        detail: Detail::Whole,
        raw: raw_entry(one, about),
    })
}

/// A message in a conversation (`conversation_event` with `action` `message`); `None` for its other actions and for what names no event.
pub fn conversation_message(event: &Value, reader: Reader<'_>) -> Option<Notification> {
    let data = field(event, "data");
    if text(field(data, "action")).as_deref() != Some("message") {
        return None;
    }
    let conversation = int(field(data, "conversation_id"))?;
    let number = int(field(data, "event_id"))?;
    let by = field(data, "created_by");
    let actor = sentence(field(by, "name")).map(|name| one_line(&name, TITLE));
    let settings = field(data, "settings");
    let wants = [field(settings, "popup"), field(settings, "browser")].into_iter().filter_map(flag);
    let wants = wants.reduce(|one, other| one || other).unwrap_or(reader.asks.banner);
    let subject =
        sentence(field(data, "subject")).or_else(|| sentence(at(data, &["conversation", "subject"])));
    let context = Context {
        what: "conversation".to_owned(),
        id: conversation.to_string(),
        title: subject.map(|subject| one_line(&subject, TITLE)),
        place: None,
        // No push names a conversation's address, and asking for the conversation might mark it read; the inbox is where it is.
        url: address(field(data, "link")).or_else(|| by_hand("conversation", "")),
    };
    let message = field(data, "data");
    let (kind, actor_name) = (Kind::Message, actor.as_deref());
    let told = Told {
        kind: &kind,
        data: message,
        actor: actor_name,
        me: reader.me,
        context: &context,
        about: data,
        short: None,
        long: None,
    };
    let (title, body) = words(&told);
    // The event's own text is an excerpt of the message's.
    let body = if body.is_empty() { text(field(data, "text")).unwrap_or_default() } else { body };
    Some(Notification {
        account: reader.account.clone(),
        external_id: format!("{}{number}", conversation_family(conversation)),
        icon: picture::picture(None, &kind, message, &context),
        kind,
        title: one_line(&title, TITLE),
        body: lines(&body, BODY),
        actor,
        context,
        occurred_at: time(field(data, "created_on")).unwrap_or(reader.now),
        read: false,
        starred: false,
        wants_banner: wants,
        wants_sound: flag(field(settings, "sound")).unwrap_or(reader.asks.sound),
        no_news: is_me(by, reader.me) || is_me(field(event, "created_by"), reader.me),
        urgency: None,
        version: 0,
        detail: Detail::Whole,
        raw: raw(event),
    })
}

/// What a pushed message's data tells by itself, if it tells of a notification: the way of a live link from the wire on, without the
/// service's completion.
pub fn pushed(data: &RawValue, reader: Reader<'_>) -> Option<Notification> {
    match push::read(data, reader.now) {
        Pushed::Created(hint) => Some(hint.notification(reader)),
        Pushed::Conversation(event) => conversation_message(&event, reader),
        Pushed::Unread(_) | Pushed::ConversationRead(_) | Pushed::AllConversationsRead | Pushed::Nothing => {
            None
        }
    }
}

/// The message behind a notification, if it is one: the same message may come as a notification and as a conversation event.
pub(crate) fn message_number(notification: &Notification) -> Option<i64> {
    if notification.kind != Kind::Message {
        return None;
    }
    let raw: Value = serde_json::from_str(&notification.raw).ok()?;
    int(at(&raw, &["notification", "data", "message_id"]))
        .or_else(|| int(at(&raw, &["data", "data", "message_id"])))
}

fn read_context(one: &Value, context: &Value) -> Context {
    let data = field(one, "data");
    let what = name(at(context, &["ref", "type"])).or_else(|| name(field(one, "context_type")));
    let what = what.unwrap_or_default();
    let inner = at(context, &["data", &format!("{what}_id")]);
    let id = name(at(context, &["ref", "id"])).or_else(|| name(inner)).unwrap_or_default();
    let place = [at(context, &["space", "name"]), at(one, &["space", "name"]), at(context, &["org", "name"])];
    let links = [
        field(context, "link"),
        field(data, "link"),
        at(context, &["data", "link"]),
        at(context, &["data", "ref", "link"]),
        at(data, &["ref", "link"]),
        field(one, "context_link"),
        field(one, "data_link"),
        at(context, &["data", "url"]),
        at(context, &["space", "url"]),
    ];
    let url = links.into_iter().find_map(address).or_else(|| by_hand(&what, &id));
    // The dictionaries of the contexts name themselves in different fields.
    let titles = ["name", "title", "subject", "text"].map(|title| at(context, &["data", title]));
    let title = std::iter::once(field(context, "title")).chain(titles).find_map(sentence);
    Context {
        what,
        id,
        title: title.map(|title| one_line(&title, TITLE)),
        place: place.into_iter().find_map(sentence).map(|place| one_line(&place, TITLE)),
        url,
    }
}

/// The addresses that can be made from a number alone, or from nothing.
fn by_hand(what: &str, id: &str) -> Option<String> {
    let number = || id.parse::<u64>().ok();
    match what {
        "task" => Some(format!("https://podio.com/tasks/{}", number()?)),
        "user" | "profiles" => Some(format!("https://podio.com/users/{}", number()?)),
        "conversation" => Some("https://podio.com/inbox".to_owned()),
        _ => None,
    }
}

/// A text of which something is seen.
fn sentence(value: &Value) -> Option<String> {
    text(value).filter(|text| is_seen(text))
}

/// The name of a kind, a picture or a context, or a number: short and plain.
fn name(value: &Value) -> Option<String> {
    text(value).map(|name| one_line(&name, NAME)).filter(|name| !name.is_empty())
}

fn address(value: &Value) -> Option<String> {
    text(value).filter(|address| address.len() <= ADDRESS && !address.chars().any(char::is_control))
}

/// True if the byline is the signed-in user. `user_id` counts first: `id` was seen to differ from it.
fn is_me(byline: &Value, me: Option<i64>) -> bool {
    let Some(me) = me else { return false };
    let person = text(field(byline, "type")).is_none_or(|kind| kind == "user");
    let number = int(field(byline, "user_id")).or_else(|| int(field(byline, "id")));
    person && number == Some(me)
}

#[cfg(test)]
#[path = "normalize_tests.rs"]
mod tests;

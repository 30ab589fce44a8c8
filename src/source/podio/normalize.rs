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
use serde_json::{Value, json};

use super::json::{at, field, flag, int, items, text, time};
use super::words;
use crate::account::AccountId;
use crate::notification::{Context, Detail, Icon, Kind, Notification};

/// Longest title and body kept, in characters; the raw JSON has the rest.
const TITLE: usize = 300;
const BODY: usize = 2_000;
/// Longest raw JSON kept, in bytes. Above it the context's own data (a whole item, say) is left out.
const RAW: usize = 64 * 1024;

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
        text(at(&self.event, &["data", "link"]))
    }

    /// The account's own wish for native pop-ups (`browser`) or sound (`sound`), echoed by the push (podio.md §5.4).
    fn wants(&self, what: &str, usually: bool) -> bool {
        flag(at(&self.event, &["data", "settings", what])).unwrap_or(usually)
    }

    /// What can be shown before the service was asked.
    pub fn notification(&self, reader: Reader<'_>) -> Notification {
        let data = field(&self.event, "data");
        let icon_name = text(field(data, "icon"));
        let kind = kind_of_icon(icon_name.as_deref());
        let title = text(field(data, "text")).unwrap_or_else(|| "News on Podio".to_owned());
        Notification {
            account: reader.account.clone(),
            external_id: notification_id(self.id),
            icon: icon_name.as_deref().and_then(Icon::from_name).unwrap_or_else(|| kind.icon()),
            kind,
            title: one_line(&title, TITLE),
            body: String::new(),
            actor: None,
            context: Context { url: self.link(), ..Context::default() },
            occurred_at: self.heard,
            read: false,
            wants_banner: self.wants("browser", reader.asks.banner),
            wants_sound: self.wants("sound", reader.asks.sound),
            no_news: is_me(field(&self.event, "created_by"), reader.me),
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

fn entry(one: &Value, context: &Value, reader: Reader<'_>) -> Option<Notification> {
    let id = int(field(one, "notification_id"))?;
    let data = field(one, "data");
    let icon_name = text(field(one, "icon"));
    let kind = kind(one, icon_name.as_deref());
    let actor = text(at(one, &["created_by", "name"]));
    let context_value = context;
    let context = read_context(one, context);
    let title = words::line(text(field(one, "text_short")), text(field(one, "text")), actor.as_deref())
        .unwrap_or_else(|| words::sentence(&kind, actor.as_deref(), &context));
    let body = words::body(&kind, data)
        .or_else(|| context.title.clone().filter(|about| !title.contains(about.as_str())));
    Some(Notification {
        account: reader.account.clone(),
        external_id: notification_id(id),
        icon: icon_name
            .as_deref()
            .and_then(Icon::from_name)
            .unwrap_or_else(|| derived_icon(&kind, data, &context)),
        kind,
        title: one_line(&title, TITLE),
        body: shortened(&body.unwrap_or_default(), BODY),
        actor: actor.map(|name| one_line(&name, TITLE)),
        context,
        occurred_at: time(field(one, "created_on")).unwrap_or(reader.now),
        read: text(field(one, "viewed_on")).is_some(),
        wants_banner: reader.asks.banner,
        wants_sound: reader.asks.sound,
        no_news: is_me(field(one, "created_by"), reader.me),
        detail: Detail::Whole,
        raw: raw_entry(one, context_value),
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
    let actor = text(field(by, "name")).map(|name| one_line(&name, TITLE));
    let settings = field(data, "settings");
    let wants = [field(settings, "popup"), field(settings, "browser")].into_iter().filter_map(flag);
    let wants = wants.reduce(|one, other| one || other).unwrap_or(reader.asks.banner);
    let reply = flag(at(data, &["data", "reply"])).unwrap_or(false);
    let subject = text(field(data, "subject")).or_else(|| text(at(data, &["conversation", "subject"])));
    let who = actor.as_deref().unwrap_or("Somebody");
    Some(Notification {
        account: reader.account.clone(),
        external_id: format!("{}{number}", conversation_family(conversation)),
        kind: Kind::Message,
        icon: if reply { Icon::MessageReply } else { Icon::Message },
        title: match &subject {
            Some(subject) => one_line(&format!("{who} wrote in {subject}"), TITLE),
            None => format!("{who} sent you a message"),
        },
        body: shortened(
            &text(at(data, &["data", "text"])).or_else(|| text(field(data, "text"))).unwrap_or_default(),
            BODY,
        ),
        actor: actor.clone(),
        context: Context {
            what: "conversation".to_owned(),
            id: conversation.to_string(),
            title: subject,
            place: None,
            // No push names a conversation's address, and asking for the conversation might mark it read; the inbox is where it is.
            url: text(field(data, "link")).or_else(|| Some("https://podio.com/inbox".to_owned())),
        },
        occurred_at: time(field(data, "created_on")).unwrap_or(reader.now),
        read: false,
        wants_banner: wants,
        wants_sound: flag(field(settings, "sound")).unwrap_or(reader.asks.sound),
        no_news: is_me(by, reader.me) || is_me(field(event, "created_by"), reader.me),
        detail: Detail::Whole,
        raw: raw(event),
    })
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

fn kind(one: &Value, icon: Option<&str>) -> Kind {
    match text(field(one, "type")) {
        // The documentation spells both `file`; only the picture and two clients tell the deleted one apart.
        Some(name) if name == "file" && icon == Some("delete") => Kind::FileDelete,
        Some(name) => Kind::from(name),
        None => kind_of_icon(icon),
    }
}

/// The push says no type. Many pictures bear a type's name; the others belong to ratings.
fn kind_of_icon(name: Option<&str>) -> Kind {
    let Some(name) = name else { return Kind::Other("notification".to_owned()) };
    let Some(icon) = Icon::from_name(name) else { return Kind::Other(name.to_owned()) };
    match icon {
        Icon::Approved
        | Icon::Rejected
        | Icon::StarRating
        | Icon::Like
        | Icon::ThumbsUp
        | Icon::ThumbsDown
        | Icon::Yes
        | Icon::No => Kind::Rating,
        Icon::Attending | Icon::NotAttending | Icon::MaybeAttending => Kind::Participation,
        Icon::MessageReply => Kind::Message,
        Icon::Task | Icon::Status => Kind::Creation,
        Icon::Alert
        | Icon::Meeting
        | Icon::Creation
        | Icon::Update
        | Icon::Delete
        | Icon::Comment
        | Icon::Message
        | Icon::Bulletin
        | Icon::MemberReferenceAdd
        | Icon::MemberReferenceRemove
        | Icon::File
        | Icon::UserLeftSpace
        | Icon::UserKickedFromSpace
        | Icon::SelfKickedFromSpace
        | Icon::SpaceInvite
        | Icon::Answer
        | Icon::SpaceCreate
        | Icon::Reminder
        | Icon::Other => Kind::from(icon.name().to_owned()),
    }
}

/// The picture where the service names none that we have.
fn derived_icon(kind: &Kind, data: &Value, context: &Context) -> Icon {
    let about = context.what.as_str();
    let made_or_changed = matches!(kind, Kind::Creation | Kind::Update);
    let derived = if matches!(kind, Kind::Rating | Kind::Like) {
        rating_icon(data)
    } else if matches!(kind, Kind::Participation | Kind::Rsvp) {
        match text(field(data, "status")).as_deref() {
            Some("accepted") => Some(Icon::Attending),
            Some("declined") => Some(Icon::NotAttending),
            Some("tentative") => Some(Icon::MaybeAttending),
            _ => None,
        }
    } else if *kind == Kind::Message && flag(field(data, "reply")) == Some(true) {
        Some(Icon::MessageReply)
    } else if *kind == Kind::Vote && text(at(data, &["voting", "kind"])).as_deref() == Some("answer") {
        Some(Icon::Answer)
    } else if made_or_changed && about == "task" {
        Some(Icon::Task)
    } else if *kind == Kind::Creation {
        match about {
            "status" => Some(Icon::Status),
            "meeting" => Some(Icon::Meeting),
            _ => None,
        }
    } else {
        None
    };
    derived.unwrap_or_else(|| kind.icon())
}

/// Ratings count from zero, and zero is the friendly answer (Podio's ratings area).
fn rating_icon(data: &Value) -> Option<Icon> {
    let value = int(field(data, "value"));
    match (text(field(data, "type"))?.as_str(), value) {
        ("like", _) => Some(Icon::Like),
        ("fivestar", _) => Some(Icon::StarRating),
        ("approved", Some(1)) => Some(Icon::Rejected),
        ("approved", _) => Some(Icon::Approved),
        ("rsvp", Some(1)) => Some(Icon::NotAttending),
        ("rsvp", Some(2)) => Some(Icon::MaybeAttending),
        ("rsvp", _) => Some(Icon::Attending),
        ("yesno", Some(1)) => Some(Icon::No),
        ("yesno", _) => Some(Icon::Yes),
        ("thumbs", Some(1)) => Some(Icon::ThumbsDown),
        ("thumbs", _) => Some(Icon::ThumbsUp),
        _ => None,
    }
}

fn read_context(one: &Value, context: &Value) -> Context {
    let data = field(one, "data");
    let what = text(at(context, &["ref", "type"])).or_else(|| text(field(one, "context_type")));
    let what = what.unwrap_or_default();
    let inner = at(context, &["data", &format!("{what}_id")]);
    let id = text(at(context, &["ref", "id"])).or_else(|| text(inner)).unwrap_or_default();
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
    let url = links.into_iter().find_map(text).or_else(|| by_hand(&what, &id));
    let title = text(field(context, "title")).or_else(|| text(at(context, &["data", "name"])));
    Context {
        what,
        id,
        title: title.map(|title| one_line(&title, TITLE)),
        place: place.into_iter().find_map(text).map(|place| one_line(&place, TITLE)),
        url,
    }
}

/// The two addresses that can be made from a number alone.
fn by_hand(what: &str, id: &str) -> Option<String> {
    let number: u64 = id.parse().ok()?;
    match what {
        "task" => Some(format!("https://podio.com/tasks/{number}")),
        "user" | "profiles" => Some(format!("https://podio.com/users/{number}")),
        _ => None,
    }
}

/// True if the byline is the signed-in user. `user_id` counts first: `id` was seen to differ from it.
fn is_me(byline: &Value, me: Option<i64>) -> bool {
    let Some(me) = me else { return false };
    let person = text(field(byline, "type")).is_none_or(|kind| kind == "user");
    let number = int(field(byline, "user_id")).or_else(|| int(field(byline, "id")));
    person && number == Some(me)
}

fn raw_entry(one: &Value, context: &Value) -> String {
    let whole = raw(&json!({ "context": context, "notification": one }));
    if whole.len() <= RAW {
        return whole;
    }
    let mut context = context.clone();
    if let Some(fields) = context.as_object_mut() {
        fields.remove("data");
    }
    raw(&json!({ "context": context, "notification": one }))
}

fn raw(value: &Value) -> String {
    value.to_string()
}

/// Line breaks and other control characters become spaces; runs of space become one.
fn one_line(text: &str, longest: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    shortened(&plain.split_whitespace().collect::<Vec<_>>().join(" "), longest)
}

fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => {
            let mut short: String = text.get(..end).unwrap_or_default().to_owned();
            short.push('…');
            short
        }
    }
}

#[cfg(test)]
#[path = "normalize_tests.rs"]
mod tests;

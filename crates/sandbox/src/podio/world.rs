//! The people and things of the fake Podio as plain values, and how they look in its JSON. No socket, no lock.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Someone with an account.
#[derive(Clone, Debug)]
pub struct User {
    /// Also the number in the push channel `/user/<id>`.
    pub user_id: u64,
    /// Shown in bylines.
    pub name: String,
    /// The login.
    pub mail: String,
    /// In clear text: this is a sandbox.
    pub password: String,
    /// Present when the account uses two-step sign-in.
    pub second_factor: Option<SecondFactor>,
    /// `push_notification_sound`, echoed in push events.
    pub sound: bool,
    /// `push_notification_browser`, echoed in push events.
    pub browser: bool,
}

/// What `POST /mfa/verify` accepts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SecondFactor {
    /// The one-time password.
    pub otp: String,
    /// The recovery code.
    pub recovery_code: String,
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`.
    pub client_secret: String,
    /// Hosts a `redirect_uri` may have (sub-domains included).
    pub domains: Vec<String>,
}

/// Who caused something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Byline {
    /// The causing user.
    pub user_id: u64,
    /// Shown to people.
    pub name: String,
    /// `user`, `app` or `system`.
    #[serde(rename = "type", default = "user_text")]
    pub kind: String,
}

fn user_text() -> String {
    "user".to_owned()
}

impl Byline {
    /// A person.
    #[must_use]
    pub fn person(user_id: u64, name: &str) -> Self {
        Self { user_id, name: name.to_owned(), kind: user_text() }
    }

    pub(crate) fn reference(&self) -> Value {
        json!({"type": self.kind, "id": self.user_id})
    }

    /// For a user `id` is the profile's number and differs from `user_id`, as in the one published example.
    pub(crate) fn json(&self) -> Value {
        json!({
            "type": self.kind, "id": self.user_id + 1_000_000, "user_id": self.user_id, "name": self.name,
            "url": format!("https://podio.com/users/{}", self.user_id),
            "avatar_type": "file", "avatar_id": Value::Null, "avatar": Value::Null, "image": Value::Null,
            "last_seen_on": Value::Null,
        })
    }
}

impl Default for Byline {
    fn default() -> Self {
        Self::person(56_432, "Ada Brook")
    }
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// `item`, `task`, `space`, …
    #[serde(rename = "type")]
    pub ref_type: String,
    /// The number of the object.
    pub id: u64,
    /// Shown to people.
    #[serde(default)]
    pub title: String,
    /// Name of the space it lives in; none for tasks outside, conversations and organisations.
    #[serde(default)]
    pub space: Option<String>,
    /// Where a browser finds it; made up from type and number when absent.
    #[serde(default)]
    pub link: Option<String>,
    /// Fields of its dictionary, over those that are made up.
    #[serde(default)]
    pub data: Option<Value>,
}

impl Context {
    /// An object of any type, in the space "Launch".
    #[must_use]
    pub fn new(ref_type: &str, id: u64, title: &str) -> Self {
        let homeless = matches!(ref_type, "conversation" | "org" | "profiles" | "batch");
        Self {
            ref_type: ref_type.to_owned(),
            id,
            title: title.to_owned(),
            space: if homeless { None } else { Some("Launch".to_owned()) },
            link: None,
            data: None,
        }
    }

    /// An item.
    #[must_use]
    pub fn item(id: u64, title: &str) -> Self {
        Self::new("item", id, title)
    }

    /// A task.
    #[must_use]
    pub fn task(id: u64, title: &str) -> Self {
        Self::new("task", id, title)
    }

    /// Where a browser finds it.
    #[must_use]
    pub fn link(&self) -> String {
        if let Some(link) = &self.link {
            return link.clone();
        }
        let id = self.id;
        match self.ref_type.as_str() {
            "task" => format!("https://podio.com/tasks/{id}"),
            "conversation" => format!("https://podio.com/inbox/{id}"),
            "profiles" => format!("https://podio.com/users/{id}"),
            "org" => "https://podio.com/northwind".to_owned(),
            "space" => "https://podio.com/northwind/launch".to_owned(),
            "item" => format!("https://podio.com/northwind/launch/apps/projects/items/{id}"),
            other => format!("https://podio.com/northwind/launch/{other}/{id}"),
        }
    }

    fn data(&self) -> Value {
        let mut data = self.made_up();
        if let (Some(map), Some(Value::Object(own))) = (data.as_object_mut(), &self.data) {
            map.extend(own.clone());
        }
        data
    }

    fn made_up(&self) -> Value {
        let (id, title) = (self.id, &self.title);
        match self.ref_type.as_str() {
            "space" => json!({"space_id": id, "name": title, "member_count": 2, "app_count": 1,
                "top_members": [{"user_id": 56_432, "name": "Ada Brook"}],
                "top_apps": [{"app_id": 71, "name": "Projects", "icon": "200.png"}]}),
            "org" => {
                json!({"org_id": id, "name": title, "url": self.link(), "logo": Value::Null, "premium": false})
            }
            "question" => json!({"question_id": id, "text": title,
                "options": [{"question_option_id": 1, "text": "Yes"}, {"question_option_id": 2, "text": "No"}],
                "ref": {"type": "status", "id": 5, "title": "", "link": self.link()}}),
            "batch" => json!({"batch_id": id, "name": title, "plugin": "app_import", "status": "completed",
                "completed": 120, "skipped": 0, "failed": 0}),
            "profiles" => Value::Null,
            "action" => json!({}),
            named => json!({format!("{named}_id"): id, "title": title}),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let mut context = json!({
            "ref": {"type": self.ref_type, "id": self.id}, "data": self.data(), "title": self.title,
            "rights": ["view", "comment", "subscribe"], "link": self.link(),
        });
        if let Some(map) = context.as_object_mut() {
            if matches!(self.ref_type.as_str(), "status" | "task" | "item") {
                map.insert("comment_count".to_owned(), json!(2));
            }
            if let Some(space) = &self.space {
                let url = "https://podio.com/northwind/launch";
                map.insert("space".to_owned(), json!({"space_id": 301, "name": space, "url": url}));
                map.insert("org".to_owned(), json!({"org_id": 30, "name": "Northwind"}));
            }
        }
        context
    }
}

/// What to tell someone: the argument of `Podio::notify`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The notification type, as in the taxonomy.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub context: Context,
    /// The ready-made sentence.
    pub text: String,
    /// Its short form; the sentence itself when absent.
    #[serde(default)]
    pub text_short: Option<String>,
    /// Icon name; by the taxonomy when absent.
    #[serde(default)]
    pub icon: Option<String>,
    /// The data dictionary; by the taxonomy when absent.
    #[serde(default)]
    pub data: Option<Value>,
    /// Who caused it.
    #[serde(default)]
    pub by: Byline,
    /// When; now when absent.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Link of the push event; the context's when absent.
    #[serde(default)]
    pub link: Option<String>,
}

impl Spec {
    /// A notification by Ada Brook, now.
    #[must_use]
    pub fn new(kind: &str, context: Context, text: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            context,
            text: text.to_owned(),
            text_short: None,
            icon: None,
            data: None,
            by: Byline::default(),
            at: None,
            link: None,
        }
    }

    /// A comment on the item "Website relaunch".
    #[must_use]
    pub fn comment(text: &str) -> Self {
        Self::new("comment", Context::item(42, "Website relaunch"), text)
    }

    /// The same by someone else.
    #[must_use]
    pub fn by(mut self, by: Byline) -> Self {
        self.by = by;
        self
    }

    /// The same at another time.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }
}

/// A kept notification.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    pub(crate) user: u64,
    pub(crate) spec: Spec,
    pub(crate) icon: String,
    pub(crate) data: Value,
    pub(crate) created_on: Timestamp,
    pub(crate) viewed_on: Option<Timestamp>,
    pub(crate) starred: bool,
    /// The task it is about is completed.
    pub(crate) completed: bool,
}

impl Notification {
    pub(crate) fn json(&self) -> Value {
        let spec = &self.spec;
        json!({
            "notification_id": self.id, "type": spec.kind, "data": self.data, "icon": self.icon,
            "text": spec.text, "text_short": spec.text_short.as_ref().unwrap_or(&spec.text),
            "viewed_on": self.viewed_on.map(datetime), "subscription_id": Value::Null,
            "created_on": datetime(self.created_on), "created_by": spec.by.json(),
            "created_via": {"id": 1, "name": "Podio", "url": Value::Null, "display": false},
            "starred": self.starred,
        })
    }

    pub(crate) fn link(&self) -> String {
        self.spec.link.clone().unwrap_or_else(|| self.spec.context.link())
    }
}

/// A message to send: the argument of `Podio::message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Which conversation; a new one is made when the number is unknown.
    pub conversation_id: u64,
    /// Its subject, used when it is made.
    #[serde(default)]
    pub subject: String,
    /// What was written.
    pub text: String,
    /// Who wrote it.
    #[serde(default)]
    pub by: Byline,
}

/// A conversation of one user with others.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) subject: String,
    pub(crate) excerpt: String,
    pub(crate) by: Byline,
    pub(crate) created_on: Timestamp,
    pub(crate) last_event_on: Timestamp,
    /// Unread messages by user; the keys are the participants.
    pub(crate) unread: BTreeMap<u64, u64>,
    pub(crate) starred: BTreeSet<u64>,
}

impl Conversation {
    pub(crate) fn json(&self, id: u64, user: u64) -> Value {
        let unread = self.unread.get(&user).copied().unwrap_or(0);
        let participants: Vec<Value> =
            self.unread.keys().chain([&self.by.user_id]).map(|id| json!({"user_id": id})).collect();
        json!({
            "conversation_id": id, "subject": self.subject, "excerpt": self.excerpt,
            "type": if self.unread.len() > 1 { "group" } else { "direct" },
            "last_event_on": datetime(self.last_event_on), "created_on": datetime(self.created_on),
            "unread": unread > 0, "unread_count": unread, "starred": self.starred.contains(&user),
            "pinned": false, "link": format!("https://podio.com/inbox/{id}"),
            "participants": participants, "created_by": self.by.json(), "live": Value::Null,
        })
    }
}

/// `YYYY-MM-DD HH:MM:SS` in UTC, as every Podio answer writes it.
pub(crate) fn datetime(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads a datetime, or a date alone (its first second), both UTC.
pub(crate) fn read_datetime(text: &str) -> Option<Timestamp> {
    let naive = DateTime::strptime("%Y-%m-%d %H:%M:%S", text)
        .or_else(|_| Date::strptime("%Y-%m-%d", text).map(|date| date.at(0, 0, 0, 0)))
        .ok()?;
    naive.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

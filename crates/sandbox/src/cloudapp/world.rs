//! The people and drops of the fake CloudApp as plain values, and how they look in its JSON. No socket, no lock.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Someone with an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Also the number in the channel `private-items_<id>`.
    pub id: u64,
    /// The login.
    pub email: String,
    /// In clear text: this is a sandbox.
    pub password: String,
}

impl User {
    /// The channel of this account's items.
    #[must_use]
    pub fn channel(&self) -> String {
        format!("private-items_{}", self.id)
    }
}

/// `item_type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemType {
    /// A picture.
    Image,
    /// A link.
    Bookmark,
    /// Plain text.
    Text,
    /// A zip file and the like.
    Archive,
    /// Sound.
    Audio,
    /// Film.
    Video,
    /// None of these.
    Unknown,
    /// A word the guide does not know.
    #[serde(untagged)]
    Other(String),
}

impl ItemType {
    /// As JSON says it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Image => "image",
            Self::Bookmark => "bookmark",
            Self::Text => "text",
            Self::Archive => "archive",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Unknown => "unknown",
            Self::Other(word) => word,
        }
    }
}

/// A drop.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) number: u64,
    pub(super) owner: u64,
    /// In the short link.
    pub(super) slug: String,
    pub(super) name: Option<String>,
    pub(super) kind: ItemType,
    pub(super) private: bool,
    pub(super) views: u64,
    pub(super) redirect_url: Option<String>,
    pub(super) source: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) deleted_at: Option<Timestamp>,
}

impl Item {
    pub(super) fn href(&self, base: &str) -> String {
        format!("{base}/items/{}", self.number)
    }

    /// One item as lists, details and events carry it.
    pub(super) fn json(&self, base: &str) -> Value {
        let url = format!("{base}/{}", self.slug);
        let (kind, name) = (self.kind.as_str(), self.name.as_deref().unwrap_or_default());
        let mut item = json!({
            "href": self.href(base), "name": self.name, "private": self.private, "subscribed": false, "url": url,
            "content_url": format!("{url}/{}", escaped(name)), "item_type": kind, "view_counter": self.views,
            "icon": format!("{base}/images/item_types/{kind}.png"), "remote_url": Value::Null,
            "redirect_url": self.redirect_url, "source": self.source, "created_at": datetime(self.created_at),
            "updated_at": datetime(self.updated_at), "deleted_at": self.deleted_at.map(datetime),
        });
        if let (
            ItemType::Image
            | ItemType::Video
            | ItemType::Audio
            | ItemType::Text
            | ItemType::Archive
            | ItemType::Unknown
            | ItemType::Other(_),
            Some(map),
        ) = (&self.kind, item.as_object_mut())
        {
            map.insert("remote_url".to_owned(), json!(format!("{base}/f/{}/{}", self.slug, escaped(name))));
            map.insert("thumbnail_url".to_owned(), json!(format!("{base}/thumbs/{}", self.slug)));
        }
        item
    }
}

fn escaped(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// ISO 8601 in UTC with whole seconds, as the guide writes it.
pub(super) fn datetime(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

//! A notification: what a source makes of an event, whatever the service. Plain values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
pub use crate::kind::{Category, Facts, Hush, Icon, Kind, PodiumKind, Standing, Urgency};

/// The row number of a kept notification: what commands, window and toasts call it by. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NotificationId(pub i64);

impl std::fmt::Display for NotificationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a click leads and what the notification belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Context {
    /// What it is about, in the service's word: `item`, `task`, `conversation`, `space` … Empty if unknown.
    pub what: String,
    /// Its number or name at the service. Empty if unknown.
    pub id: String,
    /// Its title, if known.
    pub title: Option<String>,
    /// The space, project or team it lies in, if known.
    pub place: Option<String>,
    /// The address a click opens, as the service gave it. Unchecked: `env::opener` checks it before it opens.
    pub url: Option<String>,
}

impl Context {
    /// The thread that toasts of one context fold into; empty when the context is unknown.
    pub fn thread(&self) -> String {
        if self.what.is_empty() && self.id.is_empty() {
            String::new()
        } else {
            format!("{}/{}", self.what, self.id)
        }
    }
}

/// How much is known of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Detail {
    /// All that the service says.
    Whole,
    /// Only what the push said: text, link, icon. To be completed from the service.
    Hint,
}

/// How a notification came in: policy treats the past more quietly than the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// Pushed while the link was live or catching up.
    Live,
    /// Found by a fetch: it happened while we were not listening.
    Backlog,
    /// Found by the very first fetch of a new account: what lay there before Belfry came.
    FirstFill,
}

/// A mark that a person, or a service, sets on a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Read, or unread again.
    Read(bool),
    /// Starred, or not any more.
    Starred(bool),
}

impl Mark {
    /// True if it sets, false if it takes away.
    pub fn is_set(self) -> bool {
        match self {
            Self::Read(set) | Self::Starred(set) => set,
        }
    }

    /// The opposite of it.
    pub fn opposite(self) -> Self {
        match self {
            Self::Read(set) => Self::Read(!set),
            Self::Starred(set) => Self::Starred(!set),
        }
    }
}

/// Which open wishes to mark as read one call may serve, as far as the engine knows what the person has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Together {
    /// All about the same thing.
    pub things: Vec<Thing>,
    /// True if nothing of the family is unread here: one call for everything may do.
    pub everything: bool,
}

/// A thing at the service of which nothing is unread here but what the person wished read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// What it is, in the service's word.
    pub what: String,
    /// Its number or name there.
    pub id: String,
    /// External ids of its open wishes, two or more, oldest row first.
    pub external_ids: Vec<String>,
}

/// One thing a service told a person. Its identity is `(account, external_id)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Notification {
    /// The account it came to.
    pub account: AccountId,
    /// The service's own name for it, unique within the account.
    pub external_id: String,
    /// What happened.
    pub kind: Kind,
    /// Its picture: the one the service named if we have it, else the kind's.
    pub icon: Icon,
    /// Who and what, one line of plain text.
    pub title: String,
    /// The first words of the content, plain text, maybe empty.
    pub body: String,
    /// Who caused it, if known.
    pub actor: Option<String>,
    /// What it belongs to and where it leads.
    pub context: Context,
    /// When it happened, by the service's clock; by ours where the service does not say.
    pub occurred_at: Timestamp,
    /// True if the service says that it has been seen.
    pub read: bool,
    /// True if the service says that the person starred it.
    pub starred: bool,
    /// False if the account's own settings ask for no native pop-up for it.
    pub wants_banner: bool,
    /// False if they ask for no sound with it.
    pub wants_sound: bool,
    /// True if the person knows it without being told: they did it themselves, or the same event came in another form; and for a
    /// change that is not worth telling.
    pub no_news: bool,
    /// How much it matters, where its feed says so; otherwise its kind does.
    pub urgency: Option<Urgency>,
    /// Grows with each change at the service; 0 for what never changes. A later version takes the place of an earlier one.
    pub version: i64,
    /// How much is known.
    pub detail: Detail,
    /// What the service sent, kept for what we do not understand yet. JSON text.
    pub raw: String,
}

//! What crosses to a face: plain, complete values in JSON's reach. No secret is ever part of one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::{
    AccountId, Choices, CloudappSettings, Colour, PodioSettings, PodiumPlace, PodiumSettings, PusherSettings,
    Service, WebhookSettings,
};
use crate::act::{Act, ActState};
use crate::feed::{FieldMap, Payload};
use crate::link::LinkState;
use crate::notification::{Notification, NotificationId};
use crate::rule::{ClickTo, QuietHours, Shown, Theme};
use crate::toast::ToastService;

/// What changed: ids only. May be dropped when a face is slow, and then says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Signal {
    /// A link's state changed.
    Link {
        /// Whose.
        account: AccountId,
        /// Where it stands now.
        #[serde(flatten)]
        state: LinkState,
    },
    /// A notification was kept for the first time.
    New {
        /// Which.
        id: NotificationId,
    },
    /// A later version took the place of a kept notification: it is unread again, and told anew.
    Renewed {
        /// Which.
        id: NotificationId,
    },
    /// A kept notification changed (read, unread, completed).
    Changed {
        /// Which.
        id: NotificationId,
    },
    /// A notification's fate was decided or changed.
    Toast {
        /// Which.
        id: NotificationId,
        /// The stored name of what happened: `shown`, `quiet`, `failed`, `clicked` …
        outcome: String,
        /// Why, by its stored name, where there is a reason.
        reason: Option<String>,
    },
    /// Accounts were added, removed or changed, or toasts were paused.
    Accounts,
    /// The person's settings changed.
    Settings,
    /// Many notifications changed at once: read them again.
    Reread,
    /// A service refused for good what the person wished of a notification; it is as before.
    Refused {
        /// Which.
        id: NotificationId,
        /// In a sentence for the person.
        words: String,
    },
    /// Signals were lost: read everything again.
    Missed,
}

/// An account as a face shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AccountView {
    /// Its short name.
    pub id: AccountId,
    /// Its service.
    pub service: Service,
    /// What to call it.
    pub label: String,
    /// Paused by the person.
    pub paused: bool,
    /// The colour that tells it from others: the chosen one, or one by its place.
    pub colour: Colour,
    /// What the person chose for it.
    pub choices: Choices,
    /// Where its link stands; `Off` when no resident runs.
    #[serde(flatten)]
    pub state: LinkState,
    /// When the service last gave a sign of life.
    pub last_sign_of_life: Option<Timestamp>,
    /// What the link does not hear though it lives, in a sentence.
    pub unheard: Option<String>,
    /// How many of its notifications are unread.
    pub unread: u64,
}

/// How a feed becomes notifications, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FeedView {
    /// The person's map.
    pub map: FieldMap,
    /// The last events, newest first; only a resident knows any.
    pub payloads: Vec<Payload>,
    /// True while a resident holds the links.
    pub running: bool,
}

/// What to show at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Overview {
    /// True while a resident holds the links.
    pub running: bool,
    /// Accounts in the order they were added.
    pub accounts: Vec<AccountView>,
    /// Unread notifications of all accounts: a query, never a counter.
    pub unread: u64,
    /// Toasts are paused until then.
    pub paused_until: Option<Timestamp>,
}

/// Which notifications to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(default)]
pub struct InboxWish {
    /// Of one account only.
    pub account: Option<AccountId>,
    /// Unread only.
    #[cfg_attr(test, ts(as = "Option<bool>", optional))]
    pub unread: bool,
    /// Starred only.
    #[cfg_attr(test, ts(as = "Option<bool>", optional))]
    pub starred: bool,
    /// Words that must occur, in any order; the last may be the beginning of a word.
    pub search: Option<String>,
    /// Continue after this one.
    pub before: Option<NotificationId>,
    /// At most so many, 1 to 500; 50 if `None`.
    pub limit: Option<u32>,
}

/// A kept notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Entry {
    /// Its row number.
    pub id: NotificationId,
    /// When Belfry kept it.
    pub kept_at: Timestamp,
    /// When it was read, if it was, and by whom.
    pub read_at: Option<Timestamp>,
    /// True if it was read at the service rather than here.
    pub read_elsewhere: bool,
    /// The notification; its `read` is today's state. In an answer of `inbox` its `raw` is empty.
    #[serde(flatten)]
    pub notification: Notification,
}

/// The fate of a notification: what was done with it and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Why {
    /// Which.
    pub id: NotificationId,
    /// The whole story in sentences, oldest first.
    pub story: Vec<String>,
    /// The stored name of the toast's state: `pending`, `shown`, `quiet`, `failed`.
    pub outcome: String,
    /// The stored name of the reason, if there is one.
    pub reason: Option<String>,
}

/// What came of removing an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Removed {
    /// What the service could not be told, and what to do about it; `None` if there is nothing left to do.
    pub left: Option<String>,
}

/// What was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Opened {
    /// The address as it was handed to the browser.
    pub url: String,
}

/// What the person chose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Settings {
    /// How much a toast shows.
    pub shown: Shown,
    /// When toasts keep quiet.
    pub quiet: QuietHours,
    /// What a click on a toast opens.
    pub click: ClickTo,
    /// How the window looks.
    pub theme: Theme,
}

/// What marking all as read did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Marked {
    /// How many became read by it.
    pub count: u64,
    /// Names what was done, to take it back; `None` if nothing changed.
    pub undo: Option<u64>,
}

/// One line of `belfry doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Finding {
    /// What was looked at: `notifications`, `password-store`, `database`, `folder`, `resident`, `link:<account>` …
    pub part: String,
    /// True if it works.
    pub works: bool,
    /// In a sentence: that it works, or what is missing and what to do.
    pub words: String,
}

/// What works on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Health {
    /// Belfry's version.
    pub version: String,
    /// The findings.
    pub findings: Vec<Finding>,
    /// The notification service in detail.
    pub toasts: Option<ToastService>,
}

/// What came of a test toast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TestToast {
    /// True if the desktop took it.
    pub shown: bool,
    /// In a sentence.
    pub words: String,
}

/// A sign-in that a face asks for. Secrets cross the local socket only, and are never stored here.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct SignIn {
    /// For an account that exists; a new one is made if `None`.
    pub account: Option<AccountId>,
    /// The wished name of a new account; the service's own name, numbered, if `None`.
    pub name: Option<AccountId>,
    /// To what.
    #[serde(flatten)]
    pub to: SignInTo,
}

/// What somebody signs in to, and with what. Settings are those of a new account; for one that exists they are ignored where `None`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "service", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[expect(clippy::large_enum_variant, reason = "one wish lives for a moment; a box would only be in the way")]
pub enum SignInTo {
    /// Podio.
    Podio {
        /// Addresses and key; never changed for an account that exists.
        settings: Option<PodioSettings>,
        /// The API key's secret; needed for a new account unless a key is built in.
        client_secret: Option<String>,
        /// By user name and password; by the browser if `None`.
        password: Option<PasswordSignIn>,
    },
    /// CloudApp.
    Cloudapp {
        /// Address and person; never changed for an account that exists.
        settings: Option<CloudappSettings>,
        /// The person's password.
        password: String,
    },
    /// A Pusher-compatible server.
    Pusher {
        /// Server, channels and what becomes of the events; an account that exists gets them anew.
        settings: Option<PusherSettings>,
        /// The app's secret, where Belfry signs itself; an account that exists keeps its own if `None`.
        app_secret: Option<String>,
        /// Headers that the endpoint for authorisations wants; an account that exists keeps its own if `None`.
        auth_headers: Option<BTreeMap<String, String>>,
        /// Connect once, and add it only if everything can be heard.
        check: bool,
    },
    /// Podium.
    Podium {
        /// Addresses, app and receiver; an account that exists keeps its own, and of these only place (`None`: asked for) and events are
        /// taken.
        settings: Option<PodiumSettings>,
        /// The developer app's secret; an account that exists keeps its own if `None`.
        client_secret: Option<String>,
        /// What the relay asks of those who want a channel, if it asks.
        join_code: Option<String>,
    },
    /// A service that calls an address.
    Webhook {
        /// Receiver, signature and what becomes of the events; an account that exists gets them anew, but for its channel.
        settings: Option<WebhookSettings>,
        /// What the service signs with; an account that exists keeps its own if `None`.
        secret: Option<String>,
        /// What the relay asks of those who want a channel, if it asks.
        join_code: Option<String>,
    },
}

impl SignInTo {
    /// The service it is.
    pub fn service(&self) -> Service {
        match self {
            Self::Podio { .. } => Service::Podio,
            Self::Cloudapp { .. } => Service::Cloudapp,
            Self::Pusher { .. } => Service::Pusher,
            Self::Podium { .. } => Service::Podium,
            Self::Webhook { .. } => Service::Webhook,
        }
    }
}

/// User name and password.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PasswordSignIn {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for SignInTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SignInTo").field(&self.service()).finish()
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn")
            .field("account", &self.account)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PasswordSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordSignIn").finish_non_exhaustive()
    }
}

/// What a sign-in needs next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum SignInStep {
    /// The person allows it in the browser at this address; the face opens it, then waits or hands over what was pasted.
    Browser {
        /// Names this attempt.
        attempt: u64,
        /// Where to send the browser.
        url: String,
        /// True if the browser's return comes here by itself; false if the person has to paste the address that it ends at.
        comes_by_itself: bool,
    },
    /// The service wants a second factor.
    SecondFactor {
        /// Names this attempt.
        attempt: u64,
    },
    /// The sign-in reaches more than one place, and one account listens to one.
    Place {
        /// Names this attempt.
        attempt: u64,
        /// Those there are.
        places: Vec<PodiumPlace>,
    },
    /// Signed in; the account is kept and its link starts if a resident runs.
    Done {
        /// The account.
        account: AccountId,
    },
}

/// What the person answered to a step.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum SignInAnswer {
    /// Wait for the browser to come back.
    Wait,
    /// The code, or the whole address the browser ended at.
    Pasted {
        /// As pasted.
        text: String,
    },
    /// The second factor.
    SecondFactor {
        /// As typed.
        code: String,
    },
    /// The place to listen to.
    Place {
        /// Its name at the service.
        uid: String,
    },
    /// The person gave up.
    Cancel,
}

impl std::fmt::Debug for SignInAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInAnswer")
    }
}

/// What the person did from a notification, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ActView {
    /// Names it, to take it back.
    pub number: i64,
    /// The notification it was done from.
    pub notification: NotificationId,
    /// What it is.
    #[serde(flatten)]
    pub act: Act,
    /// Where it stands.
    pub state: ActState,
    /// The same in a sentence: what came of it, or what it waits for.
    pub words: String,
    /// True while it can be taken back.
    pub can_be_undone: bool,
    /// When the person asked for it.
    pub asked_at: Timestamp,
    /// The service is not told before this.
    pub due_at: Timestamp,
    /// When it came to its end.
    pub settled_at: Option<Timestamp>,
}

/// Why a wish was not fulfilled: a sentence for the person and what kind of trouble it is, which decides the exit code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{words}")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Trouble {
    /// What kind.
    pub kind: TroubleKind,
    /// In a sentence that says what to do.
    pub words: String,
}

/// The kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum TroubleKind {
    /// It failed. Exit code 1.
    Failed,
    /// The wish makes no sense: no such account, no such notification, bad words. Exit code 2.
    Usage,
    /// Somebody has to sign in. Exit code 3.
    NeedsSignIn,
    /// Another engine holds the database. Exit code 4.
    Occupied,
}

impl Trouble {
    /// It failed.
    pub fn failed(words: impl Into<String>) -> Self {
        Self { kind: TroubleKind::Failed, words: words.into() }
    }

    /// The wish makes no sense.
    pub fn usage(words: impl Into<String>) -> Self {
        Self { kind: TroubleKind::Usage, words: words.into() }
    }

    /// Somebody has to sign in.
    pub fn needs_sign_in(words: impl Into<String>) -> Self {
        Self { kind: TroubleKind::NeedsSignIn, words: words.into() }
    }

    /// Another engine holds the database.
    pub fn occupied(words: impl Into<String>) -> Self {
        Self { kind: TroubleKind::Occupied, words: words.into() }
    }
}

//! ③ From a kept notification to the screen and back. `policy`, `quiet`, `batch`, `icon`, `click` are pure; `native` touches the desktop.
//!
//! In: notifications and rules. Out: toasts shown, clicks reported. Knows no service, no database.

pub mod batch;
pub mod click;
pub mod icon;
pub mod native;
pub mod policy;
pub mod printing;
pub mod quiet;
mod reason;
pub mod recording;
pub mod text;

pub use batch::{Plan, Raise, after_quiet, plan};
pub use click::{Wish, wish};
pub use native::Native;
pub use policy::{Pending, act_failed};
pub use printing::Printing;
pub use reason::Reason;
pub use recording::Recording;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::act::Offer;
use crate::notification::{Icon, Urgency};

/// What names a toast for as long as it lives, through restarts of everything: showing the same key again replaces.
/// At most 16 bytes of base 32.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToastKey(pub String);

/// What to show. Text is plain and already cleaned and cut by `policy`; each desktop escapes as it must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toast {
    /// Its name.
    pub key: ToastKey,
    /// One line.
    pub title: String,
    /// One or two lines, maybe empty.
    pub body: String,
    /// The account, where the desktop shows an origin.
    pub account: String,
    /// The picture.
    pub icon: Icon,
    /// True if it should stay silent.
    pub silent: bool,
    /// How much it matters. No desktop is asked to keep any toast on the screen for it.
    pub urgency: Urgency,
    /// A button besides “Mark as read”, where the desktop has buttons.
    pub button: Option<Offer>,
}

/// What came of showing a toast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The desktop took it.
    Shown,
    /// The desktop says that it already shows it.
    AlreadyShown,
    /// No notification service runs.
    NoService {
        /// In a sentence.
        reason: String,
    },
    /// The desktop refused it.
    Failed {
        /// In a sentence.
        reason: String,
    },
}

/// What the desktop tells about a toast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToastEvent {
    /// The body was clicked. The token lets the browser come to the front.
    Clicked {
        /// Which toast.
        key: ToastKey,
        /// The desktop's activation token, if it sent one.
        token: Option<String>,
    },
    /// “Mark as read” was clicked.
    MarkedRead {
        /// Which toast.
        key: ToastKey,
    },
    /// Its button was clicked.
    Acted {
        /// Which toast.
        key: ToastKey,
        /// Which button.
        offer: Offer,
    },
    /// The person closed it.
    Dismissed {
        /// Which toast.
        key: ToastKey,
    },
    /// It went away by itself: never means that it was read.
    Expired {
        /// Which toast.
        key: ToastKey,
    },
}

/// What is known of the desktop's notification service, for `belfry doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ToastService {
    /// Name and version as it gives them; `None` if none runs.
    pub name: Option<String>,
    /// What it can do, in its own words.
    pub capabilities: Vec<String>,
    /// In a sentence: works, or what is missing and what to do.
    pub words: String,
    /// True if toasts reach the screen as far as can be told.
    pub works: bool,
}

/// Shows toasts. The only trait: native, recording (tests) and printing (`--toast print`) implement it.
pub trait Toaster: Send + Sync + std::fmt::Debug {
    /// Shows it, in place of one with the same key.
    fn show<'a>(&'a self, toast: &'a Toast) -> BoxFuture<'a, Outcome>;
    /// Takes it off the screen and out of the list, if it is there.
    fn withdraw<'a>(&'a self, key: &'a ToastKey) -> BoxFuture<'a, ()>;
    /// What works on this machine.
    fn service(&self) -> BoxFuture<'_, ToastService>;
}

/// What policy says of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Raise this.
    Show(Toast),
    /// Keep quiet, and why.
    Quiet(Reason),
}

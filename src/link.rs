//! A link: the live connection of one account, as people, logs, tray, window and tests speak of it. Plain values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a link stands. One vocabulary everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum LinkState {
    /// Paused by the person, or not started.
    Off,
    /// Reaching the service.
    Connecting,
    /// Connected; fetching what was missed. Not yet live.
    CatchingUp,
    /// Connected, caught up, listening.
    Live,
    /// Down; tries again by itself.
    Waiting {
        /// When it tries again.
        until: Timestamp,
        /// Why it is down, in a sentence.
        reason: String,
    },
    /// The person has to sign in again.
    NeedsSignIn {
        /// What the service said, in a sentence.
        reason: String,
    },
    /// Cannot heal by itself and not by signing in.
    Broken {
        /// What is wrong and what to do, in a sentence.
        reason: String,
    },
}

impl LinkState {
    /// The state's name in JSON output and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Connecting => "connecting",
            Self::CatchingUp => "catching-up",
            Self::Live => "live",
            Self::Waiting { .. } => "waiting",
            Self::NeedsSignIn { .. } => "needs-sign-in",
            Self::Broken { .. } => "broken",
        }
    }

    /// The sentence that explains the state, where it needs one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Off | Self::Connecting | Self::CatchingUp | Self::Live => None,
            Self::Waiting { reason, .. } | Self::NeedsSignIn { reason } | Self::Broken { reason } => {
                Some(reason)
            }
        }
    }
}

/// The four ways a link ends. Each error of each layer becomes one of these, in one place of its layer; only the supervisor acts on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// May heal by itself: try again after the usual back-off.
    #[error("{reason}")]
    Transient {
        /// What happened, in a sentence.
        reason: String,
    },
    /// The service named a time before which it wants to hear nothing.
    #[error("{reason}")]
    Later {
        /// Not before this.
        until: Timestamp,
        /// What happened, in a sentence.
        reason: String,
    },
    /// Only signing in again helps.
    #[error("{reason}")]
    SignIn {
        /// What happened, in a sentence.
        reason: String,
    },
    /// Neither waiting nor signing in helps.
    #[error("{reason}")]
    Fatal {
        /// What is wrong and what to do, in a sentence.
        reason: String,
    },
}

impl Failure {
    /// A failure that may heal by itself.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into() }
    }

    /// A failure that only signing in heals.
    pub fn sign_in(reason: impl Into<String>) -> Self {
        Self::SignIn { reason: reason.into() }
    }

    /// A failure that does not heal.
    pub fn fatal(reason: impl Into<String>) -> Self {
        Self::Fatal { reason: reason.into() }
    }
}

/// How far an account's past has been taken in completely. Opaque to all but its source; stored in the same transaction as the rows
/// it speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

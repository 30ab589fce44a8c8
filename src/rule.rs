//! A rule: what the person wants told, and how. Plain values; `toast::policy` applies them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much of a notification a toast may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Title and body.
    #[default]
    TitleAndBody,
    /// The title only.
    TitleOnly,
    /// Only that there is something.
    CountOnly,
}

/// The person's wishes about toasts, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rules {
    /// How much a toast shows.
    #[serde(default)]
    pub shown: Shown,
    /// No toasts before this instant; the inbox still fills.
    #[serde(default)]
    pub paused_until: Option<Timestamp>,
}

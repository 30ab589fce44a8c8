//! Why a notification raised no toast: the closed list, its stored names and its words. Pure.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $words:literal;)*) => {
        /// Why a notification raised no toast. Stored, and told in words: every silence is explained.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in the database and in JSON; never changes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Why, in a sentence for the person.
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                }
            }
        }
    };
}

reasons! {
    /// It was already read when it came.
    AlreadyRead = "already-read", "It had already been read somewhere else when it came.";
    /// It lay there before the account was added.
    BeforeBelfry = "before-belfry", "It was already there when the account was added to Belfry.";
    /// Too old when it came: it is in the inbox.
    Late = "late", "It was more than 10 minutes old when Belfry could have shown it, so it went to the inbox only.";
    /// Told together with others in one summary.
    Summarised = "summarised", "It was told together with others in one summary.";
    /// Toasts are paused.
    Paused = "paused", "Toasts were paused when it came.";
    /// It came during the person's quiet hours.
    QuietHours = "quiet-hours", "It came during your quiet hours.";
    /// The person did it, or it was told in another form.
    NoNews = "no-news", "You did this yourself, or it was told to you in another form.";
    /// What it tells of changed, in a way that is not told.
    SmallChange = "small-change", "Only how often it was seen, or another detail, changed: that is no news.";
    /// The person chose so for the account.
    YourWish = "your-wish", "You chose that this account raises no pop-ups.";
    /// The account's own settings ask for no pop-up.
    AccountWish = "account-wish", "Your settings at the service ask for no pop-up for this kind of notification.";
    /// A kind that is quiet by itself, at a service that leaves nothing to choose.
    QuietKind = "quiet-kind", "Notifications of this kind raise no pop-up unless you ask for it: `belfry account set … --pop-ups always`.";
    /// Toasts are switched off for this run.
    ToastsOff = "toasts-off", "Belfry was started with toasts switched off.";
    /// The program ended between deciding and showing; a second banner is worse than none.
    Interrupted = "interrupted", "Belfry was interrupted while showing it; it may have been on screen, and is not shown a second time.";
    /// No notification service runs.
    NoService = "no-service", "No notification service was running on this desktop.";
    /// The desktop refused it.
    Refused = "refused", "The desktop's notification service refused to show it.";
}

impl Reason {
    /// The reason of that stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_one_name_everywhere_and_a_sentence() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_name(reason.name()), Some(*reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
            assert!(reason.words().ends_with('.') && reason.words().len() > 20, "{reason:?}");
        }
        assert_eq!(Reason::from_name("because"), None);
    }
}

//! What a person can do at a service beyond reading: answer, complete, accept, snooze, follow. Plain values.
//!
//! An act is kept before anything else happens to it, told to the service in the order of asking, and ends in words that the person can
//! read. Pure: which acts there are for a notification is the source's knowledge, whether one is still to be had is decided here.

use serde::{Deserialize, Serialize};

/// Longest reply in characters. Podio names no limit; this is more than anybody types into a small box, and far below what its lines take.
pub const LONGEST_REPLY: usize = 10_000;

/// What the person does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Act {
    /// Answers a message, or comments on what was commented.
    Reply {
        /// What is said.
        text: String,
    },
    /// Completes a task.
    Complete,
    /// Accepts an invitation.
    Accept,
    /// Declines an invitation.
    Decline,
    /// Wants to be reminded again later.
    Snooze,
    /// Wants to hear of everything that happens to it.
    Follow,
    /// Does not want to hear of it any more.
    Unfollow,
}

/// What a notification offers to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Offer {
    /// An answer that the others in the conversation read.
    Reply,
    /// An answer that everybody reads who sees the thing: a comment on it.
    Comment,
    /// Completing the task.
    Complete,
    /// Accepting the invitation.
    Accept,
    /// Declining the invitation.
    Decline,
    /// Being reminded again later.
    Snooze,
    /// Hearing of everything that happens to it.
    Follow,
    /// Not hearing of it any more.
    Unfollow,
}

/// Where an act stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ActState {
    /// Kept; the service is still to be told. It can be taken back.
    Waiting,
    /// The service is being told.
    UnderWay,
    /// The service has done it.
    Done,
    /// The service refused it.
    Refused,
    /// It was told, no answer came, and telling it twice might do harm: the person has to look.
    Unsure,
    /// Taken back before the service was told.
    Undone,
}

/// How telling the service ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActEnd {
    /// It is done.
    Done,
    /// It surely was not done: it is told again later, and can be taken back until then.
    Waits {
        /// Why, in a sentence.
        reason: String,
    },
    /// It may have been done, and does no harm twice: it is told again later.
    Again {
        /// Why, in a sentence.
        reason: String,
    },
    /// The service does not want it.
    Refused {
        /// Why, in a sentence.
        reason: String,
    },
    /// Nobody knows.
    Unsure {
        /// Why, in a sentence.
        reason: String,
    },
}

/// What is wrong with an act as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAct {
    /// A reply without words.
    #[error("there is no text to send: write something")]
    Empty,
    /// A reply that is too long.
    #[error(
        "the text is too long ({0} characters): {LONGEST_REPLY} are the most; shorten it or send it in parts"
    )]
    TooLong(usize),
}

impl Act {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reply { .. } => "reply",
            Self::Complete => "complete",
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Snooze => "snooze",
            Self::Follow => "follow",
            Self::Unfollow => "unfollow",
        }
    }

    /// The act as it is to be kept: a reply without the space around it.
    pub fn checked(self) -> Result<Self, BadAct> {
        let Self::Reply { text } = self else { return Ok(self) };
        let text = text.trim();
        let length = text.chars().count();
        if text.is_empty() {
            Err(BadAct::Empty)
        } else if length > LONGEST_REPLY {
            Err(BadAct::TooLong(length))
        } else {
            Ok(Self::Reply { text: text.to_owned() })
        }
    }

    /// True if telling it twice leaves the service as telling it once does. An invitation that was answered refuses the second answer,
    /// which would look as if the first had failed.
    pub fn may_be_repeated(&self) -> bool {
        match self {
            Self::Complete | Self::Snooze | Self::Follow | Self::Unfollow => true,
            Self::Reply { .. } | Self::Accept | Self::Decline => false,
        }
    }

    /// True if whoever does it has dealt with the notification.
    pub fn reads(&self) -> bool {
        match self {
            Self::Reply { .. } | Self::Complete | Self::Accept | Self::Decline => true,
            Self::Snooze | Self::Follow | Self::Unfollow => false,
        }
    }

    /// What it answers to.
    pub fn is_among(&self, offers: &[Offer]) -> bool {
        offers.iter().any(|offer| match (self, offer) {
            (Self::Reply { .. }, Offer::Reply | Offer::Comment) => true,
            (_, offer) => offer.act().as_ref() == Some(self),
        })
    }

    /// What is said once it is done.
    pub fn done_words(&self) -> &'static str {
        match self {
            Self::Reply { .. } => "Your reply was sent.",
            Self::Complete => "The task is completed.",
            Self::Accept => "You accepted the invitation.",
            Self::Decline => "You declined the invitation.",
            Self::Snooze => "You will be reminded again in ten minutes.",
            Self::Follow => "You follow it now.",
            Self::Unfollow => "You no longer follow it.",
        }
    }

    /// What is said first when it came to nothing, or when nobody knows.
    pub fn failed_title(&self, unsure: bool) -> &'static str {
        match self {
            Self::Reply { .. } if unsure => "Your reply may not be there",
            Self::Reply { .. } => "Your reply was not taken",
            Self::Complete => "The task was not completed",
            Self::Accept | Self::Decline if unsure => "The invitation may not be answered",
            Self::Accept | Self::Decline => "The invitation was not answered",
            Self::Snooze => "The reminder was not snoozed",
            Self::Follow => "You do not follow it",
            Self::Unfollow => "You still follow it",
        }
    }

    /// What is said when nobody knows whether the service did it.
    pub fn unsure_words(&self) -> &'static str {
        match self {
            Self::Reply { .. } => {
                "The service did not answer: look whether your reply is there before you send it again."
            }
            Self::Accept => "The service did not answer: look whether you are a member now.",
            Self::Decline => "The service did not answer: look whether the invitation is still there.",
            // Told again by itself, so never unsure.
            Self::Complete | Self::Snooze | Self::Follow | Self::Unfollow => {
                "The service did not answer: look whether it was done."
            }
        }
    }
}

impl Offer {
    /// All there are.
    pub const ALL: &[Self] = &[
        Self::Reply,
        Self::Comment,
        Self::Complete,
        Self::Accept,
        Self::Decline,
        Self::Snooze,
        Self::Follow,
        Self::Unfollow,
    ];

    /// Its name, and the key of its button on a toast.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Comment => "comment",
            Self::Complete => "complete",
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Snooze => "snooze",
            Self::Follow => "follow",
            Self::Unfollow => "unfollow",
        }
    }

    /// The offer of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|offer| offer.name() == name)
    }

    /// What its button says.
    pub fn label(self) -> &'static str {
        match self {
            Self::Reply => "Reply",
            Self::Comment => "Comment",
            Self::Complete => "Complete",
            Self::Accept => "Accept",
            Self::Decline => "Decline",
            Self::Snooze => "Snooze",
            Self::Follow => "Follow",
            Self::Unfollow => "Unfollow",
        }
    }

    /// The act, where it needs no words.
    pub fn act(self) -> Option<Act> {
        match self {
            Self::Reply | Self::Comment => None,
            Self::Complete => Some(Act::Complete),
            Self::Accept => Some(Act::Accept),
            Self::Decline => Some(Act::Decline),
            Self::Snooze => Some(Act::Snooze),
            Self::Follow => Some(Act::Follow),
            Self::Unfollow => Some(Act::Unfollow),
        }
    }
}

/// The one that deserves a button on a toast: what finishes the matter with one press.
pub fn button(offers: &[Offer]) -> Option<Offer> {
    [Offer::Complete, Offer::Accept, Offer::Snooze].into_iter().find(|offer| offers.contains(offer))
}

/// What is still offered after these acts, oldest first: nobody completes a task twice, and who follows now may stop doing so.
pub fn still_offered(offers: Vec<Offer>, acts: &[(Act, ActState)]) -> Vec<Offer> {
    let mut left = offers;
    for (act, state) in acts {
        match state {
            ActState::Waiting | ActState::UnderWay | ActState::Done => {}
            ActState::Refused | ActState::Unsure | ActState::Undone => continue,
        }
        let turned = match act {
            Act::Reply { .. } => continue,
            Act::Complete | Act::Snooze => None,
            Act::Accept | Act::Decline => {
                left.retain(|offer| !matches!(offer, Offer::Accept | Offer::Decline));
                None
            }
            Act::Follow => Some(Offer::Unfollow),
            Act::Unfollow => Some(Offer::Follow),
        };
        left.retain(|offer| offer.act().as_ref() != Some(act) && Some(*offer) != turned);
        left.extend(turned);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> Act {
        Act::Reply { text: text.into() }
    }

    #[test]
    fn a_reply_has_words_but_not_too_many() {
        assert_eq!(reply("  so be it \n").checked(), Ok(reply("so be it")));
        assert_eq!(reply(" \n").checked(), Err(BadAct::Empty));
        assert!(reply(&"ä".repeat(LONGEST_REPLY)).checked().is_ok());
        let long = reply(&"ä".repeat(LONGEST_REPLY + 1)).checked().unwrap_err();
        assert!(long.to_string().contains("10001") && long.to_string().contains("10000"), "{long}");
        assert_eq!(Act::Complete.checked(), Ok(Act::Complete));
    }

    #[test]
    fn each_offer_is_found_by_its_name_and_by_its_act() {
        for offer in Offer::ALL {
            assert_eq!(Offer::from_name(offer.name()), Some(*offer));
            let act = offer.act().unwrap_or_else(|| reply("x"));
            assert!(act.is_among(&[*offer]), "{offer:?}");
            assert_eq!(serde_json::to_value(offer).unwrap(), offer.name());
        }
        assert!(!Act::Complete.is_among(&[Offer::Accept, Offer::Reply]));
        assert!(!reply("x").is_among(&[Offer::Complete]));
        assert_eq!(Offer::from_name("default"), None);
    }

    #[test]
    fn what_was_done_is_not_offered_again_unless_it_came_to_nothing() {
        use ActState::{Done, Refused, Undone, Unsure, Waiting};
        let offers = || vec![Offer::Comment, Offer::Complete, Offer::Unfollow];
        let after = |acts: &[(Act, ActState)]| still_offered(offers(), acts);
        assert_eq!(after(&[(reply("x"), Done)]), offers());
        assert_eq!(after(&[(Act::Complete, Waiting)]), [Offer::Comment, Offer::Unfollow]);
        for nothing in [Refused, Undone, Unsure] {
            assert_eq!(after(&[(Act::Complete, nothing)]), offers());
        }
        assert_eq!(after(&[(Act::Unfollow, Done)]), [Offer::Comment, Offer::Complete, Offer::Follow]);
        assert_eq!(
            after(&[(Act::Unfollow, Done), (Act::Follow, Waiting)]),
            [Offer::Comment, Offer::Complete, Offer::Unfollow]
        );
        let invited = vec![Offer::Accept, Offer::Decline];
        assert_eq!(still_offered(invited.clone(), &[(Act::Decline, Waiting)]), []);
        assert_eq!(still_offered(invited.clone(), &[(Act::Accept, Refused)]), invited);
    }

    #[test]
    fn a_toast_gets_the_button_that_finishes_the_matter() {
        assert_eq!(button(&[Offer::Comment, Offer::Unfollow, Offer::Complete]), Some(Offer::Complete));
        assert_eq!(button(&[Offer::Decline, Offer::Accept]), Some(Offer::Accept));
        assert_eq!(button(&[Offer::Comment, Offer::Follow]), None);
    }
}

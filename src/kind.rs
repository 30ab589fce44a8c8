//! The kinds of notifications and all that is known of each, in one table: see [`Kind::facts`].
//!
//! The names are the service's own (Podio's notifications area: 39 types, 32 icons; a few more types are known only from its clients).
//! Podium's events have a table of their own beside it. A name no one has seen yet is kept as it came.

mod icon;
mod podium;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use icon::Icon;
pub use podium::{Hush, PodiumKind};

/// How alive a kind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In use.
    Live,
    /// Struck out in the documentation, but may lie in old inboxes.
    Retired,
    /// Named by the documentation's list of combinations only.
    Combination,
    /// Named by the service's clients only.
    Client,
}

/// The setting of the account that governs a kind at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Something names the person.
    Reference,
    /// Something happened to what the person follows.
    Subscription,
    /// Memberships and shares.
    Space,
    /// Talk.
    Message,
    /// What the person asked to be reminded of.
    Reminder,
    /// The documentation names none.
    Unsaid,
}

/// How much a notification matters, as far as its kind tells. Nothing is urgent enough to stay on the screen until it is clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Urgency {
    /// Good to know: a like, somebody else's comings and goings. Some desktops only list it.
    Low,
    /// Everyday news.
    #[default]
    Normal,
    /// Somebody waits for this very person: an alert, a message, an invitation, a reminder.
    High,
}

/// What is known of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// How alive it is.
    pub standing: Standing,
    /// The setting that governs it.
    pub category: Category,
    /// The picture where the service names none we know and the content does not tell more.
    pub icon: Icon,
    /// How much it matters.
    pub urgency: Urgency,
    /// What it happens to, in the service's words; where the documentation names nothing, what fits.
    pub contexts: &'static [&'static str],
    /// The fields of its `data` that make title and body, at the end of a way of names.
    pub fields: &'static [&'static str],
}

/// What is known of a kind no one has seen yet.
const UNKNOWN: Facts = Facts {
    standing: Standing::Client,
    category: Category::Unsaid,
    icon: Icon::Other,
    urgency: Urgency::Normal,
    contexts: &[],
    fields: &["text", "value", "message"],
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal: $standing:ident, $category:ident, $icon:ident, $urgency:ident,
        [$($context:ident)*], [$($field:literal)*];)*) => {
        /// What happened, as the person sees it.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
            /// An event of Podium.
            Podium(PodiumKind),
            /// A name no one has seen yet.
            Other(String),
        }

        impl Kind {
            /// Podio's kinds.
            pub const PODIO: &[Self] = &[$(Self::$variant,)*];

            /// The name as the service spells it.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Podium(kind) => kind.name(),
                    Self::Other(name) => name,
                }
            }

            /// All that is known of it.
            pub fn facts(&self) -> &'static Facts {
                match self {
                    $(Self::$variant => const {
                        &Facts {
                            standing: Standing::$standing,
                            category: Category::$category,
                            icon: Icon::$icon,
                            urgency: Urgency::$urgency,
                            contexts: &[$(stringify!($context),)*],
                            fields: &[$($field,)*],
                        }
                    },)*
                    Self::Podium(kind) => kind.facts(),
                    Self::Other(_) => &UNKNOWN,
                }
            }

            fn named(name: &str) -> Option<Self> {
                Some(match name {
                    $($name => Self::$variant,)*
                    _ => return PodiumKind::named(name).map(Self::Podium),
                })
            }
        }
    };
}

// Name: standing, category, picture, urgency, [contexts], [fields of `data` that make title and body].
// Whoever adds a row here is led by the compiler to the words for it, and by tests to a fixture and a line of the documentation.
#[rustfmt::skip]
kinds! {
    /// The person was alerted as part of an action.
    Alert = "alert": Live, Reference, Alert, High, [item status task action meeting file], ["text" "ref.type"];
    /// A comment was added.
    Comment = "comment": Live, Subscription, Comment, Normal, [action item status share task meeting file],
        ["value" "questions" "files" "embed"];
    /// A file was attached.
    File = "file": Live, Subscription, File, Normal, [item task meeting conversation], ["name" "description"];
    /// A file was deleted.
    FileDelete = "file_delete": Live, Subscription, Delete, Normal, [item task], ["name" "description"];
    /// A meeting was added.
    Meeting = "meeting": Retired, Unsaid, Meeting, Normal, [meeting], [];
    /// The person was added as a reference on an item.
    MemberReferenceAdd = "member_reference_add": Live, Reference, MemberReferenceAdd, High, [item], ["label"];
    /// The person was removed as a reference on an item.
    MemberReferenceRemove = "member_reference_remove": Live, Reference, MemberReferenceRemove, Normal, [item], ["label"];
    /// A rating was added.
    Rating = "rating": Live, Subscription, Like, Normal, [item status share meeting file task action], ["type" "value"];
    /// An invitation to a space.
    SpaceInvite = "space_invite": Live, Space, SpaceInvite, High, [space], ["subject" "message" "status"];
    /// An invitation to a space was accepted.
    SpaceAccept = "space_accept": Retired, Unsaid, Approved, Normal, [profiles], ["status"];
    /// An invitation to a space was declined.
    SpaceDecline = "space_decline": Retired, Unsaid, Rejected, Normal, [profiles], ["status"];
    /// A space was deleted.
    SpaceDelete = "space_delete": Live, Space, Delete, Normal, [space], [];
    /// An admin ended the person's membership of a space.
    SelfKickedFromSpace = "self_kicked_from_space": Live, Space, SelfKickedFromSpace, High, [space], [];
    /// Somebody left a space.
    UserLeftSpace = "user_left_space": Live, Space, UserLeftSpace, Low, [space], [];
    /// An admin removed somebody from a space.
    UserKickedFromSpace = "user_kicked_from_space": Live, Space, UserKickedFromSpace, Low, [space], ["name"];
    /// The person's role in a space changed.
    RoleChange = "role_change": Live, Space, Update, Normal, [space], ["role"];
    /// Something was created.
    Creation = "creation": Live, Subscription, Creation, Normal, [item task app status meeting], [];
    /// Something was changed.
    Update = "update": Live, Subscription, Update, Normal, [item status task app meeting], ["type" "diff" "changed"];
    /// Something was deleted.
    Delete = "delete": Live, Subscription, Delete, Normal, [item status task meeting file], [];
    /// A message in a conversation.
    Message = "message": Live, Message, Message, High, [conversation profiles item org status bulletin],
        ["text" "reply" "files" "embed"];
    /// Somebody was added to a conversation.
    ConversationAdd = "conversation_add": Live, Message, Message, Normal, [conversation], [];
    /// News from the service.
    Bulletin = "bulletin": Retired, Unsaid, Bulletin, Low, [profiles], [];
    /// Something was created that one can say yes or no to.
    Rsvp = "rsvp": Retired, Unsaid, Attending, Normal, [item], [];
    /// An answer to a question.
    Answer = "answer": Live, Unsaid, Answer, Normal, [question], ["question_option.text"];
    /// A space was created.
    SpaceCreate = "space_create": Live, Unsaid, SpaceCreate, Low, [space], [];
    /// A participant joined a meeting.
    MeetingParticipantAdd = "meeting_participant_add": Retired, Unsaid, Meeting, Normal, [meeting], [];
    /// A participant left a meeting.
    MeetingParticipantRemove = "meeting_participant_remove": Retired, Unsaid, Meeting, Normal, [meeting], [];
    /// A meeting began.
    MeetingStarted = "meeting_started": Retired, Unsaid, Meeting, High, [meeting], [];
    /// A batch is being processed.
    BatchProcess = "batch_process": Live, Unsaid, Update, Low, [batch], [];
    /// A batch is complete.
    BatchComplete = "batch_complete": Live, Unsaid, Approved, Normal, [batch], [];
    /// Somebody asks to join a space.
    SpaceMemberRequest = "space_member_request": Live, Space, SpaceInvite, High, [space], ["status" "role" "user.name"];
    /// Something was shared with the person.
    GrantCreate = "grant_create": Live, Space, Alert, High, [item], ["message" "action"];
    /// Something is no longer shared with the person.
    GrantDelete = "grant_delete": Live, Space, Delete, Normal, [item], [];
    /// Something was shared with somebody else.
    GrantCreateOther = "grant_create_other": Live, Space, Alert, Low, [item], ["name"];
    /// Something is no longer shared with somebody else.
    GrantDeleteOther = "grant_delete_other": Live, Space, Delete, Low, [item], ["name"];
    /// Something refers to the person's thing.
    Reference = "reference": Live, Unsaid, MemberReferenceAdd, Normal, [item task action status file], ["type" "title"];
    /// A vote.
    Vote = "vote": Live, Subscription, StarRating, Normal, [item], ["voting.kind" "voting.question" "answer.text" "rating"];
    /// An answer about taking part.
    Participation = "participation": Live, Subscription, Attending, Normal, [item], ["status"];
    /// A reminder.
    Reminder = "reminder": Live, Reminder, Reminder, High, [task meeting], [];
    /// Older name of `self_kicked_from_space`.
    MemberEndedUser = "member_ended_user": Combination, Unsaid, SelfKickedFromSpace, High, [profiles], [];
    /// Older name of `user_kicked_from_space`.
    MemberEndedAdmin = "member_ended_admin": Combination, Unsaid, UserKickedFromSpace, Low, [space], ["name"];
    /// Somebody joined an organisation.
    OrgMemberAdd = "org_member_add": Combination, Unsaid, MemberReferenceAdd, Low, [org], [];
    /// Somebody was removed from an organisation.
    OrgMemberRemove = "org_member_remove": Combination, Unsaid, MemberReferenceRemove, Low, [org], [];
    /// Somebody left an organisation.
    OrgMemberLeave = "org_member_leave": Combination, Unsaid, UserLeftSpace, Low, [org], [];
    /// A team was alerted.
    TeamAlert = "team_alert": Client, Reference, Alert, High, [item status], ["text" "ref.type"];
    /// Somebody likes something.
    Like = "like": Client, Subscription, Like, Low, [item status], ["type"];
    /// A transaction on an item was confirmed. Nothing but the name is known.
    ItemTransactionConfirmed = "item_transaction_confirmed": Client, Unsaid, Approved, Normal, [item], [];
}

impl Kind {
    /// Every kind that has a name here.
    pub fn all_named() -> impl Iterator<Item = Self> {
        Self::PODIO.iter().cloned().chain(PodiumKind::ALL.iter().copied().map(Self::Podium))
    }

    /// The picture where the service names none we know.
    pub fn icon(&self) -> Icon {
        self.facts().icon
    }

    /// How much it matters, shown with this picture: a rating is everyday news, a like is not even that.
    pub fn urgency(&self, shown: Icon) -> Urgency {
        match (self, shown) {
            (Self::Rating, Icon::Like) => Self::Like.facts().urgency,
            (kind, _) => kind.facts().urgency,
        }
    }
}

impl From<String> for Kind {
    /// Hyphens stand for underscores: the service mixes them in other names.
    fn from(name: String) -> Self {
        Self::named(&name).or_else(|| Self::named(&name.replace('-', "_"))).unwrap_or(Self::Other(name))
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.name().to_owned()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_documents_39_types_and_8_more_are_known() {
        let count = |standing| Kind::PODIO.iter().filter(|kind| kind.facts().standing == standing).count();
        assert_eq!(count(Standing::Live) + count(Standing::Retired), 39);
        assert_eq!((count(Standing::Combination), count(Standing::Client)), (5, 3));
    }

    #[test]
    fn an_unknown_type_keeps_its_name() {
        let kind = Kind::from("moon-landing".to_owned());
        assert_eq!(kind, Kind::Other("moon-landing".into()));
        assert_eq!(kind.name(), "moon-landing");
        assert_eq!((kind.icon(), kind.urgency(Icon::Other)), (Icon::Other, Urgency::Normal));
    }

    #[test]
    fn every_kind_is_found_again_by_its_name() {
        for kind in Kind::all_named() {
            assert_eq!(Kind::from(kind.name().to_owned()), kind);
            assert_eq!(Kind::from(kind.name().replace('_', "-")), kind);
        }
    }

    #[test]
    fn what_waits_for_the_person_matters_more_than_a_like() {
        for kind in [Kind::Alert, Kind::Message, Kind::SpaceInvite, Kind::Reminder] {
            assert_eq!(kind.urgency(kind.icon()), Urgency::High, "{kind}");
        }
        assert_eq!(Kind::Rating.urgency(Icon::Like), Urgency::Low);
        assert_eq!(Kind::Rating.urgency(Icon::Rejected), Urgency::Normal);
        assert!(Urgency::Low < Urgency::Normal && Urgency::Normal < Urgency::High);
    }
}

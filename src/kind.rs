//! The kind of a notification and its picture: the closed lists of both, and the way from one to the other.
//!
//! The names are the service's own (Podio's notifications area: 39 types, 32 icons; a few more types are known only from its clients).
//! A name no one has seen yet is kept as it came.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! icons {
    ($($variant:ident = $name:literal,)*) => {
        /// The picture of a notification. The service sends the name; `Icon::Other` stands for one we have no picture for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is the icon of that name")]
        #[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
        pub enum Icon {
            $($variant,)*
            Other,
        }

        impl Icon {
            /// Every picture that has a name at the service.
            pub const NAMED: &[Self] = &[$(Self::$variant,)*];

            /// The name as the service spells it; `other` for the neutral picture.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other => "other",
                }
            }

            /// The picture of that name. Hyphens and underscores are the same: the service mixes them.
            pub fn from_name(name: &str) -> Option<Self> {
                let spelled = |a: char| if a == '-' { '_' } else { a };
                Self::NAMED.iter().copied().find(|icon| icon.name().chars().map(spelled).eq(name.chars().map(spelled)))
            }
        }
    };
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal => $icon:ident,)*) => {
        /// What happened, as the person sees it.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
            /// A name no one has seen yet.
            Other(String),
        }

        impl Kind {
            /// Every kind that has a name here.
            pub const NAMED: &[Self] = &[$(Self::$variant,)*];

            /// The name as the service spells it.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(name) => name,
                }
            }

            /// The picture where the service names none we know.
            pub fn icon(&self) -> Icon {
                match self {
                    $(Self::$variant => Icon::$icon,)*
                    Self::Other(_) => Icon::Other,
                }
            }
        }

        impl From<String> for Kind {
            fn from(name: String) -> Self {
                match name.as_str() {
                    $($name => Self::$variant,)*
                    _ => Self::Other(name),
                }
            }
        }
    };
}

icons! {
    Alert = "alert",
    Task = "task",
    Meeting = "meeting",
    Status = "status",
    Creation = "creation",
    Update = "update",
    Delete = "delete",
    Comment = "comment",
    Approved = "approved",
    Rejected = "rejected",
    StarRating = "star-rating",
    Like = "like",
    Attending = "attending",
    NotAttending = "not-attending",
    MaybeAttending = "maybe-attending",
    ThumbsUp = "thumbs-up",
    ThumbsDown = "thumbs-down",
    Yes = "yes",
    No = "no",
    Message = "message",
    MessageReply = "message-reply",
    Bulletin = "bulletin",
    MemberReferenceAdd = "member_reference_add",
    MemberReferenceRemove = "member_reference_remove",
    File = "file",
    UserLeftSpace = "user_left_space",
    UserKickedFromSpace = "user_kicked_from_space",
    SelfKickedFromSpace = "self_kicked_from_space",
    SpaceInvite = "space_invite",
    Answer = "answer",
    SpaceCreate = "space_create",
    Reminder = "reminder",
}

kinds! {
    /// The person was alerted as part of an action.
    Alert = "alert" => Alert,
    /// A comment was added.
    Comment = "comment" => Comment,
    /// A file was attached.
    File = "file" => File,
    /// A file was deleted.
    FileDelete = "file_delete" => Delete,
    /// A meeting was added (retired).
    Meeting = "meeting" => Meeting,
    /// The person was added as a reference on an item.
    MemberReferenceAdd = "member_reference_add" => MemberReferenceAdd,
    /// The person was removed as a reference on an item.
    MemberReferenceRemove = "member_reference_remove" => MemberReferenceRemove,
    /// A rating was added.
    Rating = "rating" => Like,
    /// An invitation to a space.
    SpaceInvite = "space_invite" => SpaceInvite,
    /// An invitation to a space was accepted (retired).
    SpaceAccept = "space_accept" => Approved,
    /// An invitation to a space was declined (retired).
    SpaceDecline = "space_decline" => Rejected,
    /// A space was deleted.
    SpaceDelete = "space_delete" => Delete,
    /// An admin ended the person's membership of a space.
    SelfKickedFromSpace = "self_kicked_from_space" => SelfKickedFromSpace,
    /// Somebody left a space.
    UserLeftSpace = "user_left_space" => UserLeftSpace,
    /// An admin removed somebody from a space.
    UserKickedFromSpace = "user_kicked_from_space" => UserKickedFromSpace,
    /// The person's role in a space changed.
    RoleChange = "role_change" => Update,
    /// Something was created.
    Creation = "creation" => Creation,
    /// Something was changed.
    Update = "update" => Update,
    /// Something was deleted.
    Delete = "delete" => Delete,
    /// A message in a conversation.
    Message = "message" => Message,
    /// The person was added to a conversation.
    ConversationAdd = "conversation_add" => Message,
    /// A bulletin (retired).
    Bulletin = "bulletin" => Bulletin,
    /// An answer to an invitation (retired).
    Rsvp = "rsvp" => Attending,
    /// An answer to a question.
    Answer = "answer" => Answer,
    /// A space was created.
    SpaceCreate = "space_create" => SpaceCreate,
    /// A participant joined a meeting (retired).
    MeetingParticipantAdd = "meeting_participant_add" => Meeting,
    /// A participant left a meeting (retired).
    MeetingParticipantRemove = "meeting_participant_remove" => Meeting,
    /// A meeting began (retired).
    MeetingStarted = "meeting_started" => Meeting,
    /// A batch is being processed.
    BatchProcess = "batch_process" => Update,
    /// A batch is complete.
    BatchComplete = "batch_complete" => Approved,
    /// Somebody asks to join a space.
    SpaceMemberRequest = "space_member_request" => SpaceInvite,
    /// Something was shared with the person.
    GrantCreate = "grant_create" => Alert,
    /// Something is no longer shared with the person.
    GrantDelete = "grant_delete" => Delete,
    /// Something was shared with somebody else.
    GrantCreateOther = "grant_create_other" => Alert,
    /// Something is no longer shared with somebody else.
    GrantDeleteOther = "grant_delete_other" => Delete,
    /// Something refers to the person's thing.
    Reference = "reference" => MemberReferenceAdd,
    /// A vote.
    Vote = "vote" => StarRating,
    /// An answer about taking part.
    Participation = "participation" => Attending,
    /// A reminder.
    Reminder = "reminder" => Reminder,
    /// Older name of `self_kicked_from_space`.
    MemberEndedUser = "member_ended_user" => SelfKickedFromSpace,
    /// Older name of `user_kicked_from_space`.
    MemberEndedAdmin = "member_ended_admin" => UserKickedFromSpace,
    /// Somebody joined an organisation.
    OrgMemberAdd = "org_member_add" => MemberReferenceAdd,
    /// Somebody was removed from an organisation.
    OrgMemberRemove = "org_member_remove" => MemberReferenceRemove,
    /// Somebody left an organisation.
    OrgMemberLeave = "org_member_leave" => UserLeftSpace,
    /// A team was alerted.
    TeamAlert = "team_alert" => Alert,
    /// Somebody likes something.
    Like = "like" => Like,
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

impl Serialize for Icon {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Icon {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(Self::from_name(&name).unwrap_or(Self::Other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_documents_32_icons_and_39_types() {
        assert_eq!(Icon::NAMED.len(), 32);
        assert_eq!(Kind::NAMED.len(), 39 + 7, "39 documented types and 7 known from clients");
    }

    #[test]
    fn an_unknown_type_keeps_its_name() {
        let kind = Kind::from("moon_landing".to_owned());
        assert_eq!(kind, Kind::Other("moon_landing".into()));
        assert_eq!(kind.name(), "moon_landing");
        assert_eq!(kind.icon(), Icon::Other);
    }

    #[test]
    fn every_kind_and_icon_is_found_again_by_its_name() {
        for kind in Kind::NAMED {
            assert_eq!(&Kind::from(kind.name().to_owned()), kind);
        }
        for icon in Icon::NAMED {
            assert_eq!(Icon::from_name(icon.name()), Some(*icon));
            assert_eq!(Icon::from_name(&icon.name().replace('-', "_")), Some(*icon));
        }
    }
}

//! The pictures of notifications: the closed list of names.

use serde::{Deserialize, Serialize};

macro_rules! icons {
    (Podio: [$($podio:ident = $podio_name:literal,)*] Others: [$($variant:ident = $name:literal,)*]) => {
        /// The picture of a notification. Podio sends the name; `Icon::Other` stands for one we have no picture for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is the icon of that name")]
        #[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
        pub enum Icon {
            $($podio,)*
            $($variant,)*
            Other,
        }

        impl Icon {
            /// The pictures that Podio names.
            pub const PODIO: &[Self] = &[$(Self::$podio,)*];
            /// Every picture that has a name.
            pub const NAMED: &[Self] = &[$(Self::$podio,)* $(Self::$variant,)*];

            /// The name as the service spells it; `other` for the neutral picture.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$podio => $podio_name,)*
                    $(Self::$variant => $name,)*
                    Self::Other => "other",
                }
            }

            /// The picture of that name. Hyphens and underscores are the same: the service mixes them. So are large and small letters.
            pub fn from_name(name: &str) -> Option<Self> {
                let spelled = |a: char| if a == '-' { '_' } else { a.to_ascii_lowercase() };
                Self::NAMED.iter().copied().find(|icon| icon.name().chars().map(spelled).eq(name.chars().map(spelled)))
            }
        }
    };
}

icons! {
    Podio: [
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
    ]
    // What CloudApp tells items apart by.
    Others: [
    Image = "image",
    Bookmark = "bookmark",
    Text = "text",
    Archive = "archive",
    Audio = "audio",
    Video = "video",
    // What Podium tells of.
    Chat = "chat",
    Sent = "sent",
    NotSent = "not-sent",
    Contact = "contact",
    Invoice = "invoice",
    Payment = "payment",
    PaymentFailed = "payment-failed",
    Refund = "refund",
    ReviewInvite = "review-invite",
    Call = "call",
    CallEnded = "call-ended",
    MissedCall = "missed-call",
    Voicemail = "voicemail",
    ]
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
    fn every_icon_is_found_again_by_its_name_however_it_is_spelled() {
        assert_eq!(Icon::PODIO.len(), 32, "Podio documents 32");
        for icon in Icon::NAMED {
            for name in [
                icon.name().to_owned(),
                icon.name().replace('-', "_"),
                icon.name().replace('_', "-"),
                icon.name().to_uppercase(),
            ] {
                assert_eq!(Icon::from_name(&name), Some(*icon), "{name}");
            }
        }
        assert_eq!(Icon::from_name("hologram"), None);
    }
}

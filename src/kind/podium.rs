//! What Podium tells of: the closed list of its event types, and what is known of each.
//!
//! The names are the service's own (its webhook object and event lists; the call events are newer than those lists).

use super::{Category, Facts, Icon, Standing, Urgency};

macro_rules! podium_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal: $category:ident, $icon:ident, $urgency:ident, $hush:ident,
        [$($context:ident)*], [$($field:literal)*];)*) => {
        /// An event of Podium.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PodiumKind {
            $($(#[$doc])* $variant,)*
        }

        impl PodiumKind {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The event type, as the service spells it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The event of that type.
            pub fn named(name: &str) -> Option<Self> {
                Some(match name {
                    $($name => Self::$variant,)*
                    _ => return None,
                })
            }

            pub(super) fn facts(self) -> &'static Facts {
                match self {
                    $(Self::$variant => const {
                        &Facts {
                            standing: Standing::Live,
                            category: Category::$category,
                            icon: Icon::$icon,
                            urgency: Urgency::$urgency,
                            contexts: &[$(stringify!($context),)*],
                            fields: &[$($field,)*],
                        }
                    },)*
                }
            }

            /// How it is told unless the person says otherwise.
            pub fn hush(self) -> Hush {
                match self {
                    $(Self::$variant => Hush::$hush,)*
                }
            }
        }
    };
}

/// How loudly an event is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hush {
    /// It pops up.
    Tell,
    /// It goes to the inbox only: the business's own doing, and housekeeping.
    Inbox,
    /// Nothing happened that anybody would want to know.
    Nothing,
}

// Type: category, picture, urgency, how it is told, [contexts], [fields of `data` that make title and body].
#[rustfmt::skip]
podium_kinds! {
    /// A customer wrote.
    MessageReceived = "message.received": Message, Chat, High, Tell, [conversation],
        ["contactName" "contact.name" "conversation.channel" "body" "items" "attachmentUrl"];
    /// The business wrote.
    MessageSent = "message.sent": Message, Sent, Low, Inbox, [conversation],
        ["contactName" "contact.name" "conversation.channel" "body" "items" "attachmentUrl" "senderUid"];
    /// What the business wrote did not reach the customer.
    MessageFailed = "message.failed": Message, NotSent, High, Tell, [conversation],
        ["contactName" "contact.name" "conversation.channel" "body" "items" "failureReason"];
    /// There is a new contact.
    ContactCreated = "contact.created": Unsaid, Contact, Low, Inbox, [contact], ["after" "errors"];
    /// A contact was changed.
    ContactUpdated = "contact.updated": Unsaid, Contact, Low, Inbox, [contact], ["before" "after" "errors"];
    /// A contact was deleted.
    ContactDeleted = "contact.deleted": Unsaid, Delete, Low, Inbox, [contact], ["before" "errors"];
    /// Two contacts became one.
    ContactMerged = "contact.merged": Unsaid, Contact, Low, Inbox, [contact], ["before" "after" "errors"];
    /// A contact was to be changed and was as it should be.
    ContactUnchanged = "contact.unchanged": Unsaid, Contact, Low, Nothing, [contact], ["before" "after" "errors"];
    /// There is a new invoice.
    InvoiceCreated = "invoice.created": Unsaid, Invoice, Low, Inbox, [invoice],
        ["customerName" "amount" "currencyRef" "invoiceNumber" "lineItems"];
    /// An invoice was cancelled.
    InvoiceDisabled = "invoice.disabled": Unsaid, Invoice, Low, Inbox, [invoice],
        ["customerName" "amount" "currencyRef" "invoiceNumber" "canceledNote"];
    /// Somebody noted that an invoice was paid in another way.
    InvoiceMarkedAsPaid = "invoice.marked_as_paid": Unsaid, Payment, Normal, Tell, [invoice],
        ["customerName" "amount" "currencyRef" "invoiceNumber"];
    /// A payment is under way.
    InvoicePaymentCreated = "invoice.payment_created": Unsaid, Payment, Low, Inbox, [invoice],
        ["customerName" "amount" "currencyRef" "invoiceNumber" "payments"];
    /// A payment came to nothing.
    InvoicePaymentFailed = "invoice.payment_failed": Unsaid, PaymentFailed, High, Tell, [invoice],
        ["customerName" "amount" "currencyRef" "invoiceNumber" "payments"];
    /// A customer has paid.
    InvoicePaymentSucceeded = "invoice.payment_succeeded": Unsaid, Payment, Normal, Tell, [invoice],
        ["customerName" "amount" "currencyRef" "invoiceNumber" "payments" "tipAmount"];
    /// Money goes back.
    InvoiceRefundCreated = "invoice.refund_created": Unsaid, Refund, Normal, Tell, [invoice],
        ["customerName" "amount" "currencyRef" "invoiceNumber" "payments"];
    /// Money did not go back.
    InvoiceRefundFailed = "invoice.refund_failed": Unsaid, PaymentFailed, High, Tell, [invoice],
        ["customerName" "amount" "currencyRef" "invoiceNumber" "payments"];
    /// A customer wrote a review.
    ReviewCreated = "review.created": Unsaid, StarRating, Normal, Tell, [review], ["author.name" "review" "isRecommendation"];
    /// A review, or what belongs to it, was changed.
    ReviewUpdated = "review.updated": Unsaid, StarRating, Normal, Tell, [review], ["author.name" "review" "isRecommendation"];
    /// A customer was asked for a review.
    ReviewInviteCreated = "review.invite_link_created": Unsaid, ReviewInvite, Low, Inbox, [invite],
        ["customerName" "channel" "sender.name"];
    /// Such a request reached the customer, or did not, or was opened.
    ReviewInviteUpdated = "review.invite_link_updated": Unsaid, ReviewInvite, Low, Inbox, [invite],
        ["customerName" "channel" "deliveryStatus" "linkClicked"];
    /// The business answered a review.
    ReviewResponseCreated = "review.response_created": Unsaid, MessageReply, Low, Inbox, [response],
        ["siteAuthorName" "body" "isDeleted"];
    /// An answer to a review was changed.
    ReviewResponseUpdated = "review.response_updated": Unsaid, MessageReply, Low, Inbox, [response],
        ["siteAuthorName" "body" "isDeleted"];
    /// The telephone rings.
    CallReceived = "call.received": Unsaid, Call, High, Tell, [call], ["customerPhoneNumber" "direction"];
    /// A call has ended.
    CallCompleted = "call.completed": Unsaid, CallEnded, Low, Inbox, [call], ["customerPhoneNumber" "direction" "durationSeconds"];
    /// Nobody took the call.
    CallMissed = "call.missed": Unsaid, MissedCall, High, Tell, [call], ["customerPhoneNumber" "direction" "hasVoicemail"];
    /// A customer spoke to the answering machine.
    CallVoicemailLeft = "call.voicemail_left": Unsaid, Voicemail, High, Tell, [call],
        ["customerPhoneNumber" "durationSeconds"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    /// The service's own list, as its webhook object had it when it was read, and the call events that came later.
    const LISTED: &str = "contact.created contact.deleted contact.merged contact.unchanged contact.updated invoice.created invoice.disabled
        invoice.marked_as_paid invoice.payment_created invoice.payment_failed invoice.payment_succeeded invoice.refund_created
        invoice.refund_failed message.failed message.received message.sent review.created review.invite_link_created
        review.invite_link_updated review.response_created review.response_updated review.updated
        call.received call.completed call.missed call.voicemail_left";

    #[test]
    fn the_table_has_every_event_type_and_no_other() {
        let mut table: Vec<_> = PodiumKind::ALL.iter().map(|kind| kind.name()).collect();
        let mut listed: Vec<_> = LISTED.split_whitespace().collect();
        table.sort_unstable();
        listed.sort_unstable();
        assert_eq!(table, listed);
    }

    #[test]
    fn an_event_type_is_a_kind_of_its_own_and_never_one_of_podios() {
        for kind in PodiumKind::ALL {
            assert_eq!(Kind::from(kind.name().to_owned()), Kind::Podium(*kind));
            assert!(Kind::PODIO.iter().all(|podio| podio.name() != kind.name()));
        }
        assert_eq!(Kind::from("message.moved".to_owned()), Kind::Other("message.moved".into()));
    }

    #[test]
    fn who_waits_is_told_and_the_businesss_own_doing_is_not() {
        use PodiumKind::{CallMissed, ContactUnchanged, MessageFailed, MessageReceived, MessageSent};
        for kind in [MessageReceived, MessageFailed, CallMissed] {
            assert_eq!((kind.hush(), kind.facts().urgency), (Hush::Tell, Urgency::High), "{kind:?}");
        }
        assert_eq!((MessageSent.hush(), ContactUnchanged.hush()), (Hush::Inbox, Hush::Nothing));
        // What does not pop up does not matter much either.
        for kind in PodiumKind::ALL {
            assert_eq!(kind.hush() != Hush::Tell, kind.facts().urgency == Urgency::Low, "{kind:?}");
        }
    }
}

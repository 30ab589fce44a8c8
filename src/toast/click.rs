//! What the person wishes when they touch a toast. Pure.
//!
//! In: what the desktop says, and the notifications that were told under that toast's key. Out: a wish, for the engine to fulfil.

use super::ToastEvent;
use crate::act::Act;
use crate::notification::NotificationId;

/// What the person wishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Open this one: mark it read, lead to its context.
    Open {
        /// Which.
        id: NotificationId,
        /// Lets the browser come to the front, if the desktop sent one.
        token: Option<String>,
    },
    /// Open the inbox, where all of these are. They stay unread: nobody has seen them yet.
    OpenInbox {
        /// What the summary told of.
        ids: Vec<NotificationId>,
        /// Lets the window come to the front, if the desktop sent one.
        token: Option<String>,
    },
    /// Mark these read and open nothing.
    MarkRead {
        /// Which.
        ids: Vec<NotificationId>,
    },
    /// Do this from here. It is kept and told to the service like any other act.
    Act {
        /// Which.
        id: NotificationId,
        /// What.
        act: Act,
    },
    /// Nothing is wished, but the person saw and closed the toast: worth noting, not the same as read.
    NoteDismissed {
        /// Which.
        ids: Vec<NotificationId>,
    },
    /// Nothing.
    Nothing,
}

/// The wish behind an event. `ids` are what was told under the event's key; none are left when the notifications were removed meanwhile.
pub fn wish(event: &ToastEvent, ids: &[NotificationId]) -> Wish {
    if ids.is_empty() {
        return Wish::Nothing;
    }
    match (event, ids) {
        (ToastEvent::Clicked { token, .. }, [id]) => Wish::Open { id: *id, token: token.clone() },
        (ToastEvent::Clicked { token, .. }, _) => Wish::OpenInbox { ids: ids.to_vec(), token: token.clone() },
        (ToastEvent::Acted { offer, .. }, [id]) => match offer.act() {
            Some(act) => Wish::Act { id: *id, act },
            // What needs words has no button.
            None => Wish::Nothing,
        },
        // A summary has no button either.
        (ToastEvent::Acted { .. }, _) => Wish::Nothing,
        (ToastEvent::MarkedRead { .. }, _) => Wish::MarkRead { ids: ids.to_vec() },
        (ToastEvent::Dismissed { .. }, _) => Wish::NoteDismissed { ids: ids.to_vec() },
        (ToastEvent::Expired { .. }, _) => Wish::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::Offer;
    use crate::toast::ToastKey;

    #[test]
    fn each_touch_has_its_wish() {
        let key = || ToastKey("k".into());
        let (one, two) = (NotificationId(1), NotificationId(2));
        let token = Some("t".to_owned());
        let clicked = ToastEvent::Clicked { key: key(), token: token.clone() };
        let read = ToastEvent::MarkedRead { key: key() };
        let dismissed = ToastEvent::Dismissed { key: key() };
        let expired = ToastEvent::Expired { key: key() };
        assert_eq!(wish(&clicked, &[one]), Wish::Open { id: one, token: token.clone() });
        assert_eq!(wish(&clicked, &[one, two]), Wish::OpenInbox { ids: vec![one, two], token });
        assert_eq!(wish(&read, &[one, two]), Wish::MarkRead { ids: vec![one, two] });
        assert_eq!(wish(&dismissed, &[one]), Wish::NoteDismissed { ids: vec![one] });
        assert_eq!(wish(&expired, &[one]), Wish::Nothing, "gone by itself is not seen");
        let acted = |offer| ToastEvent::Acted { key: key(), offer };
        assert_eq!(wish(&acted(Offer::Complete), &[one]), Wish::Act { id: one, act: Act::Complete });
        assert_eq!(wish(&acted(Offer::Complete), &[one, two]), Wish::Nothing, "which of them?");
        assert_eq!(wish(&acted(Offer::Reply), &[one]), Wish::Nothing);
        for event in [clicked, read, dismissed, expired, acted(Offer::Snooze)] {
            assert_eq!(wish(&event, &[]), Wish::Nothing);
        }
    }
}

//! The person's wishes to be carried out at Podio: the latest for each notification, kept until the service has taken it. Pure.

use std::collections::BTreeMap;

use super::normalize::Target;
use crate::source::Wish;

/// Calls under way together.
const TOGETHER: usize = 3;

/// One call to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    /// `/notification/{id}/viewed`.
    Notification(i64),
    /// `/conversation/{id}/read`: for all of its messages at once.
    Conversation(i64),
}

#[derive(Debug, Default)]
struct Wanted {
    read: bool,
    external_ids: Vec<String>,
    under_way: bool,
}

/// All open wishes of an account.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    open: BTreeMap<Call, Wanted>,
}

impl Wishes {
    /// A new wish. Gives it back if there is nothing that could be done about it.
    pub(crate) fn wish(&mut self, wish: Wish) -> Option<Wish> {
        let call = match Target::of(&wish.external_id) {
            Some(Target::Notification(id)) => Call::Notification(id),
            Some(Target::Conversation { conversation }) => Call::Conversation(conversation),
            None => return Some(wish),
        };
        let wanted = self.open.entry(call).or_default();
        if wanted.read != wish.read {
            // The person thought better of it; a call under way tells the older wish and will find a newer one here.
            wanted.read = wish.read;
            wanted.external_ids.clear();
        }
        if !wanted.external_ids.contains(&wish.external_id) {
            wanted.external_ids.push(wish.external_id);
        }
        None
    }

    /// The next call, if there is one to make now, and whether it marks as read. Its end has to be told with [`Self::ended`].
    pub(crate) fn next(&mut self) -> Option<(Call, bool)> {
        if self.open.values().filter(|wanted| wanted.under_way).count() >= TOGETHER {
            return None;
        }
        let (call, wanted) = self.open.iter_mut().find(|(_, wanted)| !wanted.under_way)?;
        wanted.under_way = true;
        Some((*call, wanted.read))
    }

    /// A call that marked as `read` (or as unread) has ended. If it is done, gives the wishes that are carried out by it.
    pub(crate) fn ended(&mut self, call: Call, read: bool, done: bool) -> Vec<Wish> {
        let Some(wanted) = self.open.get_mut(&call) else { return Vec::new() };
        wanted.under_way = false;
        if !done || wanted.read != read {
            return Vec::new();
        }
        let wanted = self.open.remove(&call).unwrap_or_default();
        wanted.external_ids.into_iter().map(|external_id| Wish { external_id, read }).collect()
    }

    /// How many calls are to be made.
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// True if a call waits to be made.
    pub(crate) fn has_waiting(&self) -> bool {
        self.open.values().any(|wanted| !wanted.under_way)
    }

    /// After a link has ended no call is under way any more.
    pub(crate) fn link_ended(&mut self) {
        self.open.values_mut().for_each(|wanted| wanted.under_way = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(external_id: &str, read: bool) -> Wish {
        Wish { external_id: external_id.into(), read }
    }

    #[test]
    fn a_wish_stays_open_until_the_service_took_it() {
        let mut wishes = Wishes::default();
        assert_eq!(wishes.wish(wish("n1", true)), None);
        assert_eq!(wishes.next(), Some((Call::Notification(1), true)));
        assert_eq!(wishes.next(), None, "under way");
        assert_eq!(wishes.ended(Call::Notification(1), true, false), vec![]);
        assert_eq!(wishes.next(), Some((Call::Notification(1), true)));
        assert_eq!(wishes.ended(Call::Notification(1), true, true), vec![wish("n1", true)]);
        assert_eq!(wishes.count(), 0);
    }

    #[test]
    fn the_later_wish_wins_even_while_the_earlier_is_told() {
        let mut wishes = Wishes::default();
        wishes.wish(wish("n1", true));
        assert_eq!(wishes.next(), Some((Call::Notification(1), true)));
        wishes.wish(wish("n1", false));
        assert_eq!(wishes.ended(Call::Notification(1), true, true), vec![]);
        assert_eq!(wishes.next(), Some((Call::Notification(1), false)));
        assert_eq!(wishes.ended(Call::Notification(1), false, true), vec![wish("n1", false)]);
    }

    #[test]
    fn one_call_serves_all_messages_of_a_conversation() {
        let mut wishes = Wishes::default();
        wishes.wish(wish("c5.1", true));
        wishes.wish(wish("c5.2", true));
        assert_eq!(wishes.next(), Some((Call::Conversation(5), true)));
        assert_eq!(
            wishes.ended(Call::Conversation(5), true, true),
            vec![wish("c5.1", true), wish("c5.2", true)]
        );
    }

    #[test]
    fn what_is_no_name_of_ours_is_given_back() {
        assert_eq!(Wishes::default().wish(wish("x", true)), Some(wish("x", true)));
    }
}

//! Completing what the push only hinted at: which hints wait to be fetched, which were handed on as hints and wait for a better moment.
//! Pure: says what to ask for; the caller asks.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::normalize::{Hint, numbers};

/// From so many waiting, one call for the newest page serves them better than a call each.
const WORTH_A_PAGE: usize = 8;
/// Most hints waiting for their fetch, and most waiting for later. The rest is for catching up.
const MOST: usize = 5_000;
/// Single calls under way together.
const TOGETHER: usize = 4;
/// How often a hint is tried before it is left as it is.
const TRIES: u32 = 4;

/// What to fetch now.
#[derive(Debug)]
pub(crate) enum Fetch {
    /// The group of one.
    One(Hint),
    /// The newest page, for all of these.
    Page(Vec<Hint>),
}

/// A hint that was handed on as it was.
#[derive(Debug)]
struct Left {
    /// What the push said; after a restart only the number is known.
    hint: Option<Hint>,
    tries: u32,
}

/// All hints of an account that are not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Completing {
    fresh: VecDeque<Hint>,
    /// Those being fetched; kept so that a link that ends meanwhile can still hand them on as they are.
    under_way: BTreeMap<i64, Hint>,
    page_under_way: bool,
    left: BTreeMap<i64, Left>,
    left_under_way: bool,
}

impl Completing {
    /// A hint just heard. False if there is no place for it.
    pub(crate) fn heard(&mut self, hint: Hint) -> bool {
        let place = self.fresh.len() < MOST;
        if place {
            self.fresh.push_back(hint);
        }
        place
    }

    /// The next fetch for fresh hints, if it is time for one. Its end has to be told with [`Self::fetched`].
    pub(crate) fn next(&mut self) -> Option<Fetch> {
        if self.page_under_way || self.fresh.is_empty() {
            return None;
        }
        if self.fresh.len() >= WORTH_A_PAGE && self.under_way.is_empty() {
            self.page_under_way = true;
            let hints: Vec<Hint> = self.fresh.drain(..).collect();
            self.under_way.extend(hints.iter().map(|hint| (hint.id, hint.clone())));
            return Some(Fetch::Page(hints));
        }
        if self.fresh.len() >= WORTH_A_PAGE || self.under_way.len() >= TOGETHER {
            return None;
        }
        let hint = self.fresh.pop_front()?;
        self.under_way.insert(hint.id, hint.clone());
        Some(Fetch::One(hint))
    }

    /// A fetch of these fresh hints has ended.
    pub(crate) fn fetched(&mut self, hints: &[Hint]) {
        self.page_under_way = false;
        for hint in hints {
            self.under_way.remove(&hint.id);
        }
    }

    /// True if nothing that was just heard is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.fresh.is_empty() && self.under_way.is_empty()
    }

    /// True if fresh hints wait.
    pub(crate) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// All fresh hints, because there is no room to fetch them.
    pub(crate) fn take_fresh(&mut self) -> Vec<Hint> {
        self.fresh.drain(..).collect()
    }

    /// This was handed on as a hint; to be completed later.
    pub(crate) fn leave(&mut self, id: i64, hint: Option<Hint>) {
        if self.left.len() < MOST {
            self.left.entry(id).or_insert(Left { hint, tries: 0 });
        }
    }

    /// True if something waits for later.
    pub(crate) fn has_left(&self) -> bool {
        !self.left.is_empty() && !self.left_under_way
    }

    /// What of the left ones to fetch: a page if many wait and none of them was tried yet, else the newest single one.
    pub(crate) fn next_left(&mut self) -> Option<Vec<i64>> {
        if !self.has_left() {
            return None;
        }
        let untried = self.left.values().filter(|left| left.tries == 0).count();
        let ids: Vec<i64> = if untried >= WORTH_A_PAGE {
            self.left.keys().copied().collect()
        } else {
            self.left.keys().next_back().copied().into_iter().collect()
        };
        self.left_under_way = true;
        Some(ids)
    }

    /// The fetch of left ones has ended. If the service answered at all, it was a try; some are whole now, or never will be.
    pub(crate) fn left_fetched(
        &mut self,
        tried: &[i64],
        answered: bool,
        done: impl IntoIterator<Item = i64>,
    ) {
        self.left_under_way = false;
        if answered {
            for id in tried {
                if let Some(left) = self.left.get_mut(id) {
                    left.tries += 1;
                }
            }
        }
        self.whole(done);
        self.left.retain(|_, left| left.tries < TRIES);
    }

    /// These have become whole by themselves.
    pub(crate) fn whole(&mut self, ids: impl IntoIterator<Item = i64>) {
        for id in ids {
            self.left.remove(&id);
        }
    }

    /// What the push said of a left one.
    pub(crate) fn hint(&self, id: i64) -> Option<&Hint> {
        self.left.get(&id).and_then(|left| left.hint.as_ref())
    }

    /// After a link has ended no fetch is under way any more. Gives the hints that were not handed on yet.
    pub(crate) fn link_ended(&mut self) -> Vec<Hint> {
        (self.page_under_way, self.left_under_way) = (false, false);
        let mut hints: Vec<Hint> = std::mem::take(&mut self.under_way).into_values().collect();
        hints.extend(self.fresh.drain(..));
        hints
    }
}

/// The group that holds this notification.
pub(crate) fn group_of(groups: &[Value], id: i64) -> Option<&Value> {
    groups.iter().find(|group| numbers(group).contains(&id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hint(id: i64) -> Hint {
        Hint::of(&json!({"data": {"notification_id": id}}), jiff::Timestamp::UNIX_EPOCH).unwrap()
    }

    fn ids(fetch: &Fetch) -> Vec<i64> {
        match fetch {
            Fetch::One(hint) => vec![hint.id],
            Fetch::Page(hints) => hints.iter().map(|hint| hint.id).collect(),
        }
    }

    #[test]
    fn a_few_are_fetched_one_by_one_and_many_by_the_page() {
        let mut completing = Completing::default();
        (1..=6).for_each(|id| assert!(completing.heard(hint(id))));
        let few: Vec<_> = std::iter::from_fn(|| completing.next()).map(|fetch| ids(&fetch)).collect();
        assert_eq!(few, [[1], [2], [3], [4]], "four at a time");
        (7..=20).for_each(|id| assert!(completing.heard(hint(id))));
        assert!(completing.next().is_none(), "the page waits for the singles");
        completing.fetched(&(1..=4).map(hint).collect::<Vec<_>>());
        let page = completing.next().unwrap();
        assert_eq!(ids(&page), (5..=20).collect::<Vec<_>>());
        completing.heard(hint(21));
        assert!(completing.next().is_none(), "one page at a time");
        completing.fetched(&(5..=20).map(hint).collect::<Vec<_>>());
        assert_eq!(ids(&completing.next().unwrap()), [21]);
    }

    #[test]
    fn a_link_that_ends_gives_back_what_was_being_fetched() {
        let mut completing = Completing::default();
        (1..=6).for_each(|id| assert!(completing.heard(hint(id))));
        while completing.next().is_some() {}
        let back: Vec<_> = completing.link_ended().iter().map(|hint| hint.id).collect();
        assert_eq!(back, [1, 2, 3, 4, 5, 6]);
        assert!(!completing.has_fresh());
    }

    #[test]
    fn what_was_left_is_tried_a_few_times_and_not_for_ever() {
        let mut completing = Completing::default();
        completing.leave(7, None);
        for _ in 0..10 {
            let Some(ids) = completing.next_left() else { break };
            completing.left_fetched(&ids, false, []);
        }
        assert!(completing.has_left(), "no answer is no try");
        for _ in 0..TRIES {
            let ids = completing.next_left().unwrap();
            completing.left_fetched(&ids, true, []);
        }
        assert!(!completing.has_left());
    }
}

//! Going through `GET /notification/` without missing one. Pure: pages go in, the next offset comes out.
//!
//! The documentation does not say whether `limit` and `offset` count groups or notifications. So a step is as long as the page's
//! notifications, less a few that must come again; if none of those comes again, something may have been skipped, and from there on the
//! steps are as short as the page's groups, which is right under either reading. While we read, new notifications push older ones to later
//! pages, which only brings some twice; a group that moves to the front is caught by a last look at the first page.

use std::collections::BTreeSet;

/// A first page shorter than this is all there is, whatever `limit` counts: no server's page is smaller (the documented default is 20).
pub(crate) const SHORTEST_PAGE: usize = 20;
/// How many notifications of a page must come again on the next one.
const SEAM: usize = 10;

/// What to ask for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The page at this offset.
    Page(usize),
    /// Nothing: all has been seen.
    Done,
}

/// One way through the list.
#[derive(Debug, Default)]
pub(crate) struct Paging {
    seen: BTreeSet<i64>,
    offset: usize,
    pages: usize,
    /// The last step went by notifications; this offset is safe under either reading.
    bold_from: Option<usize>,
    /// Steps go by groups from now on.
    careful: bool,
    last_look: bool,
}

impl Paging {
    /// Takes in the page at the offset asked for, as the notification numbers of each group. Says which are new, and what is next.
    pub(crate) fn took(&mut self, groups: &[Vec<i64>]) -> (BTreeSet<i64>, Next) {
        let all: BTreeSet<i64> = groups.iter().flatten().copied().collect();
        let again = all.iter().any(|id| self.seen.contains(id));
        let new: BTreeSet<i64> = all.difference(&self.seen).copied().collect();
        self.seen.extend(&new);
        self.pages += 1;
        let next = if self.last_look {
            Next::Done
        } else {
            self.next(groups.len(), all.len(), again, new.is_empty())
        };
        if let Next::Page(offset) = next {
            self.offset = offset;
        }
        (new, next)
    }

    /// How many notifications have been seen.
    pub(crate) fn seen(&self) -> usize {
        self.seen.len()
    }

    fn next(&mut self, groups: usize, count: usize, again: bool, nothing_new: bool) -> Next {
        let bold_from = self.bold_from.take();
        if let Some(safe) = bold_from.filter(|_| !again) {
            self.careful = true;
            return Next::Page(safe);
        }
        if (self.pages == 1 && count < SHORTEST_PAGE) || nothing_new {
            return self.end();
        }
        let by_groups = self.offset.saturating_add(groups.max(1));
        if self.careful {
            return Next::Page(by_groups);
        }
        self.bold_from = Some(by_groups);
        Next::Page(self.offset.saturating_add(count - SEAM.min(count / 2)))
    }

    fn end(&mut self) -> Next {
        if self.pages == 1 {
            return Next::Done;
        }
        self.last_look = true;
        Next::Page(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A server: notifications newest first, each in a context; two readings of `limit` and `offset`.
    #[derive(Debug, Clone, Copy)]
    enum Counts {
        Notifications,
        Groups,
    }

    fn grouped(list: &[(i64, u8)]) -> Vec<Vec<i64>> {
        let mut groups: Vec<(u8, Vec<i64>)> = Vec::new();
        for (id, context) in list {
            match groups.iter_mut().find(|(of, _)| of == context) {
                Some((_, ids)) => ids.push(*id),
                None => groups.push((*context, vec![*id])),
            }
        }
        groups.into_iter().map(|(_, ids)| ids).collect()
    }

    fn page(counts: Counts, list: &[(i64, u8)], offset: usize, limit: usize) -> Vec<Vec<i64>> {
        match counts {
            Counts::Notifications => {
                let part: Vec<_> = list.iter().skip(offset).take(limit).copied().collect();
                grouped(&part)
            }
            Counts::Groups => grouped(list).into_iter().skip(offset).take(limit).collect(),
        }
    }

    /// Reads to the end while `arriving` notifications come in, one before each page. Gives what was seen and how many calls it took.
    fn read(
        counts: Counts,
        mut list: Vec<(i64, u8)>,
        limit: usize,
        arriving: Vec<u8>,
    ) -> (BTreeSet<i64>, usize) {
        let mut arriving = arriving.into_iter();
        let (mut paging, mut next, mut calls) = (Paging::default(), Next::Page(0), 0);
        while let Next::Page(offset) = next {
            if calls > 0
                && let Some(context) = arriving.next()
            {
                list.insert(0, (10_000 + i64::from(u32::try_from(calls).unwrap()), context));
            }
            calls += 1;
            assert!(calls < 1_000, "does not end");
            next = paging.took(&page(counts, &list, offset, limit)).1;
        }
        (paging.seen, calls)
    }

    #[test]
    fn a_short_list_takes_one_call_and_a_long_one_a_call_for_each_page_and_two_more() {
        let list: Vec<_> = (0..15).map(|id| (id, 0)).collect();
        assert_eq!(read(Counts::Notifications, list, 100, vec![]).1, 1);
        let long: Vec<_> = (0..900).map(|id| (id, u8::try_from(id % 5).unwrap())).collect();
        let (seen, calls) = read(Counts::Notifications, long, 100, vec![]);
        assert_eq!(seen.len(), 900);
        assert!(calls <= 13, "{calls}");
    }

    proptest! {
        #[test]
        fn nothing_is_missed_whatever_offset_counts_and_whatever_arrives(
            contexts in prop::collection::vec(0_u8..40, 0..400),
            limit in prop::sample::select(vec![20_usize, 50, 100]),
            by_groups in any::<bool>(),
            arriving in prop::collection::vec(0_u8..40, 0..6),
        ) {
            let list: Vec<_> = contexts.iter().enumerate().map(|(id, of)| (i64::try_from(id).unwrap(), *of)).collect();
            let counts = if by_groups { Counts::Groups } else { Counts::Notifications };
            let (seen, _) = read(counts, list.clone(), limit, arriving);
            for (id, _) in list {
                prop_assert!(seen.contains(&id), "{} missing", id);
            }
        }
    }
}

//! The person's wishes to be carried out at Podio: the latest for each notification, kept until the service has taken it. Pure: time and
//! answers go in, the next step comes out; one step at a time, oldest notification first.
//!
//! Podio has no call that marks several notifications by their numbers. It can mark all of one thing, and all there are; both are used
//! only where nothing goes along that the person has not seen. Marking a whole thing *unread* would take along what was read years ago, so
//! that is never done (podio.md §5.1).

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::time::Duration;

use tokio::time::Instant;

use super::normalize::{self, Target};
use crate::notification::{Mark, Thing, Together};
use crate::source::Wish;

/// Wishes that come together are looked at together: so long after the last one …
const SETTLE: Duration = Duration::from_millis(200);
/// … but not longer than this after the first.
const SETTLED: Duration = Duration::from_secs(2);
/// What was just heard of may belong to a thing that is to be marked: it is waited for, but not longer than this.
const UNTIL_QUIET: Duration = Duration::from_secs(5);
/// From so many calls on it is worth while to look first, and to mark everything at once.
pub(crate) const MANY: usize = 20;
/// That cannot be taken back at once, so the person has this long to think better of it …
const SECOND_THOUGHTS: Duration = Duration::from_secs(6);
/// … but nobody waits longer than this for their first wish.
const AT_LAST: Duration = Duration::from_secs(60);

/// One call to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// `/notification/{id}/viewed`, `/conversation/{id}/read` and the like.
    Single(Single),
    /// `POST /notification/{type}/{id}/viewed`.
    Thing {
        /// The type.
        what: String,
        /// The number.
        id: u64,
    },
    /// `POST /notification/viewed`.
    Everything,
}

/// What a single call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Single {
    /// `/notification/{id}/viewed`.
    Viewed(i64),
    /// `/conversation/{id}/read`: for all of its messages at once.
    Conversation(i64),
    /// `/notification/{id}/star`.
    Star(i64),
    /// `/conversation/{id}/star`: Podio stars no single message.
    ConversationStar(i64),
}

impl Single {
    fn of(wish: &Wish) -> Option<Self> {
        Some(match (Target::of(&wish.external_id)?, wish.mark) {
            (Target::Notification(id), Mark::Read(_)) => Self::Viewed(id),
            (Target::Notification(id), Mark::Starred(_)) => Self::Star(id),
            (Target::Conversation { conversation }, Mark::Read(_)) => Self::Conversation(conversation),
            (Target::Conversation { conversation }, Mark::Starred(_)) => Self::ConversationStar(conversation),
        })
    }

    fn mark(self, set: bool) -> Mark {
        match self {
            Self::Viewed(_) | Self::Conversation(_) => Mark::Read(set),
            Self::Star(_) | Self::ConversationStar(_) => Mark::Starred(set),
        }
    }
}

/// What to do now. The end of everything but a rest has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing, or nothing before this.
    Rest(Option<Instant>),
    /// Ask the engine which wishes one call may serve: [`Wishes::answered`].
    Ask,
    /// Ask the service what is unread there: [`Wishes::looked`].
    Look,
    /// Make this call, to set or to take away: [`Wishes::ended`].
    Call(Call, bool),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The service took it, or has nothing to do any more.
    Done,
    /// It failed in passing.
    Failed,
    /// Nothing came of it and never will. What it should have served together is told singly.
    Refused,
}

#[derive(Debug)]
struct Wanted {
    set: bool,
    external_ids: Vec<String>,
    /// A call for several was refused: from now on singly.
    alone: bool,
}

/// All open wishes of an account.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    open: BTreeMap<Single, Wanted>,
    /// When the first of those that are still open came, and the last one.
    first: Option<Instant>,
    last: Option<Instant>,
    doing: Option<Doing>,
    /// The engine's answer, to be acted on at once.
    answer: Option<Together>,
    /// What is unread at the service, as just looked; `Some(None)` if that is too much to tell.
    looked: Option<Option<BTreeSet<i64>>>,
    /// Since when something heard was not kept yet, as far as that was in the way.
    unknown: Option<Instant>,
    /// Time for second thoughts.
    hold: Option<Instant>,
    /// Nothing more can be told together, until the next wish.
    singly: bool,
}

#[derive(Debug)]
enum Doing {
    Asking,
    Looking,
    Calling { call: Call, members: Vec<Single>, set: bool },
}

impl Wishes {
    /// A new wish. Gives it back if there is nothing that could be done about it.
    pub(crate) fn wish(&mut self, wish: Wish, now: Instant) -> Option<Wish> {
        let Some(single) = Single::of(&wish) else { return Some(wish) };
        let set = wish.mark.is_set();
        match self.open.entry(single) {
            Entry::Vacant(place) => {
                place.insert(Wanted { set, external_ids: vec![wish.external_id], alone: false });
            }
            Entry::Occupied(place) => {
                let wanted = place.into_mut();
                if wanted.set == set && wanted.external_ids.contains(&wish.external_id) {
                    return None;
                }
                if wanted.set != set {
                    // The person thought better of it; a call under way tells the older wish and will find a newer one here.
                    *wanted = Wanted { set, external_ids: Vec::new(), alone: false };
                }
                wanted.external_ids.push(wish.external_id);
            }
        }
        self.first.get_or_insert(now);
        self.last = Some(now);
        if matches!(single, Single::Viewed(_)) {
            self.forget_answers();
        }
        None
    }

    /// The next step. `known`: everything that the service has told so far is kept, so that the engine knows what the person has not seen.
    pub(crate) fn next(&mut self, now: Instant, known: bool) -> Step {
        let (Some(first), Some(last), None) = (self.first, self.last, &self.doing) else {
            return Step::Rest(None);
        };
        let settled = (last + SETTLE).min(first + SETTLED);
        if now < settled {
            return Step::Rest(Some(settled));
        }
        if let Some(until) = self.hold.filter(|until| now < *until) {
            return self.besides().unwrap_or(Step::Rest(Some(until)));
        }
        if self.singly || self.marks().count() < 2 {
            return self.singly();
        }
        if !known {
            let until = *self.unknown.get_or_insert(now) + UNTIL_QUIET;
            return if now < until {
                self.besides().unwrap_or(Step::Rest(Some(until)))
            } else {
                self.singly()
            };
        }
        self.unknown = None;
        match self.answer.take() {
            None => {
                self.doing = Some(Doing::Asking);
                Step::Ask
            }
            Some(together) => self.decide(&together, first, last, now),
        }
    }

    /// What the engine answered to [`Step::Ask`]; `None` if it could not say. The next step has to be asked for at once.
    pub(crate) fn answered(&mut self, together: Option<Together>) {
        self.doing = None;
        self.answer = Some(together.unwrap_or_default());
    }

    /// What the service says is unread there; `None` if that is too much to tell. Gives the wishes that are fulfilled already.
    pub(crate) fn looked(&mut self, unread: Option<BTreeSet<i64>>) -> Vec<Wish> {
        self.doing = None;
        let mut fulfilled = Vec::new();
        if let Some(unread) = &unread {
            let there: Vec<Single> = self
                .marks()
                .filter(|(id, wanted)| wanted.set != unread.contains(id))
                .map(|(id, _)| Single::Viewed(id))
                .collect();
            fulfilled = there.into_iter().flat_map(|single| self.take(single)).collect();
        }
        self.looked = Some(unread);
        self.rest_if_empty();
        fulfilled
    }

    /// The call has ended. Gives the wishes that are over with it.
    pub(crate) fn ended(&mut self, end: End) -> Vec<Wish> {
        let Some(Doing::Calling { call, members, set }) = self.doing.take() else { return Vec::new() };
        let single = matches!(call, Call::Single(_));
        let over = match end {
            End::Done => true,
            End::Failed => false,
            End::Refused => single,
        };
        let mut done = Vec::new();
        for member in members {
            let Some(wanted) = self.open.get_mut(&member).filter(|wanted| wanted.set == set) else {
                continue;
            };
            if over {
                done.extend(self.take(member));
            } else if end == End::Refused && matches!(call, Call::Thing { .. }) {
                wanted.alone = true;
            }
        }
        self.rest_if_empty();
        done
    }

    /// For how many notifications the call that is under way is made.
    pub(crate) fn under_way(&self) -> usize {
        match &self.doing {
            Some(Doing::Calling { members, .. }) => members.len(),
            Some(Doing::Asking | Doing::Looking) | None => 0,
        }
    }

    /// How many things are still to be told.
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// After something failed in passing: what was asked before has to be asked again.
    pub(crate) fn failed(&mut self) {
        self.doing = None;
        self.forget_answers();
    }

    /// After a link has ended nothing is under way any more.
    pub(crate) fn link_ended(&mut self) {
        self.failed();
    }

    fn decide(&mut self, together: &Together, first: Instant, last: Instant, now: Instant) -> Step {
        let bundles: Vec<(Call, Vec<Single>)> =
            together.things.iter().filter_map(|thing| self.bundle(thing)).collect();
        let bundled: usize = bundles.iter().map(|(_, members)| members.len()).sum();
        let calls = bundles.len() + self.marks().count().saturating_sub(bundled);
        if calls > MANY && self.looked.is_none() {
            let until = (last + SECOND_THOUGHTS).min(first + AT_LAST);
            if now < until {
                self.hold = Some(until);
                return self.besides().unwrap_or(Step::Rest(Some(until)));
            }
            self.doing = Some(Doing::Looking);
            return Step::Look;
        }
        // A look is good for one decision, right after it.
        let unread = self.looked.as_mut().and_then(Option::take);
        if calls > MANY && together.everything {
            let wished: BTreeSet<i64> =
                self.marks().filter(|(_, wanted)| wanted.set).map(|(id, _)| id).collect();
            if unread.is_some_and(|unread| unread.is_subset(&wished)) {
                let members = wished.into_iter().map(Single::Viewed).collect();
                return self.call(Call::Everything, members, true);
            }
        }
        match bundles.into_iter().next() {
            Some((call, members)) => self.call(call, members, true),
            None => {
                self.singly = true;
                self.singly()
            }
        }
    }

    /// The call that serves all wishes about one thing, if each of them may be told with others.
    fn bundle(&self, thing: &Thing) -> Option<(Call, Vec<Single>)> {
        // It becomes part of an address.
        let plain = !thing.what.is_empty() && thing.what.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let id = thing.id.parse().ok().filter(|_| plain)?;
        let members: Option<Vec<Single>> = thing
            .external_ids
            .iter()
            .map(|external_id| {
                let single = Single::Viewed(normalize::number(external_id)?);
                self.open.get(&single).filter(|wanted| wanted.set && !wanted.alone).map(|_| single)
            })
            .collect();
        let members = members.filter(|members| members.len() > 1)?;
        Some((Call::Thing { what: thing.what.clone(), id }, members))
    }

    /// A call for one: what is not about reading notifications first, for it is little.
    fn singly(&mut self) -> Step {
        if let Some(step) = self.besides() {
            return step;
        }
        let first = self.open.iter().next().map(|(single, wanted)| (*single, wanted.set));
        first.map_or(Step::Rest(None), |(single, set)| self.call(Call::Single(single), vec![single], set))
    }

    /// A call that has nothing to do with what waits to be told together.
    fn besides(&mut self) -> Option<Step> {
        let other = self.open.iter().find(|(single, _)| !matches!(single, Single::Viewed(_)));
        let (single, set) = other.map(|(single, wanted)| (*single, wanted.set))?;
        Some(self.call(Call::Single(single), vec![single], set))
    }

    fn call(&mut self, call: Call, members: Vec<Single>, set: bool) -> Step {
        self.doing = Some(Doing::Calling { call: call.clone(), members, set });
        Step::Call(call, set)
    }

    fn marks(&self) -> impl Iterator<Item = (i64, &Wanted)> {
        self.open.iter().filter_map(|(single, wanted)| match single {
            Single::Viewed(id) => Some((*id, wanted)),
            Single::Conversation(_) | Single::Star(_) | Single::ConversationStar(_) => None,
        })
    }

    fn take(&mut self, single: Single) -> Vec<Wish> {
        let Some(wanted) = self.open.remove(&single) else { return Vec::new() };
        let mark = single.mark(wanted.set);
        wanted.external_ids.into_iter().map(|external_id| Wish { external_id, mark }).collect()
    }

    fn forget_answers(&mut self) {
        (self.answer, self.looked, self.hold, self.singly) = (None, None, None, false);
    }

    fn rest_if_empty(&mut self) {
        if self.open.is_empty() {
            (self.first, self.last) = (None, None);
            self.forget_answers();
        }
    }
}

#[cfg(test)]
#[path = "wishes_tests.rs"]
mod tests;

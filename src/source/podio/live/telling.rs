//! Telling the person's wishes: carries out the steps that `wishes` names, and what follows from their end.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{LONG, Live, Stage, Work};
use crate::link::Failure;
use crate::notification::{Mark, Notification, Together};
use crate::source::podio::api::{Api, ApiError, Listing};
use crate::source::podio::budget::Purpose;
use crate::source::podio::catch_up;
use crate::source::podio::normalize;
use crate::source::podio::wishes::{Call, End, MANY, Single, Step};
use crate::source::{Report, Wish};

/// More unread notifications than this are not listed for the sake of wishes.
const MOST_LISTED: usize = 2_000;
/// After a call that marked several, what is heard within this may have been marked with them.
const SWEPT: Duration = Duration::from_secs(5);

impl Live<'_> {
    pub(super) fn act_on_wishes(&mut self, now: Instant) {
        self.wishes_rest = None;
        let live = self.stage == Stage::Live;
        let many = self.podio.wishes.count() > MANY;
        // Many may become a few calls once all is known.
        if now < self.wishes_at || (many && !live) {
            return;
        }
        let known = live && self.podio.completing.is_idle() && self.podio.outgoing.has_no_notifications();
        match self.podio.wishes.next(now, known) {
            Step::Rest(until) => self.wishes_rest = until,
            Step::Ask => {
                let reports = self.reports.clone();
                self.works.push(Box::pin(async move {
                    Work::Together(reports.together(normalize::NOTIFICATIONS.to_owned()).await)
                }));
            }
            Step::Look => {
                let api = self.podio.api.clone();
                let unread = Listing { unviewed: true, ..Listing::default() };
                self.works.push(Box::pin(async move {
                    let listed = catch_up::numbers_of(&api, &unread, MOST_LISTED, Purpose::Needed).await;
                    Work::Looked(now, listed)
                }));
            }
            Step::Call(call, set) => {
                if !matches!(call, Call::Single(_)) {
                    self.swept = Some((call.clone(), now + LONG));
                }
                let api = self.podio.api.clone();
                let purpose =
                    if many && matches!(call, Call::Single(_)) { Purpose::Useful } else { Purpose::Needed };
                self.works.push(Box::pin(async move {
                    let result = tell(&api, &call, set, purpose).await;
                    Work::Told(call, set, result)
                }));
            }
        }
    }

    pub(super) fn together(&mut self, together: Result<Together, Failure>) -> Result<(), Failure> {
        match together {
            Ok(together) => {
                self.podio.wishes.answered(Some(together));
                Ok(())
            }
            Err(failure) => self.tell_later(failure),
        }
    }

    /// What is unread there, as asked for at `began`.
    pub(super) fn looked(
        &mut self,
        began: Instant,
        listed: Result<Option<BTreeSet<i64>>, ApiError>,
    ) -> Result<(), Failure> {
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => return self.tell_later(error.into_failure()),
        };
        self.failures = 0;
        // What was pushed just now may not be in the list yet.
        let heard = self.podio.heard.since(began.into_std());
        let unread = listed.zip(heard).map(|(mut listed, heard)| {
            listed.extend(heard);
            listed
        });
        for wish in self.podio.wishes.looked(unread) {
            self.podio.outgoing.tell(Report::Done(wish));
        }
        Ok(())
    }

    pub(super) fn told(
        &mut self,
        call: Call,
        set: bool,
        result: Result<(), ApiError>,
    ) -> Result<(), Failure> {
        if let Some((_, until)) = self.swept.as_mut().filter(|(swept, _)| *swept == call) {
            *until = Instant::now() + SWEPT;
        }
        let end = match result {
            Ok(()) => {
                self.failures = 0;
                self.count_told(&call, set);
                End::Done
            }
            Err(ApiError::Failed(failure)) => {
                self.podio.wishes.ended(End::Failed);
                return self.tell_later(failure);
            }
            Err(ApiError::Gone) => match call {
                // What is gone cannot be marked, today or tomorrow.
                Call::Single(_) => End::Done,
                // Maybe only this way of saying it.
                Call::Thing { .. } | Call::Everything => End::Refused,
            },
            Err(ApiError::Refused(words)) => {
                let refused = self.podio.wishes.ended(End::Refused);
                if let Call::Single(single) = call
                    && !refused.is_empty()
                {
                    self.look_how_it_stands(single, refused, words);
                }
                return Ok(());
            }
        };
        for wish in self.podio.wishes.ended(end) {
            self.podio.outgoing.tell(Report::Done(wish));
        }
        Ok(())
    }

    /// One that was made while a call marked several may have been marked with them. The person has not seen it: it stays unread, here
    /// and there.
    pub(super) fn not_swept_along(&mut self, mut whole: Notification) -> Notification {
        let about = |call: &Call| match call {
            Call::Everything => true,
            Call::Thing { what, id } => *what == whole.context.what && id.to_string() == whole.context.id,
            Call::Single(_) => false,
        };
        let now = Instant::now();
        if whole.read && self.swept.as_ref().is_some_and(|(call, until)| now < *until && about(call)) {
            whole.read = false;
            let wish = Wish { external_id: whole.external_id.clone(), mark: Mark::Read(false) };
            // It names a notification, so there is something that can be done about it.
            drop(self.podio.wishes.wish(wish, now));
        }
        whole
    }

    /// The service refused for good: the mark goes back to what it is there.
    pub(super) fn refused_wishes(&mut self, wishes: Vec<Wish>, words: &str, group: Option<&Value>) {
        for wish in wishes {
            let there = group.and_then(|group| {
                normalize::group(group, self.reader())
                    .into_iter()
                    .find(|one| one.external_id == wish.external_id)
            });
            let stands = match (wish.mark, there) {
                (Mark::Read(_), Some(there)) => Mark::Read(there.read),
                (Mark::Starred(_), Some(there)) => Mark::Starred(there.starred),
                (mark, None) => mark.opposite(),
            };
            self.podio.outgoing.tell(if stands == wish.mark {
                Report::Done(wish)
            } else {
                Report::Refused { wish, stands, words: words.to_owned() }
            });
        }
    }

    /// Asks for the notification. Never for a conversation: that might mark it read.
    fn look_how_it_stands(&mut self, single: Single, refused: Vec<Wish>, words: String) {
        let api = self.podio.api.clone();
        self.works.push(Box::pin(async move {
            let group = match single {
                Single::Viewed(id) | Single::Star(id) => api.one(id).await.ok(),
                Single::Conversation(_) | Single::ConversationStar(_) => None,
            };
            Work::Refused(refused, words, group)
        }));
    }

    fn tell_later(&mut self, failure: Failure) -> Result<(), Failure> {
        self.podio.wishes.failed();
        self.put_off(failure).map(|wait| self.wishes_at = Instant::now() + wait)
    }

    /// The count that the service will push is expected.
    fn count_told(&mut self, call: &Call, set: bool) {
        let step = match call {
            Call::Single(Single::Viewed(_)) | Call::Thing { .. } | Call::Everything => {
                i64::try_from(self.podio.wishes.under_way()).unwrap_or(i64::MAX)
            }
            Call::Single(Single::Conversation(_) | Single::Star(_) | Single::ConversationStar(_)) => 0,
        };
        let step = if set { -step } else { step };
        self.podio.known_unread = self.podio.known_unread.map(|count| count.saturating_add(step));
    }
}

async fn tell(api: &Api, call: &Call, set: bool, purpose: Purpose) -> Result<(), ApiError> {
    match call {
        Call::Single(Single::Viewed(id)) => api.mark_viewed(*id, set, purpose).await,
        Call::Single(Single::Conversation(id)) => api.mark_conversation(*id, set, purpose).await,
        Call::Single(Single::Star(id)) => api.mark_starred(*id, set, purpose).await,
        Call::Single(Single::ConversationStar(id)) => api.star_conversation(*id, set, purpose).await,
        Call::Thing { what, id } => api.mark_thing_viewed(what, *id, purpose).await,
        Call::Everything => api.mark_all_viewed(purpose).await,
    }
}

//! Reading a channel from a position, and what can be known of what went.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream::RawMessageErrorKind;
use futures_util::TryStreamExt as _;

use super::{EVENT, NatsStore};
use crate::channel::ChannelId;
use crate::store::{Kept, PAGE_BYTES, Page, StoreError};

/// A new leader has taken in by then all that the one before had said was stored.
const SETTLED: Duration = Duration::from_secs(5);
/// How often a stream that seems to end before a reader's position is looked at again, and how long after.
const LOOKS: u32 = 8;
const LOOK: Duration = Duration::from_millis(500);

/// How far the stream reached some time ago. What a reader does not find below this number is not there.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    older: Option<(Instant, u64)>,
    newer: Option<(Instant, u64)>,
}

impl Horizon {
    fn see(&mut self, newest: u64, now: Instant) {
        match self.newer {
            Some((at, _)) if now.duration_since(at) < SETTLED => {}
            Some(_) | None => {
                self.older = self.newer.take();
                self.newer = Some((now, newest));
            }
        }
    }

    fn settled(&self, now: Instant) -> u64 {
        let old_enough = |(at, _): &(Instant, u64)| now.duration_since(*at) >= SETTLED;
        let seen = self.newer.filter(old_enough).or(self.older.filter(old_enough));
        seen.map_or(0, |(_, newest)| newest)
    }
}

/// From where to where the stream reaches, and how many entries of a channel it holds at most.
struct Reach {
    first: u64,
    newest: u64,
    cap: u64,
}

impl NatsStore {
    /// The entries after a position. The stream's state is asked for after they were read: what goes in between is said, not hidden.
    pub(super) async fn page(
        &self,
        channel: ChannelId,
        after: u64,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let subject = self.names.subject(channel);
        let settled = self.horizon.lock().unwrap_or_else(PoisonError::into_inner).settled(Instant::now());
        let mut page = Page { more: true, ..Page::default() };
        let (mut place, mut bytes) = (after, 0);
        while page.entries.len() < limit.max(1) && bytes < PAGE_BYTES {
            let Some(kept) = self.next(&subject, place.saturating_add(1)).await? else {
                page.more = false;
                break;
            };
            place = kept.seq;
            bytes += kept.data.len();
            page.entries.push(kept);
        }
        let Reach { first, newest, cap } = self.reach(after).await?;
        page.newest = newest;
        let last = page.entries.last().map_or(after.min(newest), |kept| kept.seq);
        page.end = if page.more { last } else { last.max(settled.min(newest)) };
        let gone = first.saturating_sub(1);
        if nothing_missed(after, gone, newest, cap) {
            page.trimmed = gone;
            page.oldest = page.entries.first().map(|kept| kept.seq);
        } else {
            page.oldest = self.next(&subject, 1).await?.map(|kept| kept.seq);
            let bucket = &self.bucket;
            let born = self.insist(|| async move { bucket.birth(channel).await }).await?;
            page.trimmed = trimmed(gone, page.oldest, self.count(&subject).await?, cap, born);
            // What went is behind the reader, too, once it was told.
            page.end = page.end.max(page.trimmed);
        }
        Ok(page)
    }

    /// The first entry of a subject at or after a sequence number, by the stream's leader.
    async fn next(&self, subject: &str, from: u64) -> Result<Option<Kept>, StoreError> {
        let stream = &self.stream;
        let question = || async move {
            match stream.get_first_raw_message_by_subject(subject, from).await {
                Ok(message) => Ok(Some(message)),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(error),
            }
        };
        let message = self.insist(question).await?;
        Ok(message.map(|message| Kept {
            seq: message.sequence,
            event: message.headers.get(EVENT).map(|name| name.as_str().to_owned()).unwrap_or_default(),
            data: message.payload,
        }))
    }

    /// How far the stream reaches. A stream that ends before what was given out is looked at again: its
    /// new leader may not have come so far yet.
    async fn reach(&self, after: u64) -> Result<Reach, StoreError> {
        let mut looks = 0;
        loop {
            let stream = &self.stream;
            let info = self.insist(|| async move { stream.get_info().await }).await?;
            let (first, last) = (info.state.first_sequence, info.state.last_sequence);
            looks += 1;
            let given_out = self.newest.load(Ordering::Relaxed).max(after);
            if last >= given_out || looks > LOOKS {
                let mut horizon = self.horizon.lock().unwrap_or_else(PoisonError::into_inner);
                horizon.see(last, Instant::now());
                self.newest.fetch_max(last, Ordering::Relaxed);
                // Another relay may have been started with less.
                let cap = u64::try_from(info.config.max_messages_per_subject)
                    .map_or(self.cap, |cap| cap.min(self.cap));
                return Ok(Reach { first, newest: last, cap });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn count(&self, subject: &str) -> Result<u64, StoreError> {
        let stream = &self.stream;
        let question = || async move {
            let subjects = stream.info_builder().subjects(subject).fetch().await?;
            subjects.try_collect::<Vec<(String, usize)>>().await
        };
        let counts = self.insist(question).await?;
        Ok(counts.iter().map(|(_, count)| u64::try_from(*count).unwrap_or(u64::MAX)).sum())
    }
}

/// Whether it is certain that nothing of any channel went after this position: the stream begins at or before what follows it, and not
/// so much has come since that a channel could have overflowed.
fn nothing_missed(after: u64, gone: u64, newest: u64, cap: u64) -> bool {
    after >= gone && newest.saturating_sub(after) <= cap
}

/// An upper bound for the newest entry of a channel that went. A stream does not say what went of which channel: of age, all that is gone
/// may have been this channel's, unless it began later; of too many, what lies before its oldest, and only where it is full.
fn trimmed(gone: u64, oldest: Option<u64>, count: u64, cap: u64, born: Option<u64>) -> u64 {
    let bound = match oldest {
        Some(oldest) if count >= cap => oldest.saturating_sub(1),
        Some(_) | None => gone,
    };
    match (born, oldest) {
        (Some(born), _) if bound <= born => 0,
        (None, None) => 0,
        (Some(_) | None, _) => bound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_horizon_counts_only_once_it_has_settled() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut horizon = Horizon::default();
        assert_eq!(horizon.settled(start), 0);
        horizon.see(10, at(0));
        assert_eq!(horizon.settled(at(4)), 0);
        horizon.see(20, at(4));
        assert_eq!(horizon.settled(at(5)), 10);
        horizon.see(30, at(6));
        assert_eq!(horizon.settled(at(7)), 10);
        assert_eq!(horizon.settled(at(11)), 30);
    }

    #[test]
    fn a_reader_within_what_is_kept_has_missed_nothing() {
        assert!(nothing_missed(0, 0, 0, 5));
        assert!(nothing_missed(7, 7, 9, 5));
        assert!(!nothing_missed(6, 7, 9, 5), "the stream begins later");
        assert!(!nothing_missed(3, 0, 9, 5), "the channel may have overflowed");
    }

    #[test]
    fn what_went_is_never_said_to_be_less_than_it_was() {
        assert_eq!(trimmed(0, Some(3), 5, 5, Some(0)), 2);
        assert_eq!(trimmed(0, Some(3), 4, 5, Some(0)), 0);
        assert_eq!(trimmed(9, Some(12), 4, 5, Some(0)), 9);
        assert_eq!(trimmed(9, None, 0, 5, Some(8)), 9);
        assert_eq!(trimmed(9, Some(12), 4, 5, None), 9, "its beginning is not known");
    }

    #[test]
    fn a_channel_that_began_later_lost_nothing() {
        assert_eq!(trimmed(9, Some(12), 4, 5, Some(9)), 0);
        assert_eq!(trimmed(9, None, 0, 5, Some(10)), 0);
        assert_eq!(trimmed(9, Some(12), 5, 5, Some(11)), 0);
        assert_eq!(trimmed(9, None, 0, 5, None), 0, "nothing ever came");
    }
}

//! What waits for the engine: live notifications and reports, in order, one hand-over at a time. While one is being committed the next
//! notifications gather, so that a burst becomes a few commits. Pure but for the hand-over itself.

use std::collections::VecDeque;

use crate::link::Failure;
use crate::notification::{Arrival, Notification};
use crate::source::{Report, Reports};

/// Most notifications in one commit.
const TOGETHER: usize = 200;
/// Most notifications waiting. The engine would have to stand still for this many to gather; catching up brings what finds no place.
const MOST: usize = 10_000;

/// One thing to hand over.
#[derive(Debug)]
enum Item {
    Notifications(Vec<Notification>, Arrival),
    StillUnread { family: String },
    Tell(Report),
}

/// The queue to the engine.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    items: VecDeque<Item>,
    count: usize,
    under_way: Option<(Vec<Notification>, Arrival)>,
    busy: bool,
}

impl Outgoing {
    /// Queues a notification. False if there is no place.
    pub(crate) fn notification(&mut self, notification: Notification, arrival: Arrival) -> bool {
        if self.count >= MOST {
            return false;
        }
        self.count += 1;
        match self.items.back_mut() {
            Some(Item::Notifications(batch, as_these)) if *as_these == arrival && batch.len() < TOGETHER => {
                batch.push(notification);
            }
            Some(_) | None => self.items.push_back(Item::Notifications(vec![notification], arrival)),
        }
        true
    }

    /// Queues a report that needs no answer.
    pub(crate) fn tell(&mut self, report: Report) {
        self.items.push_back(Item::Tell(report));
    }

    /// Queues that nothing of a family is unread any more.
    pub(crate) fn all_read(&mut self, family: String) {
        self.items.push_back(Item::StillUnread { family });
    }

    /// The next hand-over, if none is under way. Its end has to be told with [`Self::handed_over`].
    pub(crate) fn next(
        &mut self,
        reports: &Reports,
    ) -> Option<impl Future<Output = Result<(), Failure>> + use<>> {
        if self.busy {
            return None;
        }
        let item = self.items.pop_front()?;
        self.busy = true;
        if let Item::Notifications(batch, arrival) = &item {
            // Kept until it is committed: a conversation's message can be had only once.
            self.under_way = Some((batch.clone(), *arrival));
        }
        let reports = reports.clone();
        Some(async move {
            match item {
                Item::Notifications(batch, arrival) => reports.deliver(batch, arrival, None).await,
                Item::StillUnread { family } => reports.still_unread(family, Vec::new(), None).await,
                Item::Tell(report) => {
                    reports.tell(report).await;
                    Ok(())
                }
            }
        })
    }

    /// True if every notification that was queued is kept.
    pub(crate) fn has_no_notifications(&self) -> bool {
        self.count == 0
    }

    /// A hand-over has ended. What was not kept goes back to the front.
    pub(crate) fn handed_over(&mut self, kept: &Result<(), Failure>) {
        self.busy = false;
        let Some((batch, arrival)) = self.under_way.take() else { return };
        match kept {
            Ok(()) => self.count = self.count.saturating_sub(batch.len()),
            Err(_) => self.items.push_front(Item::Notifications(batch, arrival)),
        }
    }

    /// After a link has ended: states and the like are of yesterday; notifications are kept for the next one.
    pub(crate) fn link_ended(&mut self) {
        let unfinished = Err(Failure::transient("the link ended"));
        self.handed_over(&unfinished);
        self.items.retain(|item| match item {
            Item::Notifications(..) | Item::StillUnread { .. } => true,
            Item::Tell(Report::Done(_) | Report::Refused { .. }) => true,
            Item::Tell(
                Report::State(_)
                | Report::Alive
                | Report::Unheard(_)
                | Report::Identity { .. }
                | Report::Deliver { .. }
                | Report::StillUnread { .. }
                | Report::Begin { .. }
                | Report::Acted { .. }
                | Report::UnreadThere { .. }
                | Report::Starred { .. }
                | Report::Together { .. }
                | Report::Kept { .. }
                | Report::Seen(_),
            ) => false,
        });
    }
}

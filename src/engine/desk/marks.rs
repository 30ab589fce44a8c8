//! The desk's marks beyond reading one: whole threads, stars.

use super::Desk;
use crate::engine::supervisor::Nudge;
use crate::engine::views::Trouble;
use crate::notification::{Mark, NotificationId};
use crate::source::Wish;

impl Desk {
    /// Marks all that is kept about the same thing as this notification read or unread, here and (soon) at the service. Gives back those
    /// that changed.
    pub async fn set_thread_read(
        &self,
        id: NotificationId,
        read: bool,
    ) -> Result<Vec<NotificationId>, Trouble> {
        self.row(id).await?;
        let thread = self.inner.store.thread(id).await?;
        self.set_read(thread, read).await
    }

    /// Stars notifications, or takes their stars away, here and (soon) at the service. Gives back those that changed.
    pub async fn set_starred(
        &self,
        ids: Vec<NotificationId>,
        starred: bool,
    ) -> Result<Vec<NotificationId>, Trouble> {
        for id in &ids {
            self.row(*id).await?;
        }
        let changed = self.inner.intake.person_starred(ids, starred).await?;
        self.wish(&changed, Mark::Starred(starred)).await?;
        Ok(changed)
    }

    /// Lets the links hear of what is to be told to their services; it is kept in the store until then.
    pub(super) async fn wish(&self, ids: &[NotificationId], mark: Mark) -> Result<(), Trouble> {
        for id in ids {
            let row = self.row(*id).await?.notification;
            if let Some(link) = self.inner.supervisors.lock().await.get(&row.account) {
                link.nudge(Nudge::Wish(Wish { external_id: row.external_id, mark }));
            }
        }
        Ok(())
    }
}

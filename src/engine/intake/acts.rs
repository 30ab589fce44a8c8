//! What a source says of the acts it tells: kept first, then answered, then told to faces.

use tokio::sync::oneshot;
use tracing::{error, info};

use super::{Intake, failure};
use crate::account::AccountId;
use crate::act::{ActEnd, ActState};
use crate::engine::views::Signal;
use crate::link::Failure;
use crate::notification::{Mark, NotificationId};
use crate::source::{Begun, Wish};
use crate::store::{KeptAct, StoreError};

impl Intake {
    /// Before a new source of an account, or of any: what an earlier one was telling when it ended will never be answered.
    pub(in crate::engine) async fn acts_left_behind(
        &self,
        account: Option<&AccountId>,
    ) -> Result<(), StoreError> {
        let left = self.store.acts_left_behind(account.cloned(), self.env.clock.now()).await?;
        for act in left {
            self.ended(act).await;
        }
        Ok(())
    }

    /// A source is about to tell an act.
    pub(in crate::engine) async fn begin_act(
        &self,
        number: i64,
        begun: oneshot::Sender<Result<Begun, Failure>>,
    ) {
        let found = self.store.begin_act(number).await;
        let id = match &found {
            Ok(Some(_)) => self.store.act(number).await.ok().flatten().map(|act| act.notification),
            Ok(None) | Err(_) => None,
        };
        // A source that is gone asks again in its next life.
        drop(begun.send(found.map(|found| found.map(Box::new)).map_err(|error| failure(&error))));
        if let Some(id) = id {
            self.signals.send(Signal::Changed { id });
        }
    }

    /// How telling an act ended.
    pub(in crate::engine) async fn acted(
        &self,
        number: i64,
        end: ActEnd,
        kept: oneshot::Sender<Result<Vec<Wish>, Failure>>,
    ) {
        match self.store.act_ended(number, end, self.env.clock.now()).await {
            Ok(changed) => {
                let wishes = match changed {
                    Some(act) => self.ended(act).await,
                    None => Vec::new(),
                };
                drop(kept.send(Ok(wishes)));
            }
            Err(error) => {
                error!(number, %error, "what came of an act could not be kept");
                drop(kept.send(Err(failure(&error))));
            }
        }
    }

    /// What follows from an act that ended: whoever answered has read.
    async fn ended(&self, act: KeptAct) -> Vec<Wish> {
        let id = act.notification;
        info!(number = act.number, act = act.act.name(), state = ?act.state, "act");
        let mut wishes = Vec::new();
        if act.state == ActState::Done && act.act.reads() {
            match self.read_by_act(id).await {
                Ok(wish) => wishes.extend(wish),
                // The act is done all the same; the notification stays unread.
                Err(error) => error!(%error, "a notification could not be marked as read"),
            }
        }
        self.signals.send(Signal::Changed { id });
        if matches!(act.state, ActState::Refused | ActState::Unsure)
            && let Err(error) = self.tell_failed(&act).await
        {
            error!(%error, "that an act came to nothing could not be told; it is kept with its notification");
        }
        wishes
    }

    async fn tell_failed(&self, act: &KeptAct) -> Result<(), StoreError> {
        let Some(row) = self.store.get(act.notification).await? else { return Ok(()) };
        let title = act.act.failed_title(act.state == ActState::Unsure);
        self.teller.act_failed(&row, title, act.words.as_deref().unwrap_or_default()).await
    }

    async fn read_by_act(&self, id: NotificationId) -> Result<Option<Wish>, StoreError> {
        if self.person_read(vec![id], true).await?.is_empty() {
            return Ok(None);
        }
        let row = self.store.get(id).await?;
        Ok(row.map(|row| Wish { external_id: row.notification.external_id, mark: Mark::Read(true) }))
    }
}

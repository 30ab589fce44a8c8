//! What a source says of the acts it tells: kept first, then answered, then told to faces.

use tokio::sync::oneshot;
use tracing::{error, info};

use super::{Intake, failure};
use crate::account::AccountId;
use crate::act::{ActEnd, ActState};
use crate::engine::views::Signal;
use crate::link::Failure;
use crate::notification::Mark;
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
            self.ended(act, false).await;
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
                    Some((act, read)) => self.ended(act, read).await,
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

    /// What follows from an act that ended: faces hear of it, a toast that is read goes, trouble is told.
    async fn ended(&self, act: KeptAct, read: bool) -> Vec<Wish> {
        let id = act.notification;
        info!(number = act.number, act = act.act.name(), state = ?act.state, "act");
        self.signals.send(Signal::Changed { id });
        if matches!(act.state, ActState::Refused | ActState::Unsure)
            && let Err(error) = self.tell_failed(&act).await
        {
            error!(%error, "that an act came to nothing could not be told; it is kept with its notification");
        }
        if !read {
            return Vec::new();
        }
        self.read(vec![id]).await;
        match self.store.get(id).await {
            Ok(row) => row
                .map(|row| Wish { external_id: row.notification.external_id, mark: Mark::Read(true) })
                .into_iter()
                .collect(),
            Err(error) => {
                error!(%error, "that a notification was read is told to the service by the next link");
                Vec::new()
            }
        }
    }

    async fn tell_failed(&self, act: &KeptAct) -> Result<(), StoreError> {
        let Some(row) = self.store.get(act.notification).await? else { return Ok(()) };
        let title = act.act.failed_title(act.state == ActState::Unsure);
        self.teller.act_failed(&row, title, act.words.as_deref().unwrap_or_default()).await
    }
}

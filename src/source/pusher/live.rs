//! One connection from its first word to its failure: reads the link, makes notifications of what is published, and hands them over
//! beside the reading.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tracing::{debug, info, warn};

use super::Pusher;
use super::link::{Heard, Link};
use crate::link::{Failure, LinkState};
use crate::notification::{Arrival, Notification};
use crate::source::generic::{Event, Reader};
use crate::source::{Order, Outbox, Report, Reports};

/// At most so many are handed over at once.
const AT_ONCE: usize = 200;
/// So many may wait to be kept; then nothing more is read until some are.
const MOST_WAITING: usize = 5_000;
/// How long the end of a connection may wait for the engine to take what was heard.
const LAST_WORDS: Duration = Duration::from_secs(5);

type HandOver = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

pub(super) struct Live<'a> {
    pusher: &'a mut Pusher,
    reader: &'a Reader,
    reports: Reports,
    /// What is being handed over, and how many they are: the first of `unkept`.
    handing: Option<(HandOver, usize)>,
    /// Channels that the server refused on this connection, and why.
    refused: BTreeMap<Arc<str>, String>,
    /// Events of this connection that no rule made anything of.
    unmatched: u64,
}

impl<'a> Live<'a> {
    pub(super) fn new(pusher: &'a mut Pusher, reader: &'a Reader, reports: Reports) -> Self {
        Self { pusher, reader, reports, handing: None, refused: BTreeMap::new(), unmatched: 0 }
    }

    /// Listens until it fails.
    pub(super) async fn run(&mut self, link: &mut Link, outbox: &mut Outbox) -> Failure {
        loop {
            self.hand_over();
            let has_room = self.pusher.unkept.len() < MOST_WAITING;
            tokio::select! {
                heard = link.next(), if has_room => match heard {
                    Ok(heard) => self.take(heard, link.server()).await,
                    Err(failure) => return failure,
                },
                kept = handed(&mut self.handing) => {
                    if let Err(failure) = self.handed_over(kept) {
                        return failure;
                    }
                }
                order = outbox.order() => match order {
                    // The server knows nothing of read and starred: here is all there is.
                    Order::Wish(wish) => self.reports.tell(Report::Done(wish)).await,
                    Order::Probe => link.probe(),
                    // Nothing is offered there, and nothing comes in parts.
                    Order::Complete(_) | Order::Act(_) => {}
                },
            }
        }
    }

    /// Hands over what was heard, if the engine takes it soon; else the next connection does.
    pub(super) async fn end(mut self) {
        if self.unmatched > 0 {
            info!(account = %self.pusher.account, unmatched = self.unmatched, "no rule fitted so many events");
        }
        let rest = async {
            loop {
                self.hand_over();
                if self.handing.is_none() {
                    return;
                }
                let kept = handed(&mut self.handing).await;
                if self.handed_over(kept).is_err() {
                    return;
                }
            }
        };
        if tokio::time::timeout(LAST_WORDS, rest).await.is_err() {
            debug!("what was heard last is handed over by the next connection");
        }
    }

    async fn take(&mut self, heard: Heard, server: &str) {
        let now = self.pusher.env.clock.now();
        match heard {
            Heard::Connected => {
                if let Some(until) = self.pusher.listened_until.take() {
                    warn!(
                        account = %self.pusher.account, %until,
                        "what was published at {} since then is lost, unless a cache channel keeps it", server,
                    );
                }
            }
            Heard::Subscribed { channel } => {
                debug!(account = %self.pusher.account, %channel, "listening");
                self.pusher.listened_until = Some(now);
                if self.refused.remove(&channel).is_some() {
                    self.tell_refused().await;
                }
            }
            Heard::AllSubscribed => {
                self.reports.state(LinkState::Live).await;
                self.tell_refused().await;
            }
            Heard::Refused { channel, why } => {
                warn!(account = %self.pusher.account, %channel, "not listened to: {why}");
                self.refused.insert(channel, why);
                self.tell_refused().await;
            }
            Heard::Message { channel, event, data } => {
                let text = data.as_str().to_owned();
                self.event(&channel, &event, &data.value(), &text, false);
            }
            Heard::MemberAdded { channel, user_id, about } => {
                let data = json!({ "user_id": user_id, "user_info": about.value() });
                self.event(&channel, "member_added", &data, &data.to_string(), true);
            }
            Heard::MemberRemoved { channel, user_id } => {
                let data = json!({ "user_id": user_id });
                self.event(&channel, "member_removed", &data, &data.to_string(), true);
            }
        }
    }

    /// Says which channels are not heard though the link lives.
    async fn tell_refused(&mut self) {
        let unheard = self.refused.first_key_value().map(|(channel, why)| match self.refused.len() {
            1 => format!("“{channel}” is not heard: {why}"),
            many => format!("{many} channels are not heard, “{channel}” among them: {why}"),
        });
        self.reports.tell(Report::Unheard(unheard)).await;
    }

    fn event(&mut self, channel: &str, name: &str, data: &Value, text: &str, only_named: bool) {
        let at = self.pusher.env.clock.now();
        self.pusher.listened_until = Some(at);
        let repeats = is_cache(channel);
        let event = Event { channel, name, data, headers: None, own: None, repeats, only_named, at };
        self.pusher.seen.add(&event, text, BTreeMap::new());
        let reading = self.reader.read(&self.pusher.account, &event);
        for trouble in reading.troubles {
            warn!(account = %self.pusher.account, channel, event = name, "the map of fields: {trouble}");
        }
        match reading.told {
            Some(told) => self.pusher.unkept.push_back(*told),
            None => {
                self.unmatched += 1;
                debug!(account = %self.pusher.account, channel, event = name, "no rule fits");
            }
        }
    }

    /// Begins to hand over what waits, unless some of it is on its way.
    fn hand_over(&mut self) {
        if self.handing.is_some() || self.pusher.unkept.is_empty() {
            return;
        }
        let batch: Vec<Notification> = self.pusher.unkept.iter().take(AT_ONCE).cloned().collect();
        let count = batch.len();
        let reports = self.reports.clone();
        let handing = async move { reports.deliver(batch, Arrival::Live, None).await };
        self.handing = Some((Box::pin(handing), count));
    }

    fn handed_over(&mut self, kept: Result<(), Failure>) -> Result<(), Failure> {
        let count = self.handing.take().map_or(0, |(_, count)| count);
        kept?;
        self.pusher.unkept.drain(..count.min(self.pusher.unkept.len()));
        Ok(())
    }
}

async fn handed(handing: &mut Option<(HandOver, usize)>) -> Result<(), Failure> {
    match handing {
        Some((handing, _)) => handing.await,
        None => std::future::pending().await,
    }
}

/// Cache channels give their last event again to whoever comes.
fn is_cache(channel: &str) -> bool {
    ["cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-"]
        .iter()
        .any(|prefix| channel.starts_with(prefix))
}

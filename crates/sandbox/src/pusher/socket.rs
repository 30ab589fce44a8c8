//! One web socket at `/app/{key}`: frames in go to [`super::talk`], frames out come from the connection's queue. Here
//! are the timers; no rule of the protocol.

use super::hub::Out;
use super::{PusherApps, Silence};
use crate::tasks;
use axum::extract::ws::{
    CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
};
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures_util::SinkExt as _;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::watch;

/// How long the other side may take to answer a close frame.
const FAREWELL: Duration = Duration::from_secs(2);
/// Frames that are written before the socket is flushed.
const BATCH: usize = 256;

pub(super) async fn open(
    Shared(apps): Shared<PusherApps>,
    Path(path): Path<BTreeMap<String, String>>,
    Query(parameters): Query<BTreeMap<String, String>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let key = path.get("key").cloned().unwrap_or_default();
    match upgrade {
        Ok(upgrade) => {
            upgrade.on_upgrade(async move |socket| Line::new(apps, socket).run(&key, &parameters).await)
        }
        Err(_) => (StatusCode::BAD_REQUEST, "This address is for web sockets").into_response(),
    }
}

/// When the server loses patience with a silent client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) ping_after: Option<Duration>,
    pub(super) drop_after: Duration,
}

/// The connection as its task sees it.
struct Line {
    apps: PusherApps,
    socket: WebSocket,
    outgoing: UnboundedReceiver<Out>,
    queue: mpsc::UnboundedSender<Out>,
    late: VecDeque<(Instant, Message)>,
    silence: watch::Receiver<Silence>,
    heard: Instant,
    pinged: Option<Instant>,
}

enum Next {
    On,
    End,
}

impl Line {
    fn new(apps: PusherApps, socket: WebSocket) -> Self {
        let (queue, outgoing) = mpsc::unbounded_channel();
        let silence = apps.shared.silence.subscribe();
        let heard = tasks::instant();
        Self { apps, socket, outgoing, queue, late: VecDeque::new(), silence, heard, pinged: None }
    }

    async fn run(mut self, key: &str, parameters: &BTreeMap<String, String>) {
        let queue = self.queue.clone();
        let mut cut = self.apps.shared.cut.subscribe();
        let greeted = self.apps.change(|state| state.greet(key, parameters, &queue, tasks::instant()));
        let patience = match &greeted {
            Some(greeted) => greeted.patience,
            None => Patience { ping_after: None, drop_after: FAREWELL },
        };
        let socket_id = greeted.map(|greeted| greeted.socket_id);
        // A cut ends a write that waits for a slow reader, too.
        tokio::select! {
            _ = cut.changed() => {}
            () = self.talk(socket_id.as_deref(), patience) => {}
        }
        if let Some(socket_id) = socket_id {
            self.apps.change(|state| state.forget(&socket_id));
        }
    }

    async fn talk(&mut self, socket_id: Option<&str>, patience: Patience) {
        loop {
            let muted = *self.silence.borrow_and_update() == Silence::All;
            let deadline = self.deadline(patience);
            let due = self.late.front().map(|(at, _)| *at);
            let next = tokio::select! {
                // In this order: what is said after a silence was wished waits for its end.
                biased;
                _ = self.silence.changed() => Next::On,
                incoming = self.socket.recv(), if !muted => self.hear(incoming, socket_id).await,
                out = self.outgoing.recv(), if !muted => self.say(out).await,
                () = until(due), if !muted && due.is_some() => self.say_late().await,
                () = until(Some(deadline)), if !muted => self.lose_patience(socket_id, patience),
            };
            match next {
                Next::On => {}
                Next::End => return,
            }
        }
    }

    fn deadline(&self, patience: Patience) -> Instant {
        match (self.pinged, patience.ping_after) {
            (Some(pinged), _) => pinged + patience.drop_after,
            (None, Some(ping_after)) => self.heard + ping_after,
            (None, None) => self.heard + patience.drop_after,
        }
    }

    /// Writes what is in the queue, many frames at a time.
    async fn say(&mut self, first: Option<Out>) -> Next {
        let mut word = first;
        for written in 1..=BATCH {
            match word {
                Some(Out::Text(text)) => {
                    if self.socket.feed(Message::Text(text)).await.is_err() {
                        return Next::End;
                    }
                }
                Some(Out::Late(at, text)) => self.late.push_back((at, Message::Text(text))),
                Some(Out::Close(code, reason)) => {
                    self.close(code, reason).await;
                    return Next::End;
                }
                Some(Out::Cut) | None => {
                    // What was said before is still on its way.
                    let _gone_anyway = self.socket.flush().await;
                    return Next::End;
                }
            }
            // What is taken out of the queue has to be written, too.
            if written == BATCH {
                break;
            }
            match self.outgoing.try_recv() {
                Ok(next) => word = Some(next),
                Err(_) => break,
            }
        }
        match self.socket.flush().await {
            Ok(()) => Next::On,
            Err(_) => Next::End,
        }
    }

    async fn say_late(&mut self) -> Next {
        let now = tasks::instant();
        while let Some((_, message)) = self.late.pop_front_if(|(at, _)| *at <= now) {
            if self.socket.feed(message).await.is_err() {
                return Next::End;
            }
        }
        match self.socket.flush().await {
            Ok(()) => Next::On,
            Err(_) => Next::End,
        }
    }

    /// A close frame, then patience until the other side has read it: a connection dropped at once may lose it.
    async fn close(&mut self, code: u16, reason: String) {
        let frame = CloseFrame { code, reason: reason.into() };
        if self.socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        let answered = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        if tokio::time::timeout(FAREWELL, answered).await.is_err() {
            tracing::debug!("a client did not answer a close frame");
        }
    }

    async fn hear(
        &mut self,
        incoming: Option<Result<Message, axum::Error>>,
        socket_id: Option<&str>,
    ) -> Next {
        let Some(Ok(message)) = incoming else { return Next::End };
        self.heard = tasks::instant();
        self.pinged = None;
        match (message, socket_id) {
            (Message::Text(text), Some(socket_id)) => {
                self.apps.change(|state| state.hear(socket_id, &text, tasks::instant()));
            }
            (Message::Binary(_), _) => self.apps.change(|state| state.observed.garbage += 1),
            (Message::Ping(_), _) => self.apps.change(|state| state.observed.websocket_pings += 1),
            // The answer to it is written by the library with the next flush.
            (Message::Close(_), _) => {
                let _gone_anyway = self.socket.flush().await;
                return Next::End;
            }
            (Message::Pong(_) | Message::Text(_), _) => {}
        }
        Next::On
    }

    fn lose_patience(&mut self, socket_id: Option<&str>, patience: Patience) -> Next {
        let Some(socket_id) = socket_id else { return Next::End };
        if patience.ping_after.is_some() && self.pinged.is_none() {
            self.pinged = Some(tasks::instant());
            self.apps.change(|state| state.ping(socket_id));
        } else {
            // The queue ends with a close, and so does the connection; not to be told again meanwhile.
            self.heard = tasks::instant();
            self.pinged = None;
            self.apps.change(|state| state.drop_stale(socket_id));
        }
        Next::On
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

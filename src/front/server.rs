//! The resident's side of the local socket: takes connections of the same user, answers requests in the order in which they are done,
//! sends signals to those who asked for them.
//!
//! In: lines. Out: lines. What is answered is handed in, so that this file knows the desk in one line only.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{broadcast, oneshot};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::engine::Desk;
use crate::engine::views::{Signal, Trouble};
use crate::env::tasks::Task;
use crate::env::{Paths, Tasks};
use crate::front::local::{self, ReadEnd, Reader};
use crate::front::request::Request;
use crate::front::wire::{self, Call, Hello, LINE_LIMIT, MOST_CONNECTIONS, MOST_OUTSTANDING};

type Answer = Result<Box<RawValue>, Trouble>;

/// Who answers: a function for requests and one that begins to listen to signals.
#[derive(Clone)]
pub struct Answering {
    answer: Arc<dyn Fn(Request) -> BoxFuture<'static, Answer> + Send + Sync>,
    signals: Arc<dyn Fn() -> broadcast::Receiver<Signal> + Send + Sync>,
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answering")
    }
}

impl Answering {
    /// Answers by these functions.
    pub fn by(
        answer: impl Fn(Request) -> BoxFuture<'static, Answer> + Send + Sync + 'static,
        signals: impl Fn() -> broadcast::Receiver<Signal> + Send + Sync + 'static,
    ) -> Self {
        Self { answer: Arc::new(answer), signals: Arc::new(signals) }
    }

    /// Answers by the desk.
    pub fn desk(desk: Desk) -> Self {
        let signals = desk.clone();
        Self::by(
            move |request| {
                let desk = desk.clone();
                Box::pin(async move { request.answered_by(&desk).await })
            },
            move || signals.signals(),
        )
    }
}

/// A running server. Dropped, it ends too, but only `stop` waits for the end.
#[derive(Debug)]
pub struct Server {
    task: Task,
    stop: oneshot::Sender<()>,
}

/// Begins to serve. Fails in words if the socket cannot be made, and as occupied if another resident answers on it.
pub async fn serve(answering: Answering, paths: &Paths) -> Result<Server, Trouble> {
    let listener = local::listen(paths).await?;
    let (stop, stopped) = oneshot::channel();
    let task = Tasks::start("front", take_connections(listener, answering, stopped));
    Ok(Server { task, stop })
}

impl Server {
    /// Closes every connection and removes the socket.
    pub async fn stop(self) {
        // The task is gone only if it failed, which was logged.
        let _ = self.stop.send(());
        self.task.finished().await;
    }
}

async fn take_connections(listener: Listener, answering: Answering, mut stopped: oneshot::Receiver<()>) {
    let mut faces: Vec<Task> = Vec::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        faces.retain(|face| !face.is_finished());
        match accepted {
            Ok(stream) if !local::same_person(&stream) => warn!("a connection of another user was refused"),
            Ok(stream) if faces.len() >= MOST_CONNECTIONS => refuse(&stream).await,
            Ok(stream) => {
                let answering = answering.clone();
                faces.push(Tasks::start("face", async move { serve_face(&stream, &answering).await }));
            }
            Err(error) => {
                warn!(%error, "a connection could not be taken");
                // Too many open files heals; asking again at once would only burn the processor.
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
}

async fn refuse(stream: &Stream) {
    warn!("more than {MOST_CONNECTIONS} connections at once; one was refused");
    let words = "too many programs talk to Belfry at once; close one and try again";
    for line in [Hello::ours().line(), wire::farewell_line(words)] {
        if local::write(stream, &line).await.is_err() {
            return;
        }
    }
}

/// Serves one connection to its end.
async fn serve_face(stream: &Stream, answering: &Answering) {
    let mut reader = Reader::new(stream);
    let end = match greet(stream, &mut reader).await {
        Ok(()) => converse(stream, &mut reader, answering).await,
        Err(end) => Err(end),
    };
    match end {
        Ok(()) => {}
        Err(End::Told(words)) => {
            debug!(words, "a connection is closed");
            // Whoever cannot be told has gone already.
            drop(local::write(stream, &wire::farewell_line(&words)).await);
        }
        Err(End::Gone(error)) => debug!(%error, "a connection broke"),
    }
}

/// Why a connection ends before the face closes it.
enum End {
    /// The face is told why.
    Told(String),
    /// There is nobody to tell.
    Gone(std::io::Error),
}

impl From<ReadEnd> for End {
    fn from(end: ReadEnd) -> Self {
        match end {
            ReadEnd::TooLong(_) | ReadEnd::Unfinished => Self::Told(end.to_string()),
            ReadEnd::Broke(error) => Self::Gone(error),
        }
    }
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error)
    }
}

async fn greet(stream: &Stream, reader: &mut Reader<'_>) -> Result<(), End> {
    local::write(stream, &Hello::ours().line()).await?;
    let Ok(line) = timeout(LINE_LIMIT, reader.next()).await else {
        return Err(End::Told("no greeting came".to_owned()));
    };
    let Some(line) = line? else {
        return Err(End::Gone(std::io::ErrorKind::UnexpectedEof.into()));
    };
    let Some(hello) = Hello::read(&line) else {
        return Err(End::Told("the first line must be a greeting".to_owned()));
    };
    hello.understood("the program that asks").map_err(|trouble| End::Told(trouble.words))
}

async fn converse(stream: &Stream, reader: &mut Reader<'_>, answering: &Answering) -> Result<(), End> {
    // Dropped with the connection: nobody waits for these answers any more. What was asked is carried out all the same.
    let mut under_way: FuturesUnordered<BoxFuture<'static, String>> = FuturesUnordered::new();
    let mut signals: Option<broadcast::Receiver<Signal>> = None;
    loop {
        let line = tokio::select! {
            read = reader.next() => {
                let Some(line) = read? else { return Ok(()) };
                match wire::read_call(&line) {
                    Ok(Call::Ask { id, .. }) if under_way.len() >= MOST_OUTSTANDING => {
                        let words = "too many requests at once; wait for an answer first";
                        wire::answer_line(&id, Err(Trouble::failed(words)))
                    }
                    Ok(Call::Ask { id, request }) => {
                        under_way.push(Box::pin(carried_out((answering.answer)(*request), id)));
                        continue;
                    }
                    Ok(Call::Signals { id }) => {
                        signals.get_or_insert_with(|| (answering.signals)());
                        wire::answer_line(&id, Ok(RawValue::NULL.to_owned()))
                    }
                    Ok(Call::Nothing) => continue,
                    Err(mistake) => wire::misunderstood_line(&mistake),
                }
            }
            Some(line) = under_way.next(), if !under_way.is_empty() => line,
            signal = next_signal(&mut signals) => wire::signal_line(&signal),
        };
        local::write(stream, &line).await?;
    }
}

/// Carries a request out to its end, whether or not the asker stays: half a removal is worse than one nobody waited for.
async fn carried_out(answer: BoxFuture<'static, Answer>, id: Value) -> String {
    let (done, line) = oneshot::channel();
    let work = async move { drop(done.send(answer.await)) };
    Tasks::start("request", work).detach();
    let answer =
        line.await.unwrap_or_else(|_| Err(Trouble::failed("this failed unexpectedly; please report it")));
    wire::answer_line(&id, answer)
}

/// The next signal; pends for ever where none was asked for and once the engine has gone.
async fn next_signal(signals: &mut Option<broadcast::Receiver<Signal>>) -> Signal {
    if let Some(receiver) = signals {
        match receiver.recv().await {
            Ok(signal) => return signal,
            Err(broadcast::error::RecvError::Lagged(_)) => return Signal::Missed,
            Err(broadcast::error::RecvError::Closed) => *signals = None,
        }
    }
    std::future::pending().await
}

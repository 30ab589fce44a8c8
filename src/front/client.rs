//! A face's side of the local socket: many requests may be under way at once over one connection.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use interprocess::local_socket::tokio::Stream;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::timeout;

use crate::engine::views::{Signal, Trouble};
use crate::env::tasks::Task;
use crate::env::{Paths, Tasks};
use crate::front::local::{self, Reader};
use crate::front::request::Request;
use crate::front::wire::{self, Hello, LINE_LIMIT, MOST_OUTSTANDING, Said};

type Answer = Result<Box<RawValue>, Trouble>;

/// A connection to the running resident. Cheap to clone; closed with the last clone.
#[derive(Debug, Clone)]
pub struct Client {
    lines: mpsc::Sender<String>,
    open: Arc<Open>,
    signals: broadcast::WeakSender<Signal>,
    next_id: Arc<AtomicU64>,
    _task: Arc<Task>,
}

/// What is asked and not answered yet, and why the connection ended, once it did.
#[derive(Debug, Default)]
struct Open {
    asked: Mutex<BTreeMap<u64, oneshot::Sender<Answer>>>,
    ended: Mutex<Option<Trouble>>,
}

impl Client {
    /// Connects to the running resident; `None` if none runs. A resident of another version, or one of another user, is trouble in words.
    pub async fn connect(paths: &Paths) -> Result<Option<Self>, Trouble> {
        let stream = match local::connect(paths).await {
            Ok(stream) => stream,
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                return Ok(None);
            }
            Err(error) => {
                return Err(Trouble::failed(format!("the running Belfry cannot be reached: {error}")));
            }
        };
        if !local::same_person(&stream) {
            return Err(Trouble::failed("the running Belfry belongs to another user of this machine"));
        }
        let (lines, to_write) = mpsc::channel(MOST_OUTSTANDING);
        let (signal, _) = broadcast::channel(256);
        let open = Arc::new(Open::default());
        let (greeted, greeting) = oneshot::channel();
        let weak = signal.downgrade();
        let talk = talk(stream, to_write, signal, open.clone(), greeted);
        let client = Self {
            lines,
            open,
            signals: weak,
            next_id: Arc::new(AtomicU64::new(1)),
            _task: Arc::new(Tasks::start("client", talk)),
        };
        match greeting.await {
            Ok(answer) => answer.map(|()| Some(client)),
            Err(_) => Err(gone()),
        }
    }

    /// Asks and waits for the answer.
    pub async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, Trouble> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let line = wire::ask_line(id, &request)?;
        let limit = request.limit();
        let Ok(answer) = timeout(limit, self.call(id, line)).await else {
            self.open.forget(id);
            let words = format!("the running Belfry gave no answer within {} s; restart it", limit.as_secs());
            return Err(Trouble::failed(words));
        };
        serde_json::from_str(answer?.get()).map_err(|error| {
            Trouble::failed(format!(
                "the running Belfry gave an answer that makes no sense here ({error}); restart it"
            ))
        })
    }

    /// What changes from now on, until the connection ends.
    pub async fn signals(&self) -> Result<broadcast::Receiver<Signal>, Trouble> {
        // First listen, then ask: nothing falls between.
        let receiver = self.signals.upgrade().ok_or_else(|| self.open.reason())?.subscribe();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        match timeout(LINE_LIMIT, self.call(id, wire::signals_line(id))).await {
            Ok(answer) => answer.map(|_| receiver),
            Err(_) => {
                self.open.forget(id);
                Err(Trouble::failed("the running Belfry gave no answer; restart it"))
            }
        }
    }

    async fn call(&self, id: u64, line: String) -> Answer {
        let (tell, told) = oneshot::channel();
        self.open.lock_asked().insert(id, tell);
        if self.lines.send(line).await.is_err() {
            self.open.forget(id);
            return Err(self.open.reason());
        }
        told.await.unwrap_or_else(|_| Err(self.open.reason()))
    }
}

impl Open {
    fn lock_asked(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Answer>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, id: u64) {
        self.lock_asked().remove(&id);
    }

    fn answer(&self, id: u64, answer: Answer) {
        if let Some(tell) = self.lock_asked().remove(&id) {
            // Whoever asked may have given up in the meantime.
            drop(tell.send(answer));
        }
    }

    fn end(&self, why: Trouble) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        // Their askers wake and find the reason above.
        self.lock_asked().clear();
    }

    fn reason(&self) -> Trouble {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(gone)
    }
}

/// Greets, then writes what is asked and takes in what is said, at the same time, until one side closes.
async fn talk(
    stream: Stream,
    mut to_write: mpsc::Receiver<String>,
    signals: broadcast::Sender<Signal>,
    open: Arc<Open>,
    greeted: oneshot::Sender<Result<(), Trouble>>,
) {
    let mut reader = Reader::new(&stream);
    let greeting = greet(&stream, &mut reader).await;
    let fine = greeting.is_ok();
    // Nobody waits for the greeting only if the caller has given up, and then this task ends as well.
    drop(greeted.send(greeting));
    if !fine {
        return;
    }
    let listening = async {
        loop {
            match reader.next().await {
                Ok(Some(line)) => match wire::read_said(&line) {
                    Said::Answer { id, answer } => open.answer(id, answer),
                    // Nobody listens to signals, or someone does: both are fine.
                    Said::Signal(signal) => drop(signals.send(signal)),
                    Said::Farewell(trouble) => return trouble,
                    Said::Unknown => {
                        tracing::debug!("a line that this version does not know was passed over")
                    }
                },
                Ok(None) => return gone(),
                Err(end) => return Trouble::failed(format!("the running Belfry: {end}")),
            }
        }
    };
    let writing = async {
        while let Some(line) = to_write.recv().await {
            if local::write(&stream, &line).await.is_err() {
                break;
            }
        }
        // What the other side said last explains why it could not be written to.
        std::future::pending::<Trouble>().await
    };
    let why = tokio::select! {
        why = listening => why,
        why = writing => why,
    };
    // Closed first, so that nobody asks after the last answer was given up.
    to_write.close();
    open.end(why);
}

async fn greet(stream: &Stream, reader: &mut Reader<'_>) -> Result<(), Trouble> {
    let silent = || Trouble::failed("the running Belfry does not answer; restart it");
    local::write(stream, &Hello::ours().line()).await.map_err(|_| gone())?;
    let line = match timeout(LINE_LIMIT, reader.next()).await {
        Ok(Ok(Some(line))) => line,
        Ok(Ok(None)) => return Err(gone()),
        Ok(Err(_)) | Err(_) => return Err(silent()),
    };
    let Some(hello) = Hello::read(&line) else {
        return Err(Trouble::failed("what runs on Belfry's local socket is not Belfry; stop it"));
    };
    hello.understood("the running Belfry")
}

fn gone() -> Trouble {
    Trouble::failed("the running Belfry has stopped; start it again, then repeat this")
}

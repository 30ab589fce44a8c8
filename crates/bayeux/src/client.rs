//! The driver: gives a [`Session`] its transport and the time, and hands its events to the caller.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use crate::channel::InvalidChannel;
use crate::session::{Event, Input, Output, Resume, Session, TransportKind};
use crate::transport::{Arrival, Opener, Transport};
use crate::{Config, Error};

type Opening = Pin<Box<dyn Future<Output = Result<Transport, Error>> + Send>>;

/// A Bayeux client on one connection.
///
/// Everything happens inside [`next`](Self::next), so call it again and again. When it returns an error the connection is
/// over: take [`resume`](Self::resume), wait as long as seems right, and start the next client with it. The client itself
/// never decides to try again; it only makes a new session at once when the server has lost the old one.
///
/// Neither cookies nor redirects are its affair: an HTTP client with a cookie store is needed for CometD and for load
/// balancers, and it must not follow redirects (if it did, the answer is refused). A WebSocket shares no cookies with it
/// and uses no HTTP proxy.
pub struct Client {
    session: Session,
    opener: Opener,
    /// How long opening a transport may take.
    patience: Duration,
    opening: Option<Opening>,
    transport: Option<Transport>,
    failure: Option<Error>,
}

impl Client {
    /// Prepares a client; the first [`next`](Self::next) begins. `tls` is for WebSockets to an `https` endpoint, which
    /// are left out if it is `None`.
    pub fn start(
        config: Config,
        http: reqwest::Client,
        tls: Option<Arc<rustls::ClientConfig>>,
        resume: Option<Resume>,
    ) -> Result<Self, Error> {
        let opener = Opener::new(&config, http, tls);
        let patience = config.answer;
        let session = Session::new(config, resume)?;
        Ok(Self { session, opener, patience, opening: None, transport: None, failure: None })
    }

    /// The next event. After an error only [`resume`](Self::resume) is left; everything that came before it was told.
    ///
    /// Cancel safe: when the future is dropped, nothing is lost.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.carry_out() {
                return Ok(event);
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.session.has_ended() {
                return Err(Error::Ended);
            }
            self.wait().await;
        }
    }

    /// Wants a channel: each time it has to be subscribed, [`Event::SubscribeWanted`] says so.
    pub fn want(&mut self, channel: &str) -> Result<(), InvalidChannel> {
        self.session.want(channel)
    }

    /// Subscribes a channel, or renews its subscription, with this `ext`. The `ext` is used for this one request.
    pub fn subscribe(&mut self, channel: &str, ext: Option<Value>) -> Result<(), InvalidChannel> {
        self.session.subscribe(channel, ext, now())
    }

    /// Does not want a channel any more.
    pub fn unsubscribe(&mut self, channel: &str) {
        self.session.unsubscribe(channel, now());
    }

    /// Publishes, and returns the number under which [`Event::Published`] tells how it went. If the connection ends
    /// before that, nobody knows.
    pub fn publish(&mut self, channel: &str, data: Value, ext: Option<Value>) -> Result<u64, InvalidChannel> {
        self.session.publish(channel, data, ext, now())
    }

    /// Says that every message [`next`](Self::next) has returned so far is safely kept. With [`Config::ack`] the server
    /// sends nothing more until this is called; without it, it does nothing.
    pub fn confirm(&mut self) {
        if let Err(error) = self.session.confirm(now()) {
            self.failure.get_or_insert(error);
        }
    }

    /// Asks the server for a sign of life, for example after the machine slept: [`next`](Self::next) returns
    /// [`Error::Silent`] if none comes within this time. Over HTTP the held request is replaced, since its connection may
    /// be dead although a new one works; [`Event::Gap`] follows when the server has answered.
    pub fn probe(&mut self, within: Duration) {
        self.session.probe(within, now());
    }

    /// When anything last came from the server.
    pub fn last_sign_of_life(&self) -> Option<std::time::Instant> {
        self.session.last_sign_of_life()
    }

    /// How many events were thrown away because nobody wants their channel.
    pub fn dropped(&self) -> u64 {
        self.session.dropped()
    }

    /// Takes out what the next client needs to go on where this one stood, events that were not taken yet among it.
    pub fn resume(mut self) -> Resume {
        self.take_arrived();
        self.session.into_resume()
    }

    /// Says goodbye, so that the server need not keep anything, and waits for its answer, but not long. Events that come
    /// in the meantime are dropped.
    pub async fn disconnect(mut self) {
        const LONGEST: Duration = Duration::from_secs(2);
        self.session.disconnect(now());
        let goodbye = async { while self.next().await.is_ok() {} };
        if timeout(LONGEST, goodbye).await.is_err() {
            tracing::debug!("the server did not answer the goodbye");
        }
    }

    /// Does what the session wants done, until there is an event to tell.
    fn carry_out(&mut self) -> Option<Event> {
        loop {
            match self.session.poll()? {
                Output::Event(event) => return Some(event),
                Output::Open(kind) => self.open(kind),
                // Whoever is leaving must not ask for more: the answer would be lost.
                Output::Send(_) if self.failure.is_some() => {}
                Output::Send(request) => {
                    if let Some(transport) = &mut self.transport {
                        transport.send(request);
                    }
                }
                Output::Abandon(number) => {
                    if let Some(transport) = &mut self.transport {
                        transport.abandon(number);
                    }
                }
            }
        }
    }

    fn open(&mut self, kind: TransportKind) {
        self.transport = None;
        let (opener, patience) = (self.opener.clone(), self.patience);
        self.opening = Some(Box::pin(async move {
            let opened = timeout(patience, opener.open(kind)).await;
            opened.unwrap_or(Err(Error::Silent("the opening of the connection")))
        }));
    }

    async fn wait(&mut self) {
        let deadline = self.session.deadline().map(Instant::from_std);
        tokio::select! {
            // What has arrived is looked at before the time that went by while the caller was away.
            biased;
            opened = opened(&mut self.opening) => {
                self.opening = None;
                let input = match opened {
                    Ok(transport) => {
                        self.transport = Some(transport);
                        Input::Opened
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a transport could not be opened");
                        Input::CannotOpen(error)
                    }
                };
                self.feed(input);
            }
            arrival = arrival(&mut self.transport) => self.take(arrival),
            () = passed(deadline) => self.feed(Input::Tick),
        }
    }

    fn take(&mut self, arrival: Arrival) {
        match arrival {
            Ok((request, text)) => self.feed(Input::Received { request, text: text.as_str() }),
            Err(error) => {
                // Another answer may have come at the same moment; what it holds must not be lost with the connection.
                self.take_arrived();
                self.feed(Input::Lost(error));
            }
        }
    }

    fn take_arrived(&mut self) {
        while let Some(arrival) = self.transport.as_mut().and_then(Transport::arrived) {
            match arrival {
                Ok((request, text)) => self.feed(Input::Received { request, text: text.as_str() }),
                Err(error) => tracing::debug!(%error, "a request failed"),
            }
        }
    }

    fn feed(&mut self, input: Input<'_>) {
        if self.session.has_ended() {
            return;
        }
        if let Err(error) = self.session.handle(input, now()) {
            self.failure.get_or_insert(error);
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

async fn opened(opening: &mut Option<Opening>) -> Result<Transport, Error> {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}

async fn arrival(transport: &mut Option<Transport>) -> Arrival {
    match transport {
        Some(transport) => transport.arrival().await,
        None => std::future::pending().await,
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

//! The driver: gives a [`Session`] its WebSocket and the time, and hands its events to the caller.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};

use crate::channel::{InvalidChannel, NotAllowed};
use crate::session::{Event, Input, Output, Resume, Session};
use crate::transport::{Arrival, WebSocket};
use crate::{Authorization, Config, Error, Members, Retry};

type Opening = Pin<Box<dyn Future<Output = Result<WebSocket, Error>> + Send>>;

/// A Pusher client on one connection.
///
/// Everything happens inside [`next`](Self::next), so call it again and again. When it returns an error the connection is
/// over: look at [`Error::retry`], take [`resume`](Self::resume), wait as long as seems right, and start the next client
/// with it. The client itself never decides to try again.
pub struct Client {
    session: Session,
    config: Config,
    tls: Option<Arc<rustls::ClientConfig>>,
    opening: Option<Opening>,
    socket: Option<WebSocket>,
    failure: Option<Error>,
}

impl Client {
    /// Prepares a client; the first [`next`](Self::next) connects. `tls` is needed for an encrypted address.
    pub fn start(
        config: Config,
        tls: Option<Arc<rustls::ClientConfig>>,
        resume: Option<Resume>,
    ) -> Result<Self, Error> {
        if config.is_encrypted() && tls.is_none() {
            return Err(Error::Config("an encrypted address needs settings for TLS"));
        }
        let session = Session::new(config.clone(), resume);
        Ok(Self { session, config, tls, opening: None, socket: None, failure: None })
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

    /// Wants a channel, on this connection and every later one. If it was refused on this one, it is tried again.
    pub fn want(&mut self, channel: &str) -> Result<(), InvalidChannel> {
        self.session.want(channel, now())
    }

    /// Does not want a channel any more.
    pub fn unwant(&mut self, channel: &str) {
        self.session.unwant(channel, now());
    }

    /// Answers [`Event::AuthorizeWanted`]. An answer for another socket id than today's, or that nobody asked for, is
    /// ignored.
    pub fn authorize(&mut self, channel: &str, socket_id: &str, authorization: Authorization) {
        self.session.authorize(channel, socket_id, authorization, now());
    }

    /// Says that there is no authorisation: the channel is not subscribed on this connection.
    pub fn give_up(&mut self, channel: &str, socket_id: &str) {
        self.session.give_up(channel, socket_id, now());
    }

    /// Sends a client event to the others on a private or presence channel. Servers allow about ten a second.
    pub fn trigger(&mut self, channel: &str, event: &str, data: &Value) -> Result<(), NotAllowed> {
        self.session.trigger(channel, event, data, now())
    }

    /// Asks the server for a sign of life, for example after the machine slept: [`next`](Self::next) returns
    /// [`Error::Silent`] if none comes within this time.
    pub fn probe(&mut self, within: Duration) {
        self.session.probe(within, now());
    }

    /// When anything last came from the server.
    pub fn last_sign_of_life(&self) -> Option<std::time::Instant> {
        self.session.last_sign_of_life()
    }

    /// The name of this connection, once the server has told it.
    pub fn socket_id(&self) -> Option<&str> {
        self.session.socket_id()
    }

    /// Who is on a presence channel, once it is subscribed.
    pub fn members(&self, channel: &str) -> Option<&Members> {
        self.session.members(channel)
    }

    /// How many events were thrown away because nobody wants their channel.
    pub fn dropped(&self) -> u64 {
        self.session.dropped()
    }

    /// Takes out what the next client needs to go on, messages that have arrived and were not taken yet among it.
    pub fn resume(mut self) -> Resume {
        self.take_arrived();
        self.session.into_resume()
    }

    /// Does what the session wants done, until there is an event to tell.
    fn carry_out(&mut self) -> Option<Event> {
        loop {
            match self.session.poll()? {
                Output::Event(event) => return Some(event),
                Output::Open => self.open(),
                Output::Send(frame) => {
                    if let Some(socket) = &mut self.socket {
                        socket.send(frame.into_text());
                    }
                }
            }
        }
    }

    fn open(&mut self) {
        let patience = self.config.opening;
        let opening = WebSocket::open(self.config.address(), self.tls.clone(), self.config.max_message_bytes);
        self.opening = Some(Box::pin(async move {
            const SLOW: Error = Error::Silent {
                what: "the opening of the connection",
                retry: Retry::After(Duration::from_secs(1)),
            };
            timeout(patience, opening).await.unwrap_or(Err(SLOW))
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
                    Ok(socket) => {
                        self.socket = Some(socket);
                        Input::Opened
                    }
                    Err(error) => Input::Lost(error),
                };
                self.feed(input);
            }
            arrival = arrival(&mut self.socket) => self.take(arrival),
            () = passed(deadline) => self.feed(Input::Tick),
        }
    }

    fn take(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Text(text) => self.feed(Input::Received(text.as_str())),
            Arrival::Binary => self.feed(Input::Binary),
            Arrival::Alive => self.feed(Input::Alive),
            Arrival::Closed(code, reason) => self.feed(Input::Closed { code, reason: reason.as_str() }),
            Arrival::Lost(error) => self.feed(Input::Lost(error)),
        }
    }

    fn take_arrived(&mut self) {
        while let Some(arrival) = self.socket.as_mut().and_then(WebSocket::arrived) {
            self.take(arrival);
        }
    }

    fn feed(&mut self, input: Input<'_>) {
        if self.session.has_ended() {
            return;
        }
        if let Err(error) = self.session.handle(input, now()) {
            self.socket = None;
            self.failure.get_or_insert(error);
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

async fn opened(opening: &mut Option<Opening>) -> Result<WebSocket, Error> {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}

async fn arrival(socket: &mut Option<WebSocket>) -> Arrival {
    match socket {
        Some(socket) => socket.arrival().await,
        None => std::future::pending().await,
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

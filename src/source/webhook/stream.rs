//! A relay's stream of events over one connection: opens it at a position, notices when it dies, and opens it anew when that is to be
//! proved. Reads nothing into what a webhook says.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tracing::debug;

use super::hooks::Heard;
use super::join::{refusal, unanswered};
use super::seal::SealKey;
use super::shape::{self, BEGINNING, Shape};
use super::sse::{LONGEST, Parser};
use super::{Position, Secrets};
use crate::account::{RelayKind, RelaySettings};
use crate::env::Env;
use crate::link::Failure;
use crate::source::Reports;
use crate::source::exchange::{host_of, sorted};

/// A relay gives a sign of life every 25 or 30 s; after so long without any it is gone, well within the promised 45 s.
const SILENCE: Duration = Duration::from_secs(40);
/// How long a relay may take to begin its stream, and how long where the link has to be proved.
const BEGIN: Duration = Duration::from_secs(20);
const PROBE: Duration = Duration::from_secs(5);
/// Signs of life are passed on at most so often.
const LIFE: Duration = Duration::from_secs(10);
/// gosmee says “ready” before it gives what it kept. It has given all of it when nothing came for so long, or at least begun with what
/// is new after so long.
const QUIET: Duration = Duration::from_millis(500);
const NEVER_QUIET: Duration = Duration::from_secs(10);

type Opening = Pin<Box<dyn Future<Output = Result<Opened, Failure>> + Send>>;

enum Opened {
    Stream(Response),
    /// The relay does not understand the position.
    BadPosition,
}

/// A relay's stream.
pub(super) struct Stream {
    relay: RelaySettings,
    token: Option<SecretString>,
    key: Option<SealKey>,
    env: Env,
    server: String,
    /// What was passed last on.
    position: Option<Position>,
    opening: Option<Opening>,
    response: Option<Response>,
    parser: Parser,
    heard_at: Instant,
    probing: bool,
    /// All that was kept was passed on, and this is yet to be said.
    ready: bool,
    /// Where the past that gosmee gives after its “ready” ends: when nothing came until the first, at the second at the latest.
    past_until: Option<(Instant, Instant)>,
    reports: Option<Reports>,
    life_at: Option<Instant>,
}

/// Says nothing of tokens and keys.
impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("server", &self.server)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Stream {
    pub(super) fn new(
        relay: &RelaySettings,
        secrets: &Secrets,
        env: &Env,
        after: Option<Position>,
    ) -> Result<Self, Failure> {
        let server = host_of(&relay.url);
        if relay.kind == RelayKind::Belfry && secrets.read_token.is_none() {
            return Err(Failure::sign_in(format!(
                "the token to read by at {server} is not in the password store any more: sign in again, and give the service its new address"
            )));
        }
        let key = match (&secrets.seal_key, relay.sealed) {
            (Some(kept), _) => SealKey::read(kept),
            (None, _) => None,
        };
        if relay.sealed && key.is_none() {
            return Err(Failure::sign_in(format!(
                "the key that opens what {server} sealed is not in the password store any more: sign in again, and give the service its new address"
            )));
        }
        Ok(Self {
            relay: relay.clone(),
            token: secrets.read_token.clone(),
            key,
            env: env.clone(),
            server,
            position: after,
            opening: None,
            response: None,
            parser: Parser::new(LONGEST),
            heard_at: Instant::now(),
            probing: false,
            ready: false,
            past_until: None,
            reports: None,
            life_at: None,
        })
    }

    pub(super) fn telling(&mut self, reports: Reports) {
        self.reports = Some(reports);
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// The stream is opened anew, beginning after what was passed on last: nothing else proves that it lives.
    pub(super) fn probe(&mut self) {
        // A stream that is being opened proves itself.
        self.probing = self.response.is_some();
    }

    /// Cancel safe: what is being opened or was read is kept.
    pub(super) async fn next(&mut self) -> Result<Heard, Failure> {
        loop {
            if std::mem::take(&mut self.ready) {
                return Ok(Heard::Ready);
            }
            while let Some(event) = self.parser.next() {
                if let Some(heard) =
                    self.take(shape::read(event, self.relay.kind, self.key.as_ref(), self.env.clock.now()))
                {
                    return Ok(heard);
                }
            }
            if self.response.is_none() || self.probing {
                if let Some(heard) = self.open().await? {
                    return Ok(heard);
                }
                continue;
            }
            if self.read().await? {
                self.past_until = None;
                return Ok(Heard::Ready);
            }
        }
    }

    async fn open(&mut self) -> Result<Option<Heard>, Failure> {
        let within = if self.probing { PROBE } else { BEGIN };
        if self.opening.is_none() {
            self.opening = Some(Box::pin(self.opening(within)?));
        }
        let Some(opening) = &mut self.opening else { return Ok(None) };
        let opened = opening.await;
        self.opening = None;
        self.probing = false;
        self.heard_at = Instant::now();
        self.past_until = None;
        match opened? {
            Opened::Stream(response) => {
                self.response = Some(response);
                self.parser = Parser::new(LONGEST);
                self.lives();
                Ok(Some(Heard::Connected))
            }
            // It is not known what came since: all that there is, then.
            Opened::BadPosition if self.position.is_some() => {
                self.position = None;
                Ok(Some(Heard::Gap { oldest: None }))
            }
            Opened::BadPosition => {
                Err(Failure::fatal(format!("{} does not understand what Belfry asks for", self.server)))
            }
        }
    }

    fn opening(
        &self,
        within: Duration,
    ) -> Result<impl Future<Output = Result<Opened, Failure>> + Send + 'static, Failure> {
        // smee wants to see exactly this.
        let mut request =
            self.env.http.client.get(self.relay.events_url()).header(ACCEPT, "text/event-stream");
        request = request.header(CACHE_CONTROL, "no-cache");
        if let Some(token) = self.token.as_ref().filter(|_| self.relay.kind == RelayKind::Belfry) {
            let bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
            let mut bearer =
                bearer.map_err(|_| Failure::sign_in("the token to read by is broken: sign in again"))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        let asked = match (&self.position, self.relay.kind) {
            (Some(position), RelayKind::Belfry | RelayKind::Gosmee) => Some(position.as_str()),
            // Without it, gosmee gives only what is new.
            (None, RelayKind::Gosmee) => Some(BEGINNING),
            (None, RelayKind::Belfry) | (_, RelayKind::Smee) => None,
        };
        if let Some(position) = asked {
            request = request.header("last-event-id", position);
        }
        let (kind, server, clock) = (self.relay.kind, self.server.clone(), self.env.clock.clone());
        Ok(async move {
            let sent = tokio::time::timeout(within, request.send()).await;
            let sent = sent.map_err(|_| Failure::transient(format!("{server} did not answer in time")))?;
            let response = sent.map_err(|error| unanswered(&sorted(&error, &server)))?;
            let status = response.status();
            if status.as_u16() == 400 {
                return Ok(Opened::BadPosition);
            }
            if !status.is_success() {
                return Err(refusal(kind, status, response.headers(), &server, clock.now()));
            }
            let content =
                response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if !content.trim_start().to_ascii_lowercase().starts_with("text/event-stream") {
                return Err(Failure::transient(format!(
                    "{server} answered with something else than a stream of events: this network may want you to sign in first, or the address is not that of a relay"
                )));
            }
            Ok(Opened::Stream(response))
        })
    }

    /// Reads what comes next. True if the past has ended.
    async fn read(&mut self) -> Result<bool, Failure> {
        let Some(response) = &mut self.response else { return Ok(false) };
        let dead = self.heard_at + SILENCE;
        let deadline = self.past_until.map_or(dead, |(quiet, at_last)| quiet.min(at_last).min(dead));
        let chunk = match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| {
                debug!(server = %self.server, ?error, "the stream broke");
                unanswered(&sorted(&error, &self.server))
            })?,
            Err(_) if Instant::now() < dead => return Ok(true),
            Err(_) => {
                return Err(Failure::transient(format!("{} is silent; the connection is dead", self.server)));
            }
        };
        let Some(chunk) = chunk else {
            return Err(Failure::transient(format!("{} ended the connection", self.server)));
        };
        self.parser.feed(&chunk);
        self.lives();
        Ok(false)
    }

    fn lives(&mut self) {
        let now = Instant::now();
        self.heard_at = now;
        if self.life_at.is_none_or(|at| now.duration_since(at) >= LIFE) {
            self.life_at = Some(now);
            if let Some(reports) = &self.reports {
                reports.alive();
            }
        }
    }

    fn take(&mut self, shape: Shape) -> Option<Heard> {
        let now = Instant::now();
        match shape {
            Shape::Greeting | Shape::Nothing => None,
            Shape::Ready(_) if self.relay.kind == RelayKind::Gosmee => {
                self.past_until = Some((now + QUIET, now + NEVER_QUIET));
                None
            }
            Shape::Ready(None) => Some(Heard::Ready),
            // After a gap no event may follow for a long time: it would be told again, asked with the old position.
            Shape::Ready(Some(position)) => {
                self.ready = true;
                self.position = Some(position.clone());
                Some(Heard::Passed(position))
            }
            Shape::Heard(heard) => {
                if let Some((quiet, _)) = &mut self.past_until {
                    *quiet = now + QUIET;
                }
                let position = match &heard {
                    Heard::Delivery(delivery) => delivery.position.as_ref(),
                    Heard::Passed(position) => Some(position),
                    Heard::Returned(_, position) | Heard::Skipped { position, .. } => position.as_ref(),
                    Heard::Connected | Heard::Ready | Heard::Gap { .. } => None,
                };
                if let Some(position) = position {
                    self.position = Some(position.clone());
                }
                Some(heard)
            }
        }
    }
}

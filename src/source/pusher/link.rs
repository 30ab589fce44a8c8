//! One connection to a Pusher server, for every source that listens on one: subscribes what is wanted, gets the right to listen where a
//! channel needs it, and says what was heard.
//!
//! In: a server, channels, who gives the right to listen. Out: [`Heard`], until the connection ends with a [`Failure`]. The reader never
//! waits for an endpoint: rights are asked for beside it, a few at a time, and anew on every connection.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::pusher::{Authorization, Client, Config, Data, Error, Event, Retry};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{debug, info};
use url::Url;

use crate::env::{Clock, Env};
use crate::link::Failure;
use crate::source::Reports;
use crate::source::auth::channel::{AuthFailure, ChannelAuth};
use crate::source::auth::tokens::later;
use crate::source::exchange::host_of;

/// A silent server is asked for a sign of life after so long, and given up so long after that: together well below the promised 45 s.
const ACTIVITY: Duration = Duration::from_secs(25);
const PONG: Duration = Duration::from_secs(10);
/// A probe has to be answered within this.
const PROBE: Duration = Duration::from_secs(5);
/// Signs of life are passed on at most so often.
const LIFE: Duration = Duration::from_secs(10);
/// Largest frame read, in bytes.
const LONGEST: usize = 1024 * 1024;
/// So many rights to listen are asked for at a time.
const AT_A_TIME: usize = 8;
/// So many connections in a row end because a channel's right was not to be had just now; after that the others go on without it.
const PATIENCE: u32 = 3;
/// A server that has no room for one more is left alone for so long.
const NO_ROOM: Duration = Duration::from_secs(300);

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum At {
    /// At this address: `http`, `https`, `ws` or `wss`.
    Url(Url),
    /// A cluster of Pusher's own, by its name; empty for the one that had no name.
    Cluster(String),
}

/// What is wanted of a server.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The server.
    pub(crate) at: At,
    /// The app's key.
    pub(crate) key: String,
    /// The channels.
    pub(crate) channels: Vec<String>,
    /// Who gives the right to listen on those channels that need it.
    pub(crate) auth: Option<ChannelAuth>,
}

/// What is kept from one connection to the next.
#[derive(Debug, Default)]
pub(crate) struct Before {
    resume: Option<::pusher::Resume>,
    /// The server said that it takes encrypted connections only.
    encrypted: bool,
    /// The channels whose right could not be had just now, and how often in a row.
    passing: BTreeMap<Arc<str>, u32>,
}

/// What was heard.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The server greeted: what was published until now is gone, unless a channel keeps it.
    Connected,
    /// This channel is subscribed.
    Subscribed {
        /// The channel.
        channel: Arc<str>,
    },
    /// Every channel was answered and at least one is subscribed. Comes once; whatever is refused was told before.
    AllSubscribed,
    /// This channel is not subscribed on this connection; the others are not touched.
    Refused {
        /// The channel.
        channel: Arc<str>,
        /// Why, in a sentence.
        why: String,
    },
    /// Something was published.
    Message {
        /// The channel.
        channel: Arc<str>,
        /// The event's name.
        event: String,
        /// What it carries.
        data: Data,
    },
    /// Somebody joined a presence channel.
    MemberAdded {
        /// The channel.
        channel: Arc<str>,
        /// Who.
        user_id: String,
        /// What is told about them.
        about: Data,
    },
    /// Somebody left a presence channel.
    MemberRemoved {
        /// The channel.
        channel: Arc<str>,
        /// Who.
        user_id: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Wanted,
    Subscribed,
    Refused,
}

struct Asked {
    channel: Arc<str>,
    socket_id: Arc<str>,
    answer: Result<Authorization, AuthFailure>,
}

type Asking = Pin<Box<dyn Future<Output = Asked> + Send>>;

/// One connection.
pub(crate) struct Link {
    client: Client,
    clock: Clock,
    server: String,
    auth: Option<Arc<ChannelAuth>>,
    /// Rights being asked for, and those that wait for their turn.
    asking: FuturesUnordered<Asking>,
    waiting: VecDeque<(Arc<str>, Arc<str>)>,
    channels: BTreeMap<Arc<str>, Standing>,
    /// How many of them are not answered yet.
    open: usize,
    all_told: bool,
    /// What the server last complained of without saying which channel it meant.
    complaint: Option<String>,
    /// What the last refusal means for the link, should nothing else be left of it.
    refusal: Option<Failure>,
    passing: BTreeMap<Arc<str>, u32>,
    go_encrypted: bool,
    reports: Option<Reports>,
    life_at: Option<Instant>,
}

/// Says nothing of rights and secrets.
impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("server", &self.server).field("open", &self.open).finish_non_exhaustive()
    }
}

impl Link {
    /// Prepares a connection; the first [`next`](Self::next) makes it. Signs of life are passed on to `reports`.
    pub(crate) fn start(
        wanted: &Wanted,
        env: &Env,
        reports: Option<Reports>,
        before: &mut Before,
    ) -> Result<Self, Failure> {
        let now = env.clock.now();
        let configured = config(wanted, before.encrypted);
        let mut config = configured.map_err(|error| failure(&error, "the Pusher server", now))?;
        config.activity = ACTIVITY;
        config.pong = PONG;
        config.max_message_bytes = LONGEST;
        config.client = "belfry".to_owned();
        config.version = env!("CARGO_PKG_VERSION").to_owned();
        let server = host_of(&config.address());
        let tls = Some(env.http.tls.clone());
        let mut client = Client::start(config, tls, before.resume.take())
            .map_err(|error| failure(&error, &server, now))?;
        let mut channels = BTreeMap::new();
        for channel in &wanted.channels {
            client.want(channel).map_err(|error| {
                Failure::fatal(format!("{error}; remove the account and add it with the right channels"))
            })?;
            channels.insert(Arc::from(channel.as_str()), Standing::Wanted);
        }
        Ok(Self {
            client,
            clock: env.clock.clone(),
            server,
            auth: wanted.auth.clone().map(Arc::new),
            asking: FuturesUnordered::new(),
            waiting: VecDeque::new(),
            open: channels.len(),
            channels,
            all_told: false,
            complaint: None,
            refusal: None,
            passing: std::mem::take(&mut before.passing),
            go_encrypted: before.encrypted,
            reports,
            life_at: None,
        })
    }

    /// What is heard next; an error is the end of the connection. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Heard, Failure> {
        loop {
            if self.open == 0 && !self.all_told {
                self.all_told = true;
                if self.channels.values().any(|standing| *standing == Standing::Subscribed) {
                    return Ok(Heard::AllSubscribed);
                }
                return Err(self.nothing_left());
            }
            while self.asking.len() < AT_A_TIME
                && let Some((channel, socket_id)) = self.waiting.pop_front()
            {
                self.ask(channel, socket_id);
            }
            let heard = tokio::select! {
                event = self.client.next() => match event {
                    Ok(event) => self.take(event),
                    Err(error) => return Err(self.ended(&error)),
                },
                Some(asked) = self.asking.next() => self.answered(asked)?,
            };
            if let Some(heard) = heard {
                return Ok(heard);
            }
        }
    }

    /// Asks the server for a sign of life: [`next`](Self::next) fails if none comes soon.
    pub(crate) fn probe(&mut self) {
        self.client.probe(PROBE);
    }

    /// Ends the connection; `before` holds what the next one goes on with.
    pub(crate) fn end(self, before: &mut Before) {
        before.resume = Some(self.client.resume());
        before.encrypted = self.go_encrypted;
        before.passing = self.passing;
    }

    /// The server as people know it, for sentences.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    fn take(&mut self, event: Event) -> Option<Heard> {
        self.alive();
        match event {
            Event::Connected { .. } => Some(Heard::Connected),
            Event::AuthorizeWanted { channel, socket_id } => {
                if self.auth.is_some() {
                    self.waiting.push_back((channel, socket_id));
                    return None;
                }
                self.client.give_up(&channel, &socket_id);
                let why = format!(
                    "“{channel}” takes only those who were let in: give the address of the application's auth endpoint (--auth-url), or the app's secret"
                );
                self.refused(channel, Failure::fatal(why))
            }
            Event::Subscribed { channel } => {
                self.passing.remove(&channel);
                self.stands(&channel, Standing::Subscribed);
                debug!(server = self.server, %channel, "subscribed");
                Some(Heard::Subscribed { channel })
            }
            Event::Refused { channel, status, text } => {
                let why = self.words_of_refusal(&channel, status, &text);
                self.refused(channel, why)
            }
            Event::Message { channel, event, data, .. } => Some(Heard::Message { channel, event, data }),
            Event::MemberAdded { channel, user_id, about } => {
                Some(Heard::MemberAdded { channel, user_id, about })
            }
            Event::MemberRemoved { channel, user_id } => Some(Heard::MemberRemoved { channel, user_id }),
            Event::Complaint { code, text } => {
                info!(server = self.server, code, "the server complains: {text}");
                self.complaint = Some(text);
                None
            }
            Event::Sealed { channel, event } => {
                info!(server = self.server, %channel, event, "an encrypted event could not be opened");
                None
            }
            Event::CacheMiss { .. } | Event::Count { .. } | Event::Alive => None,
            // The crate may grow new events; what is new is nothing we know what to do with.
            _ => None,
        }
    }

    fn ask(&mut self, channel: Arc<str>, socket_id: Arc<str>) {
        let Some(auth) = self.auth.clone() else { return };
        self.asking.push(Box::pin(async move {
            let answer = auth.authorize(&socket_id, &channel).await;
            Asked { channel, socket_id, answer }
        }));
    }

    fn answered(&mut self, asked: Asked) -> Result<Option<Heard>, Failure> {
        let Asked { channel, socket_id, answer } = asked;
        let error = match answer {
            Ok(authorization) => {
                self.client.authorize(&channel, &socket_id, authorization);
                return Ok(None);
            }
            Err(error) => error,
        };
        self.client.give_up(&channel, &socket_id);
        if self.channels.get(&channel) == Some(&Standing::Subscribed) {
            // Only the new secret of an encrypted channel was not given: what cannot be opened is told as such.
            info!(server = self.server, %channel, "no new secret: {error}");
            return Ok(None);
        }
        match error {
            AuthFailure::SignIn { .. } => return Err(error.into_failure()),
            AuthFailure::Passing { .. } => {
                let times = self.passing.entry(channel.clone()).or_default();
                *times = times.saturating_add(1);
                if *times < PATIENCE || self.channels.len() == 1 {
                    return Err(error.into_failure());
                }
            }
            AuthFailure::Refused { .. } | AuthFailure::Broken { .. } => {
                self.passing.remove(&channel);
            }
        }
        Ok(self.refused(channel, error.into_failure()))
    }

    fn refused(&mut self, channel: Arc<str>, failure: Failure) -> Option<Heard> {
        self.stands(&channel, Standing::Refused);
        let why = failure.to_string();
        info!(server = self.server, %channel, "refused: {why}");
        // What may pass is worth another try, whatever the others say.
        let worth = matches!(failure, Failure::Transient { .. } | Failure::Later { .. });
        if worth || self.refusal.is_none() {
            self.refusal = Some(failure);
        }
        Some(Heard::Refused { channel, why })
    }

    fn stands(&mut self, channel: &Arc<str>, now: Standing) {
        if let Some(standing) = self.channels.get_mut(channel) {
            if *standing == Standing::Wanted {
                self.open = self.open.saturating_sub(1);
            }
            *standing = now;
        }
    }

    fn words_of_refusal(&self, channel: &str, status: Option<u16>, text: &str) -> Failure {
        let server = &self.server;
        match status {
            // Some servers refuse a signature with a complaint that names no channel.
            None if let Some(complaint) = &self.complaint => Failure::fatal(format!(
                "{server} did not let this account listen to “{channel}” ({complaint}): check the app's secret or the auth endpoint"
            )),
            None => Failure::transient(format!("{server} did not answer the wish to listen to “{channel}”")),
            Some(401 | 403 | 4009) => Failure::fatal(format!(
                "{server} refuses the signature for “{channel}” ({text}): check the app's secret or the auth endpoint"
            )),
            Some(status) => Failure::fatal(format!("{server} refuses “{channel}” ({status}: {text})")),
        }
    }

    fn nothing_left(&mut self) -> Failure {
        let server = &self.server;
        match self.refusal.take() {
            Some(Failure::Fatal { reason }) if self.channels.len() > 1 => Failure::fatal(format!(
                "{server} lets this account listen to none of its {} channels; the last one: {reason}",
                self.channels.len()
            )),
            Some(failure) => failure,
            None => Failure::fatal(format!("nothing is to be listened to at {server}: name a channel")),
        }
    }

    fn ended(&mut self, error: &Error) -> Failure {
        if error.retry() == Retry::Tls {
            self.go_encrypted = true;
        }
        failure(error, &self.server, self.clock.now())
    }

    fn alive(&mut self) {
        let now = Instant::now();
        if let Some(reports) = &self.reports
            && self.life_at.is_none_or(|at| now >= at)
        {
            reports.alive();
            self.life_at = Some(now + LIFE);
        }
    }
}

fn config(wanted: &Wanted, encrypted: bool) -> Result<Config, Error> {
    match &wanted.at {
        At::Cluster(name) => Config::cluster(name, &wanted.key),
        At::Url(url) if encrypted => {
            let mut url = url.clone();
            // Only what is no web address at all cannot be made a safe one, and that is refused below.
            let _ = url.set_scheme("https");
            Config::at(&url, &wanted.key)
        }
        At::Url(url) => Config::at(url, &wanted.key),
    }
}

/// The one place where the end of a connection becomes one of the four failures.
pub(crate) fn failure(error: &Error, server: &str, now: Timestamp) -> Failure {
    match error {
        Error::Certificate(why) => Failure::fatal(format!(
            "the certificate of {server} cannot be trusted ({why}): check this computer's clock and network, or add the certificate of your own server to the system"
        )),
        Error::Config(why) => Failure::fatal(format!(
            "{server}: {why}; remove the account and add it with the right address and key"
        )),
        Error::Closed { code, text, retry } => closed(*code, text, *retry, server, now),
        Error::Http { status: 300..=399 | 511, .. } => Failure::transient(format!(
            "this network may want you to sign in first, or the address is wrong: {server} sends elsewhere"
        )),
        Error::Http { status: status @ (400..=407 | 409..=424 | 426), .. } => {
            let words = format!(
                "{server} does not speak the Pusher protocol at this address (HTTP status {status}): check host, port and key"
            );
            wait(error.retry(), words, now)
        }
        Error::Network(_) => Failure::transient(format!(
            "{server} cannot be reached ({error}): check the network and the address"
        )),
        Error::Http { .. }
        | Error::Tls(_)
        | Error::Silent { .. }
        | Error::Protocol(_)
        | Error::TooLarge { .. }
        | Error::Behind
        | Error::Ended => wait(error.retry(), format!("{server}: {error}"), now),
        // The crate may grow new errors; what is new is not known to be hopeless.
        other => wait(other.retry(), format!("{server}: {other}"), now),
    }
}

fn closed(code: u16, text: &str, retry: Retry, server: &str, now: Timestamp) -> Failure {
    let said = if text.is_empty() { format!("{code}") } else { format!("{code}: {text}") };
    match code {
        4001 => Failure::fatal(format!(
            "{server} knows no app with this key ({said}): check the key, and the host or cluster it belongs to"
        )),
        4003 => Failure::fatal(format!(
            "this app is disabled at {server} ({said}): whoever runs it has to enable it"
        )),
        4004 => later(
            now,
            NO_ROOM,
            format!(
                "this app has no connection to spare at {server} ({said}): its plan or its settings allow more"
            ),
        ),
        4009 => Failure::sign_in(format!(
            "{server} wants connections that were let in ({said}): check the app's secret or the auth endpoint"
        )),
        _ => match retry {
            Retry::Never => Failure::fatal(format!("{server} will not serve this connection ({said})")),
            Retry::Tls => Failure::transient(format!("{server} takes encrypted connections only ({said})")),
            Retry::AtOnce | Retry::After(_) => {
                wait(retry, format!("{server} closed the connection ({said})"), now)
            }
        },
    }
}

/// What the supervisor's own waiting begins with is short enough for all but the longer waits.
fn wait(retry: Retry, words: String, now: Timestamp) -> Failure {
    match retry {
        Retry::After(least) if least > Duration::from_secs(1) => later(now, least, words),
        Retry::Never => Failure::fatal(words),
        Retry::AtOnce | Retry::After(_) | Retry::Tls => Failure::transient(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &Error) -> Failure {
        failure(error, "push.example.org", Timestamp::UNIX_EPOCH)
    }

    fn code(code: u16, retry: Retry) -> Failure {
        told(&Error::Closed { code, text: "words".into(), retry })
    }

    #[test]
    fn each_end_of_a_connection_is_one_of_four_failures() {
        for (refused, words) in [(4001, "key"), (4003, "disabled"), (4007, "4007: words"), (4301, "words")] {
            let Failure::Fatal { reason } = code(refused, Retry::Never) else { panic!("{refused}") };
            assert!(reason.contains(words) && reason.contains("push.example.org"), "{reason}");
        }
        assert!(matches!(code(4009, Retry::Never), Failure::SignIn { .. }));
        assert!(matches!(code(4200, Retry::AtOnce), Failure::Transient { .. }));
        assert!(matches!(code(4000, Retry::Tls), Failure::Transient { .. }));
        let soon = Retry::After(Duration::from_secs(1));
        assert!(matches!(code(4100, soon), Failure::Transient { .. }));
        let Failure::Later { until, .. } = code(4004, Retry::Never) else { panic!("4004") };
        assert!(until.as_second() >= 300);
        let Failure::Later { until, .. } = code(4100, Retry::After(Duration::from_secs(16))) else {
            panic!()
        };
        assert!((16..60).contains(&until.as_second()));
        let silent = Error::Silent { what: "the ping", retry: Retry::AtOnce };
        assert!(matches!(told(&silent), Failure::Transient { .. }));
        assert!(matches!(told(&Error::Certificate("expired".into())), Failure::Fatal { .. }));
        assert!(matches!(told(&Error::Network("refused".into())), Failure::Transient { .. }));
        let http = |status| told(&Error::Http { status, retry_after: None });
        assert!(matches!(http(302), Failure::Transient { .. }));
        assert!(matches!(http(404), Failure::Later { .. }));
        assert!(matches!(http(503), Failure::Transient { .. }));
    }

    #[test]
    fn a_server_that_wants_encryption_gets_it_the_next_time() {
        let wanted = |at: &str| Wanted {
            at: At::Url(at.parse().unwrap()),
            key: "k".into(),
            channels: Vec::new(),
            auth: None,
        };
        assert!(!config(&wanted("ws://push.example.org:6001"), false).unwrap().is_encrypted());
        for at in ["ws://push.example.org:6001", "http://push.example.org:6001"] {
            let config = config(&wanted(at), true).unwrap();
            assert!(config.is_encrypted());
            assert_eq!(config.address().port(), Some(6001));
        }
    }
}

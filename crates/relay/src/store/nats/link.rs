//! The connection to the servers: signs in, comes back by itself, and says when it is there.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Names;
use crate::channel::ChannelId;
use crate::config::{NatsAt, NatsSignIn};
use crate::store::{StoreError, Wakes};
use crate::tasks;

/// A server that says nothing to this many pings is left for another one.
const PING: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(3);
/// A fresh subscription is known to all servers within this time.
const SPREAD: Duration = Duration::from_secs(1);

/// One connection at a time, to whichever server answers.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    there: watch::Receiver<State>,
}

/// Whether there is a connection, and which one: everything may have happened between two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    connected: bool,
    /// Grows with each connection and each word that was dropped.
    doubt: u64,
}

impl Link {
    /// Connects and signs in. It fails at once: what cannot be reached at the start is more likely a wrong address.
    pub(super) async fn connect(at: &NatsAt) -> Result<Self, StoreError> {
        let mut addresses = Vec::new();
        for url in &at.servers {
            if !url.username().is_empty() || url.password().is_some() {
                return Err(StoreError::Unfit(
                    "The NATS address holds a password, which others can see: leave it out, put user:password \
                    into a file and name the file with --nats-creds"
                        .to_owned(),
                ));
            }
            addresses.push(ServerAddr::from_url(url.clone()).map_err(|error| {
                StoreError::Unfit(format!("{url} is no NATS address (nats://host:port): {error}"))
            })?);
        }
        let (state, there) = watch::channel(State::default());
        let options = signed_in(at.sign_in.as_ref())?
            .name("belfry-relay")
            .ping_interval(PING)
            .connection_timeout(CONNECT)
            .reconnect_delay_callback(delay)
            .event_callback(move |event| {
                heard(&state, &event);
                async {}
            });
        let client = options.connect(addresses).await.map_err(|error| {
            let servers = names(at);
            StoreError::Unfit(match error.kind() {
                ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                    if at.sign_in.is_some() {
                        format!("NATS at {servers} refuses the sign-in: look at what --nats-creds names")
                    } else {
                        format!("NATS at {servers} asks for a sign-in: name its file with --nats-creds")
                    }
                }
                ConnectErrorKind::Tls => format!("NATS at {servers} fails at TLS: {error}"),
                ConnectErrorKind::ServerParse
                | ConnectErrorKind::Dns
                | ConnectErrorKind::TimedOut
                | ConnectErrorKind::Io
                | ConnectErrorKind::MaxReconnects => {
                    format!("No NATS server answers at {servers}: is it running? ({error})")
                }
            })
        })?;
        Ok(Self { client, there })
    }

    /// Returns once there is a connection; after the limit, says that there is none.
    pub(super) async fn connected(&self, limit: Duration) -> Result<(), String> {
        let mut there = self.there.clone();
        match tokio::time::timeout(limit, there.wait_for(|state| state.connected)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err("no NATS server answers".to_owned()),
        }
    }

    /// The largest message that the servers take.
    pub(super) fn max_payload(&self) -> usize {
        self.client.server_info().max_payload
    }

    /// Wakes readers as the stream tells what it has stored.
    pub(super) async fn listen(
        &self,
        names: &Names,
        wakes: Arc<Wakes>,
        newest: Arc<AtomicU64>,
    ) -> Result<JoinHandle<()>, StoreError> {
        let subscribe = async |subject: String| {
            self.client.subscribe(subject.clone()).await.map_err(|error| {
                StoreError::Unfit(format!("The NATS server refuses to tell of {subject}: {error}"))
            })
        };
        let mut stored = subscribe(names.stored()).await?;
        let leader = format!("$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.{}", names.stream());
        let mut elected = subscribe(leader).await?;
        // Once this is answered, the server knows both.
        self.client.flush().await.map_err(|error| StoreError::Unfit(error.to_string()))?;
        let client = self.client.clone();
        let mut there = self.there.clone();
        there.mark_unchanged();
        Ok(tasks::start(async move {
            // Since when it is in doubt whether every word was heard.
            let mut again = None;
            loop {
                tokio::select! {
                    word = stored.next() => {
                        let Some(word) = word else { return };
                        let seq = word.headers.as_ref().and_then(|headers| headers.get("Nats-Sequence"));
                        let seq = seq.and_then(|seq| seq.as_str().parse().ok()).unwrap_or_default();
                        newest.fetch_max(seq, Ordering::Relaxed);
                        if let Some(channel) = channel_of(&word.subject) {
                            wakes.wake(channel, seq);
                        }
                    }
                    Some(_) = elected.next() => {
                        wakes.wake_all();
                        again = Some(tokio::time::Instant::now() + SPREAD);
                    }
                    Ok(()) = there.changed() => {
                        if there.borrow_and_update().connected {
                            if let Err(error) = client.flush().await {
                                tracing::debug!(%error, "the link was cut again");
                            }
                            wakes.wake_all();
                            again = Some(tokio::time::Instant::now() + SPREAD);
                        }
                    }
                    () = until(again) => {
                        wakes.wake_all();
                        again = None;
                    }
                }
            }
        }))
    }

    /// Says goodbye.
    pub(super) async fn close(&self) {
        if let Err(error) = self.client.drain().await {
            tracing::debug!(%error, "the link to NATS was gone already");
        }
    }
}

async fn until(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The last name of a subject is the channel.
fn channel_of(subject: &str) -> Option<ChannelId> {
    let name = subject.rsplit('.').next()?;
    let bytes = data_encoding::HEXLOWER.decode(name.as_bytes()).ok()?;
    Some(ChannelId::from_bytes(bytes.try_into().ok()?))
}

fn heard(state: &watch::Sender<State>, event: &Event) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            state.send_modify(|state| *state = State { connected: true, doubt: state.doubt + 1 });
        }
        Event::Disconnected | Event::Closed => {
            tracing::warn!("the link to NATS is cut; it is tried again");
            state.send_modify(|state| state.connected = false);
        }
        Event::SlowConsumer(_) => {
            tracing::warn!("words of NATS were dropped; every reader looks again");
            state.send_modify(|state| state.doubt += 1);
        }
        Event::ServerError(error) => tracing::warn!(%error, "NATS complains"),
        Event::ClientError(error) => tracing::warn!(%error, "the link to NATS failed"),
        Event::LameDuckMode | Event::Draining => {}
    }
}

/// The first try comes at once, since there is another server; then slower, up to two seconds.
fn delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(5);
    if attempts <= 1 { Duration::ZERO } else { Duration::from_millis(50 << doublings) }
}

fn names(at: &NatsAt) -> String {
    let mut text = String::new();
    for url in &at.servers {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _written = write!(text, "{separator}{}", url.host_str().unwrap_or_default());
        if let Some(port) = url.port() {
            let _written = write!(text, ":{port}");
        }
    }
    text
}

/// What was given as a sign-in may be a file that NATS's own tools made, a user with a password, or a token.
fn signed_in(sign_in: Option<&NatsSignIn>) -> Result<ConnectOptions, StoreError> {
    let Some(sign_in) = sign_in else { return Ok(ConnectOptions::new()) };
    let text = sign_in.text().trim();
    if text.contains("-----BEGIN NATS USER JWT-----") {
        return ConnectOptions::with_credentials(text).map_err(|_| {
            StoreError::Unfit("What --nats-creds names is no whole NATS credentials file".to_owned())
        });
    }
    if text.is_empty() || text.lines().count() > 1 {
        return Err(StoreError::Unfit(
            "What --nats-creds names must be a NATS credentials file, or one line: user:password, or a token"
                .to_owned(),
        ));
    }
    Ok(match text.split_once(':') {
        Some((user, password)) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        None => ConnectOptions::with_token(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_is_at_once_and_later_ones_stay_below_two_seconds() {
        assert_eq!(delay(0), Duration::ZERO);
        assert_eq!(delay(1), Duration::ZERO);
        assert_eq!(delay(2), Duration::from_millis(100));
        assert_eq!(delay(usize::MAX), Duration::from_millis(1600));
    }

    #[test]
    fn the_channel_stands_in_the_subject() {
        let channel = ChannelId::from_bytes([0xab; 16]);
        assert_eq!(channel_of(&format!("belfry.stored.{channel}")), Some(channel));
        assert_eq!(channel_of("belfry.stored.*"), None);
        assert_eq!(channel_of("belfry.stored.abab"), None);
    }

    #[test]
    fn a_sign_in_is_one_line_or_a_credentials_file() {
        let with = |text: &str| signed_in(Some(&NatsSignIn::new(text))).map(drop);
        assert!(with("user:password\n").is_ok());
        assert!(with("a-token").is_ok());
        for wrong in ["", "\n", "one\ntwo", "-----BEGIN NATS USER JWT-----\nshort"] {
            let refused = with(wrong).unwrap_err().to_string();
            assert!(refused.contains("--nats-creds") && !refused.contains("short"), "{refused}");
        }
    }
}

//! Podio: signs in, catches up over REST, listens on the push service.
//!
//! ```text
//!   GET /user/status ─▶ push object ─▶ subscribe ─▶ catch up ─▶ live
//!                                          │           │
//!                     push (a hint) ───────┴───────────┴─▶ fetch the whole ─▶ engine
//! ```
//!
//! The push is a hint, the REST API is the truth: whatever was missed, doubled or reordered, the next catch-up sets right.

mod acts;
mod api;
mod budget;
mod catch_up;
mod completing;
pub(crate) mod json;
mod live;
pub mod normalize;
mod outgoing;
mod paging;
pub(crate) mod parts;
mod picture;
mod push;
mod raw;
pub mod sign_in;
mod wishes;
mod words;

use std::time::Duration;

use jiff::Timestamp;

use self::acts::Acts;
pub(super) use self::acts::offers;
use self::api::{Api, Status};
use self::catch_up::Heard;
use self::completing::Completing;
use self::live::Live;
use self::normalize::Asks;
use self::outgoing::Outgoing;
use self::push::PushObject;
use self::wishes::Wishes;
use crate::account::{AccountId, PodioSettings, PushTransport, Settings};
use crate::env::Env;
use crate::link::{Cursor, Failure, LinkState};
use crate::notification::Arrival;
use crate::source::auth::oauth::TokenEndpoint;
use crate::source::auth::tokens::Session;
use crate::source::{Outbox, Report, Reports, plain};

/// Largest push message read, in bytes.
const LONGEST_PUSH: usize = 1024 * 1024;
/// How long the push service is asked to hold a request: with the grace after it and the time for a last probe, silence is noticed
/// within 38 s, well before the promised 45 even on a busy machine.
const HOLD: Duration = Duration::from_secs(20);
/// How long the end of a link may wait for the engine to take what was heard.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The source of one Podio account. Keeps what a later `run` can go on with.
#[derive(Debug)]
pub struct Podio {
    account: AccountId,
    settings: PodioSettings,
    env: Env,
    api: Api,
    /// The push server's own client, made at the first connect: the only one that keeps cookies.
    push_http: Option<reqwest::Client>,
    /// Up to where catching up is complete.
    since: Option<Timestamp>,
    /// What the push server needs to go on where the last link stood.
    resume: Option<bayeux::Resume>,
    /// When the subscription that `resume` goes on with has to be renewed; none before the first one.
    renew_at: Option<tokio::time::Instant>,
    /// How many the service's counter should say are unread, as far as we know, and by how much it differs from its list.
    known_unread: Option<i64>,
    unread_offset: i64,
    /// When the list of what is starred was last taken in.
    stars_at: Option<tokio::time::Instant>,
    heard: Heard,
    /// What the account's own settings ask for.
    asks: Asks,
    completing: Completing,
    wishes: Wishes,
    acts: Acts,
    outgoing: Outgoing,
}

impl Podio {
    /// Not yet connected.
    pub fn new(account: AccountId, settings: PodioSettings, env: Env, cursor: Option<Cursor>) -> Self {
        let endpoint = token_endpoint(&settings, &env);
        let session = Session::new(env.clone(), account.clone(), endpoint, settings.client_id.clone());
        let api = Api::new(env.http.client.clone(), &settings, session, env.clock.clone());
        Self {
            since: cursor.as_ref().and_then(catch_up::read_cursor),
            account,
            settings,
            env,
            api,
            push_http: None,
            resume: None,
            renew_at: None,
            known_unread: None,
            unread_offset: 0,
            stars_at: None,
            heard: Heard::default(),
            asks: Asks::default(),
            completing: Completing::default(),
            wishes: Wishes::default(),
            acts: Acts::default(),
            outgoing: Outgoing::default(),
        }
    }

    /// See [`crate::source::Source::run`].
    pub async fn run(&mut self, outbox: &mut Outbox) -> Failure {
        let reports = outbox.reports().clone();
        reports.state(LinkState::Connecting).await;
        let (mut client, fresh, unread) = match self.connect(&reports).await {
            Ok(connected) => connected,
            Err(failure) => return failure,
        };
        let mut live = Live::new(self, reports.clone(), fresh, unread);
        let failure = live.run(&mut client, outbox).await;
        drop(live);
        self.resume = match failure {
            Failure::Fatal { .. } => None,
            Failure::Transient { .. } | Failure::Later { .. } | Failure::SignIn { .. } => {
                Some(client.resume())
            }
        };
        self.end(&reports).await;
        failure
    }

    /// Ends the sign-in: all tokens that Podio gave this person through this API key.
    pub(crate) async fn sign_out(self) -> Result<(), Failure> {
        let api = self.api;
        match api.sign_out().await {
            Ok(()) | Err(api::ApiError::Gone) => Ok(()),
            Err(error) => Err(error.into_failure()),
        }
    }

    fn reader(&self) -> normalize::Reader<'_> {
        normalize::Reader {
            account: &self.account,
            me: self.settings.user_id,
            now: self.env.clock.now(),
            asks: self.asks,
        }
    }

    /// Prepares the push client. Asks who is signed in, unless an earlier link can be gone on with.
    async fn connect(
        &mut self,
        reports: &Reports,
    ) -> Result<(bayeux::Client, Option<PushObject>, Option<i64>), Failure> {
        let resume = self.resume.take();
        let known = resume.as_ref().and_then(|resume| resume.channels().next().map(str::to_owned));
        let (channel, fresh, unread) = match known.filter(|_| self.settings.user_id.is_some()) {
            Some(channel) => (channel, None, None),
            None => {
                let (status, asks) = tokio::join!(self.api.status(), self.api.asks());
                let status = status.map_err(api::ApiError::into_failure)?;
                self.identify(&status, reports).await;
                // Without an answer, what was known before goes on.
                self.asks = asks.unwrap_or(self.asks);
                let push = status.push.ok_or_else(no_push_object)?;
                (push.channel.clone(), Some(push), status.unread)
            }
        };
        let mut config = bayeux::Config::new(self.settings.push_url.clone());
        config.max_message_bytes = LONGEST_PUSH;
        config.hold = HOLD;
        config.transports = match self.settings.push_transport {
            PushTransport::LongPolling => vec![bayeux::TransportKind::LongPolling],
            PushTransport::Websocket => {
                vec![bayeux::TransportKind::WebSocket, bayeux::TransportKind::LongPolling]
            }
        };
        let http = self.push_http()?;
        let now = self.env.clock.now();
        let tls = Some(self.env.http.tls.clone());
        let mut client =
            bayeux::Client::start(config, http, tls, resume).map_err(|error| push::failure(&error, now))?;
        client
            .want(&channel)
            .map_err(|_| Failure::transient("Podio named a push channel that cannot be subscribed"))?;
        Ok((client, fresh, unread))
    }

    fn push_http(&mut self) -> Result<reqwest::Client, Failure> {
        if let Some(client) = &self.push_http {
            return Ok(client.clone());
        }
        let client = self.env.http.with_cookies().map_err(|error| Failure::transient(error.to_string()))?;
        self.push_http = Some(client.clone());
        Ok(client)
    }

    async fn identify(&mut self, status: &Status, reports: &Reports) {
        if status.user_id.is_some() {
            self.settings.user_id = status.user_id;
        }
        let label = status.name.clone().unwrap_or_else(|| "Podio".to_owned());
        let settings = Box::new(Settings::Podio(self.settings.clone()));
        reports.tell(Report::Identity { label, settings }).await;
    }

    /// After a link: what was heard and not yet handed over is handed over as it is, if the engine takes it soon; else at the next run.
    async fn end(&mut self, reports: &Reports) {
        self.wishes.link_ended();
        self.acts.link_ended(reports).await;
        self.outgoing.link_ended();
        for hint in self.completing.link_ended() {
            let told = hint.notification(self.reader());
            self.outgoing.notification(told, Arrival::Live);
            self.completing.leave(hint.id, Some(hint));
        }
        let outgoing = &mut self.outgoing;
        let rest = async {
            while let Some(hand_over) = outgoing.next(reports) {
                let kept = hand_over.await;
                outgoing.handed_over(&kept);
                if kept.is_err() {
                    break;
                }
            }
        };
        if tokio::time::timeout(LAST_WORDS, rest).await.is_err() {
            self.outgoing.link_ended();
        }
    }
}

fn token_endpoint(settings: &PodioSettings, env: &Env) -> TokenEndpoint {
    let below = |path: &str| {
        let whole = format!("{}{path}", settings.api_url.as_str().trim_end_matches('/'));
        whole.parse().unwrap_or_else(|_| settings.api_url.clone())
    };
    TokenEndpoint::new(env.http.client.clone(), below("/oauth/token/v2"), below("/oauth/token"))
}

fn no_push_object() -> Failure {
    Failure::transient("Podio gave no permission to listen for notifications (no push object)")
}

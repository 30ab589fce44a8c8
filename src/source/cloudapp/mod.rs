//! CloudApp: signs in with a password, catches up over REST, listens to the account's item stream over Pusher.
//!
//! ```text
//!   GET /account ─▶ socket ─▶ Pusher ─▶ right to listen ─▶ subscribed ─▶ catch up ─▶ live
//!                               │                                          │
//!                 create, update, delete ──(wait meanwhile)────────────────┴─▶ compared with what is kept ─▶ engine
//! ```
//!
//! One item is one row, and its versions come in any order: whatever was missed, doubled or reordered, the next catch-up sets right.

mod api;
mod catch_up;
mod item;
mod live;
mod normalize;
mod parts;
mod pending;
mod sign_in;
mod taking;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use self::api::{Api, Socket, auth_endpoint, no_stream};
use self::live::{Live, obey};
pub(super) use self::parts::parts;
pub use self::sign_in::sign_in;
use self::taking::Taking;
use crate::account::{AccountId, CloudappSettings, Settings};
use crate::env::{Env, SecretName};
use crate::link::{Cursor, Failure, LinkState};
use crate::source::auth::channel::{AskBy, ChannelAuth, Endpoint};
use crate::source::auth::digest::Digest;
use crate::source::exchange::host_of;
use crate::source::pusher::link::{At, Before, Link, Wanted};
use crate::source::{Outbox, Report, Reports};

/// The source of one CloudApp account. Keeps what a later `run` can go on with.
#[derive(Debug)]
pub struct Cloudapp {
    account: AccountId,
    settings: CloudappSettings,
    env: Env,
    /// The password in use, with what the server last asked: not each run costs a challenge.
    signed_in: Option<(SecretString, Digest)>,
    /// Up to where catching up is complete.
    since: Option<Timestamp>,
    /// By what the first page of items is known again.
    known: Option<String>,
    /// What the Pusher link goes on with.
    before: Before,
}

impl Cloudapp {
    /// Not yet connected.
    pub fn new(account: AccountId, settings: CloudappSettings, env: Env, cursor: Option<Cursor>) -> Self {
        let since = cursor.as_ref().and_then(catch_up::read_cursor);
        Self { account, settings, env, signed_in: None, since, known: None, before: Before::default() }
    }

    /// See [`crate::source::Source::run`].
    pub async fn run(&mut self, outbox: &mut Outbox) -> Failure {
        match self.connected(outbox).await {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    async fn connected(&mut self, outbox: &mut Outbox) -> Result<std::convert::Infallible, Failure> {
        let reports = outbox.reports().clone();
        reports.state(LinkState::Connecting).await;
        let digest = self.sign_in().await?;
        let api = Api::new(&self.env, &self.settings, digest.clone());
        let socket = self.socket(&api, outbox).await?;
        let wanted = self.wanted(socket, digest)?;
        let mut link = Link::start(&wanted, &self.env, Some(reports.clone()), &mut self.before)?;
        let owner = normalize::owner(&self.settings.email);
        let taking = Taking::new(reports, self.account.clone(), owner, self.env.clock.clone());
        let failure = Live::new(self, api, taking).run(&mut link, outbox).await;
        link.end(&mut self.before);
        Err(failure)
    }

    /// Name and password, as they are kept.
    async fn sign_in(&mut self) -> Result<Digest, Failure> {
        let kept = self.env.secrets.get(&self.account, SecretName::Password).await;
        // The password store may be unlocked or started at any moment.
        let kept = kept.map_err(|error| Failure::transient(error.to_string()))?;
        let password = kept.ok_or_else(|| {
            Failure::sign_in("the password of this account is not kept here: sign in again")
        })?;
        if let Some((used, digest)) = &self.signed_in
            && used.expose_secret() == password.expose_secret()
        {
            return Ok(digest.clone());
        }
        let digest = Digest::new(self.settings.email.clone(), password.clone());
        self.signed_in = Some((password, digest.clone()));
        Ok(digest)
    }

    /// Asks whose account it is and where its stream is.
    async fn socket(&mut self, api: &Api, outbox: &mut Outbox) -> Result<Socket, Failure> {
        let reports = outbox.reports().clone();
        let asked = api.account();
        tokio::pin!(asked);
        let there = loop {
            tokio::select! {
                there = &mut asked => break there?,
                order = outbox.order() => obey(order, &reports).await,
            }
        };
        let (label, settings) = sign_in::known_better(self.settings.clone(), &there);
        self.settings = settings;
        self.tell_identity(label, &reports).await;
        there.socket.ok_or_else(|| no_stream(&host_of(&self.settings.api_url)))
    }

    async fn tell_identity(&self, label: String, reports: &Reports) {
        let settings = Box::new(Settings::Cloudapp(self.settings.clone()));
        reports.tell(Report::Identity { label, settings }).await;
    }

    /// What to listen to, and who allows it.
    fn wanted(&self, socket: Socket, digest: Digest) -> Result<Wanted, Failure> {
        let endpoint = Endpoint {
            client: self.env.http.client.clone(),
            url: auth_endpoint(&self.settings.api_url, socket.auth_url.as_deref())?,
            // The guide speaks of JSONP, which knows nothing else.
            method: AskBy::Get,
            headers: Vec::new(),
            digest: Some(digest),
        };
        let at = match &self.settings.push_url {
            Some(url) => At::Url(url.clone()),
            // The key belongs to Pusher's oldest cluster, which has no name.
            None => At::Cluster(String::new()),
        };
        Ok(Wanted {
            at,
            key: socket.api_key,
            channels: vec![socket.channel],
            auth: Some(ChannelAuth::Endpoint(endpoint)),
        })
    }
}

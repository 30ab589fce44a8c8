//! Podium: one webhook at the service, whose calls a relay (or a tunnel) brings here; the REST API signs in, keeps that webhook in order
//! and knows what was missed.
//!
//! ```text
//!   Podium ─▶ webhook ─▶ relay ─▶ signature ─┐
//!                                            ├─▶ compared with what is kept ─▶ engine
//!   GET /webhooks, /conversations, /reviews …┘
//! ```
//!
//! What a webhook tells and what a list has are one row ([`normalize`] says by which name). The cursor holds the relay's position and, for
//! each list, up to when it was taken in; both are committed with the rows they speak of.

mod api;
mod budget;
mod catch_up;
mod live;
pub(crate) mod normalize;
mod parts;
mod places;
pub mod sign_in;
mod taking;
mod webhook;

use std::time::Duration;

use secrecy::SecretString;

use self::api::Api;
use self::live::Live;
pub(super) use self::parts::parts;
use self::taking::{Place, Taking};
use crate::account::{AccountId, PodiumPlace, PodiumSettings};
use crate::env::{Env, SecretName};
use crate::link::{Cursor, Failure, LinkState};
use crate::source::auth::oauth::TokenEndpoint;
use crate::source::auth::tokens::Session;
use crate::source::webhook::{Hooks, Position, Secrets, kept_secrets};
use crate::source::{Outbox, Report, Reports};

/// How long the end of a link may wait for the engine to take what was heard.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The source of one Podium account. Keeps what a later `run` can go on with.
#[derive(Debug)]
pub struct Podium {
    account: AccountId,
    settings: PodiumSettings,
    env: Env,
    api: Api,
    /// What was committed last: the relay's position, and up to when each list was taken in.
    place: Place,
}

/// The secrets that a link needs.
#[derive(Debug)]
struct Keys {
    /// What Podium signs with.
    signing: SecretString,
    /// What the relay lets this machine read by.
    relay: Secrets,
}

impl Podium {
    /// Not yet connected.
    pub fn new(account: AccountId, settings: PodiumSettings, env: Env, cursor: Option<Cursor>) -> Self {
        let endpoint = token_endpoint(&settings, &env);
        let session = Session::new(env.clone(), account.clone(), endpoint, settings.client_id.clone());
        let api = Api::new(&env, &settings, session);
        let place = cursor.as_ref().and_then(Place::read).unwrap_or_default();
        let place = place.at(settings.place.as_ref().map(PodiumPlace::uid));
        Self { account, settings, env, api, place }
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
        let keys = self.keys().await?;
        let after = self.place.at.as_deref().and_then(Position::new);
        let hooks = Hooks::start(&self.settings.receiver, &keys.relay, &self.env, after)?;
        let hooks = hooks.telling(reports.clone());
        // A link begins anew: what the last one did not hear is not true of this one.
        let unheard = webhook::withheld(&self.settings).map(|words| format!("{words}."));
        reports.tell(Report::Unheard(unheard)).await;
        let taking = self.taking(reports);
        let failure = Live::new(self, taking.clone(), keys.signing, hooks).run(outbox).await;
        self.place = taking.place().await;
        Err(failure)
    }

    fn taking(&self, reports: Reports) -> Taking {
        Taking::new(
            reports,
            self.account.clone(),
            self.settings.app_url.clone(),
            self.env.clock.clone(),
            self.place.clone(),
        )
    }

    /// Ends what there is at Podium: the sign-in itself cannot be ended there.
    pub(crate) async fn delete_webhook(self) -> Result<(), Failure> {
        let url = self.settings.receiver.hook_url();
        let url = url.as_ref().map(url::Url::as_str);
        let deleted = webhook::delete(&self.api, self.settings.webhook.as_deref(), url).await;
        deleted.map_err(api::ApiError::into_failure)
    }

    async fn keys(&self) -> Result<Keys, Failure> {
        let signing = match self.secret(SecretName::SigningSecret).await? {
            Some(secret) => secret,
            None => {
                let url = self.settings.receiver.hook_url();
                let (url, known) = (url.as_ref().map(url::Url::as_str), self.settings.webhook.as_deref());
                let in_use = webhook::secret_in_use(&self.api, url, known).await;
                // Podium is told a fresh one when the webhook is looked at.
                let secret =
                    in_use.map_err(api::ApiError::into_failure)?.unwrap_or_else(webhook::fresh_secret);
                let kept =
                    self.env.secrets.put(&self.account, SecretName::SigningSecret, secret.clone()).await;
                kept.map_err(|error| Failure::transient(error.to_string()))?;
                secret
            }
        };
        Ok(Keys { signing, relay: kept_secrets(&self.env, &self.account).await? })
    }

    async fn secret(&self, name: SecretName) -> Result<Option<SecretString>, Failure> {
        // The password store may be unlocked or started at any moment.
        let kept = self.env.secrets.get(&self.account, name).await;
        kept.map_err(|error| Failure::transient(error.to_string()))
    }
}

fn token_endpoint(settings: &PodiumSettings, env: &Env) -> TokenEndpoint {
    // Not below the API's version.
    let whole = format!("{}/oauth/token", settings.api_url.as_str().trim_end_matches('/'));
    let url = whole.parse().unwrap_or_else(|_| settings.api_url.clone());
    TokenEndpoint::json(env.http.client.clone(), url)
}

/// The scopes to ask for: those of the events, and those that signing in and names need.
fn app_scopes(of_events: &[&'static str]) -> Vec<&'static str> {
    let mut scopes = vec!["read_locations", "read_organizations", "read_users"];
    scopes.extend(of_events);
    scopes
}

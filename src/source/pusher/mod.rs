//! Pusher: listens to channels of any Pusher-compatible server, and makes of their events what the person says.
//!
//! ```text
//!   server ─▶ link ─▶ Live ─▶ the person's map ─▶ engine
//! ```
//!
//! A feed has no past: what is published while nobody listens is gone, but for the last event of a cache channel. So there is no
//! catching up, and a gap is said in the log. `link` is the connection, shared with every other source that listens on such a server.

pub(crate) mod link;
mod live;
mod sign_in;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use self::link::{At, Before, Link, Wanted};
use self::live::Live;
pub use self::sign_in::sign_in;
use crate::account::{AccountId, AuthMethod, PusherAuth, PusherServer, PusherSettings};
use crate::env::{Env, SecretName};
use crate::link::{Failure, LinkState};
use crate::notification::Notification;
use crate::source::auth::channel::{AskBy, ChannelAuth, Endpoint};
use crate::source::generic::{Reader, Seen};
use crate::source::{Outbox, Report};

/// Who Belfry is on presence channels, where it signs for itself.
const USER_ID: &str = "belfry";

/// The secrets of an account at a Pusher-compatible server.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// The app's secret.
    pub app_secret: Option<SecretString>,
    /// Headers for the endpoint of authorisations: a JSON object of names and values.
    pub headers: Option<SecretString>,
}

/// The source of one account at a Pusher-compatible server.
#[derive(Debug)]
pub struct Pusher {
    account: AccountId,
    settings: PusherSettings,
    env: Env,
    before: Before,
    /// What was heard and could not be kept yet, oldest first.
    unkept: VecDeque<Notification>,
    /// Until when it was listened, on an earlier connection.
    listened_until: Option<Timestamp>,
    seen: Seen,
}

impl Pusher {
    /// Not yet connected.
    pub fn new(account: AccountId, settings: PusherSettings, env: Env) -> Self {
        Self {
            account,
            settings,
            env,
            before: Before::default(),
            unkept: VecDeque::new(),
            listened_until: None,
            seen: Seen::default(),
        }
    }

    /// See [`crate::source::Source::run`].
    pub async fn run(&mut self, outbox: &mut Outbox) -> Failure {
        let reports = outbox.reports().clone();
        reports.state(LinkState::Connecting).await;
        reports.tell(Report::Seen(self.seen.clone())).await;
        let (reader, wanted) = match self.ready().await {
            Ok(ready) => ready,
            Err(failure) => return failure,
        };
        let mut link = match Link::start(&wanted, &self.env, Some(reports.clone()), &mut self.before) {
            Ok(link) => link,
            Err(failure) => return failure,
        };
        let mut live = Live::new(self, &reader, reports);
        let failure = live.run(&mut link, outbox).await;
        live.end().await;
        link.end(&mut self.before);
        failure
    }

    async fn ready(&self) -> Result<(Reader, Wanted), Failure> {
        let reader = reader(&self.settings)?;
        let kept = async |name| {
            // The password store may be unlocked or started at any moment.
            let kept = self.env.secrets.get(&self.account, name).await;
            kept.map_err(|error| Failure::transient(error.to_string()))
        };
        let secrets = match self.settings.auth {
            PusherAuth::None => Secrets::default(),
            PusherAuth::Endpoint { .. } => {
                Secrets { headers: kept(SecretName::AuthHeaders).await?, app_secret: None }
            }
            PusherAuth::Secret => Secrets { app_secret: kept(SecretName::AppSecret).await?, headers: None },
        };
        Ok((reader, wanted(&self.settings, &secrets, &self.env)?))
    }
}

/// The map of an account, which was checked when it was kept.
fn reader(settings: &PusherSettings) -> Result<Reader, Failure> {
    Reader::new(&settings.map).map_err(|error| Failure::fatal(format!("the map of fields is wrong: {error}")))
}

/// What to ask of the server.
fn wanted(settings: &PusherSettings, secrets: &Secrets, env: &Env) -> Result<Wanted, Failure> {
    let auth = match &settings.auth {
        PusherAuth::None => None,
        PusherAuth::Endpoint { url, method } => Some(ChannelAuth::Endpoint(Endpoint {
            client: env.http.client.clone(),
            url: url.clone(),
            method: match method {
                AuthMethod::Post => AskBy::Post,
                AuthMethod::Get => AskBy::Get,
            },
            headers: headers(secrets.headers.as_ref())?,
            digest: None,
        })),
        PusherAuth::Secret => {
            let secret = secrets.app_secret.clone().ok_or_else(|| {
                Failure::sign_in("the app's secret is not in the password store any more; give it once more")
            })?;
            let key = settings.key.clone();
            Some(ChannelAuth::Secret { key, secret, user_id: USER_ID.to_owned() })
        }
    };
    let at = match &settings.server {
        PusherServer::Cluster(name) => At::Cluster(name.clone()),
        PusherServer::Url(url) => At::Url(url.clone()),
    };
    Ok(Wanted { at, key: settings.key.clone(), channels: settings.channels.clone(), auth })
}

fn headers(kept: Option<&SecretString>) -> Result<Vec<(String, SecretString)>, Failure> {
    let Some(kept) = kept else { return Ok(Vec::new()) };
    let headers: BTreeMap<String, String> = serde_json::from_str(kept.expose_secret()).map_err(|_| {
        Failure::sign_in("the headers for the auth endpoint cannot be read any more; give them once more")
    })?;
    Ok(headers.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect())
}

//! Signing in to a Pusher-compatible server: is the map right, does each channel have what it needs, and does one connection get all of
//! them? What is wrong is said before an account is kept.

use std::time::Duration;

use secrecy::SecretString;

use super::link::{Before, Heard, Link};
use super::{Secrets, reader, wanted};
use crate::account::{PusherAuth, PusherServer, PusherSettings, Settings};
use crate::env::{Env, SecretName};
use crate::link::Failure;
use crate::source::SignedIn;
use crate::source::exchange::host_of;

/// How long the trial may take. A server that keeps silent about a channel is waited for 15 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// So many refused channels are named.
const NAMED: usize = 3;

/// Tries the settings with one connection, if `check` asks for that; gives what to keep.
pub async fn sign_in(
    env: &Env,
    mut settings: PusherSettings,
    secrets: Secrets,
    check: bool,
) -> Result<SignedIn, Failure> {
    let mut channels = std::mem::take(&mut settings.channels);
    channels.retain_mut(|channel| {
        *channel = channel.trim().to_owned();
        !channel.is_empty()
    });
    channels.sort();
    channels.dedup();
    settings.channels = channels;
    makes_sense(&settings)?;
    reader(&settings)?;
    let trial = wanted(&settings, &secrets, env)?;
    let link = Link::start(&trial, env, None, &mut Before::default())?;
    if check {
        let server = link.server().to_owned();
        let tried = tokio::time::timeout(PATIENCE, try_out(link));
        tried.await.unwrap_or_else(|_| {
            Err(Failure::transient(format!("{server} did not answer for all channels in time")))
        })?;
    }
    Ok(SignedIn {
        label: label(&settings),
        secrets: to_keep(&settings, secrets),
        settings: Settings::Pusher(settings),
    })
}

/// What needs no server to be seen.
fn makes_sense(settings: &PusherSettings) -> Result<(), Failure> {
    if settings.channels.is_empty() {
        return Err(Failure::fatal("name at least one channel to listen to"));
    }
    let private = settings
        .channels
        .iter()
        .find(|channel| channel.starts_with("private-") || channel.starts_with("presence-"));
    let encrypted = settings.channels.iter().find(|channel| channel.starts_with("private-encrypted-"));
    match (&settings.auth, private, encrypted) {
        (PusherAuth::None, Some(channel), _) => Err(Failure::fatal(format!(
            "“{channel}” takes only those who were let in: give the address of the application's auth endpoint, or the app's secret"
        ))),
        (PusherAuth::Secret, _, Some(channel)) => Err(Failure::fatal(format!(
            "“{channel}” is encrypted, and the app's secret does not open it: give the address of the application's auth endpoint"
        ))),
        (PusherAuth::Endpoint { url, .. }, _, _) if !matches!(url.scheme(), "http" | "https") => {
            Err(Failure::fatal("the auth endpoint is a web address (https://…)"))
        }
        (PusherAuth::None | PusherAuth::Secret | PusherAuth::Endpoint { .. }, _, _) => Ok(()),
    }
}

/// Listens until every channel was answered; fails if one is refused.
async fn try_out(mut link: Link) -> Result<(), Failure> {
    let mut refused = Vec::new();
    loop {
        match link.next().await? {
            Heard::AllSubscribed => break,
            Heard::Refused { why, .. } => refused.push(why),
            Heard::Connected
            | Heard::Subscribed { .. }
            | Heard::Message { .. }
            | Heard::MemberAdded { .. }
            | Heard::MemberRemoved { .. } => {}
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let more = refused.len().saturating_sub(NAMED);
    refused.truncate(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Err(Failure::fatal(format!("{}{more}", refused.join("; "))))
}

fn label(settings: &PusherSettings) -> String {
    match &settings.server {
        PusherServer::Cluster(name) if name.is_empty() => "Pusher".to_owned(),
        PusherServer::Cluster(name) => format!("Pusher ({name})"),
        PusherServer::Url(url) => host_of(url),
    }
}

/// Only what is used is kept.
fn to_keep(settings: &PusherSettings, secrets: Secrets) -> Vec<(SecretName, SecretString)> {
    let kept = match settings.auth {
        PusherAuth::None => None,
        PusherAuth::Endpoint { .. } => secrets.headers.map(|headers| (SecretName::AuthHeaders, headers)),
        PusherAuth::Secret => secrets.app_secret.map(|secret| (SecretName::AppSecret, secret)),
    };
    kept.into_iter().collect()
}

//! Signing in to nothing: gets an address that a service can send to, and sees that what is asked for makes sense before an account is
//! kept.

use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};

use super::feed::reader;
use super::local::try_port;
use super::{Heard, Hooks, Joined, Secrets, join, kept_secrets};
use crate::account::{AccountId, Receiver, RelayKind, RelaySettings, Settings, Signature, WebhookSettings};
use crate::env::{Env, SecretName};
use crate::link::Failure;
use crate::source::SignedIn;
use crate::source::exchange::host_of;

/// An address by a tunnel that nothing but itself protects has to have so many letters behind its host.
const UNGUESSABLE: usize = 20;

/// What somebody gives who wants to take webhooks.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// What the service signs with; an account that exists keeps its own if `None`.
    pub secret: Option<SecretString>,
    /// What the relay asks of those who want a channel.
    pub join_code: Option<SecretString>,
    /// True if the account is new: its port is tried.
    pub is_new: bool,
}

/// Gets a channel, unless the account has one that works; gives what to keep.
pub async fn sign_in(
    env: &Env,
    account: &AccountId,
    mut settings: WebhookSettings,
    given: Given,
) -> Result<SignedIn, Failure> {
    reader(&settings)?;
    makes_sense(&settings)?;
    let mut keep = Vec::new();
    if settings.signature.needs_secret() {
        match given.secret.filter(|secret| !secret.expose_secret().is_empty()) {
            Some(secret) => keep.push((SecretName::SigningSecret, secret)),
            None => {
                let kept = env.secrets.get(account, SecretName::SigningSecret).await;
                if kept.map_err(|error| Failure::transient(error.to_string()))?.is_none() {
                    return Err(Failure::fatal(
                        "the secret that the service signs with is needed; a script gives it with --secret-stdin",
                    ));
                }
            }
        }
    }
    let Joined { receiver, secrets } =
        receive(env, account, &settings.receiver, given.join_code, given.is_new).await?;
    settings.receiver = receiver;
    if let (Receiver::Relay(RelaySettings { kind: RelayKind::Smee, url, .. }), true) =
        (&settings.receiver, settings.signature.needs_secret())
    {
        return Err(Failure::fatal(format!(
            "{} does not pass bodies on as they came, so that no signature can be checked: use belfry-relay or gosmee, or no signature",
            host_of(url)
        )));
    }
    keep.extend(secrets_to_keep(secrets));
    Ok(SignedIn { label: label(&settings.receiver), secrets: keep, settings: Settings::Webhook(settings) })
}

/// The channel that the account has, if its relay still gives it; else a new one. Also for other sources that live by webhooks.
pub async fn receive(
    env: &Env,
    account: &AccountId,
    receiver: &Receiver,
    join_code: Option<SecretString>,
    is_new: bool,
) -> Result<Joined, Failure> {
    match receiver {
        Receiver::Local(local) => {
            if is_new {
                try_port(local.port).await?;
            }
            join(env, receiver, None).await
        }
        Receiver::Relay(relay) if !relay.channel.is_empty() && relay.kind == RelayKind::Belfry => {
            let secrets = kept_secrets(env, account).await?;
            match try_out(env, receiver, &secrets).await {
                Ok(()) => Ok(Joined { receiver: receiver.clone(), secrets }),
                Err(Failure::SignIn { .. } | Failure::Fatal { .. }) => {
                    let anew = RelaySettings { channel: String::new(), ..relay.clone() };
                    join(env, &Receiver::Relay(anew), join_code).await
                }
                Err(failure @ (Failure::Transient { .. } | Failure::Later { .. })) => Err(failure),
            }
        }
        Receiver::Relay(_) => join(env, receiver, join_code).await,
    }
}

/// What a receiver's secrets are kept as.
pub fn secrets_to_keep(secrets: Secrets) -> Vec<(SecretName, SecretString)> {
    let token = secrets.read_token.map(|token| (SecretName::ReadToken, token));
    token.into_iter().chain(secrets.seal_key.map(|key| (SecretName::SealKey, key))).collect()
}

async fn try_out(env: &Env, receiver: &Receiver, secrets: &Secrets) -> Result<(), Failure> {
    let mut hooks = Hooks::start(receiver, secrets, env, None)?;
    loop {
        if let Heard::Connected = hooks.next().await? {
            return Ok(());
        }
    }
}

/// What needs no relay to be seen.
fn makes_sense(settings: &WebhookSettings) -> Result<(), Failure> {
    if let Signature::Hmac { header, .. } = &settings.signature
        && HeaderName::from_bytes(header.as_bytes()).is_err()
    {
        return Err(Failure::fatal(format!(
            "“{header}” is no name of a header: name the one that holds the signature"
        )));
    }
    if let (Receiver::Local(local), Signature::None) = (&settings.receiver, &settings.signature)
        && let Some(url) = &local.public_url
        && url.path().trim_matches('/').len() < UNGUESSABLE
    {
        return Err(Failure::fatal(format!(
            "anybody could send by {}: let the service sign what it sends, or give the tunnel's address a path of {UNGUESSABLE} letters or more that nobody guesses",
            host_of(url)
        )));
    }
    Ok(())
}

fn label(receiver: &Receiver) -> String {
    match receiver {
        Receiver::Relay(relay) => format!("Webhook ({})", host_of(&relay.url)),
        Receiver::Local(local) => format!("Webhook (port {})", local.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{HashKind, HashText, LocalSettings};
    use crate::feed::FieldMap;

    #[test]
    fn an_address_that_anybody_guesses_needs_a_signature() {
        let settings = |public: Option<&str>, signature| WebhookSettings {
            receiver: Receiver::Local(LocalSettings {
                port: 9,
                public_url: public.map(|url| url.parse().unwrap()),
            }),
            signature,
            map: FieldMap::default(),
        };
        let sense = |public, signature| makes_sense(&settings(public, signature)).is_ok();
        assert!(sense(None, Signature::None) && sense(Some("https://t.example"), Signature::Github));
        assert!(!sense(Some("https://t.example"), Signature::None));
        assert!(!sense(Some("https://t.example/hook"), Signature::None));
        assert!(sense(Some("https://t.example/9f2c6b1e7a5d4c3b8a10"), Signature::None));
        let hmac = |header: &str| Signature::Hmac {
            header: header.into(),
            prefix: String::new(),
            encoding: HashText::Hex,
            hash: HashKind::Sha256,
        };
        assert!(
            sense(None, hmac("X-Signature")) && !sense(None, hmac("X Signature")) && !sense(None, hmac(""))
        );
    }
}

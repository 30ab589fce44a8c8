//! Signing in to CloudApp with e-mail address and password: asks whose account it is. Nothing is kept here: whether this is the right
//! person is not known to this part.

use secrecy::SecretString;

use super::api::{AccountThere, Api, no_stream};
use crate::account::{CloudappSettings, Settings};
use crate::env::{Env, SecretName};
use crate::link::Failure;
use crate::source::SignedIn;
use crate::source::auth::digest::Digest;
use crate::source::exchange::host_of;

/// Asks whose password it is, and whether there is a stream to listen to.
pub async fn sign_in(
    env: &Env,
    settings: CloudappSettings,
    password: SecretString,
) -> Result<SignedIn, Failure> {
    let api = Api::new(env, &settings, Digest::new(settings.email.clone(), password.clone()));
    let there = api.account().await?;
    if there.socket.is_none() {
        return Err(no_stream(&host_of(&settings.api_url)));
    }
    let (label, settings) = known_better(settings, &there);
    let secrets = vec![(SecretName::Password, password)];
    Ok(SignedIn { settings: Settings::Cloudapp(settings), label, secrets })
}

/// What the service says of an account, over what was known; and what to call it.
pub(super) fn known_better(settings: CloudappSettings, there: &AccountThere) -> (String, CloudappSettings) {
    let label = there.email.clone().unwrap_or_else(|| settings.email.clone());
    let account_id = there.id.or(settings.account_id);
    (label, CloudappSettings { account_id, site: there.site.clone(), ..settings })
}

//! Signing out: the service is told that this sign-in is over, before its secrets are forgotten here.

use std::time::Duration;

use crate::account::{Account, Settings};
use crate::env::Env;
use crate::link::Failure;
use crate::source;

/// How long the service may take; the account is removed all the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells the service, unless another account here lives from the same sign-in. Fails with what is left to do for the person.
pub(super) async fn sign_out(account: &Account, accounts: &[Account], env: &Env) -> Result<(), String> {
    if accounts.iter().any(|other| other.id != account.id && share_a_sign_in(account, other)) {
        return Ok(());
    }
    let service = account.settings.service().human();
    let why = match tokio::time::timeout(PATIENCE, source::sign_out(account, env)).await {
        // One that is no longer valid is over already.
        Ok(Ok(()) | Err(Failure::SignIn { .. })) => return Ok(()),
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("{service} did not answer in time"),
    };
    Err(format!(
        "{service} could not be told that this sign-in is over ({why}). It ends by itself; to end it now, remove Belfry's access in your account at {service}"
    ))
}

/// Podio ends all sign-ins of one person with one API key together (podio.md §4.4).
fn share_a_sign_in(one: &Account, other: &Account) -> bool {
    match (&one.settings, &other.settings) {
        (Settings::Podio(one), Settings::Podio(other)) => {
            one.user_id.is_some()
                && (&one.api_url, &one.client_id, one.user_id)
                    == (&other.api_url, &other.client_id, other.user_id)
        }
        (
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Podium(_)
            | Settings::Webhook(_)
            | Settings::Demo,
            Settings::Podio(_)
            | Settings::Cloudapp(_)
            | Settings::Pusher(_)
            | Settings::Podium(_)
            | Settings::Webhook(_)
            | Settings::Demo,
        ) => false,
    }
}

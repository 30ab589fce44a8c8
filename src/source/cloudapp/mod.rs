//! CloudApp: signs in with a password, catches up over REST, listens to the account's item stream over Pusher.

mod item;

use secrecy::SecretString;

use crate::account::{AccountId, CloudappSettings};
use crate::env::Env;
use crate::link::{Cursor, Failure};
use crate::notification::Notification;
use crate::part::Part;
use crate::source::{Outbox, SignedIn};

/// The source of one CloudApp account.
#[derive(Debug)]
pub struct Cloudapp {}

impl Cloudapp {
    /// Not yet connected.
    pub fn new(_account: AccountId, _settings: CloudappSettings, _env: Env, _cursor: Option<Cursor>) -> Self {
        Self {}
    }

    /// See [`crate::source::Source::run`].
    pub async fn run(&mut self, _outbox: &mut Outbox) -> Failure {
        Failure::fatal("this build does not know CloudApp yet")
    }
}

/// What the detail view of an item shows.
pub(super) fn parts(_notification: &Notification) -> Vec<Part> {
    Vec::new()
}

/// Asks who the password belongs to.
pub async fn sign_in(
    _env: &Env,
    _settings: CloudappSettings,
    _password: SecretString,
) -> Result<SignedIn, Failure> {
    Err(Failure::fatal("this build does not know CloudApp yet"))
}

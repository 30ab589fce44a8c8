//! Pusher: listens to channels of any Pusher-compatible server, and makes of their events what the person says.

use secrecy::SecretString;

use crate::account::{AccountId, PusherSettings};
use crate::env::Env;
use crate::link::Failure;
use crate::notification::Notification;
use crate::part::Part;
use crate::source::{Outbox, SignedIn};

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
pub struct Pusher {}

impl Pusher {
    /// Not yet connected.
    pub fn new(_account: AccountId, _settings: PusherSettings, _env: Env) -> Self {
        Self {}
    }

    /// See [`crate::source::Source::run`].
    pub async fn run(&mut self, _outbox: &mut Outbox) -> Failure {
        Failure::fatal("this build does not know Pusher yet")
    }
}

/// What the detail view of an event shows.
pub(super) fn parts(_notification: &Notification) -> Vec<Part> {
    Vec::new()
}

/// Tries the settings with one connection, if `check` asks for that; gives what to keep.
pub async fn sign_in(
    _env: &Env,
    _settings: PusherSettings,
    _secrets: Secrets,
    _check: bool,
) -> Result<SignedIn, Failure> {
    Err(Failure::fatal("this build does not know Pusher yet"))
}

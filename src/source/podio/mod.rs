//! Podio: signs in, catches up over REST, listens on the push service.

use crate::account::{AccountId, PodioSettings};
use crate::env::Env;
use crate::link::{Cursor, Failure};
use crate::source::Outbox;

/// The source of one Podio account.
#[derive(Debug)]
pub struct Podio {}

impl Podio {
    /// Not yet connected.
    pub fn new(account: AccountId, settings: PodioSettings, env: Env, cursor: Option<Cursor>) -> Self {
        let _ = (account, settings, env, cursor);
        Self {}
    }

    /// See [`crate::source::Source::run`].
    pub async fn run(&mut self, outbox: &mut Outbox) -> Failure {
        let _ = outbox;
        Failure::fatal("not written yet")
    }
}

//! Secrets: sign-ins in the system's password store, or where the person chose. Comes in: an account, a name, a secret; goes out: the
//! secret, or a sentence that says what to do. It must not know what a secret means.
//!
//! The store is asked off the async threads, one request at a time, with a limit: a locked store may wait for its password for ever.
//! What was read or written once is remembered, so that a program that runs all day asks once.

mod error;
mod file;
mod keyring;
mod turns;
mod wanted;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tracing::debug;

pub use self::error::{SecretError, UnknownStore};

use self::turns::Turns;
use self::wanted::{Key, Wanted};
use super::{Paths, Tasks};
use crate::account::AccountId;

/// How long the store gets to answer, its question to the person included.
const LIMIT: Duration = Duration::from_secs(30);
/// The entry that [`Secrets::probe`] writes. No account's entry can have this name: those have a slash.
const PROBE: &str = "probe";

/// Which secret of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretName {
    /// The secret of the API key.
    ClientSecret,
    /// Access and refresh token with their lifetime, as one text, so that both change together. Windows takes at most 2560 bytes.
    Tokens,
    /// The person's password, where a service knows nothing better.
    Password,
    /// The secret of a Pusher app of one's own.
    AppSecret,
    /// Headers that an endpoint for authorisations wants, as a JSON object of names and values.
    AuthHeaders,
    /// What a relay shows a channel's events for.
    ReadToken,
    /// What opens events that a relay has sealed.
    SealKey,
    /// What a service signs its webhooks with.
    SigningSecret,
}

impl SecretName {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::ClientSecret,
        Self::Tokens,
        Self::Password,
        Self::AppSecret,
        Self::AuthHeaders,
        Self::ReadToken,
        Self::SealKey,
        Self::SigningSecret,
    ];

    /// The name in the store, behind the account: `podio/tokens`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecret => "client-secret",
            Self::Tokens => "tokens",
            Self::Password => "password",
            Self::AppSecret => "app-secret",
            Self::AuthHeaders => "auth-headers",
            Self::ReadToken => "read-token",
            Self::SealKey => "seal-key",
            Self::SigningSecret => "signing-secret",
        }
    }
}

/// Keeps secrets.
pub struct Secrets {
    place: Place,
    wanted: Arc<Mutex<Wanted>>,
    turns: Turns,
    limit: Duration,
}

enum Place {
    Memory,
    Keyring(Arc<dyn Vault>),
    File(PathBuf, Arc<dyn Vault>),
}

/// A place that outlives the program. Its calls may block.
trait Vault: fmt::Debug + Send + Sync {
    fn read(&self, entry: &str) -> Result<Option<SecretString>, SecretError>;
    fn write(&self, entry: &str, secret: &SecretString) -> Result<(), SecretError>;
    /// An entry that is not there counts as deleted.
    fn delete(&self, entry: &str) -> Result<(), SecretError>;
    /// Leaves a connection on which someone still waits; the next call makes its own.
    fn start_over(&self);
}

impl Secrets {
    /// Secrets where `BELFRY_SECRETS` says: `keyring` (also when unset), `file` or `memory`. Touches nothing yet.
    pub fn from_choice(choice: Option<&str>, paths: &Paths) -> Result<Self, UnknownStore> {
        match choice.unwrap_or_default() {
            "" | "keyring" => Ok(Self::at(Place::Keyring(Arc::new(keyring::Keyring::of_this_system())))),
            "file" => {
                let path = paths.secrets_file();
                let file = file::SecretsFile::at(path.clone());
                Ok(Self::at(Place::File(path, Arc::new(file))))
            }
            "memory" => Ok(Self::memory()),
            other => Err(UnknownStore(other.to_owned())),
        }
    }

    /// Secrets that are gone when the program ends.
    pub fn memory() -> Self {
        Self::at(Place::Memory)
    }

    /// The same with another limit for an answer of the store.
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The secret, or `None` if there is none of that name.
    pub async fn get(
        &self,
        account: &AccountId,
        name: SecretName,
    ) -> Result<Option<SecretString>, SecretError> {
        let key = (account.clone(), name);
        if let Some(known) = self.wanted().known(&key) {
            return Ok(known);
        }
        self.ask(move |vault, wanted| {
            let found = vault.read(&entry(&key))?;
            if let Some(secret) = &found {
                // Also when the answer came too late for its caller: the next one need not ask again.
                lock(wanted).learned(&key, secret);
            }
            Ok(found)
        })
        .await
        .unwrap_or(Ok(None))
    }

    /// Keeps a secret, in place of an older one. Returns once it is kept.
    ///
    /// After an error it is still given out until the program ends, and written as soon as the store takes a later secret: a service
    /// that has replaced a token takes the old one no more.
    pub async fn put(
        &self,
        account: &AccountId,
        name: SecretName,
        secret: SecretString,
    ) -> Result<(), SecretError> {
        let key = (account.clone(), name);
        self.wanted().want(key.clone(), Some(secret));
        self.settle(vec![key]).await
    }

    /// Forgets all secrets of an account.
    pub async fn forget(&self, account: &AccountId) -> Result<(), SecretError> {
        let keys: Vec<Key> = SecretName::ALL.map(|name| (account.clone(), name)).to_vec();
        for key in &keys {
            self.wanted().want(key.clone(), None);
        }
        self.settle(keys).await
    }

    /// Writes, reads and deletes an entry of its own; says in words where secrets are kept, or why that does not work.
    pub async fn probe(&self) -> Result<String, SecretError> {
        let secret = SecretString::from(format!("{:016x}", rand::random::<u64>()));
        let asked = self.ask(move |vault, _| {
            vault.write(PROBE, &secret)?;
            let found = vault.read(PROBE)?;
            vault.delete(PROBE)?;
            match found {
                Some(found) if found.expose_secret() == secret.expose_secret() => Ok(()),
                Some(_) | None => {
                    Err(SecretError::Other("it does not give back what it was given".to_owned()))
                }
            }
        });
        asked.await.unwrap_or(Ok(()))?;
        Ok(self.describe())
    }

    /// Where secrets are kept, in words.
    pub fn describe(&self) -> String {
        match &self.place {
            Place::Memory => "Sign-ins are kept in memory only; they are gone when Belfry ends.".to_owned(),
            Place::Keyring(_) => {
                format!("Sign-ins are kept in the system's password store ({}).", keyring::STORE)
            }
            Place::File(path, _) => format!(
                "Sign-ins are kept unencrypted in the file {}, which only you can read.",
                path.display()
            ),
        }
    }

    fn at(place: Place) -> Self {
        Self { place, wanted: Arc::default(), turns: Turns::default(), limit: LIMIT }
    }

    async fn settle(&self, keys: Vec<Key>) -> Result<(), SecretError> {
        self.ask(move |vault, wanted| {
            let mut outcome = Ok(());
            for key in &keys {
                outcome = outcome.and(settle(vault, wanted, key));
            }
            if outcome.is_ok() {
                let others = lock(wanted).unkept();
                for key in &others {
                    if let Err(error) = settle(vault, wanted, key) {
                        debug!(account = %key.0, %error, "a secret that could not be kept earlier can't be kept now either");
                    }
                }
            }
            outcome
        })
        .await
        .unwrap_or(Ok(()))
    }

    /// Runs one request on the store. `None` where there is no store to ask.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Vault, &Mutex<Wanted>) -> Result<T, SecretError> + Send + 'static,
    ) -> Option<Result<T, SecretError>> {
        let vault = match &self.place {
            Place::Memory => return None,
            Place::Keyring(vault) | Place::File(_, vault) => Arc::clone(vault),
        };
        let stuck = Arc::clone(&vault);
        let wanted = Arc::clone(&self.wanted);
        let in_turn = async {
            let turn = self.turns.next().await;
            Tasks::blocking("secrets", move || {
                let outcome = work(&*vault, &wanted);
                drop(turn);
                outcome
            })
            .await
            .unwrap_or_else(|| Err(SecretError::Other("asking it failed unexpectedly".to_owned())))
        };
        // The thread that waits for the store can't be stopped. It keeps its turn, and what it brings about late is put right in
        // `settle`.
        match tokio::time::timeout(self.limit, in_turn).await {
            Ok(outcome) => Some(outcome),
            Err(_) => {
                if self.turns.abandon_after(self.limit * 10) {
                    stuck.start_over();
                }
                Some(Err(SecretError::TimedOut { seconds: self.limit.as_secs() }))
            }
        }
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        lock(&self.wanted)
    }
}

/// Writes or deletes until the store holds what is wanted now, whatever was wanted when this began.
fn settle(vault: &dyn Vault, wanted: &Mutex<Wanted>, key: &Key) -> Result<(), SecretError> {
    loop {
        let Some((secret, stamp)) = lock(wanted).unkept_one(key) else {
            return Ok(());
        };
        match secret {
            Some(secret) => vault.write(&entry(key), &secret)?,
            None => vault.delete(&entry(key))?,
        }
        lock(wanted).landed(key, stamp);
    }
}

fn entry((account, name): &Key) -> String {
    format!("{account}/{}", name.as_str())
}

fn lock(wanted: &Mutex<Wanted>) -> MutexGuard<'_, Wanted> {
    wanted.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("place", &self.describe()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

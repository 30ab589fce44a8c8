//! Secrets: sign-ins in the system's password store, or where the person chose.

use std::collections::BTreeMap;
use std::sync::Mutex;

use secrecy::SecretString;

use crate::account::AccountId;

/// Which secret of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretName {
    /// The secret of the API key.
    ClientSecret,
    /// Access and refresh token with their lifetime, as one text, so that both change together.
    Tokens,
}

/// Why a secret could not be read or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No password store runs.
    #[error("no password store is running: {0}")]
    NoStore(String),
}

/// Keeps secrets.
#[derive(Debug)]
pub struct Secrets {
    memory: Mutex<BTreeMap<(AccountId, SecretName), SecretString>>,
}

impl Secrets {
    /// Secrets that are gone when the program ends.
    pub fn memory() -> Self {
        Self { memory: Mutex::new(BTreeMap::new()) }
    }

    /// The secret, or `None` if there is none of that name.
    pub async fn get(
        &self,
        account: &AccountId,
        name: SecretName,
    ) -> Result<Option<SecretString>, SecretError> {
        Ok(self.lock().get(&(account.clone(), name)).cloned())
    }

    /// Keeps a secret, in place of an older one. Returns once it is kept.
    pub async fn put(
        &self,
        account: &AccountId,
        name: SecretName,
        secret: SecretString,
    ) -> Result<(), SecretError> {
        self.lock().insert((account.clone(), name), secret);
        Ok(())
    }

    /// Forgets all secrets of an account.
    pub async fn forget(&self, account: &AccountId) -> Result<(), SecretError> {
        self.lock().retain(|(owner, _), _| owner != account);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(AccountId, SecretName), SecretString>> {
        self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

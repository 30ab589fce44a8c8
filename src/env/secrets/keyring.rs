//! The system's password store, through the keyring project's crates. All errors of theirs become ours here.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyring_core::{CredentialStore, Entry, Error};
use secrecy::{ExposeSecret, SecretString};

use super::{SecretError, Vault};

/// One service string for all entries, as the store's own program shows them.
const SERVICE: &str = "app.belfry.Belfry";

/// What the store is called here.
#[cfg(target_os = "linux")]
pub(super) const STORE: &str = "Secret Service";
/// What the store is called here.
#[cfg(target_os = "windows")]
pub(super) const STORE: &str = "Windows Credential Manager";
/// What the store is called here.
#[cfg(target_os = "macos")]
pub(super) const STORE: &str = "macOS keychain";

type Open = Box<dyn Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync>;

/// The store. It is opened when first asked, and again after it failed: it may start later than Belfry, or anew.
pub(super) struct Keyring {
    open: Open,
    store: Mutex<Option<Arc<CredentialStore>>>,
}

impl Keyring {
    pub(super) fn of_this_system() -> Self {
        Self::opened_by(Box::new(|| Ok(open()?)))
    }

    pub(super) fn opened_by(open: Open) -> Self {
        Self { open, store: Mutex::new(None) }
    }

    /// Does one thing with an entry. A store that was opened earlier may be gone or new by now, so it gets a second chance.
    fn with_entry<T>(
        &self,
        name: &str,
        act: impl Fn(&Entry) -> keyring_core::Result<T>,
    ) -> Result<T, SecretError> {
        let reused = self.opened().is_some();
        let (store, outcome) = self.attempt(name, &act)?;
        let outcome = match outcome {
            Err(error) if reused && is_stale(&error) => {
                self.leave(&store);
                self.attempt(name, &act)?.1
            }
            Ok(_) | Err(_) => outcome,
        };
        outcome.map_err(|error| {
            if is_stale(&error) {
                self.leave(&store);
            }
            explain(error)
        })
    }

    fn attempt<T>(
        &self,
        name: &str,
        act: impl Fn(&Entry) -> keyring_core::Result<T>,
    ) -> Result<(Arc<CredentialStore>, keyring_core::Result<T>), SecretError> {
        let store = self.store()?;
        let label = format!("Belfry: {name}");
        let outcome = store.build(SERVICE, name, Some(&modifiers(&label))).and_then(|entry| act(&entry));
        Ok((store, outcome))
    }

    // The lock is not held while the store is opened or asked: both may block.
    fn store(&self) -> Result<Arc<CredentialStore>, SecretError> {
        if let Some(store) = self.opened().clone() {
            return Ok(store);
        }
        let store = (self.open)().map_err(|error| match explain(error) {
            SecretError::Other(words) => SecretError::NoStore(words),
            other => other,
        })?;
        *self.opened() = Some(Arc::clone(&store));
        Ok(store)
    }

    /// Lets go of the store where blocking is forbidden. Its own clean-up would wait for the message bus, and end the program when it
    /// finds itself on an async thread. The connection ends with the program.
    fn let_go(&self) {
        std::mem::forget(self.opened().take());
    }

    /// Forgets this store, but not one that was opened since.
    fn leave(&self, store: &Arc<CredentialStore>) {
        let mut opened = self.opened();
        if opened.as_ref().is_some_and(|opened| Arc::ptr_eq(opened, store)) {
            *opened = None;
        }
    }

    fn opened(&self) -> MutexGuard<'_, Option<Arc<CredentialStore>>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for Keyring {
    fn read(&self, entry: &str) -> Result<Option<SecretString>, SecretError> {
        let found = self.with_entry(entry, |entry| match entry.get_secret() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NoEntry) => Ok(None),
            Err(other) => Err(other),
        })?;
        let text = found.map(String::from_utf8).transpose().map_err(|_| SecretError::NotText)?;
        Ok(text.map(SecretString::from))
    }

    // As bytes: Windows would keep a text in UTF-16 and so take only half as much.
    fn write(&self, entry: &str, secret: &SecretString) -> Result<(), SecretError> {
        self.with_entry(entry, |entry| entry.set_secret(secret.expose_secret().as_bytes()))
    }

    fn delete(&self, entry: &str) -> Result<(), SecretError> {
        self.with_entry(entry, |entry| match entry.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            // All of them are in our name.
            Err(Error::Ambiguous(entries)) => entries.iter().try_for_each(Entry::delete_credential),
            Err(other) => Err(other),
        })
    }

    fn start_over(&self) {
        self.let_go();
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("store", &STORE).finish_non_exhaustive()
    }
}

#[cfg(target_os = "linux")]
fn open() -> keyring_core::Result<Arc<zbus_secret_service_keyring_store::Store>> {
    zbus_secret_service_keyring_store::Store::new()
}

#[cfg(target_os = "windows")]
fn open() -> keyring_core::Result<Arc<windows_native_keyring_store::Store>> {
    windows_native_keyring_store::Store::new()
}

#[cfg(target_os = "macos")]
fn open() -> keyring_core::Result<Arc<apple_native_keyring_store::keychain::Store>> {
    apple_native_keyring_store::keychain::Store::new()
}

#[cfg(target_os = "linux")]
fn modifiers(label: &str) -> HashMap<&str, &str> {
    // What the store's own program shows.
    HashMap::from([("label", label)])
}

#[cfg(target_os = "windows")]
fn modifiers(_: &str) -> HashMap<&str, &str> {
    // The default roams with the profile to other machines.
    HashMap::from([("persistence", "Local")])
}

#[cfg(target_os = "macos")]
fn modifiers(_: &str) -> HashMap<&str, &str> {
    HashMap::new()
}

/// Whether another connection to the store may fare better.
fn is_stale(error: &Error) -> bool {
    match error {
        Error::PlatformFailure(_) => true,
        Error::NoStorageAccess(cause) => !matches!(because(cause.as_ref()), Some(SecretError::Denied)),
        // The rest is about the entry, not about the store. The list is theirs and may grow.
        _ => false,
    }
}

fn explain(error: Error) -> SecretError {
    match error {
        Error::PlatformFailure(cause) => {
            because(cause.as_ref()).unwrap_or_else(|| SecretError::Other(cause.to_string()))
        }
        Error::NoStorageAccess(cause) => {
            because(cause.as_ref()).unwrap_or_else(|| SecretError::NoStore(cause.to_string()))
        }
        Error::TooLong(_, limit) => SecretError::TooLong { limit },
        // Their words quote the bytes.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => SecretError::NotText,
        Error::Ambiguous(entries) => SecretError::Other(format!(
            "it holds {} entries for one sign-in; delete them there and sign in again",
            entries.len()
        )),
        // None of the rest holds a secret. The list is theirs and may grow.
        other => SecretError::Other(other.to_string()),
    }
}

type Cause<'a> = &'a (dyn std::error::Error + Send + Sync + 'static);

/// What the Secret Service's own error means.
#[cfg(target_os = "linux")]
fn because(cause: Cause<'_>) -> Option<SecretError> {
    use secret_service::Error as Service;
    let because = match cause.downcast_ref::<Service>()? {
        Service::Locked => SecretError::Locked,
        Service::Prompt => SecretError::Denied,
        Service::NoResult => SecretError::NoStore(
            "it has no default keyring; make one in its own program, such as “Passwords and Keys”".to_owned(),
        ),
        Service::PromptDisconnected => {
            SecretError::NoStore("it ended while it asked for its password".to_owned())
        }
        Service::Unavailable => {
            SecretError::NoStore("nothing answers on the session's message bus".to_owned())
        }
        Service::Zbus(error) if nobody_there(error) => SecretError::NoStore(error.to_string()),
        Service::ZbusFdo(
            zbus::fdo::Error::ServiceUnknown(words) | zbus::fdo::Error::NameHasNoOwner(words),
        ) => SecretError::NoStore(words.clone()),
        // Their list may grow.
        _ => return None,
    };
    Some(because)
}

#[cfg(target_os = "linux")]
fn nobody_there(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::InputOutput(_) | zbus::Error::Address(_) | zbus::Error::Handshake(_) => true,
        zbus::Error::MethodError(name, ..) => {
            let name = name.as_str();
            name.starts_with("org.freedesktop.DBus.Error.Spawn.")
                || ["ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected"]
                    .iter()
                    .any(|short| name.strip_prefix("org.freedesktop.DBus.Error.") == Some(short))
        }
        zbus::Error::FDO(error) => {
            matches!(
                **error,
                zbus::fdo::Error::ServiceUnknown(_)
                    | zbus::fdo::Error::NameHasNoOwner(_)
                    | zbus::fdo::Error::NoReply(_)
                    | zbus::fdo::Error::Disconnected(_)
            )
        }
        // Their list may grow.
        _ => false,
    }
}

#[cfg(not(target_os = "linux"))]
fn because(_: Cause<'_>) -> Option<SecretError> {
    None
}

#[cfg(test)]
mod tests;

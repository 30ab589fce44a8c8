//! What can go wrong with a secret, in sentences that say what to do. No text here ever holds a secret.

use std::path::PathBuf;

/// Why a secret could not be read or kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No password store runs, or it has no place to keep anything.
    #[error(
        "no password store is available ({0}); start or install one (GNOME Keyring, KWallet or KeePassXC), or set \
         BELFRY_SECRETS=file to keep sign-ins in a file; until then they last until Belfry ends"
    )]
    NoStore(String),
    /// The store says that it is locked.
    #[error("the password store is locked; unlock it and try again")]
    Locked,
    /// The store gave no answer in time; as a rule it waits for its password.
    #[error(
        "the password store gave no answer within {seconds} s; it is probably locked: look for its question, enter its password and \
         try again"
    )]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The person closed the store's question.
    #[error("the password store's question was cancelled; try again and enter its password")]
    Denied,
    /// The store takes no secret of this length (Windows: 2560 bytes).
    #[error(
        "this sign-in is longer than the {limit} bytes that the password store takes; set BELFRY_SECRETS=file to keep it in a file"
    )]
    TooLong {
        /// What the store takes, in bytes.
        limit: u32,
    },
    /// Another program wrote something into our entry.
    #[error("the password store's entry of this sign-in holds no text; delete it there and sign in again")]
    NotText,
    /// The secrets file can't be used.
    #[error("the secrets file {} can't be used: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Anything else, in the store's words.
    #[error("the password store failed: {0}")]
    Other(String),
}

/// `BELFRY_SECRETS` holds a word that names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("BELFRY_SECRETS is “{0}”; use keyring, file or memory")]
pub struct UnknownStore(pub String);

//! What an account of a service that calls an address (a webhook) needs to know besides its secret.

use serde::{Deserialize, Serialize};

use super::Receiver;
use crate::feed::FieldMap;

/// How a webhook comes in, how it is signed, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WebhookSettings {
    /// How it reaches this machine.
    pub receiver: Receiver,
    /// How the service signs what it sends.
    pub signature: Signature,
    /// What becomes of the events.
    pub map: FieldMap,
}

/// How a service signs what it sends, with a secret that only it and Belfry know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "scheme", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Signature {
    /// Not at all: whoever knows the address can ring.
    #[default]
    None,
    /// As GitHub does: `X-Hub-Signature-256: sha256=…` over the body.
    Github,
    /// As Stripe does: `Stripe-Signature: t=…,v1=…` over time and body.
    Stripe,
    /// As Podium does: `podium-signature` over `podium-timestamp` and body.
    Podium,
    /// A keyed hash of the body in a header of its own.
    Hmac {
        /// The header's name.
        header: String,
        /// What stands before the hash in it.
        #[serde(default)]
        prefix: String,
        /// How the hash is written.
        #[serde(default)]
        encoding: HashText,
        /// Which hash.
        #[serde(default)]
        hash: HashKind,
    },
}

impl Signature {
    /// True if a secret is needed to check it.
    pub fn needs_secret(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// How a hash is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum HashText {
    /// In hexadecimal digits, large or small.
    #[default]
    Hex,
    /// In base64.
    Base64,
}

/// The hashes that services sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
#[allow(missing_docs, reason = "each is the hash of that name")]
pub enum HashKind {
    #[default]
    Sha256,
    Sha1,
    Sha512,
}

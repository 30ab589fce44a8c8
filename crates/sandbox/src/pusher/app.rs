//! An app and what its secret is good for: the signatures of the protocol and the seal of encrypted channels. Pure.

use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, Nonce, XSalsa20Poly1305};
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// An app on the server, as its operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// In the paths of the HTTP API.
    pub id: String,
    /// In the address clients connect to; public.
    pub key: String,
    /// Signs channel authorisations and HTTP API calls. In clear text: this is a sandbox.
    pub secret: String,
    /// The master key of encrypted channels.
    #[serde(default = "master_key")]
    pub master_key: [u8; 32],
}

fn master_key() -> [u8; 32] {
    rand::random()
}

impl App {
    /// With a master key of its own making.
    #[must_use]
    pub fn new(key: &str, secret: &str, id: &str) -> Self {
        let (id, key, secret) = (id.to_owned(), key.to_owned(), secret.to_owned());
        Self { id, key, secret, master_key: master_key() }
    }

    /// HMAC-SHA256 by the app's secret, in lower-case hex.
    #[must_use]
    pub fn digest(&self, text: &str) -> String {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()) else {
            return String::new();
        };
        mac.update(text.as_bytes());
        HEXLOWER.encode(&mac.finalize().into_bytes())
    }

    /// The `auth` of a private channel, or, with `channel_data`, of a presence channel.
    #[must_use]
    pub fn sign(&self, socket_id: &str, channel: &str, channel_data: Option<&str>) -> String {
        let text = match channel_data {
            Some(data) => format!("{socket_id}:{channel}:{data}"),
            None => format!("{socket_id}:{channel}"),
        };
        format!("{}:{}", self.key, self.digest(&text))
    }

    /// The `auth` of a user's sign-in.
    #[must_use]
    pub fn sign_user(&self, socket_id: &str, user_data: &str) -> String {
        format!("{}:{}", self.key, self.digest(&format!("{socket_id}::user::{user_data}")))
    }

    /// The 32 bytes that seal this channel: SHA-256 over name and master key, as the server libraries derive it.
    #[must_use]
    pub fn shared_secret(&self, channel: &str) -> [u8; 32] {
        Sha256::new().chain_update(channel).chain_update(self.master_key).finalize().into()
    }

    pub(super) fn shared_secret_text(&self, channel: &str) -> String {
        BASE64.encode(&self.shared_secret(channel))
    }

    /// `{"nonce", "ciphertext"}` of this text.
    pub(super) fn seal(&self, channel: &str, text: &str) -> Value {
        let nonce: [u8; 24] = rand::random();
        let sealed = XSalsa20Poly1305::new(&self.shared_secret(channel).into())
            .encrypt(&Nonce::from(nonce), text.as_bytes())
            .unwrap_or_default();
        json!({"nonce": BASE64.encode(&nonce), "ciphertext": BASE64.encode(&sealed)})
    }
}

/// What kind of channel a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) private: bool,
    pub(super) presence: bool,
    pub(super) encrypted: bool,
    pub(super) cache: bool,
}

impl Kind {
    pub(super) fn of(name: &str) -> Self {
        let encrypted = name.starts_with("private-encrypted-");
        let presence = name.starts_with("presence-");
        let cache = ["cache-", "private-cache-", "private-encrypted-cache-", "presence-cache-"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        Self { private: name.starts_with("private-"), presence, encrypted, cache }
    }

    pub(super) fn wants_auth(self) -> bool {
        self.private || self.presence
    }
}

/// Whether clients may name a channel so, whatever its length.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-=@,.;".contains(&byte))
}

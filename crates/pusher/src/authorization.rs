//! Authorisation of private, presence and encrypted channels: what an endpoint answers, and how an answer is signed.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;

/// The answer of an authorisation endpoint, as its JSON says it.
#[derive(Clone, Deserialize)]
pub struct Authorization {
    /// `key:signature`, valid for one socket id.
    pub auth: String,
    /// Who we are on a presence channel: JSON text, kept exactly as it was signed.
    #[serde(default)]
    pub channel_data: Option<String>,
    /// What opens the events of an encrypted channel.
    #[serde(default)]
    pub shared_secret: Option<SharedSecret>,
}

/// Says nothing: whoever has a signature can listen.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").finish_non_exhaustive()
    }
}

/// The 32 bytes that open the events of one encrypted channel. They are wiped when dropped, and `Debug` does not show them.
#[derive(Debug)]
pub struct SharedSecret(pub(crate) SecretBox<[u8; 32]>);

impl SharedSecret {
    /// These bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// From the Base64 text an endpoint sends; `None` if that does not stand for 32 bytes.
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(text.trim().as_bytes()).ok()?);
        Some(Self::new(bytes.as_slice().try_into().ok()?))
    }
}

impl Clone for SharedSecret {
    fn clone(&self) -> Self {
        Self::new(*self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for SharedSecret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        Self::from_base64(&text)
            .ok_or_else(|| serde::de::Error::custom("the shared secret is not 32 bytes in Base64"))
    }
}

/// The `auth` of a subscription: the key and, after a colon, the HMAC-SHA256 of `socket_id:channel` or, for a presence
/// channel, `socket_id:channel:channel_data`, in lowercase hex.
///
/// An app's secret belongs on a server. This is for tests, and for someone who runs the server and the client.
pub fn sign(key: &str, secret: &str, socket_id: &str, channel: &str, channel_data: Option<&str>) -> String {
    let mut text = format!("{socket_id}:{channel}");
    if let Some(channel_data) = channel_data {
        text.push(':');
        text.push_str(channel_data);
    }
    format!("{key}:{}", hmac_sha256(secret, &text))
}

fn hmac_sha256(secret: &str, text: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(text.as_bytes());
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "278d425bdf160c739803";
    const SECRET: &str = "7ad3773142a6692b25b8";

    /// The vectors of "Generating authentication signatures" in Pusher's documents, old and new.
    #[test]
    fn the_published_signatures_come_out() {
        assert_eq!(
            sign(KEY, SECRET, "1234.1234", "private-foobar", None),
            "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
        );
        let who = r#"{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#;
        assert_eq!(
            sign(KEY, SECRET, "1234.1234", "presence-foobar", Some(who)),
            "278d425bdf160c739803:afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"
        );
        let who = r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#;
        assert_eq!(
            sign(KEY, SECRET, "1234.1234", "presence-foobar", Some(who)),
            "278d425bdf160c739803:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
        );
        assert_eq!(
            hmac_sha256(SECRET, r#"1234.1234::user::{"id":"12345"}"#),
            "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
        );
    }

    #[test]
    fn an_endpoint_s_answer_is_read_and_not_shown() {
        let secret = BASE64.encode(&[7; 32]);
        let text = format!(r#"{{"auth":"k:abc","shared_secret":"{secret}","more":1,"channel_data":null}}"#);
        let answer: Authorization = serde_json::from_str(&text).unwrap();
        assert_eq!((answer.auth.as_str(), &answer.channel_data), ("k:abc", &None));
        let shown = format!("{answer:?} {:?}", answer.shared_secret);
        assert!(!shown.contains("abc") && !shown.contains('7'), "{shown}");
        assert!(serde_json::from_str::<Authorization>(r#"{"auth":"k:abc","shared_secret":"AAAA"}"#).is_err());
        assert!(serde_json::from_str::<Authorization>(r#"{"channel_data":"x"}"#).is_err());
    }
}

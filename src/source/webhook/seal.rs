//! Opening what a relay sealed to this machine's key, so that its host cannot read what it keeps: NaCl's box (X25519,
//! XSalsa20-Poly1305) with a key of the sender's for each message, in gosmee's envelope. Pure.

use crypto_box::aead::Aead;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The key that opens.
#[derive(Clone)]
pub(super) struct SealKey(SecretKey);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

/// What holds a sealed event.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    #[serde(default)]
    version: u32,
    epk: String,
    nonce: String,
    ciphertext: String,
}

impl SealKey {
    /// A fresh one, as it is kept.
    pub(super) fn fresh() -> SecretString {
        SecretString::from(BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>()))
    }

    /// As it was kept.
    pub(super) fn read(kept: &SecretString) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(kept.expose_secret().trim().as_bytes()).ok()?;
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        Some(Self(SecretKey::from(bytes)))
    }

    /// What is sealed to, in base64url.
    pub(super) fn public(&self) -> String {
        BASE64URL_NOPAD.encode(self.0.public_key().as_bytes())
    }

    /// What is in the envelope, or why it cannot be opened.
    pub(super) fn open(&self, envelope: &Envelope) -> Result<Vec<u8>, &'static str> {
        if envelope.version != 1 {
            return Err("is sealed in a way that is not known here");
        }
        let read =
            |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| "is sealed, and its envelope is broken");
        let broken = "is sealed, and its envelope is broken";
        let sender: [u8; 32] = read(&envelope.epk)?.try_into().map_err(|_| broken)?;
        let nonce: [u8; 24] = read(&envelope.nonce)?.try_into().map_err(|_| broken)?;
        let sealed = SalsaBox::new(&PublicKey::from(sender), &self.0);
        let opened = sealed.decrypt(&nonce.into(), read(&envelope.ciphertext)?.as_slice());
        opened.map_err(|_| "is sealed to another key than this account's")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As a relay seals.
    pub(in crate::source::webhook) fn sealed(plain: &str, to: &str) -> String {
        let to: [u8; 32] = BASE64URL_NOPAD.decode(to.as_bytes()).unwrap().try_into().unwrap();
        let own = SecretKey::from(rand::random::<[u8; 32]>());
        let nonce: [u8; 24] = rand::random();
        let sealed =
            SalsaBox::new(&PublicKey::from(to), &own).encrypt(&nonce.into(), plain.as_bytes()).unwrap();
        serde_json::json!({
            "encrypted": true, "version": 1, "epk": BASE64.encode(own.public_key().as_bytes()),
            "nonce": BASE64.encode(&nonce), "ciphertext": BASE64.encode(&sealed),
        })
        .to_string()
    }

    fn envelope(text: &str) -> Envelope {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn only_the_key_that_was_sealed_to_opens() {
        let (kept, other) = (SealKey::fresh(), SealKey::fresh());
        let (key, other) = (SealKey::read(&kept).unwrap(), SealKey::read(&other).unwrap());
        let text = sealed("hello", &key.public());
        assert_eq!(key.open(&envelope(&text)).unwrap(), b"hello");
        assert!(other.open(&envelope(&text)).is_err());
        for broken in
            [text.replace("\"version\":1", "\"version\":2"), text.replace("\"nonce\":\"", "\"nonce\":\"A")]
        {
            assert!(key.open(&envelope(&broken)).is_err(), "{broken}");
        }
        assert!(SealKey::read(&SecretString::from("short")).is_none());
    }

    /// The vector of NaCl's own tests (Alice's key, Bob's public key), so that the other side need not be this library.
    #[test]
    fn nacls_own_vector_is_opened() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        // tests/box.c of NaCl 20110221: Alice seals, Bob opens.
        let alice_public = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let bob_secret = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let nonce = hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
        let plain = hex(concat!(
            "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a",
            "1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057",
            "e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040",
            "e082f937763848645e0705",
        ));
        let cipher = hex(concat!(
            "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4",
            "476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738",
            "b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de",
            "56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5",
        ));
        let key = SealKey::read(&SecretString::from(BASE64URL_NOPAD.encode(&bob_secret))).unwrap();
        let (epk, nonce) = (BASE64.encode(&alice_public), BASE64.encode(&nonce));
        let envelope = Envelope { version: 1, epk, nonce, ciphertext: BASE64.encode(&cipher) };
        assert_eq!(key.open(&envelope).unwrap(), plain);
    }
}

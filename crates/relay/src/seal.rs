//! Sealing: what is kept can be read by its reader only. In: an event, the reader's public key. Out: gosmee's envelope: NaCl box (X25519,
//! XSalsa20-Poly1305) from a key that is made for this event and forgotten. Pure but for its randomness.

use crypto_box::aead::Aead as _;
use crypto_box::{Nonce, PublicKey, SalsaBox, SecretKey};
use data_encoding::BASE64;
use rand::RngCore as _;
use serde_json::json;

/// The event in its envelope; `None` if it is too long for the cipher, which no request can be.
pub(crate) fn seal(event: &[u8], to: &[u8; 32]) -> Option<Vec<u8>> {
    let mut secret = [0; 32];
    let mut nonce = [0; 24];
    rand::rng().fill_bytes(&mut secret);
    rand::rng().fill_bytes(&mut nonce);
    let ephemeral = SecretKey::from(secret);
    let public = ephemeral.public_key();
    let sealed = SalsaBox::new(&PublicKey::from(*to), &ephemeral).encrypt(&Nonce::from(nonce), event).ok()?;
    let envelope = json!({
        "encrypted": true,
        "version": 1,
        "epk": BASE64.encode(public.as_bytes()),
        "nonce": BASE64.encode(&nonce),
        "ciphertext": BASE64.encode(&sealed),
    });
    Some(envelope.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn bytes(envelope: &Value, field: &str) -> Vec<u8> {
        BASE64.decode(envelope[field].as_str().unwrap().as_bytes()).unwrap()
    }

    fn open(envelope: &[u8], with: &SecretKey) -> Option<Vec<u8>> {
        let envelope: Value = serde_json::from_slice(envelope).unwrap();
        assert_eq!((&envelope["encrypted"], &envelope["version"]), (&json!(true), &json!(1)));
        let epk: [u8; 32] = bytes(&envelope, "epk").try_into().unwrap();
        let nonce: [u8; 24] = bytes(&envelope, "nonce").try_into().unwrap();
        SalsaBox::new(&PublicKey::from(epk), with)
            .decrypt(&Nonce::from(nonce), bytes(&envelope, "ciphertext").as_slice())
            .ok()
    }

    proptest! {
        // Unoptimised curve arithmetic takes its time.
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn only_the_reader_opens_it(event: Vec<u8>, secret: [u8; 32]) {
            let reader = SecretKey::from(secret);
            let sealed = seal(&event, reader.public_key().as_bytes()).unwrap();
            prop_assert_eq!(open(&sealed, &reader), Some(event));
            prop_assert_eq!(open(&sealed, &SecretKey::from([9; 32])), None);
        }
    }

    #[test]
    fn the_same_event_never_looks_the_same() {
        let reader = SecretKey::from([1; 32]);
        let [one, two] = [(); 2].map(|()| seal(b"ding", reader.public_key().as_bytes()).unwrap());
        assert_ne!(one, two);
    }

    /// The expected text was made by libsodium (PyNaCl 1.6.2, `nacl.public.Box`).
    #[test]
    fn the_box_is_libsodiums() {
        let theirs = SecretKey::from([7; 32]);
        let ours = SecretKey::from([8; 32]);
        let sealed = SalsaBox::new(&ours.public_key(), &theirs)
            .encrypt(&Nonce::from([9; 24]), b"ding".as_slice())
            .unwrap();
        assert_eq!(BASE64.encode(&sealed), "mgaRihJtJfpSY7ejQEVF+WbTqAk=");
    }
}

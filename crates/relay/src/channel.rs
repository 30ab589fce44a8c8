//! Channels: who may write where, and who may read it, without a registry. In: a reader, or the name of a channel. Out: the name, or
//! the channel that it proves. Pure: knows no clock, no store.
//!
//! A name is base64url without padding of `version (1 byte = 1) | reader (16) | proof (12) [| key to seal to (32)]`. The *reader* is
//! the beginning of the SHA-256 of the read token's text, so that a name lets write but not read. The *proof* is the beginning of an
//! HMAC-SHA256 by the relay's key over all the rest: only the relay can make a name, so nobody else can fill its disk.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngCore as _;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

const VERSION: u8 = 1;
const READER: usize = 16;
const PROOF: usize = 12;
const SEAL: usize = 32;
/// Keeps this use of the relay's key apart from any other.
const DOMAIN: &[u8] = b"belfry-relay channel v1\0";
/// The longest name there is, in characters: anything longer is not looked at.
const LONGEST: usize = (1 + READER + PROOF + SEAL).div_ceil(3) * 4;

/// The secret that makes channels. All relays of one store share it.
#[derive(Clone)]
pub struct RelayKey([u8; 32]);

impl RelayKey {
    /// A fresh one.
    pub fn random() -> Self {
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        Self(key)
    }

    /// The one that was kept.
    pub fn from_bytes(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// For keeping it.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RelayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayKey(…)")
    }
}

/// By what a store knows a channel: a digest of all of it, from which its name cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId([u8; 16]);

impl ChannelId {
    /// The one that was kept.
    pub fn from_bytes(id: [u8; 16]) -> Self {
        Self(id)
    }

    /// For keeping it.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// For the log: enough to tell two channels apart, and nothing one could use.
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelId({})", self.short())
    }
}

/// A channel of this relay.
#[derive(Clone, PartialEq, Eq)]
pub struct Channel {
    reader: [u8; READER],
    seal_to: Option<[u8; SEAL]>,
    id: ChannelId,
}

impl Channel {
    /// The channel for the owner of a read token, by the beginning of the token's SHA-256.
    pub fn new(reader: [u8; READER], seal_to: Option<[u8; SEAL]>) -> Self {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(b"belfry-relay channel id v1\0")
            .chain_update(reader)
            .chain_update(seal_to.as_ref().map_or(&[][..], |key| key))
            .finalize()
            .into();
        let (id, _) = digest.split_at(READER);
        Self { reader, seal_to, id: ChannelId(id.try_into().unwrap_or_default()) }
    }

    /// Its name, by which services write into it.
    pub fn name(&self, key: &RelayKey) -> String {
        let mut bytes = Vec::with_capacity(1 + READER + PROOF + SEAL);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.reader);
        bytes.extend_from_slice(&self.proof(key));
        bytes.extend(self.seal_to.iter().flatten());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The channel of a name, if this relay made it.
    pub fn of_name(name: &str, key: &RelayKey) -> Option<Self> {
        if name.len() > LONGEST {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(name.as_bytes()).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (reader, rest) = rest.split_first_chunk::<READER>()?;
        let (proof, seal_to) = rest.split_first_chunk::<PROOF>()?;
        let seal_to = if seal_to.is_empty() { None } else { Some(<[u8; SEAL]>::try_from(seal_to).ok()?) };
        let channel = Self::new(*reader, seal_to);
        let proven: bool = channel.proof(key).ct_eq(proof).into();
        (*version == VERSION && proven).then_some(channel)
    }

    /// Whether this is the token of its reader.
    pub fn is_read_by(&self, token: &str) -> bool {
        reader_of(token).ct_eq(&self.reader).into()
    }

    /// By what the store knows it.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// The key that its entries are sealed to.
    pub fn seal_to(&self) -> Option<&[u8; SEAL]> {
        self.seal_to.as_ref()
    }

    fn proof(&self, key: &RelayKey) -> [u8; PROOF] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key.0) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(DOMAIN);
        mac.update(&[VERSION]);
        mac.update(&self.reader);
        mac.update(self.seal_to.as_ref().map_or(&[][..], |seal| seal));
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        whole.first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({})", self.id.short())
    }
}

/// What stands for a read token in a channel.
pub(crate) fn reader_of(token: &str) -> [u8; READER] {
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> RelayKey {
        RelayKey::from_bytes([byte; 32])
    }

    #[test]
    fn a_name_has_the_documented_shape() {
        let token = "a token";
        let channel = Channel::new(reader_of(token), Some([9; 32]));
        let bytes = BASE64URL_NOPAD.decode(channel.name(&key(7)).as_bytes()).unwrap();
        assert_eq!(bytes.len(), 61);
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[1..17], Sha256::digest(token)[..16]);
        let mut mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
        mac.update(b"belfry-relay channel v1\0");
        mac.update(&bytes[..17]);
        mac.update(&bytes[29..]);
        assert_eq!(bytes[17..29], mac.finalize().into_bytes()[..12]);
        assert_eq!(bytes[29..], [9; 32]);
    }

    #[test]
    fn only_the_read_token_reads() {
        let channel = Channel::new(reader_of("right"), None);
        assert!(channel.is_read_by("right"));
        for wrong in ["wrong", "", "right ", "Right"] {
            assert!(!channel.is_read_by(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn another_relays_channel_is_unknown() {
        let name = Channel::new([1; 16], None).name(&key(1));
        assert!(Channel::of_name(&name, &key(1)).is_some());
        assert!(Channel::of_name(&name, &key(2)).is_none());
    }

    #[test]
    fn what_is_no_name_is_no_channel() {
        for name in ["", "A", "abcdefghijklmnop", "not base64!", &"A".repeat(62), &"A".repeat(1_000_000)] {
            assert!(Channel::of_name(name, &key(1)).is_none(), "{name:.20}");
        }
    }

    #[test]
    fn neither_key_nor_name_shows_in_debug() {
        let channel = Channel::new([0xab; 16], Some([0xcd; 32]));
        let shown = format!("{channel:?} {:?} {:?}", channel.id(), key(0xef));
        for secret in ["abab", "cdcd", "efef", "171", "239"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn a_name_brings_back_its_channel(reader: [u8; 16], seal: Option<[u8; 32]>, secret: [u8; 32]) {
            let key = RelayKey::from_bytes(secret);
            let channel = Channel::new(reader, seal);
            prop_assert_eq!(Channel::of_name(&channel.name(&key), &key), Some(channel));
        }

        #[test]
        fn any_changed_bit_is_refused(reader: [u8; 16], seal: Option<[u8; 32]>, bit in 0_usize..8 * 61) {
            let name = Channel::new(reader, seal).name(&key(3));
            let mut bytes = BASE64URL_NOPAD.decode(name.as_bytes()).unwrap();
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Channel::of_name(&BASE64URL_NOPAD.encode(&bytes), &key(3)), None);
        }

        #[test]
        fn nothing_makes_it_fail(name in ".{0,120}") {
            prop_assert_eq!(Channel::of_name(&name, &key(3)), None);
        }
    }
}

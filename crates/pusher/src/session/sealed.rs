//! Encrypted channels: NaCl secretbox, as the protocol's "Encrypted channels" say.
//!
//! What cannot be opened is held while the caller is asked once for a new secret, then opened or told as sealed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};
use data_encoding::BASE64;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::exchange::Event;
use super::{Phase, Session};
use crate::SharedSecret;
use crate::message::Data;

/// How many events of a channel, and how many bytes of them, are held for a new secret.
const MOST_HELD: usize = 64;
/// A new secret that opened nothing is not asked for again before this has passed.
const FRUITLESS: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Seal {
    secret: SharedSecret,
    held: VecDeque<Held>,
    bytes: usize,
    /// When a new secret was last asked for in vain.
    fruitless: Option<Instant>,
}

#[derive(Debug)]
struct Held {
    event: String,
    data: Data,
}

impl Seal {
    pub(super) fn new(secret: SharedSecret) -> Self {
        Self { secret, held: VecDeque::new(), bytes: 0, fruitless: None }
    }
}

/// What an encrypted event carries.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    nonce: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    ciphertext: std::borrow::Cow<'a, str>,
}

impl Session {
    /// Whether a new secret was asked for and has not come.
    pub(super) fn is_renewing(&self, channel: &str) -> bool {
        let seal = self.channels.get(channel).and_then(|known| known.seal.as_deref());
        seal.is_some_and(|seal| !seal.held.is_empty())
    }

    /// Opens an event and tells it, or holds it and asks for a new secret.
    pub(super) fn unseal(&mut self, channel: &Arc<str>, event: String, data: Data, now: Instant) {
        let limit = self.config.max_message_bytes;
        let Some(seal) = self.channels.get_mut(channel).and_then(|known| known.seal.as_deref_mut()) else {
            return;
        };
        let channel = Arc::clone(channel);
        if let Some(data) = open(&seal.secret, &data) {
            return self.tell(Event::Message { channel, event, data, user_id: None });
        }
        let in_vain = seal.fruitless.is_some_and(|at| now.saturating_duration_since(at) < FRUITLESS);
        if in_vain || data.as_str().len() > limit {
            return self.tell(Event::Sealed { channel, event });
        }
        let first = seal.held.is_empty();
        seal.bytes += data.as_str().len();
        seal.held.push_back(Held { event, data });
        let mut over = Vec::new();
        while seal.held.len() > MOST_HELD || seal.bytes > limit {
            let Some(oldest) = seal.held.pop_front() else { break };
            seal.bytes -= oldest.data.as_str().len();
            over.push(Event::Sealed { channel: Arc::clone(&channel), event: oldest.event });
        }
        over.into_iter().for_each(|event| self.tell(event));
        if let Some(socket_id) = self.socket_id.clone()
            && first
        {
            self.tell(Event::AuthorizeWanted { channel, socket_id });
        }
    }

    /// Tries what is held with a new secret; without one, gives it up.
    pub(super) fn renew(&mut self, channel: &Arc<str>, secret: Option<SharedSecret>, now: Instant) {
        let Some(seal) = self.channels.get_mut(channel).and_then(|known| known.seal.as_deref_mut()) else {
            return;
        };
        if let Some(secret) = secret {
            seal.secret = secret;
        }
        seal.bytes = 0;
        seal.fruitless = None;
        let mut told = Vec::new();
        for Held { event, data } in std::mem::take(&mut seal.held) {
            let channel = Arc::clone(channel);
            told.push(match open(&seal.secret, &data) {
                Some(data) => Event::Message { channel, event, data, user_id: None },
                None => {
                    seal.fruitless = Some(now);
                    Event::Sealed { channel, event }
                }
            });
        }
        told.into_iter().for_each(|event| self.tell(event));
    }

    /// Whatever is held when the connection ends will never be opened.
    pub(super) fn give_up_sealed(&mut self) {
        if self.phase != Phase::Live {
            return;
        }
        let mut told = Vec::new();
        for (channel, known) in &mut self.channels {
            let Some(seal) = known.seal.as_deref_mut() else { continue };
            let held = std::mem::take(&mut seal.held);
            told.extend(
                held.into_iter()
                    .map(|held| Event::Sealed { channel: Arc::clone(channel), event: held.event }),
            );
        }
        told.into_iter().for_each(|event| self.tell(event));
    }
}

fn open(secret: &SharedSecret, data: &Data) -> Option<Data> {
    let envelope: Envelope<'_> = serde_json::from_str(data.as_str()).ok()?;
    let nonce: [u8; 24] = BASE64.decode(envelope.nonce.as_bytes()).ok()?.try_into().ok()?;
    let ciphertext = BASE64.decode(envelope.ciphertext.as_bytes()).ok()?;
    let cipher = XSalsa20Poly1305::new(secret.0.expose_secret().into());
    let plain = cipher.decrypt(&Nonce::from(nonce), ciphertext.as_slice()).ok()?;
    String::from_utf8(plain).ok().map(Data::from_text)
}

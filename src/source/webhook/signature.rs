//! Whether a webhook was signed with a secret of the account's. Pure: over the bytes as they came, in constant time, with times measured
//! against when the relay took it in, so that neither a queue nor this machine's clock matters.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{Delivery, Headers};
use crate::account::{HashKind, HashText, Signature};

/// How far the signed time may be from the time at which it was taken in.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// How long ago an event of Podium's may have been signed: it keeps them for about ten days and then tries for hours (podium.md §4).
const QUEUED: SignedDuration = SignedDuration::from_hours(14 * 24);
/// So many signatures of one webhook are looked at.
const MOST: usize = 16;

/// Why a webhook is not taken for genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No signature.
    #[error("it is not signed")]
    Unsigned,
    /// Another secret, or another body.
    #[error("its signature is not made with this account's secret")]
    Wrong,
    /// Not within five minutes of when it was taken in, or not within the time that it may have waited.
    #[error("its signature is of another time: an old one that was sent again, or a wrong clock")]
    Old,
    /// The relay read the body and wrote it anew.
    #[error(
        "the relay does not pass bodies on as they came, so that no signature can be checked: use belfry-relay or gosmee, or no signature"
    )]
    Inexact,
    /// There is nothing to check with.
    #[error("the secret to check it with is not in the password store any more; give it once more")]
    NoSecret,
}

/// Checks a webhook of whose body it may not be certain that it is as it came. With any of the secrets, so that one can be changed for
/// another while both are in use.
pub fn check_delivery(
    scheme: &Signature,
    secrets: &[SecretString],
    delivery: &Delivery,
) -> Result<(), Refused> {
    if !delivery.exact && *scheme != Signature::None {
        return Err(Refused::Inexact);
    }
    check(scheme, secrets, &delivery.headers, &delivery.body, delivery.received)
}

/// Checks a webhook of a Podium account. Podium does not say whether what waited in its queue, or is sent again, is signed anew: whatever
/// was signed as long ago as it may wait there is taken. Who sends one again gains nothing, since its name is signed with it.
pub fn check_podium(secret: &SecretString, delivery: &Delivery) -> Result<(), Refused> {
    if !delivery.exact {
        return Err(Refused::Inexact);
    }
    if secret.expose_secret().is_empty() {
        return Err(Refused::NoSecret);
    }
    let signed = podium(std::slice::from_ref(secret), &delivery.headers, &delivery.body)?;
    in_time(signed, delivery.received, QUEUED)
}

/// Checks a body with its headers.
pub fn check(
    scheme: &Signature,
    secrets: &[SecretString],
    headers: &Headers,
    body: &[u8],
    received: Timestamp,
) -> Result<(), Refused> {
    if *scheme == Signature::None {
        return Ok(());
    }
    if secrets.iter().all(|secret| secret.expose_secret().is_empty()) {
        return Err(Refused::NoSecret);
    }
    match scheme {
        Signature::None => Ok(()),
        Signature::Github => {
            let given = plain(headers, "x-hub-signature-256", "sha256=", HashText::Hex)?;
            any::<Hmac<Sha256>>(secrets, &[body], &given)
        }
        Signature::Stripe => stripe(secrets, headers, body, received),
        Signature::Podium => in_time(podium(secrets, headers, body)?, received, TOLERANCE),
        Signature::Hmac { header, prefix, encoding, hash } => {
            let given = plain(headers, &header.to_ascii_lowercase(), prefix, *encoding)?;
            match hash {
                HashKind::Sha256 => any::<Hmac<Sha256>>(secrets, &[body], &given),
                HashKind::Sha1 => any::<Hmac<Sha1>>(secrets, &[body], &given),
                HashKind::Sha512 => any::<Hmac<Sha512>>(secrets, &[body], &given),
            }
        }
    }
}

/// `Stripe-Signature: t=1492774577,v1=…,v1=…,v0=…`: HMAC-SHA256 over `{t}.{body}`. Other versions than v1 count for nothing.
fn stripe(
    secrets: &[SecretString],
    headers: &Headers,
    body: &[u8],
    received: Timestamp,
) -> Result<(), Refused> {
    let header = headers.first("stripe-signature").ok_or(Refused::Unsigned)?;
    let time =
        fields(header).find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(Refused::Unsigned)?;
    let given: Vec<_> = fields(header)
        .filter(|(name, _)| *name == "v1")
        .filter_map(|(_, value)| decoded(value, HashText::Hex))
        .take(MOST)
        .collect();
    if given.is_empty() {
        return Err(Refused::Unsigned);
    }
    any::<Hmac<Sha256>>(secrets, &[time.as_bytes(), b".", body], &given)?;
    let signed = time.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    in_time(signed, received, TOLERANCE)
}

/// `podium-timestamp` in milliseconds, `podium-signature` over `{timestamp}.{body}` (podium.md §4). Gives the time.
fn podium(secrets: &[SecretString], headers: &Headers, body: &[u8]) -> Result<Option<Timestamp>, Refused> {
    let time = headers.first("podium-timestamp").map(str::trim).ok_or(Refused::Unsigned)?;
    let given = plain(headers, "podium-signature", "sha256=", HashText::Hex)?;
    any::<Hmac<Sha256>>(secrets, &[time.as_bytes(), b".", body], &given)?;
    Ok(time.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok()))
}

/// It may have been on its way for so `long`; what is signed ahead of the time is taken only as far as clocks differ.
fn in_time(signed: Option<Timestamp>, received: Timestamp, long: SignedDuration) -> Result<(), Refused> {
    let age = received.duration_since(signed.ok_or(Refused::Old)?);
    if (-TOLERANCE..=long).contains(&age) { Ok(()) } else { Err(Refused::Old) }
}

/// `name=value` pairs with commas between them.
fn fields(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(',').filter_map(|field| field.trim().split_once('='))
}

/// The signatures in headers of this name. The prefix may be missing.
fn plain(headers: &Headers, name: &str, prefix: &str, encoding: HashText) -> Result<Vec<Vec<u8>>, Refused> {
    let values = headers.all(name).iter().map(|value| value.trim());
    let given: Vec<_> = values
        .filter_map(|value| decoded(value.strip_prefix(prefix).unwrap_or(value).trim(), encoding))
        .take(MOST)
        .collect();
    match (given.is_empty(), headers.all(name).is_empty()) {
        (false, _) => Ok(given),
        (true, true) => Err(Refused::Unsigned),
        (true, false) => Err(Refused::Wrong),
    }
}

fn decoded(value: &str, encoding: HashText) -> Option<Vec<u8>> {
    let bytes = value.as_bytes();
    match encoding {
        HashText::Hex => HEXLOWER_PERMISSIVE.decode(bytes).ok(),
        HashText::Base64 => {
            [BASE64, BASE64_NOPAD, BASE64URL_NOPAD].iter().find_map(|encoding| encoding.decode(bytes).ok())
        }
    }
}

/// True if any of the secrets made any of the signatures. Each comparison takes the same time however much of it is right.
fn any<M: Mac + KeyInit + Clone>(
    secrets: &[SecretString],
    message: &[&[u8]],
    given: &[Vec<u8>],
) -> Result<(), Refused> {
    let mut right = false;
    for secret in secrets.iter().filter(|secret| !secret.expose_secret().is_empty()) {
        // An HMAC takes a key of any length.
        let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret.expose_secret().as_bytes()) else { continue };
        message.iter().for_each(|part| mac.update(part));
        for signature in given {
            right |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    if right { Ok(()) } else { Err(Refused::Wrong) }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;

//! HTTP Digest (RFC 2617, RFC 7616) as a server: challenges, and whether an answer to one is right. It takes time as an
//! argument; no socket. `qop=auth` only, and a nonce count is good once.

use super::settings::Algorithm;
use data_encoding::HEXLOWER;
use md5::Md5;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

pub(super) const REALM: &str = "Application";

/// Nonces that were given, and the counts each was used with.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    given: BTreeMap<String, Nonce>,
}

#[derive(Debug)]
struct Nonce {
    at: Instant,
    used: BTreeSet<u32>,
}

/// Why credentials were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// None came.
    Missing,
    /// Wrong name, password, or not well formed.
    Refused,
    /// Right, but for a nonce that is too old or not known.
    Stale,
    /// This nonce count was there before.
    Replayed,
}

impl Nonces {
    /// Values of `WWW-Authenticate`, one for each hash on offer.
    pub(super) fn challenges(&mut self, algorithms: &[Algorithm], stale: bool, now: Instant) -> Vec<String> {
        let nonce = format!("{:032x}", rand::random::<u128>());
        self.given.insert(nonce.clone(), Nonce { at: now, used: BTreeSet::new() });
        let stale = if stale { ", stale=true" } else { "" };
        let challenge = |algorithm: &Algorithm| {
            let name = name(*algorithm);
            format!(
                "Digest realm=\"{REALM}\", qop=\"auth\", algorithm={name}, nonce=\"{nonce}\", opaque=\"belfry\"{stale}"
            )
        };
        algorithms.iter().map(challenge).collect()
    }

    /// All nonces given so far are stale from now on.
    pub(super) fn forget(&mut self) {
        self.given.clear();
    }

    /// Who an `Authorization` header speaks for. `password` knows the password of a name.
    pub(super) fn check(
        &mut self,
        header: &str,
        (method, target): (&str, &str),
        algorithms: &[Algorithm],
        lifetime: Duration,
        now: Instant,
        password: impl FnOnce(&str) -> Option<String>,
    ) -> Result<String, Wrong> {
        let fields = fields(header).ok_or(Wrong::Refused)?;
        let field = |name: &str| fields.get(name).map(String::as_str).ok_or(Wrong::Refused);
        let algorithm = match fields.get("algorithm").map(|name| name.to_ascii_uppercase()).as_deref() {
            None | Some("MD5") => Algorithm::Md5,
            Some("SHA-256") => Algorithm::Sha256,
            Some(_) => return Err(Wrong::Refused),
        };
        let (username, nonce, count) = (field("username")?, field("nonce")?, field("nc")?);
        // A server must see that the digest is for what was asked.
        let fits = field("realm")? == REALM
            && field("uri")? == target
            && field("qop")? == "auth"
            && field("opaque")? == "belfry"
            && count.len() == 8
            && algorithms.contains(&algorithm);
        let Some(password) = password(username).filter(|_| fits) else { return Err(Wrong::Refused) };
        let hash = |text: String| hash(algorithm, &text);
        let who = hash(format!("{username}:{REALM}:{password}"));
        let what = hash(format!("{method}:{target}"));
        let right = hash(format!("{who}:{nonce}:{count}:{}:auth:{what}", field("cnonce")?));
        if field("response")? != right {
            return Err(Wrong::Refused);
        }
        let count = u32::from_str_radix(count, 16).map_err(|_| Wrong::Refused)?;
        match self.given.get_mut(nonce) {
            Some(known) if now.saturating_duration_since(known.at) < lifetime => {
                if known.used.insert(count) {
                    Ok(username.to_owned())
                } else {
                    Err(Wrong::Replayed)
                }
            }
            Some(_) | None => Err(Wrong::Stale),
        }
    }
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha256 => "SHA-256",
    }
}

fn hash(algorithm: Algorithm, text: &str) -> String {
    match algorithm {
        Algorithm::Md5 => HEXLOWER.encode(&Md5::digest(text)),
        Algorithm::Sha256 => HEXLOWER.encode(&Sha256::digest(text)),
    }
}

/// `Digest name=value, name="value"`, names in lower case; `None` when it is another scheme or not well formed.
fn fields(header: &str) -> Option<BTreeMap<String, String>> {
    let (scheme, mut rest) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return None;
    }
    let mut fields = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([' ', ',', '\t']);
        if rest.is_empty() {
            return Some(fields);
        }
        let (name, after) = rest.split_once('=')?;
        let value;
        (value, rest) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.find(',').unwrap_or(after.len());
                let (value, rest) = after.split_at(end);
                (value.trim().to_owned(), rest)
            }
        };
        if fields.insert(name.trim().to_ascii_lowercase(), value).is_some() {
            return None;
        }
    }
}

/// A quoted string without its first quote: what it says, and what comes after it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

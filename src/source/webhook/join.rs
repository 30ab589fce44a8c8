//! Getting a channel at a relay, and giving it up; and what a relay's refusals mean, in one place.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::Secrets;
use super::seal::SealKey;
use crate::account::{Receiver, RelayKind, RelaySettings};
use crate::env::Env;
use crate::link::Failure;
use crate::source::auth::tokens::later;
use crate::source::exchange::{Unanswered, fetch, host_of, sorted};
use crate::source::plain::one_line;

/// Longest answer, in bytes, and how long it may take.
const LONGEST: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(15);

/// A channel that was got.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The receiver with what was learned: the relay's kind, the channel.
    pub receiver: Receiver,
    /// What to read by.
    pub secrets: Secrets,
}

/// Gets a channel at a relay, with a fresh token to read by; where the relay is gosmee or smee, makes a name that nobody guesses. A
/// channel that is named already is listened to as it is. For a port of this machine there is nothing to get.
pub async fn join(
    env: &Env,
    receiver: &Receiver,
    join_code: Option<SecretString>,
) -> Result<Joined, Failure> {
    match receiver {
        Receiver::Local(_) => Ok(Joined { receiver: receiver.clone(), secrets: Secrets::default() }),
        Receiver::Relay(relay) => {
            let (relay, secrets) = join_relay(env, relay.clone(), join_code).await?;
            Ok(Joined { receiver: Receiver::Relay(relay), secrets })
        }
    }
}

/// Gives a channel up: the relay forgets what it keeps of it. The other relays keep nothing that could be given up.
pub async fn leave(env: &Env, receiver: &Receiver, secrets: &Secrets) -> Result<(), Failure> {
    let (Receiver::Relay(relay), Some(token)) = (receiver, &secrets.read_token) else { return Ok(()) };
    if relay.kind != RelayKind::Belfry || relay.channel.is_empty() {
        return Ok(());
    }
    let host = host_of(&relay.url);
    let url = relay.below(&["channels", &relay.channel]);
    let request = env.http.client.delete(url).bearer_auth(token.expose_secret());
    let answer = fetch(request, &host, LONGEST, PATIENCE).await.map_err(|error| unanswered(&error))?;
    // What is not there any more is given up.
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        return Ok(());
    }
    Err(refusal(relay.kind, answer.status, &answer.headers, &host, env.clock.now()))
}

async fn join_relay(
    env: &Env,
    mut relay: RelaySettings,
    join_code: Option<SecretString>,
) -> Result<(RelaySettings, Secrets), Failure> {
    let host = host_of(&relay.url);
    if !relay.channel.is_empty() {
        // A channel at gosmee or smee that the person has already: its address may have been given as a whole.
        relay.kind = foreign(env, &relay, &host).await?;
        return Ok((relay, Secrets::default()));
    }
    let token = SecretString::from(BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>()));
    let seal_key = relay.sealed.then(SealKey::fresh);
    let seal_to = seal_key.as_ref().and_then(SealKey::read).map(|key| key.public());
    let asked = json!({ "reader": reader(&token), "seal_to": seal_to });
    let mut request = env.http.client.post(relay.below(&["channels"])).json(&asked);
    if let Some(code) = &join_code {
        request = request.bearer_auth(code.expose_secret().trim());
    }
    let answer = fetch(request, &host, LONGEST, PATIENCE).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Err(unanswered(&error)),
    };
    let said: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
    let channel = said.get("channel").and_then(Value::as_str);
    match (answer.status.as_u16(), channel) {
        (200 | 201, Some(channel)) if is_name(channel) => {
            relay.kind = RelayKind::Belfry;
            relay.channel = channel.to_owned();
            relay.public_url = public(&relay, said.get("hook_url").and_then(Value::as_str));
            Ok((relay, Secrets { read_token: Some(token), seal_key }))
        }
        (401 | 403, _) if said.get("error").is_some() => Err(Failure::sign_in(match join_code {
            None => format!("{host} lets in only those who have its join code: it prints it when it starts"),
            Some(_) => format!("{host} does not take this join code: it prints the right one when it starts"),
        })),
        (429 | 500..=599, _) => {
            Err(refusal(RelayKind::Belfry, answer.status, &answer.headers, &host, env.clock.now()))
        }
        // gosmee and smee know no such address; a post to it is one to a channel of that name, or refused in some way.
        (_, _) => {
            if relay.sealed {
                return Err(Failure::fatal(format!(
                    "{host} is not belfry-relay, and only that seals for a new channel"
                )));
            }
            let fresh = BASE64URL_NOPAD.encode(&rand::random::<[u8; 18]>());
            let named = RelaySettings { channel: fresh, ..relay.clone() };
            // A page of theirs shows the address of a channel as a whole; it may have been copied.
            let (named, kind) = match (foreign(env, &named, &host).await, split(&relay)) {
                (Err(Failure::Fatal { .. }), Some(split)) => {
                    let kind = foreign(env, &split, &host).await?;
                    (split, kind)
                }
                (kind, _) => (named, kind?),
            };
            Ok((RelaySettings { kind, ..named }, Secrets::default()))
        }
    }
}

/// What the relay knows the token by: the first 16 bytes of its hash.
fn reader(token: &SecretString) -> String {
    let hash = Sha256::digest(token.expose_secret().as_bytes());
    BASE64URL_NOPAD.encode(hash.get(..16).unwrap_or_default())
}

fn is_name(channel: &str) -> bool {
    (1..=256).contains(&channel.len())
        && channel.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Base and channel, if the last part of the address may be one.
fn split(relay: &RelaySettings) -> Option<RelaySettings> {
    let channel = relay.url.path_segments()?.next_back().filter(|last| is_name(last))?.to_owned();
    let mut url = relay.url.clone();
    url.path_segments_mut().ok()?.pop();
    Some(RelaySettings { url, channel, ..relay.clone() })
}

/// Where the world reaches the relay, if it says that this is another host than the one that is known to work from here.
fn public(relay: &RelaySettings, hook_url: Option<&str>) -> Option<Url> {
    let mut url = Url::parse(hook_url?)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    let at = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
    if at(&url) == at(&relay.url) || url.host_str() == relay.url.host_str() && url.port().is_none() {
        return None;
    }
    let path = url.path().strip_suffix(&format!("/hook/{}", relay.channel))?.to_owned();
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// Which of the others it is: gosmee streams below `/events`, smee at the channel itself, if asked with exactly its type.
async fn foreign(env: &Env, relay: &RelaySettings, host: &str) -> Result<RelayKind, Failure> {
    let mut last = None;
    for kind in [RelayKind::Gosmee, RelayKind::Smee] {
        let tried = RelaySettings { kind, ..relay.clone() };
        let request = env.http.client.get(tried.events_url()).header(ACCEPT, "text/event-stream");
        match begins(request, host).await? {
            Begins::Stream => return Ok(kind),
            Begins::Else(status, headers) => last = Some((kind, status, headers)),
        }
    }
    let Some((kind, status, headers)) =
        last.filter(|(_, status, _)| matches!(status.as_u16(), 429 | 500..=599))
    else {
        return Err(Failure::fatal(format!(
            "{host} is no relay that Belfry knows: give the address of a belfry-relay, of gosmee or of smee"
        )));
    };
    Err(refusal(kind, status, &headers, host, env.clock.now()))
}

enum Begins {
    Stream,
    Else(StatusCode, HeaderMap),
}

/// Only the head of the answer is read: a stream has no end.
async fn begins(request: RequestBuilder, host: &str) -> Result<Begins, Failure> {
    let late = || Failure::transient(format!("{host} did not answer in time"));
    let sent = tokio::time::timeout(PATIENCE, request.send()).await.map_err(|_| late())?;
    let response = sent.map_err(|error| unanswered(&sorted(&error, host)))?;
    let content =
        response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_stream = content.trim_start().to_ascii_lowercase().starts_with("text/event-stream");
    if response.status().is_success() && is_stream {
        return Ok(Begins::Stream);
    }
    Ok(Begins::Else(response.status(), response.headers().clone()))
}

/// What it means that there is no answer that can be judged.
pub(super) fn unanswered(error: &Unanswered) -> Failure {
    match error {
        // Certificates heal by themselves when a clock or a network does.
        Unanswered::Certificate { .. } => Failure::fatal(error.to_string()),
        Unanswered::Unreachable { .. }
        | Unanswered::Cut { .. }
        | Unanswered::Late { .. }
        | Unanswered::Portal { .. }
        | Unanswered::TooLong { .. }
        | Unanswered::Garbage { .. } => Failure::transient(error.to_string()),
    }
}

/// What a relay's refusal means.
pub(super) fn refusal(
    kind: RelayKind,
    status: StatusCode,
    headers: &HeaderMap,
    host: &str,
    now: Timestamp,
) -> Failure {
    let code = status.as_u16();
    if let (429 | 503, Some(wait)) = (code, retry_after(headers, now)) {
        let why = if code == 429 { "has too much to do for this account" } else { "is not ready" };
        return later(now, wait, format!("{host} {why} ({code}) and says when to ask again"));
    }
    match (code, kind) {
        (401 | 403, RelayKind::Belfry) => Failure::sign_in(format!(
            "{host} does not let this account read its channel ({code}): sign in again, and give the service its new address"
        )),
        (401 | 403, RelayKind::Gosmee | RelayKind::Smee) => {
            Failure::fatal(format!("{host} keeps this channel closed ({code}): choose another relay"))
        }
        (404 | 410, _) => Failure::fatal(format!(
            "{host} does not know this account's channel: it belongs to another relay, or the relay lost its key. Sign in again, and give the service its new address"
        )),
        (300..=399, _) => Failure::transient(Unanswered::Portal { host: host.to_owned() }.to_string()),
        (408 | 425 | 429, _) | (500..=599, _) => Failure::transient(format!("{host} is in trouble ({code})")),
        _ => Failure::fatal(one_line(&format!("{host} refuses what Belfry asks for ({status})"), 200)),
    }
}

/// How long a relay asks to wait, in seconds or as a date, at most an hour.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let date = || {
        let until = jiff::fmt::rfc2822::parse(said).ok()?.timestamp();
        Duration::try_from(until.duration_since(now)).ok()
    };
    let wait = said.parse().ok().map(Duration::from_secs).or_else(date)?;
    Some(wait.min(Duration::from_secs(3600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_world_reaches_the_relay_is_kept_only_if_it_is_elsewhere() {
        let relay =
            |url: &str| RelaySettings { channel: "abc".into(), ..RelaySettings::at(url.parse().unwrap()) };
        let public = |url: &str, said: &str| public(&relay(url), Some(said)).map(String::from);
        assert_eq!(
            public("http://127.0.0.1:8080", "https://hooks.example/r/hook/abc").as_deref(),
            Some("https://hooks.example/r")
        );
        assert_eq!(public("https://hooks.example", "https://hooks.example/hook/abc"), None);
        // Behind a proxy that ends the encryption, a relay that was told nothing thinks that it has none.
        assert_eq!(public("https://hooks.example", "http://hooks.example/hook/abc"), None);
        assert_eq!(
            public("http://127.0.0.1:1", "http://127.0.0.1:2/hook/abc").as_deref(),
            Some("http://127.0.0.1:2/")
        );
        for odd in ["javascript:1", "https://hooks.example/else", "x", "https://hooks.example/hook/abcd"] {
            assert_eq!(public("http://127.0.0.1:8080", odd), None, "{odd}");
        }
    }

    #[test]
    fn each_refusal_is_one_of_the_four_answers() {
        let now = Timestamp::UNIX_EPOCH;
        let failure = |code: u16, wait: Option<&str>| {
            let headers =
                wait.map(|wait| (reqwest::header::RETRY_AFTER, wait.parse().unwrap())).into_iter().collect();
            refusal(RelayKind::Belfry, StatusCode::from_u16(code).unwrap(), &headers, "r.example", now)
        };
        assert!(matches!(failure(401, None), Failure::SignIn { .. }));
        assert!(matches!(failure(404, None), Failure::Fatal { .. }));
        assert!(matches!(failure(503, None), Failure::Transient { .. }));
        assert!(matches!(failure(302, None), Failure::Transient { .. }));
        assert!(matches!(failure(418, None), Failure::Fatal { .. }));
        for (said, seconds) in [("7", 7), ("Thu, 01 Jan 1970 00:00:09 GMT", 9), ("99999999", 3600)] {
            for code in [429, 503] {
                let Failure::Later { until, .. } = failure(code, Some(said)) else { panic!("{code} {said}") };
                assert_eq!(until.as_second(), seconds, "{said}");
            }
        }
    }

    #[test]
    fn a_reader_is_half_of_the_hash_of_its_token() {
        // SHA-256 of “abc” begins ba7816bf 8f01cfea 414140de 5dae2223.
        assert_eq!(reader(&SecretString::from("abc")), "ungWv48Bz-pBQUDeXa4iIw");
    }
}

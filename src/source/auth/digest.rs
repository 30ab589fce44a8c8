//! HTTP Digest (RFC 7616, and RFC 2617 as older servers speak it): name and password go in, answers come out; the password never leaves.
//!
//! A server's nonce is kept and used again with a counter, so that only the first call costs a challenge. Basic is not offered: it would send
//! the password itself.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_auth::digest::Qop;
use http_auth::{DigestClient, PasswordParams, parse_challenges};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use crate::source::exchange::{Plain, Unanswered, fetch};

/// Name and password of one account at one server, with what the server last asked. Clones share it.
#[derive(Clone)]
pub(crate) struct Digest {
    name: String,
    password: SecretString,
    challenge: Arc<Mutex<Option<DigestClient>>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undigested {
    /// Below the server's own words.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// The server looked at a fresh answer and said no.
    #[error("{host} refused name or password: sign in again")]
    Refused {
        /// The server.
        host: String,
    },
    /// It wants a sign-in of another kind.
    #[error(
        "{host} asks for a sign-in that Belfry does not use (it uses HTTP Digest with MD5 or SHA-256): check the address"
    )]
    OtherScheme {
        /// The server.
        host: String,
    },
    /// Each answer is called too old.
    #[error("{host} took no sign-in: it calls each of them too old")]
    AlwaysStale {
        /// The server.
        host: String,
    },
}

impl Digest {
    /// For this name and password.
    pub(crate) fn new(name: impl Into<String>, password: SecretString) -> Self {
        Self { name: name.into(), password, challenge: Arc::default() }
    }

    /// Sends a request (of which a copy can be made) and answers the server's challenge, if there is one.
    pub(crate) async fn fetch(
        &self,
        request: RequestBuilder,
        host: &str,
        longest: usize,
        within: Duration,
    ) -> Result<Plain, Undigested> {
        let copy = || {
            let garbled = Unanswered::Unreachable { host: host.to_owned() };
            request.try_clone().ok_or(Undigested::Unanswered(garbled))
        };
        let mut credentials = self.credentials(&copy()?);
        // One try with what is kept, one with a fresh challenge, and one more if that was too old by the time it was answered.
        let mut fresh = false;
        for _ in 0..3 {
            let mut signed = copy()?;
            if let Some(credentials) = credentials.take() {
                signed = signed.header(AUTHORIZATION, credentials);
            }
            let answer = fetch(signed, host, longest, within).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            let Some(challenge) = challenge(&answer.headers) else {
                self.kept().take();
                return Err(Undigested::OtherScheme { host: host.to_owned() });
            };
            if fresh && !challenge.stale() {
                self.kept().take();
                return Err(Undigested::Refused { host: host.to_owned() });
            }
            *self.kept() = Some(challenge);
            credentials = self.credentials(&copy()?);
            fresh = true;
        }
        Err(Undigested::AlwaysStale { host: host.to_owned() })
    }

    /// The answer to the kept challenge for this request; `None` where there is no challenge yet, or the request cannot be made.
    fn credentials(&self, request: &RequestBuilder) -> Option<HeaderValue> {
        let request = request.try_clone()?.build().ok()?;
        let url = request.url();
        let uri = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let params = PasswordParams {
            username: &self.name,
            password: self.password.expose_secret(),
            uri: &uri,
            method: request.method().as_str(),
            // With a body it would be hashed too where the server allows both; nobody checks that.
            body: None,
        };
        let words = self.kept().as_mut()?.respond(&params).ok()?;
        let mut value = HeaderValue::try_from(words).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn kept(&self) -> MutexGuard<'_, Option<DigestClient>> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says nothing of the password, nor of what is made of it.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The first Digest challenge that can be answered: servers name the one they like best first (RFC 7616 §3.7).
fn challenge(headers: &HeaderMap) -> Option<DigestClient> {
    let lines = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| parse_challenges(line).unwrap_or_default())
        .filter(|challenge| challenge.scheme.eq_ignore_ascii_case("digest"))
        .filter_map(|challenge| DigestClient::try_from(&challenge).ok())
        .find(|client| client.qop() & Qop::Auth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Http;
    use crate::source::auth::scripted::{Asked, Scripted};
    use crate::source::exchange::LONGEST;

    const WITHIN: Duration = Duration::from_secs(10);

    fn asks(nonce: &str, more: &str) -> String {
        format!(
            "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Digest realm=\"drops\", nonce=\"{nonce}\", qop=\"auth,auth-int\"{more}\r\n\
             content-length: 0\r\n\r\n"
        )
    }

    fn field(asked: &Asked, name: &str) -> Option<String> {
        let credentials = asked.header("authorization")?;
        let (_, rest) = credentials.split_once(&format!(" {name}="))?;
        let value = rest.split(',').next()?.trim().trim_matches('"').to_owned();
        Some(value)
    }

    async fn fetch(digest: &Digest, server: &Scripted, path: &str) -> Result<Plain, Undigested> {
        let url = format!("{}{path}", server.base);
        digest.fetch(Http::new().unwrap().client.get(url), "drops", LONGEST, WITHIN).await
    }

    fn digest() -> Digest {
        Digest::new("ada@example.com", "secret".into())
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

    #[tokio::test]
    async fn one_challenge_serves_many_calls_and_each_counts() {
        let server = Scripted::start(|asked, _| match field(asked, "nonce") {
            Some(nonce) if nonce == "n1" => OK.into(),
            Some(_) | None => asks("n1", ""),
        });
        let digest = digest();
        for path in ["/account", "/items?page=1&per_page=5", "/account"] {
            assert_eq!(fetch(&digest, &server, path).await.unwrap().status, 200);
        }
        let asked = server.asked();
        let told: Vec<_> =
            asked.iter().map(|one| (field(one, "uri"), field(one, "nc"), field(one, "qop"))).collect();
        let with = |uri: &str, nc: &str| (Some(uri.to_owned()), Some(nc.to_owned()), Some("auth".to_owned()));
        assert_eq!(
            told,
            [
                (None, None, None),
                with("/account", "00000001"),
                with("/items?page=1&per_page=5", "00000002"),
                with("/account", "00000003")
            ]
        );
        assert!(!format!("{digest:?}").contains("secret"));
        assert!(asked.iter().all(|one| !one.head.contains("secret")), "the password itself goes nowhere");
    }

    #[tokio::test]
    async fn a_nonce_that_grew_old_costs_one_more_call_and_no_question() {
        // The third request comes with the old nonce: a server that restarted does not even say that it is stale.
        let server = Scripted::start(|asked, n| match (field(asked, "nonce").as_deref(), n) {
            (Some("n1"), 1) | (Some("n2"), _) => OK.into(),
            (_, 0) => asks("n1", ""),
            (Some(_) | None, _) => asks("n2", ""),
        });
        let digest = digest();
        assert!(fetch(&digest, &server, "/a").await.is_ok());
        assert!(fetch(&digest, &server, "/a").await.is_ok());
        assert_eq!(server.asked().len(), 4);
    }

    #[tokio::test]
    async fn a_fresh_answer_called_stale_is_made_once_more_but_not_for_ever() {
        let once = Scripted::start(|_, n| match n {
            0 | 1 => asks(&format!("n{n}"), ", stale=true"),
            _ => OK.into(),
        });
        assert!(fetch(&digest(), &once, "/").await.is_ok());
        let always = Scripted::start(|_, n| asks(&format!("n{n}"), ", stale=TRUE"));
        let failed = fetch(&digest(), &always, "/").await;
        assert_eq!(failed.map(|_| ()), Err(Undigested::AlwaysStale { host: "drops".into() }));
        assert_eq!(always.asked().len(), 3);
    }

    #[tokio::test]
    async fn a_wrong_password_is_told_after_one_fresh_answer() {
        let server = Scripted::start(|_, n| asks(&format!("n{n}"), ", algorithm=SHA-256, opaque=\"o\""));
        let failed = fetch(&digest(), &server, "/").await;
        assert_eq!(failed.map(|_| ()), Err(Undigested::Refused { host: "drops".into() }));
        let asked = server.asked();
        assert_eq!((asked.len(), field(&asked[1], "opaque").as_deref()), (2, Some("o")));
        assert_eq!(field(&asked[1], "response").unwrap().len(), 64, "SHA-256");
    }

    #[tokio::test]
    async fn the_password_is_given_to_no_other_scheme() {
        let kinds =
            ["Basic realm=\"drops\"", "Digest realm=\"d\", nonce=\"n\", algorithm=WHIRLPOOL", "Bearer", ""];
        for kind in kinds {
            let answer = format!("HTTP/1.1 401 No\r\nwww-authenticate: {kind}\r\ncontent-length: 0\r\n\r\n");
            let server = Scripted::start(move |_, _| answer.clone());
            let failed = fetch(&digest(), &server, "/").await;
            assert_eq!(failed.map(|_| ()), Err(Undigested::OtherScheme { host: "drops".into() }), "{kind}");
            assert_eq!(server.asked().len(), 1);
        }
    }
}

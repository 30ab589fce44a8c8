//! The right to listen on a private or presence channel of a Pusher server, for one socket id: asked of an endpoint, or signed here.
//!
//! In: socket id and channel. Out: what the subscription wants, or a failure in words that tells a refusal from what passes. An endpoint
//! may speak plain JSON or JSONP, which is stripped and parsed, never evaluated.

use std::fmt;
use std::time::Duration;

use ::pusher::Authorization;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::digest::{Digest, Undigested};
use crate::link::Failure;
use crate::source::exchange::{Plain, Unanswered, fetch, host_of};

/// How long an endpoint may take: a subscription waits for it.
const WITHIN: Duration = Duration::from_secs(10);
/// Longest answer taken, in bytes: a presence channel's may carry what is known of a person.
const LONGEST: usize = 64 * 1024;
/// Longest name of a JSONP callback that is looked for.
const LONGEST_NAME: usize = 200;

/// Where the right to listen comes from.
#[derive(Debug, Clone)]
pub(crate) enum ChannelAuth {
    /// An endpoint gives it.
    Endpoint(Endpoint),
    /// The app's own secret lies here, so it is signed here.
    Secret {
        /// The app's key.
        key: String,
        /// The app's secret.
        secret: SecretString,
        /// Who this is on presence channels.
        user_id: String,
    },
}

/// An endpoint that gives the right to listen.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// The client it is asked with.
    pub(crate) client: reqwest::Client,
    /// Its address.
    pub(crate) url: Url,
    /// How it wants to be asked.
    pub(crate) method: AskBy,
    /// What goes along, sign-ins for the most part.
    pub(crate) headers: Vec<(String, SecretString)>,
    /// Name and password, where it asks for them.
    pub(crate) digest: Option<Digest>,
}

/// How an endpoint wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskBy {
    /// With the parameters in the address, as JSONP does.
    Get,
    /// With the parameters in a form.
    Post,
}

/// Why there is no right to listen. Each is a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthFailure {
    /// The endpoint said no.
    #[error("{words}")]
    Refused {
        /// The status it said no with.
        status: u16,
        /// Who refused what.
        words: String,
    },
    /// Name or password were refused.
    #[error("{words}")]
    SignIn {
        /// What to do.
        words: String,
    },
    /// The endpoint is down, slow or confused: it may pass.
    #[error("{words}")]
    Passing {
        /// What happened.
        words: String,
    },
    /// It cannot be asked at all, and waiting does not help.
    #[error("{words}")]
    Broken {
        /// What is wrong and what to do.
        words: String,
    },
}

impl AuthFailure {
    /// What it means for a link that cannot do without the channel.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::SignIn { words } => Failure::sign_in(words),
            Self::Passing { words } => Failure::transient(words),
            Self::Refused { words, .. } | Self::Broken { words } => Failure::fatal(words),
        }
    }
}

impl ChannelAuth {
    /// The right to listen on `channel` on the connection that has this socket id.
    pub(crate) async fn authorize(
        &self,
        socket_id: &str,
        channel: &str,
    ) -> Result<Authorization, AuthFailure> {
        match self {
            Self::Endpoint(endpoint) => endpoint.ask(socket_id, channel).await,
            Self::Secret { key, secret, user_id } => Ok(signed(key, secret, user_id, socket_id, channel)),
        }
    }
}

impl Endpoint {
    async fn ask(&self, socket_id: &str, channel: &str) -> Result<Authorization, AuthFailure> {
        let host = host_of(&self.url);
        let plain = self.send(self.method, socket_id, channel, None, &host).await?;
        let plain = match (self.method, plain.status.as_u16()) {
            // What is made for JSONP alone may insist on the name of a function.
            (AskBy::Get, 400 | 422) => {
                self.send(AskBy::Get, socket_id, channel, Some("belfry"), &host).await?
            }
            (AskBy::Get, 405) => self.send(AskBy::Post, socket_id, channel, None, &host).await?,
            (AskBy::Get | AskBy::Post, _) => plain,
        };
        let status = plain.status.as_u16();
        match status {
            200..300 => authorization(&plain.bytes).ok_or_else(|| AuthFailure::Passing {
                words: format!("{host} was asked for the right to listen and answered with something that is not understood"),
            }),
            // Its trouble, not its word.
            408 | 425 | 429 | 500.. => Err(AuthFailure::Passing {
                words: format!("{host} could not give the right to listen just now ({status})"),
            }),
            404 | 405 | 410 => Err(AuthFailure::Refused {
                status,
                words: format!("{host} gives no right to listen at this address ({status}): check the auth endpoint"),
            }),
            _ => Err(AuthFailure::Refused {
                status,
                words: format!("{host} refuses to let this account listen to “{channel}” ({status})"),
            }),
        }
    }

    async fn send(
        &self,
        method: AskBy,
        socket_id: &str,
        channel: &str,
        callback: Option<&str>,
        host: &str,
    ) -> Result<Plain, AuthFailure> {
        let mut asked = vec![("socket_id", socket_id), ("channel_name", channel)];
        asked.extend(callback.map(|name| ("callback", name)));
        let mut request = match method {
            AskBy::Get => self.client.get(self.url.clone()).query(&asked),
            AskBy::Post => self.client.post(self.url.clone()).form(&asked),
        };
        request = request.header(ACCEPT, "application/json, text/javascript;q=0.5, */*;q=0.1");
        for (name, value) in &self.headers {
            request = request.header(header_name(name)?, header_value(name, value)?);
        }
        let answer = match &self.digest {
            Some(digest) => digest.fetch(request, host, LONGEST, WITHIN).await,
            None => fetch(request, host, LONGEST, WITHIN).await.map_err(Undigested::from),
        };
        answer.map_err(|error| undigested(&error))
    }
}

/// Says nothing of what goes along.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url.as_str())
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// A header's name, or why it is none.
fn header_name(name: &str) -> Result<HeaderName, AuthFailure> {
    let broken = |_| AuthFailure::Broken {
        words: format!("“{name}” is no name of a header: change it in the account's settings"),
    };
    HeaderName::try_from(name).map_err(broken)
}

fn header_value(name: &str, value: &SecretString) -> Result<HeaderValue, AuthFailure> {
    let broken = |_| AuthFailure::Broken {
        words: format!("the kept value of the header “{name}” cannot be sent: set it anew"),
    };
    let mut value = HeaderValue::try_from(value.expose_secret()).map_err(broken)?;
    value.set_sensitive(true);
    Ok(value)
}

fn undigested(error: &Undigested) -> AuthFailure {
    let words = error.to_string();
    match error {
        Undigested::Unanswered(Unanswered::Certificate { .. }) | Undigested::OtherScheme { .. } => {
            AuthFailure::Broken { words }
        }
        Undigested::Unanswered(
            Unanswered::Unreachable { .. }
            | Unanswered::Cut { .. }
            | Unanswered::Late { .. }
            | Unanswered::Portal { .. }
            | Unanswered::TooLong { .. }
            | Unanswered::Garbage { .. },
        )
        | Undigested::AlwaysStale { .. } => AuthFailure::Passing { words },
        Undigested::Refused { .. } => AuthFailure::SignIn { words },
    }
}

/// Signs it here. On presence channels somebody has to be named.
fn signed(key: &str, secret: &SecretString, user_id: &str, socket_id: &str, channel: &str) -> Authorization {
    let who = channel.starts_with("presence-").then(|| json!({ "user_id": user_id }).to_string());
    let auth = ::pusher::sign(key, secret.expose_secret(), socket_id, channel, who.as_deref());
    Authorization { auth, channel_data: who, shared_secret: None }
}

/// Reads what an endpoint said.
fn authorization(bytes: &[u8]) -> Option<Authorization> {
    let text = std::str::from_utf8(bytes).ok()?.trim().trim_start_matches('\u{feff}').trim();
    let value: Value =
        serde_json::from_str(text).ok().or_else(|| serde_json::from_str(unwrapped(text)?).ok())?;
    serde_json::from_value(value).ok()
}

/// What stands inside `name(…)`. What stands before it is not looked at, but for its length: `/**/ typeof name === 'function' && name(…);` is
/// what some frameworks write.
fn unwrapped(text: &str) -> Option<&str> {
    let text = text.trim_end_matches(|c: char| c == ';' || c.is_whitespace()).strip_suffix(')')?;
    let (name, inside) = text.split_once('(')?;
    (name.len() <= LONGEST_NAME && !name.contains(['<', '{'])).then(|| inside.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Http;
    use crate::source::auth::scripted::Scripted;

    fn endpoint(url: &str, method: AskBy) -> Endpoint {
        let client = Http::new().unwrap().client;
        Endpoint { client, url: url.parse().unwrap(), method, headers: Vec::new(), digest: None }
    }

    fn says(status: u16, body: &str) -> String {
        // A page type, as PHP sends where nobody says otherwise.
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    #[tokio::test]
    async fn with_the_app_s_own_secret_it_is_signed_here() {
        let auth = ChannelAuth::Secret {
            key: "278d425bdf160c739803".into(),
            secret: "7ad3773142a6692b25b8".into(),
            user_id: "belfry".into(),
        };
        assert!(!format!("{auth:?}").contains("7ad3773142a6692b25b8"));
        let private = auth.authorize("1234.1234", "private-foobar").await.unwrap();
        // The published example.
        assert_eq!(
            private.auth,
            "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
        );
        assert_eq!(private.channel_data, None);
        let presence = auth.authorize("1234.1234", "presence-foobar").await.unwrap();
        assert_eq!(presence.channel_data.as_deref(), Some(r#"{"user_id":"belfry"}"#));
        assert_ne!(presence.auth, private.auth);
    }

    async fn ask(endpoint: Endpoint) -> Result<Authorization, AuthFailure> {
        ChannelAuth::Endpoint(endpoint).authorize("12.34", "private-items_1").await
    }

    #[test]
    fn plain_json_and_every_form_of_jsonp_are_read_and_nothing_else_is() {
        let json = r#"{"auth":"key:abc","channel_data":"{\"user_id\":\"1\"}"}"#;
        for text in [
            json.to_owned(),
            format!(" \u{feff}{json}\n"),
            format!("belfry({json})"),
            format!("belfry({json});\n"),
            format!("Pusher.auth_callbacks['1']( {json} ) ; "),
            format!("/**/ typeof belfry === 'function' && belfry({json});"),
        ] {
            let read = authorization(text.as_bytes()).expect(&text);
            assert_eq!(
                (read.auth.as_str(), read.channel_data.as_deref()),
                ("key:abc", Some(r#"{"user_id":"1"}"#))
            );
        }
        let long = "x".repeat(LONGEST_NAME + 1);
        for text in [
            "",
            "Forbidden",
            "null",
            "[]",
            "{}",
            r#"{"auth":5}"#,
            "belfry()",
            "belfry(",
            ")(",
            "alert(1);belfry",
            "<html>(",
            r#"belfry({"auth":"a"}"#,
            r#"belfry({"auth":"a"}, 1)"#,
            r#"<script>f({"auth":"a"})"#,
            &format!(r#"{long}({{"auth":"a"}})"#),
            r#"eval({"auth":"a"+alert(1)})"#,
        ] {
            assert!(authorization(text.as_bytes()).is_none(), "{text}");
        }
        assert!(authorization(&[0xff, b'{', b'}']).is_none());
    }

    #[tokio::test]
    async fn it_is_asked_the_way_it_wants_with_what_goes_along() {
        let server = Scripted::start(|_, _| says(200, r#"{"auth":"key:abc"}"#));
        let headers = vec![("X-Token".to_owned(), SecretString::from("s3cret"))];
        let get = Endpoint { headers, ..endpoint(&format!("{}/pusher/auth?v=2", server.base), AskBy::Get) };
        assert!(!format!("{get:?}").contains("s3cret"));
        assert_eq!(ask(get).await.unwrap_or_else(|failure| panic!("{failure}")).auth, "key:abc");
        let post = endpoint(&format!("{}/broadcasting/auth", server.base), AskBy::Post);
        assert!(ask(post).await.is_ok());
        let asked = server.asked();
        assert_eq!(
            asked[0].line(),
            "GET /pusher/auth?v=2&socket_id=12.34&channel_name=private-items_1 HTTP/1.1"
        );
        assert_eq!(asked[0].header("x-token"), Some("s3cret"));
        assert_eq!(asked[1].line(), "POST /broadcasting/auth HTTP/1.1");
        assert_eq!(asked[1].header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(asked[1].body, "socket_id=12.34&channel_name=private-items_1");
    }

    #[tokio::test]
    async fn what_insists_on_the_name_of_a_function_gets_one() {
        let server = Scripted::start(|asked, _| {
            if asked.line().contains("callback=belfry ") {
                says(200, r#"belfry({"auth":"key:abc"});"#)
            } else {
                says(400, "callback missing")
            }
        });
        assert!(ask(endpoint(&server.base, AskBy::Get)).await.is_ok());
        let refused = ask(endpoint(&server.base, AskBy::Post)).await;
        assert!(matches!(refused, Err(AuthFailure::Refused { status: 400, .. })));
        assert_eq!(server.asked().len(), 3);
    }

    #[tokio::test]
    async fn what_knows_no_get_is_asked_with_a_form() {
        let server = Scripted::start(|asked, _| {
            if asked.line().starts_with("POST") { says(200, r#"{"auth":"key:abc"}"#) } else { says(405, "") }
        });
        assert!(ask(endpoint(&server.base, AskBy::Get)).await.is_ok());
        assert_eq!(server.asked().len(), 2);
    }

    #[tokio::test]
    async fn a_refusal_is_told_from_what_may_pass() {
        for (status, body, passes) in [
            (401, "", false),
            (403, "no", false),
            (404, "", false),
            (409, "[\"x\"]", false),
            (408, "", true),
            (429, "", true),
            (500, "", true),
            (503, "<html>", true),
            (200, "garbage", true),
            (200, "<html>", true),
            (200, "", true),
        ] {
            let server = Scripted::start(move |_, _| says(status, body));
            let failure = ask(endpoint(&server.base, AskBy::Post)).await.map(|_| ()).unwrap_err();
            assert_eq!(matches!(failure, AuthFailure::Passing { .. }), passes, "{status}: {failure}");
            assert_eq!(matches!(failure, AuthFailure::Refused { .. }), !passes, "{status}: {failure}");
        }
        let gone = { Scripted::start(|_, _| String::new()).base.replace("127.0.0.1", "127.0.0.2") };
        assert!(matches!(ask(endpoint(&gone, AskBy::Get)).await, Err(AuthFailure::Passing { .. })));
        let long = Scripted::start(|_, _| says(200, &" ".repeat(LONGEST + 1)));
        assert!(matches!(ask(endpoint(&long.base, AskBy::Get)).await, Err(AuthFailure::Passing { .. })));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_with_what_goes_along() {
        let other = Scripted::start(|_, _| says(200, r#"{"auth":"key:abc"}"#));
        let to = other.base.clone();
        let server = Scripted::start(move |_, _| {
            format!("HTTP/1.1 302 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
        });
        assert!(matches!(ask(endpoint(&server.base, AskBy::Get)).await, Err(AuthFailure::Passing { .. })));
        assert!(other.asked().is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_sent_says_what_to_change() {
        let mut one = endpoint("http://127.0.0.1:9/", AskBy::Post);
        one.headers = vec![("X Y".to_owned(), "v".into())];
        let Err(AuthFailure::Broken { words }) = ask(one.clone()).await else { panic!("sent") };
        assert!(words.contains("X Y"));
        one.headers = vec![("X".to_owned(), "a\nb: c".into())];
        let Err(AuthFailure::Broken { words }) = ask(one).await else { panic!("sent") };
        assert!(!words.contains("b: c"));
    }
}

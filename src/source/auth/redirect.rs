//! The loopback redirect: a listener on this machine that waits for the browser to come back from signing in (RFC 8252 §7.3).
//!
//! In: what any local program or web page may send. Out: the code, once. Reads one small GET request per connection, answers with a page
//! that holds nothing of the request, and never says more than that page.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// How long a person may take in the browser.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long one request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);
/// Longest request read, in bytes.
const LONGEST: usize = 16 * 1024;
/// Most connections looked at together.
const TOGETHER: usize = 16;
const PATH: &str = "/callback";

/// What the browser brought back.
#[derive(Debug)]
pub(crate) enum Return {
    /// The code to be exchanged for tokens.
    Code(SecretString),
    /// The person said no.
    Denied,
    /// The service refused for another reason, in its word.
    Refused(String),
}

/// Nobody came back in time, or the listener broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoReturn {
    /// The limit has passed.
    #[error("nobody came back from the browser within five minutes")]
    TooLate,
    /// The system refused to listen.
    #[error("this computer refuses to listen for the browser's return: {0}")]
    Listen(#[from] std::io::Error),
}

/// The listener of one attempt to sign in.
#[derive(Debug)]
pub(crate) struct Redirect {
    v4: TcpListener,
    v6: Option<TcpListener>,
    host: String,
    port: u16,
    deadline: tokio::time::Instant,
}

impl Redirect {
    /// Listens on a port that the system chooses, on 127.0.0.1 and, where it can be had, on the same port of ::1 (`localhost` may mean
    /// either). To be called before the browser opens.
    pub(crate) async fn listen(host: &str) -> Result<Self, NoReturn> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = v4.local_addr()?.port();
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        Ok(Self { v4, v6, host: host.to_ascii_lowercase(), port, deadline })
    }

    /// The address that the browser comes back to. `None` if the host is none.
    pub(crate) fn address(&self) -> Option<Url> {
        let url: Url = format!("http://{}:{}{PATH}", self.host, self.port).parse().ok()?;
        // A host with a path, a user or a query in it would send the code elsewhere.
        (url.path() == PATH && url.username().is_empty() && url.query().is_none()).then_some(url)
    }

    /// Waits for the browser. Cancel safe: the listener goes on, only a request just being read is lost.
    pub(crate) async fn wait(&self, state: &SecretString) -> Result<Return, NoReturn> {
        tokio::time::timeout_at(self.deadline, self.accept(state)).await.map_err(|_| NoReturn::TooLate)?
    }

    async fn accept(&self, state: &SecretString) -> Result<Return, NoReturn> {
        let mut visits = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(found) = visits.next(), if !visits.is_empty() => {
                    if let Some(found) = found {
                        return Ok(found);
                    }
                }
                arrived = self.arrival(), if visits.len() < TOGETHER => {
                    visits.push(self.visit(arrived?, state));
                }
            }
        }
    }

    async fn arrival(&self) -> std::io::Result<TcpStream> {
        let v6 = async {
            match &self.v6 {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        let (stream, _) = tokio::select! { one = self.v4.accept() => one?, one = v6 => one? };
        Ok(stream)
    }

    async fn visit(&self, mut stream: TcpStream, state: &SecretString) -> Option<Return> {
        let read = tokio::time::timeout(ARRIVAL, head(&mut stream)).await;
        let judged = match read {
            Ok(Ok(bytes)) => judge(&bytes, &self.host, self.port, state),
            // Too slow or gone: there is nobody to answer.
            Ok(Err(_)) | Err(_) => return None,
        };
        let (status, page) = match &judged {
            Visit::Here(Return::Code(_)) => ("200 OK", "You are signed in. You may close this page."),
            Visit::Here(Return::Denied | Return::Refused(_)) => {
                ("200 OK", "The sign-in was not allowed. You may close this page and try again from Belfry.")
            }
            Visit::Elsewhere => ("404 Not Found", "There is nothing here."),
            Visit::Forged => (
                "400 Bad Request",
                "This does not belong to the sign-in that Belfry waits for. Start again from Belfry.",
            ),
        };
        let sent = tokio::time::timeout(ARRIVAL, stream.write_all(answer(status, page).as_bytes())).await;
        if matches!(sent, Ok(Ok(()))) {
            // The page is on its way; a failing goodbye changes nothing.
            drop(tokio::time::timeout(ARRIVAL, stream.shutdown()).await);
        }
        match judged {
            Visit::Here(found) => Some(found),
            Visit::Elsewhere | Visit::Forged => None,
        }
    }
}

/// What one request was.
#[derive(Debug)]
enum Visit {
    /// The browser's return.
    Here(Return),
    /// Anything that is not for us: the same answer for all of it.
    Elsewhere,
    /// The right place, but not from this attempt.
    Forged,
}

/// Reads up to the end of the request's head.
async fn head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut part = [0_u8; 2048];
    loop {
        let count = stream.read(&mut part).await?;
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        if count == 0 || bytes.windows(4).any(|four| four == b"\r\n\r\n") {
            return Ok(bytes);
        }
        if bytes.len() > LONGEST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
}

/// Judges one request. Pure.
fn judge(bytes: &[u8], host: &str, port: u16, state: &SecretString) -> Visit {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    if !matches!(request.parse(bytes), Ok(httparse::Status::Complete(_))) {
        return Visit::Elsewhere;
    }
    let header = |name: &str| {
        let found = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let values: Vec<_> =
            found.map(|header| String::from_utf8_lossy(header.value).to_ascii_lowercase()).collect();
        values
    };
    // Another name for this machine would mean that a page elsewhere had its own name point here (DNS rebinding).
    let hosts = [host, "127.0.0.1", "[::1]", "localhost"].map(|host| format!("{host}:{port}"));
    let to_us = matches!(header("host").as_slice(), [one] if hosts.contains(one));
    // A browser that follows a redirect sends no origin; a page's script does.
    if !to_us || !header("origin").is_empty() || request.method != Some("GET") {
        return Visit::Elsewhere;
    }
    let Ok(url) = Url::parse("http://localhost").and_then(|base| base.join(request.path.unwrap_or_default()))
    else {
        return Visit::Elsewhere;
    };
    if url.path() != PATH {
        return Visit::Elsewhere;
    }
    returned(&url, state, false)
}

/// What an address of return says. `trusted` means that the person brought it here: `state` may then be missing, but not be wrong.
fn returned(url: &Url, state: &SecretString, trusted: bool) -> Visit {
    // A repeated parameter counts by its last value (Podio's rule).
    said(url.query_pairs().into_owned().collect(), state, trusted)
}

/// The same where somebody else took the browser's return in and passed its query on. `None` if it belongs to another attempt.
pub(crate) fn carried(query: &BTreeMap<String, String>, state: &SecretString) -> Option<Return> {
    match said(query.clone(), state, false) {
        // Without its state nobody knows whose refusal it is.
        Visit::Here(found) if query.contains_key("state") => Some(found),
        Visit::Here(_) | Visit::Elsewhere | Visit::Forged => None,
    }
}

fn said(mut query: BTreeMap<String, String>, state: &SecretString, trusted: bool) -> Visit {
    let right =
        query.get("state").map(|given| bool::from(given.as_bytes().ct_eq(state.expose_secret().as_bytes())));
    let error = query.remove("error");
    match (right, error, query.remove("code")) {
        (Some(false), _, _) => Visit::Forged,
        // A refusal comes without the state (Podio's documentation); all that a forged one can do is to make the person begin again.
        (_, Some(error), _) if error == "access_denied" => Visit::Here(Return::Denied),
        (_, Some(error), _) => Visit::Here(Return::Refused(word(&error))),
        (Some(true), None, Some(code)) if !code.is_empty() => Visit::Here(Return::Code(code.into())),
        (None, None, Some(code)) if trusted && !code.is_empty() => Visit::Here(Return::Code(code.into())),
        (None, None, Some(_)) => Visit::Forged,
        (_, None, _) => Visit::Elsewhere,
    }
}

/// Reads what a person pasted: a bare code, or the whole address that the browser ended on. `None` if it is neither, or belongs to another
/// attempt.
pub(crate) fn pasted(text: &str, state: &SecretString) -> Option<Return> {
    let text = text.trim();
    let address = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if let Some(url) = address {
        return match returned(&url, state, true) {
            Visit::Here(found) => Some(found),
            Visit::Elsewhere | Visit::Forged => None,
        };
    }
    let bare = !text.is_empty() && text.len() <= 1024 && text.chars().all(|c| c.is_ascii_graphic());
    bare.then(|| Return::Code(text.into()))
}

fn word(error: &str) -> String {
    error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect()
}

fn answer(status: &str, sentence: &str) -> String {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Belfry</title>\
         <body style=\"font:18px sans-serif;margin:4em auto;max-width:30em;text-align:center\"><p>{sentence}</p></body></html>"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{page}",
        page.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(request: &str) -> Visit {
        judge(request.as_bytes(), "localtest.me", 4711, &"right".into())
    }

    fn get(target: &str, host: &str) -> Visit {
        asked(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n"))
    }

    #[test]
    fn the_code_is_taken_from_the_right_place_with_the_right_state() {
        for host in ["localtest.me:4711", "127.0.0.1:4711", "[::1]:4711", "LOCALHOST:4711"] {
            let visit = get("/callback?code=abc&state=right", host);
            let Visit::Here(Return::Code(code)) = visit else { panic!("{host}: {visit:?}") };
            assert_eq!(code.expose_secret(), "abc");
        }
    }

    #[test]
    fn another_host_path_method_or_an_origin_finds_nothing() {
        let good = "/callback?code=abc&state=right";
        for host in ["evil.example:4711", "localtest.me", "localtest.me:1", ""] {
            assert!(matches!(get(good, host), Visit::Elsewhere), "{host}");
        }
        assert!(matches!(get("/?code=abc&state=right", "localhost:4711"), Visit::Elsewhere));
        assert!(matches!(get("/callback", "localhost:4711"), Visit::Elsewhere));
        for request in [
            format!("POST {good} HTTP/1.1\r\nHost: localhost:4711\r\n\r\n"),
            format!("GET {good} HTTP/1.1\r\nHost: localhost:4711\r\nOrigin: https://evil.example\r\n\r\n"),
            format!("GET {good} HTTP/1.1\r\nHost: localhost:4711\r\nHost: localhost:4711\r\n\r\n"),
            format!("GET {good} HTTP/1.1\r\nHost: localhost:4711\r\n"),
            "\u{0}\u{1}".to_owned(),
        ] {
            assert!(matches!(asked(&request), Visit::Elsewhere), "{request:?}");
        }
    }

    #[test]
    fn a_wrong_or_missing_state_is_refused_and_the_last_of_two_counts() {
        for query in
            ["code=abc", "code=abc&state=wrong", "code=abc&state=", "code=abc&state=right&state=wrong"]
        {
            assert!(matches!(get(&format!("/callback?{query}"), "localhost:4711"), Visit::Forged), "{query}");
        }
        let twice = get("/callback?code=abc&state=wrong&state=right", "localhost:4711");
        assert!(matches!(twice, Visit::Here(Return::Code(_))));
    }

    #[test]
    fn a_refusal_is_heard_with_or_without_its_state() {
        for query in ["error=access_denied&error_reason=user_denied", "error=access_denied&state=right"] {
            let visit = get(&format!("/callback?{query}"), "localhost:4711");
            assert!(matches!(visit, Visit::Here(Return::Denied)), "{query}");
        }
        assert!(matches!(get("/callback?error=access_denied&state=wrong", "localhost:4711"), Visit::Forged));
        let other = get("/callback?error=%3Cb%3Eserver_error", "localhost:4711");
        assert!(matches!(other, Visit::Here(Return::Refused(word)) if word == "bserver_error"));
    }

    #[test]
    fn what_is_carried_here_belongs_to_this_attempt_only() {
        let state = SecretString::from("right");
        let query = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let code = carried(&query(&[("code", "abc"), ("state", "right")]), &state);
        assert!(matches!(code, Some(Return::Code(code)) if code.expose_secret() == "abc"));
        for other in
            [&[("code", "abc")][..], &[("code", "abc"), ("state", "wrong")], &[("error", "access_denied")]]
        {
            assert!(carried(&query(other), &state).is_none(), "{other:?}");
        }
        let denied = carried(&query(&[("error", "access_denied"), ("state", "right")]), &state);
        assert!(matches!(denied, Some(Return::Denied)));
    }

    #[test]
    fn a_bare_code_or_the_whole_address_may_be_pasted() {
        let state = SecretString::from("right");
        let code = |text: &str| match pasted(text, &state) {
            Some(Return::Code(code)) => Some(code.expose_secret().to_owned()),
            _ => None,
        };
        assert_eq!(code(" abc123 \n").as_deref(), Some("abc123"));
        assert_eq!(code("http://localhost:1/callback?code=abc&state=right").as_deref(), Some("abc"));
        assert_eq!(code("http://localhost:1/callback?code=abc").as_deref(), Some("abc"));
        assert_eq!(code("http://localhost:1/callback?code=abc&state=wrong"), None);
        assert_eq!(code("two words"), None);
        assert_eq!(code(""), None);
        assert!(matches!(
            pasted("http://localhost:1/callback?error=access_denied", &state),
            Some(Return::Denied)
        ));
    }
}

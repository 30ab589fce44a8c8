//! Why a connection ended, told so that a caller can decide what to do about it.
//!
//! No error carries an authorisation or a secret. Texts that came from the server are bounded and hold no control
//! characters and no signatures, but they are still the server's words.

use std::time::Duration;

/// How the protocol wants the next connection made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not with what we have: a person has to change something first.
    Never,
    /// At once. The [`Resume`](crate::Resume) counts quick failures, so that this never becomes a loop.
    AtOnce,
    /// After at least this long; jitter and growth beyond it are the caller's.
    After(Duration),
    /// At once, but encrypted: the same server with `wss` (4000).
    Tls,
}

/// The end of a connection; [`retry`](Self::retry) says what follows from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server could not be reached, or the connection broke.
    #[error("the connection failed: {0}")]
    Network(String),
    /// The server, or something in front of it, answered the WebSocket handshake with this HTTP status. A redirect (3xx)
    /// is among these: it is never followed.
    #[error("the server answered with HTTP status {status}")]
    Http {
        /// The status code.
        status: u16,
        /// How long the server asked us to wait, if it said so in seconds.
        retry_after: Option<Duration>,
    },
    /// The server's certificate was not accepted. Trying again does not help until someone changes something.
    #[error("the server's certificate was not accepted: {0}")]
    Certificate(String),
    /// Encryption could not be set up for another reason than the certificate.
    #[error("no encrypted connection could be set up: {0}")]
    Tls(String),
    /// The server ended the connection with this code, in a close frame or in a `pusher:error` right before the end.
    #[error("the server closed the connection with code {code}{}", after_colon(text))]
    Closed {
        /// The code: 4000 and above are the protocol's own, the ones below those of WebSockets.
        code: u16,
        /// The server's words, possibly none.
        text: String,
        /// What the code asks for.
        retry: Retry,
    },
    /// Nothing came back in time.
    #[error("the server did not answer {what} in time")]
    Silent {
        /// What was not answered.
        what: &'static str,
        /// What that asks for.
        retry: Retry,
    },
    /// What came in is not the Pusher protocol.
    #[error("the server's words could not be understood: {0}")]
    Protocol(String),
    /// A frame was larger than [`Config::max_message_bytes`](crate::Config::max_message_bytes).
    #[error("the server sent more than {limit} bytes at once")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More frames came in than the caller took, and waiting for it would need unbounded memory.
    #[error("messages arrived faster than they were taken")]
    Behind,
    /// The configuration cannot work, for this reason.
    #[error("the configuration cannot work: {0}")]
    Config(&'static str),
    /// The connection has already ended; its first error said why.
    #[error("the connection has ended")]
    Ended,
}

impl Error {
    /// What to do about it. This is the protocol's wish for one connection; a caller that fails again and again should
    /// wait longer and longer, and with jitter.
    pub fn retry(&self) -> Retry {
        const SOON: Retry = Retry::After(Duration::from_secs(1));
        match self {
            Self::Closed { retry, .. } | Self::Silent { retry, .. } => *retry,
            Self::Certificate(_) | Self::Config(_) => Retry::Never,
            Self::Http { status, retry_after } => {
                // What is not a passing trouble of the server is looked at rarely: a proxy in between may be the one who says so.
                let passing = matches!(status, 408 | 425 | 429 | 500..=599);
                let least = Duration::from_secs(if passing { 1 } else { 60 });
                Retry::After(retry_after.unwrap_or(least).max(least))
            }
            Self::Network(_)
            | Self::Tls(_)
            | Self::Protocol(_)
            | Self::TooLarge { .. }
            | Self::Behind
            | Self::Ended => SOON,
        }
    }

    /// The code the server closed with, if it did.
    pub fn code(&self) -> Option<u16> {
        if let Self::Closed { code, .. } = self { Some(*code) } else { None }
    }

    /// Looks through a chain of errors for what TLS had to say; everything else is a matter of the network.
    pub(crate) fn from_chain(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut link = Some(error);
        let mut words = error.to_string();
        while let Some(current) = link {
            if let Some(tls) = tls_error(current) {
                return match tls {
                    rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                        Self::Certificate(tls.to_string())
                    }
                    other => Self::Tls(other.to_string()),
                };
            }
            words = current.to_string();
            link = current.source();
        }
        // The innermost error says it best ("Connection refused"); the outer ones repeat the address.
        Self::Network(words)
    }
}

fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// An `io::Error` hides what it wraps from `source()`, so it is opened here.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    tls_error(inner)
}

/// Makes words of a server fit for an error: bounded, on one line, and without signatures, which some servers repeat.
pub(crate) fn clean(text: &str) -> String {
    const LONGEST: usize = 300;
    const SIGNATURE: usize = 32;
    let (mut words, mut digits) = (String::new(), String::new());
    let put = |words: &mut String, digits: &mut String| {
        words.push_str(if digits.len() < SIGNATURE { digits } else { "…" });
        digits.clear();
    };
    for c in text.chars().take(LONGEST) {
        if c.is_ascii_hexdigit() {
            digits.push(c);
        } else {
            put(&mut words, &mut digits);
            words.push(if c.is_control() { ' ' } else { c });
        }
    }
    put(&mut words, &mut digits);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_is_found_below_an_io_error() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let wrapped = std::io::Error::other(std::io::Error::other(tls));
        assert!(matches!(Error::from_chain(&wrapped), Error::Certificate(_)));
        let other = std::io::Error::other(rustls::Error::DecryptError);
        assert!(matches!(Error::from_chain(&other), Error::Tls(_)));
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(matches!(Error::from_chain(&refused), Error::Network(_)));
    }

    #[test]
    fn words_of_a_server_are_bounded_and_lose_signatures_and_line_breaks() {
        assert_eq!(clean("Expected\n1.2:private-x"), "Expected 1.2:private-x");
        let echo = format!("got {}, sorry {}", "0a".repeat(32), "f".repeat(80));
        assert_eq!(clean(&echo), "got …, sorry …");
        assert_eq!(clean(&"x".repeat(5000)).chars().count(), 300);
    }

    #[test]
    fn a_status_of_passing_trouble_is_tried_again_soon_and_others_rarely() {
        let after = |status, wait: Option<u64>| {
            Error::Http { status, retry_after: wait.map(Duration::from_secs) }.retry()
        };
        assert_eq!(after(503, None), Retry::After(Duration::from_secs(1)));
        assert_eq!(after(503, Some(20)), Retry::After(Duration::from_secs(20)));
        assert_eq!(after(404, None), Retry::After(Duration::from_secs(60)));
        assert_eq!(after(302, Some(1)), Retry::After(Duration::from_secs(60)));
    }
}

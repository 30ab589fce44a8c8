//! Why a session ended, told so that a caller can decide what to do about it.
//!
//! No error carries a client id or an `ext`: both are secrets of the connection. Texts that came from the server are
//! bounded and hold no control characters, but they are still the server's words.

use std::time::Duration;

/// The end of a session. Which of these heal by trying again is said at each one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server could not be reached, or the connection broke. Try again later.
    #[error("the connection failed: {0}")]
    Network(String),
    /// The server, or something in front of it, answered with an HTTP status other than success. A redirect (3xx) is
    /// among these: it is never followed, because the endpoint is where the secrets go.
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
    /// What came back is not Bayeux. Try again later: it may have been a page of a proxy.
    #[error("the server's answer could not be understood: {0}")]
    Protocol(String),
    /// Nothing came back in time. Try again at once with the [`Resume`](crate::Resume).
    #[error("the server did not answer {0} in time")]
    Silent(&'static str),
    /// The server asked us to stay away (`reconnect: none`, or a negative `interval`), in these words. Only a person
    /// or new credentials should start the next attempt.
    #[error("the server ended the session and asked not to come back: {0}")]
    Refused(String),
    /// The handshake was refused, in these words.
    #[error("the server refused the handshake: {text}")]
    HandshakeRefused {
        /// The server's words.
        text: String,
        /// Whether the server advised to try again.
        again: bool,
    },
    /// The session was lost right after being made, four times in a row. Back off before the next attempt.
    #[error("the server keeps forgetting the session")]
    Unsettled,
    /// Client and server have no transport in common.
    #[error("the server offers none of the configured transports")]
    NoTransport,
    /// A response or frame was larger than [`Config::max_message_bytes`](crate::Config::max_message_bytes).
    #[error("the server sent more than {limit} bytes at once")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More frames came in than the caller took, and waiting for it would need unbounded memory.
    #[error("events arrived faster than they were taken")]
    Behind,
    /// The configuration cannot work, for this reason.
    #[error("the configuration cannot work: {0}")]
    Config(&'static str),
    /// The session has already ended; its first error said why.
    #[error("the session has ended")]
    Ended,
}

impl Error {
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

/// An `io::Error` hides what it wraps from `source()`, so it is opened here.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    tls_error(inner)
}

/// Makes words of a server fit for an error: bounded, on one line, and without the ids that are secrets.
pub(crate) fn clean(text: &str, secrets: &[&str]) -> String {
    const LONGEST: usize = 300;
    let mut words = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        words = words.replace(secret, "…");
    }
    words.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
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
    fn words_of_a_server_are_bounded_and_lose_secrets_and_line_breaks() {
        assert_eq!(clean("401:abc:Unknown\nclient", &["abc", ""]), "401:…:Unknown client");
        assert_eq!(clean(&"x".repeat(5000), &[]).chars().count(), 300);
    }
}

//! One HTTP exchange with a service: a request goes out, a bounded answer comes back, and what can go wrong below the service's own
//! words is sorted here, once, for REST and sign-in alike.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

/// How long one request may take, from the first byte out to the last byte in.
const TIME: Duration = Duration::from_secs(30);
/// Longest answer taken where nothing longer is to be expected, after decompression, in bytes.
pub(crate) const LONGEST: usize = 1024 * 1024;

/// A service's answer: any status, with a body that is JSON or empty.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// The body; null if there is none, or if a failed request's body was no JSON.
    pub(crate) body: Value,
}

/// Why there is no answer that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The server cannot show that it is who it should be.
    #[error(
        "the certificate of {host} cannot be trusted ({why}): check this computer's clock and network, or add the certificate of your own server to the system"
    )]
    Certificate {
        /// The server.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// No connection.
    #[error("{host} cannot be reached: check the network and the address")]
    Unreachable {
        /// The server.
        host: String,
    },
    /// The connection stood and broke before an answer was there.
    #[error("the connection to {host} broke before it answered")]
    Cut {
        /// The server.
        host: String,
    },
    /// No answer in time.
    #[error("{host} did not answer in time")]
    Late {
        /// The server.
        host: String,
    },
    /// A page or a redirect where data was asked for: most likely a network that wants a sign-in first.
    #[error("this network may want you to sign in first: {host} answered with a web page instead of data")]
    Portal {
        /// The server.
        host: String,
    },
    /// More than is taken.
    #[error("{host} answered with something that is not understood (too long)")]
    TooLong {
        /// The server.
        host: String,
    },
    /// Not what this service says.
    #[error("{host} answered with something that is not understood ({why})")]
    Garbage {
        /// The server.
        host: String,
        /// What it is.
        why: &'static str,
    },
}

impl Unanswered {
    /// True if the service may have taken the request all the same; false if it surely was not sent, or went to somebody else.
    pub(crate) fn may_have_arrived(&self) -> bool {
        match self {
            Self::Certificate { .. } | Self::Unreachable { .. } | Self::Portal { .. } => false,
            Self::Cut { .. } | Self::Late { .. } | Self::TooLong { .. } | Self::Garbage { .. } => true,
        }
    }
}

/// Sends a request and reads the answer, of at most `longest` bytes.
pub(crate) async fn exchange(
    request: RequestBuilder,
    host: &str,
    longest: usize,
) -> Result<Answer, Unanswered> {
    let host = host.to_owned();
    match tokio::time::timeout(TIME, send(request, &host, longest)).await {
        Ok(answer) => answer,
        Err(_) => Err(Unanswered::Late { host }),
    }
}

/// A service's answer as it came: any status but a redirect, any body.
#[derive(Debug)]
pub(crate) struct Plain {
    /// Status.
    pub(crate) status: StatusCode,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) bytes: Vec<u8>,
}

impl Plain {
    /// The body as JSON, whatever type it says it has: null if there is none, or if a failed request's body was no JSON.
    pub(crate) fn json(&self, host: &str) -> Result<Value, Unanswered> {
        read_json(self.status, &self.bytes, host)
    }
}

/// Sends a request and reads the answer as it comes, of at most `longest` bytes, within a time of its own.
pub(crate) async fn fetch(
    request: RequestBuilder,
    host: &str,
    longest: usize,
    within: Duration,
) -> Result<Plain, Unanswered> {
    let whole = async {
        let mut response = request.send().await.map_err(|error| sorted(&error, host))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(Unanswered::Portal { host: host.to_owned() });
        }
        let bytes = read(&mut response, host, longest).await?;
        Ok(Plain { status, headers, bytes })
    };
    let late = || Err(Unanswered::Late { host: host.to_owned() });
    tokio::time::timeout(within, whole).await.unwrap_or_else(|_| late())
}

/// The host of an address as people read it, with the port where it is not the usual one.
pub(crate) fn host_of(url: &url::Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.scheme().to_owned(),
    }
}

async fn send(request: RequestBuilder, host: &str, longest: usize) -> Result<Answer, Unanswered> {
    let mut response = request.send().await.map_err(|error| sorted(&error, host))?;
    let status = response.status();
    let headers = response.headers().clone();
    let html = headers
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    if status.is_redirection() || (status.is_success() && html) {
        return Err(Unanswered::Portal { host: host.to_owned() });
    }
    let bytes = read(&mut response, host, longest).await?;
    let body = read_json(status, &bytes, host)?;
    Ok(Answer { status, headers, body })
}

async fn read(response: &mut Response, host: &str, longest: usize) -> Result<Vec<u8>, Unanswered> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| sorted(&error, host))? {
        if bytes.len() + chunk.len() > longest {
            return Err(Unanswered::TooLong { host: host.to_owned() });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn read_json(status: StatusCode, bytes: &[u8], host: &str) -> Result<Value, Unanswered> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    match serde_json::from_slice(bytes) {
        Ok(body) => Ok(body),
        // A gateway's error page beside an error status: the status says enough.
        Err(_) if !status.is_success() => Ok(Value::Null),
        Err(_) if bytes.trim_ascii_start().starts_with(b"<") => {
            Err(Unanswered::Portal { host: host.to_owned() })
        }
        Err(_) => Err(Unanswered::Garbage { host: host.to_owned(), why: "no JSON" }),
    }
}

/// Why a request, or the reading of its answer, failed.
pub(crate) fn sorted(error: &reqwest::Error, host: &str) -> Unanswered {
    let host = host.to_owned();
    if let Some(why) = certificate_trouble(error) {
        return Unanswered::Certificate { host, why };
    }
    tracing::debug!(host, error = %inmost(error), "request failed");
    if error.is_connect() || error.is_builder() {
        // Not one byte of the request went out.
        Unanswered::Unreachable { host }
    } else if error.is_timeout() {
        Unanswered::Late { host }
    } else {
        Unanswered::Cut { host }
    }
}

/// What is wrong with the server's certificate, if that is why a request failed. Also used for the push connection.
pub(crate) fn certificate_trouble(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(here) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = here.downcast_ref::<rustls::Error>() {
            return Some(why.to_string());
        }
        // `io::Error::source` steps over the error it wraps.
        let wrapped = here.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => here.source(),
        };
    }
    None
}

/// The last error of the chain: says what happened without the address, which may hold what no log should.
fn inmost(error: &reqwest::Error) -> String {
    let mut here: &dyn StdError = error;
    while let Some(next) = here.source() {
        here = next;
    }
    here.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_is_found_wherever_it_hides_and_nothing_else_is_taken_for_one() {
        let bad = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let hidden = std::io::Error::other(std::io::Error::other(bad.clone()));
        for error in [&bad as &(dyn StdError + 'static), &hidden] {
            assert!(certificate_trouble(error).is_some(), "{error}");
        }
        assert_eq!(certificate_trouble(&rustls::Error::DecryptError), None);
        assert_eq!(certificate_trouble(&std::io::Error::from(std::io::ErrorKind::ConnectionRefused)), None);
    }

    #[test]
    fn a_host_is_named_with_its_port_where_that_is_unusual() {
        let name = |url: &str| host_of(&url.parse().unwrap());
        assert_eq!(name("https://api.podio.com/x?token=secret"), "api.podio.com");
        assert_eq!(name("http://127.0.0.1:8080"), "127.0.0.1:8080");
    }
}

//! HTTP: the only file that builds the client. One client and one TLS configuration serve REST, long-polling and WebSockets, so that
//! all of them trust the same certificates.

use std::sync::Arc;
use std::time::Duration;

use rustls_platform_verifier::BuilderVerifierExt;

/// How long a connection may take to be made, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// A peer that acknowledges nothing for this long is gone, whatever the socket says.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// The HTTP client and the TLS settings that go with it.
#[derive(Debug, Clone)]
pub struct Http {
    /// The client. Follows no redirect (a redirect could carry a token elsewhere), keeps no cookies, has no overall time limit: the
    /// caller knows how long its request may take.
    pub client: reqwest::Client,
    /// The same trust for WebSockets.
    pub tls: Arc<rustls::ClientConfig>,
}

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the system's certificates could not be read, so no service can be reached safely: {0}")]
pub struct HttpError(String);

impl Http {
    /// Builds the client with the system's trust store (also `SSL_CERT_FILE`, `SSL_CERT_DIR`) and proxy settings.
    pub fn new() -> Result<Self, HttpError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| HttpError(error.to_string()))?
            .with_platform_verifier()
            .map_err(|error| HttpError(error.to_string()))?
            .with_no_client_auth();
        let client = builder(&tls).build().map_err(|error| HttpError(error.to_string()))?;
        Ok(Self { client, tls: Arc::new(tls) })
    }

    /// A client of the same trust and limits that keeps cookies, in memory, as long as it lives: a push server behind a load balancer
    /// finds its clients again by them. With connections of its own.
    pub fn with_cookies(&self) -> Result<reqwest::Client, HttpError> {
        // Cloning the settings shares trust store and session cache.
        let client = builder(&self.tls).cookie_store(true).build();
        client.map_err(|error| HttpError(error.to_string()))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that builds the client")]
fn builder(tls: &rustls::ClientConfig) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("belfry/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .tcp_keepalive(Some(Duration::from_secs(15)))
        .tcp_nodelay(true)
        .pool_idle_timeout(Some(Duration::from_secs(60)));
    #[cfg(target_os = "linux")]
    let client = client.tcp_user_timeout(UNACKNOWLEDGED);
    client
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers each of `count` requests with a cookie; gives the cookies that came with them.
    fn serve(listener: &TcpListener, count: usize) -> Vec<Option<String>> {
        let mut came = Vec::new();
        for _ in 0..count {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
            came.push(
                head.iter()
                    .find_map(|line| Some(line.to_ascii_lowercase().strip_prefix("cookie: ")?.to_owned())),
            );
            let answer = "HTTP/1.1 200 OK\r\nset-cookie: server=one; Path=/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
        }
        came
    }

    #[tokio::test]
    async fn cookies_are_kept_by_the_client_that_was_asked_to_and_by_no_other() {
        let http = Http::new().unwrap();
        let kept = http.with_cookies().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/faye", listener.local_addr().unwrap());
        let server = tokio::task::spawn_blocking(move || serve(&listener, 4));
        for client in [&kept, &kept, &http.client, &http.client] {
            client.get(&url).send().await.unwrap();
        }
        assert_eq!(server.await.unwrap(), [None, Some("server=one".into()), None, None]);
    }
}

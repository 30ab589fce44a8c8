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
    #[expect(clippy::disallowed_methods, reason = "this is the one place that builds the client")]
    pub fn new() -> Result<Self, HttpError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| HttpError(error.to_string()))?
            .with_platform_verifier()
            .map_err(|error| HttpError(error.to_string()))?
            .with_no_client_auth();
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
        let client = client.build().map_err(|error| HttpError(error.to_string()))?;
        Ok(Self { client, tls: Arc::new(tls) })
    }
}

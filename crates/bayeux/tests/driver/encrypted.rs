//! Over TLS: good certificates work for both transports, bad ones are told apart from other trouble.

use std::sync::Arc;
use std::time::Duration;

use bayeux::{Client, Config, Error, Event, TransportKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::peer::Peer;

const LIMIT: Duration = Duration::from_secs(20);
const BOTH: [TransportKind; 2] = [TransportKind::LongPolling, TransportKind::WebSocket];

/// Takes TLS off in front of a server.
struct Curtain {
    url: url::Url,
    certificate: CertificateDer<'static>,
    _tasks: JoinSet<()>,
}

impl Curtain {
    async fn before(peer: &Peer) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url =
            format!("https://localhost:{}/faye", listener.local_addr().unwrap().port()).parse().unwrap();
        let behind = peer.address();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    let Ok(mut outer) = acceptor.accept(stream).await else { return };
                    let mut inner = TcpStream::connect(behind).await.unwrap();
                    tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok();
                });
            }
        });
        Self { url, certificate, _tasks: tasks }
    }
}

fn client(url: url::Url, transport: TransportKind, trusted: Option<&CertificateDer<'static>>) -> Client {
    let mut roots = RootCertStore::empty();
    if let Some(certificate) = trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let http = reqwest::Client::builder().tls_backend_preconfigured(tls.clone()).build().unwrap();
    let mut config = Config::new(url);
    config.transports = vec![transport];
    Client::start(config, http, Some(Arc::new(tls)), None).unwrap()
}

async fn next(client: &mut Client) -> Result<Event, Error> {
    tokio::time::timeout(LIMIT, client.next()).await.expect("something within the limit")
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted() {
    let peer = Peer::start().await;
    let curtain = Curtain::before(&peer).await;
    for transport in BOTH {
        let mut client = client(curtain.url.clone(), transport, Some(&curtain.certificate));
        let told = next(&mut client).await.unwrap();
        assert!(matches!(told, Event::Connected { transport: told, .. } if told == transport), "{told:?}");
    }
}

#[tokio::test]
async fn an_unknown_certificate_is_told_as_such() {
    let peer = Peer::start().await;
    let curtain = Curtain::before(&peer).await;
    for transport in BOTH {
        let error = next(&mut client(curtain.url.clone(), transport, None)).await.unwrap_err();
        assert!(matches!(error, Error::Certificate(_)), "{transport:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_a_bad_certificate() {
    let peer = Peer::start().await;
    let url: url::Url = format!("https://localhost:{}/faye", peer.address().port()).parse().unwrap();
    for transport in BOTH {
        let error = next(&mut client(url.clone(), transport, None)).await.unwrap_err();
        assert!(matches!(error, Error::Tls(_)), "{transport:?}: {error:?}");
    }
}

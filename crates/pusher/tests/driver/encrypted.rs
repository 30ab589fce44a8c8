//! Over TLS: a good certificate works, bad ones are told apart from other trouble.

use std::sync::Arc;

use pusher::{Client, Config, Error, Event, Retry};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::peer::{LIMIT, Peer};

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
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let behind = peer.address;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut outer) = acceptor.accept(stream).await else { continue };
                let mut inner = TcpStream::connect(behind).await.unwrap();
                tokio::io::copy_bidirectional(&mut outer, &mut inner).await.ok();
            }
        });
        Self { url, certificate, _tasks: tasks }
    }
}

fn client(url: &url::Url, trusted: Option<&CertificateDer<'static>>) -> Client {
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
    Client::start(Config::at(url, "k").unwrap(), Some(Arc::new(tls)), None).unwrap()
}

async fn next(client: &mut Client) -> Result<Event, Error> {
    tokio::time::timeout(LIMIT, client.next()).await.expect("something within the limit")
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted() {
    let peer = Peer::start().await;
    let curtain = Curtain::before(&peer).await;
    let mut client = client(&curtain.url, Some(&curtain.certificate));
    let (_link, told) = tokio::join!(peer.greet("1.2"), next(&mut client));
    assert!(matches!(told, Ok(Event::Connected { .. })), "{told:?}");
}

#[tokio::test]
async fn an_unknown_certificate_is_told_as_such() {
    let peer = Peer::start().await;
    let curtain = Curtain::before(&peer).await;
    let error = next(&mut client(&curtain.url, None)).await.unwrap_err();
    assert!(matches!(error, Error::Certificate(_)), "{error:?}");
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_a_bad_certificate() {
    let peer = Peer::start().await;
    let url = format!("https://localhost:{}", peer.address.port()).parse().unwrap();
    let plain = async {
        let mut stream = peer.accept_tcp().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 x\r\n\r\n").await.unwrap();
        stream
    };
    let mut client = client(&url, None);
    let (_stream, told) = tokio::join!(plain, next(&mut client));
    let error = told.unwrap_err();
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
}

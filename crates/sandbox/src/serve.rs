//! A listener that can vanish and come back: in goes a router, out comes an address that stays the same.
//! Closing cuts every connection at once, as a crash of the server does. It knows nothing of any service.

use crate::tasks::{self, EndsWithOwner};
use anyhow::Context as _;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One address with a router behind it.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    router: Router,
    accepting: Arc<Mutex<Option<EndsWithOwner>>>,
}

impl Door {
    /// Listens on 127.0.0.1; port 0 lets the system choose.
    pub(crate) async fn open(port: u16, router: Router) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("cannot listen on 127.0.0.1:{port}"))?;
        let address = listener.local_addr()?;
        let door = Self { address, router, accepting: Arc::default() };
        door.accept(listener);
        Ok(door)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses new connections and cuts the present ones. Returns when the port is free.
    pub(crate) async fn close(&self) {
        let accepting = self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = accepting {
            task.0.abort();
            // An aborted task always reports that it was aborted; there is nothing else to learn.
            let _aborted = (&mut task.0).await;
        }
    }

    /// Listens again on the same port. A port that is still being given back is waited for.
    pub(crate) async fn reopen(&self) -> anyhow::Result<()> {
        self.close().await;
        let mut attempt = 0_u32;
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) if attempt < 100 => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot listen again on {}", self.address));
                }
            }
        };
        self.accept(listener);
        Ok(())
    }

    fn accept(&self, listener: TcpListener) {
        let task = EndsWithOwner(tasks::start(accept_all(listener, self.router.clone())));
        *self.accepting.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}

/// The connections live in this task's set, so they end with it.
async fn accept_all(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, router.clone()));
                }
                Err(error) => tracing::warn!(%error, "the sandbox could not accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, router: Router) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let service = TowerToHyperService::new(router);
    if let Err(error) =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await
    {
        tracing::debug!(%error, "a connection ended early");
    }
}

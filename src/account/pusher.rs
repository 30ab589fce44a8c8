//! What an account at a Pusher-compatible server needs to know besides its secrets.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::feed::FieldMap;

/// Where a Pusher app is, what to listen to, and what becomes of what comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PusherSettings {
    /// The server.
    pub server: PusherServer,
    /// The app's key. It is public.
    pub key: String,
    /// The channels: public ones, and those that begin with `private-`, `presence-`, `private-encrypted-` or a `cache-` form of these.
    pub channels: Vec<String>,
    /// Who allows it to hear channels that are not public.
    pub auth: PusherAuth,
    /// What becomes of the events.
    pub map: FieldMap,
}

/// The server of a Pusher app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum PusherServer {
    /// One of Pusher's own clusters (`eu`, `mt1` …).
    Cluster(String),
    /// A server of one's own: http, https, ws or wss.
    Url(Url),
}

impl PusherServer {
    /// The address, if it was given as one.
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Cluster(_) => None,
            Self::Url(url) => Some(url),
        }
    }
}

/// Who signs what a channel that is not public asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum PusherAuth {
    /// Nobody: public channels only.
    #[default]
    None,
    /// The app's own endpoint. Headers that it wants (a bearer token) are secrets.
    Endpoint {
        /// Its address.
        url: Url,
        /// How it is asked.
        #[serde(default)]
        method: AuthMethod,
    },
    /// Belfry itself, with the app's secret: for one's own server.
    Secret,
}

/// How an endpoint for authorisations is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum AuthMethod {
    /// With a form, as Pusher's own clients do.
    #[default]
    Post,
    /// With a query; the answer may be JSON or JSONP.
    Get,
}

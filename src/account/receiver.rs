//! How webhooks reach this machine: over a relay that keeps them, or straight from a tunnel of the person's own. Plain values.

use serde::{Deserialize, Serialize};
use url::Url;

/// How webhooks reach this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Receiver {
    /// A relay takes them in and keeps them until this machine is there.
    Relay(RelaySettings),
    /// A tunnel of the person's own brings them to a listener on this machine.
    Local(LocalSettings),
}

/// A channel on a relay.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct RelaySettings {
    /// The relay's address.
    pub url: Url,
    /// Which kind it is.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<RelayKind>", optional))]
    pub kind: RelayKind,
    /// The channel's name there, once it has one. Whoever knows it can send.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<String>", optional))]
    pub channel: String,
    /// True if the relay seals what it keeps, so that only this machine can read it.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<bool>", optional))]
    pub sealed: bool,
}

/// The kinds of relays. All hand on over server-sent events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum RelayKind {
    /// Belfry's own, `belfry-relay`: keeps everything for days.
    #[default]
    Belfry,
    /// gosmee: keeps everything where it runs with Redis.
    Gosmee,
    /// smee: keeps nothing and changes the bytes, so that no signature can be checked.
    Smee,
}

/// A listener on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LocalSettings {
    /// Its port on the loopback addresses.
    pub port: u16,
    /// Where the tunnel's other end is: services send to a path below it.
    pub public_url: Option<Url>,
}

/// Where a local listener takes webhooks in.
const LOCAL_PATH: &str = "hook";

impl Receiver {
    /// The address that services send to. It is as good as a password for sending: a relay's is not to be guessed.
    pub fn hook_url(&self) -> Option<Url> {
        match self {
            Self::Relay(relay) => relay.hook_url(),
            Self::Local(local) => match &local.public_url {
                Some(url) => below(url, &[LOCAL_PATH]),
                None => Url::parse(&format!("http://127.0.0.1:{}/{LOCAL_PATH}", local.port)).ok(),
            },
        }
    }

    /// The server that the person named, if it is not this machine.
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Relay(relay) => Some(&relay.url),
            Self::Local(local) => local.public_url.as_ref(),
        }
    }
}

impl RelaySettings {
    /// A relay of Belfry's own kind, where there is no channel yet.
    pub fn at(url: Url) -> Self {
        Self { url, kind: RelayKind::default(), channel: String::new(), sealed: false }
    }

    /// The address that services send to; `None` before there is a channel.
    pub fn hook_url(&self) -> Option<Url> {
        match self.kind {
            RelayKind::Belfry => self.below(&["hook", &self.channel]),
            RelayKind::Gosmee | RelayKind::Smee => self.below(&[&self.channel]),
        }
    }

    /// The stream of what came; `None` before there is a channel.
    pub fn events_url(&self) -> Option<Url> {
        match self.kind {
            RelayKind::Belfry | RelayKind::Gosmee => self.below(&["events", &self.channel]),
            RelayKind::Smee => self.below(&[&self.channel]),
        }
    }

    /// Where a service may send the browser back to after signing in; only Belfry's own relay has such a page.
    pub fn oauth_url(&self) -> Option<Url> {
        match self.kind {
            RelayKind::Belfry => below(&self.url, &["oauth", "callback"]),
            RelayKind::Gosmee | RelayKind::Smee => None,
        }
    }

    fn below(&self, path: &[&str]) -> Option<Url> {
        if self.channel.is_empty() { None } else { below(&self.url, path) }
    }
}

/// The channel is as good as a password for sending: it stays out of logs.
impl std::fmt::Debug for RelaySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelaySettings")
            .field("url", &self.url.as_str())
            .field("kind", &self.kind)
            .field("sealed", &self.sealed)
            .finish_non_exhaustive()
    }
}

/// The address with a path added.
fn below(base: &Url, path: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(url: &str, kind: RelayKind, channel: &str) -> RelaySettings {
        RelaySettings { kind, channel: channel.into(), ..RelaySettings::at(url.parse().unwrap()) }
    }

    #[test]
    fn each_kind_of_relay_has_its_own_paths() {
        let text = |url: Option<Url>| url.map(String::from).unwrap_or_default();
        let ours = relay("https://relay.example/below/", RelayKind::Belfry, "c-1");
        assert_eq!(text(ours.hook_url()), "https://relay.example/below/hook/c-1");
        assert_eq!(text(ours.events_url()), "https://relay.example/below/events/c-1");
        assert_eq!(text(ours.oauth_url()), "https://relay.example/below/oauth/callback");
        let gosmee = relay("https://g.example", RelayKind::Gosmee, "c");
        assert_eq!(text(gosmee.hook_url()), "https://g.example/c");
        assert_eq!(text(gosmee.events_url()), "https://g.example/events/c");
        let smee = relay("https://smee.example", RelayKind::Smee, "c");
        assert_eq!((smee.hook_url(), smee.oauth_url()), (smee.events_url(), None));
    }

    #[test]
    fn there_is_nowhere_to_send_to_before_there_is_a_channel() {
        let ours = relay("https://relay.example", RelayKind::Belfry, "");
        assert_eq!((ours.hook_url(), ours.events_url()), (None, None));
        assert!(ours.oauth_url().is_some(), "signing in comes first");
    }

    #[test]
    fn a_tunnel_brings_to_the_path_of_the_listener() {
        let mut local = LocalSettings { port: 4711, public_url: None };
        let hook = |local: &LocalSettings| Receiver::Local(local.clone()).hook_url().unwrap().to_string();
        assert_eq!(hook(&local), "http://127.0.0.1:4711/hook");
        local.public_url = Some("https://me.example/x?y#z".parse().unwrap());
        assert_eq!(hook(&local), "https://me.example/x/hook");
    }

    #[test]
    fn a_channel_does_not_show_in_what_is_logged() {
        let shown = format!("{:?}", relay("https://relay.example", RelayKind::Belfry, "the-channel"));
        assert!(!shown.contains("the-channel"), "{shown}");
    }
}

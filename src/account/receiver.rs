//! How webhooks reach this machine: through a relay that keeps them while it is off, or at a port of its own behind a tunnel.

use serde::{Deserialize, Serialize};
use url::Url;

/// How webhooks reach this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Receiver {
    /// A relay on a public host.
    Relay(RelaySettings),
    /// This machine itself, behind a tunnel.
    Local(LocalSettings),
}

/// A channel at a relay.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct RelaySettings {
    /// The relay's base address, as this machine reaches it.
    pub url: Url,
    /// Where the world reaches it, if that is elsewhere.
    #[serde(default)]
    pub public_url: Option<Url>,
    /// What program it is.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<RelayKind>", optional))]
    pub kind: RelayKind,
    /// The channel, as the relay named it; empty until it is known.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<String>", optional))]
    pub channel: String,
    /// True if the relay seals what comes to a key of this machine.
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<bool>", optional))]
    pub sealed: bool,
}

/// The programs that relay webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum RelayKind {
    /// `belfry-relay`.
    #[default]
    Belfry,
    /// gosmee.
    Gosmee,
    /// smee.io, or a server like it.
    Smee,
}

impl RelaySettings {
    /// A relay of which nothing is known but its address.
    pub fn at(url: Url) -> Self {
        Self { url, public_url: None, kind: RelayKind::Belfry, channel: String::new(), sealed: false }
    }

    /// The address to give to the service: whoever knows it can send. Makes sense once there is a channel.
    pub fn hook_url(&self) -> Url {
        let base = self.public_url.as_ref().unwrap_or(&self.url);
        match self.kind {
            RelayKind::Belfry => below(base, &["hook", &self.channel]),
            RelayKind::Gosmee | RelayKind::Smee => below(base, &[&self.channel]),
        }
    }

    /// Where this machine listens.
    pub fn events_url(&self) -> Url {
        match self.kind {
            RelayKind::Belfry | RelayKind::Gosmee => below(&self.url, &["events", &self.channel]),
            RelayKind::Smee => below(&self.url, &[&self.channel]),
        }
    }

    /// Where a service sends the browser after a sign-in, so that its code comes back over the channel. Only `belfry-relay` has it.
    pub fn oauth_url(&self) -> Url {
        below(self.public_url.as_ref().unwrap_or(&self.url), &["oauth", "callback"])
    }

    /// An address below the base.
    pub fn below(&self, segments: &[&str]) -> Url {
        below(&self.url, segments)
    }
}

/// A port of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct LocalSettings {
    /// The port, on 127.0.0.1 and ::1.
    pub port: u16,
    /// The tunnel's address. A path in it is the path that is listened at.
    #[serde(default)]
    pub public_url: Option<Url>,
}

impl LocalSettings {
    /// The path that is listened at: the tunnel's own, else `/hook`.
    pub fn path(&self) -> &str {
        let given = self.public_url.as_ref().map(Url::path).filter(|path| *path != "/");
        given.unwrap_or("/hook")
    }

    /// The address to give to the service.
    pub fn hook_url(&self) -> Option<Url> {
        let local = || Url::parse(&format!("http://127.0.0.1:{}", self.port)).ok();
        let mut url = self.public_url.clone().or_else(local)?;
        url.set_path(self.path());
        Some(url)
    }
}

impl Receiver {
    /// The address to give to the service: whoever knows a relay's can send. `None` while there is no channel.
    pub fn hook_url(&self) -> Option<Url> {
        match self {
            Self::Relay(relay) if relay.channel.is_empty() => None,
            Self::Relay(relay) => Some(relay.hook_url()),
            Self::Local(local) => local.hook_url(),
        }
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

/// True for an address of this machine itself.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only an address that has no host has no path either, and the front door takes none such.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_below_the_base_whatever_its_end() {
        for base in ["https://r.example/relay", "https://r.example/relay/", "https://r.example/relay/?x#y"] {
            let mut relay =
                RelaySettings { channel: "c-1".into(), ..RelaySettings::at(base.parse().unwrap()) };
            assert_eq!(relay.hook_url().as_str(), "https://r.example/relay/hook/c-1");
            assert_eq!(relay.events_url().as_str(), "https://r.example/relay/events/c-1");
            assert_eq!(relay.oauth_url().as_str(), "https://r.example/relay/oauth/callback");
            relay.kind = RelayKind::Gosmee;
            assert_eq!(relay.hook_url().as_str(), "https://r.example/relay/c-1");
            assert_eq!(relay.events_url().as_str(), "https://r.example/relay/events/c-1");
            relay.kind = RelayKind::Smee;
            assert_eq!(relay.events_url().as_str(), "https://r.example/relay/c-1");
            relay.public_url = Some("https://hooks.example".parse().unwrap());
            assert_eq!(relay.hook_url().as_str(), "https://hooks.example/c-1");
        }
    }

    #[test]
    fn a_channel_does_not_show_in_what_is_logged() {
        let relay = RelaySettings::at("https://r.example".parse().unwrap());
        let shown = format!("{:?}", RelaySettings { channel: "the-channel".into(), ..relay });
        assert!(!shown.contains("the-channel"), "{shown}");
    }

    #[test]
    fn a_tunnels_path_is_the_path_that_is_listened_at() {
        let local = |public: Option<&str>| LocalSettings {
            port: 9,
            public_url: public.map(|url| url.parse().unwrap()),
        };
        assert_eq!(local(None).hook_url().unwrap().as_str(), "http://127.0.0.1:9/hook");
        assert_eq!(local(Some("https://t.example")).hook_url().unwrap().as_str(), "https://t.example/hook");
        let own = local(Some("https://t.example/a/b"));
        assert_eq!((own.path(), own.hook_url().unwrap().as_str()), ("/a/b", "https://t.example/a/b"));
    }

    #[test]
    fn a_relays_address_is_enough_to_be_read() {
        let read: Receiver = serde_json::from_str(r#"{"by":"relay","url":"https://r.example/"}"#).unwrap();
        assert_eq!(read, Receiver::Relay(RelaySettings::at("https://r.example/".parse().unwrap())));
        let stored = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Receiver>(&stored).unwrap(), read);
    }
}

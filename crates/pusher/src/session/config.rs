//! What a caller decides before a connection starts.

use std::time::Duration;

use url::Url;

use crate::Error;

/// Where to connect, and how patiently.
#[derive(Debug, Clone)]
pub struct Config {
    address: Url,
    key: String,
    /// After this long without a frame the server is asked for a sign of life. The server's own value counts if it is
    /// lower.
    pub activity: Duration,
    /// How long the server may take for that sign.
    pub pong: Duration,
    /// How long opening the WebSocket may take, and then the server's first word.
    pub opening: Duration,
    /// How long a subscription may wait for its answer before it is told as refused.
    pub answer: Duration,
    /// The largest frame that is read, in bytes.
    pub max_message_bytes: usize,
    /// Our name, for the server's statistics.
    pub client: String,
    /// Our version, for the server's statistics.
    pub version: String,
}

impl Config {
    /// For a server at this address: `ws`, `wss`, `http` or `https`, a host, and possibly a port and a path that stands
    /// in front of the protocol's own. The key of the app is public.
    pub fn at(base: &Url, key: &str) -> Result<Self, Error> {
        let scheme = match base.scheme() {
            "ws" | "http" => "ws",
            "wss" | "https" => "wss",
            _ => return Err(Error::Config("the address must begin with ws, wss, http or https")),
        };
        let mut address = base.clone();
        if address.set_scheme(scheme).is_err() || address.host().is_none() {
            return Err(Error::Config("the address names no host"));
        }
        if !address.username().is_empty() || address.password().is_some() {
            return Err(Error::Config("the address must hold neither a user nor a password"));
        }
        if key.is_empty() || key == "." || key == ".." {
            return Err(Error::Config("the key of the app is missing"));
        }
        address.set_query(None);
        address.set_fragment(None);
        match address.path_segments_mut() {
            Ok(mut path) => drop(path.pop_if_empty().push("app").push(key)),
            Err(()) => return Err(Error::Config("the address names no host")),
        }
        Ok(Self {
            address,
            key: key.to_owned(),
            activity: Duration::from_secs(120),
            pong: Duration::from_secs(30),
            opening: Duration::from_secs(10),
            answer: Duration::from_secs(15),
            max_message_bytes: 1024 * 1024,
            client: "rust-pusher".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// For Pusher itself, by the name of a cluster such as `eu`; an empty name stands for apps from before there were
    /// clusters.
    pub fn cluster(cluster: &str, key: &str) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !cluster.bytes().all(allowed) {
            return Err(Error::Config("the name of a cluster is made of a-z, 0-9 and -"));
        }
        let host = match cluster {
            "" => "ws.pusherapp.com".to_owned(),
            name => format!("ws-{name}.pusher.com"),
        };
        let Ok(base) = Url::parse(&format!("wss://{host}")) else {
            return Err(Error::Config("this cannot be the name of a cluster"));
        };
        Self::at(&base, key)
    }

    /// The key of the app.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the WebSocket is opened.
    pub fn address(&self) -> Url {
        let mut address = self.address.clone();
        address
            .query_pairs_mut()
            .append_pair("protocol", "7")
            .append_pair("client", &self.client)
            .append_pair("version", &self.version);
        address
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.address.scheme() == "wss"
    }

    /// Keeps every duration away from zero, where a deadline would never lie ahead.
    pub(crate) fn checked(mut self) -> Self {
        for wait in [&mut self.activity, &mut self.pong, &mut self.opening, &mut self.answer] {
            *wait = (*wait).clamp(Duration::from_millis(1), Duration::from_secs(24 * 3600));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(base: &str, key: &str) -> Result<String, Error> {
        let mut config = Config::at(&base.parse().unwrap(), key)?;
        config.client = "belfry".to_owned();
        config.version = "1.0 b".to_owned();
        Ok(config.address().to_string())
    }

    #[test]
    fn addresses_follow_the_protocol() {
        const END: &str = "?protocol=7&client=belfry&version=1.0+b";
        let table = [
            ("http://127.0.0.1:6001", "k", "ws://127.0.0.1:6001/app/k"),
            ("ws://localhost", "k", "ws://localhost/app/k"),
            ("https://push.example.org/", "k", "wss://push.example.org/app/k"),
            ("wss://example.org:444/a/b/?x=1#y", "k", "wss://example.org:444/a/b/app/k"),
            ("ws://[::1]:7", "a/b?c", "ws://[::1]:7/app/a%2Fb%3Fc"),
        ];
        for (base, key, expected) in table {
            assert_eq!(address(base, key).unwrap(), format!("{expected}{END}"), "{base}");
        }
        let of = |cluster| {
            Config::cluster(cluster, "k").map(|config| config.address().host_str().unwrap().to_owned())
        };
        assert_eq!(of("eu").unwrap(), "ws-eu.pusher.com");
        assert_eq!(of("").unwrap(), "ws.pusherapp.com");
        assert!(Config::cluster("eu", "k").unwrap().is_encrypted());
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert!(Config::cluster("eu.example.org/", "k").is_err());
        for (base, key) in [
            ("ftp://h", "k"),
            ("http://h", ""),
            ("http://h", ".."),
            ("http://me@h", "k"),
            ("http://:pw@h", "k"),
            ("data:x", "k"),
        ] {
            assert!(matches!(address(base, key), Err(Error::Config(_))), "{base} {key}");
        }
    }
}

//! `belfry account add pusher`.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::cloudapp::socket_address;
use super::map::map_of;
use super::{Secrets, account_id, warn_if_readable_by_others, web_address};
use crate::account::{AccountId, AuthMethod, PusherAuth, PusherServer, PusherSettings};
use crate::cli::ask::{self, SecretFlag};
use crate::front::views::{SignIn, SignInTo, Trouble};

#[derive(Debug, Args)]
pub(in crate::cli) struct AddPusher {
    /// What to call the account here: lower-case letters, digits, hyphens [default: pusher, pusher-2 …]
    #[arg(long, value_parser = account_id)]
    name: Option<AccountId>,
    #[command(flatten)]
    server: Server,
    /// With --host: connect without encryption
    #[arg(long, requires = "host")]
    insecure: bool,
    /// The app's key
    #[arg(long)]
    key: String,
    /// A channel to listen to; may be given several times
    #[arg(long = "channel", value_name = "CHANNEL", required = true)]
    channels: Vec<String>,
    /// Address of the application's auth endpoint, for private and presence channels
    #[arg(long, value_name = "URL", value_parser = web_address, conflicts_with = "app_secret_stdin")]
    auth_url: Option<Url>,
    /// How the auth endpoint is asked
    #[arg(long, value_enum, default_value_t = Method::Post, requires = "auth_url")]
    auth_method: Method,
    /// Read the value of this header for the auth endpoint (Authorization, Cookie …) from standard input; may be given several times
    #[arg(long, value_name = "NAME", requires = "auth_url")]
    auth_header_stdin: Vec<String>,
    /// Read the app's secret from standard input and sign for private and presence channels here: for a server of your own
    #[arg(long)]
    app_secret_stdin: bool,
    /// What becomes of the events: plain, laravel, a file (TOML or JSON), or single fields as in title='{{ data.title }}', each with a
    /// --map of its own
    #[arg(long, value_name = "MAP", default_value = "plain")]
    map: Vec<String>,
    /// Add it without connecting once to see that it works
    #[arg(long)]
    no_check: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Server {
    /// The server's host, maybe with its port
    #[arg(long, value_name = "HOST[:PORT]")]
    host: Option<String>,
    /// The server's whole address: http, https, ws or wss
    #[arg(long, value_name = "URL", value_parser = socket_address)]
    url: Option<Url>,
    /// The cluster of an app at Pusher itself: eu, mt1, us2 …
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Method {
    Post,
    Get,
}

impl AddPusher {
    /// Asks at the terminal for the app's secret where a channel needs one and nothing else was given.
    pub(super) async fn into_sign_in(self: Box<Self>, mut secrets: Secrets) -> Result<SignIn, Trouble> {
        let server = server(self.server, self.insecure)?;
        if let PusherServer::Url(url) = &server {
            warn_if_readable_by_others(url);
        }
        let map = map_of(&self.map)?;
        let mut app_secret = secrets.remove(&SecretFlag::AppSecret);
        let is_closed =
            |channel: &String| channel.starts_with("private-") || channel.starts_with("presence-");
        if self.auth_url.is_none()
            && app_secret.is_none()
            && let Some(closed) = self.channels.iter().find(|channel| is_closed(channel))
        {
            if !ask::at_terminal() {
                return Err(Trouble::usage(format!(
                    "“{closed}” takes only those who were let in: give --auth-url with the application's auth endpoint, or --app-secret-stdin"
                )));
            }
            app_secret = Some(ask::secret("Secret of the app (not shown): ").await?);
        }
        let auth = match (self.auth_url, &app_secret) {
            (Some(url), _) => {
                warn_if_readable_by_others(&url);
                let method = match self.auth_method {
                    Method::Post => AuthMethod::Post,
                    Method::Get => AuthMethod::Get,
                };
                PusherAuth::Endpoint { url, method }
            }
            (None, Some(_)) => PusherAuth::Secret,
            (None, None) => PusherAuth::None,
        };
        let settings = PusherSettings { server, key: self.key, channels: self.channels, auth, map };
        Ok(SignIn {
            account: None,
            name: self.name,
            to: SignInTo::Pusher {
                settings: Some(settings),
                app_secret: app_secret.map(|secret: SecretString| secret.expose_secret().to_owned()),
                auth_headers: headers(&self.auth_header_stdin, &mut secrets),
                check: !self.no_check,
            },
        })
    }
}

/// The headers whose values came on standard input.
pub(super) fn headers(names: &[String], secrets: &mut Secrets) -> Option<BTreeMap<String, String>> {
    let given = names.iter().enumerate().filter_map(|(place, name)| {
        let value = secrets.remove(&SecretFlag::AuthHeader(place))?;
        Some((name.clone(), value.expose_secret().to_owned()))
    });
    Some(given.collect()).filter(|headers: &BTreeMap<_, _>| !headers.is_empty())
}

fn server(given: Server, insecure: bool) -> Result<PusherServer, Trouble> {
    if let Some(name) = given.cluster {
        return Ok(PusherServer::Cluster(name));
    }
    if let Some(url) = given.url {
        return Ok(PusherServer::Url(url));
    }
    let host = given.host.unwrap_or_default();
    let scheme = if insecure { "http" } else { "https" };
    let url = Url::parse(&format!("{scheme}://{host}")).ok().filter(|url| {
        // Only a host and maybe a port: all else is what --url is for.
        url.username().is_empty() && url.path() == "/" && url.query().is_none() && !host.contains('/')
    });
    url.map(PusherServer::Url)
        .ok_or_else(|| Trouble::usage(format!("“{host}” is no host; write example.com or example.com:6001")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, insecure: bool) -> Result<String, Trouble> {
        let given = Server { host: Some(host.to_owned()), url: None, cluster: None };
        server(given, insecure).map(|server| server.url().unwrap().to_string())
    }

    #[test]
    fn a_host_is_reached_encrypted_unless_told_otherwise() {
        assert_eq!(at("push.example.com", false).unwrap(), "https://push.example.com/");
        assert_eq!(at("127.0.0.1:6001", true).unwrap(), "http://127.0.0.1:6001/");
        assert_eq!(at("[::1]:6001", true).unwrap(), "http://[::1]:6001/");
        for bad in ["", "https://a.example", "a.example/path", "me@a.example", "a b", "a.example:port"] {
            assert!(at(bad, false).is_err(), "{bad}");
        }
    }
}

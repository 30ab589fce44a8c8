//! `belfry account add podio`.

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Secrets, account_id, password, warn_if_readable_by_others, web_address};
use crate::account::{AccountId, PodioSettings, PushTransport};
use crate::cli::ask::{self, SecretFlag};
use crate::cli::print::say;
use crate::front::built_in;
use crate::front::views::{SignIn, SignInTo, Trouble};

#[derive(Debug, Args)]
pub(in crate::cli) struct AddPodio {
    /// What to call the account here: lower-case letters, digits, hyphens [default: podio, podio-2 …]
    #[arg(long, value_parser = account_id)]
    name: Option<AccountId>,
    /// Base address of the REST API
    #[arg(long, value_name = "URL", default_value = PodioSettings::API_URL, value_parser = web_address)]
    api_url: Url,
    /// Address of the push service
    #[arg(long, value_name = "URL", default_value = PodioSettings::PUSH_URL, value_parser = web_address)]
    push_url: Url,
    /// Where the browser signs in
    #[arg(long, value_name = "URL", default_value = PodioSettings::AUTHORIZE_URL, value_parser = web_address)]
    authorize_url: Url,
    /// Host name in the return address, as registered with the API key
    #[arg(long, value_name = "HOST", default_value = PodioSettings::REDIRECT_HOST)]
    redirect_host: String,
    /// How push messages come
    #[arg(long, value_enum, default_value_t = Transport::LongPolling)]
    push_transport: Transport,
    /// Id of the API key
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Read the secret of the API key from standard input
    #[arg(long)]
    client_secret_stdin: bool,
    /// Sign in by this user name and a password instead of the browser
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Transport {
    LongPolling,
    Websocket,
}

impl AddPodio {
    /// Asks at the terminal for what is missing; without one, what is missing is wrong usage.
    pub(super) async fn into_sign_in(self: Box<Self>, mut secrets: Secrets) -> Result<SignIn, Trouble> {
        let given = secrets.remove(&SecretFlag::ClientSecret);
        let (client_id, client_secret) = api_key(self.client_id, given).await?;
        let password = password(self.username, secrets.remove(&SecretFlag::Password)).await?;
        for url in [&self.api_url, &self.push_url, &self.authorize_url] {
            warn_if_readable_by_others(url);
        }
        Ok(SignIn {
            account: None,
            name: self.name,
            to: SignInTo::Podio {
                settings: Some(PodioSettings {
                    api_url: self.api_url,
                    push_url: self.push_url,
                    authorize_url: self.authorize_url,
                    client_id,
                    redirect_host: self.redirect_host,
                    push_transport: match self.push_transport {
                        Transport::LongPolling => PushTransport::LongPolling,
                        Transport::Websocket => PushTransport::Websocket,
                    },
                    user_id: None,
                }),
                client_secret: client_secret.map(|secret| secret.expose_secret().to_owned()),
                password,
            },
        })
    }
}

/// The id of the API key, and its secret unless both are built in.
async fn api_key(
    id: Option<String>,
    secret: Option<SecretString>,
) -> Result<(String, Option<SecretString>), Trouble> {
    let id = match (id, built_in::podio_client_id()) {
        (Some(id), _) => id,
        (None, Some(built_in)) if secret.is_none() => return Ok((built_in.to_owned(), None)),
        (None, _) if ask::at_terminal() => {
            say(
                "Belfry needs an API key of yours: podio.com, Account Settings, API Keys. It is asked for once.",
            );
            ask::line("Id of the API key:").await?
        }
        (None, _) => {
            return Err(Trouble::usage("an API key is needed: give --client-id and --client-secret-stdin"));
        }
    };
    if id.is_empty() {
        return Err(Trouble::usage("the id of the API key is empty"));
    }
    match secret {
        Some(secret) => Ok((id, Some(secret))),
        None if ask::at_terminal() => {
            Ok((id, Some(ask::secret("Secret of the API key (not shown): ").await?)))
        }
        None => Err(Trouble::usage("the secret of the API key is missing: give --client-secret-stdin")),
    }
}

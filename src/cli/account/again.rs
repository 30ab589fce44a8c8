//! `belfry account sign-in`: again to an account that exists, with what is to be different from now on.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::podium::place;
use super::pusher::headers;
use super::{Secrets, account_id, needed_password, no_account, password};
use crate::account::{AccountId, PodiumSettings, Service};
use crate::cli::ask::SecretFlag;
use crate::front::Notifier;
use crate::front::views::{SignIn, SignInTo, Trouble};

/// The word for the events of an account that says nothing of them.
const USUAL: &str = "usual";

#[derive(Debug, Args)]
pub(in crate::cli) struct Again {
    /// The account's name
    #[arg(value_parser = account_id)]
    account: AccountId,
    /// Give the API key's secret anew, from standard input
    #[arg(long)]
    client_secret_stdin: bool,
    /// Sign in by this user name and a password instead of the browser
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Give the secret of the Pusher app anew, from standard input
    #[arg(long)]
    app_secret_stdin: bool,
    /// Give the secret that a service signs its webhooks with anew, from standard input
    #[arg(long)]
    secret_stdin: bool,
    /// Give the relay's join code, from standard input
    #[arg(long)]
    relay_code_stdin: bool,
    /// Give a header for the auth endpoint anew, from standard input
    #[arg(long, value_name = "NAME")]
    auth_header_stdin: Vec<String>,
    #[command(flatten)]
    listening: Listening,
}

/// What a Podium account listens to from now on; as before, where nothing is said.
#[derive(Debug, Args)]
struct Listening {
    /// At Podium: listen to another location, by its name or uid
    #[arg(long, value_name = "NAME")]
    location: Option<String>,
    /// At Podium: listen to a whole organisation, by its name or uid
    #[arg(long, value_name = "NAME", conflicts_with = "location")]
    organization: Option<String>,
    /// At Podium: only events of this type from now on; may be given several times; `usual` for all but the busiest
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
}

impl Again {
    /// The wish, and the service that it is for. Asks for a password that is needed and was not given.
    pub(super) async fn into_sign_in(
        self: Box<Self>,
        mut secrets: Secrets,
        notifier: &Notifier,
    ) -> Result<(Service, SignIn), Trouble> {
        let accounts = notifier.accounts().await?;
        let known = accounts.iter().find(|known| known.id == self.account);
        let service = known.ok_or_else(|| no_account(&self.account))?.service;
        if service != Service::Podium && self.listening.is_said() {
            return Err(Trouble::usage(format!(
                "--location, --organization and --event are for accounts at Podium; “{}” is none",
                self.account
            )));
        }
        let exposed = |secret: SecretString| secret.expose_secret().to_owned();
        let to = match service {
            Service::Podio => SignInTo::Podio {
                settings: None,
                client_secret: secrets.remove(&SecretFlag::ClientSecret).map(exposed),
                password: password(self.username, secrets.remove(&SecretFlag::Password)).await?,
            },
            Service::Cloudapp => SignInTo::Cloudapp {
                settings: None,
                password: exposed(needed_password(secrets.remove(&SecretFlag::Password)).await?),
            },
            Service::Pusher => SignInTo::Pusher {
                settings: None,
                app_secret: secrets.remove(&SecretFlag::AppSecret).map(exposed),
                auth_headers: headers(&self.auth_header_stdin, &mut secrets),
                check: true,
            },
            Service::Podium => SignInTo::Podium {
                settings: self.listening.changed(&self.account, notifier).await?,
                client_secret: secrets.remove(&SecretFlag::ClientSecret).map(exposed),
                join_code: secrets.remove(&SecretFlag::RelayCode).map(exposed),
            },
            Service::Webhook => SignInTo::Webhook {
                settings: None,
                secret: secrets.remove(&SecretFlag::Secret).map(exposed),
                join_code: secrets.remove(&SecretFlag::RelayCode).map(exposed),
            },
            Service::Demo => return Err(Trouble::usage("the demo needs no sign-in")),
        };
        Ok((service, SignIn { account: Some(self.account), name: None, to }))
    }
}

impl Listening {
    fn is_said(&self) -> bool {
        self.location.is_some() || self.organization.is_some() || !self.events.is_empty()
    }

    /// How the account is set, with what is to be different; nothing if all stays as it is.
    async fn changed(
        self,
        account: &AccountId,
        notifier: &Notifier,
    ) -> Result<Option<PodiumSettings>, Trouble> {
        if !self.is_said() {
            return Ok(None);
        }
        let mut settings = notifier.podium_settings(account.clone()).await?;
        if let Some(place) = place(self.location, self.organization) {
            settings.place = Some(place);
        }
        if !self.events.is_empty() {
            settings.events = self.events;
            settings.events.retain(|event| event != USUAL);
        }
        Ok(Some(settings))
    }
}

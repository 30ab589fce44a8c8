//! `belfry account add cloudapp`.

use clap::Args;
use secrecy::ExposeSecret;
use url::Url;

use super::{Secrets, account_id, needed_password, warn_if_readable_by_others, web_address};
use crate::account::{AccountId, CloudappSettings};
use crate::cli::ask::SecretFlag;
use crate::front::views::{SignIn, SignInTo, Trouble};

#[derive(Debug, Args)]
pub(in crate::cli) struct AddCloudapp {
    /// What to call the account here: lower-case letters, digits, hyphens [default: cloudapp, cloudapp-2 …]
    #[arg(long, value_parser = account_id)]
    name: Option<AccountId>,
    /// Base address of the server
    #[arg(long, value_name = "URL", default_value = CloudappSettings::API_URL, value_parser = web_address)]
    api_url: Url,
    /// Address of the Pusher server that carries the stream: http, https, ws or wss [default: Pusher's oldest cluster]
    #[arg(long, value_name = "URL", value_parser = socket_address)]
    push_url: Option<Url>,
    /// Your e-mail address there
    #[arg(long)]
    email: String,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

impl AddCloudapp {
    /// Asks at the terminal for the password if it was not given.
    pub(super) async fn into_sign_in(self: Box<Self>, mut secrets: Secrets) -> Result<SignIn, Trouble> {
        let password = needed_password(secrets.remove(&SecretFlag::Password)).await?;
        warn_if_readable_by_others(&self.api_url);
        let settings =
            CloudappSettings { push_url: self.push_url, ..CloudappSettings::at(self.api_url, self.email) };
        Ok(SignIn {
            account: None,
            name: self.name,
            to: SignInTo::Cloudapp {
                settings: Some(settings),
                password: password.expose_secret().to_owned(),
            },
        })
    }
}

/// The address of a server that WebSockets go to.
pub(super) fn socket_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let fine = matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host();
    if fine && url.username().is_empty() {
        Ok(url)
    } else {
        Err("an http, https, ws or wss address without a user name is needed".to_owned())
    }
}

//! `belfry account add podium`.

use clap::Args;
use secrecy::ExposeSecret;
use url::Url;

use super::receiver::ReceiverArgs;
use super::{Secrets, account_id, warn_if_readable_by_others, web_address};
use crate::account::{AccountId, PodiumPlace, PodiumSettings};
use crate::cli::ask::{self, SecretFlag};
use crate::cli::print::say;
use crate::front::views::{SignIn, SignInTo, Trouble};

#[derive(Debug, Args)]
pub(in crate::cli) struct AddPodium {
    /// What to call the account here: lower-case letters, digits, hyphens [default: podium, podium-2 …]
    #[arg(long, value_parser = account_id)]
    name: Option<AccountId>,
    #[command(flatten)]
    receiver: ReceiverArgs,
    /// Base address of the API
    #[arg(long, value_name = "URL", default_value = PodiumSettings::API_URL, value_parser = web_address)]
    api_url: Url,
    /// Where the browser signs in [default: oauth/authorize below the API's address]
    #[arg(long, value_name = "URL", value_parser = web_address)]
    authorize_url: Option<Url>,
    /// Where people work with Podium: links lead there
    #[arg(long, value_name = "URL", default_value = PodiumSettings::APP_URL, value_parser = web_address)]
    app_url: Url,
    /// Id of your developer app
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Read the secret of the developer app from standard input
    #[arg(long)]
    client_secret_stdin: bool,
    /// The redirect address that is registered with the developer app [default: the relay's own page]
    #[arg(long, value_name = "URL", value_parser = web_address)]
    redirect_url: Option<Url>,
    /// The location to listen to, by its name or uid; asked for if there are several
    #[arg(long, value_name = "NAME")]
    location: Option<String>,
    /// Listen to a whole organisation, by its name or uid
    #[arg(long, value_name = "NAME", conflicts_with = "location")]
    organization: Option<String>,
    /// Only events of this type, as `message.received`; may be given several times [default: all but the busiest]
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
}

impl AddPodium {
    /// Asks at the terminal for what is missing; without one, what is missing is wrong usage.
    pub(super) async fn into_sign_in(self: Box<Self>, mut secrets: Secrets) -> Result<SignIn, Trouble> {
        let this = *self;
        let (receiver, join_code) = this.receiver.into_receiver(&mut secrets)?;
        let client_id = match this.client_id {
            Some(id) if !id.trim().is_empty() => id,
            Some(_) => return Err(Trouble::usage("the id of the developer app is empty")),
            None if ask::at_terminal() => {
                say("Belfry needs a developer app of yours: developer.podium.com. It is asked for once.");
                ask::line("Id of the developer app:").await?
            }
            None => {
                return Err(Trouble::usage(
                    "a developer app is needed: give --client-id and --client-secret-stdin",
                ));
            }
        };
        let client_secret = match secrets.remove(&SecretFlag::ClientSecret) {
            Some(secret) => secret,
            None if ask::at_terminal() => ask::secret("Secret of the developer app (not shown): ").await?,
            None => {
                return Err(Trouble::usage(
                    "the secret of the developer app is missing: give --client-secret-stdin",
                ));
            }
        };
        let authorize_url = match this.authorize_url {
            Some(url) => url,
            None => below_api(&this.api_url)?,
        };
        for url in [&this.api_url, &authorize_url] {
            warn_if_readable_by_others(url);
        }
        let settings = PodiumSettings {
            api_url: this.api_url,
            authorize_url,
            app_url: this.app_url,
            redirect_url: this.redirect_url,
            place: place(this.location, this.organization),
            events: this.events,
            ..PodiumSettings::live(client_id.trim(), receiver)
        };
        Ok(SignIn {
            account: None,
            name: this.name,
            to: SignInTo::Podium {
                settings: Some(settings),
                client_secret: Some(client_secret.expose_secret().to_owned()),
                join_code,
            },
        })
    }
}

/// The place that is named, if one is.
pub(super) fn place(location: Option<String>, organization: Option<String>) -> Option<PodiumPlace> {
    let location =
        location.map(|uid| PodiumPlace::Location { uid, organization_uid: None, name: String::new() });
    location.or_else(|| organization.map(|uid| PodiumPlace::Organization { uid, name: String::new() }))
}

/// Podium's sign-in stands beside its API (podium.md §2).
fn below_api(api: &Url) -> Result<Url, Trouble> {
    let mut url = api.clone();
    let path = url.path_segments_mut().map(|mut path| {
        path.pop_if_empty().extend(["oauth", "authorize"]);
    });
    path.map_err(|()| Trouble::usage("the API's address cannot be used"))?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_in_stands_beside_the_api() {
        let at = |api: &str| below_api(&api.parse().unwrap()).unwrap().to_string();
        assert_eq!(at(PodiumSettings::API_URL), PodiumSettings::AUTHORIZE_URL);
        assert_eq!(at("http://127.0.0.1:8080/podium/"), "http://127.0.0.1:8080/podium/oauth/authorize");
    }
}

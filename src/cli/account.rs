//! `belfry account …`: add, list, pause, resume, sign in, remove, and the map of a feed.

mod again;
mod cloudapp;
mod map;
mod podio;
mod podium;
mod pusher;
mod receiver;
mod webhook;

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::account::{AccountId, Colour, Say, Service, is_this_machine};
use crate::cli::ask::{self, SecretFlag};
use crate::cli::print::{ago, clean, clean_cut, json_line, out, say};
use crate::cli::sign_in;
use crate::env::Env;
use crate::front::Notifier;
use crate::front::views::{AccountView, PasswordSignIn, SignIn, Trouble};
use crate::link::LinkState;

#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Add an account and sign in to it
    #[command(subcommand)]
    Add(Add),
    /// List the accounts
    List {
        /// Print one JSON object per account
        #[arg(long)]
        json: bool,
    },
    /// Hold no connection for an account and raise no toasts for it
    Pause {
        /// The account's name, as `belfry account list` shows it
        #[arg(value_parser = account_id)]
        account: AccountId,
    },
    /// Connect a paused account again; or try at once where a connection waits or is broken
    Resume {
        /// The account's name
        #[arg(value_parser = account_id)]
        account: AccountId,
    },
    /// Choose an account's colour, and whether its notifications pop up and make a sound
    Set(Set),
    /// Show what becomes of the events of a Pusher account or of webhooks; try another map of fields, or keep it
    ///
    /// Without --map this prints the account's own map, to be changed in a file. What came lately is known to the running Belfry only.
    #[command(after_help = "\
Examples:
  belfry account map pusher > orders.toml
  belfry account map pusher --try --map orders.toml     what would it make of the last events?
  belfry account map pusher --map orders.toml           from now on
  belfry account map pusher --map title='{{ data.order.name }}' --map url='{{ data.order.link }}'")]
    Map(map::MapArgs),
    /// Print the address that a service has to send to for a webhook account to ring
    Hook {
        /// The account's name
        #[arg(value_parser = account_id)]
        account: AccountId,
    },
    /// Sign in again to an account that exists
    SignIn(Box<again::Again>),
    /// Remove an account with its sign-in and its notifications
    Remove {
        /// The account's name
        #[arg(value_parser = account_id)]
        account: AccountId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Add {
    /// Podio, with an API key of yours (podio.com, Account Settings, API Keys) unless one is built in
    ///
    /// Without --username the browser is used to sign in. Secrets are asked for at the terminal; scripts give them on standard input,
    /// one a line, in the order of the flags.
    #[command(after_help = "\
Examples:
  belfry account add podio
  printf '%s\\n' \"$SECRET\" \"$PASSWORD\" |
    belfry account add podio --client-id my-key --client-secret-stdin --username me@example.com --password-stdin")]
    Podio(Box<podio::AddPodio>),
    /// CloudApp, or a server that speaks like it: what happens to an account's items
    ///
    /// The public service is called Zight today and no longer offers this; the address of a compatible server is given with --api-url.
    #[command(after_help = "\
Example:
  printf '%s\\n' \"$PASSWORD\" |
    belfry account add cloudapp --api-url https://drops.example.com --push-url wss://push.example.com \\
      --email me@example.com --password-stdin")]
    Cloudapp(Box<cloudapp::AddCloudapp>),
    /// Pusher Channels, soketi, Laravel Reverb, sockudo …: any server that speaks Pusher's protocol
    ///
    /// Listens to the channels you name. What of an event becomes title, text and link says --map: the name of a map that is built in
    /// (plain, laravel), a file, or single fields. Private channels need the application's auth endpoint or the app's secret. Secrets are
    /// asked for at the terminal; scripts give them on standard input, one a line, in the order of the flags.
    #[command(after_help = "\
Examples:
  belfry account add pusher --host push.example.com --key app-key --channel orders --map laravel
  belfry account add pusher --cluster eu --key 278d425bdf160c739803 --channel news --channel alerts \\
    --map title='{{ data.headline }}' --map url='{{ data.link }}'
  printf '%s\\n' \"Bearer $TOKEN\" |
    belfry account add pusher --host push.example.com --key app-key --channel private-App.Models.User.1 \\
      --auth-url https://example.com/broadcasting/auth --auth-header-stdin Authorization --map laravel
  printf '%s\\n' \"$APP_SECRET\" |
    belfry account add pusher --host 127.0.0.1:6001 --insecure --key app-key --channel presence-room --app-secret-stdin")]
    Pusher(Box<pusher::AddPusher>),
    /// Podium, with a developer app of yours (developer.podium.com): messages, reviews, invoices, contacts, calls
    ///
    /// Podium calls an address when something happens. --relay names the relay that takes these calls in and keeps them until this
    /// machine is there (`belfry-relay`); its page /oauth/callback is the redirect address to register with the developer app. Signs in
    /// by the browser. Secrets are asked for at the terminal; scripts give them on standard input, one a line, in the order of the flags.
    #[command(after_help = "\
Examples:
  belfry account add podium --relay https://relay.example.com
  printf '%s\\n' \"$SECRET\" \"$JOIN_CODE\" |
    belfry account add podium --relay https://relay.example.com --client-id my-app --client-secret-stdin \\
      --relay-code-stdin --location 'Main Street'")]
    Podium(Box<podium::AddPodium>),
    /// Any service that can call an address: GitHub, Stripe, a script with curl …
    ///
    /// --relay names the relay that takes the calls in and keeps them until this machine is there (`belfry-relay`; gosmee and smee are
    /// spoken too); with --local a tunnel of your own brings them. Prints the address to give to the service. What of a webhook becomes
    /// title, text and link says --map: the name of a map that is built in (plain, github), a file, or single fields. Secrets are asked
    /// for at the terminal; scripts give them on standard input, one a line, in the order of the flags.
    #[command(after_help = "\
Examples:
  belfry account add webhook --relay https://relay.example.com --signature github --make-secret --map github
  printf '%s\\n' \"$JOIN_CODE\" \"$SECRET\" |
    belfry account add webhook --relay https://relay.example.com --relay-code-stdin --signature stripe --secret-stdin \\
      --map title='{{ event|readable }}' --map body='{{ data.data.object.description }}' --map id='{{ data.id }}'
  printf '%s\\n' \"$SECRET\" |
    belfry account add webhook --local 9797 --public-url https://my-tunnel.example.com --signature hmac-sha256 \\
      --signature-header X-Signature --secret-stdin")]
    Webhook(Box<webhook::AddWebhook>),
    /// A day at work that is built in, to see what Belfry does: no account, no network
    Demo,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Chosen {
    /// Its colour in the window; `auto` for the one of its place
    #[arg(long, value_name = "COLOUR", value_parser = colour)]
    colour: Option<Wanted>,
    /// Whether its notifications pop up
    #[arg(long, value_enum)]
    pop_ups: Option<Decides>,
    /// Whether they make a sound
    #[arg(long, value_enum)]
    sound: Option<Decides>,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The account's name
    #[arg(value_parser = account_id)]
    account: AccountId,
    #[command(flatten)]
    chosen: Chosen,
}

/// A colour, or the one of the account's place.
#[derive(Debug, Clone, Copy)]
struct Wanted(Option<Colour>);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Decides {
    /// As your settings at the service say
    Service,
    /// Yes, whatever the service says
    Always,
    /// No, whatever the service says
    Never,
}

impl From<Decides> for Say {
    fn from(decides: Decides) -> Self {
        match decides {
            Decides::Service => Self::Service,
            Decides::Always => Self::Always,
            Decides::Never => Self::Never,
        }
    }
}

impl Account {
    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::List { json } => *json,
            Self::Add(_)
            | Self::Pause { .. }
            | Self::Resume { .. }
            | Self::Set(_)
            | Self::Hook { .. }
            | Self::SignIn(_)
            | Self::Remove { .. } => false,
            Self::Map(map) => map.json,
        }
    }
}

/// An account's name as an argument.
pub(super) fn account_id(text: &str) -> Result<AccountId, String> {
    AccountId::new(text).map_err(|error| error.to_string())
}

fn colour(text: &str) -> Result<Wanted, String> {
    if text == "auto" {
        return Ok(Wanted(None));
    }
    let chosen = Colour::ALL.into_iter().find(|colour| colour.name() == text);
    let names = Colour::ALL.map(Colour::name).join(", ");
    chosen.map(|colour| Wanted(Some(colour))).ok_or_else(|| format!("one of auto, {names} is needed"))
}

fn web_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let fine = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty();
    if fine { Ok(url) } else { Err("an http or https address without a user name is needed".to_owned()) }
}

pub(super) async fn perform(wish: Account, promised: &[SecretFlag], env: &Env) -> Result<(), Trouble> {
    // Read before anything else: a script that forgot a secret hears of it whatever else is wrong.
    let secrets = ask::secrets(promised, std::io::stdin().lock())?;
    match wish {
        Account::Add(Add::Podio(add)) => added(add.into_sign_in(secrets).await?, env).await,
        Account::Add(Add::Cloudapp(add)) => added(add.into_sign_in(secrets).await?, env).await,
        Account::Add(Add::Pusher(add)) => added(add.into_sign_in(secrets).await?, env).await,
        Account::Add(Add::Podium(add)) => added(add.into_sign_in(secrets).await?, env).await,
        Account::Add(Add::Webhook(add)) => {
            let webhook::Wished { sign_in: wish, made } = add.into_sign_in(secrets).await?;
            let notifier = Notifier::reach(env.clone()).await?;
            let account = sign_in::go_through(&notifier, wish, env).await?;
            out(&format!("The account is called {account}.\n"))?;
            say_address(&notifier, &account).await?;
            if let Some(made) = made {
                let made = made.expose_secret();
                out(&format!("Give it this secret too, which is not shown again:\n\n  {made}\n\n"))?;
            }
            hint_to_run(&notifier).await
        }
        Account::Map(map) => map::perform(map, env).await,
        Account::Add(Add::Demo) => {
            let notifier = Notifier::reach(env.clone()).await?;
            let account = notifier.add_demo().await?;
            out(&format!(
                "The demo is added; it is called {account}. Remove it with `belfry account remove {account}`.\n"
            ))?;
            hint_to_run(&notifier).await
        }
        Account::List { json } => {
            let accounts = Notifier::reach(env.clone()).await?.accounts().await?;
            if json {
                accounts.iter().try_for_each(|a| out(&json_line(a)?))
            } else {
                out(&table(&accounts, env))
            }
        }
        Account::Pause { account } => {
            Notifier::reach(env.clone()).await?.set_paused(account.clone(), true).await?;
            out(&format!("{account} is paused.\n"))
        }
        Account::Resume { account } => {
            let notifier = Notifier::reach(env.clone()).await?;
            let paused = notifier.accounts().await?.iter().any(|a| a.id == account && a.paused);
            if paused {
                notifier.set_paused(account.clone(), false).await?;
                out(&format!("{account} is no longer paused.\n"))
            } else {
                notifier.retry_now(account.clone()).await?;
                out(&format!("{account} tries at once.\n"))
            }
        }
        Account::Set(Set { account, chosen }) => {
            let notifier = Notifier::reach(env.clone()).await?;
            let accounts = notifier.accounts().await?;
            let known = accounts.iter().find(|known| known.id == account);
            let mut choices = known.ok_or_else(|| no_account(&account))?.choices;
            if let Some(Wanted(colour)) = chosen.colour {
                choices.colour = colour;
            }
            choices.banners = chosen.pop_ups.map_or(choices.banners, Say::from);
            choices.sound = chosen.sound.map_or(choices.sound, Say::from);
            notifier.set_choices(account.clone(), choices).await?;
            out(&format!("{account} is set.\n"))
        }
        Account::Hook { account } => {
            let address = Notifier::reach(env.clone()).await?.hook_address(account).await?;
            out(&format!("{}\n", clean(&address)))
        }
        Account::SignIn(again) => {
            let notifier = Notifier::reach(env.clone()).await?;
            let (service, wish) = again.into_sign_in(secrets, &notifier).await?;
            let account = sign_in::go_through(&notifier, wish, env).await?;
            out(&format!("{account} is signed in again.\n"))?;
            if service == Service::Webhook { say_address(&notifier, &account).await } else { Ok(()) }
        }
        Account::Remove { account, yes } => {
            let notifier = Notifier::reach(env.clone()).await?;
            if !notifier.accounts().await?.iter().any(|known| known.id == account) {
                return Err(no_account(&account));
            }
            if !yes {
                if !ask::at_terminal() {
                    return Err(Trouble::usage("this removes notifications for good; say --yes to confirm"));
                }
                let question = format!("Remove {account} with its sign-in and all its notifications?");
                if !ask::yes(&question).await? {
                    return Err(Trouble::failed("nothing was removed"));
                }
            }
            let removed = notifier.remove_account(account.clone()).await?;
            out(&format!("{account} is removed.\n"))?;
            if let Some(left) = removed.left {
                say(&clean(&format!("{left}.")));
            }
            Ok(())
        }
    }
}

/// Signs in to a new account and says what it is called.
async fn added(wish: SignIn, env: &Env) -> Result<(), Trouble> {
    let notifier = Notifier::reach(env.clone()).await?;
    let account = sign_in::go_through(&notifier, wish, env).await?;
    out(&format!("Signed in; the account is called {account}.\n"))?;
    hint_to_run(&notifier).await
}

/// Says where a service has to send to. Whoever knows it can send.
async fn say_address(notifier: &Notifier, account: &AccountId) -> Result<(), Trouble> {
    let address = notifier.hook_address(account.clone()).await?;
    out(&format!("Give this address to the service that is to ring:\n\n  {address}\n\n"))
}

fn no_account(account: &AccountId) -> Trouble {
    Trouble::usage(format!("there is no account {account}; see `belfry account list`"))
}

async fn hint_to_run(notifier: &Notifier) -> Result<(), Trouble> {
    if !notifier.overview().await?.running {
        say("Start `belfry run` to get its notifications.");
    }
    Ok(())
}

type Secrets = BTreeMap<SecretFlag, SecretString>;

async fn password(
    username: Option<String>,
    password: Option<SecretString>,
) -> Result<Option<PasswordSignIn>, Trouble> {
    let Some(username) = username else {
        return Ok(None);
    };
    let password = needed_password(password).await?;
    Ok(Some(PasswordSignIn { username, password: password.expose_secret().to_owned() }))
}

/// The password that was given, or what the person types.
async fn needed_password(given: Option<SecretString>) -> Result<SecretString, Trouble> {
    match given {
        Some(password) => Ok(password),
        None if ask::at_terminal() => ask::secret("Password (not shown): ").await,
        None => Err(Trouble::usage("the password is missing: give --password-stdin")),
    }
}

fn warn_if_readable_by_others(url: &Url) {
    if url.scheme() == "http" && !is_this_machine(url) {
        say(&format!("Careful: what is sent to {url} can be read on the way."));
    }
}

fn table(accounts: &[AccountView], env: &Env) -> String {
    if accounts.is_empty() {
        return "There is no account yet; add one with `belfry account add podio`.\n".to_owned();
    }
    accounts.iter().map(|account| row(account, env.clock.now())).collect()
}

/// An account on one line, and why it is down on a second.
pub(super) fn row(account: &AccountView, now: jiff::Timestamp) -> String {
    let AccountView { id, service, label, state, unread, .. } = account;
    let (id, service, label) = (id.as_str(), service.human(), clean_cut(label, 40));
    let mut row =
        format!("{id:<16} {service:<10} {:<14} {unread:>5} unread  {label}\n", state_words(account));
    if let Some(reason) = state.reason() {
        let when = match state {
            LinkState::Waiting { until, .. } => format!(" (tries again {})", ago(*until, now)),
            LinkState::Off
            | LinkState::Connecting
            | LinkState::CatchingUp
            | LinkState::Live
            | LinkState::NeedsSignIn { .. }
            | LinkState::Broken { .. } => String::new(),
        };
        row.push_str(&format!("{:<16} {}{when}\n", "", clean(reason)));
    }
    if let Some(unheard) = &account.unheard {
        row.push_str(&format!("{:<16} {}\n", "", clean(unheard)));
    }
    row
}

fn state_words(account: &AccountView) -> &'static str {
    if account.paused { "paused" } else { account.state.name() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_addresses_are_web_addresses() {
        for good in ["https://api.podio.com", "http://127.0.0.1:8080/faye"] {
            assert!(web_address(good).is_ok(), "{good}");
        }
        for bad in
            ["api.podio.com", "ftp://x", "file:///etc/passwd", "https://me:secret@host", "javascript:1"]
        {
            assert!(web_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_row_says_why_a_link_is_down_and_when_it_tries_again() {
        let now: jiff::Timestamp = "2026-11-22T15:00:00Z".parse().unwrap();
        let account = AccountView {
            id: AccountId::new("podio").unwrap(),
            service: crate::account::Service::Podio,
            label: "Anna\u{1b}[2J".into(),
            paused: false,
            colour: Colour::Blue,
            choices: crate::account::Choices::default(),
            state: LinkState::Waiting {
                until: "2026-11-22T15:00:30Z".parse().unwrap(),
                reason: "the server\n does not answer".into(),
            },
            last_sign_of_life: None,
            unheard: None,
            unread: 3,
        };
        let row = row(&account, now);
        assert!(row.contains("waiting") && row.contains("3 unread") && row.contains("Anna [2J"), "{row}");
        assert!(row.contains("the server does not answer (tries again in 30 s)"), "{row}");
    }
}

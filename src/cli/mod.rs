//! The command line: a face like the window. Reads arguments, asks the front door, prints.
//!
//! In: arguments, standard input, the terminal. Out: text or JSON lines on standard output, sentences on standard error, an exit code.
//! Knows nothing behind the front door.

mod account;
mod act;
mod ask;
mod doctor;
mod inbox;
mod parts;
pub mod print;
mod run;
mod settings;
mod sign_in;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::env::{Clock, Env, Http, Opener, Paths, Secrets};
use crate::front::Notifier;
use crate::front::views::{Trouble, TroubleKind};
use ask::SecretFlag;

const EXAMPLES: &str = "\
Examples:
  belfry account add podio            sign in to Podio in the browser
  belfry run                          hold the connections and raise toasts until Ctrl-C
  belfry inbox --unread               what is still unread
  belfry why 12                       why number 12 was, or was not, told
  belfry doctor                       what works on this machine

Exit codes: 0 fine, 1 failed, 2 wrong usage, 3 needs sign-in, 4 another engine holds the database.

Environment:
  BELFRY_HOME     put every folder (configuration, data, cache, lock) under this one
  BELFRY_SECRETS  keyring (the system's password store), file, or memory
  BELFRY_LOG      what the log says, for example debug or belfry=debug";

/// A desktop notifier that keeps every notification and opens the exact thing.
#[derive(Debug, Parser)]
#[command(name = "belfry", version, about, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Call {
    #[command(subcommand)]
    wish: Wish,
    /// The secrets promised on standard input, in the order of their flags.
    #[arg(skip)]
    promised: Vec<SecretFlag>,
}

#[derive(Debug, Subcommand)]
enum Wish {
    /// Add, list, pause, sign in and remove accounts
    #[command(subcommand)]
    Account(account::Account),
    /// Hold the connections, keep what comes, raise toasts; until Ctrl-C
    Run(run::Run),
    /// List notifications, newest first
    Inbox(inbox::Inbox),
    /// Show one notification whole
    Show(inbox::One),
    /// Mark notifications as read, here and at the service
    Read(inbox::Reading),
    /// Mark notifications as unread, here and at the service
    Unread(inbox::Several),
    /// Star notifications, or take their stars away, here and at the service
    Star(inbox::Starring),
    /// Open what a notification is about in the browser and mark it as read
    Open(inbox::Opening),
    /// Reply, complete a task, accept or decline an invitation, snooze, follow or unfollow; or list what can be done
    Act(act::Acting),
    /// Tell why a notification was, or was not, shown as a toast
    Why(inbox::One),
    /// Tell what works on this machine, and what to do about what does not
    ///
    /// The exit code is 0 if everything works. It is 1 if something does not; that no resident runs does not count.
    Doctor(doctor::Doctor),
    /// Raise a test toast and report what came back
    Toast(doctor::Toast),
    /// Tell at a glance: accounts, connections, unread notifications
    Status(doctor::Status),
    /// Raise no toasts for a while; the inbox still fills
    Pause(doctor::Pause),
    /// Show and change what a toast shows, quiet hours, what a click opens, and how the window looks
    Settings(settings::Settings),
}

/// Reads the arguments. Prints help, version or what is wrong with them and ends the program where there is nothing else to do.
pub fn read_arguments() -> Call {
    let matches = Call::command().get_matches();
    match Call::from_arg_matches(&matches) {
        Ok(mut call) => {
            call.promised = promised_secrets(&matches);
            call
        }
        Err(error) => error.exit(),
    }
}

/// Which secrets come on standard input, in the order of their flags on the command line.
fn promised_secrets(matches: &ArgMatches) -> Vec<SecretFlag> {
    let mut deepest = matches;
    while let Some((_, inner)) = deepest.subcommand() {
        deepest = inner;
    }
    let is_given = |flag: &SecretFlag| {
        deepest.try_contains_id(flag.id()).unwrap_or(false)
            && deepest.value_source(flag.id()) == Some(ValueSource::CommandLine)
    };
    let mut promised: Vec<(usize, SecretFlag)> = SecretFlag::SINGLE
        .into_iter()
        .filter(is_given)
        .filter_map(|flag| Some((deepest.index_of(flag.id())?, flag)))
        .collect();
    let header = SecretFlag::AuthHeader(0);
    if is_given(&header)
        && let Some(positions) = deepest.indices_of(header.id())
    {
        let headers =
            positions.enumerate().map(|(place, position)| (position, SecretFlag::AuthHeader(place)));
        promised.extend(headers);
    }
    promised.sort_unstable_by_key(|(position, _)| *position);
    promised.into_iter().map(|(_, flag)| flag).collect()
}

impl Call {
    /// True if this call becomes the resident, which keeps a log.
    pub fn is_resident(&self) -> bool {
        matches!(self.wish, Wish::Run(_))
    }

    /// True if this call shows a tray, which some systems want on the main thread.
    pub fn wants_tray(&self) -> bool {
        matches!(&self.wish, Wish::Run(run) if run.tray)
    }

    /// True if trouble is reported as JSON.
    pub fn wants_json(&self) -> bool {
        match &self.wish {
            Wish::Account(account) => account.wants_json(),
            Wish::Run(run) => run.json,
            Wish::Inbox(inbox) => inbox.json,
            Wish::Show(one) | Wish::Why(one) => one.json,
            Wish::Act(acting) => acting.json,
            Wish::Doctor(doctor) => doctor.json,
            Wish::Toast(toast) => toast.json,
            Wish::Status(status) => status.json,
            Wish::Settings(settings) => settings.json,
            Wish::Read(_) | Wish::Unread(_) | Wish::Star(_) | Wish::Open(_) | Wish::Pause(_) => false,
        }
    }
}

/// Does what was asked. Trouble has been printed when this returns; the number is the exit code.
pub async fn perform(call: Call, paths: Paths) -> u8 {
    let json = call.wants_json();
    match fulfil(call, paths).await {
        Ok(code) => code,
        Err(trouble) => {
            print::trouble(&trouble, json);
            exit_code(trouble.kind)
        }
    }
}

/// The exit code of each kind of trouble.
pub fn exit_code(kind: TroubleKind) -> u8 {
    match kind {
        TroubleKind::Failed => 1,
        TroubleKind::Usage => 2,
        TroubleKind::NeedsSignIn => 3,
        TroubleKind::Occupied => 4,
    }
}

async fn fulfil(call: Call, paths: Paths) -> Result<u8, Trouble> {
    let env = outside(paths)?;
    let desk = env.clone();
    let reach = async || Notifier::reach(desk).await;
    match call.wish {
        Wish::Account(wish) => account::perform(wish, &call.promised, &env).await.map(|()| 0),
        Wish::Run(wish) => run::run(env, wish).await.map(|()| 0),
        Wish::Inbox(wish) => inbox::list(&reach().await?, wish, &env).await.map(|()| 0),
        Wish::Show(wish) => inbox::show(&reach().await?, wish, &env).await.map(|()| 0),
        Wish::Read(wish) => inbox::read(&reach().await?, wish).await.map(|()| 0),
        Wish::Unread(wish) => inbox::set_read(&reach().await?, wish.ids, false).await.map(|()| 0),
        Wish::Star(wish) => inbox::star(&reach().await?, wish).await.map(|()| 0),
        Wish::Open(wish) => inbox::open(&reach().await?, wish).await.map(|()| 0),
        Wish::Act(wish) => act::perform(&reach().await?, wish).await.map(|()| 0),
        Wish::Why(wish) => inbox::why(&reach().await?, wish).await.map(|()| 0),
        Wish::Doctor(wish) => doctor::doctor(&reach().await?, wish).await,
        Wish::Toast(wish) => doctor::toast(&reach().await?, wish).await,
        Wish::Status(wish) => doctor::status(&reach().await?, wish, &env).await.map(|()| 0),
        Wish::Pause(wish) => doctor::pause(wish, env, reach).await.map(|()| 0),
        Wish::Settings(wish) => settings::settings(&reach().await?, wish).await.map(|()| 0),
    }
}

/// The outside world as this machine and its environment variables have it.
fn outside(paths: Paths) -> Result<Env, Trouble> {
    let choice = std::env::var_os("BELFRY_SECRETS").map(|choice| choice.to_string_lossy().into_owned());
    let secrets =
        Secrets::from_choice(choice.as_deref(), &paths).map_err(|error| Trouble::usage(error.to_string()))?;
    Ok(Env {
        clock: Clock::system(),
        http: Http::new().map_err(|error| Trouble::failed(error.to_string()))?,
        secrets: secrets.into(),
        paths: paths.into(),
        opener: Opener::default().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promised(arguments: &[&str]) -> Vec<SecretFlag> {
        promised_secrets(&Call::command().try_get_matches_from(arguments).unwrap())
    }

    #[test]
    fn the_commands_are_well_formed() {
        Call::command().debug_assert();
    }

    #[test]
    fn secrets_are_promised_in_the_order_of_their_flags() {
        use SecretFlag::{ClientSecret, Password};
        let add = ["belfry", "account", "add", "podio", "--username", "u", "--client-id", "c"];
        let with = |flags: &[&'static str]| promised(&[&add[..], flags].concat());
        assert_eq!(with(&[]), []);
        assert_eq!(with(&["--password-stdin"]), [Password]);
        assert_eq!(with(&["--password-stdin", "--client-secret-stdin"]), [Password, ClientSecret]);
        assert_eq!(with(&["--client-secret-stdin", "--password-stdin"]), [ClientSecret, Password]);
        let add = ["belfry", "account", "add", "pusher", "--host", "h", "--key", "k", "--channel", "c"];
        let headers = ["--auth-header-stdin", "Authorization", "--auth-header-stdin", "X-Team"];
        let both = [SecretFlag::AuthHeader(0), SecretFlag::AuthHeader(1)];
        assert_eq!(promised(&[&add[..], &["--auth-url", "https://a.example"], &headers].concat()), both);
        assert_eq!(promised(&[&add[..], &["--app-secret-stdin"]].concat()), [SecretFlag::AppSecret]);
    }

    #[test]
    fn each_kind_of_trouble_has_its_exit_code() {
        let kinds =
            [TroubleKind::Failed, TroubleKind::Usage, TroubleKind::NeedsSignIn, TroubleKind::Occupied];
        assert_eq!(kinds.map(exit_code), [1, 2, 3, 4]);
    }
}

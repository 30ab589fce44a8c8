//! `belfry-sandbox serve`: starts the fake services, prints one JSON line that says where they are and who may sign
//! in, and serves until SIGTERM, Ctrl-C, or the end of stdin. For a person at a terminal it also says on stderr how to sign
//! in there.

use anyhow::Context as _;
use belfry_sandbox::pusher::Quirk;
use belfry_sandbox::{Consent, Key, Options, Sandbox, Settings, Side, cloudapp, podium, pusher};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::json;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

/// Fake services that speak the real protocols, on loopback.
#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until stopped.
    Serve(Serve),
}

#[derive(Args)]
struct Serve {
    /// Port of the REST API; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the push server; without it, push shares the API's port.
    #[arg(long)]
    push_port: Option<u16>,
    /// Port of the Pusher side; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pusher_port: u16,
    /// Which Pusher-compatible server the Pusher side behaves like.
    #[arg(long, value_enum, default_value_t = Like::Pusher)]
    pusher_like: Like,
    /// Port of CloudApp; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    cloudapp_port: u16,
    /// Port of Podium; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    podium_port: u16,
    /// What the waits of Podium's sender between two attempts are multiplied with; 1 is 15 attempts in 8 hours.
    #[arg(long, default_value_t = 1.0)]
    podium_pace: f64,
    /// The authorisation pages say yes at once.
    #[arg(long, conflicts_with = "refuse_consent")]
    auto_consent: bool,
    /// The authorisation pages say no at once.
    #[arg(long)]
    refuse_consent: bool,
    /// Hosts the API key's redirects may have.
    #[arg(long = "domain", default_values_t = ["localhost".to_owned(), "127.0.0.1".to_owned()])]
    domains: Vec<String>,
    /// Seed of the day at work.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Plays a day at work with this many milliseconds between scenes at Podio, and four times that at Podium.
    #[arg(long, value_name = "PACE")]
    day: Option<u64>,
    /// How long a push connect is held, in milliseconds.
    #[arg(long, default_value_t = 45_000)]
    hold: u64,
    /// Goes on when stdin ends.
    #[arg(long)]
    ignore_stdin: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Like {
    Pusher,
    Soketi,
    Reverb,
    Sockudo,
}

impl From<Like> for Quirk {
    fn from(like: Like) -> Self {
        match like {
            Like::Pusher => Self::Pusher,
            Like::Soketi => Self::Soketi,
            Like::Reverb => Self::Reverb,
            Like::Sockudo => Self::Sockudo,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let CommandLine { command: Command::Serve(wish) } = CommandLine::parse();
    serve(wish).await
}

async fn serve(wish: Serve) -> anyhow::Result<()> {
    let podio = Settings { hold: Duration::from_millis(wish.hold), ..Settings::default() };
    let options = Options {
        port: wish.port,
        push_port: wish.push_port,
        podio,
        pusher_port: wish.pusher_port,
        pusher: pusher::Settings { quirk: wish.pusher_like.into(), ..pusher::Settings::default() },
        cloudapp_port: wish.cloudapp_port,
        cloudapp: cloudapp::Settings::default(),
        podium_port: wish.podium_port,
        podium: podium::Settings { pace: wish.podium_pace, ..podium::Settings::default() },
    };
    let sandbox = Sandbox::start(options).await?;
    let user = sandbox.user();
    let consent = match (wish.auto_consent, wish.refuse_consent) {
        (true, _) => Consent::Allow(user.user_id),
        (false, true) => Consent::Deny,
        (false, false) => Consent::Ask,
    };
    sandbox.podio().set(|settings| settings.consent = consent);
    sandbox.podium().set(|settings| {
        settings.consent = match consent {
            Consent::Ask => podium::Consent::Ask,
            Consent::Allow(_) => podium::Consent::Allow,
            Consent::Deny => podium::Consent::Deny,
        };
    });
    let key = Key { domains: wish.domains, ..sandbox.key().clone() };
    sandbox.podio().add_key(key.clone());
    if let Some(pace) = wish.day {
        sandbox.start_day(wish.seed, Duration::from_millis(pace));
    }
    let business = sandbox.podium().app();
    let (app, items) =
        (sandbox.pusher().app(), sandbox.cloudapp().user(1).context("CloudApp has no account")?);
    let ready = json!({
        "api_url": sandbox.api_url(), "push_url": sandbox.push_url(), "authorize_url": sandbox.authorize_url(),
        "control_url": sandbox.control_url(), "user_id": user.user_id, "name": user.name, "mail": user.mail,
        "password": user.password, "client_id": key.client_id, "client_secret": key.client_secret,
        "pusher_url": sandbox.pusher_url(), "pusher_key": app.key, "pusher_secret": app.secret, "pusher_app_id": app.id,
        "cloudapp_url": sandbox.cloudapp_url(), "cloudapp_email": items.email, "cloudapp_password": items.password,
        "podium_url": sandbox.podium_url(), "podium_client_id": business.client_id,
        "podium_client_secret": business.client_secret,
    });
    let mut out = std::io::stdout();
    writeln!(out, "{ready}").and_then(|()| out.flush()).context("cannot say where the sandbox is")?;
    if std::io::stderr().is_terminal() {
        eprint!("{}", how_to_sign_in(&sandbox, &items));
    }
    until_stopped(wish.ignore_stdin).await?;
    sandbox.stop().await;
    // The runtime would wait for the thread that reads stdin.
    std::process::exit(0);
}

/// Commands to paste.
fn how_to_sign_in(sandbox: &Sandbox, items: &cloudapp::User) -> String {
    let (api, push, control) = (sandbox.cloudapp_url(), sandbox.pusher_url(), sandbox.control_url());
    let (app, host) = (sandbox.pusher().app(), sandbox.address(Side::Pusher));
    let (podium, business) = (sandbox.podium_url(), sandbox.podium().app());
    let (client, client_secret) = (&business.client_id, &business.client_secret);
    let (email, password, key, secret) = (&items.email, &items.password, &app.key, &app.secret);
    let curl = "curl -H 'Content-Type: application/json' -d";
    format!(
        r#"
CloudApp, and a file that goes up there:
  echo {password} | belfry account add cloudapp --api-url {api} --push-url {push} --email {email} --password-stdin
  {curl} '{{"name": "plan.pdf", "type": "unknown"}}' {control}/cloudapp/upload
A Pusher server, and an event on a channel of it:
  echo {secret} | belfry account add pusher --host {host} --insecure --key {key} --channel news --channel private-mine --app-secret-stdin
  {curl} '{{"channel": "news", "event": "posted", "data": {{"title": "Hello"}}}}' {control}/pusher/trigger
Podium, through a belfry-relay that was started on this machine, and a customer who writes there:
  echo {client_secret} | belfry account add podium --api-url {podium} --relay http://127.0.0.1:8787 --client-id {client} --client-secret-stdin --location "Harbour Street"
  {curl} '{{"from": "Nora Falk", "text": "Is my bike ready?"}}' {control}/podium/message
"#
    )
}

async fn until_stopped(ignore_stdin: bool) -> anyhow::Result<()> {
    let stdin_ended = async {
        if ignore_stdin {
            std::future::pending::<()>().await;
        }
        let mut stdin = tokio::io::stdin();
        let mut buffer = [0_u8; 256];
        while stdin.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    };
    tokio::select! {
        () = stdin_ended => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        terminated = terminated() => terminated?,
    }
    Ok(())
}

#[cfg(unix)]
async fn terminated() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

#[cfg(not(unix))]
async fn terminated() -> anyhow::Result<()> {
    std::future::pending().await
}

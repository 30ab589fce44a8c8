//! The program `belfry-relay`. In: options, signals. Out: a relay, a few lines that say what to do next, an exit code: 0 for an orderly
//! end, 1 for trouble (one sentence on stderr), 2 for wrong usage.

mod check;
mod notify;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use belfry_relay::{Config, Limits, NatsAt, NatsSignIn, Relay, Retention, Running, StoreAt};
use clap::Parser;
use tracing::level_filters::LevelFilter;
use url::Url;

/// Takes webhooks in, keeps them, and hands them to the desktops they are meant for.
///
/// Without any option it listens on this machine only. To be of use it stands on a host that the world can reach, behind a web server
/// that speaks https: see --public-url.
#[derive(Parser)]
#[command(version)]
struct CommandLine {
    /// Address and port to listen on.
    #[arg(long, env = "BELFRY_RELAY_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// How the world reaches the relay: the https address of the web server in front of it.
    #[arg(long, env = "BELFRY_RELAY_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Folder to keep everything in, if not the usual one of this system.
    #[arg(long, env = "BELFRY_RELAY_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// “sqlite”: one file, for one machine. Or “nats://host:port,host:port,host:port”: a NATS cluster with JetStream, for any number of relays.
    #[arg(
        long,
        env = "BELFRY_RELAY_STORE",
        hide_env_values = true,
        default_value = "sqlite",
        value_name = "STORE"
    )]
    store: String,
    /// With NATS: on how many of its servers each entry lies [default: 3, or 1 on a server that stands alone].
    #[arg(long, env = "BELFRY_RELAY_REPLICAS", value_name = "NUMBER")]
    replicas: Option<usize>,
    /// With NATS: a file with what to sign in with: a NATS credentials file, or one line “user:password” or a token. Without it, the same
    /// text is taken from BELFRY_RELAY_NATS_SIGN_IN in the environment, if it stands there.
    #[arg(long, env = "BELFRY_RELAY_NATS_CREDS", value_name = "FILE")]
    nats_creds: Option<PathBuf>,
    /// Let anybody who reaches the relay make a channel, instead of asking for the join code.
    #[arg(long, env = "BELFRY_RELAY_OPEN")]
    open: bool,
    /// Accept the read token in the URL (?access_token=…), for clients that cannot send headers. URLs end up in the logs of proxies.
    #[arg(long, env = "BELFRY_RELAY_TOKEN_IN_URL")]
    token_in_url: bool,
    /// Keep what came for so many days.
    #[arg(long, env = "BELFRY_RELAY_KEEP_DAYS", default_value_t = 14, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    keep_days: u32,
    /// Keep at most so many webhooks of one channel.
    #[arg(long, env = "BELFRY_RELAY_KEEP_ENTRIES", default_value_t = 50_000, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    keep_entries: u64,
    /// Keep at most so many megabytes of one channel.
    #[arg(long, env = "BELFRY_RELAY_KEEP_MB", default_value_t = 256, value_name = "MB", value_parser = clap::value_parser!(u64).range(2..))]
    keep_mb: u64,
    /// Keep at most so many megabytes of all channels together.
    #[arg(long, env = "BELFRY_RELAY_KEEP_TOTAL_MB", default_value_t = 8_192, value_name = "MB", value_parser = clap::value_parser!(u64).range(2..))]
    keep_total_mb: u64,
    /// Say once, after the store was put back from a backup: readers then look at everything anew instead of skipping what came since.
    #[arg(long)]
    restored: bool,
    /// Ask the relay that listens at --listen whether it is well, instead of starting one: exit code 0 if so, else 1.
    #[arg(long)]
    check: bool,
    /// How much to log, to stderr: off, error, warn, info, debug.
    #[arg(long, env = "BELFRY_RELAY_LOG", default_value = "info", value_name = "LEVEL")]
    log: LevelFilter,
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    tracing_subscriber::fmt().with_max_level(line.log).with_writer(std::io::stderr).with_ansi(false).init();
    match if line.check { check::check(line.listen) } else { run(line) } {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: CommandLine) -> anyhow::Result<()> {
    let config = config(line)?;
    let kept_in = kept_in(&config.store);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("The system gives this program no threads")?;
    runtime.block_on(async {
        // Listened for before anything is made, so that an early signal ends it in order, too.
        let mut signals = Signals::listen()?;
        let running = tokio::select! {
            started = Relay::start(config) => started?,
            () = signals.next() => return Ok(()),
        };
        print(&running, &kept_in);
        notify::ready();
        signals.next().await;
        notify::stopping();
        let stopping = running.stop();
        tokio::select! {
            () = stopping => {}
            // Who asks twice does not want to wait.
            () = signals.next() => {}
        }
        Ok(())
    })
}

fn config(line: CommandLine) -> anyhow::Result<Config> {
    let public_url = line.public_url.as_deref().map(|text| {
        Url::parse(text).map_err(|error| {
            anyhow!("“{text}” is no URL ({error}): give the relay's public URL as https://hooks.example.org/")
        })
    });
    let days = Duration::from_secs(u64::from(line.keep_days) * 24 * 3600);
    let retention = Retention {
        age: days,
        entries: line.keep_entries,
        bytes: line.keep_mb << 20,
        total_bytes: line.keep_total_mb << 20,
        doubles: days.max(Retention::default().doubles),
    };
    let mut limits = Limits::default();
    limits.connections = limits.connections.min(room_for_connections());
    Ok(Config {
        listen: line.listen,
        public_url: public_url.transpose()?,
        store: store_at(&line.store, line.data, line.replicas, line.nats_creds)?,
        open: line.open.then_some(true),
        token_in_url: line.token_in_url,
        restored: line.restored,
        retention,
        limits,
    })
}

fn store_at(
    store: &str,
    data: Option<PathBuf>,
    replicas: Option<usize>,
    creds: Option<PathBuf>,
) -> anyhow::Result<StoreAt> {
    if store == "sqlite" {
        let folder = data
            .or_else(usual_folder)
            .context("This user has no home folder to keep anything in: say where with --data FOLDER")?;
        return Ok(StoreAt::File(folder.join("relay.db")));
    }
    // What stands there may hold a password: it is not repeated.
    let wrong = "--store must be “sqlite” or a list of NATS servers like nats://one:4222,two:4222,three:4222";
    let mut servers = Vec::new();
    for server in store.split(',').map(str::trim) {
        let with_scheme = if server.contains("://") { server.to_owned() } else { format!("nats://{server}") };
        let url = Url::parse(&with_scheme)
            .ok()
            .filter(|url| matches!(url.scheme(), "nats" | "tls" | "ws" | "wss") && url.has_host());
        servers.push(url.context(wrong)?);
    }
    if !store.contains("://") {
        return Err(anyhow!(wrong));
    }
    Ok(StoreAt::Nats(NatsAt { replicas, sign_in: sign_in(creds)?, ..NatsAt::new(servers) }))
}

/// From a file or the environment: arguments are seen by everybody on the machine.
fn sign_in(creds: Option<PathBuf>) -> anyhow::Result<Option<NatsSignIn>> {
    let Some(path) = creds else {
        return Ok(std::env::var("BELFRY_RELAY_NATS_SIGN_IN").ok().map(|text| NatsSignIn::new(&text)));
    };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("The file that --nats-creds names, {}, cannot be read", path.display()))?;
    Ok(Some(NatsSignIn::new(&text)))
}

/// `~/.local/share/belfry-relay` and what is its like elsewhere.
fn usual_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "belfry-relay").map(|dirs| dirs.data_local_dir().to_owned())
}

fn kept_in(store: &StoreAt) -> String {
    match store {
        StoreAt::File(path) => path.display().to_string(),
        StoreAt::Nats(at) => {
            let hosts = at.servers.iter().filter_map(Url::host_str).collect::<Vec<_>>().join(", ");
            format!("NATS on {hosts}")
        }
    }
}

/// What to do next, for a person at a terminal.
fn print(running: &Running, kept_in: &str) {
    let url = running.url();
    for remark in running.remarks() {
        println!("Note: {remark}.\n");
    }
    println!("The relay is reached at {url} and keeps what comes in {kept_in}.\n");
    let with_code = if running.join_code().is_some() { " --relay-code-stdin" } else { "" };
    println!("On the desktop:  belfry account add podium --relay {url}{with_code}");
    println!("                 belfry account add webhook --relay {url}{with_code}");
    match running.join_code() {
        Some(code) => println!("Join code:       {code}   (to be typed there, or in the window)"),
        None => println!("Join code:       none: whoever reaches the relay may use it"),
    }
    if url.scheme() != "https" {
        println!(
            "\nSo far only this network reaches it. For services on the internet, put a web server with https in front, and start it with\n\
             --public-url https://hooks.example.org/ . With Caddy that is one line:\n\n    \
             caddy reverse-proxy --from hooks.example.org --to {}",
            running.address()
        );
    }
    println!("\nCtrl-C ends it in order.");
}

/// As many connections as the system lets this process have files, less some for itself.
#[cfg(unix)]
fn room_for_connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it may not be raised, what there is must do.
    let _ = setrlimit(Resource::Nofile, raised);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(64)).unwrap_or(usize::MAX).max(16)
}

#[cfg(not(unix))]
fn room_for_connections() -> usize {
    usize::MAX
}

/// The signals that ask the program to end.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).context("The system lets this program hear no signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

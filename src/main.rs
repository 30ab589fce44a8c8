//! The program `belfry`: the resident and the command line. Sets up the log and the runtime, hands over to `cli`, ends.

use std::time::Duration;

use belfry::cli;
use belfry::env::Paths;
use belfry::front::views::Trouble;
use belfry::tray;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How long work that cannot be interrupted, such as a password store that hangs, may hold up the end.
const LAST_WORK: Duration = Duration::from_millis(500);
/// A week of logs is kept.
const LOG_FILES: usize = 7;

fn main() {
    let call = cli::read_arguments();
    let (json, wants_tray) = (call.wants_json(), call.wants_tray());
    let work = move || {
        perform(call).unwrap_or_else(|trouble| {
            cli::print::trouble(&trouble, json);
            cli::exit_code(trouble.kind)
        })
    };
    let code = if wants_tray { tray::on_main_thread(work) } else { work() };
    std::process::exit(code.into());
}

fn perform(call: cli::Call) -> Result<u8, Trouble> {
    let paths = Paths::from_environment().map_err(|error| Trouble::failed(error.to_string()))?;
    paths.prepare().map_err(|error| Trouble::failed(error.to_string()))?;
    begin_log(call.is_resident().then_some(&paths))?;
    // One thread is enough for a program that waits, and it is the lightest.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build().map_err(
            |error| Trouble::failed(format!("the system gives no resources to start with: {error}")),
        )?;
    let code = runtime.block_on(cli::perform(call, paths));
    runtime.shutdown_timeout(LAST_WORK);
    Ok(code)
}

/// Warnings go to standard error; the resident also keeps a log file. `BELFRY_LOG` changes what both say.
fn begin_log(resident: Option<&Paths>) -> Result<(), Trouble> {
    let wish = std::env::var("BELFRY_LOG").ok().filter(|wish| !wish.is_empty());
    let filter = |usual: &str| {
        wish.as_deref()
            .unwrap_or(usual)
            .parse::<Targets>()
            .map_err(|error| Trouble::usage(format!("BELFRY_LOG is not understood: {error}")))
    };
    let to_terminal = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_filter(filter("warn")?);
    let file = resident.map(|paths| {
        RollingFileAppender::builder()
            .rotation(Rotation::DAILY)
            .filename_prefix("belfry")
            .filename_suffix("log")
            .max_log_files(LOG_FILES)
            .build(paths.logs())
    });
    let (file, without_file) = match file {
        Some(Ok(file)) => (Some(file), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let filter = filter("warn,belfry=info,bayeux=info")?;
    let to_file = file.map(|file| {
        fmt::layer().with_writer(std::sync::Mutex::new(file)).with_ansi(false).with_filter(filter)
    });
    tracing_subscriber::registry().with(to_terminal).with(to_file).init();
    if let Some(error) = without_file {
        tracing::warn!(%error, "no log file is kept");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "Belfry failed unexpectedly; please report this: {}", words_of(panic));
    }));
    Ok(())
}

fn words_of<'a>(panic: &'a std::panic::PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("no words")
}

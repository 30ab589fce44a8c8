//! The commands of this repository.

#[cfg(target_os = "linux")]
mod belfry;
#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod control;
mod cross;
#[cfg(target_os = "linux")]
mod demo;
#[cfg(target_os = "linux")]
mod dist;
#[cfg(target_os = "linux")]
mod http;
mod setup;
mod test;
#[cfg(target_os = "linux")]
mod trial;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::place::Place;

/// The commands of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Chosen,
}

#[derive(Debug, Subcommand)]
enum Chosen {
    /// Install what is missing, then run every check, or the parts named
    Test {
        /// All of them, unless named
        parts: Vec<test::Part>,
    },
    /// Show a day at work: toasts, one of them clicked through
    #[cfg(target_os = "linux")]
    Demo,
    /// Measure memory, wake-ups and latency beside other clients, and write BENCHMARKS.md
    #[cfg(target_os = "linux")]
    Bench {
        /// Only this
        part: Option<bench::Part>,
    },
    /// Make the Debian package with both programs
    #[cfg(target_os = "linux")]
    Dist(dist::Dist),
    /// Run a program on a private desktop
    #[cfg(target_os = "linux")]
    Desktop(trial::Trial),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = Place::find().and_then(|place| match arguments.command {
        Chosen::Test { parts } => test::run(&place, &parts),
        #[cfg(target_os = "linux")]
        Chosen::Demo => demo::run(&place),
        #[cfg(target_os = "linux")]
        Chosen::Bench { part } => bench::run(&place, part),
        #[cfg(target_os = "linux")]
        Chosen::Dist(wish) => dist::run(&place, &wish),
        #[cfg(target_os = "linux")]
        Chosen::Desktop(trial) => trial::run(&trial),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

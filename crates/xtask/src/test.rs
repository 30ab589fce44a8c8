//! `cargo xtask test`: every check of the repository, in parts that can be named. A part that cannot run fails.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use xtask::packages;
use xtask::place::Place;
use xtask::totals::Totals;

use crate::{cross, setup, ui};

/// The parts, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Part {
    /// cargo fmt --check
    Format,
    /// clippy over the core and its crates, warnings are errors
    Lint,
    /// the page: types, its tests, its build, and a browser over it
    Ui,
    /// tests beside the code, in the documentation, and those of the member crates
    Unit,
    /// the core against the sandbox
    It,
    /// against third-party servers and clients
    Interop,
    /// against real toast services and password stores, on a private desktop
    Desktop,
    /// the window program: lints, its tests, and the real window on a private desktop
    Window,
    /// type checks for Windows and macOS
    Cross,
}

/// Tests with a part of their own; all others belong to `unit`.
const OWN_PART: &[&str] = &["it", "interop", "desktop", "window"];

/// The core and what stands beside it. The window program is built apart: in one build its libraries would change the features of
/// those they share with the resident.
const CORE: [&str; 3] = ["--workspace", "--exclude", WINDOW];
const WINDOW: &str = "belfry-desktop";

enum Outcome {
    Passed,
    Failed(String),
    NotRun,
}

/// Runs the parts, all when none is named; says whether every one passed. The last line printed is the sum.
pub(crate) fn run(place: &Place, named: &[Part]) -> Result<bool> {
    let mut parts = if named.is_empty() { Part::value_variants().to_vec() } else { named.to_vec() };
    parts.sort();
    parts.dedup();
    let mut wanted = Vec::new();
    if parts.contains(&Part::Ui) {
        wanted.extend(packages::UI);
    }
    if parts.contains(&Part::Desktop) || parts.contains(&Part::Window) {
        wanted.extend(packages::DESKTOP);
    }
    if parts.contains(&Part::Window) {
        wanted.extend(packages::WINDOW);
    }
    if parts.contains(&Part::Unit) || parts.contains(&Part::Interop) {
        wanted.extend(packages::RELAY);
    }
    if parts.contains(&Part::Cross) {
        wanted.extend(packages::CROSS);
    }
    if let Err(error) = setup::install(&wanted).and_then(|()| setup::components()) {
        // Parts that don't need it are still worth running; those that do will fail and say why.
        println!("Not everything could be installed: {error:#}");
    }

    let mut run = Run { place, totals: Totals::default(), page_is_built: false };
    let mut table = Vec::new();
    let mut builds = true;
    for part in parts {
        println!("\n==> {}", name(part));
        let start = Instant::now();
        let before = run.totals;
        let needs_no_build = matches!(part, Part::Format | Part::Ui);
        let outcome = if builds || needs_no_build { run.part(part) } else { Outcome::NotRun };
        if let Outcome::Failed(why) = &outcome {
            println!("{} failed: {why}", name(part));
            if run.totals.failed == before.failed {
                run.totals.failed += 1;
            }
            // Where not one unit test could be built, the larger tests cannot be either.
            builds = part != Part::Unit || run.totals.passed > before.passed;
        }
        table.push((part, outcome, start.elapsed()));
    }
    Ok(report(&table, run.totals))
}

fn report(table: &[(Part, Outcome, Duration)], totals: Totals) -> bool {
    println!("\npart      result    time");
    for (part, outcome, time) in table {
        let result = match outcome {
            Outcome::Passed => "passed",
            Outcome::Failed(_) => "FAILED",
            Outcome::NotRun => "not run",
        };
        println!("{:<9} {result:<8} {:>4} s", name(*part), time.as_secs());
    }
    for (part, outcome, _) in table {
        match outcome {
            Outcome::Failed(why) => println!("{}: {why}", name(*part)),
            Outcome::NotRun => println!("{}: not run, as the unit tests do not build", name(*part)),
            Outcome::Passed => {}
        }
    }
    println!("\n{totals}");
    table.iter().all(|(_, outcome, _)| matches!(outcome, Outcome::Passed))
}

struct Run<'a> {
    place: &'a Place,
    totals: Totals,
    /// The window program embeds the page: it must be there before that is built.
    page_is_built: bool,
}

impl Run<'_> {
    fn part(&mut self, part: Part) -> Outcome {
        let result = match part {
            Part::Format => self.cargo(&["fmt", "--all", "--check"]),
            Part::Lint => self.core("clippy", &["--all-targets", "--", "-D", "warnings"]),
            Part::Ui => self.ui(),
            Part::Unit => self.unit(),
            Part::It => self.tests("it"),
            Part::Interop => self.interop(),
            Part::Desktop => self.tests("desktop"),
            Part::Window => self.window(),
            Part::Cross => self.page().and_then(|()| cross::check(self.place)),
        };
        match result {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(format!("{error:#}")),
        }
    }

    fn unit(&mut self) -> Result<()> {
        let mut results = vec![
            self.core("test", &["--lib", "--bins", "--no-fail-fast"]),
            self.core("test", &["--doc", "--no-fail-fast"]),
        ];
        let others: Vec<String> = test_targets(self.place)?
            .into_iter()
            .map(|(_, test)| test)
            .filter(|test| !OWN_PART.contains(&test.as_str()))
            .collect();
        if !others.is_empty() {
            let mut arguments = vec!["--no-fail-fast"];
            arguments.extend(others.iter().flat_map(|test| ["--test", test.as_str()]));
            results.push(self.core("test", &arguments));
        }
        results.into_iter().collect()
    }

    fn interop(&mut self) -> Result<()> {
        self.must_have("interop")?;
        setup::node()?;
        ui::npm(&self.place.root.join("tests/interop"), ui::INSTALL)?;
        self.tests("interop")
    }

    fn ui(&mut self) -> Result<()> {
        setup::node()?;
        let folder = ui::folder(self.place);
        ui::npm(&folder, ui::INSTALL)?;
        let mut results = vec![ui::npm(&folder, &["run", "check"])];
        results.push(self.counted("npm", &["test"], Command::new("npm").current_dir(&folder)));
        let built = ui::npm(&folder, &["run", "build"]);
        self.page_is_built = built.is_ok();
        results.push(built);
        results.push(self.counted("npm", &["run", "e2e"], Command::new("npm").current_dir(&folder)));
        results.into_iter().collect()
    }

    fn page(&mut self) -> Result<()> {
        if !self.page_is_built {
            ui::build(self.place)?;
            self.page_is_built = true;
        }
        Ok(())
    }

    fn window(&mut self) -> Result<()> {
        self.must_have("window")?;
        self.page()?;
        self.cargo(&["clippy", "--package", WINDOW, "--all-targets", "--", "-D", "warnings"])?;
        self.cargo(&["test", "--package", WINDOW, "--bins", "--no-fail-fast"])?;
        // Into the folder where the test finds it; the resident is built beside it with the test.
        self.cargo(&["build", "--package", WINDOW])?;
        self.tests("window")
    }

    fn tests(&mut self, test: &str) -> Result<()> {
        self.must_have(test)?;
        // Tests start and kill the real program; it lies beside the resident, where they look for it.
        self.core("build", &["--bin", "belfry-relay"])?;
        // All of the core, so that features, and with them all that was built before, stay the same. Members may
        // have a test of the same name.
        self.core("test", &["--no-fail-fast", "--test", test])
    }

    fn must_have(&self, test: &str) -> Result<()> {
        if !test_targets(self.place)?.contains(&("belfry".to_owned(), test.to_owned())) {
            bail!(
                "the package belfry has no test named {test}: tests/{test}/main.rs is missing in Cargo.toml"
            );
        }
        Ok(())
    }

    /// Cargo over the core and its crates.
    fn core(&mut self, what: &str, arguments: &[&str]) -> Result<()> {
        self.cargo(&[&[what][..], &CORE, arguments].concat())
    }

    fn cargo(&mut self, arguments: &[&str]) -> Result<()> {
        self.counted("cargo", arguments, &mut cargo(self.place))
    }

    /// Streams what a program prints and adds up its test results.
    fn counted(&mut self, program: &str, arguments: &[&str], command: &mut Command) -> Result<()> {
        let shown = format!("{program} {}", arguments.join(" "));
        println!("$ {shown}");
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let output = child.stdout.take().with_context(|| format!("{program} has no stdout"))?;
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            self.totals.read(&line);
            writeln!(std::io::stdout(), "{line}")?;
        }
        if !child.wait()?.success() {
            bail!("{shown} failed");
        }
        Ok(())
    }
}

/// Cargo as it is set up for this repository.
pub(crate) fn cargo(place: &Place) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&place.root).env("CARGO_TARGET_DIR", &place.target);
    cargo
}

/// Package and name of every test program in the workspace.
fn test_targets(place: &Place) -> Result<Vec<(String, String)>> {
    let output = cargo(place).args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    targets(&output.stdout, &place.root)
}

fn targets(metadata: &[u8], root: &Path) -> Result<Vec<(String, String)>> {
    let metadata: serde_json::Value = serde_json::from_slice(metadata)
        .with_context(|| format!("cargo metadata of {} cannot be read", root.display()))?;
    let list = |value: &serde_json::Value, key: &str| value.get(key).and_then(|v| v.as_array()).cloned();
    let name = |value: &serde_json::Value| Some(value.get("name")?.as_str()?.to_owned());
    let mut found = Vec::new();
    for package in list(&metadata, "packages").context("cargo metadata lists no packages")? {
        let package_name = name(&package).context("a package without a name")?;
        for target in list(&package, "targets").unwrap_or_default() {
            if list(&target, "kind").unwrap_or_default().iter().any(|kind| kind == "test") {
                found.push((package_name.clone(), name(&target).context("a target without a name")?));
            }
        }
    }
    Ok(found)
}

fn name(part: Part) -> String {
    part.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_programs_of_every_package_are_found() {
        let metadata = br#"{"packages":[
            {"name":"belfry","targets":[{"name":"belfry","kind":["lib"]},{"name":"it","kind":["test"]}]},
            {"name":"bayeux","targets":[{"name":"session","kind":["test"]}]}]}"#;
        let found = targets(metadata, Path::new("/")).unwrap();
        assert_eq!(found, [("belfry".into(), "it".into()), ("bayeux".into(), "session".into())]);
    }

    #[test]
    fn a_part_that_failed_or_did_not_run_fails_the_whole() {
        let table = |outcome| {
            vec![(Part::Format, Outcome::Passed, Duration::ZERO), (Part::It, outcome, Duration::ZERO)]
        };
        assert!(report(&table(Outcome::Passed), Totals::default()));
        assert!(!report(&table(Outcome::Failed("broken".into())), Totals::default()));
        assert!(!report(&table(Outcome::NotRun), Totals::default()));
    }
}

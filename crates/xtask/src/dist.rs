//! `cargo xtask dist`: the Debian package with both programs. Comes in: the repository; goes out: a `.deb`, its size, and with `--check`
//! the proof that it installs, starts from its desktop file, and goes without a trace.
//!
//! Tauri's bundler makes the package; what it names after the program is then named after the application, as desktops look for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use xtask::desktop::{Desktop, Options};
use xtask::place::Place;
use xtask::{packages, wait};

use crate::test::cargo;
use crate::{setup, ui};

const APP: &str = "app.belfry.Belfry";
const PACKAGE: &str = "belfry";
/// Megabytes, as design budgets count them.
const BUDGET: f64 = 10.0;

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Dist {
    /// Install the package on this machine, start it from its desktop file on a private desktop, and remove it again (needs root)
    #[arg(long)]
    check: bool,
    /// Check a package that was made before, and make none
    #[arg(long, requires = "check")]
    no_build: bool,
    /// Pack debug builds: to try the packaging, not to ship
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(place: &Place, wish: &Dist) -> Result<bool> {
    let folder = place.target.join("dist");
    if !wish.no_build {
        let mut wanted = packages::DIST.to_vec();
        wanted.extend(packages::WINDOW);
        setup::install(&wanted)?;
        make(place, &folder, wish.debug)?;
    }
    let package = only_package(&folder)?;
    let size = fs::metadata(&package)?.len();
    #[expect(clippy::cast_precision_loss, reason = "a size that people read")]
    let megabytes = size as f64 / 1e6;
    println!("{} is {megabytes:.1} MB (budget {BUDGET} MB)", package.display());
    if wish.check {
        check(place, &package)?;
    }
    Ok(wish.debug || megabytes <= BUDGET)
}

fn make(place: &Place, folder: &Path, debug: bool) -> Result<()> {
    let source = place.root.join("src-tauri");
    answer(Command::new("desktop-file-validate").arg(source.join(format!("{APP}.desktop"))))?;
    let metainfo = source.join(format!("{APP}.metainfo.xml"));
    answer(Command::new("appstreamcli").args(["validate", "--no-net"]).arg(metainfo))?;
    ui::build(place)?;
    // Each by itself, so that the one's libraries do not change the features of the other's.
    let profile = if debug { "debug" } else { "release" };
    if debug {
        build(place, &["--package", "belfry", "--bins"])?;
        build(place, &["--package", "belfry-desktop"])?;
    } else {
        build(place, &["--release", "--package", "belfry", "--bins"])?;
        build_window(place)?;
    }
    // The bundler finds the other program under the name of the machine it runs on.
    let binaries = source.join("binaries");
    fs::create_dir_all(&binaries)?;
    let resident = binaries.join(format!("belfry-{}", host()?));
    fs::copy(place.program(profile, "belfry"), &resident)
        .with_context(|| format!("cannot write {}", resident.display()))?;
    // Not `ci`: the lock file knows this machine's kind only, and `ci` wants every kind there is.
    ui::npm(&source, &["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    let mut tauri = Command::new(source.join("node_modules/.bin/tauri"));
    tauri.args(["bundle", "--bundles", "deb", "--config", "tauri.dist.conf.json"]);
    if debug {
        tauri.arg("--debug");
    }
    tauri.current_dir(&source).env("CARGO_TARGET_DIR", &place.target).stdin(Stdio::null());
    if !tauri.status().context("cannot start tauri's command line")?.success() {
        bail!("tauri bundle failed");
    }
    name_after_the_application(&place.target.join(profile).join("bundle/deb"), folder)
}

/// The window program as it is shipped. The page must have been built.
pub(crate) fn build_window(place: &Place) -> Result<()> {
    build(place, &["--release", "--package", "belfry-desktop", "--features", "custom-protocol"])
}

/// Cargo's build with these arguments.
pub(crate) fn build(place: &Place, arguments: &[&str]) -> Result<()> {
    println!("$ cargo build {}", arguments.join(" "));
    let mut build = cargo(place);
    if !build.arg("build").args(arguments).status().context("cannot start cargo")?.success() {
        bail!("cargo build {} failed", arguments.join(" "));
    }
    Ok(())
}

/// The machine's name, as the compiler has it.
fn host() -> Result<String> {
    let said = answer(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

/// Takes the bundler's package apart, renames the desktop file and the icons, and puts it together again.
fn name_after_the_application(made: &Path, folder: &Path) -> Result<()> {
    let package = only_package(made)?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let inside = tempfile::tempdir()?;
    let root = inside.path().join("package");
    answer(Command::new("dpkg-deb").arg("-R").arg(&package).arg(&root))?;
    let share = root.join("usr/share");
    rename(&share.join("applications/Belfry.desktop"), &share.join(format!("applications/{APP}.desktop")))?;
    for size in fs::read_dir(share.join("icons/hicolor"))? {
        let icon = size?.path().join("apps/belfry-desktop.png");
        if icon.exists() {
            rename(&icon, &icon.with_file_name(format!("{APP}.png")))?;
        }
    }
    // Debian looks for it under the package's name.
    let changelog = share.join("doc/Belfry/changelog.gz");
    if changelog.exists() {
        rename(&changelog, &share.join("doc").join(PACKAGE).join("changelog.gz"))?;
        fs::remove_dir(share.join("doc/Belfry"))?;
    }
    let mut sums = String::new();
    for file in files(&root)? {
        let inner = file.strip_prefix(&root)?;
        if !inner.starts_with("DEBIAN") {
            let sum = answer(Command::new("md5sum").arg("--").arg(inner).current_dir(&root))?;
            sums.push_str(&sum);
        }
    }
    fs::write(root.join("DEBIAN/md5sums"), sums)?;
    let name = package.file_name().context("a package without a name")?.to_string_lossy().to_lowercase();
    answer(
        Command::new("dpkg-deb").args(["--root-owner-group", "-Zxz", "-b"]).arg(&root).arg(folder.join(name)),
    )?;
    Ok(())
}

/// Installs, starts, looks, removes, looks again.
fn check(place: &Place, package: &Path) -> Result<()> {
    setup::install(packages::DESKTOP)?;
    if answer(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", PACKAGE]))
        .is_ok_and(|said| said == "installed")
    {
        bail!("{PACKAGE} is installed here already; remove it first, so that what is yours stays yours");
    }
    setup::apt(&["install", "-y", "--no-install-recommends", &package.to_string_lossy()])?;
    let listed = answer(Command::new("dpkg").args(["-L", PACKAGE]));
    let started = start_from_its_desktop_file(place);
    setup::apt(&["purge", "-y", PACKAGE])?;
    let data = started?;
    for path in listed?.lines().map(Path::new).filter(|path| path.starts_with("/usr")) {
        // Folders that others use as well stay.
        if path.is_file() || path.components().any(|part| part.as_os_str() == PACKAGE) && path.exists() {
            bail!("{} is left behind", path.display());
        }
    }
    println!("Installed, started from its desktop file, removed. Only the person's data stayed: {data}");
    Ok(())
}

/// On a desktop of its own; gives back what the person has of it in the end.
fn start_from_its_desktop_file(place: &Place) -> Result<String> {
    let desktop = Desktop::start(Options::default())?;
    let mut launch = desktop.command("gtk-launch");
    if Path::new("/usr/bin/gtk-launch").exists() {
        launch.arg(APP);
    } else {
        launch = desktop.command("gio");
        launch.arg("launch").arg(format!("/usr/share/applications/{APP}.desktop"));
    }
    for name in ["BELFRY_HOME", "BELFRY_SECRETS", "BELFRY_LOG"] {
        launch.env_remove(name);
    }
    // What it starts lives on with its output: nobody may wait for that to close.
    launch.stdout(Stdio::null()).stderr(Stdio::null());
    if !launch.status().context("cannot start the launcher")?.success() {
        bail!("the desktop file could not be launched");
    }
    let seen = wait::until("the window on the screen", wait::LIMIT, || {
        Ok((!desktop.windows_of(APP)?.is_empty()).then_some(()))
    })
    .and_then(|()| {
        wait::until("the resident", wait::LIMIT, || {
            let status = desktop.command("/usr/bin/belfry").args(["status", "--json"]).output()?;
            Ok(String::from_utf8_lossy(&status.stdout).contains("\"running\":true").then_some(()))
        })
    })
    .and_then(|()| desktop.screenshot(&place.root.join("artefacts/dist/installed.png")));
    for process in installed_processes(&desktop.home())? {
        answer(Command::new("kill").arg(process.to_string()))?;
    }
    seen?;
    let data = desktop.home().join(".local/share/belfry/belfry.db");
    wait::until("the programs to end", wait::LIMIT, || {
        Ok(installed_processes(&desktop.home())?.is_empty().then_some(()))
    })?;
    if !data.exists() {
        bail!("there is no database in {}", data.display());
    }
    Ok(".local/share/belfry".to_owned())
}

/// The installed programs that run for this home.
fn installed_processes(home: &Path) -> Result<Vec<u32>> {
    let home = format!("HOME={}", home.display());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let program = fs::read_link(entry.path().join("exe")).unwrap_or_default();
        // It may have ended while we look.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let is_here = environment.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes());
        if is_here
            && ["/usr/bin/belfry", "/usr/bin/belfry-desktop"].iter().any(|ours| program == Path::new(ours))
        {
            found.push(pid);
        }
    }
    Ok(found)
}

fn only_package(folder: &Path) -> Result<PathBuf> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("there is no package in {}", folder.display()))?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "deb"))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(package), true) => Ok(package),
        (Some(_), false) => bail!("there is more than one package in {}", folder.display()),
        (None, _) => bail!("there is no package in {}", folder.display()),
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to).with_context(|| format!("{} is not in the bundler's package", from.display()))
}

/// What a short program prints; its failure is an error that holds its words.
fn answer(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{program} failed: {}", String::from_utf8_lossy(&said).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

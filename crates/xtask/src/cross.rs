//! Type checks of the whole workspace for Windows and macOS, on a Debian machine and without those systems' tools.
//!
//! Debian's `rustc-web` comes with the library source that fits it, so the other systems' standard library can be
//! checked from source. C code is compiled for Windows by mingw; for macOS a stand-in writes empty objects, which is
//! enough to check types.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::place::Place;

use crate::test::cargo;

const RUSTC: &str = "/usr/bin/rustc";
const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MACOS: &str = "aarch64-apple-darwin";

/// Answers the questions build scripts ask a compiler, and makes every output an empty file.
const COMPILER: &str = r#"#!/bin/sh
out= previous= last=
for argument; do
  case $previous in -o) out=$argument ;; esac
  case $argument in -o?*) out=${argument#-o} ;; esac
  previous=$argument last=$argument
done
case " $* " in
  *" --version "* | *" -v "* | *" -dumpversion "*) echo "clang version 18.0.0"; exit 0 ;;
  *" -E "*) grep -v '^#' "$last"; exit 0 ;;
esac
if [ -n "$out" ]; then : > "$out"; fi
"#;

/// Makes every archive an empty file.
const ARCHIVER: &str = r#"#!/bin/sh
for argument; do case $argument in *.a | *.lib) : > "$argument" ;; esac; done
"#;

/// Both checks, the second one also when the first one failed.
pub(crate) fn check(place: &Place) -> Result<()> {
    if !Path::new(RUSTC).exists() {
        bail!("{RUSTC} is missing: install the Debian packages rustc-web and rust-web-src");
    }
    let folder = place.target.join("cross");
    let stand_ins = folder.join("stand-ins");
    fs::create_dir_all(&stand_ins).with_context(|| format!("cannot make {}", stand_ins.display()))?;
    let compiler = script(&stand_ins, "cc", COMPILER)?;
    let archiver = script(&stand_ins, "ar", ARCHIVER)?;

    let mut windows = for_target(place, &folder, WINDOWS);
    windows
        .env("CC_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-gcc-posix")
        .env("CXX_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-g++-posix")
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc-posix");
    let mut macos = for_target(place, &folder, MACOS);
    macos
        .env("CC_aarch64_apple_darwin", &compiler)
        .env("CXX_aarch64_apple_darwin", &compiler)
        .env("AR_aarch64_apple_darwin", &archiver)
        .env("RANLIB_aarch64_apple_darwin", "true")
        .env("SDKROOT", &stand_ins)
        .env("MACOSX_DEPLOYMENT_TARGET", "11.0");
    let windows = run(WINDOWS, &mut windows);
    let macos = run(MACOS, &mut macos);
    windows.and(macos)
}

fn for_target(place: &Place, folder: &Path, target: &str) -> Command {
    let mut check = cargo(place);
    check
        .args(["check", "--workspace", "--lib", "--bins", "--target", target])
        .args(["-Z", "build-std=std,panic_abort,proc_macro"])
        .env("RUSTC", RUSTC)
        // The library's source uses unstable features, which this switches on in a stable compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", folder);
    check
}

fn run(target: &str, check: &mut Command) -> Result<()> {
    println!("$ cargo check --workspace --target {target}");
    if !check.status().context("cannot start cargo")?.success() {
        bail!("the workspace does not type-check for {target}");
    }
    Ok(())
}

/// Written anew only when it changed, so that build scripts that depend on it stay fresh.
fn script(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(path);
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o755);
    let mut file = options.open(&path)?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_compiler_answers_and_makes_empty_objects() {
        let folder = tempfile::tempdir().unwrap();
        let compiler = script(folder.path(), "cc", COMPILER).unwrap();
        let object = folder.path().join("a.o");
        assert!(Command::new(&compiler).args(["-c", "a.c", "-o"]).arg(&object).status().unwrap().success());
        assert_eq!(fs::read(&object).unwrap(), b"");
        let version = Command::new(&compiler).arg("--version").output().unwrap();
        assert!(version.stdout.starts_with(b"clang"));
    }

    #[test]
    fn the_stand_in_archiver_makes_empty_archives() {
        let folder = tempfile::tempdir().unwrap();
        let archiver = script(folder.path(), "ar", ARCHIVER).unwrap();
        let archive = folder.path().join("lib.a");
        assert!(Command::new(archiver).arg("crs").arg(&archive).arg("a.o").status().unwrap().success());
        assert_eq!(fs::read(archive).unwrap(), b"");
    }
}

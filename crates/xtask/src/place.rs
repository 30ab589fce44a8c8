//! Where the repository is, and where its build goes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository and its build folder.
#[derive(Debug, Clone)]
pub struct Place {
    /// The workspace's root.
    pub root: PathBuf,
    /// What `CARGO_TARGET_DIR` is set to for every build.
    pub target: PathBuf,
}

impl Place {
    /// Asks cargo's variables; the program is meant to be run by cargo.
    pub fn find() -> Result<Self> {
        let manifest =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest).ancestors().nth(2).context("cannot find the repository")?.to_owned();
        let target = target(&root, |name| std::env::var_os(name).filter(|value| !value.is_empty()));
        Ok(Self { root, target })
    }

    /// A program of the workspace, built in the given profile's folder.
    pub fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}

/// Said by the environment; in CI a place that outlives the clone; else the usual one.
fn target(root: &Path, variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    if let Some(said) = variable("CARGO_TARGET_DIR") {
        return root.join(said);
    }
    let cache = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")));
    match (variable("CI"), cache) {
        (Some(_), Some(cache)) => cache.join("belfry/target"),
        (Some(_), None) | (None, _) => root.join("target"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &'static [(&str, &str)]) -> PathBuf {
        target(Path::new("/repo"), |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_environment_decides_where_the_build_goes() {
        assert_eq!(with(&[("CARGO_TARGET_DIR", "/t"), ("CI", "true"), ("HOME", "/h")]), Path::new("/t"));
        assert_eq!(with(&[("CARGO_TARGET_DIR", "t")]), Path::new("/repo/t"));
    }

    #[test]
    fn in_ci_the_build_outlives_the_clone() {
        assert_eq!(with(&[("CI", "1"), ("HOME", "/h")]), Path::new("/h/.cache/belfry/target"));
        assert_eq!(with(&[("CI", "1"), ("XDG_CACHE_HOME", "/c")]), Path::new("/c/belfry/target"));
    }

    #[test]
    fn elsewhere_it_stays_in_the_workspace() {
        assert_eq!(with(&[("HOME", "/h")]), Path::new("/repo/target"));
    }
}

//! The browser of the private desktop: a script that writes down what it was asked to open.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One address the browser was asked to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The address, as given.
    pub url: String,
    /// The value of `XDG_ACTIVATION_TOKEN`, empty without one.
    pub token: String,
}

/// Every name under which a browser is commonly looked for. `$BROWSER` and the desktop's default lead here as well.
const NAMES: &[&str] = &["xdg-open", "x-www-browser", "www-browser", "sensible-browser", "firefox"];

const SCHEMES: &str =
    "x-scheme-handler/http=stub-browser.desktop\nx-scheme-handler/https=stub-browser.desktop\n";

/// One `printf` is one write, so that browsers started together don't mix their lines.
pub(super) fn install(folder: &Path) -> Result<()> {
    use std::io::Write;
    let browser = browser(folder);
    let script = format!(
        "#!/bin/sh\nfor url; do printf '%s\\t%s\\n' \"$XDG_ACTIVATION_TOKEN\" \"$url\" >> '{}'; done\n",
        record(folder).display()
    );
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o700)
        .open(&browser)?
        .write_all(script.as_bytes())?;
    for name in NAMES {
        symlink(&browser, folder.join("bin").join(name))?;
    }
    let applications = folder.join("home/.local/share/applications");
    fs::create_dir_all(&applications)?;
    fs::write(
        applications.join("stub-browser.desktop"),
        format!("[Desktop Entry]\nType=Application\nName=Browser\nExec={} %u\n", browser.display()),
    )?;
    fs::write(folder.join("home/.config/mimeapps.list"), format!("[Default Applications]\n{SCHEMES}"))?;
    Ok(())
}

pub(super) fn browser(folder: &Path) -> PathBuf {
    folder.join("bin/stub-browser")
}

pub(super) fn read(folder: &Path) -> Result<Vec<Opened>> {
    match fs::read_to_string(record(folder)) {
        Ok(record) => Ok(parse(&record)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).context("cannot read what was opened"),
    }
}

fn parse(record: &str) -> Vec<Opened> {
    record
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(token, url)| Opened { url: url.to_owned(), token: token.to_owned() })
        .collect()
}

fn record(folder: &Path) -> PathBuf {
    folder.join("opened")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_what_follows_the_token() {
        let opened = parse("\thttps://example.org/a\ntoken-1\thttps://example.org/b?x=1\t2\n");
        assert_eq!(opened[0], Opened { url: "https://example.org/a".into(), token: String::new() });
        assert_eq!(opened[1].token, "token-1");
        assert_eq!(opened[1].url, "https://example.org/b?x=1\t2");
    }
}

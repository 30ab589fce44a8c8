//! The opener: the only way out to the person's browser, and the only place where an address is judged.
//!
//! Comes in: an address from a service, which is hostile until it was judged, and the servers the person configured. Goes out: the
//! address as parsed and written anew, never the text that came in.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tracing::debug;
use url::{Host, Url};

/// No address that a service gives is longer; browsers differ in what they make of longer ones.
const LONGEST: usize = 2048;
/// A browser's starter that has not failed by then has handed the address over. The browser itself may run on for hours.
const HANDED_OVER: Duration = Duration::from_secs(1);

/// Opens checked addresses.
#[derive(Debug)]
pub struct Opener {
    program: Option<PathBuf>,
    handed_over: Duration,
}

/// Why an address was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The address is not one that Belfry opens.
    #[error("this link is not opened: {0}")]
    Refused(String),
    /// The address leads elsewhere than to the account's service. A face may ask and then allow it.
    #[error(
        "this link leads to {host}, which does not belong to the account's service; open it only if you trust it"
    )]
    Foreign {
        /// Where it leads, in plain letters: other scripts stand in their `xn--` form, so that no host looks like another.
        host: String,
    },
    /// No browser could be started.
    #[error("no browser could be started ({0}); set a default browser in the system's settings")]
    NoBrowser(String),
}

/// Where an address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// To a host that the person configured.
    Own,
    /// To another host under the same registered name (`podio.com` for `api.podio.com`).
    Family,
    Foreign,
}

/// Judges an address: what comes back may be opened. `own` are the servers the person configured.
///
/// Only `https`, and `http` where the person configured that host so; other `http` becomes `https`. No name or password before the
/// host, no control characters, no backslashes, the usual port (any at a configured host), at most 2048 characters.
pub fn check(address: &str, own: &[&Url]) -> Result<Url, OpenError> {
    match judge(address, own)? {
        (url, Standing::Own | Standing::Family) => Ok(url),
        (url, Standing::Foreign) => {
            Err(OpenError::Foreign { host: url.host_str().unwrap_or_default().to_owned() })
        }
    }
}

fn judge(address: &str, own: &[&Url]) -> Result<(Url, Standing), OpenError> {
    let refused = |why: &str| Err(OpenError::Refused(why.to_owned()));
    if address.len() > LONGEST {
        return refused("it is too long");
    }
    // The parser would mend these in silence.
    if address.contains(|c: char| c.is_control() || c == '\\') {
        return refused("it contains a control character or a backslash");
    }
    if address.starts_with('-') {
        return refused("it looks like an option");
    }
    let Ok(mut url) = Url::parse(address) else {
        return refused("it is no web address");
    };
    if !matches!(url.scheme(), "https" | "http") {
        return refused(&format!("it is a “{}” address; only web pages are opened", shortened(url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("it carries a name or a password");
    }
    let standing = standing(&url, own);
    if url.scheme() == "http" && !plain_is_configured(&url, own) && url.set_scheme("https").is_err() {
        return refused("it can't be opened safely");
    }
    if url.port().is_some() && standing != Standing::Own {
        return refused("it names an unusual port");
    }
    // Escapes make it longer.
    if url.as_str().len() > LONGEST {
        return refused("it is too long");
    }
    Ok((url, standing))
}

fn standing(url: &Url, own: &[&Url]) -> Standing {
    if own.iter().any(|own| own.host() == url.host()) {
        Standing::Own
    } else if own.iter().any(|own| registered(own).is_some_and(|name| registered(url) == Some(name))) {
        Standing::Family
    } else {
        Standing::Foreign
    }
}

/// The part of a host's name that someone registered: `podio.com` of `api.podio.com`, `b.co.uk` of `a.b.co.uk`.
fn registered(url: &Url) -> Option<&str> {
    match url.host()? {
        Host::Domain(name) => psl::domain_str(name),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

fn plain_is_configured(url: &Url, own: &[&Url]) -> bool {
    own.iter().any(|own| own.scheme() == "http" && own.host() == url.host())
}

fn shortened(scheme: &str) -> String {
    scheme.chars().take(20).collect()
}

impl Default for Opener {
    fn default() -> Self {
        Self { program: None, handed_over: HANDED_OVER }
    }
}

impl Opener {
    /// Opens with this program instead of the person's browser. It gets the address as its only argument.
    pub fn with_program(program: impl Into<PathBuf>) -> Self {
        Self { program: Some(program.into()), ..Self::default() }
    }

    /// Opens an address that [`check`] accepts; one of another host only with `allow_foreign`. `token` is the desktop's permission to
    /// come to the front. Returns what was opened; takes a second at most for each starter that does not end by itself.
    pub async fn open(
        &self,
        address: &str,
        own: &[&Url],
        allow_foreign: bool,
        token: Option<&str>,
    ) -> Result<Url, OpenError> {
        let url = if allow_foreign { judge(address, own)?.0 } else { check(address, own)? };
        let mut failures = Vec::new();
        for mut command in self.commands(&url) {
            let program = command.get_program().to_string_lossy().into_owned();
            prepare(&mut command, token);
            match self.start(command).await {
                Ok(()) => {
                    debug!(program, "a link was handed to the browser");
                    return Ok(url);
                }
                Err(why) => failures.push(format!("{program}: {why}")),
            }
        }
        Err(OpenError::NoBrowser(failures.join("; ")))
    }

    fn commands(&self, url: &Url) -> Vec<Command> {
        match &self.program {
            Some(program) => {
                let mut command = Command::new(program);
                command.arg(url.as_str());
                vec![command]
            }
            None => open::commands(url.as_str()),
        }
    }

    async fn start(&self, command: Command) -> Result<(), String> {
        let mut child = tokio::process::Command::from(command).spawn().map_err(|error| error.to_string())?;
        // Dropped while it runs, a child is reaped by tokio when it ends.
        match tokio::time::timeout(self.handed_over, child.wait()).await {
            // Explorer ends with 1 when all went well.
            Ok(Ok(status)) if status.success() || cfg!(windows) => Ok(()),
            Ok(Ok(status)) => Err(status.to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Ok(()),
        }
    }
}

/// Gives the starter nothing of ours but what it needs.
fn prepare(command: &mut Command, token: Option<&str>) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C in our terminal must not end the person's browser.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(target_os = "linux")]
    linux::prepare(command, token);
    #[cfg(not(target_os = "linux"))]
    let _ = token;
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::Path;
    use std::process::Command;

    /// The child's permission to come to the front: for Wayland, and for X11.
    const TOKENS: [&str; 2] = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];
    /// What an AppImage's own starter sets.
    const APPIMAGE: [&str; 4] = ["APPIMAGE", "APPDIR", "ARGV0", "OWD"];

    pub(super) fn prepare(command: &mut Command, token: Option<&str>) {
        for name in TOKENS {
            match token.filter(|token| !token.contains(char::is_control)) {
                Some(token) => command.env(name, token),
                // Ours is used up, or was meant for someone else.
                None => command.env_remove(name),
            };
        }
        let variables: Vec<_> = std::env::vars_os().collect();
        for (name, value) in outside_appimage(&variables) {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }

    /// What to change so that a program outside our AppImage does not load what is inside: each path below the image's folder goes,
    /// and the variable with the last one.
    pub(super) fn outside_appimage(variables: &[(OsString, OsString)]) -> Vec<(OsString, Option<OsString>)> {
        let Some((_, image)) = variables.iter().find(|(name, _)| name == "APPDIR") else {
            return Vec::new();
        };
        if image.is_empty() {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for (name, value) in variables {
            if APPIMAGE.iter().any(|own| name == own) {
                changes.push((name.clone(), None));
                continue;
            }
            let parts: Vec<&[u8]> = value.as_bytes().split(|byte| *byte == b':').collect();
            let left: Vec<&[u8]> = parts
                .iter()
                .copied()
                .filter(|part| !Path::new(OsStr::from_bytes(part)).starts_with(image))
                .collect();
            if left.len() < parts.len() {
                let rest = left.join(&b':');
                changes.push((name.clone(), (!rest.is_empty()).then(|| OsString::from_vec(rest))));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests;

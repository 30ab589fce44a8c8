//! Asking the person: secrets from standard input or, without echo, from the terminal; lines and yes or no.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Read};

use secrecy::SecretString;

use crate::cli::print::say;
use crate::env::Tasks;
use crate::front::views::Trouble;

/// The longest secret or line that is read.
const LONGEST: u64 = 64 * 1024;

/// A flag that promises a secret on standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SecretFlag {
    /// `--client-secret-stdin`
    ClientSecret,
    /// `--password-stdin`
    Password,
    /// `--app-secret-stdin`
    AppSecret,
    /// `--secret-stdin`
    Secret,
    /// `--relay-code-stdin`
    RelayCode,
    /// `--auth-header-stdin NAME`, the one in this place, from 0.
    AuthHeader(usize),
}

impl SecretFlag {
    /// Those that can be given once.
    pub(super) const SINGLE: [Self; 5] =
        [Self::ClientSecret, Self::Password, Self::AppSecret, Self::Secret, Self::RelayCode];

    /// Its name among the arguments.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret_stdin",
            Self::Password => "password_stdin",
            Self::AppSecret => "app_secret_stdin",
            Self::Secret => "secret_stdin",
            Self::RelayCode => "relay_code_stdin",
            Self::AuthHeader(_) => "auth_header_stdin",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::ClientSecret => "--client-secret-stdin",
            Self::Password => "--password-stdin",
            Self::AppSecret => "--app-secret-stdin",
            Self::Secret => "--secret-stdin",
            Self::RelayCode => "--relay-code-stdin",
            Self::AuthHeader(_) => "--auth-header-stdin",
        }
    }
}

/// True if a person can be asked.
pub(super) fn at_terminal() -> bool {
    std::io::stdin().is_terminal()
}

/// Reads the promised secrets: one a line, in this order.
pub(super) fn secrets(
    promised: &[SecretFlag],
    mut input: impl BufRead,
) -> Result<BTreeMap<SecretFlag, SecretString>, Trouble> {
    let mut secrets = BTreeMap::new();
    for flag in promised {
        let line = line_of(&mut input)
            .map_err(|error| Trouble::failed(format!("standard input could not be read: {error}")))?;
        if line.is_empty() {
            let flag = flag.flag();
            return Err(Trouble::usage(format!("{flag}: no secret came on standard input; give one a line")));
        }
        secrets.insert(*flag, SecretString::from(line));
    }
    Ok(secrets)
}

fn line_of(input: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    input.take(LONGEST).read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

/// Asks for a secret without showing it. Only at a terminal.
pub(super) async fn secret(question: &'static str) -> Result<SecretString, Trouble> {
    let typed = Tasks::blocking("ask", move || rpassword::prompt_password(question)).await;
    match typed {
        Some(Ok(typed)) if !typed.is_empty() => Ok(SecretString::from(typed)),
        Some(Ok(_)) => Err(Trouble::usage("nothing was typed")),
        Some(Err(error)) => Err(Trouble::failed(format!("the terminal could not be read: {error}"))),
        None => Err(Trouble::failed("the terminal could not be read")),
    }
}

/// Asks for a line. Only at a terminal.
pub(super) async fn line(question: &str) -> Result<String, Trouble> {
    say(question);
    match Tasks::blocking("ask", || line_of(&mut std::io::stdin().lock())).await {
        Some(Ok(line)) => Ok(line.trim().to_owned()),
        Some(Err(error)) => Err(Trouble::failed(format!("the terminal could not be read: {error}"))),
        None => Err(Trouble::failed("the terminal could not be read")),
    }
}

/// Asks for a yes. Only at a terminal.
pub(super) async fn yes(question: &str) -> Result<bool, Trouble> {
    let answer = line(&format!("{question} [y/N]")).await?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use SecretFlag::{ClientSecret, Password};

    #[test]
    fn secrets_come_one_a_line_in_the_order_promised() {
        let read = secrets(&[Password, ClientSecret], &b"pass word \r\nclient\n"[..]).unwrap();
        let exposed = |flag| read.get(&flag).unwrap().expose_secret().to_owned();
        assert_eq!(exposed(Password), "pass word ");
        assert_eq!(exposed(ClientSecret), "client");
    }

    #[test]
    fn the_last_secret_needs_no_end_of_line() {
        let read = secrets(&[ClientSecret], &b"client"[..]).unwrap();
        assert_eq!(read.get(&ClientSecret).unwrap().expose_secret(), "client");
    }

    #[test]
    fn a_missing_secret_is_wrong_usage_and_names_its_flag() {
        let trouble = secrets(&[ClientSecret, Password], &b"client\n"[..]).unwrap_err();
        assert_eq!(trouble.kind, crate::front::views::TroubleKind::Usage);
        assert!(trouble.words.contains("--password-stdin"), "{trouble}");
    }
}

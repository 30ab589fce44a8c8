//! The flags that say how webhooks reach this machine: a relay, or a port for a tunnel of one's own.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Secrets, warn_if_readable_by_others, web_address};
use crate::account::{LocalSettings, Receiver, RelaySettings};
use crate::cli::ask::SecretFlag;
use crate::front::views::Trouble;

#[derive(Debug, Args)]
pub(in crate::cli) struct ReceiverArgs {
    /// The relay that takes webhooks in and keeps them until this machine is there: belfry-relay, gosmee or smee
    #[arg(long, value_name = "URL", value_parser = web_address, required_unless_present = "local")]
    relay: Option<Url>,
    /// Read the relay's join code from standard input; belfry-relay prints it where it wants one
    #[arg(long, requires = "relay")]
    relay_code_stdin: bool,
    /// Let the relay seal what it keeps, so that only this machine can read it
    #[arg(long, requires = "relay")]
    sealed: bool,
    /// Listen on this port of this machine instead, for a tunnel of your own
    #[arg(long, value_name = "PORT", conflicts_with = "relay", value_parser = clap::value_parser!(u16).range(1..))]
    local: Option<u16>,
    /// Where the tunnel's other end is
    #[arg(long, value_name = "URL", requires = "local", value_parser = web_address)]
    public_url: Option<Url>,
}

impl ReceiverArgs {
    /// What was wished, and the relay's join code if one was given.
    pub(super) fn into_receiver(self, secrets: &mut Secrets) -> Result<(Receiver, Option<String>), Trouble> {
        let code = secrets.remove(&SecretFlag::RelayCode);
        let receiver = match (self.relay, self.local) {
            (Some(url), _) => {
                warn_if_readable_by_others(&url);
                Receiver::Relay(RelaySettings { sealed: self.sealed, ..RelaySettings::at(url) })
            }
            (None, Some(port)) => Receiver::Local(LocalSettings { port, public_url: self.public_url }),
            (None, None) => return Err(Trouble::usage("give --relay or --local")),
        };
        Ok((receiver, code.map(|code: SecretString| code.expose_secret().to_owned())))
    }
}

//! `belfry account add webhook`.

use clap::{Args, ValueEnum};
use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};

use super::map::map_of;
use super::receiver::ReceiverArgs;
use super::{Secrets, account_id};
use crate::account::{AccountId, HashKind, HashText, Signature, WebhookSettings};
use crate::cli::ask::{self, SecretFlag};
use crate::front::views::{SignIn, SignInTo, Trouble};

#[derive(Debug, Args)]
pub(in crate::cli) struct AddWebhook {
    /// What to call the account here: lower-case letters, digits, hyphens [default: webhook, webhook-2 …]
    #[arg(long, value_parser = account_id)]
    name: Option<AccountId>,
    #[command(flatten)]
    receiver: ReceiverArgs,
    /// How the service signs what it sends
    #[arg(long, value_enum, default_value_t = Scheme::None)]
    signature: Scheme,
    /// With --signature hmac-…: the header that holds the signature
    #[arg(long, value_name = "HEADER")]
    signature_header: Option<String>,
    /// With --signature hmac-…: what stands before the signature in its header, as `sha256=`
    #[arg(long, value_name = "TEXT", default_value = "", requires = "signature_header")]
    signature_prefix: String,
    /// With --signature hmac-…: the signature is written in base64, not in hexadecimal digits
    #[arg(long, requires = "signature_header")]
    signature_base64: bool,
    /// Read the secret that the service signs with from standard input
    #[arg(long)]
    secret_stdin: bool,
    /// Make a fresh secret and show it once, to be given to the service
    #[arg(long, conflicts_with = "secret_stdin")]
    make_secret: bool,
    /// What becomes of the webhooks: plain, github, a file (TOML or JSON), or single fields as in title='{{ data.title }}', each with a
    /// --map of its own
    #[arg(long, value_name = "MAP", default_value = "plain")]
    map: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scheme {
    /// Not at all: whoever knows the address can ring
    None,
    /// X-Hub-Signature-256: GitHub, Gitea, Forgejo
    Github,
    /// Stripe-Signature
    Stripe,
    /// podium-signature
    Podium,
    /// HMAC-SHA256 over the body, in the header that --signature-header names
    HmacSha256,
    /// HMAC-SHA1, likewise
    HmacSha1,
    /// HMAC-SHA512, likewise
    HmacSha512,
}

/// What to sign in with, and a secret that was made and has to be shown.
pub(super) struct Wished {
    pub(super) sign_in: SignIn,
    pub(super) made: Option<SecretString>,
}

impl AddWebhook {
    /// Asks at the terminal for the secret where one is needed and none was given.
    pub(super) async fn into_sign_in(self: Box<Self>, mut secrets: Secrets) -> Result<Wished, Trouble> {
        let this = *self;
        let (receiver, join_code) = this.receiver.into_receiver(&mut secrets)?;
        let signature =
            signature(this.signature, this.signature_header, this.signature_prefix, this.signature_base64)?;
        let given = secrets.remove(&SecretFlag::Secret);
        let (secret, made) = match (given, signature.needs_secret()) {
            (given, false) => {
                if given.is_some() || this.make_secret {
                    return Err(Trouble::usage("a secret is of no use without --signature"));
                }
                (None, None)
            }
            (Some(secret), true) => (Some(secret), None),
            (None, true) => secret(this.make_secret).await?,
        };
        let settings = WebhookSettings { receiver, signature, map: map_of(&this.map)? };
        let to = SignInTo::Webhook {
            settings: Some(settings),
            secret: secret.map(|secret| secret.expose_secret().to_owned()),
            join_code,
        };
        Ok(Wished { sign_in: SignIn { account: None, name: this.name, to }, made })
    }
}

/// The secret, and once more if it was made here.
async fn secret(make: bool) -> Result<(Option<SecretString>, Option<SecretString>), Trouble> {
    let make = match make {
        true => true,
        false if ask::at_terminal() => {
            ask::yes("Make a fresh secret for you to give to the service? (No: type the one that it has)")
                .await?
        }
        false => {
            return Err(Trouble::usage(
                "the secret that the service signs with is missing: give --secret-stdin, or --make-secret for a fresh one",
            ));
        }
    };
    if make {
        let made = SecretString::from(HEXLOWER.encode(&rand::random::<[u8; 32]>()));
        return Ok((Some(made.clone()), Some(made)));
    }
    Ok((Some(ask::secret("Secret that the service signs with (not shown): ").await?), None))
}

fn signature(
    scheme: Scheme,
    header: Option<String>,
    prefix: String,
    base64: bool,
) -> Result<Signature, Trouble> {
    let hash = match scheme {
        Scheme::HmacSha256 => HashKind::Sha256,
        Scheme::HmacSha1 => HashKind::Sha1,
        Scheme::HmacSha512 => HashKind::Sha512,
        Scheme::None | Scheme::Github | Scheme::Stripe | Scheme::Podium if header.is_some() => {
            return Err(Trouble::usage(
                "--signature-header goes with --signature hmac-sha256, hmac-sha1 or hmac-sha512",
            ));
        }
        Scheme::None => return Ok(Signature::None),
        Scheme::Github => return Ok(Signature::Github),
        Scheme::Stripe => return Ok(Signature::Stripe),
        Scheme::Podium => return Ok(Signature::Podium),
    };
    let header = header.ok_or_else(|| {
        Trouble::usage("name the header that holds the signature: --signature-header X-Signature")
    })?;
    let encoding = if base64 { HashText::Base64 } else { HashText::Hex };
    Ok(Signature::Hmac { header, prefix, encoding, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_hmac_needs_its_header_and_the_others_take_none() {
        let with =
            |scheme, header: Option<&str>| signature(scheme, header.map(str::to_owned), "v=".into(), true);
        let hmac = Signature::Hmac {
            header: "X-Sign".into(),
            prefix: "v=".into(),
            encoding: HashText::Base64,
            hash: HashKind::Sha512,
        };
        assert_eq!(with(Scheme::HmacSha512, Some("X-Sign")).unwrap(), hmac);
        assert!(with(Scheme::HmacSha1, None).is_err());
        assert_eq!(with(Scheme::Github, None).unwrap(), Signature::Github);
        assert!(with(Scheme::Github, Some("X-Sign")).is_err());
    }
}

//! Channel names: which are valid, and what their prefixes mean.

/// A channel name that cannot be subscribed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a channel name: up to 200 of A-Z a-z 0-9 _ - = @ , . ; are allowed")]
pub struct InvalidChannel(pub String);

/// Why a client event was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAllowed {
    /// Names of client events begin with `client-`.
    #[error("the name of a client event begins with `client-`")]
    Name,
    /// Only private and presence channels carry client events, and not the encrypted ones.
    #[error("client events need a private or presence channel that is not encrypted")]
    Channel,
    /// The server has not yet granted the subscription.
    #[error("the channel is not subscribed")]
    NotSubscribed,
}

/// What a channel needs, by its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Public,
    Private,
    Encrypted,
    Presence,
}

impl Kind {
    /// The kind of a channel. Cache channels (`cache-`, `private-cache-` …) are of the kind they would be without it.
    pub(crate) fn of(name: &str) -> Self {
        if name.starts_with("private-encrypted-") {
            Self::Encrypted
        } else if name.starts_with("private-") {
            Self::Private
        } else if name.starts_with("presence-") {
            Self::Presence
        } else {
            Self::Public
        }
    }

    pub(crate) fn needs_authorization(self) -> bool {
        self != Self::Public
    }

    pub(crate) fn takes_client_events(self) -> bool {
        matches!(self, Self::Private | Self::Presence)
    }
}

/// Checks a channel name. Pusher itself allows 164 characters; soketi and sockudo allow 200. A `#` in front marks the
/// reserved ones, such as `#server-to-user-…`.
pub(crate) fn check(name: &str) -> Result<(), InvalidChannel> {
    const LONGEST: usize = 200;
    let plain = name.strip_prefix('#').unwrap_or(name);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-=@,.;".contains(&byte);
    let valid = !plain.is_empty() && name.len() <= LONGEST && plain.bytes().all(allowed);
    if valid { Ok(()) } else { Err(InvalidChannel(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_the_rule() {
        let long = "a".repeat(200);
        for good in ["a", "private-App.Models.User.1", "presence-a@b,c;d=e_f", "#server-to-user-1", &long] {
            assert!(check(good).is_ok(), "{good}");
        }
        let longer = "a".repeat(201);
        for bad in ["", "#", "a b", "a/b", "ä", "a#b", "a:b", "a\n", &longer] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes_say_what_a_channel_needs() {
        let table = [
            ("news", Kind::Public),
            ("cache-news", Kind::Public),
            ("privates", Kind::Public),
            ("private-a", Kind::Private),
            ("private-cache-a", Kind::Private),
            ("private-encrypted-a", Kind::Encrypted),
            ("private-encrypted-cache-a", Kind::Encrypted),
            ("presence-a", Kind::Presence),
            ("presence-cache-a", Kind::Presence),
        ];
        for (name, kind) in table {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }
}

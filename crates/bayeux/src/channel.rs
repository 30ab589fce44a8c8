//! Channel names: which are valid, and which pattern covers which channel (Bayeux 1.0 §2.2).

/// A channel name that Bayeux does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a channel one can use here")]
pub struct InvalidChannel(pub String);

/// Checks a channel one may subscribe to: `/a/b`, `/a/*` or `/a/**`, but nothing below `/meta`.
pub(crate) fn check_subscription(name: &str) -> Result<(), InvalidChannel> {
    let plain = name.strip_suffix("/**").or_else(|| name.strip_suffix("/*")).unwrap_or(name);
    let all = plain.is_empty() && plain != name;
    if (all || is_plain(plain)) && !is_meta(name) { Ok(()) } else { Err(InvalidChannel(name.to_owned())) }
}

/// Checks a channel one may publish to: no wildcard, nothing below `/meta`.
pub(crate) fn check_publication(name: &str) -> Result<(), InvalidChannel> {
    if is_plain(name) && !is_meta(name) { Ok(()) } else { Err(InvalidChannel(name.to_owned())) }
}

/// Whether the name ends in a wildcard segment.
pub(crate) fn is_pattern(name: &str) -> bool {
    name.ends_with("/*") || name.ends_with("/**")
}

/// Whether `pattern` covers `channel`: `/a/*` one level below `/a`, `/a/**` any depth below it.
pub(crate) fn covers(pattern: &str, channel: &str) -> bool {
    let below = |prefix: &str| channel.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
    if let Some(prefix) = pattern.strip_suffix("/**") {
        return below(prefix).is_some_and(|rest| !rest.is_empty());
    }
    if let Some(prefix) = pattern.strip_suffix("/*") {
        return below(prefix).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
    }
    pattern == channel
}

/// Whether the channel belongs to the protocol itself.
pub(crate) fn is_meta(name: &str) -> bool {
    name == "/meta" || name.starts_with("/meta/")
}

fn is_plain(name: &str) -> bool {
    let Some(rest) = name.strip_prefix('/') else { return false };
    rest.split('/').all(|segment| !segment.is_empty() && segment.bytes().all(is_segment_byte))
}

fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_!~()$@".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_the_grammar() {
        for good in ["/a", "/user/46432", "/a/b-c_d!~($)@", "/a/*", "/a/**", "/**", "/*", "/service/x"] {
            assert!(check_subscription(good).is_ok(), "{good}");
        }
        for bad in
            ["", "/", "a", "/a/", "//a", "/a b", "/a/*/b", "/ä", "/meta/connect", "/meta/*", "/a*", "/a/***"]
        {
            assert!(check_subscription(bad).is_err(), "{bad}");
        }
        assert!(check_publication("/a/b").is_ok());
        assert!(check_publication("/a/*").is_err());
        assert!(check_publication("/meta/x").is_err());
    }

    #[test]
    fn patterns_cover_what_the_protocol_says() {
        let cases = [
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/b/c", false),
            ("/a/*", "/a", false),
            ("/a/*", "/ab/c", false),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/a", false),
            ("/a/**", "/a/", false),
            ("/**", "/x/y", true),
            ("/*", "/x", true),
            ("/*", "/x/y", false),
            ("/a", "/a", true),
            ("/a", "/a/b", false),
        ];
        for (pattern, channel, expected) in cases {
            assert_eq!(covers(pattern, channel), expected, "{pattern} over {channel}");
        }
    }
}

//! The command line, which any program may write: these forms and no other.

use std::ffi::OsString;

use belfry::notification::NotificationId;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// Show the inbox, or one notification of it.
    Show {
        /// Which.
        at: Option<NotificationId>,
    },
    /// Become the resident.
    Resident,
}

impl Arguments {
    /// Reads the arguments after the program's name.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let arguments: Vec<_> = arguments.into_iter().map(OsString::into_string).collect();
        let texts: Vec<&str> = arguments.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
        match texts.as_slice() {
            [] => Ok(Self::Show { at: None }),
            ["--resident"] => Ok(Self::Resident),
            ["--at", id] => match id.parse() {
                Ok(id) if id > 0 && id_is_plain(texts.get(1)) => {
                    Ok(Self::Show { at: Some(NotificationId(id)) })
                }
                Ok(_) | Err(_) => Err("--at takes the number of a notification".to_owned()),
            },
            _ => Err("use: belfry-desktop [--at ID | --resident]".to_owned()),
        }
    }
}

/// Digits only: a sign is no part of a number of ours.
fn id_is_plain(id: Option<&&str>) -> bool {
    id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Arguments, String> {
        Arguments::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn three_forms_are_understood_and_nothing_else() {
        assert_eq!(read(&[]), Ok(Arguments::Show { at: None }));
        assert_eq!(read(&["--at", "7"]), Ok(Arguments::Show { at: Some(NotificationId(7)) }));
        assert_eq!(read(&["--resident"]), Ok(Arguments::Resident));
        for wrong in [
            &["--at"][..],
            &["--at", "0"],
            &["--at", "-1"],
            &["--at", "+1"],
            &["--at", "1;ls"],
            &["--at", "99999999999999999999"],
            &["--at", "1", "--resident"],
            &["--resident", "now"],
            &["--help"],
            &["https://example.org"],
            &[""],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! The pictures of notifications: embedded, and unpacked into files, because toast services take file names.
//!
//! In: an icon, a folder. Out: the path of a PNG in it. Pictures come from `icons/kind/`; none is ever taken from a service.

use std::io;
use std::path::{Path, PathBuf};

use crate::notification::Icon;

macro_rules! pictures {
    ($($variant:ident = $name:literal,)*) => {
        /// The picture, as a PNG of 64 × 64.
        pub fn picture(icon: Icon) -> &'static [u8] {
            match icon {
                $(Icon::$variant => include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/kind/", $name, ".png")),)*
            }
        }
    };
}

pictures! {
    Alert = "alert",
    Task = "task",
    Meeting = "meeting",
    Status = "status",
    Creation = "creation",
    Update = "update",
    Delete = "delete",
    Comment = "comment",
    Approved = "approved",
    Rejected = "rejected",
    StarRating = "star-rating",
    Like = "like",
    Attending = "attending",
    NotAttending = "not-attending",
    MaybeAttending = "maybe-attending",
    ThumbsUp = "thumbs-up",
    ThumbsDown = "thumbs-down",
    Yes = "yes",
    No = "no",
    Message = "message",
    MessageReply = "message-reply",
    Bulletin = "bulletin",
    MemberReferenceAdd = "member_reference_add",
    MemberReferenceRemove = "member_reference_remove",
    File = "file",
    UserLeftSpace = "user_left_space",
    UserKickedFromSpace = "user_kicked_from_space",
    SelfKickedFromSpace = "self_kicked_from_space",
    SpaceInvite = "space_invite",
    Answer = "answer",
    SpaceCreate = "space_create",
    Reminder = "reminder",
    Image = "image",
    Bookmark = "bookmark",
    Text = "text",
    Archive = "archive",
    Audio = "audio",
    Video = "video",
    Chat = "chat",
    Sent = "sent",
    NotSent = "not-sent",
    Contact = "contact",
    Invoice = "invoice",
    Payment = "payment",
    PaymentFailed = "payment-failed",
    Refund = "refund",
    ReviewInvite = "review-invite",
    Call = "call",
    CallEnded = "call-ended",
    MissedCall = "missed-call",
    Voicemail = "voicemail",
    Other = "other",
}

/// Belfry's own picture, as a PNG of 64 × 64.
pub const APP: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/icons/app/belfry-64.png"));

/// Pictures as files in a folder of our own.
#[derive(Debug, Clone)]
pub struct Pictures {
    folder: PathBuf,
}

impl Pictures {
    /// Pictures below this folder. Nothing is written yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The absolute path of an icon's picture, written if it is not there or was of an older version.
    pub fn path(&self, icon: Icon) -> io::Result<PathBuf> {
        self.unpacked(icon.name(), picture(icon))
    }

    /// The absolute path of Belfry's own picture.
    pub fn app(&self) -> io::Result<PathBuf> {
        self.unpacked("belfry", APP)
    }

    fn unpacked(&self, name: &str, picture: &[u8]) -> io::Result<PathBuf> {
        let path = std::path::absolute(self.folder.join(format!("{name}.png")))?;
        if std::fs::read(&path).is_ok_and(|there| there == picture) {
            return Ok(path);
        }
        make_folder(&self.folder)?;
        // Written aside and moved into place: a toast service must never read half a picture.
        let aside = self.folder.join(format!("{name}.{}.new", std::process::id()));
        write_own(&aside, picture)?;
        std::fs::rename(&aside, &path)?;
        Ok(path)
    }
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn write_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

/// On Windows the folder lies in the person's profile, whose access list it inherits.
#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn write_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Icon> {
        Icon::NAMED.iter().copied().chain([Icon::Other])
    }

    #[test]
    fn every_icon_has_a_picture_of_its_own() {
        let mut seen: Vec<&[u8]> = Vec::new();
        for icon in all() {
            let png = picture(icon);
            assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n", "{icon:?}");
            assert_eq!(&png[12..16], b"IHDR");
            assert_eq!(&png[16..24], [0, 0, 0, 64, 0, 0, 0, 64], "{icon:?} is 64 × 64");
            assert!(png.ends_with(b"IEND\xaeB`\x82"), "{icon:?} is whole");
            assert!(!seen.contains(&png), "{icon:?} looks like another");
            seen.push(png);
        }
        assert_eq!(seen.len(), 52);
    }

    #[test]
    fn every_picture_has_its_drawing_beside_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("icons/kind");
        for icon in all() {
            assert!(folder.join(format!("{}.svg", icon.name())).is_file(), "{icon:?}");
        }
    }

    #[test]
    fn a_picture_is_unpacked_once_for_its_owner_and_renewed_when_it_changed() {
        let home = tempfile::tempdir().unwrap();
        let pictures = Pictures::new(home.path().join("a b/icons"));
        let path = pictures.path(Icon::Task).unwrap();
        assert!(path.is_absolute());
        assert_eq!(std::fs::read(&path).unwrap(), picture(Icon::Task));
        std::fs::write(&path, "an older picture").unwrap();
        assert_eq!(pictures.path(Icon::Task).unwrap(), path);
        assert_eq!(std::fs::read(&path).unwrap(), picture(Icon::Task));
        let names: Vec<_> = std::fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["task.png"], "nothing is left aside");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Pictures::new(file.path().join("icons")).path(Icon::Task).is_err());
    }
}

//! A toast in the words of `org.freedesktop.Notifications.Notify`. Pure.
//!
//! In: a toast and what the service can do. Out: the arguments of the call.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use zbus::zvariant::Value;

use super::super::super::{Toast, text};
use super::super::{APP_ID, APP_NAME, OPEN, READ};
use super::table::Service;
use crate::notification::{Icon, Urgency};

/// Pictures as files; `None` where none could be written.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) kind: Option<PathBuf>,
    pub(super) app: Option<PathBuf>,
}

/// The arguments of `Notify` but the id to replace: application, its picture, summary, body, actions, hints, time (-1: as the desktop
/// likes).
#[derive(Debug)]
pub(super) struct Words<'a> {
    pub(super) app_name: &'static str,
    pub(super) app_icon: String,
    pub(super) summary: &'a str,
    pub(super) body: Cow<'a, str>,
    pub(super) actions: Vec<&'static str>,
    pub(super) hints: BTreeMap<&'static str, Value<'a>>,
}

/// Time on screen, left to the desktop.
pub(super) const EXPIRE: i32 = -1;

/// A capability and hint of dunst and its relatives: toasts with the same tag replace each other.
const DUNST: &str = "x-dunst-stack-tag";

/// Says a toast as this service understands it.
pub(super) fn words<'a>(toast: &'a Toast, pictures: &Paths, service: &Service) -> Words<'a> {
    Words {
        app_name: APP_NAME,
        app_icon: path(pictures.app.as_ref()).unwrap_or_default(),
        // Plain text in every edition of the specification: services escape it themselves.
        summary: &toast.title,
        body: body(&toast.body, service),
        actions: match service.can("actions") {
            true => {
                // At most two beside the click on the whole: more are cut off, or make the toast tall.
                let button = toast.button.into_iter().flat_map(|offer| [offer.name(), offer.label()]);
                ["default", OPEN].into_iter().chain(button).chain([READ.0, READ.1]).collect()
            }
            false => Vec::new(),
        },
        hints: hints(toast, pictures, service),
    }
}

/// Markup is escaped for those who read it, and nothing is escaped for the others. Dunst is neither for certain: when its configuration
/// leaves the setting out, it reads markup and does not list it (seen with 1.9).
fn body<'a>(body: &'a str, service: &Service) -> Cow<'a, str> {
    if service.can("body-markup") {
        text::escaped(body).into()
    } else if service.can(DUNST) {
        text::without_tags(body).into()
    } else {
        body.into()
    }
}

fn hints<'a>(toast: &'a Toast, pictures: &Paths, service: &Service) -> BTreeMap<&'static str, Value<'a>> {
    let mut hints: BTreeMap<&'static str, Value<'a>> = BTreeMap::new();
    hints.insert("desktop-entry", APP_ID.into());
    hints.insert("urgency", Value::U8(urgency(toast.urgency)));
    if let Some(category) = category(toast.icon) {
        hints.insert("category", category.into());
    }
    if let Some(picture) = path(pictures.kind.as_ref()) {
        hints.insert("image-path", picture.into());
    }
    hints.insert("x-kde-origin-name", toast.account.as_str().into());
    if toast.silent {
        hints.insert("suppress-sound", true.into());
    } else if service.can("sound") {
        hints.insert("sound-name", "message-new-instant".into());
    }
    // After a crash of ours the id is forgotten, the tag is not. The older name of this hint means a volume bar to some services.
    if service.can(DUNST) {
        hints.insert(DUNST, toast.key.0.as_str().into());
    }
    hints
}

/// A byte: dunst and Xfce ignore any other type. GNOME lists low ones without a banner. Critical ones stay on the screen and beat Do Not
/// Disturb: nothing that a service tells is as urgent as that.
fn urgency(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::Low => 0,
        Urgency::Normal | Urgency::High => 1,
    }
}

/// The specification knows a category for talk only; inventing others would help no one.
fn category(icon: Icon) -> Option<&'static str> {
    let talk = matches!(icon, Icon::Message | Icon::MessageReply | Icon::Comment | Icon::Answer);
    talk.then_some("im.received")
}

/// An absolute path, which all services take. One that is no UTF-8 cannot be sent.
fn path(path: Option<&PathBuf>) -> Option<String> {
    path.and_then(|path| path.to_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::Offer;
    use crate::toast::ToastKey;

    fn toast() -> Toast {
        Toast {
            key: ToastKey("k".into()),
            title: "R&D <news>".into(),
            body: "<b>A & B</b>".into(),
            account: "Podio".into(),
            icon: Icon::Task,
            silent: false,
            urgency: Urgency::Normal,
            button: None,
        }
    }

    fn service(capabilities: &[&str]) -> Service {
        Service { owner: ":1.1".into(), capabilities: capabilities.iter().map(|&c| c.to_owned()).collect() }
    }

    #[test]
    fn only_a_body_is_escaped_and_only_for_markup() {
        let toast = toast();
        let plain = words(&toast, &Paths::default(), &service(&["body"]));
        assert_eq!((plain.summary, plain.body.as_ref()), ("R&D <news>", "<b>A & B</b>"));
        let markup = words(&toast, &Paths::default(), &service(&["body", "body-markup"]));
        assert_eq!((markup.summary, markup.body.as_ref()), ("R&D <news>", "&lt;b&gt;A &amp; B&lt;/b&gt;"));
    }

    #[test]
    fn actions_sound_and_tag_are_sent_to_who_takes_them() {
        let toast = toast();
        let able = service(&["actions", "sound", "x-dunst-stack-tag"]);
        let (more, less) =
            (words(&toast, &Paths::default(), &able), words(&toast, &Paths::default(), &service(&[])));
        assert_eq!(more.actions, ["default", "Open", "read", "Mark as read"]);
        let offering = Toast { button: Some(Offer::Accept), ..toast.clone() };
        let actions = words(&offering, &Paths::default(), &able).actions;
        assert_eq!(actions, ["default", "Open", "accept", "Accept", "read", "Mark as read"]);
        assert!(words(&offering, &Paths::default(), &service(&[])).actions.is_empty());
        assert!(less.actions.is_empty());
        for hint in ["sound-name", "x-dunst-stack-tag"] {
            assert!(more.hints.contains_key(hint) && !less.hints.contains_key(hint), "{hint}");
        }
    }

    #[test]
    fn no_toast_is_critical() {
        for (urgency, byte) in [(Urgency::Low, 0_u8), (Urgency::Normal, 1), (Urgency::High, 1)] {
            let toast = Toast { urgency, ..toast() };
            let words = words(&toast, &Paths::default(), &service(&[]));
            assert_eq!(words.hints.get("urgency"), Some(&Value::U8(byte)), "{urgency:?}");
        }
    }

    #[test]
    fn the_hints_of_every_toast_have_their_types() {
        let paths = Paths { kind: Some("/i/task.png".into()), app: Some("/i/belfry.png".into()) };
        let toast = Toast { silent: true, ..toast() };
        let words = words(&toast, &paths, &service(&["sound"]));
        let want = BTreeMap::from([
            ("desktop-entry", Value::from("app.belfry.Belfry")),
            ("image-path", "/i/task.png".into()),
            ("suppress-sound", true.into()),
            ("urgency", Value::U8(1)),
            ("x-kde-origin-name", "Podio".into()),
        ]);
        assert_eq!(words.hints, want);
        assert_eq!((words.app_name, words.app_icon.as_str()), ("Belfry", "/i/belfry.png"));
    }
}

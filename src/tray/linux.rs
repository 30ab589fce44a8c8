//! The tray on Linux: a StatusNotifierItem with its menu, and the launcher badge, on the session bus.
//!
//! In: looks. Out: clicks. A host that comes late, goes or is restarted is followed; a bus that is missing is tried again whenever there is
//! something new to show.

use futures_util::StreamExt;
use futures_util::stream::{SelectAll, select_all};
use ksni::menu::{StandardItem, SubMenu};
use ksni::{Category, MenuItem, OfflineReason, Status, ToolTip, TrayMethods};
use tokio::sync::{mpsc, watch};
use tracing::{debug, info};
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::Wish;
use super::badge::{self, Badge};
use super::icon::sizes;
use super::menu::{Act, Item, Look, Picture};

const BUS: &str = "org.freedesktop.DBus";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// Runs the program's work. Here nothing needs the main thread for itself.
pub fn on_main_thread(work: impl FnOnce() -> u8 + Send + 'static) -> u8 {
    work()
}

/// Shows each look until there are no more.
pub(super) async fn show(mut looks: watch::Receiver<Option<Look>>, wishes: mpsc::UnboundedSender<Wish>) {
    let mut said = false;
    while looks.changed().await.is_ok() {
        // A bus that goes is found out here; the next look tries again.
        match on_bus(&mut looks, &wishes).await {
            Ok(()) => said = false,
            Err(error) if !said => {
                info!(%error, "the desktop's message bus cannot be reached, so there is no tray icon");
                said = true;
            }
            Err(_) => {}
        }
    }
}

/// Returns when there are no more looks or the bus has gone.
async fn on_bus(
    looks: &mut watch::Receiver<Option<Look>>,
    wishes: &mpsc::UnboundedSender<Wish>,
) -> zbus::Result<()> {
    let bus = Connection::session().await?;
    let mut owners = select_all([owners_of(&bus, WATCHER).await?, owners_of(&bus, badge::DOCK).await?]);
    let badge = Badge::begin(&bus).await?;
    let mut handle = None;
    let followed = follow(looks, wishes, &mut owners, &badge, &mut handle).await;
    // Dropped without this, the item's own task would panic once its bus has gone.
    if let Some(handle) = handle {
        handle.shutdown().await;
    }
    match followed? {
        End::NoMoreLooks => badge.show(0).await,
        End::BusGone => Ok(()),
    }
}

enum End {
    NoMoreLooks,
    BusGone,
}

async fn follow(
    looks: &mut watch::Receiver<Option<Look>>,
    wishes: &mpsc::UnboundedSender<Wish>,
    owners: &mut SelectAll<MessageStream>,
    badge: &Badge,
    handle: &mut Option<ksni::Handle<Face>>,
) -> zbus::Result<End> {
    loop {
        let look = looks.borrow_and_update().clone();
        if let Some(look) = look {
            badge.show(look.unread).await?;
            match handle {
                None => *handle = begin(look, wishes).await,
                Some(handle) => draw(handle, look).await,
            }
        }
        tokio::select! {
            changed = looks.changed() => if changed.is_err() { return Ok(End::NoMoreLooks) },
            owner = owners.next() => match owner {
                Some(Ok(message)) => if is_arrival(&message, badge::DOCK) { badge.say_again().await? },
                Some(Err(_)) | None => return Ok(End::BusGone),
            },
        }
    }
}

async fn owners_of(bus: &Connection, name: &'static str) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(BUS)?
        .interface(BUS)?
        .member("NameOwnerChanged")?
        .arg(0, name)?
        .build();
    MessageStream::for_match_rule(rule, bus, Some(8)).await
}

fn is_arrival(message: &Message, wanted: &str) -> bool {
    let body = message.body();
    body.deserialize::<(String, String, String)>()
        .is_ok_and(|(name, _, new)| name == wanted && !new.is_empty())
}

/// Registers the item. A host that is missing is waited for; after any other refusal the next look or the next host tries again.
async fn begin(look: Look, wishes: &mpsc::UnboundedSender<Wish>) -> Option<ksni::Handle<Face>> {
    let face = Face { pixels: pixels(look.picture), look, wishes: wishes.clone() };
    match face.assume_sni_available(true).spawn().await {
        Ok(handle) => Some(handle),
        Err(error) => {
            info!(%error, "the tray host does not take the icon");
            None
        }
    }
}

async fn draw(handle: &ksni::Handle<Face>, look: Look) {
    let update = |face: &mut Face| {
        if face.look.picture != look.picture {
            face.pixels = pixels(look.picture);
        }
        face.look = look;
    };
    if handle.update(update).await.is_none() {
        debug!("the icon was taken away");
    }
}

/// As the protocol wants them: opacity first.
fn pixels(picture: Picture) -> Vec<ksni::Icon> {
    let argb = |rgba: Vec<u8>| {
        let pixels = rgba.chunks_exact(4).filter_map(|pixel| <[u8; 4]>::try_from(pixel).ok());
        pixels.flat_map(|[red, green, blue, opacity]| [opacity, red, green, blue]).collect()
    };
    let sized = |size: u32| i32::try_from(size).unwrap_or_default();
    let icon = |pixels: super::icon::Pixels| ksni::Icon {
        width: sized(pixels.size),
        height: sized(pixels.size),
        data: argb(pixels.rgba),
    };
    sizes(picture).into_iter().map(icon).collect()
}

/// The item as the host asks for it.
struct Face {
    look: Look,
    pixels: Vec<ksni::Icon>,
    wishes: mpsc::UnboundedSender<Wish>,
}

impl Face {
    fn wish(&self, act: Act) {
        let token = ksni::current_xdg_activation_token();
        // Nobody takes wishes any more while we leave.
        drop(self.wishes.send(Wish { act, token }));
    }
}

impl ksni::Tray for Face {
    fn id(&self) -> String {
        badge::APP.into()
    }

    fn title(&self) -> String {
        "Belfry".into()
    }

    fn category(&self) -> Category {
        Category::Communications
    }

    fn status(&self) -> Status {
        match self.look.picture {
            Picture::Rest | Picture::Unread | Picture::Paused | Picture::Offline => Status::Active,
            Picture::Attention => Status::NeedsAttention,
        }
    }

    fn icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.pixels.clone()
    }

    fn attention_icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.pixels.clone()
    }

    fn tool_tip(&self) -> ToolTip {
        let lines: Vec<String> =
            std::iter::once(&self.look.headline).chain(&self.look.lines).map(|line| escaped(line)).collect();
        ToolTip { title: "Belfry".into(), description: lines.join("\n"), ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.wish(Act::Icon);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.look.items.iter().map(item).collect()
    }

    fn watcher_online(&self) {
        info!("a tray host has come");
    }

    fn watcher_offline(&self, reason: OfflineReason) -> bool {
        match reason {
            OfflineReason::No => info!("the tray host has gone; the icon comes back with it"),
            _ => info!("the desktop has no tray host; the icon comes when one does"),
        }
        true
    }
}

fn item(item: &Item) -> MenuItem<Face> {
    match item {
        Item::Line { label, act } => {
            let act = act.clone();
            StandardItem {
                label: without_access_keys(label),
                enabled: act.is_some(),
                activate: Box::new(move |face: &mut Face| {
                    if let Some(act) = &act {
                        face.wish(act.clone());
                    }
                }),
                ..StandardItem::default()
            }
            .into()
        }
        Item::Separator => MenuItem::Separator,
        Item::Sub { label, items } => SubMenu {
            label: without_access_keys(label),
            submenu: items.iter().map(self::item).collect(),
            ..SubMenu::default()
        }
        .into(),
    }
}

/// dbusmenu takes a lone underscore as the mark of an access key.
fn without_access_keys(label: &str) -> String {
    label.replace('_', "__")
}

/// Hosts may read the tooltip's description as markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_told_with_opacity_first() {
        let pixels = pixels(Picture::Rest);
        let icon = &pixels[0];
        assert_eq!((icon.width, icon.height, icon.data.len()), (22, 22, 22 * 22 * 4));
        assert_eq!(icon.data[0], 0, "the corner is transparent");
        let middle = &icon.data[(11 * 22 + 11) * 4..][..4];
        assert_eq!(middle[0], 255, "the bell is not");
        assert!(middle[1] > middle[3], "and golden: {middle:?}");
    }

    #[test]
    fn an_underscore_is_an_underscore_and_a_tag_is_text() {
        assert_eq!(without_access_keys("a_b__c"), "a__b____c");
        assert_eq!(escaped("a & <b>"), "a &amp; &lt;b&gt;");
    }
}

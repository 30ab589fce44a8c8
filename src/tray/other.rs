//! The tray on Windows and macOS, whose icons live on an event loop; macOS wants it on the main thread, so the program's work gets a
//! thread of its own there.
//!
//! In: looks. Out: clicks. Everything that belongs to the icon happens on the loop; what comes from elsewhere is sent to it.

use std::sync::{Mutex, OnceLock};

use tao::event::Event;
use tao::event_loop::{ControlFlow, EventLoopBuilder, EventLoopProxy};
use tao::platform::run_return::EventLoopExtRunReturn;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};
use tray_icon::menu::{IsMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem, Submenu};
use tray_icon::{Icon, MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};

use super::Wish;
use super::icon::sizes;
use super::menu::{Act, Item, Look};
use crate::env::Tasks;

/// What the loop is told.
enum Told {
    Wishes(mpsc::UnboundedSender<Wish>),
    Look(Box<Look>),
    Gone,
    MenuClick(String),
    IconClick,
    Ended(u8),
}

/// The way to the loop, once it stands.
static LOOP: OnceLock<Mutex<EventLoopProxy<Told>>> = OnceLock::new();

fn tell(told: Told) {
    let Some(way) = LOOP.get() else { return };
    let way = way.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if way.send_event(told).is_err() {
        info!("the event loop has ended; the tray is gone");
    }
}

/// Runs the program's work on a thread of its own and the event loop on this one, which must be the main thread. Returns the work's exit
/// code.
pub fn on_main_thread(work: impl FnOnce() -> u8 + Send + 'static) -> u8 {
    let mut builder = EventLoopBuilder::<Told>::with_user_event();
    let mut event_loop = builder.build();
    #[cfg(target_os = "macos")]
    {
        use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS};
        // An icon among the others of the menu bar; nothing in the Dock.
        event_loop.set_activation_policy(ActivationPolicy::Accessory);
    }
    if LOOP.set(Mutex::new(event_loop.create_proxy())).is_err() {
        warn!("there is an event loop already");
    }
    MenuEvent::set_event_handler(Some(|event: MenuEvent| tell(Told::MenuClick(event.id.0))));
    TrayIconEvent::set_event_handler(Some(|event: TrayIconEvent| {
        if let TrayIconEvent::Click {
            button: MouseButton::Left, button_state: MouseButtonState::Up, ..
        } = event
        {
            tell(Told::IconClick);
        }
    }));
    let core = move || {
        let mut end = End(1);
        end.0 = work();
    };
    if let Err(error) = Tasks::thread("core", core) {
        warn!(%error, "the system gives no thread");
        return 1;
    }
    let mut face = Face::default();
    let code = event_loop.run_return(move |event, _, flow| {
        *flow = ControlFlow::Wait;
        if let Event::UserEvent(told) = event {
            match told {
                Told::Wishes(wishes) => face.wishes = Some(wishes),
                Told::Look(look) => face.draw(&look),
                Told::Gone => face.icon = None,
                Told::MenuClick(id) => face.clicked(&id),
                Told::IconClick => face.wish(Act::Icon),
                Told::Ended(code) => *flow = ControlFlow::ExitWithCode(code.into()),
            }
        }
    });
    u8::try_from(code).unwrap_or(1)
}

/// Ends the loop with the work, also with one that failed unexpectedly.
struct End(u8);

impl Drop for End {
    fn drop(&mut self) {
        tell(Told::Ended(self.0));
    }
}

/// Shows each look until there are no more.
pub(super) async fn show(mut looks: watch::Receiver<Option<Look>>, wishes: mpsc::UnboundedSender<Wish>) {
    if LOOP.get().is_none() {
        return info!("no event loop runs, so there is no tray icon");
    }
    tell(Told::Wishes(wishes));
    while looks.changed().await.is_ok() {
        let look = looks.borrow_and_update().clone();
        if let Some(look) = look {
            tell(Told::Look(Box::new(look)));
        }
    }
    tell(Told::Gone);
}

/// The icon on its loop.
#[derive(Default)]
struct Face {
    icon: Option<TrayIcon>,
    wishes: Option<mpsc::UnboundedSender<Wish>>,
    /// What the lines of today's menu do; a line's id is its place here.
    acts: Vec<Act>,
}

impl Face {
    fn draw(&mut self, look: &Look) {
        if let Err(error) = self.try_draw(look) {
            warn!(%error, "the tray icon could not be drawn");
        }
    }

    fn try_draw(&mut self, look: &Look) -> Result<(), Box<dyn std::error::Error>> {
        self.acts.clear();
        let menu = Menu::new();
        for item in &look.items {
            menu.append(self.item(item)?.as_ref())?;
        }
        let tooltip = format!("Belfry\n{}", look.headline);
        // The largest: the system draws it smaller where it must.
        let picture = sizes(look.picture).pop().ok_or("there is no picture")?;
        let picture = Icon::from_rgba(picture.rgba, picture.size, picture.size)?;
        let Some(icon) = &self.icon else {
            let icon = TrayIconBuilder::new()
                .with_menu(Box::new(menu))
                // In the menu bar of macOS a click opens the menu, as everywhere there.
                .with_menu_on_left_click(cfg!(target_os = "macos"))
                .with_tooltip(tooltip)
                .with_icon(picture)
                .build()?;
            icon.set_title(title(look));
            self.icon = Some(icon);
            return Ok(());
        };
        icon.set_icon(Some(picture))?;
        icon.set_tooltip(Some(tooltip))?;
        icon.set_title(title(look));
        icon.set_menu(Some(Box::new(menu)));
        Ok(())
    }

    fn item(&mut self, item: &Item) -> Result<Box<dyn IsMenuItem>, tray_icon::menu::Error> {
        Ok(match item {
            Item::Line { label, act } => {
                let id = self.acts.len().to_string();
                self.acts.extend(act.clone());
                Box::new(MenuItem::with_id(id, without_access_keys(label), act.is_some(), None))
            }
            Item::Separator => Box::new(PredefinedMenuItem::separator()),
            Item::Sub { label, items } => {
                let sub = Submenu::new(without_access_keys(label), true);
                for item in items {
                    sub.append(self.item(item)?.as_ref())?;
                }
                Box::new(sub)
            }
        })
    }

    fn clicked(&self, id: &str) {
        if let Some(act) = id.parse::<usize>().ok().and_then(|place| self.acts.get(place)) {
            self.wish(act.clone());
        }
    }

    fn wish(&self, act: Act) {
        // macOS opens the menu at that click.
        if cfg!(target_os = "macos") && act == Act::Icon {
            return;
        }
        if let Some(wishes) = &self.wishes {
            // Nobody takes wishes any more while we leave.
            drop(wishes.send(Wish { act, token: None }));
        }
    }
}

/// Beside the icon, where the system has room for words: macOS.
fn title(look: &Look) -> Option<String> {
    match look.unread {
        0 => None,
        count @ 1..=99 => Some(count.to_string()),
        _ => Some("99+".to_owned()),
    }
}

/// A lone ampersand is the mark of an access key.
fn without_access_keys(label: &str) -> String {
    label.replace('&', "&&")
}

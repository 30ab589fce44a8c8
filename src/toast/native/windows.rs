//! Toasts on Windows, through `notify-rust`. Thin: it can neither replace nor withdraw a toast, and hears clicks only while the toast
//! is on the screen.
//!
//! In: toasts. Out: outcomes; clicks through the channel.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use notify_rust::Notification;
use tokio::sync::{OnceCell, mpsc};
use tracing::warn;

use super::super::icon::Pictures;
use super::super::{Outcome, Toast, ToastEvent, ToastKey, ToastService, Toaster};
use super::{APP_ID, APP_NAME, READ, waiting};
use crate::env::Tasks;

/// Toasts through the Windows Runtime.
#[derive(Debug)]
pub struct Native {
    pictures: Pictures,
    events: mpsc::Sender<ToastEvent>,
    registered: OnceCell<Result<(), String>>,
}

impl Native {
    /// Never fails. Pictures are unpacked into `icons`; what the person does with toasts goes to `events`.
    pub fn connect(icons: PathBuf, events: mpsc::Sender<ToastEvent>) -> Self {
        Self { pictures: Pictures::new(icons), events, registered: OnceCell::new() }
    }

    /// Windows drops toasts of programs it does not know, often without an error.
    async fn registered(&self) -> Result<(), String> {
        self.registered
            .get_or_init(|| async { register(&self.pictures).map_err(|error| error.to_string()) })
            .await
            .clone()
    }

    async fn try_show(&self, toast: &Toast) -> Outcome {
        if let Err(reason) = self.registered().await {
            return Outcome::Failed { reason: format!("Belfry could not register for toasts: {reason}.") };
        }
        // Windows has no word for how much a toast matters but one that keeps it on the screen, so none is said.
        let mut notification = Notification::new();
        notification.appname(APP_NAME).app_id(APP_ID).summary(&toast.title).body(&toast.body);
        if let Some(offer) = toast.button {
            notification.action(offer.name(), offer.label());
        }
        notification.action(READ.0, READ.1);
        if !toast.silent {
            notification.sound_name("Default");
        }
        match self.pictures.path(toast.icon) {
            Ok(picture) => {
                notification.image_path(&picture.to_string_lossy());
            }
            Err(error) => warn!(%error, "a toast goes without its picture"),
        }
        match Tasks::blocking("show a toast", move || notification.show()).await {
            Some(Ok(handle)) => {
                waiting::wait(toast.key.clone(), handle, self.events.clone());
                Outcome::Shown
            }
            Some(Err(error)) => Outcome::Failed { reason: format!("Windows refused the toast: {error}.") },
            None => Outcome::Failed {
                reason: "Showing the toast failed unexpectedly; please report this.".into(),
            },
        }
    }
}

/// Makes the program known to the notification centre, for this person. The installer's shortcut carries the same name.
fn register(pictures: &Pictures) -> anyhow::Result<()> {
    let key = windows_registry::CURRENT_USER.create(format!(r"Software\Classes\AppUserModelId\{APP_ID}"))?;
    key.set_string("DisplayName", APP_NAME)?;
    key.set_string("IconUri", &*pictures.app()?.to_string_lossy())?;
    Ok(())
}

impl Toaster for Native {
    fn show<'a>(&'a self, toast: &'a Toast) -> BoxFuture<'a, Outcome> {
        Box::pin(self.try_show(toast))
    }

    /// `notify-rust` gives toasts no name on Windows, so an old one stays in the notification centre until it expires.
    fn withdraw<'a>(&'a self, _key: &'a ToastKey) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn service(&self) -> BoxFuture<'_, ToastService> {
        Box::pin(async move {
            let registered = self.registered().await;
            ToastService {
                name: Some("Windows".into()),
                capabilities: vec!["actions".into()],
                works: registered.is_ok(),
                words: match registered {
                    Ok(()) => {
                        "Toasts are shown by Windows. One that was read elsewhere cannot be taken back."
                            .into()
                    }
                    Err(reason) => format!("Belfry could not register for toasts: {reason}."),
                },
            }
        })
    }
}

//! Toasts on macOS, through `notify-rust`'s UserNotifications back end. Thin. Needs a signed bundle, the person's permission, and a
//! main thread that runs its loop: macOS tells of clicks there only.
//!
//! In: toasts. Out: outcomes; clicks through the channel.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use notify_rust::Notification;
use tokio::sync::mpsc;
use tracing::warn;

use super::super::icon::Pictures;
use super::super::{Outcome, Toast, ToastEvent, ToastKey, ToastService, Toaster};
use super::{APP_NAME, READ, waiting};
use crate::notification::Urgency;

/// Toasts through the notification centre.
#[derive(Debug)]
pub struct Native {
    pictures: Pictures,
    events: mpsc::Sender<ToastEvent>,
}

impl Native {
    /// Never fails. Pictures are unpacked into `icons`; what the person does with toasts goes to `events`.
    pub fn connect(icons: PathBuf, events: mpsc::Sender<ToastEvent>) -> Self {
        Self { pictures: Pictures::new(icons), events }
    }

    async fn try_show(&self, toast: &Toast) -> Outcome {
        if let Err(reason) = allowed().await {
            return Outcome::NoService { reason };
        }
        let mut notification = Notification::new();
        // The same name again replaces.
        notification
            .appname(APP_NAME)
            .summary(&toast.title)
            .body(&toast.body)
            .id(toast.key.0.as_str())
            .urgency(urgency(toast.urgency));
        if let Some(offer) = toast.button {
            notification.action(offer.name(), offer.label());
        }
        notification.action(READ.0, READ.1);
        if !toast.silent {
            // No name: the sound the person chose.
            notification.sound_name("");
        }
        match self.pictures.path(toast.icon) {
            Ok(picture) => {
                notification.image_path(&picture.to_string_lossy());
            }
            Err(error) => warn!(%error, "a toast goes without its picture"),
        }
        match notification.show_async().await {
            Ok(handle) => {
                waiting::wait(toast.key.clone(), handle, self.events.clone());
                Outcome::Shown
            }
            Err(error) => Outcome::Failed { reason: format!("macOS refused the toast: {error}.") },
        }
    }
}

/// Passive ones go to the list without a sound. The level above active needs a permission of its own from Apple.
fn urgency(urgency: Urgency) -> notify_rust::Urgency {
    match urgency {
        Urgency::Low => notify_rust::Urgency::Low,
        Urgency::Normal | Urgency::High => notify_rust::Urgency::Normal,
    }
}

/// Asks the first time, and knows the answer after that. Without a bundle the notification centre would end the program.
async fn allowed() -> Result<(), String> {
    notify_rust::check_bundle().map_err(|error| {
        format!("Toasts need Belfry as a signed application, not a bare program: {error}.")
    })?;
    match notify_rust::request_auth().await {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err("Notifications are switched off for Belfry: allow them in System Settings, Notifications."
                .into())
        }
        Err(error) => Err(format!("macOS did not say whether Belfry may show notifications: {error}.")),
    }
}

impl Toaster for Native {
    fn show<'a>(&'a self, toast: &'a Toast) -> BoxFuture<'a, Outcome> {
        Box::pin(self.try_show(toast))
    }

    fn withdraw<'a>(&'a self, key: &'a ToastKey) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if notify_rust::check_bundle().is_ok() {
                mac_usernotifications::close_delivered(&key.0).await;
            }
        })
    }

    fn service(&self) -> BoxFuture<'_, ToastService> {
        Box::pin(async move {
            let allowed = allowed().await;
            ToastService {
                name: Some("macOS".into()),
                capabilities: vec!["actions".into()],
                works: allowed.is_ok(),
                words: match allowed {
                    Ok(()) => "Toasts are shown by macOS.".into(),
                    Err(reason) => reason,
                },
            }
        })
    }
}
